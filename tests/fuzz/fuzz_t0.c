/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The input is the set-up of one exchange and a script of replies; numbers are
 * little endian, and 0 where the input has ended.
 *
 *   1 byte    bit 0: character level
 *   3 bytes   message size, from the smallest allowed on
 *   3 bytes   room for the answer
 *   3 bytes   size of the command
 *   1 byte    how many of the command's bytes follow; the others are a pattern
 *   then, for each step of the script:
 *   1 byte    how often the reply comes, less one
 *   2 bytes   bits 0-9: size of a pattern at its beginning; bit 10: as many as
 *             are asked for, instead; bit 11: no reply, the card is silent, or
 *             with bit 10 its line garbled; bits 12-15: size of what follows
 *   0-15 bytes the reply's end
 *
 * At TPDU level the engine is held against the table in its header. At
 * character level what it sends must be the TPDU that is due, in order, and
 * what it asks for must fit the message.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "desc.h"
#include "t0.h"

#define BEYOND		16	/* how far sizes go over their limits */
#define PATTERN_MASK	0x03FF
#define AS_ASKED	0x0400
#define NO_REPLY	0x0800
#define REPLY_MAX	(PATTERN_MASK + 16)

struct script {
	const uint8_t *at;
	size_t left;
};

struct exchange {
	struct t0 engine;
	struct engine_block block;
	struct apdu_command parsed;
	const uint8_t *command;
	size_t command_size;
	uint8_t *answer;
	size_t room;
	size_t part;
	bool character;

	/* the reference, for TPDU level */
	size_t carried;		/* by ENVELOPE */
	bool enveloping;
	uint8_t ins, p3;
	bool to_card;
	bool corrected;
	unsigned empty;
	size_t expected_size;
};

static uint8_t reply_bytes[REPLY_MAX];
static uint8_t expected[APDU_ANSWER_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t take(struct script *script, unsigned bytes)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < bytes && script->left; i++) {
		value |= (uint32_t)*script->at++ << 8 * i;
		script->left--;
	}
	return value;
}

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 11 + (i >> 8));
}

static size_t p3_max(const struct exchange *x)
{
	return x->part - 5 < 255 ? x->part - 5 : 255;
}

static bool extended(const struct exchange *x)
{
	return x->parsed.kind >= APDU_CASE_2_EXTENDED;
}

/* What the next ENVELOPE must carry. */
static size_t envelope_size(const struct exchange *x)
{
	size_t left = x->command_size - x->carried;
	size_t size = left < p3_max(x) ? left : p3_max(x);

	return x->parsed.le && left - size == 2 ? size - 1 : size;
}

static void check_envelope(struct exchange *x)
{
	size_t size = envelope_size(x);
	const uint8_t *sent = x->block.data;

	assert(x->block.size == 5 + size);
	assert(sent[0] == x->command[0] && sent[1] == 0xC2);
	assert(sent[2] == 0 && sent[3] == 0 && sent[4] == size);
	assert(!memcmp(sent + 5, x->command + x->carried, size));
	x->carried += size;
	x->ins = 0xC2;
	x->to_card = true;
	x->corrected = false;
}

static void check_ask(struct exchange *x, uint8_t ins, size_t size)
{
	assert(x->block.size == 5);
	assert(x->block.data[0] == x->command[0]);
	assert(x->block.data[1] == ins);
	assert(x->block.data[4] == (uint8_t)size);
	x->ins = ins;
	x->p3 = (uint8_t)size;
	x->to_card = false;
}

static void check_first(struct exchange *x)
{
	uint32_t lc = x->parsed.lc, le = x->parsed.le;

	x->enveloping = extended(x) && lc > p3_max(x);
	x->carried = x->enveloping ? 0 : x->command_size;
	if (x->enveloping) {
		check_envelope(x);
		return;
	}
	assert(!memcmp(x->block.data, x->command, 4));
	if (!lc && le) {
		check_ask(x, x->command[1], le < 256 ? le : 256);
		return;
	}
	assert(x->block.size == (lc ? 5 + lc : 4));
	if (lc)
		assert(x->block.data[4] == lc &&
		       !memcmp(x->block.data + 5, x->parsed.data, lc));
	x->to_card = true;
}

static size_t most_data(const struct exchange *x)
{
	size_t le = x->parsed.le < 256 ? x->parsed.le : 256;

	if (x->to_card)
		return le;
	return x->p3 ? x->p3 : 256;
}

static void keep(struct exchange *x, const uint8_t *data, size_t size)
{
	size_t left = x->parsed.le - x->expected_size;

	if (size > left)
		size = left;
	memcpy(expected + x->expected_size, data, size);
	x->expected_size += size;
}

static void check_done(struct exchange *x, int next, const uint8_t *status)
{
	size_t size = x->expected_size, stored;

	memcpy(expected + size, status, 2);
	size += 2;
	stored = size < x->room ? size : x->room;
	assert(next == (size > x->room ? -ENOBUFS : ENGINE_DONE));
	assert(x->engine.received == size);
	assert(!memcmp(x->answer, expected, stored));
}

static void check_get_response(struct exchange *x, size_t available)
{
	size_t size = x->parsed.le - x->expected_size;

	if (available < size)
		size = available;
	if (x->part - 2 < size)
		size = x->part - 2;
	check_ask(x, 0xC0, size);
	assert(x->block.data[2] == 0 && x->block.data[3] == 0);
	x->corrected = false;
}

/* The table of t0.h; true if the exchange goes on. */
static bool check_tpdu(struct exchange *x, int next, const uint8_t *data,
		       size_t size)
{
	const uint8_t *status = data + size - 2;
	size_t sw2;
	bool more;

	if (size < 2 || size - 2 > most_data(x)) {
		assert(next == -EPROTO);
		return false;
	}
	keep(x, data, size - 2);
	sw2 = status[1] ? status[1] : 256;
	more = status[0] == 0x61 && x->expected_size < x->parsed.le;
	if (extended(x) && x->carried < x->command_size) {
		if (status[0] == 0x90 && !status[1] && size == 2) {
			assert(next == ENGINE_SEND);
			check_envelope(x);
			return true;
		}
	} else if (extended(x) && more) {
		x->empty = size == 2 ? x->empty + 1 : 0;
		assert(next == (x->empty > 2 ? -EPROTO : ENGINE_SEND));
		if (next == ENGINE_SEND)
			check_get_response(x, sw2);
		return next == ENGINE_SEND;
	} else if (extended(x) && status[0] == 0x6C && size == 2 &&
		   !x->to_card && !x->corrected) {
		assert(next == ENGINE_SEND);
		check_ask(x, x->ins, sw2);
		x->corrected = true;
		return true;
	}
	check_done(x, next, status);
	return false;
}

/* What is sent goes on where the TPDU was left; nothing is asked in between. */
static void check_characters(const struct exchange *x, size_t before)
{
	const struct t0 *engine = &x->engine;

	assert(engine->tpdu_size >= 5 && engine->tpdu_size <= T0_TPDU_MAX);
	assert(engine->sent <= engine->tpdu_size);
	if (x->block.size) {
		assert(x->block.data + x->block.size ==
		       engine->tpdu + engine->sent);
		assert(x->block.data == engine->tpdu + before ||
		       x->block.data == engine->tpdu);
	}
	assert(x->block.size || x->block.level_parameter);
	assert(x->block.level_parameter <= x->part);
	assert(x->block.level_parameter <= 258);
	assert(t0_characters(engine, &x->block) == x->block.level_parameter);
	assert(engine->received <= x->parsed.le);
}

static void check_end(const struct exchange *x, int next)
{
	if (next == ENGINE_DONE)
		assert(x->engine.received >= 2 &&
		       x->engine.received <= x->parsed.le + 2 &&
		       x->engine.received <= x->room);
	else
		assert(next == -EPROTO || next == -ETIMEDOUT ||
		       (next == -ENOBUFS && x->engine.received > x->room));
}

static void fail_step(struct exchange *x, bool garbled)
{
	struct engine_reply reply = {
		.event = garbled ? ENGINE_GARBLED : ENGINE_SILENT,
	};

	assert(t0_step(&x->engine, &reply, &x->block) ==
	       (garbled ? -EIO : -ETIMEDOUT));
}

static bool step(struct exchange *x, const uint8_t *data, size_t size)
{
	struct engine_reply reply = { .data = data, .size = size };
	size_t sent = x->engine.sent;
	int next = t0_step(&x->engine, &reply, &x->block);

	if (!x->character) {
		bool goes_on = check_tpdu(x, next, data, size);

		assert(!goes_on || t0_characters(&x->engine, &x->block) ==
				   most_data(x) + 3);
		return goes_on;
	}
	if (next == ENGINE_SEND)
		check_characters(x, sent);
	else
		check_end(x, next);
	return next == ENGINE_SEND;
}

/* In memory of its own size, so that the sanitizer sees each byte beyond. */
static bool step_exactly(struct exchange *x, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	bool goes_on;

	assert(copy);
	memcpy(copy, reply_bytes, size);
	goes_on = step(x, copy, size);
	free(copy);
	return goes_on;
}

static size_t put_reply(const struct exchange *x, uint32_t shape,
			const uint8_t *end, size_t end_size)
{
	size_t size = shape & PATTERN_MASK;

	if (shape & AS_ASKED)
		size = x->character ? x->block.level_parameter : most_data(x);
	for (size_t i = 0; i < size; i++)
		reply_bytes[i] = pattern(i);
	memcpy(reply_bytes + size, end, end_size);
	return size + end_size;
}

static void play(struct exchange *x, struct script *script)
{
	while (script->left) {
		unsigned repeats = take(script, 1) + 1;
		uint32_t shape = take(script, 2);
		size_t end_size = shape >> 12;
		const uint8_t *end = script->at;

		if (end_size > script->left)
			end_size = script->left;
		script->at += end_size;
		script->left -= end_size;
		if (shape & NO_REPLY) {
			fail_step(x, shape & AS_ASKED);
			return;
		}
		for (; repeats; repeats--)
			if (!step_exactly(x, put_reply(x, shape, end,
						       end_size)))
				return;
	}
}

static void check_refusal(const struct exchange *x, int r, bool parsed)
{
	if (x->command_size > APDU_COMMAND_MAX)
		assert(r == -EMSGSIZE);
	else if (!parsed)
		assert(r == -EINVAL);
	else
		assert(r == -EMSGSIZE || (r == -EINVAL && x->character) ||
		       (r == -ENOBUFS && x->room < 2));
}

static void run(struct exchange *x, size_t message_max, struct script *script)
{
	bool parsed = apdu_parse(x->command, x->command_size, &x->parsed) == 0;
	int r = t0_start(&x->engine, x->character, message_max, x->command,
			 x->command_size, x->answer, x->room, &x->block);

	if (r < 0) {
		check_refusal(x, r, parsed);
		return;
	}
	assert(r == ENGINE_SEND && x->room >= 2 && parsed);
	if (x->character)
		check_characters(x, 0);
	else
		check_first(x);
	play(x, script);
}

static uint8_t *build_command(struct script *script, size_t size)
{
	uint8_t *command = malloc(size ? size : 1);
	size_t given = take(script, 1);

	assert(command);
	for (size_t i = 0; i < size; i++)
		command[i] = pattern(i);
	for (size_t i = 0; i < given && i < size && script->left; i++)
		command[i] = (uint8_t)take(script, 1);
	return command;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exchange x = { 0 };
	struct script script = { data, size };
	size_t message_max;
	uint8_t *command;

	x.character = take(&script, 1) & 1;
	message_max = DESC_MESSAGE_MIN + take(&script, 3) %
		      (DESC_MESSAGE_MAX - DESC_MESSAGE_MIN + 1);
	x.part = message_max - 10;
	x.room = take(&script, 3) % (APDU_ANSWER_MAX + BEYOND);
	x.command_size = take(&script, 3) % (APDU_COMMAND_MAX + BEYOND);
	command = build_command(&script, x.command_size);
	x.command = command;
	x.answer = malloc(x.room ? x.room : 1);
	assert(x.answer);
	run(&x, message_max, &script);
	free(x.answer);
	free(command);
	return 0;
}
