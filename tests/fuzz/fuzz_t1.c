/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The input is a card, and a script of commands and of what comes to each of
 * their blocks; numbers are little endian, and 0 where the input has ended.
 *
 *   1 byte    bit 0: CRC, bit 1: character level
 *   1 byte    IFSC of the ATR
 *   1 byte    IFSD to offer, 0 for none
 *   2 bytes   message size, from the smallest allowed on
 *   then, for each command:
 *   3 bytes   its size
 *   3 bytes   room for the answer
 *   and for each step of it, until it ends:
 *   1 byte    bits 0 to 2: what comes, see enum what; bits 3 and 4: kind of
 *             CRC; bit 5: more blocks follow; bit 6: one byte is changed;
 *             bit 7: the reader gives all at once, not what is wanted
 *   1 byte    how often it comes, less one
 *   3 bytes   of a block: PCB (where the kind does not tell it), size of INF,
 *             first byte of INF; or
 *   2 bytes   of a raw reply: its size, then its bytes; nothing else is read
 *
 * The engine is held against a plain account of what has gone and come.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apdu.h"
#include "bytes.h"
#include "desc.h"
#include "t1.h"

#define BEYOND	16	/* how far sizes go over their limits */

enum what {
	SILENCE,
	GARBLED,
	RAW,
	ANY_BLOCK,
	NEXT_I,		/* the I-block that is due */
	ACKNOWLEDGE,	/* the R-block that is due */
	REQUEST,	/* S(IFS), S(ABORT), S(WTX), by PCB */
	RESPONSE,	/* to the S request of the host */
};

struct script {
	const uint8_t *at;
	size_t left;
};

struct session {
	struct t1 engine;
	struct t1_parameters parameters;
	struct engine_block block;
	const uint8_t *command;
	size_t command_size;
	uint8_t *answer;
	size_t room;
	size_t sent;		/* before the I-block under way */
	size_t part;		/* in it, 0 before the first */
	uint8_t number;		/* its N(S) */
	size_t heard;		/* bytes of the answer in stored */
	uint8_t last_pcb;	/* of the host */
	size_t gathered_size;
	uint8_t gathered[2 * T1_BLOCK_MAX];	/* what came to its block */
};

static uint8_t pattern[APDU_COMMAND_MAX + BEYOND];
static uint8_t stored[T1_ANSWER_MAX + T1_INF_MAX];

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
		pattern[i] = (uint8_t)(i * 13 + (i >> 8));
}

/* A new command or RESYNCH begins at its first byte, all else goes on. */
static void check_i(struct session *s, const uint8_t *bytes)
{
	uint8_t number = bytes[1] >> 6 & 1;
	bool again = s->part && number == s->number;

	if (again)
		assert(bytes[2] == s->part);
	else
		s->sent += s->part;
	s->part = bytes[2];
	s->number = number;
	assert(s->part && s->part <= s->engine.ifsc);
	assert(s->part <= s->command_size - s->sent);
	assert(memcmp(bytes + 3, s->command + s->sent, s->part) == 0);
	assert(!(bytes[1] & 0x20) == (s->sent + s->part == s->command_size));
}

static void check_pcb(struct session *s, const uint8_t *bytes)
{
	switch (bytes[1]) {
	case 0x00: case 0x20: case 0x40: case 0x60:
		check_i(s, bytes);
		break;
	case 0x80: case 0x81: case 0x82: case 0x90: case 0x91: case 0x92:
	case 0xC0: case 0xE2:
		assert(bytes[2] == 0);
		break;
	case 0xC1: case 0xE1: case 0xE3:
		assert(bytes[2] == 1 && bytes[3]);
		break;
	default:
		abort();	/* no block that the host may send */
	}
	assert(s->block.bwi == (bytes[1] == 0xE3 ? bytes[3] : 0));
}

static void check_block(struct session *s)
{
	const struct engine_block *block = &s->block;
	size_t edc = s->parameters.crc ? 2 : 1;
	uint8_t sum = 0;

	if (!s->parameters.character)
		assert(block->level_parameter == 0);
	else
		assert(block->level_parameter >= 1 &&
		       block->level_parameter <= T1_BLOCK_MAX);
	if (!block->size) {
		assert(s->parameters.character && block->bwi == 0);
		return;
	}
	assert(block->size <= s->parameters.message_max - 10);
	assert(block->size == 3u + block->data[2] + edc);
	assert(block->data[0] == 0);
	for (size_t i = 0; i < block->size; i++)
		sum ^= block->data[i];
	assert(sum == 0 || edc == 2);
	check_pcb(s, block->data);
	s->last_pcb = block->data[1];
}

static void check_counts(const struct t1_exchange *x)
{
	assert(x->failures < T1_TRIES_MAX);
	assert(x->errors <= T1_ERRORS_MAX);
	assert(x->resynchs <= T1_RESYNCHS_MAX);
	assert(x->requests[0] <= T1_IFS_MAX);
	assert(x->requests[1] <= T1_ABORTS_MAX);
	assert(x->requests[2] <= T1_WTX_MAX);
	assert(x->empty_parts <= T1_EMPTY_PARTS_MAX);
}

static void gather(struct session *s, const struct engine_reply *reply)
{
	size_t space;

	if (s->block.size)
		s->gathered_size = 0;
	space = sizeof(s->gathered) - s->gathered_size;
	s->gathered_size += copy_bounded(s->gathered + s->gathered_size, space,
					 reply->data, reply->size);
}

/* What was stored is INF of what came to the host's block, or nothing. */
static void note_answer(struct session *s)
{
	const uint8_t *inf = s->gathered + 3;
	size_t size = s->gathered_size > 3 ? s->gathered[2] : 0;
	size_t received = s->engine.exchange.received;

	if (received < s->heard)
		s->heard = 0;
	assert(received == s->heard || received == s->heard + size);
	if (received > s->heard)
		memcpy(stored + s->heard, inf, size);
	s->heard = received;
	assert(s->heard <= T1_ANSWER_MAX);
}

static void check_end(const struct session *s, int r)
{
	size_t kept = s->heard < s->room ? s->heard : s->room;
	bool alive = r == ENGINE_DONE || r == -ENOBUFS || r == -ECANCELED;

	assert(alive || r == -EIO || r == -ETIMEDOUT || r == -EPROTO);
	assert(s->engine.settled == alive);
	assert((r == -ENOBUFS) == (r != -ECANCELED && alive &&
				   s->heard > s->room));
	assert(memcmp(s->answer, stored, kept) == 0);
}

static int step(struct session *s, const struct engine_reply *reply)
{
	struct engine_block before = s->block;
	unsigned kinds = s->engine.kinds;
	unsigned resynchs = s->last_pcb == 0xC0;
	int r;

	gather(s, reply);
	r = t1_step(&s->engine, reply, &s->block);
	note_answer(s);
	assert(s->engine.kinds && !(s->engine.kinds & ~kinds));
	if (r != ENGINE_SEND) {
		assert(memcmp(&before, &s->block, sizeof(before)) == 0);
		check_end(s, r);
		return r;
	}
	assert(!s->engine.settled);
	if (resynchs && s->block.size && s->block.data[1] < 0x80)
		s->sent = s->part = 0;
	check_block(s);
	check_counts(&s->engine.exchange);
	return r;
}

/* In memory of exactly its size, so that the sanitizer sees each byte beyond. */
static int step_bytes(struct session *s, const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct engine_reply reply = { .data = copy, .size = size };
	int r;

	if (!copy)
		abort();
	if (size)
		memcpy(copy, bytes, size);
	r = step(s, &reply);
	free(copy);
	return r;
}

static int step_event(struct session *s, enum engine_event event)
{
	const struct engine_reply reply = { .event = event };

	return step(s, &reply);
}

/* At character level: the reader gives as many bytes as are wanted. */
static int step_wanted(struct session *s, const uint8_t *bytes, size_t size)
{
	size_t given = 0;
	int r = ENGINE_SEND;

	while (r == ENGINE_SEND && given < size) {
		size_t part = s->block.level_parameter;
		struct engine_reply reply = { .data = bytes + given };

		if (given && s->block.size)
			break;
		reply.size = part < size - given ? part : size - given;
		given += reply.size;
		r = step(s, &reply);
	}
	return r;
}

static uint8_t due_pcb(const struct session *s, enum what what, bool more,
		       uint8_t pcb)
{
	static const uint8_t requests[] = { 0xC1, 0xC2, 0xC3 };
	const struct t1 *engine = &s->engine;

	switch (what) {
	case SILENCE: case GARBLED: case RAW: case ANY_BLOCK:
		break;
	case NEXT_I:
		return (uint8_t)(engine->nr << 6 | (more ? 0x20 : 0));
	case ACKNOWLEDGE:
		return (uint8_t)(0x80 | (engine->ns ^ 1) << 4);
	case REQUEST:
		return requests[pcb % 3];
	case RESPONSE:
		return s->last_pcb | 0x20;
	}
	return pcb;
}

static int play_block(struct session *s, struct script *script, unsigned how,
		      unsigned repeats)
{
	static const unsigned crcs[] = {
		T1_CRC_HIGH, T1_CRC_LOW, T1_CRC_X25, T1_CRC_ARC,
	};
	unsigned kind = s->parameters.crc ? crcs[how >> 3 & 3] : T1_LRC;
	uint8_t pcb = (uint8_t)take(script, 1), bytes[T1_BLOCK_MAX];
	size_t inf_size = take(script, 1) % (T1_INF_MAX + 1);
	uint8_t inf[T1_INF_MAX], first = (uint8_t)take(script, 1);
	int r = ENGINE_SEND;

	for (; r == ENGINE_SEND && repeats; repeats--) {
		uint8_t due = due_pcb(s, how & 7, how & 0x20, pcb);
		size_t size;

		memcpy(inf, pattern + repeats, sizeof(inf));
		inf[0] = first;
		size = t1_block_build(bytes, kind, due, inf, inf_size);
		if (how & 0x40)
			bytes[first % size] ^= 0x55;
		r = how & 0x80 || !s->parameters.character ?
			step_bytes(s, bytes, size) :
			step_wanted(s, bytes, size);
	}
	return r;
}

static int play_raw(struct session *s, struct script *script)
{
	size_t size = take(script, 2) % (T1_BLOCK_MAX + BEYOND);
	const uint8_t *bytes = script->at;

	if (size > script->left)
		size = script->left;
	script->at += size;
	script->left -= size;
	return step_bytes(s, bytes, size);
}

static int play_step(struct session *s, struct script *script)
{
	unsigned how = take(script, 1), repeats = take(script, 1) + 1;

	switch ((enum what)(how & 7)) {
	case SILENCE:
		return step_event(s, ENGINE_SILENT);
	case GARBLED:
		return step_event(s, ENGINE_GARBLED);
	case RAW:
		return play_raw(s, script);
	case ANY_BLOCK: case NEXT_I: case ACKNOWLEDGE: case REQUEST:
	case RESPONSE:
		break;
	}
	return play_block(s, script, how, repeats);
}

static void check_refusal(const struct session *s, int r)
{
	if (s->command_size < 4)
		assert(r == -EINVAL);
	else if (s->command_size > APDU_COMMAND_MAX)
		assert(r == -EMSGSIZE);
	else
		assert(r == -ENOBUFS && s->room < 2);
}

static void play_command(struct session *s, struct script *script)
{
	int r;

	s->sent = s->part = s->heard = 0;
	r = t1_start(&s->engine, s->command, s->command_size, s->answer,
		     s->room, &s->block);
	if (r != ENGINE_SEND) {
		check_refusal(s, r);
		return;
	}
	check_block(s);
	while (r == ENGINE_SEND && script->left)
		r = play_step(s, script);
	t1_end(&s->engine);
	if (s->engine.settled)
		return;
	assert(t1_start(&s->engine, pattern, 4, stored, sizeof(stored),
			&s->block) == -ENOTCONN);
	assert(t1_init(&s->engine, &s->parameters) == 0);
}

/* Exactly as large as told, so that the sanitizer sees each byte beyond. */
static void give_memory(struct session *s, struct script *script)
{
	uint8_t *command;

	s->command_size = take(script, 3) % (APDU_COMMAND_MAX + BEYOND);
	s->room = take(script, 3) % (T1_ANSWER_MAX + BEYOND);
	command = malloc(s->command_size ? s->command_size : 1);
	s->answer = malloc(s->room ? s->room : 1);
	if (!command || !s->answer)
		abort();
	memcpy(command, pattern, s->command_size);
	s->command = command;
	play_command(s, script);
	free(s->answer);
	free(command);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = { data, size };
	struct session session = { .last_pcb = 0 };
	struct t1_parameters *parameters = &session.parameters;
	unsigned flags = take(&script, 1);

	if (!pattern[1])
		fill_pattern();
	parameters->crc = flags & 1;
	parameters->character = flags & 2;
	parameters->ifsc = (uint8_t)take(&script, 1);
	parameters->ifsd = (uint8_t)take(&script, 1);
	parameters->message_max = DESC_MESSAGE_MIN + take(&script, 2) %
				  (DESC_MESSAGE_MAX - DESC_MESSAGE_MIN + 1);
	if (t1_init(&session.engine, parameters) < 0) {
		assert(parameters->message_max < 10 + 3 + 1 + 2);
		return 0;
	}
	while (script.left)
		give_memory(&session, &script);
	return 0;
}
