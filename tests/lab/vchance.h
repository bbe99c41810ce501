/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vchance - chance that can be had again: the state is its seed.
 */
#ifndef VCHANCE_H
#define VCHANCE_H

#include <stdbool.h>
#include <stdint.h>

/* A number below limit. Any state will do, 0 too. */
static inline unsigned vchance(unsigned *state, unsigned limit)
{
	uint32_t x = *state ? *state : 0x9E3779B9u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	*state = x;
	return (unsigned)((uint64_t)x * limit >> 32);
}

static inline bool vchance_percent(unsigned *state, unsigned percent)
{
	return percent && vchance(state, 100) < percent;
}

#endif
