/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "track.h"

#include <errno.h>
#include <string.h>

#define SAID_EMPTY	1
#define SAID_PRESENT	2

/* 0 for an empty slot, so that truth and reported compare directly. */
static uint32_t slot_truth(const struct track_slot *s)
{
	return s->present ? s->visit : 0;
}

static bool slot_debt(const struct track_slot *s)
{
	return s->reported && s->reported != slot_truth(s);
}

static bool slot_powered(const struct track_slot *s)
{
	return s->present && s->powered == s->visit;
}

static unsigned slot_doubt(struct track_slot *s)
{
	s->doubt = true;
	s->outdated = true;
	return TRACK_DOUBTED;
}

/* What every movement does, beside changing the truth. */
static unsigned slot_moved(struct track_slot *s, uint64_t now)
{
	bool burst = s->moved_ms && now - s->moved_ms < TRACK_BURST_MS;

	s->moved_ms = now;
	s->used_ms = now;
	s->outdated = true;
	s->ended = false;
	s->powered = 0;
	return burst ? slot_doubt(s) : 0;
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

/* Changed, and a card is inside as before: a swap, or an idle message. */
static unsigned notified_in_place(struct track *t, struct track_slot *s,
				  bool echo, uint64_t now)
{
	unsigned news = echo ? 0 : slot_chatter(s, now);

	if (slot_powered(s) && !t->auto_activation && !may_be_late(s, now))
		return news | slot_doubt(s);
	if (!echo && !slot_is_chatty(s, now))
		return news | slot_swap(s, now);
	return s->powering ? news | slot_doubt(s) : news;
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
	if (present == s->present) {
		if (!changed)
			return 0;
		return present ? notified_in_place(t, s, echo, now)
			       : TRACK_BRIEF;
	}
	if (!changed) {
		s->announced = true;
		return slot_doubt(s);
	}
	prove(t, s);
	slot_forgive(s, now);
	return present ? slot_insert(s, now) : slot_remove(s, now);
}

unsigned track_missed(struct track *t, unsigned slot)
{
	struct track_slot *s = &t->slot[slot];

	s->heard = 0;
	s->announced = true;
	s->suspect_ms = 0;
	return slot_doubt(s);
}

/* A command was sent to the card that is inside, so its reply is no older. */
static bool sent_in_visit(const struct track_slot *s)
{
	return slot_powered(s) || (s->present && s->power_visit == s->visit);
}

unsigned track_replied(struct track *t, unsigned slot, enum ccid_icc icc)
{
	struct track_slot *s = &t->slot[slot];
	bool present = icc != CCID_ICC_ABSENT;

	if (!present && sent_in_visit(s))
		s->ended = true;
	if (present != s->present ||
	    (icc == CCID_ICC_INACTIVE && slot_powered(s)))
		return slot_doubt(s);
	return 0;
}

static void refill(struct track *t, uint64_t now)
{
	uint64_t more = (now - t->refill_ms) / TRACK_REFILL_MS;

	if (t->tokens + more >= TRACK_TOKENS) {
		t->tokens = TRACK_TOKENS;
		t->refill_ms = now;
		return;
	}
	t->tokens += (unsigned)more;
	t->refill_ms += more * TRACK_REFILL_MS;
}

void track_asked(struct track *t, unsigned slot, uint64_t now)
{
	struct track_slot *s = &t->slot[slot];

	refill(t, now);
	if (t->tokens)
		t->tokens--;
	if (!s->doubt && t->trust == TRACK_UNPROVEN)
		t->check_ms = t->check_ms * 2 < TRACK_CHECK_MAX_MS
				      ? t->check_ms * 2
				      : TRACK_CHECK_MAX_MS;
	s->asked = true;
	s->outdated = false;
	s->asked_ms = now;
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

unsigned track_answered(struct track *t, unsigned slot, enum ccid_icc icc,
			uint64_t now)
{
	struct track_slot *s = &t->slot[slot];
	bool present = icc != CCID_ICC_ABSENT;
	unsigned news = TRACK_SETTLED;

	s->asked = false;
	if (s->outdated)
		return slot_doubt(s);
	s->doubt = false;
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

void track_unanswered(struct track *t, unsigned slot)
{
	t->slot[slot].asked = false;
	slot_doubt(&t->slot[slot]);
}

/* The first message after it is the reader's beginning, as after the open. */
unsigned track_reset(struct track *t, unsigned slot, uint64_t now)
{
	struct track_slot *s = &t->slot[slot];
	unsigned news = track_missed(t, slot);

	if (s->present)
		news |= slot_swap(s, now);
	s->echo_until = now + TRACK_ECHO_MS;
	return news;
}

void track_deaf(struct track *t)
{
	t->trust = TRACK_PACED;
}

void track_gone(struct track *t)
{
	t->gone = true;
}

/* A tenth of the time that the slot has been quiet, within bounds. */
static uint64_t pace(const struct track *t, const struct track_slot *s,
		     uint64_t now)
{
	uint64_t pause = (now - s->used_ms) / TRACK_QUIET_FACTOR;

	if (pause < t->poll_ms)
		return t->poll_ms;
	if (pause > t->poll_ms * TRACK_QUIET_FACTOR)
		return t->poll_ms * TRACK_QUIET_FACTOR;
	return pause;
}

/* An announcement that is overdue: nobody is trusted who stays silent. */
static unsigned catch_liar(struct track *t, struct track_slot *s, uint64_t now)
{
	if (!s->suspect_ms || now - s->suspect_ms < TRACK_ECHO_MS)
		return 0;
	s->suspect_ms = 0;
	if (t->trust == TRACK_PACED)
		return 0;
	t->trust = TRACK_PACED;
	return TRACK_CAUGHT;
}

static uint64_t question_wanted(const struct track *t,
				const struct track_slot *s, uint64_t now)
{
	if (s->doubt)
		return now;
	if (!s->waiting)
		return TRACK_NEVER;
	switch (t->trust) {
	case TRACK_PACED:
		return s->asked_ms + pace(t, s, now);
	case TRACK_UNPROVEN:
		return s->asked_ms + t->check_ms;
	case TRACK_PROVEN:
		break;
	}
	return s->suspect_ms ? s->suspect_ms + TRACK_ECHO_MS : TRACK_NEVER;
}

uint64_t track_question_due(struct track *t, unsigned slot, uint64_t now,
			    unsigned *ret_news)
{
	struct track_slot *s = &t->slot[slot];
	uint64_t due;

	*ret_news = catch_liar(t, s, now);
	if (t->gone || s->asked)
		return TRACK_NEVER;
	due = question_wanted(t, s, now);
	refill(t, now);
	if (!t->tokens && due < t->refill_ms + TRACK_REFILL_MS)
		return t->refill_ms + TRACK_REFILL_MS;
	return due;
}

bool track_presence_asks(const struct track *t, unsigned slot, uint64_t now)
{
	const struct track_slot *s = &t->slot[slot];

	return !t->gone && !s->asked && !s->watched &&
	       t->trust != TRACK_PROVEN && now - s->asked_ms >= t->poll_ms;
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
	s->again = s->present && s->shown == s->visit;
	if (s->again)
		s->echo_until = 0;
	/* No answer will tell any more whether the card had lost its power. */
	if (s->doubt && slot_powered(s))
		news = slot_swap(s, now);
	s->powered = 0;
	return news;
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

	if (rc)
		return rc;
	return slot_powered(s) && !s->kept ? 0 : -ESTALE;
}

/*
 * Before the first wait nobody can tell the event thread from other threads,
 * so nobody may use a removal up: only the first insertion is noted.
 */
static void report_unwatched(struct track_slot *s)
{
	if (s->present && !s->reported)
		s->reported = s->visit;
}

/* A debt is told through the whole pass: pcscd asks again in power calls. */
static bool report_to_watcher(struct track_slot *s)
{
	bool present = s->present && !slot_debt(s);

	s->told = true;
	if (!slot_debt(s))
		s->reported = slot_truth(s);
	if (present)
		s->pass_present = true;
	else
		s->pass_empty = true;
	return present;
}

enum track_presence track_presence(struct track *t, unsigned slot, bool watcher)
{
	struct track_slot *s = &t->slot[slot];
	bool present = s->present;

	if (t->gone)
		return TRACK_GONE;
	if (!s->watched)
		report_unwatched(s);
	else if (watcher || s->split)
		present = report_to_watcher(s);
	return present ? TRACK_PRESENT : TRACK_EMPTY;
}

int track_wait_enter(struct track *t, unsigned slot)
{
	struct track_slot *s = &t->slot[slot];

	if (t->gone)
		return -ENODEV;
	if (s->waiting)
		return -EBUSY;
	/* pcscd's event thread asks in every pass. */
	if (s->watched && !s->pass_empty && !s->pass_present)
		s->split = true;
	/* A mixed pass pays nothing: pcscd may have noted "present, mute". */
	if (slot_debt(s) && s->pass_empty && !s->pass_present)
		s->reported = 0;
	s->pass_empty = false;
	s->pass_present = false;
	s->watched = true;
	s->waiting = true;
	return 0;
}

bool track_wait_over(const struct track *t, unsigned slot)
{
	const struct track_slot *s = &t->slot[slot];

	return t->gone || s->stop || s->reported != slot_truth(s);
}

void track_wait_leave(struct track *t, unsigned slot)
{
	t->slot[slot].waiting = false;
	t->slot[slot].stop = false;
}

void track_stop(struct track *t, unsigned slot)
{
	t->slot[slot].stop = true;
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
