/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fast_clock - the core's clock.h, some times faster than the machine's: hours
 * of card movements in minutes. Links in the place of clock.c.
 */
#ifndef CCIDTRACK_TESTS_FAST_CLOCK_H
#define CCIDTRACK_TESTS_FAST_CLOCK_H

#include <stdint.h>

/* Before any thread is started. */
extern unsigned fast_clock_speed;

/* The machine has slept. */
void fast_clock_sleep(uint64_t ms);

#endif
