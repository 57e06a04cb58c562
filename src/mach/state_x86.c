/* SPDX-License-Identifier: MIT */
/*
 * state_x86.c - x86 threads of either word length.
 *
 * A thread that is stopped in a system call has a code of the kernel's own in its result
 * register, which tells whether the call is made again; it never sees that code. What is shown
 * instead is the number of the call, as XNU does. Setting the program counter makes the kernel
 * forget the call: else it would take two bytes off the new one (arch_do_signal_or_restart).
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "state.h"
#include "x86.h"

const unsigned machvm__state_vector_set = NT_X86_XSTATE;

#define GENERAL(name, size) {x86_##name, size, MACHVM__STATE_GENERAL}
#define VECTOR(name, size)  {x86_##name, size, MACHVM__STATE_VECTOR}
#define NEVER(name, size)   {x86_##name, size, MACHVM__STATE_NEVER}

static const struct machvm__state_form forms[] = {
	GENERAL(THREAD_STATE32, x86_THREAD_STATE32_COUNT),
	GENERAL(THREAD_STATE64, x86_THREAD_STATE64_COUNT),
	GENERAL(THREAD_STATE, x86_THREAD_STATE_COUNT),
	VECTOR(FLOAT_STATE32, x86_FLOAT_STATE32_COUNT),
	VECTOR(FLOAT_STATE64, x86_FLOAT_STATE64_COUNT),
	VECTOR(FLOAT_STATE, x86_FLOAT_STATE_COUNT),
	NEVER(EXCEPTION_STATE32, x86_EXCEPTION_STATE32_COUNT),
	NEVER(EXCEPTION_STATE64, x86_EXCEPTION_STATE64_COUNT),
	NEVER(EXCEPTION_STATE, x86_EXCEPTION_STATE_COUNT),
	NEVER(DEBUG_STATE32, x86_DEBUG_STATE32_COUNT),
	NEVER(DEBUG_STATE64, x86_DEBUG_STATE64_COUNT),
	NEVER(DEBUG_STATE, x86_DEBUG_STATE_COUNT),
};

const struct machvm__state_form *machvm__state_form(thread_state_flavor_t flavor)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (forms[i].flavor == flavor)
			return &forms[i];
	}
	return NULL;
}

static bool narrow(const struct machvm__cpu *cpu)
{
	return machvm__cpu_abi(cpu) == MACHVM__ABI_I386;
}

/* ---- interrupted calls ---- */

/* Whether the call that it is in will be made again, and by which number. */
static bool interrupted(const struct machvm__cpu *cpu, uint64_t *number)
{
	enum { RESTART_64 = 219, RESTART_32 = 0 };
	int64_t result = (int64_t)machvm__x86_get(cpu, MACHVM__X86_AX);
	uint64_t call = machvm__x86_get(cpu, MACHVM__X86_CALL);

	if (!machvm__cpu_in_call(cpu))
		return false;
	switch (machvm__x86_resume(true, result)) {
	case MACHVM__X86_AGAIN:
		*number = call;
		return true;
	case MACHVM__X86_EINTR:
		*number = narrow(cpu) ? RESTART_32 : RESTART_64;
		return true;
	case MACHVM__X86_AS_IS:
		break;
	}
	*number = call;
	return result == -EINTR && machvm__x86_answers_eintr(machvm__cpu_abi(cpu), call);
}

static uint64_t shown_result(const struct machvm__cpu *cpu)
{
	uint64_t number;

	if (interrupted(cpu, &number))
		return machvm__x86_get(cpu, MACHVM__X86_CALL);
	return machvm__x86_get(cpu, MACHVM__X86_AX);
}

static void remember(const struct machvm__cpu *cpu, struct machvm__thread_call *call)
{
	uint64_t number;

	if (interrupted(cpu, &number))
		*call = (struct machvm__thread_call){.seen = true,
						     .ip = machvm__cpu_ip(cpu),
						     .value = shown_result(cpu),
						     .number = number};
	else if (call->ip == machvm__cpu_ip(cpu) && call->value == shown_result(cpu))
		/* The same registers now mean that it has returned. */
		call->seen = false;
}

static void go_to(struct machvm__cpu *cpu, const struct machvm__thread_call *call, uint64_t ip,
		  uint64_t value)
{
	bool back = call->seen && ip == call->ip && value == call->value;

	/* What is set counts: whoever lets the thread go does not look again. */
	(void)machvm__cpu_restart_spurious(cpu);
	if (ip == machvm__cpu_ip(cpu) && value == shown_result(cpu))
		return;
	machvm__x86_set(cpu, MACHVM__X86_IP, back ? ip - 2 : ip);
	machvm__x86_set(cpu, MACHVM__X86_AX, back ? call->number : value);
	machvm__x86_set(cpu, MACHVM__X86_CALL, UINT64_MAX);
}

/* ---- general registers ---- */

/* In the order of the structures; IP, CS and what else is not plain is done apart. */
static const uint8_t order64[] = {
	MACHVM__X86_AX,  MACHVM__X86_BX,  MACHVM__X86_CX,  MACHVM__X86_DX,  MACHVM__X86_DI,
	MACHVM__X86_SI,  MACHVM__X86_BP,  MACHVM__X86_SP,  MACHVM__X86_R8,  MACHVM__X86_R9,
	MACHVM__X86_R10, MACHVM__X86_R11, MACHVM__X86_R12, MACHVM__X86_R13, MACHVM__X86_R14,
	MACHVM__X86_R15, MACHVM__X86_IP,  MACHVM__X86_FLAGS, MACHVM__X86_CS, MACHVM__X86_FS,
	MACHVM__X86_GS,
};
static const uint8_t order32[] = {
	MACHVM__X86_AX, MACHVM__X86_BX,    MACHVM__X86_CX, MACHVM__X86_DX,
	MACHVM__X86_DI, MACHVM__X86_SI,    MACHVM__X86_BP, MACHVM__X86_SP,
	MACHVM__X86_SS, MACHVM__X86_FLAGS, MACHVM__X86_IP, MACHVM__X86_CS,
	MACHVM__X86_DS, MACHVM__X86_ES,    MACHVM__X86_FS, MACHVM__X86_GS,
};

_Static_assert(sizeof(order64) * 2 == x86_THREAD_STATE64_COUNT, "every word of it");
_Static_assert(sizeof(order32) == x86_THREAD_STATE32_COUNT, "every word of it");

static bool plain(unsigned which)
{
	return which != MACHVM__X86_AX && which != MACHVM__X86_IP &&
	       !(which >= MACHVM__X86_CS && which <= MACHVM__X86_SS);
}

static uint64_t show(const struct machvm__cpu *cpu, unsigned which)
{
	return which == MACHVM__X86_AX ? shown_result(cpu) : machvm__x86_get(cpu, which);
}

static void pack64(const struct machvm__cpu *cpu, uint32_t *words)
{
	for (unsigned i = 0; i < sizeof(order64); i++) {
		uint64_t value = show(cpu, order64[i]);

		memcpy(words + 2 * i, &value, sizeof(value));
	}
}

static void pack32(const struct machvm__cpu *cpu, uint32_t *words)
{
	for (unsigned i = 0; i < sizeof(order32); i++)
		words[i] = (uint32_t)show(cpu, order32[i]);
}

static void unpack64(struct machvm__cpu *cpu, const struct machvm__thread_call *call,
		     const uint32_t *words)
{
	uint64_t value, ip = 0, result = 0;

	for (unsigned i = 0; i < sizeof(order64); i++) {
		memcpy(&value, words + 2 * i, sizeof(value));
		if (plain(order64[i]))
			machvm__x86_set(cpu, order64[i], value);
		ip = order64[i] == MACHVM__X86_IP ? value : ip;
		result = order64[i] == MACHVM__X86_AX ? value : result;
	}
	go_to(cpu, call, ip, result);
}

/* A result is negative in 64 bits too. */
static uint64_t widened(const struct machvm__cpu *cpu, uint32_t result)
{
	uint64_t shown = shown_result(cpu);

	return (uint32_t)shown == result ? shown : result;
}

static void unpack32(struct machvm__cpu *cpu, const struct machvm__thread_call *call,
		     const uint32_t *words)
{
	uint32_t ip = 0, result = 0;

	for (unsigned i = 0; i < sizeof(order32); i++) {
		if (plain(order32[i]))
			machvm__x86_set(cpu, order32[i], words[i]);
		ip = order32[i] == MACHVM__X86_IP ? words[i] : ip;
		result = order32[i] == MACHVM__X86_AX ? words[i] : result;
	}
	go_to(cpu, call, ip, widened(cpu, result));
}

/* ---- vector registers ---- */

enum {
	FXSAVE = 512,
	USED = 464,   /* from here on the image holds what is the kernel's */
	PRESENT = 512 /* the mask of what the extended image holds */
};

static bool pack_vector(const struct machvm__cpu *cpu, uint32_t *words, size_t count)
{
	memset(words, 0, count * sizeof(*words));
	if (cpu->vector_size < FXSAVE)
		return false;
	/* Behind two reserved words the structure is the image of FXSAVE. */
	memcpy(words + 2, cpu->vector, USED);
	return true;
}

static bool unpack_vector(struct machvm__cpu *cpu, const uint32_t *words)
{
	uint64_t present;

	if (cpu->vector_size < FXSAVE + 64)
		return false;
	memcpy(cpu->vector, words + 2, USED);
	memcpy(&present, cpu->vector + PRESENT, sizeof(present));
	present |= 3; /* x87 and SSE */
	memcpy(cpu->vector + PRESENT, &present, sizeof(present));
	return true;
}

/* ---- forms ---- */

struct header {
	uint32_t flavor, count;
};

/* The form that stands behind the header, for a thread of that word length. */
static struct header header_of(const struct machvm__state_form *form,
			       const struct machvm__cpu *cpu)
{
	if (form->part == MACHVM__STATE_VECTOR)
		return narrow(cpu) ? (struct header){x86_FLOAT_STATE32, x86_FLOAT_STATE32_COUNT}
				   : (struct header){x86_FLOAT_STATE64, x86_FLOAT_STATE64_COUNT};
	return narrow(cpu) ? (struct header){x86_THREAD_STATE32, x86_THREAD_STATE32_COUNT}
			   : (struct header){x86_THREAD_STATE64, x86_THREAD_STATE64_COUNT};
}

static bool has_header(const struct machvm__state_form *form)
{
	return form->flavor == x86_THREAD_STATE || form->flavor == x86_FLOAT_STATE;
}

static bool fits(const struct machvm__state_form *form, const struct machvm__cpu *cpu)
{
	if (machvm__cpu_abi(cpu) == MACHVM__ABI_NONE)
		return false;
	return has_header(form) || (uint32_t)form->flavor == header_of(form, cpu).flavor;
}

bool machvm__state_pack(const struct machvm__state_form *form, const struct machvm__cpu *cpu,
			struct machvm__thread_call *call, uint32_t *words)
{
	struct header header = header_of(form, cpu);

	if (!fits(form, cpu))
		return false;
	if (has_header(form)) {
		memset(words, 0, form->count * sizeof(*words));
		memcpy(words, &header, sizeof(header));
		words += 2;
	}
	if (form->part == MACHVM__STATE_VECTOR)
		return pack_vector(cpu, words, header.count);
	remember(cpu, call);
	if (narrow(cpu))
		pack32(cpu, words);
	else
		pack64(cpu, words);
	return true;
}

bool machvm__state_unpack(const struct machvm__state_form *form, struct machvm__cpu *cpu,
			  const struct machvm__thread_call *call, const uint32_t *words)
{
	struct header header = header_of(form, cpu);

	if (!fits(form, cpu))
		return false;
	if (has_header(form)) {
		if (memcmp(words, &header, sizeof(header)))
			return false;
		words += 2;
	}
	if (form->part == MACHVM__STATE_VECTOR)
		return unpack_vector(cpu, words);
	if (narrow(cpu))
		unpack32(cpu, call, words);
	else
		unpack64(cpu, call, words);
	return true;
}

/* i386 programs keep it in a segment of their own, which x86-64 shows by its base. */
int machvm__state_thread_pointer(struct machvm__session *session, int tid,
				 const struct machvm__cpu *cpu, uint64_t *pointer)
{
	struct {
		uint32_t entry, base, limit, flags;
	} segments[8] = {0};
	uint64_t selector = machvm__x86_get(cpu, MACHVM__X86_GS);
	ssize_t n;

	if (!narrow(cpu)) {
		*pointer = machvm__x86_get(cpu, MACHVM__X86_FS_BASE);
		return 0;
	}
	n = machvm__session_get_registers(session, tid, NT_386_TLS, segments, sizeof(segments));
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(*segments); i++) {
		if (selector && segments[i].entry == (selector & 0xffff) >> 3)
			*pointer = segments[i].base;
	}
	return n < 0 ? (int)n : 0;
}
