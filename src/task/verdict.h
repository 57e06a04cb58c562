/* SPDX-License-Identifier: MIT */
/*
 * verdict.h - from facts about the gates to the one that decides. A function of
 * its arguments alone: it asks nobody, so every machine's gates can be tested
 * on any machine.
 */
#ifndef MACHVM_TASK_VERDICT_H
#define MACHVM_TASK_VERDICT_H

#include <stdbool.h>

#include <machvm.h>

#include "gates.h"

/* In the order in which they are met; the kernel's own among them from IDS on. */
enum machvm__gate {
	MACHVM__GATE_OPEN,
	MACHVM__GATE_SHORTAGE,      /* no descriptors to look with */
	MACHVM__GATE_ABSENT,        /* no such process */
	MACHVM__GATE_THREAD,        /* the number is a thread's */
	MACHVM__GATE_ZOMBIE,        /* it has exited, or is about to: its memory is gone */
	MACHVM__GATE_KERNEL_THREAD, /* it never had any */
	MACHVM__GATE_PROC,          /* no /proc that shows it */
	MACHVM__GATE_HIDDEN,        /* a /proc that hides it */
	MACHVM__GATE_IDS,           /* another user or group */
	MACHVM__GATE_CAPABILITY,    /* root without CAP_SYS_PTRACE */
	MACHVM__GATE_DUMPABLE,
	MACHVM__GATE_NAMESPACE, /* a user namespace where the caller's capability is void */
	MACHVM__GATE_PRIVILEGE, /* it has capabilities that the caller lacks */
	MACHVM__GATE_YAMA,
	MACHVM__GATE_SECCOMP, /* a filter of the caller */
	MACHVM__GATE_MODULE,  /* some other security module: what is left */
};

/* Why an open gate is open. */
enum machvm__key {
	MACHVM__KEY_NONE, /* nobody asks for one */
	MACHVM__KEY_OWN,
	MACHVM__KEY_SAME_USER,
	MACHVM__KEY_CAPABILITY,
	MACHVM__KEY_OTHER, /* the kernel has its reasons */
};

enum machvm__remedy {
	MACHVM__REMEDY_NONE,
	MACHVM__REMEDY_OTHER_NUMBER, /* the process that the thread belongs to */
	MACHVM__REMEDY_MOUNT,
	MACHVM__REMEDY_ROOT,
	MACHVM__REMEDY_USER, /* as the target's user */
	MACHVM__REMEDY_CAPABILITY,
	MACHVM__REMEDY_OUTSIDE, /* as root outside the user namespace */
	MACHVM__REMEDY_SYSCTL,
	MACHVM__REMEDY_REBOOT,
	MACHVM__REMEDY_UNFILTERED,
	MACHVM__REMEDY_POLICY,
};

struct machvm__verdict {
	enum machvm__gate gate;
	enum machvm__key key;
	enum machvm__remedy remedy;
};

struct machvm__verdict machvm__verdict_decide(const struct machvm__gates *gates,
					      enum machvm_right right);

/* Is one of the security modules there, by its name? */
bool machvm__verdict_has_module(const struct machvm__gates *gates, const char *name);

#endif
