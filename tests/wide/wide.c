/* SPDX-License-Identifier: MIT */
/*
 * wide.c - the library as a 32-bit program, a 64-bit target, addresses above
 * 4 GiB. No test framework: there is none for this word length on the machine.
 * The truth is what the victim reports of its own memory.
 */
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <machvm.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE UINT64_C(0x7e0000000000)
#define PAGE 4096

_Static_assert(sizeof(void *) == 4, "this is about 32-bit callers");

static pid_t victim;
static FILE *to_victim, *from_victim;
static unsigned char before[3 * PAGE], now[3 * PAGE];
static int passed, failed;

static void check(const char *name, int good)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", passed + failed + 1, name);
	if (good) {
		passed++;
	} else {
		failed++;
		printf("# %s\n", machvm_last_error()->message);
	}
}

static void report(unsigned char *bytes)
{
	fputs("report\n", to_victim);
	fflush(to_victim);
	for (int i = 0; i < 3 * PAGE; i++) {
		unsigned byte;
		if (fscanf(from_victim, "%2x", &byte) != 1)
			exit(1);
		bytes[i] = (unsigned char)byte;
	}
}

/* Did the victim's memory change in [from, from + size) to `data`, and nowhere else? */
static int only_changed(size_t from, const void *data, size_t size)
{
	memcpy(before + from, data, size);
	report(now);
	return !memcmp(before, now, sizeof now);
}

static void start(const char *program)
{
	int in[2], out[2];
	char line[16];

	if (pipe(in) || pipe(out))
		exit(1);
	victim = fork();
	if (victim == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execl(program, program, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	to_victim = fdopen(in[1], "w");
	from_victim = fdopen(out[0], "r");
	if (!fgets(line, sizeof line, from_victim) || strcmp(line, "ready\n"))
		exit(1);
}

static int see_region(const struct machvm_region *region, void *context)
{
	*(int *)context += region->address == BASE && region->size == 2 * PAGE;
	return 0;
}

int main(int argc, char **argv)
{
	static unsigned char data[2 * PAGE], back[2 * PAGE];
	mach_vm_size_t size;
	mach_port_t task;
	int seen = 0;

	if (argc != 2)
		return 2;
	start(argv[1]);
	memset(data, 0x5a, sizeof data);
	report(before);
	check("task_for_pid_of_a_wide_target_succeeds",
	      task_for_pid(mach_task_self(), victim, &task) == KERN_SUCCESS);
	check("write_of_8_bytes_arrives", mach_vm_write(task, BASE + 100, (vm_offset_t)data, 8) == 0 &&
	                                          only_changed(100, data, 8));
	check("write_across_pages_arrives",
	      mach_vm_write(task, BASE + 4000, (vm_offset_t)data, 4000) == 0 &&
	              only_changed(4000, data, 4000));
	check("write_into_read_only_page_is_refused_and_changes_nothing",
	      mach_vm_write(task, BASE + 2 * PAGE, (vm_offset_t)data, 8) == KERN_PROTECTION_FAILURE &&
	              machvm_last_error()->address == BASE + 2 * PAGE && only_changed(0, before, 0));
	check("write_that_ends_in_read_only_page_changes_nothing",
	      mach_vm_write(task, BASE + PAGE, (vm_offset_t)data, PAGE + 1) ==
	                      KERN_PROTECTION_FAILURE &&
	              only_changed(0, before, 0));
	check("write_behind_the_region_is_an_invalid_address",
	      mach_vm_write(task, BASE + 3 * PAGE, (vm_offset_t)data, 8) == KERN_INVALID_ADDRESS);
	check("forced_write_reaches_the_read_only_page",
	      machvm_write(task, BASE + 2 * PAGE, data, 8, MACHVM_FORCE) == 0 &&
	              only_changed(2 * PAGE, data, 8));
	check("transaction_arrives", machvm_write(task, BASE, data, PAGE + 5, MACHVM_TRANSACTION) == 0 &&
	                                     only_changed(0, data, PAGE + 5));
	check("copy_inside_the_target_arrives",
	      mach_vm_copy(task, BASE + 4000, 100, BASE + PAGE + 2000) == 0 &&
	              only_changed(PAGE + 2000, data, 100));
	report(now);
	check("read_returns_what_is_there",
	      mach_vm_read_overwrite(task, BASE, 2 * PAGE, (uintptr_t)back, &size) == 0 &&
	              size == 2 * PAGE && !memcmp(back, now, sizeof back));
	check("walk_shows_the_region", machvm_region_walk(task, 0, UINT64_MAX, see_region, &seen) == 0 &&
	                                       seen == 1);
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
	check("write_into_dead_target_is_an_invalid_destination",
	      mach_vm_write(task, BASE, (vm_offset_t)data, 8) == MACH_SEND_INVALID_DEST);
	printf("1..%d\n", passed + failed);
	return failed != 0;
}
