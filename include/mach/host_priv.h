/* SPDX-License-Identifier: MIT */
/*
 * Routines that take the privileged host port.
 *
 * Linux ties the privilege to the caller, not to a port, so mach_host_self()
 * serves as host_priv_t and the kernel decides.  mach_vm_wire() is declared by
 * <mach/mach_vm.h>, which this header includes.
 */
#ifndef MACH_HOST_PRIV_H
#define MACH_HOST_PRIV_H

#include <mach/mach_types.h>
#include <mach/mach_vm.h>
#include <mach/machvm_export.h>

__BEGIN_DECLS

/*
 * mach_vm_wire() with natural-size types; its contract holds word for word.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t vm_wire(host_priv_t host_priv, vm_map_t task, vm_address_t address,
				    vm_size_t size, vm_prot_t desired_access);

__END_DECLS

#endif
