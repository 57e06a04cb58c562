/* SPDX-License-Identifier: MIT */
/* Starting victims, talking to them, and ending them whatever happens. */
#include "harness.h"
#include "nursery.h"
#include "report.h"
#include "runs.h"
#include "travel.h"
#include "victims.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* The ends of the channels as the victim sees them. */
enum { VICTIM_IN, VICTIM_OUT, VICTIM_SECOND_IN = 3, VICTIM_SECOND_OUT, VICTIM_MAILBOX };

static struct victim victims[64];
static unsigned victim_count;

const char *victim_program(enum word word)
{
	static char path[PATH_MAX];
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n <= 0)
		fail_case("cannot tell where the test program is");
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash != NULL)
		*slash = '\0';
	n = snprintf(path, sizeof(path), "%s/../victim/%s", self,
		     word == WORD_32 ? "victim32" : "victim");
	if (n >= (ssize_t)sizeof(path))
		fail_case("the path of the test program is too long");
	return path;
}

enum word word_count(void)
{
	static int runs = -1;

	if (runs < 0) {
		runs = program_runs(victim_program(WORD_32));
		if (!runs)
			print_message("skipped in part: this kernel runs no 32-bit programs\n");
	}
	return runs ? WORD_32 + 1 : WORD_32;
}

static struct victim *new_victim(void)
{
	struct victim *victim = victims;

	while (victim < victims + victim_count && victim->pid != 0)
		victim++;
	if (victim == victims + ARRAY_SIZE(victims))
		fail_case("more victims in one test than the harness counts");
	if (victim == victims + victim_count)
		victim_count++;
	*victim = (struct victim){.to = -1, .from = -1, .second_to = -1, .second_from = -1};
	return victim;
}

struct ends {
	int to[2], from[2], second_to[2], second_from[2];
	int mailbox;
};

/* Out of the way of the numbers that the victim's own ends get. */
static int move_high(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	if (moved < 0)
		fail_case("fcntl: %s", strerror(errno));
	close(fd);
	return moved;
}

static void make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) != 0)
		fail_case("pipe2: %s", strerror(errno));
	ends[0] = move_high(ends[0]);
	ends[1] = move_high(ends[1]);
}

static uint8_t *make_mailbox(int *fd)
{
	void *map;

	*fd = move_high(memfd_create("mailbox", MFD_CLOEXEC));
	if (ftruncate(*fd, REPORT_ROOM) != 0)
		fail_case("ftruncate: %s", strerror(errno));
	map = mmap(NULL, REPORT_ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (map == MAP_FAILED)
		fail_case("mmap: %s", strerror(errno));
	return map;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void hang_up(struct victim *victim)
{
	close_end(&victim->to);
	close_end(&victim->from);
	close_end(&victim->second_to);
	close_end(&victim->second_from);
}

/* In the child, between fork and exec: system calls only. */
static void become_victim(const struct ends *ends, const char *program, uid_t uid)
{
	char *const arguments[] = {(char *)(uintptr_t)program, NULL};
	char *const environment[] = {NULL};

	if (dup2(ends->to[0], VICTIM_IN) < 0 || dup2(ends->from[1], VICTIM_OUT) < 0 ||
	    dup2(ends->second_to[0], VICTIM_SECOND_IN) < 0 ||
	    dup2(ends->second_from[1], VICTIM_SECOND_OUT) < 0 ||
	    dup2(ends->mailbox, VICTIM_MAILBOX) < 0)
		_exit(126);
	if (uid != (uid_t)-1 && (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0))
		_exit(125);
	execve(program, arguments, environment);
	_exit(127);
}

/* What a nursery is told. */
struct order {
	struct ends ends;
	uid_t uid;
	char program[PATH_MAX - 64];
};

_Static_assert(sizeof(struct order) <= NURSERY_ORDER, "an order fits into a message");

static void live_as_victim(const void *context)
{
	const struct order *order = context;

	become_victim(&order->ends, order->program, order->uid);
}

static pid_t plain_fork(void *unused)
{
	return fork();
}

static pid_t bear(const struct ends *ends, const char *program, uid_t uid)
{
	struct order order = {.ends = *ends, .uid = uid};

	if (strlen(program) >= sizeof(order.program))
		fail_case("the path of the victim is too long");
	strcpy(order.program, program);
	return nursery_bear(live_as_victim, &order, sizeof(order));
}

struct victim *victim_spawn_with(enum word word, uid_t uid, pid_t (*make)(void *), void *context)
{
	const char *program = victim_program(word);
	struct victim *victim;
	struct ends ends;
	pid_t pid;

	if (word == WORD_32 && word_count() <= WORD_32)
		skip();
	victim = new_victim();
	make_pipe(ends.to);
	make_pipe(ends.from);
	make_pipe(ends.second_to);
	make_pipe(ends.second_from);
	victim->mailbox = make_mailbox(&ends.mailbox);
	pid = make == plain_fork && nursery_is_open() ? bear(&ends, program, uid) : make(context);
	if (pid == 0)
		become_victim(&ends, program, uid);
	close(ends.to[0]);
	close(ends.from[1]);
	close(ends.second_to[0]);
	close(ends.second_from[1]);
	close(ends.mailbox);
	victim->word = word;
	victim->to = ends.to[1];
	victim->from = ends.from[0];
	victim->second_to = ends.second_to[1];
	victim->second_from = ends.second_from[0];
	if (pid < 0) {
		munmap(victim->mailbox, REPORT_ROOM);
		hang_up(victim);
		return NULL;
	}
	victim->pid = pid;
	victim->child = true;
	victim_ask(victim, "pid");
	return victim;
}

struct victim *victim_spawn_as(enum word word, uid_t uid)
{
	struct victim *victim = victim_spawn_with(word, uid, plain_fork, NULL);

	if (victim == NULL)
		fail_case("fork: %s", strerror(errno));
	return victim;
}

struct victim *victim_spawn(enum word word)
{
	return victim_spawn_as(word, (uid_t)-1);
}

struct victim *victim_adopt(struct victim *victim, pid_t pid)
{
	struct victim *child = new_victim();

	child->pid = pid;
	child->word = victim->word;
	/* Both report into the same place, one at a time. */
	child->mailbox = victim->mailbox;
	child->to = victim->second_to;
	child->from = victim->second_from;
	victim->second_to = -1;
	victim->second_from = -1;
	return child;
}

static void send_command(struct victim *victim, const char *format, va_list arguments)
{
	char line[512];
	int length = vsnprintf(line, sizeof(line) - 1, format, arguments);

	line[length++] = '\n';
	if (write(victim->to, line, (size_t)length) != length)
		fail_case("victim %d does not listen to \"%.*s\": %s", victim->pid, length - 1,
			  line, strerror(errno));
}

static int read_answer(struct victim *victim, uint64_t *value)
{
	char line[512];
	size_t length = 0;

	do {
		ssize_t n = read(victim->from, line + length, sizeof(line) - 1 - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			fail_case("victim %d ended without an answer", victim->pid);
		length += (size_t)n;
	} while (line[length - 1] != '\n' && length < sizeof(line) - 1);
	line[length] = '\0';
	if (strncmp(line, "err ", 4) == 0)
		return -atoi(line + 4);
	if (strncmp(line, "ok", 2) != 0)
		fail_case("victim %d answered \"%s\"", victim->pid, line);
	*value = strtoull(line + 2, NULL, 16);
	return 0;
}

uint64_t victim_ask(struct victim *victim, const char *format, ...)
{
	va_list arguments;
	uint64_t value = 0;
	int r;

	va_start(arguments, format);
	send_command(victim, format, arguments);
	va_end(arguments);
	r = read_answer(victim, &value);
	if (r != 0)
		fail_case("victim %d could not obey \"%s\": %s", victim->pid, format, strerror(-r));
	return value;
}

int victim_try(struct victim *victim, const char *format, ...)
{
	va_list arguments;
	uint64_t value;

	va_start(arguments, format);
	send_command(victim, format, arguments);
	va_end(arguments);
	return read_answer(victim, &value);
}

void victim_tell(struct victim *victim, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	send_command(victim, format, arguments);
	va_end(arguments);
}

uint64_t victim_hear(struct victim *victim)
{
	uint64_t value = 0;
	int r = read_answer(victim, &value);

	if (r != 0)
		fail_case("victim %d could not obey: %s", victim->pid, strerror(-r));
	return value;
}

void victim_bytes(struct victim *victim, void *bytes, size_t size)
{
	memcpy(bytes, victim->mailbox, size);
}

void victim_kill(struct victim *victim)
{
	if (victim->pid > 0) {
		/* Where this process may not (it gave up its rights), the end of input does it. */
		kill(victim->pid, SIGKILL);
		hang_up(victim);
		while (victim->child && waitpid(victim->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	hang_up(victim);
	/* An adopted one has its parent's. */
	if (victim->child && victim->mailbox != NULL)
		munmap(victim->mailbox, REPORT_ROOM);
	victim->mailbox = NULL;
	victim->pid = 0;
}

void victim_make_zombie(struct victim *victim)
{
	siginfo_t info;

	kill(victim->pid, SIGKILL);
	while (waitid(P_PID, (id_t)victim->pid, &info, WEXITED | WNOWAIT) != 0)
		if (errno != EINTR)
			fail_case("waitid: %s", strerror(errno));
}

void victims_end(void)
{
	while (victim_count > 0)
		victim_kill(&victims[--victim_count]);
}

mach_port_t victim_task(struct victim *victim)
{
	mach_port_t task = MACH_PORT_NULL;

	expect_code(task_for_pid(mach_task_self(), victim->pid, &task), KERN_SUCCESS);
	if (getenv("MACHVM_TEST_RECEIVED") != NULL) {
		mach_port_t opened = task;

		task = travel_received(opened, MACHVM_RIGHT_CONTROL);
		task_drop(opened);
	}
	return task;
}
