/* SPDX-License-Identifier: MIT */
/*
 * stopper.h - system calls in another process the way others make them, with ptrace(2) and
 * nothing to save the target from harm: signals, restartable sequences, the end of the tracer.
 */
#ifndef BENCH_STOPPER_H
#define BENCH_STOPPER_H

#include <stdint.h>
#include <sys/types.h>

/* A `syscall` instruction in the target's vDSO. */
uint64_t stopper_instruction(pid_t pid);

/* Seize, interrupt, one mprotect at `instruction`, detach. */
void stopper_bare(pid_t pid, uint64_t instruction, uint64_t address, int protection);

/*
 * As compel does: every thread seized and interrupted; bytes of code put over the target's;
 * memory mapped for a blob, the blob copied there and run until its breakpoint - an
 * mprotect here -, unmapped; code, registers and signal mask put back; all let go.
 */
void stopper_parasite(pid_t pid, uint64_t instruction, uint64_t address, int protection);

#endif
