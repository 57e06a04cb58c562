/* SPDX-License-Identifier: MIT */
/*
 * tag.h - the tag of a region (VM_MEMORY_*), carried in its name.
 *
 * Linux lets a process name its anonymous memory (prctl(2) PR_SET_VMA_ANON_NAME,
 * Linux 5.17 with CONFIG_ANON_VMA_NAME), and shows the name to all who may read
 * its map: "[anon:NAME]", or "[anon_shmem:NAME]" when it is shared. Memory that
 * was allocated with tag 73 has the NAME "machvm tag 73".
 */
#ifndef MACHVM_TASK_TAG_H
#define MACHVM_TASK_TAG_H

#include <stddef.h>

#define MACHVM__TAG_NAME 16 /* "machvm tag 255" and its null */

/* The NAME for a tag from 1 to 255, as prctl(2) takes it. */
void machvm__tag_format(unsigned tag, char name[MACHVM__TAG_NAME]);

/*
 * The tag of a region, from its name in the map: what machvm__tag_format() gave
 * it; what the kernel ("[heap]", "[stack]") and the C library ("[anon: glibc:
 * malloc]", glibc 2.38) call what XNU has tags for; else 0.
 */
unsigned machvm__tag_parse(const char *name);

#endif
