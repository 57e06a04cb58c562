/* SPDX-License-Identifier: MIT */
/* gates.c - gathers what can be seen of the gates in front of one process. */
#include "gates.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/nsfs.h>
#include <linux/seccomp.h>

#include "descriptor.h"
#include "process.h"
#include "status.h"
#include "text.h"

#define STATUS_SIZE 8192
#define MAX_DEPTH   64 /* of pid and user namespaces; the kernel allows 32 */

/* Flag of field 9 of /proc/PID/stat (include/linux/sched.h, unchanged since 2.6.27). */
#define PF_KTHREAD 0x00200000u

/* The first line, fit to be printed. Names are their owner's choice: no escape sequences. */
static void read_line_at(int directory, const char *name, char *line, size_t size)
{
	if (machvm__descriptor_read_file(directory, name, line, size))
		line[0] = '\0';
	/* The kernel ends the text with a newline or (attr/current) a null. */
	line[strcspn(line, "\n")] = '\0';
	machvm__text_tame(line);
}

static int open_directory(int proc_pid)
{
	return machvm__descriptor_open_proc(proc_pid, 0, "", O_PATH | O_DIRECTORY);
}

static void read_name(int proc_pid, char *name, size_t size)
{
	int directory = open_directory(proc_pid);

	name[0] = '\0';
	if (directory >= 0)
		read_line_at(directory, "comm", name, size);
	machvm__descriptor_close(directory);
}

static int move_own(bool write)
{
	char from = 0, to = 0;
	struct iovec local = {&from, 1}, remote = {&to, 1};
	ssize_t n = write ? process_vm_writev(getpid(), &local, 1, &remote, 1, 0)
			  : process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	return n < 0 ? -errno : 0;
}

/*
 * Access is judged before the address is (mm/process_vm_access.c), so EFAULT
 * means "come in". The judgement is the same for reading and writing: only a
 * read is tried. An address of the kernel's half cannot be a page that waits
 * for userfaultfd; a 32-bit caller can name only the null page with such certainty.
 */
static int try_copy(int tid)
{
	char byte;
	uintptr_t nowhere = sizeof(void *) == 8 ? ~(uintptr_t)4095 : 0;
	struct iovec local = {&byte, 1}, remote = {(void *)nowhere, 1};
	ssize_t n = process_vm_readv(tid, &local, 1, &remote, 1, 0);

	return n >= 0 || errno == EFAULT ? 0 : -errno;
}

static int try_open(int directory, const char *name, int flags)
{
	int fd = machvm__descriptor_open_at(directory, name, flags);

	machvm__descriptor_close(fd);
	return fd < 0 ? fd : 0;
}

/* Also when it is another pid namespace's and has no directory of ours. */
static bool proc_is_readable(void)
{
	return try_open(AT_FDCWD, "/proc/version", O_RDONLY) == 0;
}

static void gather_caller(struct machvm__gates *gates)
{
	char status[STATUS_SIZE];
	int self = machvm__descriptor_open_at(AT_FDCWD, "/proc/thread-self", O_PATH | O_DIRECTORY);

	if (self >= 0 && machvm__descriptor_read_file(self, "status", status, sizeof status) == 0 &&
	    machvm__credentials_parse(status, &gates->caller)) {
		gates->seccomp = (int)machvm__status_number(status, "Seccomp:", 0);
	} else {
		/* A /proc that cannot be opened (a filter may see to that) is as good as none. */
		gates->proc_missing = !proc_is_readable();
		machvm__credentials_ask(&gates->caller);
		gates->seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) > 0 ? SECCOMP_MODE_FILTER : 0;
	}
	machvm__descriptor_close(self);
	machvm__credentials_login(gates->caller.uid[MACHVM__REAL], gates->caller_login,
				  sizeof gates->caller_login);
	gates->own_copy_read = move_own(false);
	gates->own_copy_write = move_own(true);
}

static void gather_policy(struct machvm__gates *gates)
{
	char scope[16];

	read_line_at(AT_FDCWD, "/sys/kernel/security/lsm", gates->modules, sizeof gates->modules);
	gates->yama = -1;
	if (machvm__descriptor_read_file(AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope", scope,
					 sizeof scope) == 0)
		gates->yama = atoi(scope);
}

/* Our own number in /proc; 0 when it does not show us. */
static int own_number_in_proc(void)
{
	char link[24];
	ssize_t n = readlink("/proc/self", link, sizeof link - 1);

	link[n < 0 ? 0 : n] = '\0';
	return atoi(link);
}

/* Is `ancestor` on the way from the process to its init? All numbers are /proc's. */
static bool descends(int proc_pid, int ancestor)
{
	char status[STATUS_SIZE];

	/* A chain of parents that changes while it is walked cannot make this endless. */
	for (int steps = 0; steps < 4096 && proc_pid > 0; steps++) {
		int directory = open_directory(proc_pid);
		int r = directory < 0 ? directory
				      : machvm__descriptor_read_file(directory, "status", status,
								     sizeof status);

		machvm__descriptor_close(directory);
		if (r)
			return false;
		proc_pid = (int)machvm__status_number(status, "PPid:", 0);
		if (proc_pid == ancestor)
			return true;
	}
	return false;
}

/* Walks from the target's user namespace towards the initial one, in search of ours. */
static enum machvm__relation climb(int namespace, ino_t ours)
{
	enum machvm__relation relation = MACHVM__RELATION_OTHER;
	struct stat st;

	for (int depth = 0; namespace >= 0 && depth < MAX_DEPTH; depth++) {
		/* EPERM: the parent is outside what we may see, so ours is not above. */
		int parent = ioctl(namespace, NS_GET_PARENT);

		close(namespace);
		namespace = parent;
		if (parent >= 0 && fstat(parent, &st) == 0 && st.st_ino == ours) {
			relation = MACHVM__RELATION_BELOW;
			break;
		}
	}
	machvm__descriptor_close(namespace);
	return relation;
}

static void gather_user_namespace(int directory, struct machvm__gates *gates)
{
	char ours[1024], theirs[1024];
	struct stat own, st;
	int fd;
	ssize_t n = readlinkat(directory, "ns/user", gates->user_namespace_name,
			       sizeof gates->user_namespace_name - 1);

	gates->user_namespace_name[n < 0 ? 0 : n] = '\0';
	fd = machvm__descriptor_open_at(directory, "ns/user", O_RDONLY);
	if (fd >= 0 && fstat(fd, &st) == 0 && stat("/proc/self/ns/user", &own) == 0) {
		if (st.st_ino != own.st_ino) {
			gates->user_namespace = climb(fd, own.st_ino);
			return;
		}
		gates->user_namespace = MACHVM__RELATION_SAME;
	}
	machvm__descriptor_close(fd);
	if (gates->user_namespace != MACHVM__RELATION_UNKNOWN)
		return;
	/*
	 * The link is for those whom PTRACE_MODE_READ lets in, the table of ids for
	 * everybody. Another table is another namespace; and one below ours would
	 * have let a capable caller in.
	 */
	if (machvm__descriptor_read_file(directory, "uid_map", theirs, sizeof theirs) == 0 &&
	    machvm__descriptor_read_file(AT_FDCWD, "/proc/self/uid_map", ours, sizeof ours) == 0)
		gates->user_namespace = strcmp(ours, theirs) ? MACHVM__RELATION_OTHER
							     : MACHVM__RELATION_SAME;
}

/*
 * Files of an undumpable process belong to root (task_dump_owner in
 * fs/proc/base.c); so do those of a process of root's, where nothing can be told.
 */
static enum machvm__finding look_dumpable(int directory, const struct machvm__gates *gates)
{
	const struct machvm__credentials *target = &gates->target;
	struct stat st;

	if (gates->user_namespace == MACHVM__RELATION_OTHER || fstatat(directory, "status", &st, 0))
		return MACHVM__UNKNOWN;
	if (st.st_uid != target->uid[MACHVM__EFFECTIVE] ||
	    st.st_gid != target->gid[MACHVM__EFFECTIVE])
		return MACHVM__NO;
	return st.st_uid || st.st_gid ? MACHVM__YES : MACHVM__UNKNOWN;
}

static unsigned long kernel_flags(const char *stat)
{
	const char *at = strrchr(stat, ')');
	unsigned long flags = 0;

	if (!at || sscanf(at, ") %*c %*d %*d %*d %*d %*d %lu", &flags) != 1)
		return 0;
	return flags;
}

static bool is_kernel_thread(int directory)
{
	char stat[1024];

	return machvm__descriptor_read_file(directory, "stat", stat, sizeof stat) == 0 &&
	       kernel_flags(stat) & PF_KTHREAD;
}

bool machvm__gates_kernel_thread(int proc_pid)
{
	int directory = open_directory(proc_pid);
	bool kernel = directory >= 0 && is_kernel_thread(directory);

	machvm__descriptor_close(directory);
	return kernel;
}

static void gather_visible(int directory, int proc_pid, const char *status,
			   struct machvm__gates *gates)
{
	int64_t numbers[MAX_DEPTH];
	int self = own_number_in_proc();
	int count = machvm__status_numbers(status, "NSpid:", numbers, MAX_DEPTH);

	machvm__credentials_parse(status, &gates->target);
	gates->target_login_group =
		machvm__credentials_login(gates->target.uid[MACHVM__REAL], gates->target_login,
					  sizeof gates->target_login);
	gates->inner_pid = count > 1 ? (int)numbers[count - 1] : 0;
	gates->kernel_thread = is_kernel_thread(directory);
	gates->parent = (int)machvm__status_number(status, "PPid:", 0);
	if (gates->parent)
		read_name(gates->parent, gates->parent_name, sizeof gates->parent_name);
	read_line_at(directory, "comm", gates->name, sizeof gates->name);
	read_line_at(directory, "attr/current", gates->context, sizeof gates->context);
	gather_user_namespace(directory, gates);
	gates->dumpable = look_dumpable(directory, gates);

	gates->descendant = self && descends(proc_pid, self);
	gates->tracer =
		machvm__gates_tracer(proc_pid, gates->tracer_name, sizeof gates->tracer_name);
	if (gates->tracer < 0)
		gates->tracer = 0;
	gates->tracer_own = gates->tracer && gates->tracer == self;
}

/* The files of the thread that stands for the process: the leader's, if it lives. */
static void try_files(int directory, const struct machvm__thread_numbers *thread,
		      struct machvm__gates *gates)
{
	char path[48] = "";
	char name[64];

	if (gates->leader_dead)
		snprintf(path, sizeof path, "task/%d/", thread->proc_tid);
	snprintf(name, sizeof name, "%smem", path);
	gates->memory_read = try_open(directory, name, O_RDONLY);
	gates->memory_write = try_open(directory, name, O_RDWR);
	snprintf(name, sizeof name, "%smaps", path);
	gates->regions = try_open(directory, name, O_RDONLY);
}

/* There is such a process, and /proc does not show it. */
static void gather_unseen(struct machvm__gates *gates, int error)
{
	gates->presence = MACHVM__PRESENCE_ALIVE;
	gates->hidden = !gates->proc_missing && !gates->proc_foreign;
	gates->memory_read = gates->memory_write = gates->regions = error;
	gates->copy = try_copy(gates->pid);
}

static void gather_numbers(const struct machvm__process_numbers *numbers,
			   struct machvm__gates *gates)
{
	struct machvm__thread_numbers thread = {numbers->tgid, numbers->proc_tgid};
	char status[STATUS_SIZE];
	int directory = open_directory(numbers->proc_tgid);
	int r = directory < 0 ? directory
			      : machvm__descriptor_read_file(directory, "status", status,
							     sizeof status);

	gates->proc_foreign = !gates->proc_missing && !numbers->proc_tgid;
	if (r) {
		gather_unseen(gates, r);
		machvm__descriptor_close(directory);
		return;
	}
	gates->presence = MACHVM__PRESENCE_ALIVE;
	gates->leader_dead = strchr("ZX", machvm__status_letter(status, "State:")) != NULL;
	if (gates->leader_dead && machvm__process_live_thread(numbers, &thread))
		gates->presence = MACHVM__PRESENCE_ZOMBIE;
	gather_visible(directory, numbers->proc_tgid, status, gates);
	gates->copy = try_copy(thread.tid ? thread.tid : gates->pid);
	try_files(directory, &thread, gates);
	machvm__descriptor_close(directory);
}

/* The number is nobody's pid. A thread of somebody's, or hidden where there are no pidfds? */
static void gather_stranger(struct machvm__gates *gates)
{
	char status[STATUS_SIZE];
	int directory = gates->pid > 0 ? open_directory(gates->pid) : -ENOENT;

	if (directory >= 0 &&
	    machvm__descriptor_read_file(directory, "status", status, sizeof status) == 0) {
		gates->group = (int)machvm__status_number(status, "Tgid:", 0);
		if (gates->group > 0 && gates->group != gates->pid) {
			gates->presence = MACHVM__PRESENCE_THREAD;
			read_name(gates->group, gates->name, sizeof gates->name);
		}
	} else if (gates->pid > 0 && (kill(gates->pid, 0) == 0 || errno == EPERM)) {
		gather_unseen(gates, -ENOENT);
	}
	machvm__descriptor_close(directory);
}

/* As many as are open at once, at the most: nothing below fails for want of one. */
static int try_descriptors(void)
{
	int ends[3][2], count = 0, r = 0;

	while (r == 0 && count < 3) {
		r = pipe2(ends[count], O_CLOEXEC) ? -errno : 0;
		count += r == 0;
	}
	while (count--) {
		close(ends[count][0]);
		close(ends[count][1]);
	}
	return r;
}

static void gather_once(int pid, struct machvm__gates *gates)
{
	struct machvm__process_numbers numbers = {0};
	enum machvm__handle kind;
	int handle, r;

	*gates = (struct machvm__gates){.pid = pid, .own = pid == machvm__process_self()};
	gates->shortage = try_descriptors();
	if (gates->shortage)
		return;
	gather_caller(gates);
	gather_policy(gates);
	handle = machvm__process_open(pid, &kind);
	if (handle < 0) {
		gather_stranger(gates);
		return;
	}
	r = machvm__process_identify(handle, &kind, &numbers);
	if (kind == MACHVM__HANDLE_DIRECTORY && own_number_in_proc() != machvm__process_self()) {
		/* No pidfds, and /proc counts in another pid namespace: that is somebody else. */
		numbers = (struct machvm__process_numbers){pid, 0};
	} else if (r == 0 && numbers.tgid && numbers.tgid != pid) {
		/* A thread has a directory in /proc as well. */
		gather_stranger(gates);
		machvm__descriptor_close(handle);
		return;
	}
	/* A zombie is dead for everybody else, and still has a name and a parent to tell of. */
	if (r == -ESRCH && !numbers.proc_tgid)
		numbers = (struct machvm__process_numbers){pid, pid};
	gather_numbers(&numbers, gates);
	/* It went away while we looked: some of this may be another process's. */
	if (gates->presence == MACHVM__PRESENCE_ALIVE && machvm__process_alive(handle, kind))
		gates->presence = MACHVM__PRESENCE_NONE;
	machvm__descriptor_close(handle);
}

void machvm__gates_gather(int pid, struct machvm__gates *gates)
{
	/* Whoever vanished in the middle is a zombie, or nobody, or somebody new: look again. */
	for (int tries = 0; tries < 2; tries++) {
		gather_once(pid, gates);
		if (gates->presence != MACHVM__PRESENCE_NONE || gates->shortage)
			break;
	}
}

static int tracer_of(int directory, const char *name)
{
	char status[STATUS_SIZE];
	int r = machvm__descriptor_read_file(directory, name, status, sizeof status);

	return r ? r : (int)machvm__status_number(status, "TracerPid:", 0);
}

int machvm__gates_tracer(int proc_pid, char *name, size_t size)
{
	char path[64];
	int directory = machvm__descriptor_open_proc(proc_pid, 0, "task", O_RDONLY | O_DIRECTORY);
	DIR *threads = directory < 0 ? NULL : fdopendir(directory);
	struct dirent *entry;
	int tracer = 0;

	if (size)
		name[0] = '\0';
	if (!threads) {
		machvm__descriptor_close(directory);
		return directory == -ENOENT ? -ESRCH : directory < 0 ? directory : -ENOMEM;
	}
	while (tracer == 0 && (entry = readdir(threads))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%.16s/status", entry->d_name);
		tracer = tracer_of(directory, path);
		/* A thread that has just exited says nothing about the others. */
		if (tracer < 0)
			tracer = 0;
	}
	closedir(threads);
	if (tracer > 0 && size)
		read_name(tracer, name, size);
	return tracer;
}
