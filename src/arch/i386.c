/* SPDX-License-Identifier: MIT */
/* i386 builds: 32-bit threads. A 64-bit one is out of their reach. */
#include "x86.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "syscall.h"

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
	int r = machvm__x86_read_xstate(tid, cpu);

	if (r < 0)
		return r;
	if (cpu->vector_size + 128 > sizeof(cpu->vector))
		return -EOPNOTSUPP;
	/* The signal frame wants the FSAVE form too. */
	v = (struct iovec){cpu->vector + sizeof(cpu->vector) - 128, 108};
	return (int)machvm__syscall4(SYS_ptrace, PTRACE_GETREGSET, tid, NT_PRFPREG, (long)&v);
}

int machvm__cpu_write(int tid, const struct machvm__cpu *cpu)
{
	return (int)machvm__syscall4(SYS_ptrace, PTRACE_SETREGS, tid, 0, (long)cpu->general);
}

enum machvm__abi machvm__cpu_abi(const struct machvm__cpu *cpu)
{
	/* The selector of 64-bit user code; on a 32-bit kernel it is another one altogether. */
	return (const_regs(cpu)->xcs & 0xffff) == 0x33 ? MACHVM__ABI_NONE : MACHVM__ABI_I386;
}

bool machvm__cpu_restart_spurious(struct machvm__cpu *cpu)
{
	struct user_regs_struct *r = regs_of(cpu);

	/* Of a 64-bit thread only halves were read. */
	if (machvm__cpu_abi(cpu) == MACHVM__ABI_NONE)
		return false;
	if (!machvm__cpu_in_call(cpu) || r->eax != -EINTR ||
	    !machvm__x86_answers_eintr(MACHVM__ABI_I386, (uint64_t)r->orig_eax))
		return false;
	r->eax = -514; /* ERESTARTNOHAND: again, but EINTR if a handler runs */
	return true;
}

void machvm__cpu_aim(struct machvm__cpu *cpu, const struct machvm__cpu_code *code,
		     const struct machvm__call_form *form, uint64_t sp)
{
	struct user_regs_struct *r = regs_of(cpu);

	r->eax = (long)form->number;
	r->orig_eax = -1; /* no call to restart */
	r->eip = (long)code->call;
	r->eflags &= ~(long)MACHVM__X86_FLAGS_OFF;
	if (sp)
		r->esp = (long)sp;
	r->ebx = (long)form->args[0];
	r->ecx = (long)form->args[1];
	r->edx = (long)form->args[2];
	r->esi = (long)form->args[3];
	r->edi = (long)form->args[4];
	r->ebp = (long)form->args[5];
}

uint64_t machvm__cpu_result(const struct machvm__cpu *cpu)
{
	return (uint32_t)const_regs(cpu)->eax;
}

/* ---- by name ---- */

/* One more than they are; 0 for what there is not. */
static const uint8_t offsets[MACHVM__X86_REGISTERS] = {
	[MACHVM__X86_AX] = offsetof(struct user_regs_struct, eax) + 1,
	[MACHVM__X86_BX] = offsetof(struct user_regs_struct, ebx) + 1,
	[MACHVM__X86_CX] = offsetof(struct user_regs_struct, ecx) + 1,
	[MACHVM__X86_DX] = offsetof(struct user_regs_struct, edx) + 1,
	[MACHVM__X86_DI] = offsetof(struct user_regs_struct, edi) + 1,
	[MACHVM__X86_SI] = offsetof(struct user_regs_struct, esi) + 1,
	[MACHVM__X86_BP] = offsetof(struct user_regs_struct, ebp) + 1,
	[MACHVM__X86_SP] = offsetof(struct user_regs_struct, esp) + 1,
	[MACHVM__X86_IP] = offsetof(struct user_regs_struct, eip) + 1,
	[MACHVM__X86_FLAGS] = offsetof(struct user_regs_struct, eflags) + 1,
	[MACHVM__X86_CS] = offsetof(struct user_regs_struct, xcs) + 1,
	[MACHVM__X86_DS] = offsetof(struct user_regs_struct, xds) + 1,
	[MACHVM__X86_ES] = offsetof(struct user_regs_struct, xes) + 1,
	[MACHVM__X86_FS] = offsetof(struct user_regs_struct, xfs) + 1,
	[MACHVM__X86_GS] = offsetof(struct user_regs_struct, xgs) + 1,
	[MACHVM__X86_SS] = offsetof(struct user_regs_struct, xss) + 1,
	[MACHVM__X86_CALL] = offsetof(struct user_regs_struct, orig_eax) + 1,
};

uint64_t machvm__x86_get(const struct machvm__cpu *cpu, enum machvm__x86_register which)
{
	int32_t value = 0;

	if (offsets[which])
		memcpy(&value, cpu->general + offsets[which] - 1, sizeof(value));
	/* The codes of interrupted calls are negative. */
	if (which == MACHVM__X86_AX || which == MACHVM__X86_CALL)
		return (uint64_t)(int64_t)value;
	return (uint32_t)value;
}

void machvm__x86_set(struct machvm__cpu *cpu, enum machvm__x86_register which, uint64_t value)
{
	uint32_t narrow = (uint32_t)value;

	if (offsets[which])
		memcpy(cpu->general + offsets[which] - 1, &narrow, sizeof(narrow));
}

ssize_t machvm__cpu_frame(const struct machvm__cpu *cpu, const struct machvm__cpu_code *code,
			  uint64_t sigmask, uint64_t raddr, unsigned char *frame, size_t size)
{
	const struct user_regs_struct *r = const_regs(cpu);
	struct machvm__x86_words words = {
		.ax = (uint32_t)r->eax,
		.bx = (uint32_t)r->ebx,
		.cx = (uint32_t)r->ecx,
		.dx = (uint32_t)r->edx,
		.si = (uint32_t)r->esi,
		.di = (uint32_t)r->edi,
		.bp = (uint32_t)r->ebp,
		.sp = (uint32_t)r->esp,
		.ip = (uint32_t)r->eip,
		.flags = (uint32_t)r->eflags,
		.cs = (uint16_t)r->xcs,
		.ds = (uint16_t)r->xds,
		.es = (uint16_t)r->xes,
		.fs = (uint16_t)r->xfs,
		.gs = (uint16_t)r->xgs,
		.ss = (uint16_t)r->xss,
	};

	switch (machvm__x86_resume(machvm__cpu_in_call(cpu), r->eax)) {
	case MACHVM__X86_AGAIN:
		words.ax = (uint32_t)r->orig_eax;
		words.ip -= 2;
		break;
	case MACHVM__X86_EINTR:
		words.ax = (uint32_t)-EINTR;
		break;
	case MACHVM__X86_AS_IS:
		break;
	}
	return machvm__x86_frame32(&words, cpu, cpu->vector + sizeof(cpu->vector) - 128, code,
				   sigmask, raddr, frame, size);
}
