/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock - monotonic milliseconds and waiting for them.
 *
 * All times inside are milliseconds of CLOCK_MONOTONIC; 0 never comes up and
 * means "never happened", CLOCK_NEVER is a time that does not come. This clock
 * stands still while the machine sleeps.
 */
#ifndef CCIDTRACK_CLOCK_H
#define CCIDTRACK_CLOCK_H

#include <pthread.h>
#include <stdint.h>

#define CLOCK_NEVER	UINT64_MAX

uint64_t clock_now(void);

/* What people call the time: milliseconds since 1970. */
uint64_t clock_wall(void);

/* How long the machine has slept (suspended) since it was started. */
uint64_t clock_slept(void);

/* A condition whose timed waits follow this clock. 0 or a negative errno. */
int clock_cond_init(pthread_cond_t *cond);

/* One wait on the condition, until at the latest; the caller loops. */
void clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until);

/* Milliseconds from now until then, most at most. 0: none are left. */
static inline unsigned clock_left(uint64_t now, uint64_t until, unsigned most)
{
	if (until <= now)
		return 0;
	return until - now < most ? (unsigned)(until - now) : most;
}

static inline uint64_t clock_earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

#endif
