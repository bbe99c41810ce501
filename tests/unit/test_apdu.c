/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "apdu.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define GUARD		0xA5
#define EXTENDED	true
#define SHORT		false
#define MESSAGE_SHORT	271
#define MESSAGE_WHOLE	65554

static uint8_t command[APDU_COMMAND_MAX + 1];
static uint8_t answer[APDU_ANSWER_MAX + 1];
static uint8_t told[APDU_ANSWER_MAX + 1];	/* what the card answers */
static uint8_t heard[APDU_COMMAND_MAX];		/* what the reader got */
static struct apdu engine;
static struct engine_block block;

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

	if (extended)
		command[size++] = 0;
	if (lc)
		size = put_length(size, lc, extended) + lc;
	if (le)
		size = put_length(size, le, extended);
	return size;
}

static int start(bool extended, size_t message_max, size_t size)
{
	return apdu_start(&engine, extended, message_max, command, size,
			  answer, APDU_ANSWER_MAX, &block);
}

static int feed(uint8_t chain_parameter, const uint8_t *data, size_t size)
{
	struct engine_reply reply = {
		.chain_parameter = chain_parameter,
		.data = data,
		.size = size,
	};

	return apdu_step(&engine, &reply, &block);
}

static void start_exchange(bool extended)
{
	assert_int_equal(start(extended, MESSAGE_WHOLE, 4), ENGINE_SEND);
}

static void assert_block(const uint8_t *data, size_t size, uint16_t parameter)
{
	assert_ptr_equal(block.data, data);
	assert_int_equal(block.size, size);
	assert_int_equal(block.level_parameter, parameter);
}

static void assert_asked_for_more(int next)
{
	assert_int_equal(next, ENGINE_SEND);
	assert_int_equal(block.size, 0);
	assert_int_equal(block.level_parameter, 0x10);
}

static void assert_answered(int next, size_t size)
{
	assert_int_equal(next, ENGINE_DONE);
	assert_int_equal(engine.received, size);
	assert_memory_equal(answer, told, size);
	assert_int_equal(answer[size], GUARD);
}

static void assert_parsed(size_t size, enum apdu_case kind, uint32_t lc,
			  uint32_t le, size_t data_offset)
{
	struct apdu_command parsed;

	memset(&parsed, 0x5A, sizeof(parsed));
	assert_int_equal(apdu_parse(command, size, &parsed), 0);
	assert_int_equal(parsed.kind, kind);
	assert_int_equal(parsed.lc, lc);
	assert_int_equal(parsed.le, le);
	assert_in_range(parsed.data - command, 4, size - lc);
	if (lc)
		assert_ptr_equal(parsed.data, command + data_offset);
}

static void assert_malformed(size_t size)
{
	struct apdu_command parsed, before;

	memset(&parsed, 0x5A, sizeof(parsed));
	before = parsed;
	assert_int_equal(apdu_parse(command, size, &parsed), -EINVAL);
	assert_memory_equal(&parsed, &before, sizeof(parsed));
}

static void fewer_than_four_bytes_are_no_command(void **state)
{
	(void)state;
	for (size_t size = 0; size < 4; size++)
		assert_malformed(size);
}

static void four_bytes_are_case_1(void **state)
{
	(void)state;
	assert_parsed(4, APDU_CASE_1, 0, 0, 0);
}

static void short_commands_of_each_length_are_parsed(void **state)
{
	static const uint32_t lcs[] = { 0, 1, 127, 254, 255 };
	static const uint32_t les[] = { 0, 1, 127, 255, 256 };
	static const enum apdu_case kinds[2][2] = {
		{ APDU_CASE_1, APDU_CASE_2_SHORT },
		{ APDU_CASE_3_SHORT, APDU_CASE_4_SHORT },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(lcs); i++)
		for (size_t j = 0; j < ROWS(les); j++)
			assert_parsed(build(lcs[i], les[j], false),
				      kinds[lcs[i] != 0][les[j] != 0], lcs[i],
				      les[j], 5);
}

static void extended_commands_of_each_length_are_parsed(void **state)
{
	static const uint32_t lcs[] = { 0, 1, 255, 256, 257, 65535 };
	static const uint32_t les[] = { 0, 1, 255, 256, 257, 65535, 65536 };
	static const enum apdu_case kinds[2][2] = {
		{ APDU_CASE_1, APDU_CASE_2_EXTENDED },
		{ APDU_CASE_3_EXTENDED, APDU_CASE_4_EXTENDED },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(lcs); i++)
		for (size_t j = 0; j < ROWS(les); j++)
			if (lcs[i] || les[j])
				assert_parsed(build(lcs[i], les[j], true),
					      kinds[lcs[i] != 0][les[j] != 0],
					      lcs[i], les[j], 7);
}

static void the_longest_command_has_65544_bytes(void **state)
{
	(void)state;
	assert_int_equal(build(65535, 65536, true), APDU_COMMAND_MAX);
	assert_int_equal(build(255, 256, false), APDU_SHORT_MAX);
}

static void a_short_lc_that_does_not_fit_is_refused(void **state)
{
	static const uint32_t lcs[] = { 2, 127, 255 };

	(void)state;
	for (size_t i = 0; i < ROWS(lcs); i++) {
		size_t size = build(lcs[i], 0, false);

		for (size_t cut = 6; cut < size; cut++)
			assert_malformed(cut);
		assert_malformed(size + 2);
		assert_malformed(size + 300);
	}
}

static void an_extended_lc_that_does_not_fit_is_refused(void **state)
{
	static const uint32_t lcs[] = { 1, 255, 256, 65535 };

	(void)state;
	for (size_t i = 0; i < ROWS(lcs); i++) {
		size_t size = build(lcs[i], 0, true);

		assert_malformed(size - 1 > 7 ? size - 1 : 6);
		assert_malformed(size + 1);
		assert_malformed(size + 3);
	}
}

static void an_extended_lc_of_zero_is_refused(void **state)
{
	(void)state;
	memset(command + 4, 0, 16);
	assert_malformed(6);
	for (size_t size = 8; size < 20; size++)
		assert_malformed(size);
}

static void a_short_command_goes_out_whole_at_both_levels(void **state)
{
	static const uint32_t lcs[] = { 0, 1, 255 };
	static const uint32_t les[] = { 0, 1, 255, 256 };

	(void)state;
	for (size_t i = 0; i < ROWS(lcs); i++)
		for (size_t j = 0; j < ROWS(les); j++) {
			size_t size = build(lcs[i], les[j], false);

			assert_int_equal(start(SHORT, MESSAGE_SHORT, size),
					 ENGINE_SEND);
			assert_block(command, size, 0);
			assert_int_equal(start(EXTENDED, MESSAGE_SHORT, size),
					 ENGINE_SEND);
			assert_block(command, size, 0);
		}
}

static void a_short_command_that_fits_no_message_is_refused(void **state)
{
	size_t size = build(100, 0, false);

	(void)state;
	assert_int_equal(start(SHORT, size + 10, size), ENGINE_SEND);
	assert_int_equal(start(SHORT, size + 9, size), -EMSGSIZE);
	assert_int_equal(start(SHORT, 11, 4), -EMSGSIZE);
}

static void extended_commands_are_refused_at_short_level(void **state)
{
	(void)state;
	assert_int_equal(start(SHORT, MESSAGE_WHOLE, build(0, 1, true)),
			 -EMSGSIZE);
	assert_int_equal(start(SHORT, MESSAGE_WHOLE, build(1, 0, true)),
			 -EMSGSIZE);
	assert_int_equal(start(SHORT, MESSAGE_WHOLE, build(256, 256, true)),
			 -EMSGSIZE);
}

static void malformed_commands_are_refused_at_short_level(void **state)
{
	size_t size = build(20, 0, false);

	(void)state;
	assert_int_equal(start(SHORT, MESSAGE_SHORT, size - 1), -EINVAL);
	assert_int_equal(start(SHORT, MESSAGE_SHORT, size + 2), -EINVAL);
	command[4] = 0;
	assert_int_equal(start(SHORT, MESSAGE_SHORT, 6), -EINVAL);
}

static void malformed_commands_go_out_as_they_are_at_extended_level(
	void **state)
{
	size_t size = build(20, 0, false);

	(void)state;
	assert_int_equal(start(EXTENDED, MESSAGE_SHORT, size - 1), ENGINE_SEND);
	assert_block(command, size - 1, 0);
	assert_int_equal(start(EXTENDED, MESSAGE_SHORT, size + 2), ENGINE_SEND);
	assert_block(command, size + 2, 0);
}

static void fewer_than_four_bytes_never_go_out(void **state)
{
	(void)state;
	for (size_t size = 0; size < 4; size++) {
		assert_int_equal(start(SHORT, MESSAGE_SHORT, size), -EINVAL);
		assert_int_equal(start(EXTENDED, MESSAGE_WHOLE, size),
				 -EINVAL);
	}
}

static void more_than_the_longest_command_never_goes_out(void **state)
{
	(void)state;
	assert_int_equal(start(EXTENDED, MESSAGE_WHOLE, APDU_COMMAND_MAX + 1),
			 -EMSGSIZE);
	assert_int_equal(start(SHORT, MESSAGE_WHOLE, APDU_COMMAND_MAX + 1),
			 -EMSGSIZE);
}

static void room_for_no_status_word_is_refused_before_sending(void **state)
{
	(void)state;
	for (size_t room = 0; room < 2; room++)
		assert_int_equal(apdu_start(&engine, EXTENDED, MESSAGE_WHOLE,
					    command, 4, answer, room, &block),
				 -ENOBUFS);
	assert_int_equal(apdu_start(&engine, EXTENDED, MESSAGE_WHOLE, command,
				    4, answer, 2, &block), ENGINE_SEND);
}

static void a_refused_start_touches_neither_engine_nor_block(void **state)
{
	struct apdu engine_before = engine;
	struct engine_block block_before = block;

	(void)state;
	assert_int_equal(start(SHORT, MESSAGE_SHORT, 3), -EINVAL);
	assert_memory_equal(&engine, &engine_before, sizeof(engine));
	assert_memory_equal(&block, &block_before, sizeof(block));
}

static void an_answer_in_one_reply_ends_the_exchange(void **state)
{
	(void)state;
	start_exchange(SHORT);
	assert_answered(feed(0x00, told, 2), 2);
	start_exchange(EXTENDED);
	assert_answered(feed(0x00, told, 258), 258);
}

static void the_longest_answer_fits_one_reply(void **state)
{
	(void)state;
	start_exchange(EXTENDED);
	assert_answered(feed(0x00, told, APDU_ANSWER_MAX), APDU_ANSWER_MAX);
}

static void an_empty_answer_is_the_callers_to_judge(void **state)
{
	(void)state;
	start_exchange(EXTENDED);
	assert_answered(feed(0x00, told, 0), 0);
}

/* Sends a command in parts and checks each; returns how many there were. */
static size_t send_all(size_t message_max, size_t size)
{
	size_t part = message_max - 10, sent = 0, parts = 0;
	int next = start(EXTENDED, message_max, size);

	do {
		bool last = size - sent <= part;

		assert_int_equal(next, ENGINE_SEND);
		assert_int_equal(block.size, last ? size - sent : part);
		assert_int_equal(block.level_parameter,
				 sent ? (last ? 2 : 3) : (last ? 0 : 1));
		memcpy(heard + sent, block.data, block.size);
		sent += block.size;
		parts++;
		if (!last)
			next = feed(0x10, NULL, 0);
	} while (sent < size);
	assert_memory_equal(heard, command, size);
	return parts;
}

static void a_command_longer_than_a_message_goes_out_in_parts(void **state)
{
	static const struct {
		size_t message_max, size, parts;
	} rows[] = {
		{ 11, 4, 4 },		{ 12, 4, 2 },	{ 13, 4, 2 },
		{ 14, 4, 1 },		{ 11, 300, 300 },
		{ 271, 261, 1 },	{ 271, 262, 2 },
		{ 271, 522, 2 },	{ 271, 523, 3 },
		{ 271, 65544, 252 },	{ 11, 65544, 65544 },
		{ 65553, 65544, 2 },	{ 65554, 65544, 1 },
		{ 4106, 65544, 17 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(send_all(rows[i].message_max, rows[i].size),
				 rows[i].parts);
		assert_answered(feed(0x00, told, 2), 2);
	}
}

/* Receives size bytes in parts; returns what the last one brought. */
static int receive_parts(size_t part, size_t size)
{
	size_t given = 0;

	for (; size - given > part; given += part)
		assert_asked_for_more(feed(given ? 0x03 : 0x01, told + given,
					    part));
	return feed(given ? 0x02 : 0x00, told + given, size - given);
}

static int receive_all(bool extended, size_t part, size_t size)
{
	start_exchange(extended);
	return receive_parts(part, size);
}

static void an_answer_longer_than_a_message_comes_in_parts(void **state)
{
	static const struct {
		size_t message_max, size;
	} rows[] = {
		{ 11, 2 }, { 11, 3 }, { 11, 258 }, { 12, 258 },
		{ 271, 261 }, { 271, 262 }, { 271, 523 }, { 271, 65538 },
		{ 11, 65538 }, { 65547, 65538 }, { 65554, 65538 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		memset(answer, GUARD, sizeof(answer));
		assert_answered(receive_all(EXTENDED, rows[i].message_max - 10,
					    rows[i].size), rows[i].size);
	}
}

static void long_commands_and_long_answers_go_together(void **state)
{
	(void)state;
	assert_int_equal(send_all(MESSAGE_SHORT, 1000), 4);
	assert_asked_for_more(feed(0x01, told, 261));
	assert_asked_for_more(feed(0x03, told + 261, 261));
	assert_answered(feed(0x02, told + 522, 100), 622);
}

static void commands_of_each_case_and_length_are_answered(void **state)
{
	static const size_t messages[] = { 16, 271, 3072, MESSAGE_WHOLE };
	static const uint32_t lcs[] = { 0, 1, 255, 256, 257, 65535 };
	static const uint32_t les[] = { 0, 1, 255, 256, 257, 65535, 65536 };
	static const size_t rows = ROWS(messages) * ROWS(lcs) * ROWS(les);

	(void)state;
	for (size_t i = 0; i < rows; i++) {
		size_t message = messages[i % ROWS(messages)];
		uint32_t lc = lcs[i / ROWS(messages) % ROWS(lcs)];
		uint32_t le = les[i / ROWS(messages) / ROWS(lcs)];
		size_t size = lc || le ? build(lc, le, true) : 4;

		memset(answer, GUARD, sizeof(answer));
		send_all(message, size);
		assert_answered(receive_parts(message - 10, le + 2), le + 2);
	}
}

static void the_last_part_of_an_answer_may_be_empty(void **state)
{
	(void)state;
	start_exchange(EXTENDED);
	assert_asked_for_more(feed(0x01, told, 258));
	assert_answered(feed(0x02, NULL, 0), 258);
}

static void an_answer_before_the_command_is_sent_is_an_error(void **state)
{
	static const uint8_t parameters[] = { 0x00, 0x01, 0x02, 0x03, 0xFF };

	(void)state;
	for (size_t i = 0; i < ROWS(parameters); i++) {
		assert_int_equal(start(EXTENDED, MESSAGE_SHORT, 600),
				 ENGINE_SEND);
		assert_int_equal(feed(parameters[i], told, 2), -EPROTO);
		assert_int_equal(feed(parameters[i], NULL, 0), -EPROTO);
	}
}

static void a_request_for_more_command_carries_no_data(void **state)
{
	(void)state;
	assert_int_equal(start(EXTENDED, MESSAGE_SHORT, 600), ENGINE_SEND);
	assert_int_equal(feed(0x10, told, 1), -EPROTO);
}

static void a_request_for_more_than_the_command_is_an_error(void **state)
{
	(void)state;
	start_exchange(EXTENDED);
	assert_int_equal(feed(0x10, NULL, 0), -EPROTO);
	assert_int_equal(send_all(MESSAGE_SHORT, 600), 3);
	assert_int_equal(feed(0x10, NULL, 0), -EPROTO);
}

static void a_first_reply_must_begin_an_answer(void **state)
{
	(void)state;
	for (unsigned parameter = 2; parameter < 256; parameter++) {
		start_exchange(EXTENDED);
		assert_int_equal(feed((uint8_t)parameter, told, 2), -EPROTO);
	}
}

static void a_later_reply_must_go_on_with_the_answer(void **state)
{
	(void)state;
	for (unsigned parameter = 0; parameter < 256; parameter++) {
		if (parameter == 2 || parameter == 3)
			continue;
		start_exchange(EXTENDED);
		assert_asked_for_more(feed(0x01, told, 2));
		assert_int_equal(feed((uint8_t)parameter, told, 2), -EPROTO);
	}
}

static void two_empty_parts_in_a_row_are_borne(void **state)
{
	(void)state;
	start_exchange(EXTENDED);
	assert_asked_for_more(feed(0x01, NULL, 0));
	assert_asked_for_more(feed(0x03, NULL, 0));
	assert_asked_for_more(feed(0x03, told, 1));
	assert_asked_for_more(feed(0x03, NULL, 0));
	assert_asked_for_more(feed(0x03, NULL, 0));
	assert_answered(feed(0x02, told + 1, 1), 2);
}

static void a_third_empty_part_in_a_row_is_an_error(void **state)
{
	(void)state;
	start_exchange(EXTENDED);
	assert_asked_for_more(feed(0x01, NULL, 0));
	assert_asked_for_more(feed(0x03, NULL, 0));
	assert_int_equal(feed(0x03, NULL, 0), -EPROTO);
}

static void a_chain_longer_than_any_answer_is_an_error(void **state)
{
	(void)state;
	start_exchange(EXTENDED);
	assert_asked_for_more(feed(0x01, told, APDU_ANSWER_MAX));
	assert_int_equal(feed(0x03, told, 1), -EPROTO);
	assert_int_equal(feed(0x02, told, 1), -EPROTO);
}

static void a_reply_longer_than_any_answer_is_an_error(void **state)
{
	(void)state;
	start_exchange(EXTENDED);
	assert_int_equal(feed(0x00, told, APDU_ANSWER_MAX + 1), -EPROTO);
	assert_int_equal(answer[0], GUARD);
}

static void an_answer_beyond_the_room_is_drained_then_refused(void **state)
{
	(void)state;
	assert_int_equal(apdu_start(&engine, EXTENDED, MESSAGE_SHORT, command,
				    4, answer, 100, &block), ENGINE_SEND);
	assert_asked_for_more(feed(0x01, told, 90));
	assert_asked_for_more(feed(0x03, told + 90, 20));
	assert_asked_for_more(feed(0x03, told + 110, 20));
	assert_int_equal(feed(0x02, told + 130, 20), -ENOBUFS);
	assert_int_equal(answer[100], GUARD);
}

static void an_answer_that_fills_the_room_is_done(void **state)
{
	(void)state;
	assert_int_equal(apdu_start(&engine, EXTENDED, MESSAGE_SHORT, command,
				    4, answer, 100, &block), ENGINE_SEND);
	assert_answered(feed(0x00, told, 100), 100);
	assert_int_equal(apdu_start(&engine, EXTENDED, MESSAGE_SHORT, command,
				    4, answer, 100, &block), ENGINE_SEND);
	assert_int_equal(feed(0x00, told, 101), -ENOBUFS);
}

static void the_reserved_byte_does_no_harm_at_short_level(void **state)
{
	(void)state;
	for (unsigned parameter = 0; parameter < 256; parameter++) {
		if (parameter == 1)
			continue;
		start_exchange(SHORT);
		assert_answered(feed((uint8_t)parameter, told, 2), 2);
	}
}

static void a_short_level_reader_that_chains_is_heard_out(void **state)
{
	(void)state;
	assert_answered(receive_all(SHORT, 128, 258), 258);
}

static void a_chain_once_begun_is_strict_at_short_level_too(void **state)
{
	(void)state;
	start_exchange(SHORT);
	assert_asked_for_more(feed(0x01, told, 128));
	assert_int_equal(feed(0x00, told + 128, 130), -EPROTO);
}

#define test(name)	cmocka_unit_test_setup(name, start_afresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(fewer_than_four_bytes_are_no_command),
		test(four_bytes_are_case_1),
		test(short_commands_of_each_length_are_parsed),
		test(extended_commands_of_each_length_are_parsed),
		test(the_longest_command_has_65544_bytes),
		test(a_short_lc_that_does_not_fit_is_refused),
		test(an_extended_lc_that_does_not_fit_is_refused),
		test(an_extended_lc_of_zero_is_refused),
		test(a_short_command_goes_out_whole_at_both_levels),
		test(a_short_command_that_fits_no_message_is_refused),
		test(extended_commands_are_refused_at_short_level),
		test(malformed_commands_are_refused_at_short_level),
		test(malformed_commands_go_out_as_they_are_at_extended_level),
		test(fewer_than_four_bytes_never_go_out),
		test(more_than_the_longest_command_never_goes_out),
		test(room_for_no_status_word_is_refused_before_sending),
		test(a_refused_start_touches_neither_engine_nor_block),
		test(an_answer_in_one_reply_ends_the_exchange),
		test(the_longest_answer_fits_one_reply),
		test(an_empty_answer_is_the_callers_to_judge),
		test(a_command_longer_than_a_message_goes_out_in_parts),
		test(an_answer_longer_than_a_message_comes_in_parts),
		test(long_commands_and_long_answers_go_together),
		test(commands_of_each_case_and_length_are_answered),
		test(the_last_part_of_an_answer_may_be_empty),
		test(an_answer_before_the_command_is_sent_is_an_error),
		test(a_request_for_more_command_carries_no_data),
		test(a_request_for_more_than_the_command_is_an_error),
		test(a_first_reply_must_begin_an_answer),
		test(a_later_reply_must_go_on_with_the_answer),
		test(two_empty_parts_in_a_row_are_borne),
		test(a_third_empty_part_in_a_row_is_an_error),
		test(a_chain_longer_than_any_answer_is_an_error),
		test(a_reply_longer_than_any_answer_is_an_error),
		test(an_answer_beyond_the_room_is_drained_then_refused),
		test(an_answer_that_fills_the_room_is_done),
		test(the_reserved_byte_does_no_harm_at_short_level),
		test(a_short_level_reader_that_chains_is_heard_out),
		test(a_chain_once_begun_is_strict_at_short_level_too),
	};

	return cmocka_run_group_tests_name("apdu", tests, NULL, NULL);
}
