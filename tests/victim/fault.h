/* SPDX-License-Identifier: MIT */
/*
 * One userfaultfd per process, which nobody serves until a test says so. Pages
 * that it holds back are the way to stop a transfer at a chosen page, for as
 * long as the test wants, without any timing.
 *
 * Every routine returns 0 or -errno.
 */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include <stddef.h>
#include <stdint.h>

/* Accesses to pages that are not there wait. */
int fault_register(void *address, size_t size);
/* Stores to pages wait, loads do not. The pages have to be there. */
int fault_protect(void *address, size_t size);
/* Pages not there are marked as lost: an access gets SIGBUS. After fault_register(). */
int fault_poison(void *address, size_t size);

/* Returns when somebody waits for a page; -ETIMEDOUT when nobody comes. */
int fault_wait(void);
/* Supplies the pages with a pattern and lets the waiters go on. */
int fault_serve(void *address, size_t size, uint64_t seed);
/* Permits stores again and lets the waiters go on. */
int fault_unprotect(void *address, size_t size);
/* Lets waiters try again, whatever the pages have become. */
int fault_wake(void *address, size_t size);

#endif
