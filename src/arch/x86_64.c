/* SPDX-License-Identifier: MIT */
/* x86-64 builds: threads of either word length. PTRACE_GETREGS shows both in 64-bit form. */
#include "x86.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "syscall.h"

enum { CS_64 = 0x33, CS_32 = 0x23 };

_Static_assert(sizeof(struct user_regs_struct) <= MACHVM__CPU_GENERAL, "registers fit");

static struct user_regs_struct *regs_of(struct machvm__cpu *cpu)
{
	return (struct user_regs_struct *)(void *)cpu->general;
}

static const struct user_regs_struct *const_regs(const struct machvm__cpu *cpu)
{
	return (const struct user_regs_struct *)(const void *)cpu->general;
}

int machvm__cpu_read_vector(int tid, struct machvm__cpu *cpu)
{
	struct iovec v;
	long r = machvm__x86_read_xstate(tid, cpu);

	if (r < 0)
		return (int)r;
	/* The i386 frame wants the FSAVE form too; ptrace converts for a 32-bit thread. */
	if (machvm__cpu_abi(cpu) == MACHVM__ABI_I386 && cpu->vector_size + 128 <= sizeof(cpu->vector)) {
		v = (struct iovec){cpu->vector + sizeof(cpu->vector) - 128, 108};
		r = machvm__syscall4(SYS_ptrace, PTRACE_GETREGSET, tid, NT_PRFPREG, (long)&v);
	}
	return (int)r;
}

/* Segments and their bases, which come last and cost most, are nobody's to change here. */
int machvm__cpu_write(int tid, const struct machvm__cpu *cpu)
{
	struct iovec v = {(void *)(uintptr_t)cpu->general, offsetof(struct user_regs_struct, ss)};

	/* A thread of the other word length would be shown, and given, its own layout. */
	if (machvm__cpu_abi(cpu) == MACHVM__ABI_X86_64)
		return (int)machvm__syscall4(SYS_ptrace, PTRACE_SETREGSET, tid, NT_PRSTATUS,
					     (long)&v);
	return (int)machvm__syscall4(SYS_ptrace, PTRACE_SETREGS, tid, 0, (long)cpu->general);
}

enum machvm__abi machvm__cpu_abi(const struct machvm__cpu *cpu)
{
	switch (const_regs(cpu)->cs) {
	case CS_64:
		return MACHVM__ABI_X86_64;
	case CS_32:
		return MACHVM__ABI_I386;
	}
	return MACHVM__ABI_NONE;
}

bool machvm__cpu_restart_spurious(struct machvm__cpu *cpu)
{
	struct user_regs_struct *r = regs_of(cpu);

	if (!machvm__cpu_in_call(cpu) || (int64_t)r->rax != -EINTR ||
	    !machvm__x86_answers_eintr(machvm__cpu_abi(cpu), r->orig_rax))
		return false;
	r->rax = (uint64_t)-514; /* ERESTARTNOHAND: again, but EINTR if a handler runs */
	return true;
}

void machvm__cpu_aim(struct machvm__cpu *cpu, const struct machvm__cpu_code *code,
		     const struct machvm__call_form *form, uint64_t sp)
{
	struct user_regs_struct *r = regs_of(cpu);

	r->rax = form->number;
	r->orig_rax = (uint64_t)-1; /* no call to restart */
	r->rip = code->call;
	r->eflags &= ~MACHVM__X86_FLAGS_OFF;
	if (sp)
		r->rsp = sp;
	if (code->abi == MACHVM__ABI_I386) {
		r->rbx = form->args[0];
		r->rcx = form->args[1];
		r->rdx = form->args[2];
		r->rsi = form->args[3];
		r->rdi = form->args[4];
		r->rbp = form->args[5];
		return;
	}
	r->rdi = form->args[0];
	r->rsi = form->args[1];
	r->rdx = form->args[2];
	r->r10 = form->args[3];
	r->r8 = form->args[4];
	r->r9 = form->args[5];
}

uint64_t machvm__cpu_result(const struct machvm__cpu *cpu)
{
	return const_regs(cpu)->rax;
}

/* ---- by name ---- */

static const uint8_t offsets[MACHVM__X86_REGISTERS] = {
	[MACHVM__X86_AX] = offsetof(struct user_regs_struct, rax),
	[MACHVM__X86_BX] = offsetof(struct user_regs_struct, rbx),
	[MACHVM__X86_CX] = offsetof(struct user_regs_struct, rcx),
	[MACHVM__X86_DX] = offsetof(struct user_regs_struct, rdx),
	[MACHVM__X86_DI] = offsetof(struct user_regs_struct, rdi),
	[MACHVM__X86_SI] = offsetof(struct user_regs_struct, rsi),
	[MACHVM__X86_BP] = offsetof(struct user_regs_struct, rbp),
	[MACHVM__X86_SP] = offsetof(struct user_regs_struct, rsp),
	[MACHVM__X86_R8] = offsetof(struct user_regs_struct, r8),
	[MACHVM__X86_R9] = offsetof(struct user_regs_struct, r9),
	[MACHVM__X86_R10] = offsetof(struct user_regs_struct, r10),
	[MACHVM__X86_R11] = offsetof(struct user_regs_struct, r11),
	[MACHVM__X86_R12] = offsetof(struct user_regs_struct, r12),
	[MACHVM__X86_R13] = offsetof(struct user_regs_struct, r13),
	[MACHVM__X86_R14] = offsetof(struct user_regs_struct, r14),
	[MACHVM__X86_R15] = offsetof(struct user_regs_struct, r15),
	[MACHVM__X86_IP] = offsetof(struct user_regs_struct, rip),
	[MACHVM__X86_FLAGS] = offsetof(struct user_regs_struct, eflags),
	[MACHVM__X86_CS] = offsetof(struct user_regs_struct, cs),
	[MACHVM__X86_DS] = offsetof(struct user_regs_struct, ds),
	[MACHVM__X86_ES] = offsetof(struct user_regs_struct, es),
	[MACHVM__X86_FS] = offsetof(struct user_regs_struct, fs),
	[MACHVM__X86_GS] = offsetof(struct user_regs_struct, gs),
	[MACHVM__X86_SS] = offsetof(struct user_regs_struct, ss),
	[MACHVM__X86_FS_BASE] = offsetof(struct user_regs_struct, fs_base),
	[MACHVM__X86_GS_BASE] = offsetof(struct user_regs_struct, gs_base),
	[MACHVM__X86_CALL] = offsetof(struct user_regs_struct, orig_rax),
};

uint64_t machvm__x86_get(const struct machvm__cpu *cpu, enum machvm__x86_register which)
{
	uint64_t value;

	memcpy(&value, cpu->general + offsets[which], sizeof(value));
	return value;
}

void machvm__x86_set(struct machvm__cpu *cpu, enum machvm__x86_register which, uint64_t value)
{
	memcpy(cpu->general + offsets[which], &value, sizeof(value));
}

/* ---- the frame (arch/x86/include/asm/sigframe.h) ---- */

struct context64 {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
};

struct frame64 {
	uint64_t pretcode;
	uint64_t uc_flags, uc_link, stack_sp, stack_flags, stack_size;
	struct context64 context;
	uint64_t sigmask;
};

_Static_assert(sizeof(struct frame64) == 8 + 304, "rt_sigframe up to the mask");
_Static_assert(offsetof(struct frame64, uc_link) == 16, "where the cookie is looked for");

static void resumed(const struct machvm__cpu *cpu, uint64_t *ax, uint64_t *ip)
{
	const struct user_regs_struct *r = const_regs(cpu);

	*ax = r->rax;
	*ip = r->rip;
	switch (machvm__x86_resume(machvm__cpu_in_call(cpu), (int64_t)r->rax)) {
	case MACHVM__X86_AGAIN:
		*ax = r->orig_rax;
		*ip -= 2;
		break;
	case MACHVM__X86_EINTR:
		*ax = (uint64_t)-EINTR;
		break;
	case MACHVM__X86_AS_IS:
		break;
	}
}

static ssize_t frame32(const struct machvm__cpu *cpu, const struct machvm__cpu_code *code,
		       uint64_t sigmask, uint64_t raddr, unsigned char *frame, size_t size)
{
	const struct user_regs_struct *r = const_regs(cpu);
	uint64_t ax, ip;

	resumed(cpu, &ax, &ip);
	return machvm__x86_frame32(
		&(struct machvm__x86_words){
			.ax = (uint32_t)ax,
			.bx = (uint32_t)r->rbx,
			.cx = (uint32_t)r->rcx,
			.dx = (uint32_t)r->rdx,
			.si = (uint32_t)r->rsi,
			.di = (uint32_t)r->rdi,
			.bp = (uint32_t)r->rbp,
			.sp = (uint32_t)r->rsp,
			.ip = (uint32_t)ip,
			.flags = (uint32_t)r->eflags,
			.cs = (uint16_t)r->cs,
			.ds = (uint16_t)r->ds,
			.es = (uint16_t)r->es,
			.fs = (uint16_t)r->fs,
			.gs = (uint16_t)r->gs,
			.ss = (uint16_t)r->ss,
		},
		cpu, cpu->vector + sizeof(cpu->vector) - 128, code, sigmask, raddr, frame, size);
}

static ssize_t frame64(const struct machvm__cpu *cpu, const struct machvm__cpu_code *code,
		       uint64_t sigmask, uint64_t raddr, unsigned char *frame, size_t size)
{
	const struct user_regs_struct *r = const_regs(cpu);
	size_t at = code->call_skip, fx = (at + sizeof(struct frame64) + 63) & ~(size_t)63, n;
	struct frame64 f = {
		.pretcode = code->sigreturn,
		/* UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS */
		.uc_flags = 7,
		.uc_link = MACHVM__CPU_MARK,
		.stack_flags = 0x7ffffff0, /* invalid: the alternate stack stays as it is */
		.context =
			{
				.r8 = r->r8,
				.r9 = r->r9,
				.r10 = r->r10,
				.r11 = r->r11,
				.r12 = r->r12,
				.r13 = r->r13,
				.r14 = r->r14,
				.r15 = r->r15,
				.di = r->rdi,
				.si = r->rsi,
				.bp = r->rbp,
				.bx = r->rbx,
				.dx = r->rdx,
				.cx = r->rcx,
				.sp = r->rsp,
				.flags = r->eflags,
				.cs = (uint16_t)r->cs,
				.ss = (uint16_t)r->ss,
				.fpstate = raddr + fx,
			},
		.sigmask = sigmask,
	};

	if (size < fx)
		return -EOPNOTSUPP;
	resumed(cpu, &f.context.ax, &f.context.ip);
	memset(frame, 0, fx);
	memcpy(frame + at, &f, sizeof(f));
	n = machvm__x86_xstate(cpu, frame + fx, size - fx);
	return n ? (ssize_t)(fx + n) : -EOPNOTSUPP;
}

ssize_t machvm__cpu_frame(const struct machvm__cpu *cpu, const struct machvm__cpu_code *code,
			  uint64_t sigmask, uint64_t raddr, unsigned char *frame, size_t size)
{
	if (code->abi == MACHVM__ABI_I386)
		return frame32(cpu, code, sigmask, raddr, frame, size);
	return frame64(cpu, code, sigmask, raddr, frame, size);
}
