/* SPDX-License-Identifier: MIT */
/*
 * Laying out memory of every kind. Each kind is one row of a table: how to map
 * it, what to do before the contents go in, and what to do afterwards.
 */
#include "pages.h"
#include "fault.h"
#include "pattern.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum source {
	ANONYMOUS, ZERO_DEVICE, FILE_PRIVATE, FILE_SHARED, MEMFD_SHARED, SECRET, HUGE, SHARED, SEGMENT, NOTHING
};

enum {
	FILLED = 1 << 0,      /* has contents */
	READ_ONLY_FD = 1 << 1, /* the mapping is made from a descriptor that cannot write */
	EMPTY_FILE = 1 << 2,  /* the file has no bytes at all */
	FORKED = 1 << 3,      /* a child shares the pages copy-on-write */
	SEALED = 1 << 4,
	GUARDED = 1 << 5,
	MISSING = 1 << 6,     /* registered with the userfaultfd before anything is there */
	PROTECTED = 1 << 7,   /* write-protected by the userfaultfd */
	POISONED = 1 << 8,
	HALF_FILE = 1 << 9,   /* the file ends in the middle */
	HUGE_HINT = 1 << 10,  /* with transparent huge pages */
	STEADY = 1 << 11,     /* the file can never be made shorter */
	NO_WRITERS = 1 << 12, /* nor mapped by others to be written */
	ORPHAN = 1 << 13,     /* no descriptor of it stays open */
};

struct kind {
	const char *name;
	enum source source;
	int protection;
	unsigned flags;
};

#define R PROT_READ
#define W PROT_WRITE
#define X PROT_EXEC

static const struct kind kinds[] = {
	{"hole", NOTHING, PROT_NONE, 0},
	{"rw", ANONYMOUS, R | W, FILLED},
	{"ro", ANONYMOUS, R, FILLED},
	{"wo", ANONYMOUS, W, FILLED},
	{"xo", ANONYMOUS, X, FILLED},
	{"rx", ANONYMOUS, R | X, FILLED},
	{"none", ANONYMOUS, PROT_NONE, FILLED},
	{"fresh", ANONYMOUS, R | W, 0},
	{"large", ANONYMOUS, R | W, HUGE_HINT},
	{"devzero", ZERO_DEVICE, R | W, FILLED},
	{"guard", ANONYMOUS, R | W, GUARDED},
	{"file-rw", FILE_PRIVATE, R | W, FILLED},
	{"file-ro", FILE_PRIVATE, R, FILLED | READ_ONLY_FD},
	{"file-rx", FILE_PRIVATE, R | X, FILLED | READ_ONLY_FD},
	{"shared-rw", FILE_SHARED, R | W, FILLED},
	{"shared-ro", FILE_SHARED, R, FILLED | READ_ONLY_FD},
	{"shared-drop", FILE_SHARED, R, FILLED},
	{"eof-private", FILE_PRIVATE, R | W, EMPTY_FILE},
	{"eof-shared", FILE_SHARED, R | W, EMPTY_FILE},
	{"eof-memfd", MEMFD_SHARED, R | W, EMPTY_FILE},
	{"half-private", FILE_PRIVATE, R | W, FILLED | HALF_FILE},
	{"half-shared", FILE_SHARED, R | W, FILLED | HALF_FILE},
	{"secret", SECRET, R | W, FILLED},
	{"huge", HUGE, R | W, FILLED},
	{"cow", ANONYMOUS, R | W, FILLED | FORKED},
	{"sealed-rw", ANONYMOUS, R | W, FILLED | SEALED},
	{"sealed-ro", ANONYMOUS, R, FILLED | SEALED},
	{"missing", ANONYMOUS, R | W, MISSING},
	{"protected", ANONYMOUS, R | W, FILLED | PROTECTED},
	{"poison", ANONYMOUS, R | W, MISSING | POISONED},
	{"share", SHARED, R | W, FILLED},
	{"segment", SEGMENT, R | W, FILLED},
	{"memfd", MEMFD_SHARED, R | W, FILLED},
	{"memfd-steady", MEMFD_SHARED, R | W, FILLED | STEADY},
	{"memfd-steady-ro", MEMFD_SHARED, R, FILLED | STEADY},
	{"memfd-reserved", MEMFD_SHARED, R | W, FILLED | STEADY | NO_WRITERS},
	{"memfd-orphan", MEMFD_SHARED, R | W, FILLED | STEADY | ORPHAN},
	{"missing-shared", SHARED, R | W, MISSING},
};

/* The files behind laid pages, newest last; a victim lays far fewer at a time. */
static struct {
	const void *address;
	int fd;
} files[64];
static unsigned next_file;

static pid_t helpers[64];
static unsigned helper_count;

int pages_file(const void *address)
{
	unsigned i;

	for (i = 0; i < 64; i++) {
		unsigned slot = (next_file + 63 - i) % 64;

		if (files[slot].address == address)
			return files[slot].fd;
	}
	return -1;
}

static void remember_file(const void *address, int fd)
{
	if (files[next_file].address != NULL)
		close(files[next_file].fd);
	files[next_file].address = address;
	files[next_file].fd = fd;
	next_file = (next_file + 1) % 64;
}

static int write_pattern(int fd, const void *address, size_t size, uint64_t seed)
{
	uint8_t piece[4096];
	size_t at;

	for (at = 0; at < size; at += sizeof(piece)) {
		pattern_fill(piece, (uintptr_t)address + at, sizeof(piece), seed);
		if (pwrite(fd, piece, sizeof(piece), (off_t)at) != (ssize_t)sizeof(piece))
			return -EIO;
	}
	return 0;
}

static int open_source(const struct kind *kind, size_t size)
{
	int fd;

	if (kind->source == ZERO_DEVICE)
		return open("/dev/zero", O_RDWR | O_CLOEXEC);
	if (kind->source == SECRET)
		fd = (int)syscall(PAGES_SYS_MEMFD_SECRET, O_CLOEXEC);
	else if (kind->source == MEMFD_SHARED)
		fd = memfd_create("two\nlines", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	else
		fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (!(kind->flags & EMPTY_FILE) && ftruncate(fd, (off_t)size) != 0) {
		int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

/* A second descriptor of the same file that cannot write, whatever the first can. */
static int reopen_read_only(int fd)
{
	char path[32] = "/proc/self/fd/";
	char digits[12];
	int n = 0, at = (int)strlen(path), value = fd;

	do
		digits[n++] = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	while (n > 0)
		path[at++] = digits[--n];
	path[at] = '\0';
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int map_anonymous(const struct kind *kind, void *address, size_t size)
{
	int flags = MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE;

	flags |= kind->source == SHARED ? MAP_SHARED : MAP_PRIVATE;
	if (kind->source == HUGE)
		flags |= MAP_HUGETLB;
	/* A refused MAP_FIXED may already have unmapped what was there: that is fine here. */
	if (mmap(address, size, R | W, flags, -1, 0) == MAP_FAILED)
		return -errno;
	if (kind->flags & HUGE_HINT)
		madvise(address, size, MADV_HUGEPAGE);
	return 0;
}

/* It goes with its last mapping. */
static int map_segment(void *address, size_t size)
{
	int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600), r = 0;

	if (id < 0)
		return -errno;
	if (shmat(id, address, SHM_REMAP) == (void *)-1)
		r = -errno;
	shmctl(id, IPC_RMID, NULL);
	return r;
}

static int seal(int fd, unsigned flags)
{
	int seals = (flags & STEADY ? F_SEAL_SHRINK : 0) |
		    (flags & NO_WRITERS ? PAGES_SEAL_FUTURE_WRITE : 0);

	return seals == 0 || fcntl(fd, F_ADD_SEALS, seals) == 0 ? 0 : -errno;
}

/* A private mapping would copy the pages if its contents went in through memory. */
static int filled_through_file(const struct kind *kind)
{
	return kind->flags & FILLED &&
	       (kind->source == FILE_PRIVATE || kind->source == FILE_SHARED);
}

static int map_file(const struct kind *kind, void *address, size_t size, uint64_t seed)
{
	int private = kind->source == FILE_PRIVATE || kind->source == ZERO_DEVICE;
	int fd = open_source(kind, size);
	int map_fd, protection, r = 0;

	if (fd < 0)
		return fd;
	if (filled_through_file(kind))
		r = write_pattern(fd, address, size, seed);
	if (r == 0 && kind->flags & HALF_FILE && ftruncate(fd, (off_t)size / 2 - PAGES_TAIL) != 0)
		r = -errno;
	map_fd = kind->flags & READ_ONLY_FD ? reopen_read_only(fd) : fd;
	protection = kind->flags & READ_ONLY_FD ? kind->protection : R | W;
	if (r == 0 && map_fd < 0)
		r = -errno;
	if (r == 0 && mmap(address, size, protection,
			   MAP_FIXED | (private ? MAP_PRIVATE : MAP_SHARED), map_fd, 0) == MAP_FAILED)
		r = -errno;
	if (r == 0)
		r = seal(fd, kind->flags);
	if (map_fd >= 0 && map_fd != fd)
		close(map_fd);
	if (r != 0 || kind->flags & ORPHAN)
		close(fd);
	else
		remember_file(address, fd);
	return r;
}

/* A child that lives as long as its parent and keeps sharing the parent's pages. */
static int fork_sharer(void)
{
	pid_t parent = getpid();
	pid_t child;

	if (helper_count == 64)
		return -EAGAIN;
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		/* The parent's pipes must not stay open here: their other end waits for EOF. */
		close_range(0, ~0u, 0);
		for (;;)
			pause();
	}
	helpers[helper_count++] = child;
	return 0;
}

void pages_release(void)
{
	while (helper_count > 0) {
		pid_t child = helpers[--helper_count];

		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
}

static int finish(const struct kind *kind, void *address, size_t size)
{
	int r = 0;

	if (kind->flags & GUARDED)
		r = madvise(address, size, PAGES_MADV_GUARD_INSTALL);
	else if (!(kind->flags & READ_ONLY_FD) && kind->protection != (R | W))
		r = mprotect(address, size, kind->protection);
	if (r != 0)
		return -errno;
	if (kind->flags & SEALED && syscall(PAGES_SYS_MSEAL, address, size, 0) != 0)
		return -errno;
	if (kind->flags & FORKED)
		return fork_sharer();
	if (kind->flags & PROTECTED)
		return fault_protect(address, size);
	return 0;
}

int pages_lay(const char *name, void *address, size_t size, uint64_t seed)
{
	const struct kind *kind = NULL;
	size_t i;
	int r;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			kind = &kinds[i];
	if (kind == NULL)
		return -EINVAL;
	if (kind->source == NOTHING)
		return munmap(address, size) == 0 ? 0 : -errno;
	if (kind->source == ANONYMOUS || kind->source == HUGE || kind->source == SHARED)
		r = map_anonymous(kind, address, size);
	else if (kind->source == SEGMENT)
		r = map_segment(address, size);
	else
		r = map_file(kind, address, size, seed);
	if (r != 0)
		return r;
	if (kind->flags & MISSING)
		r = fault_register(address, size);
	if (r == 0 && kind->flags & POISONED)
		r = fault_poison(address, size);
	if (r != 0)
		return r;
	if (kind->flags & FILLED && !filled_through_file(kind))
		pattern_fill(address, (uintptr_t)address, size, seed);
	return finish(kind, address, size);
}
