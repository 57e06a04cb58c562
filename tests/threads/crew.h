/* SPDX-License-Identifier: MIT */
/* A victim with workers (tests/victim/workers.h), and what they tell. */
#ifndef TESTS_CREW_H
#define TESTS_CREW_H

#include "harness.h"
#include "workers.h"

struct crew {
	struct victim *victim;
	mach_port_t task;
	struct workers *told;
	unsigned count;
};

/* A victim with that many workers of a kind; more of another kind. */
void crew_start(struct crew *crew, enum word word, const char *kind, unsigned count);
void crew_add(struct crew *crew, const char *kind, unsigned count);

/* Waits until each worker has got on. */
#define crew_gets_on(crew) harness_crew_gets_on(__FILE__, __LINE__, (crew))
void harness_crew_gets_on(const char *file, int line, struct crew *crew);
/* Waits until one has. */
#define worker_gets_on(crew, index) harness_worker_gets_on(__FILE__, __LINE__, (crew), (index))
void harness_worker_gets_on(const char *file, int line, struct crew *crew, unsigned index);

/*
 * No worker moves: everyone's progress stays what it was while the test itself spends as
 * much of the processor as would have let each of them get on many times.
 */
#define crew_stands(crew) harness_crew_stands(__FILE__, __LINE__, (crew))
void harness_crew_stands(const char *file, int line, struct crew *crew);
#define worker_stands(crew, index) harness_worker_stands(__FILE__, __LINE__, (crew), (index))
void harness_worker_stands(const char *file, int line, struct crew *crew, unsigned index);

/* Nobody was disturbed. */
#define crew_is_sound(crew) harness_crew_is_sound(__FILE__, __LINE__, (crew))
void harness_crew_is_sound(const char *file, int line, struct crew *crew);

/* The state letter of a thread and who traces it, from /proc; 0 when it is gone. */
char crew_state(const struct crew *crew, int tid);
int crew_tracer(const struct crew *crew, int tid);
/* Waits until the thread is in one of the states. */
#define crew_await_state(crew, tid, letters) \
	harness_crew_await_state(__FILE__, __LINE__, (crew), (tid), (letters))
void harness_crew_await_state(const char *file, int line, struct crew *crew, int tid,
			      const char *letters);
/* Waits until nobody traces any thread of it. */
#define crew_is_free(crew) harness_crew_is_free(__FILE__, __LINE__, (crew))
void harness_crew_is_free(const char *file, int line, struct crew *crew);

/* The thread port of a worker, out of task_threads(). */
thread_act_t crew_thread(struct crew *crew, unsigned index);

#endif
