/* SPDX-License-Identifier: MIT */
/*
 * thread_get_state and thread_set_state: what is shown is what the thread has, what is set is
 * what it finds, and the system call that it sleeps in comes to no harm.
 */
#include "crew.h"

#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static struct crew crew;
static thread_act_t thread;

/* Registers of either word length under one roof. */
struct general {
	union {
		x86_thread_state64_t wide;
		x86_thread_state32_t narrow;
		natural_t words[THREAD_STATE_MAX];
	};
};

struct vector {
	union {
		x86_float_state64_t wide;
		x86_float_state32_t narrow;
		natural_t words[THREAD_STATE_MAX];
	};
};

static bool wide(void)
{
	return crew.victim->word == WORD_64;
}

static void start(enum word word, const char *kind)
{
	trying("a %d-bit thread that does \"%s\"", word == WORD_64 ? 64 : 32, kind);
	crew_start(&crew, word, kind, 1);
	thread = crew_thread(&crew, 0);
}

static int general_flavor(void)
{
	return wide() ? x86_THREAD_STATE64 : x86_THREAD_STATE32;
}

static mach_msg_type_number_t general_count(void)
{
	return wide() ? x86_THREAD_STATE64_COUNT : x86_THREAD_STATE32_COUNT;
}

static void get(struct general *state)
{
	mach_msg_type_number_t count = THREAD_STATE_MAX;

	expect_code(thread_get_state(thread, general_flavor(), state->words, &count), KERN_SUCCESS);
	expect_number(count, general_count());
}

static void set(struct general *state)
{
	expect_code(thread_set_state(thread, general_flavor(), state->words, general_count()),
		    KERN_SUCCESS);
}

static void get_vector(struct vector *state)
{
	mach_msg_type_number_t count = THREAD_STATE_MAX;
	int flavor = wide() ? x86_FLOAT_STATE64 : x86_FLOAT_STATE32;

	expect_code(thread_get_state(thread, flavor, state->words, &count), KERN_SUCCESS);
	expect_number(count, wide() ? x86_FLOAT_STATE64_COUNT : x86_FLOAT_STATE32_COUNT);
}

static kern_return_t try_vector(struct vector *state)
{
	int flavor = wide() ? x86_FLOAT_STATE64 : x86_FLOAT_STATE32;

	return thread_set_state(thread, flavor, state->words,
				wide() ? x86_FLOAT_STATE64_COUNT : x86_FLOAT_STATE32_COUNT);
}

static void wait_for_end(void)
{
	__atomic_store_n(&crew.told->worker[0].stop, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&crew.told->worker[0].done, __ATOMIC_ACQUIRE))
		usleep(100);
}

static void expect_words(const void *got, unsigned first, unsigned count)
{
	uint64_t want[2] = {0};

	for (unsigned i = 0; i < count; i++)
		want[i] = workers_value(0, first + i);
	expect_bytes(got, want, count * sizeof(*want));
}

/* ---- what is shown, what is found ---- */

static void registers_are_what_the_thread_holds(void **state)
{
	struct general general;
	struct vector vector;

	start(WORD_64, "registers");
	for (unsigned i = 0; i < 100; i++) {
		worker_gets_on(&crew, 0);
		get(&general);
		expect_number(general.wide.__rbx, workers_value(0, 0));
		expect_number(general.wide.__r12, workers_value(0, 1));
		expect_number(general.wide.__r13, workers_value(0, 2));
		expect_number(general.wide.__r14, workers_value(0, 3));
		expect_number(general.wide.__r15, workers_value(0, 4));
		expect_number(general.wide.__rsi, workers_value(0, 5));
		expect_number(general.wide.__r8, workers_value(0, 6));
		expect_number(general.wide.__r9, workers_value(0, 7));
		expect_number(general.wide.__r10, workers_value(0, 8));
		get_vector(&vector);
		expect_words(&vector.wide.__fpu_xmm0, 9, 2);
		expect_words(&vector.wide.__fpu_xmm15, 11, 2);
	}
	wait_for_end();
	for (unsigned i = 0; i < 13; i++)
		expect_number(crew.told->worker[0].words[i], workers_value(0, i));
}

static void registers_of_a_32_bit_thread_are_what_it_holds(void **state)
{
	struct general general;
	struct vector vector;

	start(WORD_32, "registers");
	for (unsigned i = 0; i < 100; i++) {
		worker_gets_on(&crew, 0);
		get(&general);
		expect_number(general.narrow.__ebp, (uint32_t)workers_value(0, 0));
		expect_number(general.narrow.__esi, (uint32_t)workers_value(0, 1));
		get_vector(&vector);
		expect_words(&vector.narrow.__fpu_xmm0, 2, 2);
		expect_words(&vector.narrow.__fpu_xmm7, 4, 2);
	}
	wait_for_end();
	for (unsigned i = 0; i < 2; i++)
		expect_number((uint32_t)crew.told->worker[0].words[i], (uint32_t)workers_value(0, i));
	for (unsigned i = 2; i < 6; i++)
		expect_number(crew.told->worker[0].words[i], workers_value(0, i));
}

static void set_registers(bool suspended)
{
	struct general general;
	struct vector vector;
	uint64_t xmm[2] = {0x0123456789abcdef, 0xfedcba9876543210};

	start(WORD_64, "registers");
	worker_gets_on(&crew, 0);
	if (suspended)
		expect_code(task_suspend(crew.task), KERN_SUCCESS);
	get(&general);
	general.wide.__r12 = 0x7777;
	general.wide.__r10 = UINT64_MAX;
	set(&general);
	get_vector(&vector);
	memcpy(&vector.wide.__fpu_xmm15, xmm, sizeof(xmm));
	expect_code(try_vector(&vector), KERN_SUCCESS);
	if (suspended) {
		crew_stands(&crew);
		expect_code(task_resume(crew.task), KERN_SUCCESS);
	}
	worker_gets_on(&crew, 0);
	wait_for_end();
	for (unsigned i = 0; i < 11; i++)
		expect_number(crew.told->worker[0].words[i], i == 1   ? 0x7777
							     : i == 8 ? UINT64_MAX
								      : workers_value(0, i));
	expect_number(crew.told->worker[0].words[11], xmm[0]);
	expect_number(crew.told->worker[0].words[12], xmm[1]);
	crew_is_free(&crew);
	victim_kill(crew.victim);
}

static void registers_that_are_set_are_what_the_thread_finds(void **state)
{
	set_registers(false);
	set_registers(true);
}

static void registers_of_a_32_bit_thread_are_set(void **state)
{
	uint64_t xmm[2] = {0x0123456789abcdef, 0xfedcba9876543210};
	struct general general;
	struct vector vector;

	start(WORD_32, "registers");
	worker_gets_on(&crew, 0);
	get(&general);
	general.narrow.__esi = 0x7777;
	set(&general);
	get_vector(&vector);
	memcpy(&vector.narrow.__fpu_xmm7, xmm, sizeof(xmm));
	expect_code(try_vector(&vector), KERN_SUCCESS);
	worker_gets_on(&crew, 0);
	wait_for_end();
	expect_number((uint32_t)crew.told->worker[0].words[0], (uint32_t)workers_value(0, 0));
	expect_number((uint32_t)crew.told->worker[0].words[1], 0x7777);
	expect_number(crew.told->worker[0].words[2], workers_value(0, 2));
	expect_number(crew.told->worker[0].words[4], xmm[0]);
	expect_number(crew.told->worker[0].words[5], xmm[1]);
}

static void values_that_the_system_refuses_change_nothing(void **state)
{
	struct vector vector;

	start(WORD_64, "registers");
	get_vector(&vector);
	vector.wide.__fpu_mxcsr = 0xffffffff;
	memset(&vector.wide.__fpu_xmm0, 0, sizeof(vector.wide.__fpu_xmm0));
	expect_code(try_vector(&vector), KERN_PROTECTION_FAILURE);
	wait_for_end();
	for (unsigned i = 0; i < 13; i++)
		expect_number(crew.told->worker[0].words[i], workers_value(0, i));
}

/* ---- system calls ---- */

static void looking_leaves_calls_alone(void **state)
{
	static const char *const kinds[] = {"sleep", "epoll", "read", "clone"};

	for (enum word word = WORD_64; word < word_count(); word++) {
		for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
			start(word, kinds[k]);
			for (unsigned i = 0; i < 300; i++) {
				struct general general;

				if (i % 2)
					expect_code(thread_suspend(thread), KERN_SUCCESS);
				get(&general);
				/* What has not changed is no change. */
				if (i % 2) {
					set(&general);
					expect_code(thread_resume(thread), KERN_SUCCESS);
				}
				if (k == 2 && i % 10 == 0)
					victim_ask(crew.victim, "feed 1");
			}
			/* Each byte was read once; the others go on by themselves. */
			while (k == 2 && __atomic_load_n(&crew.told->worker[0].progress,
							 __ATOMIC_RELAXED) < 30)
				usleep(100);
			if (k != 2)
				worker_gets_on(&crew, 0);
			crew_is_sound(&crew);
			crew_is_free(&crew);
			victim_kill(crew.victim);
		}
	}
}

static void send_to_landing(struct general *state, uint32_t pass)
{
	uint64_t counter = crew.told->here + offsetof(struct workers, landed);

	if (wide()) {
		state->wide.__rip = crew.told->landing;
		state->wide.__rdi = counter;
		state->wide.__rsi = pass;
	} else {
		state->narrow.__eip = (uint32_t)crew.told->landing;
		state->narrow.__ebx = (uint32_t)counter;
		state->narrow.__ecx = pass;
	}
	set(state);
}

static void expect_landed(uint32_t pass)
{
	uint64_t before = __atomic_load_n(&crew.told->landed, __ATOMIC_RELAXED);

	while (__atomic_load_n(&crew.told->landed, __ATOMIC_RELAXED) == before) {
		if (waitpid(crew.victim->pid, NULL, WNOHANG) != 0)
			fail_case("the victim died on the way");
		usleep(100);
	}
	expect_number((uint32_t)crew.told->passed, pass);
}

/*
 * Away out of a blocked call and back: where it is sent it arrives, not two bytes before,
 * and the call is made again when its registers are.
 */
static void away_and_back(enum word word, const char *kind, bool suspended)
{
	struct general before, now;

	start(word, kind);
	crew_await_state(&crew, (int)crew.told->worker[0].tid, "S");
	for (uint32_t i = 1; i <= 10; i++) {
		uint64_t rounds = crew.told->worker[0].progress;

		if (suspended)
			expect_code(task_suspend(crew.task), KERN_SUCCESS);
		get(&before);
		now = before;
		send_to_landing(&now, i);
		if (suspended)
			expect_code(task_resume(crew.task), KERN_SUCCESS);
		expect_landed(i);
		if (suspended)
			expect_code(thread_suspend(thread), KERN_SUCCESS);
		set(&before);
		get(&now);
		if (suspended)
			expect_code(thread_resume(thread), KERN_SUCCESS);
		if (!strcmp(kind, "read")) {
			expect_number(crew.told->worker[0].progress, rounds);
			victim_ask(crew.victim, "feed 1");
		}
		while (__atomic_load_n(&crew.told->worker[0].progress, __ATOMIC_RELAXED) == rounds)
			usleep(100);
		crew_is_sound(&crew);
		crew_await_state(&crew, (int)crew.told->worker[0].tid, "S");
	}
	crew_is_free(&crew);
	victim_kill(crew.victim);
}

static void blocked_thread_goes_where_it_is_sent_and_back(void **state)
{
	for (enum word word = WORD_64; word < word_count(); word++) {
		away_and_back(word, "read", true);
		away_and_back(word, "epoll", true);
		away_and_back(word, "sleep", true);
		/* Nothing else stays where it was between the look and the change. */
		away_and_back(word, "read", false);
	}
}

static void blocked_thread_shows_its_place(void **state)
{
	struct general general;
	char path[64], line[256];
	unsigned long long sp = 0, pc = 0;
	FILE *file;

	start(WORD_64, "read");
	crew_await_state(&crew, (int)crew.told->worker[0].tid, "S");
	get(&general);
	/* "0 arguments sp pc", as the kernel sees them. */
	snprintf(path, sizeof(path), "/proc/%d/task/%u/syscall", crew.victim->pid,
		 crew.told->worker[0].tid);
	crew_await_state(&crew, (int)crew.told->worker[0].tid, "S");
	file = fopen(path, "re");
	if (file == NULL || fgets(line, sizeof(line), file) == NULL ||
	    sscanf(line, "0 %*x %*x %*x %*x %*x %*x %llx %llx", &sp, &pc) != 2)
		fail_case("%s does not say where it is", path);
	fclose(file);
	expect_number(general.wide.__rsp, sp);
	expect_number(general.wide.__rip, pc);
	expect_number(general.wide.__rax, 0); /* the number of read */
}

/* ---- arguments ---- */

static void flavors_and_counts_are_checked(void **state)
{
	natural_t words[THREAD_STATE_MAX];
	mach_msg_type_number_t count;

	for (enum word word = WORD_64; word < word_count(); word++) {
		int other = word == WORD_64 ? x86_THREAD_STATE32 : x86_THREAD_STATE64;
		int other_float = word == WORD_64 ? x86_FLOAT_STATE32 : x86_FLOAT_STATE64;

		start(word, "count");
		count = general_count() - 1;
		expect_code(thread_get_state(thread, general_flavor(), words, &count),
			    KERN_INVALID_ARGUMENT);
		expect_number(count, general_count() - 1);
		count = THREAD_STATE_MAX;
		expect_code(thread_get_state(thread, other, words, &count), KERN_INVALID_ARGUMENT);
		expect_code(thread_get_state(thread, other_float, words, &count),
			    KERN_INVALID_ARGUMENT);
		expect_code(thread_get_state(thread, 99, words, &count), KERN_INVALID_ARGUMENT);
		expect_code(thread_get_state(thread, THREAD_STATE_NONE, words, &count),
			    KERN_INVALID_ARGUMENT);
		expect_code(thread_get_state(thread, x86_EXCEPTION_STATE64, words, &count),
			    KERN_NOT_SUPPORTED);
		expect_number(count, THREAD_STATE_MAX);
		expect_code(thread_get_state(thread, general_flavor(), words, &count), KERN_SUCCESS);
		expect_code(thread_set_state(thread, general_flavor(), words, count - 1),
			    KERN_INVALID_ARGUMENT);
		expect_code(thread_set_state(thread, general_flavor(), words, count + 1),
			    KERN_INVALID_ARGUMENT);
		expect_code(thread_set_state(thread, other, words,
					     word == WORD_64 ? x86_THREAD_STATE32_COUNT
							     : x86_THREAD_STATE64_COUNT),
			    KERN_INVALID_ARGUMENT);
		crew_gets_on(&crew);
		victim_kill(crew.victim);
	}
}

static void header_says_which_form_follows(void **state)
{
	mach_msg_type_number_t count = x86_THREAD_STATE_COUNT;
	x86_thread_state_t general;
	x86_float_state_t vector;

	start(WORD_64, "registers");
	expect_code(thread_get_state(thread, x86_THREAD_STATE, (thread_state_t)&general, &count),
		    KERN_SUCCESS);
	expect_number(general.tsh.flavor, x86_THREAD_STATE64);
	expect_number(general.tsh.count, x86_THREAD_STATE64_COUNT);
	expect_number(general.uts.ts64.__r12, workers_value(0, 1));
	general.uts.ts64.__r12 = 5;
	expect_code(thread_set_state(thread, x86_THREAD_STATE, (thread_state_t)&general, count),
		    KERN_SUCCESS);
	general.tsh.flavor = x86_THREAD_STATE32;
	expect_code(thread_set_state(thread, x86_THREAD_STATE, (thread_state_t)&general, count),
		    KERN_INVALID_ARGUMENT);
	count = x86_FLOAT_STATE_COUNT;
	expect_code(thread_get_state(thread, x86_FLOAT_STATE, (thread_state_t)&vector, &count),
		    KERN_SUCCESS);
	expect_number(vector.fsh.flavor, x86_FLOAT_STATE64);
	wait_for_end();
	expect_number(crew.told->worker[0].words[1], 5);
	victim_kill(crew.victim);
	start(WORD_32, "registers");
	count = x86_THREAD_STATE_COUNT;
	expect_code(thread_get_state(thread, x86_THREAD_STATE, (thread_state_t)&general, &count),
		    KERN_SUCCESS);
	expect_number(general.tsh.flavor, x86_THREAD_STATE32);
	expect_number(general.uts.ts32.__esi, (uint32_t)workers_value(0, 1));
}

/* Every debugger: it traces the thread itself, and has it in a stop. */
static void debugger_sees_and_sets_what_it_has_stopped(void **state)
{
	struct general general;
	int tid, status;

	start(WORD_64, "registers");
	tid = (int)crew.told->worker[0].tid;
	worker_gets_on(&crew, 0);
	assert_int_equal(ptrace(PTRACE_SEIZE, tid, 0, 0), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, tid, 0, 0), 0);
	assert_int_equal(waitpid(tid, &status, __WALL), tid);
	get(&general);
	expect_number(general.wide.__r12, workers_value(0, 1));
	general.wide.__r12 = 0x99;
	set(&general);
	expect_number(crew_state(&crew, tid), 't');
	assert_int_equal(ptrace(PTRACE_DETACH, tid, 0, 0), 0);
	worker_gets_on(&crew, 0);
	wait_for_end();
	expect_number(crew.told->worker[0].words[1], 0x99);
}

static const struct CMUnitTest tests[] = {
	TEST(registers_are_what_the_thread_holds),
	TEST(registers_of_a_32_bit_thread_are_what_it_holds),
	TEST(registers_that_are_set_are_what_the_thread_finds),
	TEST(registers_of_a_32_bit_thread_are_set),
	TEST(values_that_the_system_refuses_change_nothing),
	TEST(looking_leaves_calls_alone),
	TEST(blocked_thread_goes_where_it_is_sent_and_back),
	TEST(blocked_thread_shows_its_place),
	TEST(flavors_and_counts_are_checked),
	TEST(header_says_which_form_follows),
	TEST(debugger_sees_and_sets_what_it_has_stopped),
};

HARNESS_MAIN(tests)
