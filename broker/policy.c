/* SPDX-License-Identifier: MIT */
/* policy.c - the words of a rule, and which rule fits. */
#include "policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MOST_RULES 4096
#define MOST_WORDS 9
#define BLANKS     " \t\r"

static const char *const rights[] = {"control", "read", "inspect", "name"};

/* One rule's words being taken, one after the other. */
struct reading {
	char *words[MOST_WORDS];
	size_t count, next;
	const struct policy_names *names;
	const char *wrong;
};

static const char *take(struct reading *reading)
{
	return reading->next < reading->count ? reading->words[reading->next++] : "";
}

static bool fail(struct reading *reading, const char *wrong)
{
	if (!reading->wrong)
		reading->wrong = wrong;
	return false;
}

/* A number, or a name that has one. */
static bool take_id(struct reading *reading, bool (*find)(const char *, unsigned *), unsigned *id)
{
	const char *word = take(reading);
	size_t digits = strspn(word, "0123456789");
	unsigned long long number;

	if (!*word)
		return fail(reading, "a name or a number is missing");
	if (word[digits])
		return find(word, id) || fail(reading, "there is no user or group of that name");
	number = digits < 11 ? strtoull(word, NULL, 10) : UINT_MAX;
	/* The last one stands for nobody at all. */
	if (number >= UINT_MAX)
		return fail(reading, "the number is too large");
	*id = (unsigned)number;
	return true;
}

static bool take_who(struct reading *reading, struct policy_rule *rule)
{
	const char *word = take(reading);

	if (!strcmp(word, "group")) {
		rule->who = POLICY_GROUP;
		return take_id(reading, reading->names->group, &rule->id);
	}
	if (strcmp(word, "user"))
		return fail(reading, "whom it is about is user or group");
	if (reading->next < reading->count && !strcmp(reading->words[reading->next], "*")) {
		reading->next++;
		rule->who = POLICY_ANYBODY;
		return true;
	}
	rule->who = POLICY_USER;
	return take_id(reading, reading->names->user, &rule->id);
}

static bool take_right(struct reading *reading, struct policy_rule *rule)
{
	const char *word = take(reading);

	for (int i = 0; i < 4; i++) {
		if (!strcmp(word, rights[i])) {
			rule->right = (enum machvm_right)i;
			return true;
		}
	}
	return fail(reading, "a right is control, read, inspect or name");
}

static bool take_program(struct reading *reading, struct policy_rule *rule)
{
	const char *word;

	if (strcmp(take(reading), "program"))
		return fail(reading, "program and its path are missing");
	word = take(reading);
	if (!strcmp(word, "*"))
		return true;
	if (word[0] != '/')
		return fail(reading, "a program is an absolute path, or *");
	rule->program = strdup(word);
	return rule->program || fail(reading, "no memory is left");
}

static bool take_owner(struct reading *reading, struct policy_rule *rule)
{
	if (reading->next == reading->count)
		return true;
	if (strcmp(take(reading), "owner"))
		return fail(reading, "after the program only owner may follow");
	rule->owned = true;
	return take_id(reading, reading->names->user, &rule->owner) &&
	       (reading->next == reading->count || fail(reading, "there are words too many"));
}

static bool read_rule(struct reading *reading, struct policy_rule *rule)
{
	const char *word = take(reading);

	rule->allow = !strcmp(word, "allow");
	if (!rule->allow && strcmp(word, "deny"))
		return fail(reading, "a rule begins with allow or deny");
	return take_who(reading, rule) && take_right(reading, rule) &&
	       take_program(reading, rule) && take_owner(reading, rule);
}

/* Cuts a line into words; a comment ends it. A name may have a # in it, and may not be cut there. */
static bool cut(struct reading *reading, char *line)
{
	for (char *rest = line, *word; (word = strsep(&rest, BLANKS));) {
		if (!*word)
			continue;
		if (*word == '#')
			break;
		if (strchr(word, '#'))
			return fail(reading, "a comment begins after a blank, and no name has a # in it");
		if (reading->count == MOST_WORDS)
			return fail(reading, "there are words too many");
		reading->words[reading->count++] = word;
	}
	return true;
}

static int add(struct policy *policy, const struct policy_rule *rule)
{
	struct policy_rule *grown;

	if (policy->count == MOST_RULES)
		return -EINVAL;
	grown = reallocarray(policy->rules, policy->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	policy->rules = grown;
	grown[policy->count++] = *rule;
	return 0;
}

static int read_line(struct policy *policy, char *text, const struct policy_names *names,
		     unsigned line, const char **wrong)
{
	struct reading reading = {.names = names};
	struct policy_rule rule = {.line = line};
	int r;

	if (cut(&reading, text) && !reading.count)
		return 0;
	if (reading.wrong || !read_rule(&reading, &rule)) {
		free(rule.program);
		*wrong = reading.wrong;
		return -EINVAL;
	}
	r = add(policy, &rule);
	if (r)
		free(rule.program);
	*wrong = "there are rules too many";
	return r;
}

int policy_parse(struct policy *policy, const char *text, const struct policy_names *names,
		 unsigned *line, const char **wrong)
{
	char *copy = strdup(text), *rest = copy, *one;
	int r = copy ? 0 : -ENOMEM;

	*policy = (struct policy){0};
	*line = 0;
	while (!r && (one = strsep(&rest, "\n"))) {
		++*line;
		r = read_line(policy, one, names, *line, wrong);
	}
	free(copy);
	if (r)
		policy_free(policy);
	return r;
}

void policy_free(struct policy *policy)
{
	for (size_t i = 0; i < policy->count; i++)
		free(policy->rules[i].program);
	free(policy->rules);
	*policy = (struct policy){0};
}

bool policy_gives(const struct policy *policy, enum machvm_right right)
{
	for (size_t i = 0; i < policy->count; i++)
		if (policy->rules[i].allow && policy->rules[i].right == right)
			return true;
	return false;
}

static bool is_who(const struct policy_rule *rule, const struct policy_request *request)
{
	if (rule->who == POLICY_ANYBODY)
		return true;
	if (rule->who == POLICY_USER)
		return rule->id == request->uid;
	for (size_t i = 0; i < request->group_count; i++)
		if (rule->id == request->groups[i])
			return true;
	return false;
}

static bool is_owner(const struct policy_rule *rule, const struct policy_request *request)
{
	if (!rule->owned)
		return true;
	return request->owner_known ? rule->owner == request->owner : !rule->allow;
}

static bool is_right(const struct policy_rule *rule, const struct policy_request *request)
{
	return rule->allow ? request->right >= rule->right : request->right <= rule->right;
}

const struct policy_rule *policy_judge(const struct policy *policy,
				       const struct policy_request *request,
				       enum policy_runs (*runs)(const char *program, void *context),
				       void *context)
{
	for (size_t i = 0; i < policy->count; i++) {
		const struct policy_rule *rule = &policy->rules[i];

		enum policy_runs program;

		if (!is_who(rule, request) || !is_right(rule, request) || !is_owner(rule, request))
			continue;
		program = rule->program ? runs(rule->program, context) : POLICY_RUNS;
		if (program == POLICY_RUNS || (program == POLICY_RUNS_UNKNOWN && !rule->allow))
			return rule->allow ? rule : NULL;
	}
	return NULL;
}
