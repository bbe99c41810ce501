/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "supply.h"

#include <errno.h>

#include "atr.h"
#include "bytes.h"
#include "ccid.h"
#include "clock.h"
#include "escape.h"
#include "exchange.h"
#include "movement.h"
#include "params.h"

#define ERROR_EMV_MODE	0xBB	/* some makers' own */
#define PAUSE_MS	100	/* for a card that has to lose its charge */

static int run_until(struct reader *reader, unsigned slot, uint8_t type,
		     uint64_t deadline)
{
	const struct exchange_command command = {
		.type = type,
		.wait_ms = SUPPLY_OFF_MS,
		.deadline = deadline,
	};
	struct ccid_reply reply;

	return exchange_run(reader, slot, &command, &reply);
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

static int power_on(struct reader *reader, unsigned slot, uint8_t select,
		    uint64_t deadline, struct ccid_reply *ret_reply)
{
	const struct exchange_command command = {
		.type = CCID_POWER_ON,
		.parameters = { select },
		.wait_ms = SUPPLY_ON_MS,
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

	if (select != SUPPLY_UNSETTLED)
		return select;
	order_voltages(reader, order);
	return order[0];
}

size_t supply_atr(struct reader *reader, unsigned slot, uint8_t *atr)
{
	struct slot *s = &reader->slot[slot];
	size_t size;

	pthread_mutex_lock(&reader->lock);
	size = copy_bounded(atr, READER_ATR_MAX, s->atr, s->atr_size);
	pthread_mutex_unlock(&reader->lock);
	return size;
}

void supply_cut(struct reader *reader, unsigned slot)
{
	run_until(reader, slot, CCID_POWER_OFF, clock_now() + SUPPLY_OFF_MS);
}

int supply_rouse(struct reader *reader, unsigned slot)
{
	static const uint8_t types[] = {
		CCID_POWER_OFF, CCID_POWER_ON, CCID_POWER_OFF,
	};
	uint64_t deadline = clock_now() + SUPPLY_OFF_MS;
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(types); i++)
		r = run_until(reader, slot, types[i], deadline);
	return r;
}

/* An ATR may tell for which voltages the card is made (ISO 7816-3, class). */
static bool suits(struct reader *reader, unsigned slot, uint8_t select)
{
	uint8_t bytes[READER_ATR_MAX];
	struct atr atr;

	if (select == CCID_POWER_AUTO ||
	    atr_parse(bytes, supply_atr(reader, slot, bytes), &atr) < 0)
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

/* The card did not answer. */
static bool may_try_again(struct reader *reader, unsigned slot, uint8_t select,
			  uint64_t deadline)
{
	suspect(reader, slot, select);
	return exchange_recheck(reader, slot, EXCHANGE_POWER) == 0 &&
	       clock_now() < deadline;
}

int supply_search(struct reader *reader, unsigned slot)
{
	uint64_t deadline = clock_now() + SUPPLY_ALL_MS;
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
							  : SUPPLY_UNSETTLED;
		if (r != -EIO && r != -ETIMEDOUT && r != -EPROTO)
			return r;
		supply_cut(reader, slot);
		if (!may_try_again(reader, slot, select, deadline))
			return r;
		if (i + 1 != n)
			continue;
		exchange_pause(reader, slot, PAUSE_MS);
		if (!may_try_again(reader, slot, select, deadline))
			return r;
	}
	return r;
}

int supply_repeat(struct reader *reader, unsigned slot, uint64_t deadline)
{
	return try_voltage(reader, slot, voltage_in_use(reader, slot),
			   deadline);
}
