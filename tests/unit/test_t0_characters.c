/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * T=0 at character level, character by character. What test_t0.c shows with a
 * whole card is not shown here again.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "t0_talk.h"

static void start_characters(uint32_t lc, uint32_t le)
{
	assert_int_equal(start(CHARACTER, MESSAGE, build(lc, le, false)),
			 ENGINE_SEND);
	assert_int_equal(block.size, 5);
	assert_int_equal(block.level_parameter, 1);
}

static void assert_asked_for(int next, size_t characters)
{
	assert_int_equal(next, ENGINE_SEND);
	assert_int_equal(block.size, 0);
	assert_int_equal(block.level_parameter, characters);
}

static void the_header_always_has_five_bytes_at_character_level(void **state)
{
	(void)state;
	start_characters(0, 0);
	assert_sent(BYTES(CLA, INS_PLAIN, command[2], command[3], 0));
	start_characters(0, 256);
	assert_sent(BYTES(CLA, INS_FROM, command[2], command[3], 0));
	start_characters(10, 256);
	assert_sent(BYTES(CLA, INS_TO, command[2], command[3], 10));
}

static void each_first_character_has_its_meaning(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		uint8_t character = (uint8_t)byte;
		int next;

		start_characters(0, 8);
		next = feed(&character, 1);
		if (byte == 0x60 || byte >> 4 == 6 || byte >> 4 == 9)
			assert_asked_for(next, 1);
		else if (byte == 0xB0 || byte == 0xB1)
			assert_asked_for(next, 8 + 2);
		else if (byte == 0x4F || byte == 0x4E)
			assert_asked_for(next, 1 + 1);
		else
			assert_int_equal(next, -EPROTO);
	}
}

static void data_goes_to_the_card_as_it_asks(void **state)
{
	(void)state;
	start_characters(4, 0);
	assert_int_equal(feed(BYTES(0x29)), ENGINE_SEND);	/* ~INS */
	assert_sent(command + 5, 1);
	assert_int_equal(block.level_parameter, 1);
	assert_int_equal(feed(BYTES(0x28)), ENGINE_SEND);	/* INS^FE */
	assert_sent(command + 6, 1);
	assert_int_equal(feed(BYTES(0xD7)), ENGINE_SEND);	/* INS^01 */
	assert_sent(command + 7, 2);
	assert_int_equal(block.level_parameter, 1);
	assert_asked_for(feed(BYTES(0x60)), 1);
	assert_asked_for(feed(BYTES(0x90)), 1);
	assert_int_equal(feed(BYTES(0x00)), ENGINE_DONE);
	assert_answered(0, 0x90, 0x00);
}

static void data_comes_from_the_card_as_it_says(void **state)
{
	(void)state;
	start_characters(0, 4);
	assert_asked_for(feed(BYTES(0x4F)), 2);
	assert_asked_for(feed(BYTES(told[0], 0x4F)), 2);
	assert_asked_for(feed(BYTES(told[1], 0xB0)), 2 + 2);
	assert_int_equal(feed(BYTES(told[2], told[3], 0x90, 0x00)),
			 ENGINE_DONE);
	assert_answered(4, 0x90, 0x00);
}

static void the_last_single_byte_is_asked_for_with_the_status(void **state)
{
	(void)state;
	start_characters(0, 1);
	assert_asked_for(feed(BYTES(0x4F)), 1 + 2);
	assert_asked_for(feed(BYTES(told[0], 0x60, 0x60)), 1);
	assert_int_equal(feed(BYTES(0x90, 0x00)), ENGINE_DONE);
	assert_answered(1, 0x90, 0x00);
}

static void a_card_may_end_before_all_data_is_gone(void **state)
{
	(void)state;
	start_characters(4, 0);
	assert_int_equal(feed(BYTES(0x29)), ENGINE_SEND);
	assert_int_equal(feed(BYTES(0x6A, 0x80)), ENGINE_DONE);
	assert_answered(0, 0x6A, 0x80);
	start_characters(0, 4);
	assert_asked_for(feed(BYTES(0x4F)), 2);
	assert_asked_for(feed(BYTES(told[0], 0x62)), 1);
	assert_int_equal(feed(BYTES(0x81)), ENGINE_DONE);
	assert_answered(1, 0x62, 0x81);
}

static void characters_may_come_in_any_pieces(void **state)
{
	static const uint8_t line[] = {
		0x60, 0x4F, 1, 0x60, 0x60, 0xB0, 2, 0x60, 0x90, 0x91, 0x60,
	};
	static const uint8_t whole[] = { 1, 2, 0x60, 0x90, 0x91, 0x60 };

	(void)state;
	for (unsigned cuts = 0; cuts < 1u << (sizeof(line) - 1); cuts++) {
		size_t from = 0;
		int next = ENGINE_SEND;

		start_characters(0, 4);
		for (size_t to = 1; to <= sizeof(line); to++) {
			if (to < sizeof(line) && !(cuts >> (to - 1) & 1))
				continue;
			assert_int_equal(next, ENGINE_SEND);
			next = feed(line + from, to - from);
			from = to;
		}
		assert_int_equal(next, ENGINE_DONE);
		assert_int_equal(engine.received, sizeof(whole));
		assert_memory_equal(answer, whole, sizeof(whole));
	}
}

static void an_ack_without_data_left_is_an_error(void **state)
{
	(void)state;
	start_characters(0, 0);
	assert_int_equal(feed(BYTES(INS_PLAIN)), -EPROTO);
	start_characters(0, 0);
	assert_int_equal(feed(BYTES(0xFF ^ INS_PLAIN)), -EPROTO);
	start_characters(1, 0);
	assert_int_equal(feed(BYTES(INS_TO)), ENGINE_SEND);
	assert_int_equal(feed(BYTES(INS_TO)), -EPROTO);
	start_characters(0, 1);
	assert_asked_for(feed(BYTES(INS_FROM)), 3);
	assert_int_equal(feed(BYTES(told[0], INS_FROM)), -EPROTO);
}

static void one_byte_acks_end_with_the_data(void **state)
{
	int next = ENGINE_SEND;
	unsigned steps = 0;

	(void)state;
	start_characters(0, 256);
	assert_asked_for(feed(BYTES(0x4F)), 2);
	for (; next == ENGINE_SEND; steps++)
		next = feed(BYTES(0x00, 0x4F));
	assert_int_equal(next, -EPROTO);
	assert_int_equal(steps, 256);
	start_characters(255, 0);
	for (steps = 0; (next = feed(BYTES(0x29))) == ENGINE_SEND; steps++)
		assert_int_equal(block.size, 1);
	assert_int_equal(next, -EPROTO);
	assert_int_equal(steps, 255);
}

static void a_card_that_speaks_out_of_turn_is_an_error(void **state)
{
	(void)state;
	start_characters(4, 0);
	assert_int_equal(feed(BYTES(INS_TO, 0x90)), -EPROTO);
	start_characters(0, 0);
	assert_int_equal(feed(BYTES(0x90, 0x00, 0x00)), -EPROTO);
	start_characters(0, 0);
	assert_asked_for(feed(BYTES(0x90)), 1);
	assert_int_equal(feed(BYTES(0x00, 0x00)), -EPROTO);
}

static void null_bytes_are_borne_up_to_a_limit(void **state)
{
	(void)state;
	start_characters(0, 1);
	for (unsigned i = 0; i < T0_NULLS_MAX; i++)
		assert_asked_for(feed(BYTES(0x60)), 1);
	assert_int_equal(feed(BYTES(0x60)), -ETIMEDOUT);
}

static void replies_that_bring_nothing_are_borne_twice_in_a_row(void **state)
{
	(void)state;
	start_characters(0, 1);
	assert_asked_for(feed(NULL, 0), 1);
	assert_asked_for(feed(NULL, 0), 1);
	assert_asked_for(feed(BYTES(0x60)), 1);
	assert_asked_for(feed(NULL, 0), 1);
	assert_asked_for(feed(NULL, 0), 1);
	assert_int_equal(feed(NULL, 0), -EPROTO);
}

static void data_longer_than_a_message_goes_in_parts(void **state)
{
	(void)state;
	assert_int_equal(start(CHARACTER, 17, build(20, 0, false)),
			 ENGINE_SEND);
	assert_int_equal(feed(BYTES(INS_TO)), ENGINE_SEND);
	assert_sent(command + 5, 7);
	assert_int_equal(block.level_parameter, 0);
	assert_int_equal(feed(NULL, 0), ENGINE_SEND);
	assert_sent(command + 12, 7);
	assert_int_equal(feed(NULL, 0), ENGINE_SEND);
	assert_sent(command + 19, 6);
	assert_int_equal(block.level_parameter, 1);
	assert_int_equal(feed(BYTES(0x90, 0x00)), ENGINE_DONE);
	/* nothing may come in between */
	assert_int_equal(start(CHARACTER, 17, build(20, 0, false)),
			 ENGINE_SEND);
	assert_int_equal(feed(BYTES(INS_TO)), ENGINE_SEND);
	assert_int_equal(feed(BYTES(0x60)), -EPROTO);
}

#define test(name)	cmocka_unit_test_setup(name, start_afresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_header_always_has_five_bytes_at_character_level),
		test(each_first_character_has_its_meaning),
		test(data_goes_to_the_card_as_it_asks),
		test(data_comes_from_the_card_as_it_says),
		test(the_last_single_byte_is_asked_for_with_the_status),
		test(a_card_may_end_before_all_data_is_gone),
		test(characters_may_come_in_any_pieces),
		test(an_ack_without_data_left_is_an_error),
		test(one_byte_acks_end_with_the_data),
		test(a_card_that_speaks_out_of_turn_is_an_error),
		test(null_bytes_are_borne_up_to_a_limit),
		test(replies_that_bring_nothing_are_borne_twice_in_a_row),
		test(data_longer_than_a_message_goes_in_parts),
	};

	return cmocka_run_group_tests_name("t0_characters", tests, NULL, NULL);
}
