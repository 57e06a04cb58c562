/* SPDX-License-Identifier: MIT */
/*
 * Senders that are not this library: whatever comes over the socket, the receiver
 * gets a right to the process that it says, or a code, and every descriptor that
 * came along and is not part of a right is closed.
 */
#include "ground.h"
#include "travel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BASE 0x100000000000u

enum { HANDLE, MAPS, SMAPS, PAGEMAP, READ_MEMORY, WRITE_MEMORY };

static struct victim *victim, *other;
static struct travel honest;
static int ends[2];

/* An honest message to be made a lie of. */
static void start_with(int type, enum machvm_right right)
{
	mach_port_t task;

	victim = victim_spawn(WORD_64);
	victim_ask(victim, "lay rw %llx 2 3", (unsigned long long)BASE);
	other = victim_spawn(WORD_64);
	victim_ask(other, "lay rw %llx 2 4", (unsigned long long)BASE);
	travel_pair(type, ends);
	task = victim_task(victim);
	expect_code(machvm_task_send(ends[0], task, right), KERN_SUCCESS);
	task_drop(task);
	travel_catch(ends[1], &honest);
}

static void start(int type)
{
	start_with(type, MACHVM_RIGHT_CONTROL);
}

static void finish(void)
{
	travel_drop(&honest);
	close(ends[0]);
	close(ends[1]);
	victim_kill(victim);
	victim_kill(other);
}

/* Of a file elsewhere it cannot be told whether it is one of another /proc. */
static kern_return_t no_part(kern_return_t kr)
{
	return kr == KERN_DENIED ? KERN_INVALID_ARGUMENT : kr;
}

/* Sends it; the receiver must answer `want` and keep nothing. */
static void expect_answer(const struct travel *lie, kern_return_t want)
{
	unsigned before = count_descriptors();
	mach_port_t port = 77;

	travel_throw(ends[0], lie);
	expect_code(machvm_task_receive(ends[1], &port), want);
	if (want == KERN_SUCCESS)
		task_drop(port);
	else
		expect_number(port, 77);
	expect_number(count_descriptors(), before);
}

static void honest_message_is_taken(void **state)
{
	start(SOCK_SEQPACKET);
	expect_number(honest.count, 6);
	/* The first receipt may open what the library keeps. */
	travel_throw(ends[0], &honest);
	mach_port_t port;
	expect_code(machvm_task_receive(ends[1], &port), KERN_SUCCESS);
	task_drop(port);
	expect_answer(&honest, KERN_SUCCESS);
	finish();
}

static int open_proc(pid_t pid, const char *name, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		fail_case("%s: %s", path, strerror(errno));
	return fd;
}

/* Each part taken from another process, and each put in the place of each. */
static void part_of_another_process_is_found_out(void **state)
{
	static const char *const names[] = {NULL, "maps", "smaps", "pagemap", "mem", "mem"};

	start(SOCK_SEQPACKET);
	for (int part = MAPS; part <= WRITE_MEMORY; part++) {
		struct travel lie = honest;

		lie.descriptors[part] = open_proc(other->pid, names[part],
						  part == WRITE_MEMORY ? O_RDWR : O_RDONLY);
		trying("%s of another process", names[part]);
		expect_answer(&lie, KERN_INVALID_ARGUMENT);
		close(lie.descriptors[part]);
		lie.descriptors[part] = open_proc(getpid(), names[part], O_RDONLY);
		expect_answer(&lie, KERN_INVALID_ARGUMENT);
		close(lie.descriptors[part]);
	}
	/* The name of one and the memory of another. */
	struct travel lie = honest;
	lie.descriptors[HANDLE] = (int)syscall(SYS_pidfd_open, other->pid, 0);
	if (lie.descriptors[HANDLE] >= 0) {
		expect_answer(&lie, KERN_INVALID_ARGUMENT);
		close(lie.descriptors[HANDLE]);
	}
	finish();
}

static void parts_in_each_others_places_are_found_out(void **state)
{
	start(SOCK_SEQPACKET);
	for (size_t to = 0; to < honest.count; to++) {
		for (size_t from = 0; from < honest.count; from++) {
			struct travel lie = honest;

			trying("part %zu in the place of %zu", from, to);
			lie.descriptors[to] = honest.descriptors[from];
			expect_answer(&lie, from == to ? KERN_SUCCESS : KERN_INVALID_ARGUMENT);
		}
	}
	finish();
}

/* Descriptors of every kind, in every place. */
static void thing_that_is_no_part_is_found_out(void **state)
{
	int pipes[2], things[24];
	unsigned count = 0, before;
	mach_port_t port = 77;

	start(SOCK_SEQPACKET);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	things[count++] = pipes[0];
	things[count++] = pipes[1];
	things[count++] = open("/dev/null", O_RDWR | O_CLOEXEC);
	things[count++] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	things[count++] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	things[count++] = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	things[count++] = open("/proc/self/mem", O_RDONLY | O_PATH | O_CLOEXEC);
	things[count++] = open_proc(other->pid, "", O_RDONLY | O_DIRECTORY);
	things[count++] = open_proc(victim->pid, "status", O_RDONLY);
	things[count++] = open_proc(victim->pid, "environ", O_RDONLY);
	things[count++] = open_proc(victim->pid, "task", O_RDONLY | O_DIRECTORY);
	things[count++] = open_proc(victim->pid, "mem", O_PATH);
	things[count++] = memfd_create("mem", MFD_CLOEXEC);
	things[count++] = eventfd(0, EFD_CLOEXEC);
	things[count++] = epoll_create1(EPOLL_CLOEXEC);
	things[count++] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	things[count++] = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	things[count++] = ends[0];
	things[count++] = ends[1];
	before = count_descriptors();
	for (unsigned i = 0; i < count; i++) {
		for (size_t part = 0; part < honest.count; part++) {
			struct travel lie = honest;

			trying("thing %u in the place of part %zu", i, part);
			if (things[i] < 0)
				continue;
			lie.descriptors[part] = things[i];
			travel_throw(ends[0], &lie);
			expect_code(no_part(machvm_task_receive(ends[1], &port)),
				    KERN_INVALID_ARGUMENT);
			expect_number(count_descriptors(), before);
		}
	}
	for (unsigned i = 0; i < count; i++)
		if (things[i] >= 0 && things[i] != ends[0] && things[i] != ends[1])
			close(things[i]);
	finish();
}

/* Memory open for more, or for less, than the place it is in. */
static void part_open_for_another_use_is_found_out(void **state)
{
	static const struct {
		int part;
		const char *name;
		int flags;
	} uses[] = {{READ_MEMORY, "mem", O_RDWR},
		    {READ_MEMORY, "mem", O_WRONLY},
		    {WRITE_MEMORY, "mem", O_RDONLY},
		    {WRITE_MEMORY, "mem", O_WRONLY}};

	start(SOCK_SEQPACKET);
	for (unsigned i = 0; i < ARRAY_SIZE(uses); i++) {
		struct travel lie = honest;

		trying("use %u", i);
		lie.descriptors[uses[i].part] =
			open_proc(victim->pid, uses[i].name, uses[i].flags);
		expect_answer(&lie, KERN_INVALID_ARGUMENT);
		close(lie.descriptors[uses[i].part]);
	}
	finish();
}

static void wrong_number_of_parts_is_refused(void **state)
{
	start(SOCK_SEQPACKET);
	for (size_t count = 0; count <= TRAVEL_MOST; count++) {
		struct travel lie = honest;

		lie.count = count;
		for (size_t i = honest.count; i < count; i++)
			lie.descriptors[i] = ends[0];
		trying("%zu parts", count);
		expect_answer(&lie, count == honest.count ? KERN_SUCCESS : KERN_INVALID_ARGUMENT);
	}
	finish();
}

static void most_descriptors_there_can_be_are_closed(void **state)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(253 * sizeof(int))];
	} control = {0};
	struct iovec vector = {honest.bytes, sizeof(honest.bytes)};
	struct msghdr header = {.msg_iov = &vector,
				.msg_iovlen = 1,
				.msg_control = control.bytes,
				.msg_controllen = sizeof(control.bytes)};
	int all[253], one = 1;
	unsigned before;
	mach_port_t port;

	start(SOCK_STREAM);
	for (unsigned i = 0; i < 253; i++)
		all[i] = honest.descriptors[i % honest.count];
	control.align = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(sizeof(all)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.align), all, sizeof(all));
	/* More that comes along, as other options of the socket have it. */
	setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
	setsockopt(ends[1], SOL_SOCKET, 76 /* SO_PASSPIDFD */, &one, sizeof(one));
	before = count_descriptors();
	assert_int_equal(sendmsg(ends[0], &header, 0), TRAVEL_MESSAGE);
	expect_code(machvm_task_receive(ends[1], &port), KERN_INVALID_ARGUMENT);
	expect_number(count_descriptors(), before);
	/* An honest one arrives with these options as well. */
	expect_answer(&honest, KERN_SUCCESS);
	finish();
}

/* Each bit of the message turned over. */
static void changed_message_is_refused(void **state)
{
	start_with(SOCK_SEQPACKET, MACHVM_RIGHT_READ);
	for (unsigned bit = 0; bit < TRAVEL_MESSAGE * 8; bit++) {
		struct travel lie = honest;

		trying("bit %u of byte %u", bit % 8, bit / 8);
		lie.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		expect_answer(&lie, KERN_INVALID_ARGUMENT);
	}
	finish();
}

/* As a right that it is not: fewer parts would do for a weaker one, and these are too many. */
static void right_that_does_not_fit_its_parts_is_refused(void **state)
{
	start(SOCK_SEQPACKET);
	for (uint32_t right = 1; right < 6; right++) {
		for (size_t count = 1; count <= honest.count; count++) {
			static const size_t fits[] = {6, 5, 4, 1};
			struct travel lie = honest;

			memcpy(lie.bytes + 16, &right, sizeof(right));
			lie.count = count;
			trying("right %u with %zu parts", right, count);
			expect_answer(&lie, right < 4 && fits[right] == count ? KERN_SUCCESS
									     : KERN_INVALID_ARGUMENT);
		}
	}
	finish();
}

static void message_of_another_length_is_refused(void **state)
{
	unsigned char bytes[3 * TRAVEL_MESSAGE] = {0};
	mach_port_t port;

	start(SOCK_SEQPACKET);
	for (size_t size = 1; size < sizeof(bytes); size += 13) {
		memcpy(bytes, honest.bytes, TRAVEL_MESSAGE);
		assert_int_equal(send(ends[0], bytes, size, 0), (ssize_t)size);
		trying("%zu bytes", size);
		expect_code(machvm_task_receive(ends[1], &port), KERN_INVALID_ARGUMENT);
	}
	/* None at all, which ends a connection and is a datagram elsewhere. */
	assert_int_equal(send(ends[0], bytes, 0, 0), 0);
	expect_code(machvm_task_receive(ends[1], &port), KERN_ABORTED);
	finish();
}

/* Byte by byte through a stream it is the same message. */
static void stream_in_pieces_is_put_together(void **state)
{
	struct travel piece;
	mach_port_t port;
	int pid;

	start(SOCK_STREAM);
	for (size_t first = 1; first < TRAVEL_MESSAGE; first += 51) {
		struct iovec vector = {honest.bytes, first};
		struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(6 * sizeof(int))];
		} control = {0};

		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
		control.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(6 * sizeof(int)),
						 .cmsg_level = SOL_SOCKET,
						 .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.align), honest.descriptors, 6 * sizeof(int));
		assert_int_equal(sendmsg(ends[0], &header, 0), (ssize_t)first);
		for (size_t at = first; at < TRAVEL_MESSAGE; at++)
			assert_int_equal(send(ends[0], honest.bytes + at, 1, 0), 1);
		trying("%zu bytes first", first);
		expect_code(machvm_task_receive(ends[1], &port), KERN_SUCCESS);
		expect_code(pid_for_task(port, &pid), KERN_SUCCESS);
		expect_number(pid, victim->pid);
		task_drop(port);
	}
	/* Every byte brings six descriptors: all of them are closed. */
	unsigned before = count_descriptors();
	piece = honest;
	for (size_t at = 0; at < TRAVEL_MESSAGE; at++) {
		struct iovec vector = {honest.bytes + at, 1};
		struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(6 * sizeof(int))];
		} control = {0};

		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
		control.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(6 * sizeof(int)),
						 .cmsg_level = SOL_SOCKET,
						 .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.align), piece.descriptors, 6 * sizeof(int));
		if (sendmsg(ends[0], &header, MSG_DONTWAIT) < 0)
			break;
	}
	shutdown(ends[0], SHUT_WR);
	assert_int_not_equal(machvm_task_receive(ends[1], &port), KERN_SUCCESS);
	expect_number(count_descriptors(), before);
	finish();
}

static void stream_that_ends_in_the_middle_is_refused(void **state)
{
	mach_port_t port = 77;

	start(SOCK_STREAM);
	assert_int_equal(send(ends[0], honest.bytes, 100, 0), 100);
	shutdown(ends[0], SHUT_WR);
	expect_code(machvm_task_receive(ends[1], &port), KERN_INVALID_ARGUMENT);
	expect_code(machvm_task_receive(ends[1], &port), KERN_ABORTED);
	expect_number(port, 77);
	finish();
}

/* Noise, with a seed, of the right length and of any. */
static void noise_is_refused(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15u;
	unsigned before;

	start(SOCK_SEQPACKET);
	before = count_descriptors();
	for (unsigned round = 0; round < 20000; round++) {
		struct travel lie = honest;
		mach_port_t port = 77;
		kern_return_t kr;

		for (unsigned changes = 0; changes <= round % 7; changes++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			lie.bytes[(seed >> 40) % 48] = (unsigned char)(seed >> 33);
		}
		lie.count = (seed >> 20) % 9;
		for (size_t i = 0; i < lie.count; i++)
			lie.descriptors[i] = honest.descriptors[(seed >> (3 * i)) % honest.count];
		travel_throw(ends[0], &lie);
		trying("round %u", round);
		kr = machvm_task_receive(ends[1], &port);
		if (kr != KERN_SUCCESS) {
			expect_number(port, 77);
			continue;
		}
		/* Then it was one after all, and to this very process. */
		int pid;
		expect_code(pid_for_task(port, &pid), KERN_SUCCESS);
		expect_number(pid, victim->pid);
		task_drop(port);
	}
	expect_number(count_descriptors(), before);
	finish();
}

/* A number that has come back: the old process's files and the new one's pidfd. */
static void dead_process_is_not_taken_for_a_live_one(void **state)
{
	struct travel lie;

	start(SOCK_SEQPACKET);
	lie = honest;
	victim_kill(victim);
	expect_answer(&lie, MACH_SEND_INVALID_DEST);
	lie.descriptors[HANDLE] = (int)syscall(SYS_pidfd_open, other->pid, 0);
	if (lie.descriptors[HANDLE] >= 0) {
		expect_answer(&lie, KERN_INVALID_ARGUMENT);
		close(lie.descriptors[HANDLE]);
	}
	finish();
}

/* News of a refusal: a code from a few, and one printable line. */
static void refusal_is_passed_on_and_no_more_than_that(void **state)
{
	struct travel news = {{0}, {0}, 0};
	uint32_t kind = 2;
	int32_t code = KERN_DENIED;

	start(SOCK_SEQPACKET);
	memcpy(news.bytes, honest.bytes, 12);
	memcpy(news.bytes + 12, &kind, sizeof(kind));
	memcpy(news.bytes + 20, &code, sizeof(code));
	memcpy(news.bytes + 32, "not today", 9);
	expect_answer(&news, KERN_DENIED);
	assert_non_null(strstr(machvm_last_error()->message, "not today"));
	for (code = -3; code < 60; code++) {
		bool known = code == KERN_DENIED || code == KERN_RESOURCE_SHORTAGE ||
			     code == KERN_INVALID_ARGUMENT || code == KERN_ABORTED;

		memcpy(news.bytes + 20, &code, sizeof(code));
		trying("code %d", code);
		expect_answer(&news, known ? code : KERN_INVALID_ARGUMENT);
	}
	code = KERN_DENIED;
	memcpy(news.bytes + 20, &code, sizeof(code));
	news.bytes[35] = '\033';
	expect_answer(&news, KERN_INVALID_ARGUMENT);
	memset(news.bytes + 32, 'x', TRAVEL_MESSAGE - 32);
	expect_answer(&news, KERN_INVALID_ARGUMENT);
	news.bytes[TRAVEL_MESSAGE - 1] = '\0';
	expect_answer(&news, KERN_DENIED);
	finish();
}

static const struct CMUnitTest tests[] = {
	TEST(honest_message_is_taken),
	TEST(part_of_another_process_is_found_out),
	TEST(parts_in_each_others_places_are_found_out),
	TEST(thing_that_is_no_part_is_found_out),
	TEST(part_open_for_another_use_is_found_out),
	TEST(wrong_number_of_parts_is_refused),
	TEST(most_descriptors_there_can_be_are_closed),
	TEST(changed_message_is_refused),
	TEST(right_that_does_not_fit_its_parts_is_refused),
	TEST(message_of_another_length_is_refused),
	TEST(stream_in_pieces_is_put_together),
	TEST(stream_that_ends_in_the_middle_is_refused),
	TEST(noise_is_refused),
	TEST(dead_process_is_not_taken_for_a_live_one),
	TEST(refusal_is_passed_on_and_no_more_than_that),
};

HARNESS_MAIN_IF(tests, travel_require();)
