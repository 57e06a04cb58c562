/* SPDX-License-Identifier: MIT */
/*
 * own.c - the routines on the program's own memory, on a CPU that the tests'
 * machine may only emulate. The truth is the memory itself.
 */
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <machvm.h>
#include <stdio.h>
#include <string.h>

#define PAGES 8

static int passed, failed;
static mach_port_t self;
static vm_size_t page;
static unsigned char *base;

static void check(const char *name, int good)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", passed + failed + 1, name);
	passed += good;
	failed += !good;
	if (!good)
		printf("# %s\n", machvm_last_error()->message);
}

static mach_vm_address_t at(size_t offset)
{
	return (mach_vm_address_t)(uintptr_t)(base + offset);
}

static void allocate(void)
{
	mach_vm_address_t address = 0;
	kern_return_t kr = mach_vm_allocate(self, &address, PAGES * page, VM_FLAGS_ANYWHERE);

	base = (unsigned char *)(uintptr_t)address;
	check("allocate_anywhere_gives_zeroed_pages",
	      kr == KERN_SUCCESS && address % page == 0 && !base[0] && !base[PAGES * page - 1]);
	kr = mach_vm_allocate(self, &address, page, VM_FLAGS_FIXED);
	check("allocate_over_existing_page_finds_no_space", kr == KERN_NO_SPACE);
}

static void write_and_read(void)
{
	static const char words[] = "across a page";
	char back[sizeof(words)] = "";
	mach_vm_size_t size = 0;
	vm_offset_t fresh = 0;
	mach_msg_type_number_t count = 0;
	kern_return_t kr = mach_vm_write(self, at(page - 5), (vm_offset_t)words, sizeof(words));

	check("write_across_pages_arrives",
	      kr == KERN_SUCCESS && !memcmp(base + page - 5, words, sizeof(words)));
	kr = mach_vm_read_overwrite(self, at(page - 5), sizeof(words),
				    (mach_vm_address_t)(uintptr_t)back, &size);
	check("read_overwrite_returns_the_bytes",
	      kr == KERN_SUCCESS && size == sizeof(words) && !memcmp(back, words, sizeof(words)));
	kr = mach_vm_read(self, at(page - 5), sizeof(words), &fresh, &count);
	check("read_keeps_the_offset_in_the_page",
	      kr == KERN_SUCCESS && fresh % page == page - 5 &&
		      !memcmp((void *)fresh, words, sizeof(words)));
	check("read_memory_can_be_freed", mach_vm_deallocate(self, fresh, count) == KERN_SUCCESS);
}

static void copy(void)
{
	kern_return_t kr;

	for (size_t i = 0; i < 3 * page; i++)
		base[i] = (unsigned char)(i * 7 + i / 256);
	kr = mach_vm_copy(self, at(0), 2 * page, at(page / 2));
	for (size_t i = 0; kr == KERN_SUCCESS && i < 2 * page; i++)
		if (base[page / 2 + i] != (unsigned char)(i * 7 + i / 256))
			kr = KERN_FAILURE;
	check("copy_onto_itself_is_memmove", kr == KERN_SUCCESS);
}

static void protect(void)
{
	vm_region_basic_info_data_64_t info;
	mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
	mach_vm_address_t where = at(page);
	mach_vm_size_t size = 0;
	mach_port_t object;
	char before = (char)base[page];
	kern_return_t kr = mach_vm_protect(self, at(page), page, 0, VM_PROT_READ);

	check("protect_one_page_succeeds", kr == KERN_SUCCESS);
	kr = mach_vm_region(self, &where, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info,
			    &count, &object);
	check("region_tells_the_new_protection",
	      kr == KERN_SUCCESS && where == at(page) && size == page &&
		      info.protection == VM_PROT_READ);
	kr = mach_vm_write(self, at(page - 1), (vm_offset_t)"XY", 2);
	check("write_running_into_it_is_refused_and_changes_nothing",
	      kr == KERN_PROTECTION_FAILURE && (char)base[page] == before && base[page - 1] != 'X');
	kr = machvm_write(self, at(page), "F", 1, MACHVM_FORCE);
	check("forced_write_arrives", kr == KERN_SUCCESS && base[page] == 'F');
	kr = mach_vm_protect(self, at(0), 2 * page, 1, VM_PROT_READ);
	check("maximum_can_shrink", kr == KERN_SUCCESS);
	kr = mach_vm_protect(self, at(0), page, 0, VM_PROT_READ | VM_PROT_WRITE);
	check("maximum_binds", kr == KERN_PROTECTION_FAILURE);
}

static void deallocate(void)
{
	char byte = 0;
	kern_return_t kr = mach_vm_deallocate(self, at(3 * page), page);

	check("deallocate_makes_a_hole", kr == KERN_SUCCESS);
	kr = machvm_read(self, at(3 * page), &byte, 1, 0);
	check("read_in_the_hole_is_an_invalid_address", kr == KERN_INVALID_ADDRESS);
	kr = machvm_write(self, at(2 * page), (void *)at(3 * page), 1, 0);
	check("bad_buffer_is_the_callers_fault", kr == MACH_SEND_INVALID_MEMORY);
	check("deallocate_over_holes_succeeds",
	      mach_vm_deallocate(self, at(0), PAGES * page) == KERN_SUCCESS);
}

int main(void)
{
	self = mach_task_self();
	host_page_size(mach_host_self(), &page);
	allocate();
	write_and_read();
	copy();
	protect();
	deallocate();
	printf("1..%d\n", passed + failed);
	return failed != 0;
}
