/* SPDX-License-Identifier: MIT */
/* What a victim can do to the shape and the properties of its map, beyond laying pages. */
#ifndef TESTS_SHAPE_H
#define TESTS_SHAPE_H

#include <stddef.h>
#include <stdint.h>

/* All return 0 or -errno. */

/* Maps `size` bytes of a file, opened with `open_flags`, at exactly `address`. */
int shape_map(const char *path, void *address, size_t size, int protection, int flags,
	      int open_flags, uint64_t offset);

/* `count` regions of one page each, in turn readable (and touched) and not accessible. */
int shape_stripes(void *address, size_t count);

/* Names anonymous memory "machvm tag NUMBER". */
int shape_tag(void *address, size_t size, unsigned number);

#endif
