/* SPDX-License-Identifier: MIT */
/*
 * task_info.c - statistics of a task, flavor by flavor. What Linux does not count is 0
 * where XNU has a count beside others, and a flavor of nothing but such is not supported.
 */
#include <errno.h>
#include <mach/mach.h>
#include <string.h>

#include "error.h"
#include "dynamic.h"
#include "range.h"
#include "scheduling.h"
#include "still.h"
#include "usage.h"

/* Everything that a flavor is made from; filled as far as it is needed. */
struct facts {
	struct machvm__target *target;
	struct machvm__usage usage;
	struct machvm__usage_threads threads;
	struct machvm__usage_memory memory;
	struct machvm__usage_owner owner;
	int regions;
	uint64_t links; /* the dynamic linker's list */
};

enum {
	NEED_USAGE = 1 << 0,
	NEED_THREADS = 1 << 1,
	NEED_MEMORY = 1 << 2,
	NEED_OWNER = 1 << 3,
	NEED_REGIONS = 1 << 4,
	NEED_LINKS = 1 << 5,
};

static int suspend_count(const struct facts *facts)
{
	return (int)(machvm__still_count(facts->target, MACHVM__KEEPER_PROCESS, 0) +
		     machvm__still_count(facts->target, MACHVM__KEEPER_TOKENS, 0));
}

static policy_t policy(const struct facts *facts)
{
	return machvm__scheduling_policy(facts->usage.policy);
}

/* Of threads that have ended. */
static time_value_t ended(uint64_t all, uint64_t live)
{
	return machvm__scheduling_time(all - live);
}

static natural_t narrow(uint64_t value)
{
	return value < UINT32_MAX ? (natural_t)value : UINT32_MAX;
}

static void fill_basic_32(const struct facts *facts, void *out)
{
	struct task_basic_info_32 *info = out;

	*info = (struct task_basic_info_32){
		.suspend_count = suspend_count(facts),
		.virtual_size = narrow(facts->memory.size),
		.resident_size = narrow(facts->memory.resident),
		.user_time = ended(facts->usage.user, facts->threads.user),
		.system_time = ended(facts->usage.system, facts->threads.system),
		.policy = policy(facts),
	};
}

/* The second form of it, that every kernel but the oldest fills for 6, tells the peak. */
static void fill_basic2_32(const struct facts *facts, void *out)
{
	struct task_basic_info_32 *info = out;

	fill_basic_32(facts, out);
	info->resident_size = narrow(facts->memory.resident_peak);
}

static void fill_basic_64(const struct facts *facts, void *out)
{
	struct task_basic_info_64 *info = out;

	*info = (struct task_basic_info_64){
		.suspend_count = suspend_count(facts),
		.virtual_size = facts->memory.size,
		.resident_size = facts->memory.resident,
		.user_time = ended(facts->usage.user, facts->threads.user),
		.system_time = ended(facts->usage.system, facts->threads.system),
		.policy = policy(facts),
	};
}

static void fill_mach_basic(const struct facts *facts, void *out)
{
	struct mach_task_basic_info *info = out;

	*info = (struct mach_task_basic_info){
		.virtual_size = facts->memory.size,
		.resident_size = facts->memory.resident,
		.resident_size_max = facts->memory.resident_peak,
		.user_time = ended(facts->usage.user, facts->threads.user),
		.system_time = ended(facts->usage.system, facts->threads.system),
		.policy = policy(facts),
		.suspend_count = suspend_count(facts),
	};
}

static void fill_events(const struct facts *facts, void *out)
{
	struct task_events_info *info = out;

	*info = (struct task_events_info){
		.faults = (integer_t)(facts->usage.minor_faults + facts->usage.major_faults),
		.pageins = (integer_t)facts->usage.major_faults,
		.csw = (integer_t)facts->threads.switches,
	};
}

static void fill_thread_times(const struct facts *facts, void *out)
{
	struct task_thread_times_info *info = out;

	info->user_time = machvm__scheduling_time(facts->threads.user);
	info->system_time = machvm__scheduling_time(facts->threads.system);
}

static void fill_absolute_times(const struct facts *facts, void *out)
{
	struct task_absolutetime_info *info = out;

	*info = (struct task_absolutetime_info){
		.total_user = facts->usage.user,
		.total_system = facts->usage.system,
		.threads_user = facts->threads.user,
		.threads_system = facts->threads.system,
	};
}

static void fill_security_token(const struct facts *facts, void *out)
{
	security_token_t *token = out;

	token->val[0] = facts->owner.euid;
	token->val[1] = facts->owner.egid;
}

/* The last word tells this process from another one with its number: when it was started. */
static void fill_audit_token(const struct facts *facts, void *out)
{
	audit_token_t *token = out;

	*token = (audit_token_t){{
		facts->owner.login,
		facts->owner.euid,
		facts->owner.egid,
		facts->owner.uid,
		facts->owner.gid,
		(unsigned)facts->target->numbers.tgid,
		facts->owner.session,
		(unsigned)facts->usage.start,
	}};
}

static int word_of(const struct facts *facts)
{
	return facts->target->own ? (int)sizeof(void *)
				  : machvm__process_word(&facts->target->numbers);
}

static void fill_dyld(const struct facts *facts, void *out)
{
	struct task_dyld_info *info = out;
	bool is_64 = word_of(facts) != 4;

	*info = (struct task_dyld_info){
		.all_image_info_addr = facts->links,
		.all_image_info_size = !facts->links ? 0 : is_64 ? 40 : 20,
		.all_image_info_format = is_64 ? TASK_DYLD_ALL_IMAGE_INFO_64
					       : TASK_DYLD_ALL_IMAGE_INFO_32,
	};
}

static void fill_power(const struct facts *facts, void *out)
{
	struct task_power_info *info = out;

	*info = (struct task_power_info){
		.total_user = facts->usage.user,
		.total_system = facts->usage.system,
	};
}

static void fill_vm(const struct facts *facts, void *out)
{
	const struct machvm__usage_memory *memory = &facts->memory;
	struct task_vm_info *info = out;

	*info = (struct task_vm_info){
		.virtual_size = memory->size,
		.region_count = facts->regions,
		.page_size = (integer_t)machvm__page_size(),
		.resident_size = memory->resident,
		.resident_size_peak = memory->resident_peak,
		.internal = memory->anonymous,
		.external = memory->of_files,
		.compressed = memory->swapped,
		.phys_footprint = memory->anonymous + memory->swapped,
		.min_address = machvm__usage_lowest(),
		.max_address = machvm__space_limit(facts->target),
	};
}

static void fill_flags(const struct facts *facts, void *out)
{
	struct task_flags_info *info = out;

	info->flags = word_of(facts) != 4 ? TF_LP64 | TF_64B_DATA : 0;
}

/* ---- the table ---- */

struct flavor {
	task_flavor_t number;
	mach_msg_type_number_t least; /* words a caller must have room for */
	mach_msg_type_number_t count;
	unsigned needs;
	void (*fill)(const struct facts *facts, void *out);
	kern_return_t instead; /* without fill */
};

enum { BASIC = NEED_USAGE | NEED_THREADS | NEED_MEMORY };

#define PLAIN(name, needs, fill)   {name, name##_COUNT, name##_COUNT, needs, fill, KERN_SUCCESS}
#define REFUSED(name, words, code) {name, words, words, 0, NULL, code}

static const struct flavor flavors[] = {
	PLAIN(TASK_BASIC_INFO_32, BASIC, fill_basic_32),
	{TASK_BASIC2_INFO_32, TASK_BASIC_INFO_32_COUNT, TASK_BASIC_INFO_32_COUNT, BASIC,
	 fill_basic2_32, KERN_SUCCESS},
	/* By both of its numbers on every machine. */
	{5, TASK_BASIC_INFO_64_COUNT, TASK_BASIC_INFO_64_COUNT, BASIC, fill_basic_64, KERN_SUCCESS},
	{18, TASK_BASIC_INFO_64_COUNT, TASK_BASIC_INFO_64_COUNT, BASIC, fill_basic_64, KERN_SUCCESS},
	PLAIN(MACH_TASK_BASIC_INFO, BASIC, fill_mach_basic),
	PLAIN(TASK_EVENTS_INFO, NEED_USAGE | NEED_THREADS, fill_events),
	PLAIN(TASK_THREAD_TIMES_INFO, NEED_THREADS, fill_thread_times),
	PLAIN(TASK_ABSOLUTETIME_INFO, NEED_USAGE | NEED_THREADS, fill_absolute_times),
	PLAIN(TASK_SECURITY_TOKEN, NEED_OWNER, fill_security_token),
	PLAIN(TASK_AUDIT_TOKEN, NEED_OWNER | NEED_USAGE, fill_audit_token),
	PLAIN(TASK_DYLD_INFO, NEED_LINKS, fill_dyld),
	PLAIN(TASK_POWER_INFO, NEED_USAGE | NEED_THREADS, fill_power),
	{TASK_VM_INFO, TASK_VM_INFO_REV0_COUNT, TASK_VM_INFO_COUNT, NEED_MEMORY | NEED_REGIONS,
	 fill_vm, KERN_SUCCESS},
	{TASK_VM_INFO_PURGEABLE, TASK_VM_INFO_REV0_COUNT, TASK_VM_INFO_COUNT,
	 NEED_MEMORY | NEED_REGIONS, fill_vm, KERN_SUCCESS},
	PLAIN(TASK_FLAGS_INFO, 0, fill_flags),
	REFUSED(TASK_AFFINITY_TAG_INFO, TASK_AFFINITY_TAG_INFO_COUNT, KERN_NOT_SUPPORTED),
	REFUSED(TASK_EXTMOD_INFO, TASK_EXTMOD_INFO_COUNT, KERN_NOT_SUPPORTED),
	REFUSED(TASK_SCHED_FIFO_INFO, 0, KERN_INVALID_POLICY),
};

/* The revisions of TASK_VM_INFO, newest first. */
static const mach_msg_type_number_t revisions[] = {
	TASK_VM_INFO_REV7_COUNT, TASK_VM_INFO_REV6_COUNT, TASK_VM_INFO_REV5_COUNT,
	TASK_VM_INFO_REV4_COUNT, TASK_VM_INFO_REV3_COUNT, TASK_VM_INFO_REV2_COUNT,
	TASK_VM_INFO_REV1_COUNT, TASK_VM_INFO_REV0_COUNT,
};

static mach_msg_type_number_t count_for(const struct flavor *flavor, mach_msg_type_number_t room)
{
	if (flavor->least == flavor->count)
		return flavor->count;
	for (size_t i = 0; i < sizeof(revisions) / sizeof(*revisions); i++) {
		if (room >= revisions[i])
			return revisions[i];
	}
	return flavor->least;
}

/* ---- gathering ---- */

/* What /proc tells of a process's memory it tells by its leader; a dead one has none. 0 for that. */
static int who_has_memory(const struct facts *facts)
{
	const struct machvm__process_numbers *numbers = &facts->target->numbers;
	struct machvm__thread_numbers thread;

	if (machvm__process_live_thread(numbers, &thread))
		return 0;
	return thread.proc_tid == numbers->proc_tgid ? 0 : thread.proc_tid;
}

static uint64_t at_least(uint64_t all, uint64_t part)
{
	return all > part ? all : part;
}

/*
 * The whole is at least its parts: they are read one after the other, and the kernel scales
 * the times of a process and those of its threads apart.
 */
static int gather_threads(struct facts *facts, int pid)
{
	int r = machvm__usage_threads(pid, &facts->threads);

	facts->usage.user = at_least(facts->usage.user, facts->threads.user);
	facts->usage.system = at_least(facts->usage.system, facts->threads.system);
	return r;
}

static int gather(struct facts *facts, unsigned needs)
{
	int pid = facts->target->numbers.proc_tgid, r = 0;
	int tid = needs & (NEED_MEMORY | NEED_REGIONS) ? who_has_memory(facts) : 0;

	if (needs & NEED_USAGE)
		r = machvm__usage_process(pid, &facts->usage);
	if (!r && needs & NEED_THREADS)
		r = gather_threads(facts, pid);
	if (!r && needs & NEED_MEMORY)
		r = machvm__usage_memory(pid, tid, &facts->memory);
	if (!r && needs & NEED_OWNER)
		r = machvm__usage_owner(pid, &facts->owner);
	if (!r && needs & NEED_REGIONS) {
		r = facts->regions = machvm__usage_regions(pid, tid);
		r = r < 0 ? r : 0;
	}
	if (!r && needs & NEED_LINKS)
		r = machvm__dynamic_links(facts->target, word_of(facts), &facts->links);
	/* What was read was of this process if that still lives. */
	return machvm__target_same(facts->target) ? -ESRCH : r;
}

static kern_return_t tell(struct machvm__target *target, const struct flavor *flavor,
			  task_info_t out, mach_msg_type_number_t *count)
{
	struct facts facts = {.target = target};
	integer_t words[128];
	int r;

	_Static_assert(sizeof(words) >= sizeof(struct task_vm_info), "the largest flavor");
	r = gather(&facts, flavor->needs);
	if (r)
		return machvm__error_look(target, r);
	flavor->fill(&facts, words);
	*count = count_for(flavor, *count);
	memcpy(out, words, *count * sizeof(*out));
	return KERN_SUCCESS;
}

static const struct flavor *find(task_flavor_t number)
{
	for (size_t i = 0; i < sizeof(flavors) / sizeof(*flavors); i++) {
		if (flavors[i].number == number)
			return &flavors[i];
	}
	return NULL;
}

static kern_return_t check(const struct flavor *flavor, task_flavor_t number,
			   mach_msg_type_number_t count, enum machvm_right right)
{
	if (!flavor)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "there is no flavor %u of task_info", number);
	if (count < flavor->least)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "the count %u is too small for flavor %u, which has %u words",
				     count, number, flavor->least);
	if (!flavor->fill)
		return machvm__error(flavor->instead, "argument check",
				     "flavor %u describes what Linux does not have", number);
	if (flavor->needs & NEED_LINKS && right > MACHVM_RIGHT_READ)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "flavor %u shows addresses, which takes the read right",
				     number);
	return KERN_SUCCESS;
}

kern_return_t task_info(task_name_t target_task, task_flavor_t flavor, task_info_t task_info_out,
			mach_msg_type_number_t *task_info_out_count)
{
	const struct flavor *found = find(flavor);
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__range_hold(target_task, MACHVM_RIGHT_NAME, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = check(found, flavor, *task_info_out_count, hold.right);
	if (kr == KERN_SUCCESS)
		kr = tell(hold.target, found, task_info_out, task_info_out_count);
	machvm__task_release(&hold);
	return kr;
}
