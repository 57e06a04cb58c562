/* SPDX-License-Identifier: MIT */
/* Reads the map once and searches the executable memory behind it. */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "syscall.h"
#include "thread_list.h"
#include "trace.h"

enum { RANGES = 64, PIECE = 256 * 1024, OVERLAP = 64 };

struct range {
	uint64_t start, end;
	bool likely; /* the vDSO or a C library: where the stub usually is, and nobody unmaps it */
};

struct survey {
	struct range vdso, stack, code[RANGES];
	unsigned count;
};

static const char *hex(const char *p, uint64_t *value)
{
	for (*value = 0;; p++) {
		unsigned digit = (unsigned char)*p;

		if (digit >= '0' && digit <= '9')
			digit -= '0';
		else if (digit >= 'a' && digit <= 'f')
			digit -= 'a' - 10;
		else
			return p;
		*value = *value << 4 | digit;
	}
}

static int note(const char *line, void *data)
{
	struct survey *survey = data;
	struct range r = {0};
	const char *p = hex(line, &r.start);

	p = hex(p + 1, &r.end);
	if (strstr(p, "[vdso]")) {
		survey->vdso = r;
		survey->vdso.likely = true;
	}
	else if (strstr(p, "[stack]") && p[2] == 'w')
		survey->stack = r;
	if (p[1] != 'r' || p[3] != 'x' || strstr(p, "[v"))
		return 0;
	r.likely = strstr(p, "/libc") || strstr(p, "/ld-") || strstr(p, "musl");
	if (survey->count < RANGES)
		survey->code[survey->count++] = r;
	return 0;
}

struct search {
	struct machvm__place *place;
	bool steady; /* everything so far was where it is likely */
	enum machvm__abi abi;
	int tid;
	unsigned char *piece;
};

/* Looks for what is still missing; true when nothing is. */
static bool search_range(struct search *s, const struct range *range)
{
	struct machvm__cpu_code *code = &s->place->code;

	for (uint64_t at = range->start; at < range->end; at += PIECE - OVERLAP) {
		uint64_t left = range->end - at;
		struct machvm__trace_part part = {at, s->piece, left < PIECE ? left : PIECE};

		if (machvm__trace_read(s->tid, &part, 1))
			break;
		if (!code->call &&
		    machvm__cpu_find_call(s->abi, s->piece, part.size, at, code))
			s->steady &= range->likely;
		if (!code->sigreturn &&
		    machvm__cpu_find_sigreturn(s->abi, s->piece, part.size, at, code))
			s->steady &= range->likely;
		if (code->call && code->sigreturn)
			return true;
	}
	return false;
}

static void search(struct search *s, const struct survey *survey)
{
	if (survey->vdso.end && search_range(s, &survey->vdso))
		return;
	for (int likely = 1; likely >= 0; likely--) {
		for (unsigned i = 0; i < survey->count; i++) {
			if (survey->code[i].likely == likely && search_range(s, &survey->code[i]))
				return;
		}
	}
}

/* The auxiliary vector, in the target's words: pairs of a type and a value. */
static uint64_t random_bytes_of(int proc_pid, int proc_tid, enum machvm__abi abi)
{
	enum { RANDOM = 25, WORDS = 128 };
	union {
		uint64_t wide[WORDS];
		uint32_t narrow[2 * WORDS];
	} v;
	bool narrow = abi == MACHVM__ABI_I386;
	int fd = machvm__thread_list_open_thread(proc_pid, proc_tid, "/auxv");
	long n;

	if (fd < 0)
		return 0;
	n = machvm__syscall3(SYS_read, fd, (long)&v, sizeof(v));
	(void)machvm__syscall1(SYS_close, fd);
	n /= narrow ? 4 : 8;
	for (long i = 0; i + 1 < n; i += 2) {
		if ((narrow ? v.narrow[i] : v.wide[i]) == RANDOM)
			return narrow ? v.narrow[i + 1] : v.wide[i + 1];
	}
	return 0;
}

static void seal(struct machvm__place *place, int proc_pid, int proc_tid, int tid)
{
	uint64_t at = random_bytes_of(proc_pid, proc_tid, (enum machvm__abi)place->code.abi);

	if (at && !machvm__trace_read(
			  tid, &(struct machvm__trace_part){at, place->seal, sizeof(place->seal)},
			  1))
		place->seal_at = at;
}

int machvm__place_find(struct machvm__place *place, int proc_pid, int proc_tid, int tid,
		       enum machvm__abi abi)
{
	struct survey survey = {.count = 0};
	struct search s = {.place = place, .steady = true, .abi = abi, .tid = tid};
	long memory;
	int r;

	memset(place, 0, sizeof(*place));
	place->code.abi = (uint8_t)abi;
	r = machvm__thread_list_maps(proc_pid, proc_tid, note, &survey);
	if (r < 0)
		return r;
	memory =
		(long)mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == -1)
		return -ENOMEM;
	s.piece = (unsigned char *)memory;
	search(&s, &survey);
	munmap(s.piece, PIECE);
	if (s.steady && place->code.call && place->code.sigreturn)
		seal(place, proc_pid, proc_tid, tid);
	place->stack = survey.stack.start;
	place->stack_end = survey.stack.end;
	return place->code.call ? 0 : -EOPNOTSUPP;
}
