/* SPDX-License-Identifier: MIT */
/*
 * host_facts.h - the machine as Linux describes it in /proc and /sys: CPUs,
 * memory, load. Knows nothing of Mach's names for these things. Every function
 * returns 0 or -errno and writes its answer on success only.
 */
#ifndef MACHVM_LINUX_HOST_FACTS_H
#define MACHVM_LINUX_HOST_FACTS_H

#include <stddef.h>
#include <stdint.h>

struct machvm__host_cpus {
	unsigned possible;  /* that could ever be brought up */
	unsigned online;    /* that run now */
	unsigned permitted; /* that the calling thread may run on */
	unsigned cores;     /* cores that the online ones belong to */
};
int machvm__host_facts_cpus(struct machvm__host_cpus *cpus);

/* All in bytes, but for the counters of events since boot, which are in pages. */
struct machvm__host_memory {
	uint64_t total;
	uint64_t free;
	uint64_t active_anonymous, active_file;
	uint64_t inactive_anonymous, inactive_file;
	uint64_t unevictable; /* locked, ramfs, and the like */
	uint64_t kernel;      /* slabs that cannot shrink, stacks, page tables, per-CPU data */
	uint64_t hugetlb;
	uint64_t compressed, uncompressed; /* what zswap takes, and what it holds */

	uint64_t faults;
	uint64_t paged_in, paged_out; /* from and to block devices */
	uint64_t swapped_in, swapped_out;
	uint64_t decompressions, compressions; /* zswap */
	uint64_t activations;
	uint64_t lazily_freed; /* MADV_FREE pages that were taken */
};
int machvm__host_facts_memory(struct machvm__host_memory *memory);

/* Load averages over 1, 5 and 15 minutes, times `scale`. */
int machvm__host_facts_load(unsigned scale, unsigned averages[3]);

/* Time of all CPUs since boot, in hundredths of a second. Waiting for a disk is idle. */
struct machvm__host_ticks {
	uint64_t user, nice, system, idle;
};
int machvm__host_facts_ticks(struct machvm__host_ticks *ticks);

/* The shortest time-out and the time slice of the calling thread, in milliseconds, rounded up. */
int machvm__host_facts_slices(unsigned *timeout, unsigned *quantum);

/* Parsers of the texts behind them; tested on their own. */
/* The number behind the line that begins with `name`: 0, or -ENOENT. */
int machvm__host_facts_line(const char *text, const char *name, uint64_t *value);
/* How many CPUs a list like "0-3,8,10-11" names, and its first; -EINVAL when it is none. */
int machvm__host_facts_list(const char *text, unsigned *count, unsigned *first);

#endif
