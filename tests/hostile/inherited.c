/* SPDX-License-Identifier: MIT */
/*
 * No descriptor of the library's is ever inherited by a program: while one thread uses
 * every family of routines, another executes programs all the time, and each of them
 * counts what it was given.
 */
#include "ground.h"
#include "travel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mach/memory_object_types.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_bool over;
static atomic_uint children, inherited;

/* The program that is executed: as many as its exit status says, beyond the first three. */
static int count_inherited(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		count += entry->d_name[0] != '.' && atoi(entry->d_name) > 2 &&
			 atoi(entry->d_name) != dirfd(directory);
	return directory ? count : 100;
}

static void *execute_programs(void *unused)
{
	char name[] = "/proc/self/exe", list[] = "list";
	char *const arguments[] = {name, list, NULL};

	while (!atomic_load(&over)) {
		pid_t child = vfork();
		int status = 0;

		if (child == 0) {
			execv(name, arguments);
			_exit(100);
		}
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		if (status != 0)
			atomic_store(&inherited, (unsigned)WEXITSTATUS(status));
		atomic_fetch_add(&children, 1);
	}
	return NULL;
}

static struct ground ground;

static int visit(const struct machvm_region *region, void *context)
{
	return 0;
}

static int match(void *context, mach_vm_address_t address)
{
	return 0;
}

static void move_bytes(mach_port_t task)
{
	static uint8_t bytes[3 * 4096];
	struct machvm_range range = {ground.base, bytes, sizeof(bytes), 0};
	struct machvm_find find = {.bytes = "machvm", .size = 6, .match = match};

	expect_code(machvm_write(task, ground.base, bytes, sizeof(bytes), MACHVM_TRANSACTION),
		    KERN_SUCCESS);
	expect_code(machvm_write(task, ground.base, bytes, sizeof(bytes), MACHVM_FORCE),
		    KERN_SUCCESS);
	expect_code(machvm_read(task, ground.base, bytes, sizeof(bytes), MACHVM_NOWAIT),
		    KERN_SUCCESS);
	expect_code(machvm_write_list(task, &range, 1, MACHVM_EACH), KERN_SUCCESS);
	expect_code(mach_vm_copy(task, ground.base, PAGE, ground.base + PAGE), KERN_SUCCESS);
	expect_code(machvm_find(task, &find), KERN_SUCCESS);
}

static void change_map(mach_port_t task)
{
	mach_vm_address_t here = 0, there = ground.base + 8 * PAGE;
	memory_object_size_t size = PAGE;
	mach_port_t entry = MACH_PORT_NULL;
	vm_prot_t current, maximum;

	expect_code(mach_vm_protect(task, ground.base, PAGE, 1, 3), KERN_SUCCESS);
	expect_code(mach_vm_allocate(task, &there, PAGE, VM_FLAGS_FIXED), KERN_SUCCESS);
	expect_code(mach_vm_inherit(task, there, PAGE, VM_INHERIT_SHARE), KERN_SUCCESS);
	expect_code(mach_vm_remap(task, &here, PAGE, 0, VM_FLAGS_ANYWHERE, task, there, 0, &current,
				  &maximum, VM_INHERIT_SHARE),
		    KERN_SUCCESS);
	expect_code(mach_vm_deallocate(task, here, PAGE), KERN_SUCCESS);
	expect_code(mach_make_memory_entry_64(task, &size, ground.base + PAGE, 3 | MAP_MEM_VM_COPY,
					      &entry, MACH_PORT_NULL),
		    KERN_SUCCESS);
	expect_code(mach_vm_map(task, &there, PAGE, 0, VM_FLAGS_OVERWRITE, entry, 0, 1, 3, 3, 1),
		    KERN_SUCCESS);
	expect_code(mach_vm_deallocate(task, there, PAGE), KERN_SUCCESS);
	task_drop(entry);
}

static void look(mach_port_t task)
{
	struct vm_region_extended_info info;
	mach_msg_type_number_t count = VM_REGION_EXTENDED_INFO_COUNT;
	mach_vm_address_t address = ground.base;
	mach_vm_size_t size;
	integer_t disposition, references;
	thread_act_array_t threads;
	char text[1000];

	expect_code(mach_vm_region(task, &address, &size, VM_REGION_EXTENDED_INFO,
				   (vm_region_info_t)&info, &count, NULL),
		    KERN_SUCCESS);
	expect_code(machvm_region_walk(task, 0, ~0ull, visit, NULL), KERN_SUCCESS);
	expect_code(mach_vm_page_query(task, ground.base, &disposition, &references), KERN_SUCCESS);
	machvm_explain(ground.victim->pid, MACHVM_RIGHT_CONTROL, text, sizeof(text));
	expect_code(task_threads(task, &threads, &count), KERN_SUCCESS);
	for (unsigned i = 0; i < count; i++)
		task_drop(threads[i]);
	expect_code(
		mach_vm_deallocate(mach_task_self(), (uintptr_t)threads, count * sizeof(*threads)),
		KERN_SUCCESS);
}

static void run_scenario(void)
{
	mach_port_t task, received;

	ground_open(&ground, PLACE_VICTIM, 8);
	task = ground.task;
	ground_lay(&ground, 0, 8, "rw");
	move_bytes(task);
	change_map(task);
	look(task);
	expect_code(task_suspend(task), KERN_SUCCESS);
	move_bytes(task);
	expect_code(task_resume(task), KERN_SUCCESS);
	if (travel_possible()) {
		received = travel_received(task, MACHVM_RIGHT_CONTROL);
		move_bytes(received);
		look(received);
		task_drop(received);
	}
	ground_close(&ground);
}

static void programs_inherit_no_descriptor(void **state)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, execute_programs, NULL) != 0)
		fail_case("no thread");
	for (unsigned i = 0; i < 20; i++)
		run_scenario();
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	expect_number(atomic_load(&inherited), 0);
	assert_true(atomic_load(&children) > 10);
	print_message("%u programs were executed meanwhile\n", atomic_load(&children));
}

static const struct CMUnitTest tests[] = {
	TEST(programs_inherit_no_descriptor),
};

/* What was open before belongs to whoever runs the tests. */
static void close_others(void)
{
	syscall(SYS_close_range, 3u, ~0u, 0u);
}

int main(int argc, char *argv[])
{
	if (argc > 1 && strcmp(argv[1], "list") == 0)
		return count_inherited();
	close_others();
	harness_start(argc, argv);
	return cmocka_run_group_tests_name(argv[0], tests, NULL, NULL);
}
