/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "card.h"

#include <errno.h>
#include <string.h>

#include "apdu.h"
#include "bytes.h"
#include "ccid.h"
#include "clock.h"
#include "exchange.h"
#include "log.h"
#include "movement.h"

#define POWER_ON_MS	10000	/* one attempt, without time extensions */
#define POWER_ALL_MS	40000	/* all of them */
#define POWER_OFF_MS	3000
#define TRANSMIT_MS	60000	/* one block, without time extensions */
#define TRANSMIT_ALL_MS	600000	/* a card may make keys for minutes */

/* Lowest last: many old cards of class A answer at 3 V and then fail. */
static const struct {
	uint8_t support, select;
} voltages[] = {
	{ DESC_VOLTAGE_5V, CCID_POWER_5V },
	{ DESC_VOLTAGE_3V, CCID_POWER_3V },
	{ DESC_VOLTAGE_1V8, CCID_POWER_1V8 },
};

#define VOLTAGES	(sizeof(voltages) / sizeof(voltages[0]))

/* What there is to try, in order. Returns how many. */
static size_t voltage_order(const struct desc *desc, uint8_t select[VOLTAGES])
{
	size_t n = 0;

	if (!(desc->features & (DESC_AUTO_VOLTAGE | DESC_AUTO_ACTIVATION)))
		for (size_t i = 0; i < VOLTAGES; i++)
			if (desc->voltages & voltages[i].support)
				select[n++] = voltages[i].select;
	if (!n)
		select[n++] = CCID_POWER_AUTO;
	return n;
}

void card_power_off_owned(struct reader *reader, unsigned slot)
{
	const struct exchange_command command = {
		.type = CCID_POWER_OFF,
		.wait_ms = POWER_OFF_MS,
		.deadline = CLOCK_NEVER,
	};
	struct ccid_reply reply;

	exchange_run(reader, slot, &command, &reply);
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

/* 0: the reader has an ATR. -EIO: the card did not answer at this voltage. */
static int try_voltage(struct reader *reader, unsigned slot, uint8_t select,
		       uint64_t deadline)
{
	const struct exchange_command command = {
		.type = CCID_POWER_ON,
		.parameters = { select },
		.wait_ms = POWER_ON_MS,
		.deadline = deadline,
	};
	struct ccid_reply reply;
	int r = exchange_run(reader, slot, &command, &reply);

	if (r < 0)
		return r;
	if (reply.outcome != CCID_DONE || reply.size > READER_ATR_MAX)
		return -EIO;
	note_atr(reader, slot, reply.data, reply.size);
	return 0;
}

static int try_voltages(struct reader *reader, unsigned slot)
{
	uint64_t deadline = clock_now() + POWER_ALL_MS;
	uint8_t select[VOLTAGES];
	size_t n = voltage_order(&reader->desc, select);
	int r = -EIO;

	for (size_t i = 0; i < n; i++) {
		r = try_voltage(reader, slot, select[i], deadline);
		if (r != -EIO && r != -ETIMEDOUT)
			return r;
		card_power_off_owned(reader, slot);
		if (exchange_recheck(reader, slot, EXCHANGE_POWER) < 0)
			return r;
	}
	return r;
}

static void note_power(struct reader *reader, unsigned slot,
		       enum track_power kind)
{
	pthread_mutex_lock(&reader->lock);
	track_power_begun(&reader->track, slot, kind, clock_now());
	pthread_mutex_unlock(&reader->lock);
}

static int note_powered(struct reader *reader, unsigned slot, bool done)
{
	int r;

	pthread_mutex_lock(&reader->lock);
	r = track_power_ended(&reader->track, slot, done, clock_now());
	pthread_mutex_unlock(&reader->lock);
	return r;
}

static int power_up(struct reader *reader, unsigned slot, bool reset)
{
	int r;

	note_power(reader, slot, TRACK_POWER_ON);
	note_atr(reader, slot, NULL, 0);
	if (reset)
		card_power_off_owned(reader, slot);
	r = try_voltages(reader, slot);
	if (r < 0)
		note_atr(reader, slot, NULL, 0);
	return note_powered(reader, slot, r == 0);
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

int card_power_up(struct reader *reader, unsigned slot, bool reset,
		  uint8_t *atr, size_t *ret_size)
{
	int r = exchange_begin(reader, slot, EXCHANGE_POWER);

	if (r < 0)
		return r;
	r = power_up(reader, slot, reset);
	if (r == 0)
		*ret_size = card_atr(reader, slot, atr);
	exchange_end(reader, slot);
	return r;
}

int card_power_off(struct reader *reader, unsigned slot)
{
	int r = exchange_begin(reader, slot, EXCHANGE_READER);

	if (r < 0)
		return r;
	note_power(reader, slot, TRACK_POWER_OFF);
	card_power_off_owned(reader, slot);
	note_atr(reader, slot, NULL, 0);
	r = note_powered(reader, slot, true);
	exchange_end(reader, slot);
	return r;
}

int card_set_protocol(struct reader *reader, unsigned slot,
		      unsigned long protocol)
{
	int r;

	if (protocol != CARD_T0 && protocol != CARD_T1)
		return -EINVAL;
	/* At APDU level the reader has set everything from the ATR. */
	r = exchange_begin(reader, slot, EXCHANGE_CARD);
	if (r == 0)
		exchange_end(reader, slot);
	return r;
}

static const struct {
	uint8_t error;
	enum engine_event event;
} events[] = {
	{ CCID_ERROR_MUTE, ENGINE_SILENT },
	{ CCID_ERROR_PARITY, ENGINE_GARBLED },
	{ CCID_ERROR_OVERRUN, ENGINE_GARBLED },
};

/* What the reader's reply means to an engine; else a negative errno. */
static int understand(const struct ccid_reply *reply,
		      struct engine_reply *ret_reply)
{
	*ret_reply = (struct engine_reply){
		.event = ENGINE_ANSWERED,
		.chain_parameter = reply->extra,
		.data = reply->data,
		.size = reply->size,
	};
	if (reply->icc == CCID_ICC_ABSENT)
		return -ESTALE;
	if (reply->outcome == CCID_DONE)
		return 0;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i].error == reply->error) {
			*ret_reply = (struct engine_reply){
				.event = events[i].event,
			};
			return 0;
		}
	return -EIO;
}

static int send_block(struct reader *reader, unsigned slot,
		      const struct engine_block *block, uint64_t deadline,
		      struct engine_reply *ret_reply)
{
	const struct exchange_command command = {
		.type = CCID_XFR_BLOCK,
		.parameters = { block->bwi, (uint8_t)block->level_parameter,
				(uint8_t)(block->level_parameter >> 8) },
		.data = block->data,
		.size = block->size,
		.wait_ms = TRANSMIT_MS,
		.deadline = deadline,
	};
	struct ccid_reply reply;
	int r = exchange_recheck(reader, slot, EXCHANGE_CARD);

	if (r < 0)
		return r;
	r = exchange_run(reader, slot, &command, &reply);
	if (r < 0)
		return r;
	return understand(&reply, ret_reply);
}

static int transmit(struct reader *reader, unsigned slot, struct apdu *engine,
		    struct engine_block *block)
{
	uint64_t deadline = clock_now() + TRANSMIT_ALL_MS;
	int r = ENGINE_SEND;

	while (r == ENGINE_SEND) {
		struct engine_reply reply;

		r = send_block(reader, slot, block, deadline, &reply);
		if (r < 0)
			return r;
		r = apdu_step(engine, &reply, block);
	}
	return r < 0 ? r : 0;
}

/*
 * The failure may be the first sign of a card that left: what to tell depends
 * on what the slot holds now.
 */
static int explain(struct reader *reader, unsigned slot, int r)
{
	int now = exchange_recheck(reader, slot, EXCHANGE_POWER);

	if (now == -ENODEV || now == -ENOMEDIUM)
		return now;
	return r;
}

int card_transmit(struct reader *reader, unsigned slot, const uint8_t *command,
		  size_t size, uint8_t *answer, size_t room, size_t *ret_size)
{
	struct engine_block block;
	struct apdu engine;
	int r = apdu_start(&engine,
			   reader->desc.level == DESC_LEVEL_EXTENDED_APDU,
			   reader->desc.max_message, command, size, answer,
			   room, &block);

	*ret_size = 0;
	if (r < 0)
		return r;
	r = exchange_begin(reader, slot, EXCHANGE_CARD);
	if (r < 0)
		return r;
	r = transmit(reader, slot, &engine, &block);
	if (r < 0)
		r = explain(reader, slot, r);
	exchange_end(reader, slot);
	if (r < 0)
		explicit_bzero(answer, engine.received < room ? engine.received
							       : room);
	else
		*ret_size = engine.received;
	return r;
}
