/* SPDX-License-Identifier: MIT */
/*
 * The host: the machine and its kernel.
 *
 * The head of <mach/mach_vm.h> names the rules for arguments and threads.
 */
#ifndef MACH_MACH_HOST_H
#define MACH_MACH_HOST_H

#include <mach/host_info.h>
#include <mach/kern_return.h>
#include <mach/mach_types.h>
#include <mach/machvm_export.h>
#include <mach/message.h>
#include <mach/port.h>

__BEGIN_DECLS

/*
 * The base page size in bytes.
 *
 * KERN_SUCCESS always, whatever the host argument (a task port and
 * MACH_PORT_NULL included), as XNU's library does.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t host_page_size(host_t host, vm_size_t *out_page_size);

/*
 * Reports about the host in the structure of a flavor (<mach/host_info.h>);
 * in/out *host_info_out_count is in words.
 *
 * KERN_INVALID_ARGUMENT  the port is not a host port, or the flavor is unknown.
 * KERN_FAILURE           the count is below the flavor's (HOST_BASIC_INFO: below 5).
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t host_info(host_t host, host_flavor_t flavor, host_info_t host_info_out,
				      mach_msg_type_number_t *host_info_out_count);

/*
 * The name and version of the running kernel, as a string.
 *
 * KERN_INVALID_ARGUMENT  the port is not a host port.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t host_kernel_version(host_t host, kernel_version_t kernel_version);

/*
 * Statistics of the host: HOST_LOAD_INFO, HOST_VM_INFO, HOST_CPU_LOAD_INFO.
 * Counters are cut to 32 bits.
 *
 * KERN_INVALID_ARGUMENT  the port is not a host port, or the flavor is unknown.
 * KERN_FAILURE           the count is below the flavor's first revision.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t host_statistics(host_t host_priv, host_flavor_t flavor,
					    host_info_t host_info_out,
					    mach_msg_type_number_t *host_info_out_count);

/*
 * The same with 64-bit counters: HOST_VM_INFO64 (count 38, first revision 24),
 * HOST_EXTMOD_INFO64, and the flavors of host_statistics().
 *
 * Codes as host_statistics().
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t host_statistics64(host_t host_priv, host_flavor_t flavor,
					      host_info64_t host_info64_out,
					      mach_msg_type_number_t *host_info64_out_count);

__END_DECLS

#endif
