/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * track_asked - when a reader is asked for its cards (GetSlotStatus).
 *
 * In doubt at once; without doubt only while somebody waits for a movement: a
 * reader that announces none at intervals, slower when all is quiet; one whose
 * interrupt endpoint has not told the truth yet, or only half of it, ever less;
 * else once after a wait in vain, for a notification can be lost, and pcscd is
 * awake then. There is one budget for a reader, however many slots it has, and
 * no question of the pace comes sooner after an answer than that answer took.
 *
 * Pure, as track.h.
 */
#ifndef CCIDTRACK_TRACK_ASKED_H
#define CCIDTRACK_TRACK_ASKED_H

#include "track.h"

#define TRACK_NEVER		UINT64_MAX

#define TRACK_CHECK_MS		1000	/* first check of an unproven endpoint */
#define TRACK_CHECK_MAX_MS	60000
#define TRACK_REVIEW_MS		60000	/* quiet for so long: worth a question */
#define TRACK_QUIET_PART	10	/* the pause, of the time it has been quiet */
#define TRACK_QUIET_MAX		15	/* at most so many intervals */

/*
 * At most TOKENS + 1000 / REFILL_MS = 10 questions in any second, per reader,
 * beside those that a client's power commands ask for.
 */
#define TRACK_TOKENS		2
#define TRACK_REFILL_MS		125

/*
 * A doubt that no reader can raise, for a power command of ours comes behind
 * it: the next question is beside the budget, which would slow those down.
 */
void track_indulge(struct track *t, unsigned slot);
/* The reader is to show that it is there; nothing is in doubt for that. */
void track_check(struct track *t, unsigned slot);
/* A question was sent. */
void track_asked(struct track *t, unsigned slot, uint64_t now);
/* A wait has ended without a movement. */
void track_waited(struct track *t, unsigned slot, uint64_t now);
/* The interrupt pipe has failed: movements are asked for from now on. */
void track_deaf(struct track *t);
/*
 * When the next question to this slot is due: now or earlier, later, or
 * TRACK_NEVER. May find out that the endpoint is to be caught (*ret_news).
 */
uint64_t track_question_due(struct track *t, unsigned slot, uint64_t now,
			    unsigned *ret_news);
/* The same for a host that never polls: presence is the only one who asks. */
bool track_presence_asks(const struct track *t, unsigned slot, uint64_t now);

#endif
