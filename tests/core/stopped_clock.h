/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stopped_clock - the core's clock.h with a time that stands still until a test
 * lets it pass, so that minutes cost nothing and every bound can be checked to
 * the millisecond.
 *
 * Links in the place of clock.c, with the linker's --wrap for
 * pthread_cond_wait and pthread_cond_broadcast: so it knows at any time whether
 * anybody is at work. Nobody is, if every call that a test has started waits on
 * a condition that nobody has signalled and every event thread is out of work.
 * Only then time passes, in steps from deadline to deadline. A call that waits
 * for what will never come is therefore found at once, without any timeout.
 */
#ifndef CCIDTRACK_TESTS_STOPPED_CLOCK_H
#define CCIDTRACK_TESTS_STOPPED_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Later than the monotonic time by. */
#define STOPPED_CLOCK_WALL	1000000000000

/* Returns when nobody is at work any more. */
void stopped_clock_settle(void);

/* Settles, and again at each deadline on the way. */
void stopped_clock_pass(uint64_t ms);

/* The machine sleeps: no time passes, nobody wakes up. */
void stopped_clock_sleep(uint64_t ms);

/* Threads and event threads that begin (+1) or cease (-1) to work. */
void stopped_clock_busy(int change);

/* A call into the core in a thread of its own. */
struct call {
	void *(*run)(void *);
	void *argument;
	pthread_t thread;
	uint64_t began, ended;	/* by the stopped clock */
	bool over;
};

void call_start(struct call *call, void *(*run)(void *), void *argument);
bool call_is_over(struct call *call);

/* How many are not over. */
unsigned calls_running(void);

/* Fails the test unless it is over, else its time in ms. */
uint64_t call_join(struct call *call);

/* Cancels its thread and waits for that. False: it had come back before. */
bool call_cancel(struct call *call);

#endif
