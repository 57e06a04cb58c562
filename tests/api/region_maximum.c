/* SPDX-License-Identifier: MIT */
/*
 * The maximum protection, where it depends on more than the kind of a region: on
 * mounts, on how a file was opened, on what was mapped at the same place before.
 * The truth is what the victim's own mprotect can do.
 */
#include "harness.h"
#include "regions.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#define AT UINT64_C(0x100000000000)

static struct victim *victim;
static mach_port_t task;

static vm_prot_t find_maximum(uint64_t address, vm_prot_t current)
{
	vm_prot_t maximum = 0;

	for (unsigned bit = VM_PROT_READ; bit <= VM_PROT_EXECUTE; bit <<= 1)
		if (victim_try(victim, "protect %llx 1000 %x", (unsigned long long)address, bit) == 0)
			maximum |= (vm_prot_t)bit;
	victim_ask(victim, "protect %llx 1000 %x", (unsigned long long)address, (unsigned)current);
	return maximum;
}

/* Every routine says what the victim found; so does a second round, of what is remembered. */
static void expect_maximum(uint64_t address, vm_prot_t current, vm_prot_t wanted)
{
	struct region region;

	expect_number(find_maximum(address, current), wanted);
	for (unsigned i = 0; i < 2 * region_call_count; i++) {
		const struct region_call *call = &region_calls[i % region_call_count];

		if (!(call->has & HAS_RULES))
			continue;
		trying("%s, round %u", call->name, i / region_call_count);
		expect_code(region_ask(call, task, address, &region), KERN_SUCCESS);
		expect_number(region.address, address);
		expect_number(region.protection, current);
		expect_number(region.maximum, wanted);
	}
}

static char directory[] = "/tmp/machvm-mount-XXXXXX";

static void make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || ftruncate(fd, 4 * PAGE) != 0)
		fail_case("%s: %s", path, strerror(errno));
	close(fd);
}

/* A fresh file system with one file in it; the one before goes, and its device number with it. */
static void mount_anew(const char *file, unsigned long flags)
{
	umount2(directory, MNT_DETACH);
	if (mount("machvm-test", directory, "tmpfs", flags, "size=1m") != 0)
		fail_case("mount: %s", strerror(errno));
	make_file(file);
}

static void map_file(const char *file, unsigned protection, unsigned flags, unsigned open_flags)
{
	victim_ask(victim, "map %s %llx 1000 %x %x %x 0", file, (unsigned long long)AT, protection,
		   flags, open_flags);
}

static void file_on_a_noexec_mount_is_never_executable(void **state)
{
	char file[64];

	if (!harness_is_root() || unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 || !mkdtemp(directory)) {
		print_message("mounting needs root\n");
		skip();
	}
	snprintf(file, sizeof(file), "%s/file", directory);
	victim = victim_spawn(WORD_64);
	task = victim_task(victim);
	/* The same place, the same inode number, and likely the same device, in turn. */
	for (unsigned round = 0; round < 8; round++) {
		unsigned mapping = round & 2 ? MAP_SHARED : MAP_PRIVATE;
		vm_prot_t all = VM_PROT_READ | VM_PROT_WRITE | VM_PROT_EXECUTE;

		trying("round %u", round);
		mount_anew(file, round & 1 ? MS_NOEXEC : 0);
		map_file(file, PROT_READ | PROT_WRITE, mapping, O_RDWR);
		expect_maximum(AT, VM_PROT_READ | VM_PROT_WRITE,
			       round & 1 ? all & ~VM_PROT_EXECUTE : all);
		/* Shared and read-only, the map shows nothing of how it was opened. */
		map_file(file, PROT_READ, mapping, round & 4 ? O_RDWR : O_RDONLY);
		if (mapping == MAP_SHARED && !(round & 4))
			all &= ~VM_PROT_WRITE;
		expect_maximum(AT, VM_PROT_READ, round & 1 ? all & ~VM_PROT_EXECUTE : all);
		victim_ask(victim, "unmap %llx 1000", (unsigned long long)AT);
	}
	umount2(directory, MNT_DETACH);
	rmdir(directory);
}

/* One device, mounted twice: which of the two a mapping came by, only the kernel knows. */
static void file_reached_by_two_mounts_is_judged_by_its_own(void **state)
{
	char plain[] = "/tmp/machvm-plain-XXXXXX", bound[] = "/tmp/machvm-bound-XXXXXX";
	char files[2][64];
	vm_prot_t all = VM_PROT_READ | VM_PROT_WRITE | VM_PROT_EXECUTE;

	if (!harness_is_root() || unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0) {
		print_message("mounting needs root\n");
		skip();
	}
	assert_non_null(mkdtemp(plain));
	assert_non_null(mkdtemp(bound));
	snprintf(files[0], sizeof(files[0]), "%s/file", plain);
	snprintf(files[1], sizeof(files[1]), "%s/file", bound);
	assert_int_equal(mount("machvm-test", plain, "tmpfs", 0, "size=1m"), 0);
	make_file(files[0]);
	assert_int_equal(mount(plain, bound, "none", MS_BIND, NULL), 0);
	assert_int_equal(mount("none", bound, "none", MS_BIND | MS_REMOUNT | MS_NOEXEC, NULL), 0);
	victim = victim_spawn(WORD_64);
	task = victim_task(victim);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t at = AT + i * 4 * PAGE;

		victim_ask(victim, "map %s %llx 1000 1 2 0 0", files[i], (unsigned long long)at);
		trying("by %s", files[i]);
		expect_maximum(at, VM_PROT_READ, i ? all & ~VM_PROT_EXECUTE : all);
	}
	umount2(bound, MNT_DETACH);
	umount2(plain, MNT_DETACH);
	rmdir(bound);
	rmdir(plain);
}

/* The same file at the same place, by descriptors that may do more and less. */
static void shared_file_mapped_again_is_judged_again(void **state)
{
	char file[] = "/tmp/machvm-shared-XXXXXX";
	int fd = mkstemp(file);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	close(fd);
	victim = victim_spawn(WORD_64);
	task = victim_task(victim);
	for (unsigned round = 0; round < 12; round++) {
		bool writable = round % 2;
		vm_prot_t maximum = VM_PROT_READ | (writable ? VM_PROT_WRITE : 0);

		trying("round %u", round);
		map_file(file, PROT_READ, MAP_SHARED, writable ? O_RDWR : O_RDONLY);
		/* Whether it may be executed depends on where temporary files are. */
		maximum |= find_maximum(AT, VM_PROT_READ) & VM_PROT_EXECUTE;
		expect_maximum(AT, VM_PROT_READ, maximum);
	}
	unlink(file);
}

/* The kernel's own mappings follow rules of their own. */
static void page_of_the_kernel_is_judged_by_its_flags(void **state)
{
	uint64_t size;
	char *text, *line, *rest;
	unsigned found = 0;

	victim = victim_spawn(WORD_64);
	task = victim_task(victim);
	size = victim_ask(victim, "maps");
	rest = text = calloc(1, size + 1);
	memcpy(text, victim->mailbox, size);
	while ((line = strsep(&rest, "\n")) != NULL) {
		uint64_t address = strtoull(line, NULL, 16);
		bool data = strstr(line, "[vvar") != NULL;
		struct region region;

		if (!data && strstr(line, "[vdso]") == NULL)
			continue;
		found++;
		for (unsigned i = 0; i < region_call_count; i++) {
			trying("%s of %s", region_calls[i].name, line);
			expect_code(region_ask(&region_calls[i], task, address, &region), KERN_SUCCESS);
			if (!(region.has & HAS_RULES))
				continue;
			expect_number(region.maximum & VM_PROT_WRITE, data ? 0 : VM_PROT_WRITE);
			assert_true(region.maximum & VM_PROT_READ);
			assert_int_equal(region.maximum & region.protection, region.protection);
		}
	}
	free(text);
	assert_true(found > 0);
}

static const struct CMUnitTest tests[] = {
	TEST(shared_file_mapped_again_is_judged_again),
	TEST(page_of_the_kernel_is_judged_by_its_flags),
	TEST(file_on_a_noexec_mount_is_never_executable),
	TEST(file_reached_by_two_mounts_is_judged_by_its_own),
};

HARNESS_MAIN(tests)
