/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "card.h"

#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "ccid.h"
#include "clock.h"
#include "escape.h"
#include "exchange.h"
#include "greet.h"
#include "log.h"
#include "movement.h"
#include "movement_told.h"
#include "params.h"
#include "protocol.h"

#define POWER_ON_MS	10000	/* one attempt, without time extensions */
#define POWER_ALL_MS	30000	/* all of them */
#define POWER_OFF_MS	3000
#define UP_MS	(POWER_ALL_MS + EXCHANGE_MEND_MS)
#define DOWN_MS	(POWER_OFF_MS + POWER_OFF_MS + EXCHANGE_MEND_MS)
#define AGREE_MS	60000
#define ERROR_EMV_MODE	0xBB	/* some makers' own */
#define SELECT_NONE	0xFF	/* the card needed more than one attempt */
#define POWER_PAUSE_MS	100	/* for a card that has to lose its charge */

static int run_until(struct reader *reader, unsigned slot, uint8_t type,
		     uint64_t deadline)
{
	const struct exchange_command command = {
		.type = type,
		.wait_ms = POWER_OFF_MS,
		.deadline = deadline,
	};
	struct ccid_reply reply;

	return exchange_run(reader, slot, &command, &reply);
}

static void power_off_alone(struct reader *reader, unsigned slot)
{
	run_until(reader, slot, CCID_POWER_OFF, clock_now() + POWER_OFF_MS);
}

int card_cycle_owned(struct reader *reader, unsigned slot)
{
	static const uint8_t types[] = {
		CCID_POWER_OFF, CCID_POWER_ON, CCID_POWER_OFF,
	};
	uint64_t deadline = clock_now() + POWER_OFF_MS;
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(types); i++)
		r = run_until(reader, slot, types[i], deadline);
	return r;
}

static void note_atr(struct reader *reader, unsigned slot,
		     const uint8_t *atr, size_t size)
{
	struct slot *s = &reader->slot[slot];

	pthread_mutex_lock(&reader->lock);
	copy_bounded(s->atr, sizeof(s->atr), atr, size);
	s->atr_size = size;
	pthread_mutex_unlock(&reader->lock);
}

size_t card_atr(struct reader *reader, unsigned slot, uint8_t *atr)
{
	struct slot *s = &reader->slot[slot];
	size_t size;

	pthread_mutex_lock(&reader->lock);
	size = copy_bounded(atr, READER_ATR_MAX, s->atr, s->atr_size);
	pthread_mutex_unlock(&reader->lock);
	return size;
}

static int power_on(struct reader *reader, unsigned slot, uint8_t select,
		    uint64_t deadline, struct ccid_reply *ret_reply)
{
	const struct exchange_command command = {
		.type = CCID_POWER_ON,
		.parameters = { select },
		.wait_ms = POWER_ON_MS,
		.deadline = deadline,
	};

	return exchange_run(reader, slot, &command, ret_reply);
}

/* In EMV mode a reader refuses all cards but those of banks. */
static bool leaves_emv_mode(struct reader *reader, unsigned slot,
			    const struct ccid_reply *refusal)
{
	static const uint8_t iso_mode[] = { 0x1F, 0x01 };
	struct ccid_reply reply;

	return reader->quirk.flags & QUIRK_ISO_MODE &&
	       refusal->outcome == CCID_FAILED &&
	       refusal->error == ERROR_EMV_MODE &&
	       escape_run(reader, slot, iso_mode, sizeof(iso_mode),
			  &reply) == 0;
}

/* 0: the reader has an ATR. -EIO: the card did not answer at this voltage. */
static int try_voltage(struct reader *reader, unsigned slot, uint8_t select,
		       uint64_t deadline)
{
	struct ccid_reply reply;
	int r = power_on(reader, slot, select, deadline, &reply);

	if (r == 0 && leaves_emv_mode(reader, slot, &reply))
		r = power_on(reader, slot, select, deadline, &reply);
	if (r < 0)
		return r;
	if (reply.outcome != CCID_DONE || reply.size > READER_ATR_MAX)
		return -EIO;
	note_atr(reader, slot, reply.data, reply.size);
	return 0;
}

static size_t order_voltages(const struct reader *reader,
			     uint8_t ret_order[PARAMS_VOLTAGES_MAX])
{
	enum params_first first =
		(enum params_first)(reader->options.driver_options >>
				    OPTIONS_VOLTAGE_SHIFT &
				    OPTIONS_VOLTAGE_MASK);

	return params_voltages(&reader->desc, first, 0, ret_order);
}

/* That the card answered at last, or else the one to begin with. */
static uint8_t voltage_in_use(const struct reader *reader, unsigned slot)
{
	uint8_t order[PARAMS_VOLTAGES_MAX] = { CCID_POWER_AUTO };
	uint8_t select = reader->slot[slot].select;

	if (select != SELECT_NONE)
		return select;
	order_voltages(reader, order);
	return order[0];
}

/* An ATR may tell for which voltages the card is made (ISO 7816-3, class). */
static bool suits(struct reader *reader, unsigned slot, uint8_t select)
{
	uint8_t bytes[READER_ATR_MAX];
	struct atr atr;

	if (select == CCID_POWER_AUTO ||
	    atr_parse(bytes, card_atr(reader, slot, bytes), &atr) < 0)
		return true;
	return !atr.classes || atr.classes >> (select - CCID_POWER_5V) & 1;
}

/*
 * A card that answered at this voltage in its visit, and now does not, may have
 * been pulled meanwhile. Where notifications do not tell, nothing else does.
 */
static void suspect(struct reader *reader, unsigned slot, uint8_t select)
{
	const struct track *track = &reader->track;
	const struct track_slot *s = &track->slot[slot];

	pthread_mutex_lock(&reader->lock);
	if (s->again && reader->slot[slot].select == select &&
	    (track->trust != TRACK_PROVEN ||
	     (s->chatty >> TRACK_POWER_ON & 1)))
		movement_replied(reader, slot, CCID_ICC_ABSENT, false);
	pthread_mutex_unlock(&reader->lock);
}

/* Caller owns the slot, the card did not answer. */
static bool may_try_again(struct reader *reader, unsigned slot, uint8_t select,
			  uint64_t deadline)
{
	suspect(reader, slot, select);
	return exchange_recheck(reader, slot, EXCHANGE_POWER) == 0 &&
	       clock_now() < deadline;
}

/*
 * Each voltage once, and the first one once more: some cards wake up late, and
 * one that no voltage suits is better used than refused.
 */
static int try_voltages(struct reader *reader, unsigned slot)
{
	uint64_t deadline = clock_now() + POWER_ALL_MS;
	uint8_t order[PARAMS_VOLTAGES_MAX];
	size_t n = order_voltages(reader, order);
	int r = -EIO;

	for (size_t i = 0; i <= n; i++) {
		uint8_t select = order[i % n];

		r = try_voltage(reader, slot, select, deadline);
		if (r == 0 && i < n && !suits(reader, slot, select))
			r = -EIO;
		if (r == 0)
			reader->slot[slot].select = i < n ? select
							  : SELECT_NONE;
		if (r != -EIO && r != -ETIMEDOUT && r != -EPROTO)
			return r;
		power_off_alone(reader, slot);
		if (!may_try_again(reader, slot, select, deadline))
			return r;
		if (i + 1 != n)
			continue;
		exchange_pause(reader, slot, POWER_PAUSE_MS);
		if (!may_try_again(reader, slot, select, deadline))
			return r;
	}
	return r;
}

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
	s->shown_size = copy_bounded(s->shown_atr, sizeof(s->shown_atr),
				     s->atr, s->atr_size);
	pthread_mutex_unlock(&reader->lock);
}

/* A warm reset. Its ATR may be another one than that of a cold one. */
static int reset_warm(struct reader *reader, unsigned slot)
{
	int r = try_voltage(reader, slot, voltage_in_use(reader, slot),
			    clock_now() + POWER_ON_MS);
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
	note_atr(reader, slot, NULL, 0);
	reader->slot[slot].session.asked = false;
	reader->slot[slot].session.agreed = false;
	reader->slot[slot].session.spoilt = false;
	if (warm && reset_warm(reader, slot) == 0)
		return note_powered(reader, slot, true);
	if (how != UP || reader->quirk.flags & QUIRK_OFF_BEFORE_ON)
		power_off_alone(reader, slot);
	r = warm ? exchange_recheck(reader, slot, EXCHANGE_POWER) : 0;
	if (r == 0)
		r = try_voltages(reader, slot);
	if (r < 0)
		note_atr(reader, slot, NULL, 0);
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
	power_off_alone(reader, slot);
	note_atr(reader, slot, NULL, 0);
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
	uint64_t deadline = clock_now() + POWER_ON_MS;
	int r;

	power_off_alone(reader, slot);
	reader->slot[slot].session.asked = false;
	reader->slot[slot].session.agreed = false;
	r = try_voltage(reader, slot, voltage_in_use(reader, slot), deadline);
	if (r < 0) {
		power_off_alone(reader, slot);
		note_atr(reader, slot, NULL, 0);
	} else if (reader->slot[slot].select != SELECT_NONE) {
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
		*ret_size = card_atr(reader, slot, atr);
	exchange_end(reader, slot);
	return r;
}

int card_power_up(struct reader *reader, unsigned slot, bool reset,
		  uint8_t *atr, size_t *ret_size)
{
	int r = power_up_for(reader, slot, reset, atr, ret_size);

	if (r < 0)
		movement_hold(reader, slot);
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
