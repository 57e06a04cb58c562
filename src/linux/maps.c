/* SPDX-License-Identifier: MIT */
/* maps.c - PROCMAP_QUERY and the text of /proc/PID/maps. */
#include "maps.h"

#include <errno.h>
#include <stdbool.h>
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

#define EACH_BYTE(value) ((value)*UINT64_C(0x0101010101010101))

/*
 * Eight hexadecimal digits at once, a byte each in `x` as they stand in memory:
 * false when one of the bytes is none.
 */
static bool eight_digits(const char *at, uint64_t *value)
{
	uint64_t x, n, letters;

	memcpy(&x, at, sizeof x);
	n = (x & EACH_BYTE(0x0f)) + 9 * (x >> 6 & EACH_BYTE(0x01));
	letters = (n + EACH_BYTE(0x06)) >> 4 & EACH_BYTE(0x01);
	/* Written out again, digits are what they were. */
	if ((n & EACH_BYTE(0xf0)) || n + EACH_BYTE('0') + letters * ('a' - '0' - 10) != x)
		return false;
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		n = __builtin_bswap64(n);
	n = (n | n >> 4) & UINT64_C(0x00ff00ff00ff00ff);
	n = (n | n >> 8) & UINT64_C(0x0000ffff0000ffff);
	*value = (n | n >> 16) & UINT32_MAX;
	return true;
}

/*
 * Each of these takes its part off the front of the line and returns where it
 * ends, or null. A line ends with a null, which is no part of anything, so none
 * of them can pass it; `room` is how far away it is, or 0 where digits are few.
 * 65,000 lines are parsed at a time: this is the one place where a byte costs.
 */
static const char *hexadecimal(const char *at, size_t room, uint64_t *value)
{
	const char *end = at;
	uint64_t v = 0;
	unsigned char d;

	if (room >= 8 && eight_digits(at, &v))
		end += 8;
	for (; (d = digit[(unsigned char)*end]) != 0; end++)
		v = v << 4 | (d - 1u);
	*value = v;
	return end > at && end - at <= 16 ? end : NULL;
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

	if (!(at = hexadecimal(at, 0, &major)) || !(at = literal(at, ':')) ||
	    !(at = hexadecimal(at, 0, &minor)) || major > UINT32_MAX || minor > UINT32_MAX)
		return NULL;
	vma->device_major = (uint32_t)major;
	vma->device_minor = (uint32_t)minor;
	return at;
}

int machvm__maps_parse(const char *line, size_t length, struct machvm__vma *vma, size_t *name_at)
{
	const char *at = line, *last = line + length;

	if (!(at = hexadecimal(at, (size_t)(last - at), &vma->start)) ||
	    !(at = literal(at, '-')) ||
	    !(at = hexadecimal(at, (size_t)(last - at), &vma->end)) ||
	    !(at = literal(at, ' ')) || !(at = permissions(at, &vma->access)) ||
	    !(at = literal(at, ' ')) ||
	    !(at = hexadecimal(at, (size_t)(last - at), &vma->offset)) ||
	    !(at = literal(at, ' ')) ||
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
