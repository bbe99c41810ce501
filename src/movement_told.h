/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * movement_told - pcscd waits for movements, and asks what a slot holds.
 *
 * The other end of movement.h: this waits, and answers; what has happened it
 * takes from the tracker (track_told.h) and never judges by itself.
 *
 * Request, as in Windows' RDF_CARD_TRACKING, and what does it here:
 *
 *   the state matches already   movement_wait returns 0 at once
 *   tracking has started        movement_wait waits, for a movement, a stop,
 *                               its timeout or the loss of the device
 *   a request is pending        -EBUSY at once, the first one untouched
 *   the device cannot           -ENODEV
 *   cancel                      movement_stop, also ahead of the request
 *
 * Threads of pcscd's, never a callback: all but movement_is_watcher take the
 * reader's lock.
 */
#ifndef CCIDTRACK_MOVEMENT_TOLD_H
#define CCIDTRACK_MOVEMENT_TOLD_H

#include <stdbool.h>

#include "reader.h"
#include "track_told.h"

#define MOVEMENT_FOREVER	(-1)

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

/* What the slot holds, for anybody; uses nothing up. */
enum track_presence movement_truth(struct reader *reader, unsigned slot);

#endif
