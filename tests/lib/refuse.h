/* SPDX-License-Identifier: MIT */
/*
 * Making the kernel refuse system calls to this process, as older or stricter
 * kernels would: a seccomp filter, which needs no rights and cannot be taken off
 * again. Victims inherit it, and use none of these calls themselves.
 */
#ifndef TESTS_REFUSE_H
#define TESTS_REFUSE_H

/*
 * Refuses what `list` names, separated by commas, each as NAME or NAME=ERRNO:
 *
 *   writev readv    process_vm_writev, process_vm_readv
 *   mem             positioned reads and writes, hence /proc/PID/mem
 *   pidfd           pidfd_open
 *   procmap scan    the PROCMAP_QUERY and PAGEMAP_SCAN ioctls
 *   kcmp epoll
 *   aio             io_setup, the first of every AIO
 *   populate        madvise(MADV_POPULATE_READ and _WRITE)
 *   barrier         membarrier
 *
 * The errno is ENOSYS unless given (EPERM, EACCES, EINVAL, ENOTTY ...). Ends the
 * program with an error when the list is not understood.
 */
void refuse(const char *list);

/* refuse(getenv("MACHVM_TEST_REFUSE")), if it is set. */
void refuse_from_environment(void);

/* True when `name` has been refused to this process. */
int refused(const char *name);

#endif
