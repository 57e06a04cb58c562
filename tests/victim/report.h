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

/*
 * Large reports go through memory that the test has lent, as descriptor
 * REPORT_MAILBOX of REPORT_ROOM bytes. Maps it; a victim without one still runs.
 */
enum { REPORT_MAILBOX = 5, REPORT_ROOM = 1 << 18 };
void report_start(void);

/*
 * Answers "ok PAGES", with one such letter for each page of the range at the
 * beginning of the mailbox and the pages themselves REPORT_PAGES behind it.
 */
enum { REPORT_PAGES = 4096 };
void report_dump(struct channel *channel, uint64_t address, size_t size);
/* Answers "ok SUM" over bytes that must all be there. */
void report_sum(struct channel *channel, uint64_t address, size_t size);
/* Answers "ok BYTES", with the contents of the file that was laid at `address` in the mailbox. */
void report_file(struct channel *channel, uint64_t address, size_t size);
/* Answers "ok BYTES", with the text of a file such as /proc/self/maps in the mailbox. */
void report_own(struct channel *channel, const char *path);

#endif
