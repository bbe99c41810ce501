/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* T=0 at TPDU level, reply by reply; and what never goes out at any level. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "t0_talk.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

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

static void of_an_exact_last_part_only_what_le_leaves_is_kept(void **state)
{
	uint8_t reply[258];

	(void)state;
	assert_int_equal(start(TPDU, MESSAGE, build(0, 300, true)),
			 ENGINE_SEND);
	memcpy(reply, told, 256);
	memcpy(reply + 256, (const uint8_t[]){ 0x61, 50 }, 2);
	assert_int_equal(feed(reply, 258), ENGINE_SEND);
	assert_sent(BYTES(CLA, INS_GET, 0, 0, 44));
	assert_int_equal(feed(BYTES(0x6C, 50)), ENGINE_SEND);
	assert_sent(BYTES(CLA, INS_GET, 0, 0, 50));
	memcpy(reply, told + 256, 50);
	memcpy(reply + 50, (const uint8_t[]){ 0x90, 0x00 }, 2);
	assert_int_equal(feed(reply, 52), ENGINE_DONE);
	assert_answered(300, 0x90, 0x00);
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
		test(of_an_exact_last_part_only_what_le_leaves_is_kept),
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
		test(silence_and_noise_end_the_exchange),
	};

	return cmocka_run_group_tests_name("t0_replies", tests, NULL, NULL);
}
