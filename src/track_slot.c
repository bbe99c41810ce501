/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "track_slot.h"

/* What every movement does, beside changing the truth. */
static unsigned slot_moved(struct track_slot *s, uint64_t now)
{
	bool burst = s->moved_ms && now - s->moved_ms < TRACK_BURST_MS;

	s->moved_ms = now;
	s->used_ms = now;
	s->outdated = true;
	s->ended = false;
	s->unsure = false;
	s->powered = 0;
	s->confirm = burst;
	return burst ? TRACK_DOUBTED : 0;
}

unsigned slot_insert(struct track_slot *s, uint64_t now)
{
	s->present = true;
	if (++s->visit == 0)
		s->visit = 1;
	return TRACK_INSERTED | slot_moved(s, now);
}

unsigned slot_remove(struct track_slot *s, uint64_t now)
{
	s->present = false;
	return TRACK_REMOVED | slot_moved(s, now);
}

unsigned slot_swap(struct track_slot *s, uint64_t now)
{
	unsigned news = slot_insert(s, now);

	return (news & ~TRACK_INSERTED) | TRACK_SWAPPED;
}

static bool in_power_window(const struct track_slot *s, uint64_t now)
{
	return s->powering ||
	       (s->power_ms && now - s->power_ms < TRACK_CHATTY_MS);
}

/* Sooner, it may be the message, come late, of how that card got inside. */
static bool bit_may_prove(const struct track_slot *s, uint64_t now)
{
	return s->chatter_row == TRACK_CHATTY_ROW - 1 ||
	       (s->known_ms && now - s->known_ms >= TRACK_ECHO_MS);
}

void slot_chatter(struct track_slot *s, uint64_t now)
{
	if (!in_power_window(s, now))
		return;
	s->power_bit = true;
	if (bit_may_prove(s, now))
		s->unproven |= (uint8_t)(1u << s->power_kind);
}

bool slot_is_chatty(const struct track_slot *s, uint64_t now)
{
	return in_power_window(s, now) && (s->chatty >> s->power_kind & 1);
}

/*
 * The bits before it may have been true as well. Whether its own window would
 * have shown one cannot be told any more.
 */
void slot_forgive(struct track_slot *s, uint64_t now)
{
	s->unproven = 0;
	s->provable = 0;
	s->known_ms = 0;
	if (in_power_window(s, now))
		s->power_bit = true;
}

void slot_next_window(struct track_slot *s, enum track_power kind)
{
	uint8_t last = (uint8_t)(1u << s->power_kind);

	if (!s->power_bit) {
		s->chatty &= (uint8_t)~last;
		s->provable &= (uint8_t)~last;
	}
	s->provable |= s->unproven;
	s->unproven = 0;
	if (!s->power_bit || !s->known_ms)
		s->chatter_row = 0;
	else if (s->chatter_row < TRACK_CHATTY_ROW - 1)
		s->chatter_row++;
	s->power_bit = false;
	s->power_kind = kind;
}

/*
 * A bit that came in a power-up is older than its ATR, or newer: that ATR has to
 * be the same as the one before, and the next one, too.
 */
unsigned slot_prove_chatter(struct track_slot *s, bool same, uint64_t now)
{
	uint8_t proven = same ? s->provable & (uint8_t)~s->chatty : 0;

	if (!same || !s->known_ms) {
		s->unproven = 0;
		s->chatter_row = 0;
		s->known_ms = now;
	}
	s->chatty |= proven;
	s->provable = 0;
	return proven ? TRACK_CHATTY : 0;
}

static void slot_resign(struct track_slot *s)
{
	if (s->doubt)
		s->unsure = s->present && s->shown == s->visit;
	s->doubt = false;
	s->confirm = false;
	s->ended = false;
}

void track_resign(struct track *t)
{
	for (unsigned i = 0; i < t->slots; i++)
		slot_resign(&t->slot[i]);
}
