/* SPDX-License-Identifier: MIT */
/* own_call.c - spelled for the ABI of this build, and made. */
#include "own_call.h"

#include "syscall.h"

#if defined(__x86_64__)
#define OWN_ABI MACHVM__ABI_X86_64
#elif defined(__i386__)
#define OWN_ABI MACHVM__ABI_I386
#elif defined(__aarch64__)
#define OWN_ABI MACHVM__ABI_AARCH64
#else
#define OWN_ABI MACHVM__ABI_NONE
#endif

int64_t machvm__own_call(enum machvm__call call, const uint64_t args[6])
{
	struct machvm__call_form form;
	int r = machvm__call_spell(OWN_ABI, call, args, &form);

	if (r)
		return r;
	return machvm__call_result(
		OWN_ABI, (unsigned long)machvm__syscall6(
				 (long)form.number, (long)form.args[0], (long)form.args[1],
				 (long)form.args[2], (long)form.args[3], (long)form.args[4],
				 (long)form.args[5]));
}
