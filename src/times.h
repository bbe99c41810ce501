/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * times - how long a card may take (ISO 7816-3), and so how long to wait.
 *
 * The reader watches the card; these bounds only catch a reader that answers no
 * more, so they are never too short for a card that asks for no time, and all
 * rounding is up. Who hears a card's requests for time gives it more.
 * Functions return milliseconds, the reader's own work of TIMES_SLACK_MS
 * included, never above the caller's cap (an option) nor TIMES_MAX_MS.
 *
 * Pure. Any thread.
 */
#ifndef CCIDTRACK_TIMES_H
#define CCIDTRACK_TIMES_H

#include <stddef.h>
#include <stdint.h>

#define TIMES_MAX_MS	600000
#define TIMES_SLACK_MS	1000

#define TIMES_CLOCK_MIN	1000	/* kHz: cards are made for this and more */
#define TIMES_CLOCK_MAX	20000	/* the fastest card in the tables of the ISO */

struct times {
	/* given */
	uint32_t clock;		/* kHz, TIMES_CLOCK_MIN..TIMES_CLOCK_MAX */
	uint16_t f;		/* 372..2048 */
	uint8_t d;		/* 1..64 */
	uint8_t protocol;	/* 0 or 1 */
	uint8_t guard_time;	/* N */
	uint8_t wi;		/* T=0 */
	uint8_t bwi, cwi;	/* T=1: 0..9, 0..15 */
	uint8_t ifsc;		/* T=1: 1.. */

	/* reckoned */
	uint32_t character_us;	/* one character, guard time included */
	uint32_t wwt_ms;	/* T=0: between two characters */
	uint32_t bwt_ms;	/* T=1: to the first character of a block */
	uint32_t cwt_ms;	/* T=1: between two characters of a block */
};

/* Fills in the reckoned ones from those given. */
void times_reckon(struct times *times);

/* The slowest legal ATR of 33 bytes: 32 gaps of 9600 etu. clock in kHz. */
uint32_t times_atr_ms(uint32_t clock, uint32_t cap_ms);

/*
 * T=0 at TPDU or character level: so many characters go to the card, and it may
 * take a whole WWT before each of those it sends. NULL bytes extend even that.
 */
uint32_t times_t0_ms(const struct times *times, size_t sent, size_t received,
		     uint32_t cap_ms);

/* T=1 at TPDU or character level: one block, for which bwi (0: 1) BWT apply. */
uint32_t times_t1_ms(const struct times *times, uint8_t bwi, size_t sent,
		     size_t received, uint32_t cap_ms);

/*
 * APDU level, either protocol: a command and an answer of so many bytes, by as
 * many TPDUs or blocks as they take. What the card asks for beyond that, only
 * the reader hears.
 */
uint32_t times_apdu_ms(const struct times *times, size_t sent, size_t received,
		       uint32_t cap_ms);

#endif
