/* SPDX-License-Identifier: MIT */
/*
 * port.h - the table of port names: a name, what it names, how many references
 * the program has to it.
 *
 * A name is an index and a generation. Looking one up is one atomic addition to
 * its entry, which pins what is behind it until the matching release; no lock
 * is taken. The object is destroyed by whoever lets go of it last: the program
 * with its last reference, or a call that was still using it. A freed index
 * goes to the end of a queue and comes back with another generation, so that a
 * stale name is recognised.
 */
#ifndef MACHVM_TASK_PORT_H
#define MACHVM_TASK_PORT_H

#include <mach/kern_return.h>
#include <mach/port.h>
#include <stdbool.h>
#include <stdint.h>

enum machvm__port_kind { MACHVM__PORT_TASK, MACHVM__PORT_HOST, MACHVM__PORT_KINDS };

/* The names that are always there: the calling process and its host. */
#define MACHVM__PORT_SELF 0x103u
#define MACHVM__PORT_HOST_SELF 0x203u

/* How an object of a kind is destroyed. Called without locks. To be set before the first insert. */
void machvm__port_destructor(enum machvm__port_kind kind, void (*destroy)(void *object));

/* Pins the name. False when it is not known; otherwise to be released. */
bool machvm__port_hold(mach_port_name_t name, enum machvm__port_kind *kind, void **object);
void machvm__port_release(mach_port_name_t name);

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
