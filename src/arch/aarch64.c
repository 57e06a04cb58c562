/* SPDX-License-Identifier: MIT */
/*
 * aarch64 builds: 64-bit threads.
 *
 * Unlike x86, the kernel has prepared the restart of an interrupted call before a tracer
 * sees the registers (do_signal, arch/arm64/kernel/signal.c): they say "again, from the
 * start". So a relative sleep that a session interrupts starts anew, and a call that
 * answered EINTR cannot be told from one that was meant to.
 */
#include "cpu.h"

#include <asm/sigcontext.h>
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "syscall.h"

#define SVC    0xd4000001u
#define RET    0xd65f03c0u
#define MOV_X8 0xd2801168u /* mov x8, #139: rt_sigreturn */

enum { PSTATE_NARROW = 1 << 4, PSTATE_STEP = 1 << 21, PSTATE_BRANCH = 3 << 10 };

_Static_assert(sizeof(struct user_regs_struct) <= MACHVM__CPU_GENERAL, "registers fit");

static struct user_regs_struct *regs_of(struct machvm__cpu *cpu)
{
	return (struct user_regs_struct *)(void *)cpu->general;
}

static const struct user_regs_struct *const_regs(const struct machvm__cpu *cpu)
{
	return (const struct user_regs_struct *)(const void *)cpu->general;
}

static long get_set(int tid, long set, void *data, size_t size)
{
	struct iovec v = {data, size};
	long r = machvm__syscall4(SYS_ptrace, PTRACE_GETREGSET, tid, set, (long)&v);

	return r < 0 ? r : (long)v.iov_len;
}

int machvm__cpu_read(int tid, struct machvm__cpu *cpu)
{
	long n = get_set(tid, NT_PRSTATUS, cpu->general, sizeof(struct user_regs_struct));

	cpu->vector_size = 0;
	/* A 32-bit thread has a smaller set. */
	if (n >= 0 && (size_t)n < sizeof(struct user_regs_struct))
		regs_of(cpu)->pstate = PSTATE_NARROW;
	return n < 0 ? (int)n : 0;
}

/* Scalable vectors in use: they need records that a plain frame has not. */
static bool scalable(int tid)
{
	enum { SVE = 0x405, ZA = 0x40c, IN_USE = 1 };
	struct {
		uint32_t size, max_size;
		uint16_t vl, max_vl, flags, reserved;
	} header;

	if (get_set(tid, SVE, &header, sizeof(header)) == sizeof(header) && (header.flags & IN_USE))
		return true;
	return get_set(tid, ZA, &header, sizeof(header)) == sizeof(header) &&
	       header.size > sizeof(header);
}

int machvm__cpu_read_vector(int tid, struct machvm__cpu *cpu)
{
	long n = get_set(tid, NT_PRFPREG, cpu->vector, sizeof(cpu->vector));

	if (n < 0)
		return (int)n;
	cpu->vector_size = scalable(tid) ? 0 : (size_t)n;
	return 0;
}

int machvm__cpu_write(int tid, const struct machvm__cpu *cpu)
{
	struct machvm__cpu copy;
	struct iovec v = {copy.general, sizeof(struct user_regs_struct)};

	memcpy(copy.general, cpu->general, sizeof(copy.general));
	return (int)machvm__syscall4(SYS_ptrace, PTRACE_SETREGSET, tid, NT_PRSTATUS, (long)&v);
}

enum machvm__abi machvm__cpu_abi(const struct machvm__cpu *cpu)
{
	return const_regs(cpu)->pstate & PSTATE_NARROW ? MACHVM__ABI_NONE : MACHVM__ABI_AARCH64;
}

uint64_t machvm__cpu_ip(const struct machvm__cpu *cpu)
{
	return const_regs(cpu)->pc;
}

uint64_t machvm__cpu_sp(const struct machvm__cpu *cpu)
{
	return const_regs(cpu)->sp;
}

void machvm__cpu_set_ip(struct machvm__cpu *cpu, uint64_t ip)
{
	regs_of(cpu)->pc = ip;
}

bool machvm__cpu_in_call(const struct machvm__cpu *cpu)
{
	(void)cpu;
	return false;
}

bool machvm__cpu_restart_spurious(struct machvm__cpu *cpu)
{
	(void)cpu;
	return false;
}

void machvm__cpu_aim(struct machvm__cpu *cpu, const struct machvm__cpu_code *code,
		     const struct machvm__call_form *form, uint64_t sp)
{
	struct user_regs_struct *r = regs_of(cpu);

	for (unsigned i = 0; i < 6; i++)
		r->regs[i] = form->args[i];
	r->regs[8] = form->number;
	r->pc = code->call;
	r->pstate &= ~(uint64_t)(PSTATE_STEP | PSTATE_BRANCH);
	if (!sp)
		return;
	r->sp = sp;
	r->regs[30] = code->sigreturn; /* where the return behind the call goes */
}

void machvm__cpu_repeat(struct machvm__cpu *cpu)
{
	regs_of(cpu)->pc -= 4;
}

int machvm__cpu_skip(int tid, const struct machvm__cpu *cpu)
{
	enum { SYSTEM_CALL = 0x404 }; /* NT_ARM_SYSTEM_CALL */
	int none = -1;
	struct iovec v = {&none, sizeof(none)};

	(void)cpu;
	return (int)machvm__syscall4(SYS_ptrace, PTRACE_SETREGSET, tid, SYSTEM_CALL, (long)&v);
}

uint64_t machvm__cpu_result(const struct machvm__cpu *cpu)
{
	return const_regs(cpu)->regs[0];
}

uint64_t machvm__cpu_after(const struct machvm__cpu_code *code)
{
	return code->call + 4;
}

/* ---- the frame (arch/arm64/kernel/signal.c) ---- */

struct frame {
	uint64_t cookie; /* in siginfo's place */
	unsigned char info[120];
	uint64_t uc_flags, uc_link, stack_sp, stack_flags, stack_size, sigmask;
	unsigned char unused[120], padding[8];
	uint64_t fault_address, regs[31], sp, pc, pstate, alignment;
	struct fpsimd_context vector;
	struct _aarch64_ctx end;
	uint64_t tail;
};

_Static_assert(offsetof(struct frame, uc_flags) == 128, "siginfo first");
_Static_assert(offsetof(struct frame, fault_address) == 304, "sigcontext at a multiple of 16");
_Static_assert(offsetof(struct frame, vector) == 304 + offsetof(struct sigcontext, __reserved),
	       "records behind the registers");

size_t machvm__cpu_frame_room(const struct machvm__cpu *cpu)
{
	(void)cpu;
	return sizeof(struct frame);
}

ssize_t machvm__cpu_frame(const struct machvm__cpu *cpu, const struct machvm__cpu_code *code,
			  uint64_t sigmask, uint64_t raddr, unsigned char *bytes, size_t size)
{
	const struct user_regs_struct *r = const_regs(cpu);
	struct frame f = {
		.cookie = MACHVM__CPU_MARK,
		.stack_flags = 0x7ffffff0, /* invalid: the alternate stack stays as it is */
		.sigmask = sigmask,
		.sp = r->sp,
		.pc = r->pc,
		.pstate = r->pstate,
		.vector = {.head = {FPSIMD_MAGIC, sizeof(struct fpsimd_context)}},
	};
	const struct user_fpsimd_struct *v = (const void *)cpu->vector;

	(void)raddr;
	if (!code->sigreturn || cpu->vector_size < sizeof(*v) || size < sizeof(f))
		return -EOPNOTSUPP;
	memcpy(f.regs, r->regs, sizeof(f.regs));
	memcpy(f.vector.vregs, v->vregs, sizeof(f.vector.vregs));
	f.vector.fpsr = v->fpsr;
	f.vector.fpcr = v->fpcr;
	memcpy(bytes, &f, sizeof(f));
	return sizeof(f);
}

/* ---- code ---- */

static const unsigned char *find_pair(const unsigned char *bytes, size_t size, uint32_t first,
				      uint32_t second)
{
	for (size_t i = 0; i + 8 <= size; i += 4) {
		uint32_t pair[2];

		memcpy(pair, bytes + i, sizeof(pair));
		if (pair[0] == first && pair[1] == second)
			return bytes + i;
	}
	return NULL;
}

bool machvm__cpu_find_call(enum machvm__abi abi, const unsigned char *bytes, size_t size,
			   uint64_t raddr, struct machvm__cpu_code *code)
{
	const unsigned char *p = find_pair(bytes, size, SVC, RET);

	if (abi != MACHVM__ABI_AARCH64 || !p)
		return false;
	code->call = raddr + (uint64_t)(p - bytes);
	code->call_skip = 0;
	code->call_size = 8;
	memcpy(code->call_bytes, p, 8);
	return true;
}

bool machvm__cpu_find_sigreturn(enum machvm__abi abi, const unsigned char *bytes, size_t size,
				uint64_t raddr, struct machvm__cpu_code *code)
{
	const unsigned char *p = find_pair(bytes, size, MOV_X8, SVC);

	if (abi != MACHVM__ABI_AARCH64 || !p)
		return false;
	code->sigreturn = raddr + (uint64_t)(p - bytes);
	code->sigreturn_size = 8;
	memcpy(code->sigreturn_bytes, p, 8);
	return true;
}
