/* SPDX-License-Identifier: MIT */
/* machvm threads - the threads of a process and what they do. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <mach/mach.h>

#include "command.h"
#include "failure.h"
#include "json.h"
#include "registers.h"
#include "sink.h"
#include "target.h"
#include "terminal.h"

struct row {
	uint64_t id;
	thread_extended_info_data_t info;
	struct registers registers;
};

static const struct option_row options[] = {
	{'r', "registers", NULL, "show registers too; each thread is stopped for a moment"},
	OPTION_JSON,
	OPTION_END,
};

static const char text[] =
	"Prints a line for each thread: its number, what it does (running, waiting, disk,\n"
	"stopped), the share of a processor that it has used since it was started, the time\n"
	"spent in its own code and in the kernel, and its name.\n"
	"\n"
	"With --registers the general registers follow, by threads of this machine. A thread in\n"
	"a system call shows the number of the call in its result register.\n"
	"\n"
	"  machvm threads redis-server\n"
	"  machvm threads 4242 --registers --json";

static const char *state_name(int state)
{
	switch (state) {
	case TH_STATE_RUNNING:
		return "running";
	case TH_STATE_STOPPED:
		return "stopped";
	case TH_STATE_UNINTERRUPTIBLE:
		return "disk";
	case TH_STATE_HALTED:
		return "ended";
	}
	return "waiting";
}

/* KERN_TERMINATED for one that has ended since it was listed. */
static kern_return_t read_row(thread_act_t thread, int with_registers, struct row *row)
{
	mach_msg_type_number_t count = THREAD_IDENTIFIER_INFO_COUNT;
	thread_identifier_info_data_t identifier;
	kern_return_t kr;

	kr = thread_info(thread, THREAD_IDENTIFIER_INFO, (thread_info_t)&identifier, &count);
	row->id = identifier.thread_id;
	count = THREAD_EXTENDED_INFO_COUNT;
	if (kr == KERN_SUCCESS)
		kr = thread_info(thread, THREAD_EXTENDED_INFO, (thread_info_t)&row->info, &count);
	row->registers.count = 0;
	if (kr == KERN_SUCCESS && with_registers)
		kr = registers_read(thread, &row->registers);
	return kr == KERN_ABORTED ? KERN_TERMINATED : kr;
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static void print_row(const struct row *row)
{
	printf("%7" PRIu64 "  %-7s  %5.1f%%  %9.2f  %9.2f  ", row->id,
	       state_name(row->info.pth_run_state),
	       100.0 * row->info.pth_cpu_usage / TH_USAGE_SCALE, seconds(row->info.pth_user_time),
	       seconds(row->info.pth_system_time));
	terminal_print(stdout, row->info.pth_name);
	putchar('\n');
	for (unsigned i = 0; i < row->registers.count; i++)
		printf("%s%7s 0x%016" PRIx64 "%s", i % 4 ? "" : "       ",
		       row->registers.items[i].name, row->registers.items[i].value,
		       i % 4 == 3 || i + 1 == row->registers.count ? "\n" : "");
}

static struct json_object *json_row(const struct row *row)
{
	struct json_object *object = json_object_new_object(), *registers;

	json_add_number(object, "tid", row->id);
	json_add(object, "name", json_text(row->info.pth_name, strlen(row->info.pth_name)));
	json_add_text(object, "state", state_name(row->info.pth_run_state));
	json_add(object, "share",
		 json_object_new_double((double)row->info.pth_cpu_usage / TH_USAGE_SCALE));
	json_add_number(object, "user_ns", row->info.pth_user_time);
	json_add_number(object, "system_ns", row->info.pth_system_time);
	json_add_number(object, "priority", (uint64_t)row->info.pth_priority);
	if (!row->registers.count)
		return object;
	registers = json_object_new_object();
	for (unsigned i = 0; i < row->registers.count; i++)
		json_add(registers, row->registers.items[i].name,
			 json_address(row->registers.items[i].value));
	json_add(object, "registers", registers);
	return object;
}

static int print_all(const thread_act_t *threads, unsigned count, int with_registers, int json)
{
	struct json_array array = {.stream = stdout};
	int status = STATUS_DONE;

	for (unsigned i = 0; !status && i < count && !sink_failed(stdout); i++) {
		struct row row;
		kern_return_t kr = read_row(threads[i], with_registers, &row);

		if (kr == KERN_TERMINATED)
			continue;
		if (kr != KERN_SUCCESS)
			status = failure_mach(kr);
		else if (json)
			json_array_add(&array, json_row(&row));
		else
			print_row(&row);
	}
	if (json)
		json_array_end(&array);
	return status;
}

static int list(const struct target *target, int with_registers, int json)
{
	thread_act_array_t threads;
	mach_msg_type_number_t count;
	kern_return_t kr = task_threads(target->task, &threads, &count);
	int status;

	if (kr != KERN_SUCCESS)
		return failure_mach(kr);
	status = print_all(threads, count, with_registers, json);
	for (unsigned i = 0; i < count; i++)
		mach_port_deallocate(mach_task_self(), threads[i]);
	vm_deallocate(mach_task_self(), (vm_address_t)threads, count * sizeof(*threads));
	return status;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct words words = {.verb = verb, .argc = argc, .argv = argv};
	struct target target = {0};
	int letter, json = 0, with_registers = 0, status;

	while ((letter = words_next(&words)) > 0) {
		json |= letter == 'j';
		with_registers |= letter == 'r';
	}
	status = letter == WORDS_STOP ? words.status : words_count(&words, 1, 1);
	if (!status)
		status = target_open(&target, words.argv[0],
				     with_registers ? MACHVM_RIGHT_READ : MACHVM_RIGHT_INSPECT);
	if (!status)
		status = list(&target, with_registers, json);
	target_close(&target);
	return status;
}

const struct verb verb_threads = {
	.name = "threads",
	.synopsis = "TASK [--registers]",
	.summary = "list the threads of a process",
	.text = text,
	.options = options,
	.run = run,
};
