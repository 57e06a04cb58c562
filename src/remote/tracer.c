/* SPDX-License-Identifier: MIT */
/* The pool of helper processes. */
#include "tracer.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fork_notice.h"
#include "syscall.h"
#include "thread_list.h"
#include "trace.h"

enum turn { GONE, REQUEST, DONE }; /* GONE is what the kernel writes when the helper dies */

enum {
	BLOCK = 128 * 1024, /* record, guard, stack; before it the thread area */
	PAGE = 4096,
	NEAR = 16 * 1024, /* libc's own thread-local variables, around errno */
	IDLE_MS = 2000,
	WATCH_MS = 100,
	LATE_MS = 5,
	POOL = 16,
	KCMP_VM = 1,
};

struct credentials {
	uid_t uid[3];
	gid_t gid[3];
	struct __user_cap_data_struct caps[2];
};

struct machvm__tracer {
	int turn;       /* futex; also cleared by the kernel at exit */
	int pid, owner; /* owner: thread group that made it */
	int result;
	int (*fn)(void *);
	int (*abandon)(void *);
	void (*bury)(void *);
	void *bury_arg;
	void *arg;
	bool leave, busy;
	struct credentials credentials;
	void *memory;
	size_t size;
};

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static struct machvm__tracer *pool[POOL];

static long futex(int *word, int what, int value, const struct timespec *timeout)
{
	/* Not private: the kernel's wake-up at exit is not either. */
	return machvm__syscall4(SYS_futex, (long)word, what, value, (long)timeout);
}

/* ---- inside the helper ---- */

static void wake_up(int signal)
{
	(void)signal;
}

/* The helper that this is: its block is a multiple of its size away from 0. */
static struct machvm__tracer *whoami(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	return (struct machvm__tracer *)(here & ~(uintptr_t)(BLOCK - 1));
}

static void bury(int signal)
{
	struct machvm__tracer *t = whoami();

	(void)signal;
	if (t->bury)
		t->bury(t->bury_arg);
}

void machvm__tracer_let_die(struct machvm__tracer *t, void (*fn)(void *))
{
	uint64_t child = UINT64_C(1) << (SIGCHLD - 1);

	if (fn) {
		t->bury_arg = t->arg;
		t->bury = fn;
	}
	machvm__syscall4(SYS_rt_sigprocmask, fn ? SIG_UNBLOCK : SIG_BLOCK, (long)&child, 0,
			 sizeof(child));
	t->bury = fn;
}

void machvm__tracer_leave(struct machvm__tracer *t)
{
	__atomic_store_n(&t->leave, true, __ATOMIC_RELEASE);
}

/* Should a notice of the kernel be lost, or not be sent for what a leader's end is to it. */
static void look_again(struct machvm__tracer *t)
{
	uint64_t child = UINT64_C(1) << (SIGCHLD - 1);
	void (*fn)(void *) = t->bury;

	if (!fn)
		return;
	machvm__tracer_let_die(t, NULL);
	fn(t->bury_arg);
	t->bury = fn;
	machvm__syscall4(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&child, 0, sizeof(child));
}

/* The process that made us is gone, or lives in another address space now. */
static bool orphaned(const struct machvm__tracer *t)
{
	long r;

	if (machvm__syscall0(SYS_getppid) != t->owner)
		return true;
	r = machvm__syscall6(SYS_kcmp, machvm__syscall0(SYS_getpid), t->owner, KCMP_VM, 0, 0, 0);
	return r > 0;
}

/* Signals: none but the one that says that a thread of our maker ended. */
static void settle(void)
{
	struct sigaction wake = {.sa_handler = wake_up};
	struct sigaction child = {.sa_handler = bury, .sa_flags = SA_RESTART};
	uint64_t mask = ~(UINT64_C(1) << (SIGUSR1 - 1));

	sigaction(SIGUSR1, &wake, NULL);
	sigaction(SIGCHLD, &child, NULL);
	machvm__syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof(mask));
	machvm__syscall0(SYS_setsid);
	machvm__syscall3(SYS_close_range, 0, UINT32_MAX, 0);
	machvm__syscall2(SYS_prctl, PR_SET_PDEATHSIG, SIGUSR1);
	machvm__syscall2(SYS_prctl, PR_SET_NAME, (long)"machvm-tracer");
}

/* From here on nobody can make a request: one that came first keeps us. */
static bool retire(struct machvm__tracer *t)
{
	int turn = DONE;

	return __atomic_compare_exchange_n(&t->turn, &turn, GONE, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static int serve(void *arg)
{
	struct machvm__tracer *t = arg;
	unsigned idle = 0;

	settle();
	for (;;) {
		int turn = __atomic_load_n(&t->turn, __ATOMIC_ACQUIRE);
		struct timespec watch = {0, WATCH_MS * 1000000L};

		if (turn == REQUEST) {
			idle = 0;
			t->result = t->fn(t->arg);
			__atomic_store_n(&t->turn, DONE, __ATOMIC_RELEASE);
			futex(&t->turn, FUTEX_WAKE, 1, NULL);
			continue;
		}
		if (futex(&t->turn, FUTEX_WAIT, DONE, &watch) == -EAGAIN)
			continue;
		if (orphaned(t)) {
			if (t->abandon)
				t->abandon(t->arg);
			return 0;
		}
		look_again(t);
		idle = __atomic_load_n(&t->busy, __ATOMIC_ACQUIRE) ? 0 : idle + 1;
		if ((__atomic_load_n(&t->leave, __ATOMIC_ACQUIRE) || idle > IDLE_MS / WATCH_MS) &&
		    retire(t))
			return 0;
	}
}

/* ---- outside ---- */

static void credentials_of_thread(struct credentials *c)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};

	memset(c, 0, sizeof(*c));
	machvm__syscall3(SYS_getresuid, (long)&c->uid[0], (long)&c->uid[1], (long)&c->uid[2]);
	machvm__syscall3(SYS_getresgid, (long)&c->gid[0], (long)&c->gid[1], (long)&c->gid[2]);
	machvm__syscall2(SYS_capget, (long)&header, (long)c->caps);
}

bool machvm__tracer_alone(void)
{
	struct stat st;
	/* Changes nothing: it succeeds in a process of one thread and is EINVAL in others. */
	long r = machvm__syscall1(SYS_unshare, CLONE_THREAD);

	if (!r || r == -EINVAL)
		return !r;
	/* A link for "." and "..", one for each thread. */
	return !stat("/proc/self/task", &st) && st.st_nlink == 3;
}

int machvm__tracer_pid(const struct machvm__tracer *tracer)
{
	return tracer->pid;
}

bool machvm__tracer_dead(struct machvm__tracer *t)
{
	return __atomic_load_n(&t->turn, __ATOMIC_ACQUIRE) == GONE;
}

static bool in_pool(int pid)
{
	bool found = false;

	pthread_mutex_lock(&pool_lock);
	for (unsigned i = 0; i < POOL; i++)
		found = found || (pool[i] && pool[i]->pid == pid);
	pthread_mutex_unlock(&pool_lock);
	return found;
}

bool machvm__tracer_ours(int pid)
{
	struct machvm__thread_stat stat;
	int self = getpid(), r;
	int64_t parent;
	long other;

	if (pid <= 0)
		return false;
	/* It may end meanwhile: its memory goes first, then it is seen to exit, then it is gone. */
	other = machvm__syscall6(SYS_kcmp, pid, self, KCMP_VM, 0, 0, 0);
	/* Containers are refused kcmp, and not ptrace. The pool knows all but those beyond its size. */
	if (other < 0)
		other = !in_pool(pid);
	parent = machvm__thread_list_status(pid, pid, "PPid:", 0);
	r = machvm__thread_list_stat(pid, pid, &stat);
	if (parent == -ESRCH || r == -ESRCH)
		return true;
	return !r && parent == self && (!other || machvm__thread_list_left(&stat));
}

void machvm__tracer_freeze(void)
{
	pthread_mutex_lock(&pool_lock);
}

void machvm__tracer_thaw(void)
{
	pthread_mutex_unlock(&pool_lock);
}

/* There in builds with the address sanitizer alone. */
extern void __asan_unpoison_memory_region(const volatile void *memory, size_t size)
	__attribute__((__weak__));

/* What a helper had on its stack would stay marked, for what is mapped there next. */
static void unmark(const struct machvm__tracer *t)
{
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(t, BLOCK);
}

/* Its stack goes when it has ended, not when it says so. */
static void discard(struct machvm__tracer *t)
{
	machvm__syscall4(SYS_wait4, t->pid, 0, __WALL, 0);
	unmark(t);
	munmap(t->memory, t->size);
}

/*
 * The program's thread-local variables, of whatever size, lie between the thread pointer
 * and those of libc, which its functions use in a helper, too.
 */
static size_t area_size(void)
{
	uintptr_t pointer = (uintptr_t)__builtin_thread_pointer(), variable = (uintptr_t)&errno;
	size_t distance = pointer > variable ? pointer - variable : variable - pointer;

	/* The pointer is in the middle. */
	return (2 * (distance + NEAR) + PAGE - 1) & ~(size_t)(PAGE - 1);
}

/* A multiple of its size away from 0, and so much memory before it. */
static unsigned char *map_block(size_t area)
{
	unsigned char *all = mmap(NULL, area + 2 * BLOCK, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	size_t before;

	if (all == MAP_FAILED)
		return NULL;
	before = -((uintptr_t)all + area) & (BLOCK - 1);
	if (before)
		munmap(all, before);
	munmap(all + before + area + BLOCK, BLOCK - before);
	return all + before + area;
}

static int create(struct machvm__tracer **tracer)
{
	size_t area = area_size();
	unsigned char *block = map_block(area);
	struct machvm__tracer *t = (struct machvm__tracer *)(void *)block;
	uint64_t all = ~UINT64_C(0), before;
	void *tls;
	long r;

	if (!block)
		return -ENOMEM;
	t->memory = block - area;
	t->size = area + BLOCK;
	/* Not a fork's business: the child of a fork has no such helper. */
	madvise(t->memory, t->size, MADV_DONTFORK);
	mprotect(block + PAGE, PAGE, PROT_NONE);
	t->turn = DONE;
	t->busy = true;
	t->owner = getpid();
	credentials_of_thread(&t->credentials);
	tls = machvm__arch_thread_area(t->memory, area);
	machvm__syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, sizeof(all));
	/* No exit signal: a plain wait of ours never sees it. */
	r = machvm__arch_clone(CLONE_VM | CLONE_SETTLS | CLONE_CHILD_CLEARTID, block + BLOCK, NULL,
			       &t->turn, tls, serve, t);
	machvm__syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, sizeof(all));
	if (r < 0) {
		munmap(t->memory, t->size);
		return (int)r;
	}
	t->pid = (int)r;
	*tracer = t;
	return 0;
}

static void dismiss(struct machvm__tracer *t)
{
	__atomic_store_n(&t->leave, true, __ATOMIC_RELEASE);
	/* A wake-up without a request: it looks at `leave` and goes. */
	futex(&t->turn, FUTEX_WAKE, 1, NULL);
}

/* An idle helper with our rights, or NULL. Called with the lock held. */
static struct machvm__tracer *take(int owner, const struct credentials *rights)
{
	for (unsigned i = 0; i < POOL; i++) {
		struct machvm__tracer *t = pool[i];

		if (!t || t->owner != owner)
			continue;
		if (!t->busy && machvm__tracer_dead(t)) {
			pool[i] = NULL;
			discard(t);
		} else if (!t->busy && memcmp(&t->credentials, rights, sizeof(*rights))) {
			dismiss(t);
		} else if (!t->busy && !t->leave) {
			__atomic_store_n(&t->busy, true, __ATOMIC_RELEASE);
			return t;
		}
	}
	return NULL;
}

void machvm__tracer_trim(void)
{
	int self = getpid();

	machvm__fork_notice();
	pthread_mutex_lock(&pool_lock);
	for (unsigned i = 0; i < POOL; i++) {
		struct machvm__tracer *t = pool[i];

		if (!t || t->owner != self || __atomic_load_n(&t->busy, __ATOMIC_ACQUIRE))
			continue;
		dismiss(t);
		pool[i] = NULL;
		discard(t);
	}
	pthread_mutex_unlock(&pool_lock);
}

static void remember(struct machvm__tracer *t)
{
	for (unsigned i = 0; i < POOL; i++) {
		if (!pool[i]) {
			pool[i] = t;
			return;
		}
	}
}

/*
 * In a child: the pool names helpers of the parent, in memory that was not inherited, and
 * whoever held the lock was a thread of the parent.
 */
static void forget_inherited(void)
{
	pool_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	for (unsigned i = 0; i < POOL; i++) {
		if (pool[i])
			unmark(pool[i]);
		pool[i] = NULL;
	}
}

int machvm__tracer_get(struct machvm__tracer **tracer)
{
	struct credentials rights;
	struct machvm__tracer *t;
	int r = 0;

	machvm__fork_notice_add(forget_inherited);
	machvm__fork_notice();
	credentials_of_thread(&rights);
	pthread_mutex_lock(&pool_lock);
	t = take(getpid(), &rights);
	if (!t) {
		r = create(&t);
		if (!r)
			remember(t);
	}
	pthread_mutex_unlock(&pool_lock);
	if (!r)
		*tracer = t;
	return r;
}

void machvm__tracer_put(struct machvm__tracer *tracer, bool spent)
{
	bool kept = false;

	if (!tracer)
		return;
	pthread_mutex_lock(&pool_lock);
	for (unsigned i = 0; i < POOL; i++)
		kept = kept || pool[i] == tracer;
	tracer->abandon = NULL;
	if (kept && !spent && !machvm__tracer_dead(tracer)) {
		__atomic_store_n(&tracer->busy, false, __ATOMIC_RELEASE);
	} else {
		/* Its end frees what it traces. */
		machvm__syscall2(SYS_kill, tracer->pid, SIGKILL);
		for (unsigned i = 0; i < POOL; i++)
			pool[i] = pool[i] == tracer ? NULL : pool[i];
		discard(tracer);
	}
	pthread_mutex_unlock(&pool_lock);
}

int machvm__tracer_run(struct machvm__tracer *tracer, int (*fn)(void *), void *arg,
		       int (*abandon)(void *), void (*relieve)(void *), int *result)
{
	const struct timespec late = {0, LATE_MS * 1000000L};
	int turn;

	if (!tracer) {
		*result = fn(arg);
		return 0;
	}
	tracer->fn = fn;
	tracer->arg = arg;
	tracer->abandon = abandon;
	turn = DONE;
	if (!__atomic_compare_exchange_n(&tracer->turn, &turn, REQUEST, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		return -EOWNERDEAD;
	futex(&tracer->turn, FUTEX_WAKE, 1, NULL);
	while ((turn = __atomic_load_n(&tracer->turn, __ATOMIC_ACQUIRE)) == REQUEST)
		if (futex(&tracer->turn, FUTEX_WAIT, REQUEST, relieve ? &late : NULL) ==
			    -ETIMEDOUT &&
		    relieve)
			relieve(arg);
	if (turn == GONE)
		return -EOWNERDEAD;
	*result = tracer->result;
	return 0;
}
