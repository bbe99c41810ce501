/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fast_clock - the core's clock.h, some times faster than the machine's: hours
 * of card movements in minutes. Links in the place of clock.c.
 */
#ifndef CCIDTRACK_TESTS_FAST_CLOCK_H
#define CCIDTRACK_TESTS_FAST_CLOCK_H

#include <stdint.h>

extern unsigned fast_clock_speed;

/*
 * Before any thread is started. A machine that is busy elsewhere seems to stand
 * still for seconds: where LAB_TIME_SCALE gives more time, the clock is slower.
 */
void fast_clock_run(unsigned speed);

/* The machine has slept. */
void fast_clock_sleep(uint64_t ms);

#endif
