/* SPDX-License-Identifier: MIT */
/*
 * usage.h - what /proc says of the work of a process and of its threads: times,
 * state, faults, memory. Numbers of processes and threads are those of the
 * mounted /proc. Returns 0 or -errno; -ESRCH for what is gone or dead.
 */
#ifndef MACHVM_LINUX_USAGE_H
#define MACHVM_LINUX_USAGE_H

#include <stddef.h>
#include <stdint.h>

#define MACHVM__USAGE_NAME 64

struct machvm__usage {
	char state;        /* R S D T t Z X I */
	uint64_t user;     /* ns; with the threads that have ended, of a process */
	uint64_t system;
	uint64_t start;    /* clock ticks since boot */
	uint64_t age;      /* ns */
	uint64_t minor_faults;
	uint64_t major_faults;
	int nice;
	unsigned policy;   /* SCHED_ */
	unsigned priority; /* of the real-time policies, else 0 */
	char name[MACHVM__USAGE_NAME];
};

int machvm__usage_process(int proc_tgid, struct machvm__usage *usage);
int machvm__usage_thread(int proc_tgid, int tid, struct machvm__usage *usage);

/* Summed up over the threads that live. */
struct machvm__usage_threads {
	uint64_t user;
	uint64_t system;
	uint64_t switches;
};
int machvm__usage_threads(int proc_tgid, struct machvm__usage_threads *sum);

/* In bytes. */
struct machvm__usage_memory {
	uint64_t size;
	uint64_t resident;
	uint64_t resident_peak;
	uint64_t anonymous; /* of the resident */
	uint64_t of_files;  /* of the resident, and of shared memory */
	uint64_t swapped;
};
/* `tid` is a live thread as /proc numbers it, 0 while the leader is one. */
int machvm__usage_memory(int proc_tgid, int tid, struct machvm__usage_memory *memory);

struct machvm__usage_owner {
	uint32_t uid, euid, gid, egid;
	uint32_t login, session; /* of the audit subsystem; all ones when there is none */
};
int machvm__usage_owner(int proc_tgid, struct machvm__usage_owner *owner);

/* The lowest address that a program can map. */
uint64_t machvm__usage_lowest(void);

/* How many regions its map has: a count, or -errno. */
int machvm__usage_regions(int proc_tgid, int tid);

/*
 * Tells one thread from the next that has its number: the inode of its pidfd (Linux 6.9), and the
 * time it was started. `tid` is in our pid namespace as well.
 */
struct machvm__usage_identity {
	uint64_t inode; /* 0 when the kernel does not tell */
	uint64_t start;
};
int machvm__usage_identity(int proc_tgid, int tid, struct machvm__usage_identity *identity);

#endif
