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

#define TPDU_LEVEL	0x00010000u

static struct order b;

/* --- sizes */

static void the_answer_comes_back_with_its_status(void **state)
{
	(void)state;
	open_with_card();
	assert_int_equal(send_apdu(get_data, sizeof(get_data), NULL), 0);
	assert_int_equal(a.size, 6);
	assert_int_equal(a.answer[4], 0x90);
}

static void a_long_answer_comes_in_parts(void **state)
{
	(void)state;
	open_extended(100);
	fixture.device.answer_size = 65000;
	assert_int_equal(send_apdu(get_data, sizeof(get_data), NULL), 0);
	assert_int_equal(a.size, 4 + 65000 + 2);
	assert_int_equal(a.answer[4 + 65000], 0x90);
	for (size_t i = 4; i < 4 + 65000; i++)
		assert_int_equal(a.answer[i], 0x5C);
}

static void a_long_command_goes_in_parts(void **state)
{
	static uint8_t command[7 + 65535 + 2] = {
		0x00, 0xD6, 0x00, 0x00, 0x00, 0xFF, 0xFF,
	};

	(void)state;
	open_extended(100);
	assert_int_equal(send_apdu(command, sizeof(command), NULL), 0);
	assert_int_equal(a.size, 6);
}

static void small_messages_do(void **state)
{
	(void)state;
	open_extended(20);
	fixture.device.answer_size = 300;
	assert_int_equal(send_apdu(get_data, sizeof(get_data), NULL), 0);
	assert_int_equal(a.size, 306);
}

static void a_command_of_three_bytes_is_refused_without_traffic(void **state)
{
	unsigned sent;

	(void)state;
	open_with_card();
	sent = device_count(&fixture.device, 0);
	for (size_t size = 0; size < 4; size++)
		assert_int_equal(send_apdu(get_data, size, NULL), -EINVAL);
	assert_int_equal(device_count(&fixture.device, 0), sent);
}

static void room_for_less_than_a_status_is_refused_without_traffic(
	void **state)
{
	unsigned sent;

	(void)state;
	open_with_card();
	sent = device_count(&fixture.device, 0);
	for (size_t room = 0; room < 2; room++) {
		static struct order small;

		order_transmit_into(&small, 0, get_data, sizeof(get_data),
				    room);
		assert_int_equal(order_join(&small, NULL), -ENOBUFS);
	}
	assert_int_equal(device_count(&fixture.device, 0), sent);
}

static void an_answer_without_a_status_is_none(void **state)
{
	static const uint32_t levels[] = {
		TPDU_LEVEL, SHORT_LEVEL, EXTENDED_LEVEL,
	};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		device_set_features(&fixture.device,
				    levels[i] | DEVICE_AUTOMATIC);
		open_with_card();
		for (unsigned n = 0; n < 2; n++) {
			assert_int_equal(send_beside(DEVICE_ATR_SIZE, n, 0),
					 -EPROTO);
			assert_int_equal(a.size, 0);
			assert_int_equal(transmit_serial(0), SERIAL);
		}
		fixture_discard(state);
		fixture_plug(state);
	}
}

static void an_answer_beyond_the_room_is_received_and_refused(void **state)
{
	(void)state;
	open_extended(100);
	fixture.device.answer_size = 1000;
	memset(b.answer, 0xEE, sizeof(b.answer));
	order_transmit_into(&b, 0, get_data, sizeof(get_data), 264);
	assert_int_equal(order_join(&b, NULL), -ENOBUFS);
	assert_int_equal(b.size, 0);
	for (size_t i = 0; i < 264; i++)
		assert_true(b.answer[i] == 0xEE || b.answer[i] == 0);
	for (size_t i = 264; i < 2000; i++)
		assert_int_equal(b.answer[i], 0xEE);
	fixture.device.answer_size = 0;
	assert_goes_on();
}

/* --- time */

static void a_silent_reader_is_given_up(void **state)
{
	uint64_t ms;

	(void)state;
	open_with_card();
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	assert_int_equal(send_apdu(get_data, sizeof(get_data), &ms), -ETIMEDOUT);
	assert_true(ms <= 63000);
	assert_goes_on();
}

static void an_option_caps_how_long_it_is_waited_for(void **state)
{
	uint64_t ms;

	(void)state;
	open_with_card();
	fixture.reader->options.timeout_cap_s = 1;
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	assert_int_equal(send_apdu(get_data, sizeof(get_data), &ms), -ETIMEDOUT);
	assert_in_range(ms, 1000, 3000);
	assert_goes_on();
}

/* A card asks for time, and its reader does not pass that on. */
static void a_reader_that_alone_hears_the_card_may_be_silent_for_long(
	void **state)
{
	static const uint8_t case_1[] = { 0x00, 0x44, 0x00, 0x00 };
	uint64_t ms;

	(void)state;
	open_extended(271);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	assert_int_equal(send_apdu(case_1, sizeof(case_1), &ms), -ETIMEDOUT);
	assert_in_range(ms, 20000, 23000);
	assert_goes_on();
	fixture.reader->options.timeout_floor_s = 10;
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	assert_int_equal(send_apdu(case_1, sizeof(case_1), &ms), -ETIMEDOUT);
	assert_in_range(ms, 10000, 13000);
	assert_goes_on();
}

static void a_reader_that_does_not_follow_an_abort_is_given_up(void **state)
{
	uint64_t ms;

	(void)state;
	open_with_card();
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	device_on(&fixture.device, CCID_ABORT, DEVICE_SILENT, 0, 0);
	assert_int_equal(send_apdu(get_data, sizeof(get_data), &ms), -ETIMEDOUT);
	assert_true(ms <= 63000);
	assert_goes_on();
}

static void an_extension_gives_more_time(void **state)
{
	uint8_t extension[] = {
		CCID_DATA_BLOCK, 0, 0, 0, 0, 0, 0, 0x80, 10, 0,
	};
	uint8_t answer[] = {
		CCID_DATA_BLOCK, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x90, 0x00,
	};

	(void)state;
	open_with_card();
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	order_transmit(&a, 0, get_data, sizeof(get_data));
	extension[6] = (uint8_t)(fixture.reader->seq - 1);
	answer[6] = extension[6];
	device_say(&fixture.device, extension, sizeof(extension));
	stopped_clock_pass(120000);
	assert_false(call_is_over(&a.call));
	device_say(&fixture.device, answer, sizeof(answer));
	stopped_clock_settle();
	assert_int_equal(order_join(&a, NULL), 0);
	assert_int_equal(a.size, 2);
}

static void extensions_for_ever_end_after_ten_minutes(void **state)
{
	uint8_t extension[] = {
		CCID_DATA_BLOCK, 0, 0, 0, 0, 0, 0, 0x80, 255, 0,
	};
	uint64_t ms;

	(void)state;
	open_with_card();
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	order_transmit(&a, 0, get_data, sizeof(get_data));
	extension[6] = (uint8_t)(fixture.reader->seq - 1);
	for (int i = 0; i < 700 && !call_is_over(&a.call); i++) {
		device_say(&fixture.device, extension, sizeof(extension));
		stopped_clock_pass(1000);
	}
	assert_int_equal(order_join(&a, &ms), -ETIMEDOUT);
	assert_in_range(ms, 599000, 603000);
	assert_goes_on();
}

static void a_flood_of_extensions_ends(void **state)
{
	uint8_t extension[] = {
		CCID_DATA_BLOCK, 0, 0, 0, 0, 0, 0, 0x80, 1, 0,
	};

	(void)state;
	open_with_card();
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	order_transmit(&a, 0, get_data, sizeof(get_data));
	extension[6] = (uint8_t)(fixture.reader->seq - 1);
	for (int i = 0; i < 6001; i++)
		device_say(&fixture.device, extension, sizeof(extension));
	stopped_clock_settle();
	assert_int_equal(order_join(&a, NULL), -ETIMEDOUT);
	assert_goes_on();
}

/* --- the card leaves */

static void a_card_that_leaves_ends_its_command_in_half_a_second(void **state)
{
	uint64_t ms;

	(void)state;
	open_with_card();
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_REMOVED, 0, 0);
	assert_int_equal(send_apdu(get_data, sizeof(get_data), &ms), -ENOMEDIUM);
	assert_true(ms <= 500);
	assert_int_equal(fixture.device.script.requests, 1);
}

static void a_reader_that_answers_for_a_card_that_left_is_not_aborted(
	void **state)
{
	static const uint8_t mute[] = {
		CCID_DATA_BLOCK, 0, 0, 0, 0, 0, 0, 0x42, CCID_ERROR_MUTE, 0,
	};
	uint8_t answer[sizeof(mute)];

	(void)state;
	open_with_card();
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_REMOVED, 0, 0);
	order_transmit(&a, 0, get_data, sizeof(get_data));
	memcpy(answer, mute, sizeof(mute));
	answer[6] = (uint8_t)(fixture.reader->seq - 1);
	stopped_clock_pass(100);
	device_say(&fixture.device, answer, sizeof(answer));
	stopped_clock_settle();
	assert_int_equal(order_join(&a, NULL), -ENOMEDIUM);
	assert_int_equal(fixture.device.script.requests, 0);
}

static void a_swap_in_a_command_voids_its_answer(void **state)
{
	(void)state;
	device_set_features(&fixture.device, SHORT_LEVEL | DEVICE_AUTOMATIC |
						     DESC_AUTO_ACTIVATION);
	open_with_card();
	stopped_clock_pass(2000);
	device_hold(&fixture.device, USB_IN, true);
	order_transmit(&a, 0, get_data, sizeof(get_data));
	device_swap(&fixture.device, 0, SERIAL + 1);
	stopped_clock_settle();
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&a, NULL), -ESTALE);
	assert_int_equal(a.size, 0);
}

/* Between two tries nothing is under way that a reply could be missed of. */
static void a_busy_slot_is_not_tried_again_with_the_next_card(void **state)
{
	unsigned blocks;

	(void)state;
	device_set_features(&fixture.device, SHORT_LEVEL | DEVICE_AUTOMATIC |
						     DESC_AUTO_ACTIVATION);
	open_with_card();
	stopped_clock_pass(2000);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_FAIL, 0,
		  CCID_ERROR_SLOT_BUSY);
	order_transmit(&a, 0, get_data, sizeof(get_data));
	blocks = fixture.device.blocks_to_cards;
	device_swap(&fixture.device, 0, SERIAL + 1);
	stopped_clock_pass(5000);
	assert_int_equal(order_join(&a, NULL), -ESTALE);
	assert_int_equal(fixture.device.blocks_to_cards, blocks);
}

static void no_part_of_a_chain_reaches_the_next_card(void **state)
{
	unsigned blocks;

	(void)state;
	device_set_features(&fixture.device, EXTENDED_LEVEL | DEVICE_AUTOMATIC |
						     DESC_AUTO_ACTIVATION);
	device_set_message(&fixture.device, 100);
	open_with_card();
	stopped_clock_pass(2000);
	fixture.device.answer_size = 1000;
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SWAPPED, SERIAL + 1,
		  0);
	device_hold(&fixture.device, USB_IN, true);
	blocks = fixture.device.blocks_to_cards;
	order_transmit(&a, 0, get_data, sizeof(get_data));
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&a, NULL), -ESTALE);
	assert_int_equal(fixture.device.blocks_to_cards, blocks + 1);
	assert_int_equal(a.size, 0);
}

/* --- at TPDU level */

/* Some errors say that nothing reached it at all. */
static void one_failure_leaves_a_t0_card_in_use(void **state)
{
	static const struct {
		uint8_t error;
		int r;
	} failures[] = {
		{ CCID_ERROR_NOT_SUPPORTED, -ENOTSUP },
		{ 7, -EIO },
		{ CCID_ERROR_PARITY, -EIO },
		{ CCID_ERROR_MUTE, -ETIMEDOUT },
		{ CCID_ERROR_HARDWARE, -EIO },
		{ CCID_ERROR_PROCEDURE_BYTE, -EIO },
	};

	(void)state;
	device_set_features(&fixture.device, TPDU_LEVEL | DEVICE_AUTOMATIC);
	open_with_card();
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		assert_int_equal(send_beside(DEVICE_FAIL, 0, failures[i].error),
				 failures[i].r);
		assert_int_equal(transmit_serial(0), SERIAL);
	}
	assert_int_equal(device_count(&fixture.device, CCID_POWER_OFF), 0);
}

static void a_silent_reader_leaves_a_t0_card_in_use(void **state)
{
	(void)state;
	device_set_features(&fixture.device, TPDU_LEVEL | DEVICE_AUTOMATIC);
	open_with_card();
	assert_int_equal(send_beside(DEVICE_SILENT, 0, 0), -ETIMEDOUT);
	assert_int_equal(transmit_serial(0), SERIAL);
	assert_int_equal(device_count(&fixture.device, CCID_POWER_OFF), 0);
}

/* --- nothing stays in memory */

static void no_byte_of_an_apdu_stays_in_the_buffers(void **state)
{
	(void)state;
	open_extended(100);
	fixture.device.answer_size = 500;
	assert_int_equal(send_apdu(get_data, sizeof(get_data), NULL), 0);
	assert_int_equal(send_beside(DEVICE_STRAYS, 3, 0), 0);
	assert_int_equal(send_beside(DEVICE_FAIL, 0, 1), -EIO);
	assert_int_equal(send_beside(DEVICE_SILENT, 0, 0), -ETIMEDOUT);
	fixture_close();
	assert_false(fixture.device.script.left_unwiped);
}

static void no_byte_of_an_apdu_that_was_never_sent_stays(void **state)
{
	(void)state;
	open_with_card();
	script_fail(&fixture.device.script, SCRIPT_SUBMIT_IN, 1, -EIO);
	assert_int_equal(send_apdu(get_data, sizeof(get_data), NULL), -EIO);
	fixture_close();
	assert_false(fixture.device.script.left_unwiped);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(the_answer_comes_back_with_its_status),
		TEST(a_long_answer_comes_in_parts),
		TEST(a_long_command_goes_in_parts),
		TEST(small_messages_do),
		TEST(a_command_of_three_bytes_is_refused_without_traffic),
		TEST(room_for_less_than_a_status_is_refused_without_traffic),
		TEST(an_answer_without_a_status_is_none),
		TEST(an_answer_beyond_the_room_is_received_and_refused),
		TEST(a_silent_reader_is_given_up),
		TEST(an_option_caps_how_long_it_is_waited_for),
		TEST(a_reader_that_alone_hears_the_card_may_be_silent_for_long),
		TEST(a_reader_that_does_not_follow_an_abort_is_given_up),
		TEST(an_extension_gives_more_time),
		TEST(extensions_for_ever_end_after_ten_minutes),
		TEST(a_flood_of_extensions_ends),
		TEST(a_card_that_leaves_ends_its_command_in_half_a_second),
		TEST(a_reader_that_answers_for_a_card_that_left_is_not_aborted),
		TEST(a_swap_in_a_command_voids_its_answer),
		TEST(a_busy_slot_is_not_tried_again_with_the_next_card),
		TEST(no_part_of_a_chain_reaches_the_next_card),
		TEST(one_failure_leaves_a_t0_card_in_use),
		TEST(a_silent_reader_leaves_a_t0_card_in_use),
		TEST(no_byte_of_an_apdu_stays_in_the_buffers),
		TEST(no_byte_of_an_apdu_that_was_never_sent_stays),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
