/* SPDX-License-Identifier: MIT */
/*
 * What every test needs: victims, and failures that say what was tried.
 *
 * Victims are exec'ed programs (tests/victim) that report their own memory. The
 * harness ends every one of them after each test, also when an assertion failed
 * in the middle (which cmocka does by longjmp).
 *
 * Everything here belongs to the main thread of a test: cmocka's assertions are
 * not for other threads. A thread notes what it found and the main one asserts.
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <machvm.h>

#define PAGE ((size_t)4096)

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* A test that ends its victims whatever happens, and the main program of a group of them. */
#define TEST(function) cmocka_unit_test_setup_teardown(function, NULL, harness_teardown)
#define HARNESS_MAIN(tests) HARNESS_MAIN_IF(tests, )
/* The same with statements that may skip the program. */
#define HARNESS_MAIN_IF(tests, ...)                                             \
	int main(int argc, char *argv[])                                        \
	{                                                                       \
		harness_start(argc, argv);                                      \
		__VA_ARGS__                                                     \
		return cmocka_run_group_tests_name(argv[0], tests, NULL, NULL); \
	}

/*
 * Before the tests: takes the pattern of names to run (cmocka's, with * and ?)
 * from the first argument, and applies MACHVM_TEST_REFUSE (see refuse.h). With
 * MACHVM_TEST_NURSERY victims are refused nothing: a filter on a victim would take
 * CAP_SYS_ADMIN, and a caller without one, to change it.
 */
void harness_start(int argc, char *argv[]);
int harness_teardown(void **state);

/* Ends the program with the code for "skipped" and a reason. Before the tests only. */
void harness_skip(const char *reason, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Skips the program unless it runs as root; unless it does not; under valgrind. */
void harness_require_root(void);
void harness_require_unprivileged(void);
void harness_require_speed(void);
/*
 * Skips the program unless calls can wait for a page of a userfaultfd: only
 * root's holds back the kernel's own accesses, and of the kernel's calls only
 * process_vm_* wait (/proc/PID/mem says EIO at once).
 */
void harness_require_waiting(void);
/*
 * MACHVM_TEST_SHARE: the longest suites run one of so many of their cases, evenly
 * spread. 1, all of them, unless it is set.
 */
unsigned harness_share(void);
/* Does the kernel let a memory descriptor go past protections (proc_mem.force_override)? */
bool harness_forces(void);
/* Skips the program where /proc counts processes in another namespace than system calls do. */
void harness_require_own_proc(void);
bool harness_is_root(void); /* of the whole machine, not of a user namespace */
/* True under valgrind, which changes what some kernel features look like. */
bool harness_is_valgrind(void);

/*
 * What is being tried, shown when an assertion of this header fails. Cheap
 * enough to be called for each of a million cases.
 */
void trying(const char *format, ...) __attribute__((format(printf, 1, 2)));

void harness_fail(const char *file, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
#define fail_case(...) harness_fail(__FILE__, __LINE__, __VA_ARGS__)

/* The answer must be `want`. A failure names both codes and shows the detail record. */
#define expect_code(got, want) harness_expect_code(__FILE__, __LINE__, #got, (got), (want))
void harness_expect_code(const char *file, int line, const char *call, kern_return_t got,
			 kern_return_t want);

/* The detail record must have the code, this address, and nothing done; and a usable sentence. */
#define expect_detail(code, address) harness_expect_detail(__FILE__, __LINE__, (code), (address))
void harness_expect_detail(const char *file, int line, kern_return_t code, uint64_t address);

#define expect_number(got, want) \
	harness_expect_number(__FILE__, __LINE__, #got, (uint64_t)(got), (uint64_t)(want))
void harness_expect_number(const char *file, int line, const char *what, uint64_t got,
			   uint64_t want);

/* The bytes must be these. A failure shows the first place where they are not. */
#define expect_bytes(got, want, size) \
	harness_expect_bytes(__FILE__, __LINE__, (got), (want), (size))
void harness_expect_bytes(const char *file, int line, const void *got, const void *want,
			  size_t size);

const char *code_name(kern_return_t code);

/* Victims. */

enum word { WORD_64, WORD_32 };

/* How many of them run here: a kernel may execute no 32-bit programs. */
enum word word_count(void);

struct victim {
	pid_t pid;
	enum word word;
	int to, from;               /* its standard input and output */
	int second_to, second_from; /* the second channel, -1 when taken */
	bool child;                 /* ours to reap */
	uint8_t *mailbox;           /* where it reports (tests/victim/report.h) */
};

/*
 * Starts one, as the same user or as another (root only). It has answered already.
 * Where its word does not run, the rest of the test is skipped.
 */
struct victim *victim_spawn(enum word word);
struct victim *victim_spawn_as(enum word word, uid_t uid);
/* A process that the victim made, which serves the victim's second channel. */
struct victim *victim_adopt(struct victim *victim, pid_t pid);

/*
 * Gives a command, written as printf would, and returns the number in its
 * answer. victim_ask() fails the test when the victim could not obey;
 * victim_try() returns 0 or the victim's -errno. victim_tell() does not wait,
 * victim_hear() fetches the answer to that.
 */
uint64_t victim_ask(struct victim *victim, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int victim_try(struct victim *victim, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void victim_tell(struct victim *victim, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
uint64_t victim_hear(struct victim *victim);
/* Takes what the victim has put into its mailbox. */
void victim_bytes(struct victim *victim, void *bytes, size_t size);

/* Ends it and reaps it; ends it and leaves it a zombie. */
void victim_kill(struct victim *victim);
void victim_make_zombie(struct victim *victim);

/*
 * The task port of a victim; the test fails when there is none. With
 * MACHVM_TEST_RECEIVED in the environment it has come over a socket (and the program
 * is skipped where none does).
 */
mach_port_t victim_task(struct victim *victim);

/* Tests need not give their ports back, but those that count them do. */
void task_drop(mach_port_t task);

/* The absolute name of the victim program. */
const char *victim_program(enum word word);

#endif
