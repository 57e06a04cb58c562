/* SPDX-License-Identifier: MIT */
/*
 * verdict.c - which gate decides.
 *
 * What was tried is the truth; the facts only say why. So a right that was had
 * is open whatever the facts look like (a process may have named us with
 * PR_SET_PTRACER, which nobody can see), and when it was refused the first gate
 * that the facts show closed is blamed, in the order of __ptrace_may_access()
 * and security_ptrace_access_check() (kernel/ptrace.c, security/commoncap.c,
 * security/yama/yama_lsm.c; the same from 4.5 to 6.18): ids or capability,
 * dumpable, capabilities of the target, Yama, other modules. What the facts do
 * not explain is a module's doing.
 */
#include "verdict.h"

#include <errno.h>
#include <string.h>

#define CAP_SYS_PTRACE 19

static bool has_capability(const struct machvm__credentials *caller)
{
	return caller->effective >> CAP_SYS_PTRACE & 1;
}

/* Does the caller's capability count in the target's user namespace? */
static bool capable(const struct machvm__gates *gates)
{
	return has_capability(&gates->caller) && gates->user_namespace != MACHVM__RELATION_OTHER;
}

static bool uniform(const int64_t *ids, int64_t id)
{
	return ids[MACHVM__REAL] == id && ids[MACHVM__EFFECTIVE] == id && ids[MACHVM__SAVED] == id;
}

static bool match(const struct machvm__gates *gates, int kind)
{
	return uniform(gates->target.uid, gates->caller.uid[kind]) &&
	       uniform(gates->target.gid, gates->caller.gid[kind]);
}

/* process_vm_* compare our real ids, files of /proc those for the file system: one is enough. */
static bool same_ids(const struct machvm__gates *gates)
{
	return match(gates, MACHVM__REAL) || match(gates, MACHVM__FILESYSTEM);
}

static bool attaches(enum machvm_right right)
{
	return right == MACHVM_RIGHT_CONTROL || right == MACHVM_RIGHT_READ;
}

static bool had(const struct machvm__gates *gates, enum machvm_right right)
{
	switch (right) {
	case MACHVM_RIGHT_CONTROL:
		return (gates->copy == 0 && gates->own_copy_write == 0) || gates->memory_write == 0;
	case MACHVM_RIGHT_READ:
		return gates->copy == 0 || gates->memory_read == 0;
	case MACHVM_RIGHT_INSPECT:
		return gates->regions == 0;
	default:
		return true;
	}
}

static bool yama_refuses(const struct machvm__gates *gates)
{
	switch (gates->yama) {
	case 1:
		return !gates->descendant && !gates->tracer_own && !capable(gates);
	case 2:
		return !capable(gates);
	case 3:
		return true;
	default:
		return false;
	}
}

static bool filtered(const struct machvm__gates *gates)
{
	return gates->seccomp && (gates->own_copy_read || gates->own_copy_write);
}

bool machvm__verdict_has_module(const struct machvm__gates *gates, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = gates->modules; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	}
	return false;
}

/* Modules that judge one process's access to another, beside Yama. */
static bool has_judge(const struct machvm__gates *gates)
{
	static const char *const judges[] = {"selinux", "smack", "apparmor", "landlock"};

	for (size_t i = 0; i < sizeof judges / sizeof judges[0]; i++)
		if (machvm__verdict_has_module(gates, judges[i]))
			return true;
	return false;
}

/* The kernel's gates, for a caller who was refused. */
static enum machvm__gate blame(const struct machvm__gates *gates, enum machvm_right right)
{
	const struct machvm__credentials *caller = &gates->caller;
	bool key = capable(gates);

	if (!same_ids(gates) && !key) {
		if (has_capability(caller))
			return MACHVM__GATE_NAMESPACE;
		return caller->uid[MACHVM__EFFECTIVE] == 0 ? MACHVM__GATE_CAPABILITY
							   : MACHVM__GATE_IDS;
	}
	if (!key && gates->dumpable == MACHVM__NO)
		return MACHVM__GATE_DUMPABLE;
	if (!key && (gates->user_namespace == MACHVM__RELATION_OTHER ||
		     gates->user_namespace == MACHVM__RELATION_BELOW))
		return MACHVM__GATE_NAMESPACE;
	if (!key && gates->target.permitted & ~caller->permitted)
		return MACHVM__GATE_PRIVILEGE;
	if (attaches(right) && yama_refuses(gates))
		return MACHVM__GATE_YAMA;
	if (filtered(gates))
		return MACHVM__GATE_SECCOMP;
	/* A root's process does not show its flag; without another suspect it is the flag. */
	if (!key && gates->dumpable == MACHVM__UNKNOWN && gates->regions && !has_judge(gates))
		return MACHVM__GATE_DUMPABLE;
	return MACHVM__GATE_MODULE;
}

static enum machvm__gate find_gate(const struct machvm__gates *gates, enum machvm_right right)
{
	bool unseen = gates->proc_missing || gates->proc_foreign;

	if (gates->shortage)
		return MACHVM__GATE_SHORTAGE;
	switch (gates->presence) {
	case MACHVM__PRESENCE_NONE:
		return MACHVM__GATE_ABSENT;
	case MACHVM__PRESENCE_THREAD:
		return MACHVM__GATE_THREAD;
	case MACHVM__PRESENCE_ZOMBIE:
		return MACHVM__GATE_ZOMBIE;
	default:
		break;
	}
	if (right == MACHVM_RIGHT_NAME)
		return MACHVM__GATE_OPEN;
	if (gates->kernel_thread)
		return MACHVM__GATE_KERNEL_THREAD;
	/* The memory of an exiting process goes before its state says so. */
	if (gates->copy == -ESRCH && gates->memory_read == -ESRCH)
		return MACHVM__GATE_ZOMBIE;
	if (had(gates, right) || (gates->own && attaches(right)))
		return MACHVM__GATE_OPEN;
	if (unseen)
		return attaches(right) && filtered(gates) ? MACHVM__GATE_SECCOMP
							  : MACHVM__GATE_PROC;
	if (gates->hidden)
		return MACHVM__GATE_HIDDEN;
	return blame(gates, right);
}

static enum machvm__key find_key(const struct machvm__gates *gates, enum machvm_right right)
{
	if (gates->own)
		return MACHVM__KEY_OWN;
	if (right == MACHVM_RIGHT_NAME)
		return MACHVM__KEY_NONE;
	if (gates->hidden || gates->proc_missing || gates->proc_foreign)
		return MACHVM__KEY_OTHER;
	/* What the kernel asks first; the capability opens whatever the ids leave closed. */
	if (same_ids(gates) && gates->dumpable != MACHVM__NO &&
	    !(gates->target.permitted & ~gates->caller.permitted) &&
	    gates->user_namespace != MACHVM__RELATION_BELOW)
		return MACHVM__KEY_SAME_USER;
	return capable(gates) ? MACHVM__KEY_CAPABILITY : MACHVM__KEY_OTHER;
}

/* Would the target's own user be let in, started with sudo -u? */
static bool user_would_do(const struct machvm__gates *gates, enum machvm_right right)
{
	const struct machvm__credentials *target = &gates->target;

	return uniform(target->uid, target->uid[MACHVM__REAL]) && target->uid[MACHVM__REAL] != 0 &&
	       uniform(target->gid, gates->target_login_group) && gates->dumpable == MACHVM__YES &&
	       !target->permitted && (gates->yama <= 0 || !attaches(right));
}

static enum machvm__remedy find_remedy(const struct machvm__gates *gates, enum machvm_right right,
				       enum machvm__gate gate)
{
	/* Nobody passes scope 3, whatever else is opened. */
	bool barred = gates->yama == 3 && attaches(right);

	switch (gate) {
	case MACHVM__GATE_THREAD:
		return MACHVM__REMEDY_OTHER_NUMBER;
	case MACHVM__GATE_PROC:
		return MACHVM__REMEDY_MOUNT;
	case MACHVM__GATE_IDS:
		if (gates->user_namespace == MACHVM__RELATION_OTHER)
			return MACHVM__REMEDY_OUTSIDE;
		if (user_would_do(gates, right))
			return MACHVM__REMEDY_USER;
		return barred ? MACHVM__REMEDY_REBOOT : MACHVM__REMEDY_ROOT;
	case MACHVM__GATE_CAPABILITY:
		return barred ? MACHVM__REMEDY_REBOOT : MACHVM__REMEDY_CAPABILITY;
	case MACHVM__GATE_DUMPABLE:
	case MACHVM__GATE_PRIVILEGE:
		if (barred)
			return MACHVM__REMEDY_REBOOT;
		return gates->caller.uid[MACHVM__EFFECTIVE] ? MACHVM__REMEDY_ROOT
							    : MACHVM__REMEDY_CAPABILITY;
	case MACHVM__GATE_HIDDEN:
		return barred ? MACHVM__REMEDY_REBOOT : MACHVM__REMEDY_ROOT;
	case MACHVM__GATE_NAMESPACE:
		return MACHVM__REMEDY_OUTSIDE;
	case MACHVM__GATE_YAMA:
		if (barred)
			return MACHVM__REMEDY_REBOOT;
		return gates->yama == 1 ? MACHVM__REMEDY_SYSCTL : MACHVM__REMEDY_ROOT;
	case MACHVM__GATE_SECCOMP:
		return MACHVM__REMEDY_UNFILTERED;
	case MACHVM__GATE_MODULE:
		return MACHVM__REMEDY_POLICY;
	default:
		return MACHVM__REMEDY_NONE;
	}
}

struct machvm__verdict machvm__verdict_decide(const struct machvm__gates *gates,
					      enum machvm_right right)
{
	enum machvm__gate gate = find_gate(gates, right);

	if (gate == MACHVM__GATE_OPEN)
		return (struct machvm__verdict){gate, find_key(gates, right), MACHVM__REMEDY_NONE};
	return (struct machvm__verdict){gate, MACHVM__KEY_NONE, find_remedy(gates, right, gate)};
}
