/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcscd's event thread as it is in 1.9.9 and 2.5.1, and pcscd's end.
 *
 * It sees levels, not edges; inside each power call it asks presence again; the
 * power state is not touched by a removal.
 */
#include "bench.h"

static bool is_locked_out(const struct world *w)
{
	return w->call != CALL_NONE;
}

static enum track_presence ask_presence(struct bench *bench)
{
	bool watcher = bench->track.slot[0].watched;
	enum track_presence p =
		bench->tracker->presence(&bench->track, 0, watcher);

	promise_at_presence(bench, p);
	return p;
}

static void go(struct bench *bench, enum event_at at)
{
	bench->world.event_at = (uint8_t)at;
}

static void publish(struct bench *bench, bool present)
{
	bench->world.published = present;
	bench->world.event_knows = present ? KNOWS_PRESENT : KNOWS_ABSENT;
}

static void start(struct bench *bench)
{
	switch (ask_presence(bench)) {
	case TRACK_PRESENT:
		go(bench, EVENT_START_NESTED);
		return;
	case TRACK_EMPTY:
		bench->world.event_knows = KNOWS_ABSENT;
		break;
	case TRACK_GONE:
		bench->world.event_knows = KNOWS_NOTHING;
		break;
	}
	go(bench, EVENT_TOP);
}

/* A card that was not powered up is published all the same, as mute. */
static void nested(struct bench *bench, enum event_at up, enum event_at next)
{
	if (ask_presence(bench) == TRACK_PRESENT) {
		go(bench, up);
		return;
	}
	publish(bench, true);
	bench->world.power = POWER_UNPOWERED;
	go(bench, next);
}

static void see_removal(struct bench *bench)
{
	struct world *w = &bench->world;

	promise_at_removal(bench);
	publish(bench, false);
	w->order = false;
	w->removed = w->connected || (w->client_at != CLIENT_IDLE &&
				      w->client_at <= CLIENT_PROTOCOL);
	w->client_card = 0;
}

static void top(struct bench *bench)
{
	struct world *w = &bench->world;

	go(bench, EVENT_ENTER);
	switch (ask_presence(bench)) {
	case TRACK_GONE:
		w->event_knows = KNOWS_NOTHING;
		w->published = false;
		break;
	case TRACK_EMPTY:
		if (w->event_knows != KNOWS_ABSENT)
			see_removal(bench);
		break;
	case TRACK_PRESENT:
		if (w->event_knows != KNOWS_PRESENT)
			go(bench, EVENT_INSERT_NESTED);
		break;
	}
}

static void enter(struct bench *bench)
{
	struct world *w = &bench->world;
	int r;

	promise_at_first_enter(bench);
	r = bench->tracker->wait_enter(&bench->track, 0);
	w->deadline = false;
	go(bench, r == 0 ? EVENT_WAIT : EVENT_WAIT_GONE);
	promise_at_enter(bench, r);
}

static void next_round(struct bench *bench)
{
	go(bench, bench->world.order ? EVENT_END : EVENT_TOP);
}

static void powered_down(struct bench *bench)
{
	bench->world.power = POWER_UNPOWERED;
	bench->world.power_lock = false;
	next_round(bench);
}

static bool back(struct bench *bench)
{
	struct world *w = &bench->world;

	if (w->power_lock)
		return false;
	if (w->power == POWER_POWERED) {
		w->power_lock = true;
		if (ask_presence(bench) == TRACK_PRESENT)
			go(bench, EVENT_DOWN);
		else
			powered_down(bench);
		return true;
	}
	if (w->power == POWER_GRACE)
		w->power = POWER_POWERED;
	next_round(bench);
	return true;
}

bool event_step(struct bench *bench)
{
	struct world *w = &bench->world;

	if (is_locked_out(w))
		return false;
	switch ((enum event_at)w->event_at) {
	case EVENT_HOST:
		ask_presence(bench);
		go(bench, EVENT_START);
		return true;
	case EVENT_START:
		start(bench);
		return true;
	case EVENT_START_NESTED:
		nested(bench, EVENT_START_UP, EVENT_TOP);
		return true;
	case EVENT_TOP:
		top(bench);
		return true;
	case EVENT_INSERT_NESTED:
		nested(bench, EVENT_INSERT_UP, EVENT_ENTER);
		return true;
	case EVENT_ENTER:
		enter(bench);
		return true;
	case EVENT_BACK:
		return back(bench);
	case EVENT_START_UP:
	case EVENT_INSERT_UP:
		return call_begin(bench, CALLER_EVENT, CALL_UP);
	case EVENT_DOWN:
		return call_begin(bench, CALLER_EVENT, CALL_DOWN);
	case EVENT_WAIT:
	case EVENT_WAIT_GONE:
	case EVENT_END:
		break;
	}
	return false;
}

bool event_mute(struct bench *bench)
{
	uint8_t at = bench->world.event_at;

	return (at == EVENT_START_UP || at == EVENT_INSERT_UP) &&
	       call_begin_mute(bench, CALLER_EVENT, CALL_UP);
}

void event_called(struct bench *bench, int result)
{
	struct world *w = &bench->world;

	if (w->event_at == EVENT_DOWN) {
		powered_down(bench);
		return;
	}
	publish(bench, true);
	w->power = result == 0 ? POWER_POWERED : POWER_UNPOWERED;
	/* An insertion tells a client that connected in between, too. */
	w->client_card = 0;
	if (result == 0)
		promise_at_atr(bench);
	go(bench, w->event_at == EVENT_START_UP ? EVENT_TOP : EVENT_ENTER);
}

static void leave(struct bench *bench, enum event_at next)
{
	bench->tracker->wait_leave(&bench->track, 0);
	bench->world.stopped = false;
	bench->world.deadline = false;
	go(bench, next);
}

/* A wait on a device that is gone lasts a second at most. */
bool event_return(struct bench *bench)
{
	struct world *w = &bench->world;

	if (w->event_at == EVENT_WAIT_GONE) {
		leave(bench, EVENT_BACK);
		return true;
	}
	if (w->event_at != EVENT_WAIT ||
	    !bench->tracker->wait_over(&bench->track, 0))
		return false;
	promise_at_return(bench);
	bench->returned = !w->stopped && !w->unplugged;
	leave(bench, EVENT_BACK);
	return true;
}

bool event_timeout(struct bench *bench)
{
	struct world *w = &bench->world;

	if (w->event_at != EVENT_WAIT || !w->deadline)
		return false;
	leave(bench, EVENT_BACK);
	return true;
}

bool event_cancel(struct bench *bench)
{
	struct world *w = &bench->world;

	if (w->ending != END_SENT || !bench->config->daemon_ends ||
	    (w->event_at != EVENT_WAIT && w->event_at != EVENT_WAIT_GONE))
		return false;
	leave(bench, EVENT_END);
	return true;
}

/* At any moment: the reader is unplugged, or pcscd itself ends. */
bool daemon_order(struct bench *bench)
{
	struct world *w = &bench->world;

	if ((!bench->config->daemon_ends && !bench->config->daemon_stops) ||
	    w->ending != END_NOT || w->event_at == EVENT_HOST)
		return false;
	w->ending = END_ORDERED;
	w->order = true;
	return true;
}

bool daemon_finish(struct bench *bench)
{
	struct world *w = &bench->world;

	if (w->ending != END_ORDERED)
		return false;
	w->ending = END_SENT;
	if (bench->config->daemon_stops) {
		bench->tracker->stop(&bench->track, 0);
		w->stopped = true;
	}
	return true;
}
