/* SPDX-License-Identifier: MIT */
/* flags.h - MACHVM_* flags, as the routines that move bytes understand them. */
#ifndef MACHVM_MACH_FLAGS_H
#define MACHVM_MACH_FLAGS_H

#include <machvm.h>

#include "transfer.h"

#define MACHVM__FLAGS_KNOWN \
	((unsigned)(MACHVM_TRANSACTION | MACHVM_FORCE | MACHVM_EACH | MACHVM_STOP | MACHVM_NOWAIT))

static inline unsigned machvm__flags_options(unsigned flags)
{
	return (flags & MACHVM_TRANSACTION ? MACHVM__TRANSFER_TRANSACTION : 0u) |
	       (flags & MACHVM_FORCE ? MACHVM__TRANSFER_FORCE : 0u) |
	       /* What stands still can supply no page of its own. */
	       (flags & (MACHVM_NOWAIT | MACHVM_STOP) ? MACHVM__TRANSFER_NOWAIT : 0u);
}

#endif
