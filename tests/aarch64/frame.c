/* SPDX-License-Identifier: MIT */
/*
 * frame.c - the signal frame that restores a thread whose tracer died, and the search for
 * the code that a call needs, judged by taking the frame away for real.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/user.h>

#include "cpu.h"

struct seen {
	uint64_t regs[31], sp, flags, unused;
	__uint128_t vector[32];
};

void frame_run(void *frame, struct seen *seen);
void frame_landed(void);

static int passed, failed;

static void check(const char *name, int good)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", passed + failed + 1, name);
	passed += good;
	failed += !good;
}

static _Alignas(64) unsigned char frame[MACHVM__CPU_FRAME];
static _Alignas(16) unsigned char stack[4096];
static struct machvm__cpu cpu;
static struct seen seen;

static uint64_t general(unsigned i)
{
	return UINT64_C(0x0123456789abcdef) * (i + 3);
}

static __uint128_t vector(unsigned i)
{
	return ((__uint128_t)general(i + 100) << 64) | general(i + 200);
}

/* The state of a thread, as a tracer would have read it. */
static void compose(void)
{
	struct user_regs_struct *r = (void *)cpu.general;
	struct user_fpsimd_struct *v = (void *)cpu.vector;

	for (unsigned i = 0; i < 31; i++)
		r->regs[i] = general(i);
	for (unsigned i = 0; i < 32; i++)
		v->vregs[i] = vector(i);
	r->sp = (uintptr_t)stack + 2048;
	r->pc = (uintptr_t)frame_landed;
	r->pstate = 0x60000000; /* zero and carry */
	cpu.vector_size = sizeof(*v);
}

static int same_general(void)
{
	for (unsigned i = 0; i < 31; i++)
		if (i != 16 && i != 17 && seen.regs[i] != general(i))
			return 0;
	return 1;
}

static int same_vector(void)
{
	for (unsigned i = 0; i < 32; i++)
		if (seen.vector[i] != vector(i))
			return 0;
	return 1;
}

static void restore(void)
{
	static const uint32_t code_bytes[] = {0xd503201f, 0xd4000001, 0xd65f03c0, 0xd2801168, 0xd4000001};
	struct machvm__cpu_code code = {0};
	sigset_t mask, now;
	uint64_t wanted = UINT64_C(1) << (SIGUSR1 - 1), mark = MACHVM__CPU_MARK;
	ssize_t n;

	check("call_and_sigreturn_are_found",
	      machvm__cpu_find_call(MACHVM__ABI_AARCH64, (const void *)code_bytes, sizeof(code_bytes),
				    0x1000, &code) &&
		      code.call == 0x1004 && machvm__cpu_after(&code) == 0x1008 &&
		      machvm__cpu_find_sigreturn(MACHVM__ABI_AARCH64, (const void *)code_bytes,
						 sizeof(code_bytes), 0x1000, &code) &&
		      code.sigreturn == 0x100c);
	compose();
	n = machvm__cpu_frame(&cpu, &code, wanted, (uintptr_t)frame, frame, sizeof(frame));
	check("frame_is_made", n > 0 && !memcmp(frame, &mark, sizeof(mark)));
	if (n <= 0)
		return;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	frame_run(frame, &seen);
	sigprocmask(SIG_SETMASK, &mask, &now);
	check("frame_restores_general_registers", same_general());
	check("frame_restores_stack_and_flags",
	      seen.sp == (uintptr_t)stack + 2048 && seen.flags == 0x60000000);
	check("frame_restores_vector_registers", same_vector());
	check("frame_restores_the_signal_mask",
	      sigismember(&now, SIGUSR1) == 1 && sigismember(&now, SIGUSR2) == 0);
}

int main(void)
{
	restore();
	printf("1..%d\n", passed + failed);
	return failed != 0;
}
