/* SPDX-License-Identifier: MIT */
/* granted - the TASK that is called @: a right that machvm grant handed to this command. */
#ifndef CLI_GRANTED_H
#define CLI_GRANTED_H

#include <machvm.h>

/* Holds the number of a descriptor: a Unix socket with rights in it. */
#define GRANTED_VARIABLE "MACHVM_GRANT"

/* Is that what TASK says? */
int granted_is(const char *task_name);

/* Receives it and complains, also when it is less than `right`. */
int granted_receive(enum machvm_right right, mach_port_t *task);

#endif
