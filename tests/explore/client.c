/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread of pcscd that serves one client. pcscd looks at what it knows, then
 * calls the driver: in between the event thread may have learnt more.
 */
#include "bench.h"

#include <errno.h>

static void go(struct bench *bench, enum client_at at)
{
	bench->world.client_at = (uint8_t)at;
}

/*
 * Clients come when the event thread has waited once. Before that they can come
 * too, for some microseconds; then pcscd itself mixes up who knows what.
 */
static bool is_idle(const struct bench *bench, bool connected)
{
	const struct world *w = &bench->world;

	return bench->config->client && bench->track.slot[0].watched &&
	       w->client_at == CLIENT_IDLE && w->connected == connected;
}

bool client_connect(struct bench *bench)
{
	struct world *w = &bench->world;

	if (!is_idle(bench, false) || !w->published || w->power_lock)
		return false;
	w->removed = false;
	w->client_card = w->known;
	if (w->power == POWER_UNPOWERED) {
		w->power_lock = true;
		go(bench, CLIENT_CONNECT);
	} else {
		w->power = POWER_IN_USE;
		go(bench, CLIENT_PROTOCOL);
	}
	return true;
}

bool client_transmit(struct bench *bench)
{
	if (!is_idle(bench, true) || bench->world.removed)
		return false;
	go(bench, CLIENT_TRANSMIT);
	return true;
}

bool client_reset(struct bench *bench)
{
	if (!bench->config->resets || !is_idle(bench, true) ||
	    bench->world.removed)
		return false;
	go(bench, CLIENT_RESET_NESTED);
	return true;
}

static void forget_card(struct world *w)
{
	w->connected = false;
	w->removed = false;
	w->client_card = 0;
}

bool client_disconnect(struct bench *bench)
{
	struct world *w = &bench->world;

	if (!is_idle(bench, true) || w->power_lock)
		return false;
	forget_card(w);
	if (w->power != POWER_UNPOWERED)
		w->power = POWER_GRACE;
	go(bench, CLIENT_STOP);
	return true;
}

static void not_connected(struct bench *bench)
{
	forget_card(&bench->world);
	go(bench, CLIENT_IDLE);
}

/* Presence inside pcscd's power functions. */
static bool nested(struct bench *bench, enum client_at up)
{
	enum track_presence p =
		bench->tracker->presence(&bench->track, 0, false);

	promise_at_presence(bench, p);
	if (p == TRACK_PRESENT)
		go(bench, up);
	return p == TRACK_PRESENT;
}

static void connect(struct bench *bench)
{
	if (nested(bench, CLIENT_UP))
		return;
	bench->world.power_lock = false;
	not_connected(bench);
}

static void stop(struct bench *bench)
{
	bench->tracker->stop(&bench->track, 0);
	bench->world.stopped = true;
	go(bench, CLIENT_IDLE);
}

bool client_step(struct bench *bench)
{
	enum client_at at = bench->world.client_at;

	if (at == CLIENT_STOP) {
		stop(bench);
		return true;
	}
	if (bench->world.call != CALL_NONE)
		return false;
	switch (at) {
	case CLIENT_CONNECT:
		connect(bench);
		return true;
	case CLIENT_RESET_NESTED:
		if (!nested(bench, CLIENT_RESET))
			go(bench, CLIENT_IDLE);
		return true;
	case CLIENT_UP:
		return call_begin(bench, CALLER_CLIENT, CALL_UP);
	case CLIENT_RESET:
		return call_begin(bench, CALLER_CLIENT, CALL_RESET);
	case CLIENT_PROTOCOL:
	case CLIENT_TRANSMIT:
		return call_begin(bench, CALLER_CLIENT, CALL_CARD);
	case CLIENT_IDLE:
	case CLIENT_STOP:
		break;
	}
	return false;
}

bool client_mute(struct bench *bench)
{
	return bench->world.client_at == CLIENT_UP &&
	       call_begin_mute(bench, CALLER_CLIENT, CALL_UP);
}

static void powered_up(struct bench *bench, int result)
{
	struct world *w = &bench->world;

	w->power_lock = false;
	if (result < 0) {
		not_connected(bench);
		return;
	}
	w->client_card = w->call_card;
	promise_at_atr(bench);
	w->removed = false;
	w->power = POWER_IN_USE;
	go(bench, CLIENT_PROTOCOL);
}

static void protocol_set(struct bench *bench, int result)
{
	struct world *w = &bench->world;

	if (result < 0) {
		if (w->power != POWER_UNPOWERED)
			w->power = POWER_POWERED;
		not_connected(bench);
		return;
	}
	/* A removal before there is a handle marks nothing. */
	if (w->removed)
		w->client_card = w->known;
	w->removed = false;
	w->connected = true;
	go(bench, CLIENT_IDLE);
}

/* pcscd itself writes "absent" then, whatever its event thread knows. */
static void transmitted(struct bench *bench, int result)
{
	if (result == -ENOMEDIUM) {
		promise_at_no_card(bench);
		bench->world.published = false;
	}
	go(bench, CLIENT_IDLE);
}

static void reset(struct bench *bench, int result)
{
	if (result == 0) {
		bench->world.client_card = bench->world.call_card;
		promise_at_atr(bench);
	}
	go(bench, CLIENT_IDLE);
}

void client_called(struct bench *bench, int result)
{
	switch ((enum client_at)bench->world.client_at) {
	case CLIENT_UP:
		powered_up(bench, result);
		break;
	case CLIENT_PROTOCOL:
		protocol_set(bench, result);
		break;
	case CLIENT_TRANSMIT:
		transmitted(bench, result);
		break;
	case CLIENT_RESET:
		reset(bench, result);
		break;
	case CLIENT_IDLE:
	case CLIENT_CONNECT:
	case CLIENT_RESET_NESTED:
	case CLIENT_STOP:
		break;
	}
}
