/* SPDX-License-Identifier: MIT */
/*
 * What the owner of a ground finds in its own map, in one character a page: a
 * digit for the access (read 1, write 2, execute 4), '.' for a hole. A letter
 * from 'a' on instead of a digit says the same of a shared page.
 */
#ifndef TESTS_LAYOUT_H
#define TESTS_LAYOUT_H

#include "ground.h"

/* The owner's /proc/self/maps; to be freed. */
char *layout_maps(const struct ground *ground);

/* Where the owner's first region of this name begins; 0 when there is none. */
uint64_t layout_find(const struct ground *ground, const char *name);

/* Pages of the address space of the ground's owner, from `address` on, into `text`. */
void layout_read(const struct ground *ground, uint64_t address, unsigned pages, char *text);

/*
 * Tries each of that many rows of a table, by their numbers, as a routine of mach_vm_ and then,
 * which `*natural` tells, by the name that it has in vm_.
 */
void layout_each_row(unsigned rows, bool *natural, void (*run)(unsigned row));

#define expect_layout(ground, want) harness_expect_layout(__FILE__, __LINE__, (ground), (want))
void harness_expect_layout(const char *file, int line, const struct ground *ground,
			   const char *want);

#define expect_layout_at(ground, address, want) \
	harness_expect_layout_at(__FILE__, __LINE__, (ground), (address), (want))
void harness_expect_layout_at(const char *file, int line, const struct ground *ground,
			      uint64_t address, const char *want);

/* Kilobytes that the owner's smaps has of the page's region, as "Rss:". */
unsigned long layout_kilobytes(const struct ground *ground, uint64_t address, const char *field);

/* What "VmFlags" says of the page's region, as the owner's /proc/PID/smaps has it: contains it? */
bool layout_has_flag(const struct ground *ground, uint64_t address, const char *flag);

#endif
