/* SPDX-License-Identifier: MIT */
/*
 * checker - a program that finds out by itself whether something is wrong with it.
 * Plain C and POSIX: built for other word lengths and CPUs as well.
 *
 * Threads fill memory and add it up again; others sleep and wait, and take note of
 * every call that ends otherwise than it should. Commands come on standard input, each
 * is answered by one line (talker.sh).
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define ADDERS 4
#define BLOCKS 64
#define TEXT   200

static char value[TEXT];
static uint32_t table[1 << 16];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int running; /* threads that are at work */
static unsigned round_number;
static struct timespec deadline;
static atomic_ulong operations, errors;

static int is_due(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > deadline.tv_sec ||
	       (now.tv_sec == deadline.tv_sec && now.tv_nsec >= deadline.tv_nsec);
}

static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	return *state ^= *state << 5;
}

/* Memory that is taken, filled, added up in another order, and given back. */
static void add_up(uint32_t *state)
{
	uint32_t *block[BLOCKS], sum[BLOCKS];
	size_t length[BLOCKS];

	for (int i = 0; i < BLOCKS; i++) {
		length[i] = 1 + next(state) % 2000;
		block[i] = malloc(length[i] * sizeof **block);
		sum[i] = 0;
		for (size_t j = 0; j < length[i]; j++)
			sum[i] += block[i][j] = next(state) ^ table[j];
	}
	for (int i = BLOCKS; i-- > 0;) {
		for (size_t j = length[i]; j-- > 0;)
			sum[i] -= block[i][j];
		errors += sum[i] != 0;
		free(block[i]);
	}
	operations++;
}

/* Calls that a stop interrupts, and that must not notice. */
static void sleep_and_wait(uint32_t *state)
{
	struct timespec moment = {.tv_nsec = 1000000};
	struct pollfd nothing = {.fd = -1};
	int pair[2];
	char byte = 0;

	errors += nanosleep(&moment, NULL) != 0;
	errors += poll(&nothing, 1, 1) != 0;
	if (pipe(pair) != 0 || write(pair[1], "x", 1) != 1 || read(pair[0], &byte, 1) != 1 ||
	    byte != 'x')
		errors++;
	close(pair[0]);
	close(pair[1]);
}

static void *work(void *argument)
{
	void (*act)(uint32_t * state) = (uintptr_t)argument % 2 ? sleep_and_wait : add_up;
	uint32_t state = 2463534242u + (uint32_t)(uintptr_t)argument;
	unsigned seen = 0;

	for (;;) {
		pthread_mutex_lock(&lock);
		while (round_number == seen)
			pthread_cond_wait(&changed, &lock);
		seen = round_number;
		pthread_mutex_unlock(&lock);
		while (!is_due())
			act(&state);
		pthread_mutex_lock(&lock);
		running--;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void run(long milliseconds)
{
	pthread_mutex_lock(&lock);
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += milliseconds / 1000;
	deadline.tv_nsec += milliseconds % 1000 * 1000000;
	if (deadline.tv_nsec >= 1000000000) {
		deadline.tv_sec++;
		deadline.tv_nsec -= 1000000000;
	}
	operations = errors = 0;
	running = 2 * ADDERS;
	round_number++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	puts("running");
}

static void await(void)
{
	pthread_mutex_lock(&lock);
	while (running)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	printf("%lu %lu\n", (unsigned long)operations, (unsigned long)errors);
}

static void check(void)
{
	uint32_t state = 1, wrong = 0;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		wrong += table[i] != next(&state);
	printf("%u wrong of %zu\n", (unsigned)wrong, sizeof table / sizeof *table);
}

static void obey(char *line)
{
	line[strcspn(line, "\n")] = 0;
	if (strncmp(line, "keep ", 5) == 0) {
		snprintf(value, sizeof value, "%.*s", TEXT - 1, line + 5);
		puts("kept");
	} else if (strncmp(line, "run ", 4) == 0) {
		run(atol(line + 4));
	} else if (strcmp(line, "value") == 0) {
		puts(value);
	} else if (strcmp(line, "busy") == 0) {
		pthread_mutex_lock(&lock);
		puts(running ? "yes" : "no");
		pthread_mutex_unlock(&lock);
	} else if (strcmp(line, "wait") == 0) {
		await();
	} else if (strcmp(line, "check") == 0) {
		check();
	} else {
		puts("what?");
	}
	fflush(stdout);
}

int main(void)
{
	char line[TEXT + 16];
	uint32_t state = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		table[i] = next(&state);
	for (uintptr_t i = 0; i < 2 * ADDERS; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, work, (void *)i) != 0)
			return 1;
	}
	printf("%d\n", (int)getpid());
	fflush(stdout);
	while (fgets(line, sizeof line, stdin))
		obey(line);
	return 0;
}
