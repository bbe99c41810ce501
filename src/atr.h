/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * atr - what a card says of itself in its answer to reset (ISO 7816-3, 8).
 *
 * Clients want odd and broken answers too, so nothing is refused here that can
 * be walked at all: what is missing or reserved is taken as its default, and
 * the flags tell what was wrong. Whether that matters is params.h's to say.
 *
 * Pure. Any thread.
 */
#ifndef CCIDTRACK_ATR_H
#define CCIDTRACK_ATR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATR_MAX			33	/* TS included; none behind is read */
#define ATR_PROTOCOLS_MAX	15	/* T=0..14; T=15 is no protocol */

/* What is wrong with it */
#define ATR_BAD_TS		0x001u	/* neither 3Bh nor 3Fh */
#define ATR_BAD_ORDER		0x002u	/* T falls, or T=15 comes first */
#define ATR_RESERVED		0x004u	/* reserved value, taken as default */
#define ATR_CUT_INTERFACE	0x008u	/* ends within the interface bytes */
#define ATR_CUT_HISTORICAL	0x010u	/* ends within the historical bytes */
#define ATR_NO_TCK		0x020u	/* ends where TCK should be */
#define ATR_BAD_TCK		0x040u
#define ATR_SURPLUS		0x080u	/* bytes behind its end */
#define ATR_TOO_LONG		0x100u	/* more than ATR_MAX bytes */

/* With one of these, no interface byte can be relied on. */
#define ATR_UNRELIABLE	(ATR_BAD_TS | ATR_CUT_INTERFACE | ATR_BAD_TCK)

#define ATR_DEFAULT_FIDI	0x11	/* Fd 372, Dd 1 */

struct atr {
	unsigned flags;
	bool inverse;			/* TS */
	uint8_t protocols[ATR_PROTOCOLS_MAX];	/* in the card's order */
	uint8_t protocol_count;		/* 1.. */
	bool specific;			/* TA2: no PPS, one protocol */
	bool changeable;		/* a warm reset may end specific mode */
	bool implicit;			/* F and D are not those of TA1 */
	uint8_t specific_protocol;
	uint8_t fidi;			/* TA1; both nibbles have a meaning */
	uint8_t guard_time;		/* N, TC1 */
	uint8_t wi;			/* T=0: 1..255 */
	uint8_t ifsc;			/* T=1: 1..254 */
	uint8_t bwi;			/* T=1: 0..9 */
	uint8_t cwi;			/* T=1: 0..15 */
	bool crc;			/* T=1: else LRC */
	uint8_t clock_stop;		/* 0 no, 1 low, 2 high, 3 either */
	uint8_t classes;		/* 1 A, 2 B, 4 C, sums; 0: untold */
	bool tck;			/* there is one */
	const uint8_t *historical;	/* historical_size of the bytes given */
	size_t historical_size;
};

/* 0, or -EINVAL if there are fewer than two bytes: TS and T0. */
int atr_parse(const uint8_t *bytes, size_t size, struct atr *ret_atr);

/* True if the card offers the protocol, 0..14. */
bool atr_offers(const struct atr *atr, uint8_t protocol);

/* F and D by the nibbles of TA1; 0 for a reserved nibble. */
uint16_t atr_f(uint8_t fidi);
uint8_t atr_d(uint8_t fidi);

#endif
