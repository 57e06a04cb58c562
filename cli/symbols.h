/* SPDX-License-Identifier: MIT */
/* symbols - names of a live process and where they are in its memory. */
#ifndef CLI_SYMBOLS_H
#define CLI_SYMBOLS_H

#include <stdint.h>

#include "modules.h"
#include "region_list.h"
#include "target.h"

/* What is known about the target's layout; read when it is first needed. */
struct layout {
	const struct target *target;
	int known;
	struct region_list regions;
	struct module_list modules;
};

int layout_read(struct layout *layout);
void layout_free(struct layout *layout);

/*
 * The module that `name` calls. Null and STATUS_DONE when there is none; a name
 * that fits several is complained about.
 */
int layout_module(struct layout *layout, const char *name, struct module **module);

/*
 * The address of a symbol, in one module or (null) in all of them: the program's
 * own comes before the libraries', a global one before a local one, and two
 * equals are complained about. When there is none, it is where `fallback`
 * begins, a module of that name; without one that is complained about too.
 */
int symbols_address(struct layout *layout, struct module *module, const char *name,
		    const struct module *fallback, uint64_t *address);

#endif
