/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "fixture.h"
#include "movement.h"

#define SERIAL	0x01020304u

static struct order other;

static unsigned messages_sent(void)
{
	return device_count(&fixture.device, 0);
}

/* --- what the interrupt pipe brings */

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
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, TRACK_PRESENT);
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
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, TRACK_PRESENT);
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
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, TRACK_PRESENT);
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
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, TRACK_PRESENT);
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
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, TRACK_PRESENT);
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
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, TRACK_PRESENT);
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
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, TRACK_PRESENT);
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
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, TRACK_PRESENT);
}

/* --- readers that announce nothing */

static void a_reader_without_the_pipe_is_asked(void **state)
{
	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	fixture_open();
	watch_start(0);
	stopped_clock_pass(1000);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(250);
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, TRACK_PRESENT);
}

static void assert_insertion_is_told_soon(void)
{
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(500);
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, TRACK_PRESENT);
}

static void a_question_that_failed_delays_the_next_one_by_nothing(void **state)
{
	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	fixture_open();
	watch_start(0);
	device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_FAIL, 0,
		  CCID_ERROR_SLOT_BUSY);
	stopped_clock_pass(250);
	assert_insertion_is_told_soon();
}

static void asking_goes_on_if_the_answer_is_back_before_the_question(
	void **state)
{
	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	fixture.device.script.replies_first = true;
	fixture_open();
	watch_start(0);
	device_delay(&fixture.device, USB_OUT, true);
	stopped_clock_pass(250);
	device_delay(&fixture.device, USB_OUT, false);
	stopped_clock_settle();
	assert_insertion_is_told_soon();
}

static void a_quiet_reader_is_asked_less_often(void **state)
{
	unsigned sent;

	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	fixture_open();
	watch_start(0);
	stopped_clock_pass(60000);
	sent = messages_sent();
	stopped_clock_pass(60000);
	assert_in_range(messages_sent() - sent, 25, 35);
	watch_stop();
}

/* The command is under way just when the question is due. */
static void asking_goes_on_after_a_command(void **state)
{
	static const uint8_t command[] = { 0x00, 0xCA, 0x00, 0x00, 0x00 };

	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	be_ready(0, SERIAL);
	watch_start(0);
	device_hold(&fixture.device, USB_IN, true);
	order_transmit(&other, 0, command, sizeof(command));
	stopped_clock_pass(1000);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(order_join(&other, NULL), 0);
	device_remove(&fixture.device, 0);
	stopped_clock_pass(2500);
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, TRACK_EMPTY);
}

static unsigned questions_to(uint8_t slot)
{
	unsigned n = 0;

	for (unsigned i = 0; i < fixture.device.seens; i++)
		n += fixture.device.seen[i].type == CCID_GET_SLOT_STATUS &&
		     fixture.device.seen[i].slot == slot;
	return n;
}

/* Ten questions a second do not suffice for all that want five. */
static void every_slot_gets_its_share_of_the_questions(void **state)
{
	static struct order others[4];

	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	device_set_slots(&fixture.device, 4, 1);
	fixture_open();
	for (unsigned i = 0; i < 4; i++)
		order_wait(&others[i], i, MOVEMENT_FOREVER);
	stopped_clock_pass(2000);
	for (uint8_t i = 0; i < 4; i++) {
		assert_in_range(questions_to(i), 3, 8);
		movement_stop(fixture.reader, i);
		stopped_clock_settle();
		order_join(&others[i], NULL);
	}
}

/*
 * The budget is used up, a command holds the reader, and the next question that
 * the budget allows is another slot's.
 */
static void a_question_that_found_no_channel_is_asked_in_the_end(void **state)
{
	static const uint8_t command[] = { 0x00, 0xCA, 0x00, 0x00, 0x00 };
	static const uint8_t cut[] = { CCID_NOTIFY_SLOT_CHANGE };

	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	device_set_slots(&fixture.device, 2, 1);
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	be_ready(0, SERIAL);
	watch_start(1);
	stopped_clock_pass(5000);
	device_notify(&fixture.device, cut, sizeof(cut));
	stopped_clock_settle();
	device_hold(&fixture.device, USB_IN, true);
	order_transmit(&other, 0, command, sizeof(command));
	device_notify(&fixture.device, cut, sizeof(cut));
	device_insert(&fixture.device, 1, SERIAL);
	stopped_clock_pass(130);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(order_join(&other, NULL), 0);
	stopped_clock_pass(500);
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, TRACK_PRESENT);
}

static void a_pipe_that_lies_is_found_out(void **state)
{
	uint64_t ms;

	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	fixture_open();
	watch_start(0);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(5000);
	assert_int_equal(order_join(&watching, &ms), 0);
	assert_true(ms <= 5000);
	watch_start(0);
	stopped_clock_pass(2000);
	assert_int_equal(log_count("does not announce"), 1);
	device_remove(&fixture.device, 0);
	stopped_clock_pass(2000);
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, TRACK_EMPTY);
}

static void a_host_that_never_waits_gets_fresh_answers(void **state)
{
	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	fixture_open();
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(1000);
	order_presence(&other, 0);
	assert_int_equal(order_join(&other, NULL), TRACK_PRESENT);
}

static void presence_does_not_hang_on_a_silent_reader(void **state)
{
	uint64_t ms;

	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	fixture_open();
	stopped_clock_pass(1000);
	device_on(&fixture.device, 0, DEVICE_SILENT, 0, 0);
	order_presence(&other, 0);
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&other, &ms), TRACK_EMPTY);
	assert_true(ms <= 1000);
}

static void one_lost_answer_does_not_freeze_presence(void **state)
{
	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	fixture_open();
	stopped_clock_pass(1000);
	device_on(&fixture.device, 0, DEVICE_SILENT, 0, 0);
	order_presence(&other, 0);
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&other, NULL), TRACK_EMPTY);
	device_insert(&fixture.device, 0, SERIAL);
	for (int i = 0; i < 10; i++) {
		order_presence(&other, 0);
		stopped_clock_pass(1000);
		order_join(&other, NULL);
	}
	assert_int_equal(other.r, TRACK_PRESENT);
}

/* --- several slots */

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
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, TRACK_PRESENT);
}

/* Both slots in doubt, one command at a time. */
static void questions_follow_each_other_whatever_comes_back_first(void **state)
{
	static const uint8_t cut[] = { CCID_NOTIFY_SLOT_CHANGE };

	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	fixture.device.script.replies_first = true;
	device_set_slots(&fixture.device, 2, 1);
	fixture_open();
	watch_start(1);
	stopped_clock_pass(10000);
	device_hold(&fixture.device, USB_IN, true);
	device_notify(&fixture.device, cut, sizeof(cut));
	stopped_clock_settle();
	device_insert(&fixture.device, 1, SERIAL);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, TRACK_PRESENT);
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
		TEST(one_lost_interrupt_transfer_is_no_unplugging),
		TEST(an_interrupt_transfer_that_others_cancel_is_armed_again),
		TEST(a_movement_behind_a_lost_transfer_is_found),
		TEST(a_halted_interrupt_pipe_is_cleared),
		TEST(a_pipe_that_fails_for_good_is_replaced_by_questions),
		TEST(a_failure_now_and_then_costs_no_pipe),
		TEST(a_pipe_that_cannot_be_armed_is_replaced_by_questions),
		TEST(a_reader_without_the_pipe_is_asked),
		TEST(a_question_that_failed_delays_the_next_one_by_nothing),
		TEST(asking_goes_on_if_the_answer_is_back_before_the_question),
		TEST(a_quiet_reader_is_asked_less_often),
		TEST(asking_goes_on_after_a_command),
		TEST(every_slot_gets_its_share_of_the_questions),
		TEST(a_question_that_found_no_channel_is_asked_in_the_end),
		TEST(a_pipe_that_lies_is_found_out),
		TEST(a_host_that_never_waits_gets_fresh_answers),
		TEST(presence_does_not_hang_on_a_silent_reader),
		TEST(one_lost_answer_does_not_freeze_presence),
		TEST(a_message_for_fewer_slots_leaves_the_others_to_a_question),
		TEST(questions_follow_each_other_whatever_comes_back_first),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
