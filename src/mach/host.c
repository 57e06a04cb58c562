/* SPDX-License-Identifier: MIT */
/*
 * host.c - host_page_size() and its family: what a Mach program asks about the
 * machine. Puts the facts of host_facts.h into Mach's structures; where Linux
 * counts something else or nothing, the field says so below.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <mach/mach_host.h>
#include <mach/vm_page_size.h>
#include <machvm.h>

#include "error.h"
#include "host_facts.h"
#include "port.h"

const char *machvm_version(void)
{
	return MACHVM_VERSION;
}

kern_return_t host_page_size(host_t host, vm_size_t *out_page_size)
{
	*out_page_size = vm_kernel_page_size;
	return KERN_SUCCESS;
}

static kern_return_t check_host(host_t host, const char *step)
{
	struct machvm__port_entry *entry = machvm__port_hold(host);
	bool is_host = entry && entry->kind == MACHVM__PORT_HOST;

	if (entry)
		machvm__port_release(host, entry);
	if (is_host)
		return KERN_SUCCESS;
	return machvm__error(KERN_INVALID_ARGUMENT, step, "0x%x is not a host port", host);
}

static kern_return_t too_small(const char *step, host_flavor_t flavor, kern_return_t code)
{
	return machvm__error(code, step, "the count is too small for flavor %d", flavor);
}

static kern_return_t unknown(const char *step, host_flavor_t flavor)
{
	return machvm__error(KERN_INVALID_ARGUMENT, step, "there is no flavor %d", flavor);
}

/* The file behind an answer could not be read. */
static kern_return_t no_facts(const char *step, int r)
{
	return machvm__error_system(KERN_FAILURE, -r, step, "the system does not tell (%s)",
				    strerrordesc_np(-r));
}

/* XNU names the 32-bit type on every Intel machine, and marks the newer ones by the subtype. */
#if defined(__x86_64__) || defined(__i386__)
#define CPU_TYPE_HOST      CPU_TYPE_X86
#define CPU_THREADTYPE_SMT CPU_THREADTYPE_INTEL_HTT
static cpu_subtype_t cpu_subtype(void)
{
	bool haswell = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
		       __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");

	return haswell ? CPU_SUBTYPE_X86_64_H : CPU_SUBTYPE_X86_ARCH1;
}
#elif defined(__aarch64__)
#define CPU_TYPE_HOST      CPU_TYPE_ARM64
#define CPU_THREADTYPE_SMT CPU_THREADTYPE_NONE
static cpu_subtype_t cpu_subtype(void)
{
	return CPU_SUBTYPE_ARM64_ALL;
}
#else
#error "a new machine: say which CPU type it is (mach/machine.h)"
#endif

#if defined(__x86_64__)
#define CPU_TYPE_PROGRAM    CPU_TYPE_X86_64
#define CPU_SUBTYPE_PROGRAM CPU_SUBTYPE_X86_64_ALL
#elif defined(__i386__)
#define CPU_TYPE_PROGRAM    CPU_TYPE_X86
#define CPU_SUBTYPE_PROGRAM CPU_SUBTYPE_X86_ALL
#else
#define CPU_TYPE_PROGRAM    CPU_TYPE_ARM64
#define CPU_SUBTYPE_PROGRAM CPU_SUBTYPE_ARM64_ALL
#endif

/* What does not fit in memory_size is in max_mem. */
#define MEMORY_SIZE_MAX (UINT64_C(1) << 31)

/* Before physical_cpu and its followers were added. */
#define HOST_BASIC_INFO_OLD_COUNT 5

static kern_return_t basic_info(host_info_t out, mach_msg_type_number_t *count)
{
	struct machvm__host_memory memory;
	struct machvm__host_cpus cpus;
	host_basic_info_data_t info;
	unsigned threads;
	int r;

	if (*count < HOST_BASIC_INFO_OLD_COUNT)
		return too_small("host_info", HOST_BASIC_INFO, KERN_FAILURE);
	r = machvm__host_facts_cpus(&cpus);
	r = r ? r : machvm__host_facts_memory(&memory);
	if (r)
		return no_facts("host_info", r);
	/* Of a core that is off, Linux does not know how many threads it has: as the others. */
	threads = (cpus.online + cpus.cores - 1) / cpus.cores;
	info = (host_basic_info_data_t){
		.max_cpus = (integer_t)cpus.possible,
		.avail_cpus = (integer_t)cpus.permitted,
		.memory_size = (natural_t)(memory.total < MEMORY_SIZE_MAX ? memory.total
									  : MEMORY_SIZE_MAX),
		.cpu_type = CPU_TYPE_HOST,
		.cpu_subtype = cpu_subtype(),
		.cpu_threadtype = threads > 1 ? CPU_THREADTYPE_SMT : CPU_THREADTYPE_NONE,
		.physical_cpu = (integer_t)cpus.cores,
		.physical_cpu_max = (integer_t)((cpus.possible + threads - 1) / threads),
		.logical_cpu = (integer_t)cpus.online,
		.logical_cpu_max = (integer_t)cpus.possible,
		.max_mem = memory.total,
	};
	*count = *count < HOST_BASIC_INFO_COUNT ? HOST_BASIC_INFO_OLD_COUNT : HOST_BASIC_INFO_COUNT;
	memcpy(out, &info, *count * sizeof(integer_t));
	return KERN_SUCCESS;
}

static kern_return_t sched_info(host_info_t out, mach_msg_type_number_t *count)
{
	host_sched_info_data_t info;
	unsigned timeout, quantum;
	int r;

	if (*count < HOST_SCHED_INFO_COUNT)
		return too_small("host_info", HOST_SCHED_INFO, KERN_FAILURE);
	r = machvm__host_facts_slices(&timeout, &quantum);
	if (r)
		return no_facts("host_info", r);
	info = (host_sched_info_data_t){(integer_t)timeout, (integer_t)quantum};
	memcpy(out, &info, sizeof info);
	*count = HOST_SCHED_INFO_COUNT;
	return KERN_SUCCESS;
}

static kern_return_t preferred_arch(host_info_t out, mach_msg_type_number_t *count)
{
	static const host_preferred_user_arch_data_t info = {CPU_TYPE_PROGRAM, CPU_SUBTYPE_PROGRAM};

	if (*count < HOST_PREFERRED_USER_ARCH_COUNT)
		return too_small("host_info", HOST_PREFERRED_USER_ARCH, KERN_FAILURE);
	memcpy(out, &info, sizeof info);
	*count = HOST_PREFERRED_USER_ARCH_COUNT;
	return KERN_SUCCESS;
}

kern_return_t host_info(host_t host, host_flavor_t flavor, host_info_t host_info_out,
			mach_msg_type_number_t *host_info_out_count)
{
	kern_return_t kr = check_host(host, "host_info");

	if (kr != KERN_SUCCESS)
		return kr;
	switch (flavor) {
	case HOST_BASIC_INFO:
		return basic_info(host_info_out, host_info_out_count);
	case HOST_SCHED_INFO:
		return sched_info(host_info_out, host_info_out_count);
	case HOST_PREFERRED_USER_ARCH:
		return preferred_arch(host_info_out, host_info_out_count);
	case HOST_RESOURCE_SIZES:  /* of kernel objects that Linux does not have */
	case HOST_PRIORITY_INFO:   /* bounds of Mach's scheduler */
	case HOST_SEMAPHORE_TRAPS: /* "the kernel has Mach semaphores" */
	case HOST_MACH_MSG_TRAP:   /* "the kernel has Mach messages" */
	case HOST_VM_PURGABLE:     /* "the kernel has purgeable objects" */
	case HOST_DEBUG_INFO_INTERNAL:
	case HOST_CAN_HAS_DEBUGGER: /* for the kernel itself */
		return machvm__error(KERN_NOT_SUPPORTED, "host_info",
				     "flavor %d describes what Linux does not have", flavor);
	default:
		return unknown("host_info", flavor);
	}
}

kern_return_t host_kernel_version(host_t host, kernel_version_t kernel_version)
{
	kern_return_t kr = check_host(host, "host_kernel_version");
	struct utsname name;

	if (kr != KERN_SUCCESS)
		return kr;
	/* Fails for a bad buffer only. */
	uname(&name);
	snprintf(kernel_version, KERNEL_VERSION_MAX, "%s %s %s %s", name.sysname, name.release,
		 name.version, name.machine);
	return KERN_SUCCESS;
}

static kern_return_t load_info(host_info_t out, mach_msg_type_number_t *count)
{
	struct machvm__host_cpus cpus;
	host_load_info_data_t info;
	unsigned averages[3];
	int r;

	if (*count < HOST_LOAD_INFO_COUNT)
		return too_small("host_statistics", HOST_LOAD_INFO, KERN_FAILURE);
	r = machvm__host_facts_load(LOAD_SCALE, averages);
	r = r ? r : machvm__host_facts_cpus(&cpus);
	if (r)
		return no_facts("host_statistics", r);
	for (int i = 0; i < 3; i++) {
		/* The share of the machine that one more thread would get. */
		unsigned whole = cpus.online * LOAD_SCALE;

		info.avenrun[i] = (integer_t)averages[i];
		info.mach_factor[i] = (integer_t)(averages[i] < whole
							  ? whole - averages[i]
							  : (uint64_t)whole * LOAD_SCALE /
								    (averages[i] + LOAD_SCALE));
	}
	memcpy(out, &info, sizeof info);
	*count = HOST_LOAD_INFO_COUNT;
	return KERN_SUCCESS;
}

static kern_return_t cpu_load_info(host_info_t out, mach_msg_type_number_t *count)
{
	struct machvm__host_ticks ticks;
	host_cpu_load_info_data_t info;
	int r;

	if (*count < HOST_CPU_LOAD_INFO_COUNT)
		return too_small("host_statistics", HOST_CPU_LOAD_INFO, KERN_FAILURE);
	r = machvm__host_facts_ticks(&ticks);
	if (r)
		return no_facts("host_statistics", r);
	/* Counters of time wrap, as they do in XNU: who samples takes differences. */
	info.cpu_ticks[CPU_STATE_USER] = (natural_t)ticks.user;
	info.cpu_ticks[CPU_STATE_NICE] = (natural_t)ticks.nice;
	info.cpu_ticks[CPU_STATE_SYSTEM] = (natural_t)ticks.system;
	info.cpu_ticks[CPU_STATE_IDLE] = (natural_t)ticks.idle;
	memcpy(out, &info, sizeof info);
	*count = HOST_CPU_LOAD_INFO_COUNT;
	return KERN_SUCCESS;
}

static natural_t pages(uint64_t bytes)
{
	return VM_STATISTICS_TRUNCATE_TO_32_BIT(bytes / vm_kernel_page_size);
}

/*
 * Left at 0, for Linux counts no such thing: zero_fill_count, cow_faults,
 * lookups, hits, purgeable_count, speculative_count, throttled_count.
 */
static void fill_vm(const struct machvm__host_memory *memory, vm_statistics64_data_t *info)
{
	uint64_t anonymous = memory->active_anonymous + memory->inactive_anonymous;
	uint64_t file = memory->active_file + memory->inactive_file;

	*info = (vm_statistics64_data_t){
		.free_count = pages(memory->free),
		.active_count = pages(memory->active_anonymous + memory->active_file),
		.inactive_count = pages(memory->inactive_anonymous + memory->inactive_file),
		.wire_count = pages(memory->unevictable + memory->kernel + memory->hugetlb),
		.reactivations = memory->activations,
		.pageins = memory->paged_in,
		.pageouts = memory->paged_out,
		.faults = memory->faults,
		.purges = memory->lazily_freed,
		.decompressions = memory->decompressions,
		.compressions = memory->compressions,
		.swapins = memory->swapped_in,
		.swapouts = memory->swapped_out,
		.compressor_page_count = pages(memory->compressed),
		.external_page_count = pages(file),
		.internal_page_count = pages(anonymous),
		.total_uncompressed_pages_in_compressor = memory->uncompressed /
							  vm_kernel_page_size,
	};
}

static kern_return_t vm_info64(host_info64_t out, mach_msg_type_number_t *count)
{
	struct machvm__host_memory memory;
	vm_statistics64_data_t info;
	int r;

	if (*count < HOST_VM_INFO64_REV0_COUNT)
		return too_small("host_statistics64", HOST_VM_INFO64, KERN_FAILURE);
	r = machvm__host_facts_memory(&memory);
	if (r)
		return no_facts("host_statistics64", r);
	fill_vm(&memory, &info);
	*count = *count < HOST_VM_INFO64_REV1_COUNT ? HOST_VM_INFO64_REV0_COUNT
						    : HOST_VM_INFO64_REV1_COUNT;
	memcpy(out, &info, *count * sizeof(integer_t));
	return KERN_SUCCESS;
}

static kern_return_t vm_info(host_info_t out, mach_msg_type_number_t *count)
{
	struct machvm__host_memory memory;
	vm_statistics64_data_t full;
	vm_statistics_data_t info;
	int r;

	if (*count < HOST_VM_INFO_REV0_COUNT)
		return too_small("host_statistics", HOST_VM_INFO, KERN_FAILURE);
	r = machvm__host_facts_memory(&memory);
	if (r)
		return no_facts("host_statistics", r);
	fill_vm(&memory, &full);
	info = (vm_statistics_data_t){
		.free_count = full.free_count,
		.active_count = full.active_count,
		.inactive_count = full.inactive_count,
		.wire_count = full.wire_count,
		.reactivations = VM_STATISTICS_TRUNCATE_TO_32_BIT(full.reactivations),
		.pageins = VM_STATISTICS_TRUNCATE_TO_32_BIT(full.pageins),
		.pageouts = VM_STATISTICS_TRUNCATE_TO_32_BIT(full.pageouts),
		.faults = VM_STATISTICS_TRUNCATE_TO_32_BIT(full.faults),
		.purges = VM_STATISTICS_TRUNCATE_TO_32_BIT(full.purges),
	};
	if (*count >= HOST_VM_INFO_REV2_COUNT)
		*count = HOST_VM_INFO_REV2_COUNT;
	else if (*count >= HOST_VM_INFO_REV1_COUNT)
		*count = HOST_VM_INFO_REV1_COUNT;
	else
		*count = HOST_VM_INFO_REV0_COUNT;
	memcpy(out, &info, *count * sizeof(integer_t));
	return KERN_SUCCESS;
}

kern_return_t host_statistics(host_t host_priv, host_flavor_t flavor, host_info_t host_info_out,
			      mach_msg_type_number_t *host_info_out_count)
{
	kern_return_t kr = check_host(host_priv, "host_statistics");

	if (kr != KERN_SUCCESS)
		return kr;
	switch (flavor) {
	case HOST_LOAD_INFO:
		return load_info(host_info_out, host_info_out_count);
	case HOST_VM_INFO:
		return vm_info(host_info_out, host_info_out_count);
	case HOST_CPU_LOAD_INFO:
		return cpu_load_info(host_info_out, host_info_out_count);
	case HOST_EXPIRED_TASK_INFO:
		return machvm__error(KERN_NOT_SUPPORTED, "host_statistics",
				     "nobody counts the statistics of expired tasks");
	default:
		return unknown("host_statistics", flavor);
	}
}

kern_return_t host_statistics64(host_t host_priv, host_flavor_t flavor,
				host_info64_t host_info64_out,
				mach_msg_type_number_t *host_info64_out_count)
{
	kern_return_t kr = check_host(host_priv, "host_statistics64");

	if (kr != KERN_SUCCESS)
		return kr;
	switch (flavor) {
	case HOST_VM_INFO64:
		return vm_info64(host_info64_out, host_info64_out_count);
	case HOST_EXTMOD_INFO64:
		return machvm__error(KERN_NOT_SUPPORTED, "host_statistics64",
				     "nobody counts how often tasks are modified from outside");
	default:
		return host_statistics(host_priv, flavor, host_info64_out, host_info64_out_count);
	}
}
