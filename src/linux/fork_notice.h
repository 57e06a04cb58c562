/* SPDX-License-Identifier: MIT */
/*
 * fork_notice.h - notices that this process is a child of the one that filled
 * our state, also after a bare clone(2) that ran no pthread_atfork handler.
 *
 * A page with MADV_WIPEONFORK (Linux 4.14) reads as zero in a child. Looking at
 * it costs one load a call.
 */
#ifndef MACHVM_LINUX_FORK_NOTICE_H
#define MACHVM_LINUX_FORK_NOTICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Another number after every fork; never 0 once anything has been called. */
extern _Atomic uint32_t machvm__epoch;

/* Points to the word that a child finds zero. Null before the first call. */
extern _Atomic(const _Atomic uint32_t *) machvm__fork_word;

void machvm__fork_notice_renew(void);

/* To be called first by every routine: brings the epoch up to date. */
static inline void machvm__fork_notice(void)
{
	const _Atomic uint32_t *word =
		atomic_load_explicit(&machvm__fork_word, memory_order_acquire);

	if (__builtin_expect(!word || !atomic_load_explicit(word, memory_order_relaxed), 0))
		machvm__fork_notice_renew();
}

/*
 * What has to be put right in a child, in the order it was added. `renew` runs
 * before any other call of the library goes on in the new process.
 */
void machvm__fork_notice_add(void (*renew)(void));

#endif
