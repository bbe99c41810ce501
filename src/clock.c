/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "clock.h"

#include <time.h>

#define TRIES	10
#define CLOSE_MS	1	/* between two readings that belong together */

static uint64_t read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 +
	       1;
}

uint64_t clock_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_wall(void)
{
	return read_clock(CLOCK_REALTIME) - 1;
}

/* A thread that loses the processor in between reads the clocks again. */
uint64_t clock_slept(void)
{
	uint64_t before, all, after = read_clock(CLOCK_MONOTONIC);
	int i = 0;

	do {
		before = after;
		all = read_clock(CLOCK_BOOTTIME);
		after = read_clock(CLOCK_MONOTONIC);
	} while (after - before > CLOSE_MS && ++i < TRIES);
	return all > after ? all - after : 0;
}

int clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;
	int r = pthread_condattr_init(&attributes);

	if (r)
		return -r;
	r = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (!r)
		r = pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
	return -r;
}

void clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until)
{
	/* clock_now rounds down and adds one, so this is never too early. */
	struct timespec at = {
		.tv_sec = (time_t)(until / 1000),
		.tv_nsec = (long)(until % 1000) * 1000000,
	};

	if (until == CLOCK_NEVER)
		pthread_cond_wait(cond, lock);
	else
		pthread_cond_timedwait(cond, lock, &at);
}
