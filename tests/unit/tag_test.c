/* SPDX-License-Identifier: MIT */
/* Tags of regions, in their names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <mach/vm_statistics.h>

#include "tag.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void every_tag_comes_back_from_its_name(void **state)
{
	for (unsigned tag = 1; tag <= 255; tag++) {
		char name[MACHVM__TAG_NAME], shown[64];

		machvm__tag_format(tag, name);
		/* What prctl(2) takes: at most 80 bytes, printable, and none of \`$[] */
		for (const char *at = name; *at; at++)
			assert_true(*at >= 0x20 && *at < 0x7f && !strchr("\\`$[]", *at));
		snprintf(shown, sizeof(shown), "[anon:%s]", name);
		assert_int_equal(machvm__tag_parse(shown), tag);
		snprintf(shown, sizeof(shown), "[anon_shmem:%s]", name);
		assert_int_equal(machvm__tag_parse(shown), tag);
		/* A file of that name is a file. */
		assert_int_equal(machvm__tag_parse(name), 0);
	}
}

static void name_that_only_looks_like_a_tag_is_none(void **state)
{
	static const char *const names[] = {
		"", "[", "[anon:", "[anon:]", "[anon:machvm tag ", "[anon:machvm tag ]",
		"[anon:machvm tag 0]", "[anon:machvm tag 07]", "[anon:machvm tag 256]",
		"[anon:machvm tag 99999999999999999999]", "[anon:machvm tag -1]",
		"[anon:machvm tag 7", "[anon:machvm tag 7]x", "[anon:machvm tag 7 ]",
		"[anon:machvm tag  7]", "[anon:machvm tag x]", "[anon:machvm tag 7x]", "[anon:mine]",
		"/tmp/[heap]", "[heapx]", "[vdso]", "[vvar]", "/usr/lib/libc.so.6", "[stackx]",
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (machvm__tag_parse(names[i]) != 0)
			fail_msg("\"%s\" has tag %u", names[i], machvm__tag_parse(names[i]));
}

static void customary_names_have_the_tags_of_their_use(void **state)
{
	assert_int_equal(machvm__tag_parse("[heap]"), VM_MEMORY_MALLOC);
	assert_int_equal(machvm__tag_parse("[stack]"), VM_MEMORY_STACK);
	assert_int_equal(machvm__tag_parse("[stack:4711]"), VM_MEMORY_STACK);
	assert_int_equal(machvm__tag_parse("[anon: glibc: malloc]"), VM_MEMORY_MALLOC);
	assert_int_equal(machvm__tag_parse("[anon: glibc: malloc arena]"), VM_MEMORY_MALLOC);
	assert_int_equal(machvm__tag_parse("[anon: glibc: pthread stack: 4711]"), VM_MEMORY_STACK);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_tag_comes_back_from_its_name),
	cmocka_unit_test(name_that_only_looks_like_a_tag_is_none),
	cmocka_unit_test(customary_names_have_the_tags_of_their_use),
};

int main(void)
{
	return cmocka_run_group_tests_name("tag", tests, NULL, NULL);
}
