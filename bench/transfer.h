/* SPDX-License-Identifier: MIT */
/* transfer.h - one write or read, again and again, over the same bytes or over ever other ones. */
#ifndef BENCH_TRANSFER_H
#define BENCH_TRANSFER_H

#include <stddef.h>
#include <stdint.h>

#include "measure.h"
#include "subject.h"

struct transfer {
	struct subject subject;
	char *local;
	size_t size;
	size_t span;   /* both sides rotate over so many bytes; `size` is hot */
	size_t cursor; /* where the next one is; shared by all sides, so none finds another's bytes
			  hot */
};

/* Memory for spans up to `room` on both sides. */
void transfer_begin(struct transfer *transfer, size_t room);
void transfer_end(struct transfer *transfer);

/* Sides. */
void transfer_write(void *context, unsigned repetitions);
void transfer_read(void *context, unsigned repetitions);
void transfer_bare_write(void *context, unsigned repetitions);
void transfer_bare_read(void *context, unsigned repetitions);
void transfer_transaction(void *context, unsigned repetitions);
/* vm_read into fresh memory, and the same by hand. */
void transfer_read_fresh(void *context, unsigned repetitions);
void transfer_map_and_read(void *context, unsigned repetitions);

/* Dies unless machvm's write really arrives in the subject. */
void transfer_verify(struct transfer *transfer);

/* Twice what the last cache holds, within reason: with both sides' buffers, four times. */
size_t transfer_cold_span(void);

/* Moves on; inline, for it is in every timed loop. */
static inline size_t transfer_next(struct transfer *transfer)
{
	size_t at = transfer->cursor;

	transfer->cursor = at + 2 * transfer->size <= transfer->span ? at + transfer->size : 0;
	return at;
}

static inline uint64_t transfer_address(const struct transfer *transfer, size_t at)
{
	return transfer->subject.address + at;
}

/* "8 B", "64 KiB", "16 MiB". */
const char *size_name(size_t size, char name[16]);

#endif
