/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* What track.h has about power commands, and about what may reach a card. */
#include "track.h"

#include <errno.h>

#include "track_slot.h"

unsigned track_power_begun(struct track *t, unsigned slot,
			   enum track_power kind, uint64_t now)
{
	struct track_slot *s = &t->slot[slot];
	unsigned news = 0;

	slot_next_window(s, kind);
	s->power_ms = now;
	s->used_ms = now;
	s->powering = kind != TRACK_POWER_OFF;
	s->kept = false;
	s->power_visit = slot_truth(s);
	s->power_icc = CCID_ICC_ACTIVE;
	s->again = s->present && s->shown == s->visit;
	if (s->again)
		s->echo_until = 0;
	/* Another one in its place would look alike, if nothing announces it. */
	if (s->again && t->trust != TRACK_PROVEN)
		s->unsure = true;
	/* No answer will tell any more whether the card had lost its power. */
	if (s->doubt && slot_powered(s))
		news = slot_swap(s, now);
	s->powered = 0;
	return news;
}

unsigned track_identified(struct track *t, unsigned slot, bool same,
			  uint64_t now)
{
	struct track_slot *s = &t->slot[slot];
	bool another = s->unsure && !same && s->visit == s->power_visit;
	unsigned news = slot_prove_chatter(s, same, now);

	s->unsure = false;
	return another ? news | slot_swap(s, now) : news;
}

/*
 * The reader has just given an ATR, so the card is there and has power. If it
 * says otherwise it does so always, and every such reply would be a movement.
 */
unsigned track_power_done(struct track *t, unsigned slot, uint64_t now)
{
	struct track_slot *s = &t->slot[slot];
	bool absent = s->power_icc == CCID_ICC_ABSENT;
	bool unsure = s->unsure;

	if (s->power_icc == CCID_ICC_ACTIVE || t->answers != TRACK_TELLING ||
	    s->visit != s->power_visit || !s->present ||
	    (absent && t->trust == TRACK_PACED))
		return 0;
	t->answers = TRACK_VAGUE;
	t->untrue_ms = absent ? now : 0;
	track_resign(t);
	s->unsure = unsure;	/* what the reply made of it was untrue */
	return TRACK_SETTLED | TRACK_UNTRUE;
}

int track_power_ended(struct track *t, unsigned slot, bool done, uint64_t now)
{
	struct track_slot *s = &t->slot[slot];
	uint32_t visit = s->power_visit;

	s->powering = false;
	s->power_visit = 0;
	s->power_ms = now;
	s->used_ms = now;
	if (s->power_kind == TRACK_POWER_OFF)
		return 0;
	if (t->gone)
		return -ENODEV;
	if (!s->present)
		return -ENOMEDIUM;
	if (s->visit != visit)
		return -ESTALE;
	if (!done)
		return -EIO;
	s->powered = s->visit;
	s->hollow = 0;
	s->kept = s->power_kind == TRACK_POWER_KEPT;
	if (!s->kept)
		s->shown = s->visit;
	return 0;
}

/* Of one that was mute from its beginning there would be no end. */
unsigned track_power_failed(struct track *t, unsigned slot, uint64_t now)
{
	struct track_slot *s = &t->slot[slot];

	if (t->gone || !s->present || !s->watched || !s->told ||
	    s->shown != s->visit || s->reported != s->visit)
		return 0;
	return slot_swap(s, now);
}

static int may_reach_card(const struct track *t, const struct track_slot *s)
{
	if (t->gone)
		return -ENODEV;
	if (s->doubt)
		return -EAGAIN;
	if (!s->present)
		return -ENOMEDIUM;
	if (!s->watched)
		return 0;
	/* Once the watcher asks by itself, it has to know the very card. */
	return (s->told ? s->reported != s->visit : slot_debt(s)) ? -ESTALE : 0;
}

bool track_wants_power(const struct track *t, unsigned slot)
{
	return t->trust == TRACK_PACED && !t->auto_activation &&
	       slot_powered(&t->slot[slot]);
}

bool track_may_reset_warm(const struct track *t, unsigned slot)
{
	const struct track_slot *s = &t->slot[slot];

	return t->trust == TRACK_PROVEN && slot_powered(s) && !s->kept &&
	       !s->unsure && !s->doubt;
}

int track_may_power(const struct track *t, unsigned slot)
{
	return may_reach_card(t, &t->slot[slot]);
}

int track_may_transmit(const struct track *t, unsigned slot)
{
	const struct track_slot *s = &t->slot[slot];
	int rc = may_reach_card(t, s);

	/* "No card" in the middle of a swap would stick in pcscd. */
	if (rc == -ENOMEDIUM && s->confirm)
		return -EAGAIN;
	if (rc)
		return rc;
	return slot_powered(s) && !s->kept ? 0 : -ESTALE;
}
