/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "pair.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NOW	UINT64_C(1000000000)
#define QUICK_MAX	100

/* A card as something remembers it. */
enum memory {
	NOBODY,
	THE_CARD,	/* that is inside */
	ANOTHER,	/* that has left */
};

enum at {
	AT_TOP,
	AT_NESTED,
	AT_UP,
	AT_ENTER,
	AT_WAIT,
	AT_DOWN,
	AT_CALL,	/* its command is under way */
};

enum channel {
	CHANNEL_FREE,
	CHANNEL_QUESTION,
	CHANNEL_UP,
	CHANNEL_DOWN,
};

static struct {
	const struct pair_kind *kind;
	const struct tracker *tracker;
	struct pair pair;
	struct track track;
	uint64_t now;
	const char *broken;
} bench;

static void break_promise(const char *promise)
{
	if (!bench.broken)
		bench.broken = promise;
}

/* --- from a state, and back to one */

void pair_load(const struct pair *pair)
{
	bench.pair = *pair;
	bench.now = NOW;
	for (unsigned i = 0; i < PAIR_SIDES; i++)
		keep_restore(&pair->side[i].kept, NOW, &bench.track, i);
}

static enum ccid_icc status(unsigned i)
{
	const struct pair_side *s = &bench.pair.side[i];

	if (!s->card)
		return CCID_ICC_ABSENT;
	return s->active ? CCID_ICC_ACTIVE : CCID_ICC_INACTIVE;
}

static void send(enum channel what, unsigned i)
{
	bench.pair.channel = (uint8_t)what;
	bench.pair.owner = (uint8_t)i;
	bench.pair.icc = (uint8_t)status(i);
	bench.pair.behind = bench.pair.side[i].note;
	bench.pair.sees = true;
}

static void pump(void)
{
	unsigned first = bench.pair.turn;
	unsigned news;

	for (unsigned n = 0; n < PAIR_SIDES; n++) {
		unsigned i = (first + n) % PAIR_SIDES;

		if (track_question_due(&bench.track, i, bench.now, &news) >
			    bench.now || bench.pair.channel != CHANNEL_FREE)
			continue;
		track_asked(&bench.track, i, bench.now);
		send(CHANNEL_QUESTION, i);
		bench.pair.turn = (uint8_t)((i + 1) % PAIR_SIDES);
	}
}

/* --- cards */

static void leave(unsigned i)
{
	struct pair_side *s = &bench.pair.side[i];

	s->card = false;
	s->active = false;
	if (s->known == THE_CARD)
		s->known = ANOTHER;
	if (s->shown == THE_CARD)
		s->shown = ANOTHER;
	if (bench.pair.owner == i && bench.pair.called == THE_CARD)
		bench.pair.called = ANOTHER;
}

static bool move(unsigned i)
{
	struct pair_side *s = &bench.pair.side[i];

	if (bench.pair.moves == PAIR_MOVES)
		return false;
	bench.pair.moves++;
	if (s->card)
		leave(i);
	else
		s->card = true;
	s->unseen = bench.kind->paced;
	if (bench.pair.owner == i)
		bench.pair.sees = false;
	s->note = !bench.kind->paced;
	s->note_present = s->note && s->card;
	return true;
}

/* A stated limit: the habit of change bits behind power commands. */
static bool looks_chatty(unsigned i)
{
	const struct track_slot *t = &bench.track.slot[i];

	return (t->powering ||
		(t->power_ms && bench.now - t->power_ms < TRACK_CHATTY_MS)) &&
	       (t->chatty >> t->power_kind & 1);
}

static bool notify(unsigned i)
{
	struct pair_side *s = &bench.pair.side[i];
	bool present = s->note_present;
	bool limit = looks_chatty(i);
	uint32_t visit = bench.track.slot[i].visit;

	if (!s->note)
		return false;
	s->note = false;
	s->note_present = false;
	if (bench.pair.owner == i)
		bench.pair.behind = false;
	bench.tracker->notified(&bench.track, i, present, true, bench.now);
	if (limit && s->known == ANOTHER && present &&
	    bench.track.slot[i].visit == visit)
		s->known = NOBODY;
	return true;
}

/* --- pcscd's event thread */

static bool begin(unsigned i, enum channel what)
{
	struct pair_side *s = &bench.pair.side[i];
	int r = bench.tracker->may_power(&bench.track, i);

	if (bench.pair.channel != CHANNEL_FREE || r == -EAGAIN)
		return false;
	if (what == CHANNEL_UP && r < 0) {
		s->powered = false;
		s->at = AT_ENTER;
		return true;
	}
	bench.tracker->power_begun(&bench.track, i, what == CHANNEL_UP
						   ? TRACK_POWER_ON
						   : TRACK_POWER_OFF,
			  bench.now);
	s->active = what == CHANNEL_UP && s->card;
	bench.pair.called = s->active ? THE_CARD : NOBODY;
	s->at = AT_CALL;
	send(what, i);
	return true;
}

static void see_removal(struct pair_side *s)
{
	s->knows = false;
	s->known = NOBODY;
	s->latent = false;
}

static void top(unsigned i)
{
	struct pair_side *s = &bench.pair.side[i];
	bool present = bench.tracker->presence(&bench.track, i,
				      bench.track.slot[i].watched) ==
		       TRACK_PRESENT;

	s->at = present && !s->knows ? AT_NESTED : AT_ENTER;
	if (!present && s->knows)
		see_removal(s);
}

/* A card that is gone by then is published all the same, as mute. */
static void nested(unsigned i)
{
	struct pair_side *s = &bench.pair.side[i];

	s->knows = true;
	s->powered = false;
	s->at = bench.tracker->presence(&bench.track, i,
			       bench.track.slot[i].watched) == TRACK_PRESENT
			? AT_UP
			: AT_ENTER;
}

static bool wait_returns(unsigned i)
{
	if (!bench.tracker->wait_over(&bench.track, i))
		return false;
	bench.tracker->wait_leave(&bench.track, i);
	bench.pair.side[i].at = AT_TOP;
	return true;
}

static bool go_on(unsigned i)
{
	struct pair_side *s = &bench.pair.side[i];

	switch ((enum at)s->at) {
	case AT_TOP:
		top(i);
		return true;
	case AT_NESTED:
		nested(i);
		return true;
	case AT_UP:
		return begin(i, CHANNEL_UP);
	case AT_DOWN:
		return begin(i, CHANNEL_DOWN);
	case AT_ENTER:
		bench.tracker->wait_enter(&bench.track, i);
		s->at = AT_WAIT;
		return true;
	case AT_WAIT:
		return wait_returns(i);
	case AT_CALL:
		break;
	}
	return false;
}

/* What pcscd's threads do without the reader takes no time here. */
static bool is_quick(unsigned i)
{
	switch ((enum at)bench.pair.side[i].at) {
	case AT_TOP:
	case AT_NESTED:
	case AT_ENTER:
		return true;
	case AT_WAIT:
		return bench.tracker->wait_over(&bench.track, i);
	case AT_UP:
	case AT_DOWN:
	case AT_CALL:
		break;
	}
	return false;
}

static void hurry(unsigned i)
{
	for (unsigned n = 0; is_quick(i); n++) {
		if (n == QUICK_MAX) {
			break_promise("the wait returns again and again");
			return;
		}
		go_on(i);
	}
}

/* An unused card is powered off after some time; not where it is kept. */
static bool time_out(unsigned i)
{
	struct pair_side *s = &bench.pair.side[i];

	if (s->at != AT_WAIT || !s->powered || bench.kind->paced)
		return false;
	bench.tracker->wait_leave(&bench.track, i);
	s->powered = false;
	s->at = bench.tracker->presence(&bench.track, i, true) == TRACK_PRESENT
			? AT_DOWN
			: AT_TOP;
	return true;
}

/* --- replies */

static void answered(unsigned i)
{
	if (bench.pair.sees && !bench.track.slot[i].outdated)
		bench.pair.side[i].unseen = false;
	bench.tracker->answered(&bench.track, i, bench.pair.icc, bench.now);
}

static void powered_up(unsigned i)
{
	struct pair_side *s = &bench.pair.side[i];
	uint8_t card = bench.pair.called;

	bench.tracker->replied(&bench.track, i, bench.pair.icc);
	if (card != NOBODY) {
		track_power_done(&bench.track, i, bench.now);
		bench.tracker->identified(&bench.track, i, card == s->shown, bench.now);
		s->shown = card;
		s->latent = false;
	}
	s->powered = bench.tracker->power_ended(&bench.track, i, card != NOBODY,
				       bench.now) == 0;
	if (s->powered)
		s->known = card;
	s->at = AT_ENTER;
}

static void powered_down(unsigned i)
{
	bench.tracker->replied(&bench.track, i, bench.pair.icc);
	bench.tracker->power_ended(&bench.track, i, true, bench.now);
	bench.pair.side[i].at = AT_TOP;
}

static bool reply(void)
{
	unsigned i = bench.pair.owner;

	if (bench.pair.channel == CHANNEL_FREE || bench.pair.behind)
		return false;
	switch ((enum channel)bench.pair.channel) {
	case CHANNEL_QUESTION:
		answered(i);
		break;
	case CHANNEL_UP:
		powered_up(i);
		break;
	case CHANNEL_DOWN:
		powered_down(i);
		break;
	case CHANNEL_FREE:
		break;
	}
	bench.pair.channel = CHANNEL_FREE;
	bench.pair.owner = 0;
	bench.pair.icc = 0;
	bench.pair.sees = false;
	bench.pair.called = NOBODY;
	return true;
}

/* --- time */

static bool tick(void)
{
	const struct pair_side *s = bench.pair.side;

	if (bench.pair.channel != CHANNEL_FREE || s[0].note || s[1].note ||
	    (!keep_has_window(&s[0].kept) && !keep_has_window(&s[1].kept)))
		return false;
	bench.now += BENCH_TICK_MS;
	return true;
}

static void lose_power(unsigned i, bool swap)
{
	struct pair_side *s = &bench.pair.side[i];
	const struct track_slot *t = &bench.track.slot[i];

	if (swap && s->card) {
		s->latent |= s->known == THE_CARD && t->powered != t->visit;
		leave(i);
		s->card = true;
	}
	s->active = false;
	s->note = false;
	s->note_present = false;
	bench.tracker->resumed(&bench.track, i, bench.now);
}

static bool sleep(unsigned swapped)
{
	if (!bench.kind->sleeps || bench.pair.moves == PAIR_MOVES ||
	    bench.pair.side[0].note || bench.pair.side[1].note ||
	    bench.pair.channel != CHANNEL_FREE)
		return false;
	bench.pair.moves++;
	for (unsigned i = 0; i < PAIR_SIDES; i++)
		lose_power(i, i == swapped);
	return true;
}

void pair_save(struct pair *ret_pair)
{
	for (unsigned i = 0; i < PAIR_SIDES; i++)
		hurry(i);
	pump();
	for (unsigned i = 0; i < PAIR_SIDES; i++)
		keep_track(&bench.track, i, bench.now, false,
			   &bench.pair.side[i].kept);
	*ret_pair = bench.pair;
}

/* --- steps and promises */

static const struct {
	const char *name;
	bool (*take)(unsigned side);
	bool inside;
} side_steps[PAIR_SIDE_STEPS] = {
	{ "the card moves", move, false },
	{ "a notification arrives", notify, true },
	{ "the event thread goes on", go_on, true },
	{ "the wait times out", time_out, false },
};

static bool sleep_alone(void)
{
	return sleep(PAIR_SIDES);
}

static bool sleep_swap(void)
{
	return sleep(0);
}

static const struct {
	const char *name;
	bool (*take)(void);
	bool inside;
} both_steps[] = {
	{ "a reply arrives", reply, true },
	{ "a tick", tick, true },
	{ "the machine sleeps", sleep_alone, false },
	{ "the machine sleeps, a card is swapped", sleep_swap, false },
};

bool pair_take(unsigned step)
{
	if (step < PAIR_SIDES * PAIR_SIDE_STEPS)
		return side_steps[step / PAIR_SIDES].take(step % PAIR_SIDES);
	return both_steps[step - PAIR_SIDES * PAIR_SIDE_STEPS].take();
}

bool pair_is_inside(unsigned step)
{
	return step < PAIR_SIDES * PAIR_SIDE_STEPS
		       ? side_steps[step / PAIR_SIDES].inside
		       : both_steps[step - PAIR_SIDES * PAIR_SIDE_STEPS].inside;
}

static bool rests(unsigned i)
{
	const struct pair_side *s = &bench.pair.side[i];

	return s->at == AT_WAIT && !s->note && !s->kept.doubt &&
	       !s->kept.confirm && !bench.tracker->wait_over(&bench.track, i);
}

static void look(unsigned i)
{
	const struct pair_side *s = &bench.pair.side[i];

	if (s->unseen)
		return;
	if (bench.track.slot[i].present != s->card)
		break_promise("the truth is not known at rest");
	if (s->knows != s->card)
		break_promise("pcscd is not told the truth at rest");
	if (s->known == ANOTHER && !s->latent)
		break_promise("a swap stays hidden");
}

void pair_judge(bool goes_on)
{
	if (rests(0) && rests(1) && bench.pair.channel == CHANNEL_FREE)
		for (unsigned i = 0; i < PAIR_SIDES; i++)
			look(i);
	else if (!goes_on)
		break_promise("nobody can go on");
}

const char *pair_broken(void)
{
	return bench.broken;
}

void pair_print_step(unsigned step)
{
	if (step < PAIR_SIDES * PAIR_SIDE_STEPS)
		printf("slot %u: %s", step % PAIR_SIDES,
		       side_steps[step / PAIR_SIDES].name);
	else
		printf("%s",
		       both_steps[step - PAIR_SIDES * PAIR_SIDE_STEPS].name);
}

void pair_open(const struct pair_kind *kind, const struct tracker *tracker)
{
	memset(&bench, 0, sizeof(bench));
	bench.kind = kind;
	bench.tracker = tracker;
	bench.now = NOW;
	track_init(&bench.track, PAIR_SIDES, !kind->paced, false, BENCH_POLL_MS,
		   NOW);
	if (kind->proven)
		bench.track.trust = TRACK_PROVEN;
	for (unsigned i = 0; i < PAIR_SIDES; i++)
		track_open(&bench.track, i, false, NOW);
}
