/* SPDX-License-Identifier: MIT */
/* pin.c - the places, and who has them. */
#include "pin.h"

#include "barrier.h"
#include "fork_notice.h"
#include "known.h"
#include "process.h"

/* More threads than that count. */
#define PLACES 64

/* A cache line each, or threads would wait for each other's stores. */
static struct place {
	struct machvm__pin pin;
	_Atomic int owner; /* the number of a thread, or 0 */
} __attribute__((aligned(64))) places[PLACES];

static struct machvm__pin no_place = {.name = UINT32_MAX};

_Thread_local struct machvm__pin *machvm__pin_mine;

/* In a child: the threads of the parent are not here, and the one that forked has a new number. */
static void renew(void)
{
	int self = machvm__process_self_thread();

	for (int i = 0; i < PLACES; i++) {
		bool mine = &places[i].pin == machvm__pin_mine;

		if (!mine)
			atomic_store(&places[i].pin.name, 0);
		atomic_store(&places[i].owner, mine ? self : 0);
	}
}

/* Has the owner ended? Its number may be another thread's by now, which keeps the place for good.
 */
static bool left(int owner)
{
	return owner && !machvm__process_has_thread(machvm__process_self(), owner);
}

/* Makes a place the calling thread's, if it still is in the state that it was seen in. */
static bool take(struct place *place, int owner, int self)
{
	if (!atomic_compare_exchange_strong(&place->owner, &owner, self))
		return false;
	/* A thread that was cancelled in the middle of a call uses nothing any more. */
	atomic_store(&place->pin.name, 0);
	/* Whoever finds no owner asks no thread: see it, or be seen. */
	atomic_thread_fence(memory_order_seq_cst);
	return true;
}

static struct place *find(int self)
{
	for (int i = 0; i < PLACES; i++)
		if (!atomic_load(&places[i].owner) && take(&places[i], 0, self))
			return &places[i];
	for (int i = 0; i < PLACES; i++) {
		int owner = atomic_load(&places[i].owner);

		if (left(owner) && take(&places[i], owner, self))
			return &places[i];
	}
	return NULL;
}

static bool offered(void)
{
	static _Atomic int known;

	return machvm__known(&known, machvm__barrier_offered);
}

struct machvm__pin *machvm__pin_place(void)
{
	struct place *place;

	machvm__fork_notice_add(renew);
	place = offered() ? find(machvm__process_self_thread()) : NULL;
	machvm__pin_mine = place ? &place->pin : &no_place;
	return machvm__pin_mine;
}

static bool others(void)
{
	for (int i = 0; i < PLACES; i++)
		if (atomic_load(&places[i].owner) && &places[i].pin != machvm__pin_mine)
			return true;
	return false;
}

bool machvm__pin_used(uint32_t name)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (others() && !machvm__barrier_everywhere())
		return true;
	for (int i = 0; i < PLACES; i++)
		if (atomic_load(&places[i].pin.name) == name &&
		    !left(atomic_load(&places[i].owner)))
			return true;
	return false;
}
