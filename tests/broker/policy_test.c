/* SPDX-License-Identifier: MIT */
/* The policy: what a text means, what is wrong with it, and which rule decides. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy.h"

static bool find_user(const char *name, unsigned *id)
{
	*id = 1000;
	return !strcmp(name, "alice");
}

static bool find_group(const char *name, unsigned *id)
{
	*id = 50;
	return !strcmp(name, "staff");
}

static const struct policy_names names = {find_user, find_group};

static struct policy parsed(const char *text)
{
	struct policy policy;
	const char *wrong = "";
	unsigned line;

	if (policy_parse(&policy, text, &names, &line, &wrong) != 0)
		fail_msg("line %u of \"%s\": %s", line, text, wrong);
	return policy;
}

static enum policy_runs runs(const char *program, void *context)
{
	const char *running = context;

	if (!running)
		return POLICY_RUNS_UNKNOWN;
	return strcmp(program, running) ? POLICY_RUNS_NOT : POLICY_RUNS;
}

/* Which line allows user 1000 of group 50 it; 0 for none. */
static unsigned decide(const char *text, uid_t uid, enum machvm_right right, const char *program)
{
	const gid_t groups[] = {7, 50};
	struct policy_request request = {.uid = uid,
					 .groups = groups,
					 .group_count = uid == 1000 ? 2 : 1,
					 .right = right,
					 .owner_known = true,
					 .owner = 33};
	struct policy policy = parsed(text);
	const struct policy_rule *rule =
		policy_judge(&policy, &request, runs, (void *)(uintptr_t)program);
	unsigned line = rule ? rule->line : 0;

	policy_free(&policy);
	return line;
}

static void empty_policy_denies_everything(void **state)
{
	static const char *const texts[] = {"", "\n\n", "# allow user * control program *\n", " \t\n#"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (int right = 0; right < 4; right++)
			assert_int_equal(decide(texts[i], 0, (enum machvm_right)right, "/a"), 0);
}

static void rule_allows_its_right_and_weaker_ones(void **state)
{
	const char *text = "\nallow user alice read program /a\n";

	assert_int_equal(decide(text, 1000, MACHVM_RIGHT_CONTROL, "/a"), 0);
	assert_int_equal(decide(text, 1000, MACHVM_RIGHT_READ, "/a"), 2);
	assert_int_equal(decide(text, 1000, MACHVM_RIGHT_INSPECT, "/a"), 2);
	assert_int_equal(decide(text, 1000, MACHVM_RIGHT_NAME, "/a"), 2);
}

static void rule_is_for_its_user_group_and_program(void **state)
{
	assert_int_equal(decide("allow user alice read program /a", 1001, MACHVM_RIGHT_READ, "/a"), 0);
	assert_int_equal(decide("allow user alice read program /a", 1000, MACHVM_RIGHT_READ, "/b"), 0);
	assert_int_equal(decide("allow user alice read program /a", 1000, MACHVM_RIGHT_READ, NULL), 0);
	assert_int_equal(decide("allow group staff read program *", 1000, MACHVM_RIGHT_READ, "/b"), 1);
	assert_int_equal(decide("allow group staff read program *", 1001, MACHVM_RIGHT_READ, "/b"), 0);
	assert_int_equal(decide("allow group 7 read program *", 1001, MACHVM_RIGHT_READ, "/b"), 1);
	assert_int_equal(decide("allow user 1001 read program *", 1001, MACHVM_RIGHT_READ, NULL), 1);
	assert_int_equal(decide("allow user * read program *", 77, MACHVM_RIGHT_READ, "/b"), 1);
}

static void first_rule_that_fits_decides(void **state)
{
	const char *text = "deny user * inspect program /secret\n"
			   "allow user * read program *\n"
			   "allow user alice control program /a";

	assert_int_equal(decide(text, 1000, MACHVM_RIGHT_READ, "/secret"), 0);
	assert_int_equal(decide(text, 1000, MACHVM_RIGHT_INSPECT, "/secret"), 0);
	/* Less than what is denied. */
	assert_int_equal(decide(text, 1000, MACHVM_RIGHT_NAME, "/secret"), 2);
	assert_int_equal(decide(text, 1000, MACHVM_RIGHT_READ, "/a"), 2);
	assert_int_equal(decide(text, 1000, MACHVM_RIGHT_CONTROL, "/a"), 3);
	/* Perhaps it is the secret one. */
	assert_int_equal(decide(text, 1000, MACHVM_RIGHT_READ, NULL), 0);
}

static void owner_must_be_known_to_be_allowed(void **state)
{
	struct policy policy = parsed("allow user * read program * owner 33");
	struct policy_request request = {
		.uid = 5, .right = MACHVM_RIGHT_READ, .owner_known = true, .owner = 33};

	assert_non_null(policy_judge(&policy, &request, runs, NULL));
	request.owner = 34;
	assert_null(policy_judge(&policy, &request, runs, NULL));
	request.owner = 33;
	request.owner_known = false;
	assert_null(policy_judge(&policy, &request, runs, NULL));
	policy_free(&policy);
	policy = parsed("deny user * name program * owner 33\nallow user * read program *");
	assert_null(policy_judge(&policy, &request, runs, NULL));
	policy_free(&policy);
}

static void text_that_is_not_understood_is_refused_whole(void **state)
{
	static const char *const lines[] = {
		"allow", "permit user * read program *", "allow alice read program *",
		"allow user bob read program *", "allow group alice read program *",
		"allow user * write program *", "allow user * read", "allow user * read program",
		"allow user * read program redis-server", "allow user * read program /a owner",
		"allow user * read program /a owner bob", "allow user * read program /a group staff",
		"allow user * read program /a owner 1 more", "allow user 4294967295 read program *",
		"allow user 99999999999999999999 read program *", "allow user -1 read program *",
		"allow user 1x read program *", "allow group * read program *",
		"allow user * read program /a /b", "Allow user * read program *",
		"allow user * read program /a owner *", "a b c d e f g h i j k",
		"allow user * read program /a#b owner alice", "allow user * read program /a# comment"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *wrong = NULL;
		struct policy policy;
		char text[200];
		unsigned line = 0;

		snprintf(text, sizeof(text), "allow user * control program *\n%s\n", lines[i]);
		if (policy_parse(&policy, text, &names, &line, &wrong) != -EINVAL)
			fail_msg("\"%s\" is understood", lines[i]);
		assert_int_equal(line, 2);
		assert_non_null(wrong);
		assert_int_equal(policy.count, 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_policy_denies_everything),
		cmocka_unit_test(rule_allows_its_right_and_weaker_ones),
		cmocka_unit_test(rule_is_for_its_user_group_and_program),
		cmocka_unit_test(first_rule_that_fits_decides),
		cmocka_unit_test(owner_must_be_known_to_be_allowed),
		cmocka_unit_test(text_that_is_not_understood_is_refused_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
