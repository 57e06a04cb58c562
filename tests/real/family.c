/* SPDX-License-Identifier: MIT */
/* family - follows processes by their parents' numbers in /proc. */
#include <ctype.h>
#include <dirent.h>
#include <machvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "family.h"

struct kinship {
	int pid, parent;
	bool ours;
};

static struct subject members[FAMILY_MAX];
static int member_count;
static int founders[FAMILY_MAX];
static int founder_count;

void family_found(int pid)
{
	if (founder_count < FAMILY_MAX)
		founders[founder_count++] = pid;
}

struct subject *family_member(int index)
{
	return &members[index];
}

/* The parent of a process; 0 when it is gone, or a zombie, which has no memory. */
static int parent_of(int pid)
{
	char path[64], line[1024], state = 0;
	const char *after;
	int parent = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	/* The name, in brackets, may hold anything. */
	if (fgets(line, sizeof line, file) && (after = strrchr(line, ')')) != NULL)
		sscanf(after + 1, " %c %d", &state, &parent);
	fclose(file);
	return state == 'Z' || state == 'X' ? 0 : parent;
}

static int list_processes(struct kinship *list, int max)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	int count = 0;

	while (directory && (entry = readdir(directory)) != NULL && count < max) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		list[count].pid = atoi(entry->d_name);
		list[count].ours = false;
		list[count].parent = parent_of(list[count].pid);
		count += list[count].parent != 0;
	}
	if (directory)
		closedir(directory);
	return count;
}

static bool is_ours(const struct kinship *list, int count, const struct kinship *one)
{
	for (int i = 0; i < founder_count; i++)
		if (founders[i] == one->pid)
			return true;
	for (int i = 0; i < count; i++)
		if (list[i].ours && list[i].pid == one->parent)
			return true;
	return false;
}

/* A child may be listed before its parent: as often as it takes. */
static void mark_ours(struct kinship *list, int count)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (int i = 0; i < count; i++)
			if (!list[i].ours && is_ours(list, count, &list[i]))
				list[i].ours = changed = true;
	}
}

static void join(int pid)
{
	struct subject new = {.pid = pid, .listed = true};

	for (int i = 0; i < member_count; i++)
		if (members[i].pid == pid && !members[i].gone) {
			members[i].listed = true;
			return;
		}
	if (member_count == FAMILY_MAX)
		return;
	new.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (new.pidfd < 0)
		return;
	if (!tally_judge(&new, LOOK, machvm_task_open(new.pidfd, MACHVM_RIGHT_CONTROL, &new.task),
			 0)) {
		close(new.pidfd);
		return;
	}
	members[member_count++] = new;
}

/* Keeps those who are still there. */
static void part(void)
{
	int kept = 0;

	for (int i = 0; i < member_count; i++) {
		if (members[i].listed && !members[i].gone) {
			members[kept++] = members[i];
			continue;
		}
		mach_port_deallocate(mach_task_self(), members[i].task);
		close(members[i].pidfd);
	}
	member_count = kept;
}

int family_refresh(void)
{
	static struct kinship list[8192];
	int count = list_processes(list, (int)(sizeof list / sizeof *list));

	mark_ours(list, count);
	for (int i = 0; i < member_count; i++)
		members[i].listed = false;
	for (int i = 0; i < count; i++)
		if (list[i].ours)
			join(list[i].pid);
	part();
	return member_count;
}
