/* SPDX-License-Identifier: MIT */
/*
 * explain.c - which gate refuses and what would open it, for people: the first
 * line is the answer, the second the one thing to do, the rest are remarks that
 * change nothing. Knows the verdict and the facts, and asks nobody.
 */
#include "explain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <mach/message.h>
#include <machvm.h>

#include "error.h"

#define TEXT_SIZE 2048

struct page {
	char text[TEXT_SIZE];
	size_t length;
};

__attribute__((format(printf, 2, 3))) static void add(struct page *page, const char *format, ...)
{
	size_t room = sizeof page->text - page->length;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(page->text + page->length, room, format, arguments);
	va_end(arguments);
	page->length += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

/* "Process 4242 (redis-server)" */
static void add_process(struct page *page, const struct machvm__gates *gates)
{
	add(page, "Process %d", gates->pid);
	if (gates->name[0])
		add(page, " (%s)", gates->name);
}

/* "gdb (4711)" */
static void add_other(struct page *page, const char *name, int pid)
{
	if (name[0])
		add(page, "%s (%d)", name, pid);
	else
		add(page, "process %d", pid);
}

static void add_user(struct page *page, int64_t uid, const char *login)
{
	add(page, "uid %" PRId64, uid);
	if (login[0])
		add(page, " (%s)", login);
}

static const char *verb(enum machvm_right right)
{
	static const char *const verbs[] = {"written", "read", "inspected", "named"};

	return verbs[right];
}

static bool uniform(const int64_t *ids)
{
	return ids[MACHVM__REAL] == ids[MACHVM__EFFECTIVE] &&
	       ids[MACHVM__REAL] == ids[MACHVM__SAVED];
}

static void add_ids(struct page *page, const char *kind, const int64_t *ids)
{
	add(page, "%s %" PRId64 ", %" PRId64 " and %" PRId64 " (real, effective, saved)", kind,
	    ids[MACHVM__REAL], ids[MACHVM__EFFECTIVE], ids[MACHVM__SAVED]);
}

/* Another user: one id that differs, or three of which some do. */
static void say_ids(struct page *page, const struct machvm__gates *gates)
{
	const struct machvm__credentials *target = &gates->target, *caller = &gates->caller;
	int64_t uid = caller->uid[MACHVM__REAL], gid = caller->gid[MACHVM__REAL];

	if (!uniform(target->uid)) {
		add(page, "it runs with ");
		add_ids(page, "uids", target->uid);
		add(page, ", and all three must be the caller's, which is ");
		add_user(page, uid, gates->caller_login);
	} else if (target->uid[MACHVM__REAL] != uid) {
		add(page, "it runs as ");
		add_user(page, target->uid[MACHVM__REAL], gates->target_login);
		add(page, " and the caller as ");
		add_user(page, uid, gates->caller_login);
	} else if (!uniform(target->gid)) {
		add(page, "it runs with ");
		add_ids(page, "gids", target->gid);
		add(page, ", and all three must be the caller's, which is gid %" PRId64, gid);
	} else {
		add(page, "it runs with gid %" PRId64 " and the caller with gid %" PRId64,
		    target->gid[MACHVM__REAL], gid);
	}
	add(page, ", without CAP_SYS_PTRACE");
}

static void say_dumpable(struct page *page, const struct machvm__gates *gates)
{
	const struct machvm__credentials *target = &gates->target;

	add(page, "it is not dumpable");
	if (gates->dumpable == MACHVM__UNKNOWN)
		add(page, ", as far as can be seen");
	if (!uniform(target->uid) || !uniform(target->gid))
		add(page, " (it runs a set-user-id or set-group-id program)");
	else if (target->permitted && target->uid[MACHVM__REAL])
		add(page, " (its program file carries capabilities)");
	else
		add(page,
		    " (it changed its ids, asked for it with prctl(PR_SET_DUMPABLE), or runs a "
		    "program file that it may not read)");
	add(page, ", and the caller has no CAP_SYS_PTRACE");
}

static void say_namespace(struct page *page, const struct machvm__gates *gates)
{
	add(page, "it lives in another user namespace");
	if (gates->user_namespace_name[0])
		add(page, ", %s", gates->user_namespace_name);
	add(page, ", where the caller has no CAP_SYS_PTRACE");
	if (gates->caller.effective)
		add(page, ", for its capabilities hold only in its own and those below");
}

static void say_yama(struct page *page, const struct machvm__gates *gates)
{
	add(page, "Yama's ptrace_scope is %d", gates->yama);
	if (gates->yama == 1)
		add(page, ": without CAP_SYS_PTRACE, only an ancestor of a process may access it, "
			  "or whom "
			  "it has named with prctl(PR_SET_PTRACER), and the caller is neither");
	else if (gates->yama == 2)
		add(page, ": only who has CAP_SYS_PTRACE may access another process, and the "
			  "caller has not");
	else
		add(page, ": nobody may access another process, and the setting stays until the "
			  "next boot");
}

static void say_seccomp(struct page *page, const struct machvm__gates *gates)
{
	int r = gates->own_copy_read ? gates->own_copy_read : gates->own_copy_write;

	add(page,
	    "a seccomp filter of the caller refuses %s (%s) and the memory file of the process "
	    "cannot be opened (%s)",
	    gates->own_copy_read ? "process_vm_readv" : "process_vm_writev", strerrordesc_np(-r),
	    strerrordesc_np(-gates->memory_write));
}

static void say_module(struct page *page, const struct machvm__gates *gates)
{
	add(page,
	    "a security module or a sandbox of the caller (Landlock) refuses it, for every other "
	    "gate is open");
	if (gates->modules[0])
		add(page, "; loaded are %s", gates->modules);
	if (gates->context[0])
		add(page, "; the process runs as \"%s\"", gates->context);
}

static void say_proc(struct page *page, const struct machvm__gates *gates, enum machvm_right right)
{
	if (gates->proc_foreign)
		add(page,
		    "the /proc that is mounted here belongs to another pid namespace and does not "
		    "show it");
	else
		add(page, "there is no /proc here that can be read");
	if (right == MACHVM_RIGHT_INSPECT)
		add(page, ", and regions are listed nowhere else");
	else
		add(page, ", and the kernel refuses the call that needs none (%s)",
		    strerrordesc_np(gates->copy < 0 ? -gates->copy : EPERM));
}

/* The sentence where there is no process to speak of. */
static bool say_nobody(struct page *page, const struct machvm__gates *gates, enum machvm__gate gate)
{
	switch (gate) {
	case MACHVM__GATE_SHORTAGE:
		add(page, "No file descriptor is left to look at process %d with (%s)", gates->pid,
		    strerrordesc_np(-gates->shortage));
		return true;
	case MACHVM__GATE_ABSENT:
		add(page, "There is no process %d", gates->pid);
		return true;
	case MACHVM__GATE_THREAD:
		add(page, "%d is a thread of process ", gates->pid);
		add_other(page, gates->name, gates->group);
		add(page, " and not a process");
		return true;
	case MACHVM__GATE_ZOMBIE:
		add_process(page, gates);
		if (gates->presence != MACHVM__PRESENCE_ZOMBIE) {
			add(page, " is exiting, and its memory is gone");
			return true;
		}
		add(page, " is a zombie: it has exited, its memory is gone");
		if (gates->parent) {
			add(page, ", and only its parent ");
			add_other(page, gates->parent_name, gates->parent);
			add(page, " can remove it");
		}
		return true;
	default:
		return false;
	}
}

static void say_refused(struct page *page, const struct machvm__gates *gates,
			enum machvm_right right, enum machvm__gate gate)
{
	add_process(page, gates);
	add(page, " cannot be %s: ", verb(right));
	switch (gate) {
	case MACHVM__GATE_KERNEL_THREAD:
		add(page, "it is a kernel thread and has no memory of its own");
		break;
	case MACHVM__GATE_PROC:
		say_proc(page, gates, right);
		break;
	case MACHVM__GATE_HIDDEN:
		add(page,
		    "/proc is mounted with hidepid and hides it, as it hides every process of "
		    "another user");
		break;
	case MACHVM__GATE_IDS:
		say_ids(page, gates);
		break;
	case MACHVM__GATE_CAPABILITY:
		add(page, "it runs as ");
		add_user(page, gates->target.uid[MACHVM__REAL], gates->target_login);
		add(page, ", and the caller is root without CAP_SYS_PTRACE");
		break;
	case MACHVM__GATE_DUMPABLE:
		say_dumpable(page, gates);
		break;
	case MACHVM__GATE_NAMESPACE:
		say_namespace(page, gates);
		break;
	case MACHVM__GATE_PRIVILEGE:
		add(page, "it holds capabilities that the caller lacks (%016" PRIx64 ")",
		    gates->target.permitted & ~gates->caller.permitted);
		break;
	case MACHVM__GATE_YAMA:
		say_yama(page, gates);
		break;
	case MACHVM__GATE_SECCOMP:
		say_seccomp(page, gates);
		break;
	default:
		say_module(page, gates);
		break;
	}
}

static void say_open(struct page *page, const struct machvm__gates *gates, enum machvm_right right,
		     enum machvm__key key)
{
	add_process(page, gates);
	add(page, " can be %s", verb(right));
	switch (key) {
	case MACHVM__KEY_OWN:
		add(page, ": it is the calling process itself");
		break;
	case MACHVM__KEY_SAME_USER:
		add(page, ": it and the caller both run as ");
		add_user(page, gates->target.uid[MACHVM__REAL], gates->target_login);
		break;
	case MACHVM__KEY_CAPABILITY:
		add(page, ": the caller has CAP_SYS_PTRACE");
		break;
	case MACHVM__KEY_NONE:
		add(page, ": that needs no permission");
		break;
	case MACHVM__KEY_OTHER:
		break;
	}
}

static void add_remedy(struct page *page, const struct machvm__gates *gates,
		       enum machvm__remedy remedy)
{
	switch (remedy) {
	case MACHVM__REMEDY_NONE:
		return;
	case MACHVM__REMEDY_OTHER_NUMBER:
		add(page, "Ask for process %d instead.\n", gates->group);
		return;
	case MACHVM__REMEDY_MOUNT:
		add(page, "To open it: mount -t proc proc /proc\n");
		return;
	case MACHVM__REMEDY_ROOT:
		add(page, "To open it, run the caller as root: sudo machvm ...\n");
		return;
	case MACHVM__REMEDY_USER:
		add(page, "To open it, run the caller as that user: sudo -u %s machvm ...\n",
		    gates->target_login);
		return;
	case MACHVM__REMEDY_CAPABILITY:
		add(page, "To open it, give the caller CAP_SYS_PTRACE; in a container: docker run "
			  "--cap-add=SYS_PTRACE ...\n");
		return;
	case MACHVM__REMEDY_OUTSIDE:
		add(page,
		    "To open it, run the caller as root outside its user namespace: sudo machvm "
		    "...\n");
		return;
	case MACHVM__REMEDY_SYSCTL:
		add(page, "To open it: sudo sysctl kernel.yama.ptrace_scope=0\n");
		return;
	case MACHVM__REMEDY_REBOOT:
		add(page, "To open it, set kernel.yama.ptrace_scope to 1 in /etc/sysctl.d, reboot, "
			  "and run "
			  "the caller as root.\n");
		return;
	case MACHVM__REMEDY_UNFILTERED:
		add(page, "To open it, run the caller outside the sandbox that filters its system "
			  "calls; in "
			  "a container: docker run --security-opt seccomp=unconfined ...\n");
		return;
	case MACHVM__REMEDY_POLICY:
		add(page,
		    "To open it, run the caller unconfined or change the policy; the refusal and "
		    "its "
		    "rule are on record: %s\n",
		    machvm__verdict_has_module(gates, "selinux") ? "sudo ausearch -m avc -ts recent"
								 : "sudo dmesg");
		return;
	}
}

static bool attaches(enum machvm_right right)
{
	return right == MACHVM_RIGHT_CONTROL || right == MACHVM_RIGHT_READ;
}

static void add_tracer(struct page *page, const struct machvm__gates *gates)
{
	add(page, "It is traced by ");
	if (gates->tracer_own)
		add(page, "the caller itself");
	else
		add_other(page, gates->tracer_name, gates->tracer);
	add(page, ": that does not hinder reading and writing%s.\n",
	    gates->tracer_own
		    ? ""
		    : ", but nobody else can run a call inside it (protect, allocate, map) "
		      "until the tracer lets go");
}

/* What the caller may want to know although it decides nothing. */
static void add_remarks(struct page *page, const struct machvm__gates *gates,
			enum machvm_right right, bool open)
{
	int r = right == MACHVM_RIGHT_CONTROL ? gates->own_copy_write : gates->own_copy_read;

	if (gates->tracer)
		add_tracer(page, gates);
	if (gates->leader_dead)
		add(page,
		    "Its first thread has exited; others live, and it is reached through one of "
		    "them.\n");
	if (gates->inner_pid)
		add(page, "It runs in a pid namespace of its own, where its number is %d.\n",
		    gates->inner_pid);
	if (open && attaches(right) && !gates->own && r)
		add(page, "%s process_vm_%s (%s); the memory file below /proc serves instead.\n",
		    gates->seccomp ? "A seccomp filter of the caller refuses"
				   : "This system refuses",
		    right == MACHVM_RIGHT_CONTROL ? "writev" : "readv", strerrordesc_np(-r));
	if (open && attaches(right) && (gates->proc_missing || gates->proc_foreign))
		add(page,
		    "No /proc here shows it: bytes can be moved, regions cannot be listed.\n");
}

static kern_return_t code_of(enum machvm__gate gate)
{
	switch (gate) {
	case MACHVM__GATE_OPEN:
		return KERN_SUCCESS;
	case MACHVM__GATE_SHORTAGE:
		return KERN_RESOURCE_SHORTAGE;
	case MACHVM__GATE_ABSENT:
	case MACHVM__GATE_THREAD:
	case MACHVM__GATE_ZOMBIE:
		return MACH_SEND_INVALID_DEST;
	default:
		return KERN_DENIED;
	}
}

kern_return_t machvm__explain_write(const struct machvm__gates *gates, enum machvm_right right,
				    char *text, size_t size)
{
	struct machvm__verdict verdict = machvm__verdict_decide(gates, right);
	kern_return_t kr = code_of(verdict.gate);
	struct page page = {.length = 0};

	if (verdict.gate == MACHVM__GATE_OPEN)
		say_open(&page, gates, right, verdict.key);
	else if (!say_nobody(&page, gates, verdict.gate))
		say_refused(&page, gates, right, verdict.gate);
	if (kr != KERN_SUCCESS)
		machvm__error(kr, "explain", "%s", page.text);
	add(&page, ".\n");
	add_remedy(&page, gates, verdict.remedy);
	if (gates->presence == MACHVM__PRESENCE_ALIVE)
		add_remarks(&page, gates, right, verdict.gate == MACHVM__GATE_OPEN);
	if (size)
		snprintf(text, size, "%s", page.text);
	return kr;
}

kern_return_t machvm_explain(int pid, enum machvm_right right, char *text, size_t size)
{
	struct machvm__gates gates;

	if ((unsigned)right > MACHVM_RIGHT_NAME)
		return machvm__error(KERN_INVALID_ARGUMENT, "explain", "%d is not a right",
				     (int)right);
	machvm__gates_gather(pid, &gates);
	return machvm__explain_write(&gates, right, text, text ? size : 0);
}
