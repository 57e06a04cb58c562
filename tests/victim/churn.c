/* SPDX-License-Identifier: MIT */
/* Restless memory: one thread per range. */
#include "churn.h"
#include "pattern.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define CHURN_THREADS 8

struct churn {
	pthread_t thread;
	void (*round)(struct churn *churn);
	uint8_t *address;
	size_t size;
	uint64_t seed;
	uint64_t rounds, torn;
	sem_t started;
};

static struct churn churns[CHURN_THREADS];
static unsigned churn_count;
static atomic_bool churn_end;

/* The target's own bytes: with the high bit, whatever the pattern. */
static void fill_own(uint8_t *to, const struct churn *churn)
{
	size_t i;

	for (i = 0; i < churn->size; i++)
		to[i] = CHURN_OWN | pattern_byte(churn->seed, (uintptr_t)churn->address + i);
}

static void round_protect(struct churn *churn)
{
	mprotect(churn->address, churn->size, PROT_READ);
	mprotect(churn->address, churn->size, PROT_READ | PROT_WRITE);
}

static void map_fresh(struct churn *churn)
{
	/* Filled elsewhere and moved into place: nobody sees the pages half filled. */
	uint8_t *fresh = mmap(NULL, churn->size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (fresh == MAP_FAILED)
		return;
	fill_own(fresh, churn);
	mremap(fresh, churn->size, churn->size, MREMAP_MAYMOVE | MREMAP_FIXED, churn->address);
}

static void round_remap(struct churn *churn)
{
	munmap(churn->address, churn->size);
	map_fresh(churn);
}

static void round_move(struct churn *churn)
{
	void *away = mmap(NULL, churn->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (away == MAP_FAILED)
		return;
	mremap(churn->address, churn->size, churn->size, MREMAP_MAYMOVE | MREMAP_FIXED, away);
	mremap(away, churn->size, churn->size, MREMAP_MAYMOVE | MREMAP_FIXED, churn->address);
}

static void round_store(struct churn *churn)
{
	fill_own(churn->address, churn);
}

/* The number goes up in the first word, and only then in the last one. */
static void round_count(struct churn *churn)
{
	_Atomic uint32_t *word = (void *)churn->address;
	uint32_t number = (uint32_t)churn->rounds + 1;

	atomic_store(&word[0], number);
	atomic_store(&word[churn->size / sizeof(*word) - 1], number);
}

/* Who writes rising numbers over all of it at once is never seen to have begun and not ended. */
static void round_watch(struct churn *churn)
{
	_Atomic uint32_t *word = (void *)churn->address;
	uint32_t first = atomic_load(&word[0]);

	churn->torn += atomic_load(&word[churn->size / sizeof(*word) - 1]) < first;
}

static const struct {
	const char *mode;
	void (*round)(struct churn *churn);
} modes[] = {
	{"protect", round_protect}, {"remap", round_remap}, {"replace", map_fresh},
	{"move", round_move},       {"store", round_store}, {"count", round_count},
	{"watch", round_watch},
};

static void *churn_run(void *argument)
{
	struct churn *churn = argument;

	do {
		churn->round(churn);
		if (churn->rounds++ == 0)
			sem_post(&churn->started);
	} while (!atomic_load(&churn_end));
	return NULL;
}

int churn_start(const char *mode, void *address, size_t size, uint64_t seed)
{
	struct churn *churn = &churns[churn_count];
	size_t i;
	int r;

	if (churn_count == CHURN_THREADS)
		return -EAGAIN;
	*churn = (struct churn){.address = address, .size = size, .seed = seed};
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].mode, mode) == 0)
			churn->round = modes[i].round;
	if (churn->round == NULL)
		return -EINVAL;
	sem_init(&churn->started, 0, 0);
	r = -pthread_create(&churn->thread, NULL, churn_run, churn);
	if (r != 0)
		return r;
	churn_count++;
	while (sem_wait(&churn->started) != 0)
		;
	return 0;
}

static uint64_t torn;

uint64_t churn_torn(void)
{
	return torn;
}

uint64_t churn_stop(void)
{
	uint64_t rounds = 0;

	torn = 0;
	atomic_store(&churn_end, 1);
	while (churn_count > 0) {
		struct churn *churn = &churns[--churn_count];

		pthread_join(churn->thread, NULL);
		rounds += churn->rounds;
		torn += churn->torn;
	}
	atomic_store(&churn_end, 0);
	return rounds;
}
