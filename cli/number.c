/* SPDX-License-Identifier: MIT */
/* number - the numbers people type. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "number.h"

enum number_fault number_read(const char *text, uint64_t *value)
{
	int hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hexadecimal ? text + 2 : text;
	const char *allowed = hexadecimal ? "0123456789abcdefABCDEF" : "0123456789";
	unsigned long long number;

	if (!*digits || digits[strspn(digits, allowed)])
		return NUMBER_MALFORMED;
	if (!hexadecimal && digits[0] == '0' && digits[1])
		return NUMBER_MALFORMED;
	errno = 0;
	number = strtoull(digits, NULL, hexadecimal ? 16 : 10);
	if (errno == ERANGE)
		return NUMBER_TOO_LARGE;
	*value = number;
	return NUMBER_FINE;
}

static int complain(enum number_fault fault, const char *text, const char *what)
{
	const char *zeros = text + strspn(text, "0");

	if (fault == NUMBER_TOO_LARGE)
		return failure_say(STATUS_USAGE, "%s %s does not fit in 64 bits", what, text);
	if (*text && !text[strspn(text, "0123456789abcdefABCDEF")] && isdigit((unsigned char)*text))
		return failure_say(STATUS_USAGE,
				   "%s %s could be read in two ways: write 0x%s for hexadecimal, "
				   "or decimal digits without a leading zero",
				   what, text, *zeros ? zeros : "0");
	return failure_say(STATUS_USAGE, "%s %s is not a number: decimal, or hexadecimal after 0x",
			   what, *text ? text : "\"\"");
}

int number_parse(const char *text, const char *what, uint64_t *value)
{
	enum number_fault fault = number_read(text, value);

	return fault ? complain(fault, text, what) : STATUS_DONE;
}

int number_parse_size(const char *text, const char *what, uint64_t *value)
{
	static const char units[] = "KMGT";
	size_t length = strlen(text);
	const char *unit = length ? strchr(units, toupper((unsigned char)text[length - 1])) : NULL;
	enum number_fault fault;
	char digits[32];
	uint64_t number;
	unsigned shift;

	if (!unit || !*unit || length >= sizeof(digits))
		return number_parse(text, what, value);
	memcpy(digits, text, length - 1);
	digits[length - 1] = '\0';
	fault = number_read(digits, &number);
	if (fault)
		return complain(fault, text, what);
	shift = 10 * (unsigned)(unit - units + 1);
	if (number > UINT64_MAX >> shift)
		return complain(NUMBER_TOO_LARGE, text, what);
	*value = number << shift;
	return STATUS_DONE;
}

int number_parse_count(const char *text, const char *what, uint64_t *value)
{
	int status = number_parse_size(text, what, value);

	if (!status && !*value)
		status = failure_say(STATUS_USAGE, "%s is 0, and must be at least 1", what);
	return status;
}
