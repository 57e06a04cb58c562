/* SPDX-License-Identifier: MIT */
/*
 * The Mach interface in one header, as programs for macOS include it.
 *
 * The 64-bit spellings (mach_vm_read() and the like) need
 * <mach/mach_vm.h> on macOS; portable programs include it too.
 */
#ifndef MACH_MACH_H
#define MACH_MACH_H

#include <mach/error.h>
#include <mach/mach_error.h>
#include <mach/mach_init.h>
#include <mach/mach_interface.h>
#include <mach/mach_types.h>
#include <mach/machvm_export.h>
#include <mach/message.h>
#include <mach/mig_errors.h>
#include <mach/port.h>
#include <mach/std_types.h>
#include <mach/vm_page_size.h>
#include <mach/vm_param.h>
#include <mach/vm_statistics.h>
#include <mach/vm_types.h>

#endif
