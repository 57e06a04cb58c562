/* SPDX-License-Identifier: MIT */
/* host_facts.c - /proc/meminfo, /proc/vmstat, /proc/stat, and /sys's CPUs. */
#include "host_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "descriptor.h"

/* Three times what 6.18 needs for /proc/vmstat. /proc/stat is longer; its first line is wanted. */
#define TEXT_SIZE 12288

static int read_file(const char *path, char *text, size_t size)
{
	return machvm__descriptor_read_file(AT_FDCWD, path, text, size);
}

int machvm__host_facts_line(const char *text, const char *name, uint64_t *value)
{
	size_t length = strlen(name);
	const char *line = text;
	char *end;

	while (line && (strncmp(line, name, length) || !strchr(": \t", line[length]))) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line || !line[length])
		return -ENOENT;
	line += length;
	line += strspn(line, ": \t");
	*value = strtoull(line, &end, 10);
	return end == line ? -ENOENT : 0;
}

/* The sum of the lines of that name; one that this kernel does not have counts nothing. */
static uint64_t sum(const char *text, const char *const *names, size_t count)
{
	uint64_t total = 0, value;

	for (size_t i = 0; i < count; i++)
		if (machvm__host_facts_line(text, names[i], &value) == 0)
			total += value;
	return total;
}

static uint64_t one(const char *text, const char *name)
{
	return sum(text, &name, 1);
}

static uint64_t kilobytes(const char *text, const char *name)
{
	return one(text, name) * 1024;
}

int machvm__host_facts_memory(struct machvm__host_memory *memory)
{
	static const char *const kernel[] = {"SUnreclaim", "KernelStack", "PageTables",
					     "SecPageTables", "Percpu"};
	char meminfo[TEXT_SIZE], vmstat[TEXT_SIZE];
	uint64_t per_page = (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	int r = read_file("/proc/meminfo", meminfo, sizeof meminfo);

	if (r == 0)
		r = read_file("/proc/vmstat", vmstat, sizeof vmstat);
	if (r)
		return r;
	*memory = (struct machvm__host_memory){
		.total = kilobytes(meminfo, "MemTotal"),
		.free = kilobytes(meminfo, "MemFree"),
		.active_anonymous = kilobytes(meminfo, "Active(anon)"),
		.active_file = kilobytes(meminfo, "Active(file)"),
		.inactive_anonymous = kilobytes(meminfo, "Inactive(anon)"),
		.inactive_file = kilobytes(meminfo, "Inactive(file)"),
		.unevictable = kilobytes(meminfo, "Unevictable"),
		.kernel = sum(meminfo, kernel, sizeof kernel / sizeof kernel[0]) * 1024,
		.hugetlb = kilobytes(meminfo, "Hugetlb"),
		.compressed = kilobytes(meminfo, "Zswap"),
		.uncompressed = kilobytes(meminfo, "Zswapped"),
		.faults = one(vmstat, "pgfault"),
		/* These two are in KiB, unlike their neighbours (mm/vmstat.c). */
		.paged_in = one(vmstat, "pgpgin") / per_page,
		.paged_out = one(vmstat, "pgpgout") / per_page,
		.swapped_in = one(vmstat, "pswpin"),
		.swapped_out = one(vmstat, "pswpout"),
		.decompressions = one(vmstat, "zswpin"),
		.compressions = one(vmstat, "zswpout"),
		.activations = one(vmstat, "pgactivate"),
		.lazily_freed = one(vmstat, "pglazyfreed"),
	};
	return 0;
}

int machvm__host_facts_list(const char *text, unsigned *count, unsigned *first)
{
	const char *at = text;
	unsigned total = 0;

	for (;;) {
		char *end;
		unsigned long from = strtoul(at, &end, 10), to = from;

		if (*at < '0' || *at > '9')
			return -EINVAL;
		if (at == text)
			*first = (unsigned)from;
		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		if (to < from || to - from >= 1 << 20)
			return -EINVAL;
		total += (unsigned)(to - from + 1);
		if (*end != ',')
			break;
		at = end + 1;
	}
	*count = total;
	return 0;
}

static int count_list(const char *path, unsigned *count)
{
	char text[4096];
	unsigned first;
	int r = read_file(path, text, sizeof text);

	return r ? r : machvm__host_facts_list(text, count, &first);
}

/* A core is counted at the first of its threads. Without the topology every CPU is a core. */
static unsigned count_cores(unsigned possible, unsigned online)
{
	unsigned cores = 0, threads, first;
	char path[96], text[4096];

	for (unsigned cpu = 0; cpu < possible; cpu++) {
		snprintf(path, sizeof path,
			 "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", cpu);
		if (read_file(path, text, sizeof text) == 0 &&
		    machvm__host_facts_list(text, &threads, &first) == 0 && first == cpu)
			cores++;
	}
	return cores ? cores : online;
}

/* The kernel's mask may be longer than cpu_set_t: it is asked with ever larger ones. */
static int count_permitted(unsigned *permitted)
{
	for (int cpus = CPU_SETSIZE; cpus <= 1 << 16; cpus *= 2) {
		size_t size = CPU_ALLOC_SIZE(cpus);
		cpu_set_t *set = CPU_ALLOC(cpus);
		int r = !set ? -ENOMEM : sched_getaffinity(0, size, set) ? -errno : 0;

		if (r == 0)
			*permitted = (unsigned)CPU_COUNT_S(size, set);
		CPU_FREE(set);
		if (r != -EINVAL)
			return r;
	}
	return -EINVAL;
}

int machvm__host_facts_cpus(struct machvm__host_cpus *cpus)
{
	struct machvm__host_cpus found;
	int r = count_permitted(&found.permitted);

	if (r)
		return r;
	/* Without /sys the C library still knows how many there are. */
	if (count_list("/sys/devices/system/cpu/online", &found.online))
		found.online = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	if (count_list("/sys/devices/system/cpu/possible", &found.possible))
		found.possible = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
	found.cores = count_cores(found.possible, found.online);
	*cpus = found;
	return 0;
}

int machvm__host_facts_load(unsigned scale, unsigned averages[3])
{
	struct sysinfo info;

	if (sysinfo(&info))
		return -errno;
	/* Fixed-point numbers with 16 bits behind the point. */
	for (int i = 0; i < 3; i++)
		averages[i] = (unsigned)((uint64_t)info.loads[i] * scale >> SI_LOAD_SHIFT);
	return 0;
}

int machvm__host_facts_ticks(struct machvm__host_ticks *ticks)
{
	char text[TEXT_SIZE];
	unsigned long long user, nice, system, idle, wait, interrupt, soft_interrupt, steal;
	int r = read_file("/proc/stat", text, sizeof text);

	if (r)
		return r;
	/* In USER_HZ, which is 100 on every machine that this library knows. */
	if (sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system,
		   &idle, &wait, &interrupt, &soft_interrupt, &steal) != 8)
		return -EINVAL;
	*ticks = (struct machvm__host_ticks){
		user, nice, system + interrupt + soft_interrupt + steal, idle + wait};
	return 0;
}

static unsigned milliseconds(const struct timespec *time)
{
	return (unsigned)(time->tv_sec * 1000 + (time->tv_nsec + 999999) / 1000000);
}

int machvm__host_facts_slices(unsigned *timeout, unsigned *quantum)
{
	struct timespec tick, slice;

	/* The coarse clock moves with the timer tick. */
	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || sched_rr_get_interval(0, &slice))
		return -errno;
	*timeout = milliseconds(&tick);
	*quantum = milliseconds(&slice);
	return 0;
}
