/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* What the interrupt pipe brings, and what becomes of one that fails. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "fixture.h"
#include "movement_told.h"

#define SERIAL	0x01020304u

/* --- messages */

static void nothing_is_sent_while_nothing_moves(void **state)
{
	unsigned sent;

	(void)state;
	fixture_open();
	watch_start(0);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	order_join(&watching, NULL);
	watch_start(0);
	sent = messages_sent();
	stopped_clock_pass(24 * 3600000);
	assert_int_equal(messages_sent(), sent);
	watch_stop();
}

static void a_movement_is_told_without_any_message_to_the_reader(void **state)
{
	unsigned sent;

	(void)state;
	fixture_open();
	watch_start(0);
	sent = messages_sent();
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	order_join(&watching, NULL);
	assert_int_equal(messages_sent(), sent);
}

static void a_first_notification_that_repeats_the_start_is_none(
	void **state)
{
	static const uint8_t present[] = { CCID_NOTIFY_SLOT_CHANGE, 0x03 };

	(void)state;
	device_insert(&fixture.device, 0, SERIAL);
	script_lock(&fixture.device.script);
	free(fixture.device.script.pipe[USB_INTERRUPT].message);
	fixture.device.script.pipe[USB_INTERRUPT].message = NULL;
	script_unlock(&fixture.device.script);
	fixture_open();
	watch_start(0);
	device_notify(&fixture.device, present, sizeof(present));
	stopped_clock_settle();
	assert_false(call_is_over(&watching.call));
	watch_stop();
	assert_int_equal(watching.size, TRACK_PRESENT);
}

static void messages_without_meaning_are_passed_over(void **state)
{
	static const uint8_t messages[][6] = {
		{ 0x00 }, { 0x40, 0x01 }, { 0xFF, 0xFF, 0xFF },
		{ CCID_HARDWARE_ERROR, 0, 1 }, { 0x81, 0, 0, 0, 0, 0 },
	};
	static const size_t sizes[] = { 1, 2, 3, 3, 6 };

	(void)state;
	fixture_open();
	watch_start(0);
	device_notify(&fixture.device, NULL, 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		device_notify(&fixture.device, messages[i], sizes[i]);
	stopped_clock_pass(1000);
	assert_false(call_is_over(&watching.call));
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	assert_int_equal(order_join(&watching, NULL), 0);
}

static void of_two_messages_in_a_transfer_both_count(void **state)
{
	static const uint8_t both[] = {
		CCID_NOTIFY_SLOT_CHANGE, 0x03, CCID_NOTIFY_SLOT_CHANGE, 0x02,
		CCID_NOTIFY_SLOT_CHANGE, 0x03,
	};

	(void)state;
	fixture_open();
	watch_start(0);
	script_lock(&fixture.device.script);
	fixture.device.slot[0].present = true;
	script_unlock(&fixture.device.script);
	device_notify(&fixture.device, both, sizeof(both));
	stopped_clock_settle();
	watch_told(TRACK_PRESENT);
	assert_int_equal(fixture.reader->track.slot[0].visit, 2);
}

static void a_lost_notification_is_found_by_the_next_short_one(void **state)
{
	static const uint8_t cut[] = { CCID_NOTIFY_SLOT_CHANGE };

	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	fixture_open();
	watch_start(0);
	device_insert(&fixture.device, 0, SERIAL);
	device_notify(&fixture.device, cut, sizeof(cut));
	stopped_clock_settle();
	watch_told(TRACK_PRESENT);
}

static void a_hardware_error_is_no_movement(void **state)
{
	static const uint8_t error[] = { CCID_HARDWARE_ERROR, 0, 1, 1 };

	(void)state;
	fixture_open();
	watch_start(0);
	device_notify(&fixture.device, error, sizeof(error));
	stopped_clock_pass(1000);
	assert_false(call_is_over(&watching.call));
	watch_stop();
}

static void a_storm_without_movement_costs_ten_questions_a_second(
	void **state)
{
	static const uint8_t cut[] = { CCID_NOTIFY_SLOT_CHANGE };
	unsigned before;

	(void)state;
	fixture_open();
	watch_start(0);
	stopped_clock_pass(2000);
	before = messages_sent();
	for (int i = 0; i < 1000; i++) {
		device_notify(&fixture.device, cut, sizeof(cut));
		stopped_clock_pass(1);
	}
	assert_in_range(messages_sent() - before, 1, 10);
	assert_false(call_is_over(&watching.call));
	watch_stop();
}

static void a_storm_of_sixteen_slots_costs_ten_questions_a_second(
	void **state)
{
	static const uint8_t cut[] = { CCID_NOTIFY_SLOT_CHANGE };
	unsigned before;

	(void)state;
	device_set_slots(&fixture.device, 16, 4);
	fixture_open();
	watch_start(0);
	stopped_clock_pass(2000);
	before = messages_sent();
	for (int i = 0; i < 1000; i++) {
		device_notify(&fixture.device, cut, sizeof(cut));
		stopped_clock_pass(1);
	}
	assert_in_range(messages_sent() - before, 1, 10);
	watch_stop();
}

static void a_storm_fills_no_log(void **state)
{
	static const uint8_t messages[][4] = {
		{ CCID_HARDWARE_ERROR, 0, 1, 1 },
		{ CCID_NOTIFY_SLOT_CHANGE, 0x02 },
		{ CCID_NOTIFY_SLOT_CHANGE, 0x01 },
		{ CCID_NOTIFY_SLOT_CHANGE },
	};
	static const size_t sizes[] = { 4, 2, 2, 1 };

	(void)state;
	fixture_open();
	watch_start(0);
	log_forget();
	for (int i = 0; i < 1000; i++) {
		device_notify(&fixture.device, messages[i % 4], sizes[i % 4]);
		stopped_clock_pass(1);
	}
	assert_in_range(log_lines(), 0, 50);
	watch_stop();
}

/* A card was put in or taken out, and no message told of it. */
static void move_silently(unsigned slot, bool present)
{
	script_lock(&fixture.device.script);
	fixture.device.slot[slot].present = present;
	script_unlock(&fixture.device.script);
}

static void one_message_can_move_several_slots(void **state)
{
	static const uint8_t message[] = { CCID_NOTIFY_SLOT_CHANGE, 0x30, 0x0C };
	static struct order others[2];

	(void)state;
	device_set_slots(&fixture.device, 6, 1);
	fixture_open();
	order_wait(&others[0], 2, MOVEMENT_FOREVER);
	order_wait(&others[1], 5, MOVEMENT_FOREVER);
	watch_start(0);
	move_silently(2, true);
	move_silently(5, true);
	device_notify(&fixture.device, message, sizeof(message));
	stopped_clock_settle();
	assert_int_equal(order_join(&others[0], NULL), 0);
	assert_int_equal(order_join(&others[1], NULL), 0);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(movement_truth(fixture.reader, i),
				 i == 2 || i == 5 ? TRACK_PRESENT
						  : TRACK_EMPTY);
	assert_false(call_is_over(&watching.call));
	watch_stop();
}

/* The first is one slot's, the second another one's. */
static void two_messages_in_a_transfer_can_move_a_slot_each(void **state)
{
	static const uint8_t both[] = {
		CCID_NOTIFY_SLOT_CHANGE, 0x03, 0x00,
		CCID_NOTIFY_SLOT_CHANGE, 0x01, 0x0C,
	};

	(void)state;
	device_set_slots(&fixture.device, 6, 1);
	fixture_open();
	watch_start(5);
	move_silently(0, true);
	move_silently(5, true);
	device_notify(&fixture.device, both, sizeof(both));
	stopped_clock_settle();
	watch_told(TRACK_PRESENT);
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_PRESENT);
}

static void a_message_behind_a_hardware_error_counts(void **state)
{
	static const uint8_t both[] = {
		CCID_HARDWARE_ERROR, 0, 1, 1, CCID_NOTIFY_SLOT_CHANGE, 0x03,
	};

	(void)state;
	fixture_open();
	watch_start(0);
	move_silently(0, true);
	device_notify(&fixture.device, both, sizeof(both));
	stopped_clock_settle();
	watch_told(TRACK_PRESENT);
}

static void a_movement_behind_a_hardware_error_is_found(void **state)
{
	static const uint8_t error[] = { CCID_HARDWARE_ERROR, 0, 1, 1 };

	(void)state;
	fixture_open();
	watch_start(0);
	move_silently(0, true);
	device_notify(&fixture.device, error, sizeof(error));
	stopped_clock_settle();
	watch_told(TRACK_PRESENT);
}

/* Readers fill the packet up. */
static void bytes_behind_the_slots_are_none(void **state)
{
	static const uint8_t message[] = {
		CCID_NOTIFY_SLOT_CHANGE, 0x03, 0, 0, 0, 0, 0, 0,
	};

	(void)state;
	fixture_open();
	watch_start(0);
	move_silently(0, true);
	device_notify(&fixture.device, message, sizeof(message));
	stopped_clock_settle();
	watch_told(TRACK_PRESENT);
	assert_int_equal(fixture.reader->track.slot[0].visit, 1);
}

static void a_message_for_fewer_slots_leaves_the_others_to_a_question(
	void **state)
{
	static const uint8_t first_four[] = { CCID_NOTIFY_SLOT_CHANGE, 0x00 };

	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	device_set_slots(&fixture.device, 6, 1);
	fixture_open();
	watching.slot = 5;
	watch_start(5);
	device_insert(&fixture.device, 5, SERIAL);
	device_notify(&fixture.device, first_four, sizeof(first_four));
	stopped_clock_pass(1000);
	watch_told(TRACK_PRESENT);
}

/* --- an interrupt pipe that fails */

/* A resume looks like this. */
static void one_lost_interrupt_transfer_is_no_unplugging(void **state)
{
	(void)state;
	fixture_open();
	watch_start(0);
	device_break(&fixture.device, USB_INTERRUPT, -ENODEV);
	stopped_clock_pass(1000);
	assert_false(call_is_over(&watching.call));
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	watch_told(TRACK_PRESENT);
}

/* A machine may sleep again and again while no card moves. */
static void many_lost_interrupt_transfers_are_no_unplugging(void **state)
{
	(void)state;
	fixture_open();
	watch_start(0);
	for (unsigned i = 0; i < 5; i++) {
		device_break(&fixture.device, USB_INTERRUPT, -ENODEV);
		stopped_clock_pass(1000);
		assert_false(call_is_over(&watching.call));
	}
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	watch_told(TRACK_PRESENT);
}

/* A reset of the bus by others looks like this. */
static void an_interrupt_transfer_that_others_cancel_is_armed_again(
	void **state)
{
	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	fixture_open();
	watch_start(0);
	device_break(&fixture.device, USB_INTERRUPT, -ECANCELED);
	stopped_clock_pass(1000);
	assert_false(call_is_over(&watching.call));
	fixture.device.announcement = DEVICE_EACH;
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	watch_told(TRACK_PRESENT);
}

static void a_movement_behind_a_lost_transfer_is_found(void **state)
{
	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	fixture_open();
	watch_start(0);
	device_insert(&fixture.device, 0, SERIAL);
	device_break(&fixture.device, USB_INTERRUPT, -ENODEV);
	stopped_clock_settle();
	watch_told(TRACK_PRESENT);
}

static void a_halted_interrupt_pipe_is_cleared(void **state)
{
	(void)state;
	fixture_open();
	watch_start(0);
	device_break(&fixture.device, USB_INTERRUPT, -EPIPE);
	stopped_clock_settle();
	assert_int_equal(fixture.device.script.clears, 1);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	watch_told(TRACK_PRESENT);
}

static void a_pipe_that_fails_for_good_is_replaced_by_questions(
	void **state)
{
	(void)state;
	fixture_open();
	watch_start(0);
	for (int i = 0; i < 10; i++) {
		device_break(&fixture.device, USB_INTERRUPT, -EIO);
		stopped_clock_pass(100);
	}
	assert_int_equal(log_count("interrupt pipe fails"), 1);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(2000);
	watch_told(TRACK_PRESENT);
}

static void a_failure_now_and_then_costs_no_pipe(void **state)
{
	(void)state;
	fixture_open();
	watch_start(0);
	for (int i = 0; i < 50; i++) {
		device_break(&fixture.device, USB_INTERRUPT, -EOVERFLOW);
		stopped_clock_pass(4000);
	}
	assert_int_equal(log_count("interrupt pipe fails"), 0);
	watch_stop();
}

static void a_pipe_that_cannot_be_armed_is_replaced_by_questions(void **state)
{
	(void)state;
	script_fail(&fixture.device.script, SCRIPT_SUBMIT_INTERRUPT, 1, -EIO);
	fixture_open();
	watch_start(0);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(2000);
	watch_told(TRACK_PRESENT);
}

/* Its bytes are lost, whatever they told. */
static void a_movement_told_in_a_message_too_long_is_found(void **state)
{
	(void)state;
	fixture_open();
	watch_start(0);
	move_silently(0, true);
	device_break(&fixture.device, USB_INTERRUPT, -EOVERFLOW);
	stopped_clock_settle();
	watch_told(TRACK_PRESENT);
	assert_int_equal(fixture.device.script.clears, 0);
}

static void a_pipe_that_halts_again_and_again_is_not_cleared_for_ever(
	void **state)
{
	(void)state;
	fixture_open();
	watch_start(0);
	for (int i = 0; i < 100; i++) {
		device_break(&fixture.device, USB_INTERRUPT, -EPIPE);
		stopped_clock_settle();
	}
	assert_in_range(fixture.device.script.clears, 1, 3);
	assert_int_equal(log_count("interrupt pipe fails"), 1);
	move_silently(0, true);
	stopped_clock_pass(1000);
	watch_told(TRACK_PRESENT);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(nothing_is_sent_while_nothing_moves),
		TEST(a_movement_is_told_without_any_message_to_the_reader),
		TEST(a_first_notification_that_repeats_the_start_is_none),
		TEST(messages_without_meaning_are_passed_over),
		TEST(of_two_messages_in_a_transfer_both_count),
		TEST(a_lost_notification_is_found_by_the_next_short_one),
		TEST(a_hardware_error_is_no_movement),
		TEST(a_storm_without_movement_costs_ten_questions_a_second),
		TEST(a_storm_of_sixteen_slots_costs_ten_questions_a_second),
		TEST(a_storm_fills_no_log),
		TEST(one_message_can_move_several_slots),
		TEST(two_messages_in_a_transfer_can_move_a_slot_each),
		TEST(a_message_behind_a_hardware_error_counts),
		TEST(a_movement_behind_a_hardware_error_is_found),
		TEST(bytes_behind_the_slots_are_none),
		TEST(a_message_for_fewer_slots_leaves_the_others_to_a_question),
		TEST(one_lost_interrupt_transfer_is_no_unplugging),
		TEST(many_lost_interrupt_transfers_are_no_unplugging),
		TEST(an_interrupt_transfer_that_others_cancel_is_armed_again),
		TEST(a_movement_behind_a_lost_transfer_is_found),
		TEST(a_halted_interrupt_pipe_is_cleared),
		TEST(a_pipe_that_fails_for_good_is_replaced_by_questions),
		TEST(a_failure_now_and_then_costs_no_pipe),
		TEST(a_pipe_that_cannot_be_armed_is_replaced_by_questions),
		TEST(a_movement_told_in_a_message_too_long_is_found),
		TEST(a_pipe_that_halts_again_and_again_is_not_cleared_for_ever),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
