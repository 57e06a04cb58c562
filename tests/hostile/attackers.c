/* SPDX-License-Identifier: MIT */
/* The threads of a siege: what they try, and which answers are honest. */
#include "attackers.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static uint64_t chance(struct attacker *me)
{
	me->random ^= me->random << 13;
	me->random ^= me->random >> 7;
	me->random ^= me->random << 17;
	return me->random >> 11;
}

static void complain(struct attacker *me, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void complain(struct attacker *me, const char *format, ...)
{
	va_list arguments;

	if (me->complaint[0])
		return;
	va_start(arguments, format);
	vsnprintf(me->complaint, sizeof(me->complaint), format, arguments);
	va_end(arguments);
}

static bool siege_has(unsigned mischief)
{
	return siege_ground.siege->modes & 1u << mischief;
}

/* Which refusals are honest under what the victim does. */
static bool is_honest(kern_return_t kr)
{
	bool ends = siege_has(MISCHIEF_EXIT) || siege_has(MISCHIEF_EXEC);

	switch (kr) {
	case MACH_SEND_INVALID_DEST:
		return siege_has(MISCHIEF_EXIT);
	case KERN_INVALID_ADDRESS:
		return ends || siege_has(MISCHIEF_REMAP);
	case KERN_ABORTED:
		return ends || siege_has(MISCHIEF_REMAP);
	case KERN_DENIED:
		/* Between its last instruction and its end nobody may trace a process. */
		return siege_has(MISCHIEF_EXIT) ||
		       (siege_has(MISCHIEF_CREDENTIALS) && !harness_is_root());
	case KERN_RESOURCE_SHORTAGE:
		/* mprotect() says so of a page that a new program has not got yet. */
		return siege_ground.siege->room > 0 || siege_has(MISCHIEF_EXEC);
	case KERN_FAILURE: /* task_resume() of what did not suspend, task_threads() of who exits */
		return ends || siege_ground.siege->room > 0;
	default:
		return false;
	}
}

/* Notes an answer; true for a success. */
static bool judge(struct attacker *me, const char *call, kern_return_t kr)
{
	if (kr == KERN_SUCCESS) {
		me->successes++;
		return true;
	}
	me->refusals++;
	/* A machine with much to do is no failure; but it is counted. */
	if (kr == KERN_OPERATION_TIMED_OUT)
		me->timeouts++;
	else if (!is_honest(kr))
		complain(me, "%s answered %s: %s", call, code_name(kr),
			 machvm_last_error()->message);
	return false;
}

/* The port of the present generation; the last one's is kept a while and must be dead then. */
static bool renew_port(struct attacker *me)
{
	mach_port_t old = me->port;
	uint64_t word = 0;
	kern_return_t kr;

	pthread_mutex_lock(&siege_ground.lock);
	if (me->generation == siege_ground.generation && me->port != MACH_PORT_NULL) {
		pthread_mutex_unlock(&siege_ground.lock);
		return true;
	}
	kr = machvm_task_open(siege_ground.pidfd, MACHVM_RIGHT_CONTROL, &me->port);
	if (kr == KERN_SUCCESS)
		me->generation = siege_ground.generation;
	pthread_mutex_unlock(&siege_ground.lock);
	if (!judge(me, "machvm_task_open", kr))
		return false;
	if (old != MACH_PORT_NULL && old != me->port) {
		word = (uint64_t)me->generation << 32;
		if (machvm_write(old, CONTROL_BASE + AREA_SLOTS, &word, 8, 0) == KERN_SUCCESS)
			complain(me, "a write to a process that is gone succeeded");
		if (machvm_read(old, CONTROL_BASE + AREA_TAG, &word, 8, 0) == KERN_SUCCESS)
			complain(me, "a read of a process that is gone succeeded");
	}
	if (old != MACH_PORT_NULL)
		mach_port_deallocate(mach_task_self(), old);
	return true;
}

static uint64_t slot(const struct attacker *me)
{
	return CONTROL_BASE + AREA_SLOTS + me->index * CONTROL_SLOT;
}

static void fill(struct attacker *me)
{
	uint64_t word = (uint64_t)me->generation << 32 | (++me->sequence & 0xffffff);

	for (size_t i = 0; i < ARRAY_SIZE(me->bytes); i++)
		me->bytes[i] = word;
}

static void attack_by_writing(struct attacker *me)
{
	static const unsigned flags[] = {0, 0, MACHVM_TRANSACTION, MACHVM_NOWAIT, MACHVM_FORCE};
	size_t at = chance(me) % ARRAY_SIZE(me->bytes);
	size_t count = 1 + chance(me) % (ARRAY_SIZE(me->bytes) - at);
	struct machvm_range list[3];

	fill(me);
	if (chance(me) % 4 != 0) {
		judge(me, "machvm_write",
		      machvm_write(me->port, slot(me) + at * 8, me->bytes + at, count * 8,
				   flags[chance(me) % ARRAY_SIZE(flags)]));
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(list); i++)
		list[i] = (struct machvm_range){slot(me) + i * 2048, me->bytes + i * 256, 128, 0};
	judge(me, "machvm_write_list",
	      machvm_write_list(me->port, list, ARRAY_SIZE(list),
				chance(me) % 2 ? MACHVM_EACH : MACHVM_TRANSACTION));
}

/* Whatever is read is this generation's. */
static void attack_by_reading(struct attacker *me)
{
	size_t at = chance(me) % ARRAY_SIZE(me->bytes);
	size_t count = 1 + chance(me) % (ARRAY_SIZE(me->bytes) - at);
	kern_return_t kr;

	if (chance(me) % 4 == 0)
		kr = mach_vm_copy(me->port, CONTROL_BASE + AREA_TAG, CONTROL_PAGE,
				  CONTROL_BASE + AREA_PROTECT + me->index * CONTROL_PAGE);
	else
		kr = machvm_read(me->port, CONTROL_BASE + AREA_TAG + at * 8, me->bytes + at,
				 count * 8, chance(me) % 2 ? 0 : MACHVM_TRANSACTION);
	if (!judge(me, "machvm_read", kr))
		return;
	if (chance(me) % 4 == 0)
		return;
	kr = machvm_read(me->port, CONTROL_BASE + AREA_TAG + at * 8, me->bytes + at, count * 8, 0);
	if (!judge(me, "machvm_read", kr))
		return;
	for (size_t i = at; i < at + count; i++)
		if (me->bytes[i] != me->generation * 0x0101010101010101u)
			complain(me, "0x%llx was read from generation %u",
				 (unsigned long long)me->bytes[i], me->generation);
}

/* Its own page of the victim, and its own hole. */
static void attack_by_protecting(struct attacker *me)
{
	uint64_t page = CONTROL_BASE + AREA_PROTECT + me->index * CONTROL_PAGE;
	mach_vm_address_t spare = CONTROL_BASE + AREA_SPARE + me->index * 0x10000;
	uint8_t byte = 1;

	switch (chance(me) % 4) {
	case 0:
		judge(me, "mach_vm_protect",
		      mach_vm_protect(me->port, page, CONTROL_PAGE, 0, VM_PROT_READ));
		return;
	case 1:
		judge(me, "mach_vm_protect",
		      mach_vm_protect(me->port, page, CONTROL_PAGE, 0,
				      VM_PROT_READ | VM_PROT_WRITE | VM_PROT_COPY));
		return;
	case 2:
		if (judge(me, "mach_vm_allocate",
			  mach_vm_allocate(me->port, &spare, 2 * CONTROL_PAGE, VM_FLAGS_OVERWRITE)))
			judge(me, "machvm_write", machvm_write(me->port, spare, &byte, 1, 0));
		return;
	default:
		judge(me, "mach_vm_deallocate",
		      mach_vm_deallocate(me->port, spare, 2 * CONTROL_PAGE));
	}
}

static void suspend_and_resume(struct attacker *me)
{
	if (judge(me, "task_suspend", task_suspend(me->port)))
		judge(me, "task_resume", task_resume(me->port));
}

static int count_region(const struct machvm_region *region, void *context)
{
	(*(unsigned *)context)++;
	return 0;
}

static void ask_for_threads(struct attacker *me)
{
	thread_act_array_t threads = NULL;
	mach_msg_type_number_t count = 0;

	if (!judge(me, "task_threads", task_threads(me->port, &threads, &count)))
		return;
	for (unsigned i = 0; i < count; i++)
		mach_port_deallocate(mach_task_self(), threads[i]);
	mach_vm_deallocate(mach_task_self(), (uintptr_t)threads, count * sizeof(*threads));
}

static void attack_by_asking(struct attacker *me)
{
	mach_vm_address_t address = CONTROL_BASE;
	mach_vm_size_t size = 0, pages = 4;
	struct vm_region_basic_info_64 region;
	struct mach_task_basic_info info;
	mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
	integer_t dispositions[4];
	unsigned seen = 0;

	switch (chance(me) % 6) {
	case 0:
		judge(me, "mach_vm_region",
		      mach_vm_region(me->port, &address, &size, VM_REGION_BASIC_INFO_64,
				     (vm_region_info_t)&region, &count, NULL));
		return;
	case 1:
		judge(me, "machvm_region_walk",
		      machvm_region_walk(me->port, 0, ~0ull, count_region, &seen));
		return;
	case 2:
		judge(me, "mach_vm_page_range_query",
		      mach_vm_page_range_query(me->port, CONTROL_BASE, 4 * CONTROL_PAGE,
					       (uintptr_t)dispositions, &pages));
		return;
	case 3:
		count = MACH_TASK_BASIC_INFO_COUNT;
		judge(me, "task_info",
		      task_info(me->port, MACH_TASK_BASIC_INFO, (task_info_t)&info, &count));
		return;
	case 4:
		ask_for_threads(me);
		return;
	default:
		suspend_and_resume(me);
	}
}

static void (*const attacks[SIEGE_THREADS])(struct attacker *) = {
	attack_by_writing,    attack_by_writing,    attack_by_writing, attack_by_reading,
	attack_by_protecting, attack_by_protecting, attack_by_asking,  attack_by_asking,
};

void *attack(void *context)
{
	struct attacker *me = context;
	uint64_t one = 1;

	for (uint64_t i = 0; i < siege_ground.siege->operations && !me->complaint[0]; i++)
		if (renew_port(me))
			attacks[me->index](me);
	while (write(siege_ground.finished, &one, sizeof(one)) < 0)
		;
	return NULL;
}
