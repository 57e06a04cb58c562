/* SPDX-License-Identifier: MIT */
/* port.c - the table. */
#include "port.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "fork_notice.h"

#define LIVE          MACHVM__PORT_LIVE
#define DYING         MACHVM__PORT_DYING
#define GENERATION(g) MACHVM__PORT_GENERATION(g)
#define STATE(word)   ((word) >> 32)
#define PINS(word)    ((uint32_t)(word))

#define FIRST_GENERATION 3
#define PERMANENT UINT32_MAX

static struct machvm__port_entry first_chunk[MACHVM__PORT_CHUNK_ENTRIES] = {
	[1] = {.word = LIVE | GENERATION(FIRST_GENERATION),
               .kind = MACHVM__PORT_TASK,
               .references = PERMANENT,
               .generation = FIRST_GENERATION},
	[2] = {.word = LIVE | GENERATION(FIRST_GENERATION),
               .kind = MACHVM__PORT_HOST,
               .references = PERMANENT,
               .generation = FIRST_GENERATION},
};
struct machvm__port_entry *_Atomic machvm__port_chunks[MACHVM__PORT_CHUNKS] = {first_chunk};

/* Under the lock. Index 0 is never a name, so it ends the queue of free ones. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t unused = 3; /* the first index that was never given out */
static uint32_t free_first, free_last;

static void (*_Atomic destructors[MACHVM__PORT_KINDS])(void *);

void machvm__port_destructor(enum machvm__port_kind kind, void (*destroy)(void *object))
{
	atomic_store(&destructors[kind], destroy);
}

/* In a child: a thread of the parent may have held the lock. */
static void renew(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

static void put_on_free_queue(uint32_t index, struct machvm__port_entry *entry)
{
	entry->next_free = 0;
	if (free_last)
		machvm__port_entry(free_last)->next_free = index;
	else
		free_first = index;
	free_last = index;
}

void machvm__port_bury(mach_port_name_t name, struct machvm__port_entry *entry)
{
	uint64_t word = DYING | GENERATION(name & 0xff);
	void (*destroy)(void *);
	void *object;

	/* Whoever has noted the name comes by when it is done. */
	if (machvm__pin_used(name))
		return;
	/* One of several who come by finds the entry in exactly this state. */
	if (!atomic_compare_exchange_strong(&entry->word, &word, GENERATION(name & 0xff)))
		return;
	object = entry->object;
	destroy = atomic_load(&destructors[entry->kind]);
	pthread_mutex_lock(&lock);
	entry->object = NULL;
	entry->generation++;
	put_on_free_queue(MACH_PORT_INDEX(name), entry);
	pthread_mutex_unlock(&lock);
	if (destroy)
		destroy(object);
}

/* Changes the state and leaves the pins of passers-by alone. */
static void set_state(struct machvm__port_entry *entry, uint64_t state)
{
	uint64_t word = atomic_load(&entry->word);

	while (!atomic_compare_exchange_weak(&entry->word, &word, state | PINS(word)))
		;
}

/* An index to use: the longest free one, once a few are free, else a new one. */
static uint32_t take_index(void)
{
	uint32_t index = free_first;
	struct machvm__port_entry *chunk;

	if (index) {
		struct machvm__port_entry *entry = machvm__port_entry(index);
		free_first = entry->next_free;
		if (!free_first)
			free_last = 0;
		return index;
	}
	if (unused / MACHVM__PORT_CHUNK_ENTRIES >= MACHVM__PORT_CHUNKS)
		return 0;
	if (!machvm__port_entry(unused)) {
		chunk = calloc(MACHVM__PORT_CHUNK_ENTRIES, sizeof *chunk);
		if (!chunk)
			return 0;
		atomic_store_explicit(&machvm__port_chunks[unused / MACHVM__PORT_CHUNK_ENTRIES], chunk,
		                      memory_order_release);
	}
	machvm__port_entry(unused)->generation = FIRST_GENERATION;
	return unused++;
}

bool machvm__port_insert(enum machvm__port_kind kind, void *object, mach_port_name_t *name)
{
	struct machvm__port_entry *entry;
	uint32_t index;

	machvm__fork_notice_add(renew);
	pthread_mutex_lock(&lock);
	index = take_index();
	if (index) {
		entry = machvm__port_entry(index);
		entry->object = object;
		entry->kind = kind;
		entry->references = 1;
		set_state(entry, LIVE | GENERATION(entry->generation));
		*name = index << 8 | entry->generation;
	}
	pthread_mutex_unlock(&lock);
	return index != 0;
}

bool machvm__port_find(enum machvm__port_kind kind, bool (*same)(void *object, const void *wanted),
                       const void *wanted, mach_port_name_t *name)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (uint32_t index = 3; index < unused && !found; index++) {
		struct machvm__port_entry *entry = machvm__port_entry(index);

		if (!(atomic_load(&entry->word) & LIVE) || entry->kind != kind ||
		    entry->references == INT_MAX || !same(entry->object, wanted))
			continue;
		entry->references++;
		*name = index << 8 | entry->generation;
		found = true;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

void machvm__port_each(enum machvm__port_kind kind, void (*visit)(void *object))
{
	for (uint32_t index = 3; index < unused; index++) {
		struct machvm__port_entry *entry = machvm__port_entry(index);

		if ((atomic_load(&entry->word) & (LIVE | DYING)) && entry->kind == kind)
			visit(entry->object);
	}
}

/* The entry of a live name, under the lock. */
static struct machvm__port_entry *live(mach_port_name_t name)
{
	struct machvm__port_entry *entry = machvm__port_entry(MACH_PORT_INDEX(name));

	if (!entry || STATE(atomic_load(&entry->word)) !=
	                      STATE(LIVE | GENERATION(name & 0xff)))
		return NULL;
	return entry;
}

kern_return_t machvm__port_change(mach_port_name_t name, int64_t delta)
{
	kern_return_t kr = KERN_SUCCESS;
	struct machvm__port_entry *entry;
	bool last = false;

	pthread_mutex_lock(&lock);
	entry = live(name);
	if (!entry) {
		kr = KERN_INVALID_NAME;
	} else if (entry->references != PERMANENT) {
		int64_t references = entry->references + delta;

		if (references < 0)
			kr = KERN_INVALID_VALUE;
		else if (references > INT_MAX)
			kr = KERN_UREFS_OVERFLOW;
		else
			entry->references = (uint32_t)references;
		last = kr == KERN_SUCCESS && references == 0;
	}
	if (last) {
		/* Our own pin keeps passers-by from burying it under the lock. */
		atomic_fetch_add(&entry->word, 1);
		set_state(entry, DYING | GENERATION(entry->generation));
	}
	pthread_mutex_unlock(&lock);
	if (last)
		machvm__port_release(name, entry);
	return kr;
}

kern_return_t machvm__port_count(mach_port_name_t name, uint32_t *references)
{
	struct machvm__port_entry *entry;

	pthread_mutex_lock(&lock);
	entry = live(name);
	if (entry)
		*references = entry->references == PERMANENT ? 1 : entry->references;
	pthread_mutex_unlock(&lock);
	return entry ? KERN_SUCCESS : KERN_INVALID_NAME;
}
