/* SPDX-License-Identifier: MIT */
/* utf8 - characters in bytes that somebody else chose. */
#include "utf8.h"

size_t utf8_character(const unsigned char *at, size_t left, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = *at < 0x80       ? 1
			: *at >> 5 == 6  ? 2
			: *at >> 4 == 14 ? 3
			: *at >> 3 == 30 ? 4
					 : 0;
	size_t i;

	*code = *at;
	if (length <= 1 || length > left)
		return length > left ? 0 : length;
	*code = *at & (0x7fu >> length);
	for (i = 1; i < length; i++) {
		if (at[i] >> 6 != 2)
			return 0;
		*code = *code << 6 | (at[i] & 0x3fu);
	}
	return *code < least[length] || *code > 0x10ffff || *code >> 11 == 0x1b ? 0 : length;
}

int utf8_steers(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e ||
	       code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

size_t utf8_harmless(const unsigned char *at, size_t left)
{
	uint32_t code;
	size_t length = utf8_character(at, left, &code);

	return utf8_steers(code) ? 0 : length;
}
