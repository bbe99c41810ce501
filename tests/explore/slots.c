/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slots - the real tracker with two slots, and then trackers that mix them up,
 * each of which must be caught.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pair.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

static const struct pair_kind tells = {
	.name = "announces movements", .proven = true,
};
static const struct pair_kind unproven = {
	.name = "has not announced any yet",
};
static const struct pair_kind silent = {
	.name = "announces none", .paced = true,
};
static const struct pair_kind asleep = {
	.name = "announces movements, and the machine sleeps", .proven = true,
	.sleeps = true,
};

static const struct pair_kind *const kinds[] = {
	&tells, &unproven, &silent, &asleep,
};

static struct track_slot *other(struct track *t, unsigned slot)
{
	return &t->slot[PAIR_SIDES - 1 - slot];
}

static uint32_t truth(const struct track_slot *s)
{
	return s->present ? s->visit : 0;
}

static unsigned notified_of_the_other(struct track *t, unsigned slot,
				      bool present, bool changed, uint64_t now)
{
	return track_notified(t, PAIR_SIDES - 1 - slot, present, changed, now);
}

static unsigned notified_of_the_first(struct track *t, unsigned slot,
				      bool present, bool changed, uint64_t now)
{
	return slot ? 0 : track_notified(t, slot, present, changed, now);
}

static unsigned answered_for_both(struct track *t, unsigned slot,
				  enum ccid_icc icc, uint64_t now)
{
	other(t, slot)->doubt = false;
	return track_answered(t, slot, icc, now);
}

static unsigned asleep_in_one(struct track *t, unsigned slot, uint64_t now)
{
	return slot ? track_resumed(t, slot, now) : 0;
}

static unsigned power_settles_both(struct track *t, unsigned slot,
				   enum track_power kind, uint64_t now)
{
	other(t, slot)->doubt = false;
	return track_power_begun(t, slot, kind, now);
}

static enum track_presence told_in_both(struct track *t, unsigned slot,
					bool watcher)
{
	struct track_slot *s = other(t, slot);

	if (watcher && s->watched)
		s->reported = truth(s);
	return track_presence(t, slot, watcher);
}

static enum track_presence empty_in_both(struct track *t, unsigned slot,
					 bool watcher)
{
	enum track_presence p = track_presence(t, slot, watcher);

	if (watcher && p == TRACK_EMPTY) {
		other(t, slot)->pass_empty = true;
		other(t, slot)->pass_present = false;
	}
	return p;
}

static int pay_both(struct track *t, unsigned slot)
{
	struct track_slot *s = other(t, slot);

	if (s->reported && s->reported != truth(s))
		s->reported = truth(s);
	return track_wait_enter(t, slot);
}

static bool over_with_the_other(const struct track *t, unsigned slot)
{
	const struct track_slot *s = &t->slot[PAIR_SIDES - 1 - slot];

	return s->reported != truth(s);
}

static const struct {
	const struct pair_kind *where;
	struct tracker fault;	/* what differs from the real one */
} mutants[] = {
	{ &tells, { "a message is taken for the other slot's",
		    .notified = notified_of_the_other } },
	{ &tells, { "only the first slot's messages count",
		    .notified = notified_of_the_first } },
	{ &asleep, { "an answer settles the other slot's doubt, too",
		     .answered = answered_for_both } },
	{ &asleep, { "a sleep is noticed in one slot",
		     .resumed = asleep_in_one } },
	{ &asleep, { "a power command settles the other slot's doubt",
		     .power_begun = power_settles_both } },
	{ &tells, { "what one watcher hears, the other was told",
		    .presence = told_in_both } },
	{ &tells, { "\"empty\" counts in the other slot's pass, too",
		    .presence = empty_in_both } },
	{ &tells, { "a wait pays the other slot's debt",
		    .wait_enter = pay_both } },
	{ &tells, { "a wait ends with the other slot's movement",
		    .wait_over = over_with_the_other } },
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
	PUT(resumed);
	PUT(answered);
	PUT(power_begun);
	PUT(presence);
	PUT(wait_enter);
	PUT(wait_over);
#undef PUT
	return t;
}

static bool explore(unsigned number, const struct pair_kind *kind)
{
	struct pair_result r;

	pair_search(kind, &tracker_real, true, &r);
	printf("%s %u - two slots, the reader %s: %u states, %u movements and "
	       "%u steps deep, %.1f s\n", r.broken ? "not ok" : "ok", number,
	       kind->name, r.states, PAIR_MOVES, r.depth, r.seconds);
	fflush(stdout);
	return !r.broken;
}

static bool catch(unsigned number, const struct pair_kind *kind,
		  const struct tracker *fault)
{
	struct tracker t = put_in(fault);
	struct pair_result r;

	pair_search(kind, &t, false, &r);
	if (r.broken)
		printf("ok %u - caught: %s: %s (%u steps)\n", number, t.name,
		       r.broken, r.depth);
	else
		printf("not ok %u - not caught: %s\n", number, t.name);
	fflush(stdout);
	return r.broken;
}

int main(void)
{
	unsigned number = 0;
	bool good = true;

	printf("1..%zu\n", ROWS(kinds) + ROWS(mutants));
	for (size_t i = 0; i < ROWS(kinds); i++)
		good &= explore(++number, kinds[i]);
	for (size_t i = 0; i < ROWS(mutants); i++)
		good &= catch(++number, mutants[i].where, &mutants[i].fault);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
