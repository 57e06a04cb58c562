/* SPDX-License-Identifier: MIT */
/* process.c - pidfds, pid namespaces, liveness. */
#include "process.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/kcmp.h>

#include "descriptor.h"
#include "status.h"
#include "thread_list.h"
#include "trace.h"
#include "uapi.h"

#define STATUS_SIZE 8192

/*
 * /proc/PID in the place of a pidfd: only where /proc counts as we do, and not
 * the directory of a thread, which can be opened by its number as well.
 */
static int open_directory(int pid)
{
	char self[16], text[STATUS_SIZE];
	ssize_t n = readlink("/proc/self", self, sizeof self - 1);
	int fd, r;

	self[n < 0 ? 0 : n] = '\0';
	if (n < 0 || atoi(self) != getpid())
		return -EOPNOTSUPP;
	fd = machvm__descriptor_open_proc(pid, 0, "", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	r = machvm__descriptor_read_file(fd, "status", text, sizeof text);
	if (r == 0 && machvm__status_number(text, "Tgid:", 0) != pid)
		r = -ESRCH;
	if (r)
		close(fd);
	return r ? r : fd;
}

int machvm__process_open(int pid, enum machvm__handle *kind)
{
	int fd;

	if (pid <= 0)
		return -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	*kind = MACHVM__HANDLE_PIDFD;
	if (fd >= 0)
		return fd;
	/* The number is a thread's: EINVAL, and ENOENT on 6.18. */
	if (errno == EINVAL || errno == ENOENT)
		return -ESRCH;
	if (errno != ENOSYS && errno != EPERM)
		return -errno;
	*kind = MACHVM__HANDLE_DIRECTORY;
	return open_directory(pid);
}

/*
 * The number in our own namespace, from a text that counts in the namespace of
 * the mounted /proc and from there inwards (NSpid): our own place in that list is
 * how many numbers we have ourselves. 0 when there is none.
 */
static int number_here(const char *text)
{
	enum { MOST = 32 }; /* the kernel nests them that deep */
	char status[STATUS_SIZE];
	int64_t theirs[MOST], ours[MOST];
	int count = machvm__status_numbers(text, "NSpid:", theirs, MOST);
	int r = machvm__descriptor_read_file(AT_FDCWD, "/proc/self/status", status, sizeof status);
	int depth = r ? 0 : machvm__status_numbers(status, "NSpid:", ours, MOST);

	return depth > 0 && depth <= count ? (int)theirs[depth - 1] : 0;
}

static int own_number(int pidfd, const char *fdinfo)
{
	struct machvm__pidfd_info info = {.mask = MACHVM__PIDFD_INFO_PID};

	if (ioctl(pidfd, MACHVM__PIDFD_GET_INFO, &info) == 0)
		return (int)info.tgid;
	/* ESRCH: not visible from here, or reaped; ENOTTY: an older kernel. */
	return errno == ESRCH || errno == EREMOTE ? 0 : number_here(fdinfo);
}

static int identify_pidfd(int fd, struct machvm__process_numbers *numbers)
{
	char text[STATUS_SIZE], path[40];
	int64_t pid = 0;
	int info;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0 && (errno == EMFILE || errno == ENFILE))
		return -errno;
	if (info < 0) {
		/* No /proc: the kernel's own answer is all there is. */
		struct machvm__pidfd_info query = {.mask = MACHVM__PIDFD_INFO_PID};
		if (ioctl(fd, MACHVM__PIDFD_GET_INFO, &query))
			return errno == ESRCH ? -ESRCH : -EBADF;
		*numbers = (struct machvm__process_numbers){(int)query.tgid, 0};
		return 0;
	}
	n = machvm__descriptor_read_text(info, text, sizeof text);
	close(info);
	if (n < 0)
		return (int)n;
	if (machvm__status_numbers(text, "Pid:", &pid, 1) != 1)
		return -EBADF;
	if (pid < 0)
		return -ESRCH;
	*numbers = (struct machvm__process_numbers){own_number(fd, text), (int)pid};
	return 0;
}

static int identify_directory(int fd, struct machvm__process_numbers *numbers)
{
	char text[STATUS_SIZE];
	int64_t pid;
	int r = machvm__descriptor_read_file(fd, "status", text, sizeof text);

	if (r)
		return r == -ENOENT ? -EBADF : r;
	if (machvm__status_numbers(text, "Tgid:", &pid, 1) != 1)
		return -EBADF;
	*numbers = (struct machvm__process_numbers){(int)pid, (int)pid};
	return machvm__process_alive(fd, MACHVM__HANDLE_DIRECTORY);
}

int machvm__process_identify(int handle, enum machvm__handle *kind,
                             struct machvm__process_numbers *numbers)
{
	struct stat st;

	if (fstat(handle, &st))
		return -EBADF;
	if (S_ISDIR(st.st_mode)) {
		*kind = MACHVM__HANDLE_DIRECTORY;
		return identify_directory(handle, numbers);
	}
	*kind = MACHVM__HANDLE_PIDFD;
	int r = identify_pidfd(handle, numbers);
	return r ? r : machvm__process_alive(handle, *kind);
}

/* The state letter of a stat text, behind the last parenthesis of the name. */
static char state(const char *stat)
{
	const char *close_name = strrchr(stat, ')');

	return close_name && close_name[1] ? close_name[2] : '\0';
}

static char state_below(int directory, const char *name)
{
	char text[1024];

	return machvm__descriptor_read_file(directory, name, text, sizeof text) ? '\0'
									       : state(text);
}

static bool dead(char state_letter)
{
	return state_letter == '\0' || machvm__thread_list_ended(state_letter);
}

/* The first live thread below an open directory /proc/PID/task; 0 when there is none. */
static int live_tid(int task)
{
	DIR *listing = fdopendir(task);
	struct dirent *entry;
	int tid = 0;

	if (!listing) {
		close(task);
		return 0;
	}
	while (!tid && (entry = readdir(listing))) {
		char name[64];

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		snprintf(name, sizeof name, "%.16s/stat", entry->d_name);
		if (!dead(state_below(dirfd(listing), name)))
			tid = atoi(entry->d_name);
	}
	closedir(listing);
	return tid;
}

int machvm__process_alive(int handle, enum machvm__handle kind)
{
	if (kind == MACHVM__HANDLE_PIDFD)
		return machvm__trace_alive(handle);
	if (!dead(state_below(handle, "stat")))
		return 0;
	int task = machvm__descriptor_open_at(handle, "task", O_RDONLY | O_DIRECTORY);
	return task >= 0 && live_tid(task) ? 0 : -ESRCH;
}

bool machvm__process_listed(int pid)
{
	return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

bool machvm__process_shown(int proc_pid)
{
	char path[32];

	snprintf(path, sizeof path, "/proc/%d", proc_pid);
	return access(path, F_OK) == 0;
}

bool machvm__process_has_thread(int tgid, int tid)
{
	return syscall(SYS_tgkill, tgid, tid, 0) == 0 || errno == EPERM;
}

int machvm__process_self(void)
{
	return (int)getpid();
}

int machvm__process_self_thread(void)
{
	return (int)syscall(SYS_gettid);
}

int machvm__process_live_thread(const struct machvm__process_numbers *numbers,
                                struct machvm__thread_numbers *thread)
{
	int directory = machvm__descriptor_open_proc(numbers->proc_tgid, 0, "", O_RDONLY | O_DIRECTORY);
	char status[STATUS_SIZE], name[40];
	int task, tid, r;

	if (directory < 0)
		return -ESRCH;
	*thread = (struct machvm__thread_numbers){numbers->tgid, numbers->proc_tgid};
	if (!dead(state_below(directory, "stat"))) {
		close(directory);
		return 0;
	}
	task = machvm__descriptor_open_at(directory, "task", O_RDONLY | O_DIRECTORY);
	tid = task < 0 ? 0 : live_tid(task);
	snprintf(name, sizeof name, "task/%d/status", tid);
	r = tid ? machvm__descriptor_read_file(directory, name, status, sizeof status) : -ESRCH;
	close(directory);
	if (r)
		return -ESRCH;
	*thread = (struct machvm__thread_numbers){tid, tid};
	if (numbers->tgid == numbers->proc_tgid)
		return 0;
	/* /proc counts in another namespace than our system calls do. */
	thread->tid = number_here(status);
	return 0;
}

/*
 * Where the stack of a process began (field 28 of its stat), 0 when that is not
 * for us to know. It is drawn at random for each address space that an exec makes.
 */
static uint64_t stack_start(int pid)
{
	enum { STATE = 3, START_STACK = 28 };
	int directory = machvm__descriptor_open_proc(pid, 0, "", O_PATH | O_DIRECTORY);
	char text[1024];
	const char *at;
	int r;

	if (directory < 0)
		return 0;
	r = machvm__descriptor_read_file(directory, "stat", text, sizeof text);
	close(directory);
	at = r ? NULL : strrchr(text, ')');
	for (int field = STATE - 1; at && field < START_STACK; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

bool machvm__process_owns_memory(const struct machvm__process_numbers *numbers)
{
	char status[STATUS_SIZE];
	int64_t parent = 0;
	uint64_t start;
	int directory, r;

	if (!numbers->proc_tgid)
		return false;
	directory = machvm__descriptor_open_proc(numbers->proc_tgid, 0, "", O_PATH | O_DIRECTORY);
	if (directory < 0)
		return false;
	r = machvm__descriptor_read_file(directory, "status", status, sizeof status);
	close(directory);
	if (r || machvm__status_numbers(status, "PPid:", &parent, 1) != 1)
		return false;
	/* No parent in sight (an orphan of another namespace, or init itself). */
	if (parent == 0)
		return true;
	/* The parent's number is one that /proc counts. */
	if (numbers->tgid == numbers->proc_tgid) {
		r = (int)syscall(SYS_kcmp, numbers->tgid, (int)parent, KCMP_VM, 0, 0);
		if (r >= 0)
			return r > 0;
	}
	/*
	 * No such call, or one that a filter refuses; or we may look at the child and
	 * not at its parent, and then the two memories differ: access is judged by user
	 * ids, which a child cannot shed without making shared memory undumpable for
	 * itself as well.
	 */
	start = stack_start(numbers->proc_tgid);
	return start && start != stack_start((int)parent);
}

int machvm__process_word(const struct machvm__process_numbers *numbers)
{
	int fd = machvm__descriptor_open_proc(numbers->proc_tgid, 0, "exe", O_RDONLY);
	struct machvm__thread_numbers thread;
	unsigned char ident[EI_NIDENT];
	ssize_t n;

	/* A dead leader has no program, but live threads have. */
	if (fd == -ENOENT && machvm__process_live_thread(numbers, &thread) == 0)
		fd = machvm__descriptor_open_proc(numbers->proc_tgid, thread.proc_tid, "exe", O_RDONLY);
	if (fd < 0)
		return 0;
	n = machvm__descriptor_read(fd, ident, sizeof ident);
	close(fd);
	if (n != sizeof ident || memcmp(ident, ELFMAG, SELFMAG))
		return 0;
	return ident[EI_CLASS] == ELFCLASS32 ? 4 : 8;
}
