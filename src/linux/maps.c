/* SPDX-License-Identifier: MIT */
/* maps.c - PROCMAP_QUERY and the text of /proc/PID/maps. */
#include "maps.h"

#include <errno.h>
#include <string.h>

#include "descriptor.h"
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

/* A cursor over one line that never passes its end. */
struct cursor {
	const char *at;
	const char *end;
};

static bool hexadecimal(struct cursor *c, uint64_t *value)
{
	const char *first = c->at;
	uint64_t v = 0;

	for (; c->at < c->end; c->at++) {
		unsigned char ch = (unsigned char)*c->at;
		unsigned digit;

		if (ch >= '0' && ch <= '9')
			digit = ch - '0' + 0u;
		else if (ch >= 'a' && ch <= 'f')
			digit = ch - 'a' + 10u;
		else
			break;
		v = v << 4 | digit;
	}
	*value = v;
	return c->at > first && c->at - first <= 16;
}

static bool decimal(struct cursor *c, uint64_t *value)
{
	const char *first = c->at;
	uint64_t v = 0;

	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*c->at - '0'), &v))
			return false;
	}
	*value = v;
	return c->at > first;
}

static bool literal(struct cursor *c, char ch)
{
	if (c->at == c->end || *c->at != ch)
		return false;
	c->at++;
	return true;
}

static bool permissions(struct cursor *c, unsigned *access)
{
	if (c->end - c->at < 4)
		return false;
	*access = (c->at[0] == 'r' ? MACHVM__VMA_READ : 0u) |
	          (c->at[1] == 'w' ? MACHVM__VMA_WRITE : 0u) |
	          (c->at[2] == 'x' ? MACHVM__VMA_EXECUTE : 0u) |
	          (c->at[3] == 's' ? MACHVM__VMA_SHARED : 0u);
	c->at += 4;
	return true;
}

int machvm__maps_parse(const char *line, size_t length, struct machvm__vma *vma, size_t *name_at)
{
	struct cursor c = {line, line + length};
	uint64_t major, minor;

	if (!hexadecimal(&c, &vma->start) || !literal(&c, '-') || !hexadecimal(&c, &vma->end) ||
	    !literal(&c, ' ') || !permissions(&c, &vma->access) || !literal(&c, ' ') ||
	    !hexadecimal(&c, &vma->offset) || !literal(&c, ' ') || !hexadecimal(&c, &major) ||
	    !literal(&c, ':') || !hexadecimal(&c, &minor) || !literal(&c, ' ') ||
	    !decimal(&c, &vma->inode))
		return -EINVAL;
	if (vma->end <= vma->start || major > UINT32_MAX || minor > UINT32_MAX)
		return -EINVAL;
	vma->device_major = (uint32_t)major;
	vma->device_minor = (uint32_t)minor;
	vma->page_size = 0;
	while (c.at < c.end && *c.at == ' ')
		c.at++;
	*name_at = (size_t)(c.at - line);
	vma->name_length = (size_t)(c.end - c.at);
	return 0;
}

int machvm__maps_text_init(struct machvm__maps_text *text, int maps_fd, char *buffer, size_t size)
{
	*text = (struct machvm__maps_text){.fd = maps_fd, .buffer = buffer, .size = size};
	return machvm__descriptor_rewind(maps_fd);
}

/* Reads on behind what is left of the last piece. The kernel ends a piece anywhere. */
static int fill(struct machvm__maps_text *text)
{
	ssize_t n;

	if (text->start) {
		memmove(text->buffer, text->buffer + text->start, text->end - text->start);
		text->end -= text->start;
		text->start = 0;
	}
	if (text->end == text->size)
		return -EOVERFLOW;
	n = machvm__descriptor_read(text->fd, text->buffer + text->end, text->size - text->end);
	if (n < 0)
		return (int)n;
	text->end += (size_t)n;
	text->finished = n == 0;
	return 0;
}

int machvm__maps_text_next(struct machvm__maps_text *text, struct machvm__vma *vma,
                           const char **name)
{
	for (;;) {
		char *line = text->buffer + text->start;
		char *newline = memchr(line, '\n', text->end - text->start);
		size_t name_at;

		if (newline) {
			*newline = '\0';
			text->start = (size_t)(newline + 1 - text->buffer);
			if (machvm__maps_parse(line, (size_t)(newline - line), vma, &name_at))
				return -EINVAL;
			if (name)
				*name = line + name_at;
			return 1;
		}
		if (text->finished)
			return 0;
		int r = fill(text);
		if (r)
			return r;
	}
}
