/* SPDX-License-Identifier: MIT */
/*
 * The victim's view of its own memory, by its own loads. This is the truth that
 * every test compares with, so it uses none of the kernel's cross-process calls.
 */
#ifndef TESTS_REPORT_H
#define TESTS_REPORT_H

#include "channel.h"

/* How a page was read: by a load, through /proc/self/mem because loads fault, or not at all. */
enum { REPORT_LOADED = 'l', REPORT_FORCED = 'f', REPORT_NOTHING = 'x' };

/* Answers "ok PAGES", then for each page of the range one such letter and the page. */
void report_dump(struct channel *channel, uint64_t address, size_t size);
/* Answers "ok SUM" over bytes that must all be there. */
void report_sum(struct channel *channel, uint64_t address, size_t size);
/* As report_dump, with the contents of the file laid at `address` and no letters: "ok BYTES". */
void report_file(struct channel *channel, uint64_t address, size_t size);
/* Answers "ok BYTES", then the text of /proc/self/maps. */
void report_maps(struct channel *channel);

/* Copies from own memory; 0, or -EFAULT where a load raises a signal. */
int report_peek(void *to, const void *from, size_t size);

#endif
