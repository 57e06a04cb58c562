/* SPDX-License-Identifier: MIT */
/* plug - a shared library that the victim loads. */
#include <stdint.h>

extern uint64_t plug_counter;
uint64_t plug_counter = PLUG_VALUE;
