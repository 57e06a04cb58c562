/* SPDX-License-Identifier: MIT */
/*
 * One CPU family: what a stopped thread's registers are, how a system call is
 * put into them, and what a signal frame looks like that puts them back without us.
 * One file per family implements this; it talks to ptrace for registers only and knows
 * nothing of sessions. Functions return >= 0 or -errno.
 */
#ifndef MACHVM_ARCH_CPU_H
#define MACHVM_ARCH_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "call.h"

enum {
	MACHVM__CPU_GENERAL = 288,  /* bytes that hold any family's general registers */
	MACHVM__CPU_VECTOR = 12288, /* XSAVE with AMX tiles is 11,008 */
	MACHVM__CPU_FRAME = 12288 + 1024,
	MACHVM__CPU_MARKED = 320,
	MACHVM__CPU_CODE = 48, /* bytes of target code that prove a place to call from */
};

/* Stands among the first MACHVM__CPU_MARKED bytes of each signal frame of ours, where the kernel
 * does not read. */
#define MACHVM__CPU_MARK UINT64_C(0x6d616672766d6361)

/* Registers of a stopped thread, as the kernel hands them out. */
struct machvm__cpu {
	_Alignas(16) unsigned char general[MACHVM__CPU_GENERAL];
	size_t vector_size; /* 0 until the vector state was read */
	_Alignas(64) unsigned char vector[MACHVM__CPU_VECTOR];
};

/* Instructions of the target that a call uses: found once, their bytes compared each time. */
struct machvm__cpu_code {
	uint64_t call;      /* the system-call instruction, then harmless ones, then a return */
	uint64_t sigreturn; /* makes the system call that takes a signal frame away; 0 for none */
	uint32_t call_skip; /* bytes that the harmless ones take off the stack before the return */
	uint8_t abi;        /* enum machvm__abi */
	uint8_t call_size;
	uint8_t sigreturn_size;
	unsigned char call_bytes[MACHVM__CPU_CODE];
	unsigned char sigreturn_bytes[MACHVM__CPU_CODE];
};

__attribute__((__warn_unused_result__)) int machvm__cpu_read(int tid, struct machvm__cpu *cpu);
__attribute__((__warn_unused_result__)) int machvm__cpu_read_vector(int tid,
								    struct machvm__cpu *cpu);
/* General registers only: calls leave the vector state alone. */
__attribute__((__warn_unused_result__)) int machvm__cpu_write(int tid,
							      const struct machvm__cpu *cpu);

/* The ABI in which this thread makes system calls now; NONE when this build cannot serve it. */
enum machvm__abi machvm__cpu_abi(const struct machvm__cpu *cpu);
uint64_t machvm__cpu_ip(const struct machvm__cpu *cpu);
uint64_t machvm__cpu_sp(const struct machvm__cpu *cpu);
void machvm__cpu_set_ip(struct machvm__cpu *cpu, uint64_t ip);
/* Stopped inside a system call, as opposed to between two instructions of its own. */
bool machvm__cpu_in_call(const struct machvm__cpu *cpu);

/*
 * Some calls answer a stop with EINTR although no signal came (epoll_wait, sigtimedwait,
 * io_getevents ...; signal(7), "Interruption of system calls by stop signals"). Lets the
 * kernel restart them unless a handler runs. Returns whether it did.
 */
bool machvm__cpu_restart_spurious(struct machvm__cpu *cpu);

/* Points the registers at `code` with a call in them. `sp` is where the frame stands. */
void machvm__cpu_aim(struct machvm__cpu *cpu, const struct machvm__cpu_code *code,
		     const struct machvm__call_form *form, uint64_t sp);
/* For a thread at the entry of a call of its own: registers that make it again, and writing
 * to the thread that the kernel shall not make it. */
void machvm__cpu_repeat(struct machvm__cpu *cpu);
__attribute__((__warn_unused_result__)) int machvm__cpu_skip(int tid,
							     const struct machvm__cpu *cpu);
/* What the call returned, once the registers say that it is over. */
uint64_t machvm__cpu_result(const struct machvm__cpu *cpu);
/* Where the instruction pointer stands right after the call. */
uint64_t machvm__cpu_after(const struct machvm__cpu_code *code);

/*
 * Writes to `frame` what must stand at `raddr` (a multiple of 64) so that a thread aimed
 * there restores `cpu` by itself once the call is over: registers, vector state,
 * signal mask; a call that was interrupted is started again, or returns EINTR where only the
 * kernel knows how far it was. Returns the size, or -EOPNOTSUPP when the
 * thread's state does not fit a frame (then only a living tracer can restore it).
 */
__attribute__((__warn_unused_result__)) ssize_t
machvm__cpu_frame(const struct machvm__cpu *cpu, const struct machvm__cpu_code *code,
		  uint64_t sigmask, uint64_t raddr, unsigned char *frame, size_t size);

/* How long a frame that holds `cpu`, its vector state included, can be. */
size_t machvm__cpu_frame_room(const struct machvm__cpu *cpu);

/* Look for code in `bytes`, which stand at `raddr`. True when found; fills its part of `code`. */
bool machvm__cpu_find_call(enum machvm__abi abi, const unsigned char *bytes, size_t size,
			   uint64_t raddr, struct machvm__cpu_code *code);
bool machvm__cpu_find_sigreturn(enum machvm__abi abi, const unsigned char *bytes, size_t size,
				uint64_t raddr, struct machvm__cpu_code *code);

#endif
