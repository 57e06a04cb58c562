/* SPDX-License-Identifier: MIT */
/*
 * modules - the programs and libraries mapped into a target.
 *
 * A module is a run of regions of one file, which a loader places one after the
 * other. Only the list of regions is looked at; the files are module_file.c's.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "modules.h"
#include "process.h"

static const char deleted_mark[] = " (deleted)";

static size_t path_length(const char *name, int *deleted)
{
	size_t length = strlen(name), mark = sizeof(deleted_mark) - 1;

	*deleted = length > mark && !strcmp(name + length - mark, deleted_mark);
	return *deleted ? length - mark : length;
}

static int is_file(const struct region *region)
{
	return region->name[0] == '/' || !strcmp(region->name, "[vdso]");
}

/* A file is mapped anew when its first page comes again after its code. */
static int continues(const struct module *module, const struct region *region)
{
	int deleted;
	size_t length = path_length(region->name, &deleted);

	if (module->inode != region->inode || strlen(module->path) != length ||
	    strncmp(module->path, region->name, length))
		return 0;
	return region->offset || !module->executable || (region->protection & VM_PROT_WRITE);
}

static struct module *add(struct module_list *list, const struct region *region)
{
	struct module *module;
	const char *slash;

	list->items = memory_resize(list->items, list->count + 1, sizeof(*list->items));
	module = &list->items[list->count++];
	*module = (struct module){
		.start = region->start,
		.first_end = region->end,
		.offset = region->offset,
		.inode = region->inode,
	};
	module->path = memory_text(region->name, path_length(region->name, &module->deleted));
	slash = strrchr(module->path, '/');
	module->name = slash ? slash + 1 : module->path;
	return module;
}

void modules_find(struct module_list *list, const struct region_list *regions,
		  const struct target *target)
{
	char program[PATH_MAX];
	int known = !process_program(target->pid, program);
	struct module *module = NULL;
	size_t i;

	*list = (struct module_list){0};
	for (i = 0; i < regions->count; i++) {
		const struct region *region = &regions->items[i];

		if (!is_file(region))
			continue;
		if (!module || !continues(module, region))
			module = add(list, region);
		module->end = region->end;
		module->executable |= !!(region->protection & VM_PROT_EXECUTE);
		module->program |= module->executable && known && !strcmp(module->path, program);
	}
}

void modules_free(struct module_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (list->items[i].dwfl)
			dwfl_end(list->items[i].dwfl);
		free(list->items[i].trouble);
		free(list->items[i].path);
	}
	free(list->items);
	*list = (struct module_list){0};
}

int module_is(const struct module *module, const char *name)
{
	size_t length = strlen(name);
	const char *rest;

	if (!strcmp(module->path, name) || !strcmp(module->name, name))
		return 1;
	if (!length || strncmp(module->name, name, length))
		return 0;
	rest = module->name + length;
	if (rest[0] == '-' && rest[1] >= '0' && rest[1] <= '9')
		rest += 1 + strspn(rest + 1, "0123456789.");
	else if (rest[0] != '.')
		return 0;
	/* "-2.31." has swallowed the dot of ".so". */
	return !strncmp(rest, ".so", 3) || (rest[-1] == '.' && !strncmp(rest, "so", 2));
}
