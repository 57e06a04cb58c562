/* SPDX-License-Identifier: MIT */
/* change - what the verbs that change a process have in common. */
#include "change.h"
#include "failure.h"
#include "interrupt.h"

static int make(const struct change *change, void *request, const struct target *target,
		char **words)
{
	struct layout layout = {.target = target};
	int status = change->resolve(request, &layout, words);
	kern_return_t kr;

	layout_free(&layout);
	if (status)
		return status;
	/* From here the change is finished first, and told; Ctrl-C comes too late to halve it. */
	interrupt_watch(NULL);
	kr = change->make(request, target);
	if (kr != KERN_SUCCESS)
		return failure_mach(kr);
	change->report(request, target);
	return STATUS_DONE;
}

int change_run(const struct change *change, void *request, char **words)
{
	struct target target;
	int status = target_open(&target, words[0], MACHVM_RIGHT_CONTROL);

	if (!status)
		status = make(change, request, &target, words + 1);
	target_close(&target);
	return status;
}
