/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "track.h"

#include <errno.h>
#include <string.h>

#include "track_asked.h"
#include "track_slot.h"

#define SAID_EMPTY	1
#define SAID_PRESENT	2

/* Whether a question would settle anything. */
static bool answers_tell(const struct track *t)
{
	return t->answers != TRACK_VAGUE || t->trust == TRACK_PACED;
}

/*
 * A card that was powered up again in its visit may have been another one by
 * then, and its notification late. To ask would tell nothing: it is active.
 */
static bool may_be_late(const struct track_slot *s, uint64_t now)
{
	return s->again && now - s->power_ms < TRACK_ECHO_MS &&
	       !slot_is_chatty(s, now);
}

/*
 * A repetition is harmless as long as nobody has the ATR. After that it could be
 * a swap, and where cards have power by themselves nothing else would tell.
 */
static bool echo_may_hide_swap(const struct track *t, const struct track_slot *s)
{
	return t->auto_activation && s->shown == s->visit;
}

/* Changed, and a card is inside as before: a swap, or an idle message. */
static unsigned notified_in_place(struct track *t, struct track_slot *s,
				  bool echo, uint64_t now)
{
	if (!echo)
		slot_chatter(s, now);
	if (slot_powered(s) && !t->auto_activation && !may_be_late(s, now) &&
	    answers_tell(t))
		return slot_doubt(s);
	if (!slot_is_chatty(s, now) && (!echo || echo_may_hide_swap(t, s)))
		return slot_swap(s, now);
	s->unsure = s->shown == s->visit;
	return s->powering && answers_tell(t) ? slot_doubt(s) : 0;
}

/* "No card" in the reply to a power-up was true: it is just leaving. */
static void believe_again(struct track *t, uint64_t now)
{
	if (t->untrue_ms && now - t->untrue_ms < TRACK_ECHO_MS &&
	    t->answers == TRACK_VAGUE)
		t->answers = TRACK_TELLING;
	t->untrue_ms = 0;
}

static void prove(struct track *t, struct track_slot *s, uint8_t said)
{
	s->suspect_ms = 0;
	if (t->untold == said) {
		t->untold = 0;
		t->one_sided = false;
	}
	if (t->trust != TRACK_UNPROVEN)
		return;
	t->trust = TRACK_PROVEN;
	t->untold = said == SAID_EMPTY ? SAID_PRESENT : SAID_EMPTY;
}

/* A card came twice, or left twice: what was between may be untold for ever. */
static void doubt_kind(struct track *t, uint8_t said)
{
	if (!t->untold || t->untold == said || t->one_sided)
		return;
	t->one_sided = true;
	t->check_ms = TRACK_CHECK_MS;
}

unsigned track_notified(struct track *t, unsigned slot, bool present,
			bool changed, uint64_t now)
{
	struct track_slot *s = &t->slot[slot];
	uint8_t said = present ? SAID_PRESENT : SAID_EMPTY;
	bool echo = now < s->echo_until && s->hollow != TRACK_HOLLOW_ROW;

	if (!changed && said == s->heard)
		return 0;
	s->heard = said;
	s->echo_until = 0;
	s->outdated = true;
	if (changed || present != s->present)
		s->hollow = 0;
	if (s->suspect_ms && changed)
		prove(t, s, said);
	if (!present)
		believe_again(t, now);
	if (present == s->present) {
		if (!changed)
			return 0;
		doubt_kind(t, said);
		return present ? notified_in_place(t, s, echo, now)
			       : TRACK_BRIEF;
	}
	if (!changed && answers_tell(t)) {
		s->announced = true;
		return slot_doubt(s);
	}
	prove(t, s, said);
	slot_forgive(s, now);
	return present ? slot_insert(s, now) : slot_remove(s, now);
}

/* What was lost may have been the card that came. */
static void slot_unhollow(struct track_slot *s)
{
	s->ended |= s->hollow == TRACK_HOLLOW_ROW;
	s->hollow = 0;
}

/* A card that was changed has none, and the answer will say so. */
static bool power_tells(const struct track *t, const struct track_slot *s)
{
	return slot_powered(s) && !t->auto_activation && answers_tell(t);
}

/*
 * Else a card leaves no trace of having been another one meanwhile but its ATR,
 * if pcscd has had one.
 */
unsigned track_missed(struct track *t, unsigned slot)
{
	struct track_slot *s = &t->slot[slot];

	s->heard = 0;
	s->announced = true;
	s->suspect_ms = 0;
	slot_unhollow(s);
	s->unsure |= s->present && s->shown == s->visit && !power_tells(t, s);
	return answers_tell(t) ? slot_doubt(s) : 0;
}

/* The first message after it may be the reader's beginning, as after the open. */
unsigned track_reset(struct track *t, unsigned slot, uint64_t now)
{
	struct track_slot *s = &t->slot[slot];
	unsigned news = slot_powered(s) ? slot_swap(s, now) : 0;

	s->echo_until = now + TRACK_ECHO_MS;
	return news | track_missed(t, slot);
}

/*
 * A reader that activates cards does so again: no answer tells them apart.
 * Questions that failed in between say nothing of the reader.
 */
unsigned track_resumed(struct track *t, unsigned slot, uint64_t now)
{
	struct track_slot *s = &t->slot[slot];
	unsigned news = 0;

	t->unanswered = 0;
	if (t->answers == TRACK_SILENT)
		t->answers = TRACK_TELLING;
	if (!t->auto_activation && answers_tell(t))
		return track_missed(t, slot);
	/* The ATR that is on its way can be from before. */
	if (s->powering && s->present)
		news = slot_swap(s, now);
	return news | track_reset(t, slot, now);
}

/* A command was sent to the card that is inside, so its reply is no older. */
static bool sent_in_visit(const struct track_slot *s)
{
	return slot_powered(s) || (s->present && s->power_visit == s->visit);
}

enum ccid_icc track_believed(const struct track *t, unsigned slot,
			     enum ccid_icc icc)
{
	const struct track_slot *s = &t->slot[slot];

	if (t->answers != TRACK_VAGUE)
		return icc;
	if (t->trust != TRACK_PACED && !s->present)
		return CCID_ICC_ABSENT;
	if (t->trust != TRACK_PACED || icc == CCID_ICC_INACTIVE)
		return CCID_ICC_ACTIVE;
	return icc;
}

unsigned track_replied(struct track *t, unsigned slot, enum ccid_icc said)
{
	struct track_slot *s = &t->slot[slot];
	enum ccid_icc icc = track_believed(t, slot, said);
	bool present = icc != CCID_ICC_ABSENT;

	s->power_icc = said;
	if (present && sent_in_visit(s))
		s->confirm = false;
	if (!present && sent_in_visit(s))
		s->ended = true;
	if (present != s->present ||
	    (icc == CCID_ICC_INACTIVE && slot_powered(s)))
		return slot_doubt(s);
	return 0;
}

/* A movement that an answer told of before any notification did. */
static unsigned learn(struct track *t, struct track_slot *s, bool present,
		      uint64_t now)
{
	unsigned news = present ? slot_insert(s, now) : slot_remove(s, now);

	slot_forgive(s, now);
	s->echo_until = now + TRACK_ECHO_MS;
	if (t->trust != TRACK_PACED && !s->suspect_ms && !s->announced)
		s->suspect_ms = now;
	return news;
}

/*
 * A reply has said so, and now the answer is that a card is inside. Where that
 * comes time after time, and nothing announces a movement, nobody came.
 */
static bool visit_has_ended(struct track_slot *s)
{
	bool ended = s->ended;

	s->ended = false;
	if (!ended || s->shown == s->visit)
		return ended;
	if (s->hollow < TRACK_HOLLOW_ROW)
		s->hollow++;
	return s->hollow < TRACK_HOLLOW_ROW;
}

unsigned track_answered(struct track *t, unsigned slot, enum ccid_icc said,
			uint64_t now)
{
	struct track_slot *s = &t->slot[slot];
	enum ccid_icc icc = track_believed(t, slot, said);
	bool present = icc != CCID_ICC_ABSENT;
	unsigned news = TRACK_SETTLED;

	s->asked = false;
	t->answered_ms = now;
	t->took_ms = now - s->asked_ms;
	t->unanswered = 0;
	if (t->answers == TRACK_SILENT)
		t->answers = TRACK_TELLING;
	if (s->outdated) {
		s->confirm = true;
		return TRACK_DOUBTED;
	}
	s->doubt = false;
	s->confirm = false;
	if (present != s->present) {
		news |= learn(t, s, present, now);
	} else if (visit_has_ended(s) ||
		   (icc == CCID_ICC_INACTIVE && slot_powered(s))) {
		slot_forgive(s, now);
		news |= slot_swap(s, now);
	}
	s->announced = false;
	return news;
}

unsigned track_unanswered(struct track *t, unsigned slot)
{
	t->slot[slot].asked = false;
	if (t->unanswered < TRACK_SILENT_ROW)
		t->unanswered++;
	if (t->unanswered < TRACK_SILENT_ROW)
		return t->slot[slot].doubt ? TRACK_DOUBTED : 0;
	track_resign(t);
	if (t->answers != TRACK_TELLING)
		return TRACK_SETTLED;
	t->answers = TRACK_SILENT;
	return TRACK_SETTLED | TRACK_UNANSWERED;
}

void track_gone(struct track *t)
{
	t->gone = true;
}

void track_init(struct track *t, unsigned slots, bool interrupt_endpoint,
		bool auto_activation, uint64_t poll_ms, uint64_t now)
{
	memset(t, 0, sizeof(*t));
	t->slots = slots;
	t->auto_activation = auto_activation;
	t->trust = interrupt_endpoint ? TRACK_UNPROVEN : TRACK_PACED;
	t->poll_ms = poll_ms;
	t->check_ms = TRACK_CHECK_MS;
	t->tokens = TRACK_TOKENS;
	t->refill_ms = now;
}

void track_open(struct track *t, unsigned slot, bool present, uint64_t now)
{
	struct track_slot *s = &t->slot[slot];

	memset(s, 0, sizeof(*s));
	s->present = present;
	s->visit = present;
	s->asked_ms = now;
	s->used_ms = now;
	s->echo_until = now + TRACK_ECHO_MS;
}

unsigned track_found(struct track *t, unsigned slot, bool present, uint64_t now)
{
	struct track_slot *s = &t->slot[slot];
	const struct track_slot told = *s;

	track_open(t, slot, false, now);
	s->watched = told.watched;
	s->pass_empty = told.pass_empty;
	s->told = told.told;
	s->split = told.split;
	s->waiting = told.waiting;
	s->stop = told.stop;
	return present ? slot_insert(s, now) : 0;
}
