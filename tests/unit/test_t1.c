/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits, sizes and settings of the T=1 engine. The rules of a conversation are
 * in test_t1_annex.c, what can go wrong in test_t1_trouble.c, a card on a bad
 * line in test_t1_line.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "t1_talk.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

static void commands_of_impossible_sizes_never_go_out(void **state)
{
	(void)state;
	for (size_t size = 0; size < 4; size++)
		assert_int_equal(start(size), -EINVAL);
	assert_int_equal(start(APDU_COMMAND_MAX + 1), -EMSGSIZE);
	assert_int_equal(start(APDU_COMMAND_MAX), ENGINE_SEND);
}

static void room_for_no_status_word_is_refused_before_sending(void **state)
{
	(void)state;
	assert_int_equal(start_room(4, 0), -ENOBUFS);
	assert_int_equal(start_room(4, 1), -ENOBUFS);
	assert_int_equal(start_room(4, 2), ENGINE_SEND);
}

static void a_refused_start_touches_neither_engine_nor_block(void **state)
{
	struct t1 engine_before = engine;
	struct engine_block block_before = block;

	(void)state;
	assert_int_equal(start(3), -EINVAL);
	assert_int_equal(start_room(4, 1), -ENOBUFS);
	assert_memory_equal(&engine, &engine_before, sizeof(engine));
	assert_memory_equal(&block, &block_before, sizeof(block));
	exchange_once();
}

static void an_exchange_given_up_halfway_wants_a_reset(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	t1_end(&engine);
	assert_int_equal(start(4), -ENOTCONN);
	power_up(IFSC, NO_IFSD, false, TPDU);
	exchange_once();
}

static void numbers_go_on_from_command_to_command(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(engine.ns, i & 1);
		assert_int_equal(engine.nr, i & 1);
		exchange_once();
		t1_end(&engine);
	}
}

static void the_end_wipes_what_the_blocks_held(void **state)
{
	(void)state;
	power_up(IFSC, NO_IFSD, false, CHARACTER);
	assert_int_equal(start(20), ENGINE_SEND);
	assert_int_equal(feed_i(0x00, 10), ENGINE_DONE);
	assert_memory_equal(engine.out + 3, command, 20);
	assert_memory_equal(engine.in + 3, told, 10);
	t1_end(&engine);
	for (size_t i = 0; i < T1_BLOCK_MAX; i++)
		assert_int_equal(engine.out[i] | engine.in[i], 0);
	assert_int_equal(engine.exchange.received, 10);
}

static void commands_are_cut_at_ifsc(void **state)
{
	static const struct {
		uint8_t told, used;
		size_t size;
	} rows[] = {
		{ 1, 1, 4 }, { 1, 1, 300 }, { 254, 254, 254 },
		{ 254, 254, 255 }, { 254, 254, 508 }, { 254, 254, 509 },
		{ 32, 32, 32 }, { 32, 32, 33 }, { 0, 32, 100 },
		{ 255, 32, 100 }, { 254, 254, APDU_COMMAND_MAX }, { 1, 1, APDU_COMMAND_MAX },
		{ 253, 253, APDU_COMMAND_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		power_up(rows[i].told, NO_IFSD, false, TPDU);
		send_all(start(rows[i].size), rows[i].size, rows[i].used);
		assert_answered(feed_i(0x00, 2));
	}
}

static void blocks_fit_the_readers_messages(void **state)
{
	static const struct {
		size_t message_max;
		bool crc;
		uint8_t inf_max;
	} rows[] = {
		{ 15, false, 1 }, { 16, true, 1 }, { 46, false, 32 },
		{ 263, false, 249 }, { 268, false, 254 }, { 269, true, 254 },
		{ 268, true, 253 }, { 65554, false, 254 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct t1_parameters parameters = {
			.ifsc = 254, .ifsd = 254, .crc = rows[i].crc,
			.message_max = rows[i].message_max,
		};

		assert_int_equal(t1_init(&engine, &parameters), 0);
		assert_int_equal(engine.ifsc, rows[i].inf_max);
		assert_int_equal(engine.ifsd_wanted, rows[i].inf_max);
	}
}

static void messages_too_small_for_any_block_are_refused(void **state)
{
	struct t1_parameters parameters = { .ifsc = 254, .message_max = 14 };

	(void)state;
	assert_int_equal(t1_init(&engine, &parameters), -EMSGSIZE);
	parameters.crc = true;
	parameters.message_max = 15;
	assert_int_equal(t1_init(&engine, &parameters), -EMSGSIZE);
}

/* Lc and Le of extended commands, as far as their sizes matter here. */
static void long_commands_and_long_answers_go_together(void **state)
{
	static const size_t lcs[] = { 1, 255, 256, 257, 65535 };
	static const size_t les[] = { 1, 255, 256, 257, 65535, 65536 };
	uint8_t nr = 0;

	(void)state;
	power_up(254, NO_IFSD, false, TPDU);
	for (size_t i = 0; i < ROWS(lcs) * ROWS(les); i++) {
		size_t size = 4 + 3 + lcs[i % ROWS(lcs)] + 2;
		size_t left = les[i / ROWS(lcs)] + 2;

		memset(answer, GUARD, sizeof(answer));
		send_all(start(size), size, 254);
		for (; left > 254; left -= 254, nr ^= 1)
			assert_s(feed_i((uint8_t)(nr << 6 | 0x20), 254),
				 (uint8_t)(0x80 | (nr ^ 1) << 4));
		assert_answered(feed_i((uint8_t)(nr << 6), left));
		nr ^= 1;
	}
}

static void ifsd_is_offered_once_before_the_first_command(void **state)
{
	(void)state;
	power_up(IFSC, 254, false, TPDU);
	assert_value(start(4), 0xC1, 254);
	assert_sent(feed_value(0xE1, 254), 0x00, command, 4);
	assert_int_equal(engine.ifsd, 254);
	assert_answered(feed_i(0x00, 2));
	exchange_once();
}

static void ifsd_is_offered_at_character_level_too(void **state)
{
	(void)state;
	power_up(IFSC, 254, false, CHARACTER);
	assert_value(start(4), 0xC1, 254);
	assert_sent(feed_value(0xE1, 254), 0x00, command, 4);
}

static void an_ifsd_that_is_the_default_is_not_offered(void **state)
{
	(void)state;
	power_up(IFSC, 32, false, TPDU);
	exchange_once();
}

static void a_card_that_refuses_ifsd_is_talked_to_all_the_same(void **state)
{
	(void)state;
	power_up(IFSC, 254, false, TPDU);
	assert_value(start(4), 0xC1, 254);
	assert_value(feed(0x82), 0xC1, 254);
	assert_value(feed_value(0xE1, 32), 0xC1, 254);
	assert_sent(feed_silence(), 0x00, command, 4);
	assert_answered(feed_i(0x00, 2));
	exchange_once();
	assert_int_equal(engine.ifsd, 32);
}

static void a_card_silent_to_ifsd_wants_a_reset(void **state)
{
	(void)state;
	power_up(IFSC, 254, false, TPDU);
	assert_value(start(4), 0xC1, 254);
	assert_value(feed_silence(), 0xC1, 254);
	assert_value(feed_silence(), 0xC1, 254);
	assert_broken(feed_silence(), -ETIMEDOUT);
}

static void the_cards_ifs_counts_from_the_next_block_on(void **state)
{
	(void)state;
	assert_sent(start(400), 0x20, command, 32);
	assert_value(feed_value(0xC1, 254), 0xE1, 254);
	assert_sent(feed(0x90), 0x60, command + 32, 254);
	assert_value(feed_value(0xC1, 1), 0xE1, 1);
	assert_sent(feed(0x80), 0x20, command + 286, 1);
}

static void the_cards_ifs_is_used_as_far_as_messages_go(void **state)
{
	const struct t1_parameters parameters = {
		.ifsc = 10, .message_max = 114,
	};

	(void)state;
	assert_int_equal(t1_init(&engine, &parameters), 0);
	assert_sent(start(200), 0x20, command, 10);
	assert_value(feed_value(0xC1, 254), 0xE1, 254);
	assert_sent(feed(0x90), 0x60, command + 10, 100);
}

static void an_ifs_of_0_or_255_is_not_taken(void **state)
{
	(void)state;
	exchange_once();
	assert_int_equal(start(4), ENGINE_SEND);
	assert_s(feed_value(0xC1, 0), 0x92);
	assert_s(feed_value(0xC1, 255), 0x92);
	assert_int_equal(engine.ifsc, 32);
}

static void a_fourth_ifs_in_one_command_is_an_error(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(start(4), ENGINE_SEND);
		for (unsigned i = 0; i < T1_IFS_MAX; i++)
			assert_value(feed_value(0xC1, 32), 0xE1, 32);
		if (!round)
			assert_answered(feed_i(0x00, 2));
	}
	assert_broken(feed_value(0xC1, 32), -EPROTO);
}

/* The number stands for the bytes sent with it: they must not be cut anew. */
static void a_block_that_ifs_made_too_long_begins_the_command_anew(void **state)
{
	(void)state;
	assert_sent(start(40), 0x20, command, 32);
	assert_value(feed_value(0xC1, 8), 0xE1, 8);
	assert_s(feed(0x81), 0xC0);
	send_all(feed(0xE0), 40, 8);
	assert_answered(feed_i(0x00, 2));
}

static void a_block_that_ifs_left_alone_is_repeated_as_it_was(void **state)
{
	(void)state;
	assert_sent(start(40), 0x20, command, 32);
	assert_value(feed_value(0xC1, 254), 0xE1, 254);
	assert_sent(feed(0x81), 0x20, command, 32);
	assert_sent(feed(0x90), 0x40, command + 32, 8);
}

static void more_time_counts_for_the_next_reply_only(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	assert_int_equal(block.bwi, 0);
	for (unsigned n = 1; n < 256; n++) {
		assert_value(feed_value(0xC3, (uint8_t)n), 0xE3, (uint8_t)n);
		assert_int_equal(block.bwi, n);
	}
	assert_s(feed_silence(), 0x82);
	assert_int_equal(block.bwi, 0);
	assert_answered(feed_i(0x00, 2));
}

static void no_time_at_all_is_not_granted(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	assert_s(feed_value(0xC3, 0), 0x82);
	assert_int_equal(block.bwi, 0);
}

static void more_time_is_granted_for_long_but_not_for_ever(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	for (unsigned i = 0; i < T1_WTX_MAX; i++)
		assert_int_equal(feed_value(0xC3, 255), ENGINE_SEND);
	assert_broken(feed_value(0xC3, 255), -ETIMEDOUT);
}

static void two_empty_parts_in_a_row_are_borne(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	assert_s(feed_i(0x20, 0), 0x90);
	assert_s(feed_i(0x60, 0), 0x80);
	assert_s(feed_i(0x20, 1), 0x90);
	assert_s(feed_i(0x60, 0), 0x80);
	assert_s(feed_i(0x20, 0), 0x90);
	assert_answered(feed_i(0x40, 0));
}

static void a_third_empty_part_in_a_row_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	assert_s(feed_i(0x20, 0), 0x90);
	assert_s(feed_i(0x60, 0), 0x80);
	assert_broken(feed_i(0x20, 0), -EPROTO);
}

static void an_empty_answer_is_the_callers_to_judge(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	assert_answered(feed_i(0x00, 0));
}

/* A chain of size bytes but for the last block; returns N(S) of that. */
static uint8_t feed_chain(size_t size)
{
	uint8_t ns = 0;

	for (size_t n; size; size -= n, ns ^= 1) {
		n = size < 254 ? size : 254;
		assert_s(feed_i((uint8_t)(ns << 6 | 0x20), n),
			 (uint8_t)(0x80 | (ns ^ 1) << 4));
	}
	return ns;
}

static void an_answer_beyond_the_room_is_drained_then_refused(void **state)
{
	(void)state;
	assert_int_equal(start_room(4, 300), ENGINE_SEND);
	assert_int_equal(feed_chain(3 * 254), 1);
	assert_int_equal(feed_i(0x40, 2), -ENOBUFS);
	assert_memory_equal(answer, told, 300);
	assert_int_equal(answer[300], GUARD);
	assert_int_equal(engine.exchange.received, 764);
	memset(answer, GUARD, sizeof(answer));
	exchange_once();
}

static void an_answer_that_fills_the_room_is_done(void **state)
{
	(void)state;
	assert_int_equal(start_room(4, 254), ENGINE_SEND);
	assert_answered(feed_i(0x00, 254));
}

static void an_answer_longer_than_any_is_an_error(void **state)
{
	uint8_t ns;

	(void)state;
	assert_int_equal(start_room(4, 2), ENGINE_SEND);
	ns = feed_chain(T1_ANSWER_MAX);
	assert_broken(feed_i((uint8_t)(ns << 6), 1), -EPROTO);
	assert_int_equal(answer[2], GUARD);
}

static void the_longest_answer_is_received(void **state)
{
	uint8_t ns;

	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	ns = feed_chain(T1_ANSWER_MAX);
	assert_answered(feed_i((uint8_t)(ns << 6), 0));
}

static void the_card_teaches_the_kind_of_crc(void **state)
{
	static const unsigned kinds[] = {
		T1_CRC_HIGH, T1_CRC_LOW, T1_CRC_X25, T1_CRC_ARC,
	};

	(void)state;
	for (size_t i = 0; i < ROWS(kinds); i++) {
		power_up(IFSC, NO_IFSD, true, TPDU);
		assert_sent(start(4), 0x00, command, 4);
		assert_int_equal(feed_kind(kinds[i], 0x81, NULL, 0),
				 ENGINE_SEND);
		assert_int_equal(engine.kinds, kinds[i]);
		assert_sent(ENGINE_SEND, 0x00, command, 4);
		assert_int_equal(feed_kind(kinds[i], 0x00, told, 2),
				 ENGINE_DONE);
	}
}

static void no_second_kind_of_crc_is_taken(void **state)
{
	(void)state;
	power_up(IFSC, NO_IFSD, true, TPDU);
	assert_int_equal(start(4), ENGINE_SEND);
	assert_int_equal(feed_kind(T1_CRC_LOW, 0x81, NULL, 0), ENGINE_SEND);
	assert_s(feed_kind(T1_CRC_HIGH, 0x00, told, 2), 0x81);
	assert_s(feed_kind(T1_CRC_X25, 0x00, told, 2), 0x81);
	assert_int_equal(feed_kind(T1_CRC_LOW, 0x00, told, 2), ENGINE_DONE);
}

#define test(name)	cmocka_unit_test_setup(name, start_afresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(commands_of_impossible_sizes_never_go_out),
		test(room_for_no_status_word_is_refused_before_sending),
		test(a_refused_start_touches_neither_engine_nor_block),
		test(an_exchange_given_up_halfway_wants_a_reset),
		test(numbers_go_on_from_command_to_command),
		test(the_end_wipes_what_the_blocks_held),
		test(commands_are_cut_at_ifsc),
		test(blocks_fit_the_readers_messages),
		test(messages_too_small_for_any_block_are_refused),
		test(long_commands_and_long_answers_go_together),
		test(ifsd_is_offered_once_before_the_first_command),
		test(ifsd_is_offered_at_character_level_too),
		test(an_ifsd_that_is_the_default_is_not_offered),
		test(a_card_that_refuses_ifsd_is_talked_to_all_the_same),
		test(a_card_silent_to_ifsd_wants_a_reset),
		test(the_cards_ifs_counts_from_the_next_block_on),
		test(the_cards_ifs_is_used_as_far_as_messages_go),
		test(an_ifs_of_0_or_255_is_not_taken),
		test(a_fourth_ifs_in_one_command_is_an_error),
		test(a_block_that_ifs_made_too_long_begins_the_command_anew),
		test(a_block_that_ifs_left_alone_is_repeated_as_it_was),
		test(more_time_counts_for_the_next_reply_only),
		test(no_time_at_all_is_not_granted),
		test(more_time_is_granted_for_long_but_not_for_ever),
		test(two_empty_parts_in_a_row_are_borne),
		test(a_third_empty_part_in_a_row_is_an_error),
		test(an_empty_answer_is_the_callers_to_judge),
		test(an_answer_beyond_the_room_is_drained_then_refused),
		test(an_answer_that_fills_the_room_is_done),
		test(an_answer_longer_than_any_is_an_error),
		test(the_longest_answer_is_received),
		test(the_card_teaches_the_kind_of_crc),
		test(no_second_kind_of_crc_is_taken),
	};

	return cmocka_run_group_tests_name("t1", tests, NULL, NULL);
}
