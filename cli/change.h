/* SPDX-License-Identifier: MIT */
/* change - what the verbs that change a process have in common: TASK comes first, then the rest. */
#ifndef CLI_CHANGE_H
#define CLI_CHANGE_H

#include <mach/kern_return.h>

#include "address.h"
#include "target.h"

/* `request` is the verb's own. */
struct change {
	/* What the words behind TASK say; complains. Nothing is changed yet. */
	int (*resolve)(void *request, struct layout *layout, char **words);
	kern_return_t (*make)(void *request, const struct target *target);
	/* It is done. */
	void (*report)(const void *request, const struct target *target);
};

/* Opens TASK with the control right, and makes the change. The status. */
int change_run(const struct change *change, void *request, char **words);

#endif
