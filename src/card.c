/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "card.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "exchange.h"
#include "greet.h"
#include "movement.h"
#include "movement_told.h"
#include "protocol.h"
#include "supply.h"

#define UP_MS	(SUPPLY_ALL_MS + EXCHANGE_MEND_MS)
#define DOWN_MS	(SUPPLY_OFF_MS + SUPPLY_OFF_MS + EXCHANGE_MEND_MS)
#define AGREE_MS	60000

/* Caller locks. */
static void begin_power(struct reader *reader, unsigned slot,
			enum track_power kind)
{
	reader->slot[slot].forsaken = 0;
	movement_power_begun(reader, slot, kind);
}

/* The reset for another slot's sake that came behind it has undone it. */
static int note_powered(struct reader *reader, unsigned slot, bool done)
{
	int r;

	pthread_mutex_lock(&reader->lock);
	done = done && !exchange_is_past(reader, slot);
	r = track_power_ended(&reader->track, slot, done, clock_now());
	pthread_mutex_unlock(&reader->lock);
	return r;
}

static void forget_atr(struct reader *reader, unsigned slot)
{
	pthread_mutex_lock(&reader->lock);
	reader->slot[slot].atr_size = 0;
	pthread_mutex_unlock(&reader->lock);
}

static bool shows_same_atr(const struct slot *slot)
{
	return slot->atr_size == slot->shown_size &&
	       memcmp(slot->atr, slot->shown_atr, slot->atr_size) == 0;
}

/* Where a card may have been changed unseen, its ATR tells. */
static void identify(struct reader *reader, unsigned slot)
{
	struct slot *s = &reader->slot[slot];

	pthread_mutex_lock(&reader->lock);
	movement_powered(reader, slot);
	movement_identified(reader, slot, shows_same_atr(s));
	memcpy(s->shown_atr, s->atr, sizeof(s->shown_atr));
	s->shown_size = s->atr_size;
	pthread_mutex_unlock(&reader->lock);
}

/* A warm reset. Its ATR may be another one than that of a cold one. */
static int reset_warm(struct reader *reader, unsigned slot)
{
	int r = supply_repeat(reader, slot, clock_now() + SUPPLY_ON_MS);
	struct slot *s = &reader->slot[slot];

	if (r < 0)
		return r;
	pthread_mutex_lock(&reader->lock);
	movement_powered(reader, slot);
	if (shows_same_atr(s))
		movement_identified(reader, slot, true);
	pthread_mutex_unlock(&reader->lock);
	return 0;
}

enum power_up {
	UP,
	UP_RESET,	/* warm, where that may be and succeeds */
	UP_COLD,
};

/* Caller locks. */
static bool may_reset_warm(const struct reader *reader, unsigned slot,
			   enum power_up how)
{
	return how == UP_RESET && track_may_reset_warm(&reader->track, slot) &&
	       !(reader->quirk.flags & QUIRK_OFF_BEFORE_ON);
}

/*
 * A doubt that came up just now is settled first, for the power command would
 * make a swap of it.
 */
static int begin_power_up(struct reader *reader, unsigned slot,
			  enum power_up how, bool *ret_warm)
{
	int r;

	pthread_mutex_lock(&reader->lock);
	r = exchange_settle(reader, slot, EXCHANGE_POWER);
	if (r == 0) {
		*ret_warm = may_reset_warm(reader, slot, how);
		begin_power(reader, slot, TRACK_POWER_ON);
		reader->slot[slot].atr_size = 0;
	}
	pthread_mutex_unlock(&reader->lock);
	return r;
}

static int power_up(struct reader *reader, unsigned slot, enum power_up how)
{
	bool warm = false;
	int r = begin_power_up(reader, slot, how, &warm);

	if (r < 0)
		return r;
	reader->slot[slot].session.asked = false;
	reader->slot[slot].session.agreed = false;
	reader->slot[slot].session.spoilt = false;
	if (warm && reset_warm(reader, slot) == 0)
		return note_powered(reader, slot, true);
	if (how != UP || reader->quirk.flags & QUIRK_OFF_BEFORE_ON)
		supply_cut(reader, slot);
	r = warm ? exchange_recheck(reader, slot, EXCHANGE_POWER) : 0;
	if (r == 0)
		r = supply_search(reader, slot);
	if (r < 0)
		forget_atr(reader, slot);
	else
		identify(reader, slot);
	return note_powered(reader, slot, r == 0);
}

/*
 * Whether the card is the one that was powered up, its power tells, and nothing
 * tells it afterwards. So a doubt is settled before, and a reader that announces
 * no movements is asked. Errors of exchange_settle. Caller locks.
 */
static int call_witness(struct reader *reader, unsigned slot)
{
	if (reader->track.trust == TRACK_PACED &&
	    reader->track.slot[slot].powered)
		movement_power_doubted(reader, slot);
	return exchange_settle(reader, slot, EXCHANGE_POWER);
}

/* What follows a begin_power of the kind, here and in power_cycle. */
static void power_off(struct reader *reader, unsigned slot)
{
	supply_cut(reader, slot);
	forget_atr(reader, slot);
	reader->slot[slot].session.asked = false;
	reader->slot[slot].session.agreed = false;
	note_powered(reader, slot, true);
}

/*
 * pcscd's event thread orders an unused card off. Where that would hide a swap,
 * the card is switched on again, and the client that comes next gets it by way
 * of a cold reset. Caller locks.
 */
static bool wants_power(const struct reader *reader, unsigned slot)
{
	return reader->options.idle_power &&
	       movement_is_watcher(reader, slot) &&
	       track_wants_power(&reader->track, slot);
}

static void power_cycle(struct reader *reader, unsigned slot)
{
	uint64_t deadline = clock_now() + SUPPLY_ON_MS;
	int r;

	supply_cut(reader, slot);
	reader->slot[slot].session.asked = false;
	reader->slot[slot].session.agreed = false;
	r = supply_repeat(reader, slot, deadline);
	if (r < 0) {
		supply_cut(reader, slot);
		forget_atr(reader, slot);
	} else if (reader->slot[slot].select != SUPPLY_UNSETTLED) {
		/* At another voltage the same card may have another ATR. */
		identify(reader, slot);
	}
	note_powered(reader, slot, r == 0);
}

static void switch_off(struct reader *reader, unsigned slot)
{
	bool wants;

	pthread_mutex_lock(&reader->lock);
	call_witness(reader, slot);
	wants = wants_power(reader, slot);
	begin_power(reader, slot, wants ? TRACK_POWER_KEPT : TRACK_POWER_OFF);
	pthread_mutex_unlock(&reader->lock);
	if (wants)
		power_cycle(reader, slot);
	else
		power_off(reader, slot);
}

/* Of the card that pcscd knows: another one is for pcscd to power up. */
int card_reset_owned(struct reader *reader, unsigned slot)
{
	int r;

	pthread_mutex_lock(&reader->lock);
	r = call_witness(reader, slot);
	if (r == 0)
		r = exchange_settle(reader, slot, EXCHANGE_CARD);
	pthread_mutex_unlock(&reader->lock);
	return r < 0 ? r : power_up(reader, slot, UP_COLD);
}

static void note_forsaken(struct reader *reader, unsigned slot, uint32_t visit)
{
	pthread_mutex_lock(&reader->lock);
	reader->slot[slot].forsaken = visit;
	pthread_mutex_unlock(&reader->lock);
}

void card_forsake_owned(struct reader *reader, unsigned slot)
{
	uint32_t visit;

	pthread_mutex_lock(&reader->lock);
	call_witness(reader, slot);
	visit = reader->track.slot[slot].powered;
	begin_power(reader, slot, TRACK_POWER_OFF);
	pthread_mutex_unlock(&reader->lock);
	power_off(reader, slot);
	note_forsaken(reader, slot, visit);
}

static int power_up_for(struct reader *reader, unsigned slot, bool reset,
			uint8_t *atr, size_t *ret_size)
{
	int r = exchange_begin(reader, slot, EXCHANGE_POWER, UP_MS);
	enum power_up how = reset ? UP_RESET : UP;

	if (r < 0)
		return r;
	if (greet_is_due(reader))
		greet_behind(reader, slot);
	pthread_mutex_lock(&reader->lock);
	r = call_witness(reader, slot);
	if (reader->track.slot[slot].kept)
		how = UP_COLD;
	pthread_mutex_unlock(&reader->lock);
	if (r == 0)
		r = power_up(reader, slot, how);
	if (r == 0)
		*ret_size = supply_atr(reader, slot, atr);
	exchange_end(reader, slot);
	return r;
}

/* pcscd's event thread knows what to do about a card that it cannot power up. */
static void give_up_for_client(struct reader *reader, unsigned slot)
{
	pthread_mutex_lock(&reader->lock);
	if (!movement_is_watcher(reader, slot))
		movement_power_failed(reader, slot);
	pthread_mutex_unlock(&reader->lock);
}

int card_power_up(struct reader *reader, unsigned slot, bool reset,
		  uint8_t *atr, size_t *ret_size)
{
	int r = power_up_for(reader, slot, reset, atr, ret_size);

	if (r < 0) {
		movement_hold(reader, slot);
		give_up_for_client(reader, slot);
	}
	return r;
}

int card_power_off(struct reader *reader, unsigned slot)
{
	int r = exchange_begin(reader, slot, EXCHANGE_READER, DOWN_MS);

	if (r < 0)
		return r;
	switch_off(reader, slot);
	exchange_end(reader, slot);
	return 0;
}

void card_let_go(struct reader *reader, unsigned slot)
{
	if (exchange_begin(reader, slot, EXCHANGE_READER, DOWN_MS) < 0)
		return;
	pthread_mutex_lock(&reader->lock);
	begin_power(reader, slot, TRACK_POWER_OFF);
	pthread_mutex_unlock(&reader->lock);
	power_off(reader, slot);
	exchange_end(reader, slot);
}

/* The visit of the forsaken card that is still inside, or 0. */
static uint32_t find_forsaken(struct reader *reader, unsigned slot)
{
	uint32_t visit;

	pthread_mutex_lock(&reader->lock);
	visit = reader->slot[slot].forsaken;
	if (visit != reader->track.slot[slot].visit)
		visit = 0;
	pthread_mutex_unlock(&reader->lock);
	return visit;
}

/*
 * As pcscd has it, the card has power: nobody will order that. One that came
 * unseen while it had none has another ATR.
 */
static int revive(struct reader *reader, unsigned slot)
{
	uint32_t visit = find_forsaken(reader, slot);
	int r;

	if (!visit)
		return exchange_recheck(reader, slot, EXCHANGE_CARD);
	pthread_mutex_lock(&reader->lock);
	movement_power_doubted(reader, slot);
	pthread_mutex_unlock(&reader->lock);
	r = exchange_recheck(reader, slot, EXCHANGE_POWER);
	if (r == 0 && !find_forsaken(reader, slot))
		r = -ESTALE;
	if (r == 0)
		r = power_up(reader, slot, UP_COLD);
	if (r < 0)
		note_forsaken(reader, slot, visit);
	return r;
}

int card_set_protocol(struct reader *reader, unsigned slot, uint8_t protocol)
{
	enum exchange_purpose purpose = find_forsaken(reader, slot)
						? EXCHANGE_POWER
						: EXCHANGE_CARD;
	int r = exchange_begin(reader, slot, purpose, AGREE_MS);

	if (r < 0)
		return r;
	r = revive(reader, slot);
	if (r == 0)
		r = protocol_agree(reader, slot, protocol);
	reader->slot[slot].session.asks = true;
	reader->slot[slot].session.asked = true;
	exchange_end(reader, slot);
	return r;
}
