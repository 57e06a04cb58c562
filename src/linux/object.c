/* SPDX-License-Identifier: MIT */
/* object.c - descriptors, seals and mappings of shared memory. */
#include "object.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "descriptor.h"
#include "pages.h"
#include "uapi.h"

int machvm__object_take(int pidfd, int fd)
{
	/* Close-on-exec by itself. */
	int copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	return copy < 0 ? -errno : copy;
}

static bool has_inode(int fdinfo, const char *name, uint64_t inode)
{
	char text[512]; /* what a driver adds comes behind */
	const char *line;

	if (machvm__descriptor_read_file(fdinfo, name, text, sizeof text))
		text[0] = '\0';
	line = strstr(text, "\nino:");
	return line && strtoull(line + 5, NULL, 10) == inode;
}

/* The folder lists them in ascending order (proc_readfd_common). */
int machvm__object_find(int fdinfo, uint64_t inode, int *number)
{
	int copy = machvm__descriptor_open_at(fdinfo, ".", O_RDONLY | O_DIRECTORY), r = -ENOENT;
	DIR *folder = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!folder) {
		r = copy < 0 ? copy : -errno;
		machvm__descriptor_close(copy);
		return r;
	}
	while (r == -ENOENT && (entry = readdir(folder))) {
		char *end;
		long found = strtol(entry->d_name, &end, 10);

		if (*end || found <= *number || !has_inode(fdinfo, entry->d_name, inode))
			continue;
		*number = (int)found;
		r = 0;
	}
	closedir(folder);
	return r;
}

/* STATX_TYPE and STATX_SIZE as the kernel knows them: a file's server is not asked. */
static int look_at(int fd, struct statx *look)
{
	unsigned wanted = STATX_TYPE | STATX_SIZE;

	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, wanted, look) ? -errno : 0;
}

int machvm__object_reopen(int path_fd, int flags)
{
	struct statx look;
	char name[32];
	int r = look_at(path_fd, &look);

	if (r == 0 && !S_ISREG(look.stx_mode))
		r = -ENODEV;
	if (r == 0) {
		snprintf(name, sizeof name, "fd/%d", path_fd);
		r = machvm__descriptor_open_self(name, flags);
	}
	machvm__descriptor_close(path_fd);
	return r;
}

int machvm__object_look(int fd, struct machvm__object_facts *facts)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct statx look;
	int r;

	/* Seals first: a size that is read behind the seal stays. */
	facts->steady = seals >= 0 && seals & F_SEAL_SHRINK;
	r = look_at(fd, &look);
	facts->regular = r == 0 && S_ISREG(look.stx_mode);
	facts->size = r == 0 ? look.stx_size : 0;
	return r;
}

int machvm__object_seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) ? -errno : 0;
}

bool machvm__object_same(int a, int b)
{
	struct stat one, other;

	return !fstat(a, &one) && !fstat(b, &other) && one.st_ino == other.st_ino &&
	       one.st_dev == other.st_dev;
}

int machvm__object_map(void *at, size_t size, bool writable, int fd, uint64_t offset, void **where)
{
	void *mapping = mmap64(at, size, PROT_READ | (writable ? PROT_WRITE : 0),
			       MAP_SHARED | (at ? MAP_FIXED : 0), fd, (off64_t)offset);

	if (mapping == MAP_FAILED)
		return -errno;
	*where = mapping;
	return 0;
}

/* shmat maps whole segments. The part that is wanted is moved away, the rest is given back. */
int machvm__object_attach(void *at, size_t size, bool writable, int id, uint64_t offset,
			  void **where)
{
	uint64_t page = machvm__page_size() - 1;
	char *whole = shmat(id, NULL, writable ? 0 : SHM_RDONLY);
	struct shmid_ds facts;
	void *mapping;
	int r = 0;

	if (whole == (void *)-1)
		return -errno;
	if (shmctl(id, IPC_STAT, &facts) || offset > facts.shm_segsz ||
	    size > ((facts.shm_segsz - offset + page) & ~page)) {
		shmdt(whole);
		return -EINVAL;
	}
	mapping = at ? at : machvm__object_room(size);
	if (!mapping || mremap(whole + offset, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
			       mapping) == MAP_FAILED)
		r = mapping ? -errno : -ENOMEM;
	/* Finds what is left of the segment by its first address, also when that is gone. */
	shmdt(whole);
	if (r == 0)
		*where = mapping;
	else if (mapping && !at)
		munmap(mapping, size);
	return r;
}

void *machvm__object_room(size_t size)
{
	void *room =
		mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return room == MAP_FAILED ? NULL : room;
}

void *machvm__object_shared_page(void)
{
	void *page = mmap(NULL, machvm__page_size(), PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? NULL : page;
}
