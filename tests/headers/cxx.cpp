/* SPDX-License-Identifier: MIT */
/*
 * Every public header in one C++ program, which calls through the interface
 * once to prove the linkage of the names.
 */
#include <mach/arm/vm_param.h>
#include <mach/arm/vm_types.h>
#include <mach/boolean.h>
#include <mach/clock_types.h>
#include <mach/error.h>
#include <mach/host_info.h>
#include <mach/host_priv.h>
#include <mach/i386/thread_status.h>
#include <mach/i386/vm_param.h>
#include <mach/i386/vm_types.h>
#include <mach/kern_return.h>
#include <mach/mach.h>
#include <mach/mach_error.h>
#include <mach/mach_host.h>
#include <mach/mach_init.h>
#include <mach/mach_interface.h>
#include <mach/mach_port.h>
#include <mach/mach_traps.h>
#include <mach/mach_types.h>
#include <mach/mach_vm.h>
#include <mach/mach_vm_region.h>
#include <mach/machine.h>
#include <mach/machine/thread_state.h>
#include <mach/machine/thread_status.h>
#include <mach/machine/vm_param.h>
#include <mach/machine/vm_types.h>
#include <mach/machvm_export.h>
#include <mach/memory_object_types.h>
#include <mach/message.h>
#include <mach/mig_errors.h>
#include <mach/policy.h>
#include <mach/port.h>
#include <mach/std_types.h>
#include <mach/task.h>
#include <mach/task_info.h>
#include <mach/task_special_ports.h>
#include <mach/thread_act.h>
#include <mach/thread_info.h>
#include <mach/thread_status.h>
#include <mach/time_value.h>
#include <mach/vm_attributes.h>
#include <mach/vm_behavior.h>
#include <mach/vm_debug_info.h>
#include <mach/vm_inherit.h>
#include <mach/vm_map.h>
#include <mach/vm_page_query.h>
#include <mach/vm_page_size.h>
#include <mach/vm_param.h>
#include <mach/vm_prot.h>
#include <mach/vm_purgable.h>
#include <mach/vm_region.h>
#include <mach/vm_statistics.h>
#include <mach/vm_sync.h>
#include <mach/vm_types.h>
#include <machvm.h>
#include <mach/arm/thread_status.h> /* last: it defines ts_32 and ts_64 */

extern "C" int machvm_headers_cxx(mach_port_name_t task, mach_vm_address_t address);

extern "C" int machvm_headers_cxx(mach_port_name_t task, mach_vm_address_t address)
{
	unsigned char bytes[4] = {1, 2, 3, 4};
	mach_vm_size_t got = 0;
	vm_size_t page = vm_page_size;
	kern_return_t kr = mach_vm_write(task, address, reinterpret_cast<vm_offset_t>(bytes),
					 static_cast<mach_msg_type_number_t>(sizeof(bytes)));
	if (kr != KERN_SUCCESS)
		kr = mach_vm_read_overwrite(mach_task_self(), address, sizeof(bytes),
					    reinterpret_cast<mach_vm_address_t>(&bytes[0]), &got);
	host_page_size(mach_host_self(), &page);
	if (kr == KERN_SUCCESS) {
		void *window = nullptr;

		kr = machvm_window_open(task, address, sizeof(bytes),
					MACHVM_WINDOW_WRITE | MACHVM_WINDOW_MOVE, &window);
		if (kr == KERN_SUCCESS)
			kr = machvm_window_check(task, address, window, sizeof(bytes));
		machvm_window_close(window, sizeof(bytes));
	}
	return kr == MACH_SEND_INVALID_DEST ? 1 : 0;
}
