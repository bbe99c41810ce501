/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slots - the real tracker with two slots, which share what a reader has once:
 * the budget of questions, the one command at a time, the trust in its
 * notifications, the sleep of the machine.
 *
 * Each slot has its cards and its event thread of pcscd, simpler than in
 * bench.h: no clients, no unplugging, and what the threads do among themselves
 * takes no time: explore sees to that. Every order of events is tried, as long
 * as cards are moved MOVES times at most.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define SIDES	2
#define NOW	UINT64_C(1000000000)
#define QUICK_MAX	100
#define MOVES	6
#define STEPS	(SIDES * PER_SIDE + FOR_BOTH)

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

struct side {
	struct kept kept;
	uint8_t card, active;
	uint8_t note, note_present;	/* one on its way; more are merged */
	uint8_t unseen;		/* moved, and nothing told of it yet */
	uint8_t at;
	uint8_t knows;		/* pcscd, of a card */
	uint8_t powered;	/* says pcscd */
	uint8_t known;		/* enum memory: whose ATR pcscd has */
	uint8_t shown;		/* whose ATR was given out last */
	uint8_t latent;		/* it was off when it left in a sleep */
};

/* A state. Bytes alone. */
struct pair {
	struct side side[SIDES];
	uint8_t channel, owner;
	uint8_t icc;		/* in the reply */
	uint8_t behind;		/* the notification of the same slot */
	uint8_t sees;		/* all that moved unseen */
	uint8_t called;		/* enum memory: the card that is powered up */
	uint8_t turn;
	uint8_t moves;
};

struct place {
	struct pair pair;
	uint32_t parent;
	uint16_t depth;
	uint8_t step;
};

static const struct kind {
	const char *name;
	bool paced;
	bool proven;
	bool sleeps;
} kinds[] = {
	{ "announces movements", .proven = true },
	{ "has not announced any yet", .paced = false },
	{ "announces none", .paced = true },
	{ "announces movements, and the machine sleeps", .proven = true,
	  .sleeps = true },
};

static struct {
	const struct kind *kind;
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

static void load(const struct pair *pair)
{
	bench.pair = *pair;
	bench.now = NOW;
	for (unsigned i = 0; i < SIDES; i++)
		keep_restore(&pair->side[i].kept, NOW, &bench.track, i);
}

static enum ccid_icc status(unsigned i)
{
	const struct side *s = &bench.pair.side[i];

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

	for (unsigned n = 0; n < SIDES; n++) {
		unsigned i = (first + n) % SIDES;

		if (track_question_due(&bench.track, i, bench.now, &news) >
			    bench.now || bench.pair.channel != CHANNEL_FREE)
			continue;
		track_asked(&bench.track, i, bench.now);
		send(CHANNEL_QUESTION, i);
		bench.pair.turn = (uint8_t)((i + 1) % SIDES);
	}
}

/* --- cards */

static void leave(unsigned i)
{
	struct side *s = &bench.pair.side[i];

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
	struct side *s = &bench.pair.side[i];

	if (bench.pair.moves == MOVES)
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
	struct side *s = &bench.pair.side[i];
	bool present = s->note_present;
	bool limit = looks_chatty(i);
	uint32_t visit = bench.track.slot[i].visit;

	if (!s->note)
		return false;
	s->note = false;
	s->note_present = false;
	if (bench.pair.owner == i)
		bench.pair.behind = false;
	track_notified(&bench.track, i, present, true, bench.now);
	if (limit && s->known == ANOTHER && present &&
	    bench.track.slot[i].visit == visit)
		s->known = NOBODY;
	return true;
}

/* --- pcscd's event thread */

static bool begin(unsigned i, enum channel what)
{
	struct side *s = &bench.pair.side[i];
	int r = track_may_power(&bench.track, i);

	if (bench.pair.channel != CHANNEL_FREE || r == -EAGAIN)
		return false;
	if (what == CHANNEL_UP && r < 0) {
		s->powered = false;
		s->at = AT_ENTER;
		return true;
	}
	track_power_begun(&bench.track, i, what == CHANNEL_UP
						   ? TRACK_POWER_ON
						   : TRACK_POWER_OFF,
			  bench.now);
	s->active = what == CHANNEL_UP && s->card;
	bench.pair.called = s->active ? THE_CARD : NOBODY;
	s->at = AT_CALL;
	send(what, i);
	return true;
}

static void see_removal(struct side *s)
{
	s->knows = false;
	s->known = NOBODY;
	s->latent = false;
}

static void top(unsigned i)
{
	struct side *s = &bench.pair.side[i];
	bool present = track_presence(&bench.track, i,
				      bench.track.slot[i].watched) ==
		       TRACK_PRESENT;

	s->at = present && !s->knows ? AT_NESTED : AT_ENTER;
	if (!present && s->knows)
		see_removal(s);
}

/* A card that is gone by then is published all the same, as mute. */
static void nested(unsigned i)
{
	struct side *s = &bench.pair.side[i];

	s->knows = true;
	s->powered = false;
	s->at = track_presence(&bench.track, i,
			       bench.track.slot[i].watched) == TRACK_PRESENT
			? AT_UP
			: AT_ENTER;
}

static bool wait_returns(unsigned i)
{
	if (!track_wait_over(&bench.track, i))
		return false;
	track_wait_leave(&bench.track, i);
	bench.pair.side[i].at = AT_TOP;
	return true;
}

static bool go_on(unsigned i)
{
	struct side *s = &bench.pair.side[i];

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
		track_wait_enter(&bench.track, i);
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
		return track_wait_over(&bench.track, i);
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
	struct side *s = &bench.pair.side[i];

	if (s->at != AT_WAIT || !s->powered || bench.kind->paced)
		return false;
	track_wait_leave(&bench.track, i);
	s->powered = false;
	s->at = track_presence(&bench.track, i, true) == TRACK_PRESENT
			? AT_DOWN
			: AT_TOP;
	return true;
}

/* --- replies */

static void answered(unsigned i)
{
	if (bench.pair.sees && !bench.track.slot[i].outdated)
		bench.pair.side[i].unseen = false;
	track_answered(&bench.track, i, bench.pair.icc, bench.now);
}

static void powered_up(unsigned i)
{
	struct side *s = &bench.pair.side[i];
	uint8_t card = bench.pair.called;

	track_replied(&bench.track, i, bench.pair.icc);
	if (card != NOBODY) {
		track_power_done(&bench.track, i, bench.now);
		track_identified(&bench.track, i, card == s->shown, bench.now);
		s->shown = card;
		s->latent = false;
	}
	s->powered = track_power_ended(&bench.track, i, card != NOBODY,
				       bench.now) == 0;
	if (s->powered)
		s->known = card;
	s->at = AT_ENTER;
}

static void powered_down(unsigned i)
{
	track_replied(&bench.track, i, bench.pair.icc);
	track_power_ended(&bench.track, i, true, bench.now);
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
	const struct side *s = bench.pair.side;

	if (bench.pair.channel != CHANNEL_FREE || s[0].note || s[1].note ||
	    (!keep_has_window(&s[0].kept) && !keep_has_window(&s[1].kept)))
		return false;
	bench.now += BENCH_TICK_MS;
	return true;
}

static void lose_power(unsigned i, bool swap)
{
	struct side *s = &bench.pair.side[i];
	const struct track_slot *t = &bench.track.slot[i];

	if (swap && s->card) {
		s->latent |= s->known == THE_CARD && t->powered != t->visit;
		leave(i);
		s->card = true;
	}
	s->active = false;
	s->note = false;
	s->note_present = false;
	track_resumed(&bench.track, i, bench.now);
}

static bool sleep(unsigned swapped)
{
	if (!bench.kind->sleeps || bench.pair.moves == MOVES ||
	    bench.pair.side[0].note || bench.pair.side[1].note ||
	    bench.pair.channel != CHANNEL_FREE)
		return false;
	bench.pair.moves++;
	for (unsigned i = 0; i < SIDES; i++)
		lose_power(i, i == swapped);
	return true;
}

static void save(struct pair *ret_pair)
{
	for (unsigned i = 0; i < SIDES; i++)
		hurry(i);
	pump();
	for (unsigned i = 0; i < SIDES; i++)
		keep_track(&bench.track, i, bench.now, false,
			   &bench.pair.side[i].kept);
	*ret_pair = bench.pair;
}

/* --- the search */

static const struct {
	const char *name;
	bool (*take)(unsigned side);
	bool inside;
} side_steps[] = {
	{ "the card moves", move, false },
	{ "a notification arrives", notify, true },
	{ "the event thread goes on", go_on, true },
	{ "the wait times out", time_out, false },
};
#define PER_SIDE	(sizeof(side_steps) / sizeof(side_steps[0]))

static bool sleep_alone(void)
{
	return sleep(SIDES);
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
#define FOR_BOTH	(sizeof(both_steps) / sizeof(both_steps[0]))

static bool take(unsigned step)
{
	if (step < SIDES * PER_SIDE)
		return side_steps[step / SIDES].take(step % SIDES);
	return both_steps[step - SIDES * PER_SIDE].take();
}

static bool is_inside(unsigned step)
{
	return step < SIDES * PER_SIDE
		       ? side_steps[step / SIDES].inside
		       : both_steps[step - SIDES * PER_SIDE].inside;
}

static bool rests(unsigned i)
{
	const struct side *s = &bench.pair.side[i];

	return s->at == AT_WAIT && !s->note && !s->kept.doubt &&
	       !s->kept.confirm && !track_wait_over(&bench.track, i);
}

static void look(unsigned i)
{
	const struct side *s = &bench.pair.side[i];

	if (s->unseen)
		return;
	if (bench.track.slot[i].present != s->card)
		break_promise("the truth is not known at rest");
	if (s->knows != s->card)
		break_promise("pcscd is not told the truth at rest");
	if (s->known == ANOTHER && !s->latent)
		break_promise("a swap stays hidden");
}

static struct place *places;
static uint32_t *table;
static uint32_t count, room, mask;

static void *resize(void *memory, size_t size)
{
	memory = realloc(memory, size);
	if (!memory) {
		puts("Bail out! no memory left");
		exit(EXIT_FAILURE);
	}
	return memory;
}

static uint32_t hash_of(const struct pair *pair)
{
	const uint8_t *bytes = (const uint8_t *)pair;
	uint64_t hash = UINT64_C(0xCBF29CE484222325);

	for (size_t i = 0; i < sizeof(*pair); i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001B3);
	return (uint32_t)(hash ^ hash >> 32);
}

static uint32_t find(const struct pair *pair)
{
	uint32_t at = hash_of(pair) & mask;

	while (table[at] && memcmp(&places[table[at] - 1].pair, pair,
				   sizeof(*pair)) != 0)
		at = (at + 1) & mask;
	return at;
}

static void grow(void)
{
	room = room ? room * 2 : 1u << 16;
	mask = room * 2 - 1;
	places = resize(places, room * sizeof(*places));
	table = resize(table, (mask + (size_t)1) * sizeof(*table));
	memset(table, 0, (mask + (size_t)1) * sizeof(*table));
	for (uint32_t i = 0; i < count; i++)
		table[find(&places[i].pair)] = i + 1;
}

static struct place next_place(const struct pair *pair, uint32_t from,
			       unsigned step)
{
	struct place place = { .pair = *pair, .parent = from,
			       .step = (uint8_t)step };

	if (!count)
		return place;
	place.depth = (uint16_t)(places[from].depth + 1);
	return place;
}

/* True if it is another state than before. */
static bool arrive(uint32_t from, unsigned step)
{
	struct pair pair;
	uint32_t at;

	save(&pair);
	if (count == room)
		grow();
	at = find(&pair);
	if (!table[at]) {
		places[count] = next_place(&pair, from, step);
		table[at] = ++count;
	}
	return table[at] != from + 1;
}

static void expand(uint32_t from)
{
	struct pair pair = places[from].pair;
	bool goes_on = false;

	for (unsigned step = 0; step < STEPS; step++) {
		load(&pair);
		if (take(step) && arrive(from, step))
			goes_on |= is_inside(step);
	}
	load(&pair);
	if (rests(0) && rests(1) && pair.channel == CHANNEL_FREE)
		for (unsigned i = 0; i < SIDES; i++)
			look(i);
	else if (!goes_on)
		break_promise("nobody can go on");
}

static void print_way(uint32_t at)
{
	const struct place *p = &places[at];

	if (p->depth)
		print_way(p->parent);
	printf("# %3u. ", p->depth);
	if (!p->depth)
		printf("opened");
	else if (p->step < SIDES * PER_SIDE)
		printf("slot %u: %s", p->step % SIDES,
		       side_steps[p->step / SIDES].name);
	else
		printf("%s", both_steps[p->step - SIDES * PER_SIDE].name);
	for (unsigned i = 0; i < SIDES; i++)
		printf("; %u: card %u driver %u pcscd %u ATR %u at %u%s", i,
		       p->pair.side[i].card, p->pair.side[i].kept.present,
		       p->pair.side[i].knows, p->pair.side[i].known,
		       p->pair.side[i].at,
		       p->pair.side[i].kept.doubt ? " doubt" : "");
	putchar('\n');
}

static void open_both(const struct kind *kind)
{
	memset(&bench, 0, sizeof(bench));
	bench.kind = kind;
	bench.now = NOW;
	track_init(&bench.track, SIDES, !kind->paced, false, BENCH_POLL_MS,
		   NOW);
	if (kind->proven)
		bench.track.trust = TRACK_PROVEN;
	for (unsigned i = 0; i < SIDES; i++)
		track_open(&bench.track, i, false, NOW);
	count = 0;
	if (room)
		memset(table, 0, (mask + (size_t)1) * sizeof(*table));
	arrive(0, 0);
}

static bool explore(unsigned number, const struct kind *kind)
{
	clock_t began = clock();
	unsigned depth = 0;
	uint32_t at;

	open_both(kind);
	for (at = 0; at < count && !bench.broken; at++) {
		expand(at);
		depth = places[at].depth;
	}
	if (bench.broken) {
		print_way(at - 1);
		printf("# broken: %s\n", bench.broken);
	}
	printf("%s %u - two slots, the reader %s: %u states, %u movements and "
	       "%u steps deep, %.1f s\n", bench.broken ? "not ok" : "ok",
	       number, kind->name, count, MOVES, depth,
	       (double)(clock() - began) / CLOCKS_PER_SEC);
	fflush(stdout);
	return !bench.broken;
}

int main(void)
{
	unsigned n = sizeof(kinds) / sizeof(kinds[0]);
	bool good = true;

	printf("1..%u\n", n);
	for (unsigned i = 0; i < n; i++)
		good &= explore(i + 1, &kinds[i]);
	free(places);
	free(table);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
