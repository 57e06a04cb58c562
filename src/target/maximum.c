/* SPDX-License-Identifier: MIT */
/* maximum.c - the rule, the memory of what smaps said, and the look at smaps. */
#include "maximum.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "descriptor.h"
#include "smaps.h"
#include "target.h"

#define EVERYTHING \
	((unsigned)(MACHVM__VM_MAY_READ | MACHVM__VM_MAY_WRITE | MACHVM__VM_MAY_EXECUTE))
#define DEVICE ((unsigned)(MACHVM__VM_IO | MACHVM__VM_PFNMAP))

struct machvm__known {
	struct machvm__vma vma;
	unsigned flags;
};

void machvm__maximum_init(struct machvm__maximum *maximum)
{
	*maximum = (struct machvm__maximum){.lock = PTHREAD_MUTEX_INITIALIZER, .mountinfo = -1};
}

void machvm__maximum_renew(struct machvm__maximum *maximum)
{
	/* Not freed: the parent may have forked in the middle of malloc(). */
	machvm__descriptor_close(maximum->mountinfo);
	machvm__maximum_init(maximum);
}

void machvm__maximum_drop(struct machvm__maximum *maximum)
{
	pthread_mutex_lock(&maximum->lock);
	machvm__descriptor_close(maximum->mountinfo);
	maximum->mountinfo = -1;
	free(maximum->mounts);
	maximum->mounts = NULL;
	maximum->mount_count = 0;
	free(maximum->known);
	maximum->known = NULL;
	maximum->known_count = 0;
	pthread_mutex_unlock(&maximum->lock);
}

/* Reads the mounts if they have changed since they were read last. With the lock. */
static void update_mounts(struct machvm__target *target)
{
	struct machvm__maximum *maximum = &target->maximum;
	struct machvm__mount *mounts;
	int fd = maximum->mountinfo;
	int count;

	if (fd >= 0 && !machvm__mounts_changed(fd))
		return;
	if (fd < 0)
		fd = machvm__target_open_named(target, "mountinfo");
	count = fd < 0 ? fd : machvm__mounts_read(fd, &mounts);
	free(maximum->mounts);
	maximum->mounts = count > 0 ? mounts : NULL;
	maximum->mount_count = count > 0 ? count : 0;
	if (fd < 0 || maximum->mountinfo >= 0)
		return;
	if (machvm__target_room(fd))
		maximum->mountinfo = fd;
	else
		machvm__descriptor_close(fd);
}

/* Where an answer comes from. */
enum source { RULE, MEMORY, LOOK };

/* Mappings of a file that may be read and written: the question is whether they may be executed. */
static enum source judge_file(struct machvm__target *target, const struct machvm__vma *vma,
                              unsigned *flags)
{
	struct machvm__maximum *maximum = &target->maximum;
	const struct machvm__mount *mount = NULL;
	enum source source = MEMORY;

	pthread_mutex_lock(&maximum->lock);
	update_mounts(target);
	for (int i = 0; i < maximum->mount_count && !mount; i++)
		if (maximum->mounts[i].device_major == vma->device_major &&
		    maximum->mounts[i].device_minor == vma->device_minor)
			mount = &maximum->mounts[i];
	if (mount)
		source = mount->execution == MACHVM__EXECUTION_UNKNOWN ? LOOK : RULE;
	if (mount && mount->execution == MACHVM__EXECUTION_REFUSED)
		*flags &= ~(unsigned)MACHVM__VM_MAY_EXECUTE;
	pthread_mutex_unlock(&maximum->lock);
	return source;
}

/* "[vdso]", "[vvar]" and whatever else a kernel maps of its own, by other rules than mmap(2)'s. */
static bool kernel_made(const char *name)
{
	static const char *const common[] = {"[heap]", "[stack", "[anon:", "[anon_shmem:"};

	for (size_t i = 0; i < sizeof common / sizeof *common; i++)
		if (!strncmp(name, common[i], strlen(common[i])))
			return false;
	return name[0] == '[';
}

/* By what to judge a region; *flags when it is the rule. */
static enum source judge(struct machvm__target *target, const struct machvm__vma *vma,
                         const char *name, unsigned *flags)
{
	/* Filled by an ioctl that tools which follow memory do not know. */
	char asked[MACHVM__SMAPS_NAME] = "";
	struct machvm__vma again;

	*flags = EVERYTHING;
	if (vma->access & MACHVM__VMA_SHARED && !(vma->access & MACHVM__VMA_WRITE))
		return LOOK;
	if (vma->inode)
		return vma->access & MACHVM__VMA_EXECUTE ? RULE : judge_file(target, vma, flags);
	/* Of the kernel's mappings only those that may have everything are ever writable. */
	if (vma->access & MACHVM__VMA_WRITE)
		return RULE;
	if (!name) {
		name = asked;
		if (machvm__target_region(target, vma->start, &again, asked, sizeof asked))
			return LOOK;
	}
	return kernel_made(name) ? MEMORY : RULE;
}

static bool same(const struct machvm__vma *a, const struct machvm__vma *b)
{
	return a->start == b->start && a->end == b->end && a->offset == b->offset &&
	       a->inode == b->inode && a->device_major == b->device_major &&
	       a->device_minor == b->device_minor &&
	       (a->access & MACHVM__VMA_SHARED) == (b->access & MACHVM__VMA_SHARED);
}

static unsigned may(unsigned access)
{
	return (access & MACHVM__VMA_READ ? MACHVM__VM_MAY_READ : 0u) |
	       (access & MACHVM__VMA_WRITE ? MACHVM__VM_MAY_WRITE : 0u) |
	       (access & MACHVM__VMA_EXECUTE ? MACHVM__VM_MAY_EXECUTE : 0u);
}

static int compare(const void *key, const void *element)
{
	uint64_t start = *(const uint64_t *)key;
	const struct machvm__known *known = element;

	return start < known->vma.start ? -1 : start > known->vma.start;
}

/* What is known of exactly that region: 0 and *flags, or -ENOENT. */
static int recall(struct machvm__target *target, const struct machvm__vma *vma, unsigned *flags)
{
	struct machvm__maximum *maximum = &target->maximum;
	struct machvm__known *known = NULL;
	int r = -ENOENT;

	pthread_mutex_lock(&maximum->lock);
	if (maximum->known_count)
		known = bsearch(&vma->start, maximum->known, maximum->known_count,
		                sizeof *maximum->known, compare);
	/* More is permitted now than could be then: another mapping after all. */
	if (known && same(&known->vma, vma) && !(may(vma->access) & ~known->flags)) {
		*flags = known->flags;
		r = 0;
	}
	pthread_mutex_unlock(&maximum->lock);
	return r;
}

struct list {
	struct machvm__known *known;
	size_t count, room;
};

static int append(struct list *list, const struct machvm__known *known)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct machvm__known *grown = realloc(list->known, room * sizeof *grown);

		if (!grown)
			return -ENOMEM;
		list->known = grown;
		list->room = room;
	}
	list->known[list->count++] = *known;
	return 0;
}

/* Of a region's flags those that it keeps: other advice than a driver's can be taken back. */
static unsigned lasting(unsigned flags)
{
	return flags & (EVERYTHING | DEVICE | (flags & DEVICE ? MACHVM__VM_DONTCOPY : 0u));
}

/* One pass over smaps: all regions that the rule may leave open. */
static int learn(struct machvm__target *target)
{
	struct machvm__maximum *maximum = &target->maximum;
	char buffer[MACHVM__TEXT_BUFFER];
	struct machvm__smaps region;
	struct machvm__text text;
	struct list list = {0};
	int r = machvm__target_open_list(target, "smaps", &text, buffer, sizeof buffer);

	if (r)
		return r;
	while (r == 0 && (r = machvm__smaps_next(&text, &region)) > 0) {
		struct machvm__known known = {.vma = region.vma};

		r = 0;
		if (!region.vma.inode && !(region.vma.access & MACHVM__VMA_SHARED) &&
		    !kernel_made(region.name))
			continue;
		known.flags = lasting(region.flags);
		r = append(&list, &known);
	}
	machvm__descriptor_close(text.fd);
	if (r < 0) {
		free(list.known);
		return r;
	}
	pthread_mutex_lock(&maximum->lock);
	free(maximum->known);
	maximum->known = list.known;
	maximum->known_count = list.count;
	pthread_mutex_unlock(&maximum->lock);
	return 0;
}

static int look(struct machvm__target *target, const struct machvm__vma *vma, unsigned *flags)
{
	struct machvm__smaps region;
	int r = machvm__target_counted_region(target, vma->start, &region);

	if (r)
		return r == -ENOENT ? -EAGAIN : r;
	*flags = lasting(region.flags);
	return same(&region.vma, vma) ? 0 : -EAGAIN;
}

int machvm__target_maximum(struct machvm__target *target, const struct machvm__vma *vma,
                           const char *name, unsigned *flags)
{
	int r;

	switch (judge(target, vma, name, flags)) {
	case RULE:
		return 0;
	case LOOK:
		return look(target, vma, flags);
	case MEMORY:
		break;
	}
	/* What others read from as well is asked for one region at a time. */
	if (target->received)
		return look(target, vma, flags);
	if (recall(target, vma, flags) == 0)
		return 0;
	r = learn(target);
	if (r)
		return r;
	return recall(target, vma, flags) == 0 ? 0 : -EAGAIN;
}
