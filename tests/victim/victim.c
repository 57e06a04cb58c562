/* SPDX-License-Identifier: MIT */
/*
 * The victim: a program with nothing of machvm in it, which lays out its memory
 * as a test asks, and reports its own memory by its own loads. It reads commands
 * from its standard input, answers on its standard output, and ends with its
 * parent or at the end of its input.
 */
#include "channel.h"
#include "churn.h"
#include "fault.h"
#include "pages.h"
#include "pattern.h"
#include "process.h"
#include "report.h"
#include "ring.h"
#include "shape.h"
#include "workers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

struct command {
	const char *name;
	int arguments; /* at least as many */
	void (*run)(struct channel *channel, char *const words[], int count);
};

#define NUMBER(i)  channel_number(words[i])
#define POINTER(i) channel_pointer(words[i])

static void run_pid(struct channel *channel, char *const words[], int count)
{
	channel_answer(channel, "ok %x\n", (unsigned)getpid());
}

static void run_lay(struct channel *channel, char *const words[], int count)
{
	channel_result(channel, pages_lay(words[0], POINTER(1), NUMBER(2) * 4096, NUMBER(3)));
}

static void run_unmap(struct channel *channel, char *const words[], int count)
{
	channel_result(channel, munmap(POINTER(0), NUMBER(1)) == 0 ? 0 : -errno);
}

static void run_protect(struct channel *channel, char *const words[], int count)
{
	int r = mprotect(POINTER(0), NUMBER(1), (int)NUMBER(2));

	channel_result(channel, r == 0 ? 0 : -errno);
}

static void run_move(struct channel *channel, char *const words[], int count)
{
	void *moved = mremap(POINTER(0), NUMBER(1), NUMBER(1), MREMAP_MAYMOVE | MREMAP_FIXED,
			     POINTER(2));

	channel_result(channel, moved != MAP_FAILED ? 0 : -errno);
}

static void run_fill(struct channel *channel, char *const words[], int count)
{
	pattern_fill(POINTER(0), NUMBER(0), NUMBER(1), NUMBER(2));
	channel_result(channel, 0);
}

static void run_advise(struct channel *channel, char *const words[], int count)
{
	channel_result(channel, madvise(POINTER(0), NUMBER(1), (int)NUMBER(2)) == 0 ? 0 : -errno);
}

static void run_lock(struct channel *channel, char *const words[], int count)
{
	channel_result(channel, mlock(POINTER(0), NUMBER(1)) == 0 ? 0 : -errno);
}

static void run_pin(struct channel *channel, char *const words[], int count)
{
	channel_result(channel, ring_pin(POINTER(0), NUMBER(1)));
}

static void run_map(struct channel *channel, char *const words[], int count)
{
	channel_result(channel, shape_map(words[0], POINTER(1), NUMBER(2), (int)NUMBER(3),
					  (int)NUMBER(4), (int)NUMBER(5), NUMBER(6)));
}

static void run_stripes(struct channel *channel, char *const words[], int count)
{
	channel_result(channel, shape_stripes(POINTER(0), NUMBER(1)));
}

static void run_tag(struct channel *channel, char *const words[], int count)
{
	channel_result(channel, shape_tag(POINTER(0), NUMBER(1), (unsigned)NUMBER(2)));
}

/* Fills a piece of stack that is mapped and not in use, and says where it is. */
static void run_stack(struct channel *channel, char *const words[], int count)
{
	char here;
	uintptr_t address = ((uintptr_t)&here - (64 << 10)) & ~(uintptr_t)4095;

	pattern_fill((void *)address, address, NUMBER(0) * 4096, NUMBER(1));
	channel_answer(channel, "ok %llx\n", (unsigned long long)address);
}

static void run_dump(struct channel *channel, char *const words[], int count)
{
	report_dump(channel, NUMBER(0), NUMBER(1));
}

static void run_sum(struct channel *channel, char *const words[], int count)
{
	report_sum(channel, NUMBER(0), NUMBER(1));
}

static void run_file(struct channel *channel, char *const words[], int count)
{
	report_file(channel, NUMBER(0), NUMBER(1));
}

static void run_maps(struct channel *channel, char *const words[], int count)
{
	report_own(channel, "/proc/self/maps");
}

static void run_smaps(struct channel *channel, char *const words[], int count)
{
	report_own(channel, "/proc/self/smaps");
}

static void run_truncate(struct channel *channel, char *const words[], int count)
{
	int r = ftruncate(pages_file(POINTER(0)), (off_t)NUMBER(1));

	channel_result(channel, r == 0 ? 0 : -errno);
}

static void run_fork(struct channel *channel, char *const words[], int count)
{
	process_fork(channel);
}

static void run_vfork(struct channel *channel, char *const words[], int count)
{
	process_vfork(channel);
}

static void run_threads(struct channel *channel, char *const words[], int count)
{
	process_threads(channel, (unsigned)NUMBER(0));
}

static void run_leave(struct channel *channel, char *const words[], int count)
{
	process_leave(channel);
}

static void run_herd(struct channel *channel, char *const words[], int count)
{
	process_herd(channel, (unsigned)NUMBER(0));
}

static void run_herd_pid(struct channel *channel, char *const words[], int count)
{
	process_herd_pid(channel, (unsigned)NUMBER(0));
}

static void run_herd_sum(struct channel *channel, char *const words[], int count)
{
	process_herd_sum(channel, (unsigned)NUMBER(0), NUMBER(1), NUMBER(2));
}

static void run_dumpable(struct channel *channel, char *const words[], int count)
{
	channel_result(channel, prctl(PR_SET_DUMPABLE, (int)NUMBER(0)) == 0 ? 0 : -errno);
}

static void run_fault_wait(struct channel *channel, char *const words[], int count)
{
	channel_result(channel, fault_wait());
}

static void run_fault_serve(struct channel *channel, char *const words[], int count)
{
	channel_result(channel, fault_serve(POINTER(0), NUMBER(1), NUMBER(2)));
}

static void run_fault_unprotect(struct channel *channel, char *const words[], int count)
{
	channel_result(channel, fault_unprotect(POINTER(0), NUMBER(1)));
}

static void run_fault_wake(struct channel *channel, char *const words[], int count)
{
	channel_result(channel, fault_wake(POINTER(0), NUMBER(1)));
}

static void run_churn(struct channel *channel, char *const words[], int count)
{
	channel_result(channel, churn_start(words[0], POINTER(1), NUMBER(2), NUMBER(3)));
}

static void run_churn_stop(struct channel *channel, char *const words[], int count)
{
	channel_answer(channel, "ok %llx\n", (unsigned long long)churn_stop());
}

static void run_churn_torn(struct channel *channel, char *const words[], int count)
{
	channel_answer(channel, "ok %llx\n", (unsigned long long)churn_torn());
}

static void run_workers(struct channel *channel, char *const words[], int count)
{
	channel_result(channel, workers_start(words[0], (unsigned)NUMBER(1)));
}

static void run_feed(struct channel *channel, char *const words[], int count)
{
	channel_result(channel, workers_feed((unsigned)NUMBER(0)));
}

static void run_exit(struct channel *channel, char *const words[], int count)
{
	_exit((int)NUMBER(0));
}

static const struct command commands[] = {
	{"pid", 0, run_pid},                           /* ok PID */
	{"lay", 4, run_lay},                           /* KIND ADDRESS PAGES SEED */
	{"unmap", 2, run_unmap},                       /* ADDRESS SIZE */
	{"protect", 3, run_protect},                   /* ADDRESS SIZE PROT */
	{"move", 3, run_move},                         /* ADDRESS SIZE NEW */
	{"fill", 3, run_fill},                         /* ADDRESS SIZE SEED */
	{"advise", 3, run_advise},                     /* ADDRESS SIZE ADVICE */
	{"lock", 2, run_lock},                         /* ADDRESS SIZE */
	{"pin", 2, run_pin},                           /* ADDRESS SIZE */
	{"map", 7, run_map},                           /* PATH ADDRESS SIZE PROT FLAGS OPEN OFFSET */
	{"stripes", 2, run_stripes},                   /* ADDRESS COUNT */
	{"tag", 3, run_tag},                           /* ADDRESS SIZE NUMBER */
	{"stack", 2, run_stack},                       /* PAGES SEED: ok ADDRESS */
	{"dump", 2, run_dump},                         /* ADDRESS SIZE */
	{"sum", 2, run_sum},                           /* ADDRESS SIZE */
	{"file", 2, run_file},                         /* ADDRESS SIZE */
	{"truncate", 2, run_truncate},                 /* ADDRESS SIZE: the file laid there */
	{"maps", 0, run_maps},
	{"smaps", 0, run_smaps},
	{"exec", 0, process_exec},                     /* [KIND ADDRESS PAGES SEED] */
	{"fork", 0, run_fork},                         /* ok PID */
	{"vfork", 0, run_vfork},                       /* ok PID */
	{"vfork-release", 1, process_vfork_release},   /* exit, or exec [KIND ...] */
	{"threads", 1, run_threads},                   /* COUNT */
	{"leave", 0, run_leave},                       /* ok TID */
	{"herd", 1, run_herd},                         /* COUNT */
	{"herd-pid", 1, run_herd_pid},                 /* INDEX: ok PID */
	{"herd-sum", 3, run_herd_sum},                 /* INDEX ADDRESS SIZE: ok SUM */
	{"dumpable", 1, run_dumpable},                 /* 0 or 1 */
	{"fault-wait", 0, run_fault_wait},
	{"fault-serve", 3, run_fault_serve},           /* ADDRESS SIZE SEED */
	{"fault-unprotect", 2, run_fault_unprotect},   /* ADDRESS SIZE */
	{"fault-wake", 2, run_fault_wake},             /* ADDRESS SIZE */
	{"churn", 4, run_churn},                       /* MODE ADDRESS SIZE SEED */
	{"churn-stop", 0, run_churn_stop},             /* ok ROUNDS */
	{"churn-torn", 0, run_churn_torn},             /* ok COUNT */
	{"workers", 2, run_workers},                   /* KIND COUNT */
	{"feed", 1, run_feed},                         /* COUNT */
	{"exit", 1, run_exit},                         /* CODE */
};

void serve(struct channel *channel)
{
	char *words[CHANNEL_WORDS];
	int count;

	while ((count = channel_command(channel, words)) > 0) {
		const struct command *command = NULL;
		size_t i;

		for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
			if (strcmp(commands[i].name, words[0]) == 0)
				command = &commands[i];
		if (command == NULL || count - 1 < command->arguments)
			channel_result(channel, -EINVAL);
		else
			command->run(channel, words + 1, count - 1);
	}
}

/* Makes the stack larger than it needs to be, for run_stack(). */
static __attribute__((noinline)) void touch_stack(void)
{
	volatile char room[128 << 10];
	size_t i;

	for (i = 0; i < sizeof(room); i += 4096)
		room[i] = 0;
}

int main(int argc, char *argv[])
{
	struct channel channel = {.in = 0, .out = 1};

	process_start();
	report_start();
	touch_stack();
	if (argc > 1)
		process_arrive(&channel, argv + 2, argc - 2);
	serve(&channel);
	return 0;
}
