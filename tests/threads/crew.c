/* SPDX-License-Identifier: MIT */
#include "crew.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECONDS 20

void crew_start(struct crew *crew, enum word word, const char *kind, unsigned count)
{
	crew->victim = victim_spawn(word);
	crew->task = victim_task(crew->victim);
	crew->told = (struct workers *)(void *)(crew->victim->mailbox + WORKERS_AT);
	crew->count = 0;
	crew_add(crew, kind, count);
}

void crew_add(struct crew *crew, const char *kind, unsigned count)
{
	victim_ask(crew->victim, "workers %s %x", kind, count);
	crew->count += count;
}

static uint64_t progress(struct crew *crew, unsigned index)
{
	return __atomic_load_n(&crew->told->worker[index].progress, __ATOMIC_RELAXED);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void nap(void)
{
	nanosleep(&(struct timespec){0, 200000}, NULL);
}

void harness_worker_gets_on(const char *file, int line, struct crew *crew, unsigned index)
{
	uint64_t before = progress(crew, index);
	double start = seconds();

	while (progress(crew, index) == before) {
		if (seconds() - start > SECONDS)
			harness_fail(file, line, "worker %u stands still (state %c, tracer %d)",
				     index, crew_state(crew, (int)crew->told->worker[index].tid),
				     crew_tracer(crew, (int)crew->told->worker[index].tid));
		nap();
	}
}

void harness_crew_gets_on(const char *file, int line, struct crew *crew)
{
	for (unsigned i = 0; i < crew->count; i++)
		harness_worker_gets_on(file, line, crew, i);
}

/* Gives every processor away many times, and naps several of the workers' rounds. */
static void let_others_run(void)
{
	for (unsigned i = 0; i < 200; i++)
		sched_yield();
	for (unsigned i = 0; i < 20; i++)
		nap();
}

void harness_worker_stands(const char *file, int line, struct crew *crew, unsigned index)
{
	uint64_t before = progress(crew, index);

	let_others_run();
	if (progress(crew, index) != before)
		harness_fail(file, line, "worker %u gets on", index);
}

void harness_crew_stands(const char *file, int line, struct crew *crew)
{
	uint64_t before[WORKERS_COUNT];

	for (unsigned i = 0; i < crew->count; i++)
		before[i] = progress(crew, i);
	let_others_run();
	for (unsigned i = 0; i < crew->count; i++)
		if (progress(crew, i) != before[i])
			harness_fail(file, line, "worker %u gets on", i);
}

void harness_crew_is_sound(const char *file, int line, struct crew *crew)
{
	for (unsigned i = 0; i < crew->count; i++)
		if (crew->told->worker[i].errors)
			harness_fail(file, line, "worker %u was disturbed %u times", i,
				     crew->told->worker[i].errors);
}

static bool status_line(const struct crew *crew, int tid, const char *name, char *value,
			size_t size)
{
	char path[64], line[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", crew->victim->pid, tid);
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

char crew_state(const struct crew *crew, int tid)
{
	char value[64];

	return status_line(crew, tid, "State:", value, sizeof(value)) ? value[0] : 0;
}

int crew_tracer(const struct crew *crew, int tid)
{
	char value[64];

	return status_line(crew, tid, "TracerPid:", value, sizeof(value)) ? atoi(value) : 0;
}

void harness_crew_await_state(const char *file, int line, struct crew *crew, int tid,
			      const char *letters)
{
	double start = seconds();
	char state;

	while ((state = crew_state(crew, tid)) == 0 || !strchr(letters, state)) {
		if (seconds() - start > SECONDS)
			harness_fail(file, line, "thread %d is in state %c, not %s", tid,
				     state ? state : '-', letters);
		nap();
	}
}

static bool is_free(const struct crew *crew)
{
	char path[64];
	struct dirent *entry;
	bool free = true;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/task", crew->victim->pid);
	directory = opendir(path);
	while (directory && free && (entry = readdir(directory))) {
		int tid = atoi(entry->d_name);

		free = !tid || (!crew_tracer(crew, tid) && crew_state(crew, tid) != 't');
	}
	if (directory)
		closedir(directory);
	return free;
}

void harness_crew_is_free(const char *file, int line, struct crew *crew)
{
	double start = seconds();

	while (!is_free(crew)) {
		if (seconds() - start > SECONDS)
			harness_fail(file, line, "the victim is left traced");
		nap();
	}
}

thread_act_t crew_thread(struct crew *crew, unsigned index)
{
	thread_act_array_t list;
	mach_msg_type_number_t count;
	thread_act_t found = MACH_PORT_NULL;

	expect_code(task_threads(crew->task, &list, &count), KERN_SUCCESS);
	for (unsigned i = 0; i < count; i++) {
		thread_identifier_info_data_t info;
		mach_msg_type_number_t size = THREAD_IDENTIFIER_INFO_COUNT;
		kern_return_t kr = thread_info(list[i], THREAD_IDENTIFIER_INFO,
					       (thread_info_t)&info, &size);

		/* One that was not meant to stay may have ended since. */
		if (kr != KERN_TERMINATED)
			expect_code(kr, KERN_SUCCESS);
		if (kr == KERN_SUCCESS && info.thread_id == crew->told->worker[index].tid)
			found = list[i];
		else
			mach_port_deallocate(mach_task_self(), list[i]);
	}
	expect_code(vm_deallocate(mach_task_self(), (vm_address_t)list, count * sizeof(*list)),
		    KERN_SUCCESS);
	if (!found)
		fail_case("task_threads does not list worker %u", index);
	return found;
}
