/* SPDX-License-Identifier: MIT */
/*
 * x86, whatever the build: finding a system-call instruction and a sigreturn stub in
 * code, registers that go by name, the XSAVE image of a signal frame, and the i386 one.
 */
#include "x86.h"

#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "syscall.h"

/* ---- code ---- */

/*
 * The length of one instruction that changes nothing the frame does not restore, 0 when it
 * is another one; *skip grows by what it takes off the stack. These are the ones that
 * compilers put between the system call and the return of a leaf: clearing
 * registers (-fzero-call-used-regs), dropping locals, popping saved registers.
 */
static size_t harmless(const unsigned char *p, size_t left, unsigned word, uint32_t *skip)
{
	size_t rex = word == 8 && left > 1 && (p[0] & 0xf0) == 0x40;
	const unsigned char *op = p + rex;

	if (left < rex + 4)
		return 0;
	if (op[0] == 0x31 && op[1] >= 0xc0) {
		unsigned reg = (op[1] >> 3) & 7, rm = op[1] & 7;

		/* Only register with itself, and not the stack pointer (4 without REX.B). */
		if (reg != rm || (rex && (!!(p[0] & 4) != !!(p[0] & 1))))
			return 0;
		return reg == 4 && !(rex && (p[0] & 1)) ? 0 : rex + 2;
	}
	if (op[0] >= 0x58 && op[0] <= 0x5f) {
		if (op[0] == 0x5c && !(rex && (p[0] & 1)))
			return 0;
		*skip += word;
		return rex + 1;
	}
	if (op[0] == 0x83 && op[1] == 0xc4 && op[2] < 0x80 &&
	    (word == 4 || (rex && p[0] == 0x48))) {
		*skip += op[2];
		return rex + 3;
	}
	return op[0] == 0x90 && !rex ? 1 : 0;
}

static bool ends_in_return(const unsigned char *p, size_t left, unsigned word, size_t *length,
			   uint32_t *skip)
{
	size_t n = 0;

	*skip = 0;
	while (n < left && n < MACHVM__CPU_CODE - 4) {
		size_t step;

		if (p[n] == 0xc3) {
			*length = n + 1;
			return *skip <= 256;
		}
		step = harmless(p + n, left - n, word, skip);
		if (!step)
			return false;
		n += step;
	}
	return false;
}

bool machvm__cpu_find_call(enum machvm__abi abi, const unsigned char *bytes, size_t size,
			   uint64_t raddr, struct machvm__cpu_code *code)
{
	static const unsigned char call64[] = {0x0f, 0x05}, call32[] = {0xcd, 0x80};
	const unsigned char *wanted = abi == MACHVM__ABI_I386 ? call32 : call64;
	unsigned word = abi == MACHVM__ABI_I386 ? 4 : 8;
	const unsigned char *p = bytes, *end = bytes + size;
	size_t length;
	uint32_t skip;

	while ((p = memmem(p, (size_t)(end - p), wanted, 2))) {
		if (ends_in_return(p + 2, (size_t)(end - p) - 2, word, &length, &skip)) {
			code->call = raddr + (uint64_t)(p - bytes);
			code->call_skip = skip;
			code->call_size = (uint8_t)(length + 2);
			memcpy(code->call_bytes, p, length + 2);
			return true;
		}
		p++;
	}
	return false;
}

bool machvm__cpu_find_sigreturn(enum machvm__abi abi, const unsigned char *bytes, size_t size,
				uint64_t raddr, struct machvm__cpu_code *code)
{
	/* mov $15,%rax (or %eax); syscall - and mov $173,%eax; int $0x80 */
	static const unsigned char long64[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
	static const unsigned char short64[] = {0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05};
	static const unsigned char short32[] = {0xb8, 0xad, 0, 0, 0, 0xcd, 0x80};
	const unsigned char *wanted = abi == MACHVM__ABI_I386 ? short32 : long64;
	size_t length = abi == MACHVM__ABI_I386 ? sizeof(short32) : sizeof(long64);
	const unsigned char *p = memmem(bytes, size, wanted, length);

	if (!p && abi == MACHVM__ABI_X86_64) {
		length = sizeof(short64);
		p = memmem(bytes, size, short64, length);
	}
	if (!p)
		return false;
	code->sigreturn = raddr + (uint64_t)(p - bytes);
	code->sigreturn_size = (uint8_t)length;
	memcpy(code->sigreturn_bytes, p, length);
	return true;
}

uint64_t machvm__cpu_after(const struct machvm__cpu_code *code)
{
	return code->call + 2;
}

/* ---- state ---- */

int machvm__cpu_read(int tid, struct machvm__cpu *cpu)
{
	cpu->vector_size = 0;
	return (int)machvm__syscall4(SYS_ptrace, PTRACE_GETREGS, tid, 0, (long)cpu->general);
}

uint64_t machvm__cpu_ip(const struct machvm__cpu *cpu)
{
	return machvm__x86_get(cpu, MACHVM__X86_IP);
}

uint64_t machvm__cpu_sp(const struct machvm__cpu *cpu)
{
	return machvm__x86_get(cpu, MACHVM__X86_SP);
}

void machvm__cpu_set_ip(struct machvm__cpu *cpu, uint64_t ip)
{
	machvm__x86_set(cpu, MACHVM__X86_IP, ip);
}

bool machvm__cpu_in_call(const struct machvm__cpu *cpu)
{
	return (int64_t)machvm__x86_get(cpu, MACHVM__X86_CALL) >= 0;
}

void machvm__cpu_repeat(struct machvm__cpu *cpu)
{
	machvm__x86_set(cpu, MACHVM__X86_AX, machvm__x86_get(cpu, MACHVM__X86_CALL));
	machvm__x86_set(cpu, MACHVM__X86_IP, machvm__cpu_ip(cpu) - 2);
}

int machvm__cpu_skip(int tid, const struct machvm__cpu *cpu)
{
	struct machvm__cpu copy;

	memcpy(copy.general, cpu->general, sizeof(copy.general));
	machvm__x86_set(&copy, MACHVM__X86_CALL, UINT64_MAX);
	return machvm__cpu_write(tid, &copy);
}

enum machvm__x86_resume machvm__x86_resume(bool in_call, int64_t result)
{
	/* include/linux/errno.h: these never reach user space, sigreturn would let them */
	enum { RESTARTSYS = 512, RESTARTNOINTR = 513, RESTARTNOHAND = 514, RESTARTBLOCK = 516 };

	if (!in_call)
		return MACHVM__X86_AS_IS;
	switch (-result) {
	case RESTARTSYS:
	case RESTARTNOINTR:
	case RESTARTNOHAND:
		return MACHVM__X86_AGAIN;
	case RESTARTBLOCK:
		return MACHVM__X86_EINTR;
	}
	return MACHVM__X86_AS_IS;
}

bool machvm__x86_answers_eintr(enum machvm__abi abi, uint64_t number)
{
	/* read, readv, recv*, accept*: only with SO_RCVTIMEO; epoll_*, rt_sigtimedwait, sem*,
	 * io_getevents, io_pgetevents, msg* */
	static const uint16_t calls64[] = {0,   19,  45, 47,  43,  288, 299, 232, 281,
					   441, 128, 65, 220, 208, 333, 69,  70};
	static const uint16_t calls32[] = {3,   145, 102, 371, 372, 364, 337, 256, 319,
					   441, 177, 421, 117, 247, 385, 416, 420};
	const uint16_t *calls = abi == MACHVM__ABI_I386 ? calls32 : calls64;

	_Static_assert(sizeof(calls64) == sizeof(calls32), "one length");
	for (size_t i = 0; i < sizeof(calls64) / sizeof(*calls64); i++) {
		if (calls[i] == number)
			return true;
	}
	return false;
}

/* arch/x86/include/uapi/asm/sigcontext.h */
#define FP_MAGIC1      0x46505853u
#define FP_MAGIC2      0x46505845u
#define XFEATURE_AMX   ((3ull << 17))
#define SW_BYTES       464
#define XSAVE_HEADER   512
#define XSAVE_SMALLEST 576

struct sw_bytes {
	uint32_t magic1, extended_size;
	uint64_t features;
	uint32_t state_size, padding[7];
};

/* Where the tiles of AMX begin; asked once, for in a virtual machine the answer takes 1 us. */
static size_t tiles_at(void)
{
	static unsigned known;
	unsigned a, b = __atomic_load_n(&known, __ATOMIC_RELAXED), c, d;

	if (!b) {
		__cpuid_count(0xd, 17, a, b, c, d);
		b = b >= XSAVE_SMALLEST ? b : UINT32_MAX;
		__atomic_store_n(&known, b, __ATOMIC_RELAXED);
	}
	return b;
}

/*
 * Without the process's permission for AMX, sigreturn takes no image that has room for the
 * tiles (and falls back to SSE), though ptrace always shows them.
 */
static size_t without_tiles(size_t size)
{
	return tiles_at() < size ? tiles_at() : size;
}

static bool has_tiles(const struct machvm__cpu *cpu)
{
	uint64_t present;

	memcpy(&present, cpu->vector + XSAVE_HEADER, sizeof(present));
	return present & XFEATURE_AMX;
}

/* Tiles are 8 KiB of it, and used by few: they are read only if there are any. */
int machvm__x86_read_xstate(int tid, struct machvm__cpu *cpu)
{
	struct iovec v = {cpu->vector, without_tiles(sizeof(cpu->vector))};
	long r = machvm__syscall4(SYS_ptrace, PTRACE_GETREGSET, tid, NT_X86_XSTATE, (long)&v);

	if (!r && v.iov_len >= XSAVE_SMALLEST && has_tiles(cpu)) {
		v.iov_len = sizeof(cpu->vector);
		r = machvm__syscall4(SYS_ptrace, PTRACE_GETREGSET, tid, NT_X86_XSTATE, (long)&v);
	}
	cpu->vector_size = r ? 0 : v.iov_len;
	return (int)r;
}

size_t machvm__cpu_frame_room(const struct machvm__cpu *cpu)
{
	enum { SKIP = 256, SMALLER = 320 /* than that is either frame without its XSAVE image */ };

	return SKIP + SMALLER + 128 + cpu->vector_size;
}

size_t machvm__x86_xstate(const struct machvm__cpu *cpu, unsigned char *out, size_t size)
{
	struct sw_bytes sw = {.magic1 = FP_MAGIC1};
	size_t length = cpu->vector_size;

	if (length < XSAVE_SMALLEST || length + 4 > size)
		return 0;
	/* ptrace puts the mask of features where a frame has its magic number. */
	memcpy(&sw.features, cpu->vector + SW_BYTES, sizeof(sw.features));
	if ((sw.features & XFEATURE_AMX) && !has_tiles(cpu)) {
		sw.features &= ~XFEATURE_AMX;
		length = without_tiles(length);
	}
	sw.state_size = (uint32_t)length;
	sw.extended_size = (uint32_t)length + 4;
	memcpy(out, cpu->vector, length);
	memcpy(out + SW_BYTES, &sw, sizeof(sw));
	memcpy(out + length, &(uint32_t){FP_MAGIC2}, 4);
	return length + 4;
}

/* ---- the i386 frame (arch/x86/include/asm/sigframe.h, ia32) ---- */

struct context32 {
	uint16_t gs, gsh, fs, fsh, es, esh, ds, dsh;
	uint32_t di, si, bp, sp, bx, dx, cx, ax, trapno, err, ip;
	uint16_t cs, csh;
	uint32_t flags, sp_at_signal;
	uint16_t ss, ssh;
	uint32_t fpstate, oldmask, cr2;
};

struct frame32 {
	uint32_t pretcode, sig, pinfo, puc;
	uint32_t cookie[2]; /* in siginfo's place */
	unsigned char info[120];
	uint32_t uc_flags, uc_link, stack_sp, stack_flags, stack_size;
	struct context32 context;
	uint32_t sigmask[2];
};

_Static_assert(sizeof(struct context32) == 88, "sigcontext_32 is 88 bytes");
_Static_assert(sizeof(struct frame32) == 144 + 20 + 88 + 8, "rt_sigframe_ia32 without its tail");

ssize_t machvm__x86_frame32(const struct machvm__x86_words *words, const struct machvm__cpu *cpu,
			    const unsigned char legacy[108], const struct machvm__cpu_code *code,
			    uint64_t sigmask, uint64_t raddr, unsigned char *frame, size_t size)
{
	/* The FSAVE image comes first, the FXSAVE one right behind it at a multiple of 64. */
	size_t at = code->call_skip, fx, fs, n;
	struct frame32 f = {
		.pretcode = (uint32_t)code->sigreturn,
		.cookie = {(uint32_t)MACHVM__CPU_MARK, (uint32_t)(MACHVM__CPU_MARK >> 32)},
		.uc_flags = 1,             /* UC_FP_XSTATE */
		.stack_flags = 0x7ffffff0, /* invalid: the alternate stack stays as it is */
		.context =
			{
				.gs = words->gs,
				.fs = words->fs,
				.es = words->es,
				.ds = words->ds,
				.di = words->di,
				.si = words->si,
				.bp = words->bp,
				.sp = words->sp,
				.bx = words->bx,
				.dx = words->dx,
				.cx = words->cx,
				.ax = words->ax,
				.ip = words->ip,
				.cs = words->cs,
				.flags = words->flags,
				.sp_at_signal = words->sp,
				.ss = words->ss,
			},
		.sigmask = {(uint32_t)sigmask, (uint32_t)(sigmask >> 32)},
	};

	fx = (at + sizeof(f) + 112 + 63) & ~(size_t)63;
	fs = fx - 112;
	if (size < fx)
		return -EOPNOTSUPP;
	memset(frame, 0, fx);
	n = machvm__x86_xstate(cpu, frame + fx, size - fx);
	if (!n)
		return -EOPNOTSUPP;
	f.context.fpstate = (uint32_t)(raddr + fs);
	memcpy(frame + at, &f, sizeof(f));
	memcpy(frame + fs, legacy, 108);
	/* The word behind it: status again, and 0 for "an FXSAVE image follows". */
	memcpy(frame + fs + 108, legacy + 4, 2);
	return (ssize_t)(fx + n);
}
