/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * track_slot - what is known of a slot, in the words of track.h: its movements
 * and the reader's habit of setting the change bit. For track*.c alone.
 */
#ifndef CCIDTRACK_TRACK_SLOT_H
#define CCIDTRACK_TRACK_SLOT_H

#include "track.h"

/* 0 for an empty slot, so that truth and reported compare directly. */
static inline uint32_t slot_truth(const struct track_slot *s)
{
	return s->present ? s->visit : 0;
}

static inline bool slot_debt(const struct track_slot *s)
{
	return s->reported && s->reported != slot_truth(s);
}

static inline bool slot_powered(const struct track_slot *s)
{
	return s->present && s->powered == s->visit;
}

static inline unsigned slot_doubt(struct track_slot *s)
{
	s->doubt = true;
	s->outdated = true;
	return TRACK_DOUBTED;
}

/* Another truth. Each returns news. */
unsigned slot_insert(struct track_slot *s, uint64_t now);
unsigned slot_remove(struct track_slot *s, uint64_t now);
unsigned slot_swap(struct track_slot *s, uint64_t now);

/*
 * Nothing will settle any doubt. A card that was changed meanwhile has another
 * ATR.
 */
void track_resign(struct track *t);

/*
 * Chatter: a change bit behind a power command, for nothing. It is the reader's
 * habit if the next ATR shows that the card is still the same, and if that was
 * known for a second before, or three commands in a row had the bit. From then
 * on it is not believed behind commands of that kind, until one comes without.
 */

/* A change bit came that may be chatter. */
void slot_chatter(struct track_slot *s, uint64_t now);
/* Is that the habit? */
bool slot_is_chatty(const struct track_slot *s, uint64_t now);
/* A true movement. A habit that is known stays known. */
void slot_forgive(struct track_slot *s, uint64_t now);
/* A power command begins; the one before it is judged. */
void slot_next_window(struct track_slot *s, enum track_power kind);
/* The ATR, which is or is not the one that was given out last. Returns news. */
unsigned slot_prove_chatter(struct track_slot *s, bool same, uint64_t now);

#endif
