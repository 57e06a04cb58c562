/* SPDX-License-Identifier: MIT */
/* fork_notice.c - the page that a child finds wiped. */
#include "fork_notice.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pages.h"

_Atomic uint32_t machvm__epoch;
_Atomic(const _Atomic uint32_t *) machvm__fork_word;

/* The word's states. A child finds it wiped and is alone, so the race is among its threads. */
enum { WIPED, RENEWING, CURRENT };

/* Where the kernel cannot wipe, the process number stands in for the page. */
static _Atomic uint32_t unwiped_word;
static _Atomic int unwiped_pid;

/* Twice as many as there are; one that found no place would be left out in silence. */
#define RENEWERS 32
static void (*_Atomic renewers[RENEWERS])(void);

void machvm__fork_notice_add(void (*renew)(void))
{
	for (int i = 0; i < RENEWERS; i++) {
		void (*empty)(void) = NULL;

		if (atomic_load(&renewers[i]) == renew ||
		    atomic_compare_exchange_strong(&renewers[i], &empty, renew))
			return;
	}
}

static _Atomic uint32_t *first_word(void)
{
	const _Atomic uint32_t *none = NULL;
	void *page = mmap(NULL, machvm__page_size(), PROT_READ | PROT_WRITE,
	                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	_Atomic uint32_t *word = page == MAP_FAILED ? NULL : page;

	if (word && madvise(page, machvm__page_size(), MADV_WIPEONFORK)) {
		munmap(page, machvm__page_size());
		word = NULL;
	}
	if (!word) {
		/* Always zero: every call comes by, and compares process numbers. */
		word = &unwiped_word;
		page = MAP_FAILED;
	}
	if (atomic_compare_exchange_strong(&machvm__fork_word, &none, word))
		return word;
	if (page != MAP_FAILED)
		munmap(page, machvm__page_size());
	return (_Atomic uint32_t *)(uintptr_t)none;
}

static void renew_all(void)
{
	if (atomic_fetch_add(&machvm__epoch, 1) == UINT32_MAX)
		atomic_store(&machvm__epoch, 1);
	for (int i = 0; i < RENEWERS; i++) {
		void (*renew)(void) = atomic_load(&renewers[i]);
		if (renew)
			renew();
	}
}

void machvm__fork_notice_renew(void)
{
	_Atomic uint32_t *word =
		(_Atomic uint32_t *)(uintptr_t)atomic_load(&machvm__fork_word);
	uint32_t wiped = WIPED;

	if (!word)
		word = first_word();
	if (word == &unwiped_word) {
		int pid = getpid();
		if (atomic_exchange(&unwiped_pid, pid) != pid)
			renew_all();
		return;
	}
	if (atomic_compare_exchange_strong(word, &wiped, RENEWING)) {
		renew_all();
		atomic_store(word, CURRENT);
		return;
	}
	while (atomic_load(word) == RENEWING)
		sched_yield();
}
