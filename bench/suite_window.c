/* SPDX-License-Identifier: MIT */
/*
 * suite_window.c - a store through a window against a store to own memory, in caches and
 * beyond them; and what it costs to have a window at all.
 *
 * The memory of the subject is private until the first window moves it.
 */
#include <machvm.h>

#include "suites.h"
#include "transfer.h"

#define ROOM  ((size_t)64 << 20)
#define SMALL ((size_t)16 << 10)

struct stores {
	struct transfer transfer;
	uint64_t *window, *own;
	size_t words, at;
};

/* One word at a time; volatile, so that each is made. */
static inline void store(struct stores *stores, uint64_t *memory, unsigned repetitions)
{
	size_t at = stores->at, words = stores->words;

	while (repetitions--) {
		((volatile uint64_t *)memory)[at] = repetitions;
		at = at + 1 < words ? at + 1 : 0;
	}
	stores->at = at;
}

static void through_window(void *context, unsigned repetitions)
{
	struct stores *stores = context;

	store(stores, stores->window, repetitions);
}

static void to_own_memory(void *context, unsigned repetitions)
{
	struct stores *stores = context;

	store(stores, stores->own, repetitions);
}

static void by_machvm_write(void *context, unsigned repetitions)
{
	struct stores *stores = context;

	stores->transfer.size = sizeof(uint64_t);
	stores->transfer.span = SMALL;
	transfer_write(&stores->transfer, repetitions);
}

static kern_return_t open_again(const struct subject *subject)
{
	void *window;
	kern_return_t kr = machvm_window_open(subject->task, subject->address, SMALL,
					      MACHVM_WINDOW_WRITE, &window);

	return kr == KERN_SUCCESS ? machvm_window_close(window, SMALL) : kr;
}

static void open_and_close(void *context, unsigned repetitions)
{
	struct stores *stores = context;

	while (repetitions--)
		if (open_again(&stores->transfer.subject) != KERN_SUCCESS)
			die("machvm_window_open: %s", machvm_last_error()->message);
}

/* What is stored here is there; else all the figures mean nothing. */
static void verify(struct stores *stores)
{
	uint64_t found = 0;

	stores->window[7] = 0x1122334455667788;
	if (machvm_read(stores->transfer.subject.task, stores->transfer.subject.address + 56,
			&found, sizeof found, 0) ||
	    found != stores->window[7])
		die("a store through the window did not arrive");
}

static void measure_stores(struct stores *stores, const char *name, size_t size)
{
	static const struct side sides[] = {
		{"through a window", through_window},
		{"to own memory", to_own_memory},
	};
	const struct row row = {
		.group = "window",
		.name = name,
		.goal = GOAL_RATIO,
		.limit = 1 / 0.9,
		.note = "one store of 8 B, in ascending order",
	};
	struct samples samples;

	stores->words = size / sizeof(uint64_t);
	stores->at = 0;
	measure(&samples, sides, 2, stores, 1.0);
	row_print(&row, &samples, sides, 0, 1);
	measure_free(&samples);
}

static void measure_window(struct stores *stores)
{
	static const struct side sides[] = {
		{"through a window", through_window},
		{"machvm_write", by_machvm_write},
		{"open and close", open_and_close},
	};
	const struct row write = {.group = "window", .name = "store 8 B, or write it"};
	const struct row whole = {.group = "window", .name = "open and close, 16 KiB"};
	struct samples samples;

	stores->words = SMALL / sizeof(uint64_t);
	stores->at = 0;
	measure(&samples, sides, 2, stores, 1.0);
	row_print(&write, &samples, sides, 0, 1);
	measure_free(&samples);
	/* Moved memory has no descriptor left: a second window takes privilege. */
	if (open_again(&stores->transfer.subject) != KERN_SUCCESS)
		return;
	measure(&samples, sides + 2, 1, stores, 1.0);
	row_print_alone(&whole, &samples, sides + 2, 0);
	measure_free(&samples);
}

void suite_window(const struct settings *settings)
{
	struct stores stores = {0};
	void *window;

	transfer_begin(&stores.transfer, ROOM);
	stores.own = own_memory(ROOM);
	if (machvm_window_open(stores.transfer.subject.task, stores.transfer.subject.address, ROOM,
			       MACHVM_WINDOW_WRITE | MACHVM_WINDOW_MOVE, &window) != KERN_SUCCESS)
		die("machvm_window_open: %s", machvm_last_error()->message);
	stores.window = window;
	verify(&stores);
	for (size_t i = 0; i < ROOM / sizeof(uint64_t); i += 512)
		stores.window[i] = 0; /* page tables are made at the first touch, on either side */
	measure_stores(&stores, "store, 16 KiB", SMALL);
	measure_stores(&stores, "store, 64 MiB", ROOM);
	measure_window(&stores);
	if (machvm_window_close(window, ROOM) != KERN_SUCCESS)
		die("machvm_window_close: %s", machvm_last_error()->message);
	transfer_end(&stores.transfer);
}
