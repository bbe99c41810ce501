/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * movement - evidence of the cards is taken in, and passed on.
 *
 * Whoever hears anything that bears on the cards tells it here: the interrupt
 * pipe, a reply, a question without one, power, resets, sleep. It is handed to
 * the tracker (track.h), and the tracker's news to all whom they concern: who
 * waits for a movement (movement_told.h), who works with the card, the ledger,
 * the log. It decides nothing and waits for nothing, but sends questions that
 * are due; pcscd is answered in movement_told.h.
 *
 * The core, in any thread, callbacks included.
 */
#ifndef CCIDTRACK_MOVEMENT_H
#define CCIDTRACK_MOVEMENT_H

#include <stdint.h>

#include "ccid.h"
#include "reader.h"

/* What the interrupt pipe says of a slot, or may have said. Caller locks. */
void movement_notified(struct reader *reader, unsigned slot, bool present,
		       bool changed);
void movement_missed(struct reader *reader, unsigned slot);

/* A pipe failed as it does when the machine has slept. Caller locks. */
void movement_resumed(struct reader *reader);

/* Anything may have happened in any slot. Caller locks. */
void movement_miss_all(struct reader *reader);

/* The status in a reply; question: of a GetSlotStatus of ours. Caller locks. */
void movement_replied(struct reader *reader, unsigned slot, enum ccid_icc icc,
		      bool question);

/* track_question_due, its news dealt with. Caller locks. */
uint64_t movement_question_due(struct reader *reader, unsigned slot,
			       uint64_t now);

/* A power-up is to begin, and the reader asked before. Caller locks. */
void movement_power_doubted(struct reader *reader, unsigned slot);

/* track_power_begun, its news dealt with. Caller locks. */
void movement_power_begun(struct reader *reader, unsigned slot,
			  enum track_power kind);

/*
 * Looks whether the machine has slept, which nothing else may tell: cards may
 * have lost their power, or changed. It is looked at wherever it can matter, so
 * that nobody needs to wake up for it. Caller locks.
 */
void movement_notice_sleep(struct reader *reader);

/*
 * The device was reset by us and works again: no card has power. A card that
 * was powered up is told as swapped, once; of the others, and of what the slots
 * hold now, the reader is asked. Caller locks.
 */
void movement_reset(struct reader *reader);

/*
 * In a power-up: an ATR has come; and whether it is the one of before, if that
 * can be told. Caller locks.
 */
void movement_powered(struct reader *reader, unsigned slot);
void movement_identified(struct reader *reader, unsigned slot, bool same);

/* A question is answered with an error, or not at all. Caller locks. */
void movement_refused(struct reader *reader, unsigned slot);
void movement_unanswered(struct reader *reader, unsigned slot);

/* track_power_failed, its news dealt with. Caller locks. */
void movement_power_failed(struct reader *reader, unsigned slot);

/* The last movements, in the layout of ledger.h. Returns the size. */
size_t movement_ledger(struct reader *reader, uint8_t bytes[LEDGER_SIZE_MAX]);

/* A reader gone mad must not fill the disk. Caller locks. */
bool movement_may_log(struct reader *reader);

#endif
