/* SPDX-License-Identifier: MIT */
#include "support.h"
#include "runs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int running; /* the victim that a failure must not leave behind */

void fail(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	if (running > 0)
		kill(running, SIGKILL);
	exit(1);
}

unsigned rounds(unsigned quick)
{
	const char *text = getenv("MACHVM_REMOTE_ROUNDS");

	if (text && atoi(text) > 0)
		return (unsigned)atoi(text);
	text = getenv("MACHVM_HARM");
	return text && !strcmp(text, "full") ? 1000 : quick;
}

static void nap(void)
{
	nanosleep(&(struct timespec){0, 200000}, NULL);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool victim_runs(const char *program)
{
	if (program_runs(program))
		return true;
	printf("skipped in part: this kernel runs no 32-bit programs\n");
	return false;
}

void victim_start(struct victim *v, const char *program, const char *scenario, unsigned threads)
{
	double start = seconds();
	char number[12];

	memset(v, 0, sizeof(*v));
	v->threads = threads;
	v->shared_fd = memfd_create("victim", MFD_CLOEXEC);
	REQUIRE(v->shared_fd >= 0 && !ftruncate(v->shared_fd, 4096), "memfd");
	v->shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, v->shared_fd, 0);
	REQUIRE(v->shared != MAP_FAILED, "mmap");
	snprintf(number, sizeof(number), "%u", threads);
	v->pid = fork();
	REQUIRE(v->pid >= 0, "fork");
	if (!v->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (v->shared_fd == SHARED_FD)
			fcntl(SHARED_FD, F_SETFD, 0);
		else
			dup2(v->shared_fd, SHARED_FD);
		execl(program, program, scenario, number, NULL);
		_exit(127);
	}
	running = v->pid;
	v->pidfd = (int)syscall(SYS_pidfd_open, v->pid, 0);
	while (__atomic_load_n(&v->shared->ready, __ATOMIC_ACQUIRE) < threads) {
		REQUIRE(seconds() - start < 20 && !waitpid(v->pid, NULL, WNOHANG),
			"%s %s does not start", program, scenario);
		nap();
	}
	v->target = (struct machvm__session_target){
		.pid = v->pid, .proc_pid = v->pid, .pidfd = v->pidfd, .mem_fd = -1};
}

static void clean(struct victim *v)
{
	running = 0;
	machvm__session_target_fini(&v->target);
	close(v->pidfd);
	close(v->shared_fd);
	munmap(v->shared, 4096);
}

void victim_finish(struct victim *v)
{
	double start = seconds();
	int status = 0, r;

	__atomic_store_n(&v->shared->stop, 1, __ATOMIC_RELEASE);
	while (!(r = waitpid(v->pid, &status, WNOHANG))) {
		REQUIRE(seconds() - start < 30, "the victim does not finish (state %c, tracer %d)",
			thread_state(v->pid, v->pid), tracer_of(v->pid, v->pid));
		nap();
	}
	REQUIRE(r == v->pid, "waitpid %d: %s", r, strerror(errno));
	running = 0;
	REQUIRE(!v->shared->errors, "the victim found %u faults: %s", v->shared->errors,
		v->shared->text);
	REQUIRE(WIFEXITED(status) && !WEXITSTATUS(status), "the victim ended with status %x",
		status);
	clean(v);
}

void victim_kill(struct victim *v)
{
	kill(v->pid, SIGKILL);
	waitpid(v->pid, NULL, 0);
	clean(v);
}

void victim_stop(struct victim *v)
{
	int status;

	kill(v->pid, SIGSTOP);
	REQUIRE(waitpid(v->pid, &status, WUNTRACED) == v->pid && WIFSTOPPED(status), "no stop");
}

void victim_is_stopped(struct victim *v)
{
	int status, r;

	while (thread_state(v->pid, v->pid) != 'T')
		REQUIRE(thread_state(v->pid, v->pid) != 'S', "it is not stopped any more");
	r = waitpid(v->pid, &status, WNOHANG | WUNTRACED | WCONTINUED);
	REQUIRE(r == 0 || !WIFCONTINUED(status), "its parent was told of a continue");
}

static bool status_line(int pid, int tid, const char *name, char *value, size_t size)
{
	char path[64], line[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, strlen(name))) {
			snprintf(value, size, "%s", line + strlen(name) + 1);
			found = true;
		}
	}
	if (file)
		fclose(file);
	return found;
}

char thread_state(int pid, int tid)
{
	char value[64];

	return status_line(pid, tid, "State:", value, sizeof(value)) ? value[0] : 0;
}

int tracer_of(int pid, int tid)
{
	char value[64];

	return status_line(pid, tid, "TracerPid:", value, sizeof(value)) ? atoi(value) : 0;
}

static bool is_free(int pid)
{
	char path[64];
	bool free = true;
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	directory = opendir(path);
	while (directory && free && (entry = readdir(directory))) {
		int tid = atoi(entry->d_name);

		if (tid && (tracer_of(pid, tid) || thread_state(pid, tid) == 't'))
			free = false;
	}
	if (directory)
		closedir(directory);
	return free;
}

void victim_is_free(struct victim *v)
{
	double start = seconds();

	while (!is_free(v->pid)) {
		REQUIRE(seconds() - start < 10, "the victim is left traced");
		nap();
	}
}

void victim_gets_on(struct victim *v)
{
	uint64_t before[SHARED_THREADS];
	double start = seconds();

	memcpy(before, v->shared->progress, sizeof(before));
	for (unsigned i = 0; i < v->threads; i++) {
		while (__atomic_load_n(&v->shared->progress[i], __ATOMIC_RELAXED) == before[i]) {
			REQUIRE(!v->shared->errors, "the victim found a fault: %s",
				v->shared->text);
			REQUIRE(waitpid(v->pid, NULL, WNOHANG) == 0, "the victim died");
			REQUIRE(seconds() - start < 20, "thread %u of the victim stands still (%c)",
				i, thread_state(v->pid, v->pid));
			nap();
		}
	}
}

void protection_of(int pid, uint64_t address, char text[5])
{
	uint64_t from, to;
	char path[64], line[512];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	strcpy(text, "----");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &from, &to, text) == 3 &&
		    address >= from && address < to)
			break;
	}
	if (file)
		fclose(file);
}

static bool may_be_real_time(void)
{
	struct sched_param priority = {.sched_priority = 1};
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(sched_setscheduler(0, SCHED_FIFO, &priority) != 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

void require_scenario(const char *name)
{
	if (strcmp(name, "fifo") || may_be_real_time())
		return;
	printf("SCHED_FIFO is not permitted here\n");
	exit(77);
}

const char *name_of(const char *program)
{
	const char *slash = strrchr(program, '/');

	return slash ? slash + 1 : program;
}
