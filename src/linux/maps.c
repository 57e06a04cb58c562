/* SPDX-License-Identifier: MIT */
/* maps.c - PROCMAP_QUERY and the text of /proc/PID/maps. */
#include "maps.h"

#include <errno.h>
#include <string.h>

#include "fast_cpu.h"
#include "uapi.h"

int machvm__maps_query(int maps_fd, uint64_t raddr, struct machvm__vma *vma, char *name,
                       size_t name_size)
{
	struct machvm__procmap_query query = {
		.size = sizeof query,
		.query_flags = MACHVM__PROCMAP_COVERING_OR_UP,
		.query_addr = raddr,
		.vma_name_size = name ? (uint32_t)name_size : 0,
		.vma_name_addr = (uint64_t)(uintptr_t)name,
	};

	long r;

	while ((r = machvm__fast_call(SYS_ioctl, maps_fd, (long)MACHVM__PROCMAP_QUERY, (long)&query, 0, 0,
	                              0))) {
		if (r == -ENAMETOOLONG && query.vma_name_size) {
			query.vma_name_size = 0;
			query.vma_name_addr = 0;
		} else if (r != -EINTR) {
			return (int)r;
		}
	}
	*vma = (struct machvm__vma){
		.start = query.vma_start,
		.end = query.vma_end,
		.offset = query.vma_offset,
		.inode = query.inode,
		.device_major = query.dev_major,
		.device_minor = query.dev_minor,
		.page_size = (uint32_t)query.vma_page_size,
		.access = (unsigned)query.vma_flags & 15,
		/* The kernel counts the closing null. */
		.name_length = query.vma_name_size ? query.vma_name_size - 1 : 0,
	};
	return 0;
}


/* One more than the value of a lower-case hexadecimal digit; 0 for every other character. */
static const unsigned char digit[256] = {
	['0'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
	['a'] = 11, 12, 13, 14, 15, 16,
};

/*
 * Each of these takes its part off the front of the line and returns where it
 * ends, or null. A line ends with a null, which is no part of anything, so none
 * of them can pass it. 65,000 lines are parsed at a time: this is the one place
 * where a byte costs.
 */
static const char *hexadecimal(const char *at, uint64_t *value)
{
	const char *first = at;
	uint64_t v = 0;
	unsigned char d;

	for (; (d = digit[(unsigned char)*at]) != 0; at++)
		v = v << 4 | (d - 1u);
	*value = v;
	return at > first && at - first <= 16 ? at : NULL;
}

static const char *decimal(const char *at, uint64_t *value)
{
	const char *first = at;
	uint64_t v = 0;

	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*at - '0'), &v))
			return NULL;
	*value = v;
	return at > first ? at : NULL;
}

static const char *literal(const char *at, char ch)
{
	return at && *at == ch ? at + 1 : NULL;
}

static const char *permissions(const char *at, unsigned *access)
{
	for (int i = 0; i < 4; i++)
		if (!at[i])
			return NULL;
	*access = (at[0] == 'r' ? MACHVM__VMA_READ : 0u) | (at[1] == 'w' ? MACHVM__VMA_WRITE : 0u) |
	          (at[2] == 'x' ? MACHVM__VMA_EXECUTE : 0u) |
	          (at[3] == 's' ? MACHVM__VMA_SHARED : 0u);
	return at + 4;
}

static const char *device(const char *at, struct machvm__vma *vma)
{
	uint64_t major, minor;

	if (!(at = hexadecimal(at, &major)) || !(at = literal(at, ':')) ||
	    !(at = hexadecimal(at, &minor)) || major > UINT32_MAX || minor > UINT32_MAX)
		return NULL;
	vma->device_major = (uint32_t)major;
	vma->device_minor = (uint32_t)minor;
	return at;
}

int machvm__maps_parse(const char *line, size_t length, struct machvm__vma *vma, size_t *name_at)
{
	const char *at = line;

	if (!(at = hexadecimal(at, &vma->start)) || !(at = literal(at, '-')) ||
	    !(at = hexadecimal(at, &vma->end)) || !(at = literal(at, ' ')) ||
	    !(at = permissions(at, &vma->access)) || !(at = literal(at, ' ')) ||
	    !(at = hexadecimal(at, &vma->offset)) || !(at = literal(at, ' ')) ||
	    !(at = device(at, vma)) || !(at = literal(at, ' ')) || !(at = decimal(at, &vma->inode)))
		return -EINVAL;
	if (vma->end <= vma->start)
		return -EINVAL;
	vma->page_size = 0;
	while (*at == ' ')
		at++;
	*name_at = (size_t)(at - line);
	vma->name_length = length - *name_at;
	return 0;
}

int machvm__maps_next(struct machvm__text *text, struct machvm__vma *vma, const char **name)
{
	size_t length, name_at;
	char *line;
	int r;

	while ((r = machvm__text_line(text, &line, &length)) > 0) {
		if (machvm__maps_parse(line, length, vma, &name_at))
			return -EINVAL;
		if (!machvm__maps_reachable(vma->start))
			continue;
		if (name)
			*name = line + name_at;
		break;
	}
	return r;
}

int machvm__maps_single(char *text, size_t size, struct machvm__vma *vma, const char **name)
{
	size_t name_at;

	if (!size || memchr(text, '\n', size) != text + size - 1)
		return -EINVAL;
	text[size - 1] = '\0';
	if (machvm__maps_parse(text, size - 1, vma, &name_at))
		return -EINVAL;
	*name = text + name_at;
	return 0;
}
