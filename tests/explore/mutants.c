/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mutants - does the explorer see what is wrong? Each tracker here is the real
 * one with one fault put in, and each must be caught.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "search.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

static uint32_t truth(const struct track_slot *s)
{
	return s->present ? s->visit : 0;
}

static bool in_debt(const struct track_slot *s)
{
	return s->reported && s->reported != truth(s);
}

static enum track_presence absent_once(struct track *t, unsigned slot,
				       bool watcher)
{
	struct track_slot *s = &t->slot[slot];
	bool debt = watcher && in_debt(s);
	enum track_presence p = track_presence(t, slot, watcher);

	if (debt)
		s->reported = truth(s);
	return p;
}

static int pay_after_mixed_answers(struct track *t, unsigned slot)
{
	if (t->slot[slot].pass_empty)
		t->slot[slot].pass_present = false;
	return track_wait_enter(t, slot);
}

static enum track_presence absent_once_at_start(struct track *t, unsigned slot,
						bool watcher)
{
	struct track_slot *s = &t->slot[slot];

	if (!t->gone && !s->watched && in_debt(s)) {
		s->reported = 0;
		return TRACK_EMPTY;
	}
	return track_presence(t, slot, watcher);
}

static enum track_presence absent_for_all(struct track *t, unsigned slot,
					  bool watcher)
{
	(void)watcher;
	return track_presence(t, slot, true);
}

static int transmit_in_doubt(const struct track *t, unsigned slot)
{
	struct track copy = *t;

	copy.slot[slot].doubt = false;
	return track_may_transmit(&copy, slot);
}

static unsigned changed_is_swapped(struct track *t, unsigned slot,
				   bool present, bool changed, uint64_t now)
{
	if (present && changed && t->slot[slot].present)
		return track_notified(t, slot, false, true, now) |
		       track_notified(t, slot, true, true, now);
	return track_notified(t, slot, present, changed, now);
}

static void stop_only_a_wait(struct track *t, unsigned slot)
{
	if (t->slot[slot].waiting)
		track_stop(t, slot);
}

static void leave_with_stop(struct track *t, unsigned slot)
{
	bool stop = t->slot[slot].stop;

	track_wait_leave(t, slot);
	t->slot[slot].stop = stop;
}

static enum track_presence empty_when_gone(struct track *t, unsigned slot,
					   bool watcher)
{
	return t->gone ? TRACK_EMPTY : track_presence(t, slot, watcher);
}

static unsigned believe_old_answers(struct track *t, unsigned slot,
				    enum ccid_icc icc, uint64_t now)
{
	t->slot[slot].outdated = false;
	return track_answered(t, slot, icc, now);
}

static unsigned overlook_brief_visits(struct track *t, unsigned slot,
				      bool present, bool changed, uint64_t now)
{
	bool outdated = t->slot[slot].outdated;
	unsigned news = track_notified(t, slot, present, changed, now);

	if (news == TRACK_BRIEF)
		t->slot[slot].outdated = outdated;
	return news;
}

static unsigned wake_nobody(struct track *t, unsigned slot, bool present,
			    bool changed, uint64_t now)
{
	track_notified(t, slot, present, changed, now);
	return 0;
}

static int powered_up_any_card(struct track *t, unsigned slot, bool done,
			       uint64_t now)
{
	t->slot[slot].power_visit = t->slot[slot].visit;
	return track_power_ended(t, slot, done, now);
}

static int no_card_after_a_swap(const struct track *t, unsigned slot)
{
	int r = track_may_transmit(t, slot);

	return r == -ESTALE && in_debt(&t->slot[slot]) ? -ENOMEDIUM : r;
}

static int let_a_second_in(struct track *t, unsigned slot)
{
	t->slot[slot].waiting = false;
	return track_wait_enter(t, slot);
}

static unsigned power_off_in_doubt(struct track *t, unsigned slot,
				   enum track_power kind, uint64_t now)
{
	bool doubt = t->slot[slot].doubt;
	unsigned news;

	t->slot[slot].doubt = false;
	news = track_power_begun(t, slot, kind, now);
	t->slot[slot].doubt = doubt;
	return news;
}

static unsigned ask_after_second_power_up(struct track *t, unsigned slot,
					  enum track_power kind, uint64_t now)
{
	unsigned news = track_power_begun(t, slot, kind, now);

	t->slot[slot].again = false;
	return news;
}

static int power_up_before_the_watcher(const struct track *t, unsigned slot)
{
	struct track copy = *t;

	copy.slot[slot].told = false;
	return track_may_power(&copy, slot);
}

static unsigned forget_absence(struct track *t, unsigned slot,
			       enum ccid_icc icc)
{
	unsigned news = track_replied(t, slot, icc);

	t->slot[slot].ended = false;
	return news;
}

static unsigned blame_lost_messages(struct track *t, unsigned slot)
{
	unsigned news = track_missed(t, slot);

	t->slot[slot].announced = false;
	return news;
}

static unsigned sleep_without_notice(struct track *t, unsigned slot,
				     uint64_t now)
{
	(void)t;
	(void)slot;
	(void)now;
	return 0;
}

static unsigned any_atr_will_do(struct track *t, unsigned slot, bool same,
				uint64_t now)
{
	(void)same;
	return track_identified(t, slot, true, now);
}

static unsigned any_bit_proves(struct track *t, unsigned slot, bool present,
			       bool changed, uint64_t now)
{
	t->slot[slot].chatter_row = TRACK_CHATTY_ROW - 1;
	return track_notified(t, slot, present, changed, now);
}

static bool never_keep_power(const struct track *t, unsigned slot)
{
	(void)t;
	(void)slot;
	return false;
}

static const struct config plain = {
	.notes = 1, .proven = true, .client = true,
};
static const struct config resetting = {
	.notes = 1, .proven = true, .client = true, .resets = true,
};
static const struct config unplugged = {
	.notes = 1, .proven = true, .unplug = true, .daemon_ends = true,
};
static const struct config crowded = {
	.notes = 2, .proven = true,
};
static const struct config chatty = {
	.notes = 1, .proven = true, .chatty_on = true, .chatty_off = true,
};
static const struct config eager = {
	.notes = 1, .proven = true, .auto_activation = true, .client = true,
};
static const struct config late = {
	.notes = 1, .proven = true, .late = true, .client = true,
};
static const struct config doubtful = {
	.notes = 1, .proven = true, .unanswered = true,
};
static const struct config garbled = {
	.notes = 1, .proven = true, .garbles = true,
};
static const struct config sleeping = {
	.notes = 1, .proven = true, .sleeps = true,
};
static const struct config dozing = {
	.notes = 1, .proven = true, .sleeps = true, .client = true,
};
static const struct config silent = {
	.endpoint = ENDPOINT_NONE,
};

static const struct {
	const struct config *where;
	struct tracker fault;	/* what differs from the real one */
} mutants[] = {
	{ &plain, { "absent is told once", .presence = absent_once } },
	{ &plain, { "mixed answers pay a debt",
		    .wait_enter = pay_after_mixed_answers } },
	{ &plain, { "absent is told once at the start",
		    .presence = absent_once_at_start } },
	{ &plain, { "absent is told to everybody",
		    .presence = absent_for_all } },
	{ &plain, { "an APDU is sent in doubt",
		    .may_transmit = transmit_in_doubt } },
	{ &chatty, { "changed means swapped, with a chatty reader",
		     .notified = changed_is_swapped } },
	{ &plain, { "a stop is lost without a wait",
		    .stop = stop_only_a_wait } },
	{ &plain, { "a stop stays", .wait_leave = leave_with_stop } },
	{ &unplugged, { "a device that is gone is an empty slot",
			.presence = empty_when_gone } },
	{ &plain, { "old answers are believed",
		    .answered = believe_old_answers } },
	{ &crowded, { "a brief visit leaves a question valid",
		      .notified = overlook_brief_visits } },
	{ &plain, { "a movement wakes nobody", .notified = wake_nobody } },
	{ &plain, { "a power-up succeeds though its card left",
		    .power_ended = powered_up_any_card } },
	{ &plain, { "a swap is told as no card",
		    .may_transmit = no_card_after_a_swap } },
	{ &plain, { "a second wait is let in",
		    .wait_enter = let_a_second_in } },
	{ &doubtful, { "a power-off in doubt settles it",
		       .power_begun = power_off_in_doubt } },
	{ &late, { "a second power-up proves the card",
		   .power_begun = ask_after_second_power_up } },
	{ &plain, { "a client powers up what the watcher does not know",
		    .may_power = power_up_before_the_watcher } },
	{ &plain, { "no card, in a reply, tells nothing",
		    .replied = forget_absence } },
	{ &garbled, { "a reader is blamed for messages we lost",
		      .missed = blame_lost_messages } },
	{ &silent, { "idle cards lose their power though swaps hide",
		     .wants_power = never_keep_power } },
	{ &sleeping, { "the machine has slept, and nobody asks",
		       .resumed = sleep_without_notice } },
	{ &dozing, { "the machine has slept, and any ATR will do",
		     .identified = any_atr_will_do } },
	{ &eager, { "one bit behind a power command is a habit, whatever the ATR",
		    .identified = any_atr_will_do } },
	{ &late, { "one bit behind a power command is a habit, however late",
		   .notified = any_bit_proves } },
	{ &resetting, { "an APDU is sent in doubt, after resets",
			.may_transmit = transmit_in_doubt } },
};

static struct tracker put_in(const struct tracker *fault)
{
	struct tracker t = tracker_real;

	t.name = fault->name;
#define PUT(member) \
	do { \
		if (fault->member) \
			t.member = fault->member; \
	} while (0)
	PUT(notified);
	PUT(missed);
	PUT(resumed);
	PUT(replied);
	PUT(answered);
	PUT(power_begun);
	PUT(identified);
	PUT(power_ended);
	PUT(power_failed);
	PUT(may_power);
	PUT(may_transmit);
	PUT(wants_power);
	PUT(presence);
	PUT(wait_enter);
	PUT(wait_leave);
	PUT(stop);
#undef PUT
	return t;
}

int main(void)
{
	unsigned missed = 0;

	printf("1..%zu\n", ROWS(mutants));
	for (unsigned i = 0; i < ROWS(mutants); i++) {
		struct tracker t = put_in(&mutants[i].fault);
		struct search_result r;

		search_run(mutants[i].where, &t, false, &r);
		if (r.broken)
			printf("ok %u - caught: %s: %s (%u steps)\n", i + 1,
			       t.name, r.broken, r.trace_steps);
		else
			printf("not ok %u - not caught: %s\n", i + 1, t.name);
		fflush(stdout);
		missed += !r.broken;
	}
	return missed ? EXIT_FAILURE : EXIT_SUCCESS;
}
