/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "t0.h"

#include <errno.h>

#include "bytes.h"
#include "ccid.h"

/* Byte offsets in a TPDU */
enum {
	INS = 1,
	P1 = 2,
	P2 = 3,
	P3 = 4,
};

#define HEADER_SIZE	5
#define DATA_MAX	255	/* that one TPDU carries to the card */
#define P3_MAX		256	/* that one TPDU brings: P3 = 00 */
#define STATUS_SIZE	2	/* SW1 SW2 */
#define LE_SIZE		2	/* at the end of an extended APDU */
#define PART_MIN	7	/* header and two bytes of data */
#define EMPTY_MAX	2

#define GET_RESPONSE	0xC0
#define ENVELOPE	0xC2

#define NULL_BYTE	0x60
#define SW1_MORE	0x61
#define SW1_LENGTH	0x6C

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool is_sw1(uint8_t byte)
{
	return (byte & 0xF0) == 0x60 || (byte & 0xF0) == 0x90;
}

/* P3 and SW2: zero means 256. */
static size_t length_of(uint8_t byte)
{
	return byte ? byte : P3_MAX;
}

/* Only what the command asked for is kept; what exceeds the room is counted. */
static void store(struct t0 *engine, const uint8_t *data, size_t size,
		  size_t max)
{
	size_t kept = smaller(size, max - engine->received);

	if (engine->received < engine->room)
		copy_bounded(engine->answer + engine->received,
			     engine->room - engine->received, data, kept);
	engine->received += kept;
}

static void store_data(struct t0 *engine, const uint8_t *data, size_t size)
{
	store(engine, data, size, engine->command.le);
	engine->brought += size;
}

static int finish(struct t0 *engine, uint8_t sw1, uint8_t sw2)
{
	const uint8_t status[STATUS_SIZE] = { sw1, sw2 };

	store(engine, status, STATUS_SIZE, APDU_ANSWER_MAX);
	return engine->received > engine->room ? -ENOBUFS : ENGINE_DONE;
}

static int send_tpdu(const struct t0 *engine, struct engine_block *ret_block)
{
	*ret_block = (struct engine_block){
		.data = engine->tpdu,
		.size = engine->tpdu_size,
	};
	return ENGINE_SEND;
}

/*
 * How many characters surely come, so that none is waited for in vain: after
 * the last byte of data two more at least, SW1 and SW2; else a procedure byte.
 */
static size_t wanted(const struct t0 *engine)
{
	if (!engine->coming)
		return 1;
	if (engine->brought + engine->coming < engine->expected)
		return smaller(engine->coming + 1, engine->part);
	return smaller(engine->coming + STATUS_SIZE, engine->part);
}

/* What the card asked for goes first; then its next characters are wanted. */
static int send_characters(struct t0 *engine, struct engine_block *ret_block)
{
	size_t size = smaller(engine->due, engine->part);

	*ret_block = (struct engine_block){
		.data = engine->tpdu + engine->sent,
		.size = size,
	};
	engine->sent += size;
	engine->due -= size;
	if (!engine->due)
		ret_block->level_parameter = (uint16_t)wanted(engine);
	return ENGINE_SEND;
}

static int start_tpdu(struct t0 *engine, size_t expected,
		      struct engine_block *ret_block)
{
	engine->expected = expected;
	engine->brought = 0;
	engine->sent = 0;
	engine->due = HEADER_SIZE;
	engine->coming = 0;
	engine->sw1 = 0;
	return engine->character ? send_characters(engine, ret_block) :
				   send_tpdu(engine, ret_block);
}

/*
 * Data goes one way only, yet a reader of TPDU level that fetches the answer of
 * case 4 by itself does no harm.
 */
static size_t expected_after_data(const struct t0 *engine)
{
	return engine->character ? 0 : smaller(engine->command.le, P3_MAX);
}

static size_t data_max(const struct t0 *engine)
{
	if (engine->character)
		return DATA_MAX;
	return smaller(DATA_MAX, engine->part - HEADER_SIZE);
}

static int send_data(struct t0 *engine, const uint8_t *data, size_t size,
		     struct engine_block *ret_block)
{
	engine->tpdu[P3] = (uint8_t)size;
	memcpy(engine->tpdu + HEADER_SIZE, data, size);
	engine->tpdu_size = HEADER_SIZE + size;
	return start_tpdu(engine, expected_after_data(engine), ret_block);
}

static int ask_for_data(struct t0 *engine, size_t size,
			struct engine_block *ret_block)
{
	engine->tpdu[P3] = (uint8_t)size;
	engine->tpdu_size = HEADER_SIZE;
	return start_tpdu(engine, size, ret_block);
}

static int send_header(struct t0 *engine, struct engine_block *ret_block)
{
	engine->tpdu[P3] = 0;
	engine->tpdu_size = engine->character ? HEADER_SIZE : HEADER_SIZE - 1;
	return start_tpdu(engine, 0, ret_block);
}

/* A command of the transport's own, in the class of the command. */
static void put_transport(struct t0 *engine, uint8_t ins)
{
	engine->tpdu[INS] = ins;
	engine->tpdu[P1] = 0;
	engine->tpdu[P2] = 0;
}

/*
 * The card knows by the lengths inside where the command ends. A cut just
 * before Le would end it too early, as case 3, so that is avoided.
 */
static int send_envelope(struct t0 *engine, struct engine_block *ret_block)
{
	const uint8_t *data = engine->bytes + engine->enveloped;
	size_t left = engine->size - engine->enveloped;
	size_t size = smaller(left, data_max(engine));

	if (engine->command.le && left - size == LE_SIZE)
		size--;
	engine->enveloped += size;
	put_transport(engine, ENVELOPE);
	return send_data(engine, data, size, ret_block);
}

static int get_response(struct t0 *engine, size_t available,
			struct engine_block *ret_block)
{
	size_t left = engine->command.le - engine->received;
	size_t size = smaller(available, left);

	engine->empty = engine->brought ? 0 : engine->empty + 1;
	if (engine->empty > EMPTY_MAX)
		return -EPROTO;
	if (!engine->character)
		size = smaller(size, engine->part - STATUS_SIZE);
	engine->corrected = false;
	put_transport(engine, GET_RESPONSE);
	return ask_for_data(engine, size, ret_block);
}

/* Only a header is sent twice: the card has seen no data of it. */
static bool correctable(const struct t0 *engine)
{
	return !engine->corrected && !engine->brought &&
	       engine->tpdu_size == HEADER_SIZE;
}

static int correct_length(struct t0 *engine, size_t size,
			  struct engine_block *ret_block)
{
	engine->corrected = true;
	return ask_for_data(engine, size, ret_block);
}

static int end_tpdu(struct t0 *engine, uint8_t sw1, uint8_t sw2,
		    struct engine_block *ret_block)
{
	bool done = sw1 == 0x90 && sw2 == 0x00;

	if (!engine->extended)
		return finish(engine, sw1, sw2);
	if (engine->enveloped < engine->size)
		return done && !engine->brought ?
		       send_envelope(engine, ret_block) :
		       finish(engine, sw1, sw2);
	if (sw1 == SW1_MORE && engine->received < engine->command.le)
		return get_response(engine, length_of(sw2), ret_block);
	if (sw1 == SW1_LENGTH && correctable(engine))
		return correct_length(engine, length_of(sw2), ret_block);
	return finish(engine, sw1, sw2);
}

static int take_tpdu(struct t0 *engine, const uint8_t *data, size_t size,
		     struct engine_block *ret_block)
{
	if (size < STATUS_SIZE || size - STATUS_SIZE > engine->expected)
		return -EPROTO;
	store_data(engine, data, size - STATUS_SIZE);
	return end_tpdu(engine, data[size - 2], data[size - 1], ret_block);
}

/* The card wants all that is left, or one byte, in whichever direction. */
static int take_ack(struct t0 *engine, bool all)
{
	size_t to_card = engine->tpdu_size - engine->sent;
	size_t from_card = engine->expected - engine->brought;

	if (to_card)
		engine->due = all ? to_card : 1;
	else if (from_card)
		engine->coming = all ? from_card : 1;
	else
		return -EPROTO;
	return 0;
}

static int take_procedure_byte(struct t0 *engine, uint8_t byte)
{
	uint8_t difference = byte ^ engine->tpdu[INS];

	if (byte == NULL_BYTE)
		return ++engine->nulls > T0_NULLS_MAX ? -ETIMEDOUT : 0;
	if (is_sw1(byte)) {
		engine->sw1 = byte;
		return 0;
	}
	/* The last bit once told the programming voltage. */
	switch (difference & 0xFE) {
	case 0x00:
		return take_ack(engine, true);
	case 0xFE:
		return take_ack(engine, false);
	}
	return -EPROTO;
}

/* Returns how many were taken, at least one, or an error. */
static int take_some(struct t0 *engine, const uint8_t *data, size_t size)
{
	size_t count = smaller(engine->coming, size);
	int r;

	if (engine->due)
		return -EPROTO;	/* it is the card's turn to listen */
	if (count) {
		store_data(engine, data, count);
		engine->coming -= count;
		return (int)count;
	}
	r = take_procedure_byte(engine, *data);
	return r < 0 ? r : 1;
}

static int take_characters(struct t0 *engine, const uint8_t *data, size_t size,
			   struct engine_block *ret_block)
{
	engine->idle = size || engine->due ? 0 : engine->idle + 1;
	if (engine->idle > EMPTY_MAX)
		return -EPROTO;
	while (size && !engine->sw1) {
		int taken = take_some(engine, data, size);

		if (taken < 0)
			return taken;
		data += taken;
		size -= (size_t)taken;
	}
	if (!size)
		return send_characters(engine, ret_block);
	if (size > 1)
		return -EPROTO;
	return end_tpdu(engine, engine->sw1, *data, ret_block);
}

static int start_command(struct t0 *engine, struct engine_block *ret_block)
{
	const struct apdu_command *command = &engine->command;

	memcpy(engine->tpdu, engine->bytes, HEADER_SIZE - 1);
	if (command->lc > data_max(engine))
		return send_envelope(engine, ret_block);
	engine->enveloped = engine->size;
	if (command->lc)
		return send_data(engine, command->data, command->lc, ret_block);
	if (command->le)
		return ask_for_data(engine, smaller(command->le, P3_MAX),
				    ret_block);
	return send_header(engine, ret_block);
}

static int check_start(const struct t0 *engine, size_t part)
{
	const struct apdu_command *command = &engine->command;

	if (engine->character && is_sw1(engine->bytes[INS]))
		return -EINVAL;
	if (part < PART_MIN)
		return -EMSGSIZE;
	if (!engine->extended && command->lc > data_max(engine))
		return -EMSGSIZE;
	return engine->room < STATUS_SIZE ? -ENOBUFS : 0;
}

int t0_start(struct t0 *engine, bool character, size_t message_max,
	     const uint8_t *command, size_t command_size, uint8_t *answer,
	     size_t room, struct engine_block *ret_block)
{
	struct t0 started = {
		.bytes = command,
		.size = command_size,
		.character = character,
		.part = message_max - CCID_HEADER_SIZE,
		.answer = answer,
		.room = room,
	};
	int r;

	if (command_size > APDU_COMMAND_MAX)
		return -EMSGSIZE;
	r = apdu_parse(command, command_size, &started.command);
	if (r < 0)
		return r;
	started.extended = started.command.kind >= APDU_CASE_2_EXTENDED;
	r = check_start(&started, started.part);
	if (r < 0)
		return r;
	*engine = started;
	return start_command(engine, ret_block);
}

int t0_step(struct t0 *engine, const struct engine_reply *reply,
	    struct engine_block *ret_block)
{
	switch (reply->event) {
	case ENGINE_ANSWERED:
		break;
	case ENGINE_SILENT:
		return -ETIMEDOUT;
	case ENGINE_GARBLED:
		return -EIO;
	}
	if (engine->character)
		return take_characters(engine, reply->data, reply->size,
				       ret_block);
	return take_tpdu(engine, reply->data, reply->size, ret_block);
}

size_t t0_characters(const struct t0 *engine, const struct engine_block *block)
{
	if (engine->character)
		return block->level_parameter;
	return 1 + engine->expected + STATUS_SIZE;
}
