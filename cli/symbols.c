/* SPDX-License-Identifier: MIT */
/* symbols - names of a live process and where they are in its memory. */
#include <stdio.h>
#include <string.h>

#include "failure.h"
#include "symbols.h"

#define LISTED 8 /* how many equal symbols the sentence names */

enum rank { RANK_NONE, RANK_LOCAL, RANK_WEAK, RANK_GLOBAL };

/* The best that was found so far; several addresses when they are equally good. */
struct search {
	const char *name;
	enum rank rank;
	unsigned type;
	uint64_t addresses[LISTED];
	const struct module *modules[LISTED];
	unsigned count;
};

int layout_read(struct layout *layout)
{
	int status;

	if (layout->known)
		return STATUS_DONE;
	status = region_list_read(&layout->regions, layout->target->task, 0, ~0ull, NULL);
	if (status)
		return status;
	modules_find(&layout->modules, &layout->regions, layout->target);
	layout->known = 1;
	return STATUS_DONE;
}

void layout_free(struct layout *layout)
{
	modules_free(&layout->modules);
	region_list_free(&layout->regions);
	layout->known = 0;
}

/* The program goes by its command name too: /usr/bin/redis-server is often a link. */
static int is_called(const struct layout *layout, const struct module *module, const char *name)
{
	return module_is(module, name) || (module->program && !strcmp(layout->target->name, name));
}

/* A program may map a library a second time just to look at it: code comes first. */
int layout_module(struct layout *layout, const char *name, struct module **module)
{
	unsigned count = 0;
	size_t i;

	*module = NULL;
	for (i = 0; i < layout->modules.count; i++) {
		struct module *one = &layout->modules.items[i];

		if (!is_called(layout, one, name))
			continue;
		if (*module && (*module)->executable > one->executable)
			continue;
		if (*module && (*module)->executable < one->executable)
			count = 0;
		*module = one;
		count++;
	}
	if (count <= 1)
		return STATUS_DONE;
	return failure_say(STATUS_USAGE,
			   "%s fits %u mapped files of %s (%d); give the whole path or the address "
			   "(machvm regions lists both)",
			   name, count, layout->target->name, layout->target->pid);
}

/* Symbol tables spell a version into the name: environ@GLIBC_2.2.5. */
static int name_fits(const char *name, const char *wanted)
{
	size_t length = strlen(wanted);

	return !strncmp(name, wanted, length) && (name[length] == '\0' || name[length] == '@');
}

static enum rank rank_of(const GElf_Sym *symbol)
{
	unsigned type = GELF_ST_TYPE(symbol->st_info);

	if (symbol->st_shndx == SHN_UNDEF || type == STT_SECTION || type == STT_FILE)
		return RANK_NONE;
	switch (GELF_ST_BIND(symbol->st_info)) {
	case STB_LOCAL:
		return RANK_LOCAL;
	case STB_WEAK:
		return RANK_WEAK;
	default:
		return RANK_GLOBAL;
	}
}

static void keep(struct search *search, enum rank rank, unsigned type, uint64_t address,
		 const struct module *module)
{
	unsigned i, kept = search->count < LISTED ? search->count : LISTED;

	if (rank < search->rank)
		return;
	if (rank > search->rank)
		kept = search->count = 0;
	for (i = 0; i < kept; i++) {
		if (search->addresses[i] == address)
			return;
	}
	if (kept < LISTED) {
		search->addresses[kept] = address;
		search->modules[kept] = module;
	}
	search->rank = rank;
	search->type = type;
	search->count++;
}

static void search_module(struct search *search, struct module *module, const struct target *target)
{
	Dwfl_Module *symbols = module_symbols(module, target);
	int i, count = symbols ? dwfl_module_getsymtab(symbols) : 0;

	for (i = 0; i < count; i++) {
		GElf_Sym symbol;
		GElf_Addr address;
		const char *name =
			dwfl_module_getsym_info(symbols, i, &symbol, &address, NULL, NULL, NULL);
		enum rank rank = name && name_fits(name, search->name) ? rank_of(&symbol)
								       : RANK_NONE;

		if (rank != RANK_NONE)
			keep(search, rank, GELF_ST_TYPE(symbol.st_info), address, module);
	}
}

/* The program's own definition is the one that the dynamic linker gives to everybody. */
static void search_all(struct search *search, struct layout *layout)
{
	size_t i;

	for (i = 0; i < layout->modules.count; i++) {
		if (layout->modules.items[i].program)
			search_module(search, &layout->modules.items[i], layout->target);
	}
	if (search->rank > RANK_LOCAL)
		return;
	for (i = 0; i < layout->modules.count; i++) {
		struct module *module = &layout->modules.items[i];

		if (!module->program && module->executable && module->path[0] == '/')
			search_module(search, module, layout->target);
	}
}

static int complain_several(const struct search *search)
{
	char list[LISTED * 128] = "";
	unsigned i, listed = search->count < LISTED ? search->count : LISTED;
	size_t length = 0;

	for (i = 0; i < listed; i++)
		length += (size_t)snprintf(
			list + length, sizeof(list) - length, "%s0x%llx in %.80s", i ? ", " : "",
			(unsigned long long)search->addresses[i], search->modules[i]->name);
	return failure_say(STATUS_USAGE,
			   "%s is the name of %u symbols: %s%s; give MODULE:%s or the address",
			   search->name, search->count, list,
			   search->count > LISTED ? " and more" : "", search->name);
}

/* A module that was searched in vain because its file is gone, or null. */
static const struct module *find_unreadable(const struct layout *layout)
{
	size_t i;

	for (i = 0; i < layout->modules.count; i++) {
		if (layout->modules.items[i].trouble && !layout->modules.items[i].symbols)
			return &layout->modules.items[i];
	}
	return NULL;
}

static int complain_none(const struct layout *layout, const struct module *module, const char *name)
{
	const struct module *unreadable = find_unreadable(layout);
	const struct target *target = layout->target;

	if (module && module->trouble && !module->symbols)
		return failure_say(STATUS_ADDRESS, "%s", module->trouble);
	if (module)
		return failure_say(
			STATUS_ADDRESS,
			"%s has no symbol %s; if it is stripped, its debug symbols are a "
			"package of their own, and %s+OFFSET needs none",
			module->path, name, module->name);
	return failure_say(STATUS_ADDRESS, "%s (%d) has no symbol and maps no file called %s%s%s",
			   target->name, target->pid, name,
			   unreadable ? "; not searched, because its file cannot be read: " : "",
			   unreadable ? unreadable->path : "");
}

int symbols_address(struct layout *layout, struct module *module, const char *name,
		    const struct module *fallback, uint64_t *address)
{
	struct search search = {.name = name};

	if (module)
		search_module(&search, module, layout->target);
	else
		search_all(&search, layout);
	if (!search.count && fallback) {
		*address = fallback->start;
		return STATUS_DONE;
	}
	if (!search.count)
		return complain_none(layout, module, name);
	if (search.count > 1)
		return complain_several(&search);
	if (search.type == STT_TLS)
		return failure_say(
			STATUS_ADDRESS,
			"%s is thread-local: every thread has its own, at an address that "
			"only the thread knows",
			name);
	if (search.modules[0]->trouble)
		failure_note("%s", search.modules[0]->trouble);
	*address = search.addresses[0];
	return STATUS_DONE;
}
