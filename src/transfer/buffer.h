/* SPDX-License-Identifier: MIT */
/* buffer.h - may the caller's own buffer be read, or written, from end to end? */
#ifndef MACHVM_TRANSFER_BUFFER_H
#define MACHVM_TRANSFER_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "copy.h"

/*
 * Every page of [data, data + size) allows `access`. The contents stay as they
 * are. `size` is not 0.
 */
bool machvm__buffer_good(const void *data, size_t size, enum machvm__direction access);

/*
 * The same without the first page: a copy that fails there has moved nothing,
 * so the copy itself finds out.
 */
bool machvm__buffer_rest_good(const void *data, size_t size, enum machvm__direction access);

#endif
