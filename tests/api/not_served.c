/* SPDX-License-Identifier: MIT */
/*
 * An unprivileged target's userfaultfd holds back its own accesses only. The
 * kernel's copy on somebody's behalf fails at once: the contents cannot be
 * supplied, and nobody waits, with or without MACHVM_NOWAIT.
 */
#include "calls.h"
#include "ground.h"

static struct ground ground, local;

static void unserved_page_is_a_memory_error_at_once(void **state)
{
	static const char *const kinds[] = {"missing", "protected"};

	ground_open(&ground, PLACE_VICTIM, 8);
	ground_open_local(&local, 8);
	ground_lay(&local, 1, 6, "rw");
	for (unsigned kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		uint64_t address = ground.base + 2 * PAGE - 100;
		void *data = ground_pointer(&local, local.base + PAGE + 9);

		ground_lay(&ground, 0, 8, "rw");
		if (!ground_lay(&ground, 2, 1, kinds[kind]))
			continue;
		for (unsigned i = 0; i < write_call_count; i++) {
			trying("%s over %s", write_calls[i].name, kinds[kind]);
			expect_code(write_calls[i].run(ground.task, address, data, 200),
				    KERN_MEMORY_ERROR);
			expect_detail(KERN_MEMORY_ERROR, ground.base + 2 * PAGE);
			ground_verify(&ground);
		}
		for (unsigned i = 0; kind == 0 && i < read_call_count; i++) {
			trying("%s over %s", read_calls[i].name, kinds[kind]);
			expect_code(read_calls[i].run(ground.task, address, data, 200),
				    KERN_MEMORY_ERROR);
			expect_detail(KERN_MEMORY_ERROR, ground.base + 2 * PAGE);
			ground_verify(&local);
		}
	}
	ground_close(&ground);
	ground_close(&local);
}

static const struct CMUnitTest tests[] = {TEST(unserved_page_is_a_memory_error_at_once)};

HARNESS_MAIN_IF(tests, harness_require_unprivileged();)
