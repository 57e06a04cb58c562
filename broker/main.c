/* SPDX-License-Identifier: MIT */
/*
 * machvmd - opens tasks for clients who may not, by a policy, and sends them the right.
 *
 * Started by systemd when somebody connects (sd_listen_fds(3), without its library), or
 * by hand with --listen. One thread, one request after the other: none takes long, and
 * none waits for a client.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "journal.h"
#include "policy.h"
#include "rate.h"
#include "request.h"
#include "sandbox.h"

#define POLICY_FILE  "/etc/machvm/policy"
#define MOST_CLIENTS 4096
#define FIRST_SOCKET 3 /* sd_listen_fds(3) */
#define POLICY_MOST  (1 << 20)

struct client {
	struct peer peer;
	time_t since;
};

static struct pollfd waits[MOST_CLIENTS + 1]; /* the first one is the listener */
static struct client *clients[MOST_CLIENTS + 1];
static nfds_t count = 1;
static int most_of_one = 256; /* connections that one user may have */
static int patience = 10;     /* seconds that a client may say nothing */

static void tell_excess(uid_t uid, pid_t pid, unsigned long excess)
{
	journal_decision("refused: uid=%u pid=%d: %lu requests too many", uid, pid, excess);
}

static struct rate rate = {.a_second = 100, .tell = tell_excess};

static bool find_user(const char *name, unsigned *id)
{
	const struct passwd *user = getpwnam(name);

	if (user)
		*id = user->pw_uid;
	return user;
}

static bool find_group(const char *name, unsigned *id)
{
	const struct group *group = getgrnam(name);

	if (group)
		*id = group->gr_gid;
	return group;
}

/* A policy that others can write is theirs and not the administrator's. */
static int read_policy(const char *path, char **text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat facts;
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &facts) || !S_ISREG(facts.st_mode) || facts.st_size > POLICY_MOST ||
	    facts.st_mode & (S_IWGRP | S_IWOTH) ||
	    (facts.st_uid != 0 && facts.st_uid != geteuid())) {
		close(fd);
		return -EPERM;
	}
	*text = calloc(1, (size_t)facts.st_size + 1);
	n = *text ? read(fd, *text, (size_t)facts.st_size) : -1;
	close(fd);
	if (n < 0 || strlen(*text) != (size_t)n) {
		free(*text);
		return n < 0 ? -errno : -EINVAL;
	}
	return 0;
}

static int load_policy(const char *path, struct policy *policy)
{
	static const struct policy_names names = {find_user, find_group};
	const char *wrong = "";
	char *text = NULL;
	unsigned line;
	int r = read_policy(path, &text);

	if (r == -EPERM) {
		journal_trouble("%s must be a file of root's that nobody else can write", path);
		return r;
	}
	if (r) {
		journal_trouble("%s: %s", path, strerror(-r));
		return r;
	}
	r = policy_parse(policy, text, &names, &line, &wrong);
	free(text);
	if (r)
		journal_trouble("%s, line %u: %s; nobody is served", path, line, wrong);
	return r;
}

static int number_in(const char *variable)
{
	const char *text = getenv(variable);

	return text ? atoi(text) : 0;
}

/* The socket that systemd holds for us. */
static int inherited_socket(void)
{
	int type = 0;
	socklen_t size = sizeof(type);

	if (number_in("LISTEN_PID") != getpid() || number_in("LISTEN_FDS") != 1)
		return -ENOENT;
	if (getsockopt(FIRST_SOCKET, SOL_SOCKET, SO_TYPE, &type, &size))
		return -errno;
	if (type != SOCK_SEQPACKET)
		return -EPROTOTYPE;
	fcntl(FIRST_SOCKET, F_SETFD, FD_CLOEXEC);
	return FIRST_SOCKET;
}

static int make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) || listen(fd, 1024))
		return -errno;
	return fd;
}

static uint64_t nanoseconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * RATE_SECOND + (uint64_t)time.tv_nsec;
}

static time_t now(void)
{
	return (time_t)(nanoseconds() / RATE_SECOND);
}

static void drop(nfds_t i)
{
	close(waits[i].fd);
	free(clients[i]);
	count--;
	waits[i] = waits[count];
	clients[i] = clients[count];
}

static bool has_place(uid_t uid)
{
	nfds_t same = 0;

	for (nfds_t i = 1; i < count; i++)
		same += clients[i]->peer.uid == uid;
	return count <= MOST_CLIENTS && same < (nfds_t)most_of_one;
}

static void accept_client(void)
{
	int fd = accept4(waits[0].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client;

	if (fd < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		/* Who waits is there still: not asked about until something else has happened. */
		waits[0].events = 0;
		journal_trouble("accept: %s", strerror(errno));
		return;
	}
	client = calloc(1, sizeof(*client));
	if (!client || request_identify(fd, &client->peer)) {
		free(client);
		close(fd);
		return;
	}
	if (!has_place(client->peer.uid)) {
		request_turn_away(fd, &client->peer, &rate);
		free(client);
		close(fd);
		return;
	}
	client->since = now();
	waits[count] = (struct pollfd){.fd = fd, .events = POLLIN};
	clients[count++] = client;
}

/*
 * A client that asks again before it has taken its answer waits until it has: it is looked at
 * when something else happens, and once a second.
 */
static void serve_client(nfds_t i, const struct policy *policy, time_t time)
{
	bool owed = request_owed(waits[i].fd);

	waits[i].events = owed && waits[i].revents & POLLIN ? 0 : POLLIN;
	/* Its silence begins when it has taken what it was sent. */
	if (owed)
		clients[i]->since = time;
	if (waits[i].revents & (POLLHUP | POLLERR) && !(waits[i].revents & POLLIN)) {
		drop(i);
	} else if (waits[i].revents && !owed) {
		clients[i]->since = time;
		if (request_serve(waits[i].fd, &clients[i]->peer, policy, &rate) < 0)
			drop(i);
	} else if (!owed && time - clients[i]->since > patience) {
		request_part(waits[i].fd, &clients[i]->peer, &rate, patience);
		drop(i);
	}
}

static void serve(const struct policy *policy)
{
	static time_t reported;
	bool stranger = waits[0].revents != 0;
	time_t time = now();

	rate.now = nanoseconds();
	if (time != reported)
		rate_report(&rate);
	reported = time;

	/* Downwards: who is dropped leaves his place to one that has been looked at. */
	for (nfds_t i = count; --i > 0;)
		serve_client(i, policy, time);
	waits[0].events = POLLIN;
	if (stranger)
		accept_client();
}

static int run(int listener, const struct policy *policy, int idle)
{
	time_t last = now();

	waits[0] = (struct pollfd){.fd = listener, .events = POLLIN};
	fcntl(listener, F_SETFL, O_NONBLOCK);
	for (;;) {
		int n = poll(waits, count, 1000);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 || count > 1)
			last = now();
		serve(policy);
		if (idle && now() - last >= idle)
			return 0;
	}
}

/* A place for every client, and what a request takes. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Else the first files that are opened would be standard error, and be written to as such. */
static void occupy_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int usage(void)
{
	fputs("usage: machvmd [--policy FILE] [--listen PATH] [--idle SECONDS] [--most CLIENTS]\n"
	      "               [--rate REQUESTS] [--patience SECONDS] [--log syslog|stderr]\n",
	      stderr);
	return 2;
}

struct settings {
	const char *policy, *listen, *log;
	int idle;
};

static bool read_options(int argc, char **argv, struct settings *settings)
{
	static const struct option options[] = {{"policy", required_argument, NULL, 'p'},
						{"listen", required_argument, NULL, 'l'},
						{"idle", required_argument, NULL, 'i'},
						{"most", required_argument, NULL, 'm'},
						{"rate", required_argument, NULL, 'r'},
						{"patience", required_argument, NULL, 'P'},
						{"log", required_argument, NULL, 'L'},
						{0}};
	int letter, a_second = (int)rate.a_second;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (letter == 'p')
			settings->policy = optarg;
		else if (letter == 'l')
			settings->listen = optarg;
		else if (letter == 'i')
			settings->idle = atoi(optarg);
		else if (letter == 'm')
			most_of_one = atoi(optarg);
		else if (letter == 'r')
			a_second = atoi(optarg);
		else if (letter == 'P')
			patience = atoi(optarg);
		else if (letter == 'L')
			settings->log = optarg;
		else
			return false;
	}
	rate.a_second = (unsigned)a_second;
	return optind == argc && settings->idle >= 0 && most_of_one > 0 && patience > 0 &&
	       a_second > 0 && a_second <= (int)RATE_SECOND &&
	       (!strcmp(settings->log, "syslog") || !strcmp(settings->log, "stderr"));
}

/* What is not needed any more goes. 0 or -errno. */
static int enter_sandbox(const struct policy *policy, bool speaks)
{
	int r = sandbox_drop_capabilities();

	if (!r)
		r = sandbox_filter_calls(policy_gives(policy, MACHVM_RIGHT_CONTROL), speaks);
	if (r)
		journal_trouble("the sandbox cannot be entered: %s", strerror(-r));
	return r;
}

int main(int argc, char **argv)
{
	struct settings settings = {.policy = POLICY_FILE, .log = "syslog"};
	struct policy policy;
	int listener, r;
	bool speaks;

	if (!read_options(argc, argv, &settings))
		return usage();
	speaks = !strcmp(settings.log, "stderr");
	occupy_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	umask(0);
	journal_open(speaks);
	raise_limit();
	if (load_policy(settings.policy, &policy))
		return 1;
	listener = settings.listen ? make_socket(settings.listen) : inherited_socket();
	if (listener < 0) {
		journal_trouble("no socket to listen on: %s", strerror(-listener));
		return 1;
	}
	if (enter_sandbox(&policy, speaks))
		return 1;
	r = run(listener, &policy, settings.idle);
	if (r)
		journal_trouble("poll: %s", strerror(-r));
	return r ? 1 : 0;
}
