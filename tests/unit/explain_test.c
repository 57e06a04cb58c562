/* SPDX-License-Identifier: MIT */
/*
 * machvm_explain() in situations that are really made: who asks and who is
 * asked about are processes of their own, prepared as the test wants them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>

#include <cmocka.h>

#include <mach/mach.h>
#include <machvm.h>

#include "gates.h"

#define NOBODY   65534
#define SOMEBODY 1 /* a login in every /etc/passwd, with its own group */

#define CONTROL MACHVM_RIGHT_CONTROL
#define READ    MACHVM_RIGHT_READ
#define INSPECT MACHVM_RIGHT_INSPECT
#define NAME    MACHVM_RIGHT_NAME

struct answer {
	kern_return_t code;
	char text[2048];
};

typedef void preparation(void);

static pid_t children[8];
static int child_count;

/* A preparation that fails ends its process, which the test then notices. */
static void require(bool condition)
{
	if (!condition)
		_exit(99);
}

__attribute__((noreturn)) static void wait_for_the_end(void)
{
	for (;;)
		pause();
}

/* A process that prepares itself, says so, and waits to be killed. */
static pid_t start(preparation *prepare)
{
	int ends[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (prepare)
			prepare();
		/* Changing ids resets this, so it comes last. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		require(write(ends[1], "", 1) == 1);
		wait_for_the_end();
	}
	children[child_count++] = pid;
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return pid;
}

static int end_children(void **state)
{
	while (child_count) {
		pid_t pid = children[--child_count];
		kill(pid, SIGKILL);
		waitpid(pid, NULL, __WALL);
	}
	return 0;
}

/* Asks from a process of its own. */
static struct answer ask(preparation *prepare, int pid, enum machvm_right right)
{
	struct answer answer = {.code = -1};
	int ends[2];
	pid_t asker;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	asker = fork();
	assert_true(asker >= 0);
	if (asker == 0) {
		struct answer found;

		if (prepare)
			prepare();
		memset(&found, 0, sizeof found);
		found.code = machvm_explain(pid, right, found.text, sizeof found.text);
		require(write(ends[1], &found, sizeof found) == sizeof found);
		_exit(0);
	}
	close(ends[1]);
	if (read(ends[0], &answer, sizeof answer) != sizeof answer)
		answer.code = -1;
	close(ends[0]);
	waitpid(asker, NULL, 0);
	return answer;
}

static void expect(struct answer answer, kern_return_t code, const char *words)
{
	if (answer.code != code || !strstr(answer.text, words))
		fail_msg("want %d and \"%s\"; got %d and: %s", code, words, answer.code,
			 answer.text);
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void become(uid_t id)
{
	require(setresgid(id, id, id) == 0 && setresuid(id, id, id) == 0);
	/* The change made us undumpable; an ordinary process of that user is not. */
	prctl(PR_SET_DUMPABLE, 1);
}

static void become_nobody(void)
{
	become(NOBODY);
}

static void become_somebody(void)
{
	become(SOMEBODY);
}

/* Root becomes nobody; anybody else is nobody enough. */
static void become_ordinary(void)
{
	if (geteuid() == 0)
		become(NOBODY);
}

static void become_ordinary_and_undumpable(void)
{
	become_ordinary();
	prctl(PR_SET_DUMPABLE, 0);
}

static void become_nobody_but_for_the_saved_id(void)
{
	require(setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, 0) == 0);
	prctl(PR_SET_DUMPABLE, 1);
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	require(syscall(SYS_capset, &header, none) == 0);
}

static void absent_process_is_named_so(void **state)
{
	static const int pids[] = {0, -1, INT_MIN, INT_MAX};

	for (size_t i = 0; i < sizeof pids / sizeof pids[0]; i++)
		for (enum machvm_right right = CONTROL; right <= NAME; right++)
			expect(ask(NULL, pids[i], right), MACH_SEND_INVALID_DEST,
			       "There is no process ");
}

static void zombie_names_its_parent(void **state)
{
	pid_t pid = start(NULL);
	siginfo_t info;
	char words[64];

	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	snprintf(words, sizeof words, "(%d) can remove it.\n", getpid());
	expect(ask(NULL, pid, CONTROL), MACH_SEND_INVALID_DEST, " is a zombie: ");
	expect(ask(NULL, pid, NAME), MACH_SEND_INVALID_DEST, words);
}

static void *wait_forever(void *tid)
{
	*(_Atomic int *)tid = gettid();
	wait_for_the_end();
}

static void thread_names_its_process(void **state)
{
	_Atomic int tid = 0;
	pthread_t thread;
	char words[64];

	pthread_create(&thread, NULL, wait_forever, &tid);
	while (!tid)
		sched_yield();
	snprintf(words, sizeof words, "Ask for process %d instead.\n", getpid());
	expect(ask(NULL, tid, READ), MACH_SEND_INVALID_DEST, "is a thread of process ");
	expect(ask(NULL, tid, READ), MACH_SEND_INVALID_DEST, words);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
}

static void kernel_thread_has_no_memory(void **state)
{
	char name[32] = "";
	FILE *comm = fopen("/proc/2/comm", "r");

	/* A pid namespace of our own has no kernel threads in it. */
	if (!comm || !fgets(name, sizeof name, comm) || strcmp(name, "kthreadd\n")) {
		if (comm)
			fclose(comm);
		skip();
	}
	fclose(comm);
	expect(ask(NULL, 2, CONTROL), KERN_DENIED,
	       "Process 2 (kthreadd) cannot be written: it is a kernel thread");
	expect(ask(become_ordinary, 2, INSPECT), KERN_DENIED, "it is a kernel thread");
	expect(ask(NULL, 2, NAME), KERN_SUCCESS, "can be named");
}

static void own_process_is_open(void **state)
{
	char text[512];

	assert_int_equal(machvm_explain(getpid(), CONTROL, text, sizeof text), KERN_SUCCESS);
	assert_non_null(strstr(text, "it is the calling process itself"));
}

static void same_user_is_let_in(void **state)
{
	pid_t pid = start(become_ordinary);

	for (enum machvm_right right = CONTROL; right <= INSPECT; right++)
		expect(ask(become_ordinary, pid, right), KERN_SUCCESS,
		       "it and the caller both run as uid ");
}

static void root_is_let_in_by_its_capability(void **state)
{
	need_root();
	expect(ask(NULL, start(become_nobody), CONTROL), KERN_SUCCESS,
	       "the caller has CAP_SYS_PTRACE");
}

static void other_user_is_refused(void **state)
{
	struct passwd *login;
	char words[128];
	pid_t pid;

	need_root();
	pid = start(become_somebody);
	expect(ask(become_nobody, pid, CONTROL), KERN_DENIED, "and the caller as uid 65534");
	expect(ask(become_nobody, pid, INSPECT), KERN_DENIED,
	       "cannot be inspected: it runs as uid 1 ");
	expect(ask(become_nobody, pid, NAME), KERN_SUCCESS, "can be named");
	login = getpwuid(SOMEBODY);
	if (login && login->pw_gid == SOMEBODY) {
		snprintf(words, sizeof words, "sudo -u %s machvm ...\n", login->pw_name);
		expect(ask(become_nobody, pid, READ), KERN_DENIED, words);
	}
	pid = start(NULL);
	expect(ask(become_nobody, pid, READ), KERN_DENIED, "it runs as uid 0 (root)");
	expect(ask(become_nobody, pid, READ), KERN_DENIED, "as root: sudo machvm ...\n");
}

static void saved_id_that_differs_is_named(void **state)
{
	need_root();
	expect(ask(become_nobody, start(become_nobody_but_for_the_saved_id), CONTROL), KERN_DENIED,
	       "uids 65534, 65534 and 0 (real, effective, saved)");
}

static void root_without_capability_is_refused(void **state)
{
	need_root();
	expect(ask(drop_capabilities, start(become_nobody), CONTROL), KERN_DENIED,
	       "the caller is root without CAP_SYS_PTRACE");
	expect(ask(drop_capabilities, start(NULL), CONTROL), KERN_DENIED,
	       "it holds capabilities that the caller lacks");
	expect(ask(drop_capabilities, start(drop_capabilities), CONTROL), KERN_SUCCESS,
	       "both run as uid 0");
}

static void undumpable_process_is_refused(void **state)
{
	pid_t pid = start(become_ordinary_and_undumpable);

	expect(ask(become_ordinary, pid, CONTROL), KERN_DENIED, "it is not dumpable (");
	expect(ask(become_ordinary, pid, INSPECT), KERN_DENIED, "sudo machvm ...\n");
	if (geteuid() == 0)
		expect(ask(NULL, pid, CONTROL), KERN_SUCCESS, "CAP_SYS_PTRACE");
}

static pid_t traced;

static void trace(void)
{
	prctl(PR_SET_NAME, "test-tracer");
	require(ptrace(PTRACE_SEIZE, traced, 0, 0) == 0);
}

static void tracer_is_named_and_does_not_hinder(void **state)
{
	char name[32], words[128];
	pid_t tracer;

	traced = start(become_ordinary);
	assert_int_equal(machvm__gates_tracer(traced, name, sizeof name), 0);
	assert_string_equal(name, "");
	tracer = start(trace);
	snprintf(words, sizeof words, "It is traced by test-tracer (%d): that does not hinder",
		 tracer);
	expect(ask(become_ordinary, traced, CONTROL), KERN_SUCCESS, words);
	assert_int_equal(machvm__gates_tracer(traced, name, sizeof name), tracer);
	assert_string_equal(name, "test-tracer");
	assert_int_equal(machvm__gates_tracer(traced, NULL, 0), tracer);
}

static void tracer_of_no_process_is_an_error(void **state)
{
	char name[32] = "untouched";

	assert_int_equal(machvm__gates_tracer(INT_MAX, name, sizeof name), -ESRCH);
}

static _Atomic int second_thread;

static void add_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, wait_forever, (void *)(uintptr_t)&second_thread);
	while (!second_thread)
		sched_yield();
}

static int find_second_thread(pid_t pid)
{
	/* The child's numbers are given in order; it made one thread. */
	char path[64];

	for (int tid = pid + 1; tid < pid + 4096; tid++) {
		snprintf(path, sizeof path, "/proc/%d/task/%d", pid, tid);
		if (access(path, F_OK) == 0)
			return tid;
	}
	return 0;
}

static void trace_second_thread(void)
{
	prctl(PR_SET_NAME, "half-tracer");
	require(ptrace(PTRACE_SEIZE, find_second_thread(traced), 0, 0) == 0);
}

static void tracer_of_one_thread_is_found(void **state)
{
	char name[32];
	pid_t tracer;

	traced = start(add_thread);
	if (!find_second_thread(traced))
		skip();
	tracer = start(trace_second_thread);
	assert_int_equal(machvm__gates_tracer(traced, name, sizeof name), tracer);
	assert_string_equal(name, "half-tracer");
}

static int ready;

static void *report_leader_gone(void *unused)
{
	char path[64], text[512] = "";
	FILE *stat;

	snprintf(path, sizeof path, "/proc/%d/stat", getpid());
	do {
		stat = fopen(path, "r");
		require(stat && fgets(text, sizeof text, stat));
		fclose(stat);
		sched_yield();
	} while (!strstr(text, ") Z "));
	require(write(ready, "", 1) == 1);
	wait_for_the_end();
}

static void leave_second_thread(void)
{
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pthread_create(&thread, NULL, report_leader_gone, NULL);
	pthread_exit(NULL);
}

static void dead_leader_is_reached_through_a_thread(void **state)
{
	int ends[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(ends), 0);
	ready = ends[1];
	pid = fork();
	if (pid == 0)
		leave_second_thread();
	children[child_count++] = pid;
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	for (enum machvm_right right = CONTROL; right <= INSPECT; right++)
		expect(ask(NULL, pid, right), KERN_SUCCESS, "Its first thread has exited");
}

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
	pid_t pid;

	require(unshare(CLONE_NEWPID) == 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		wait_for_the_end();
	}
	require(pid > 0 && write(ready, &pid, sizeof pid) == sizeof pid);
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
	become(NOBODY);
}

static void bar_processes(void)
{
	leave_mounts();
	require(mount("proc", "/proc", "proc", 0, "hidepid=1") == 0);
	become(NOBODY);
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

	require(unshare(CLONE_NEWPID) == 0);
	pid = fork();
	if (pid == 0) {
		asked = fork();
		if (asked == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			prctl(PR_SET_NAME, "inner-sleeper");
			require(write(ready, "", 1) == 1);
			wait_for_the_end();
		}
		memset(&found, 0, sizeof found);
		found.code = machvm_explain(asked, CONTROL, found.text, sizeof found.text);
		/* It may not have named itself yet: the test reads that byte first. */
		while (!strstr(found.text, "inner-sleeper") && found.code == KERN_SUCCESS)
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
	char byte;
	pid_t pid;

	need_root();
	assert_int_equal(pipe(ends), 0);
	ready = ends[1];
	pid = fork();
	if (pid == 0)
		ask_below_foreign_proc();
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
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

static void wrong_right_is_invalid_and_writes_nothing(void **state)
{
	char text[] = "untouched";

	assert_int_equal(machvm_explain(getpid(), (enum machvm_right)4, text, sizeof text),
			 KERN_INVALID_ARGUMENT);
	assert_int_equal(machvm_explain(getpid(), (enum machvm_right) - 1, text, sizeof text),
			 KERN_INVALID_ARGUMENT);
	assert_string_equal(text, "untouched");
}

static void short_buffer_gets_the_beginning(void **state)
{
	char text[16];

	memset(text, 'x', sizeof text);
	assert_int_equal(machvm_explain(INT_MAX, NAME, text, 9), MACH_SEND_INVALID_DEST);
	assert_memory_equal(text, "There is\0xxxxxxx", 16);
	assert_int_equal(machvm_explain(INT_MAX, NAME, text, 1), MACH_SEND_INVALID_DEST);
	assert_memory_equal(text, "\0here is\0xxxxxxx", 16);
	assert_int_equal(machvm_explain(INT_MAX, NAME, text, 0), MACH_SEND_INVALID_DEST);
	assert_int_equal(machvm_explain(INT_MAX, NAME, NULL, 99), MACH_SEND_INVALID_DEST);
	assert_memory_equal(text, "\0here is\0xxxxxxx", 16);
}

static void refusal_is_on_record_and_success_is_not(void **state)
{
	char text[1024];
	size_t length;

	machvm_explain(INT_MAX, NAME, text, sizeof text);
	assert_int_equal(machvm_last_error()->code, MACH_SEND_INVALID_DEST);
	assert_string_equal(machvm_last_error()->step, "explain");
	length = strlen(machvm_last_error()->message);
	assert_memory_equal(text, machvm_last_error()->message, length);
	assert_string_equal(text + length, ".\n");
	machvm_explain(getpid(), NAME, text, sizeof text);
	assert_int_equal(machvm_last_error()->code, MACH_SEND_INVALID_DEST);
}

static void rename_with_escapes(void)
{
	prctl(PR_SET_NAME, "a\nb\033[31mc");
}

static void name_with_control_characters_is_tamed(void **state)
{
	expect(ask(NULL, start(rename_with_escapes), CONTROL), KERN_SUCCESS, "(a");
	for (const char *c = ask(NULL, children[0], CONTROL).text; *c; c++)
		assert_true((*c >= ' ' && *c < 0x7f) || *c == '\n');
}

#define SITUATION(function) cmocka_unit_test_teardown(function, end_children)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITUATION(absent_process_is_named_so),
		SITUATION(zombie_names_its_parent),
		SITUATION(thread_names_its_process),
		SITUATION(kernel_thread_has_no_memory),
		SITUATION(own_process_is_open),
		SITUATION(same_user_is_let_in),
		SITUATION(root_is_let_in_by_its_capability),
		SITUATION(other_user_is_refused),
		SITUATION(saved_id_that_differs_is_named),
		SITUATION(root_without_capability_is_refused),
		SITUATION(undumpable_process_is_refused),
		SITUATION(tracer_is_named_and_does_not_hinder),
		SITUATION(tracer_of_no_process_is_an_error),
		SITUATION(tracer_of_one_thread_is_found),
		SITUATION(dead_leader_is_reached_through_a_thread),
		SITUATION(user_namespace_is_left_for_nobody),
		SITUATION(user_namespace_below_is_reached),
		SITUATION(pid_namespace_is_remarked),
		SITUATION(missing_proc_leaves_bytes),
		SITUATION(hidden_process_is_told_from_none),
		SITUATION(proc_of_another_namespace_is_translated),
		SITUATION(filter_leaves_the_memory_file),
		SITUATION(filter_that_leaves_nothing_is_blamed),
		SITUATION(security_module_is_blamed_for_the_rest),
		SITUATION(wrong_right_is_invalid_and_writes_nothing),
		SITUATION(short_buffer_gets_the_beginning),
		SITUATION(refusal_is_on_record_and_success_is_not),
		SITUATION(name_with_control_characters_is_tamed),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
