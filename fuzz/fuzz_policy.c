/* SPDX-License-Identifier: MIT */
/* fuzz_policy.c - the policy of the broker, of any text, and what it then decides. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

static bool find(const char *name, unsigned *id)
{
	*id = (unsigned)strlen(name);
	return name[0] != 'x';
}

static enum policy_runs runs(const char *program, void *context)
{
	return (enum policy_runs)(strlen(program) % 3);
}

/* Whoever is denied a right is denied more by the same rules when each only allows. */
static void judge(const struct policy *policy, bool denies)
{
	static const gid_t groups[] = {0, 3, 4};
	struct policy_request request = {.uid = 4, .groups = groups, .group_count = 3, .owner_known = true};
	bool allowed = false;

	for (int right = MACHVM_RIGHT_CONTROL; right <= MACHVM_RIGHT_NAME; right++) {
		const struct policy_rule *rule;

		request.right = (enum machvm_right)right;
		rule = policy_judge(policy, &request, runs, NULL);
		check(!rule || (rule->allow && rule->right <= request.right));
		check(denies || !allowed || rule);
		allowed |= rule != NULL;
	}
	check(policy->count || !allowed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct policy_names names = {find, find};
	char *text = malloc(size + 1);
	const char *wrong = NULL;
	struct policy policy;
	bool denies = false;
	unsigned line;

	memcpy(text, data, size);
	text[size] = '\0';
	if (policy_parse(&policy, text, &names, &line, &wrong)) {
		check(!policy.count && !policy.rules && line && wrong);
	} else {
		for (size_t i = 0; i < policy.count; i++) {
			denies |= !policy.rules[i].allow;
			check(!policy.rules[i].program || policy.rules[i].program[0] == '/');
			check(i == 0 || policy.rules[i - 1].line < policy.rules[i].line);
		}
		judge(&policy, denies);
		policy_free(&policy);
	}
	free(text);
	return 0;
}
