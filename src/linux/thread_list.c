/* SPDX-License-Identifier: MIT */
/* /proc/PID/task and /proc/PID/maps on bare system calls. */
#include "thread_list.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "syscall.h"

struct path {
	char text[96];
	size_t length;
};

static void add(struct path *path, const char *text)
{
	while (*text && path->length < sizeof(path->text) - 1)
		path->text[path->length++] = *text++;
	path->text[path->length] = 0;
}

static void add_number(struct path *path, int number)
{
	char digits[12], *p = digits + sizeof(digits) - 1;
	unsigned n = (unsigned)number;

	*p = 0;
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	add(path, p);
}

static int open_path(const struct path *path, int flags)
{
	return (int)machvm__syscall4(SYS_openat, AT_FDCWD, (long)path->text, flags | O_CLOEXEC, 0);
}

static void close_fd(int fd)
{
	(void)machvm__syscall1(SYS_close, fd);
}

int machvm__thread_list_open(int proc_pid, const char *name, int flags)
{
	struct path path = {.length = 0};

	add(&path, "/proc/");
	add_number(&path, proc_pid);
	add(&path, "/");
	add(&path, name);
	return open_path(&path, flags);
}

int machvm__thread_list_open_thread(int proc_pid, int tid, const char *name)
{
	struct path path = {.length = 0};

	add(&path, "/proc/");
	add_number(&path, proc_pid);
	add(&path, "/task/");
	add_number(&path, tid);
	add(&path, name);
	return open_path(&path, O_RDONLY);
}

/* Reads a short file whole; the text ends with a NUL. */
static long read_thread(int proc_pid, int tid, const char *name, char *text, size_t size)
{
	int fd = machvm__thread_list_open_thread(proc_pid, tid, name);
	long n;

	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	n = machvm__syscall3(SYS_read, fd, (long)text, (long)size - 1);
	close_fd(fd);
	if (n < 0)
		return n;
	text[n] = 0;
	return n ? n : -ESRCH;
}

static uint64_t number_at(const char **p)
{
	uint64_t n = 0;

	while (**p >= '0' && **p <= '9')
		n = n * 10 + (uint64_t)(*(*p)++ - '0');
	return n;
}

static int parse_stat(const char *text, struct machvm__thread_stat *stat)
{
	const char *p;

	/* proc(5): the name may hold anything, the last parenthesis ends it */
	p = strrchr(text, ')');
	if (!p || !p[1] || !p[2])
		return -EIO;
	p += 2;
	memset(stat, 0, sizeof(*stat));
	stat->state = *p;
	for (unsigned field = 3; field <= 41; field++) {
		const char *q = p;

		if (field == 9)
			stat->flags = (uint32_t)number_at(&q);
		else if (field == 20)
			stat->threads = (uint32_t)number_at(&q);
		else if (field == 39)
			stat->cpu = (int)number_at(&q);
		else if (field == 41)
			stat->policy = (uint32_t)number_at(&q);
		while (*p && *p != ' ')
			p++;
		if (!*p++)
			break;
	}
	return 0;
}

int machvm__thread_list_stat(int proc_pid, int tid, struct machvm__thread_stat *stat)
{
	char text[1024];
	long n = read_thread(proc_pid, tid, "/stat", text, sizeof(text));

	return n < 0 ? (int)n : parse_stat(text, stat);
}

int machvm__thread_list_stat_fd(int fd, struct machvm__thread_stat *stat)
{
	char text[1024];
	/* From the start each time; two words for the offset where longs are 32 bits. */
	long n = machvm__syscall6(SYS_pread64, fd, (long)text, sizeof(text) - 1, 0, 0, 0);

	if (n <= 0)
		return n ? (int)n : -ESRCH;
	text[n] = 0;
	return parse_stat(text, stat);
}

bool machvm__thread_list_left(const struct machvm__thread_stat *stat)
{
	enum { PF_EXITING = 0x4 }; /* include/linux/sched.h */

	return machvm__thread_list_ended(stat->state) || stat->flags & PF_EXITING;
}

static uint64_t hex_at(const char *p)
{
	uint64_t value = 0;

	for (; *p > ' '; p++)
		value = value << 4 | (unsigned)(*p <= '9' ? *p - '0' : (*p | 32) - 'a' + 10);
	return value;
}

int machvm__thread_list_sp(int proc_pid, int tid, uint64_t *sp)
{
	char text[256], *space;
	long n = read_thread(proc_pid, tid, "/syscall", text, sizeof(text));

	if (n < 0)
		return (int)n;
	/* "running", or numbers of which the last two are the stack pointer and where it is */
	space = strrchr(text, ' ');
	if (!space)
		return -EAGAIN;
	*space = 0;
	space = strrchr(text, ' ');
	if (!space || space[1] != '0' || space[2] != 'x')
		return -EIO;
	*sp = hex_at(space + 3);
	return 0;
}

/* What follows `name` at the beginning of a line, NULL when no line has it. */
static const char *line_of(const char *text, const char *name)
{
	size_t length = strlen(name);

	while (strncmp(text, name, length)) {
		text = strchr(text, '\n');
		if (!text++)
			return NULL;
	}
	return text + length;
}

uint64_t machvm__thread_list_hex(int proc_pid, int tid, const char *name)
{
	char text[4096];
	const char *p;

	if (read_thread(proc_pid, tid, "/status", text, sizeof(text)) < 0)
		return UINT64_MAX;
	p = line_of(text, name);
	if (!p)
		return UINT64_MAX;
	while (*p == ' ' || *p == '\t')
		p++;
	return hex_at(p);
}

int64_t machvm__thread_list_status(int proc_pid, int tid, const char *name, unsigned nth)
{
	char text[4096];
	const char *p;
	long n = read_thread(proc_pid, tid, "/status", text, sizeof(text));

	if (n < 0)
		return n;
	p = line_of(text, name);
	if (!p)
		return -ENOENT;
	for (;;) {
		while (*p == ' ' || *p == '\t')
			p++;
		if (*p == '\n' || !*p)
			return -ENOENT;
		if (!nth--)
			return (int64_t)number_at(&p);
		while (*p > ' ')
			p++;
	}
}

struct entry {
	uint64_t inode, offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

int machvm__thread_list_read(int proc_pid, int *tids, size_t capacity)
{
	_Alignas(8) char buffer[4096];
	int fd = machvm__thread_list_open(proc_pid, "task", O_RDONLY | O_DIRECTORY), count = 0;
	long n;

	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	while ((n = machvm__syscall3(SYS_getdents64, fd, (long)buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < n;) {
			struct entry *e = (struct entry *)(void *)(buffer + at);
			const char *p = e->name;
			int tid = (int)number_at(&p);

			if (tid) {
				if ((size_t)count < capacity)
					tids[count] = tid;
				count++;
			}
			at += e->length;
		}
	}
	close_fd(fd);
	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	return count ? count : -ESRCH;
}

int machvm__thread_list_maps(int proc_pid, int tid, int (*line)(const char *, void *), void *data)
{
	char buffer[4097];
	size_t have = 0;
	int fd = machvm__thread_list_open_thread(proc_pid, tid, "/maps"), r = 0;
	bool cut = false;
	long n;

	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	while (!r && (n = machvm__syscall3(SYS_read, fd, (long)(buffer + have),
					   (long)(sizeof(buffer) - 1 - have))) > 0) {
		char *p = buffer, *end;

		have += (size_t)n;
		while (!r && (end = memchr(p, '\n', have - (size_t)(p - buffer)))) {
			*end = 0;
			if (!cut)
				r = line(p, data);
			cut = false;
			p = end + 1;
		}
		have -= (size_t)(p - buffer);
		memmove(buffer, p, have);
		if (have == sizeof(buffer) - 1) {
			buffer[have] = 0;
			if (!cut)
				r = line(buffer, data);
			cut = true;
			have = 0;
		}
	}
	close_fd(fd);
	return r ? r : n < 0 ? (int)n : 0;
}
