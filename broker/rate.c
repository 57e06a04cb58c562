/* SPDX-License-Identifier: MIT */
/* rate.c - one time for each user, which every request moves on by its share of a second. */
#include "rate.h"

static void report(const struct rate *rate, struct rate_user *user)
{
	if (user->excess)
		rate->tell(user->uid, user->pid, user->excess);
	user->excess = 0;
}

/*
 * A place for somebody new: that of a user of whom nothing has to be remembered, or, where there
 * is none, of whom the least has to be. Who has thousands of numbers is not to be
 * stopped by counting one of them.
 */
static struct rate_user *make_room(struct rate *rate)
{
	struct rate_user *least = rate->users;

	for (size_t i = 1; i < rate->count; i++)
		if (rate->users[i].due < least->due)
			least = &rate->users[i];
	if (rate->count < RATE_USERS && !(rate->count && least->due <= rate->now))
		return &rate->users[rate->count++];
	report(rate, least);
	return least;
}

static struct rate_user *find(struct rate *rate, uid_t uid)
{
	struct rate_user *user;

	for (size_t i = 0; i < rate->count; i++)
		if (rate->users[i].uid == uid)
			return &rate->users[i];
	user = make_room(rate);
	*user = (struct rate_user){.uid = uid};
	return user;
}

bool rate_take(struct rate *rate, uid_t uid, pid_t pid)
{
	struct rate_user *user = find(rate, uid);
	uint64_t due = user->due > rate->now ? user->due : rate->now;

	due += RATE_SECOND / rate->a_second;
	if (due - rate->now > (uint64_t)RATE_SECONDS * RATE_SECOND) {
		user->pid = pid;
		user->excess++;
		return false;
	}
	user->due = due;
	return true;
}

void rate_report(struct rate *rate)
{
	for (size_t i = 0; i < rate->count; i++)
		report(rate, &rate->users[i]);
}
