/* SPDX-License-Identifier: MIT */
/* Rights that go over a socket, and the descriptors that they are made of. */
#ifndef TESTS_TRAVEL_H
#define TESTS_TRAVEL_H

#include "ground.h"
#include "harness.h"

/* What one message of machvm_task_send() looks like on the way. */
#define TRAVEL_MESSAGE 256
#define TRAVEL_MOST    16

struct travel {
	unsigned char bytes[TRAVEL_MESSAGE];
	int descriptors[TRAVEL_MOST];
	size_t count;
};

/*
 * Nothing is sent where it cannot be told whose the memory is: without kcmp, and
 * where /proc counts in another namespace. Skips the program there.
 */
bool travel_possible(void);
void travel_require(void);

/*
 * Becomes one who cannot open a process that is not dumpable: not root, and without the
 * capabilities that root of a user namespace has over its processes.
 */
void travel_become_ordinary(void);

/* Two ends of a socket; closed by hand. */
void travel_pair(int type, int ends[2]);

/* The right, sent to this very process and received. */
mach_port_t travel_received(mach_port_t task, enum machvm_right right);

/* Catches a message on its way, and puts one (changed, perhaps) on its way. */
void travel_catch(int socket, struct travel *travel);
void travel_throw(int socket, const struct travel *travel);
void travel_drop(struct travel *travel);

/* How many descriptors this process has; the mappings and threads of it likewise. */
unsigned count_descriptors(void);
unsigned count_mappings(void);
unsigned count_threads(void);
/*
 * Mappings of which windows are made, or could leave some: shared memory, and address space
 * that nothing is in. (The address sanitizer takes and gives such space by itself: left out there.)
 */
unsigned count_windows(void);

/* A victim that nobody here can open any more, laid out at TRAVEL_BASE, and the right to it. */
#define TRAVEL_BASE 0x100000000000u
mach_port_t travel_receive_locked(struct ground *locked, enum machvm_right right);

#endif
