/* SPDX-License-Identifier: MIT */
/*
 * target.h - one process's address space, as the kernel lets us reach it.
 *
 * Holds the handle that names the process, the numbers it has, descriptors of
 * its /proc files, and what the kernel has refused so far. Knows nothing of
 * ports, rights or Mach's codes: functions return 0 or -errno. All of them may
 * run in several threads at once.
 *
 *   -ESRCH       the process is gone, or its number had another owner meanwhile
 *   -EFAULT      some byte cannot be moved; which, and why, is for survey.h
 *   -EOPNOTSUPP  the kernel does not offer this way here
 *   -EACCES      it offers it, and refuses this caller this target
 *   -ECANCELED   it exec'ed in the middle
 *   -EKEYREJECTED  it takes force, which the kernel leaves to tracers, and we may not trace it
 */
#ifndef MACHVM_TARGET_H
#define MACHVM_TARGET_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "copy.h"
#include "cursor.h"
#include "deathwatch.h"
#include "light.h"
#include "maps.h"
#include "maximum.h"
#include "pages.h"
#include "process.h"
#include "session.h"

enum machvm__file_kind {
	MACHVM__FILE_MAPS,
	MACHVM__FILE_PAGEMAP,
	MACHVM__FILE_MEMORY,
	/* These are held by received targets alone, see bundle.h. */
	MACHVM__FILE_SMAPS,
	MACHVM__FILE_READ_ONLY_MEMORY,
	MACHVM__FILES
};

struct machvm__target {
	int handle;
	enum machvm__handle kind;
	bool own; /* the calling process: always alive, and its number changes with fork */
	bool writable;
	_Atomic bool alone; /* its address space is known to be its own */
	bool received; /* its files came from another process and are all there will be (bundle.h) */
	struct machvm__process_numbers numbers;
	_Atomic int tid;      /* whom system calls name: the leader, or a live thread of a dead one */
	_Atomic int proc_tid; /* the same below /proc/PID/task; 0 while the leader serves */
	_Atomic unsigned refused; /* 1 << direction: process_vm_* is not for this target */
	struct machvm__light light;
	struct machvm__deathwatch watch;
	pthread_mutex_t lock; /* opening and replacing files */
	_Atomic int files[MACHVM__FILES]; /* -1 until held */
	_Atomic unsigned replaced; /* how often the held maps gave way to another program's */
	struct machvm__cursors cursors;
	struct machvm__maximum maximum;
	pthread_mutex_t calls; /* changing the address space: space.h */
	struct machvm__session_target session;
};

/* Takes over `handle`. `writable` wants a memory descriptor that can write. */
void machvm__target_init(struct machvm__target *target, int handle, enum machvm__handle kind,
                         struct machvm__process_numbers numbers, bool writable);
/* The calling process. One for all, never finished; right in a child as well. */
struct machvm__target *machvm__target_own(void);
/* In a child: another thread of the parent may have held the lock. */
void machvm__target_renew(struct machvm__target *target);
void machvm__target_fini(struct machvm__target *target);

/* 0 while the process lives, else -ESRCH. */
static inline int machvm__target_alive(struct machvm__target *target)
{
	return target->own ? 0 : machvm__deathwatch_check(&target->watch);
}

/*
 * Is that number the target's, as long as the target lives? The process's own is. A
 * thread's, named in a dead leader's place, can be another process's meanwhile.
 */
static inline bool machvm__target_owns(const struct machvm__target *target, int tid)
{
	return tid == target->numbers.tgid || target->own ||
	       machvm__process_has_thread(target->numbers.tgid, tid);
}

/* Is there a kernel on this machine that has process_vm_* at all? By 1 << direction. */
extern _Atomic unsigned machvm__target_missing;

/* May one call of process_vm_* be tried, with the target's protections honoured? */
static inline bool machvm__target_honours(struct machvm__target *target,
                                          enum machvm__direction direction, uint64_t raddr,
                                          size_t size)
{
	unsigned refused = atomic_load_explicit(&target->refused, memory_order_relaxed) |
	                   atomic_load_explicit(&machvm__target_missing, memory_order_relaxed);

	return !(refused & 1u << direction) && machvm__copy_reaches(raddr, size);
}

/*
 * The shortest way: one system call, for a range inside one page on both sides,
 * which moves wholly or not at all. True when it has; false says nothing of the
 * reason, and *stray bytes may have gone to the next owner of the number.
 */
static inline bool machvm__target_quick(struct machvm__target *target,
                                        enum machvm__direction direction, uint64_t raddr,
                                        void *local, size_t size, size_t *stray)
{
	int tid = atomic_load_explicit(&target->tid, memory_order_relaxed);
	ssize_t n;

	*stray = 0;
	if (__builtin_expect(machvm__light_open(&target->light), 0) &&
	    machvm__light_move(target, direction, raddr, local, size))
		return true;
	if (__builtin_expect(!machvm__target_honours(target, direction, raddr, size) ||
	                             tid != target->numbers.tgid ||
	                             (!target->own &&
	                              machvm__deathwatch_check_often(&target->watch, tid)),
	                     0))
		return false;
	n = machvm__copy_process(direction, tid, raddr, local, size);
	if (__builtin_expect(n == (ssize_t)size && machvm__target_alive(target) == 0, 1))
		return true;
	if (n > 0)
		*stray = (size_t)n;
	return false;
}

/*
 * Moves bytes with the kernel checking the target's protections page by page:
 * 0, or -errno with *done bytes moved. Identity is proved before and after. On
 * the own target there is always a way, secret memory included.
 */
int machvm__target_move(struct machvm__target *target, enum machvm__direction direction,
                        uint64_t raddr, void *local, size_t size, size_t *done);

/*
 * The same without protections: the held memory descriptor, and ptrace behind
 * it. The caller has looked at the regions first. A page that userfaultfd must
 * supply is not waited for: -EFAULT.
 */
int machvm__target_force(struct machvm__target *target, enum machvm__direction direction,
                         uint64_t raddr, void *local, size_t size, size_t *done);

/*
 * May memory be moved so that does not permit it? Where the kernel's policy leaves force to
 * tracers, that is tried: it stops for an instant. 0, -EKEYREJECTED or another -errno.
 */
int machvm__target_may_force(struct machvm__target *target, enum machvm__direction direction);

/*
 * Is there a page, looked for with the map's lock taken and nothing of the target
 * changed? (A memory descriptor would grow a stack that ends there.)
 */
bool machvm__target_touch(struct machvm__target *target, uint64_t raddr);

/* Reads one byte of each page in [start, end), so that the pages are there. 0, or -EFAULT and *bad. */
int machvm__target_probe(struct machvm__target *target, uint64_t start, uint64_t end, uint64_t *bad);

/*
 * The region at `raddr`, else the next above: 0, -ENOENT when there is none.
 * `name` may be null; it is null-terminated.
 */
int machvm__target_region(struct machvm__target *target, uint64_t raddr, struct machvm__vma *vma,
                          char *name, size_t name_size);

/*
 * The same for callers who go from region to region, one call each: where only
 * the text can tell, it is read on from where this thread's last answer ended (cursor.h).
 */
int machvm__target_next_region(struct machvm__target *target, uint64_t raddr,
                               struct machvm__vma *vma, char *name, size_t name_size);

/*
 * The same with all that smaps tells, at the cost of reading smaps up to there, or
 * on from where this thread's last answer ended.
 */
int machvm__target_counted_region(struct machvm__target *target, uint64_t raddr,
                                  struct machvm__smaps *region);

/*
 * The VM_MAY flags of a region as it was just looked up, its name if that is at
 * hand (else null): 0; -EAGAIN when there is no such region now; or -errno.
 * MACHVM__VM_IO, PFNMAP and, for those, DONTCOPY are there when it was smaps that told.
 */
int machvm__target_maximum(struct machvm__target *target, const struct machvm__vma *vma,
                           const char *name, unsigned *flags);

/* Lets go of everything that is remembered of the target's map. */
void machvm__target_forget(struct machvm__target *target);

/* Is a single look-up cheap here, or does it read the text? */
bool machvm__target_queries(void);

/* machvm__pages_doubt() and machvm__pages_read() on the target. */
int machvm__target_doubt(struct machvm__target *target, uint64_t start, uint64_t end, unsigned look,
                         struct machvm__doubtful *found);
int machvm__target_pages(struct machvm__target *target, uint64_t start, size_t count,
                         uint64_t *words);
/* machvm__pages_touched() on the target. */
int machvm__target_touched(struct machvm__target *target, uint64_t start, uint64_t end,
                           struct machvm__run *runs, int most, uint64_t *stop);
/* Would a write to the page wait for a userfaultfd that protects it? */
bool machvm__target_write_waits(struct machvm__target *target, uint64_t page, uint64_t word);

/* A file of the target's /proc directory, held or opened for this call. */
struct machvm__file {
	int fd;
	bool held;
	/* Of held ones: a count, and what it was. Another number, and the file is another program's. */
	const _Atomic unsigned *replaced;
	unsigned opened;
};
int machvm__target_open(struct machvm__target *target, enum machvm__file_kind kind,
                        struct machvm__file *file);
/* So many programs that a target executes one after the other are followed by one look. */
enum { MACHVM__TARGET_PROGRAMS = 16 };
/* The address space behind the file is gone (exec): opens the new one's in its place. */
int machvm__target_reopen(struct machvm__target *target, enum machvm__file_kind kind,
                          struct machvm__file *file);
/* The same, counted from 0: a program can be gone again before it is looked at. */
int machvm__target_follow(struct machvm__target *target, enum machvm__file_kind kind,
                          struct machvm__file *file, unsigned *programs);
void machvm__target_close(struct machvm__file *file);
/* Closes what is held; it is opened again when it is needed. Nobody may be using it. */
void machvm__target_release_files(struct machvm__target *target);
/* A descriptor of the caller's own on another file there ("smaps", "status"); it closes it. */
int machvm__target_open_named(struct machvm__target *target, const char *name);
int machvm__target_open_named_writable(struct machvm__target *target, const char *name);
/* The same without opening what a link there leads to (O_PATH). */
int machvm__target_open_named_path(struct machvm__target *target, const char *name);
/*
 * The same by number, for who holds the target in a session (space.h): a program that stands
 * still is no other meanwhile, so this serves for a received target too.
 */
int machvm__target_open_stopped(struct machvm__target *target, const char *name, bool writable);
/*
 * A pass over "maps" or "smaps" from the beginning, of which at least one line
 * is there: 0, -ESRCH when the address space is gone, or -errno. The caller
 * closes text->fd.
 */
int machvm__target_open_list(struct machvm__target *target, const char *file,
                             struct machvm__text *text, char *buffer, size_t size);
/* Holds a descriptor that was opened elsewhere. Nobody may be using the target yet. */
void machvm__target_keep(struct machvm__target *target, enum machvm__file_kind kind, int fd);
/*
 * 0 while it lives and, where it was received, runs the program that the right is for; else
 * -ESRCH, or -errno. For what goes by number and not by a file of the address space's.
 */
int machvm__target_same(struct machvm__target *target);
/* Its address space has ended, and with it what was received: -ESRCH from now on. */
void machvm__target_end(struct machvm__target *target);
/*
 * Is the address space the target's own, and not its parent's until it execs?
 * Once it is, it stays so. What is bound to an address space may be kept beyond
 * the call only when this was true before it was opened.
 */
bool machvm__target_alone(struct machvm__target *target);
/* Are there descriptors enough to keep this one? */
bool machvm__target_room(int fd);

/* Is the address space behind a maps file still one that lives (no exec since)? */
bool machvm__target_image_lives(const struct machvm__file *maps);

/* Whom do system calls name? Another live thread when the leader is dead. 0 or -ESRCH. */
int machvm__target_rename(struct machvm__target *target);

#endif
