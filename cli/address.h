/* SPDX-License-Identifier: MIT */
/*
 * address - ADDRESS on the command line.
 *
 *   0x7f0012345678  4096         a number
 *   counter  counter+8           a symbol
 *   libc:environ                 a symbol of one module
 *   redis-server+0x1234          an offset from where a module begins
 *   [heap]+16  [anon:arena]      an offset from where a named region begins
 */
#ifndef CLI_ADDRESS_H
#define CLI_ADDRESS_H

#include <stdint.h>

#include "symbols.h"

enum address_kind { ADDRESS_NUMBER, ADDRESS_NAME, ADDRESS_REGION };

struct address {
	enum address_kind kind;
	uint64_t number; /* ADDRESS_NUMBER */
	char *module;    /* before the colon, or null */
	char *name;      /* a symbol, a module or a region */
	int64_t offset;
};

/* Takes the words apart; looks at no process. Complains. */
int address_parse(struct address *address, const char *text);
void address_free(struct address *address);

/* What ADDRESS means in the target; complains. */
int address_resolve(struct layout *layout, const char *text, uint64_t *address);

/*
 * "A-B", "A+SIZE", or the name of a region or module alone, which is all of it.
 * B is a number.
 */
int address_resolve_range(struct layout *layout, const char *text, uint64_t *start, uint64_t *end);

#endif
