/* SPDX-License-Identifier: MIT */
/*
 * explain.h - a verdict in words. Apart from machvm_explain(), which gathers the
 * facts first, nothing here asks anybody.
 */
#ifndef MACHVM_TASK_EXPLAIN_H
#define MACHVM_TASK_EXPLAIN_H

#include <stddef.h>

#include "verdict.h"

/*
 * Writes the text for those facts: the sentence, the way out, remarks; a line
 * each. Returns what machvm_explain() returns for them.
 */
kern_return_t machvm__explain_write(const struct machvm__gates *gates, enum machvm_right right,
				    char *text, size_t size);

#endif
