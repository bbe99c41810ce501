/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "track.h"

#include <errno.h>
#include <string.h>

#include "track_asked.h"
#include "track_slot.h"

#define SAID_EMPTY	1
#define SAID_PRESENT	2

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

static unsigned slot_insert(struct track_slot *s, uint64_t now)
{
	s->present = true;
	if (++s->visit == 0)
		s->visit = 1;
	return TRACK_INSERTED | slot_moved(s, now);
}

static unsigned slot_remove(struct track_slot *s, uint64_t now)
{
	s->present = false;
	return TRACK_REMOVED | slot_moved(s, now);
}

static unsigned slot_swap(struct track_slot *s, uint64_t now)
{
	unsigned news = slot_insert(s, now);

	return (news & ~TRACK_INSERTED) | TRACK_SWAPPED;
}

/* Whether a question would settle anything. */
static bool answers_tell(const struct track *t)
{
	return t->answers != TRACK_VAGUE || t->trust == TRACK_PACED;
}

static bool in_power_window(const struct track_slot *s, uint64_t now)
{
	return s->powering ||
	       (s->power_ms && now - s->power_ms < TRACK_CHATTY_MS);
}

/*
 * A change bit behind a power command of ours may be the reader's habit. It is
 * one if it comes time after time; a command without it ends the row.
 */
static unsigned slot_chatter(struct track_slot *s, uint64_t now)
{
	uint8_t *row = &s->chatty[s->power_kind];

	if (!in_power_window(s, now) || s->power_bit)
		return 0;
	s->power_bit = true;
	if (*row >= TRACK_CHATTY_ROW)
		return 0;
	return ++*row == TRACK_CHATTY_ROW ? TRACK_CHATTY : 0;
}

static bool slot_is_chatty(const struct track_slot *s, uint64_t now)
{
	return in_power_window(s, now) &&
	       s->chatty[s->power_kind] >= TRACK_CHATTY_ROW;
}

/*
 * A true movement: the bits before it may have been true as well. A habit that
 * is known stays known, whether this window would have shown it or not.
 */
static void slot_forgive(struct track_slot *s, uint64_t now)
{
	for (unsigned i = 0; i < TRACK_POWER_KINDS; i++)
		if (s->chatty[i] < TRACK_CHATTY_ROW)
			s->chatty[i] = 0;
	if (in_power_window(s, now))
		s->power_bit = true;
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
	unsigned news = echo ? 0 : slot_chatter(s, now);

	if (slot_powered(s) && !t->auto_activation && !may_be_late(s, now) &&
	    answers_tell(t))
		return news | slot_doubt(s);
	if (!slot_is_chatty(s, now) && (!echo || echo_may_hide_swap(t, s)))
		return news | slot_swap(s, now);
	return s->powering && answers_tell(t) ? news | slot_doubt(s) : news;
}

/* "No card" in the reply to a power-up was true: it is just leaving. */
static void believe_again(struct track *t, uint64_t now)
{
	if (t->untrue_ms && now - t->untrue_ms < TRACK_ECHO_MS &&
	    t->answers == TRACK_VAGUE)
		t->answers = TRACK_TELLING;
	t->untrue_ms = 0;
}

static void prove(struct track *t, struct track_slot *s)
{
	s->suspect_ms = 0;
	if (t->trust == TRACK_UNPROVEN)
		t->trust = TRACK_PROVEN;
}

unsigned track_notified(struct track *t, unsigned slot, bool present,
			bool changed, uint64_t now)
{
	struct track_slot *s = &t->slot[slot];
	uint8_t said = present ? SAID_PRESENT : SAID_EMPTY;
	bool echo = now < s->echo_until;

	if (!changed && said == s->heard)
		return 0;
	s->heard = said;
	s->echo_until = 0;
	s->outdated = true;
	if (s->suspect_ms && changed)
		prove(t, s);
	if (!present)
		believe_again(t, now);
	if (present == s->present) {
		if (!changed)
			return 0;
		return present ? notified_in_place(t, s, echo, now)
			       : TRACK_BRIEF;
	}
	if (!changed && answers_tell(t)) {
		s->announced = true;
		return slot_doubt(s);
	}
	prove(t, s);
	slot_forgive(s, now);
	return present ? slot_insert(s, now) : slot_remove(s, now);
}

/*
 * A card without power leaves no trace of having been another one meanwhile but
 * its ATR, if pcscd has had one.
 */
unsigned track_missed(struct track *t, unsigned slot)
{
	struct track_slot *s = &t->slot[slot];

	s->heard = 0;
	s->announced = true;
	s->suspect_ms = 0;
	s->unsure = s->present && s->shown == s->visit &&
		    !(slot_powered(s) && answers_tell(t));
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
	t->unanswered = 0;
	if (t->answers == TRACK_SILENT)
		t->answers = TRACK_TELLING;
	return t->auto_activation || !answers_tell(t)
		       ? track_reset(t, slot, now)
		       : track_missed(t, slot);
}

/* A command was sent to the card that is inside, so its reply is no older. */
static bool sent_in_visit(const struct track_slot *s)
{
	return slot_powered(s) || (s->present && s->power_visit == s->visit);
}

/* As far as the reader is to be believed. */
static enum ccid_icc believed(const struct track *t, const struct track_slot *s,
			      enum ccid_icc icc)
{
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
	enum ccid_icc icc = believed(t, s, said);
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

unsigned track_answered(struct track *t, unsigned slot, enum ccid_icc said,
			uint64_t now)
{
	struct track_slot *s = &t->slot[slot];
	enum ccid_icc icc = believed(t, s, said);
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
	} else if (s->ended ||
		   (icc == CCID_ICC_INACTIVE && slot_powered(s))) {
		slot_forgive(s, now);
		news |= slot_swap(s, now);
	}
	s->announced = false;
	return news;
}

/* Nothing will settle it. A card that was changed meanwhile has another ATR. */
static void slot_resign(struct track_slot *s)
{
	if (s->doubt)
		s->unsure = s->present && s->shown == s->visit;
	s->doubt = false;
	s->confirm = false;
	s->ended = false;
}

static void resign(struct track *t)
{
	for (unsigned i = 0; i < t->slots; i++)
		slot_resign(&t->slot[i]);
}

unsigned track_unanswered(struct track *t, unsigned slot)
{
	t->slot[slot].asked = false;
	if (t->unanswered < TRACK_SILENT_ROW)
		t->unanswered++;
	if (t->unanswered < TRACK_SILENT_ROW)
		return t->slot[slot].doubt ? TRACK_DOUBTED : 0;
	resign(t);
	if (t->answers != TRACK_TELLING)
		return TRACK_SETTLED;
	t->answers = TRACK_SILENT;
	return TRACK_SETTLED | TRACK_UNANSWERED;
}

void track_gone(struct track *t)
{
	t->gone = true;
}

unsigned track_power_begun(struct track *t, unsigned slot,
			   enum track_power kind, uint64_t now)
{
	struct track_slot *s = &t->slot[slot];
	unsigned news = 0;

	if (!s->power_bit)
		s->chatty[s->power_kind] = 0;
	s->power_kind = kind;
	s->power_bit = false;
	s->power_ms = now;
	s->used_ms = now;
	s->powering = kind != TRACK_POWER_OFF;
	s->kept = false;
	s->power_visit = slot_truth(s);
	s->power_icc = CCID_ICC_ACTIVE;
	s->again = s->present && s->shown == s->visit;
	if (s->again)
		s->echo_until = 0;
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

	s->unsure = false;
	return another ? slot_swap(s, now) : 0;
}

/*
 * The reader has just given an ATR, so the card is there and has power. If it
 * says otherwise it does so always, and every such reply would be a movement.
 */
unsigned track_power_done(struct track *t, unsigned slot, uint64_t now)
{
	struct track_slot *s = &t->slot[slot];
	bool absent = s->power_icc == CCID_ICC_ABSENT;

	if (s->power_icc == CCID_ICC_ACTIVE || t->answers != TRACK_TELLING ||
	    s->visit != s->power_visit || !s->present ||
	    (absent && t->trust == TRACK_PACED))
		return 0;
	t->answers = TRACK_VAGUE;
	t->untrue_ms = absent ? now : 0;
	resign(t);
	s->unsure = false;
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
	s->kept = s->power_kind == TRACK_POWER_KEPT;
	if (!s->kept)
		s->shown = s->visit;
	return 0;
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
