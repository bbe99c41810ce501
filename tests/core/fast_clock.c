/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "fast_clock.h"

#include <stdatomic.h>
#include <time.h>

#include "clock.h"
#include "script.h"
#include "time_scale.h"

unsigned fast_clock_speed = 1;
static atomic_uint_fast64_t slept;

void fast_clock_run(unsigned speed)
{
	speed = (unsigned)(speed / time_scale());
	fast_clock_speed = speed > 1 ? speed : 1;
}

uint64_t clock_now(void)
{
	return script_now_us() * fast_clock_speed / 1000 + 1;
}

uint64_t clock_wall(void)
{
	return clock_now();
}

uint64_t clock_slept(void)
{
	return slept;
}

void fast_clock_sleep(uint64_t ms)
{
	slept += ms;
}

int clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;
	int r;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	r = pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
	return -r;
}

void clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until)
{
	uint64_t us = until * 1000 / fast_clock_speed;
	struct timespec at = {
		.tv_sec = (time_t)(us / 1000000),
		.tv_nsec = (long)(us % 1000000) * 1000,
	};

	if (until == CLOCK_NEVER)
		pthread_cond_wait(cond, lock);
	else
		pthread_cond_timedwait(cond, lock, &at);
}
