/* SPDX-License-Identifier: MIT */
/*
 * A client of the broker who runs out: of memory, of descriptors, of patience with signals. A
 * right that was asked for is a right or a shortage, nothing of it is left behind, and the broker
 * goes on serving.
 */
#include "faults.h"
#include "ground.h"
#include "service.h"
#include "travel.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BASE 0x100000000000u

static struct ground ground;

/* As a client does it that cannot rely on there being a descriptor. */
static int reach(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd >= 0 &&
	    connect(fd, (const struct sockaddr *)&service.address, service_address_size()) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void use(mach_port_t task)
{
	uint8_t bytes[2 * PAGE];
	int pid = 0;

	if (expect_honest(pid_for_task(task, &pid)) == KERN_SUCCESS && pid != ground.victim->pid)
		fail_case("the right is to process %d", pid);
	if (expect_honest(machvm_read(task, BASE + 50, bytes, sizeof(bytes), 0)) == KERN_SUCCESS &&
	    memcmp(bytes, ground_expect(&ground, BASE + 50), sizeof(bytes)) != 0)
		fail_case("what was read is not what is there");
}

static void run_scenario(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, ground.victim->pid, 0), fd = reach();

	faults_begin();
	/* The connection serves on after a request that was short of something. */
	for (unsigned i = 0; pidfd >= 0 && fd >= 0 && i < 2; i++) {
		mach_port_t task = MACH_PORT_NULL;

		if (expect_honest(machvm_task_request(fd, pidfd, MACHVM_RIGHT_READ, &task)) ==
		    KERN_SUCCESS) {
			use(task);
			mach_port_deallocate(mach_task_self(), task);
		}
	}
	faults_end();
	if (fd >= 0)
		close(fd);
	if (pidfd >= 0)
		close(pidfd);
}

static void start(void)
{
	service_policy("allow user * read program *\n");
	service_start_with("--rate", "1000000");
	ground_open_in(&ground, victim_spawn(WORD_64), BASE, 8);
	ground_lay(&ground, 0, 8, "rw");
}

/* Whoever is not short is served. */
static void verify(void)
{
	mach_port_t task;

	ground_verify(&ground);
	expect_code(service_request(ground.victim, MACHVM_RIGHT_READ, &task), KERN_SUCCESS);
	task_drop(task);
}

static void failing_allocation_of_a_client_is_a_shortage(void **state)
{
	start();
	faults_fail_allocations(run_scenario, verify);
}

static void missing_descriptors_of_a_client_are_a_shortage(void **state)
{
	start();
	faults_take_descriptors(run_scenario, verify);
}

static void signals_change_no_answer_of_the_broker(void **state)
{
	start();
	faults_interrupt(run_scenario, verify);
}

#undef TEST
#define TEST(function) cmocka_unit_test_setup_teardown(function, NULL, service_teardown)

static const struct CMUnitTest tests[] = {
	TEST(failing_allocation_of_a_client_is_a_shortage),
	TEST(missing_descriptors_of_a_client_are_a_shortage),
	TEST(signals_change_no_answer_of_the_broker),
};

HARNESS_MAIN_IF(tests, {
	travel_require();
	if (getenv("MACHVMD") == NULL)
		harness_skip("MACHVMD does not say where the broker is");
})
