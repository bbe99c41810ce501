/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * track_slot - what is known of a slot, in the words of track.h. For track*.c
 * alone.
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

#endif
