/* SPDX-License-Identifier: MIT */
/*
 * What ends a right that travelled, what carries it, and what is left behind when
 * it does not arrive. What it allows is in sent.c.
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE TRAVEL_BASE

static struct ground ground;

static void exec_ends_what_was_received(void **state)
{
	static const enum machvm_right rights[] = {MACHVM_RIGHT_CONTROL, MACHVM_RIGHT_READ,
						   MACHVM_RIGHT_INSPECT};

	for (unsigned used = 0; used < 2; used++) {
		struct victim *victim = victim_spawn(WORD_64);
		mach_port_t task = victim_task(victim), ports[3];
		uint8_t data[300] = {0};
		uint64_t sum;

		victim_ask(victim, "lay rw %llx 2 3", (unsigned long long)BASE);
		for (unsigned i = 0; i < 3; i++)
			ports[i] = travel_received(task, rights[i]);
		for (unsigned i = 0; used && i < 2; i++)
			expect_code(machvm_read(ports[i], BASE, data, 300, 0), KERN_SUCCESS);
		victim_ask(victim, "exec rw %llx 2 4", (unsigned long long)BASE);
		sum = victim_ask(victim, "sum %llx 2000", (unsigned long long)BASE);
		/* This process could open the new program, and a port that it opened goes on. */
		expect_code(machvm_read(task, BASE, data, 300, 0), KERN_SUCCESS);
		for (int again = 0; again < 2; again++) {
			integer_t disposition, references;

			trying("%s before", used ? "used" : "not used");
			expect_code(machvm_write(ports[0], BASE, data, 8, 0), MACH_SEND_INVALID_DEST);
			expect_code(machvm_write(ports[0], BASE + 4000, data, 300, MACHVM_FORCE),
				    MACH_SEND_INVALID_DEST);
			expect_code(mach_vm_protect(ports[0], BASE, PAGE, FALSE, VM_PROT_NONE),
				    MACH_SEND_INVALID_DEST);
			expect_code(machvm_read(ports[1], BASE, data, 8, 0), MACH_SEND_INVALID_DEST);
			assert_non_null(strstr(machvm_last_error()->message, "ended"));
			expect_code(mach_vm_page_query(ports[2], BASE, &disposition, &references),
				    MACH_SEND_INVALID_DEST);
		}
		expect_number(victim_ask(victim, "sum %llx 2000", (unsigned long long)BASE), sum);
		for (unsigned i = 0; i < 3; i++)
			task_drop(ports[i]);
	}
}

/* The first that is done with it after exec is a call that changes the address space. */
static void exec_ends_remote_calls(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t port = travel_received(victim_task(victim), MACHVM_RIGHT_CONTROL);
	mach_vm_address_t at = 0;

	victim_ask(victim, "exec rw %llx 2 4", (unsigned long long)BASE);
	expect_code(mach_vm_allocate(port, &at, PAGE, VM_FLAGS_ANYWHERE), MACH_SEND_INVALID_DEST);
	expect_code(mach_vm_deallocate(port, BASE, PAGE), MACH_SEND_INVALID_DEST);
	assert_true(victim_ask(victim, "sum %llx 2000", (unsigned long long)BASE) != 0);
	task_drop(port);
}

/* A received right to a victim, a thread of it by that right, and the victim's next program. */
static thread_act_t received_before_exec(mach_port_t *port)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_msg_type_number_t count = 0;
	thread_act_array_t threads;
	thread_act_t thread;

	*port = travel_received(victim_task(victim), MACHVM_RIGHT_CONTROL);
	expect_code(task_threads(*port, &threads, &count), KERN_SUCCESS);
	thread = threads[0];
	mach_vm_deallocate(mach_task_self(), (uintptr_t)threads, count * sizeof(*threads));
	victim_ask(victim, "exec");
	return thread;
}

/* Each is the first that is done with the right after exec: nothing else has found out. */
static void exec_ends_suspensions_and_states(void **state)
{
	natural_t words[THREAD_STATE_MAX] = {0};
	task_suspension_token_t token = 77;
	thread_act_array_t threads;
	mach_msg_type_number_t count;
	mach_port_t port;

	received_before_exec(&port);
	expect_code(task_suspend(port), MACH_SEND_INVALID_DEST);
	received_before_exec(&port);
	expect_code(task_suspend2(port, &token), MACH_SEND_INVALID_DEST);
	expect_number(token, 77);
	received_before_exec(&port);
	expect_code(task_threads(port, &threads, &count), MACH_SEND_INVALID_DEST);
	expect_code(thread_suspend(received_before_exec(&port)), KERN_TERMINATED);
	count = THREAD_STATE_MAX;
	expect_code(thread_get_state(received_before_exec(&port), MACHINE_THREAD_STATE, words, &count),
		    KERN_TERMINATED);
	expect_code(thread_set_state(received_before_exec(&port), MACHINE_THREAD_STATE, words,
				     MACHINE_THREAD_STATE_COUNT),
		    KERN_TERMINATED);
	count = THREAD_BASIC_INFO_COUNT;
	expect_code(thread_info(received_before_exec(&port), THREAD_BASIC_INFO, (thread_info_t)words,
				&count),
		    KERN_TERMINATED);
	count = MACH_TASK_BASIC_INFO_COUNT;
	received_before_exec(&port);
	expect_code(task_info(port, MACH_TASK_BASIC_INFO, (task_info_t)words, &count),
		    MACH_SEND_INVALID_DEST);
}

static void dead_target_sent_or_received_is_gone(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim), port = 77, held;
	uint8_t data[8];
	int ends[2];

	travel_pair(SOCK_SEQPACKET, ends);
	held = travel_received(task, MACHVM_RIGHT_READ);
	expect_code(machvm_task_send(ends[0], task, MACHVM_RIGHT_READ), KERN_SUCCESS);
	expect_code(machvm_task_send(ends[0], held, MACHVM_RIGHT_READ), KERN_SUCCESS);
	victim_make_zombie(victim);
	expect_code(machvm_task_receive(ends[1], &port), MACH_SEND_INVALID_DEST);
	victim_kill(victim);
	expect_code(machvm_task_receive(ends[1], &port), MACH_SEND_INVALID_DEST);
	expect_number(port, 77);
	expect_code(machvm_task_send(ends[0], task, MACHVM_RIGHT_NAME), MACH_SEND_INVALID_DEST);
	expect_code(machvm_task_send(ends[0], held, MACHVM_RIGHT_NAME), MACH_SEND_INVALID_DEST);
	expect_code(machvm_read(held, BASE, data, 8, 0), MACH_SEND_INVALID_DEST);
	close(ends[0]);
	close(ends[1]);
}

/* Until it executes a program its memory is its parent's. */
static void vfork_child_is_not_sent(void **state)
{
	struct victim *parent = victim_spawn(WORD_64), *child;
	mach_port_t task = MACH_PORT_NULL, port;
	pid_t pid = (pid_t)victim_ask(parent, "vfork");
	char byte;
	int ends[2];

	travel_pair(SOCK_DGRAM, ends);
	expect_code(task_for_pid(mach_task_self(), pid, &task), KERN_SUCCESS);
	for (enum machvm_right right = MACHVM_RIGHT_CONTROL; right < MACHVM_RIGHT_NAME; right++) {
		expect_code(machvm_task_send(ends[0], task, right), KERN_DENIED);
		assert_non_null(strstr(machvm_last_error()->message, "vfork"));
		assert_true(recv(ends[1], &byte, 1, MSG_DONTWAIT) < 0);
	}
	/* Its name is its own. */
	port = travel_received(task, MACHVM_RIGHT_NAME);
	task_drop(port);
	child = victim_adopt(parent, pid);
	victim_ask(parent, "vfork-release exec rw %llx 2 77", (unsigned long long)BASE);
	victim_hear(child);
	port = travel_received(task, MACHVM_RIGHT_READ);
	expect_code(machvm_read(port, BASE, &byte, 1, 0), KERN_SUCCESS);
	close(ends[0]);
	close(ends[1]);
}

/* The leader is dead and the threads are not: the right is to what they run in. */
static void dead_leader_with_live_threads_is_sent(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim), port;
	uint8_t data[8];

	victim_ask(victim, "lay rw %llx 2 3", (unsigned long long)BASE);
	victim_ask(victim, "leave");
	port = travel_received(task, MACHVM_RIGHT_CONTROL);
	expect_code(machvm_read(port, BASE + PAGE - 4, data, 8, 0), KERN_SUCCESS);
	expect_code(machvm_write(port, BASE, data, 8, 0), KERN_SUCCESS);
	task_drop(port);
}

/* One's own memory, given to a child that could not open it. */
static void own_task_is_sent_to_a_child(void **state)
{
	static volatile uint32_t mine;
	int ends[2], status = -1;
	pid_t child;

	mine = 0x1234;
	travel_pair(SOCK_STREAM, ends);
	expect_code(machvm_task_send(ends[0], mach_task_self(), MACHVM_RIGHT_CONTROL), KERN_SUCCESS);
	child = fork();
	if (child == 0) {
		uint32_t value = 0, other = 0x5678;
		mach_port_t parent;

		mine = 1;
		if (machvm_task_receive(ends[1], &parent) != KERN_SUCCESS)
			_exit(1);
		if (machvm_read(parent, (uintptr_t)&mine, &value, 4, 0) != KERN_SUCCESS ||
		    value != 0x1234)
			_exit(2);
		if (machvm_write(parent, (uintptr_t)&mine, &other, 4, 0) != KERN_SUCCESS || mine != 1)
			_exit(3);
		_exit(mach_task_is_self(parent) ? 4 : 0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	expect_number(WIFEXITED(status) ? WEXITSTATUS(status) : 99, 0);
	expect_number(mine, 0x5678);
	close(ends[0]);
	close(ends[1]);
}

/* A child of the receiver has its port as well, at the same time. */
static void child_of_the_receiver_uses_the_right(void **state)
{
	mach_port_t port = travel_receive_locked(&ground, MACHVM_RIGHT_READ);
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		for (int i = 0; i < 200; i++) {
			struct vm_region_extended_info info;
			mach_msg_type_number_t count = VM_REGION_EXTENDED_INFO_COUNT;
			mach_vm_address_t at = BASE;
			mach_vm_size_t size;
			mach_port_t object;

			if (mach_vm_region(port, &at, &size, VM_REGION_EXTENDED_INFO,
					   (vm_region_info_t)&info, &count, &object) ||
			    at != BASE)
				_exit(1);
		}
		_exit(0);
	}
	assert_true(child > 0);
	for (int i = 0; i < 200; i++) {
		struct vm_region_extended_info info;
		mach_msg_type_number_t count = VM_REGION_EXTENDED_INFO_COUNT;
		mach_vm_address_t at = BASE;
		mach_vm_size_t size;
		mach_port_t object;

		expect_code(mach_vm_region(port, &at, &size, VM_REGION_EXTENDED_INFO,
					   (vm_region_info_t)&info, &count, &object),
			    KERN_SUCCESS);
		expect_number(at, BASE);
		expect_number(info.pages_resident, size / PAGE);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	expect_number(WIFEXITED(status) ? WEXITSTATUS(status) : 99, 0);
	task_drop(port);
}

static void every_type_of_socket_carries_a_right(void **state)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);

	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		int ends[2], pid = 0;

		travel_pair(types[i], ends);
		/* Several behind each other stay apart. */
		for (enum machvm_right right = MACHVM_RIGHT_CONTROL; right <= MACHVM_RIGHT_NAME; right++)
			expect_code(machvm_task_send(ends[0], task, right), KERN_SUCCESS);
		for (enum machvm_right right = MACHVM_RIGHT_CONTROL; right <= MACHVM_RIGHT_NAME;
		     right++) {
			mach_port_t port;
			char byte;

			trying("type %d, right %d", types[i], right);
			expect_code(machvm_task_receive(ends[1], &port), KERN_SUCCESS);
			expect_code(pid_for_task(port, &pid), KERN_SUCCESS);
			expect_number(pid, victim->pid);
			expect_code(machvm_read(port, 0, &byte, 0, 0),
				    right <= MACHVM_RIGHT_READ ? KERN_SUCCESS : KERN_INVALID_ARGUMENT);
			task_drop(port);
		}
		close(ends[0]);
		close(ends[1]);
	}
}

static void socket_that_cannot_serve_says_why(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim), port = 77;
	int ends[2], inet = socket(AF_INET, SOCK_STREAM, 0), pipes[2];

	expect_code(machvm_task_send(-1, task, MACHVM_RIGHT_READ), KERN_INVALID_ARGUMENT);
	expect_code(machvm_task_receive(-1, &port), KERN_INVALID_ARGUMENT);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	expect_code(machvm_task_send(pipes[1], task, MACHVM_RIGHT_READ), KERN_INVALID_ARGUMENT);
	expect_code(machvm_task_receive(pipes[0], &port), KERN_INVALID_ARGUMENT);
	if (inet >= 0) {
		expect_code(machvm_task_send(inet, task, MACHVM_RIGHT_READ), KERN_INVALID_ARGUMENT);
		expect_code(machvm_task_receive(inet, &port), KERN_INVALID_ARGUMENT);
		close(inet);
	}
	travel_pair(SOCK_STREAM | SOCK_NONBLOCK, ends);
	expect_code(machvm_task_receive(ends[1], &port), KERN_OPERATION_TIMED_OUT);
	expect_code(machvm_task_receive(ends[1], NULL), KERN_INVALID_ARGUMENT);
	expect_code(machvm_task_send(ends[0], task, (enum machvm_right)4), KERN_INVALID_ARGUMENT);
	expect_code(machvm_task_send(ends[0], MACH_PORT_NULL, MACHVM_RIGHT_READ),
		    MACH_SEND_INVALID_DEST);
	expect_code(machvm_task_send(ends[0], mach_host_self(), MACHVM_RIGHT_READ),
		    KERN_INVALID_ARGUMENT);
	close(ends[0]);
	expect_code(machvm_task_receive(ends[1], &port), KERN_ABORTED);
	expect_code(machvm_task_send(ends[1], task, MACHVM_RIGHT_READ), KERN_ABORTED);
	close(ends[1]);
	expect_number(port, 77);
	close(pipes[0]);
	close(pipes[1]);
}

/* Whoever hangs up without reading what was said to it may have said something before. */
static void last_word_before_hanging_up_is_heard(void **state)
{
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim), port;

	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		int ends[2], pid = 0;

		trying("type %d", types[i]);
		travel_pair(types[i], ends);
		assert_int_equal(send(ends[1], "x", 1, 0), 1);
		expect_code(machvm_task_send(ends[0], task, MACHVM_RIGHT_READ), KERN_SUCCESS);
		close(ends[0]);
		expect_code(machvm_task_receive(ends[1], &port), KERN_SUCCESS);
		expect_code(pid_for_task(port, &pid), KERN_SUCCESS);
		expect_number(pid, victim->pid);
		task_drop(port);
		expect_code(machvm_task_receive(ends[1], &port), KERN_ABORTED);
		close(ends[1]);
	}
}

static void full_socket_is_reported_and_nothing_leaks(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim), port;
	unsigned before, sent = 0;
	int ends[2], little = 1;
	kern_return_t kr;

	travel_pair(SOCK_STREAM | SOCK_NONBLOCK, ends);
	/* What is under way counts against everybody of this user, other tests included. */
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
	before = count_descriptors();
	while ((kr = machvm_task_send(ends[0], task, MACHVM_RIGHT_CONTROL)) == KERN_SUCCESS)
		sent++;
	if (kr != KERN_RESOURCE_SHORTAGE)
		expect_code(kr, KERN_OPERATION_TIMED_OUT);
	expect_number(count_descriptors(), before);
	for (; sent > 0; sent--) {
		expect_code(machvm_task_receive(ends[1], &port), KERN_SUCCESS);
		task_drop(port);
	}
	expect_code(machvm_task_receive(ends[1], &port), KERN_OPERATION_TIMED_OUT);
	expect_number(count_descriptors(), before);
	close(ends[0]);
	close(ends[1]);
}

static void receiver_without_descriptors_loses_the_right_and_leaks_nothing(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim), port = 77;
	struct rlimit old, tight;
	int ends[2], plugs[64];
	unsigned before;

	travel_pair(SOCK_STREAM, ends);
	getrlimit(RLIMIT_NOFILE, &old);
	for (unsigned room = 0; room < 6; room++) {
		unsigned used = 0;

		expect_code(machvm_task_send(ends[0], task, MACHVM_RIGHT_CONTROL), KERN_SUCCESS);
		before = count_descriptors();
		tight = old;
		tight.rlim_cur = 64;
		setrlimit(RLIMIT_NOFILE, &tight);
		while (used < 64 && (plugs[used] = dup(ends[0])) >= 0)
			used++;
		for (unsigned i = 0; i < room && used > 0; i++)
			close(plugs[--used]);
		trying("room for %u descriptors", room);
		expect_code(machvm_task_receive(ends[1], &port), KERN_RESOURCE_SHORTAGE);
		while (used > 0)
			close(plugs[--used]);
		setrlimit(RLIMIT_NOFILE, &old);
		expect_number(count_descriptors(), before);
	}
	expect_number(port, 77);
	/* And the next one arrives. */
	expect_code(machvm_task_send(ends[0], task, MACHVM_RIGHT_CONTROL), KERN_SUCCESS);
	expect_code(machvm_task_receive(ends[1], &port), KERN_SUCCESS);
	close(ends[0]);
	close(ends[1]);
}

static void thousand_rights_leave_nothing_behind(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	unsigned descriptors = 0, mappings = 0, threads = 0;

	victim_ask(victim, "lay rw %llx 2 3", (unsigned long long)BASE);
	for (int i = 0; i < 1000; i++) {
		mach_port_t port = travel_received(task, (enum machvm_right)(i % 4));
		uint8_t data[100];

		if (i % 4 <= MACHVM_RIGHT_READ)
			expect_code(machvm_read(port, BASE + PAGE - 50, data, 100, 0), KERN_SUCCESS);
		task_drop(port);
		/* What is made once has been made. */
		if (i == 10) {
			descriptors = count_descriptors();
			mappings = count_mappings();
			threads = count_threads();
		}
	}
	expect_number(count_descriptors(), descriptors);
	expect_number(count_mappings(), mappings);
	expect_number(count_threads(), threads);
}

static const struct CMUnitTest tests[] = {
	TEST(exec_ends_what_was_received),
	TEST(exec_ends_remote_calls),
	TEST(exec_ends_suspensions_and_states),
	TEST(dead_target_sent_or_received_is_gone),
	TEST(vfork_child_is_not_sent),
	TEST(dead_leader_with_live_threads_is_sent),
	TEST(own_task_is_sent_to_a_child),
	TEST(child_of_the_receiver_uses_the_right),
	TEST(every_type_of_socket_carries_a_right),
	TEST(socket_that_cannot_serve_says_why),
	TEST(last_word_before_hanging_up_is_heard),
	TEST(full_socket_is_reported_and_nothing_leaks),
	TEST(receiver_without_descriptors_loses_the_right_and_leaks_nothing),
	TEST(thousand_rights_leave_nothing_behind),
};

HARNESS_MAIN_IF(tests, {
	travel_require();
	travel_become_ordinary();
})
