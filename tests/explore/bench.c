/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <string.h>

#define NOW	UINT64_C(1000000000)
#define CARDS	(BENCH_NEW_CARD + 1)

const struct tracker tracker_real = {
	.name = "the tracker",
	.notified = track_notified,
	.missed = track_missed,
	.resumed = track_resumed,
	.replied = track_replied,
	.answered = track_answered,
	.power_begun = track_power_begun,
	.identified = track_identified,
	.power_ended = track_power_ended,
	.power_failed = track_power_failed,
	.may_power = track_may_power,
	.may_transmit = track_may_transmit,
	.wants_power = track_wants_power,
	.presence = track_presence,
	.wait_enter = track_wait_enter,
	.wait_over = track_wait_over,
	.wait_leave = track_wait_leave,
	.stop = track_stop,
};

const struct step bench_steps[BENCH_STEPS] = {
	{ "a card is inserted", reader_insert, false },
	{ "a card is inserted, told with what was to be told",
	  reader_insert_merged, false },
	{ "the card is removed", reader_remove, false },
	{ "the card is removed, told with what was to be told",
	  reader_remove_merged, false },
	{ "the reader is unplugged", reader_unplug, false },
	{ "a notification arrives", reader_notify, true },
	{ "a notification arrives, and will again", reader_notify_twice,
	  false },
	{ "a notification arrives without its change bit",
	  reader_notify_bitless, false },
	{ "a notification arrives as rubbish", reader_garble, false },
	{ "a notification vanishes", reader_lose, false },
	{ "something may be lost", reader_fault, false },
	{ "the machine sleeps", reader_sleep, false },
	{ "the machine sleeps, cards lose their power",
	  reader_sleep_unpowered, false },
	{ "the machine sleeps, the card is removed", reader_sleep_remove,
	  false },
	{ "the machine sleeps, the card is swapped", reader_sleep_swap,
	  false },
	{ "the machine sleeps, a card is inserted", reader_sleep_insert,
	  false },
	{ "the question is answered", reader_answer, true },
	{ "the question stays unanswered", reader_leave_unanswered, false },
	{ "a tick", reader_tick, true },
	{ "a pause", reader_long, false },
	{ "the power command goes on", call_witnessed, true },
	{ "a reply arrives", call_reply, true },
	{ "the failed command is looked into", call_recheck, true },
	{ "the doubt is borne no longer", call_give_up, false },
	{ "the event thread goes on", event_step, true },
	{ "the event thread powers up a mute card", event_mute, false },
	{ "the wait returns", event_return, true },
	{ "the wait times out", event_timeout, false },
	{ "the event thread is cancelled", event_cancel, true },
	{ "the event thread is ordered to end", daemon_order, false },
	{ "the event thread is stopped or cancelled", daemon_finish, true },
	{ "a client connects", client_connect, false },
	{ "the client transmits", client_transmit, false },
	{ "the client resets the card", client_reset, false },
	{ "the client disconnects", client_disconnect, false },
	{ "the client goes on", client_step, true },
	{ "the client powers up a mute card", client_mute, false },
};

void bench_break(struct bench *bench, const char *promise)
{
	if (!bench->broken)
		bench->broken = promise;
}

static void begin(struct bench *bench)
{
	bench->broken = NULL;
	bench->returned = false;
	bench->moved = false;
}

void bench_open(struct bench *bench, const struct config *config,
		const struct tracker *tracker, bool card)
{
	memset(bench, 0, sizeof(*bench));
	bench->config = config;
	bench->tracker = tracker;
	bench->now = NOW;
	track_init(&bench->track, 1, config->endpoint != ENDPOINT_NONE,
		   config->auto_activation, BENCH_POLL_MS, NOW);
	if (config->proven)
		bench->track.trust = TRACK_PROVEN;
	track_open(&bench->track, 0, card, NOW);
	bench->world.card = card;
	bench->world.active = card && config->auto_activation;
	if (config->opening)
		reader_chatter(bench);
	begin(bench);
}

void bench_load(struct bench *bench, const struct world *world)
{
	bench->world = *world;
	bench->now = NOW;
	bench->track.gone = world->unplugged;
	keep_restore(&world->kept, NOW, &bench->track, 0);
	begin(bench);
}

static void renumber(uint8_t *card, uint8_t number[CARDS],
		     uint8_t *last)
{
	if (*card && !number[*card])
		number[*card] = ++*last;
	*card = number[*card];
}

/* Cards differ, that is all that their numbers mean. */
static void renumber_cards(struct world *w)
{
	uint8_t number[CARDS] = { 0 };
	uint8_t last = 0;

	renumber(&w->card, number, &last);
	renumber(&w->known, number, &last);
	renumber(&w->client_card, number, &last);
	renumber(&w->call_card, number, &last);
	renumber(&w->shown_card, number, &last);
}

/* It makes no difference who knows what is not owed, or known already. */
static void forget_marks(struct world *w)
{
	if (w->owed && !w->evident)
		return;
	for (unsigned i = 0; i < w->notes; i++)
		w->note[i] &= (uint8_t)~NOTE_AFTER;
}

void bench_save(struct bench *bench, struct world *ret_world)
{
	reader_ask(bench);
	keep_track(&bench->track, 0, bench->now, bench->config->bitless,
		   &bench->world.kept);
	renumber_cards(&bench->world);
	forget_marks(&bench->world);
	*ret_world = bench->world;
}
