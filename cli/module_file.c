/* SPDX-License-Identifier: MIT */
/*
 * module_file - from a module in memory to the file that holds its symbols.
 *
 * The path in a list of regions may by now lead to another file, or nowhere: a
 * package was upgraded, the target lives in another mount namespace. So every
 * candidate must show the same first page as the one in the target's memory,
 * where the ELF header, the program headers and as a rule the build-id are.
 * The separate debug file is found by build-id or .gnu_debuglink.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gelf.h>

#include "memory.h"
#include "modules.h"
#include "process.h"

#define FIRST_PAGE 4096

/*
 * Opens regular files only: opening a device can have effects, and a pipe waits. What was
 * looked at is what is opened, whoever renames what meanwhile.
 */
static int open_regular(const char *path)
{
	int place = open(path, O_PATH | O_CLOEXEC), fd = -1;
	struct stat status;
	char link[40];

	if (place < 0)
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", place);
	if (!fstat(place, &status) && S_ISREG(status.st_mode))
		fd = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	close(place);
	return fd;
}

/*
 * A debug file beside the program, or below the system's directory of them. The target
 * chooses both names; a link with a slash in it would lead anywhere.
 */
static int open_debug_file(const char *program, const char *link)
{
	static const char *const places[] = {"%.*s/%s%s", "%.*s/.debug/%s%s",
					     "/usr/lib/debug%.*s/%s%s"};
	const char *slash = strrchr(program, '/'), *name = link;
	char path[2 * PATH_MAX];
	int fd = -1;
	size_t i;

	/* The vDSO has no neighbours. */
	if (!slash || (link && strchr(link, '/')))
		return -1;
	if (!link)
		name = slash + 1;
	for (i = 0; i < sizeof(places) / sizeof(places[0]) && fd < 0; i++) {
		snprintf(path, sizeof(path), places[i], (int)(slash - program), program, name,
			 link ? "" : ".debug");
		fd = open_regular(path);
	}
	return fd;
}

/*
 * libdwfl would open whatever has the name. It is given a file that is open already, by
 * its number in the directory of our descriptors, and goes on checking whether it fits.
 */
static int find_debuginfo(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
			  const char *program, const char *link, GElf_Word checksum, char **found)
{
	int fd = program ? open_debug_file(program, link) : -1, result;
	char number[16];

	if (fd < 0)
		return dwfl_build_id_find_debuginfo(module, data, name, base, NULL, NULL, 0, found);
	snprintf(number, sizeof(number), "%d", fd);
	result = dwfl_standard_find_debuginfo(module, data, name, base, "/proc/self/fd/none",
					      number, link ? checksum : 0, found);
	close(fd);
	return result;
}

static const Dwfl_Callbacks callbacks = {
	/* Files are handed to libdwfl opened, so it never looks for them itself. */
	.find_elf = dwfl_linux_proc_find_elf,
	.find_debuginfo = find_debuginfo,
};

static int is_mapped_file(int fd, const struct module *module, const struct target *target)
{
	unsigned char in_memory[FIRST_PAGE], in_file[FIRST_PAGE] = {0};
	struct stat status;

	if (machvm_read(target->task, module->start, in_memory, FIRST_PAGE, 0) == KERN_SUCCESS)
		return pread(fd, in_file, FIRST_PAGE, (off_t)module->offset) > 0 &&
		       !memcmp(in_memory, in_file, FIRST_PAGE);
	/* Code that may be run but not read: the inode has to do. */
	return !fstat(fd, &status) && status.st_ino == module->inode;
}

/*
 * Where the mapped file may be found: by its path, by its path where the target
 * lives, through the kernel's own links. Those lead to files without a name as
 * well; map_files needs CAP_CHECKPOINT_RESTORE.
 */
static int name_candidate(unsigned index, const struct module *module, int pid, char *path,
			  size_t size)
{
	switch (index) {
	case 0:
		return snprintf(path, size, "%s", module->path);
	case 1:
		return snprintf(path, size, "/proc/%d/root%s", pid, module->path);
	case 2:
		return snprintf(path, size, "/proc/%d/map_files/%llx-%llx", pid,
				(unsigned long long)module->start,
				(unsigned long long)module->first_end);
	case 3:
		return module->program ? snprintf(path, size, "/proc/%d/exe", pid) : -1;
	default:
		return -1;
	}
}

/* Opens the mapped file; `path` becomes the name that leads to its neighbours. */
static int open_file(const struct module *module, const struct target *target, char *path,
		     size_t size)
{
	unsigned i;

	for (i = 0; name_candidate(i, module, target->pid, path, size) > 0; i++) {
		int fd = open_regular(path);

		if (i > 1)
			snprintf(path, size, "%s", module->path);
		if (fd >= 0 && is_mapped_file(fd, module, target))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

/* The vDSO is nobody's file; its image in the target is complete. */
static int open_image(const struct module *module, const struct target *target)
{
	size_t size = module->end - module->start;
	unsigned char *image = memory_resize(NULL, size, 1);
	int fd = -1;

	if (machvm_read(target->task, module->start, image, size, 0) == KERN_SUCCESS)
		fd = memfd_create("vdso", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, image, size) != (ssize_t)size) {
		close(fd);
		fd = -1;
	}
	free(image);
	return fd;
}

/* How far the loader moved the file: what to add to the addresses written in it. */
static int find_bias(int fd, const struct module *module, uint64_t *bias)
{
	Elf *elf;
	size_t count = 0, i;
	int r = -1;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || elf_getphdrnum(elf, &count))
		count = 0;
	for (i = 0; i < count && r; i++) {
		GElf_Phdr header;

		if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_LOAD)
			continue;
		if (module->offset + FIRST_PAGE <= header.p_offset ||
		    module->offset >= header.p_offset + header.p_filesz)
			continue;
		*bias = module->start - module->offset + header.p_offset - header.p_vaddr;
		r = 0;
	}
	elf_end(elf);
	return r;
}

static Dwfl_Module *report(struct module *module, int fd, const char *path, uint64_t bias)
{
	Dwfl_Module *symbols;

	/* Debug files are those of this machine: looking for a symbol calls no server. */
	unsetenv("DEBUGINFOD_URLS");
	module->dwfl = dwfl_begin(&callbacks);
	if (!module->dwfl)
		return NULL;
	dwfl_report_begin(module->dwfl);
	symbols = dwfl_report_elf(module->dwfl, module->name, path, fd, bias, true);
	dwfl_report_end(module->dwfl, NULL, NULL);
	return symbols;
}

static void note_trouble(struct module *module, const struct target *target, int found)
{
	static const char kept[] =
		"%s was deleted or replaced after %s (%d) had mapped it; its symbols come from the "
		"file that is still mapped";
	static const char gone[] =
		"%s was deleted or replaced after %s (%d) had mapped it, and its symbols cannot be "
		"read any more; give the address as %s+OFFSET";
	static const char other[] =
		"%s is not or no longer the file that %s (%d) has mapped, or cannot be read, so "
		"that its symbols are not known; give the address as %s+OFFSET";
	const char *format = found ? kept : module->deleted ? gone : other;

	if (found && !module->deleted)
		return;
	if (asprintf(&module->trouble, format, module->path, target->name, target->pid,
		     module->name) < 0)
		module->trouble = NULL;
}

Dwfl_Module *module_symbols(struct module *module, const struct target *target)
{
	char path[PATH_MAX + 64];
	uint64_t bias;
	int fd;

	if (module->opened)
		return module->symbols;
	module->opened = 1;
	snprintf(path, sizeof(path), "%s", module->path);
	if (path[0] == '/')
		fd = open_file(module, target, path, sizeof(path));
	else
		fd = open_image(module, target);
	if (module->path[0] == '/' && (fd >= 0 || module->executable))
		note_trouble(module, target, fd >= 0);
	if (fd < 0)
		return NULL;
	if (!find_bias(fd, module, &bias))
		module->symbols = report(module, fd, path, bias);
	if (!module->symbols)
		close(fd);
	return module->symbols;
}
