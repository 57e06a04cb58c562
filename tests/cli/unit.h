/* SPDX-License-Identifier: MIT */
/* unit - what the tests of the command's rooms include. */
#ifndef TESTS_CLI_UNIT_H
#define TESTS_CLI_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#endif
