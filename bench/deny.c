/* SPDX-License-Identifier: MIT */
/* deny.c - seccomp filters of a few instructions; no privilege needed, no way back. */
#include "deny.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel.h"
#include "measure.h"

#define LOAD_AT(offset)    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define LOAD(field)        LOAD_AT(offsetof(struct seccomp_data, field))
#define UNLESS(value, far) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (far))
#define ANSWER(what)       BPF_STMT(BPF_RET | BPF_K, (what))
#define FAIL(error)        ANSWER(SECCOMP_RET_ERRNO | (error))

static void install(struct sock_filter *instructions, unsigned short count)
{
	struct sock_fprog program = {.len = count, .filter = instructions};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		die("seccomp: %s", strerror(errno));
}

void deny_aio(void)
{
	struct sock_filter filter[] = {
		LOAD(nr),
		UNLESS(SYS_io_setup, 1),
		FAIL(ENOSYS),
		ANSWER(SECCOMP_RET_ALLOW),
	};

	install(filter, sizeof filter / sizeof *filter);
}

/* Where the low half of a 64-bit argument is. */
#define LOW_HALF (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)

void deny_query(void)
{
	struct sock_filter filter[] = {
		LOAD(nr),
		UNLESS(SYS_ioctl, 3),
		LOAD_AT(offsetof(struct seccomp_data, args[1]) + LOW_HALF),
		UNLESS((unsigned)PROCMAP_QUERY_REQUEST, 1),
		FAIL(ENOTTY),
		ANSWER(SECCOMP_RET_ALLOW),
	};

	install(filter, sizeof filter / sizeof *filter);
}

int death_told(void)
{
	aio_context_t context = 0;
	struct statfs fs = {0};
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (pidfd < 0)
		return 0;
	fstatfs(pidfd, &fs);
	close(pidfd);
	if ((unsigned)fs.f_type != PIDFS_MAGIC || syscall(SYS_io_setup, 1, &context))
		return 0;
	syscall(SYS_io_destroy, context);
	return 1;
}
