/* SPDX-License-Identifier: MIT */
/* Who looks after the victim of a siege and its next of kin, and at everything afterwards. */
#include "attackers.h"

#include "processes.h"
#include "refuse.h"
#include "travel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/futex.h>

struct siege_totals siege_totals;

struct siege_ground siege_ground;
struct attacker attackers[SIEGE_THREADS];

/* ---- the victim ---- */

static pid_t make(pid_t number)
{
	struct clone_args arguments = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&number,
		.set_tid_size = number ? 1 : 0,
	};

	if (!number)
		arguments.set_tid = 0;
	return (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
}

/* In the child: system calls only. */
static void become_victim(char *generation)
{
	char first[] = "first";
	char *const arguments[] = {siege_ground.program, generation, first, NULL};
	char *const environment[] = {NULL};

	if (dup2(siege_ground.control_fd, CONTROL_FD) < 0 ||
	    dup2(siege_ground.events[1], CONTROL_EVENTS) < 0)
		_exit(1);
	execve(siege_ground.program, arguments, environment);
	_exit(1);
}

/* The victim says that it is ready, rests or has reported; or it has ended. */
static bool hear(int pidfd)
{
	struct pollfd sources[] = {{.fd = siege_ground.events[0], .events = POLLIN},
				   {.fd = pidfd, .events = POLLIN}};
	char byte;

	for (;;) {
		if (poll(sources, 2, -1) < 0)
			continue;
		if (sources[0].revents & POLLIN)
			return read(siege_ground.events[0], &byte, 1) == 1;
		if (sources[1].revents)
			return false;
	}
}

/* Room for so many more descriptors than there are. */
static void set_room(unsigned room)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = room ? count_descriptors() + room : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		fail_case("setrlimit: %s", strerror(errno));
}

/* The threads may have every descriptor that there is room for: this one is not theirs. */
static int open_beyond_room(pid_t pid)
{
	struct rlimit room;
	int pidfd;

	getrlimit(RLIMIT_NOFILE, &room);
	set_room(0);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	setrlimit(RLIMIT_NOFILE, &room);
	if (pidfd < 0)
		fail_case("pidfd_open: %s", strerror(errno));
	return pidfd;
}

static void bring_up(void)
{
	unsigned generation = siege_ground.generation % 255 + 1;
	char text[8];
	pid_t pid;
	int pidfd;

	snprintf(text, sizeof(text), "%u", generation);
	siege_ground.control->sent = siege_ground.control->taken = 0;
	pid = make(siege_ground.pid);
	if (pid < 0) /* where numbers cannot be chosen, or it is somebody's already */
		pid = make(0);
	if (pid == 0)
		become_victim(text);
	if (pid < 0)
		fail_case("clone3: %s", strerror(errno));
	pidfd = open_beyond_room(pid);
	if (!hear(pidfd))
		fail_case("a victim did not begin");
	/* From here on it is what threads open. */
	pthread_mutex_lock(&siege_ground.lock);
	if (siege_ground.pidfd >= 0)
		close(siege_ground.pidfd);
	siege_ground.pid = pid;
	siege_ground.pidfd = pidfd;
	siege_ground.generation = generation;
	pthread_mutex_unlock(&siege_ground.lock);
	siege_totals.generations++;
}

/* It ends by its own will or not at all. */
static void bury(int expected)
{
	int status = 0;

	while (waitpid(siege_ground.pid, &status, 0) < 0)
		if (errno != EINTR)
			fail_case("waitpid: %s", strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
		fail_case("%s: a victim ended with status %#x (%s), not %d",
			  siege_ground.siege->name, status, strerror(siege_ground.control->why),
			  expected);
}

static void give_order(uint32_t order)
{
	atomic_store(&siege_ground.control->order, order);
	syscall(SYS_futex, &siege_ground.control->order, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ---- the siege ---- */

static volatile sig_atomic_t rings;

static void ring(int number)
{
	rings++;
}

static void set_timer(bool on)
{
	struct sigaction action = {.sa_handler = ring};
	struct itimerval often = {{0, on ? 200 : 0}, {0, on ? 200 : 0}};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

/* Threads with stacks of our own: those of the C library are kept, and would be counted. */
static void begin_thread(struct attacker *me, unsigned index)
{
	static uint8_t *stacks;
	const size_t size = 512 << 10;
	pthread_attr_t attributes;

	if (!stacks)
		stacks = mmap(NULL, SIEGE_THREADS * size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*me = (struct attacker){.index = index, .random = 88172645463325252u + index * 7919u};
	pthread_attr_init(&attributes);
	pthread_attr_setstack(&attributes, stacks + index * size, size);
	if (pthread_create(&me->thread, &attributes, attack, me) != 0)
		fail_case("no thread");
	pthread_attr_destroy(&attributes);
}

/* Looks after the victim until the threads are through. */
static void preside(void)
{
	uint64_t finished = 0;

	while (finished < SIEGE_THREADS) {
		struct pollfd sources[] = {{.fd = siege_ground.finished, .events = POLLIN},
					   {.fd = siege_ground.pidfd, .events = POLLIN}};
		uint64_t more;

		if (poll(sources, 2, -1) < 0)
			continue;
		if (sources[0].revents && read(siege_ground.finished, &more, sizeof(more)) > 0)
			finished += more;
		if (sources[1].revents) {
			bury(7);
			bring_up();
		}
	}
}

/* A victim at rest, of whatever generation. */
static void bring_to_rest(void)
{
	give_order(ORDER_REST);
	while (!hear(siege_ground.pidfd)) {
		bury(7);
		bring_up(); /* which says that it is ready, and then rests */
	}
}

static void expect_untraced(void)
{
	char path[64], line[128];
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", siege_ground.pid);
	status = fopen(path, "re");
	if (!status)
		fail_case("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), status)) {
		if (strncmp(line, "TracerPid:", 10) == 0 && atoi(line + 10) != 0)
			fail_case("the victim is still traced: %s", line);
		if (strncmp(line, "State:", 6) == 0 && (line[7] == 'T' || line[7] == 't'))
			fail_case("the victim stands still: %s", line);
	}
	fclose(status);
}

/* At rest what is written is there, and nothing else is. */
static void expect_last_words(void)
{
	static uint64_t want[(AREA_SLOTS_END - AREA_SLOTS) / 8];
	mach_port_t port = MACH_PORT_NULL;

	expect_code(machvm_task_open(siege_ground.pidfd, MACHVM_RIGHT_CONTROL, &port),
		    KERN_SUCCESS);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		want[i] = (uint64_t)siege_ground.generation << 32 | i;
	expect_code(machvm_write(port, CONTROL_BASE + AREA_SLOTS, want, sizeof(want),
				 MACHVM_TRANSACTION),
		    KERN_SUCCESS);
	task_drop(port);
	give_order(ORDER_REPORT);
	if (!hear(siege_ground.pidfd))
		fail_case("the victim ended");
	expect_bytes(siege_ground.control->report, want, sizeof(want));
}

static void expect_harmless(void)
{
	const struct control *control = siege_ground.control;

	if (control->strays > 0)
		fail_case("%s: %llu words went astray, the last one 0x%llx at 0x%llx",
			  siege_ground.siege->name, (unsigned long long)control->strays,
			  (unsigned long long)control->stray[0],
			  (unsigned long long)control->stray[1]);
	expect_number(control->broken, 0);
	expect_number(control->failed, 0);
	expect_number(control->taken, control->sent);
	assert_true(control->checks > 0);
}

static void begin_ground(void)
{
	char *end;

	siege_ground.control_fd = fcntl(memfd_create("control", MFD_CLOEXEC), F_DUPFD_CLOEXEC, 10);
	if (ftruncate(siege_ground.control_fd, sizeof(struct control)) != 0 ||
	    pipe2(siege_ground.events, O_CLOEXEC) != 0)
		fail_case("no control page");
	for (unsigned i = 0; i < 2; i++) {
		int low = siege_ground.events[i];

		siege_ground.events[i] = fcntl(low, F_DUPFD_CLOEXEC, 10);
		close(low);
	}
	siege_ground.finished = eventfd(0, EFD_CLOEXEC);
	siege_ground.control = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE,
				    MAP_SHARED, siege_ground.control_fd, 0);
	snprintf(siege_ground.program, sizeof(siege_ground.program), "%s", victim_program(WORD_64));
	end = strstr(siege_ground.program, "/victim/victim");
	if (!end)
		fail_case("where is the victim?");
	strcpy(end, "/hostile/restless");
	pthread_mutex_init(&siege_ground.lock, NULL);
	siege_ground.pidfd = -1;
}

struct things {
	unsigned descriptors, mappings, threads;
};

static char maps_before[1 << 16], maps_after[1 << 16];

static void read_maps(char *text, size_t size)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t n;

	while ((n = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = '\0';
	close(fd);
}

/* Rings are kept by the library and used again: as many as there were targets at once. */
static unsigned count_mappings_but_rings(const char *text)
{
	unsigned count = 0;

	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		const char *ring = strstr(line, "/[aio]"), *end = strchr(line, '\n');

		count += !ring || ring > end;
	}
	return count;
}

static struct things count_things(char *maps, size_t size)
{
	/* Helpers are kept for the next session, as many as there were sessions at once. */
	machvm_trim();
	read_maps(maps, size);
	return (struct things){count_descriptors(), count_mappings_but_rings(maps),
			       count_threads()};
}

/* For the text of a failure: which mappings are new. */
static void tell_new_maps(void)
{
	char *rest = maps_after, *line;

	while ((line = strsep(&rest, "\n")))
		if (!strstr(maps_before, line))
			print_message("new: %s\n", line);
}

static void fight(void)
{
	sigset_t alarm;

	for (unsigned i = 0; i < SIEGE_THREADS; i++)
		begin_thread(&attackers[i], i);
	/* The timer's signals are for those who are in a call. */
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	preside();
	for (unsigned i = 0; i < SIEGE_THREADS; i++)
		pthread_join(attackers[i].thread, NULL);
	pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
}

static void take_stock(void)
{
	for (unsigned i = 0; i < SIEGE_THREADS; i++) {
		struct attacker *attacker = &attackers[i];

		if (attacker->complaint[0])
			fail_case("%s, thread %u: %s", siege_ground.siege->name, i,
				  attacker->complaint);
		siege_totals.successes += attacker->successes;
		siege_totals.refusals += attacker->refusals;
		siege_totals.timeouts += attacker->timeouts;
		siege_totals.operations += attacker->successes + attacker->refusals;
		if (attacker->port != MACH_PORT_NULL)
			task_drop(attacker->port);
		attacker->port = MACH_PORT_NULL;
	}
	for (unsigned i = 0; i < MISCHIEF_COUNT; i++) {
		siege_totals.rounds[i] += siege_ground.control->rounds[i];
		/* What ends the program may come before the others have their turn. */
		if (siege_ground.siege->modes == 1u << i)
			assert_true(siege_ground.control->rounds[i] > 0);
	}
	siege_totals.rings += (uint64_t)rings;
}

/* After a failure in the middle nothing is left that the next siege could stumble over. */
void siege_end(void)
{
	char byte;

	set_timer(false);
	set_room(0);
	if (siege_ground.pidfd < 0 || !siege_ground.control)
		return;
	kill(siege_ground.pid, SIGKILL);
	waitpid(siege_ground.pid, NULL, 0);
	close(siege_ground.pidfd);
	siege_ground.pidfd = -1;
	fcntl(siege_ground.events[0], F_SETFL, O_NONBLOCK);
	while (read(siege_ground.events[0], &byte, 1) == 1)
		;
	fcntl(siege_ground.events[0], F_SETFL, 0);
	for (unsigned i = 0; i < SIEGE_THREADS; i++)
		if (attackers[i].port != MACH_PORT_NULL)
			(void)mach_port_deallocate(mach_task_self(), attackers[i].port);
}

void siege_run(const struct siege *siege)
{
	static bool begun;
	struct things before, after;

	if (!begun)
		begin_ground();
	begun = true;
	siege_ground.siege = siege;
	trying("%s", siege->name);
	memset(siege_ground.control, 0, sizeof(*siege_ground.control));
	atomic_store(&siege_ground.control->modes, siege->modes);
	rings = 0;
	before = count_things(maps_before, sizeof(maps_before));
	bring_up();
	if (siege->room)
		set_room(siege->room);
	if (siege->signals)
		set_timer(true);
	fight();
	set_timer(false);
	set_room(0);
	bring_to_rest();
	expect_untraced();
	expect_last_words();
	expect_harmless();
	take_stock();
	give_order(ORDER_END);
	bury(0);
	close(siege_ground.pidfd);
	siege_ground.pidfd = -1;
	if (siege->settles)
		return;
	after = count_things(maps_after, sizeof(maps_after));
	if (after.descriptors > before.descriptors || after.threads > before.threads ||
	    (SIEGE_COUNTS_MAPPINGS && after.mappings > before.mappings)) {
		tell_new_maps();
		fail_case(
			"%s: %u descriptors, %u mappings and %u threads were there before, and %u, "
			"%u and %u are after",
			siege->name, before.descriptors, before.mappings, before.threads,
			after.descriptors, after.mappings, after.threads);
	}
}
