/* SPDX-License-Identifier: MIT */
/*
 * Surroundings that hide things: no /proc, one that hides other users' processes, one that counts
 * in another namespace, a namespace of users, little memory. The program enters the place
 * before anything else; in each of them an answer is right, or honest about what
 * is missing, and the victim has what the answers say.
 *
 *   MACHVM_TEST_PLACE   no-proc, hidden-proc, foreign-proc, users, memory, address-space
 */
#include "ground.h"
#include "pattern.h"
#include "processes.h"
#include "travel.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE 0x100000000000u

static const char *place;

static bool in(const char *name)
{
	return strcmp(place, name) == 0;
}

/* ---- going there ---- */

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		harness_skip("%s cannot be written: %s", path, strerror(errno));
	close(fd);
}

static void own_mounts(void)
{
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		harness_skip("there are no mounts of one's own here: %s", strerror(errno));
}

/* The tests run in a child, which is the first process of its namespace. */
static void own_numbers(void)
{
	pid_t child;
	int status;

	if (unshare(CLONE_NEWPID) != 0)
		harness_skip("there is no pid namespace of one's own here: %s", strerror(errno));
	child = fork();
	if (child < 0)
		harness_skip("fork: %s", strerror(errno));
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return;
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void own_users(void)
{
	char map[64];
	unsigned uid = geteuid(), gid = getegid();

	if (unshare(CLONE_NEWUSER) != 0)
		harness_skip("there is no user namespace of one's own here: %s", strerror(errno));
	put("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	put("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	put("/proc/self/gid_map", map);
}

static void mount_proc(const char *options)
{
	if (mount("proc", "/proc", "proc", 0, options) != 0)
		harness_skip("/proc cannot be mounted: %s", strerror(errno));
}

/* May groups below this one limit memory? "+memory" and "-memory" change it. */
static bool change_controllers(const char *above, const char *change)
{
	char path[300];
	int fd;
	bool done;

	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", above);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	done = write(fd, change, strlen(change)) == (ssize_t)strlen(change);
	close(fd);
	return done;
}

/* A group of processes below our own that may have 64 MiB. */
static char group[256], changed[200]; /* and the one that had to let it, if one had to */

/* The tests run in a child; when all of it has ended, the group goes. */
static void leave_group_behind(void)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return;
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	for (unsigned i = 0; rmdir(group) != 0 && errno == EBUSY && i < 1000000; i++)
		sched_yield();
	if (changed[0])
		change_controllers(changed, "-memory");
	_exit(child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* The line of our own group that has these words in it: the path behind them, or null. */
static char *own_group(const char *words, char *line, size_t size)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char *path = NULL;

	while (file && !path && fgets(line, (int)size, file))
		path = strstr(line, words);
	if (file)
		fclose(file);
	if (!path)
		return NULL;
	path[strcspn(path, "\n")] = '\0';
	return path + strlen(words);
}

static void limit_group(const char *limit)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", group, limit);
	put(path, "67108864");
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	put(path, "0");
}

/* Groups of the second version limit memory where the one above lets them. */
static bool group_limits_memory(void)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/memory.max", group);
	return access(path, W_OK) == 0;
}

/*
 * A group that has processes lets none below it limit memory, save the first of all. So it is
 * tried in our own, and then in each above it.
 */
static bool make_group_of_second_version(char *path)
{
	char above[200];

	for (;;) {
		snprintf(above, sizeof(above), "/sys/fs/cgroup%s", strcmp(path, "/") ? path : "");
		snprintf(group, sizeof(group), "%s/machvm-%d", above, getpid());
		if (mkdir(group, 0700) == 0) {
			if (group_limits_memory())
				return true;
			if (change_controllers(above, "+memory")) {
				strcpy(changed, above);
				return true;
			}
			rmdir(group);
		}
		if (!*path || strcmp(path, "/") == 0)
			return false;
		*strrchr(path, '/') = '\0';
	}
}

static void join_group(void)
{
	char line[256], *mine = own_group(":memory:", line, sizeof(line));

	if (mine) {
		snprintf(group, sizeof(group), "/sys/fs/cgroup/memory%.150s/machvm-%d", mine,
			 getpid());
		if (mkdir(group, 0700) != 0)
			harness_skip("no group can be made at %s: %s", group, strerror(errno));
		leave_group_behind();
		limit_group("memory.limit_in_bytes");
		return;
	}
	mine = own_group("0::", line, sizeof(line));
	if (!mine || !make_group_of_second_version(mine))
		harness_skip("no group that limits memory can be made here, of either version");
	leave_group_behind();
	limit_group("memory.max");
}

static void limit_addresses(void)
{
	/* What sanitizers reserve is more than any limit. */
	struct rlimit limit = {256u << 20, 256u << 20};

	if (setrlimit(RLIMIT_AS, &limit) != 0)
		harness_skip("setrlimit: %s", strerror(errno));
}

static void go(void)
{
	place = getenv("MACHVM_TEST_PLACE");
	if (!place)
		harness_skip("MACHVM_TEST_PLACE says no place");
	/* The program is looked for before that. */
	victim_program(WORD_64);
	if (in("users")) {
		own_users();
		own_mounts();
		own_numbers();
		mount_proc(NULL);
	} else if (in("hidden-proc")) {
		harness_require_root();
		own_mounts();
		own_numbers();
		mount_proc("hidepid=2");
	} else if (in("foreign-proc")) {
		harness_require_root();
		own_numbers();
	} else if (in("memory")) {
		join_group();
	} else if (in("address-space")) {
		limit_addresses();
	} else if (!in("no-proc")) {
		harness_skip("there is no such place as %s", place);
	}
}

/* ---- being there ---- */

static struct ground ground;
static uint8_t bytes[64 << 10];

/* What may be missing here, beside what is right. */
static bool is_honest(kern_return_t kr)
{
	if (in("no-proc") || in("hidden-proc"))
		return kr == KERN_DENIED;
	/* Threads that cannot be named cannot be stopped. */
	if (in("foreign-proc"))
		return kr == KERN_DENIED || kr == KERN_OPERATION_TIMED_OUT;
	return kr == KERN_RESOURCE_SHORTAGE;
}

static unsigned done, refused_here;

#define expect_honest(kr) expect_honest_at(__LINE__, #kr, (kr))

static bool expect_honest_at(int line, const char *call, kern_return_t kr)
{
	if (kr == KERN_SUCCESS) {
		done++;
		return true;
	}
	refused_here++;
	if (!is_honest(kr))
		harness_fail(__FILE__, line, "%s answered %s in %s: %s", call, code_name(kr), place,
			     machvm_last_error()->message);
	if (strlen(machvm_last_error()->message) < 10)
		harness_fail(__FILE__, line, "%s says nothing", call);
	return false;
}

static void fill(uint64_t address, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(address + i * 7 + done);
}

static void write_there(mach_port_t task, uint64_t offset, size_t size, unsigned flags)
{
	fill(offset, size);
	if (expect_honest(machvm_write(task, BASE + offset, bytes, size, flags)))
		memcpy(ground_expect(&ground, BASE + offset), bytes, size);
	ground_verify(&ground);
}

static void read_there(mach_port_t task, uint64_t offset, size_t size)
{
	memset(bytes, 0, size);
	if (expect_honest(machvm_read(task, BASE + offset, bytes, size, 0)))
		expect_bytes(bytes, ground_expect(&ground, BASE + offset), size);
}

static void change_there(mach_port_t task)
{
	static const uint8_t zeros[4096];
	mach_vm_address_t address = BASE + 8 * PAGE;
	vm_prot_t prot = VM_PROT_READ;

	if (expect_honest(mach_vm_protect(task, BASE, PAGE, 0, prot)) &&
	    victim_try(ground.victim, "protect %llx 1000 3", (unsigned long long)BASE) != 0)
		fail_case("the victim cannot protect its page");
	if (expect_honest(mach_vm_allocate(task, &address, PAGE, VM_FLAGS_FIXED)))
		expect_number(
			victim_ask(ground.victim, "sum %llx 1000", (unsigned long long)address),
			pattern_sum(zeros, PAGE, 0));
	if (expect_honest(task_suspend(task)))
		expect_honest(task_resume(task));
	ground_verify(&ground);
}

static int visit(const struct machvm_region *region, void *context)
{
	(*(unsigned *)context)++;
	return 0;
}

/* Where the number means somebody else, or nobody can be seen, it says so. */
static void explain_there(void)
{
	char text[2000] = "";
	kern_return_t kr =
		machvm_explain(ground.victim->pid, MACHVM_RIGHT_CONTROL, text, sizeof(text));

	if (kr != KERN_SUCCESS && kr != KERN_DENIED && kr != MACH_SEND_INVALID_DEST)
		fail_case("machvm_explain answered %s", code_name(kr));
	if (strlen(text) < 20)
		fail_case("machvm_explain says \"%s\"", text);
}

static void look_there(mach_port_t task)
{
	struct vm_region_basic_info_64 info;
	mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
	mach_vm_address_t address = BASE;
	mach_vm_size_t size = 0;
	unsigned seen = 0;

	if (expect_honest(mach_vm_region(task, &address, &size, VM_REGION_BASIC_INFO_64,
					 (vm_region_info_t)&info, &count, NULL)))
		expect_number(address, BASE);
	if (expect_honest(machvm_region_walk(task, 0, ~0ull, visit, &seen)))
		assert_true(seen > 3);
	explain_there();
}

static void do_everything(mach_port_t task)
{
	write_there(task, 100, 8, 0);
	write_there(task, PAGE - 4, 8, 0);
	write_there(task, 50, 3 * PAGE, 0);
	write_there(task, 60, 3 * PAGE, MACHVM_TRANSACTION);
	write_there(task, 70, 2 * PAGE, MACHVM_FORCE);
	read_there(task, 100, 8);
	read_there(task, 20, 4 * PAGE);
	look_there(task);
	change_there(task);
	if (travel_possible() && !in("hidden-proc")) {
		mach_port_t port = travel_received(task, MACHVM_RIGHT_CONTROL);

		write_there(port, 200, 2 * PAGE, 0);
		task_drop(port);
	}
}

static void close_proc(void)
{
	own_mounts();
	if (umount2("/proc", MNT_DETACH) != 0)
		harness_skip("/proc cannot be taken away: %s", strerror(errno));
}

/* A port that was opened in better days, and one that is opened here. */
static void answers_are_right_or_honest(void **state)
{
	mach_port_t task = MACH_PORT_NULL;
	int pidfd;

	ground_open_in(&ground, victim_spawn(WORD_64), BASE, 8);
	pidfd = (int)syscall(SYS_pidfd_open, ground.victim->pid, 0);
	ground_lay(&ground, 0, 8, "rw");
	if (in("no-proc") || in("hidden-proc")) {
		expect_code(machvm_task_open(pidfd, MACHVM_RIGHT_CONTROL, &task), KERN_SUCCESS);
		write_there(task, 10, 3 * PAGE, 0);
		if (in("no-proc"))
			close_proc();
		else
			become_nobody();
		do_everything(task);
		task_drop(task);
	}
	if (expect_honest(machvm_task_open(pidfd, MACHVM_RIGHT_CONTROL, &task))) {
		do_everything(task);
		task_drop(task);
	}
	close(pidfd);
	victim_kill(ground.victim);
	print_message("%s: %u done, %u refused with the reason\n", place, done, refused_here);
}

/* More than there is room for is a shortage, and changes nothing. */
static void large_transfers_are_done_or_a_shortage(void **state)
{
	static const size_t sizes[] = {1u << 20, 16u << 20, 48u << 20, 200u << 20};
	mach_port_t task;

	if (!in("memory") && !in("address-space"))
		return;
	ground_open_in(&ground, victim_spawn(WORD_64), BASE, 8);
	task = victim_task(ground.victim);
	ground_lay(&ground, 0, 8, "rw");
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		mach_vm_address_t there = BASE + (1u << 30);
		mach_msg_type_number_t count = 0;
		vm_offset_t data = 0;

		/* Beyond its limit the kernel ends processes of a group: that is no answer of ours.
		 */
		if (in("memory") && sizes[i] > 16u << 20)
			continue;
		trying("%zu bytes", sizes[i]);
		if (!expect_honest(mach_vm_allocate(task, &there, sizes[i], VM_FLAGS_FIXED)))
			continue;
		if (expect_honest(mach_vm_read(task, there, sizes[i], &data, &count))) {
			expect_honest(
				machvm_write(task, there, (void *)data, count, MACHVM_TRANSACTION));
			expect_code(mach_vm_deallocate(mach_task_self(), data, count),
				    KERN_SUCCESS);
		}
		expect_code(mach_vm_deallocate(task, there, sizes[i]), KERN_SUCCESS);
		machvm_trim();
		ground_verify(&ground);
	}
	task_drop(task);
	victim_kill(ground.victim);
}

static const struct CMUnitTest tests[] = {
	TEST(answers_are_right_or_honest),
	TEST(large_transfers_are_done_or_a_shortage),
};

HARNESS_MAIN_IF(tests, go();)
