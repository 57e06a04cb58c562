/* SPDX-License-Identifier: MIT */
/*
 * A scenario with something short: it is run over and over, and afterwards nothing is left
 * behind, and `verify` finds what the answers said. What is made once in a program's life has
 * been made before.
 *
 * The library is linked into the program, so that its allocations can be refused.
 */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include "harness.h"

/* The n-th allocation fails, for each n that there is. */
void faults_fail_allocations(void (*scenario)(void), void (*verify)(void));
/* With room for none, for one, for two ... and for all that is needed. */
void faults_take_descriptors(void (*scenario)(void), void (*verify)(void));
/* Handlers that do not restart calls, as often as the machine bears it: every call succeeds. */
void faults_interrupt(void (*scenario)(void), void (*verify)(void));

/* The part of a scenario whose allocations of this thread count. */
void faults_begin(void);
void faults_end(void);

/* A success; or a shortage, where something is short. */
#define expect_honest(kr) faults_expect_honest(__FILE__, __LINE__, #kr, (kr))
kern_return_t faults_expect_honest(const char *file, int line, const char *call, kern_return_t kr);

#endif
