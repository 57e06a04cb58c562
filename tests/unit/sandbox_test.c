/* SPDX-License-Identifier: MIT */
/* machvm_explain() across namespaces, without a /proc, and from inside sandboxes. */
#include "situation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>

/* Where a process reports what only it can know. */
static int ready;

static void enter_user_namespace(void)
{
	uid_t uid = geteuid();
	char line[32];
	int map;

	require(unshare(CLONE_NEWUSER) == 0);
	map = open("/proc/self/uid_map", O_WRONLY);
	snprintf(line, sizeof line, "%u %u 1", uid, uid);
	require(map >= 0 && write(map, line, strlen(line)) == (ssize_t)strlen(line));
	close(map);
}

static bool has_user_namespaces(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) ? 1 : 0);
	waitpid(pid, &status, 0);
	return status == 0;
}

static void user_namespace_is_left_for_nobody(void **state)
{
	pid_t pid;

	if (!has_user_namespaces())
		skip();
	pid = start(NULL);
	expect(ask(enter_user_namespace, pid, CONTROL), KERN_DENIED,
	       "it lives in another user namespace");
	expect(ask(enter_user_namespace, pid, INSPECT), KERN_DENIED, "outside its user namespace");
}

static void user_namespace_below_is_reached(void **state)
{
	pid_t pid;

	if (!has_user_namespaces())
		skip();
	pid = start(enter_user_namespace);
	expect(ask(NULL, pid, CONTROL), KERN_SUCCESS, "can be written");
}

static void enter_pid_namespace(void)
{
	int ends[2];
	pid_t pid;
	char byte;

	require(unshare(CLONE_NEWPID) == 0 && pipe(ends) == 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		require(write(ends[1], "", 1) == 1);
		wait_for_the_end();
	}
	/* A parent that ends before it is tied to us would leave it behind. */
	require(pid > 0 && read(ends[0], &byte, 1) == 1);
	require(write(ready, &pid, sizeof pid) == sizeof pid);
}

static void pid_namespace_is_remarked(void **state)
{
	int ends[2];
	pid_t inner;

	need_root();
	assert_int_equal(pipe(ends), 0);
	ready = ends[1];
	start(enter_pid_namespace);
	assert_int_equal(read(ends[0], &inner, sizeof inner), sizeof inner);
	close(ends[0]);
	close(ends[1]);
	expect(ask(NULL, inner, READ), KERN_SUCCESS,
	       "It runs in a pid namespace of its own, where its number is 1.\n");
}

/* A namespace of mounts of our own: what is done to /proc there is nobody else's concern. */
static void leave_mounts(void)
{
	require(unshare(CLONE_NEWNS) == 0);
	require(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
}

static void lose_proc(void)
{
	leave_mounts();
	require(mount("none", "/proc", "tmpfs", 0, NULL) == 0);
}

static void hide_processes(void)
{
	leave_mounts();
	require(mount("proc", "/proc", "proc", 0, "hidepid=2") == 0);
	become_nobody();
}

static void bar_processes(void)
{
	leave_mounts();
	require(mount("proc", "/proc", "proc", 0, "hidepid=1") == 0);
	become_nobody();
}

static void missing_proc_leaves_bytes(void **state)
{
	pid_t pid;

	need_root();
	pid = start(NULL);
	expect(ask(lose_proc, pid, CONTROL), KERN_SUCCESS, "regions cannot be listed");
	expect(ask(lose_proc, pid, INSPECT), KERN_DENIED, "mount -t proc proc /proc");
	expect(ask(lose_proc, INT_MAX, INSPECT), MACH_SEND_INVALID_DEST, "There is no process");
}

static void hidden_process_is_told_from_none(void **state)
{
	pid_t pid;

	need_root();
	pid = start(NULL);
	expect(ask(hide_processes, pid, CONTROL), KERN_DENIED, "hidepid");
	expect(ask(bar_processes, pid, CONTROL), KERN_DENIED, "hidepid");
	expect(ask(hide_processes, INT_MAX, CONTROL), MACH_SEND_INVALID_DEST,
	       "There is no process");
}

/* Asks about a process of its own pid namespace, with its parent's /proc still there. */
static void ask_below_foreign_proc(void)
{
	struct answer found;
	pid_t pid, asked;
	int ends[2];
	char byte;

	require(unshare(CLONE_NEWPID) == 0 && pipe(ends) == 0);
	pid = fork();
	if (pid == 0) {
		asked = fork();
		if (asked == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			prctl(PR_SET_NAME, "inner-sleeper");
			require(write(ends[1], "", 1) == 1);
			wait_for_the_end();
		}
		require(read(ends[0], &byte, 1) == 1);
		memset(&found, 0, sizeof found);
		found.code = machvm_explain(asked, CONTROL, found.text, sizeof found.text);
		require(write(ready, &found, sizeof found) == sizeof found);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	_exit(0);
}

static void proc_of_another_namespace_is_translated(void **state)
{
	struct answer answer = {.code = -1};
	int ends[2];
	pid_t pid;

	need_root();
	/* Numbers are translated by what a pidfd tells. */
	if (syscall(SYS_pidfd_open, getpid(), 0) < 0)
		skip();
	assert_int_equal(pipe(ends), 0);
	ready = ends[1];
	pid = fork();
	if (pid == 0)
		ask_below_foreign_proc();
	close(ends[1]);
	assert_int_equal(read(ends[0], &answer, sizeof answer), sizeof answer);
	close(ends[0]);
	waitpid(pid, NULL, 0);
	expect(answer, KERN_SUCCESS, "Process 2 (inner-sleeper) can be written");
}

#define REFUSE(number, error)                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))

static void install(struct sock_filter *filter, unsigned short length)
{
	struct sock_fprog program = {length, filter};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void refuse_copies(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		REFUSE(SYS_process_vm_readv, EPERM),
		REFUSE(SYS_process_vm_writev, EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	install(filter, sizeof filter / sizeof filter[0]);
}

/* Also opening anything for reading and writing: a memory file, in particular. */
static void refuse_copies_and_files(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, O_ACCMODE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, O_RDWR, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		REFUSE(SYS_process_vm_readv, ENOSYS),
		REFUSE(SYS_process_vm_writev, ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	install(filter, sizeof filter / sizeof filter[0]);
}

/* Nothing can be opened any more. */
static void refuse_copies_and_proc(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		REFUSE(SYS_openat, EACCES),
		REFUSE(SYS_process_vm_readv, EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	install(filter, sizeof filter / sizeof filter[0]);
}

static void filter_leaves_the_memory_file(void **state)
{
	pid_t pid = start(NULL);

	expect(ask(refuse_copies, pid, CONTROL), KERN_SUCCESS,
	       "A seccomp filter of the caller refuses process_vm_writev");
	expect(ask(refuse_copies, pid, READ), KERN_SUCCESS, "memory file below /proc serves");
	expect(ask(refuse_copies, pid, INSPECT), KERN_SUCCESS, "can be inspected");
}

static void filter_that_leaves_nothing_is_blamed(void **state)
{
	pid_t pid = start(NULL);

	expect(ask(refuse_copies_and_files, pid, CONTROL), KERN_DENIED,
	       "a seccomp filter of the caller refuses process_vm_readv (Function not "
	       "implemented)");
	expect(ask(refuse_copies_and_files, pid, READ), KERN_SUCCESS, "can be read");
	expect(ask(refuse_copies_and_proc, pid, READ), KERN_DENIED,
	       "a seccomp filter of the caller");
	expect(ask(refuse_copies_and_proc, pid, INSPECT), KERN_DENIED, "/proc");
}

static void enter_landlock(void)
{
	struct landlock_ruleset_attr rules = {.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_SOCK};
	int set = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	require(set >= 0 && syscall(SYS_landlock_restrict_self, set, 0) == 0);
	close(set);
}

static void security_module_is_blamed_for_the_rest(void **state)
{
	pid_t pid;

	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 0)
		skip();
	pid = start(NULL);
	expect(ask(enter_landlock, pid, CONTROL), KERN_DENIED,
	       "a security module or a sandbox of the caller (Landlock) refuses it");
	expect(ask(enter_landlock, pid, NAME), KERN_SUCCESS, "can be named");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITUATION(user_namespace_is_left_for_nobody),
		SITUATION(user_namespace_below_is_reached),
		SITUATION(pid_namespace_is_remarked),
		SITUATION(missing_proc_leaves_bytes),
		SITUATION(hidden_process_is_told_from_none),
		SITUATION(proc_of_another_namespace_is_translated),
		SITUATION(filter_leaves_the_memory_file),
		SITUATION(filter_that_leaves_nothing_is_blamed),
		SITUATION(security_module_is_blamed_for_the_rest),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
