/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "t1_talk.h"

#define MESSAGE	271

uint8_t command[APDU_COMMAND_MAX + 1];
uint8_t answer[T1_ANSWER_MAX + 1];
uint8_t told[T1_ANSWER_MAX + T1_INF_MAX];
size_t told_size;
struct t1 engine;
struct engine_block block;

void power_up(uint8_t ifsc, uint8_t ifsd, bool crc, bool character)
{
	const struct t1_parameters parameters = {
		.ifsc = ifsc, .ifsd = ifsd, .crc = crc, .character = character,
		.message_max = MESSAGE,
	};

	told_size = 0;
	memset(answer, GUARD, sizeof(answer));
	assert_int_equal(t1_init(&engine, &parameters), 0);
}

int start_afresh(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(command); i++)
		command[i] = (uint8_t)(i * 7 + (i >> 8));
	for (size_t i = 0; i < sizeof(told); i++)
		told[i] = (uint8_t)(i * 11 + (i >> 8));
	memset(&engine, 0x5A, sizeof(engine));
	memset(&block, 0x5A, sizeof(block));
	power_up(IFSC, NO_IFSD, false, TPDU);
	return 0;
}

int start_room(size_t size, size_t room)
{
	told_size = 0;
	return t1_start(&engine, command, size, answer, room, &block);
}

int start(size_t size)
{
	return start_room(size, T1_ANSWER_MAX);
}

int feed_bytes(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct engine_reply reply = { .data = copy, .size = size };
	int r;

	assert_non_null(copy);
	if (size)
		memcpy(copy, bytes, size);
	r = t1_step(&engine, &reply, &block);
	free(copy);
	return r;
}

int feed_kind(unsigned kind, uint8_t pcb, const uint8_t *inf, size_t size)
{
	uint8_t bytes[T1_BLOCK_MAX];

	return feed_bytes(bytes, t1_block_build(bytes, kind, pcb, inf, size));
}

int feed(uint8_t pcb)
{
	return feed_kind(T1_LRC, pcb, NULL, 0);
}

int feed_value(uint8_t pcb, uint8_t value)
{
	return feed_kind(T1_LRC, pcb, &value, 1);
}

int feed_i(uint8_t pcb, size_t size)
{
	told_size += size;
	return feed_kind(T1_LRC, pcb, told + told_size - size, size);
}

int feed_event(enum engine_event event)
{
	const struct engine_reply reply = { .event = event };

	return t1_step(&engine, &reply, &block);
}

int feed_silence(void)
{
	return feed_event(ENGINE_SILENT);
}

void assert_sent(int next, uint8_t pcb, const uint8_t *inf, size_t size)
{
	uint8_t bytes[T1_BLOCK_MAX];

	assert_int_equal(next, ENGINE_SEND);
	assert_int_equal(block.size, t1_block_build(bytes, engine.kinds, pcb,
						    inf, size));
	assert_memory_equal(block.data, bytes, block.size);
}

void assert_s(int next, uint8_t pcb)
{
	assert_sent(next, pcb, NULL, 0);
}

void assert_value(int next, uint8_t pcb, uint8_t value)
{
	assert_sent(next, pcb, &value, 1);
}

void assert_answered(int next)
{
	assert_int_equal(next, ENGINE_DONE);
	assert_int_equal(engine.exchange.received, told_size);
	assert_memory_equal(answer, told, told_size);
	assert_int_equal(answer[told_size], GUARD);
}

void assert_broken(int r, int error)
{
	assert_int_equal(r, error);
	assert_false(engine.settled);
	assert_int_equal(start(4), -ENOTCONN);
}

void exchange_once(void)
{
	uint8_t ns = engine.ns, nr = engine.nr;

	assert_sent(start(4), (uint8_t)(ns << 6), command, 4);
	assert_answered(feed_i((uint8_t)(nr << 6), 2));
}

int send_all(int next, size_t size, size_t ifsc)
{
	size_t sent = 0;
	uint8_t ns = engine.ns;

	while (size - sent > ifsc) {
		assert_sent(next, (uint8_t)(ns << 6 | 0x20), command + sent,
			    ifsc);
		ns ^= 1;
		sent += ifsc;
		next = feed((uint8_t)(0x80 | ns << 4));
	}
	assert_sent(next, (uint8_t)(ns << 6), command + sent, size - sent);
	return next;
}
