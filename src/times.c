/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "times.h"

#include "atr.h"

#define F_DEFAULT	372

/* 400 to 40000 cycles to the first character, 9600 etu between any two. */
#define ATR_BEGIN	40000u
#define ATR_GAP		(9600u * F_DEFAULT)

/* What goes over the line besides data, at APDU level */
#define T0_PART		255
#define T0_HEADER	5	/* CLA INS P1 P2 P3 */
#define T0_STATUS	3	/* procedure byte, SW1, SW2 */
#define T1_OVERHEAD	5	/* NAD PCB LEN, EDC of two bytes */
#define IFSD		254

/* No APDU is so long; it keeps the products below within 64 bits. */
#define SIZE_BOUND	0x20000u

static uint32_t to_ms(uint64_t cycles, uint32_t clock)
{
	return (uint32_t)((cycles + clock - 1) / clock);
}

static uint64_t etu_cycles(const struct times *times, uint64_t etu)
{
	return (etu * times->f + times->d - 1) / times->d;
}

/* 255 is no number of etu: nothing extra for T=0, one less for T=1. */
static unsigned character_etu(const struct times *times)
{
	if (times->guard_time < 255)
		return 12u + times->guard_time;
	return times->protocol ? 11 : 12;
}

void times_reckon(struct times *times)
{
	uint64_t character = etu_cycles(times, character_etu(times));
	uint64_t wwt = 960ull * times->wi * times->f;
	uint64_t bwt = etu_cycles(times, 11) +
		       (960ull * F_DEFAULT << times->bwi);
	uint64_t cwt = etu_cycles(times, 11 + (1ull << times->cwi));

	times->character_us = to_ms(character * 1000, times->clock);
	times->wwt_ms = to_ms(wwt, times->clock);
	times->bwt_ms = to_ms(bwt, times->clock);
	times->cwt_ms = to_ms(cwt, times->clock);
}

static uint32_t bounded(uint64_t ms, uint32_t cap_ms)
{
	uint32_t cap = cap_ms < TIMES_MAX_MS ? cap_ms : TIMES_MAX_MS;

	ms += TIMES_SLACK_MS;
	return ms < cap ? (uint32_t)ms : cap;
}

static size_t within(size_t size)
{
	return size < SIZE_BOUND ? size : SIZE_BOUND;
}

static uint64_t characters_ms(const struct times *times, uint64_t count)
{
	return (count * times->character_us + 999) / 1000;
}

uint32_t times_atr_ms(uint32_t clock, uint32_t cap_ms)
{
	return bounded(to_ms(ATR_BEGIN + (ATR_MAX - 1) * ATR_GAP, clock),
		       cap_ms);
}

uint32_t times_t0_ms(const struct times *times, size_t sent, size_t received,
		     uint32_t cap_ms)
{
	return bounded(characters_ms(times, within(sent)) +
		       (uint64_t)within(received) * times->wwt_ms, cap_ms);
}

/* Within a block the reader waits CWT for a character only once. */
static uint64_t t1_ms(const struct times *times, uint64_t blocks,
		      uint64_t characters)
{
	return blocks * times->bwt_ms + times->cwt_ms +
	       characters_ms(times, characters);
}

uint32_t times_t1_ms(const struct times *times, uint8_t bwi, size_t sent,
		     size_t received, uint32_t cap_ms)
{
	return bounded(t1_ms(times, bwi ? bwi : 1,
			     within(sent) + within(received)), cap_ms);
}

uint32_t times_apdu_ms(const struct times *times, size_t sent, size_t received,
		       uint32_t cap_ms)
{
	size_t out = within(sent), in = within(received);
	size_t parts = 1 + out / T0_PART + in / T0_PART;
	size_t blocks = 2 + out / times->ifsc + in / IFSD;

	if (!times->protocol)
		return times_t0_ms(times, out + parts * T0_HEADER,
				   in + parts * T0_STATUS, cap_ms);
	return bounded(t1_ms(times, blocks, out + in + blocks * T1_OVERHEAD),
		       cap_ms);
}
