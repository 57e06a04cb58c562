/* SPDX-License-Identifier: MIT */
/* A seccomp filter out of a table of names. */
#include "refuse.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

/* Linux 6.11 and 6.7: the ioctl numbers are ABI, the structs are 104 and 96 bytes. */
#define PROCMAP_QUERY_NUMBER 0xc0686611u
#define PAGEMAP_SCAN_NUMBER  0xc0606610u

#define POPULATE_READ  22
#define POPULATE_WRITE 23

#ifdef __x86_64__
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define NATIVE_ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#endif

struct call {
	const char *name;
	int number;
	int argument;   /* which argument is looked at, -1 for none */
	uint32_t value; /* and what it has to be */
};

static const struct call calls[] = {
	{"writev", SYS_process_vm_writev, -1, 0},
	{"readv", SYS_process_vm_readv, -1, 0},
	{"mem", SYS_pread64, -1, 0},
	{"mem", SYS_pwrite64, -1, 0},
	{"mem", SYS_preadv, -1, 0},
	{"mem", SYS_pwritev, -1, 0},
	{"mem", SYS_preadv2, -1, 0},
	{"mem", SYS_pwritev2, -1, 0},
	{"pidfd", SYS_pidfd_open, -1, 0},
	{"procmap", SYS_ioctl, 1, PROCMAP_QUERY_NUMBER},
	{"scan", SYS_ioctl, 1, PAGEMAP_SCAN_NUMBER},
	{"kcmp", SYS_kcmp, -1, 0},
	{"epoll", SYS_epoll_create1, -1, 0},
	{"aio", SYS_io_setup, -1, 0},
	{"barrier", SYS_membarrier, -1, 0},
	{"populate", SYS_madvise, 2, POPULATE_READ},
	{"populate", SYS_madvise, 2, POPULATE_WRITE},
};

static const struct {
	const char *name;
	int value;
} errnos[] = {
	{"ENOSYS", ENOSYS}, {"EPERM", EPERM},   {"EACCES", EACCES},
	{"EINVAL", EINVAL}, {"ENOTTY", ENOTTY}, {"ENODEV", ENODEV},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char refused_names[512];

int refused(const char *name)
{
	char word[64];

	snprintf(word, sizeof(word), ",%s,", name);
	return strstr(refused_names, word) != NULL;
}

static void give_up(const char *what, const char *text)
{
	fprintf(stderr, "refuse: %s: %s\n", what, text);
	exit(99);
}

static void install(const struct call *call, int number)
{
	/* Without an argument to look at, the number is compared twice. Little-endian: low half first. */
	size_t where = call->argument < 0 ? offsetof(struct seccomp_data, nr)
					  : offsetof(struct seccomp_data, args[0]) +
						    8 * (size_t)call->argument;
	uint32_t value = call->argument < 0 ? (uint32_t)call->number : call->value;
	/* A victim of the other word length inherits this, and its numbers mean other calls. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call->number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)where),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)number),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {COUNT(code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		give_up("no_new_privs", strerror(errno));
	/* For this thread and those it will make: there are no others yet. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		give_up("seccomp", strerror(errno));
}

static int errno_named(const char *name)
{
	for (size_t i = 0; i < COUNT(errnos); i++)
		if (strcmp(errnos[i].name, name) == 0)
			return errnos[i].value;
	give_up("no such errno", name);
	return 0;
}

void refuse(const char *list)
{
	char copy[256], *word, *rest = copy;

	snprintf(copy, sizeof(copy), "%s", list);
	while ((word = strsep(&rest, ",")) != NULL) {
		char *equals = strchr(word, '=');
		int number = ENOSYS, known = 0;
		size_t used = strlen(refused_names);

		if (equals != NULL) {
			*equals = '\0';
			number = errno_named(equals + 1);
		}
		for (size_t i = 0; i < COUNT(calls); i++) {
			if (strcmp(calls[i].name, word) != 0)
				continue;
			install(&calls[i], number);
			known = 1;
		}
		if (!known)
			give_up("no such call", word);
		snprintf(refused_names + used, sizeof(refused_names) - used, ",%s,", word);
	}
}

void refuse_from_environment(void)
{
	const char *list = getenv("MACHVM_TEST_REFUSE");

	if (list != NULL && list[0] != '\0')
		refuse(list);
}
