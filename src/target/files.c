/* SPDX-License-Identifier: MIT */
/*
 * files.c - the descriptors of a target's /proc files: opened when first
 * needed, held when that is safe, replaced when the target has exec'ed.
 *
 * Holding is safe when the address space is the target's own (a vfork child's
 * is its parent's) and descriptors are not scarce. A held descriptor keeps its
 * number for the target's life: dup3 swaps what is behind it, so that a thread
 * in the middle of a read never finds another file's descriptor there.
 */
#include "target.h"

#include <errno.h>
#include <fcntl.h>

#include "descriptor.h"

static const char *const names[MACHVM__FILES] = {"maps", "pagemap", "mem", "smaps", "mem"};

/* How many are held by all targets together; at most half of what we may have. */
static _Atomic int held_count;

static int open_once(struct machvm__target *target, const char *name, int flags)
{
	int fd;

	if (target->own)
		return machvm__descriptor_open_self(name, flags);
	if (target->kind == MACHVM__HANDLE_DIRECTORY && !atomic_load(&target->proc_tid))
		return machvm__descriptor_open_at(target->handle, name, flags);
	if (!target->numbers.proc_tgid)
		return -EOPNOTSUPP;
	fd = machvm__descriptor_open_proc(target->numbers.proc_tgid, atomic_load(&target->proc_tid),
	                                  name, flags);
	/* The path names a number: it was the target's if the target still lives. */
	if (machvm__process_alive(target->handle, target->kind)) {
		if (fd >= 0)
			machvm__descriptor_close(fd);
		return -ESRCH;
	}
	return fd;
}

static int open_file(struct machvm__target *target, const char *name, int flags)
{
	int fd = -ESRCH;

	/* A number leads to whatever program it runs now; what was received ends with the old one. */
	if (target->received)
		return -EACCES;
	/*
	 * A dead leader has no memory of its own; its threads still do. In the midst of an execve
	 * the thread that goes on takes the leader's number over, and is found under neither.
	 */
	for (int tries = 0; tries < MACHVM__TARGET_PROGRAMS; tries++) {
		fd = open_once(target, name, flags);
		if ((fd != -ESRCH && fd != -ENOENT && fd != -EACCES) || target->own)
			break;
		if (machvm__target_rename(target) &&
		    (fd == -EACCES || machvm__process_alive(target->handle, target->kind)))
			break;
	}
	if (fd == -ENOENT)
		fd = machvm__process_alive(target->handle, target->kind) ? -ESRCH : -EOPNOTSUPP;
	return fd;
}

int machvm__target_open_named(struct machvm__target *target, const char *name)
{
	return open_file(target, name, O_RDONLY);
}

int machvm__target_open_named_writable(struct machvm__target *target, const char *name)
{
	return open_file(target, name, O_RDWR);
}

int machvm__target_open_named_path(struct machvm__target *target, const char *name)
{
	return open_file(target, name, O_PATH);
}

int machvm__target_open_stopped(struct machvm__target *target, const char *name, bool writable)
{
	int flags = writable ? O_RDWR : O_RDONLY;

	return target->received ? open_once(target, name, flags) : open_file(target, name, flags);
}

static int open_kind(struct machvm__target *target, enum machvm__file_kind kind)
{
	bool write = kind == MACHVM__FILE_MEMORY && target->writable;

	return open_file(target, names[kind], write ? O_RDWR : O_RDONLY);
}

bool machvm__target_alone(struct machvm__target *target)
{
	if (target->own || atomic_load_explicit(&target->alone, memory_order_acquire))
		return true;
	if (!machvm__process_owns_memory(&target->numbers) ||
	    /* The number that was compared was the target's. */
	    machvm__process_alive(target->handle, target->kind))
		return false;
	atomic_store_explicit(&target->alone, true, memory_order_release);
	return true;
}

bool machvm__target_room(int fd)
{
	return (uint64_t)atomic_load(&held_count) < machvm__descriptor_limit() / 2 &&
	       (uint64_t)fd < machvm__descriptor_limit() * 3 / 4;
}

int machvm__target_open(struct machvm__target *target, enum machvm__file_kind kind,
                        struct machvm__file *file)
{
	file->replaced = &target->replaced;
	file->opened = atomic_load(&target->replaced);
	file->fd = atomic_load_explicit(&target->files[kind], memory_order_acquire);
	file->held = true;
	if (__builtin_expect(file->fd >= 0, 1))
		return 0;

	pthread_mutex_lock(&target->lock);
	file->fd = atomic_load(&target->files[kind]);
	if (file->fd < 0) {
		bool alone = machvm__target_alone(target);

		file->fd = open_kind(target, kind);
		file->held = alone && file->fd >= 0 && machvm__target_room(file->fd);
		if (file->held) {
			atomic_fetch_add(&held_count, 1);
			atomic_store_explicit(&target->files[kind], file->fd, memory_order_release);
		}
	}
	pthread_mutex_unlock(&target->lock);
	return file->fd < 0 ? file->fd : 0;
}

int machvm__target_reopen(struct machvm__target *target, enum machvm__file_kind kind,
                          struct machvm__file *file)
{
	bool alone = machvm__target_alone(target);
	int fd, r = 0;

	if (target->received) {
		machvm__target_end(target);
		return -ESRCH;
	}
	pthread_mutex_lock(&target->lock);
	/* Somebody else has been here, and what is behind the number is right again. */
	if (kind == MACHVM__FILE_MAPS && file->held && atomic_load(&target->replaced) != file->opened) {
		file->opened = atomic_load(&target->replaced);
		pthread_mutex_unlock(&target->lock);
		return 0;
	}
	machvm__light_drop(&target->light);
	/* A leader that has exited leaves an empty map behind; its threads have the memory. */
	machvm__target_rename(target);
	fd = open_kind(target, kind);
	if (fd < 0) {
		r = fd;
	} else if (!file->held) {
		machvm__descriptor_close(file->fd);
		file->fd = fd;
	} else if (alone && machvm__target_room(fd)) {
		/* Counted first: who finds the new program behind the number knows it by that. */
		if (kind == MACHVM__FILE_MAPS)
			file->opened = atomic_fetch_add(&target->replaced, 1) + 1;
		r = machvm__descriptor_replace(fd, file->fd);
	} else {
		file->fd = fd;
		file->held = false;
	}
	/* What was refused to the old program need not be refused to the new one. */
	atomic_store(&target->refused, 0);
	pthread_mutex_unlock(&target->lock);
	return r;
}

int machvm__target_follow(struct machvm__target *target, enum machvm__file_kind kind,
                          struct machvm__file *file, unsigned *programs)
{
	if (++*programs > MACHVM__TARGET_PROGRAMS)
		return -ESRCH;
	return machvm__target_reopen(target, kind, file);
}

void machvm__target_keep(struct machvm__target *target, enum machvm__file_kind kind, int fd)
{
	atomic_fetch_add(&held_count, 1);
	atomic_store_explicit(&target->files[kind], fd, memory_order_release);
}

int machvm__target_same(struct machvm__target *target)
{
	struct machvm__file maps = {.fd = atomic_load(&target->files[MACHVM__FILE_MAPS])};

	/* A right to its name has no file of the map, and outlives the program. */
	if (target->received && maps.fd >= 0 && !machvm__target_image_lives(&maps))
		machvm__target_end(target);
	return machvm__target_alive(target);
}

void machvm__target_end(struct machvm__target *target)
{
	atomic_store(&target->watch.dead, true);
}

void machvm__target_close(struct machvm__file *file)
{
	if (!file->held)
		machvm__descriptor_close(file->fd);
	file->fd = -1;
}

void machvm__target_release_files(struct machvm__target *target)
{
	for (int i = 0; i < MACHVM__FILES; i++) {
		int fd = atomic_exchange(&target->files[i], -1);

		if (fd < 0)
			continue;
		machvm__descriptor_close(fd);
		atomic_fetch_sub(&held_count, 1);
	}
}
