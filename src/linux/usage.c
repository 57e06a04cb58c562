/* SPDX-License-Identifier: MIT */
/* usage.c - stat, status and their kin. */
#include "usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "descriptor.h"
#include "status.h"
#include "text.h"
#include "thread_list.h"

#define PIDFD_THREAD_FLAG O_EXCL      /* PIDFD_THREAD, Linux 6.9 */
#define PIDFS             0x50494446l /* PID_FS_MAGIC */

static int read_file(int proc_tgid, int tid, const char *name, char *text, size_t size)
{
	int fd = machvm__descriptor_open_proc(proc_tgid, tid, name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	n = machvm__descriptor_read_text(fd, text, size);
	machvm__descriptor_close(fd);
	return n > 0 ? 0 : n < 0 ? (int)n : -ESRCH;
}

static uint64_t nanoseconds(uint64_t ticks)
{
	uint64_t rate = (uint64_t)sysconf(_SC_CLK_TCK);

	return ticks / rate * 1000000000u + ticks % rate * 1000000000u / rate;
}

static uint64_t age_of(uint64_t start)
{
	struct timespec now;
	uint64_t then = nanoseconds(start), ns;

	clock_gettime(CLOCK_BOOTTIME, &now);
	ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	return ns > then ? ns - then : 0;
}

/* proc(5): the name may hold anything, the last parenthesis ends it. */
static int parse(char *text, struct machvm__usage *usage)
{
	char *name = strchr(text, '('), *end = strrchr(text, ')'), *at;
	long long fields[42] = {0};

	if (!name || !end || end < name || end[1] != ' ' || !end[2])
		return -EIO;
	*end = '\0';
	memset(usage, 0, sizeof(*usage));
	snprintf(usage->name, sizeof(usage->name), "%s", name + 1);
	usage->state = end[2];
	at = end + 3;
	for (int i = 4; i < 42 && *at; i++)
		fields[i] = strtoll(at, &at, 10);
	usage->minor_faults = (uint64_t)fields[10];
	usage->major_faults = (uint64_t)fields[12];
	usage->user = nanoseconds((uint64_t)fields[14]);
	usage->system = nanoseconds((uint64_t)fields[15]);
	usage->nice = (int)fields[19];
	usage->start = (uint64_t)fields[22];
	usage->age = age_of(usage->start);
	usage->priority = (unsigned)fields[40];
	usage->policy = (unsigned)fields[41];
	return 0;
}

static int read_stat(int proc_tgid, int tid, struct machvm__usage *usage)
{
	char text[1024];
	int r = read_file(proc_tgid, tid, "stat", text, sizeof(text));

	return r ? r : parse(text, usage);
}

int machvm__usage_process(int proc_tgid, struct machvm__usage *usage)
{
	return read_stat(proc_tgid, 0, usage);
}

int machvm__usage_thread(int proc_tgid, int tid, struct machvm__usage *usage)
{
	int r = read_stat(proc_tgid, tid, usage);

	return !r && machvm__thread_list_ended(usage->state) ? -ESRCH : r;
}

static void add_thread(int proc_tgid, int tid, struct machvm__usage_threads *sum)
{
	struct machvm__usage usage;
	char text[4096];

	if (machvm__usage_thread(proc_tgid, tid, &usage))
		return;
	sum->user += usage.user;
	sum->system += usage.system;
	if (read_file(proc_tgid, tid, "status", text, sizeof(text)))
		return;
	sum->switches += (uint64_t)machvm__status_number(text, "voluntary_ctxt_switches:", 0) +
			 (uint64_t)machvm__status_number(text, "nonvoluntary_ctxt_switches:", 0);
}

int machvm__usage_threads(int proc_tgid, struct machvm__usage_threads *sum)
{
	int fd = machvm__descriptor_open_proc(proc_tgid, 0, "task", O_RDONLY | O_DIRECTORY);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	memset(sum, 0, sizeof(*sum));
	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	if (!directory) {
		machvm__descriptor_close(fd);
		return -ENOMEM;
	}
	while ((entry = readdir(directory))) {
		int tid = atoi(entry->d_name);

		if (tid)
			add_thread(proc_tgid, tid, sum);
	}
	closedir(directory);
	return 0;
}

static uint64_t kilobytes(const char *text, const char *name)
{
	return (uint64_t)machvm__status_number(text, name, 0) * 1024;
}

int machvm__usage_memory(int proc_tgid, int tid, struct machvm__usage_memory *memory)
{
	char text[4096];
	int r = read_file(proc_tgid, tid, "status", text, sizeof(text));

	if (r)
		return r;
	*memory = (struct machvm__usage_memory){
		.size = kilobytes(text, "VmSize:"),
		.resident = kilobytes(text, "VmRSS:"),
		.resident_peak = kilobytes(text, "VmHWM:"),
		.anonymous = kilobytes(text, "RssAnon:"),
		.of_files = kilobytes(text, "RssFile:") + kilobytes(text, "RssShmem:"),
		.swapped = kilobytes(text, "VmSwap:"),
	};
	return 0;
}

static uint32_t one_number(int proc_tgid, const char *name)
{
	char text[32];

	if (read_file(proc_tgid, 0, name, text, sizeof(text)))
		return UINT32_MAX;
	return (uint32_t)strtoul(text, NULL, 10);
}

int machvm__usage_owner(int proc_tgid, struct machvm__usage_owner *owner)
{
	int64_t uids[2] = {0}, gids[2] = {0};
	char text[4096];
	int r = read_file(proc_tgid, 0, "status", text, sizeof(text));

	if (r)
		return r;
	if (machvm__status_numbers(text, "Uid:", uids, 2) != 2 ||
	    machvm__status_numbers(text, "Gid:", gids, 2) != 2)
		return -EIO;
	*owner = (struct machvm__usage_owner){
		.uid = (uint32_t)uids[0],
		.euid = (uint32_t)uids[1],
		.gid = (uint32_t)gids[0],
		.egid = (uint32_t)gids[1],
		.login = one_number(proc_tgid, "loginuid"),
		.session = one_number(proc_tgid, "sessionid"),
	};
	return 0;
}

uint64_t machvm__usage_lowest(void)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), lowest = 0;
	char text[32];

	if (!machvm__descriptor_read_file(AT_FDCWD, "/proc/sys/vm/mmap_min_addr", text,
					  sizeof(text)))
		lowest = strtoull(text, NULL, 10);
	/* Page 0 is never given out. */
	return lowest > page ? (lowest + page - 1) & ~(page - 1) : page;
}

int machvm__usage_regions(int proc_tgid, int tid)
{
	int fd = machvm__descriptor_open_proc(proc_tgid, tid, "maps", O_RDONLY), count = 0;
	char buffer[16384];
	ssize_t n;

	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	while ((n = machvm__descriptor_read(fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			count += buffer[i] == '\n';
	}
	machvm__descriptor_close(fd);
	return n < 0 ? (int)n : count;
}

/* The inode of a pidfd is another for every thread there ever was. */
static uint64_t pidfd_inode(int tid)
{
	long fd = syscall(SYS_pidfd_open, tid, PIDFD_THREAD_FLAG);
	uint64_t inode = 0;
	struct statfs fs;
	struct stat st;

	if (fd < 0)
		return 0;
	if (!fstatfs((int)fd, &fs) && fs.f_type == PIDFS && !fstat((int)fd, &st))
		inode = st.st_ino;
	machvm__descriptor_close((int)fd);
	return inode;
}

int machvm__usage_identity(int proc_tgid, int tid, struct machvm__usage_identity *identity)
{
	struct machvm__usage usage;
	uint64_t inode = pidfd_inode(tid);
	int r = machvm__usage_thread(proc_tgid, tid, &usage);

	if (r)
		return r;
	*identity = (struct machvm__usage_identity){inode, usage.start};
	return 0;
}
