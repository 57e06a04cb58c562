/* SPDX-License-Identifier: MIT */
/*
 * The standard types: truth values, return codes, ports and addresses.
 */
#ifndef MACH_STD_TYPES_H
#define MACH_STD_TYPES_H

#include <mach/boolean.h>
#include <mach/kern_return.h>
#include <mach/port.h>
#include <mach/vm_types.h>

#endif
