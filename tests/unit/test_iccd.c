/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "iccd.h"

#define SLOT_SEQ	0, 7	/* bSlot, bSeq */

/* Commands, as the core sends them */
static const uint8_t power_on[] = { 0x62, 0, 0, 0, 0, SLOT_SEQ, 0, 0, 0 };
static const uint8_t power_off[] = { 0x63, 0, 0, 0, 0, SLOT_SEQ, 0, 0, 0 };
static const uint8_t status[] = { 0x65, 0, 0, 0, 0, SLOT_SEQ, 0, 0, 0 };
static const uint8_t read_4[] = {
	0x6F, 5, 0, 0, 0, SLOT_SEQ, 0, 0, 0, 0x00, 0xB0, 0x00, 0x00, 0x04,
};
static const uint8_t write_2[] = {
	0x6F, 7, 0, 0, 0, SLOT_SEQ, 0, 0, 0,
	0x00, 0xD6, 0x00, 0x00, 0x02, 0xAA, 0xBB,
};
static const uint8_t atr[] = { 0x3B, 0x00 };

static struct iccd iccd;

static void begin(uint8_t version, enum desc_level level)
{
	iccd_init(&iccd, version, level);
}

#define START(command)	iccd_start(&iccd, command, sizeof(command))

/* The next request is an OUT one with these bytes. */
static void expect_out(enum iccd_next next, uint8_t request, uint16_t value,
		       const void *data, size_t size)
{
	assert_int_equal(next, ICCD_REQUEST);
	assert_false(iccd.request.in);
	assert_int_equal(iccd.request.request, request);
	assert_int_equal(iccd.request.value, value);
	assert_int_equal(iccd.request.size, size);
	if (size)
		assert_memory_equal(iccd.request.data, data, size);
}

static void expect_in(enum iccd_next next, uint8_t request, size_t size)
{
	assert_int_equal(next, ICCD_REQUEST);
	assert_true(iccd.request.in);
	assert_int_equal(iccd.request.request, request);
	assert_int_equal(iccd.request.value, 0);
	assert_int_equal(iccd.request.size, size);
}

/* OUT requests bring nothing. */
static enum iccd_next sent(void)
{
	return iccd_step(&iccd, NULL, 0);
}

static enum iccd_next come(const void *bytes, size_t size)
{
	return iccd_step(&iccd, bytes, size);
}

#define COME(...)							\
	come((const uint8_t[]){ __VA_ARGS__ },				\
	     sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void expect_answer(enum iccd_next next, uint8_t type, uint8_t state,
			  uint8_t error, const void *data, size_t size)
{
	struct ccid_reply reply;

	assert_int_equal(next, ICCD_ANSWER);
	assert_int_equal(ccid_reply_parse(iccd.answer, iccd.answer_size,
					  &reply), 0);
	assert_int_equal(reply.type, type);
	assert_int_equal(reply.slot, 0);
	assert_int_equal(reply.seq, 7);
	assert_int_equal(iccd.answer[7], state);
	assert_int_equal(reply.error, error);
	assert_int_equal(reply.size, size);
	if (size)
		assert_memory_equal(reply.data, data, size);
}

/* --- what they have in common */

static void power_off_is_one_request(void **state)
{
	(void)state;
	for (uint8_t version = 1; version <= 2; version++) {
		begin(version, DESC_LEVEL_TPDU);
		expect_out(START(power_off), 0x63, 0, NULL, 0);
		expect_answer(sent(), CCID_SLOT_STATUS, 1, 0, NULL, 0);
	}
}

static void parameters_are_taken_without_a_request(void **state)
{
	static const uint8_t set[] = {
		0x61, 5, 0, 0, 0, SLOT_SEQ, 0, 0, 0, 0x11, 0, 0, 10, 0,
	};

	(void)state;
	begin(ICCD_VERSION_B, DESC_LEVEL_TPDU);
	expect_answer(START(set), CCID_PARAMETERS, 1, 0,
		      set + CCID_HEADER_SIZE, 5);
}

static void commands_that_a_token_has_not_fail_without_a_request(void **state)
{
	static const uint8_t types[] = { 0x69, 0x6B, 0x6C, 0x6D, 0x71, 0x72,
					 0x73, 0x00, 0xFF };
	uint8_t command[CCID_HEADER_SIZE] = { 0 };

	(void)state;
	begin(ICCD_VERSION_B, DESC_LEVEL_TPDU);
	for (size_t i = 0; i < sizeof(types); i++) {
		command[0] = types[i];
		assert_int_equal(START(command), ICCD_ANSWER);
		assert_int_equal(iccd.answer[7], 0x41);
		assert_int_equal(iccd.answer[8], CCID_ERROR_NOT_SUPPORTED);
	}
}

static void parameters_that_are_too_long_are_not_taken(void **state)
{
	static uint8_t set[CCID_HEADER_SIZE + ICCD_DATA_MAX + 1] = {
		0x61, 0x01, 0x10, 0, 0, SLOT_SEQ, 0, 0, 0,
	};

	(void)state;
	begin(ICCD_VERSION_B, DESC_LEVEL_TPDU);
	expect_answer(START(set), CCID_PARAMETERS, 0x41,
		      CCID_ERROR_NOT_SUPPORTED, NULL, 0);
}

static void a_refused_block_is_a_failure(void **state)
{
	(void)state;
	begin(ICCD_VERSION_B, DESC_LEVEL_TPDU);
	START(read_4);
	expect_answer(iccd_stalled(&iccd), CCID_DATA_BLOCK, 0x41,
		      CCID_ERROR_HARDWARE, NULL, 0);
}

static void a_token_that_tells_no_status_is_there_all_the_same(void **state)
{
	(void)state;
	for (uint8_t version = 1; version <= 2; version++) {
		begin(version, DESC_LEVEL_TPDU);
		START(status);
		expect_answer(iccd_stalled(&iccd), CCID_SLOT_STATUS, 1, 0,
			      NULL, 0);
	}
}

static void an_extension_is_a_message_of_the_command(void **state)
{
	uint8_t message[CCID_HEADER_SIZE];
	struct ccid_reply reply;

	(void)state;
	begin(ICCD_VERSION_B, DESC_LEVEL_TPDU);
	START(read_4);
	iccd_put_extension(&iccd, message);
	assert_int_equal(ccid_reply_parse(message, sizeof(message), &reply), 0);
	assert_int_equal(reply.outcome, CCID_TIME_EXTENSION);
	assert_int_equal(reply.error, 1);
	assert_int_equal(reply.seq, 7);
}

static void a_token_looks_like_a_reader_with_one_slot(void **state)
{
	static const struct {
		uint8_t version;
		enum desc_level level, becomes;
	} rows[] = {
		{ 1, DESC_LEVEL_CHARACTER, DESC_LEVEL_TPDU },
		{ 1, DESC_LEVEL_TPDU, DESC_LEVEL_TPDU },
		{ 1, DESC_LEVEL_SHORT_APDU, DESC_LEVEL_SHORT_APDU },
		{ 2, DESC_LEVEL_TPDU, DESC_LEVEL_TPDU },
		{ 2, DESC_LEVEL_SHORT_APDU, DESC_LEVEL_EXTENDED_APDU },
		{ 2, DESC_LEVEL_EXTENDED_APDU, DESC_LEVEL_EXTENDED_APDU },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct desc desc = {
			.slots = 4, .busy_slots = 4, .pin_support = 3,
			.max_message = DESC_MESSAGE_MAX, .level = rows[i].level,
			.features = DESC_AUTO_PPS | DESC_AUTO_ACTIVATION,
		};

		iccd_describe(rows[i].version, &desc);
		assert_int_equal(desc.level, rows[i].becomes);
		assert_int_equal(desc.slots, 1);
		assert_int_equal(desc.busy_slots, 1);
		assert_int_equal(desc.pin_support, 0);
		assert_int_equal(desc.max_message, ICCD_MESSAGE_MAX);
		assert_int_equal(desc.features, DESC_AUTO_VOLTAGE |
						DESC_AUTO_NEGOTIATION);
	}
}

/* --- version A */

static void a_powers_on_by_one_request(void **state)
{
	(void)state;
	begin(ICCD_VERSION_A, DESC_LEVEL_TPDU);
	expect_in(START(power_on), 0x62, 64);
	expect_answer(come(atr, sizeof(atr)), CCID_DATA_BLOCK, 0, 0, atr,
		      sizeof(atr));
}

static void a_without_an_atr_is_mute(void **state)
{
	(void)state;
	begin(ICCD_VERSION_A, DESC_LEVEL_TPDU);
	START(power_on);
	expect_answer(come(NULL, 0), CCID_DATA_BLOCK, 0x41, CCID_ERROR_MUTE,
		      NULL, 0);
}

static void a_tells_its_status_when_it_is_not_busy(void **state)
{
	(void)state;
	begin(ICCD_VERSION_A, DESC_LEVEL_TPDU);
	START(power_on);
	come(atr, sizeof(atr));
	expect_in(START(status), 0xA0, 1);
	assert_int_equal(COME(0x40), ICCD_PAUSE);
	assert_int_equal(iccd.pause_ms, 10);
	expect_in(iccd_resume(&iccd), 0xA0, 1);
	expect_answer(COME(0x00), CCID_SLOT_STATUS, 0, 0, NULL, 0);
	START(status);
	expect_answer(COME(0x80), CCID_SLOT_STATUS, 1, 0, NULL, 0);
}

static void a_sends_a_block_and_fetches_the_answer(void **state)
{
	(void)state;
	begin(ICCD_VERSION_A, DESC_LEVEL_TPDU);
	expect_out(START(write_2), 0x65, 0, write_2 + 10, 7);
	expect_in(sent(), 0xA0, 1);
	assert_int_equal(COME(0x40), ICCD_PAUSE);
	expect_in(iccd_resume(&iccd), 0xA0, 1);
	expect_in(COME(0x00), 0x6F, ICCD_DATA_MAX);
	expect_answer(COME(0x90, 0x00), CCID_DATA_BLOCK, 1, 0,
		      (const uint8_t[]){ 0x90, 0x00 }, 2);
}

static void a_mute_card_fails_the_block(void **state)
{
	(void)state;
	begin(ICCD_VERSION_A, DESC_LEVEL_TPDU);
	START(write_2);
	sent();
	expect_answer(COME(0x80), CCID_DATA_BLOCK, 0x41, CCID_ERROR_MUTE, NULL,
		      0);
}

static void a_by_characters_sends_header_and_data(void **state)
{
	(void)state;
	begin(ICCD_VERSION_A, DESC_LEVEL_CHARACTER);
	expect_out(START(write_2), 0x65, 0, write_2 + 10, 5);
	expect_in(sent(), 0xA0, 1);
	expect_out(COME(0x10), 0x65, 0, write_2 + 15, 2);
	expect_in(sent(), 0xA0, 1);
	expect_in(COME(0x20), 0x6F, 2);
	expect_answer(COME(0x90, 0x00), CCID_DATA_BLOCK, 1, 0,
		      (const uint8_t[]){ 0x90, 0x00 }, 2);
}

static void a_by_characters_fetches_data_and_status_word(void **state)
{
	(void)state;
	begin(ICCD_VERSION_A, DESC_LEVEL_CHARACTER);
	START(read_4);
	sent();
	expect_in(COME(0x10), 0x6F, 4);
	expect_in(COME(1, 2, 3, 4), 0xA0, 1);
	expect_in(COME(0x20), 0x6F, 2);
	expect_answer(COME(0x90, 0x00), CCID_DATA_BLOCK, 1, 0,
		      (const uint8_t[]){ 1, 2, 3, 4, 0x90, 0x00 }, 6);
}

static void a_by_characters_completes_a_header_of_four_bytes(void **state)
{
	static const uint8_t case_1[] = {
		0x6F, 4, 0, 0, 0, SLOT_SEQ, 0, 0, 0, 0x80, 0x1A, 0x90, 0x00,
	};

	(void)state;
	begin(ICCD_VERSION_A, DESC_LEVEL_CHARACTER);
	expect_out(START(case_1), 0x65, 0,
		   (const uint8_t[]){ 0x80, 0x1A, 0x90, 0x00, 0x00 }, 5);
	sent();
	expect_in(COME(0x20), 0x6F, 2);
	expect_answer(COME(0x90, 0x00), CCID_DATA_BLOCK, 1, 0,
		      (const uint8_t[]){ 0x90, 0x00 }, 2);
}

static void a_by_characters_fetches_data_once_only(void **state)
{
	(void)state;
	begin(ICCD_VERSION_A, DESC_LEVEL_CHARACTER);
	START(read_4);
	sent();
	COME(0x10);
	COME(1, 2, 3, 4);
	expect_answer(COME(0x10), CCID_DATA_BLOCK, 0x41,
		      CCID_ERROR_PROCEDURE_BYTE, NULL, 0);
	START(write_2);
	sent();
	COME(0x10);
	sent();
	expect_answer(COME(0x10), CCID_DATA_BLOCK, 0x41,
		      CCID_ERROR_PROCEDURE_BYTE, NULL, 0);
}

static void a_status_word_has_two_bytes(void **state)
{
	(void)state;
	begin(ICCD_VERSION_A, DESC_LEVEL_CHARACTER);
	START(read_4);
	sent();
	COME(0x20);
	expect_answer(COME(0x90), CCID_DATA_BLOCK, 0x41, CCID_ERROR_HARDWARE,
		      NULL, 0);
}

static void a_that_brings_nothing_fails_the_block(void **state)
{
	(void)state;
	begin(ICCD_VERSION_A, DESC_LEVEL_TPDU);
	START(write_2);
	sent();
	expect_answer(come(NULL, 0), CCID_DATA_BLOCK, 0x41,
		      CCID_ERROR_HARDWARE, NULL, 0);
	START(write_2);
	sent();
	COME(0x00);
	expect_answer(come(NULL, 0), CCID_DATA_BLOCK, 0x41,
		      CCID_ERROR_HARDWARE, NULL, 0);
}

static void a_by_characters_is_ready_for_what_is_known_only(void **state)
{
	(void)state;
	begin(ICCD_VERSION_A, DESC_LEVEL_CHARACTER);
	for (unsigned ready = 0; ready < 0x40; ready++) {
		if (ready == 0x10 || ready == 0x20)
			continue;
		START(read_4);
		sent();
		expect_answer(COME((uint8_t)ready), CCID_DATA_BLOCK, 0x41,
			      CCID_ERROR_PROCEDURE_BYTE, NULL, 0);
	}
}

/* Nothing is written behind the room of an answer, whoever sends it. */
static void more_than_an_answer_can_have_is_a_failure(void **state)
{
	static uint8_t much[ICCD_DATA_MAX + 2];

	(void)state;
	begin(ICCD_VERSION_A, DESC_LEVEL_CHARACTER);
	START(read_4);
	sent();
	COME(0x10);
	expect_answer(come(much, sizeof(much)), CCID_DATA_BLOCK, 0x41,
		      CCID_ERROR_HARDWARE, NULL, 0);
	START(power_on);
	expect_answer(come(much, sizeof(much)), CCID_DATA_BLOCK, 0x41,
		      CCID_ERROR_MUTE, NULL, 0);
	begin(ICCD_VERSION_A, DESC_LEVEL_TPDU);
	START(read_4);
	sent();
	COME(0x00);
	expect_answer(come(much, sizeof(much)), CCID_DATA_BLOCK, 0x41,
		      CCID_ERROR_HARDWARE, NULL, 0);
	begin(ICCD_VERSION_B, DESC_LEVEL_TPDU);
	START(read_4);
	sent();
	expect_answer(come(much, sizeof(much)), CCID_DATA_BLOCK, 0x41,
		      CCID_ERROR_HARDWARE, NULL, 0);
}

/* --- version B */

static void b_powers_on_and_fetches_the_atr(void **state)
{
	(void)state;
	begin(ICCD_VERSION_B, DESC_LEVEL_TPDU);
	expect_out(START(power_on), 0x62, 1, NULL, 0);
	expect_in(sent(), 0x6F, ICCD_DATA_MAX);
	expect_answer(COME(0x00, 0x3B, 0x00), CCID_DATA_BLOCK, 0, 0, atr,
		      sizeof(atr));
}

static void b_tells_a_virtual_removal(void **state)
{
	(void)state;
	begin(ICCD_VERSION_B, DESC_LEVEL_TPDU);
	expect_in(START(status), 0x81, 3);
	expect_answer(COME(0, 2, 0), CCID_SLOT_STATUS, 2, 0, NULL, 0);
	START(status);
	expect_answer(COME(0, 0, 0), CCID_SLOT_STATUS, 0, 0, NULL, 0);
	START(status);
	expect_answer(COME(0), CCID_SLOT_STATUS, 0, 0, NULL, 0);
}

static void b_puts_the_level_parameter_into_the_request(void **state)
{
	static const uint8_t go_on[] = {
		0x6F, 0, 0, 0, 0, SLOT_SEQ, 0, 0x10, 0,
	};

	(void)state;
	begin(ICCD_VERSION_B, DESC_LEVEL_EXTENDED_APDU);
	expect_out(START(go_on), 0x65, 0x1000, NULL, 0);
	expect_in(sent(), 0x6F, ICCD_DATA_MAX);
	expect_answer(COME(0x02, 0xAA), CCID_DATA_BLOCK, 1, 0,
		      (const uint8_t[]){ 0xAA }, 1);
	assert_int_equal(iccd.answer[9], 0x02);
}

static void b_is_polled_when_it_says_but_not_too_late(void **state)
{
	static const struct {
		uint8_t low, high;
		unsigned ms;
	} rows[] = {
		{ 0, 0, 10 }, { 1, 0, 10 }, { 20, 0, 200 },
		{ 50, 0, 500 }, { 51, 0, 500 }, { 0xFF, 0xFF, 500 },
	};

	(void)state;
	begin(ICCD_VERSION_B, DESC_LEVEL_TPDU);
	START(read_4);
	sent();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(COME(0x80, rows[i].low, rows[i].high),
				 ICCD_PAUSE);
		assert_int_equal(iccd.pause_ms, rows[i].ms);
		expect_in(iccd_resume(&iccd), 0x6F, ICCD_DATA_MAX);
	}
	assert_int_equal(COME(0x80), ICCD_PAUSE);
	assert_int_equal(iccd.pause_ms, 10);
}

static void b_fails_with_its_own_status(void **state)
{
	(void)state;
	begin(ICCD_VERSION_B, DESC_LEVEL_TPDU);
	START(read_4);
	sent();
	expect_answer(COME(0x40, 0x40, 0xFE), CCID_DATA_BLOCK, 0x40, 0xFE, NULL,
		      0);
	START(read_4);
	sent();
	assert_int_equal(COME(0x40, 0x80, 1), ICCD_PAUSE);
}

static void b_nonsense_is_a_failure(void **state)
{
	(void)state;
	begin(ICCD_VERSION_B, DESC_LEVEL_TPDU);
	START(read_4);
	sent();
	expect_answer(come(NULL, 0), CCID_DATA_BLOCK, 0x41,
		      CCID_ERROR_HARDWARE, NULL, 0);
	for (unsigned type = 0x04; type <= 0xFF; type++) {
		if (type == 0x10 || type == 0x40 || type == 0x80)
			continue;
		START(read_4);
		sent();
		expect_answer(COME((uint8_t)type, 0, 0), CCID_DATA_BLOCK, 0x41,
			      CCID_ERROR_HARDWARE, NULL, 0);
	}
	START(read_4);
	sent();
	expect_answer(COME(0x40, 0x40), CCID_DATA_BLOCK, 0x41,
		      CCID_ERROR_HARDWARE, NULL, 0);
}

static void b_the_longest_answer_fits(void **state)
{
	static uint8_t longest[ICCD_DATA_MAX];

	(void)state;
	begin(ICCD_VERSION_B, DESC_LEVEL_TPDU);
	START(read_4);
	sent();
	expect_answer(come(longest, sizeof(longest)), CCID_DATA_BLOCK, 1, 0,
		      longest + 1, sizeof(longest) - 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_off_is_one_request),
		cmocka_unit_test(parameters_are_taken_without_a_request),
		cmocka_unit_test(
			commands_that_a_token_has_not_fail_without_a_request),
		cmocka_unit_test(parameters_that_are_too_long_are_not_taken),
		cmocka_unit_test(a_refused_block_is_a_failure),
		cmocka_unit_test(
			a_token_that_tells_no_status_is_there_all_the_same),
		cmocka_unit_test(an_extension_is_a_message_of_the_command),
		cmocka_unit_test(a_token_looks_like_a_reader_with_one_slot),
		cmocka_unit_test(a_powers_on_by_one_request),
		cmocka_unit_test(a_without_an_atr_is_mute),
		cmocka_unit_test(a_tells_its_status_when_it_is_not_busy),
		cmocka_unit_test(a_sends_a_block_and_fetches_the_answer),
		cmocka_unit_test(a_mute_card_fails_the_block),
		cmocka_unit_test(a_by_characters_sends_header_and_data),
		cmocka_unit_test(a_by_characters_fetches_data_and_status_word),
		cmocka_unit_test(
			a_by_characters_completes_a_header_of_four_bytes),
		cmocka_unit_test(a_by_characters_fetches_data_once_only),
		cmocka_unit_test(a_status_word_has_two_bytes),
		cmocka_unit_test(a_that_brings_nothing_fails_the_block),
		cmocka_unit_test(
			a_by_characters_is_ready_for_what_is_known_only),
		cmocka_unit_test(more_than_an_answer_can_have_is_a_failure),
		cmocka_unit_test(b_powers_on_and_fetches_the_atr),
		cmocka_unit_test(b_tells_a_virtual_removal),
		cmocka_unit_test(b_puts_the_level_parameter_into_the_request),
		cmocka_unit_test(b_is_polled_when_it_says_but_not_too_late),
		cmocka_unit_test(b_fails_with_its_own_status),
		cmocka_unit_test(b_nonsense_is_a_failure),
		cmocka_unit_test(b_the_longest_answer_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
