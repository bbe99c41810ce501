/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "apdus.h"

static void assert_fails(enum device_fault fault, unsigned n, uint8_t code,
			 int error)
{
	memset(a.answer, 0xEE, sizeof(a.answer));
	assert_int_equal(send_beside(fault, n, code), error);
	assert_int_equal(a.size, 0);
	for (size_t i = 0; i < 300; i++)
		assert_true(a.answer[i] == 0xEE || a.answer[i] == 0);
	assert_goes_on();
}

/* --- wrong answers */

static void a_few_empty_packets_are_read_over(void **state)
{
	(void)state;
	open_with_card();
	assert_int_equal(send_beside(DEVICE_EMPTIES, 4, 0), 0);
	assert_int_equal(a.size, 6);
}

static void many_empty_packets_end_the_command(void **state)
{
	(void)state;
	open_with_card();
	assert_fails(DEVICE_EMPTIES, 5, 0, -EPROTO);
}

static void an_answer_without_a_whole_header_ends_the_command(void **state)
{
	(void)state;
	open_with_card();
	for (unsigned n = 1; n < CCID_HEADER_SIZE; n++)
		assert_fails(DEVICE_SHORT, n, 0, -EPROTO);
}

static void an_answer_shorter_than_it_says_ends_the_command(void **state)
{
	(void)state;
	open_with_card();
	for (unsigned n = CCID_HEADER_SIZE; n < CCID_HEADER_SIZE + 6; n++)
		assert_fails(DEVICE_SHORT, n, 0, -EPROTO);
}

static void an_answer_longer_than_it_says_ends_the_command(void **state)
{
	(void)state;
	open_with_card();
	assert_fails(DEVICE_LENGTH, 0, 255, -EPROTO);
}

/* 256 bytes and the status, from a reader that says it has less room. */
static void an_answer_longer_than_a_message_of_the_reader_arrives(void **state)
{
	uint8_t answer[10 + 258] = { CCID_DATA_BLOCK, 2, 1 };

	(void)state;
	open_extended(256);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	order_transmit(&a, 0, get_data, sizeof(get_data));
	answer[6] = (uint8_t)(fixture.reader->seq - 1);
	answer[266] = 0x90;
	device_say(&fixture.device, answer, sizeof(answer));
	stopped_clock_settle();
	assert_int_equal(order_join(&a, NULL), 0);
	assert_int_equal(a.size, 258);
}

static void answers_to_nobody_are_dropped(void **state)
{
	(void)state;
	open_with_card();
	assert_int_equal(send_beside(DEVICE_STRAYS, 16, 0), 0);
	assert_int_equal(a.size, 6);
}

static void many_answers_to_nobody_end_the_command(void **state)
{
	(void)state;
	open_with_card();
	assert_fails(DEVICE_STRAYS, 17, 0, -EPROTO);
}

static void an_answer_to_another_number_is_none(void **state)
{
	(void)state;
	open_with_card();
	assert_fails(DEVICE_OTHER_SEQ, 0, 0, -ETIMEDOUT);
}

static void an_answer_for_another_slot_is_none(void **state)
{
	(void)state;
	open_with_card();
	assert_fails(DEVICE_OTHER_SLOT, 0, 0, -ETIMEDOUT);
}

/* Sixteen answers to nobody would end the command. */
static void say_others(const uint8_t *right, size_t size, size_t offset,
		       unsigned first)
{
	uint8_t answer[20];

	for (unsigned n = first; n < first + 15; n++) {
		memcpy(answer, right, size);
		answer[offset] = (uint8_t)(right[offset] + n);
		device_say(&fixture.device, answer, size);
		stopped_clock_settle();
	}
}

static void of_all_numbers_and_slots_one_is_right(void **state)
{
	static const size_t offsets[] = { 5, 6 };	/* bSlot, bSeq */
	uint8_t right[] = { CCID_DATA_BLOCK, 2, 0, 0, 0, 0, 0, 0, 0, 0,
			    0x90, 0x00 };

	(void)state;
	open_with_card();
	for (unsigned i = 0; i < 2 * 255; i += 15) {
		device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
		order_transmit(&a, 0, get_data, sizeof(get_data));
		right[6] = (uint8_t)(fixture.reader->seq - 1);
		say_others(right, sizeof(right), offsets[i / 255], 1 + i % 255);
		assert_false(call_is_over(&a.call));
		device_say(&fixture.device, right, sizeof(right));
		stopped_clock_settle();
		assert_int_equal(order_join(&a, NULL), 0);
		assert_int_equal(a.size, 2);
	}
}

static void an_answer_of_another_type_ends_the_command(void **state)
{
	(void)state;
	open_with_card();
	assert_fails(DEVICE_OTHER_TYPE, 0, 0, -EPROTO);
}

/*
 * It may be one that was fast. What is checked in any answer is checked in it,
 * and the answer that follows is nobody's.
 */
static void an_answer_ahead_of_its_command_is_checked_as_any(void **state)
{
	static const struct {
		uint8_t type, slot;
		uint8_t length;
		int error;
	} ahead[] = {
		{ CCID_DATA_BLOCK, 0, 2, 0 },
		{ CCID_SLOT_STATUS, 0, 2, -EPROTO },
		{ CCID_DATA_BLOCK, 0, 3, -EPROTO },
		{ CCID_DATA_BLOCK, 0, 1, -EPROTO },
		{ CCID_DATA_BLOCK, 1, 2, 0 },
	};

	(void)state;
	open_with_card();
	for (size_t i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++) {
		const uint8_t answer[] = {
			ahead[i].type, ahead[i].length, 0, 0, 0, ahead[i].slot,
			fixture.reader->seq, 0, 0, 0, 0x6A, 0x82,
		};

		device_say(&fixture.device, answer, sizeof(answer));
		order_transmit(&a, 0, get_data, sizeof(get_data));
		stopped_clock_pass(10000);
		assert_int_equal(order_join(&a, NULL), ahead[i].error);
		if (a.r == 0)
			assert_int_equal(a.size, ahead[i].slot ? 6 : 2);
		assert_goes_on();
	}
}

static void an_answer_that_comes_too_late_is_nobody_elses(void **state)
{
	uint8_t late[] = {
		CCID_DATA_BLOCK, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x6F, 0x00,
	};

	(void)state;
	open_with_card();
	fixture.device.ignores_abort = true;
	late[6] = fixture.reader->seq;
	assert_int_equal(send_beside(DEVICE_SILENT, 0, 0), -ETIMEDOUT);
	device_say(&fixture.device, late, sizeof(late));
	assert_goes_on();
}

static void an_answer_without_a_card_is_dropped(void **state)
{
	(void)state;
	open_with_card();
	assert_int_equal(send_beside(DEVICE_ICC, 0, 2), -ESTALE);
	assert_int_equal(a.size, 0);
}

static const struct {
	uint8_t code;
	int error;
} failures[] = {
	{ CCID_ERROR_ABORTED, -EIO },
	{ CCID_ERROR_MUTE, -ETIMEDOUT },
	{ CCID_ERROR_PARITY, -EIO },
	{ CCID_ERROR_OVERRUN, -EIO },
	{ CCID_ERROR_HARDWARE, -EIO },
	{ CCID_ERROR_PROTOCOL, -EIO },
	{ CCID_ERROR_CLASS, -EIO },
	{ CCID_ERROR_PROCEDURE_BYTE, -EIO },
	{ CCID_ERROR_DEACTIVATED, -EIO },
	{ CCID_ERROR_NOT_SUPPORTED, -ENOTSUP },
	{ 1, -EIO }, { 0x7F, -EIO }, { 0x85, -EIO }, { 0xC5, -EIO },
};

static void every_failure_that_the_reader_tells_is_one(void **state)
{
	(void)state;
	open_with_card();
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		assert_fails(DEVICE_FAIL, 0, failures[i].code,
			     failures[i].error);
}

/* A short circuit: the reader has switched the card off by itself. */
static void a_failure_that_cost_the_card_its_power_is_a_swap(void **state)
{
	(void)state;
	open_with_card();
	watch_start(0);
	script_lock(&fixture.device.script);
	fixture.device.slot[0].active = false;
	script_unlock(&fixture.device.script);
	assert_int_equal(send_beside(DEVICE_FAIL, 0, CCID_ERROR_HARDWARE),
			 -ESTALE);
	assert_int_equal(a.size, 0);
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, TRACK_EMPTY);
	watch_start(0);
	assert_int_equal(watching.answer[0], TRACK_PRESENT);
	assert_int_equal(transmit_serial(0), 0);
	be_ready(0, SERIAL);
	watch_stop();
}

static void a_busy_slot_is_tried_again(void **state)
{
	(void)state;
	open_with_card();
	for (int i = 0; i < 3; i++)
		device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_FAIL, 0,
			  CCID_ERROR_SLOT_BUSY);
	assert_int_equal(send_apdu(get_data, sizeof(get_data), NULL), 0);
	assert_int_equal(a.size, 6);
}

/* The abort does not help, the reset does: the card has lost its power. */
static void a_slot_that_stays_busy_is_free_within_two_seconds(void **state)
{
	uint64_t ms;

	(void)state;
	open_with_card();
	for (int i = 0; i < 9; i++)
		device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_FAIL, 0,
			  CCID_ERROR_SLOT_BUSY);
	assert_int_equal(send_apdu(get_data, sizeof(get_data), &ms), -ESTALE);
	assert_in_range(ms, 1000, 2000);
	assert_int_equal(fixture.device.script.resets, 1);
	be_ready(0, SERIAL);
}

static void a_slot_that_an_abort_frees_keeps_its_card(void **state)
{
	uint64_t ms;

	(void)state;
	open_with_card();
	for (int i = 0; i < 8; i++)
		device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_FAIL, 0,
			  CCID_ERROR_SLOT_BUSY);
	assert_int_equal(send_apdu(get_data, sizeof(get_data), &ms), 0);
	assert_in_range(ms, 1000, 2000);
	assert_int_equal(fixture.device.script.resets, 0);
}

/* --- chains that make no sense */

static void a_chain_without_an_end_ends(void **state)
{
	uint64_t ms;

	(void)state;
	open_extended(100);
	for (int i = 0; i < 60; i++)
		device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_CHAIN, 0,
			  i ? CCID_CHAIN_MIDDLE : CCID_CHAIN_BEGIN);
	assert_true(send_apdu(get_data, sizeof(get_data), &ms) < 0);
	assert_int_equal(a.size, 0);
}

static void an_unknown_chain_parameter_ends_the_command(void **state)
{
	(void)state;
	open_extended(100);
	for (unsigned code = 4; code < 256; code += 7)
		if (code != CCID_CHAIN_CONTINUE) {
			assert_true(send_beside(DEVICE_CHAIN, 0,
					      (uint8_t)code) < 0);
			assert_int_equal(a.size, 0);
		}
	assert_goes_on();
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(a_few_empty_packets_are_read_over),
		TEST(many_empty_packets_end_the_command),
		TEST(an_answer_without_a_whole_header_ends_the_command),
		TEST(an_answer_shorter_than_it_says_ends_the_command),
		TEST(an_answer_longer_than_it_says_ends_the_command),
		TEST(an_answer_longer_than_a_message_of_the_reader_arrives),
		TEST(answers_to_nobody_are_dropped),
		TEST(many_answers_to_nobody_end_the_command),
		TEST(an_answer_to_another_number_is_none),
		TEST(an_answer_for_another_slot_is_none),
		TEST(of_all_numbers_and_slots_one_is_right),
		TEST(an_answer_of_another_type_ends_the_command),
		TEST(an_answer_ahead_of_its_command_is_checked_as_any),
		TEST(an_answer_that_comes_too_late_is_nobody_elses),
		TEST(an_answer_without_a_card_is_dropped),
		TEST(every_failure_that_the_reader_tells_is_one),
		TEST(a_failure_that_cost_the_card_its_power_is_a_swap),
		TEST(a_busy_slot_is_tried_again),
		TEST(a_slot_that_stays_busy_is_free_within_two_seconds),
		TEST(a_slot_that_an_abort_frees_keeps_its_card),
		TEST(a_chain_without_an_end_ends),
		TEST(an_unknown_chain_parameter_ends_the_command),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
