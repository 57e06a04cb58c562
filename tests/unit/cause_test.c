/* SPDX-License-Identifier: MIT */
/* Why a page could not be moved, as far as a look at it afterwards can tell. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "fork_notice.h"
#include "survey.h"

static char *fresh_page(int protection)
{
	char *page = mmap(NULL, machvm__page_size(), protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(page, MAP_FAILED);
	return page;
}

/* What a failed try of that page is put down to. */
static enum machvm__cause cause_of(enum machvm__direction access, const char *page)
{
	struct machvm__fault fault = {0};

	machvm__fork_notice();
	machvm__survey_explain(machvm__target_own(), access, (uintptr_t)page + 5, 0, -EFAULT, "copy",
	                       &fault);
	assert_int_equal(fault.raddr, (uintptr_t)page + 5);
	assert_int_equal(fault.error, EFAULT);
	assert_string_equal(fault.step, "copy");
	return fault.cause;
}

/* Nothing stands in the way of such a page: only its absence at that instant could. */
static void page_that_is_there_was_away(void **state)
{
	char *page = fresh_page(PROT_READ | PROT_WRITE);

	memset(page, 1, machvm__page_size());
	assert_int_equal(cause_of(MACHVM__WRITE, page), MACHVM__CAUSE_RESTLESS);
	assert_int_equal(cause_of(MACHVM__READ, page), MACHVM__CAUSE_RESTLESS);
	munmap(page, machvm__page_size());
}

/* Whether a page that was only read is one of the process's own: not all kernels share one of zeros. */
static bool reading_makes_pages(void)
{
	char *page = fresh_page(PROT_READ | PROT_WRITE);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t word;

	(void)*(volatile char *)page;
	assert_int_equal(pread(fd, &word, sizeof(word),
	                       (off_t)((uintptr_t)page / machvm__page_size() * sizeof(word))),
	                 sizeof(word));
	close(fd);
	munmap(page, machvm__page_size());
	return word & MACHVM__PAGE_EXCLUSIVE;
}

/*
 * A page yet to be made has to be supplied before it can be written. Looking reads it: where
 * that makes it, the page is there afterwards.
 */
static void page_that_is_yet_to_be_made_was_not_supplied(void **state)
{
	char *page = fresh_page(PROT_READ | PROT_WRITE);

	assert_int_equal(cause_of(MACHVM__WRITE, page),
	                 reading_makes_pages() ? MACHVM__CAUSE_RESTLESS : MACHVM__CAUSE_CONTENTS);
	munmap(page, machvm__page_size());
}

static void page_that_permits_no_writing_was_protected(void **state)
{
	char *page = fresh_page(PROT_READ);

	assert_int_equal(cause_of(MACHVM__WRITE, page), MACHVM__CAUSE_PROTECTED);
	munmap(page, machvm__page_size());
	assert_int_equal(cause_of(MACHVM__WRITE, page), MACHVM__CAUSE_UNMAPPED);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(page_that_is_there_was_away),
	cmocka_unit_test(page_that_is_yet_to_be_made_was_not_supplied),
	cmocka_unit_test(page_that_permits_no_writing_was_protected),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
