/* SPDX-License-Identifier: MIT */
/* own_call.h - the calling process's own memory calls, by the names that remote ones have. */
#ifndef MACHVM_LINUX_OWN_CALL_H
#define MACHVM_LINUX_OWN_CALL_H

#include <stdint.h>

#include "call.h"

/* What the system call returned: a value, or -errno. */
int64_t machvm__own_call(enum machvm__call call, const uint64_t args[6]);

#endif
