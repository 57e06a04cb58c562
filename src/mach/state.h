/* SPDX-License-Identifier: MIT */
/*
 * state.h - registers of a stopped thread in the structures of one machine's flavors.
 * One file per CPU family implements this.
 */
#ifndef MACHVM_MACH_STATE_H
#define MACHVM_MACH_STATE_H

#include <mach/thread_status.h>
#include <stdbool.h>
#include <stdint.h>

#include "session.h"
#include "thread.h"

/* A flavor, its count, and which registers it is made of. */
struct machvm__state_form {
	thread_state_flavor_t flavor;
	mach_msg_type_number_t count;
	enum {
		MACHVM__STATE_GENERAL,
		MACHVM__STATE_VECTOR,
		MACHVM__STATE_NEVER, /* Linux does not tell it */
	} part;
};

/* NULL for a flavor that the machine does not have. */
const struct machvm__state_form *machvm__state_form(thread_state_flavor_t flavor);

/* The NT_ number of the vector registers. */
extern const unsigned machvm__state_vector_set;

/*
 * Fills `words`, of the form's count. False when the thread is of another word length. *call
 * remembers the system call that the thread was interrupted in, if it was.
 */
bool machvm__state_pack(const struct machvm__state_form *form, const struct machvm__cpu *cpu,
			struct machvm__thread_call *call, uint32_t *words);

/*
 * The reverse, onto registers as they are now. A call that the thread was interrupted in
 * goes on unless the program counter or the result register change; then nothing is made again.
 */
bool machvm__state_unpack(const struct machvm__state_form *form, struct machvm__cpu *cpu,
			  const struct machvm__thread_call *call, const uint32_t *words);

/* Where the thread keeps what is its own. 0 or -errno. */
int machvm__state_thread_pointer(struct machvm__session *session, int tid,
				 const struct machvm__cpu *cpu, uint64_t *pointer);

#endif
