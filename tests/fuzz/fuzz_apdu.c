/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The input is the set-up of one exchange and a script of replies; numbers are
 * little endian, and 0 where the input has ended.
 *
 *   1 byte    bit 0: extended level
 *   3 bytes   message size, from the smallest allowed on
 *   3 bytes   room for the answer
 *   3 bytes   size of the command
 *   1 byte    how many of the command's bytes follow; the others are a pattern
 *   then, for each step of the script:
 *   1 byte    bChainParameter
 *   1 byte    how often the reply comes, less one
 *   2 bytes   size of its data, which goes on with a pattern
 *
 * The engine is held against a plain count of what has gone and come, and
 * against its state table.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apdu.h"
#include "desc.h"

#define BEYOND		16	/* how far sizes go over their limits */
#define EMPTY_MAX	2

struct script {
	const uint8_t *at;
	size_t left;
};

struct exchange {
	struct apdu engine;
	struct engine_block block;
	const uint8_t *command;
	size_t command_size;
	uint8_t *answer;
	size_t room;
	size_t part;
	size_t sent;
	size_t received;
	unsigned empty;
	bool extended;
	bool chained;
};

static uint8_t pattern[APDU_ANSWER_MAX + UINT16_MAX];

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

static void fill_pattern(void)
{
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 11 + (i >> 8));
}

static void check_parse(const uint8_t *command, size_t size)
{
	struct apdu_command parsed;
	size_t data_offset;

	if (apdu_parse(command, size, &parsed) < 0)
		return;
	data_offset = (size_t)(parsed.data - command);
	assert(data_offset >= 4 && data_offset <= size);
	assert(parsed.lc <= size - data_offset);
	assert(parsed.lc <= 65535);
	assert(parsed.le <= 65536);
	if (parsed.kind <= APDU_CASE_4_SHORT)
		assert(parsed.lc <= 255 && parsed.le <= 256);
}

static void check_sent(struct exchange *x)
{
	size_t left = x->command_size - x->sent;
	bool first = x->sent == 0, last = left <= x->part;

	assert(x->block.data == x->command + x->sent);
	assert(x->block.size == (last ? left : x->part));
	assert(x->block.size > 0);
	assert(x->block.level_parameter ==
	       (first ? (last ? 0 : 1) : (last ? 2 : 3)));
	assert(x->extended || x->block.level_parameter == 0);
	x->sent += x->block.size;
}

static void check_asked(const struct exchange *x)
{
	assert(x->block.size == 0);
	assert(x->block.level_parameter == 0x10);
}

static void check_stored(const struct exchange *x)
{
	size_t stored = x->received < x->room ? x->received : x->room;

	assert(x->engine.received == x->received);
	assert(x->received <= APDU_ANSWER_MAX);
	assert(memcmp(x->answer, pattern, stored) == 0);
}

/* The state table of apdu.h */
static int expected(const struct exchange *x, uint8_t parameter, size_t size)
{
	bool more = parameter == (x->chained ? 3 : 1);
	bool last = x->chained ? parameter == 2 :
				 parameter == 0 || (!x->extended && !more);

	if (x->sent < x->command_size)
		return parameter == 0x10 && !size ? ENGINE_SEND : -EPROTO;
	if ((!more && !last) || x->received + size > APDU_ANSWER_MAX)
		return -EPROTO;
	if (more)
		return !size && x->empty == EMPTY_MAX ? -EPROTO : ENGINE_SEND;
	return x->received + size > x->room ? -ENOBUFS : ENGINE_DONE;
}

/* One reply; true if the exchange goes on. */
static bool step(struct exchange *x, uint8_t parameter, size_t size)
{
	int wanted = expected(x, parameter, size);
	struct engine_reply reply = {
		.chain_parameter = parameter,
		.data = pattern + x->received,
		.size = size,
	};
	int next = apdu_step(&x->engine, &reply, &x->block);

	assert(next == wanted);
	if (next == -EPROTO)
		return false;
	if (x->sent < x->command_size) {
		check_sent(x);
		return true;
	}
	x->chained = true;
	x->received += size;
	x->empty = size ? 0 : x->empty + 1;
	check_stored(x);
	if (next == ENGINE_SEND)
		check_asked(x);
	return next == ENGINE_SEND;
}

static void play(struct exchange *x, struct script *script)
{
	while (script->left) {
		uint8_t parameter = (uint8_t)take(script, 1);
		unsigned repeats = take(script, 1) + 1;
		size_t size = take(script, 2);

		for (; repeats; repeats--)
			if (!step(x, parameter, size))
				return;
	}
}

static void check_refusal(const struct exchange *x, int r)
{
	if (x->command_size < 4)
		assert(r == -EINVAL);
	else if (x->command_size > APDU_COMMAND_MAX)
		assert(r == -EMSGSIZE);
	else if (x->extended)
		assert(r == -ENOBUFS && x->room < 2);
	else
		assert(r == -EINVAL || r == -EMSGSIZE || r == -ENOBUFS);
}

static void run(struct exchange *x, size_t message_max, struct script *script)
{
	int r = apdu_start(&x->engine, x->extended, message_max, x->command,
			   x->command_size, x->answer, x->room, &x->block);

	if (r < 0) {
		check_refusal(x, r);
		return;
	}
	assert(r == ENGINE_SEND && x->room >= 2);
	check_sent(x);
	play(x, script);
}

/* Exactly as large as told, so that the sanitizer sees each byte beyond. */
static uint8_t *build_command(struct script *script, size_t size)
{
	uint8_t *command = malloc(size ? size : 1);
	size_t given = take(script, 1);

	if (!command)
		return NULL;
	memcpy(command, pattern, size);
	for (size_t i = 0; i < given && i < size && script->left; i++)
		command[i] = (uint8_t)take(script, 1);
	return command;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = { data, size };
	struct exchange x = { .extended = take(&script, 1) & 1 };
	size_t message_max = DESC_MESSAGE_MIN + take(&script, 3) %
			     (DESC_MESSAGE_MAX - DESC_MESSAGE_MIN + 1);
	uint8_t *command;

	if (!pattern[1])
		fill_pattern();
	x.part = message_max - 10;
	x.room = take(&script, 3) % (APDU_ANSWER_MAX + BEYOND);
	x.command_size = take(&script, 3) % (APDU_COMMAND_MAX + BEYOND);
	command = build_command(&script, x.command_size);
	x.command = command;
	x.answer = malloc(x.room ? x.room : 1);
	if (x.command && x.answer) {
		check_parse(x.command, x.command_size);
		run(&x, message_max, &script);
	}
	free(x.answer);
	free(command);
	return 0;
}
