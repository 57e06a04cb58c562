/* SPDX-License-Identifier: MIT */
/*
 * pages.c - mach_vm_page_query, mach_vm_page_info and mach_vm_page_range_query:
 * words of the page map into Mach's dispositions.
 */
#include <errno.h>
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <mach/vm_map.h>
#include <mach/vm_page_query.h>
#include <string.h>

#include "buffer.h"
#include "error.h"
#include "facts.h"

static integer_t disposition(uint64_t word, const struct machvm__vma *vma)
{
	bool anonymous = !(word & MACHVM__PAGE_FILE);
	bool written = machvm__pages_track_writes() ? (word & MACHVM__PAGE_SOFT_DIRTY) != 0 : anonymous;
	integer_t bits;

	/* A guard looks like a page in swap, and is no page at all. */
	if (word & MACHVM__PAGE_GUARD)
		return 0;
	if (word & MACHVM__PAGE_PRESENT)
		bits = VM_PAGE_QUERY_PAGE_PRESENT | VM_PAGE_QUERY_PAGE_REF;
	else if (word & MACHVM__PAGE_SWAPPED)
		bits = VM_PAGE_QUERY_PAGE_PAGED_OUT;
	else
		return 0;
	if (!anonymous)
		bits |= VM_PAGE_QUERY_PAGE_EXTERNAL;
	else if (vma->inode && !(vma->access & MACHVM__VMA_SHARED))
		bits |= VM_PAGE_QUERY_PAGE_COPIED;
	return bits | (written ? VM_PAGE_QUERY_PAGE_DIRTY : 0);
}

/* The mappings that are known of: ours to see is only whether it is one or more. */
static integer_t references(uint64_t word)
{
	if (word & MACHVM__PAGE_GUARD)
		return 0;
	if (word & MACHVM__PAGE_PRESENT)
		return word & MACHVM__PAGE_EXCLUSIVE ? 1 : 2;
	return word & MACHVM__PAGE_SWAPPED ? 1 : 0;
}

struct page {
	bool mapped;
	struct machvm__vma vma;
	uint64_t word;
};

static kern_return_t look(struct machvm__target *target, uint64_t raddr, struct page *page)
{
	uint64_t start = raddr & ~(uint64_t)(machvm__page_size() - 1);
	int r = machvm__target_region(target, start, &page->vma, NULL, 0);

	page->word = 0;
	page->mapped = r == 0 && page->vma.start <= start;
	if (page->mapped) {
		r = machvm__target_pages(target, start, 1, &page->word);
		r = r == 0 ? -ESRCH : r;
	}
	if ((r >= 0 || r == -ENOENT) && machvm__target_alive(target) == 0)
		return KERN_SUCCESS;
	return machvm__facts_fault(target, start, r, "page look-up");
}

static kern_return_t query(vm_map_read_t task, uint64_t raddr, struct page *page)
{
	struct machvm__hold hold;
	kern_return_t kr = machvm__facts_hold(task, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = look(hold.target, raddr, page);
	machvm__task_release(&hold);
	return kr;
}

kern_return_t mach_vm_page_query(vm_map_read_t target_map, mach_vm_offset_t offset,
                                 integer_t *disposition_out, integer_t *ref_count)
{
	struct page page;
	kern_return_t kr = query(target_map, offset, &page);

	if (kr != KERN_SUCCESS)
		return kr;
	*disposition_out = disposition(page.word, &page.vma);
	*ref_count = references(page.word);
	return KERN_SUCCESS;
}

kern_return_t vm_map_page_query(vm_map_read_t target_map, vm_offset_t offset,
                                integer_t *disposition_out, integer_t *ref_count)
{
	return mach_vm_page_query(target_map, offset, disposition_out, ref_count);
}

static void fill_info(const struct page *page, uint64_t raddr, struct vm_page_info_basic *info)
{
	uint64_t within = (raddr & ~(uint64_t)(machvm__page_size() - 1)) - page->vma.start;

	*info = (struct vm_page_info_basic){0};
	if (!page->mapped)
		return;
	info->disposition = disposition(page->word, &page->vma);
	info->ref_count = references(page->word);
	info->object_id = machvm__facts_object(&page->vma);
	info->offset = page->vma.offset + within;
}

kern_return_t mach_vm_page_info(vm_map_read_t target_task, mach_vm_address_t address,
                                vm_page_info_flavor_t flavor, vm_page_info_t info,
                                mach_msg_type_number_t *info_count)
{
	struct vm_page_info_basic answer;
	struct machvm__hold hold;
	struct page page;
	kern_return_t kr = machvm__facts_hold(target_task, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	/* 7: the structure was once without its pad. */
	if (flavor != VM_PAGE_INFO_BASIC || (*info_count != VM_PAGE_INFO_BASIC_COUNT &&
	                                     *info_count != VM_PAGE_INFO_BASIC_COUNT - 1))
		kr = machvm__error(KERN_INVALID_ARGUMENT, "argument check",
		                   "page information is flavor %d with %u words, not flavor %d with %u",
		                   VM_PAGE_INFO_BASIC, VM_PAGE_INFO_BASIC_COUNT, flavor, *info_count);
	else
		kr = look(hold.target, address, &page);
	machvm__task_release(&hold);
	if (kr != KERN_SUCCESS)
		return kr;
	fill_info(&page, address, &answer);
	memcpy(info, &answer, *info_count * sizeof *info);
	return KERN_SUCCESS;
}

/* What has been found and not yet been given to the caller. */
struct sheet {
	uint64_t array; /* of the caller, where the next entry goes */
	size_t used;
	integer_t entries[1024];
};

/*
 * Into the caller's array. It was writable a moment ago; should another thread
 * have unmapped it since, that is a code and no signal.
 */
static bool hand_over(struct sheet *sheet)
{
	size_t size = sheet->used * sizeof *sheet->entries;
	size_t done;

	if (size && machvm__target_move(machvm__target_own(), MACHVM__WRITE, sheet->array,
	                                sheet->entries, size, &done))
		return false;
	sheet->array += size;
	sheet->used = 0;
	return true;
}

static bool add(struct sheet *sheet, integer_t entry)
{
	if (sheet->used == sizeof sheet->entries / sizeof *sheet->entries && !hand_over(sheet))
		return false;
	sheet->entries[sheet->used++] = entry;
	return true;
}

static kern_return_t bad_array(void)
{
	return machvm__error(MACH_SEND_INVALID_MEMORY, "buffer check",
	                     "the array for the dispositions is not all there or not writable");
}

/* Pages [at, end) of one region. */
static kern_return_t add_region(struct machvm__target *target, const struct machvm__vma *vma,
                                uint64_t at, uint64_t end, struct sheet *sheet)
{
	size_t page = machvm__page_size();
	uint64_t words[512];

	while (at < end) {
		size_t wanted = (end - at) / page < 512 ? (size_t)((end - at) / page) : 512;
		int n = machvm__target_pages(target, at, wanted, words);

		if (n <= 0)
			return machvm__facts_fault(target, at, n ? n : -ESRCH, "page look-up");
		for (int i = 0; i < n; i++, at += page)
			if (!add(sheet, disposition(words[i], vma)))
				return bad_array();
	}
	return KERN_SUCCESS;
}

static kern_return_t add_range(struct machvm__target *target, uint64_t at, uint64_t end,
                               struct sheet *sheet)
{
	size_t page = machvm__page_size();
	bool first = true;

	while (at < end) {
		struct machvm__vma vma;
		uint64_t stop;
		/* Anew for each call, and from there on in one pass. */
		int r = first ? machvm__target_region(target, at, &vma, NULL, 0)
		              : machvm__target_next_region(target, at, &vma, NULL, 0);
		kern_return_t kr;

		first = false;
		if (r && r != -ENOENT)
			return machvm__facts_fault(target, at, r, "region lookup");
		stop = r || vma.start > end ? end : vma.start;
		for (; at < stop; at += page)
			if (!add(sheet, 0))
				return bad_array();
		stop = r || vma.end > end ? end : vma.end;
		kr = at < stop ? add_region(target, &vma, at, stop, sheet) : KERN_SUCCESS;
		if (kr != KERN_SUCCESS)
			return kr;
		at = at < stop ? stop : at;
	}
	if (machvm__target_alive(target))
		return machvm__facts_fault(target, at, -ESRCH, "page look-up");
	return hand_over(sheet) ? KERN_SUCCESS : bad_array();
}

static kern_return_t query_range(struct machvm__target *target, uint64_t address, uint64_t size,
                                 uint64_t array, uint64_t *count)
{
	uint64_t mask = machvm__page_size() - 1;
	uint64_t end, bytes, pages;
	struct sheet sheet = {.array = array};

	if (size == 0 || *count == 0) {
		*count = 0;
		return KERN_SUCCESS;
	}
	if (__builtin_add_overflow(address, size, &end) || ((end + mask) & ~mask) < end)
		return machvm__error_fault(target, &(struct machvm__fault){.cause = MACHVM__CAUSE_RANGE,
		                                                           .raddr = address,
		                                                           .step = "range check"});
	if (__builtin_mul_overflow(*count, sizeof(integer_t), &bytes))
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
		                     "no array has that many entries");
	address &= ~mask;
	pages = (((end + mask) & ~mask) - address) / machvm__page_size();
	if (pages > *count)
		pages = *count;
	bytes = pages * sizeof(integer_t);
	if (array > UINTPTR_MAX || bytes > UINTPTR_MAX - array ||
	    !machvm__buffer_good((void *)(uintptr_t)array, (size_t)bytes, MACHVM__WRITE))
		return bad_array();
	end = address + pages * machvm__page_size();
	kern_return_t kr = add_range(target, address, end, &sheet);
	if (kr == KERN_SUCCESS)
		*count = pages;
	return kr;
}

kern_return_t mach_vm_page_range_query(vm_map_read_t target_map, mach_vm_offset_t address,
                                       mach_vm_size_t size, mach_vm_address_t dispositions,
                                       mach_vm_size_t *dispositions_count)
{
	struct machvm__hold hold;
	kern_return_t kr = machvm__facts_hold(target_map, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = query_range(hold.target, address, size, dispositions, dispositions_count);
	machvm__task_release(&hold);
	return kr;
}
