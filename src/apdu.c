/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "apdu.h"

#include <errno.h>

#include "bytes.h"
#include "ccid.h"

#define HEADER_SIZE		4	/* CLA INS P1 P2 */
#define EMPTY_PARTS_MAX		2

/* APDUs are big endian. */
static uint32_t get_be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t length_at(const uint8_t *p, bool extended)
{
	return extended ? get_be16(p) : *p;
}

/* All bits zero is one more than the largest number that the bits tell. */
static uint32_t le_at(const uint8_t *p, bool extended)
{
	uint32_t le = length_at(p, extended);

	if (le)
		return le;
	return extended ? 65536 : 256;
}

static const enum apdu_case kinds[2][3] = {
	{ APDU_CASE_2_SHORT, APDU_CASE_3_SHORT, APDU_CASE_4_SHORT },
	{ APDU_CASE_2_EXTENDED, APDU_CASE_3_EXTENDED, APDU_CASE_4_EXTENDED },
};

/* There is one length at least: the caller has seen so many bytes. */
static int parse_lengths(const uint8_t *bytes, size_t size, bool extended,
			 struct apdu_command *ret_command)
{
	size_t width = extended ? 2 : 1;
	size_t at = extended ? HEADER_SIZE + 1 : HEADER_SIZE;
	size_t end = at + width;	/* of the first length, then of data */
	struct apdu_command command = { .data = bytes + end };
	unsigned shape = 0;		/* column in kinds */

	if (size > end) {
		command.lc = length_at(bytes + at, extended);
		if (!command.lc)
			return -EINVAL;
		end += command.lc;
		if (size != end && size != end + width)
			return -EINVAL;
		shape = size == end ? 1 : 2;
	}
	command.kind = kinds[extended][shape];
	if (shape != 1)
		command.le = le_at(bytes + size - width, extended);
	*ret_command = command;
	return 0;
}

int apdu_parse(const uint8_t *bytes, size_t size,
	       struct apdu_command *ret_command)
{
	bool extended = size > HEADER_SIZE + 1 && bytes[HEADER_SIZE] == 0;

	if (size < HEADER_SIZE || (extended && size < HEADER_SIZE + 3))
		return -EINVAL;
	if (size > HEADER_SIZE)
		return parse_lengths(bytes, size, extended, ret_command);
	*ret_command = (struct apdu_command){
		.kind = APDU_CASE_1,
		.data = bytes + HEADER_SIZE,
	};
	return 0;
}

/* The next part of the command, with the parameter that tells its place. */
static int send_part(struct apdu *engine, struct engine_block *ret_block)
{
	size_t left = engine->command_size - engine->sent;
	bool first = engine->sent == 0;
	bool last = left <= engine->part;

	*ret_block = (struct engine_block){
		.data = engine->command + engine->sent,
		.size = last ? left : engine->part,
	};
	if (first)
		ret_block->level_parameter = last ? CCID_CHAIN_WHOLE :
						    CCID_CHAIN_BEGIN;
	else
		ret_block->level_parameter = last ? CCID_CHAIN_END :
						    CCID_CHAIN_MIDDLE;
	engine->sent += ret_block->size;
	return ENGINE_SEND;
}

static int ask_for_more(const struct apdu *engine, struct engine_block *ret_block)
{
	*ret_block = (struct engine_block){
		.data = engine->command,
		.level_parameter = CCID_CHAIN_CONTINUE,
	};
	return ENGINE_SEND;
}

static int check_short(const uint8_t *command, size_t size, size_t part)
{
	struct apdu_command parsed;

	if (apdu_parse(command, size, &parsed) < 0)
		return -EINVAL;
	if (parsed.kind >= APDU_CASE_2_EXTENDED || size > part)
		return -EMSGSIZE;
	return 0;
}

int apdu_start(struct apdu *engine, bool extended, size_t message_max,
	       const uint8_t *command, size_t command_size, uint8_t *answer,
	       size_t room, struct engine_block *ret_block)
{
	size_t part = message_max - CCID_HEADER_SIZE;
	int r;

	if (command_size < HEADER_SIZE)
		return -EINVAL;
	if (command_size > APDU_COMMAND_MAX)
		return -EMSGSIZE;
	r = extended ? 0 : check_short(command, command_size, part);
	if (r < 0)
		return r;
	if (room < 2)
		return -ENOBUFS;
	*engine = (struct apdu){
		.command = command,
		.command_size = command_size,
		.part = part,
		.answer = answer,
		.room = room,
		.extended = extended,
	};
	return send_part(engine, ret_block);
}

static int store(struct apdu *engine, const uint8_t *data, size_t size)
{
	if (size > APDU_ANSWER_MAX - engine->received)
		return -EPROTO;
	if (engine->received < engine->room)
		copy_bounded(engine->answer + engine->received,
			     engine->room - engine->received, data, size);
	engine->received += size;
	engine->empty_parts = size ? 0 : engine->empty_parts + 1;
	return 0;
}

static int store_last(struct apdu *engine, const uint8_t *data, size_t size)
{
	int r = store(engine, data, size);

	if (r < 0)
		return r;
	return engine->received > engine->room ? -ENOBUFS : ENGINE_DONE;
}

static int store_part(struct apdu *engine, const uint8_t *data, size_t size,
		      struct engine_block *ret_block)
{
	int r = store(engine, data, size);

	if (r < 0)
		return r;
	if (engine->empty_parts > EMPTY_PARTS_MAX)
		return -EPROTO;
	engine->chained = true;
	return ask_for_more(engine, ret_block);
}

static bool goes_on(const struct apdu *engine, uint8_t chain_parameter)
{
	return chain_parameter ==
	       (engine->chained ? CCID_CHAIN_MIDDLE : CCID_CHAIN_BEGIN);
}

/*
 * At short level the byte is reserved, so a filler there does no harm. Only
 * the beginning of a chain is believed: readers that announce short level and
 * chain long answers exist.
 */
static bool ends(const struct apdu *engine, uint8_t chain_parameter)
{
	if (engine->chained)
		return chain_parameter == CCID_CHAIN_END;
	return chain_parameter == CCID_CHAIN_WHOLE || !engine->extended;
}

static int take_answer(struct apdu *engine, const struct engine_reply *reply,
		       struct engine_block *ret_block)
{
	if (engine->sent < engine->command_size) {
		if (reply->chain_parameter != CCID_CHAIN_CONTINUE ||
		    reply->size)
			return -EPROTO;
		return send_part(engine, ret_block);
	}
	if (goes_on(engine, reply->chain_parameter))
		return store_part(engine, reply->data, reply->size, ret_block);
	if (ends(engine, reply->chain_parameter))
		return store_last(engine, reply->data, reply->size);
	return -EPROTO;
}

int apdu_step(struct apdu *engine, const struct engine_reply *reply,
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
	return take_answer(engine, reply, ret_block);
}
