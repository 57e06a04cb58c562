/* SPDX-License-Identifier: MIT */
/*
 * policy.h - who may have which right to which programs. What no rule allows is
 * denied. Reading a policy and judging by it are functions of their arguments: names
 * of users are asked of the caller, and what a process runs is the caller's to find out.
 *
 *   # the first rule that fits decides
 *   allow user alice   read     program /usr/bin/redis-server
 *   allow group dba    control  program /usr/sbin/nginx  owner www-data
 *   deny  user *       inspect  program /usr/bin/gpg-agent
 *   allow user *       name     program *
 */
#ifndef BROKER_POLICY_H
#define BROKER_POLICY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <machvm.h>

enum policy_who { POLICY_ANYBODY, POLICY_USER, POLICY_GROUP };

struct policy_rule {
	bool allow;
	enum policy_who who;
	unsigned id;
	enum machvm_right right; /* allowed with all that is weaker; denied with all that is stronger */
	char *program;           /* null: any */
	bool owned;
	unsigned owner; /* whose the process must be, wholly, when `owned` */
	unsigned line;
};

struct policy {
	struct policy_rule *rules;
	size_t count;
};

/* Numbers for names. False when there is none. */
struct policy_names {
	bool (*user)(const char *name, unsigned *id);
	bool (*group)(const char *name, unsigned *id);
};

/*
 * Reads a text. 0; -EINVAL with the line and what is wrong with it; or -ENOMEM. A
 * policy that is not wholly understood is empty.
 */
int policy_parse(struct policy *policy, const char *text, const struct policy_names *names,
		 unsigned *line, const char **wrong);
void policy_free(struct policy *policy);
/* Is there a rule that allows just this right, to anybody? */
bool policy_gives(const struct policy *policy, enum machvm_right right);

struct policy_request {
	uid_t uid;
	const gid_t *groups;
	size_t group_count;
	enum machvm_right right;
	bool owner_known; /* all user ids of the process are the same */
	uid_t owner;
};

enum policy_runs { POLICY_RUNS_NOT, POLICY_RUNS, POLICY_RUNS_UNKNOWN };

/*
 * The rule that allows it, or null: denied. `runs` tells whether the process runs the
 * program with that path; it is asked for rules that fit otherwise. What cannot
 * be told, of the program or the owner, fits a rule that denies and none that allows.
 */
const struct policy_rule *policy_judge(const struct policy *policy,
				       const struct policy_request *request,
				       enum policy_runs (*runs)(const char *program, void *context),
				       void *context);

#endif
