/* SPDX-License-Identifier: MIT */
/*
 * What is left to whoever takes the broker over: each thing is tried by a process that has
 * entered the sandbox, on a file of its own. What the broker needs is tried as well, or a
 * filter that kills everything would pass.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox.h"

static char path[] = "/tmp/machvm-sandbox.XXXXXX";
static int writable; /* a descriptor that was open before */
static pid_t parent;

/* Each answers what the system call does: negative is refused. */

static long map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}

static long make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? 0 : mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static long map_shared(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, writable, 0) == MAP_FAILED ? -1
											       : 0;
}

static long write_file(void)
{
	return write(writable, "x", 1);
}

static long write_file_at(void)
{
	return pwrite(writable, "x", 1, 0);
}

static long write_file_in_pieces(void)
{
	return writev(writable, &(struct iovec){(void *)(uintptr_t) "x", 1}, 1);
}

static long cut_file(void)
{
	return ftruncate(writable, 0);
}

static long open_for_writing_only(void)
{
	return open(path, O_WRONLY);
}

static long open_for_both(void)
{
	return open(path, O_RDWR);
}

static long make_file(void)
{
	return open("/tmp/machvm-sandbox-made", O_RDONLY | O_CREAT | O_EXCL, 0600);
}

static long make_nameless_file(void)
{
	return open("/tmp", O_RDWR | O_TMPFILE, 0600);
}

/* The log is where write(2) works: it must not become something else. */
static long change_the_log(void)
{
	return close(STDERR_FILENO);
}

static long put_over_the_log(void)
{
	return dup2(writable, STDERR_FILENO);
}

static long flag_file(void)
{
	int flags = 0;

	return ioctl(writable, _IOW('f', 2, long), &flags);
}

static long signal_another(void)
{
	return syscall(SYS_tgkill, parent, parent, 0);
}

static long limit_another(void)
{
	struct rlimit limit;

	return prlimit(parent, RLIMIT_CORE, NULL, &limit);
}

static long own_signals(void)
{
	return fcntl(writable, F_SETOWN, parent);
}

static long trace(void)
{
	return syscall(SYS_ptrace, 0, 0, 0, 0);
}

static long take_descriptor(void)
{
	return syscall(438 /* pidfd_getfd */, 0, 0, 0);
}

static long copy_memory(void)
{
	char byte = 0;
	struct iovec vector = {&byte, 1};

	return syscall(SYS_process_vm_writev, getpid(), &vector, 1, &vector, 1, 0);
}

static long run_program(void)
{
	return execl("/bin/true", "true", NULL);
}

static long have_child(void)
{
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static long reach_network(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long open_for_reading(void)
{
	return open(path, O_RDONLY);
}

static long speak(void)
{
	return write(STDERR_FILENO, "", 0);
}

static long get_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}

enum { NOTHING, REFUSED, ALLOWED, NO_SANDBOX };

/* What comes of it inside the sandbox. */
static int attempt(long (*trial)(void), bool writes, bool speaks)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || sandbox_filter_calls(writes, speaks))
			_exit(NO_SANDBOX);
		_exit(trial() < 0 ? REFUSED : ALLOWED);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	/* The filter may also kill. */
	return WIFEXITED(status) ? WEXITSTATUS(status) : REFUSED;
}

#define TRIAL(name)         \
	{                   \
#name, name \
	}
struct trial {
	const char *name;
	long (*run)(void);
};

static void nothing_but_what_it_needs_is_allowed(void **state)
{
	static const struct trial trials[] = {
		TRIAL(map_code),       TRIAL(make_code),
		TRIAL(map_shared),     TRIAL(write_file),
		TRIAL(write_file_at),  TRIAL(write_file_in_pieces),
		TRIAL(cut_file),       TRIAL(open_for_writing_only),
		TRIAL(make_file),      TRIAL(make_nameless_file),
		TRIAL(change_the_log), TRIAL(put_over_the_log),
		TRIAL(flag_file),      TRIAL(signal_another),
		TRIAL(limit_another),  TRIAL(own_signals),
		TRIAL(trace),          TRIAL(take_descriptor),
		TRIAL(copy_memory),    TRIAL(run_program),
		TRIAL(have_child),     TRIAL(reach_network),
	};

	unsigned bad = 0;

	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		for (int how = 0; how < 4; how++) {
			if (attempt(trials[i].run, how & 1, how & 2) == REFUSED)
				continue;
			print_error("%s, writes %d, speaks %d: not refused\n", trials[i].name,
				    how & 1, how >> 1);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

static void files_are_opened_for_writing_only_where_control_may_be_given(void **state)
{
	assert_int_equal(attempt(open_for_both, false, true), REFUSED);
	assert_int_equal(attempt(open_for_both, true, true), ALLOWED);
}

static void standard_error_is_written_only_where_it_is_the_log(void **state)
{
	assert_int_equal(attempt(speak, true, false), REFUSED);
	assert_int_equal(attempt(speak, false, true), ALLOWED);
}

static void what_it_needs_is_allowed(void **state)
{
	for (int how = 0; how < 4; how++) {
		assert_int_equal(attempt(open_for_reading, how & 1, how & 2), ALLOWED);
		assert_int_equal(attempt(get_memory, how & 1, how & 2), ALLOWED);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_but_what_it_needs_is_allowed),
		cmocka_unit_test(files_are_opened_for_writing_only_where_control_may_be_given),
		cmocka_unit_test(standard_error_is_written_only_where_it_is_the_log),
		cmocka_unit_test(what_it_needs_is_allowed),
	};
	int failed;

	parent = getpid();
	writable = mkstemp(path);
	if (writable < 0 || write(writable, "machvm", 6) != 6)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
