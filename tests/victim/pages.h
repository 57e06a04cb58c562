/* SPDX-License-Identifier: MIT */
/*
 * Laying out memory of every kind that tests want to find in a target. Shared by
 * the victim, which lays out its own memory when told to, and the harness, which
 * does the same in the test's own process. Knows nothing of Mach.
 */
#ifndef TESTS_PAGES_H
#define TESTS_PAGES_H

#include <stddef.h>
#include <stdint.h>

/* What older kernel headers lack; values are ABI. */
#define PAGES_MADV_GUARD_INSTALL 102
#define PAGES_SYS_MEMFD_SECRET   447
#define PAGES_SYS_MSEAL          462
#define PAGES_SEAL_FUTURE_WRITE  0x10

/* How many bytes the last page of a half file lacks; they read as zeros. */
#define PAGES_TAIL 1000

/*
 * Lays `size` bytes (whole pages) of `kind` at `address`, over whatever is
 * there, with the pattern of `seed` as contents where the kind has contents:
 *
 *   hole         nothing
 *   rw ro wo xo rx none    private anonymous memory with that protection
 *   fresh        private anonymous, never touched (reads as zeros)
 *   large        as fresh, in huge pages where they can be had
 *   devzero      private mapping of /dev/zero
 *   guard        readable and writable, but guarded (MADV_GUARD_INSTALL)
 *   file-rw file-ro file-rx     private mapping of a file
 *   shared-rw shared-ro    shared mapping of a file; ro from a read-only descriptor
 *   shared-drop  shared mapping made read-only by mprotect
 *   eof-private eof-shared eof-memfd    writable mapping beyond the end of its file
 *   half-private half-shared    writable mapping of a file that ends PAGES_TAIL bytes before
 *                the middle of it: one half is there, one is beyond the end
 *   secret       memfd_secret
 *   huge         MAP_HUGETLB
 *   cow          private anonymous, shared copy-on-write with a forked child
 *   sealed-rw sealed-ro    as rw and ro, then mseal()ed
 *   missing      private anonymous, registered with a userfaultfd nobody serves
 *   protected    as rw, write-protected by a userfaultfd nobody serves
 *   poison       private anonymous, marked as lost by a userfaultfd
 *   share        shared anonymous memory
 *   segment      a System V segment, already marked for removal
 *   memfd        shared mapping of a memfd
 *   memfd-steady memfd-steady-ro    sealed: it never gets shorter; ro by mprotect
 *   memfd-reserved    and sealed against new mappings that can write
 *   memfd-orphan as memfd-steady, and its descriptor is closed
 *   missing-shared    as missing, and shared anonymous
 *
 * Returns 0 or -errno (-ENOSYS and the like where the kernel has no such kind).
 */
int pages_lay(const char *kind, void *address, size_t size, uint64_t seed);

/* The descriptor of the file that was laid at `address` last, or -1. */
int pages_file(const void *address);

/* Ends every helper process that cow pages needed. */
void pages_release(void);

#endif
