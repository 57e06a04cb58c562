/* A parent changes a variable of its running child. */
#include <mach/mach.h>
#include <machvm.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int answer;

int main(void)
{
	int value = 42, status, pid = fork();
	mach_port_t task;

	if (pid == 0) {
		for (alarm(10); !answer; usleep(1000))
			; /* nothing in here changes it */
		return answer;
	}
	if (task_for_pid(mach_task_self(), pid, &task) ||
	    mach_vm_write(task, (uintptr_t)&answer, (uintptr_t)&value, sizeof value))
		fprintf(stderr, "%s\n", machvm_last_error()->message);
	waitpid(pid, &status, 0);
	printf("the child left with %d\n", WEXITSTATUS(status));
	return WEXITSTATUS(status) != value;
}
