/* SPDX-License-Identifier: MIT */
/*
 * What one user may take of the broker: connections, requests, and time in which it says
 * nothing. Who is over a limit is told so, and so is the journal; nothing is given.
 */
#include "service.h"
#include "travel.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void expect_message(const char *words)
{
	trying("\"%s\" in \"%s\"", words, machvm_last_error()->message);
	assert_non_null(strstr(machvm_last_error()->message, words));
}

/* Over a connection of its own. */
static kern_return_t ask(struct victim *victim)
{
	mach_port_t port = MACH_PORT_NULL;
	kern_return_t kr = service_request(victim, MACHVM_RIGHT_READ, &port);

	if (kr == KERN_SUCCESS)
		task_drop(port);
	return kr;
}

static void one_user_has_so_many_connections_and_no_more(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	int fds[4], pidfd = service_pidfd(victim), extra;
	mach_port_t port = 77;
	char words[64];

	service_policy("allow user * read program *\n");
	service_start_with("--most", "4");
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = service_connect();
	extra = service_connect();
	expect_code(machvm_task_request(extra, pidfd, MACHVM_RIGHT_READ, &port),
		    KERN_RESOURCE_SHORTAGE);
	expect_message("the broker serves too many already");
	expect_number(port, 77);
	close(extra);
	snprintf(words, sizeof(words), "uid=%u pid=%d: too many connections", getuid(), getpid());
	service_expect_line("refused:", words);
	/* Those that there were are served. */
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
		expect_code(machvm_task_request(fds[i], pidfd, MACHVM_RIGHT_READ, &port),
			    KERN_SUCCESS);
		task_drop(port);
		service_expect_line("granted:", "right=read");
	}
	/* The place of who has gone is free once the broker has seen it: this one asks meanwhile.
	 */
	close(fds[0]);
	expect_code(machvm_task_request(fds[1], pidfd, MACHVM_RIGHT_CONTROL, &port), KERN_DENIED);
	expect_code(ask(victim), KERN_SUCCESS);
	for (unsigned i = 1; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	close(pidfd);
}

/* The lines of the journal, until one has these words: how many had others. */
static unsigned lines_before(const char *words, char *line, size_t size)
{
	unsigned lines = 0;

	for (service_read_line(line, size); !strstr(line, words); lines++) {
		if (!line[0])
			fail_case("no line of the journal says \"%s\"", words);
		service_read_line(line, size);
	}
	return lines;
}

static void one_user_asks_so_often_and_no_more(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	int fd, pidfd = service_pidfd(victim);
	unsigned served = 0, refused = 0, told;
	mach_port_t port;
	char line[2048], words[64];

	service_policy("allow user * read program *\n");
	/* Ten seconds' worth at once: then a second has to pass before there is another. */
	service_start_with("--rate", "1");
	fd = service_connect();
	while (refused < 20) {
		kern_return_t kr = machvm_task_request(fd, pidfd, MACHVM_RIGHT_READ, &port);

		if (kr == KERN_SUCCESS) {
			served++;
			task_drop(port);
			continue;
		}
		expect_code(kr, KERN_RESOURCE_SHORTAGE);
		expect_message("asks more than 1 times a second; try again later");
		refused++;
	}
	assert_true(served >= 10);
	/* A connection of its own helps nobody, and whoever waits is served again. */
	while (ask(victim) == KERN_RESOURCE_SHORTAGE)
		refused++;
	close(fd);
	close(pidfd);
	/* One line for many, with their number. */
	snprintf(words, sizeof(words), "refused: uid=%u pid=%d: ", getuid(), getpid());
	for (told = 0; told < refused;) {
		lines_before(words, line, sizeof(line));
		assert_non_null(strstr(line, " requests too many"));
		told += (unsigned)strtoul(strstr(line, words) + strlen(words), NULL, 10);
	}
	expect_number(told, refused);
}

/* What is malformed, and who is turned away, count as well. */
static void noise_fills_no_journal(void **state)
{
	char line[2048];

	service_policy("allow user * read program *\n");
	service_start_with("--rate", "1");
	for (unsigned i = 0; i < 200; i++) {
		int fd = service_connect();
		mach_port_t port;

		assert_int_equal(send(fd, "x", 1, 0), 1);
		if (machvm_task_receive(fd, &port) != KERN_INVALID_ARGUMENT)
			expect_message("asks more than 1 times a second");
		close(fd);
	}
	/* Ten at once, and one for each second that this took. */
	assert_true(lines_before("requests too many", line, sizeof(line)) < 100);
}

/* A second's patience: the broker says so, and hangs up. */
static void silent_client_is_told_and_let_go(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	int silent, pidfd = service_pidfd(victim);
	mach_port_t port = 77;
	char words[96];

	service_policy("allow user * read program *\n");
	service_start_with("--patience", "1");
	silent = service_connect();
	snprintf(words, sizeof(words), "uid=%u pid=%d: nothing was asked for 1 seconds", getuid(),
		 getpid());
	service_expect_line("closed:", words);
	expect_code(machvm_task_request(silent, pidfd, MACHVM_RIGHT_READ, &port), KERN_ABORTED);
	expect_message("nothing was asked for 1 seconds");
	expect_number(port, 77);
	expect_code(machvm_task_request(silent, pidfd, MACHVM_RIGHT_READ, &port), KERN_ABORTED);
	close(silent);
	expect_code(ask(victim), KERN_SUCCESS);
	close(pidfd);
}

/*
 * What it has not taken is still under way, whoever hangs up: it keeps its place, of those
 * that its user has, and is served when it has taken it.
 */
static void client_that_takes_no_answer_keeps_its_place(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t port;
	int owed, silent, pidfd = service_pidfd(victim);

	service_policy("allow user * read program *\n");
	service_start_with("--patience", "1");
	owed = service_connect();
	service_send(owed, victim->pid, MACHVM_RIGHT_READ);
	service_expect_line("granted:", "right=read");
	/* By the time that this one is let go the other would have been. */
	silent = service_connect();
	service_expect_line("closed:", "nothing was asked");
	close(silent);
	silent = service_connect();
	service_expect_line("closed:", "nothing was asked");
	close(silent);
	expect_code(machvm_task_receive(owed, &port), KERN_SUCCESS);
	task_drop(port);
	expect_code(machvm_task_request(owed, pidfd, MACHVM_RIGHT_READ, &port), KERN_SUCCESS);
	task_drop(port);
	close(owed);
	close(pidfd);
}

static void limit_that_is_none_starts_no_broker(void **state)
{
	static const char *const wrong[][2] = {{"--most", "0"},     {"--rate", "0"},
					       {"--rate", "-1"},    {"--rate", "often"},
					       {"--patience", "0"}, {"--patience", "-5"}};
	int status;

	service_policy("allow user * read program *\n");
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		trying("%s %s", wrong[i][0], wrong[i][1]);
		service_start_with(wrong[i][0], wrong[i][1]);
		service_expect_line("usage:", "machvmd");
		assert_int_equal(waitpid(service.pid, &status, 0), service.pid);
		service.pid = 0;
		assert_true(WIFEXITED(status));
		expect_number(WEXITSTATUS(status), 2);
	}
}

#undef TEST
#define TEST(function) cmocka_unit_test_setup_teardown(function, NULL, service_teardown)

static const struct CMUnitTest tests[] = {
	TEST(one_user_has_so_many_connections_and_no_more),
	TEST(one_user_asks_so_often_and_no_more),
	TEST(noise_fills_no_journal),
	TEST(silent_client_is_told_and_let_go),
	TEST(client_that_takes_no_answer_keeps_its_place),
	TEST(limit_that_is_none_starts_no_broker),
};

HARNESS_MAIN_IF(tests, {
	travel_require();
	if (getenv("MACHVMD") == NULL)
		harness_skip("MACHVMD does not say where the broker is");
})
