/* SPDX-License-Identifier: MIT */
/*
 * error_string.c - the words for an error code: a system, a subsystem of it,
 * and a code in that (<mach/error.h>). Knows no task and no system call; every
 * answer is a constant, so any thread may ask at any time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <mach/error.h>
#include <mach/mach_error.h>
#include <mach/message.h>
#include <mach/mig_errors.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CODE(err)    ((unsigned)err_get_code(err))

/* Index: kern_return_t. */
static const char *const kernel_texts[] = {
	[KERN_SUCCESS] = "(os/kern) successful",
	[KERN_INVALID_ADDRESS] = "(os/kern) invalid address",
	[KERN_PROTECTION_FAILURE] = "(os/kern) protection failure",
	[KERN_NO_SPACE] = "(os/kern) no space available",
	[KERN_INVALID_ARGUMENT] = "(os/kern) invalid argument",
	[KERN_FAILURE] = "(os/kern) failure",
	[KERN_RESOURCE_SHORTAGE] = "(os/kern) resource shortage",
	[KERN_NOT_RECEIVER] = "(os/kern) not receiver",
	[KERN_NO_ACCESS] = "(os/kern) no access",
	[KERN_MEMORY_FAILURE] = "(os/kern) memory failure",
	[KERN_MEMORY_ERROR] = "(os/kern) memory error",
	[KERN_ALREADY_IN_SET] = "(os/kern) already in set",
	[KERN_NOT_IN_SET] = "(os/kern) not in set",
	[KERN_NAME_EXISTS] = "(os/kern) name exists",
	[KERN_ABORTED] = "(os/kern) aborted",
	[KERN_INVALID_NAME] = "(os/kern) invalid name",
	[KERN_INVALID_TASK] = "(os/kern) invalid task",
	[KERN_INVALID_RIGHT] = "(os/kern) invalid right",
	[KERN_INVALID_VALUE] = "(os/kern) invalid value",
	[KERN_UREFS_OVERFLOW] = "(os/kern) urefs overflow",
	[KERN_INVALID_CAPABILITY] = "(os/kern) invalid capability",
	[KERN_RIGHT_EXISTS] = "(os/kern) right exists",
	[KERN_INVALID_HOST] = "(os/kern) invalid host",
	[KERN_MEMORY_PRESENT] = "(os/kern) memory present",
	[KERN_MEMORY_DATA_MOVED] = "(os/kern) memory data moved",
	[KERN_MEMORY_RESTART_COPY] = "(os/kern) memory restart copy",
	[KERN_INVALID_PROCESSOR_SET] = "(os/kern) invalid processor set",
	[KERN_POLICY_LIMIT] = "(os/kern) policy limit",
	[KERN_INVALID_POLICY] = "(os/kern) invalid policy",
	[KERN_INVALID_OBJECT] = "(os/kern) invalid object",
	[KERN_ALREADY_WAITING] = "(os/kern) already waiting",
	[KERN_DEFAULT_SET] = "(os/kern) default set",
	[KERN_EXCEPTION_PROTECTED] = "(os/kern) exception protected",
	[KERN_INVALID_LEDGER] = "(os/kern) invalid ledger",
	[KERN_INVALID_MEMORY_CONTROL] = "(os/kern) invalid memory control",
	[KERN_INVALID_SECURITY] = "(os/kern) invalid security",
	[KERN_NOT_DEPRESSED] = "(os/kern) not depressed",
	[KERN_TERMINATED] = "(os/kern) object terminated",
	[KERN_LOCK_SET_DESTROYED] = "(os/kern) lock set destroyed",
	[KERN_LOCK_UNSTABLE] = "(os/kern) lock unstable",
	[KERN_LOCK_OWNED] = "(os/kern) lock owned by another",
	[KERN_LOCK_OWNED_SELF] = "(os/kern) lock owned by self",
	[KERN_SEMAPHORE_DESTROYED] = "(os/kern) semaphore destroyed",
	[KERN_RPC_SERVER_TERMINATED] = "(os/kern) RPC terminated",
	[KERN_RPC_TERMINATE_ORPHAN] = "(os/kern) terminate orphan",
	[KERN_RPC_CONTINUE_ORPHAN] = "(os/kern) let orphan continue",
	[KERN_NOT_SUPPORTED] = "(os/kern) service not supported",
	[KERN_NODE_DOWN] = "(os/kern) remote node down",
	[KERN_NOT_WAITING] = "(os/kern) thread not waiting",
	[KERN_OPERATION_TIMED_OUT] = "(os/kern) operation timed out",
	[KERN_CODESIGN_ERROR] = "(os/kern) code signing error",
	[KERN_POLICY_STATIC] = "(os/kern) policy is static",
	[KERN_INSUFFICIENT_BUFFER_SIZE] = "(os/kern) insufficient input buffer size",
	[KERN_DENIED] = "(os/kern) denied by security policy",
	[KERN_MISSING_KC] = "(os/kern) missing kernel collection",
	[KERN_INVALID_KC] = "(os/kern) invalid kernel collection",
	[KERN_NOT_FOUND] = "(os/kern) result not found",
};

/* A code that nobody defined is a hole, and reads as unknown. */
static const char *const send_texts[] = {
	[0] = "(ipc/send) no error",
	[CODE(MACH_SEND_IN_PROGRESS)] = "(ipc/send) send in progress",
	[CODE(MACH_SEND_INVALID_DATA)] = "(ipc/send) invalid data",
	[CODE(MACH_SEND_INVALID_DEST)] = "(ipc/send) invalid destination port",
	[CODE(MACH_SEND_TIMED_OUT)] = "(ipc/send) timed out",
	[CODE(MACH_SEND_INVALID_VOUCHER)] = "(ipc/send) invalid voucher",
	[CODE(MACH_SEND_INTERRUPTED)] = "(ipc/send) interrupted",
	[CODE(MACH_SEND_MSG_TOO_SMALL)] = "(ipc/send) msg too small",
	[CODE(MACH_SEND_INVALID_REPLY)] = "(ipc/send) invalid reply port",
	[CODE(MACH_SEND_INVALID_RIGHT)] = "(ipc/send) invalid right",
	[CODE(MACH_SEND_INVALID_NOTIFY)] = "(ipc/send) invalid notify",
	[CODE(MACH_SEND_INVALID_MEMORY)] = "(ipc/send) invalid memory",
	[CODE(MACH_SEND_NO_BUFFER)] = "(ipc/send) no msg buffer",
	[CODE(MACH_SEND_TOO_LARGE)] = "(ipc/send) msg too large",
	[CODE(MACH_SEND_INVALID_TYPE)] = "(ipc/send) invalid type",
	[CODE(MACH_SEND_INVALID_HEADER)] = "(ipc/send) invalid header",
	[CODE(MACH_SEND_INVALID_TRAILER)] = "(ipc/send) invalid trailer",
	[CODE(MACH_SEND_INVALID_CONTEXT)] = "(ipc/send) invalid context",
	[CODE(MACH_SEND_INVALID_OPTIONS)] = "(ipc/send) invalid options",
	[CODE(MACH_SEND_INVALID_RT_OOL_SIZE)] = "(ipc/send) invalid out-of-line size",
	[CODE(MACH_SEND_NO_GRANT_DEST)] = "(ipc/send) no grant for destination",
	[CODE(MACH_SEND_MSG_FILTERED)] = "(ipc/send) msg filtered",
	[CODE(MACH_SEND_AUX_TOO_SMALL)] = "(ipc/send) auxiliary data too small",
	[CODE(MACH_SEND_AUX_TOO_LARGE)] = "(ipc/send) auxiliary data too large",
};

static const char *const receive_texts[] = {
	[0] = "(ipc/rcv) no error",
	[CODE(MACH_RCV_IN_PROGRESS)] = "(ipc/rcv) receive in progress",
	[CODE(MACH_RCV_INVALID_NAME)] = "(ipc/rcv) invalid name",
	[CODE(MACH_RCV_TIMED_OUT)] = "(ipc/rcv) timed out",
	[CODE(MACH_RCV_TOO_LARGE)] = "(ipc/rcv) msg too large",
	[CODE(MACH_RCV_INTERRUPTED)] = "(ipc/rcv) interrupted",
	[CODE(MACH_RCV_PORT_CHANGED)] = "(ipc/rcv) port changed",
	[CODE(MACH_RCV_INVALID_NOTIFY)] = "(ipc/rcv) invalid notify",
	[CODE(MACH_RCV_INVALID_DATA)] = "(ipc/rcv) invalid data",
	[CODE(MACH_RCV_PORT_DIED)] = "(ipc/rcv) port died",
	[CODE(MACH_RCV_IN_SET)] = "(ipc/rcv) port in set",
	[CODE(MACH_RCV_HEADER_ERROR)] = "(ipc/rcv) header error",
	[CODE(MACH_RCV_BODY_ERROR)] = "(ipc/rcv) body error",
	[CODE(MACH_RCV_INVALID_TYPE)] = "(ipc/rcv) invalid type",
	[CODE(MACH_RCV_SCATTER_SMALL)] = "(ipc/rcv) scatter list too small",
	[CODE(MACH_RCV_INVALID_TRAILER)] = "(ipc/rcv) invalid trailer",
	[CODE(MACH_RCV_IN_PROGRESS_TIMED)] = "(ipc/rcv) timed receive in progress",
	[CODE(MACH_RCV_INVALID_REPLY)] = "(ipc/rcv) invalid reply port",
	[CODE(MACH_RCV_INVALID_ARGUMENTS)] = "(ipc/rcv) invalid arguments",
};

/* Index: MIG_TYPE_ERROR (-300) minus the code. */
static const char *const mig_texts[] = {
	[MIG_TYPE_ERROR - MIG_TYPE_ERROR] = "(ipc/mig) client type check failure",
	[MIG_TYPE_ERROR - MIG_REPLY_MISMATCH] = "(ipc/mig) wrong reply message ID",
	[MIG_TYPE_ERROR - MIG_REMOTE_ERROR] = "(ipc/mig) server detected error",
	[MIG_TYPE_ERROR - MIG_BAD_ID] = "(ipc/mig) bad request message ID",
	[MIG_TYPE_ERROR - MIG_BAD_ARGUMENTS] = "(ipc/mig) server type check failure",
	[MIG_TYPE_ERROR - MIG_NO_REPLY] = "(ipc/mig) no reply should be sent",
	[MIG_TYPE_ERROR - MIG_EXCEPTION] = "(ipc/mig) server raised exception",
	[MIG_TYPE_ERROR - MIG_ARRAY_TOO_LARGE] = "(ipc/mig) array not large enough",
	[MIG_TYPE_ERROR - MIG_SERVER_DIED] = "(ipc/mig) server died",
	[MIG_TYPE_ERROR - MIG_TRAILER_ERROR] = "(ipc/mig) unknown trailer format",
};

/* MIG's numbers are small negative ones that predate the three fields. */
#define MIG_LAST (-399)

struct subsystem {
	const char *type;
	const char *const *texts;
	size_t count;
};

struct system {
	const char *unknown; /* what an unknown subsystem of it reads as */
	const struct subsystem *subsystems;
	size_t count;
};

static const struct subsystem kernel_subsystems[] = {
	{"(os/kern)", kernel_texts, COUNT(kernel_texts)},
};

enum { IPC_SEND, IPC_RECEIVE, IPC_MIG };

static const struct subsystem ipc_subsystems[] = {
	[IPC_SEND] = {"(ipc/send)", send_texts, COUNT(send_texts)},
	[IPC_RECEIVE] = {"(ipc/rcv)", receive_texts, COUNT(receive_texts)},
	[IPC_MIG] = {"(ipc/mig)", mig_texts, COUNT(mig_texts)},
};

#define KERNEL_SYSTEM 0
#define IPC_SYSTEM    4

static const struct system systems[] = {
	[KERNEL_SYSTEM] = {"(operating system/?) unknown subsystem error", kernel_subsystems,
			   COUNT(kernel_subsystems)},
	[IPC_SYSTEM] = {"(ipc/?) unknown subsystem error", ipc_subsystems, COUNT(ipc_subsystems)},
};

struct words {
	const char *type;
	const char *text;
	bool known;
};

static struct words words_of(mach_error_t err)
{
	unsigned system = err_get_system((unsigned)err);
	unsigned sub = err_get_sub((unsigned)err);
	unsigned code = CODE((unsigned)err);
	const struct subsystem *subsystem;

	if (err <= MIG_TYPE_ERROR && err >= MIG_LAST) {
		system = IPC_SYSTEM;
		sub = IPC_MIG;
		code = (unsigned)(MIG_TYPE_ERROR - err);
	}
	if (system >= COUNT(systems) || !systems[system].count)
		return (struct words){"(?/?)", "(?/?) unknown error system", false};
	if (sub >= systems[system].count)
		return (struct words){"(?/?)", systems[system].unknown, false};
	subsystem = &systems[system].subsystems[sub];
	if (code >= subsystem->count || !subsystem->texts[code])
		return (struct words){subsystem->type, "unknown error code", false};
	return (struct words){subsystem->type, subsystem->texts[code], true};
}

/* The interface says char *, and every caller treats the string as constant. */
static char *unqualified(const char *text)
{
	return (char *)(uintptr_t)text;
}

char *mach_error_string(mach_error_t err)
{
	return unqualified(words_of(err).text);
}

char *mach_error_type(mach_error_t err)
{
	return unqualified(words_of(err).type);
}

void mach_error(const char *str, mach_error_t err)
{
	struct words words = words_of(err);

	str = str ? str : "";
	/* One call each: lines of several threads do not mix. */
	if (words.known)
		fprintf(stderr, "%s %s\n", str, words.text);
	else
		fprintf(stderr, "%s %s %s (%x)\n", str, words.type, words.text, (unsigned)err);
}
