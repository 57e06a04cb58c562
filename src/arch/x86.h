/* SPDX-License-Identifier: MIT */
/* What the two x86 builds share: the code of both ABIs, and the i386 signal frame. */
#ifndef MACHVM_ARCH_X86_H
#define MACHVM_ARCH_X86_H

#include "cpu.h"

/* i386 registers under names that do not depend on the build. */
struct machvm__x86_words {
	uint32_t ax, bx, cx, dx, si, di, bp, sp, ip, flags;
	uint16_t cs, ds, es, fs, gs, ss;
};

/* Flags that must be clear while foreign code runs: trap, direction, alignment check. */
#define MACHVM__X86_FLAGS_OFF 0x40500ull

/* Stands where a frame has room that the kernel does not read. */
#define MACHVM__X86_COOKIE UINT64_C(0x6d616672766d6361)

/* What an interrupted call's registers mean after it (errno values kernel-internal). */
enum machvm__x86_resume { MACHVM__X86_AS_IS, MACHVM__X86_AGAIN, MACHVM__X86_EINTR };
enum machvm__x86_resume machvm__x86_resume(bool in_call, int64_t result);

/* Calls that may answer a stop with EINTR though no signal came (signal(7)). */
bool machvm__x86_answers_eintr(enum machvm__abi abi, uint64_t number);

/* The XSAVE image of ptrace made acceptable to sigreturn: returns its size with the
 * closing magic, 0 when it is none. `out` has room for vector_size + 4. */
size_t machvm__x86_xstate(const struct machvm__cpu *cpu, unsigned char *out, size_t size);

ssize_t machvm__x86_frame32(const struct machvm__x86_words *words, const struct machvm__cpu *cpu,
			    const unsigned char legacy[108], const struct machvm__cpu_code *code,
			    uint64_t sigmask, uint64_t raddr, unsigned char *frame, size_t size);

#endif
