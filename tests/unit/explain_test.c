/* SPDX-License-Identifier: MIT */
/* machvm_explain(): processes as they come, users, capabilities, tracers. */
#include "situation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "gates.h"

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
	adopt(pid);
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	for (enum machvm_right right = CONTROL; right <= INSPECT; right++)
		expect(ask(NULL, pid, right), KERN_SUCCESS, "Its first thread has exited");
}

/* Leaves two: enough to begin to look, and not to finish. */
static void use_up_descriptors(void)
{
	struct rlimit limit;
	int fd, last = -1;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 64;
	require(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		last = fd;
	require(errno == EMFILE && last > 0);
	close(last);
	close(last - 1);
}

static void lack_of_descriptors_is_no_refusal(void **state)
{
	expect(ask(use_up_descriptors, start(NULL), CONTROL), KERN_RESOURCE_SHORTAGE,
	       "No file descriptor is left to look at process ");
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
	prctl(PR_SET_NAME, "a\nb\033[mc\xc2\x9bmd");
}

static void name_with_control_characters_is_tamed(void **state)
{
	struct answer answer = ask(NULL, start(rename_with_escapes), CONTROL);

	expect(answer, KERN_SUCCESS, "(a");
	for (const char *c = answer.text; *c; c++)
		assert_true((*c >= ' ' && *c < 0x7f) || *c == '\n');
}

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
		SITUATION(lack_of_descriptors_is_no_refusal),
		SITUATION(wrong_right_is_invalid_and_writes_nothing),
		SITUATION(short_buffer_gets_the_beginning),
		SITUATION(refusal_is_on_record_and_success_is_not),
		SITUATION(name_with_control_characters_is_tamed),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
