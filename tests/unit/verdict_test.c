/* SPDX-License-Identifier: MIT */
/*
 * Which gate decides, for facts that this machine may never see: Yama's scopes,
 * modules, kernels without process_vm_*. And how each verdict reads.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <mach/mach.h>

#include "explain.h"

#define CAP_SYS_PTRACE   (UINT64_C(1) << 19)
#define ALL_CAPABILITIES 0x1ffffffffff

#define CONTROL MACHVM_RIGHT_CONTROL
#define READ    MACHVM_RIGHT_READ
#define INSPECT MACHVM_RIGHT_INSPECT
#define NAME    MACHVM_RIGHT_NAME

static void set_ids(int64_t *ids, int64_t id)
{
	for (int i = 0; i < MACHVM__IDS; i++)
		ids[i] = id;
}

/* An ordinary process of the caller's own user, to whom everything is open. */
static struct machvm__gates open_gates(void)
{
	struct machvm__gates gates = {
		.pid = 4242,
		.presence = MACHVM__PRESENCE_ALIVE,
		.name = "victim",
		.parent = 4000,
		.parent_name = "bash",
		.caller_login = "joe",
		.target_login = "joe",
		.target_login_group = 1000,
		.dumpable = MACHVM__YES,
		.user_namespace = MACHVM__RELATION_SAME,
		.yama = -1,
	};

	set_ids(gates.caller.uid, 1000);
	set_ids(gates.caller.gid, 1000);
	set_ids(gates.target.uid, 1000);
	set_ids(gates.target.gid, 1000);
	return gates;
}

/* What the kernel answers when __ptrace_may_access() says no. */
static void refuse_attach(struct machvm__gates *gates)
{
	gates->copy = -EPERM;
	gates->memory_read = gates->memory_write = -EACCES;
}

static void refuse_all(struct machvm__gates *gates)
{
	refuse_attach(gates);
	gates->regions = -EACCES;
}

static struct machvm__gates closed_gates(void)
{
	struct machvm__gates gates = open_gates();

	refuse_all(&gates);
	return gates;
}

static struct machvm__gates yama_gates(int scope)
{
	struct machvm__gates gates = open_gates();

	refuse_attach(&gates);
	gates.yama = scope;
	snprintf(gates.modules, sizeof gates.modules, "lockdown,capability,landlock,yama,apparmor");
	return gates;
}

static void expect(const struct machvm__gates *gates, enum machvm_right right,
		   enum machvm__gate gate, enum machvm__remedy remedy, const char *words)
{
	struct machvm__verdict verdict = machvm__verdict_decide(gates, right);
	char text[2048];

	assert_int_equal(verdict.gate, gate);
	assert_int_equal(verdict.remedy, remedy);
	machvm__explain_write(gates, right, text, sizeof text);
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in: %s", words, text);
}

static void expect_open(const struct machvm__gates *gates, enum machvm_right right,
			enum machvm__key key, const char *words)
{
	expect(gates, right, MACHVM__GATE_OPEN, MACHVM__REMEDY_NONE, words);
	assert_int_equal(machvm__verdict_decide(gates, right).key, key);
}

static void same_user_is_let_in(void **state)
{
	struct machvm__gates gates = open_gates();

	expect_open(&gates, CONTROL, MACHVM__KEY_SAME_USER,
		    "Process 4242 (victim) can be written: it and the caller both run as "
		    "uid 1000 (joe).\n");
	expect_open(&gates, READ, MACHVM__KEY_SAME_USER, "can be read");
	expect_open(&gates, INSPECT, MACHVM__KEY_SAME_USER, "can be inspected");
	expect_open(&gates, NAME, MACHVM__KEY_NONE, "can be named: that needs no permission");
}

static void what_was_had_is_open_whatever_the_facts(void **state)
{
	struct machvm__gates gates = yama_gates(1);

	/* It has named us with PR_SET_PTRACER, which does not show. */
	gates.copy = 0;
	expect_open(&gates, READ, MACHVM__KEY_SAME_USER, "can be read");
	gates = closed_gates();
	set_ids(gates.target.uid, 0);
	gates.memory_write = 0;
	expect_open(&gates, CONTROL, MACHVM__KEY_OTHER, "can be written.\n");
}

static void name_needs_only_a_process(void **state)
{
	struct machvm__gates gates = closed_gates();

	expect_open(&gates, NAME, MACHVM__KEY_NONE, "can be named");
	gates.presence = MACHVM__PRESENCE_ZOMBIE;
	expect(&gates, NAME, MACHVM__GATE_ZOMBIE, MACHVM__REMEDY_NONE,
	       "is a zombie: it has exited, its memory is gone, and only its parent bash (4000) "
	       "can "
	       "remove it.\n");
	gates.presence = MACHVM__PRESENCE_NONE;
	expect(&gates, NAME, MACHVM__GATE_ABSENT, MACHVM__REMEDY_NONE,
	       "There is no process 4242.\n");
}

static void exiting_process_is_gone(void **state)
{
	struct machvm__gates gates = open_gates();

	gates.copy = gates.memory_read = gates.memory_write = -ESRCH;
	expect(&gates, CONTROL, MACHVM__GATE_ZOMBIE, MACHVM__REMEDY_NONE,
	       "Process 4242 (victim) is exiting, and its memory is gone.\n");
}

static void kernel_thread_has_no_memory(void **state)
{
	struct machvm__gates gates = open_gates();

	gates.kernel_thread = true;
	gates.copy = -ESRCH;
	gates.memory_read = gates.memory_write = -ESRCH;
	expect(&gates, INSPECT, MACHVM__GATE_KERNEL_THREAD, MACHVM__REMEDY_NONE, "kernel thread");
}

static void other_user_is_refused(void **state)
{
	struct machvm__gates gates = closed_gates();

	set_ids(gates.target.uid, 104);
	set_ids(gates.target.gid, 112);
	gates.target_login_group = 112;
	snprintf(gates.target_login, sizeof gates.target_login, "redis");
	expect(&gates, CONTROL, MACHVM__GATE_IDS, MACHVM__REMEDY_USER,
	       "cannot be written: it runs as uid 104 (redis) and the caller as uid 1000 (joe), "
	       "without CAP_SYS_PTRACE.\nTo open it, run the caller as that user: sudo -u redis "
	       "machvm ...\n");
	/* That user would be stopped by the next gate. */
	gates.yama = 1;
	expect(&gates, CONTROL, MACHVM__GATE_IDS, MACHVM__REMEDY_ROOT, "sudo machvm");
	expect(&gates, INSPECT, MACHVM__GATE_IDS, MACHVM__REMEDY_USER, "sudo -u redis");
	gates.yama = 3;
	expect(&gates, CONTROL, MACHVM__GATE_IDS, MACHVM__REMEDY_REBOOT, "reboot");
	gates.yama = 0;
	gates.dumpable = MACHVM__NO;
	expect(&gates, CONTROL, MACHVM__GATE_IDS, MACHVM__REMEDY_ROOT, "sudo machvm");
	gates.dumpable = MACHVM__YES;
	gates.target_login_group = 7;
	expect(&gates, CONTROL, MACHVM__GATE_IDS, MACHVM__REMEDY_ROOT, "sudo machvm");
}

static void every_id_has_to_match(void **state)
{
	for (int i = MACHVM__REAL; i <= MACHVM__SAVED; i++) {
		struct machvm__gates gates = closed_gates();

		gates.target.uid[i] = 0;
		expect(&gates, READ, MACHVM__GATE_IDS, MACHVM__REMEDY_ROOT, "all three must be");
		gates = closed_gates();
		gates.target.gid[i] = 27;
		expect(&gates, READ, MACHVM__GATE_IDS, MACHVM__REMEDY_ROOT, "it runs with gids ");
	}
}

static void group_that_differs_is_named(void **state)
{
	struct machvm__gates gates = closed_gates();

	set_ids(gates.target.gid, 27);
	expect(&gates, READ, MACHVM__GATE_IDS, MACHVM__REMEDY_ROOT,
	       "it runs with gid 27 and the caller with gid 1000");
}

static void root_without_the_capability_is_refused(void **state)
{
	struct machvm__gates gates = closed_gates();

	set_ids(gates.caller.uid, 0);
	set_ids(gates.caller.gid, 0);
	expect(&gates, CONTROL, MACHVM__GATE_CAPABILITY, MACHVM__REMEDY_CAPABILITY,
	       "the caller is root without CAP_SYS_PTRACE.\nTo open it, give the caller "
	       "CAP_SYS_PTRACE");
	gates.yama = 3;
	expect(&gates, CONTROL, MACHVM__GATE_CAPABILITY, MACHVM__REMEDY_REBOOT, "reboot");
}

static void capability_opens_what_ids_close(void **state)
{
	struct machvm__gates gates = open_gates();

	set_ids(gates.caller.uid, 0);
	gates.caller.effective = CAP_SYS_PTRACE;
	expect_open(&gates, CONTROL, MACHVM__KEY_CAPABILITY, ": the caller has CAP_SYS_PTRACE.\n");
	gates.user_namespace = MACHVM__RELATION_BELOW;
	expect_open(&gates, CONTROL, MACHVM__KEY_CAPABILITY, "CAP_SYS_PTRACE");
}

static void undumpable_process_is_refused(void **state)
{
	struct machvm__gates gates = closed_gates();

	gates.dumpable = MACHVM__NO;
	expect(&gates, INSPECT, MACHVM__GATE_DUMPABLE, MACHVM__REMEDY_ROOT, "it is not dumpable (");
	gates.target.permitted = 1;
	expect(&gates, INSPECT, MACHVM__GATE_DUMPABLE, MACHVM__REMEDY_ROOT,
	       "its program file carries capabilities");
	/* Before Yama, as the kernel asks. */
	gates.yama = 1;
	expect(&gates, CONTROL, MACHVM__GATE_DUMPABLE, MACHVM__REMEDY_ROOT, "not dumpable");
}

static void undumpable_process_of_roots_is_suspected(void **state)
{
	struct machvm__gates gates = closed_gates();

	set_ids(gates.caller.uid, 0);
	set_ids(gates.caller.gid, 0);
	set_ids(gates.target.uid, 0);
	set_ids(gates.target.gid, 0);
	gates.dumpable = MACHVM__UNKNOWN;
	expect(&gates, CONTROL, MACHVM__GATE_DUMPABLE, MACHVM__REMEDY_CAPABILITY,
	       "as far as can be seen");
	snprintf(gates.modules, sizeof gates.modules, "capability,selinux");
	expect(&gates, CONTROL, MACHVM__GATE_MODULE, MACHVM__REMEDY_POLICY, "ausearch");
}

static void capabilities_of_the_target_count(void **state)
{
	struct machvm__gates gates = closed_gates();

	set_ids(gates.caller.uid, 0);
	set_ids(gates.target.uid, 0);
	gates.dumpable = MACHVM__UNKNOWN;
	gates.caller.permitted = gates.caller.effective = ALL_CAPABILITIES & ~CAP_SYS_PTRACE;
	gates.target.permitted = ALL_CAPABILITIES;
	expect(&gates, CONTROL, MACHVM__GATE_PRIVILEGE, MACHVM__REMEDY_CAPABILITY,
	       "it holds capabilities that the caller lacks (0000000000080000)");
	gates.target.permitted = gates.caller.permitted;
	expect(&gates, CONTROL, MACHVM__GATE_DUMPABLE, MACHVM__REMEDY_CAPABILITY, "dumpable");
}

static void user_namespace_voids_the_capability(void **state)
{
	struct machvm__gates gates = closed_gates();

	gates.user_namespace = MACHVM__RELATION_OTHER;
	set_ids(gates.caller.uid, 0);
	gates.caller.effective = gates.caller.permitted = ALL_CAPABILITIES;
	expect(&gates, CONTROL, MACHVM__GATE_NAMESPACE, MACHVM__REMEDY_OUTSIDE,
	       "its capabilities hold only in its own");
	gates = closed_gates();
	gates.user_namespace = MACHVM__RELATION_BELOW;
	expect(&gates, CONTROL, MACHVM__GATE_NAMESPACE, MACHVM__REMEDY_OUTSIDE,
	       "another user namespace");
}

static void yama_1_refuses_strangers(void **state)
{
	struct machvm__gates gates = yama_gates(1);

	expect(&gates, CONTROL, MACHVM__GATE_YAMA, MACHVM__REMEDY_SYSCTL,
	       "cannot be written: Yama's ptrace_scope is 1: without CAP_SYS_PTRACE, only an "
	       "ancestor");
	expect(&gates, READ, MACHVM__GATE_YAMA, MACHVM__REMEDY_SYSCTL,
	       "To open it: sudo sysctl kernel.yama.ptrace_scope=0\n");
	expect_open(&gates, INSPECT, MACHVM__KEY_SAME_USER, "can be inspected");
}

static void yama_1_is_not_blamed_for_ancestors(void **state)
{
	struct machvm__gates gates = yama_gates(1);

	gates.descendant = true;
	expect(&gates, CONTROL, MACHVM__GATE_MODULE, MACHVM__REMEDY_POLICY, "apparmor");
	gates.descendant = false;
	gates.tracer = 1;
	gates.tracer_own = true;
	expect(&gates, CONTROL, MACHVM__GATE_MODULE, MACHVM__REMEDY_POLICY, "sudo dmesg");
	gates.tracer_own = false;
	gates.caller.effective = CAP_SYS_PTRACE;
	expect(&gates, CONTROL, MACHVM__GATE_MODULE, MACHVM__REMEDY_POLICY, "security module");
}

static void yama_2_wants_the_capability(void **state)
{
	struct machvm__gates gates = yama_gates(2);

	gates.descendant = true;
	expect(&gates, CONTROL, MACHVM__GATE_YAMA, MACHVM__REMEDY_ROOT,
	       "Yama's ptrace_scope is 2: only who has CAP_SYS_PTRACE");
	expect(&gates, CONTROL, MACHVM__GATE_YAMA, MACHVM__REMEDY_ROOT, "sudo machvm ...");
	gates.caller.effective = CAP_SYS_PTRACE;
	expect(&gates, CONTROL, MACHVM__GATE_MODULE, MACHVM__REMEDY_POLICY, "security module");
}

static void yama_3_refuses_everybody(void **state)
{
	struct machvm__gates gates = yama_gates(3);

	gates.descendant = true;
	gates.caller.effective = gates.caller.permitted = ALL_CAPABILITIES;
	expect(&gates, CONTROL, MACHVM__GATE_YAMA, MACHVM__REMEDY_REBOOT,
	       "nobody may access another process, and the setting stays until the next boot");
	expect_open(&gates, INSPECT, MACHVM__KEY_SAME_USER, "can be inspected");
}

static void yama_0_is_never_blamed(void **state)
{
	struct machvm__gates gates = yama_gates(0);

	expect(&gates, CONTROL, MACHVM__GATE_MODULE, MACHVM__REMEDY_POLICY, "security module");
}

static void module_is_blamed_with_its_context(void **state)
{
	struct machvm__gates gates = closed_gates();

	gates.caller.effective = CAP_SYS_PTRACE;
	snprintf(gates.modules, sizeof gates.modules, "capability,yama,apparmor");
	snprintf(gates.context, sizeof gates.context, "/usr/bin/victim (enforce)");
	expect(&gates, CONTROL, MACHVM__GATE_MODULE, MACHVM__REMEDY_POLICY,
	       "loaded are capability,yama,apparmor; the process runs as \"/usr/bin/victim "
	       "(enforce)\".\n");
}

static void module_is_found_by_its_whole_name(void **state)
{
	struct machvm__gates gates = {.modules = "lockdown,yama,apparmor2"};

	assert_true(machvm__verdict_has_module(&gates, "lockdown"));
	assert_true(machvm__verdict_has_module(&gates, "yama"));
	assert_true(machvm__verdict_has_module(&gates, "apparmor2"));
	assert_false(machvm__verdict_has_module(&gates, "apparmor"));
	assert_false(machvm__verdict_has_module(&gates, "lock"));
	gates.modules[0] = '\0';
	assert_false(machvm__verdict_has_module(&gates, "yama"));
}

static void filter_of_the_caller_is_blamed_last(void **state)
{
	struct machvm__gates gates = open_gates();

	gates.seccomp = 2;
	gates.copy = gates.own_copy_read = gates.own_copy_write = -EPERM;
	expect_open(&gates, CONTROL, MACHVM__KEY_SAME_USER,
		    "A seccomp filter of the caller refuses process_vm_writev");
	gates.memory_write = -EACCES;
	expect(&gates, CONTROL, MACHVM__GATE_SECCOMP, MACHVM__REMEDY_UNFILTERED,
	       "a seccomp filter of the caller refuses process_vm_readv (Operation not permitted)");
	expect_open(&gates, READ, MACHVM__KEY_SAME_USER, "can be read");
	gates.memory_read = -EACCES;
	set_ids(gates.target.uid, 0);
	expect(&gates, READ, MACHVM__GATE_IDS, MACHVM__REMEDY_ROOT, "uid 0");
}

static void kernel_without_the_call_serves_through_proc(void **state)
{
	struct machvm__gates gates = open_gates();

	gates.copy = gates.own_copy_read = gates.own_copy_write = -ENOSYS;
	expect_open(&gates, READ, MACHVM__KEY_SAME_USER, "This system refuses process_vm_readv");
}

static void missing_proc_hides_regions_only(void **state)
{
	struct machvm__gates gates = open_gates();

	gates.proc_missing = true;
	gates.memory_read = gates.memory_write = gates.regions = -ENOENT;
	expect_open(&gates, CONTROL, MACHVM__KEY_OTHER, "regions cannot be listed");
	expect(&gates, INSPECT, MACHVM__GATE_PROC, MACHVM__REMEDY_MOUNT,
	       "cannot be inspected: there is no /proc here that can be read, and regions are "
	       "listed "
	       "nowhere else.\nTo open it: mount -t proc proc /proc\n");
	gates.copy = -EPERM;
	expect(&gates, READ, MACHVM__GATE_PROC, MACHVM__REMEDY_MOUNT, "Operation not permitted");
}

static void hidden_process_is_another_users(void **state)
{
	struct machvm__gates gates = {
		.pid = 4242, .presence = MACHVM__PRESENCE_ALIVE, .hidden = true, .yama = -1};

	refuse_all(&gates);
	expect(&gates, READ, MACHVM__GATE_HIDDEN, MACHVM__REMEDY_ROOT,
	       "Process 4242 cannot be read: /proc is mounted with hidepid");
}

static void thread_number_names_its_process(void **state)
{
	struct machvm__gates gates = {
		.pid = 4243, .presence = MACHVM__PRESENCE_THREAD, .group = 4242, .name = "victim"};

	expect(&gates, CONTROL, MACHVM__GATE_THREAD, MACHVM__REMEDY_OTHER_NUMBER,
	       "4243 is a thread of process victim (4242) and not a process.\nAsk for process 4242 "
	       "instead.\n");
}

static void own_process_is_open_even_when_filtered(void **state)
{
	struct machvm__gates gates = closed_gates();

	gates.own = true;
	expect_open(&gates, CONTROL, MACHVM__KEY_OWN, "it is the calling process itself");
	expect_open(&gates, NAME, MACHVM__KEY_OWN, "calling process");
}

static void remarks_tell_of_what_does_not_decide(void **state)
{
	struct machvm__gates gates = open_gates();

	gates.tracer = 4711;
	snprintf(gates.tracer_name, sizeof gates.tracer_name, "gdb");
	gates.leader_dead = true;
	gates.inner_pid = 1;
	expect_open(&gates, CONTROL, MACHVM__KEY_SAME_USER,
		    "It is traced by gdb (4711): that does not hinder reading and writing");
	expect_open(&gates, CONTROL, MACHVM__KEY_SAME_USER, "Its first thread has exited");
	expect_open(&gates, CONTROL, MACHVM__KEY_SAME_USER, "where its number is 1.\n");
}

static void code_follows_the_gate(void **state)
{
	struct machvm__gates gates = open_gates();
	char text[1024];

	assert_int_equal(machvm__explain_write(&gates, CONTROL, text, sizeof text), KERN_SUCCESS);
	gates = closed_gates();
	assert_int_equal(machvm__explain_write(&gates, CONTROL, text, sizeof text), KERN_DENIED);
	gates.presence = MACHVM__PRESENCE_THREAD;
	assert_int_equal(machvm__explain_write(&gates, CONTROL, text, sizeof text),
			 MACH_SEND_INVALID_DEST);
	gates.presence = MACHVM__PRESENCE_ZOMBIE;
	assert_int_equal(machvm__explain_write(&gates, CONTROL, text, sizeof text),
			 MACH_SEND_INVALID_DEST);
}

/* Names of the greatest length that the facts can hold must not break the text. */
static void longest_text_is_whole_lines(void **state)
{
	struct machvm__gates gates = closed_gates();
	char text[4096];

	memset(gates.name, 'n', sizeof gates.name - 1);
	memset(gates.modules, 'm', sizeof gates.modules - 1);
	memset(gates.context, 'c', sizeof gates.context - 1);
	memset(gates.tracer_name, 't', sizeof gates.tracer_name - 1);
	gates.tracer = gates.pid = gates.inner_pid = INT32_MAX;
	gates.leader_dead = true;
	gates.caller.effective = CAP_SYS_PTRACE;
	machvm__explain_write(&gates, CONTROL, text, sizeof text);
	assert_int_equal(text[strlen(text) - 1], '\n');
	assert_non_null(strstr(text, "2147483647.\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_user_is_let_in),
		cmocka_unit_test(what_was_had_is_open_whatever_the_facts),
		cmocka_unit_test(name_needs_only_a_process),
		cmocka_unit_test(exiting_process_is_gone),
		cmocka_unit_test(kernel_thread_has_no_memory),
		cmocka_unit_test(other_user_is_refused),
		cmocka_unit_test(every_id_has_to_match),
		cmocka_unit_test(group_that_differs_is_named),
		cmocka_unit_test(root_without_the_capability_is_refused),
		cmocka_unit_test(capability_opens_what_ids_close),
		cmocka_unit_test(undumpable_process_is_refused),
		cmocka_unit_test(undumpable_process_of_roots_is_suspected),
		cmocka_unit_test(capabilities_of_the_target_count),
		cmocka_unit_test(user_namespace_voids_the_capability),
		cmocka_unit_test(yama_1_refuses_strangers),
		cmocka_unit_test(yama_1_is_not_blamed_for_ancestors),
		cmocka_unit_test(yama_2_wants_the_capability),
		cmocka_unit_test(yama_3_refuses_everybody),
		cmocka_unit_test(yama_0_is_never_blamed),
		cmocka_unit_test(module_is_blamed_with_its_context),
		cmocka_unit_test(module_is_found_by_its_whole_name),
		cmocka_unit_test(filter_of_the_caller_is_blamed_last),
		cmocka_unit_test(kernel_without_the_call_serves_through_proc),
		cmocka_unit_test(missing_proc_hides_regions_only),
		cmocka_unit_test(hidden_process_is_another_users),
		cmocka_unit_test(thread_number_names_its_process),
		cmocka_unit_test(own_process_is_open_even_when_filtered),
		cmocka_unit_test(remarks_tell_of_what_does_not_decide),
		cmocka_unit_test(code_follows_the_gate),
		cmocka_unit_test(longest_text_is_whole_lines),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
