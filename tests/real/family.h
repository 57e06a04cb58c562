/* SPDX-License-Identifier: MIT */
/* family.h - a process and all that descend from it, followed while they come and go. */
#ifndef REAL_FAMILY_H
#define REAL_FAMILY_H

#include "tally.h"

#define FAMILY_MAX 256

/* Adds a process to those whose descendants are followed. */
void family_found(int pid);

/* Looks at /proc again: opens who is new, closes who has gone. Returns how many there are. */
int family_refresh(void);

struct subject *family_member(int index);

#endif
