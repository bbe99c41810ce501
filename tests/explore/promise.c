/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The promises, held against what really happened to the cards. The stated
 * limits are here too: what a reader hides, nobody can tell.
 */
#include "bench.h"

#include <errno.h>
#include <string.h>

/* Everything that moves is told once, in order, before any later reply. */
static bool is_strict(const struct config *c)
{
	return c->endpoint == ENDPOINT_TRUE && !c->late && !c->doubles &&
	       !c->garbles && !c->loses && !c->bitless && !c->chatty_on &&
	       !c->chatty_off && !c->opening && !c->unanswered;
}

static bool is_lossy(const struct config *c)
{
	return c->endpoint != ENDPOINT_TRUE || c->garbles || c->loses ||
	       c->bitless;
}

/* What pcscd believes now cannot be blamed on the driver. */
void promise_excuse(struct world *w)
{
	w->known = 0;
	w->client_card = 0;
	w->owed = false;
	w->evident = false;
	w->latent = false;
	w->excused = true;
}

void promise_at_presence(struct bench *bench, enum track_presence answer)
{
	if (bench->world.unplugged && answer != TRACK_GONE)
		bench_break(bench, "a device that is gone has a slot");
	if (!bench->world.unplugged && answer == TRACK_GONE)
		bench_break(bench, "a device that is there is gone");
}

/* A reader that sets the change bit behind power commands hides a swap there. */
bool promise_is_beyond_knowing(const struct bench *bench)
{
	const struct track_slot *s = &bench->track.slot[0];
	bool window = s->powering ||
		      (s->power_ms &&
		       bench->now - s->power_ms < TRACK_CHATTY_MS);

	return window && (s->chatty >> s->power_kind & 1);
}

/* The driver hears of the swap that is owed: from now on it is known. */
void promise_evident(struct bench *bench, bool beyond_knowing)
{
	struct world *w = &bench->world;

	if (!beyond_knowing) {
		w->evident = true;
		return;
	}
	w->latent = true;
	w->client_card = 0;
}

/* A card that lost its power is known by that, whatever was lost. */
void promise_lose(struct bench *bench, uint8_t note)
{
	const struct track_slot *s = &bench->track.slot[0];
	struct world *w = &bench->world;
	bool unpowered = s->present && s->powered == s->visit && !w->active;

	if ((note & NOTE_AFTER) && !unpowered)
		promise_excuse(w);
}

void promise_at_send(struct bench *bench, enum call_kind kind)
{
	if (kind != CALL_DOWN && kind != CALL_KEEP && bench->world.evident &&
	    bench->track.slot[0].watched)
		bench_break(bench, "a command crosses a swap that pcscd was "
				   "not told of");
}

void promise_at_card(struct bench *bench)
{
	struct world *w = &bench->world;

	if (w->client_card && w->card != w->client_card && !w->removed &&
	    !bench->config->auto_activation)
		bench_break(bench, "an APDU reaches another card");
}

/* Powering it down or up, we make a card that was swapped unseen like ours. */
void promise_at_power(struct bench *bench)
{
	if (bench->world.unseen)
		promise_excuse(&bench->world);
}

/* The ATR of a card that left already: what tells so must be on its way. */
static void take_stale_atr(struct bench *bench)
{
	struct world *w = &bench->world;

	w->owed = true;
	if (w->notes)
		w->note[w->notes - 1] |= NOTE_AFTER;
	else if (is_lossy(bench->config) || bench->config->auto_activation)
		promise_excuse(w);
	else
		w->evident = true;
}

void promise_at_atr(struct bench *bench)
{
	struct world *w = &bench->world;

	w->published = true;
	w->known = w->call_card;
	if (w->known != w->card)
		take_stale_atr(bench);
}

/* What nothing but an ATR could tell, another ATR does. */
void promise_at_identity(struct bench *bench)
{
	struct world *w = &bench->world;

	if (!w->latent || w->call_card == w->known)
		return;
	w->evident = true;
	w->latent = false;
}

void promise_at_removal(struct bench *bench)
{
	struct world *w = &bench->world;

	if (is_strict(bench->config) && !w->left)
		bench_break(bench, "a card is told as removed that never was");
	w->known = 0;
	w->owed = false;
	w->evident = false;
	w->latent = false;
	w->excused = false;
	w->left = w->notes || bench->track.slot[0].doubt ||
		  bench->track.slot[0].confirm ||
		  w->call != CALL_NONE;
}

/* A card that a client could not power up is told as removed: see HACKING. */
void promise_at_failure(struct bench *bench)
{
	promise_excuse(&bench->world);
	bench->world.left = true;
}

static uint32_t truth(const struct track_slot *s)
{
	return s->present ? s->visit : 0;
}

/*
 * Before the first wait nobody knows who asked: a card that only the hotplug
 * thread was told of, and that left, is told as removed afterwards.
 */
void promise_at_first_enter(struct bench *bench)
{
	const struct track_slot *s = &bench->track.slot[0];

	if (!s->watched && s->reported && s->reported != truth(s)) {
		promise_excuse(&bench->world);
		bench->world.left = true;
	}
}

void promise_at_enter(struct bench *bench, int result)
{
	if ((result < 0) != bench->world.unplugged)
		bench_break(bench, "the wait is refused, or begun on a device "
				   "that is gone");
}

void promise_at_return(struct bench *bench)
{
	const struct world *w = &bench->world;
	const struct track_slot *s = &bench->track.slot[0];

	if (!w->stopped && !w->unplugged && s->reported == truth(s))
		bench_break(bench, "the wait returns without a cause");
}

void promise_at_no_card(struct bench *bench)
{
	const struct world *w = &bench->world;

	if (bench->track.slot[0].present)
		bench_break(bench, "no card, while one is inside");
	if (w->card && !w->notes && !is_lossy(bench->config))
		bench_break(bench, "no card, while one is inside, as all know");
}

struct promise_sleepers promise_sleepers(const struct bench *bench)
{
	const struct tracker *tracker = bench->tracker;

	return (struct promise_sleepers){
		.watcher = !tracker->wait_over(&bench->track, 0),
		.owner = tracker->may_power(&bench->track, 0) == -EAGAIN,
	};
}

void promise_woken(struct bench *bench, struct promise_sleepers before,
		   unsigned news)
{
	struct promise_sleepers after = promise_sleepers(bench);

	if (!news && ((before.watcher && !after.watcher) ||
		      (before.owner && !after.owner)))
		bench_break(bench, "nobody is woken");
}

/* What the tracker knows of the only slot there is. */
#define USED	offsetof(struct track, slot[1])

/* Another request on the slot is refused and changes nothing. */
static void try_second_wait(struct bench *bench)
{
	static struct track copy;

	memcpy(&copy, &bench->track, USED);
	if (bench->tracker->wait_enter(&copy, 0) != -EBUSY ||
	    memcmp(&copy, &bench->track, USED) != 0)
		bench_break(bench, "a second wait disturbs the first");
}

/* Whoever is not the event thread hears the truth and uses nothing up. */
static void try_presence(struct bench *bench)
{
	static struct track copy;
	enum track_presence p;

	memcpy(&copy, &bench->track, USED);
	p = bench->tracker->presence(&copy, 0, false);
	if ((p == TRACK_PRESENT) != copy.slot[0].present ||
	    memcmp(&copy, &bench->track, USED) != 0)
		bench_break(bench, "a client hears something else than the "
				   "truth, or uses it up");
}

/* Only a reader that hides movements is asked at intervals for ever. */
static void look_at_trust(struct bench *bench)
{
	const struct config *c = bench->config;

	if (c->endpoint == ENDPOINT_TRUE && !c->loses &&
	    bench->track.trust == TRACK_PACED)
		bench_break(bench, "an honest reader is taken for a liar");
}

/* Nor is a bit that told of another card the habit of any. */
static void look_at_habits(struct bench *bench)
{
	const struct config *c = bench->config;

	if (!c->chatty_on && !c->chatty_off && !c->doubles &&
	    bench->track.slot[0].chatty)
		bench_break(bench, "true movements are taken for a habit");
}

/* A host's polling thread that never asks for presence is no watcher. */
static void look_at_watcher(struct bench *bench)
{
	if (bench->track.slot[0].split)
		bench_break(bench, "pcscd's event thread is not known as such");
}

void promise_between(struct bench *bench)
{
	const struct world *w = &bench->world;

	look_at_trust(bench);
	look_at_habits(bench);
	look_at_watcher(bench);
	if (bench->track.slot[0].watched && !w->unplugged)
		try_presence(bench);
	if (w->event_at != EVENT_WAIT)
		return;
	if (!w->unplugged)
		try_second_wait(bench);
	if (bench->tracker->wait_over(&bench->track, 0))
		return;
	if (w->stopped)
		bench_break(bench, "a stop is lost");
	if (w->unplugged)
		bench_break(bench, "the wait outlives the device");
}

bool promise_rests(const struct bench *bench)
{
	const struct world *w = &bench->world;

	return w->event_at == EVENT_WAIT && w->client_at == CLIENT_IDLE &&
	       w->call == CALL_NONE && !w->question && !w->notes &&
	       !bench->track.slot[0].doubt &&
	       !bench->track.slot[0].confirm &&
	       !bench->tracker->wait_over(&bench->track, 0);
}

/* A stated limit: swaps in the middle of power-ups, one after the other, lost. */
static bool is_taken_for_hollow(const struct bench *bench)
{
	return bench->config->loses &&
	       bench->track.slot[0].hollow == TRACK_HOLLOW_ROW;
}

void promise_at_rest(struct bench *bench)
{
	const struct config *c = bench->config;
	const struct world *w = &bench->world;
	uint8_t truth = w->card ? KNOWS_PRESENT : KNOWS_ABSENT;

	if (w->unseen)
		return;
	if (bench->track.slot[0].present != (w->card != 0))
		bench_break(bench, "the truth is not known at rest");
	if (w->event_knows != truth)
		bench_break(bench, "pcscd is not told the truth at rest");
	if (w->published != (w->card != 0))
		bench_break(bench, "clients are not told the truth at rest");
	if (w->owed && !w->latent)
		bench_break(bench, "a swap stays hidden");
	if (w->card && !w->known && !w->excused && !c->mute &&
	    !c->unanswered && !is_taken_for_hollow(bench))
		bench_break(bench, "a good card stays mute");
}
