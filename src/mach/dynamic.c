/* SPDX-License-Identifier: MIT */
/*
 * dynamic.c - from the auxiliary vector to the program headers, from there to the dynamic
 * section, and from there to what the linker has left for debuggers (DT_DEBUG).
 */
#include "dynamic.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "descriptor.h"
#include "transfer.h"

/* The same fields of either word length. */
struct segment {
	uint32_t type;
	uint64_t address, size;
};

struct walk {
	struct machvm__target *target;
	bool wide;
	uint64_t headers, count;
};

static bool fetch(struct walk *walk, uint64_t raddr, void *data, size_t size)
{
	struct machvm__fault unused;

	return machvm__transfer_fetch(walk->target, raddr, data, size, &unused);
}

static void note(struct walk *walk, uint64_t type, uint64_t value)
{
	if (type == AT_PHDR)
		walk->headers = value;
	else if (type == AT_PHNUM)
		walk->count = value;
}

static int read_vector(struct walk *walk)
{
	union {
		uint64_t wide[128];
		uint32_t narrow[256];
	} words = {{0}};
	int fd = machvm__target_open_named(walk->target, "auxv");
	ssize_t n;

	if (fd < 0)
		return fd;
	n = machvm__descriptor_read(fd, &words, sizeof(words));
	machvm__descriptor_close(fd);
	if (n < 0)
		return (int)n;
	for (unsigned i = 0; i + 1 < sizeof(words) / (walk->wide ? 8 : 4); i += 2) {
		if (walk->wide)
			note(walk, words.wide[i], words.wide[i + 1]);
		else
			note(walk, words.narrow[i], words.narrow[i + 1]);
	}
	return 0;
}

static bool read_segment(struct walk *walk, uint64_t index, struct segment *segment)
{
	Elf64_Phdr wide;
	Elf32_Phdr narrow;

	if (walk->wide) {
		if (!fetch(walk, walk->headers + index * sizeof(wide), &wide, sizeof(wide)))
			return false;
		*segment = (struct segment){wide.p_type, wide.p_vaddr, wide.p_memsz};
		return true;
	}
	if (!fetch(walk, walk->headers + index * sizeof(narrow), &narrow, sizeof(narrow)))
		return false;
	*segment = (struct segment){narrow.p_type, narrow.p_vaddr, narrow.p_memsz};
	return true;
}

static bool read_entry(struct walk *walk, uint64_t raddr, int64_t *tag, uint64_t *value)
{
	Elf64_Dyn wide;
	Elf32_Dyn narrow;

	if (walk->wide) {
		if (!fetch(walk, raddr, &wide, sizeof(wide)))
			return false;
		*tag = wide.d_tag;
		*value = wide.d_un.d_ptr;
		return true;
	}
	if (!fetch(walk, raddr, &narrow, sizeof(narrow)))
		return false;
	*tag = narrow.d_tag;
	*value = narrow.d_un.d_ptr;
	return true;
}

/* Where the dynamic section is; false without one. The program may be loaded elsewhere than
 * its headers say. */
static bool find_section(struct walk *walk, struct segment *section)
{
	uint64_t moved = 0;
	bool found = false;

	for (uint64_t i = 0; i < walk->count && i < 256; i++) {
		struct segment segment;

		if (!read_segment(walk, i, &segment))
			return false;
		if (segment.type == PT_PHDR)
			moved = walk->headers - segment.address;
		if (segment.type == PT_DYNAMIC) {
			*section = segment;
			found = true;
		}
	}
	section->address += found ? moved : 0;
	return found;
}

int machvm__dynamic_links(struct machvm__target *target, int word, uint64_t *raddr)
{
	struct walk walk = {.target = target, .wide = word != 4};
	unsigned size = walk.wide ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
	struct segment section = {0};
	int r = read_vector(&walk);

	*raddr = 0;
	if (r || !find_section(&walk, &section))
		return r;
	for (uint64_t at = 0; at + size <= section.size && at < 65536; at += size) {
		uint64_t value;
		int64_t tag;

		if (!read_entry(&walk, section.address + at, &tag, &value) || tag == DT_NULL)
			break;
		if (tag == DT_DEBUG) {
			*raddr = value;
			break;
		}
	}
	return 0;
}
