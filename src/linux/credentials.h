/* SPDX-License-Identifier: MIT */
/* credentials.h - as whom a process acts, as the kernel shows it. */
#ifndef MACHVM_LINUX_CREDENTIALS_H
#define MACHVM_LINUX_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MACHVM__REAL, MACHVM__EFFECTIVE, MACHVM__SAVED, MACHVM__FILESYSTEM, MACHVM__IDS };

struct machvm__credentials {
	int64_t uid[MACHVM__IDS], gid[MACHVM__IDS]; /* as our user namespace numbers them */
	uint64_t permitted, effective;              /* capabilities */
};

/* From the text of /proc/PID/status. False when it has no ids. */
bool machvm__credentials_parse(const char *status, struct machvm__credentials *credentials);

/* Our own, where there is no /proc to read them in. */
void machvm__credentials_ask(struct machvm__credentials *credentials);

/* The login name of a user id, which stays as it was without one, and its group (-1 without). */
int64_t machvm__credentials_login(int64_t uid, char *name, size_t size);

#endif
