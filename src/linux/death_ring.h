/* SPDX-License-Identifier: MIT */
/*
 * death_ring.h - a word in our own memory that the kernel changes when a process
 * exits, before the process's number is free.
 *
 * It is the tail of the completion ring of an AIO context, which io_setup(2) maps
 * into the caller, with one IOCB_CMD_POLL on the process's pidfd in it. An exiting
 * task wakes those who poll its pidfd (do_notify_pidfd()) before release_task()
 * lets go of the number, and the wake-up itself completes the request and stores
 * the tail (aio_poll_wake(), aio_complete() in fs/aio.c). It leaves that to a
 * worker, who comes too late, in two cases, which are ruled out here:
 * - The wake-up does not say what for. Since Linux 6.9 it does; pidfds have a file
 *   system of their own since that release, by which it is known.
 * - The context is locked: by another death, a submission, a cancellation. So each
 *   process has a context to itself, and whoever relies on the word asks the
 *   process once more after the submission.
 *
 * A word that has changed says no more than "ask": kernels before 6.15 wake when
 * the leader exits, though other threads live on.
 */
#ifndef MACHVM_LINUX_DEATH_RING_H
#define MACHVM_LINUX_DEATH_RING_H

#include <stdatomic.h>
#include <stdint.h>

struct machvm__death_ring;

/*
 * Rings are few, for what the system has of them is shared by all. They are kept
 * and used again: to destroy one takes two RCU grace periods, tens of milliseconds,
 * which a process that has any pays when it exits, once for all of them.
 *
 * The callers of arm and disarm see to it that there is one at a time.
 */

/* Begins to watch. Null when there is no ring to be had. */
struct machvm__death_ring *machvm__death_ring_arm(int pidfd);
/* Nobody looks at the word any more. Not for rings of a parent's: a child has none. */
void machvm__death_ring_disarm(struct machvm__death_ring *ring);

/* Where the word is, and its value while nobody has died. The word stays mapped for good. */
const _Atomic uint32_t *machvm__death_ring_word(const struct machvm__death_ring *ring);
uint32_t machvm__death_ring_quiet(const struct machvm__death_ring *ring);

#endif
