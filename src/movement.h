/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * movement - from what a reader says to pcscd's event thread.
 *
 * The way of a card movement: interrupt transfer done -> ccid_event_next ->
 * track_notified -> broadcast -> movement_wait returns -> movement_presence.
 *
 * Request, as in Windows' RDF_CARD_TRACKING, and what does it here:
 *
 *   the state matches already   movement_wait returns 0 at once
 *   tracking has started        movement_wait waits, for a movement, a stop,
 *                               its timeout or the loss of the device
 *   a request is pending        -EBUSY at once, the first one untouched
 *   the device cannot           -ENODEV
 *   cancel                      movement_stop, also ahead of the request
 */
#ifndef CCIDTRACK_MOVEMENT_H
#define CCIDTRACK_MOVEMENT_H

#include <stdint.h>

#include "ccid.h"
#include "reader.h"
#include "track_told.h"

#define MOVEMENT_FOREVER	(-1)

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

/*
 * Waits until the card moves away from what the caller was told last. 0: look
 * again (also after a stop and at the timeout), -EBUSY, -ENODEV.
 *
 * The caller has cancellation disabled; it is enabled while the thread really
 * waits, and a thread that is cancelled there holds nothing afterwards.
 */
int movement_wait(struct reader *reader, unsigned slot, int timeout_ms);

/*
 * A client was told just now that its card is gone or does not answer. The
 * thread of pcscd's that hears it notes so in the state of the slot, and without
 * a lock: an insertion that was told before would be lost. So none is for some
 * moments, unless the watcher asks by itself. Not for the watcher's own calls.
 */
void movement_hold(struct reader *reader, unsigned slot);

/* Latched: ends the wait that is, or else the next one. */
void movement_stop(struct reader *reader, unsigned slot);

/* Whether the calling thread is pcscd's event thread. Caller locks. */
bool movement_is_watcher(const struct reader *reader, unsigned slot);

/* What the calling thread is to be told. */
enum track_presence movement_presence(struct reader *reader, unsigned slot);

/* The last movements, in the layout of ledger.h. Returns the size. */
size_t movement_ledger(struct reader *reader, uint8_t bytes[LEDGER_SIZE_MAX]);

/* A reader gone mad must not fill the disk. Caller locks. */
bool movement_may_log(struct reader *reader);

/* What the slot holds, for anybody; uses nothing up. */
enum track_presence movement_truth(struct reader *reader, unsigned slot);

#endif
