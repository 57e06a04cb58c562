/* SPDX-License-Identifier: MIT */
/*
 * The name that x86 programs use for <mach/machine/vm_types.h>.
 */
#ifndef MACH_I386_VM_TYPES_H
#define MACH_I386_VM_TYPES_H

#include <mach/machine/vm_types.h>

#endif
