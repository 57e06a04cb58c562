/* SPDX-License-Identifier: MIT */
/*
 * The name that x86 programs use for <mach/machine/vm_param.h>.
 */
#ifndef MACH_I386_VM_PARAM_H
#define MACH_I386_VM_PARAM_H

#include <mach/machine/vm_param.h>

#endif
