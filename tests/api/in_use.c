/* SPDX-License-Identifier: MIT */
/*
 * Names that are given back while they are in use: what is behind them stays until the
 * last use has ended, and is gone then.
 */
#include "harness.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "refuse.h"
#include "travel.h"

#define AT 0x100000000000u

/* More than have a place to note a name in, so that some of them count. */
#define THREADS 80

static struct victim *victim_with_memory(void)
{
	struct victim *victim = victim_spawn(WORD_64);

	victim_ask(victim, "lay rw 100000000000 1 1");
	return victim;
}

struct reader {
	pthread_t thread;
	_Atomic mach_port_t *name;
	pthread_barrier_t *together;
	_Atomic unsigned read;
	unsigned refused, wrong;
};

/* Waits until one of them has read once more. */
static void wait_for_a_read(struct reader *readers, unsigned count)
{
	unsigned seen[THREADS];

	for (unsigned i = 0; i < count; i++)
		seen[i] = atomic_load(&readers[i].read);
	for (unsigned i = 0; atomic_load(&readers[i].read) == seen[i]; i = (i + 1) % count)
		sched_yield();
}

static void *read_until_null(void *argument)
{
	struct reader *reader = argument;
	mach_port_t name;
	uint8_t bytes[8];

	pthread_barrier_wait(reader->together);
	while ((name = atomic_load(reader->name)) != MACH_PORT_NULL) {
		kern_return_t kr = machvm_read(name, AT, bytes, sizeof(bytes), 0);

		if (kr == KERN_SUCCESS)
			atomic_fetch_add(&reader->read, 1);
		else if (kr == MACH_SEND_INVALID_DEST)
			reader->refused++;
		else
			reader->wrong++;
	}
	return NULL;
}

/* Names come and go under threads that read through them. */
static void come_and_go(unsigned threads, unsigned rounds)
{
	struct victim *victim = victim_with_memory();
	static struct reader readers[THREADS];
	_Atomic mach_port_t name = victim_task(victim);
	pthread_barrier_t together;
	unsigned before, wrong = 0;
	char byte;

	/* What is opened once and kept is open before anything is counted. */
	expect_code(machvm_read(name, AT, &byte, 1, 0), KERN_SUCCESS);
	task_drop(name);
	before = count_descriptors();
	name = victim_task(victim);
	pthread_barrier_init(&together, NULL, threads + 1);
	for (unsigned i = 0; i < threads; i++) {
		readers[i] = (struct reader){.name = &name, .together = &together};
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_until_null,
						&readers[i]),
				 0);
	}
	pthread_barrier_wait(&together);
	for (unsigned i = 0; i < rounds; i++) {
		wait_for_a_read(readers, threads);
		task_drop(atomic_load(&name));
		atomic_store(&name, victim_task(victim));
	}
	task_drop(atomic_exchange(&name, MACH_PORT_NULL));
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(readers[i].thread, NULL);
		wrong += readers[i].wrong;
	}
	pthread_barrier_destroy(&together);
	assert_int_equal(wrong, 0);
	expect_number(count_descriptors(), before);
}

static void name_given_back_under_threads_leaves_nothing(void **state)
{
	come_and_go(6, 100);
}

static void name_given_back_under_more_threads_than_have_places_leaves_nothing(void **state)
{
	come_and_go(THREADS, 10);
}

static void *read_once(void *argument)
{
	mach_port_t name = *(mach_port_t *)argument;
	char byte;

	return (void *)(intptr_t)machvm_read(name, AT, &byte, 1, 0);
}

/* Threads that have ended use nothing, however many there were. */
static void name_used_by_threads_that_have_ended_is_given_back(void **state)
{
	struct victim *victim = victim_with_memory();
	mach_port_t name = victim_task(victim);
	unsigned before;
	char byte;

	expect_code(machvm_read(name, AT, &byte, 1, 0), KERN_SUCCESS);
	task_drop(name);
	before = count_descriptors();
	for (unsigned round = 0; round < 3; round++) {
		name = victim_task(victim);
		for (unsigned i = 0; i < THREADS; i++) {
			pthread_t thread;
			void *kr;

			assert_int_equal(pthread_create(&thread, NULL, read_once, &name), 0);
			pthread_join(thread, &kr);
			expect_code((kern_return_t)(intptr_t)kr, KERN_SUCCESS);
		}
		task_drop(name);
		expect_number(count_descriptors(), before);
		expect_code(machvm_read(name, AT, &byte, 1, 0), MACH_SEND_INVALID_DEST);
	}
}

struct search {
	mach_port_t name;
	unsigned matches;
	kern_return_t nested, stale;
};

static int drop_in_callback(void *context, mach_vm_address_t address)
{
	struct search *search = context;
	char byte;

	if (search->matches++ == 0) {
		search->nested = machvm_read(search->name, address, &byte, 1, 0);
		mach_port_deallocate(mach_task_self(), search->name);
		search->stale = machvm_read(search->name, address, &byte, 1, 0);
	}
	return 0;
}

/* The search goes on with what it holds; nobody begins anything with the name. */
static void name_given_back_in_a_callback_serves_until_the_search_ends(void **state)
{
	struct victim *victim = victim_with_memory();
	struct machvm_range where = {.address = AT, .size = PAGE};
	struct search search = {0};
	struct machvm_find find = {.bytes = "needle in here", .size = 14, .ranges = &where,
				   .range_count = 1, .match = drop_in_callback, .context = &search};
	unsigned before;
	char byte;

	search.name = victim_task(victim);
	expect_code(machvm_write(search.name, AT + 100, "needle in here", 14, 0), KERN_SUCCESS);
	expect_code(machvm_write(search.name, AT + 900, "needle in here", 14, 0), KERN_SUCCESS);
	task_drop(search.name);
	before = count_descriptors();
	search.name = victim_task(victim);
	expect_code(machvm_find(search.name, &find), KERN_SUCCESS);
	assert_int_equal(search.matches, 2);
	expect_code(search.nested, KERN_SUCCESS);
	expect_code(search.stale, MACH_SEND_INVALID_DEST);
	expect_code(machvm_read(search.name, AT, &byte, 1, 0), MACH_SEND_INVALID_DEST);
	expect_number(count_descriptors(), before);
}

/*
 * A child has the names, and none of the parent's threads to use them. (Uses that are counted,
 * for want of membarrier(2), are counted in the child for good. And without pidfds the other thread
 * may have been looking into /proc at the instant of the fork: the child has that file.)
 */
static void name_in_use_by_a_thread_of_the_parent_is_given_back_in_a_child(void **state)
{
	struct victim *victim = victim_with_memory();
	static struct reader reader;
	_Atomic mach_port_t name;
	pthread_barrier_t together;
	unsigned before;
	int status;
	char byte;

	name = victim_task(victim);
	expect_code(machvm_read(name, AT, &byte, 1, 0), KERN_SUCCESS);
	task_drop(name);
	before = count_descriptors();
	name = victim_task(victim);
	pthread_barrier_init(&together, NULL, 2);
	reader = (struct reader){.name = &name, .together = &together};
	assert_int_equal(pthread_create(&reader.thread, NULL, read_until_null, &reader), 0);
	pthread_barrier_wait(&together);
	for (unsigned i = 0; i < 50; i++) {
		pid_t pid;

		wait_for_a_read(&reader, 1);
		pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			mach_port_t mine = atomic_load(&name);
			bool good = machvm_read(mine, AT, &byte, 1, 0) == KERN_SUCCESS;

			good = mach_port_deallocate(mach_task_self(), mine) == KERN_SUCCESS && good;
			good = machvm_read(mine, AT, &byte, 1, 0) == MACH_SEND_INVALID_DEST && good;
			if (!refused("barrier") && !refused("pidfd"))
				good = count_descriptors() <= before && good;
			_exit(good ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		expect_number(status, 0);
	}
	task_drop(atomic_exchange(&name, MACH_PORT_NULL));
	pthread_join(reader.thread, NULL);
	pthread_barrier_destroy(&together);
	assert_int_equal(reader.wrong, 0);
	expect_number(count_descriptors(), before);
}

static const struct CMUnitTest tests[] = {
	TEST(name_given_back_under_threads_leaves_nothing),
	TEST(name_given_back_under_more_threads_than_have_places_leaves_nothing),
	TEST(name_used_by_threads_that_have_ended_is_given_back),
	TEST(name_given_back_in_a_callback_serves_until_the_search_ends),
	TEST(name_in_use_by_a_thread_of_the_parent_is_given_back_in_a_child),
};

HARNESS_MAIN(tests)
