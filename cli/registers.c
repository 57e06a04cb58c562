/* SPDX-License-Identifier: MIT */
/* registers - the general registers of a thread, by name. */
#include "registers.h"

static void add(struct registers *registers, const char *name, uint64_t value)
{
	registers->items[registers->count].name = name;
	registers->items[registers->count++].value = value;
}

#define ADD(state, name) add(registers, #name, (state)->__##name)

#if defined(__x86_64__) || defined(__i386__)
static void fill_64(struct registers *registers, const x86_thread_state64_t *s)
{
	ADD(s, rip), ADD(s, rsp), ADD(s, rbp), ADD(s, rflags);
	ADD(s, rax), ADD(s, rbx), ADD(s, rcx), ADD(s, rdx), ADD(s, rdi), ADD(s, rsi);
	ADD(s, r8), ADD(s, r9), ADD(s, r10), ADD(s, r11);
	ADD(s, r12), ADD(s, r13), ADD(s, r14), ADD(s, r15);
}

static void fill_32(struct registers *registers, const x86_thread_state32_t *s)
{
	ADD(s, eip), ADD(s, esp), ADD(s, ebp), ADD(s, eflags);
	ADD(s, eax), ADD(s, ebx), ADD(s, ecx), ADD(s, edx), ADD(s, edi), ADD(s, esi);
}

kern_return_t registers_read(thread_read_t thread, struct registers *registers)
{
	mach_msg_type_number_t count = x86_THREAD_STATE_COUNT;
	x86_thread_state_t state;
	kern_return_t kr =
		thread_get_state(thread, x86_THREAD_STATE, (thread_state_t)&state, &count);

	registers->count = 0;
	if (kr == KERN_SUCCESS && state.tsh.flavor == x86_THREAD_STATE64)
		fill_64(registers, &state.uts.ts64);
	else if (kr == KERN_SUCCESS)
		fill_32(registers, &state.uts.ts32);
	return kr;
}
#else
kern_return_t registers_read(thread_read_t thread, struct registers *registers)
{
	static const char *const names[] = {
		"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",
		"x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19",
		"x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28"};
	mach_msg_type_number_t count = ARM_THREAD_STATE64_COUNT;
	arm_thread_state64_t state;
	kern_return_t kr =
		thread_get_state(thread, ARM_THREAD_STATE64, (thread_state_t)&state, &count);

	registers->count = 0;
	if (kr != KERN_SUCCESS)
		return kr;
	ADD(&state, pc), ADD(&state, sp), ADD(&state, fp), ADD(&state, lr);
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		add(registers, names[i], state.__x[i]);
	return kr;
}
#endif
