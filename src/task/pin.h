/* SPDX-License-Identifier: MIT */
/*
 * pin.h - which port names are in use by which threads at this moment.
 *
 * Every thread has a place in which it notes the name that it uses, by a plain
 * store before and another one after. An atomic addition to something shared
 * costs ten times that, and twice as much behind a system call. The barrier that
 * the store lacks is had by whoever wants to know, who comes rarely (barrier.h).
 *
 * A thread has one place. Who needs a second one (a routine called from another's
 * callback), or finds none left, gets null and counts instead, see port.h.
 */
#ifndef MACHVM_TASK_PIN_H
#define MACHVM_TASK_PIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machvm__pin {
	_Atomic uint32_t name; /* 0: none */
};

/* The calling thread's place, null before it has asked for one. */
extern _Thread_local struct machvm__pin *machvm__pin_mine
	__attribute__((tls_model("initial-exec")));

/* The calling thread's place from now on; one that is always taken when there is none. */
struct machvm__pin *machvm__pin_place(void);

/*
 * Notes the name. What is loaded afterwards is loaded after whoever asks
 * machvm__pin_used() can see the note, or has been changed before that.
 */
static inline struct machvm__pin *machvm__pin_take(uint32_t name)
{
	struct machvm__pin *pin = machvm__pin_mine;

	if (__builtin_expect(!pin, 0))
		pin = machvm__pin_place();
	if (__builtin_expect(atomic_load_explicit(&pin->name, memory_order_relaxed) != 0, 0))
		return NULL;
	atomic_store_explicit(&pin->name, name, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	return pin;
}

/* Takes the note back; the same holds for what is loaded afterwards. */
static inline void machvm__pin_put(struct machvm__pin *pin)
{
	atomic_store_explicit(&pin->name, 0, memory_order_release);
	atomic_signal_fence(memory_order_seq_cst);
}

/*
 * Does a thread use the name? True also when that cannot be told. Asked after the
 * name was made one that nobody begins to use.
 */
bool machvm__pin_used(uint32_t name);

#endif
