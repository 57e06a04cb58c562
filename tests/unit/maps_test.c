/* SPDX-License-Identifier: MIT */
/* The readers of maps, smaps and mountinfo, on texts that the kernel writes and on others. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "maps.h"
#include "mounts.h"
#include "pages.h"
#include "smaps.h"
#include "text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A line at the very end of its memory, so that a byte too far is a signal. */
static char *at_the_edge(const char *line, size_t length)
{
	static char *pages;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *edge;

	if (!pages) {
		pages = mmap(NULL, 17 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			     0);
		assert_ptr_not_equal(pages, MAP_FAILED);
		assert_int_equal(mprotect(pages + 16 * page, page, PROT_NONE), 0);
	}
	assert_true(length < 16 * page);
	edge = pages + 16 * page - length - 1;
	memcpy(edge, line, length);
	edge[length] = '\0';
	return edge;
}

static int parse(const char *line, struct machvm__vma *vma, const char **name)
{
	size_t length = strlen(line), name_at = ~(size_t)0;
	char *edge = at_the_edge(line, length);
	int r = machvm__maps_parse(edge, length, vma, &name_at);

	if (r == 0) {
		assert_true(name_at <= length);
		assert_int_equal(name_at + vma->name_length, length);
		*name = edge + name_at;
	}
	return r;
}

static void line_of_the_kernel_is_understood(void **state)
{
	struct machvm__vma vma;
	const char *name;

	assert_int_equal(parse("7f5834805000-7f583480f000 r-xs 00027000 fe:1a 332383      "
			       "               /usr/lib/a file (deleted)",
			       &vma, &name),
			 0);
	assert_int_equal(vma.start, 0x7f5834805000);
	assert_int_equal(vma.end, 0x7f583480f000);
	assert_int_equal(vma.access,
			 MACHVM__VMA_READ | MACHVM__VMA_EXECUTE | MACHVM__VMA_SHARED);
	assert_int_equal(vma.offset, 0x27000);
	assert_int_equal(vma.device_major, 0xfe);
	assert_int_equal(vma.device_minor, 0x1a);
	assert_int_equal(vma.inode, 332383);
	assert_string_equal(name, "/usr/lib/a file (deleted)");

	/* Without a name the line ends in a space; short addresses are padded to eight digits. */
	assert_int_equal(parse("00400000-00401000 -w-p 00000000 00:00 0 ", &vma, &name), 0);
	assert_int_equal(vma.start, 0x400000);
	assert_int_equal(vma.access, MACHVM__VMA_WRITE);
	assert_string_equal(name, "");
	assert_int_equal(parse("00400000-00401000 ---p 00000000 00:00 0", &vma, &name), 0);
	assert_string_equal(name, "");

	assert_int_equal(parse("ffffffffff600000-ffffffffffffffff --xp ffffffffffffffff "
			       "ffffffff:ffffffff 18446744073709551615 [vsyscall]",
			       &vma, &name),
			 0);
	assert_true(vma.end == UINT64_MAX && vma.offset == UINT64_MAX && vma.inode == UINT64_MAX);
}

/* Every character at every place of an address: a digit counts, and nothing else is one. */
static void digits_are_those_of_the_kernel_and_no_others(void **state)
{
	static const char pattern[] = "123456789abc-fffffffff000 rw-p 00000000 00:00 0 ";
	struct machvm__vma vma;
	const char *name;

	for (size_t at = 0; at < 12; at++) {
		for (int ch = 1; ch < 256; ch++) {
			bool good = strchr("0123456789abcdef", ch) != NULL;
			char line[sizeof(pattern)];

			memcpy(line, pattern, sizeof(pattern));
			line[at] = (char)ch;
			/* Ends the address there: another line, and a right one. */
			if (ch == '-')
				continue;
			if (parse(line, &vma, &name) != (good ? 0 : -EINVAL))
				fail_msg("character %d at %zu is misjudged", ch, at);
			if (good)
				assert_int_equal(vma.start, strtoull(line, NULL, 16));
		}
	}
}

static void line_of_nobody_is_refused(void **state)
{
	static const char *const lines[] = {
		"", " ", "-", "0", "0-", "0-1", "0-1 ", "0-1 r", "0-1 r-x", "0-1 r-xp", "0-1 r-xp ",
		"0-1 r-xp 0", "0-1 r-xp 0 ", "0-1 r-xp 0 0", "0-1 r-xp 0 0:", "0-1 r-xp 0 0:0",
		"0-1 r-xp 0 0:0 ", "0-1 r-xp 0 0:0 x", "0-1 r-xp 0 0 0", "1-0 r-xp 0 0:0 0",
		"1-1 r-xp 0 0:0 0", "g-1 r-xp 0 0:0 0", "A-B r-xp 0 0:0 0", "-1 r-xp 0 0:0 0",
		"0-1  r-xp 0 0:0 0", "0-1 r-xp  0 0:0 0", "0-10000000000000000 r-xp 0 0:0 0",
		"0-1 r-xp 0 100000000:0 0", "0-1 r-xp 0 0:100000000 0",
		"0-1 r-xp 0 0:0 18446744073709551616", "0-1 r-xp 0 0:0 -1", "Rss:     4 kB",
	};
	struct machvm__vma vma;
	const char *name;

	for (size_t i = 0; i < COUNT(lines); i++)
		if (parse(lines[i], &vma, &name) != -EINVAL)
			fail_msg("accepted \"%s\"", lines[i]);
}

/* Every line that differs from a good one in one byte, and every beginning of it. */
static void mutilated_line_is_read_within_its_bounds(void **state)
{
	static const char good[] = "7f5834805000-7f583480f000 r-xp 00027000 fe:00 332383   /a";
	char line[sizeof(good)];
	struct machvm__vma vma;
	const char *name;

	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		memcpy(line, good, sizeof(good));
		for (int byte = 0; byte < 256; byte++) {
			line[i] = (char)byte;
			if (byte)
				parse(line, &vma, &name);
		}
		line[i] = '\0';
		parse(line, &vma, &name);
	}
}

static int make_text(const void *bytes, size_t size)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	return fd;
}

static void lines_come_whole_whatever_the_size_of_a_piece(void **state)
{
	char text[20000], buffer[64];
	size_t length = 0, expected = 0;
	struct machvm__text reader;
	char *line;
	size_t got;
	int fd, r;

	for (unsigned i = 0; i < 400; i++)
		length += (size_t)sprintf(text + length, "%.*s\n", (int)(i % 48),
					  "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
	fd = make_text(text, length);
	for (size_t size = 49; size <= sizeof(buffer); size++) {
		assert_int_equal(machvm__text_init(&reader, fd, buffer, size), 0);
		for (expected = 0; (r = machvm__text_line(&reader, &line, &got)) > 0; expected++) {
			assert_int_equal(got, expected % 48);
			assert_int_equal(strlen(line), got);
			assert_true(line >= buffer && line + got < buffer + size);
			/* Every third line twice. */
			if (expected % 3 == 0) {
				machvm__text_again(&reader, line, got);
				assert_int_equal(machvm__text_line(&reader, &line, &got), 1);
				assert_int_equal(got, expected % 48);
			}
		}
		assert_int_equal(r, 0);
		assert_int_equal(expected, 400);
		assert_int_equal(reader.passed, length);
	}
	assert_int_equal(machvm__text_init(&reader, fd, buffer, 30), 0);
	while ((r = machvm__text_line(&reader, &line, &got)) > 0)
		assert_true(got < 30);
	assert_int_equal(r, -EOVERFLOW);
	close(fd);
}

static void vsyscall_page_is_no_region(void **state)
{
	static const char text[] = "00400000-00401000 r--p 00000000 00:00 0 \n"
				   "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0     "
				   "             [vsyscall]\n";
	char buffer[256];
	struct machvm__text reader;
	struct machvm__vma vma;
	int fd = make_text(text, strlen(text));

	machvm__text_init(&reader, fd, buffer, sizeof(buffer));
	assert_int_equal(machvm__maps_next(&reader, &vma, NULL), 1);
	assert_int_equal(vma.start, 0x400000);
	assert_int_equal(machvm__maps_next(&reader, &vma, NULL), 0);
	close(fd);
}

static void broken_map_is_an_error_and_no_region(void **state)
{
	static const char text[] = "00400000-00401000 r--p 00000000 00:00 0 \nnonsense\n";
	char buffer[256];
	struct machvm__text reader;
	struct machvm__vma vma;
	int fd = make_text(text, strlen(text));

	machvm__text_init(&reader, fd, buffer, sizeof(buffer));
	assert_int_equal(machvm__maps_next(&reader, &vma, NULL), 1);
	assert_int_equal(machvm__maps_next(&reader, &vma, NULL), -EINVAL);
	close(fd);
}

#define SMAPS_FIRST "7fdc2000-7fdc6000 rw-s 00001000 fe:00 77                  /dev/shm/x\n"
#define SMAPS_COUNTS                                                          \
	"Size:                 16 kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n" \
	"Rss:                  12 kB\nPss:                   6 kB\nShared_Clean:          4 kB\n"  \
	"Shared_Dirty:          8 kB\nPrivate_Clean:        12 kB\nPrivate_Dirty:        16 kB\n" \
	"Referenced:           20 kB\nAnonymous:            24 kB\nSwap:                 28 kB\n" \
	"SwapPss:               0 kB\nShared_Hugetlb:       32 kB\nPrivate_Hugetlb:      36 kB\n" \
	"THPeligible:           0\n"

static int next_smaps(const char *text, size_t size, struct machvm__smaps *regions, int most)
{
	char *buffer = malloc(MACHVM__TEXT_BUFFER);
	struct machvm__text reader;
	int fd = make_text(text, size);
	int count = 0, r;

	machvm__text_init(&reader, fd, buffer, MACHVM__TEXT_BUFFER);
	while (count < most && (r = machvm__smaps_next(&reader, &regions[count])) > 0)
		count++;
	close(fd);
	free(buffer);
	return count < most && r < 0 ? r : count;
}

static void region_of_smaps_is_understood(void **state)
{
	static const char text[] = SMAPS_FIRST SMAPS_COUNTS "VmFlags: rd wr sh mr mw me ms lo dc sr \n";
	struct machvm__smaps regions[2];

	assert_int_equal(next_smaps(text, strlen(text), regions, 2), 1);
	assert_int_equal(regions[0].vma.start, 0x7fdc2000);
	assert_int_equal(regions[0].vma.inode, 77);
	assert_string_equal(regions[0].name, "/dev/shm/x");
	assert_int_equal(regions[0].resident, 12 << 10);
	assert_int_equal(regions[0].shared_clean, 4 << 10);
	assert_int_equal(regions[0].shared_dirty, 8 << 10);
	assert_int_equal(regions[0].private_clean, 12 << 10);
	assert_int_equal(regions[0].private_dirty, 16 << 10);
	assert_int_equal(regions[0].anonymous, 24 << 10);
	assert_int_equal(regions[0].swap, 28 << 10);
	assert_int_equal(regions[0].shared_huge, 32 << 10);
	assert_int_equal(regions[0].private_huge, 36 << 10);
	assert_int_equal(regions[0].flags, MACHVM__VM_SHARED | MACHVM__VM_MAY_READ |
						   MACHVM__VM_MAY_WRITE | MACHVM__VM_MAY_EXECUTE |
						   MACHVM__VM_MAY_SHARE | MACHVM__VM_LOCKED |
						   MACHVM__VM_DONTCOPY | MACHVM__VM_SEQUENTIAL);
}

static void region_without_flags_does_not_swallow_the_next(void **state)
{
	static const char text[] = SMAPS_FIRST SMAPS_COUNTS
		"7fdc8000-7fdc9000 r--p 00000000 00:00 0 \nRss: 4 kB\nVmFlags: rd mr \n";
	struct machvm__smaps regions[3];

	assert_int_equal(next_smaps(text, strlen(text), regions, 3), 2);
	assert_int_equal(regions[0].flags, 0);
	assert_int_equal(regions[0].resident, 12 << 10);
	assert_int_equal(regions[1].vma.start, 0x7fdc8000);
	assert_int_equal(regions[1].resident, 4 << 10);
	assert_int_equal(regions[1].flags, MACHVM__VM_MAY_READ);
	assert_int_equal(regions[1].swap, 0);
}

static void long_name_in_smaps_is_cut_and_ends(void **state)
{
	char text[9000];
	struct machvm__smaps region;
	size_t length = (size_t)sprintf(text, "7fdc2000-7fdc6000 rw-p 00001000 fe:00 77 /");

	memset(text + length, 'n', 8000);
	length += 8000;
	length += (size_t)sprintf(text + length, "\nVmFlags: rd \n");
	assert_int_equal(next_smaps(text, length, &region, 1), 1);
	assert_int_equal(region.vma.name_length, 8001);
	assert_int_equal(strlen(region.name), MACHVM__SMAPS_NAME - 1);
}

static void absurd_counts_and_flags_harm_nobody(void **state)
{
	static const char *const lines[] = {
		"Rss:", "Rss: ", "Rss:x", "Rss: 99999999999999999999999999999999 kB", "Swap:-4 kB",
		"VmFlags:", "VmFlags: ", "VmFlags: r", "VmFlags:mr", "VmFlags: mrmwme", "VmFlags:  m r",
		"", "R", "Private_", "VmFlag",
	};
	struct machvm__smaps region;

	for (size_t i = 0; i < COUNT(lines); i++) {
		char *edge = at_the_edge(lines[i], strlen(lines[i]));

		memset(&region, 0, sizeof(region));
		assert_int_equal(machvm__smaps_parse(edge, strlen(lines[i]), &region),
				 !strncmp(lines[i], "VmFlags:", 8));
	}
}

static void mount_tells_whether_its_files_may_be_executed(void **state)
{
	static const struct {
		const char *line;
		int r;
		enum machvm__execution execution;
	} cases[] = {
		{"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw", 0, MACHVM__EXECUTION_ALLOWED},
		{"27 1 254:0 / / rw,noexec,relatime shared:1 - ext4 /dev/vda rw", 0,
		 MACHVM__EXECUTION_REFUSED},
		{"27 1 254:0 / / noexec - ext4 /dev/vda rw", 0, MACHVM__EXECUTION_REFUSED},
		{"27 1 254:0 / / rw,noexec shared:1 master:2 - tmpfs x rw", 0,
		 MACHVM__EXECUTION_REFUSED},
		/* The options of the file system itself are others; so are words that look like it. */
		{"27 1 254:0 / / rw - ext4 /dev/vda rw,noexec", 0, MACHVM__EXECUTION_ALLOWED},
		{"27 1 254:0 / / rw,noexecx,xnoexec - ext4 /dev/vda rw", 0, MACHVM__EXECUTION_ALLOWED},
		{"27 1 254:0 /noexec /noexec,noexec rw - ext4 /dev/vda rw", 0,
		 MACHVM__EXECUTION_ALLOWED},
		{"24 27 0:6 / /dev rw - devtmpfs devtmpfs rw", 0, MACHVM__EXECUTION_UNKNOWN},
		{"24 27 0:6 / /dev rw,noexec - devtmpfs devtmpfs rw", 0, MACHVM__EXECUTION_UNKNOWN},
		{"", -EINVAL, 0}, {"27", -EINVAL, 0}, {"27 1 254:0 / /", -EINVAL, 0},
		{"27 1 254:0 / / rw", -EINVAL, 0}, {"27 1 2540 / / rw - ext4 a b", -EINVAL, 0},
		{"27 1 254:0 / - ext4 /dev/vda rw", -EINVAL, 0}, {" - ", -EINVAL, 0},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *edge = at_the_edge(cases[i].line, strlen(cases[i].line));
		struct machvm__mount mount;
		int r = machvm__mounts_parse(edge, &mount);

		if (r != cases[i].r || (r == 0 && mount.execution != cases[i].execution))
			fail_msg("\"%s\": %d, %d", cases[i].line, r, r ? 0 : (int)mount.execution);
	}
}

static void device_mounted_in_two_ways_tells_nothing(void **state)
{
	static const char text[] = "1 0 8:1 / /a rw - ext4 a rw\n"
				   "2 0 8:2 / /b rw,noexec - ext4 b rw\n"
				   "not a mount\n"
				   "3 0 8:1 / /c rw,noexec - ext4 a rw\n"
				   "4 0 8:2 / /d noexec - ext4 b rw\n";
	struct machvm__mount *mounts;
	int fd = make_text(text, strlen(text));

	assert_int_equal(machvm__mounts_read(fd, &mounts), 2);
	assert_int_equal(mounts[0].device_minor, 1);
	assert_int_equal(mounts[0].execution, MACHVM__EXECUTION_UNKNOWN);
	assert_int_equal(mounts[1].device_minor, 2);
	assert_int_equal(mounts[1].execution, MACHVM__EXECUTION_REFUSED);
	free(mounts);
	close(fd);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(line_of_the_kernel_is_understood),
	cmocka_unit_test(digits_are_those_of_the_kernel_and_no_others),
	cmocka_unit_test(line_of_nobody_is_refused),
	cmocka_unit_test(mutilated_line_is_read_within_its_bounds),
	cmocka_unit_test(lines_come_whole_whatever_the_size_of_a_piece),
	cmocka_unit_test(vsyscall_page_is_no_region),
	cmocka_unit_test(broken_map_is_an_error_and_no_region),
	cmocka_unit_test(region_of_smaps_is_understood),
	cmocka_unit_test(region_without_flags_does_not_swallow_the_next),
	cmocka_unit_test(long_name_in_smaps_is_cut_and_ends),
	cmocka_unit_test(absurd_counts_and_flags_harm_nobody),
	cmocka_unit_test(mount_tells_whether_its_files_may_be_executed),
	cmocka_unit_test(device_mounted_in_two_ways_tells_nothing),
};

int main(void)
{
	return cmocka_run_group_tests_name("maps", tests, NULL, NULL);
}
