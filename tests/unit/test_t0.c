/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "t0.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define BYTES(...)	(const uint8_t[]){ __VA_ARGS__ }, \
			sizeof((const uint8_t[]){ __VA_ARGS__ })
#define GUARD		0xA5
#define CHARACTER	true
#define TPDU		false
#define MESSAGE		271
#define CLA		0x80

/* What the model card takes for a command without data, to and from it */
#define INS_PLAIN	0x44
#define INS_FROM	0xB0
#define INS_TO		0xD6
#define INS_GET		0xC0
#define INS_ENVELOPE	0xC2

static uint8_t command[APDU_COMMAND_MAX + 1];
static uint8_t answer[APDU_ANSWER_MAX + 1];
static uint8_t told[APDU_ANSWER_MAX + 300];	/* what the card has to tell */
static struct t0 engine;
static struct engine_block block;

/*
 * The model card: T=0 as ISO 7816-3 has it. At character level its characters
 * are in line[]; a TPDU-level reader is played by speaking to it likewise.
 */
static struct {
	/* habits */
	bool byte_by_byte;	/* ACK for one byte at a time */
	bool old_ack;		/* INS^01 */
	unsigned nulls;		/* before each procedure byte */
	bool exact;		/* 6C XX to another P3 than what there is */
	size_t stock;		/* bytes that it has to tell */

	/* state */
	size_t given;
	uint8_t heard[APDU_COMMAND_MAX + 1];	/* data, or all by ENVELOPE */
	size_t heard_size;
	size_t commands;	/* TPDUs */
	bool enveloped;
	uint8_t tpdu[T0_TPDU_MAX];
	size_t tpdu_size;
	uint8_t line[70000];
	size_t line_size, line_read;
} card;

static int start_afresh(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(command); i++)
		command[i] = (uint8_t)(i * 7 + 1);
	for (size_t i = 0; i < sizeof(told); i++)
		told[i] = (uint8_t)(i * 11 + (i >> 8));
	memset(answer, GUARD, sizeof(answer));
	memset(&engine, 0x5A, sizeof(engine));
	memset(&block, 0x5A, sizeof(block));
	memset(&card, 0, sizeof(card));
	return 0;
}

static size_t put_length(size_t at, uint32_t length, bool extended)
{
	if (extended)
		command[at++] = (uint8_t)(length >> 8);
	command[at++] = (uint8_t)length;
	return at;
}

/* lc and le of 0: not there. Returns the command's size. */
static size_t build(uint32_t lc, uint32_t le, bool extended)
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

static int start(bool character, size_t message_max, size_t size)
{
	return t0_start(&engine, character, message_max, command, size, answer,
			APDU_ANSWER_MAX, &block);
}

static int feed(const uint8_t *data, size_t size)
{
	struct engine_reply reply = { .data = data, .size = size };

	return t0_step(&engine, &reply, &block);
}

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
static int exchange_characters(void)
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
static int exchange_tpdu(void)
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

static void run(bool character, size_t message_max, size_t size)
{
	int next = start(character, message_max, size);

	while (next == ENGINE_SEND) {
		assert_in_range(block.size, 0, message_max - 10);
		assert_in_range(block.level_parameter, 0, message_max - 10);
		next = character ? exchange_characters() : exchange_tpdu();
	}
	assert_int_equal(next, ENGINE_DONE);
}

static void assert_answered(size_t data, uint8_t sw1, uint8_t sw2)
{
	assert_int_equal(engine.received, data + 2);
	assert_memory_equal(answer, told, data);
	assert_int_equal(answer[data], sw1);
	assert_int_equal(answer[data + 1], sw2);
	assert_int_equal(answer[data + 2], GUARD);
}

static void assert_heard(uint32_t lc, size_t size)
{
	assert_true(card.enveloped || lc <= 255);
	if (card.enveloped) {
		assert_int_equal(card.heard_size, size);
		assert_memory_equal(card.heard, command, size);
		return;
	}
	assert_int_equal(card.heard_size, lc);
	assert_memory_equal(card.heard, engine.command.data, lc);
}

static void assert_sent(const uint8_t *bytes, size_t size)
{
	assert_int_equal(block.size, size);
	if (size)
		assert_memory_equal(block.data, bytes, size);
}

/* From the card's point of view: a fresh one for each command. */
static void insert(size_t stock)
{
	card.given = 0;
	card.heard_size = 0;
	card.commands = 0;
	card.enveloped = false;
	card.stock = stock;
	memset(answer, GUARD, sizeof(answer));
}

static void each_short_case_has_its_tpdu(void **state)
{
	static const uint32_t lcs[] = { 0, 1, 254, 255 };
	static const uint32_t les[] = { 0, 1, 255, 256 };

	(void)state;
	for (size_t i = 0; i < ROWS(lcs); i++)
		for (size_t j = 0; j < ROWS(les); j++) {
			size_t size = build(lcs[i], les[j], false);
			size_t le_size = lcs[i] && les[j] ? 1 : 0;

			assert_int_equal(start(TPDU, MESSAGE, size),
					 ENGINE_SEND);
			assert_sent(command, size - le_size);
			assert_int_equal(block.level_parameter, 0);
			assert_int_equal(block.bwi, 0);
		}
}

static void short_commands_are_answered(void **state)
{
	static const uint32_t lcs[] = { 0, 1, 255 };
	static const uint32_t les[] = { 0, 1, 255, 256 };

	(void)state;
	for (unsigned level = 0; level < 2; level++)
		for (size_t i = 0; i < ROWS(lcs); i++)
			for (size_t j = 0; j < ROWS(les); j++) {
				uint32_t data = lcs[i] ? 0 : les[j];

				insert(data);
				run(level, MESSAGE,
				    build(lcs[i], les[j], false));
				assert_answered(data, 0x90, 0x00);
				assert_heard(lcs[i], 0);
				assert_int_equal(card.commands, 1);
			}
}

static void answers_to_short_commands_are_left_alone(void **state)
{
	(void)state;
	for (unsigned level = 0; level < 2; level++) {
		insert(20);	/* case 4: the client fetches it */
		run(level, MESSAGE, build(10, 256, false));
		assert_answered(0, 0x61, 20);
		insert(20);	/* case 2: the client asks again */
		run(level, MESSAGE, build(0, 256, false));
		assert_answered(0, 0x6C, 20);
		insert(300);
		run(level, MESSAGE, build(0, 256, false));
		assert_answered(256, 0x61, 44);
		assert_int_equal(card.commands, 1);
	}
}

static const uint32_t lengths_to[] = { 1, 255, 256, 257, 65535 };
static const uint32_t lengths_from[] = { 1, 255, 256, 257, 65535, 65536 };

static void run_extended(bool character, size_t message_max, uint32_t lc,
			 uint32_t le)
{
	size_t size = build(lc, le, true);

	insert(le);
	run(character, message_max, size);
	assert_answered(le, 0x90, 0x00);
	if (lc)
		assert_heard(lc, size);
}

static void extended_commands_of_each_case_and_length_are_answered(
	void **state)
{
	(void)state;
	for (unsigned level = 0; level < 2; level++) {
		for (size_t i = 0; i < ROWS(lengths_to); i++) {
			run_extended(level, MESSAGE, lengths_to[i], 0);
			for (size_t j = 0; j < ROWS(lengths_from); j++)
				run_extended(level, MESSAGE, lengths_to[i],
					     lengths_from[j]);
		}
		for (size_t j = 0; j < ROWS(lengths_from); j++)
			run_extended(level, MESSAGE, 0, lengths_from[j]);
	}
}

static void cards_of_all_habits_are_understood_at_character_level(
	void **state)
{
	(void)state;
	for (unsigned habit = 0; habit < 8; habit++) {
		card.byte_by_byte = habit & 1;
		card.old_ack = habit & 2;
		card.nulls = habit & 4 ? 3 : 0;
		run_extended(CHARACTER, MESSAGE, 257, 257);
		run_extended(CHARACTER, MESSAGE, 255, 0);
		run_extended(CHARACTER, MESSAGE, 0, 600);
		insert(256);
		run(CHARACTER, MESSAGE, build(0, 256, false));
		assert_answered(256, 0x90, 0x00);
		insert(0);
		run(CHARACTER, MESSAGE, build(200, 0, false));
		assert_answered(0, 0x90, 0x00);
		assert_heard(200, 0);
	}
}

static void messages_as_small_as_can_be_carry_extended_commands(void **state)
{
	static const size_t messages[] = { 17, 18, 19, 64, 270, 65554 };

	(void)state;
	for (unsigned level = 0; level < 2; level++)
		for (size_t i = 0; i < ROWS(messages); i++) {
			run_extended(level, messages[i], 300, 300);
			run_extended(level, messages[i], 4000, 0);
			run_extended(level, messages[i], 3, 2);
		}
}

static void a_card_that_has_less_than_le_says_so_and_is_asked_again(
	void **state)
{
	(void)state;
	for (unsigned level = 0; level < 2; level++) {
		insert(10);
		run(level, MESSAGE, build(0, 256, true));
		assert_answered(10, 0x90, 0x00);
		assert_int_equal(card.commands, 2);
		insert(1000);
		run(level, MESSAGE, build(0, 65536, true));
		assert_answered(1000, 0x90, 0x00);
	}
}

static void of_an_exact_answer_only_the_first_le_bytes_are_kept(void **state)
{
	(void)state;
	card.exact = true;
	for (unsigned level = 0; level < 2; level++) {
		insert(10);
		run(level, MESSAGE, build(0, 5, true));
		assert_int_equal(card.given, 10);
		assert_answered(5, 0x90, 0x00);
	}
}

static void of_an_exact_last_part_only_what_le_leaves_is_kept(void **state)
{
	(void)state;
	assert_int_equal(start(TPDU, MESSAGE, build(0, 300, true)),
			 ENGINE_SEND);
	memcpy(card.line, told, 256);
	memcpy(card.line + 256, (const uint8_t[]){ 0x61, 50 }, 2);
	assert_int_equal(feed(card.line, 258), ENGINE_SEND);
	assert_sent(BYTES(CLA, INS_GET, 0, 0, 44));
	assert_int_equal(feed(BYTES(0x6C, 50)), ENGINE_SEND);
	assert_sent(BYTES(CLA, INS_GET, 0, 0, 50));
	memcpy(card.line, told + 256, 50);
	memcpy(card.line + 50, (const uint8_t[]){ 0x90, 0x00 }, 2);
	assert_int_equal(feed(card.line, 52), ENGINE_DONE);
	assert_answered(300, 0x90, 0x00);
}

static void an_answer_longer_than_le_ends_at_le(void **state)
{
	(void)state;
	for (unsigned level = 0; level < 2; level++) {
		insert(700);
		run(level, MESSAGE, build(0, 500, true));
		assert_answered(500, 0x61, 200);
		insert(700);
		run(level, MESSAGE, build(300, 500, true));
		assert_answered(500, 0x61, 200);
	}
}

static void without_le_no_answer_is_fetched(void **state)
{
	(void)state;
	for (unsigned level = 0; level < 2; level++) {
		insert(20);
		run(level, MESSAGE, build(300, 0, true));
		assert_answered(0, 0x61, 20);
		insert(20);
		run(level, MESSAGE, build(30, 0, true));
		assert_answered(0, 0x61, 20);
	}
}

static void assert_envelope(size_t from, uint8_t size)
{
	const uint8_t header[] = { CLA, INS_ENVELOPE, 0, 0, size };

	assert_int_equal(block.size, 5u + size);
	assert_memory_equal(block.data, header, 5);
	assert_memory_equal(block.data + 5, command + from, size);
}

/* 512 bytes as 255, 255 and 2 would be cut just before Le. */
static void an_envelope_carries_the_command_in_parts(void **state)
{
	size_t size = build(503, 1, true);

	(void)state;
	assert_int_equal(size, 512);
	assert_int_equal(start(TPDU, MESSAGE, size), ENGINE_SEND);
	assert_envelope(0, 255);
	assert_int_equal(feed(BYTES(0x90, 0x00)), ENGINE_SEND);
	assert_envelope(255, 254);
	assert_int_equal(feed(BYTES(0x90, 0x00)), ENGINE_SEND);
	assert_envelope(509, 3);
	assert_int_equal(feed(BYTES(0x61, 0x01)), ENGINE_SEND);
	assert_sent(BYTES(CLA, INS_GET, 0, 0, 1));
	assert_int_equal(feed(BYTES(told[0], 0x90, 0x00)), ENGINE_DONE);
	assert_answered(1, 0x90, 0x00);
}

static void a_card_without_envelope_is_believed(void **state)
{
	static const uint8_t statuses[][2] = {
		{ 0x6D, 0x00 }, { 0x61, 0x10 }, { 0x6C, 0x10 }, { 0x90, 0x01 },
		{ 0x91, 0x00 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(statuses); i++) {
		assert_int_equal(start(TPDU, MESSAGE, build(300, 9, true)),
				 ENGINE_SEND);
		assert_int_equal(feed(statuses[i], 2), ENGINE_DONE);
		assert_answered(0, statuses[i][0], statuses[i][1]);
	}
	assert_int_equal(start(TPDU, MESSAGE, build(300, 9, true)),
			 ENGINE_SEND);
	assert_int_equal(feed(BYTES(told[0], 0x90, 0x00)), ENGINE_DONE);
	assert_answered(1, 0x90, 0x00);
}

static void a_length_told_twice_is_handed_on(void **state)
{
	(void)state;
	assert_int_equal(start(TPDU, MESSAGE, build(0, 9, true)), ENGINE_SEND);
	assert_sent(BYTES(CLA, INS_FROM, command[2], command[3], 9));
	assert_int_equal(feed(BYTES(0x6C, 0x05)), ENGINE_SEND);
	assert_sent(BYTES(CLA, INS_FROM, command[2], command[3], 5));
	assert_int_equal(feed(BYTES(0x6C, 0x07)), ENGINE_DONE);
	assert_answered(0, 0x6C, 0x07);
}

static void a_wrong_length_is_corrected_for_get_response_too(void **state)
{
	(void)state;
	assert_int_equal(start(TPDU, MESSAGE, build(2, 9, true)), ENGINE_SEND);
	assert_int_equal(feed(BYTES(0x61, 0x00)), ENGINE_SEND);
	assert_sent(BYTES(CLA, INS_GET, 0, 0, 9));
	assert_int_equal(feed(BYTES(0x6C, 0x02)), ENGINE_SEND);
	assert_sent(BYTES(CLA, INS_GET, 0, 0, 2));
	assert_int_equal(feed(BYTES(told[0], told[1], 0x90, 0x00)),
			 ENGINE_DONE);
	assert_answered(2, 0x90, 0x00);
}

static void data_with_a_wrong_length_is_not_asked_for_again(void **state)
{
	(void)state;
	assert_int_equal(start(TPDU, MESSAGE, build(0, 9, true)), ENGINE_SEND);
	assert_int_equal(feed(BYTES(told[0], 0x6C, 0x05)), ENGINE_DONE);
	assert_answered(1, 0x6C, 0x05);
	/* nor is data sent twice */
	assert_int_equal(start(TPDU, MESSAGE, build(2, 9, true)), ENGINE_SEND);
	assert_int_equal(feed(BYTES(0x6C, 0x05)), ENGINE_DONE);
}

static void a_card_that_always_has_more_but_gives_none_is_an_error(
	void **state)
{
	(void)state;
	assert_int_equal(start(TPDU, MESSAGE, build(0, 9, true)), ENGINE_SEND);
	assert_int_equal(feed(BYTES(0x61, 0x05)), ENGINE_SEND);
	assert_int_equal(feed(BYTES(0x61, 0x05)), ENGINE_SEND);
	assert_int_equal(feed(BYTES(told[0], 0x61, 0x05)), ENGINE_SEND);
	assert_int_equal(feed(BYTES(0x61, 0x05)), ENGINE_SEND);
	assert_int_equal(feed(BYTES(0x6C, 0x05)), ENGINE_SEND);
	assert_int_equal(feed(BYTES(0x61, 0x05)), ENGINE_SEND);
	assert_int_equal(feed(BYTES(0x61, 0x05)), -EPROTO);
}

static void get_response_asks_for_no_more_than_a_message_holds(void **state)
{
	(void)state;
	assert_int_equal(start(TPDU, 64, build(2, 256, true)), ENGINE_SEND);
	assert_int_equal(feed(BYTES(0x61, 0x00)), ENGINE_SEND);
	assert_sent(BYTES(CLA, INS_GET, 0, 0, 52));
	assert_int_equal(start(TPDU, MESSAGE, build(2, 256, true)),
			 ENGINE_SEND);
	assert_int_equal(feed(BYTES(0x61, 0x00)), ENGINE_SEND);
	assert_sent(BYTES(CLA, INS_GET, 0, 0, 0));
}

static void a_tpdu_reply_has_a_status_and_no_more_data_than_asked(
	void **state)
{
	static const struct {
		uint32_t lc, le;
		size_t most;	/* bytes of data */
	} rows[] = {
		{ 0, 0, 0 }, { 0, 1, 1 }, { 0, 255, 255 }, { 0, 256, 256 },
		{ 5, 0, 0 },
		{ 5, 4, 4 },	/* the reader has fetched it by itself */
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		for (size_t size = 0; size < 300; size++) {
			bool right = size >= 2 && size <= rows[i].most + 2;

			assert_int_equal(start(TPDU, MESSAGE,
					       build(rows[i].lc, rows[i].le,
						     false)), ENGINE_SEND);
			assert_int_equal(feed(told, size),
					 right ? ENGINE_DONE : -EPROTO);
			if (right)
				assert_int_equal(engine.received, size);
		}
}

static void a_case_4_answer_that_the_reader_fetched_is_taken_whole(
	void **state)
{
	(void)state;
	assert_int_equal(start(TPDU, MESSAGE, build(5, 9, true)), ENGINE_SEND);
	assert_int_equal(feed(BYTES(told[0], told[1], 0x90, 0x00)),
			 ENGINE_DONE);
	assert_answered(2, 0x90, 0x00);
}

static void a_short_command_that_fits_no_message_is_refused(void **state)
{
	(void)state;
	assert_int_equal(start(TPDU, 115, build(100, 0, false)), ENGINE_SEND);
	assert_int_equal(start(TPDU, 114, build(100, 0, false)), -EMSGSIZE);
	assert_int_equal(start(TPDU, 16, build(0, 0, false)), -EMSGSIZE);
	assert_int_equal(start(CHARACTER, 16, build(0, 0, false)), -EMSGSIZE);
	assert_int_equal(start(TPDU, 11, build(0, 9, true)), -EMSGSIZE);
}

static void malformed_commands_never_go_out(void **state)
{
	(void)state;
	for (unsigned level = 0; level < 2; level++) {
		size_t size = build(20, 0, false);

		for (size_t cut = 0; cut < 4; cut++)
			assert_int_equal(start(level, MESSAGE, cut), -EINVAL);
		for (size_t cut = 6; cut < size; cut++)
			assert_int_equal(start(level, MESSAGE, cut), -EINVAL);
		assert_int_equal(start(level, MESSAGE, size + 2), -EINVAL);
		size = build(300, 0, true);
		assert_int_equal(start(level, MESSAGE, size - 1), -EINVAL);
		assert_int_equal(start(level, MESSAGE, size + 1), -EINVAL);
		assert_int_equal(start(level, MESSAGE, APDU_COMMAND_MAX + 1),
				 -EMSGSIZE);
	}
}

static void an_instruction_that_reads_as_status_is_refused(void **state)
{
	size_t size = build(0, 1, false);

	(void)state;
	for (unsigned ins = 0; ins < 256; ins++) {
		bool status = ins >> 4 == 6 || ins >> 4 == 9;

		command[1] = (uint8_t)ins;
		assert_int_equal(start(CHARACTER, MESSAGE, size),
				 status ? -EINVAL : ENGINE_SEND);
		assert_int_equal(start(TPDU, MESSAGE, size), ENGINE_SEND);
	}
}

static void room_for_no_status_word_is_refused_before_sending(void **state)
{
	(void)state;
	build(0, 0, false);
	for (size_t room = 0; room < 2; room++)
		assert_int_equal(t0_start(&engine, TPDU, MESSAGE, command, 4,
					  answer, room, &block), -ENOBUFS);
	assert_int_equal(t0_start(&engine, TPDU, MESSAGE, command, 4, answer,
				  2, &block), ENGINE_SEND);
}

static void a_refused_start_touches_neither_engine_nor_block(void **state)
{
	struct t0 engine_before = engine;
	struct engine_block block_before = block;

	(void)state;
	assert_int_equal(start(TPDU, MESSAGE, 3), -EINVAL);
	assert_int_equal(start(TPDU, 11, 4), -EMSGSIZE);
	assert_memory_equal(&engine, &engine_before, sizeof(engine));
	assert_memory_equal(&block, &block_before, sizeof(block));
}

static void an_answer_beyond_the_room_is_drained_then_refused(void **state)
{
	(void)state;
	for (unsigned level = 0; level < 2; level++)
		for (size_t room = 2; room < 320; room++) {
			size_t size = build(0, 300, true);
			int next;

			insert(300);
			next = t0_start(&engine, level, MESSAGE, command, size,
					answer, room, &block);
			while (next == ENGINE_SEND)
				next = level ? exchange_characters() :
					       exchange_tpdu();
			assert_int_equal(next, room < 302 ? -ENOBUFS :
							    ENGINE_DONE);
			assert_int_equal(answer[room], GUARD);
			assert_int_equal(engine.received, 302);
		}
}

static void silence_and_noise_end_the_exchange(void **state)
{
	struct engine_reply silent = { .event = ENGINE_SILENT };
	struct engine_reply garbled = { .event = ENGINE_GARBLED };

	(void)state;
	for (unsigned level = 0; level < 2; level++) {
		assert_int_equal(start(level, MESSAGE, build(0, 1, false)),
				 ENGINE_SEND);
		assert_int_equal(t0_step(&engine, &silent, &block),
				 -ETIMEDOUT);
		assert_int_equal(t0_step(&engine, &garbled, &block), -EIO);
	}
}

#define test(name)	cmocka_unit_test_setup(name, start_afresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(each_short_case_has_its_tpdu),
		test(short_commands_are_answered),
		test(answers_to_short_commands_are_left_alone),
		test(extended_commands_of_each_case_and_length_are_answered),
		test(cards_of_all_habits_are_understood_at_character_level),
		test(messages_as_small_as_can_be_carry_extended_commands),
		test(a_card_that_has_less_than_le_says_so_and_is_asked_again),
		test(of_an_exact_answer_only_the_first_le_bytes_are_kept),
		test(of_an_exact_last_part_only_what_le_leaves_is_kept),
		test(an_answer_longer_than_le_ends_at_le),
		test(without_le_no_answer_is_fetched),
		test(an_envelope_carries_the_command_in_parts),
		test(a_card_without_envelope_is_believed),
		test(a_length_told_twice_is_handed_on),
		test(a_wrong_length_is_corrected_for_get_response_too),
		test(data_with_a_wrong_length_is_not_asked_for_again),
		test(a_card_that_always_has_more_but_gives_none_is_an_error),
		test(get_response_asks_for_no_more_than_a_message_holds),
		test(a_tpdu_reply_has_a_status_and_no_more_data_than_asked),
		test(a_case_4_answer_that_the_reader_fetched_is_taken_whole),
		test(a_short_command_that_fits_no_message_is_refused),
		test(malformed_commands_never_go_out),
		test(an_instruction_that_reads_as_status_is_refused),
		test(room_for_no_status_word_is_refused_before_sending),
		test(a_refused_start_touches_neither_engine_nor_block),
		test(an_answer_beyond_the_room_is_drained_then_refused),
		test(silence_and_noise_end_the_exchange),
	};

	return cmocka_run_group_tests_name("t0", tests, NULL, NULL);
}
