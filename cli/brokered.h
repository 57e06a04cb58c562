/* SPDX-License-Identifier: MIT */
/* brokered - processes opened by the broker (machvmd) in place of this command. */
#ifndef CLI_BROKERED_H
#define CLI_BROKERED_H

#include <machvm.h>

#define BROKERED_VARIABLE "MACHVM_BROKER"
#define BROKERED_SOCKET   "/run/machvm/broker"

/* Is the word --broker or --broker=PATH? Then the broker is used from now on. */
int brokered_option(const char *word);

/* Is it to be used? */
int brokered_asks(void);

/*
 * Does the broker give that right? *answer is KERN_SUCCESS, or the code of the refusal, whose
 * sentence is on record. Complains when there is no broker to ask.
 */
int brokered_try(int pidfd, enum machvm_right right, kern_return_t *answer);

/* machvm_task_open(), by the broker if it is to be used. Complains. */
int brokered_open(int pidfd, enum machvm_right right, mach_port_t *task);

#endif
