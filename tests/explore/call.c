/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power and card commands, in the order in which the driver's core asks the
 * tracker and tells it: allowed? sent, answered, looked at once more.
 */
#include "bench.h"

#include <errno.h>

/* Nobody but the event thread begins with that card once more. */
static void note_failure(struct bench *bench, enum call_kind kind)
{
	struct promise_sleepers sleepers = promise_sleepers(bench);
	unsigned news;

	if (kind != CALL_UP && kind != CALL_RESET)
		return;
	news = bench->tracker->power_failed(&bench->track, 0, bench->now);
	promise_woken(bench, sleepers, news);
	if (news)
		promise_at_failure(bench);
}

/* 0 if all is well, else a negative errno. */
static void finish(struct bench *bench, enum caller caller, int result)
{
	struct world *w = &bench->world;

	if (result < 0 && caller == CALLER_CLIENT)
		note_failure(bench, (enum call_kind)w->call_kind);
	w->call = CALL_NONE;
	w->call_kind = 0;
	w->caller = 0;
	w->call_icc = 0;
	w->call_done = false;
	w->call_behind = 0;
	switch (caller) {
	case CALLER_EVENT:
		event_called(bench, result);
		break;
	case CALLER_CLIENT:
		client_called(bench, result);
		break;
	}
	w->call_card = 0;
}

static void await_reply(struct bench *bench, enum call_stage stage)
{
	struct world *w = &bench->world;

	w->call = (uint8_t)stage;
	w->call_icc = (uint8_t)reader_status(bench);
	w->call_behind = bench->config->late ? 0 : w->notes;
}

static void reach_up(struct bench *bench, bool mute)
{
	struct world *w = &bench->world;

	promise_at_power(bench);
	w->active = w->card && !mute;
	w->call_done = w->active;
	w->call_card = w->active ? w->card : 0;
	await_reply(bench, CALL_SENT);
	if (bench->config->chatty_on)
		reader_chatter(bench);
}

static void reach_down(struct bench *bench, enum call_stage stage)
{
	promise_at_power(bench);
	bench->world.active = false;
	await_reply(bench, stage);
	if (bench->config->chatty_off)
		reader_chatter(bench);
}

static void reach_card(struct bench *bench)
{
	struct world *w = &bench->world;

	if (w->active)
		promise_at_card(bench);
	w->call_done = w->active;
	await_reply(bench, CALL_SENT);
}

static void note_power(struct bench *bench, enum track_power kind)
{
	struct promise_sleepers sleepers = promise_sleepers(bench);

	promise_woken(bench, sleepers,
		      bench->tracker->power_begun(&bench->track, 0, kind,
						  bench->now));
}

static void send(struct bench *bench, enum call_kind kind, bool mute)
{
	bool warm = track_may_reset_warm(&bench->track, 0);

	bench->world.call_kind = (uint8_t)kind;
	promise_at_send(bench, kind);
	switch (kind) {
	case CALL_UP:
		note_power(bench, TRACK_POWER_ON);
		reach_up(bench, mute);
		break;
	case CALL_RESET:
		note_power(bench, TRACK_POWER_ON);
		if (warm)
			reach_up(bench, mute);
		else
			reach_down(bench, CALL_OFF_SENT);
		break;
	case CALL_DOWN:
		note_power(bench, TRACK_POWER_OFF);
		reach_down(bench, CALL_SENT);
		break;
	case CALL_KEEP:
		note_power(bench, TRACK_POWER_KEPT);
		reach_down(bench, CALL_OFF_SENT);
		break;
	case CALL_CARD:
		reach_card(bench);
		break;
	}
}

static int allowed(const struct bench *bench, enum call_kind kind)
{
	switch (kind) {
	case CALL_UP:
	case CALL_RESET:
		return bench->tracker->may_power(&bench->track, 0);
	case CALL_CARD:
		return bench->tracker->may_transmit(&bench->track, 0);
	case CALL_DOWN:
	case CALL_KEEP:
		break;
	}
	return bench->world.unplugged ? -ENODEV : 0;
}

static bool is_powered(const struct track_slot *s)
{
	return s->present && s->powered == s->visit;
}

/* Of a reader that announces nothing, only the card's own power tells. */
static bool needs_witness(const struct bench *bench, enum call_kind kind)
{
	const struct track *track = &bench->track;

	if (kind == CALL_CARD || bench->world.unplugged)
		return false;
	return (track->trust == TRACK_PACED && is_powered(&track->slot[0])) ||
	       (kind == CALL_DOWN && track->slot[0].doubt);
}

static void call_witness(struct bench *bench, enum call_kind kind)
{
	bench->world.call = CALL_WITNESS;
	bench->world.call_kind = (uint8_t)kind;
	if (bench->track.trust == TRACK_PACED)
		bench->tracker->missed(&bench->track, 0);
}

static bool begin(struct bench *bench, enum caller caller, enum call_kind kind,
		  bool mute)
{
	int r = allowed(bench, kind);

	if (bench->world.call != CALL_NONE || bench->world.question ||
	    r == -EAGAIN)
		return false;
	bench->world.caller = (uint8_t)caller;
	bench->world.call_kind = (uint8_t)kind;
	if (r < 0)
		finish(bench, caller, r);
	else if (needs_witness(bench, kind))
		call_witness(bench, kind);
	else
		send(bench, kind, mute);
	return true;
}

/* The order to power off is one to keep the power, where swaps hide. */
static void go_on(struct bench *bench)
{
	enum call_kind kind = bench->world.call_kind;

	if (kind == CALL_DOWN &&
	    bench->tracker->wants_power(&bench->track, 0))
		kind = CALL_KEEP;
	if (kind == CALL_UP && bench->track.slot[0].kept)
		kind = CALL_RESET;
	send(bench, kind, false);
}

bool call_witnessed(struct bench *bench)
{
	struct world *w = &bench->world;
	int r;

	if (w->call != CALL_WITNESS || w->question)
		return false;
	r = bench->tracker->may_power(&bench->track, 0);
	if (r == -EAGAIN)
		return false;
	if (r < 0 && (w->call_kind != CALL_DOWN || w->unplugged))
		finish(bench, w->caller, r);
	else
		go_on(bench);
	return true;
}

bool call_begin(struct bench *bench, enum caller caller, enum call_kind kind)
{
	return begin(bench, caller, kind, false);
}

bool call_begin_mute(struct bench *bench, enum caller caller,
		     enum call_kind kind)
{
	return bench->config->mute && bench->world.card &&
	       begin(bench, caller, kind, true);
}

/* Cards differ in their ATRs. */
static void identify(struct bench *bench)
{
	struct promise_sleepers sleepers = promise_sleepers(bench);
	struct world *w = &bench->world;

	promise_woken(bench, sleepers,
		      bench->tracker->identified(&bench->track, 0,
						 w->call_card == w->shown_card,
						 bench->now));
	w->shown_card = w->call_card;
	promise_at_identity(bench);
}

/* Power commands tell the tracker that they are over. */
static void end(struct bench *bench)
{
	struct world *w = &bench->world;
	int r = w->call_done ? 0 : -EIO;

	switch ((enum call_kind)w->call_kind) {
	case CALL_UP:
	case CALL_RESET:
	case CALL_KEEP:
		if (w->call_done)
			identify(bench);
		r = bench->tracker->power_ended(&bench->track, 0, w->call_done,
						bench->now);
		break;
	case CALL_DOWN:
		r = bench->tracker->power_ended(&bench->track, 0, w->call_done,
						bench->now);
		break;
	case CALL_CARD:
		break;
	}
	finish(bench, w->caller, r);
}

static void hear(struct bench *bench)
{
	struct promise_sleepers sleepers = promise_sleepers(bench);

	promise_woken(bench, sleepers,
		      bench->tracker->replied(&bench->track, 0,
					      bench->world.call_icc));
}

bool call_reply(struct bench *bench)
{
	struct world *w = &bench->world;

	if ((w->call != CALL_SENT && w->call != CALL_OFF_SENT) ||
	    w->call_behind)
		return false;
	if (w->unplugged) {
		end(bench);
		return true;
	}
	hear(bench);
	if (w->call == CALL_OFF_SENT)
		reach_up(bench, false);
	else if (w->call_done || w->call_kind == CALL_DOWN ||
		 w->call_kind == CALL_KEEP)
		end(bench);
	else
		w->call = CALL_RECHECK;
	return true;
}

static int allowed_again(const struct bench *bench)
{
	return bench->world.call_kind == CALL_CARD
		       ? bench->tracker->may_transmit(&bench->track, 0)
		       : bench->tracker->may_power(&bench->track, 0);
}

/* After a failure the slot is looked at before pcscd gets its answer. */
bool call_recheck(struct bench *bench)
{
	struct world *w = &bench->world;
	int r;

	if (w->call != CALL_RECHECK || w->question)
		return false;
	r = allowed_again(bench);
	if (r == -EAGAIN)
		return false;
	if (w->call_kind == CALL_CARD && (r == -ENODEV || r == -ENOMEDIUM))
		finish(bench, w->caller, r);
	else
		end(bench);
	return true;
}

/* The doubt cannot be settled: three seconds are over. */
bool call_give_up(struct bench *bench)
{
	struct world *w = &bench->world;

	if (!bench->config->unanswered || w->question ||
	    (w->call != CALL_RECHECK && w->call != CALL_WITNESS) ||
	    allowed_again(bench) != -EAGAIN)
		return false;
	if (w->call == CALL_RECHECK)
		end(bench);
	else if (w->call_kind == CALL_DOWN)
		go_on(bench);
	else
		finish(bench, w->caller, -ETIMEDOUT);
	return true;
}
