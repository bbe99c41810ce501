/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "stopped_clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "time_scale.h"

#define STUCK_S		20	/* of real time: somebody works for ever */
#define LOOK_NS		20000000
#define START_MS	1000000

struct waiter {
	struct waiter *next;
	pthread_cond_t *cond;
	pthread_mutex_t *lock;
	uint64_t until;
	bool woken;
};

int __real_pthread_cond_broadcast(pthread_cond_t *cond);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock);
int __wrap_pthread_cond_broadcast(pthread_cond_t *cond);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t settled = PTHREAD_COND_INITIALIZER;
static uint64_t now = START_MS;
static uint64_t slept;
static int working;	/* all but the test itself */
static struct waiter *waiters;
static unsigned running;

/* Caller locks. */
static void change_working(int change)
{
	working += change;
	if (!working)
		pthread_cond_signal(&settled);
}

void stopped_clock_busy(int change)
{
	pthread_mutex_lock(&lock);
	change_working(change);
	pthread_mutex_unlock(&lock);
}

/* Caller locks. */
static void wake(struct waiter *waiter)
{
	if (waiter->woken)
		return;
	waiter->woken = true;
	change_working(1);
}

static void leave(void *argument)
{
	struct waiter *waiter = argument;
	struct waiter **at = &waiters;

	pthread_mutex_lock(&lock);
	while (*at != waiter)
		at = &(*at)->next;
	*at = waiter->next;
	wake(waiter);	/* if it was by cancellation */
	pthread_mutex_unlock(&lock);
}

/* A time of the machine's own, soon. */
static struct timespec soon(void)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_nsec += LOOK_NS;
	at.tv_sec += at.tv_nsec / 1000000000;
	at.tv_nsec %= 1000000000;
	return at;
}

static bool is_woken(const struct waiter *waiter)
{
	bool woken;

	pthread_mutex_lock(&lock);
	woken = waiter->woken;
	pthread_mutex_unlock(&lock);
	return woken;
}

/*
 * Who broadcasts need not hold the mutex. It may know of us before we wait, and
 * its broadcast find nobody: so we look again.
 */
static void wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex,
		       uint64_t until)
{
	struct waiter waiter = {
		.cond = cond,
		.lock = mutex,
		.until = until,
	};

	pthread_mutex_lock(&lock);
	waiter.next = waiters;
	waiters = &waiter;
	change_working(-1);
	pthread_mutex_unlock(&lock);
	pthread_cleanup_push(leave, &waiter);
	while (!is_woken(&waiter)) {
		struct timespec at = soon();

		pthread_cond_timedwait(cond, mutex, &at);
	}
	pthread_cleanup_pop(1);
}

int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	wait_until(cond, mutex, CLOCK_NEVER);
	return 0;
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *cond)
{
	pthread_mutex_lock(&lock);
	for (struct waiter *waiter = waiters; waiter; waiter = waiter->next)
		if (waiter->cond == cond)
			wake(waiter);
	pthread_mutex_unlock(&lock);
	return __real_pthread_cond_broadcast(cond);
}

uint64_t clock_now(void)
{
	uint64_t value;

	pthread_mutex_lock(&lock);
	value = now;
	pthread_mutex_unlock(&lock);
	return value;
}

uint64_t clock_wall(void)
{
	return clock_now() + STOPPED_CLOCK_WALL;
}

uint64_t clock_slept(void)
{
	uint64_t value;

	pthread_mutex_lock(&lock);
	value = slept;
	pthread_mutex_unlock(&lock);
	return value;
}

int clock_cond_init(pthread_cond_t *cond)
{
	return -pthread_cond_init(cond, NULL);
}

void clock_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t until)
{
	if (clock_now() < until)
		wait_until(cond, mutex, until);
}

/* Caller locks. */
static void settle(void)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += (time_t)(STUCK_S * time_scale());
	while (working)
		if (pthread_cond_timedwait(&settled, &lock, &end) ==
		    ETIMEDOUT) {
			fprintf(stderr, "%d threads never rest\n", working);
			abort();
		}
}

void stopped_clock_settle(void)
{
	pthread_mutex_lock(&lock);
	settle();
	pthread_mutex_unlock(&lock);
}

void stopped_clock_sleep(uint64_t ms)
{
	pthread_mutex_lock(&lock);
	settle();
	slept += ms;
	pthread_mutex_unlock(&lock);
}

/* Caller locks. Nobody else runs, so nothing vanishes meanwhile. */
static struct waiter *find_due(void)
{
	struct waiter *waiter = waiters;

	while (waiter && (waiter->until > now || waiter->woken))
		waiter = waiter->next;
	return waiter;
}

/* With its own lock held, it is certain to be inside the wait. */
static void ring(struct waiter *waiter)
{
	pthread_mutex_t *mutex = waiter->lock;
	pthread_cond_t *cond = waiter->cond;

	pthread_mutex_unlock(&lock);
	pthread_mutex_lock(mutex);
	__wrap_pthread_cond_broadcast(cond);
	pthread_mutex_unlock(mutex);
	pthread_mutex_lock(&lock);
}

static uint64_t next_deadline(uint64_t end)
{
	for (const struct waiter *w = waiters; w; w = w->next)
		end = clock_earlier(end, w->until);
	return end;
}

void stopped_clock_pass(uint64_t ms)
{
	struct waiter *due;
	uint64_t end;

	pthread_mutex_lock(&lock);
	settle();
	end = now + ms;
	while (now < end) {
		now = next_deadline(end);
		while ((due = find_due())) {
			ring(due);
			settle();
		}
	}
	pthread_mutex_unlock(&lock);
}

static void end_call(void *argument)
{
	struct call *call = argument;

	call->ended = clock_now();
	pthread_mutex_lock(&lock);
	call->over = true;
	running--;
	change_working(-1);
	pthread_mutex_unlock(&lock);
}

static void *run_call(void *argument)
{
	struct call *call = argument;
	void *result;

	pthread_cleanup_push(end_call, call);
	result = call->run(call->argument);
	pthread_cleanup_pop(1);
	return result;
}

void call_start(struct call *call, void *(*run)(void *), void *argument)
{
	*call = (struct call){ .run = run, .argument = argument };
	call->began = clock_now();
	pthread_mutex_lock(&lock);
	running++;
	change_working(1);
	pthread_mutex_unlock(&lock);
	if (pthread_create(&call->thread, NULL, run_call, call))
		abort();
}

unsigned calls_running(void)
{
	unsigned n;

	pthread_mutex_lock(&lock);
	n = running;
	pthread_mutex_unlock(&lock);
	return n;
}

bool call_is_over(struct call *call)
{
	bool over;

	pthread_mutex_lock(&lock);
	over = call->over;
	pthread_mutex_unlock(&lock);
	return over;
}

uint64_t call_join(struct call *call)
{
	if (!call_is_over(call))
		fail_msg("a call that does not end");
	pthread_join(call->thread, NULL);
	return call->ended - call->began;
}

bool call_cancel(struct call *call)
{
	void *result;

	pthread_cancel(call->thread);
	pthread_join(call->thread, &result);
	return result == PTHREAD_CANCELED;
}
