/* SPDX-License-Identifier: MIT */
/* SECCOMP_RET_TRAP, and a handler that makes the trapped call from a place the filter lets through. */
#include "intercept.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#ifdef __x86_64__

/*
 * The one system call instruction that the filter lets through, by its address.
 * Written out, because the address has to be known.
 */
long intercept_call(long number, long a, long b, long c, long d, long e, long f);
extern const char intercept_return[];
__asm__(".text\n"
	".globl intercept_call, intercept_return\n"
	".hidden intercept_call, intercept_return\n"
	".type intercept_call, @function\n"
	"intercept_call:\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	mov %rdx, %rsi\n"
	"	mov %rcx, %rdx\n"
	"	mov %r8, %r10\n"
	"	mov %r9, %r8\n"
	"	mov 8(%rsp), %r9\n"
	"	syscall\n"
	"intercept_return:\n"
	"	ret\n"
	".size intercept_call, . - intercept_call\n");

/* One at a time. */
static struct {
	void (*body)(void *);
	void *context;
	unsigned countdown, times;
	bool reached, through;
	sem_t event; /* reached, or through */
	sem_t go;
} run;

static void trapped(int signal, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	int saved = errno;

	if (run.countdown > 0)
		run.countdown--;
	if (run.countdown == 0 && run.times > 0) {
		run.times--;
		run.reached = true;
		sem_post(&run.event);
		while (sem_wait(&run.go) != 0)
			;
	}
	registers[REG_RAX] = intercept_call(info->si_syscall, registers[REG_RDI],
					    registers[REG_RSI], registers[REG_RDX],
					    registers[REG_R10], registers[REG_R8],
					    registers[REG_R9]);
	errno = saved;
}

/* For the calling thread alone. */
static void install_filter(void)
{
	uint64_t pass = (uintptr_t)intercept_return;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 12),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_writev, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kcmp, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pread64, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwrite64, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)pass, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, instruction_pointer) + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(pass >> 32), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {COUNT(code), code};

	/* The last jump of a call that is none of these must land on ALLOW. */
	_Static_assert(COUNT(code) == 15, "the jumps count on it");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		abort();
}

static void *run_body(void *unused)
{
	install_filter();
	run.body(run.context);
	run.through = true;
	sem_post(&run.event);
	return NULL;
}

/* Valgrind does not know seccomp, and says so. */
bool intercept_possible(void)
{
	uint32_t trap = SECCOMP_RET_TRAP;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &trap) == 0;
}

bool intercept_run_from(unsigned count, unsigned times, void (*action)(void), void (*body)(void *),
			void *context)
{
	struct sigaction on_trap = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_NODEFER};
	pthread_t thread;

	run.body = body;
	run.context = context;
	run.countdown = count;
	run.times = times;
	run.reached = run.through = false;
	sem_init(&run.event, 0, 0);
	sem_init(&run.go, 0, 0);
	sigaction(SIGSYS, &on_trap, NULL);
	if (pthread_create(&thread, NULL, run_body, NULL) != 0)
		abort();
	for (;;) {
		while (sem_wait(&run.event) != 0)
			;
		if (run.through)
			break;
		action();
		sem_post(&run.go);
	}
	pthread_join(thread, NULL);
	return run.reached;
}

#else

bool intercept_possible(void)
{
	return false;
}

bool intercept_run_from(unsigned count, unsigned times, void (*action)(void), void (*body)(void *),
			void *context)
{
	return false;
}

#endif

bool intercept_run(unsigned count, void (*action)(void), void (*body)(void *), void *context)
{
	return intercept_run_from(count, 1, action, body, context);
}
