/* SPDX-License-Identifier: MIT */
/*
 * The name that ARM programs use for <mach/machine/vm_types.h>.
 */
#ifndef MACH_ARM_VM_TYPES_H
#define MACH_ARM_VM_TYPES_H

#include <mach/machine/vm_types.h>

#endif
