/* SPDX-License-Identifier: MIT */
/*
 * error.c - causes into codes (contract: the routine's header comment) and into
 * sentences that a person can act on.
 */
#include "error.h"

#include <errno.h>
#include <inttypes.h>
#include <mach/message.h>
#include <machvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "own_memory.h"
#include "text.h"

static _Thread_local struct {
	struct machvm_error error;
	char message[640];
} record = {.error = {.step = "", .message = ""}};

const struct machvm_error *machvm_last_error(void)
{
	return &record.error;
}

static void set(kern_return_t code, int error, const char *step)
{
	record.error = (struct machvm_error){
		.code = code, .system_errno = error, .step = step, .message = record.message};
}

kern_return_t machvm__error(kern_return_t code, const char *step, const char *format, ...)
{
	va_list arguments;

	set(code, 0, step);
	va_start(arguments, format);
	vsnprintf(record.message, sizeof record.message, format, arguments);
	va_end(arguments);
	/* One sentence, whatever a path may hold. */
	machvm__text_tame(record.message);
	return code;
}

kern_return_t machvm__error_system(kern_return_t code, int error, const char *step,
                                   const char *format, ...)
{
	va_list arguments;

	set(code, error, step);
	va_start(arguments, format);
	vsnprintf(record.message, sizeof record.message, format, arguments);
	va_end(arguments);
	machvm__text_tame(record.message);
	return code;
}

kern_return_t machvm__error_open(int pid, int r)
{
	switch (r) {
	case -ESRCH:
		return machvm__error_system(MACH_SEND_INVALID_DEST, ESRCH, "task open",
		                            "process %d is gone", pid);
	case -EMFILE:
	case -ENFILE:
		return machvm__error_system(KERN_RESOURCE_SHORTAGE, -r, "task open",
		                            "no file descriptor is left for process %d; raise "
		                            "RLIMIT_NOFILE or release tasks",
		                            pid);
	case -ENOMEM:
		return machvm__error_system(KERN_RESOURCE_SHORTAGE, ENOMEM, "task open",
		                            "no memory is left to open process %d", pid);
	default:
		return machvm__error_system(KERN_DENIED, -r, "task open",
		                            "the system refuses access to process %d (%s); `machvm "
		                            "why %d` names the gate",
		                            pid, strerrordesc_np(-r), pid);
	}
}

int machvm__error_pid(const struct machvm__target *target)
{
	return target->numbers.proc_tgid ? target->numbers.proc_tgid : target->numbers.tgid;
}

kern_return_t machvm__error_gone(const struct machvm__target *target, const char *step)
{
	int pid = machvm__error_pid(target);
	bool lives = machvm__process_alive(target->handle, target->kind) == 0;

	/* What goes by /proc finds nobody there. */
	if (lives && !machvm__process_shown(pid))
		return machvm__error_system(
			KERN_DENIED, ENOENT, step,
			"process %d lives, and /proc does not show it; `machvm why "
			"%d` names the gate",
			pid, pid);
	if (target->received && lives)
		return machvm__error_system(MACH_SEND_INVALID_DEST, 0, step,
		                            "the right to process %d was received from another process "
		                            "and has ended with the program that it was for",
		                            pid);
	return machvm__error_system(MACH_SEND_INVALID_DEST, ESRCH, step, "process %d is gone", pid);
}

static const char *permissions(unsigned access, char text[5])
{
	text[0] = access & MACHVM__VMA_READ ? 'r' : '-';
	text[1] = access & MACHVM__VMA_WRITE ? 'w' : '-';
	text[2] = access & MACHVM__VMA_EXECUTE ? 'x' : '-';
	text[3] = access & MACHVM__VMA_SHARED ? 's' : '\0';
	text[4] = '\0';
	return text;
}

/* What is there, for the middle of a sentence: "mapped r-- by /usr/bin/redis-server". */
static void describe(const struct machvm__fault *fault, char *text, size_t size)
{
	char access[5];

	if (!fault->has_region)
		snprintf(text, size, "mapped");
	else if (fault->name[0])
		snprintf(text, size, "mapped %s by %s", permissions(fault->region.access, access),
		         fault->name);
	else
		snprintf(text, size, "anonymous %s memory", permissions(fault->region.access, access));
}

static kern_return_t protected(const struct machvm__target *target,
                               const struct machvm__fault *fault, const char *what)
{
	int pid = machvm__error_pid(target);
	const char *remedy;

	if (fault->has_region && (fault->region.access & MACHVM__VMA_SHARED))
		remedy = "";
	else if (target->own && !machvm__own_memory_forces())
		remedy = "; MACHVM_FORCE cannot help here, for the kernel's policy "
		         "(proc_mem.force_override) leaves force to tracers, and nobody traces itself";
	else
		remedy = fault->writing
		                 ? "; the flag MACHVM_FORCE writes a private copy, as a debugger does"
		                 : "; the flag MACHVM_FORCE reads it all the same";
	return machvm__error_system(KERN_PROTECTION_FAILURE, fault->error, fault->step,
	                            "0x%" PRIx64 " of process %d is %s, which permits no %s%s",
	                            fault->raddr, pid, what, fault->writing ? "writing" : "reading",
	                            remedy);
}

static kern_return_t not_forced(int pid, const struct machvm__fault *fault, const char *what)
{
	return machvm__error_system(KERN_PROTECTION_FAILURE, fault->error, fault->step,
	                            "0x%" PRIx64 " of process %d is %s; the kernel's policy "
	                            "(proc_mem.force_override) leaves force to tracers, and this "
	                            "program may not trace process %d, or another one does: `machvm "
	                            "why %d` names the gate",
	                            fault->raddr, pid, what, pid, pid);
}

static kern_return_t changed(int pid, const struct machvm__fault *fault)
{
	if (!strcmp(fault->step, "put back"))
		return machvm__error_system(KERN_ABORTED, fault->error, fault->step,
		                            "process %d changed its map during the call, and %zu bytes "
		                            "from 0x%" PRIx64 " on could not be put back",
		                            pid, fault->done, fault->raddr);
	return machvm__error_system(KERN_ABORTED, fault->error, fault->step,
	                            "process %d executed another program during the call", pid);
}

static kern_return_t denied(int pid, const struct machvm__fault *fault)
{
	if (fault->error == EOPNOTSUPP)
		return machvm__error_system(KERN_DENIED, EOPNOTSUPP, fault->step,
		                            "the map of process %d cannot be seen here: /proc is not "
		                            "mounted, or counts in another pid namespace",
		                            pid);
	return machvm__error_system(KERN_DENIED, fault->error, fault->step,
	                            "the system refuses access to process %d (%s); `machvm why %d` "
	                            "names the gate",
	                            pid, strerrordesc_np(fault->error), pid);
}

static kern_return_t judge(const struct machvm__target *target, const struct machvm__fault *fault)
{
	int pid = machvm__error_pid(target);
	char what[320];

	describe(fault, what, sizeof what);
	switch (fault->cause) {
	case MACHVM__CAUSE_UNMAPPED:
		return machvm__error_system(KERN_INVALID_ADDRESS, fault->error, fault->step,
		                            "0x%" PRIx64 " is not allocated in process %d",
		                            fault->raddr, pid);
	case MACHVM__CAUSE_NO_REGION:
		return machvm__error_system(KERN_INVALID_ADDRESS, fault->error, fault->step,
		                            "nothing is allocated at or above 0x%" PRIx64
		                            " in process %d",
		                            fault->raddr, pid);
	case MACHVM__CAUSE_RANGE:
		return machvm__error(KERN_INVALID_ADDRESS, fault->step,
		                     "the range that begins at 0x%" PRIx64 " wraps around the end of "
		                     "the address space",
		                     fault->raddr);
	case MACHVM__CAUSE_PROTECTED:
		return protected(target, fault, what);
	case MACHVM__CAUSE_FORCE:
		return not_forced(pid, fault, what);
	case MACHVM__CAUSE_GUARD:
		return machvm__error_system(KERN_PROTECTION_FAILURE, fault->error, fault->step,
		                            "0x%" PRIx64 " of process %d is a guard page in %s",
		                            fault->raddr, pid, what);
	case MACHVM__CAUSE_CONTENTS:
		return machvm__error_system(KERN_MEMORY_ERROR, fault->error, fault->step,
		                            "0x%" PRIx64 " of process %d is %s, but its page cannot be "
		                            "supplied: beyond the end of the file, poisoned, or no "
		                            "memory left for it",
		                            fault->raddr, pid, what);
	case MACHVM__CAUSE_WAIT:
		return machvm__error_system(KERN_MEMORY_ERROR, fault->error, fault->step,
		                            "0x%" PRIx64 " of process %d must be supplied by another "
		                            "program, and MACHVM_NOWAIT, or its suspension, forbids "
		                            "waiting for it",
		                            fault->raddr, pid);
	case MACHVM__CAUSE_SECRET:
		return machvm__error_system(KERN_NO_ACCESS, fault->error, fault->step,
		                            "0x%" PRIx64 " of process %d is %s; the kernel lets no other "
		                            "process touch it",
		                            fault->raddr, pid, what);
	case MACHVM__CAUSE_CALLER:
		return machvm__error_system(MACH_SEND_INVALID_MEMORY, fault->error, fault->step,
		                            "the caller's own buffer is not all there or not accessible");
	case MACHVM__CAUSE_GONE:
		return machvm__error_gone(target, fault->step);
	case MACHVM__CAUSE_TIMEOUT:
		return machvm__error_system(KERN_OPERATION_TIMED_OUT, fault->error, fault->step,
		                            "process %d could not be stopped, and nothing but ptrace is "
		                            "left here to reach it",
		                            pid);
	case MACHVM__CAUSE_SHORTAGE:
		return machvm__error_system(KERN_RESOURCE_SHORTAGE, fault->error, fault->step,
		                            "no memory or descriptor is left here (%s)",
		                            strerrordesc_np(fault->error));
	case MACHVM__CAUSE_RESTLESS:
		return machvm__error_system(KERN_ABORTED, fault->error, fault->step,
		                            "process %d keeps changing its map: 0x%" PRIx64
		                            " is %s at each look and away at each try; repeat the call, "
		                            "or suspend the process first",
		                            pid, fault->raddr, what);
	case MACHVM__CAUSE_CHANGED:
		return changed(pid, fault);
	case MACHVM__CAUSE_DENIED:
		break;
	}
	return denied(pid, fault);
}

kern_return_t machvm__error_fault(const struct machvm__target *target,
                                  const struct machvm__fault *fault)
{
	kern_return_t kr = judge(target, fault);

	record.error.address = fault->raddr;
	record.error.done = fault->done;
	return kr;
}

kern_return_t machvm__error_at(const struct machvm__target *target, uint64_t raddr,
                               kern_return_t code, int error, const char *step,
                               const char *format, ...)
{
	char what[400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof what, format, arguments);
	va_end(arguments);
	machvm__error_system(code, error, step, "0x%" PRIx64 " of process %d %s", raddr,
	                     machvm__error_pid(target), what);
	record.error.address = raddr;
	return code;
}

kern_return_t machvm__error_force(const struct machvm__target *target, uint64_t raddr, int r)
{
	struct machvm__fault fault = {.cause = MACHVM__CAUSE_FORCE, .error = EPERM, .raddr = raddr,
	                              .step = "copy"};

	if (r == -ESRCH)
		return machvm__error_gone(target, "copy");
	if (r == -EKEYREJECTED)
		return machvm__error_fault(target, &fault);
	return machvm__error_at(target, raddr, KERN_MEMORY_ERROR, -r, "copy",
	                        "or a page behind it cannot be supplied");
}

kern_return_t machvm__error_look(const struct machvm__target *target, int r)
{
	int pid = machvm__error_pid(target);

	switch (r) {
	case -ESRCH:
		return machvm__error_gone(target, "region lookup");
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
		return machvm__error_system(KERN_RESOURCE_SHORTAGE, -r, "region lookup",
		                            "no memory or descriptor is left here (%s)",
		                            strerrordesc_np(-r));
	default:
		return machvm__error_system(KERN_DENIED, -r, "region lookup",
		                            "the system does not show the map of process %d (%s); "
		                            "`machvm why %d` names the gate",
		                            pid, strerrordesc_np(-r), pid);
	}
}

kern_return_t machvm__error_stop_lost(const struct machvm__target *target, uint64_t raddr,
                                      uint64_t done)
{
	machvm__error_system(KERN_ABORTED, EOWNERDEAD, "stop",
	                     "the helper that held process %d still was killed, and the process ran "
	                     "on before the transfer was over",
	                     machvm__error_pid(target));
	record.error.address = raddr;
	record.error.done = done;
	return KERN_ABORTED;
}

static void traced(int pid, const struct machvm__session_refusal *refusal)
{
	if (refusal->tracer)
		machvm__error_system(KERN_DENIED, EBUSY, "seize",
		                     "process %d is already traced by process %d; a process has one "
		                     "tracer at a time",
		                     pid, refusal->tracer);
	else
		machvm__error_system(KERN_DENIED, EBUSY, "seize",
		                     "process %d is already traced; a process has one tracer at a time",
		                     pid);
}

kern_return_t machvm__error_space(const struct machvm__space *space, int r)
{
	const struct machvm__session_refusal *refusal = &space->refusal;
	const char *step = refusal->step ? refusal->step : "remote call";
	int pid = machvm__error_pid(space->target);

	switch (r) {
	case -ESRCH:
		return machvm__error_gone(space->target, step);
	case -EBUSY:
		traced(pid, refusal);
		return KERN_DENIED;
	case -EPERM:
	case -EACCES:
		return machvm__error_system(KERN_DENIED, -r, step,
		                            "the system does not let this program trace process %d; "
		                            "`machvm why %d` names the gate",
		                            pid, pid);
	case -EOPNOTSUPP:
		return machvm__error_system(KERN_DENIED, EOPNOTSUPP, step,
		                            "process %d cannot make a call for us: %s", pid,
		                            refusal->reason ? refusal->reason : "no thread is fit");
	case -ETIMEDOUT:
		return machvm__error_system(KERN_OPERATION_TIMED_OUT, ETIMEDOUT, step,
		                            "process %d could not be stopped in time: %s", pid,
		                            refusal->reason ? refusal->reason : "no thread answered");
	case -ESTALE:
	case -ECONNRESET:
	case -EOWNERDEAD:
		if (machvm__target_alive(space->target))
			return machvm__error_gone(space->target, step);
		return machvm__error_system(KERN_ABORTED, -r, step,
		                            "process %d executed another program, or the tracing helper "
		                            "was killed, during the call",
		                            pid);
	default:
		return machvm__error_system(KERN_RESOURCE_SHORTAGE, -r, step,
		                            "no call can be made inside process %d: %s (%s)", pid,
		                            refusal->reason ? refusal->reason : "resources are short",
		                            strerrordesc_np(-r));
	}
}
