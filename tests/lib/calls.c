/* SPDX-License-Identifier: MIT */
/* Every spelling of write, read and copy. */
#include "calls.h"

#include <string.h>
#include <sys/mman.h>

/* What out parameters hold before a call, to see that a failure leaves them alone. */
#define UNTOUCHED 0x5e5e5e5eu

static kern_return_t write_mach_vm(mach_port_t task, uint64_t address, void *local, uint64_t size)
{
	return mach_vm_write(task, address, (vm_offset_t)local, (mach_msg_type_number_t)size);
}

static kern_return_t write_vm(mach_port_t task, uint64_t address, void *local, uint64_t size)
{
	return vm_write(task, (vm_address_t)address, (vm_offset_t)local,
			(mach_msg_type_number_t)size);
}

static kern_return_t write_machvm(mach_port_t task, uint64_t address, void *local, uint64_t size)
{
	return machvm_write(task, address, local, (size_t)size, 0);
}

static kern_return_t write_transaction(mach_port_t task, uint64_t address, void *local,
				       uint64_t size)
{
	return machvm_write(task, address, local, (size_t)size, MACHVM_TRANSACTION);
}

static kern_return_t write_no_wait(mach_port_t task, uint64_t address, void *local, uint64_t size)
{
	return machvm_write(task, address, local, (size_t)size, MACHVM_NOWAIT);
}

static kern_return_t write_both(mach_port_t task, uint64_t address, void *local, uint64_t size)
{
	return machvm_write(task, address, local, (size_t)size,
			    MACHVM_TRANSACTION | MACHVM_NOWAIT);
}

const struct call write_calls[] = {
	{"mach_vm_write", write_mach_vm, false, false},
	{"vm_write", write_vm, false, false},
	{"machvm_write", write_machvm, false, false},
	{"machvm_write(TRANSACTION)", write_transaction, false, false},
	{"machvm_write(NOWAIT)", write_no_wait, true, false},
	{"machvm_write(TRANSACTION | NOWAIT)", write_both, true, false},
};
const unsigned write_call_count = ARRAY_SIZE(write_calls);

static void expect_outsize(kern_return_t kr, uint64_t outsize, uint64_t size)
{
	expect_number(outsize, kr == KERN_SUCCESS ? size : UNTOUCHED);
}

static kern_return_t read_mach_vm_overwrite(mach_port_t task, uint64_t address, void *local,
					    uint64_t size)
{
	mach_vm_size_t outsize = UNTOUCHED;
	kern_return_t kr = mach_vm_read_overwrite(task, address, size, (uintptr_t)local, &outsize);

	expect_outsize(kr, outsize, size);
	return kr;
}

static kern_return_t read_vm_overwrite(mach_port_t task, uint64_t address, void *local,
				       uint64_t size)
{
	vm_size_t outsize = UNTOUCHED;
	kern_return_t kr = vm_read_overwrite(task, (vm_address_t)address, (vm_size_t)size,
					     (vm_address_t)local, &outsize);

	expect_outsize(kr, outsize, size);
	return kr;
}

static kern_return_t read_machvm(mach_port_t task, uint64_t address, void *local, uint64_t size)
{
	return machvm_read(task, address, local, (size_t)size, 0);
}

static kern_return_t read_transaction(mach_port_t task, uint64_t address, void *local,
				      uint64_t size)
{
	return machvm_read(task, address, local, (size_t)size, MACHVM_TRANSACTION);
}

static kern_return_t read_no_wait(mach_port_t task, uint64_t address, void *local, uint64_t size)
{
	return machvm_read(task, address, local, (size_t)size, MACHVM_NOWAIT);
}

void read_release(vm_offset_t data, mach_msg_type_number_t size)
{
	expect_code(mach_vm_deallocate(mach_task_self(), data, size), KERN_SUCCESS);
}

/* What mach_vm_read() and its siblings promise about the memory they return. */
static kern_return_t take_fresh(kern_return_t kr, uint64_t address, vm_offset_t data,
				mach_msg_type_number_t count, void *local, uint64_t size)
{
	if (kr != KERN_SUCCESS) {
		expect_number(data, UNTOUCHED);
		expect_number(count, UNTOUCHED);
		return kr;
	}
	expect_number(count, size);
	if (size == 0) {
		expect_number(data, 0);
		return kr;
	}
	expect_number(data % PAGE, address % PAGE);
	memcpy(local, (const void *)data, (size_t)size);
	/* It is the caller's own: writable, to the last byte. */
	memset((void *)data, 0xee, (size_t)size);
	read_release(data, count);
	return kr;
}

static kern_return_t read_mach_vm(mach_port_t task, uint64_t address, void *local, uint64_t size)
{
	vm_offset_t data = UNTOUCHED;
	mach_msg_type_number_t count = UNTOUCHED;
	kern_return_t kr = mach_vm_read(task, address, size, &data, &count);

	return take_fresh(kr, address, data, count, local, size);
}

static kern_return_t read_vm(mach_port_t task, uint64_t address, void *local, uint64_t size)
{
	vm_offset_t data = UNTOUCHED;
	mach_msg_type_number_t count = UNTOUCHED;
	kern_return_t kr = vm_read(task, (vm_address_t)address, (vm_size_t)size, &data, &count);

	return take_fresh(kr, address, data, count, local, size);
}

const struct call read_calls[] = {
	{"mach_vm_read_overwrite", read_mach_vm_overwrite, false, false},
	{"vm_read_overwrite", read_vm_overwrite, false, false},
	{"machvm_read", read_machvm, false, false},
	{"mach_vm_read", read_mach_vm, false, true},
	{"vm_read", read_vm, false, true},
	{"machvm_read(TRANSACTION)", read_transaction, false, false},
	{"machvm_read(NOWAIT)", read_no_wait, true, false},
};
const unsigned read_call_count = ARRAY_SIZE(read_calls);

static kern_return_t copy_mach_vm(mach_port_t task, uint64_t source, uint64_t size, uint64_t dest)
{
	return mach_vm_copy(task, source, size, dest);
}

static kern_return_t copy_vm(mach_port_t task, uint64_t source, uint64_t size, uint64_t dest)
{
	return vm_copy(task, (vm_address_t)source, (vm_size_t)size, (vm_address_t)dest);
}

const struct copy_call copy_calls[] = {
	{"mach_vm_copy", copy_mach_vm},
	{"vm_copy", copy_vm},
};
const unsigned copy_call_count = ARRAY_SIZE(copy_calls);

void task_use_much(mach_port_t task, uint64_t address)
{
	char byte;

	for (int i = 0; i < 3000; i++)
		expect_code(machvm_read(task, address, &byte, 1, 0), KERN_SUCCESS);
}
