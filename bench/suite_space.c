/* SPDX-License-Identifier: MIT */
/*
 * suite_space.c - changing another process's address space: vm_protect of a page against
 * those who do it with less care.
 *
 * The bare sequence is what any remote call costs at least; the goal for a session of its
 * own is 15 us where that takes 11.5.
 */
#include <inttypes.h>
#include <mach/mach_vm.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "debuggers.h"
#include "measure.h"
#include "space_still.h"
#include "stopper.h"
#include "subject.h"
#include "suites.h"

enum { PAGE = 4096 };

struct targets {
	struct subject ours, theirs, gdbs;
	bool our_access, their_access, gdbs_access;
	uint64_t instruction;
	struct talk gdb;
};

/* Another one than the page has: what has it already is not even stopped. */
static int protection(bool *writable)
{
	*writable = !*writable;
	return *writable ? PROT_READ | PROT_WRITE : PROT_READ;
}

static void by_machvm(void *context, unsigned repetitions)
{
	struct targets *t = context;

	while (repetitions--)
		if (mach_vm_protect(t->ours.task, t->ours.address, PAGE, 0,
				    protection(&t->our_access)))
			die("mach_vm_protect failed");
}

static void by_bare_calls(void *context, unsigned repetitions)
{
	struct targets *t = context;

	while (repetitions--)
		stopper_bare(t->theirs.pid, t->instruction, t->theirs.address,
			     protection(&t->their_access));
}

static void by_parasite(void *context, unsigned repetitions)
{
	struct targets *t = context;

	while (repetitions--)
		stopper_parasite(t->theirs.pid, t->instruction, t->theirs.address,
				 protection(&t->their_access));
}

static void by_gdb(void *context, unsigned repetitions)
{
	struct targets *t = context;
	char command[128];

	while (repetitions--) {
		snprintf(command, sizeof command,
			 "print ((int (*)(void *, long, int))mprotect)((void *)0x%" PRIx64
			 ", %d, %d)",
			 t->gdbs.address, PAGE, protection(&t->gdbs_access));
		gdb_do(&t->gdb, command);
	}
}

static void together(pid_t pid)
{
	cpu_set_t mine;

	if (sched_getaffinity(0, sizeof mine, &mine) || sched_setaffinity(pid, sizeof mine, &mine))
		die("sched_setaffinity");
}

static void against(struct targets *t, const char *group)
{
	static const struct side sides[] = {{"mach_vm_protect", by_machvm},
					    {"seize, interrupt, call, detach", by_bare_calls},
					    {"as compel does", by_parasite}};
	struct samples samples;

	measure(&samples, sides, 3, t, 3);
	row_print(&(struct row){group, "vm_protect of a page", GOAL_RATIO, 1.3,
				"nothing is saved from harm there"},
		  &samples, sides, 0, 1);
	row_print(&(struct row){group, "vm_protect of a page", GOAL_RATIO, 1.0,
				"all threads stopped, a blob mapped, copied, run and unmapped"},
		  &samples, sides, 0, 2);
	measure_free(&samples);
}

static void against_gdb(struct targets *t)
{
	static const struct side sides[] = {{"mach_vm_protect", by_machvm}, {"gdb", by_gdb}};
	struct samples samples;

	if (gdb_start(&t->gdb, t->gdbs.pid)) {
		fputs("bench: gdb is not installed: not measured\n", stderr);
		return;
	}
	measure(&samples, sides, 2, t, 3);
	row_print(&(struct row){"vm_protect in another process", "vm_protect of a page", GOAL_RATIO,
				1.0, "'call mprotect(...)' in a gdb that is attached already"},
		  &samples, sides, 0, 1);
	measure_free(&samples);
	talk_end(&t->gdb);
}

void suite_space(const struct settings *settings)
{
	static struct targets t;
	cpu_set_t elsewhere;

	subject_memory(&t.ours, PAGE);
	subject_memory(&t.theirs, PAGE);
	subject_memory(&t.gdbs, PAGE);
	t.instruction = stopper_instruction(t.theirs.pid);
	sched_getaffinity(t.ours.pid, sizeof elsewhere, &elsewhere);
	against(&t, "vm_protect in another process, on another CPU");
	together(t.ours.pid);
	together(t.theirs.pid);
	against(&t, "vm_protect in another process, on the same CPU");
	against_gdb(&t);
	space_stand_still(elsewhere);
	subject_end(&t.ours);
	subject_end(&t.theirs);
	subject_end(&t.gdbs);
}
