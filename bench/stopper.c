/* SPDX-License-Identifier: MIT */
/* stopper.c - the bare sequence, and the one of compel. x86-64. */
#include "stopper.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "measure.h"

enum { THREADS = 64, BLOB = 16384 };

static int stop_of(pid_t tid)
{
	int status;

	if (waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status))
		die("thread %d does not stop", tid);
	return WSTOPSIG(status);
}

static void stop(pid_t tid)
{
	if (ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACESYSGOOD) ||
	    ptrace(PTRACE_INTERRUPT, tid, 0, 0))
		die("PTRACE_SEIZE: %s", strerror(errno));
	stop_of(tid);
}

static void copy(ssize_t (*call)(pid_t, const struct iovec *, unsigned long, const struct iovec *,
				 unsigned long, unsigned long),
		 pid_t pid, uint64_t address, void *data, size_t size)
{
	struct iovec here = {data, size}, there = {(void *)(uintptr_t)address, size};

	if (call(pid, &here, 1, &there, 1, 0) != (ssize_t)size)
		die("process_vm: %s", strerror(errno));
}

uint64_t stopper_instruction(pid_t pid)
{
	static unsigned char code[BLOB];
	uint64_t start = 0, end = 0;
	char path[64], line[512];
	unsigned char *found;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file) && !strstr(line, "[vdso]"))
		;
	if (!file || sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2 ||
	    end - start > sizeof code)
		die("no vDSO in process %d", pid);
	fclose(file);
	copy(process_vm_readv, pid, start, code, end - start);
	found = memmem(code, end - start, "\x0f\x05", 2);
	if (!found)
		die("no system call in the vDSO");
	return start + (uint64_t)(found - code);
}

/* ---- the bare sequence ---- */

static void aim(struct user_regs_struct *r, uint64_t at, long number, uint64_t a, uint64_t b,
		uint64_t c)
{
	r->rip = at;
	r->rax = (unsigned long)number;
	r->orig_rax = (unsigned long)-1;
	r->rdi = a;
	r->rsi = b;
	r->rdx = c;
}

void stopper_bare(pid_t pid, uint64_t instruction, uint64_t address, int protection)
{
	struct user_regs_struct saved, now;

	stop(pid);
	ptrace(PTRACE_GETREGS, pid, 0, &saved);
	now = saved;
	aim(&now, instruction, SYS_mprotect, address, 4096, (uint64_t)protection);
	ptrace(PTRACE_SETREGS, pid, 0, &now);
	for (int i = 0; i < 2; i++) { /* to the entry, to the exit */
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
		stop_of(pid);
	}
	ptrace(PTRACE_GETREGS, pid, 0, &now);
	if (now.rax)
		die("mprotect returned %ld", (long)now.rax);
	ptrace(PTRACE_SETREGS, pid, 0, &saved);
	if (ptrace(PTRACE_DETACH, pid, 0, 0))
		die("PTRACE_DETACH: %s", strerror(errno));
}

/* ---- as compel does ---- */

static unsigned threads_of(pid_t pid, pid_t *tids)
{
	struct dirent *entry;
	unsigned count = 0;
	char path[64];
	DIR *directory;

	snprintf(path, sizeof path, "/proc/%d/task", pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory)))
		if (atoi(entry->d_name) && count < THREADS)
			tids[count++] = atoi(entry->d_name);
	if (directory)
		closedir(directory);
	return count;
}

/* To the breakpoint behind what the registers hold; what it left in rax. */
static uint64_t run(pid_t pid, struct user_regs_struct *regs)
{
	ptrace(PTRACE_SETREGS, pid, 0, regs);
	ptrace(PTRACE_CONT, pid, 0, 0);
	if (stop_of(pid) != SIGTRAP)
		die("the parasite did not reach its breakpoint");
	ptrace(PTRACE_GETREGS, pid, 0, regs);
	return regs->rax;
}

static uint64_t injected(pid_t pid, const struct user_regs_struct *saved, uint64_t at, long number,
			 uint64_t a, uint64_t b, uint64_t c)
{
	struct user_regs_struct now = *saved;

	aim(&now, at, number, a, b, c);
	now.r10 = MAP_PRIVATE | MAP_ANONYMOUS;
	now.r8 = (unsigned long)-1;
	now.r9 = 0;
	return run(pid, &now);
}

static void run_blob(pid_t pid, const struct user_regs_struct *saved, uint64_t blob,
		     uint64_t address, int protection)
{
	/* mov $10,%eax; syscall; int3 */
	static unsigned char code[BLOB] = {0xb8, 10, 0, 0, 0, 0x0f, 0x05, 0xcc};
	struct user_regs_struct now = *saved;

	copy(process_vm_writev, pid, blob, code, sizeof code);
	aim(&now, blob, 0, address, 4096, (uint64_t)protection);
	if (run(pid, &now))
		die("the parasite's mprotect returned %ld", (long)now.rax);
}

void stopper_parasite(pid_t pid, uint64_t instruction, uint64_t address, int protection)
{
	struct user_regs_struct saved;
	uint64_t mask, all = ~(UINT64_C(1) << (SIGTRAP - 1)), blob;
	pid_t tids[THREADS];
	unsigned count = threads_of(pid, tids);
	long code;

	for (unsigned i = 0; i < count; i++)
		stop(tids[i]);
	ptrace(PTRACE_GETREGS, pid, 0, &saved);
	ptrace(PTRACE_GETSIGMASK, pid, 8, &mask);
	ptrace(PTRACE_SETSIGMASK, pid, 8, &all);
	code = ptrace(PTRACE_PEEKDATA, pid, instruction, 0);
	ptrace(PTRACE_POKEDATA, pid, instruction, 0xcccccccccccc050fL);
	blob = injected(pid, &saved, instruction, SYS_mmap, 0, BLOB,
			PROT_READ | PROT_WRITE | PROT_EXEC);
	if (blob >= (uint64_t)-4095)
		die("the parasite's mmap returned %ld", (long)blob);
	run_blob(pid, &saved, blob, address, protection);
	if (injected(pid, &saved, instruction, SYS_munmap, blob, BLOB, 0))
		die("the parasite's munmap failed");
	ptrace(PTRACE_POKEDATA, pid, instruction, code);
	ptrace(PTRACE_SETREGS, pid, 0, &saved);
	ptrace(PTRACE_SETSIGMASK, pid, 8, &mask);
	for (unsigned i = 0; i < count; i++)
		ptrace(PTRACE_DETACH, tids[i], 0, 0);
}
