/* SPDX-License-Identifier: MIT */
/*
 * victim - a process whose memory the command works on, and which alone says
 * what is in it. Knows nothing of machvm.
 *
 * Reads commands from standard input, one per line, and answers each with one
 * line. Ends with its parent, and when standard input ends.
 *
 *   where NAME            the address of counter, text, hidden, pointer or a
 *                         symbol of a loaded library
 *   peek ADDRESS SIZE     its bytes in hexadecimal
 *   poke ADDRESS HEX      stores bytes
 *   fill ADDRESS SIZE     stores a pattern without period
 *   save ADDRESS SIZE F   writes its bytes into the file F
 *   map SIZE              anonymous memory, readable and writable
 *   protect ADDRESS SIZE none|r|rw|rx
 *   unmap ADDRESS SIZE
 *   name ADDRESS SIZE N   gives anonymous memory a name
 *   file PATH SIZE        maps a file, also beyond its end
 *   share ADDRESS SIZE    lays shared memory there, readable and writable
 *   overlay ADDRESS SIZE F   maps the file F there, privately
 *   view ADDRESS SIZE F   maps the file F there, shared, opened for reading only
 *   secret                two pages that the kernel shows to nobody else
 *   load PATH             a shared library, and the address of plug_counter
 *   rename NAME           its own command name
 *   zombie                a child that has ended, and nobody has waited for
 *   thread                a thread; answers with its id
 *   leave                 the first thread ends, and another one goes on here
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

/* What the command looks for by name. */
uint64_t counter = 1000;
char text[64] = "hello, victim";
uint64_t *pointer = &counter;
static uint32_t hidden = 0x12345678;
_Thread_local int own = 7;

static void *at(const char *word)
{
	return (void *)(uintptr_t)strtoull(word, NULL, 0);
}

static void answer_address(const void *address)
{
	if (address == MAP_FAILED || !address)
		puts("no");
	else
		printf("0x%" PRIxPTR "\n", (uintptr_t)address);
}

static void where(char **words)
{
	if (!strcmp(words[1], "hidden"))
		answer_address(&hidden);
	else
		answer_address(dlsym(RTLD_DEFAULT, words[1]));
}

static void peek(char **words)
{
	const unsigned char *data = at(words[1]);
	size_t size = strtoull(words[2], NULL, 0), i;

	for (i = 0; i < size; i++)
		printf("%02x", data[i]);
	putchar('\n');
}

static void poke(char **words)
{
	unsigned char *data = at(words[1]);
	const char *hex = words[2];
	unsigned byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		*data++ = (unsigned char)byte;
	puts("ok");
}

static void fill(char **words)
{
	unsigned char *data = at(words[1]);
	size_t size = strtoull(words[2], NULL, 0), i;
	uint64_t state = 88172645463325252u;

	for (i = 0; i < size; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		data[i] = (unsigned char)(state >> 24);
	}
	puts("ok");
}

static void save(char **words)
{
	FILE *file = fopen(words[3], "w");
	size_t size = strtoull(words[2], NULL, 0);
	int fine = file && fwrite(at(words[1]), 1, size, file) == size;

	if (file && fclose(file))
		fine = 0;
	puts(fine ? "ok" : "no");
}

static void map(char **words)
{
	answer_address(mmap(NULL, strtoull(words[1], NULL, 0), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
}

static void protect(char **words)
{
	int protection = (strchr(words[3], 'r') ? PROT_READ : 0) |
			 (strchr(words[3], 'w') ? PROT_WRITE : 0) |
			 (strchr(words[3], 'x') ? PROT_EXEC : 0);

	puts(mprotect(at(words[1]), strtoull(words[2], NULL, 0), protection) ? "no" : "ok");
}

static void unmap(char **words)
{
	puts(munmap(at(words[1]), strtoull(words[2], NULL, 0)) ? "no" : "ok");
}

static void give_name(char **words)
{
	puts(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at(words[1]), strtoull(words[2], NULL, 0),
		   words[3])
		     ? "no"
		     : "ok");
}

static void map_file(char **words)
{
	int fd = open(words[1], O_RDWR);

	answer_address(
		mmap(NULL, strtoull(words[2], NULL, 0), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	close(fd);
}

static void share(char **words)
{
	answer_address(mmap(at(words[1]), strtoull(words[2], NULL, 0), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}

static void overlay(char **words)
{
	int fd = open(words[3], O_RDONLY);

	answer_address(mmap(at(words[1]), strtoull(words[2], NULL, 0), PROT_READ,
			    MAP_PRIVATE | MAP_FIXED, fd, 0));
	close(fd);
}

static void view(char **words)
{
	int fd = open(words[3], O_RDONLY);

	answer_address(mmap(at(words[1]), strtoull(words[2], NULL, 0), PROT_READ,
			    MAP_SHARED | MAP_FIXED, fd, 0));
	close(fd);
}

static void secret(char **words)
{
	long page = sysconf(_SC_PAGESIZE);
	int fd = (int)syscall(SYS_memfd_secret, 0);
	void *address = MAP_FAILED;

	if (fd >= 0 && !ftruncate(fd, 2 * page))
		address = mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (address != MAP_FAILED)
		memset(address, 0x5a, (size_t)page);
	answer_address(address);
}

static void load(char **words)
{
	void *library = dlopen(words[1], RTLD_NOW);

	answer_address(library ? dlsym(library, "plug_counter") : NULL);
}

static void rename_self(char **words)
{
	puts(prctl(PR_SET_NAME, words[1]) ? "no" : "ok");
}

static void make_zombie(char **words)
{
	siginfo_t info;
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_NAME, "departed");
		_exit(0);
	}
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	printf("%d\n", (int)pid);
}

static void *idle(void *answered)
{
	printf("%ld\n", syscall(SYS_gettid));
	fflush(stdout);
	*(volatile int *)answered = 1;
	while (pause())
		;
	return NULL;
}

static void start_thread(char **words)
{
	static volatile int answered;
	pthread_t thread;

	if (pthread_create(&thread, NULL, idle, (void *)(uintptr_t)&answered))
		puts("no");
}

static void *obey_all(void *leader);

static void leave(char **words)
{
	static pthread_t leader;
	pthread_t thread;

	leader = pthread_self();
	if (pthread_create(&thread, NULL, obey_all, &leader))
		puts("no");
	else
		pthread_exit(NULL);
}

static const struct {
	const char *name;
	int count; /* words after it */
	void (*run)(char **words);
} commands[] = {
	{"where", 1, where},        {"peek", 2, peek},          {"poke", 2, poke},
	{"fill", 2, fill},          {"save", 3, save},          {"map", 1, map},
	{"protect", 3, protect},    {"unmap", 2, unmap},        {"name", 3, give_name},
	{"file", 2, map_file},      {"secret", 0, secret},      {"load", 1, load},
	{"rename", 1, rename_self}, {"zombie", 0, make_zombie}, {"thread", 0, start_thread},
	{"leave", 0, leave},        {"share", 2, share},        {"view", 3, view},
	{"overlay", 3, overlay},
};

static void obey(char *line)
{
	char *words[5] = {0};
	int count = 0;
	size_t i;

	for (char *word = strtok(line, " \n"); word && count < 4; word = strtok(NULL, " \n"))
		words[count++] = word;
	for (i = 0; count && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!strcmp(commands[i].name, words[0]) && commands[i].count == count - 1) {
			commands[i].run(words);
			fflush(stdout);
			return;
		}
	}
	puts("what?");
	fflush(stdout);
}

/* The answer to "leave" comes when the first thread has ended. */
static void *obey_all(void *leader)
{
	char line[4096];

	if (leader && !pthread_join(*(pthread_t *)leader, NULL)) {
		puts("ok");
		fflush(stdout);
	}
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	exit(hidden == (uint32_t)*pointer);
}

int main(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 1);
	own++;
	printf("%d\n", (int)getpid());
	fflush(stdout);
	obey_all(NULL);
}
