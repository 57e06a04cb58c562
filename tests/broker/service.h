/* SPDX-License-Identifier: MIT */
/* The broker as systemd starts it: with a listening socket that outlives it. */
#ifndef TESTS_BROKER_SERVICE_H
#define TESTS_BROKER_SERVICE_H

#include "harness.h"
#include "travel.h"

#include <sys/socket.h>
#include <sys/un.h>

extern struct service {
	int listener, journal; /* -1: none */
	struct sockaddr_un address;
	char policy[64];
	pid_t pid;
} service;

/* Before it is started: the whole policy, as printf() writes it. */
void service_policy(const char *format, ...);
void service_start(void);
/* With an option of the broker's besides. */
void service_start_with(const char *option, const char *value);
/* Kills it. What waitpid() said. */
int service_stop(void);
/* For cmocka: stops it and forgets everything. */
int service_teardown(void **state);

/* A connection; closed by hand. */
int service_connect(void);
socklen_t service_address_size(void);
int service_pidfd(struct victim *victim);
/* Over a connection of its own. */
kern_return_t service_request(struct victim *victim, enum machvm_right right, mach_port_t *port);

/* What goes over the connection for one, by the number of the process; and sending it, no more. */
void service_spell(unsigned char wire[TRAVEL_MESSAGE], pid_t pid, enum machvm_right right);
void service_send(int fd, pid_t pid, enum machvm_right right);

/* The victim's program as a policy names it. */
const char *service_victim_path(void);

/* The next line of the journal; empty when there is no broker any more. */
void service_read_line(char *line, size_t size);
/* That line must have all of these words in it. */
void service_expect_line(const char *first, const char *second);

#endif
