/* SPDX-License-Identifier: MIT */
/*
 * The name that ARM programs use for <mach/machine/vm_param.h>.
 */
#ifndef MACH_ARM_VM_PARAM_H
#define MACH_ARM_VM_PARAM_H

#include <mach/machine/vm_param.h>

#endif
