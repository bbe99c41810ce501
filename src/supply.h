/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * supply - current for a card: the reader's power commands, and the voltages.
 *
 * Each function is one command to the reader, or some, and what the card said
 * to it, its ATR. What that means for the card's visit and for pcscd is card.h's
 * business, which tells the tracker before and after; here it hears of a card
 * that fell silent, and nothing else.
 *
 * For card.c and learn.c, whose caller owns the slot (exchange_begin); the ATR
 * is for anybody. None is called with the reader's lock held.
 */
#ifndef CCIDTRACK_SUPPLY_H
#define CCIDTRACK_SUPPLY_H

#include <stddef.h>
#include <stdint.h>

#include "reader.h"

#define SUPPLY_ON_MS	10000	/* one attempt, without time extensions */
#define SUPPLY_ALL_MS	30000	/* all of them */
#define SUPPLY_OFF_MS	3000

#define SUPPLY_UNSETTLED	0xFF	/* slot->select: it needed the last attempt */

/*
 * Each voltage once, and the first one once more: some cards wake up late, and
 * one that no voltage suits is better used than refused. 0: the card has power,
 * and its ATR is noted. -EIO: it answered to none. Errors of exchange_run. The
 * last attempt begins before SUPPLY_ALL_MS.
 */
int supply_search(struct reader *reader, unsigned slot);

/*
 * One attempt, at the voltage that the card answered to last, or else the first
 * one: a warm reset, if it has power. Results of supply_search.
 */
int supply_repeat(struct reader *reader, unsigned slot, uint64_t deadline);

/* Off. A card that cannot be powered off is gone or dead. */
void supply_cut(struct reader *reader, unsigned slot);

/* Off, on and off: some tokens begin to work only then. As exchange_run. */
int supply_rouse(struct reader *reader, unsigned slot);

/* The ATR of the last power-up, READER_ATR_MAX bytes; 0 if there is none. */
size_t supply_atr(struct reader *reader, unsigned slot, uint8_t *atr);

#endif
