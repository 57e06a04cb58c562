/* SPDX-License-Identifier: MIT */
/*
 * port.h - the table of port names: a name, what it names, how many references
 * the program has to it.
 *
 * A name is an index and a generation. Looking one up takes no lock, and pins what is
 * behind it until the matching release: for a call that ends in the thread in which it
 * began, by a note in a place of the thread's (pin.h); for everybody else by one atomic
 * addition to the entry. The object is destroyed by whoever lets go of it last: the
 * program with its last reference, or a call that was still using it. A freed index
 * goes to the end of a queue and comes back with another generation, so that a
 * stale name is recognised.
 */
#ifndef MACHVM_TASK_PORT_H
#define MACHVM_TASK_PORT_H

#include <mach/kern_return.h>
#include <mach/port.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pin.h"

enum machvm__port_kind { MACHVM__PORT_TASK, MACHVM__PORT_HOST, MACHVM__PORT_ENTRY,
			 MACHVM__PORT_THREAD, MACHVM__PORT_SUSPENSION, MACHVM__PORT_KINDS };

/* The names that are always there: the calling process and its host. */
#define MACHVM__PORT_SELF 0x103u
#define MACHVM__PORT_HOST_SELF 0x203u

/* How an object of a kind is destroyed. Called without locks. To be set before the first insert. */
void machvm__port_destructor(enum machvm__port_kind kind, void (*destroy)(void *object));

/* An entry of the table; its rules are port.c's, and only holding and releasing are done here. */
struct machvm__port_entry {
	_Atomic uint64_t word; /* the state in the upper half, pins in the lower */
	void *object;
	enum machvm__port_kind kind;
	uint32_t references; /* under the table's lock, as all below */
	uint32_t next_free;
	uint8_t generation;
};

/* The states of an entry. */
#define MACHVM__PORT_LIVE          (UINT64_C(1) << 32)
#define MACHVM__PORT_DYING         (UINT64_C(1) << 33) /* no reference is left, pins may be */
#define MACHVM__PORT_GENERATION(g) ((uint64_t)(g) << 40)

/* 256 entries a chunk; a chunk, once there, stays where it is. */
#define MACHVM__PORT_CHUNK_ENTRIES 256u
#define MACHVM__PORT_CHUNKS        4096u
extern struct machvm__port_entry *_Atomic machvm__port_chunks[MACHVM__PORT_CHUNKS];

static inline struct machvm__port_entry *machvm__port_entry(uint32_t index)
{
	struct machvm__port_entry *chunk;

	if (index / MACHVM__PORT_CHUNK_ENTRIES >= MACHVM__PORT_CHUNKS)
		return NULL;
	chunk = atomic_load_explicit(&machvm__port_chunks[index / MACHVM__PORT_CHUNK_ENTRIES],
	                             memory_order_acquire);
	return chunk ? &chunk[index % MACHVM__PORT_CHUNK_ENTRIES] : NULL;
}

static inline bool machvm__port_named(uint64_t word, mach_port_name_t name)
{
	return word >> 32 == (MACHVM__PORT_LIVE | MACHVM__PORT_GENERATION(name & 0xff)) >> 32;
}

/* Destroys what was behind a name that is dying, if nobody pins it any more. */
void machvm__port_bury(mach_port_name_t name, struct machvm__port_entry *entry);

/* Lets go of a counted pin, in any thread. */
static inline void machvm__port_release(mach_port_name_t name, struct machvm__port_entry *entry)
{
	uint64_t word = atomic_fetch_sub_explicit(&entry->word, 1, memory_order_acq_rel) - 1;

	if (__builtin_expect((word & MACHVM__PORT_DYING) && !(uint32_t)word, 0))
		machvm__port_bury(name, entry);
}

/* Pins the name. Null when it is not known; otherwise to be released. */
static inline struct machvm__port_entry *machvm__port_hold(mach_port_name_t name)
{
	struct machvm__port_entry *entry = machvm__port_entry(MACH_PORT_INDEX(name));
	uint64_t word;

	if (__builtin_expect(!entry, 0))
		return NULL;
	word = atomic_fetch_add_explicit(&entry->word, 1, memory_order_acquire);
	if (__builtin_expect(!machvm__port_named(word, name), 0)) {
		machvm__port_release(name, entry);
		return NULL;
	}
	return entry;
}

/* Lets go of what machvm__port_use() gave, in the same thread. */
static inline void machvm__port_unuse(mach_port_name_t name, struct machvm__port_entry *entry,
                                      struct machvm__pin *pin)
{
	uint64_t word;

	if (__builtin_expect(!pin, 0)) {
		machvm__port_release(name, entry);
		return;
	}
	machvm__pin_put(pin);
	word = atomic_load_explicit(&entry->word, memory_order_acquire);
	if (__builtin_expect((word & MACHVM__PORT_DYING) != 0, 0))
		machvm__port_bury(name, entry);
}

/*
 * As machvm__port_hold(), for as long as a call of this thread: by a note where one
 * can be made (*pin), else counted (*pin is null).
 */
static inline struct machvm__port_entry *machvm__port_use(mach_port_name_t name,
                                                          struct machvm__pin **pin)
{
	struct machvm__port_entry *entry = machvm__port_entry(MACH_PORT_INDEX(name));

	*pin = NULL;
	if (__builtin_expect(!entry, 0))
		return NULL;
	*pin = machvm__pin_take(name);
	if (__builtin_expect(!*pin, 0))
		return machvm__port_hold(name);
	if (__builtin_expect(!machvm__port_named(atomic_load_explicit(&entry->word,
	                                                              memory_order_acquire),
	                                         name),
	                     0)) {
		machvm__port_unuse(name, entry, *pin);
		return NULL;
	}
	return entry;
}

/* A new name with one reference, for an object that the table now owns. False when none is left. */
bool machvm__port_insert(enum machvm__port_kind kind, void *object, mach_port_name_t *name);

/*
 * The name of the first object of the kind that `same` agrees to, with one more
 * reference; false when there is none or its count is full. `same` runs under
 * the table's lock: it must not call back.
 */
bool machvm__port_find(enum machvm__port_kind kind, bool (*same)(void *object, const void *wanted),
                       const void *wanted, mach_port_name_t *name);

/* Visits every object of a kind. Only for a child that is alone. */
void machvm__port_each(enum machvm__port_kind kind, void (*visit)(void *object));

/* References: KERN_SUCCESS, KERN_INVALID_NAME, KERN_INVALID_VALUE, KERN_UREFS_OVERFLOW. */
kern_return_t machvm__port_change(mach_port_name_t name, int64_t delta);
kern_return_t machvm__port_count(mach_port_name_t name, uint32_t *references);

#endif
