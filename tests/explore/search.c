/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "search.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "loops.h"
#include "store.h"

#define TRACE_MAX	512

struct arrival {
	struct world world;
	uint64_t hash;
	uint8_t step;
	bool moved;
	bool returned;
};

struct search {
	const struct config *config;
	const struct tracker *tracker;
	struct store store;
	struct loops loops;
	struct bench bench;
	struct arrival arrival[BENCH_STEPS];	/* from one state */
	unsigned arrivals;
	const char *broken;
	uint32_t broken_at;	/* the state before */
	unsigned broken_step;
};

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void note_broken(struct search *s, uint32_t at, unsigned step)
{
	if (s->broken || !s->bench.broken)
		return;
	s->broken = s->bench.broken;
	s->broken_at = at;
	s->broken_step = step;
}

/* One step was taken: where does it lead? */
static void arrive(struct search *s, uint32_t from, unsigned step)
{
	struct arrival *a = &s->arrival[s->arrivals++];

	a->step = (uint8_t)step;
	a->moved = s->bench.moved;
	a->returned = s->bench.returned;
	bench_save(&s->bench, &a->world);
	promise_between(&s->bench);
	note_broken(s, from, step);
	a->hash = store_announce(&s->store, &a->world);
}

static void note_way(struct search *s, uint32_t index, uint32_t from,
		     const struct arrival *a)
{
	struct store_entry *entry = store_get(&s->store, index);
	const struct store_entry *before = store_get(&s->store, from);
	unsigned moves = before->moves + (a->moved ? 1u : 0u);

	entry->parent = from;
	entry->step = a->step;
	entry->depth = (uint16_t)(before->depth + 1);
	entry->moves = (uint8_t)(moves < UINT8_MAX ? moves : UINT8_MAX);
}

/* True if one of the steps goes on by itself to another state. */
static bool settle(struct search *s, uint32_t from)
{
	bool goes_on = false;

	for (unsigned i = 0; i < s->arrivals; i++) {
		const struct arrival *a = &s->arrival[i];
		uint32_t index;

		if (store_add(&s->store, &a->world, a->hash, &index))
			note_way(s, index, from, a);
		if (!bench_steps[a->step].inside || index == from)
			continue;
		loops_step(&s->loops, index, a->returned);
		goes_on = true;
	}
	s->arrivals = 0;
	return goes_on;
}

/* When nothing happens by itself any more, all promises are due. */
static void rest(struct search *s, uint32_t at, bool goes_on)
{
	if (promise_rests(&s->bench))
		promise_at_rest(&s->bench);
	else if (!goes_on)
		bench_break(&s->bench, "nobody can go on");
	note_broken(s, at, UINT8_MAX);
}

static void expand(struct search *s, uint32_t at)
{
	const struct world *world = &store_get(&s->store, at)->world;
	bool goes_on;

	loops_state(&s->loops);
	if (world->event_at == EVENT_END)
		return;
	bench_load(&s->bench, world);
	for (unsigned i = 0; i < BENCH_STEPS && !s->broken; i++)
		if (bench_steps[i].take(&s->bench)) {
			arrive(s, at, i);
			bench_load(&s->bench, world);
		}
	goes_on = settle(s, at);
	rest(s, at, goes_on);
}

static void begin(struct search *s)
{
	for (int card = 0; card <= 1; card++) {
		struct world world;
		uint32_t index;

		bench_open(&s->bench, s->config, s->tracker, card);
		bench_save(&s->bench, &world);
		store_add(&s->store, &world, store_announce(&s->store, &world),
			  &index);
		store_get(&s->store, index)->parent = STORE_NONE;
	}
}

static void find_loop(struct search *s)
{
	if (s->broken || !loops_find(&s->loops, &s->broken_at))
		return;
	s->broken = "the wait returns again and again by itself";
	s->broken_step = UINT8_MAX;
}

static const char *const event_names[] = {
	"not there yet", "starts", "starts with a card", "powers up",
	"at the top", "sees an insertion", "powers up", "enters the wait",
	"waits", "waits for its end", "is back", "powers down", "has ended",
};

static const char *const client_names[] = {
	"idle", "connects", "powers up", "sets the protocol", "transmits",
	"is about to reset", "resets", "is about to stop the wait",
};

static void print_slot(const struct world *w)
{
	if (w->card)
		printf("#\t\tcard %u, %s", w->card,
		       w->active ? "active" : "inactive");
	else
		printf("#\t\tno card");
	for (unsigned i = 0; i < w->notes; i++)
		printf(", to be told: %s",
		       w->note[i] & NOTE_PRESENT ? "present" : "empty");
	printf("%s\n", w->question ? ", an answer to come" : "");
}

static void print_tracker(const struct kept *k)
{
	static const char *const visits[] = {
		"empty", "an older visit", "this visit",
	};

	printf("#\t\ttracker: %s%s, reported: %s%s%s\n",
	       k->present ? "present" : "empty", k->powered ? " powered" : "",
	       visits[k->reported], k->doubt ? ", in doubt" : "",
	       k->echo ? ", expects a repetition" : "");
}

static void print_daemon(const struct world *w)
{
	printf("#\t\tpcscd: event thread %s, knows %s; client %s%s; ",
	       event_names[w->event_at],
	       w->event_knows == KNOWS_PRESENT ? "of a card" : "of none",
	       client_names[w->client_at], w->connected ? ", connected" : "");
	if (w->known)
		printf("ATR of card %u%s\n", w->known,
		       w->owed ? ", which has left" : "");
	else
		printf("no ATR\n");
}

static void print_state(const struct world *w)
{
	print_slot(w);
	print_tracker(&w->kept);
	print_daemon(w);
}

static unsigned print_trace(const struct search *s, bool print)
{
	static uint32_t way[TRACE_MAX];
	unsigned n = 0;
	uint32_t at = s->broken_at;

	for (; at != STORE_NONE && n < TRACE_MAX;
	     at = store_get(&s->store, at)->parent)
		way[n++] = at;
	for (unsigned i = n; print && i-- > 0;) {
		const struct store_entry *entry = store_get(&s->store, way[i]);

		printf("# %3u. %s\n", n - 1 - i,
		       i == n - 1 ? "opened" : bench_steps[entry->step].name);
		print_state(&entry->world);
	}
	if (print && s->broken_step != UINT8_MAX)
		printf("# %3u. %s\n", n, bench_steps[s->broken_step].name);
	return n - (s->broken_step == UINT8_MAX);
}

static void sum_up(const struct search *s, struct search_result *result)
{
	for (uint32_t i = 0; i < s->store.count; i++) {
		const struct store_entry *entry = store_get(&s->store, i);

		if (entry->depth > result->depth)
			result->depth = entry->depth;
		if (entry->moves > result->moves)
			result->moves = entry->moves;
	}
	result->states = s->store.count;
	result->broken = s->broken;
}

void search_run(const struct config *config, const struct tracker *tracker,
		bool trace, struct search_result *ret_result)
{
	static struct search s;
	double start = seconds_now();

	memset(&s, 0, sizeof(s));
	memset(ret_result, 0, sizeof(*ret_result));
	s.config = config;
	s.tracker = tracker;
	store_init(&s.store);
	loops_init(&s.loops);
	begin(&s);
	for (uint32_t at = 0; at < s.store.count && !s.broken; at++)
		expand(&s, at);
	find_loop(&s);
	sum_up(&s, ret_result);
	if (s.broken) {
		ret_result->trace_steps = print_trace(&s, trace);
		if (trace)
			printf("# broken: %s\n", s.broken);
	}
	store_free(&s.store);
	loops_free(&s.loops);
	ret_result->seconds = seconds_now() - start;
}
