/* SPDX-License-Identifier: MIT */
/* machvm suspend - every thread of a process stands still. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mach/mach.h>

#include "command.h"
#include "failure.h"
#include "holder.h"
#include "json.h"
#include "target.h"

extern char **environ;

struct request {
	int wait, json, verbose;
};

static const struct option_row options[] = {
	{'w', "wait", NULL, "stay, and let the process go on at Ctrl-C"},
	OPTION_JSON,
	OPTION_VERBOSE,
	OPTION_END,
};

static const char text[] =
	"Stops every thread of the process, until machvm resume. Its parent does not notice,\n"
	"and job control is left as it is. Memory can be read, written and changed meanwhile\n"
	"by the one who suspends; a debugger cannot attach.\n"
	"\n"
	"A suspension lasts as long as whoever asked for it. So a process called machvm is\n"
	"left behind that holds it: it ends with machvm resume, with the suspended process,\n"
	"or when it is killed, and then the process goes on. With --wait the command itself\n"
	"holds it, until Ctrl-C or SIGTERM. With a COMMAND it is held while that runs, whose\n"
	"status is then the command's.\n"
	"\n"
	"A process that is suspended already stays so (status 1).\n"
	"\n"
	"  machvm suspend 4242\n"
	"  machvm suspend redis-server -- cp -r /var/lib/redis /tmp/copy";

static int already(const struct target *target)
{
	struct holder holder;

	if (holder_find(target->pid, &holder) || !holder.ours)
		return STATUS_DONE;
	return failure_say(STATUS_NOTHING,
			   "%s (%d) is suspended already, by machvm (%d); machvm resume ends that",
			   target->name, target->pid, (int)holder.pid);
}

static int start(struct target *target, const char *task)
{
	int status = target_open(target, task, MACHVM_RIGHT_READ);
	kern_return_t kr;

	if (!status)
		status = already(target);
	if (status)
		return status;
	kr = task_suspend(target->task);
	return kr == KERN_SUCCESS ? STATUS_DONE : failure_mach(kr);
}

static void report(const struct request *request, const struct target *target)
{
	struct json_object *object;

	if (request->verbose)
		failure_note("%s (%d) stands still, held by process %d", target->name, target->pid,
			     (int)getpid());
	if (!request->json)
		return;
	object = json_object_new_object();
	json_add_number(object, "pid", (uint64_t)target->pid);
	json_add_number(object, "holder", (uint64_t)getpid());
	json_print(stdout, object);
	fflush(stdout);
}

static int gone(void *context)
{
	const struct target *target = context;
	int pid;

	return pid_for_task(target->task, &pid) != KERN_SUCCESS;
}

/* Whoever waits for the end of our output shall not wait for the end of the suspension. */
static void let_go_of_everything(void)
{
	int fd = open("/dev/null", O_RDWR);

	for (int i = 0; i < 3 && fd >= 0; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
	if (chdir("/"))
		return;
}

/* In the process that is left behind. */
static int hold(const struct request *request, const char *task, int ready)
{
	struct target target = {0};
	unsigned char status;

	setsid();
	status = (unsigned char)start(&target, task);
	if (!status)
		report(request, &target);
	let_go_of_everything();
	if (write(ready, &status, 1) != 1 || status)
		return status;
	close(ready);
	holder_wait(gone, &target);
	return task_resume(target.task) == KERN_SUCCESS ? STATUS_DONE : STATUS_OTHER;
}

static int leave_holder(const struct request *request, const char *task)
{
	unsigned char status = STATUS_OTHER;
	int ready[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		return failure_system(errno, "a pipe");
	pid = fork();
	if (pid < 0)
		return failure_system(errno, "a new process");
	if (!pid) {
		close(ready[0]);
		_exit(hold(request, task, ready[1]));
	}
	close(ready[1]);
	if (read(ready[0], &status, 1) != 1)
		return failure_say(STATUS_OTHER, "the process that was to hold it has ended");
	return status;
}

static int hold_here(const struct request *request, const char *task)
{
	struct target target = {0};
	int status = start(&target, task);

	if (!status) {
		report(request, &target);
		holder_wait(gone, &target);
		(void)task_resume(target.task);
	}
	target_close(&target);
	return status;
}

/* Ctrl-C is the command's; whatever becomes of it, the process goes on. */
static int run_command(char **command)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old[2];
	int status = 0, r;
	pid_t pid;

	r = posix_spawnp(&pid, command[0], NULL, NULL, command, environ);
	if (r)
		return failure_system(r, command[0]);
	sigaction(SIGINT, &ignore, &old[0]);
	sigaction(SIGQUIT, &ignore, &old[1]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	sigaction(SIGINT, &old[0], NULL);
	sigaction(SIGQUIT, &old[1], NULL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int hold_for(const struct request *request, const char *task, char **command)
{
	struct target target = {0};
	int status = start(&target, task);

	if (!status) {
		report(request, &target);
		status = run_command(command);
		(void)task_resume(target.task);
	}
	target_close(&target);
	return status;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct words words = {.verb = verb, .argc = argc, .argv = argv};
	struct request request = {0};
	int letter, status;

	while ((letter = words_next(&words)) > 0) {
		request.wait |= letter == 'w';
		request.json |= letter == 'j';
		request.verbose |= letter == 'v';
	}
	status = letter == WORDS_STOP ? words.status : words_count(&words, 1, -1);
	if (!status && request.wait && words.argc > 1)
		status = failure_say(STATUS_USAGE, "--wait goes without a COMMAND");
	if (status)
		return status;
	if (words.argc > 1)
		return hold_for(&request, words.argv[0], words.argv + 1);
	return request.wait ? hold_here(&request, words.argv[0])
			    : leave_holder(&request, words.argv[0]);
}

const struct verb verb_suspend = {
	.name = "suspend",
	.synopsis = "TASK [--wait | -- COMMAND ...]",
	.summary = "stop every thread of a process",
	.text = text,
	.options = options,
	.run = run,
};
