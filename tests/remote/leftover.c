/* SPDX-License-Identifier: MIT */
/*
 * leftover VICTIM...: a tracer is killed in the middle of a session and leaves its frame,
 * and a thread that has yet to go back through it. Whoever comes next must not be in its way.
 */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int second_thread(int pid)
{
	struct dirent *entry;
	char path[32];
	DIR *directory;
	int tid = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	directory = opendir(path);
	REQUIRE(directory, "%s", path);
	while ((entry = readdir(directory))) {
		if (atoi(entry->d_name) && atoi(entry->d_name) != pid)
			tid = atoi(entry->d_name);
	}
	closedir(directory);
	return tid;
}

/* A tracer that has made its call with that thread, and dies before it puts it back. */
static void leave_frame(struct victim *v, int tid)
{
	struct machvm__session *s;
	int ready[2], status;
	int64_t result;
	pid_t tracer;
	char c;

	REQUIRE(!pipe(ready), "pipe");
	tracer = fork();
	if (!tracer) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (machvm__session_open_thread(&s, &v->target, tid, 0, NULL) ||
		    machvm__session_call(s, MACHVM__CALL_GETPID, (uint64_t[6]){0}, &result) ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	REQUIRE(read(ready[0], &c, 1) == 1, "the tracer that is to die has no session");
	close(ready[0]);
	kill(tracer, SIGKILL);
	REQUIRE(waitpid(tracer, &status, 0) == tracer, "waitpid");
}

static struct machvm__session *session_of(struct victim *v, int tid, unsigned flags)
{
	struct machvm__session_refusal why = {0};
	struct machvm__session *s;
	int64_t result = -1;
	int r = machvm__session_open_thread(&s, &v->target, tid, flags, &why);

	REQUIRE(!r, "open: %s (%s, %s)", strerror(-r), why.step, why.reason);
	r = machvm__session_call(s, MACHVM__CALL_GETPID, (uint64_t[6]){0}, &result);
	REQUIRE(!r && result == v->pid, "call: %s, %" PRId64, strerror(-r), result);
	return s;
}

/* Job control keeps the thread in the frame for as long as it takes to come in its way. */
static void thread_in_a_frame_goes_back_through_it(const char *program, unsigned flags)
{
	struct machvm__session *s;
	struct victim v;
	uint64_t before;

	victim_start(&v, program, "nanosleep", 2);
	v.shared->lenient = 1;
	victim_stop(&v);
	leave_frame(&v, second_thread(v.pid));
	before = v.shared->progress[1];
	s = session_of(&v, v.pid, flags);
	kill(v.pid, SIGCONT);
	while (__atomic_load_n(&v.shared->progress[1], __ATOMIC_RELAXED) < before + 3)
		REQUIRE(waitpid(v.pid, NULL, WNOHANG) == 0, "the victim died");
	REQUIRE(!machvm__session_close(s), "close");
	victim_gets_on(&v);
	victim_finish(&v);
}

static uint64_t start_of_stack(int pid)
{
	uint64_t start = 0;
	char path[64], line[512];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (strstr(line, "[stack]"))
			start = strtoull(line, NULL, 16);
	}
	if (file)
		fclose(file);
	return start;
}

static bool frame_stands(int pid)
{
	static const uint64_t mark = MACHVM__CPU_MARK;
	unsigned char bytes[MACHVM__CPU_MARKED];
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	REQUIRE(fd >= 0 && pread(fd, bytes, sizeof(bytes), (off_t)start_of_stack(pid)) ==
				   (ssize_t)sizeof(bytes),
		"%s", path);
	close(fd);
	return memmem(bytes, sizeof(bytes), &mark, sizeof(mark));
}

/* What nobody needs any more goes with the next session, which has a frame of its own. */
static void frame_of_nobody_is_taken_away(const char *program, unsigned flags)
{
	struct machvm__session *s;
	struct victim v;
	uint64_t raddr;
	int tries = 0;

	victim_start(&v, program, "nanosleep", 2);
	v.shared->lenient = 1;
	/* A thread that does not sleep just then is served by a helper, which cleans up. */
	do {
		leave_frame(&v, second_thread(v.pid));
		victim_gets_on(&v);
		REQUIRE(tries++ < 100, "no killed tracer leaves a frame: this tests nothing");
	} while (!frame_stands(v.pid));
	s = session_of(&v, 0, flags);
	REQUIRE(!machvm__session_push(s, "text", 5, &raddr), "there is no frame");
	REQUIRE(!machvm__session_close(s), "close");
	REQUIRE(!frame_stands(v.pid), "the frame is still there");
	victim_gets_on(&v);
	victim_finish(&v);
}

int main(int argc, char **argv)
{
	static const unsigned ways[] = {0, MACHVM__SESSION_HELPER, MACHVM__SESSION_ALL};

	for (int i = 1; i < argc; i++) {
		if (!victim_runs(argv[i]))
			continue;
		for (unsigned j = 0; j < sizeof(ways) / sizeof(*ways); j++)
			frame_of_nobody_is_taken_away(argv[i], ways[j]);
		thread_in_a_frame_goes_back_through_it(argv[i], 0);
		thread_in_a_frame_goes_back_through_it(argv[i], MACHVM__SESSION_HELPER);
		printf("%s: good\n", name_of(argv[i]));
	}
	return 0;
}
