/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * params - what card and reader agree on, and how long each may take.
 *
 * Holds an ATR against a reader and a wanted protocol and says what is to be
 * done: PPS or not, SetParameters or not, at which speed, with which times. It
 * sends nothing: if PPS or SetParameters fails, the caller resets the card,
 * calls params_slow_down and goes on with that.
 *
 * Who negotiates (dwFeatures; the first row that fits counts):
 *
 *   level            bit              PPS by   SetParameters
 *   any              6 own method     reader   none
 *   any              7 PPS            reader   at the best speed
 *   character, TPDU  -                host     as agreed by PPS
 *   APDU             1 parameters     nobody   only to change the protocol
 *   APDU             -                nobody   at default speed
 *
 * In specific mode (TA2) there is no PPS, and the speed is TA1's.
 *
 * The best speed is the fastest that is not above TA1, not below the default
 * and that the reader does: it is in the list of GET_DATA_RATES, or without a
 * list not above dwMaxDataRate. Cards that take no other F than their own
 * exist, so first that is tried, with each D from the card's own down by powers
 * of two; then each F between 372 and the card's. A reader of unknown clock
 * stays at the default.
 *
 * Pure. Any thread.
 */
#ifndef CCIDTRACK_PARAMS_H
#define CCIDTRACK_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "atr.h"
#include "desc.h"
#include "times.h"

#define PARAMS_PPS_MAX		6	/* longest answer to a PPS */
#define PARAMS_SET_MAX		7
#define PARAMS_LIST_MAX		255	/* numbers in a list: one byte tells */
#define PARAMS_VOLTAGES_MAX	3

struct params_reader {
	const struct desc *desc;
	const uint32_t *rates;		/* bit/s; zeros are no rates */
	size_t rate_count;		/* 0: no list */
	const uint32_t *clocks;		/* kHz */
	size_t clock_count;
	uint32_t rate_cap;		/* bit/s, by quirk or option; 0: none */
	bool no_pps;			/* the same: none reaches the card */
};

/* Which voltage is tried first; the values are those of ifdDriverOptions. */
enum params_first {
	PARAMS_FIRST_5V,
	PARAMS_FIRST_3V,
	PARAMS_FIRST_1V8,
	PARAMS_FIRST_READER,	/* the reader chooses */
};

struct params {
	uint8_t protocol;		/* 0 or 1 */
	uint8_t fidi;			/* F and D of PPS and SetParameters */
	bool pps;			/* to be sent first */
	uint8_t pps_bytes[4];
	size_t pps_size;
	bool set;			/* SetParameters is to be sent */
	bool refusable;			/* and may be refused: go on without */
	uint8_t set_bytes[PARAMS_SET_MAX];
	size_t set_size;
	bool crc;			/* T=1 */
	bool specific;			/* no other speed can be had */
	bool first;			/* the protocol that needs no PPS */
	struct times times;		/* no shorter than what may be in use */
};

enum params_pps {
	PARAMS_PPS_AGREED,
	PARAMS_PPS_DEFAULT,	/* the protocol, but at default speed */
	PARAMS_PPS_FAILED,	/* the card must be reset */
};

/*
 * The decision at the best speed for protocol 0 or 1. Returns 0 or
 *   -EPROTONOSUPPORT  card or reader does not have the protocol, or the host
 *                     must tell parameters which the ATR does not reliably give
 *   -EIO              the host must tell F and D, and the card keeps them to
 *                     itself (TA2, implicit)
 */
int params_decide(const struct params_reader *reader, const struct atr *atr,
		  uint8_t protocol, struct params *ret_params);

/*
 * Turns the decision into the one at default speed: for a card reset after a
 * failure, or after PARAMS_PPS_DEFAULT. -ENOTSUP, and nothing changed, if there
 * is no slower way: specific mode, or at default speed already.
 */
int params_slow_down(struct params *params);

/*
 * How many bytes of the answer to a PPS are still missing, 0..PARAMS_PPS_MAX:
 * character level asks for so many. Three are the fewest, PPS0 tells of more.
 */
size_t params_pps_missing(const uint8_t *answer, size_t size);

enum params_pps params_check_pps(const struct params *params,
				 const uint8_t *answer, size_t size);

/*
 * A list as GET_DATA_RATES or GET_CLOCK_FREQUENCIES gave it, into ret_list with
 * room for the promised count. Returns how many numbers there are; 0, and nothing
 * written, if the size is not that of the promised count.
 */
size_t params_list(const uint8_t *raw, size_t size, uint8_t promised,
		   uint32_t *ret_list);

/*
 * The slowest clock that the card may get, kHz, TIMES_CLOCK_MIN..MAX: what the
 * reader tells, if that can be a card's clock, and else the slowest there is.
 */
uint32_t params_clock(const struct params_reader *reader);

/*
 * Values of bPowerSelect in the order to try them, each once:
 *   first 5 V    5 V, 3 V, 1.8 V: nearly every card takes 5 V, and each try in
 *                vain costs time
 *   first 3 V    3 V, 5 V, 1.8 V
 *   first 1.8 V  1.8 V, 3 V, 5 V
 * of which the reader has; it chooses itself if it wants to or is told to.
 * classes are those of an ATR, 0 before there is one: others are left out then.
 * Returns their number, 0 if card and reader have no voltage in common.
 */
size_t params_voltages(const struct desc *desc, enum params_first first,
		       uint8_t classes,
		       uint8_t ret_order[PARAMS_VOLTAGES_MAX]);

#endif
