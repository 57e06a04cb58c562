/* SPDX-License-Identifier: MIT */
/*
 * suite_rivals.c - the same 1 MiB into a live process, with what people use
 * today. Each way has a subject of its own; each is timed from "the bytes are
 * here" to "they are there", with its own start-up left out:
 *
 *   /proc/PID/mem   pwrite on a descriptor that is already open
 *   PTRACE_POKEDATA PTRACE_SEIZE and _INTERRUPT, a word at a time, PTRACE_DETACH
 *   scanmem         sm_write_array() of its library, which attaches and detaches
 *   gdb             "restore FILE binary ADDRESS" given to a gdb that is attached
 *                   (its subject stands still all the while), until it is done
 *   lldb            "memory write --infile FILE ADDRESS", likewise
 *   Python          a script that runs already opens /proc/PID/mem, seeks, writes
 *                   and closes it, as pwntools' writemem() does
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "debuggers.h"
#include "suites.h"
#include "transfer.h"

#define SIZE ((size_t)1 << 20)

/* Debian keeps it where only scanmem itself looks. */
static const char *const scanmem_places[] = {"libscanmem.so.1", "/usr/lib/scanmem/libscanmem.so.1",
					     "/usr/local/lib/libscanmem.so.1"};

typedef bool scanmem_write(pid_t target, void *address, const void *data, size_t size);

struct rivals {
	struct transfer transfer; /* machvm's and the bare call's */
	struct subject by_mem, by_poke, by_scanmem, by_gdb, by_lldb, by_python;
	int mem_fd;
	int bytes_fd; /* a file with the bytes, for programs */
	scanmem_write *scanmem;
	struct talk gdb, lldb, python;
	char gdb_command[128], lldb_command[128];
};

static void mem_write(void *context, unsigned repetitions)
{
	struct rivals *rivals = context;

	while (repetitions--)
		if (pwrite(rivals->mem_fd, rivals->transfer.local, SIZE,
			   (off_t)rivals->by_mem.address) != (ssize_t)SIZE)
			die("/proc/PID/mem: %s", strerror(errno));
}

static void poke(pid_t pid, uint64_t address, const char *data)
{
	long word;

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) ||
	    waitpid(pid, NULL, __WALL) != pid)
		die("ptrace: %s", strerror(errno));
	for (size_t at = 0; at < SIZE; at += sizeof word) {
		memcpy(&word, data + at, sizeof word);
		if (ptrace(PTRACE_POKEDATA, pid, (void *)(uintptr_t)(address + at), (void *)word))
			die("PTRACE_POKEDATA: %s", strerror(errno));
	}
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static void poke_write(void *context, unsigned repetitions)
{
	struct rivals *rivals = context;

	while (repetitions--)
		poke(rivals->by_poke.pid, rivals->by_poke.address, rivals->transfer.local);
}

static void scanmem_array(void *context, unsigned repetitions)
{
	struct rivals *rivals = context;

	while (repetitions--)
		if (!rivals->scanmem(rivals->by_scanmem.pid,
				     (void *)(uintptr_t)rivals->by_scanmem.address,
				     rivals->transfer.local, SIZE))
			die("sm_write_array failed");
}

static void gdb_restore(void *context, unsigned repetitions)
{
	struct rivals *rivals = context;

	while (repetitions--)
		gdb_do(&rivals->gdb, rivals->gdb_command);
}

static void lldb_write(void *context, unsigned repetitions)
{
	struct rivals *rivals = context;

	while (repetitions--)
		lldb_do(&rivals->lldb, rivals->lldb_command);
}

static void python_write(void *context, unsigned repetitions)
{
	struct rivals *rivals = context;

	while (repetitions--)
		talk_do(&rivals->python, "", "written");
}

static scanmem_write *find_scanmem(void)
{
	for (unsigned i = 0; i < sizeof scanmem_places / sizeof *scanmem_places; i++) {
		void *library = dlopen(scanmem_places[i], RTLD_NOW | RTLD_LOCAL);
		void *symbol = library ? dlsym(library, "sm_write_array") : NULL;

		if (symbol)
			return (scanmem_write *)symbol;
	}
	return NULL;
}

/* Every way must have done the work; who writes nothing is quick. */
static void check(const struct rivals *rivals, const struct subject *subject, const char *how)
{
	static char seen[SIZE];
	struct iovec here = {seen, SIZE};
	struct iovec there = {(void *)(uintptr_t)subject->address, SIZE};

	if (process_vm_readv(subject->pid, &here, 1, &there, 1, 0) != (ssize_t)SIZE ||
	    memcmp(seen, rivals->transfer.local, SIZE))
		die("%s: the bytes did not arrive", how);
}

static void fill_file(struct rivals *rivals)
{
	rivals->bytes_fd = memfd_create("bytes", MFD_CLOEXEC);
	if (rivals->bytes_fd < 0 ||
	    write(rivals->bytes_fd, rivals->transfer.local, SIZE) != (ssize_t)SIZE)
		die("memfd_create: %s", strerror(errno));
}

static bool start_gdb(struct rivals *rivals)
{
	snprintf(rivals->gdb_command, sizeof rivals->gdb_command,
		 "restore /proc/%d/fd/%d binary 0x%" PRIx64, getpid(), rivals->bytes_fd,
		 rivals->by_gdb.address);
	return gdb_start(&rivals->gdb, rivals->by_gdb.pid) == 0;
}

static bool start_lldb(struct rivals *rivals)
{
	snprintf(rivals->lldb_command, sizeof rivals->lldb_command,
		 "memory write --infile /proc/%d/fd/%d 0x%" PRIx64, getpid(), rivals->bytes_fd,
		 rivals->by_lldb.address);
	return lldb_start(&rivals->lldb, rivals->by_lldb.pid) == 0;
}

static bool start_python(struct rivals *rivals)
{
	static const char script[] = "import sys\n"
			       "pid, address, data = sys.argv[1], int(sys.argv[2]), "
			       "open(sys.argv[3], 'rb').read()\n"
			       "print('ready', flush=True)\n"
			       "for line in sys.stdin:\n"
			       "    with open('/proc/%s/mem' % pid, 'wb') as mem:\n"
			       "        mem.seek(address)\n"
			       "        mem.write(data)\n"
			       "    print('written', flush=True)\n";
	char pid[16], address[32], file[64];
	const char *const argv[] = {"python3", "-c", script, pid, address, file, NULL};

	snprintf(pid, sizeof pid, "%d", rivals->by_python.pid);
	snprintf(address, sizeof address, "%" PRIu64, rivals->by_python.address);
	snprintf(file, sizeof file, "/proc/%d/fd/%d", getpid(), rivals->bytes_fd);
	return talk_start(&rivals->python, argv) == 0;
}

static void open_mem(struct rivals *rivals)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/mem", rivals->by_mem.pid);
	rivals->mem_fd = open(path, O_RDWR | O_CLOEXEC);
	if (rivals->mem_fd < 0)
		die("%s: %s", path, strerror(errno));
}

/* Rival by rival, for the quick ones want more rounds than the slow ones. */
static void against(struct rivals *rivals, const struct side *rival, const struct subject *subject,
		    double seconds, const char *note)
{
	const struct side sides[] = {{"mach_vm_write", transfer_write}, *rival};
	const struct row row = {
		.group = "1 MiB into a live process",
		.name = "write 1 MiB",
		.goal = GOAL_RATIO,
		.limit = 1.0,
		.note = note,
	};
	struct samples samples;

	measure(&samples, sides, 2, rivals, seconds);
	check(rivals, subject, rival->name);
	row_print(&row, &samples, sides, 0, 1);
	measure_free(&samples);
}

/* A program that is not installed is not measured, and that is said. */
static void against_program(struct rivals *rivals, bool (*start)(struct rivals *rivals),
			    struct talk *talk, const struct side *side,
			    const struct subject *subject, const char *note)
{
	if (!start(rivals)) {
		fprintf(stderr, "bench: %s is not installed: not measured\n", side->name);
		return;
	}
	against(rivals, side, subject, 3.0, note);
	talk_end(talk);
}

static void against_programs(struct rivals *rivals)
{
	fill_file(rivals);
	against_program(rivals, start_gdb, &rivals->gdb, &(struct side){"gdb", gdb_restore},
			&rivals->by_gdb, "'restore' in a gdb that is attached already");
	against_program(rivals, start_lldb, &rivals->lldb, &(struct side){"lldb", lldb_write},
			&rivals->by_lldb,
			"'memory write --infile' in an lldb that is attached already");
	against_program(rivals, start_python, &rivals->python,
			&(struct side){"/proc/PID/mem from Python", python_write},
			&rivals->by_python, "a script that runs already, as pwntools writes");
	close(rivals->bytes_fd);
}

void suite_rivals(const struct settings *settings)
{
	static struct rivals rivals;
	const struct side by_mem = {"/proc/PID/mem, held open", mem_write};
	const struct side by_poke = {"PTRACE_POKEDATA", poke_write};
	const struct side by_scanmem = {"scanmem", scanmem_array};

	transfer_begin(&rivals.transfer, SIZE);
	subject_memory(&rivals.by_mem, SIZE);
	subject_memory(&rivals.by_poke, SIZE);
	subject_memory(&rivals.by_scanmem, SIZE);
	subject_memory(&rivals.by_gdb, SIZE);
	subject_memory(&rivals.by_lldb, SIZE);
	subject_memory(&rivals.by_python, SIZE);

	open_mem(&rivals);
	against(&rivals, &by_mem, &rivals.by_mem, 1.0, NULL);
	against(&rivals, &by_poke, &rivals.by_poke, 3.0, "attach and detach included");
	rivals.scanmem = find_scanmem();
	if (rivals.scanmem)
		against(&rivals, &by_scanmem, &rivals.by_scanmem, 3.0,
			"sm_write_array() of its library, which attaches and detaches");
	else
		fputs("bench: scanmem's library is not installed: not measured\n", stderr);
	against_programs(&rivals);
	close(rivals.mem_fd);
	subject_end(&rivals.by_mem);
	subject_end(&rivals.by_poke);
	subject_end(&rivals.by_scanmem);
	subject_end(&rivals.by_gdb);
	subject_end(&rivals.by_lldb);
	subject_end(&rivals.by_python);
	transfer_end(&rivals.transfer);
}
