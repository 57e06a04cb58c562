/* SPDX-License-Identifier: MIT */
/*
 * kern_return_t and its values.
 *
 * The numbers are XNU's (GNU Mach numbers the codes from 24 on otherwise).
 * The comment of each code says what machvm means by it; a code without a
 * remark of that kind is defined for source compatibility and never returned.
 * mach_error_string() gives the text of each.
 */
#ifndef MACH_KERN_RETURN_H
#define MACH_KERN_RETURN_H

typedef int kern_return_t;

/* The request was carried out completely.  A short transfer is never a success. */
#define KERN_SUCCESS 0

/* The address is illegal, the range wraps, or some page of it is not allocated. */
#define KERN_INVALID_ADDRESS 1

/* The memory is valid but does not permit the access; for vm_protect, the new
 * protection exceeds the maximum, or the system forbids it. */
#define KERN_PROTECTION_FAILURE 2

/* The address space has no room for the request, or a fixed range is occupied. */
#define KERN_NO_SPACE 3

/* An argument is outside its domain, or the port is of the wrong kind or too
 * weak for the routine. */
#define KERN_INVALID_ARGUMENT 4

/* A failure for which the interface has no word.  task_for_pid() answers all
 * failures with it; machvm_last_error() has the reason. */
#define KERN_FAILURE 5

/* Memory, descriptors or mappings are exhausted. */
#define KERN_RESOURCE_SHORTAGE 6

#define KERN_NOT_RECEIVER 7

/* Mapped and permitted to the target itself, but the kernel lets no other
 * process touch it (memfd_secret, device memory). */
#define KERN_NO_ACCESS 8

#define KERN_MEMORY_FAILURE 9

/* Mapped and permitted, but the contents cannot be supplied: beyond the end of
 * a file, poisoned memory, no memory left for the page, or a page whose
 * user-space server must not be waited for. */
#define KERN_MEMORY_ERROR 10

#define KERN_ALREADY_IN_SET 11
#define KERN_NOT_IN_SET 12
#define KERN_NAME_EXISTS 13

/* The target changed under the call in a way that could not be undone. */
#define KERN_ABORTED 14

/* The name denotes no right of the caller. */
#define KERN_INVALID_NAME 15

/* The task argument of a routine that says so is null, of the wrong kind, or dead. */
#define KERN_INVALID_TASK 16

/* The name denotes a right, but not of the kind that the operation needs. */
#define KERN_INVALID_RIGHT 17

/* A value is out of range, such as a reference count that would fall below zero. */
#define KERN_INVALID_VALUE 18

/* The count of references to a name would overflow. */
#define KERN_UREFS_OVERFLOW 19

#define KERN_INVALID_CAPABILITY 20
#define KERN_RIGHT_EXISTS 21

/* The host argument is not a host port of the needed kind. */
#define KERN_INVALID_HOST 22

#define KERN_MEMORY_PRESENT 23
#define KERN_MEMORY_DATA_MOVED 24
#define KERN_MEMORY_RESTART_COPY 25
#define KERN_INVALID_PROCESSOR_SET 26
#define KERN_POLICY_LIMIT 27

/* The scheduling policy that the flavor describes is not the task's. */
#define KERN_INVALID_POLICY 28

/* The object argument is a live port, but not a memory object. */
#define KERN_INVALID_OBJECT 29

#define KERN_ALREADY_WAITING 30
#define KERN_DEFAULT_SET 31
#define KERN_EXCEPTION_PROTECTED 32
#define KERN_INVALID_LEDGER 33
#define KERN_INVALID_MEMORY_CONTROL 34
#define KERN_INVALID_SECURITY 35
#define KERN_NOT_DEPRESSED 36

/* The object ended: the thread of a thread port has exited. */
#define KERN_TERMINATED 37

#define KERN_LOCK_SET_DESTROYED 38
#define KERN_LOCK_UNSTABLE 39
#define KERN_LOCK_OWNED 40
#define KERN_LOCK_OWNED_SELF 41
#define KERN_SEMAPHORE_DESTROYED 42
#define KERN_RPC_SERVER_TERMINATED 43
#define KERN_RPC_TERMINATE_ORPHAN 44
#define KERN_RPC_CONTINUE_ORPHAN 45

/* The routine exists only so that source code compiles, or this system lacks
 * what it needs.  A routine never pretends. */
#define KERN_NOT_SUPPORTED 46

#define KERN_NODE_DOWN 47
#define KERN_NOT_WAITING 48

/* A routine that needs the target stopped could not stop it in bounded time. */
#define KERN_OPERATION_TIMED_OUT 49

#define KERN_CODESIGN_ERROR 50
#define KERN_POLICY_STATIC 51

/* The buffer of the caller cannot hold the answer. */
#define KERN_INSUFFICIENT_BUFFER_SIZE 52

/* The operating system refuses this caller this target (user id, Yama, LSM,
 * user namespace, a target that is not dumpable). */
#define KERN_DENIED 53

#define KERN_MISSING_KC 54
#define KERN_INVALID_KC 55

/* A search found nothing. */
#define KERN_NOT_FOUND 56

/* The largest number that this interface may define later. */
#define KERN_RETURN_MAX 0x100

#endif
