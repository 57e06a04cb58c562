/* SPDX-License-Identifier: MIT */
/* page_size.c - for CPUs whose page size is the kernel's choice. */
#include <stdatomic.h>

#include "pages.h"

size_t machvm__page_size_asked(void)
{
	static _Atomic size_t size;
	size_t s = atomic_load_explicit(&size, memory_order_relaxed);

	if (!s) {
		s = (size_t)sysconf(_SC_PAGESIZE);
		atomic_store_explicit(&size, s, memory_order_relaxed);
	}
	return s;
}
