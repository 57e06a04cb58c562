/* SPDX-License-Identifier: MIT */
/*
 * modules - the programs and libraries mapped into a target, and the files that
 * hold their symbols.
 */
#ifndef CLI_MODULES_H
#define CLI_MODULES_H

#include <elfutils/libdwfl.h>

#include "region_list.h"
#include "target.h"

struct module {
	char *path;          /* as mapped, without " (deleted)"; "[vdso]" */
	const char *name;    /* its last part */
	uint64_t start, end; /* from its first region to its last */
	uint64_t first_end;  /* of the first region */
	uint64_t offset;     /* of the first region in the file */
	uint64_t inode;
	int deleted;    /* the mapped file has no name any more */
	int executable; /* some region of it is */
	int program;    /* it is the program itself */
	/* What module_symbols() found out, once. */
	int opened;
	Dwfl *dwfl;
	Dwfl_Module *symbols; /* null when it has none that can be read */
	char *trouble;        /* a sentence about its file, or null */
};

struct module_list {
	struct module *items;
	size_t count;
};

/* Finds the modules among the regions of the target. */
void modules_find(struct module_list *list, const struct region_list *regions,
		  const struct target *target);
void modules_free(struct module_list *list);

/*
 * Does `name` call the module? By its path, by the last part of it, or by what
 * of that precedes ".so" or "-2.31.so": libc is libc.so.6.
 */
int module_is(const struct module *module, const char *name);

/*
 * The module's symbols, those of a separate debug file included, at the
 * addresses they have in the target. Null when there are none; ->trouble says
 * why when the file is to blame.
 */
Dwfl_Module *module_symbols(struct module *module, const struct target *target);

#endif
