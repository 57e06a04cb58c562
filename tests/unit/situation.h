/* SPDX-License-Identifier: MIT */
/*
 * Situations for machvm_explain(): who asks and who is asked about are processes
 * of their own, prepared as a test wants them. All of them end with the test.
 */
#ifndef TESTS_SITUATION_H
#define TESTS_SITUATION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include <mach/mach.h>
#include <machvm.h>

#define NOBODY   65534
#define SOMEBODY 1 /* a login in every /etc/passwd, with its own group */

#define CONTROL MACHVM_RIGHT_CONTROL
#define READ    MACHVM_RIGHT_READ
#define INSPECT MACHVM_RIGHT_INSPECT
#define NAME    MACHVM_RIGHT_NAME

#define SITUATION(function) cmocka_unit_test_teardown(function, end_children)

struct answer {
	kern_return_t code;
	char text[2048];
};

typedef void preparation(void);

/* A preparation that fails ends its process, which the test then notices. */
void require(bool condition);
__attribute__((noreturn)) void wait_for_the_end(void);

/* A process that prepares itself, says so, and waits to be killed. */
pid_t start(preparation *prepare);
/* Has another process ended with the test. */
void adopt(pid_t pid);
int end_children(void **state);

/* Asks from a process of its own. */
struct answer ask(preparation *prepare, int pid, enum machvm_right right);
void expect(struct answer answer, kern_return_t code, const char *words);

/* Skips the test unless root runs it. */
void need_root(void);

void become_nobody(void);
void become_somebody(void);
/* Root becomes nobody; anybody else is nobody enough. */
void become_ordinary(void);
void become_ordinary_and_undumpable(void);

#endif
