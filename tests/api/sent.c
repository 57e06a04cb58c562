/* SPDX-License-Identifier: MIT */
/*
 * Rights that travel. The receiver could not have opened the target: started as
 * root, the program makes one of root's processes, has its rights sent on, and then
 * becomes an unprivileged user; other victims turn undumpable before the receiver
 * takes what was sent. The victim says what has become of its memory.
 */
#include "calls.h"
#include "ground.h"
#include "processes.h"
#include "travel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE TRAVEL_BASE

static struct ground ground;

static void control_received_writes_where_the_target_may(void **state)
{
	mach_port_t port = travel_receive_locked(&ground, MACHVM_RIGHT_CONTROL);
	uint8_t data[3 * PAGE], back[3 * PAGE];
	int pid = 0;

	expect_code(pid_for_task(port, &pid), KERN_SUCCESS);
	expect_number(pid, ground.victim->pid);
	for (unsigned i = 0; i < write_call_count; i++) {
		for (size_t size = 1; size <= sizeof(data); size = size * 3 + 1) {
			uint64_t at = ground.base + PAGE - 100 + i;

			trying("%s, %zu bytes", write_calls[i].name, size);
			memset(data, (int)(i + size), size);
			expect_code(write_calls[i].run(port, at, data, size), KERN_SUCCESS);
			memcpy(ground_expect(&ground, at), data, size);
			ground_verify(&ground);
			expect_code(read_calls[i % read_call_count].run(port, at, back, size),
				    KERN_SUCCESS);
			expect_bytes(back, data, size);
		}
	}
	expect_code(mach_vm_copy(port, ground.base + 10, 5000, ground.base + 3 * PAGE), KERN_SUCCESS);
	memmove(ground_expect(&ground, ground.base + 3 * PAGE), ground_expect(&ground, ground.base + 10),
		5000);
	ground_verify(&ground);
	task_drop(port);
}

/* The descriptor alone would write to every one of these. */
static void control_received_is_refused_where_the_target_may_not(void **state)
{
	static const char *const closed[] = {"ro", "rx", "none", "file-ro", "shared-ro", "hole"};
	uint8_t data[2 * PAGE] = {0};
	mach_port_t task, port;

	for (unsigned i = 0; i < ARRAY_SIZE(closed); i++) {
		ground_open(&ground, PLACE_VICTIM, 4);
		task = ground.task;
		ground_lay(&ground, 0, 4, "rw");
		ground_lay(&ground, 1, 1, closed[i]);
		port = travel_received(task, MACHVM_RIGHT_CONTROL);
		victim_ask(ground.victim, "dumpable 0");
		for (unsigned call = 0; call < write_call_count; call++) {
			trying("%s over %s", write_calls[call].name, closed[i]);
			expect_code(write_calls[call].run(port, ground.base + PAGE + 8, data, 8),
				    page_kind(closed[i])->write);
			expect_detail(page_kind(closed[i])->write, ground.base + PAGE + 8);
			expect_code(write_calls[call].run(port, ground.base + 4000, data, sizeof(data)),
				    page_kind(closed[i])->write);
			expect_detail(page_kind(closed[i])->write, ground.base + PAGE);
		}
		/* To report what is closed to itself it needs its own /proc files. */
		victim_ask(ground.victim, "dumpable 1");
		ground_verify(&ground);
		task_drop(port);
		ground_close(&ground);
	}
}

/* What each routine that would change the target answers to a right that is too weak. */
static void expect_no_change(mach_port_t port)
{
	const unsigned flags[] = {0, MACHVM_FORCE, MACHVM_TRANSACTION, MACHVM_NOWAIT,
				  MACHVM_FORCE | MACHVM_TRANSACTION | MACHVM_NOWAIT};
	mach_vm_address_t at = ground.base;
	uint8_t data[PAGE + 16] = {0x77};
	vm_prot_t now, most;

	for (unsigned i = 0; i < write_call_count; i++)
		expect_code(write_calls[i].run(port, at + 8, data, sizeof(data)),
			    KERN_INVALID_ARGUMENT);
	for (unsigned i = 0; i < copy_call_count; i++)
		expect_code(copy_calls[i].run(port, at, 8, at + 64), KERN_INVALID_ARGUMENT);
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		expect_code(machvm_write(port, at, data, 8, flags[i]), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_protect(port, at, PAGE, FALSE, VM_PROT_NONE), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_protect(port, at, PAGE, TRUE, VM_PROT_READ), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_allocate(port, &at, PAGE, VM_FLAGS_ANYWHERE), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_deallocate(port, at, PAGE), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_inherit(port, at, PAGE, VM_INHERIT_NONE), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_map(port, &at, PAGE, 0, VM_FLAGS_ANYWHERE, MACH_PORT_NULL, 0, FALSE,
				VM_PROT_DEFAULT, VM_PROT_ALL, VM_INHERIT_COPY),
		    KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_remap(port, &at, PAGE, 0, VM_FLAGS_ANYWHERE, mach_task_self(),
				  (uintptr_t)data & ~(PAGE - 1), TRUE, &now, &most, VM_INHERIT_COPY),
		    KERN_INVALID_ARGUMENT);
	assert_int_not_equal(mach_vm_behavior_set(port, at, PAGE, VM_BEHAVIOR_ZERO), KERN_SUCCESS);
}

static int open_again(int fd, int flags)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

/* No way is known by which this descriptor could change the memory of its target. */
static void expect_harmless(int fd, pid_t pid)
{
	static const int ways[] = {O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC, O_RDWR | O_APPEND};
	char name[100], bytes[64] = "overwritten";
	struct iovec vector = {bytes, sizeof(bytes)};
	off_t at = (off_t)BASE;
	int pipes[2];

	trying("descriptor %d", fd);
	assert_true(pwrite(fd, bytes, sizeof(bytes), at) < 0);
	assert_true(pwritev(fd, &vector, 1, at) < 0);
	if (lseek(fd, at, SEEK_SET) == at)
		assert_true(write(fd, bytes, sizeof(bytes)) < 0);
	for (unsigned i = 0; i < ARRAY_SIZE(ways); i++)
		assert_true(open_again(fd, ways[i]) < 0);
	snprintf(name, sizeof(name), "/proc/%d/mem", pid);
	assert_true(open(name, O_RDWR | O_CLOEXEC) < 0);
	assert_true(ftruncate(fd, 0) < 0);
	assert_true(fallocate(fd, 0, 0, 4096) < 0);
	/* F_SETFL leaves the access mode alone, whatever it is told. */
	fcntl(fd, F_SETFL, O_RDWR);
	assert_true(pwrite(fd, bytes, sizeof(bytes), at) < 0);
	assert_ptr_equal(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at), MAP_FAILED);
	if (pipe2(pipes, O_CLOEXEC) != 0)
		fail_case("pipe2: %s", strerror(errno));
	assert_true(write(pipes[1], bytes, sizeof(bytes)) == sizeof(bytes));
	assert_true(splice(pipes[0], NULL, fd, &at, 8, SPLICE_F_NONBLOCK) < 0);
	close(pipes[0]);
	close(pipes[1]);
}

/* Every control call that a file of /proc knows is one of 'f'; arguments that would do harm. */
static void try_controls(int fd)
{
	static uint64_t argument[64];

	for (unsigned number = 0; number < 256; number++) {
		for (unsigned size = 8; size <= sizeof(argument); size += 8) {
			memset(argument, 0, sizeof(argument));
			argument[0] = size;
			argument[1] = number == 16 ? 3 : 0; /* PM_SCAN_WP_MATCHING, CHECK_WPASYNC */
			argument[2] = BASE;
			argument[3] = BASE + PAGE;
			(void)ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, 'f', number, size), argument);
		}
	}
}

/* What a right brings along, tried one by one. How many of them were memory. */
static unsigned try_descriptors(pid_t pid, bool harmless)
{
	unsigned memory = 0;

	for (int fd = 3; fd < 1024; fd++) {
		char path[40], link[200];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, link, sizeof(link) - 1);
		link[n < 0 ? 0 : n] = '\0';
		snprintf(path, sizeof(path), "/proc/%d/", pid);
		if (n < 0 || strncmp(link, path, strlen(path)) != 0)
			continue;
		memory += strstr(link, "/mem") != NULL;
		if (harmless) {
			expect_harmless(fd, pid);
			try_controls(fd);
		}
	}
	return memory;
}

static void expect_reach(mach_port_t port, enum machvm_right right)
{
	kern_return_t may_read = right <= MACHVM_RIGHT_READ ? KERN_SUCCESS : KERN_INVALID_ARGUMENT;
	kern_return_t may_look = right <= MACHVM_RIGHT_INSPECT ? KERN_SUCCESS
							       : KERN_INVALID_ARGUMENT;
	mach_vm_address_t at = BASE + 100;
	mach_vm_size_t size;
	uint8_t data[PAGE];
	integer_t disposition, references;
	struct vm_region_basic_info_64 info;
	mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
	mach_port_t object;
	int pid = 0;

	for (unsigned i = 0; i < read_call_count; i++)
		expect_code(read_calls[i].run(port, BASE + 8, data, sizeof(data)), may_read);
	expect_code(machvm_read(port, BASE + 8, data, 8, MACHVM_FORCE), may_read);
	expect_code(mach_vm_region(port, &at, &size, VM_REGION_BASIC_INFO_64,
				   (vm_region_info_t)&info, &count, &object),
		    may_look);
	expect_code(mach_vm_page_query(port, BASE, &disposition, &references), may_look);
	expect_code(pid_for_task(port, &pid), KERN_SUCCESS);
	expect_number(pid, ground.victim->pid);
}

static void weaker_rights_received_change_nothing(void **state)
{
	for (enum machvm_right right = MACHVM_RIGHT_READ; right <= MACHVM_RIGHT_NAME; right++) {
		mach_port_t port = travel_receive_locked(&ground, right);
		unsigned memory;

		trying("right %d", right);
		expect_reach(port, right);
		expect_no_change(port);
		ground_verify(&ground);
		memory = try_descriptors(ground.victim->pid, true);
		expect_number(memory, right == MACHVM_RIGHT_READ ? 1 : 0);
		ground_verify(&ground);
		task_drop(port);
		expect_number(try_descriptors(ground.victim->pid, false), 0);
		ground_close(&ground);
	}
}

/* The calls that take a number, or the pidfd, instead of a descriptor. */
static void holder_cannot_reach_the_target_otherwise(void **state)
{
	mach_port_t port = travel_receive_locked(&ground, MACHVM_RIGHT_READ);
	char bytes[16] = "overwritten";
	struct iovec here = {bytes, sizeof(bytes)}, there = {(void *)BASE, sizeof(bytes)};
	pid_t pid = ground.victim->pid;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	assert_true(process_vm_writev(pid, &here, 1, &there, 1, 0) < 0);
	assert_true(process_vm_readv(pid, &here, 1, &there, 1, 0) < 0);
	assert_true(ptrace(PTRACE_SEIZE, pid, 0, 0) < 0);
	if (pidfd >= 0) {
		assert_true(syscall(SYS_pidfd_getfd, pidfd, 0, 0) < 0);
		close(pidfd);
	}
	ground_verify(&ground);
	task_drop(port);
}

static void remote_call_without_permission_is_denied_with_a_reason(void **state)
{
	mach_port_t port = travel_receive_locked(&ground, MACHVM_RIGHT_CONTROL);
	mach_vm_address_t at = 0;

	expect_code(mach_vm_protect(port, BASE, PAGE, FALSE, VM_PROT_READ), KERN_DENIED);
	assert_true(machvm_last_error()->message[0] != '\0');
	expect_code(mach_vm_allocate(port, &at, PAGE, VM_FLAGS_ANYWHERE), KERN_DENIED);
	assert_true(machvm_last_error()->message[0] != '\0');
	expect_code(mach_vm_deallocate(port, BASE, PAGE), KERN_DENIED);
	ground_verify(&ground);
	task_drop(port);
}

/* From hand to hand: as much as there was, or less, and never more. */
static void right_passed_on_only_weakens(void **state)
{
	mach_port_t port = travel_receive_locked(&ground, MACHVM_RIGHT_CONTROL);
	uint8_t data[PAGE + 50];
	int ends[2];

	travel_pair(SOCK_DGRAM, ends);
	for (enum machvm_right first = MACHVM_RIGHT_CONTROL; first <= MACHVM_RIGHT_NAME; first++) {
		mach_port_t held = travel_received(port, first);

		for (enum machvm_right second = MACHVM_RIGHT_CONTROL; second <= MACHVM_RIGHT_NAME;
		     second++) {
			mach_port_t got;

			trying("right %d passed on as %d", first, second);
			if (second < first) {
				expect_code(machvm_task_send(ends[0], held, second),
					    KERN_INVALID_ARGUMENT);
				expect_code(recv(ends[1], data, 1, MSG_DONTWAIT) < 0, 1);
				continue;
			}
			got = travel_received(held, second);
			expect_reach(got, second);
			memset(data, second + 1, sizeof(data));
			expect_code(machvm_write(got, BASE + 30, data, sizeof(data), 0),
				    second == MACHVM_RIGHT_CONTROL ? KERN_SUCCESS
								   : KERN_INVALID_ARGUMENT);
			if (second == MACHVM_RIGHT_CONTROL)
				memcpy(ground_expect(&ground, BASE + 30), data, sizeof(data));
			else
				try_descriptors(0, true);
			ground_verify(&ground);
			task_drop(got);
		}
		task_drop(held);
	}
	close(ends[0]);
	close(ends[1]);
	task_drop(port);
}

/* Root's process: another user's altogether. */
static struct ground root_ground;
static mach_port_t root_ports[2];

static void process_of_root_is_read_and_written_by_nobody(void **state)
{
	uint8_t data[300], want[300];
	mach_port_t port;

	if (root_ground.victim == NULL)
		skip();
	ground = root_ground;
	expect_code(task_for_pid(mach_task_self(), ground.victim->pid, &port), KERN_FAILURE);
	expect_reach(root_ports[0], MACHVM_RIGHT_CONTROL);
	expect_reach(root_ports[1], MACHVM_RIGHT_READ);
	memset(want, 0x3c, sizeof(want));
	expect_code(machvm_write(root_ports[0], BASE + PAGE - 50, want, 300, 0), KERN_SUCCESS);
	memcpy(ground_expect(&ground, BASE + PAGE - 50), want, 300);
	expect_code(machvm_read(root_ports[1], BASE + PAGE - 50, data, 300, 0), KERN_SUCCESS);
	expect_bytes(data, want, 300);
	expect_code(machvm_write(root_ports[0], BASE + 2 * PAGE - 8, want, 16, 0),
		    KERN_PROTECTION_FAILURE);
	expect_no_change(root_ports[1]);
	ground_verify(&ground);
	/* The right to control brings what can write: only the other one is tried. */
	task_drop(root_ports[0]);
	expect_number(try_descriptors(ground.victim->pid, true), 1);
	holder_cannot_reach_the_target_otherwise(NULL);
}

/* Made by root, who then is nobody. */
static void prepare(void)
{
	static const enum machvm_right rights[] = {MACHVM_RIGHT_CONTROL, MACHVM_RIGHT_READ};
	mach_port_t task;

	ground_open(&root_ground, PLACE_VICTIM, 4);
	task = root_ground.task;
	root_ground.task = MACH_PORT_NULL;
	ground_lay(&root_ground, 0, 4, "rw");
	ground_lay(&root_ground, 2, 1, "ro");
	for (unsigned i = 0; i < 2; i++)
		root_ports[i] = travel_received(task, rights[i]);
	task_drop(task);
}

static const struct CMUnitTest tests[] = {
	/* The first: its victim ends with it. */
	TEST(process_of_root_is_read_and_written_by_nobody),
	TEST(control_received_writes_where_the_target_may),
	TEST(control_received_is_refused_where_the_target_may_not),
	TEST(weaker_rights_received_change_nothing),
	TEST(holder_cannot_reach_the_target_otherwise),
	TEST(remote_call_without_permission_is_denied_with_a_reason),
	TEST(right_passed_on_only_weakens),
};

HARNESS_MAIN_IF(tests, {
	travel_require();
	if (harness_is_root())
		prepare();
	travel_become_ordinary();
})
