/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "t0_card.h"

struct t0_card card;

static void say(uint8_t byte)
{
	assert_true(card.line_size < sizeof(card.line));
	card.line[card.line_size++] = byte;
}

static void say_procedure(uint8_t byte)
{
	for (unsigned i = 0; i < card.nulls; i++)
		say(0x60);
	say(byte);
}

static void say_status(uint8_t sw1, uint8_t sw2)
{
	say_procedure(sw1);
	say(sw2);
	card.tpdu_size = 0;
	card.commands++;
}

static void say_rest(void)
{
	size_t left = card.stock - card.given;

	if (left)
		say_status(0x61, left < 256 ? (uint8_t)left : 0);
	else
		say_status(0x90, 0x00);
}

static uint8_t ack(bool all)
{
	uint8_t byte = card.tpdu[1] ^ (card.old_ack ? 1 : 0);

	return all ? byte : (uint8_t)~byte;
}

static void say_data(size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (i == 0 || card.byte_by_byte)
			say_procedure(ack(!card.byte_by_byte));
		say(told[card.given++]);
	}
}

static void answer_with_data(uint8_t p3)
{
	size_t wanted = p3 ? p3 : 256;
	size_t left = card.stock - card.given;

	if ((card.exact && left != wanted && left < 256) ||
	    (!card.exact && left < wanted && left < 256 && left)) {
		say_status(0x6C, (uint8_t)left);
		return;
	}
	say_data(left < wanted ? left : wanted);
	say_rest();
}

static bool envelope_complete(void)
{
	struct apdu_command whole;
	size_t size = card.heard_size;

	/* As a card does that knows whether its command has an Le. */
	return apdu_parse(card.heard, size, &whole) == 0 &&
	       (!engine.command.le || whole.kind == APDU_CASE_4_EXTENDED);
}

static void take_data(void)
{
	size_t size = card.tpdu_size - 5;

	memcpy(card.heard + card.heard_size, card.tpdu + 5, size);
	card.heard_size += size;
	card.enveloped |= card.tpdu[1] == INS_ENVELOPE;
	if (card.tpdu[1] == INS_ENVELOPE && !envelope_complete())
		say_status(0x90, 0x00);
	else
		say_rest();
}

static void take_header(void)
{
	assert_int_equal(card.tpdu[0], CLA);
	switch (card.tpdu[1]) {
	case INS_FROM:
	case INS_GET:
		answer_with_data(card.tpdu[4]);
		return;
	case INS_TO:
	case INS_ENVELOPE:
		say_procedure(ack(!card.byte_by_byte));
		return;
	case INS_PLAIN:
		assert_int_equal(card.tpdu[4], 0);
		say_rest();
		return;
	}
	fail();
}

static void hear(uint8_t byte)
{
	size_t whole;

	card.tpdu[card.tpdu_size++] = byte;
	whole = 5u + card.tpdu[4];
	if (card.tpdu_size == 5)
		take_header();
	else if (card.tpdu_size == whole)
		take_data();
	else if (card.tpdu_size > 5 && card.byte_by_byte)
		say_procedure(ack(false));
}

/* A reader of character level: as many characters as are wanted, no more. */
int exchange_characters(void)
{
	const uint8_t *characters;
	size_t wanted = block.level_parameter;

	if (block.size)
		assert_int_equal(card.line_read, card.line_size);
	for (size_t i = 0; i < block.size; i++)
		hear(block.data[i]);
	assert_true(card.line_size - card.line_read >= wanted);
	assert_int_equal(t0_characters(&engine, &block), wanted);
	characters = card.line + card.line_read;
	card.line_read += wanted;
	if (card.line_read == card.line_size)
		card.line_read = card.line_size = 0;
	return feed(characters, wanted);
}

/* A reader of TPDU level: it leaves out the procedure bytes. */
int exchange_tpdu(void)
{
	static uint8_t reply[300];
	size_t size, before = card.given;

	assert_int_equal(block.level_parameter, 0);
	for (size_t i = 0; i < block.size; i++)
		hear(block.data[i]);
	if (block.size == 4)
		hear(0x00);
	size = card.given - before;
	assert_true(t0_characters(&engine, &block) >= size + 3);
	memcpy(reply, told + before, size);
	memcpy(reply + size, card.line + card.line_size - 2, 2);
	card.line_size = 0;
	return feed(reply, size + 2);
}

void insert(size_t stock)
{
	card.given = 0;
	card.heard_size = 0;
	card.commands = 0;
	card.enveloped = false;
	card.stock = stock;
	memset(answer, GUARD, sizeof(answer));
}
