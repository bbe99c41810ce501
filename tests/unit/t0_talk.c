/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "t0_talk.h"

uint8_t command[APDU_COMMAND_MAX + 1];
uint8_t answer[APDU_ANSWER_MAX + 1];
uint8_t told[APDU_ANSWER_MAX + 300];
struct t0 engine;
struct engine_block block;

int start_afresh(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(command); i++)
		command[i] = (uint8_t)(i * 7 + 1);
	for (size_t i = 0; i < sizeof(told); i++)
		told[i] = (uint8_t)(i * 11 + 3 + (i >> 8));
	memset(answer, GUARD, sizeof(answer));
	memset(&engine, 0x5A, sizeof(engine));
	memset(&block, 0x5A, sizeof(block));
	return 0;
}

static size_t put_length(size_t at, uint32_t length, bool extended)
{
	if (extended)
		command[at++] = (uint8_t)(length >> 8);
	command[at++] = (uint8_t)length;
	return at;
}

size_t build(uint32_t lc, uint32_t le, bool extended)
{
	size_t size = 4;

	command[0] = CLA;
	command[1] = lc ? INS_TO : le ? INS_FROM : INS_PLAIN;
	if (extended)
		command[size++] = 0;
	if (lc)
		size = put_length(size, lc, extended) + lc;
	if (le)
		size = put_length(size, le, extended);
	return size;
}

int start(bool character, size_t message_max, size_t size)
{
	return t0_start(&engine, character, message_max, command, size, answer,
			APDU_ANSWER_MAX, &block);
}

int feed(const uint8_t *data, size_t size)
{
	struct engine_reply reply = { .data = data, .size = size };

	return t0_step(&engine, &reply, &block);
}

void assert_answered(size_t data, uint8_t sw1, uint8_t sw2)
{
	assert_int_equal(engine.received, data + 2);
	assert_memory_equal(answer, told, data);
	assert_int_equal(answer[data], sw1);
	assert_int_equal(answer[data + 1], sw2);
	assert_int_equal(answer[data + 2], GUARD);
}

void assert_sent(const uint8_t *bytes, size_t size)
{
	assert_int_equal(block.size, size);
	if (size)
		assert_memory_equal(block.data, bytes, size);
}
