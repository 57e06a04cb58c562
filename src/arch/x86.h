/* SPDX-License-Identifier: MIT */
/*
 * What the two x86 builds share: the code of both ABIs, and the i386 signal frame. How
 * the registers are laid out, and which there are, is each build's own.
 */
#ifndef MACHVM_ARCH_X86_H
#define MACHVM_ARCH_X86_H

#include "cpu.h"

/* i386 registers under names that do not depend on the build. */
struct machvm__x86_words {
	uint32_t ax, bx, cx, dx, si, di, bp, sp, ip, flags;
	uint16_t cs, ds, es, fs, gs, ss;
};

/* Registers by name, whatever the build; those that an i386 build lacks read as 0. */
enum machvm__x86_register {
	MACHVM__X86_AX,
	MACHVM__X86_BX,
	MACHVM__X86_CX,
	MACHVM__X86_DX,
	MACHVM__X86_DI,
	MACHVM__X86_SI,
	MACHVM__X86_BP,
	MACHVM__X86_SP,
	MACHVM__X86_R8,
	MACHVM__X86_R9,
	MACHVM__X86_R10,
	MACHVM__X86_R11,
	MACHVM__X86_R12,
	MACHVM__X86_R13,
	MACHVM__X86_R14,
	MACHVM__X86_R15,
	MACHVM__X86_IP,
	MACHVM__X86_FLAGS,
	MACHVM__X86_CS,
	MACHVM__X86_DS,
	MACHVM__X86_ES,
	MACHVM__X86_FS,
	MACHVM__X86_GS,
	MACHVM__X86_SS,
	MACHVM__X86_FS_BASE,
	MACHVM__X86_GS_BASE,
	MACHVM__X86_CALL, /* the number of the system call it is in; all ones outside */
	MACHVM__X86_REGISTERS,
};
uint64_t machvm__x86_get(const struct machvm__cpu *cpu, enum machvm__x86_register which);
void machvm__x86_set(struct machvm__cpu *cpu, enum machvm__x86_register which, uint64_t value);

/* Flags that must be clear while foreign code runs: trap, direction, alignment check. */
#define MACHVM__X86_FLAGS_OFF 0x40500ull

/* What an interrupted call's registers mean after it (errno values kernel-internal). */
enum machvm__x86_resume { MACHVM__X86_AS_IS, MACHVM__X86_AGAIN, MACHVM__X86_EINTR };
enum machvm__x86_resume machvm__x86_resume(bool in_call, int64_t result);

/* Calls that may answer a stop with EINTR though no signal came (signal(7)). */
bool machvm__x86_answers_eintr(enum machvm__abi abi, uint64_t number);

/* The XSAVE image of a stopped thread. 0 or -errno. */
int machvm__x86_read_xstate(int tid, struct machvm__cpu *cpu);

/* The XSAVE image of ptrace made acceptable to sigreturn: returns its size with the
 * closing magic, 0 when it is none. `out` has room for vector_size + 4. */
size_t machvm__x86_xstate(const struct machvm__cpu *cpu, unsigned char *out, size_t size);

ssize_t machvm__x86_frame32(const struct machvm__x86_words *words, const struct machvm__cpu *cpu,
			    const unsigned char legacy[108], const struct machvm__cpu_code *code,
			    uint64_t sigmask, uint64_t raddr, unsigned char *frame, size_t size);

#endif
