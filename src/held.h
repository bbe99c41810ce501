/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * held - a reader that somebody else has, until it is free.
 *
 * pcscd asks for a reader once: what is refused then is lost until it is plugged
 * in anew. So a reader whose interface is taken opens all the same, without a
 * command and with empty slots, and whoever waits for movements in one of them
 * tries to take it: soon at first, then ever less often. Once that succeeds it
 * is greeted and each slot asked, as it would have been at its opening, and the
 * cards that are found have come just then.
 */
#ifndef CCIDTRACK_HELD_H
#define CCIDTRACK_HELD_H

#include <stdbool.h>
#include <stdint.h>

#include "reader.h"

#define HELD_PAUSE_MS		100	/* doubled with each attempt, up to */
#define HELD_PAUSE_MAX_MS	1600

/* The reader is being opened, and held. */
void held_begin(struct reader *reader);

/*
 * Opens the slot as an empty one, if nobody can ask the reader yet: then true.
 */
bool held_open_slot(struct reader *reader, unsigned slot);

/*
 * For whoever waits: takes the reader, or asks what the slot holds. True if
 * that was tried, which blocks, the lock given up meanwhile, as an opening does.
 * Else *due is made earlier if it is to be tried by then. Caller locks.
 */
bool held_take(struct reader *reader, unsigned slot, uint64_t now,
	       uint64_t *due);

#endif
