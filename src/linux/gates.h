/* SPDX-License-Identifier: MIT */
/*
 * gates.h - what stands between this caller and one process: facts, no verdict.
 *
 * The kernel does not say why it refuses: every gate answers EPERM or EACCES.
 * So what can be seen of each gate is gathered here, and beside it what happened
 * when the real thing was tried. Trying is harmless: a read at an address that
 * no process can have, and opening files. Nothing is attached to, nothing is
 * stopped, no byte of the target is touched.
 */
#ifndef MACHVM_LINUX_GATES_H
#define MACHVM_LINUX_GATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credentials.h"

enum machvm__presence {
	MACHVM__PRESENCE_NONE,   /* no process has the number */
	MACHVM__PRESENCE_THREAD, /* it is a thread of the process `group` */
	MACHVM__PRESENCE_ZOMBIE, /* every thread has exited */
	MACHVM__PRESENCE_ALIVE,
};

/* What can be found out is yes or no; what cannot is neither. */
enum machvm__finding { MACHVM__UNKNOWN, MACHVM__YES, MACHVM__NO };

/* Where the target's user namespace is, seen from ours. */
enum machvm__relation {
	MACHVM__RELATION_UNKNOWN,
	MACHVM__RELATION_SAME,
	MACHVM__RELATION_BELOW, /* a descendant: our capabilities reach it */
	MACHVM__RELATION_OTHER, /* our capabilities mean nothing there */
};

/* A name that may be printed: control characters are replaced. */
#define MACHVM__GATES_NAME 64
#define MACHVM__GATES_TEXT 192

struct machvm__gates {
	int pid;      /* as asked */
	int shortage; /* -errno when there were too few descriptors to look; then nothing is known
		       */
	enum machvm__presence presence;
	int group;
	bool own;           /* it is the asking process */
	bool kernel_thread; /* no address space of its own */
	bool leader_dead;   /* the first thread has exited, others live */
	char name[MACHVM__GATES_NAME];
	int parent; /* who has to wait for a zombie; 0 when it cannot be seen */
	char parent_name[MACHVM__GATES_NAME];

	bool proc_missing; /* there is no /proc that can be read */
	bool proc_foreign; /* it is another pid namespace's and does not show the target */
	bool hidden;       /* it has the target and does not let us look (hidepid) */

	struct machvm__credentials caller, target; /* the target's only when not hidden */
	char caller_login[MACHVM__GATES_NAME];     /* of their real user ids; "" when unknown */
	char target_login[MACHVM__GATES_NAME];
	int64_t target_login_group; /* its login group; -1 when unknown */
	enum machvm__finding dumpable;
	enum machvm__relation user_namespace;
	char user_namespace_name[32]; /* "user:[4026531837]", or "" */
	int inner_pid;                /* its number in a pid namespace of its own; 0 without one */

	int tracer; /* 0: none */
	bool tracer_own;
	char tracer_name[MACHVM__GATES_NAME];

	int yama;                         /* kernel.yama.ptrace_scope; -1 without Yama */
	bool descendant;                  /* the target descends from the asking process */
	char modules[MACHVM__GATES_TEXT]; /* security modules, comma-separated; "" when not told */
	char context[MACHVM__GATES_TEXT]; /* what they say of the target; "" when nothing */
	int seccomp;                      /* mode of the calling thread */

	/* What was tried: 0, or -errno. */
	int copy;          /* process_vm_readv from the target: does the kernel let us? */
	int memory_read;   /* opening its memory for reading */
	int memory_write;  /* and for reading and writing */
	int regions;       /* opening its list of regions */
	int own_copy_read; /* on ourselves, where only a filter or an old kernel refuses */
	int own_copy_write;
};

/* Looks at everything. Always answers; what cannot be seen stays zero or unknown. */
void machvm__gates_gather(int pid, struct machvm__gates *gates);

/*
 * Who traces the process, by its directory in /proc: the tracer's number there,
 * 0 for nobody, or -errno. Its name goes to `name` ("" when it cannot be seen).
 * A debugger traces every thread; whoever traces one is reported.
 */
int machvm__gates_tracer(int proc_pid, char *name, size_t size);

/* Is that a thread of the kernel's, by its directory in /proc? False when it cannot be seen. */
bool machvm__gates_kernel_thread(int proc_pid);

#endif
