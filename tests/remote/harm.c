/* SPDX-License-Identifier: MIT */
/*
 * harm SCENARIO VICTIM...: sessions by the hundred against victims that check
 * themselves, single-threaded and with eight threads, of every word length given.
 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned refused, timed_out, done;

static int64_t call(struct machvm__session *s, enum machvm__call what, uint64_t a, uint64_t b,
		    uint64_t c, uint64_t d, uint64_t e, uint64_t f, int *r)
{
	int64_t result = -1;

	*r = machvm__session_call(s, what, (uint64_t[6]){a, b, c, d, e, f}, &result);
	return result;
}

/* One session with a few calls whose answers are known. */
static void use(struct machvm__session *s, struct victim *v, unsigned round, int *r)
{
	uint64_t page = v->shared->page, name;
	int64_t result = call(s, MACHVM__CALL_MPROTECT, page, 4096,
			      round & 1 ? PROT_READ : PROT_READ | PROT_WRITE, 0, 0, 0, r);

	REQUIRE(*r || !result, "mprotect returned %ld", (long)result);
	if (*r || round % 4)
		return;
	result = call(s, MACHVM__CALL_GETPID, 0, 0, 0, 0, 0, 0, r);
	REQUIRE(*r || result == v->pid, "getpid returned %ld", (long)result);
	if (*r)
		return;
	result = call(s, MACHVM__CALL_MUNMAP, page + 1, 4096, 0, 0, 0, 0, r);
	REQUIRE(*r || result == -EINVAL, "munmap returned %ld", (long)result);
	if (*r)
		return;
	*r = machvm__session_push(s, "machvm-test", 12, &name);
	if (*r == -ENOSPC) {
		*r = 0; /* no room was found in its stack */
		return;
	}
	if (!*r)
		result = call(s, MACHVM__CALL_MEMFD_CREATE, name, MFD_CLOEXEC, 0, 0, 0, 0, r);
	REQUIRE(*r || result > 2, "memfd_create returned %ld", (long)result);
	if (!*r)
		result = call(s, MACHVM__CALL_CLOSE, (uint64_t)result, 0, 0, 0, 0, 0, r);
	REQUIRE(*r || !result, "close returned %ld", (long)result);
}

static const unsigned ways[] = {0,
				MACHVM__SESSION_HELPER,
				0,
				MACHVM__SESSION_ALL,
				MACHVM__SESSION_STILL,
				0,
				MACHVM__SESSION_HELPER,
				MACHVM__SESSION_ALL | MACHVM__SESSION_STILL};

/* One round; what may be refused is for the scenario to say. */
static int once(struct victim *v, unsigned round, struct machvm__session_refusal *why)
{
	struct machvm__session *s;
	unsigned flags = ways[round % 8];
	int r = machvm__session_open(&s, &v->target, flags, why), e;

	if (r == -ETIMEDOUT)
		timed_out++;
	else if (r)
		refused++;
	if (r)
		return r;
	if (flags & MACHVM__SESSION_STILL) {
		char general[512];
		int tid = 0;

		REQUIRE(machvm__session_threads(s, 0, &tid) >= 1, "no thread");
		r = machvm__session_get_registers(s, tid, 1, general, sizeof(general)) > 0 ? 0
											   : -EIO;
	} else {
		use(s, v, round, &r);
	}
	e = machvm__session_close(s);
	done += !r && !e;
	return r ? r : e;
}

static void plain(struct victim *v, unsigned n)
{
	struct machvm__session_refusal why = {0};

	for (unsigned i = 0; i < n; i++) {
		int r = once(v, i, &why);

		REQUIRE(!r, "round %u of %d threads: %s (%s, %s)", i, v->threads, strerror(-r),
			why.step, why.reason);
		if (v->shared->errors)
			break;
	}
	victim_is_free(v);
	victim_gets_on(v);
}

/* A refusal is right at times, harm never is. */
static void patient(struct victim *v, unsigned n)
{
	struct machvm__session_refusal why = {0};

	for (unsigned i = 0; i < n; i++) {
		int r = once(v, i, &why);

		REQUIRE(!r || r == -ETIMEDOUT || r == -EOPNOTSUPP, "round %u: %s (%s, %s)", i,
			strerror(-r), why.step, why.reason);
		if (v->shared->errors)
			break;
	}
	REQUIRE(done > n / 4, "%u of %u sessions succeeded", done, n);
	victim_is_free(v);
	victim_gets_on(v);
}

/* The program changes under our hands: any honest answer will do. */
static void stormy(struct victim *v, unsigned n)
{
	struct machvm__session_refusal why = {0};

	for (unsigned i = 0; i < n; i++) {
		struct machvm__session *s;
		int64_t result = 0;
		int r = machvm__session_open(&s, &v->target, ways[i % 8], &why);

		if (r) {
			REQUIRE(r == -ETIMEDOUT || r == -EOPNOTSUPP || r == -ESRCH,
				"round %u: %s (%s, %s)", i, strerror(-r), why.step, why.reason);
			refused++;
			continue;
		}
		if (!(ways[i % 8] & MACHVM__SESSION_STILL)) {
			r = machvm__session_call(s, MACHVM__CALL_GETPID, (uint64_t[6]){0}, &result);
			REQUIRE(r == -ECONNRESET || (!r && result == v->pid), "getpid %d: %ld", r,
				(long)result);
			done += !r;
		}
		r = machvm__session_close(s);
		REQUIRE(!r || r == -ECONNRESET, "close: %s", strerror(-r));
	}
	REQUIRE(done > n / 8, "%u of %u sessions succeeded", done, n);
	victim_is_free(v);
	victim_gets_on(v);
}

/* A target stopped by job control is still stopped afterwards, and its parent was told nothing. */
static void stopped(struct victim *v, unsigned n)
{
	struct machvm__session_refusal why = {0};

	victim_stop(v);
	for (unsigned i = 0; i < n; i++) {
		uint64_t before = v->shared->progress[0];
		int r = once(v, i, &why);

		REQUIRE(!r, "round %u: %s (%s, %s)", i, strerror(-r), why.step, why.reason);
		victim_is_stopped(v);
		REQUIRE(v->shared->progress[0] == before, "round %u: it ran", i);
	}
	victim_is_free(v);
	kill(v->pid, SIGCONT);
	victim_gets_on(v);
}

/* Blocked in vfork for as long as we like: bounded, refused, and never left attached. */
static void longvfork(struct victim *v, unsigned n)
{
	struct machvm__session_refusal why = {0};
	struct machvm__session *s;

	(void)n;
	for (int i = 0; i < 3; i++) {
		int r = machvm__session_open(&s, &v->target, i == 1 ? MACHVM__SESSION_ALL : 0,
					     &why);

		if (v->threads > 1 && i != 1) {
			REQUIRE(!r, "another thread should have served: %s", strerror(-r));
			REQUIRE(!machvm__session_close(s), "close");
		} else {
			REQUIRE(r == -ETIMEDOUT, "vfork parent: %s", strerror(-r));
		}
		victim_is_free(v);
	}
	__atomic_store_n(&v->shared->gate, 1, __ATOMIC_RELEASE);
	victim_gets_on(v);
	plain(v, 16);
}

/* Served by those who may suspend a filter; everybody else is told, and nothing happens. */
static void filtered(struct victim *v, unsigned n)
{
	struct machvm__session_refusal why = {0};

	if (!geteuid()) {
		plain(v, n);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned flags = ways[i % 8];
		int r = once(v, i, &why);

		if (flags & MACHVM__SESSION_STILL)
			REQUIRE(!r, "registers: %s", strerror(-r));
		else
			REQUIRE(r == -EOPNOTSUPP && !strcmp(why.step, "seccomp") && why.reason,
				"%s (%s)", strerror(-r), why.step);
	}
	victim_is_free(v);
	victim_gets_on(v);
}

static const struct plan {
	const char *name, *victim;
	void (*run)(struct victim *v, unsigned n);
	unsigned quick;
} plans[] = {
	{"nanosleep", "nanosleep", plain, 160},
	{"poll", "poll", plain, 160},
	{"epoll", "epoll", plain, 160},
	{"read", "read", plain, 160},
	{"futex", "futex", plain, 160},
	{"sigtimedwait", "sigtimedwait", plain, 160},
	{"accept", "accept", plain, 160},
	{"spin", "spin", plain, 160},
	{"flood", "flood", plain, 160},
	{"sigtrap", "sigtrap", plain, 160},
	{"trapignored", "trapignored", plain, 160},
	{"timer", "timer", plain, 160},
	{"vfork", "vfork", patient, 120},
	{"longvfork", "longvfork", longvfork, 1},
	{"exec", "exec", stormy, 160},
	{"stopped", "nanosleep", stopped, 120},
	{"strict", "strict", filtered, 120},
	{"filter", "filter", filtered, 120},
	{"dispatch", "dispatch", patient, 160},
	{"rseq", "rseq", plain, 160},
	{"fifo", "fifo", plain, 100},
};

int main(int argc, char **argv)
{
	const struct plan *plan = NULL;

	for (unsigned i = 0; argc > 2 && i < sizeof(plans) / sizeof(*plans); i++) {
		if (!strcmp(plans[i].name, argv[1]))
			plan = &plans[i];
	}
	if (!plan) {
		fprintf(stderr, "usage: harm SCENARIO VICTIM...\n");
		return 2;
	}
	require_scenario(plan->name);
	for (int i = 2; i < argc; i++) {
		if (!victim_runs(argv[i]))
			continue;
		static const unsigned threads[] = {1, 8};

		for (unsigned j = 0; j < 2; j++) {
			struct victim v;

			refused = timed_out = done = 0;
			victim_start(&v, argv[i], plan->victim, threads[j]);
			plan->run(&v, rounds(plan->quick));
			victim_finish(&v);
			printf("%s %s x%u: %u done, %u refused, %u timed out\n", plan->name,
			       name_of(argv[i]),
			       threads[j], done, refused, timed_out);
			fflush(stdout);
		}
	}
	return 0;
}
