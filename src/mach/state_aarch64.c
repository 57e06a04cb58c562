/* SPDX-License-Identifier: MIT */
/*
 * state_aarch64.c - 64-bit ARM threads.
 *
 * The kernel has put the registers of an interrupted call right before anybody sees them
 * (do_signal, arch/arm64/kernel/signal.c): they say "again, from the start", and it
 * leaves them alone when the program counter was changed. So nothing is remembered here.
 */
#include <elf.h>
#include <string.h>
#include <sys/user.h>

#include "state.h"

#ifndef NT_ARM_TLS
#define NT_ARM_TLS 0x401
#endif

const unsigned machvm__state_vector_set = NT_PRFPREG;

static const struct machvm__state_form forms[] = {
	{ARM_THREAD_STATE, ARM_UNIFIED_THREAD_STATE_COUNT, MACHVM__STATE_GENERAL},
	{ARM_THREAD_STATE64, ARM_THREAD_STATE64_COUNT, MACHVM__STATE_GENERAL},
	{ARM_NEON_STATE64, ARM_NEON_STATE64_COUNT, MACHVM__STATE_VECTOR},
	{ARM_EXCEPTION_STATE64, ARM_EXCEPTION_STATE64_COUNT, MACHVM__STATE_NEVER},
	{ARM_DEBUG_STATE64, ARM_DEBUG_STATE64_COUNT, MACHVM__STATE_NEVER},
};

const struct machvm__state_form *machvm__state_form(thread_state_flavor_t flavor)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (forms[i].flavor == flavor)
			return &forms[i];
	}
	return NULL;
}

static void pack_general(const struct user_regs_struct *r, struct __darwin_arm_thread_state64 *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->__x, r->regs, sizeof(out->__x));
	out->__fp = r->regs[29];
	out->__lr = r->regs[30];
	out->__sp = r->sp;
	out->__pc = r->pc;
	out->__cpsr = (uint32_t)r->pstate;
}

/* The condition flags are the program's own. */
static void unpack_general(const struct __darwin_arm_thread_state64 *in, struct user_regs_struct *r)
{
	const uint64_t flags = 0xf0000000u;

	memcpy(r->regs, in->__x, sizeof(in->__x));
	r->regs[29] = in->__fp;
	r->regs[30] = in->__lr;
	r->sp = in->__sp;
	r->pc = in->__pc;
	r->pstate = (r->pstate & ~flags) | (in->__cpsr & flags);
}

static bool has_header(const struct machvm__state_form *form)
{
	return form->flavor == ARM_THREAD_STATE;
}

static const arm_state_hdr_t header = {ARM_THREAD_STATE64, ARM_THREAD_STATE64_COUNT};

bool machvm__state_pack(const struct machvm__state_form *form, const struct machvm__cpu *cpu,
			struct machvm__thread_call *call, uint32_t *words)
{
	const struct user_fpsimd_struct *v = (const void *)cpu->vector;
	struct __darwin_arm_thread_state64 general;
	arm_neon_state64_t neon = {0};

	if (machvm__cpu_abi(cpu) != MACHVM__ABI_AARCH64)
		return false;
	if (form->part == MACHVM__STATE_VECTOR) {
		memcpy(neon.__v, v->vregs, sizeof(neon.__v));
		neon.__fpsr = v->fpsr;
		neon.__fpcr = v->fpcr;
		memcpy(words, &neon, form->count * sizeof(*words));
		return true;
	}
	memset(words, 0, form->count * sizeof(*words));
	if (has_header(form)) {
		memcpy(words, &header, sizeof(header));
		words += sizeof(header) / sizeof(*words);
	}
	pack_general((const void *)cpu->general, &general);
	memcpy(words, &general, sizeof(general));
	return true;
}

bool machvm__state_unpack(const struct machvm__state_form *form, struct machvm__cpu *cpu,
			  const struct machvm__thread_call *call, const uint32_t *words)
{
	struct user_fpsimd_struct *v = (void *)cpu->vector;
	struct __darwin_arm_thread_state64 general;
	arm_neon_state64_t neon;

	if (machvm__cpu_abi(cpu) != MACHVM__ABI_AARCH64)
		return false;
	if (form->part == MACHVM__STATE_VECTOR) {
		memcpy(&neon, words, form->count * sizeof(*words));
		memcpy(v->vregs, neon.__v, sizeof(neon.__v));
		v->fpsr = neon.__fpsr;
		v->fpcr = neon.__fpcr;
		return true;
	}
	if (has_header(form)) {
		if (memcmp(words, &header, sizeof(header)))
			return false;
		words += sizeof(header) / sizeof(*words);
	}
	memcpy(&general, words, sizeof(general));
	unpack_general(&general, (void *)cpu->general);
	return true;
}

int machvm__state_thread_pointer(struct machvm__session *session, int tid,
				 const struct machvm__cpu *cpu, uint64_t *pointer)
{
	ssize_t n = machvm__session_get_registers(session, tid, NT_ARM_TLS, pointer,
						  sizeof(*pointer));

	return n < 0 ? (int)n : 0;
}
