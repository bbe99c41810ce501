/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "track_asked.h"

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

void track_indulge(struct track *t, unsigned slot)
{
	struct track_slot *s = &t->slot[slot];

	s->indulged = s->doubt;
}

void track_check(struct track *t, unsigned slot)
{
	t->slot[slot].confirm = true;
}

static bool is_checked(const struct track *t)
{
	return t->trust == TRACK_UNPROVEN ||
	       (t->trust == TRACK_PROVEN && t->one_sided);
}

void track_asked(struct track *t, unsigned slot, uint64_t now)
{
	struct track_slot *s = &t->slot[slot];

	refill(t, now);
	if (t->tokens && !s->indulged)
		t->tokens--;
	s->indulged = false;
	if (!s->doubt && !s->confirm && is_checked(t))
		t->check_ms = t->check_ms * 2 < TRACK_CHECK_MAX_MS
				      ? t->check_ms * 2
				      : TRACK_CHECK_MAX_MS;
	s->asked = true;
	s->outdated = false;
	s->asked_ms = now;
}

void track_waited(struct track *t, unsigned slot, uint64_t now)
{
	struct track_slot *s = &t->slot[slot];

	if (t->trust == TRACK_PROVEN && now - s->used_ms >= TRACK_REVIEW_MS &&
	    now - s->asked_ms >= TRACK_REVIEW_MS)
		s->confirm = true;
}

void track_deaf(struct track *t)
{
	t->trust = TRACK_PACED;
}

/* A tenth of the time that the slot has been quiet, within bounds. */
static uint64_t pace(const struct track *t, const struct track_slot *s,
		     uint64_t now)
{
	uint64_t pause = (now - s->used_ms) / TRACK_QUIET_PART;

	if (t->answers == TRACK_SILENT)
		return t->poll_ms * TRACK_QUIET_MAX;
	if (pause < t->poll_ms)
		return t->poll_ms;
	if (pause > t->poll_ms * TRACK_QUIET_MAX)
		return t->poll_ms * TRACK_QUIET_MAX;
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

/* A reader that needs long for its answers shall do other things as long. */
static uint64_t after_answer(const struct track *t, uint64_t due)
{
	uint64_t rested = t->answered_ms + t->took_ms;

	return due > rested ? due : rested;
}

static uint64_t question_wanted(const struct track *t,
				const struct track_slot *s, uint64_t now)
{
	if (s->doubt || s->confirm)
		return now;
	if (!s->waiting)
		return TRACK_NEVER;
	if (t->trust == TRACK_PACED)
		return after_answer(t, s->asked_ms + pace(t, s, now));
	if (s->suspect_ms && t->trust == TRACK_PROVEN)
		return s->suspect_ms + TRACK_ECHO_MS;
	return is_checked(t) ? after_answer(t, s->asked_ms + t->check_ms)
			     : TRACK_NEVER;
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
	if (!t->tokens && !s->indulged && due < t->refill_ms + TRACK_REFILL_MS)
		return t->refill_ms + TRACK_REFILL_MS;
	return due;
}

bool track_presence_asks(const struct track *t, unsigned slot, uint64_t now)
{
	const struct track_slot *s = &t->slot[slot];

	return !t->gone && !s->asked && !s->watched &&
	       t->trust != TRACK_PROVEN && now - s->asked_ms >= t->poll_ms;
}
