/* SPDX-License-Identifier: MIT */
/* credentials.c - ids and capabilities, from /proc or from the kernel, and login names. */
#include "credentials.h"

#include <pwd.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "status.h"

bool machvm__credentials_parse(const char *status, struct machvm__credentials *credentials)
{
	credentials->permitted = machvm__status_mask(status, "CapPrm:");
	credentials->effective = machvm__status_mask(status, "CapEff:");
	return machvm__status_numbers(status, "Uid:", credentials->uid, MACHVM__IDS) ==
		       MACHVM__IDS &&
	       machvm__status_numbers(status, "Gid:", credentials->gid, MACHVM__IDS) == MACHVM__IDS;
}

void machvm__credentials_ask(struct machvm__credentials *credentials)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	uid_t uid[3] = {0};
	gid_t gid[3] = {0};

	getresuid(&uid[0], &uid[1], &uid[2]);
	getresgid(&gid[0], &gid[1], &gid[2]);
	for (int i = 0; i < 3; i++) {
		credentials->uid[i] = uid[i];
		credentials->gid[i] = gid[i];
	}
	/* An id that cannot be set changes nothing and returns the present one (setfsuid(2)). */
	credentials->uid[MACHVM__FILESYSTEM] = (uid_t)setfsuid((uid_t)-1);
	credentials->gid[MACHVM__FILESYSTEM] = (gid_t)setfsgid((gid_t)-1);
	if (syscall(SYS_capget, &header, data) == 0) {
		credentials->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
		credentials->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	}
}

int64_t machvm__credentials_login(int64_t uid, char *name, size_t size)
{
	FILE *passwd = fopen("/etc/passwd", "re");
	struct passwd entry, *found;
	int64_t group = -1;
	char text[1024];

	/* The file alone: asking a name service could wait for a network. */
	while (passwd && group < 0 && fgetpwent_r(passwd, &entry, text, sizeof text, &found) == 0) {
		if (entry.pw_uid != uid)
			continue;
		snprintf(name, size, "%s", entry.pw_name);
		group = entry.pw_gid;
	}
	if (passwd)
		fclose(passwd);
	return group;
}
