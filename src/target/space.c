/* SPDX-License-Identifier: MIT */
/* space.c - own calls and remote ones behind one shape. */
#include "space.h"

#include <errno.h>
#include <linux/prctl.h>
#include <string.h>

#include "own_call.h"
#include "process.h"

#ifndef PR_SET_VMA /* Linux 5.17 */
#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

/* The last that this thread has opened and not closed. */
static _Thread_local struct machvm__space *innermost;

void machvm__space_lock(struct machvm__target *target)
{
	pthread_mutex_lock(&target->calls);
}

void machvm__space_unlock(struct machvm__target *target)
{
	pthread_mutex_unlock(&target->calls);
}

static unsigned session_flags(unsigned flags)
{
	return (flags & MACHVM__SPACE_ALL ? MACHVM__SESSION_ALL : 0u) |
	       (flags & MACHVM__SPACE_STILL ? MACHVM__SESSION_STILL : 0u);
}

static int open_session(struct machvm__space *space, unsigned flags)
{
	struct machvm__target *target = space->target;
	struct machvm__session_target *who = &target->session;
	struct machvm__file memory;
	bool seen = machvm__target_open(target, MACHVM__FILE_MEMORY, &memory) == 0;
	int r;

	who->pid = target->numbers.tgid;
	who->proc_pid = target->numbers.proc_tgid;
	who->pidfd = target->kind == MACHVM__HANDLE_PIDFD ? target->handle : -1;
	who->mem_fd = seen ? memory.fd : -1;
	r = machvm__session_open(&space->session, who, session_flags(flags), &space->refusal);
	/* The next attempt compares with the memory of the program that runs now. */
	if (r == -ESTALE && seen && machvm__target_reopen(target, MACHVM__FILE_MEMORY, &memory))
		seen = false;
	if (seen)
		machvm__target_close(&memory);
	return r;
}

int machvm__space_open(struct machvm__space *space, struct machvm__target *target, unsigned flags)
{
	int r;

	*space = (struct machvm__space){.target = target};
	if (target->own)
		return 0;
	/* A program that the right is not for is not even stopped. */
	if (target->received && machvm__target_same(target))
		return -ESTALE;
	r = open_session(space, flags);
	/* Once it is held still, it stays what it is. */
	if (r == 0 && target->received && machvm__target_same(target)) {
		(void)machvm__session_close(space->session);
		r = -ESTALE;
	}
	if (r == 0) {
		space->outer = innermost;
		innermost = space;
	}
	return r;
}

struct machvm__session *machvm__space_held(const struct machvm__target *target)
{
	const struct machvm__space *space = innermost;
	int pid = target->numbers.tgid;

	while (space && (space->broken || !pid || space->target->numbers.tgid != pid))
		space = space->outer;
	return space ? space->session : NULL;
}

int machvm__space_close(struct machvm__space *space)
{
	int r = machvm__session_close(space->session);

	/* Not one that still.h has opened: that is for registers. */
	if (innermost == space)
		innermost = space->outer;
	space->session = NULL;
	return space->broken ? space->broken : r;
}

int64_t machvm__space_call(struct machvm__space *space, enum machvm__call call, uint64_t a,
			   uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	const uint64_t args[6] = {a, b, c, d, e, f};
	int64_t result = 0;
	int r;

	if (space->target->own)
		return machvm__own_call(call, args);
	if (space->broken || !space->session)
		return space->broken ? space->broken : -EBADF;
	r = machvm__session_call(space->session, call, args, &result);
	if (r == -EOVERFLOW || r == -ENOSYS)
		return r;
	if (r)
		space->broken = r;
	return r ? r : result;
}

int machvm__space_push(struct machvm__space *space, const void *data, size_t size, uint64_t *raddr)
{
	if (space->session)
		return machvm__session_push(space->session, data, size, raddr);
	*raddr = (uintptr_t)data;
	return 0;
}

void machvm__space_name(struct machvm__space *space, uint64_t start, uint64_t end, const char *name)
{
	uint64_t at;

	if (machvm__space_push(space, name, strlen(name) + 1, &at) == 0)
		(void)machvm__space_call(space, MACHVM__CALL_PRCTL, PR_SET_VMA,
					 PR_SET_VMA_ANON_NAME, start, end - start, at, 0);
}

uint64_t machvm__space_limit(struct machvm__target *target)
{
	int word = target->own ? (int)sizeof(void *)
			       : machvm__process_word(&target->numbers);

	/* arch/x86/include/asm/elf.h, page_64_types.h: one page less than the sign bit allows. */
	return word == 4 ? UINT64_C(0xffffe000) : UINT64_C(0x7ffffffff000);
}
