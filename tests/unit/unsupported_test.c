/* SPDX-License-Identifier: MIT */
/* Routines that only Apple's kernel has: they look at the task, refuse, and write nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <machvm.h>

static mach_vm_address_t address = 0x1234;
static uint64_t period = 0x1234;
static vm_info_region_t region = {.vir_start = 0x1234};
static vm_info_region_64_t region64 = {.vir_start = 0x1234};
static vm_info_object_array_t objects;
static page_address_array_t pages;
static mach_msg_type_number_t count = 0x1234;

static kern_return_t range_create(mach_port_t task)
{
	return mach_vm_range_create(task, MACH_VM_RANGE_FLAVOR_V1, NULL, 0);
}

static kern_return_t reclamation_allocate(mach_port_t task)
{
	return mach_vm_deferred_reclamation_buffer_allocate(task, &address, &period, 1, 2);
}

static kern_return_t reclamation_flush(mach_port_t task)
{
	return mach_vm_deferred_reclamation_buffer_flush(task, 1);
}

static kern_return_t reclamation_update(mach_port_t task)
{
	return mach_vm_deferred_reclamation_buffer_update_reclaimable_bytes(task, 4096);
}

static kern_return_t wire(mach_port_t task)
{
	return task_wire(task, TRUE);
}

static kern_return_t region_info(mach_port_t task)
{
	return mach_vm_region_info(task, 0x1000, &region, &objects, &count);
}

static kern_return_t region_info_64(mach_port_t task)
{
	return mach_vm_region_info_64(task, 0x1000, &region64, &objects, &count);
}

static kern_return_t mapped_pages(mach_port_t task)
{
	return vm_mapped_pages_info(task, &pages, &count);
}

static const struct {
	kern_return_t (*call)(mach_port_t task);
	kern_return_t code;
} routines[] = {
	{range_create, KERN_NOT_SUPPORTED},
	{reclamation_allocate, KERN_NOT_SUPPORTED},
	{reclamation_flush, KERN_NOT_SUPPORTED},
	{reclamation_update, KERN_NOT_SUPPORTED},
	{wire, KERN_NOT_SUPPORTED},
	{vm_map_exec_lockdown, KERN_NOT_SUPPORTED},
	{region_info, KERN_FAILURE},
	{region_info_64, KERN_FAILURE},
	{mapped_pages, KERN_FAILURE},
};

#define ROUTINES (sizeof routines / sizeof routines[0])

static void routine_on_valid_task_refuses(void **state)
{
	for (size_t i = 0; i < ROUTINES; i++) {
		assert_int_equal(routines[i].call(mach_task_self()), routines[i].code);
		assert_int_equal(machvm_last_error()->code, routines[i].code);
		assert_true(machvm_last_error()->message[0] != '\0');
	}
}

static void routine_on_no_task_says_so(void **state)
{
	for (size_t i = 0; i < ROUTINES; i++) {
		assert_int_equal(routines[i].call(MACH_PORT_NULL), MACH_SEND_INVALID_DEST);
		assert_int_equal(routines[i].call(MACH_PORT_DEAD), MACH_SEND_INVALID_DEST);
		assert_int_equal(routines[i].call(mach_host_self()), KERN_INVALID_ARGUMENT);
	}
}

static void routine_writes_no_result(void **state)
{
	for (size_t i = 0; i < ROUTINES; i++)
		routines[i].call(mach_task_self());
	assert_int_equal(address, 0x1234);
	assert_int_equal(period, 0x1234);
	assert_int_equal(region.vir_start, 0x1234);
	assert_int_equal(region64.vir_start, 0x1234);
	assert_null(objects);
	assert_null(pages);
	assert_int_equal(count, 0x1234);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routine_on_valid_task_refuses),
		cmocka_unit_test(routine_on_no_task_says_so),
		cmocka_unit_test(routine_writes_no_result),
	};

	return cmocka_run_group_tests_name("unsupported", tests, NULL, NULL);
}
