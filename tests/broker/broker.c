/* SPDX-License-Identifier: MIT */
/*
 * The broker as systemd starts it: with a listening socket that outlives it. Whoever
 * runs this asks for rights to its own victims, so that what decides is the policy. (Other
 * users are tests/cli/broker.sh's.)
 */
#include "calls.h"
#include "ground.h"
#include "service.h"
#include "travel.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE 0x100000000000u

static void allowed_right_is_granted_and_is_that_right(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t port = MACH_PORT_NULL;
	uint8_t data[300], want[300];
	struct ground ground;
	char words[64];

	service_policy("allow user %u read program %s\n", getuid(), service_victim_path());
	service_start();
	ground_open_in(&ground, victim, BASE, 4);
	ground_lay(&ground, 0, 4, "rw");
	expect_code(service_request(victim, MACHVM_RIGHT_READ, &port), KERN_SUCCESS);
	snprintf(words, sizeof(words), "uid=%u pid=%d right=read target=%d", getuid(), getpid(),
		 victim->pid);
	service_expect_line("granted:", words);
	memcpy(want, ground_expect(&ground, BASE + PAGE - 50), 300);
	expect_code(machvm_read(port, BASE + PAGE - 50, data, 300, 0), KERN_SUCCESS);
	expect_bytes(data, want, 300);
	for (unsigned i = 0; i < write_call_count; i++)
		expect_code(write_calls[i].run(port, BASE, data, 8), KERN_INVALID_ARGUMENT);
	ground_verify(&ground);
	task_drop(port);
	expect_code(service_request(victim, MACHVM_RIGHT_INSPECT, &port), KERN_SUCCESS);
	expect_code(machvm_read(port, BASE, data, 8, 0), KERN_INVALID_ARGUMENT);
	task_drop(port);
}

static void control_is_granted_where_it_is_allowed(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t port = MACH_PORT_NULL;
	struct ground ground;
	uint8_t data[300];

	service_policy("allow user %u control program %s owner %u\n", getuid(), service_victim_path(), getuid());
	service_start();
	ground_open_in(&ground, victim, BASE, 4);
	ground_lay(&ground, 0, 4, "rw");
	ground_lay(&ground, 2, 1, "ro");
	expect_code(service_request(victim, MACHVM_RIGHT_CONTROL, &port), KERN_SUCCESS);
	memset(data, 0x2a, sizeof(data));
	expect_code(machvm_write(port, BASE + PAGE - 50, data, 300, 0), KERN_SUCCESS);
	memcpy(ground_expect(&ground, BASE + PAGE - 50), data, 300);
	expect_code(machvm_write(port, BASE + 2 * PAGE - 8, data, 16, 0), KERN_PROTECTION_FAILURE);
	ground_verify(&ground);
	task_drop(port);
}

static void right_beyond_policy_is_denied_with_a_reason(void **state)
{
	static const char *const policies[] = {
		"",
		"allow user %u inspect program %s\n",
		"allow user %u read program /bin/true\n",
		"allow user 4000000000 control program *\n",
		"allow group 4000000000 control program *\n",
		"allow user * control program * owner 4000000000\n",
		"deny user %u name program %s\nallow user * control program *\n",
	};
	struct victim *victim = victim_spawn(WORD_64);

	for (unsigned i = 0; i < ARRAY_SIZE(policies); i++) {
		mach_port_t port = 77;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		service_policy(policies[i], getuid(), service_victim_path());
#pragma GCC diagnostic pop
		service_start();
		trying("policy %u", i);
		expect_code(service_request(victim, MACHVM_RIGHT_READ, &port), KERN_DENIED);
		assert_non_null(strstr(machvm_last_error()->message, "no rule"));
		expect_number(port, 77);
		service_expect_line("refused:", "right=read");
		service_stop();
		unlink(service.policy);
	}
}

static void process_that_is_gone_is_gone_through_the_broker(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	int fd, pidfd = service_pidfd(victim);
	mach_port_t port = 77;

	service_policy("allow user * control program *\n");
	service_start();
	fd = service_connect();
	victim_kill(victim);
	expect_code(machvm_task_request(fd, pidfd, MACHVM_RIGHT_READ, &port), MACH_SEND_INVALID_DEST);
	expect_code(machvm_task_request(fd, fd, MACHVM_RIGHT_READ, &port), KERN_INVALID_ARGUMENT);
	expect_number(port, 77);
	close(fd);
	close(pidfd);
}

static void one_connection_serves_many_requests(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	int fd, pidfd = service_pidfd(victim);

	service_policy("allow user * read program *\n");
	service_start();
	fd = service_connect();
	for (int i = 0; i < 300; i++) {
		mach_port_t port;

		expect_code(machvm_task_request(fd, pidfd, MACHVM_RIGHT_READ, &port), KERN_SUCCESS);
		task_drop(port);
		expect_code(machvm_task_request(fd, pidfd, MACHVM_RIGHT_CONTROL, &port), KERN_DENIED);
	}
	close(fd);
	close(pidfd);
}

/* Of the broker; only root sees them. */
static unsigned broker_descriptors(void)
{
	char path[64];
	DIR *listing;
	unsigned count = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", service.pid);
	listing = opendir(path);
	while (listing != NULL && readdir(listing) != NULL)
		count++;
	if (listing != NULL)
		closedir(listing);
	return count;
}

/*
 * While one client is connected and has been refused: who hung up before it came has been let go,
 * and a refusal, which takes nothing, comes after what was sent before has been closed.
 */
static unsigned count_with_one_client(struct victim *victim)
{
	int fd = service_connect(), pidfd = service_pidfd(victim);
	mach_port_t port;
	unsigned count;

	expect_code(machvm_task_request(fd, pidfd, MACHVM_RIGHT_CONTROL, &port), KERN_DENIED);
	count = broker_descriptors();
	close(pidfd);
	close(fd);
	return count;
}

/* Granted, refused, malformed, hung up, over and over. */
static void broker_leaks_no_descriptor(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	struct travel noise = {{0}, {0, 1, 2}, 3};
	unsigned before;

	service_policy("allow user * read program *\n");
	service_start();
	before = count_with_one_client(victim);
	for (int i = 0; i < 400; i++) {
		mach_port_t port = MACH_PORT_NULL;
		char bytes[300] = "machvm\r\n";
		int fd;

		expect_code(service_request(victim, i % 2 ? MACHVM_RIGHT_READ : MACHVM_RIGHT_CONTROL, &port),
			    i % 2 ? KERN_SUCCESS : KERN_DENIED);
		if (port != MACH_PORT_NULL)
			task_drop(port);
		fd = service_connect();
		if (i % 3 == 0)
			travel_throw(fd, &noise);
		else if (i % 3 == 1)
			assert_true(send(fd, bytes, (size_t)(1 + i % 300), 0) > 0);
		close(fd);
	}
	expect_number(count_with_one_client(victim), before);
}

static void malformed_request_is_told_so_and_the_next_client_served(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t port;

	service_policy("allow user * read program *\n");
	service_start();
	for (unsigned i = 0; i < 200; i++) {
		unsigned char bytes[512];
		int fd = service_connect();
		size_t size = i % 2 ? 256 : 1 + 2 * i;

		for (size_t at = 0; at < size; at++)
			bytes[at] = (unsigned char)(at * 31 + i * 7);
		if (i % 4 == 1)
			memcpy(bytes, "machvm\r\n\1\0\0\0\3\0\0\0", 16);
		assert_int_equal(send(fd, bytes, size, 0), (ssize_t)size);
		trying("malformed request %u", i);
		expect_code(machvm_task_receive(fd, &port), KERN_INVALID_ARGUMENT);
		assert_non_null(strstr(machvm_last_error()->message, "no request"));
		/* It has hung up. */
		expect_code(machvm_task_receive(fd, &port), KERN_ABORTED);
		close(fd);
	}
	expect_code(service_request(victim, MACHVM_RIGHT_READ, &port), KERN_SUCCESS);
	task_drop(port);
}

/* What a client sends along is not taken: closing it might wait for somebody. */
static void descriptors_of_a_client_are_not_taken(void **state)
{
	struct travel request_with_luggage = {{0}, {0, 1, 2}, 3};
	mach_port_t port;
	int fd;

	service_policy("allow user * control program *\n");
	service_start();
	fd = service_connect();
	service_spell(request_with_luggage.bytes, 1, MACHVM_RIGHT_READ);
	travel_throw(fd, &request_with_luggage);
	expect_code(machvm_task_receive(fd, &port), KERN_INVALID_ARGUMENT);
	close(fd);
}

#define CROWD 1000

static void thousand_clients_at_once_are_served(void **state)
{
	static int connections[CROWD];
	struct victim *victim = victim_spawn(WORD_64);
	unsigned before;
	struct rlimit old, limit;

	getrlimit(RLIMIT_NOFILE, &old);
	limit = old;
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max < 8 * CROWD)
		skip();
	setrlimit(RLIMIT_NOFILE, &limit);
	service_policy("allow user * read program *\n");
	/* All of them are one user's here. */
	service_start_with("--most", "1000");
	before = count_descriptors();
	for (unsigned i = 0; i < CROWD; i++)
		connections[i] = service_connect();
	/* All of them ask before any is answered to; a quarter for more than it may have. */
	for (unsigned i = 0; i < CROWD; i++)
		service_send(connections[i], victim->pid, (enum machvm_right)(i % 4));
	for (unsigned i = 0; i < CROWD; i++) {
		mach_port_t port = MACH_PORT_NULL;
		int got = 0;

		trying("client %u", i);
		expect_code(machvm_task_receive(connections[i], &port),
			    i % 4 ? KERN_SUCCESS : KERN_DENIED);
		close(connections[i]);
		if (port == MACH_PORT_NULL)
			continue;
		expect_code(pid_for_task(port, &got), KERN_SUCCESS);
		expect_number(got, victim->pid);
		task_drop(port);
	}
	expect_number(count_descriptors(), before);
	setrlimit(RLIMIT_NOFILE, &old);
}

/* In the middle of a request, which nobody has read. */
static void broker_killed_under_a_request_is_an_error(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t port = 77;
	int fd, status;

	service_policy("allow user * read program *\n");
	service_start();
	expect_code(service_request(victim, MACHVM_RIGHT_READ, &port), KERN_SUCCESS);
	task_drop(port);
	fd = service_connect();
	/* Accepted: it has answered. */
	assert_int_equal(send(fd, "x", 1, 0), 1);
	expect_code(machvm_task_receive(fd, &port), KERN_INVALID_ARGUMENT);
	close(fd);
	fd = service_connect();
	kill(service.pid, SIGSTOP);
	assert_int_equal(waitpid(service.pid, &status, WUNTRACED), service.pid);
	service_send(fd, 0, MACHVM_RIGHT_READ);
	service_stop();
	/* It had been accepted, or waits for the next one, which refuses process 0. */
	service_start();
	port = 77;
	kern_return_t kr = machvm_task_receive(fd, &port);
	if (kr != KERN_INVALID_ARGUMENT)
		expect_code(kr, KERN_ABORTED);
	expect_number(port, 77);
	close(fd);
}

static void killed_broker_is_an_error_and_its_successor_serves(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	int fds[20], pidfd = service_pidfd(victim);
	mach_port_t port = 77;

	service_policy("allow user * read program *\n");
	for (int round = 0; round < 10; round++) {
		service_start();
		expect_code(service_request(victim, MACHVM_RIGHT_READ, &port), KERN_SUCCESS);
		task_drop(port);
		for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
			fds[i] = service_connect();
		/* These have been accepted, or wait in the socket for the next one. */
		service_stop();
		service_start();
		for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
			kern_return_t kr =
				machvm_task_request(fds[i], pidfd, MACHVM_RIGHT_READ, &port);

			trying("round %d, client %u", round, i);
			if (kr == KERN_SUCCESS)
				task_drop(port);
			else
				expect_code(kr, KERN_ABORTED);
			close(fds[i]);
		}
		expect_code(service_request(victim, MACHVM_RIGHT_READ, &port), KERN_SUCCESS);
		task_drop(port);
		service_stop();
	}
	close(pidfd);
}

/* It asks and asks, and takes nothing: others are served all the same. */
static void client_that_takes_nothing_holds_up_nobody(void **state)
{
	unsigned char wire[TRAVEL_MESSAGE];
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t port;
	int greedy;

	service_policy("allow user * read program *\n");
	service_start();
	greedy = service_connect();
	service_spell(wire, victim->pid, MACHVM_RIGHT_READ);
	for (unsigned i = 0; i < 100; i++)
		if (send(greedy, wire, sizeof(wire), MSG_DONTWAIT) < 0)
			break;
	for (unsigned i = 0; i < 50; i++) {
		expect_code(service_request(victim, MACHVM_RIGHT_READ, &port), KERN_SUCCESS);
		task_drop(port);
	}
	/* What it does take, it gets. */
	expect_code(machvm_task_receive(greedy, &port), KERN_SUCCESS);
	task_drop(port);
	close(greedy);
}

static void line_of_status(const char *name, char *value, size_t size)
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", service.pid);
	file = fopen(path, "re");
	value[0] = '\0';
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			snprintf(value, size, "%s", line + strlen(name) + 1);
	if (file != NULL)
		fclose(file);
}

static void broker_has_given_up_what_it_does_not_need(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t port;
	char value[256];

	service_policy("allow user * read program *\n");
	service_start();
	expect_code(service_request(victim, MACHVM_RIGHT_READ, &port), KERN_SUCCESS);
	task_drop(port);
	line_of_status("Seccomp:", value, sizeof(value));
	expect_number(atoi(value), 2);
	line_of_status("NoNewPrivs:", value, sizeof(value));
	expect_number(atoi(value), 1);
	/* CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE at most. */
	line_of_status("CapEff:", value, sizeof(value));
	expect_number(strtoull(value, NULL, 16) & ~UINT64_C(0x80006), 0);
	line_of_status("CapPrm:", value, sizeof(value));
	expect_number(strtoull(value, NULL, 16) & ~UINT64_C(0x80006), 0);
	line_of_status("CapInh:", value, sizeof(value));
	expect_number(strtoull(value, NULL, 16), 0);
	if (harness_is_root()) {
		line_of_status("CapBnd:", value, sizeof(value));
		expect_number(strtoull(value, NULL, 16) & ~UINT64_C(0x80006), 0);
	}
}

static void policy_that_cannot_be_trusted_starts_no_broker(void **state)
{
	static const char *const texts[] = {"allow everybody everything\n", "allow user * control program *\n"};
	int status;

	for (unsigned i = 0; i < 2; i++) {
		service_policy("%s", texts[i]);
		if (i == 1)
			chmod(service.policy, 0666);
		service_start();
		service_expect_line("machvmd:", i ? "nobody else can write" : "line 1");
		assert_int_equal(waitpid(service.pid, &status, 0), service.pid);
		service.pid = 0;
		assert_true(WIFEXITED(status));
		expect_number(WEXITSTATUS(status), 1);
		unlink(service.policy);
	}
}

#undef TEST
#define TEST(function) cmocka_unit_test_setup_teardown(function, NULL, service_teardown)

static const struct CMUnitTest tests[] = {
	TEST(allowed_right_is_granted_and_is_that_right),
	TEST(control_is_granted_where_it_is_allowed),
	TEST(right_beyond_policy_is_denied_with_a_reason),
	TEST(process_that_is_gone_is_gone_through_the_broker),
	TEST(one_connection_serves_many_requests),
	TEST(broker_leaks_no_descriptor),
	TEST(malformed_request_is_told_so_and_the_next_client_served),
	TEST(descriptors_of_a_client_are_not_taken),
	TEST(thousand_clients_at_once_are_served),
	TEST(broker_killed_under_a_request_is_an_error),
	TEST(killed_broker_is_an_error_and_its_successor_serves),
	TEST(client_that_takes_nothing_holds_up_nobody),
	TEST(broker_has_given_up_what_it_does_not_need),
	TEST(policy_that_cannot_be_trusted_starts_no_broker),
};

HARNESS_MAIN_IF(tests, {
	travel_require();
	if (getenv("MACHVMD") == NULL)
		harness_skip("MACHVMD does not say where the broker is");
})
