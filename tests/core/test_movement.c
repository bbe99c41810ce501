/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "movement.h"

#define SERIAL	0x01020304u

static struct order waiting, second, other;

/* As pcscd does it: the thread that waits is the one that asks presence. */
static void *watch_pass(void *argument)
{
	struct order *order = argument;

	order->r = movement_wait(fixture.reader, order->slot,
				 order->timeout_ms);
	order->size = movement_presence(fixture.reader, order->slot);
	return NULL;
}

/*
 * The watcher's identity is a thread, so a pass of several calls is one order.
 * Comes back with the second wait under way.
 */
static void *watch_twice(void *argument)
{
	struct order *order = argument;

	movement_wait(fixture.reader, order->slot, 0);
	order->answer[0] = (uint8_t)movement_presence(fixture.reader,
						      order->slot);
	return watch_pass(order);
}

static void start_watching(unsigned slot)
{
	waiting.slot = slot;
	waiting.timeout_ms = MOVEMENT_FOREVER;
	call_start(&waiting.call, watch_twice, &waiting);
	stopped_clock_settle();
}

static void stop_watching(void)
{
	movement_stop(fixture.reader, waiting.slot);
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), 0);
}

static unsigned messages_sent(void)
{
	return device_count(&fixture.device, 0);
}

/* --- the table of movement.h */

static void a_wait_ends_at_once_if_the_state_differs_already(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	assert_int_equal(order_join(&waiting, &ms), 0);
	assert_int_equal(ms, 0);
}

static void an_insertion_ends_the_wait(void **state)
{
	(void)state;
	fixture_open();
	start_watching(0);
	assert_false(call_is_over(&waiting.call));
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(waiting.size, TRACK_PRESENT);
}

static void a_removal_ends_the_wait(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	start_watching(0);
	assert_false(call_is_over(&waiting.call));
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(waiting.size, TRACK_EMPTY);
}

static void a_swap_ends_the_wait_and_is_told_as_a_removal(void **state)
{
	(void)state;
	fixture.device.announcement = DEVICE_MERGED;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	start_watching(0);
	stopped_clock_pass(5000);
	device_swap(&fixture.device, 0, SERIAL + 1);
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(waiting.size, TRACK_EMPTY);
}

static void a_second_wait_is_refused_and_the_first_one_goes_on(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	start_watching(0);
	order_wait(&second, 0, MOVEMENT_FOREVER);
	assert_int_equal(order_join(&second, &ms), -EBUSY);
	assert_int_equal(ms, 0);
	assert_false(call_is_over(&waiting.call));
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(waiting.size, TRACK_PRESENT);
}

static void a_refused_wait_uses_no_stop_up(void **state)
{
	(void)state;
	fixture_open();
	start_watching(0);
	order_wait(&second, 0, 0);
	assert_int_equal(order_join(&second, NULL), -EBUSY);
	stop_watching();
}

static void a_stop_ends_the_wait(void **state)
{
	(void)state;
	fixture_open();
	start_watching(0);
	stop_watching();
}

static void a_stop_ahead_of_the_wait_ends_it(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	movement_stop(fixture.reader, 0);
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	assert_int_equal(order_join(&waiting, &ms), 0);
	assert_int_equal(ms, 0);
}

static void stops_are_used_up_by_one_return(void **state)
{
	(void)state;
	fixture_open();
	for (int i = 0; i < 5; i++)
		movement_stop(fixture.reader, 0);
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	assert_int_equal(order_join(&waiting, NULL), 0);
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	assert_false(call_is_over(&waiting.call));
	movement_stop(fixture.reader, 0);
	stopped_clock_settle();
	order_join(&waiting, NULL);
}

static void a_stop_of_one_slot_leaves_the_other_alone(void **state)
{
	(void)state;
	device_set_slots(&fixture.device, 2, 1);
	fixture_open();
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	order_wait(&second, 1, MOVEMENT_FOREVER);
	movement_stop(fixture.reader, 1);
	stopped_clock_settle();
	assert_int_equal(order_join(&second, NULL), 0);
	assert_false(call_is_over(&waiting.call));
	movement_stop(fixture.reader, 0);
	stopped_clock_settle();
	order_join(&waiting, NULL);
}

/* --- time */

static void a_timeout_of_nothing_looks_and_returns(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	order_wait(&waiting, 0, 0);
	assert_int_equal(order_join(&waiting, &ms), 0);
	assert_int_equal(ms, 0);
}

static void a_timeout_is_kept_to_the_millisecond(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	order_wait(&waiting, 0, 5000);
	stopped_clock_pass(4999);
	assert_false(call_is_over(&waiting.call));
	stopped_clock_pass(1);
	assert_int_equal(order_join(&waiting, &ms), 0);
	assert_int_equal(ms, 5000);
}

static void wait_long(int timeout_ms)
{
	fixture_open();
	order_wait(&waiting, 0, timeout_ms);
	stopped_clock_pass(2 * 600000);
	assert_false(call_is_over(&waiting.call));
	movement_stop(fixture.reader, 0);
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), 0);
}

static void a_negative_timeout_waits_for_ever(void **state)
{
	(void)state;
	wait_long(-1);
}

static void the_most_negative_timeout_waits_for_ever(void **state)
{
	(void)state;
	wait_long(INT_MIN);
}

static void the_greatest_timeout_does_not_overflow(void **state)
{
	(void)state;
	wait_long(INT_MAX);
}

/* --- the device is gone */

static void a_wait_on_a_gone_device_lasts_a_second(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	device_unplug(&fixture.device);
	stopped_clock_settle();
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	stopped_clock_pass(999);
	assert_false(call_is_over(&waiting.call));
	stopped_clock_pass(1);
	assert_int_equal(order_join(&waiting, &ms), -ENODEV);
	assert_int_equal(ms, 1000);
}

static void an_unplugging_ends_the_wait_within_a_second(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	start_watching(0);
	stopped_clock_pass(300);
	device_unplug(&fixture.device);
	stopped_clock_pass(2000);
	assert_int_equal(order_join(&waiting, &ms), -ENODEV);
	assert_int_equal(ms, 1300);
	assert_int_equal(waiting.size, TRACK_GONE);
}

static void a_stop_ends_the_wait_on_a_gone_device(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	device_unplug(&fixture.device);
	stopped_clock_settle();
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	movement_stop(fixture.reader, 0);
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, &ms), -ENODEV);
	assert_int_equal(ms, 0);
}

static void a_gone_device_is_never_told_as_an_empty_slot(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	device_unplug(&fixture.device);
	stopped_clock_settle();
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_GONE);
	assert_int_equal(movement_presence(fixture.reader, 0), TRACK_GONE);
}

/* A resume looks like this. */
static void one_lost_interrupt_transfer_is_no_unplugging(void **state)
{
	(void)state;
	fixture_open();
	start_watching(0);
	device_break(&fixture.device, USB_INTERRUPT, -ENODEV);
	stopped_clock_pass(1000);
	assert_false(call_is_over(&waiting.call));
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(waiting.size, TRACK_PRESENT);
}

static void a_movement_behind_a_lost_transfer_is_found(void **state)
{
	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	fixture_open();
	start_watching(0);
	device_insert(&fixture.device, 0, SERIAL);
	device_break(&fixture.device, USB_INTERRUPT, -ENODEV);
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(waiting.size, TRACK_PRESENT);
}

/* --- what the interrupt pipe brings */

static void nothing_is_sent_while_nothing_moves(void **state)
{
	unsigned sent;

	(void)state;
	fixture_open();
	start_watching(0);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	order_join(&waiting, NULL);
	start_watching(0);
	sent = messages_sent();
	stopped_clock_pass(24 * 3600000);
	assert_int_equal(messages_sent(), sent);
	stop_watching();
}

static void a_movement_is_told_without_any_message_to_the_reader(void **state)
{
	unsigned sent;

	(void)state;
	fixture_open();
	start_watching(0);
	sent = messages_sent();
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	order_join(&waiting, NULL);
	assert_int_equal(messages_sent(), sent);
}

static void the_first_notification_that_repeats_the_start_is_no_movement(
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
	start_watching(0);
	device_notify(&fixture.device, present, sizeof(present));
	stopped_clock_settle();
	assert_false(call_is_over(&waiting.call));
	stop_watching();
	assert_int_equal(waiting.size, TRACK_PRESENT);
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
	start_watching(0);
	device_notify(&fixture.device, NULL, 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		device_notify(&fixture.device, messages[i], sizes[i]);
	stopped_clock_pass(1000);
	assert_false(call_is_over(&waiting.call));
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), 0);
}

static void of_two_messages_in_a_transfer_both_count(void **state)
{
	static const uint8_t both[] = {
		CCID_NOTIFY_SLOT_CHANGE, 0x03, CCID_NOTIFY_SLOT_CHANGE, 0x02,
		CCID_NOTIFY_SLOT_CHANGE, 0x03,
	};

	(void)state;
	fixture_open();
	start_watching(0);
	script_lock(&fixture.device.script);
	fixture.device.slot[0].present = true;
	script_unlock(&fixture.device.script);
	device_notify(&fixture.device, both, sizeof(both));
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(waiting.size, TRACK_PRESENT);
	assert_int_equal(fixture.reader->track.slot[0].visit, 2);
}

static void a_lost_notification_is_found_by_the_next_short_one(void **state)
{
	static const uint8_t cut[] = { CCID_NOTIFY_SLOT_CHANGE };

	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	fixture_open();
	start_watching(0);
	device_insert(&fixture.device, 0, SERIAL);
	device_notify(&fixture.device, cut, sizeof(cut));
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(waiting.size, TRACK_PRESENT);
}

static void a_hardware_error_is_no_movement(void **state)
{
	static const uint8_t error[] = { CCID_HARDWARE_ERROR, 0, 1, 1 };

	(void)state;
	fixture_open();
	start_watching(0);
	device_notify(&fixture.device, error, sizeof(error));
	stopped_clock_pass(1000);
	assert_false(call_is_over(&waiting.call));
	stop_watching();
}

static void a_storm_without_movement_costs_ten_questions_a_second(
	void **state)
{
	static const uint8_t cut[] = { CCID_NOTIFY_SLOT_CHANGE };
	unsigned before;

	(void)state;
	fixture_open();
	start_watching(0);
	stopped_clock_pass(2000);
	before = messages_sent();
	for (int i = 0; i < 1000; i++) {
		device_notify(&fixture.device, cut, sizeof(cut));
		stopped_clock_pass(1);
	}
	assert_in_range(messages_sent() - before, 1, 10);
	assert_false(call_is_over(&waiting.call));
	stop_watching();
}

static void a_storm_of_sixteen_slots_costs_ten_questions_a_second(
	void **state)
{
	static const uint8_t cut[] = { CCID_NOTIFY_SLOT_CHANGE };
	unsigned before;

	(void)state;
	device_set_slots(&fixture.device, 16, 4);
	fixture_open();
	start_watching(0);
	stopped_clock_pass(2000);
	before = messages_sent();
	for (int i = 0; i < 1000; i++) {
		device_notify(&fixture.device, cut, sizeof(cut));
		stopped_clock_pass(1);
	}
	assert_in_range(messages_sent() - before, 1, 10);
	stop_watching();
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
	start_watching(0);
	log_forget();
	for (int i = 0; i < 1000; i++) {
		device_notify(&fixture.device, messages[i % 4], sizes[i % 4]);
		stopped_clock_pass(1);
	}
	assert_in_range(log_lines(), 0, 50);
	stop_watching();
}

/* --- an interrupt pipe that fails */

static void a_halted_interrupt_pipe_is_cleared(void **state)
{
	(void)state;
	fixture_open();
	start_watching(0);
	device_break(&fixture.device, USB_INTERRUPT, -EPIPE);
	stopped_clock_settle();
	assert_int_equal(fixture.device.script.clears, 1);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(waiting.size, TRACK_PRESENT);
}

static void a_pipe_that_fails_again_and_again_is_replaced_by_questions(
	void **state)
{
	(void)state;
	fixture_open();
	start_watching(0);
	for (int i = 0; i < 10; i++) {
		device_break(&fixture.device, USB_INTERRUPT, -EIO);
		stopped_clock_pass(100);
	}
	assert_int_equal(log_count("interrupt pipe fails"), 1);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(2000);
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(waiting.size, TRACK_PRESENT);
}

static void a_failure_now_and_then_costs_no_pipe(void **state)
{
	(void)state;
	fixture_open();
	start_watching(0);
	for (int i = 0; i < 50; i++) {
		device_break(&fixture.device, USB_INTERRUPT, -EOVERFLOW);
		stopped_clock_pass(4000);
	}
	assert_int_equal(log_count("interrupt pipe fails"), 0);
	stop_watching();
}

static void a_pipe_that_cannot_be_armed_is_replaced_by_questions(void **state)
{
	(void)state;
	script_fail(&fixture.device.script, SCRIPT_SUBMIT_INTERRUPT, 1, -EIO);
	fixture_open();
	start_watching(0);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(2000);
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(waiting.size, TRACK_PRESENT);
}

/* --- readers that announce nothing */

static void a_reader_without_the_pipe_is_asked(void **state)
{
	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	fixture_open();
	start_watching(0);
	stopped_clock_pass(1000);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(250);
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(waiting.size, TRACK_PRESENT);
}

static void a_quiet_reader_is_asked_less_often(void **state)
{
	unsigned sent;

	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	fixture_open();
	start_watching(0);
	stopped_clock_pass(60000);
	sent = messages_sent();
	stopped_clock_pass(60000);
	assert_in_range(messages_sent() - sent, 25, 35);
	stop_watching();
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
	start_watching(0);
	device_hold(&fixture.device, USB_IN, true);
	order_transmit(&other, 0, command, sizeof(command));
	stopped_clock_pass(1000);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(order_join(&other, NULL), 0);
	device_remove(&fixture.device, 0);
	stopped_clock_pass(2500);
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(waiting.size, TRACK_EMPTY);
}

static void a_pipe_that_lies_is_found_out(void **state)
{
	uint64_t ms;

	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	fixture_open();
	start_watching(0);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(5000);
	assert_int_equal(order_join(&waiting, &ms), 0);
	assert_true(ms <= 5000);
	start_watching(0);
	stopped_clock_pass(2000);
	assert_int_equal(log_count("does not announce"), 1);
	device_remove(&fixture.device, 0);
	stopped_clock_pass(2000);
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(waiting.size, TRACK_EMPTY);
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

/* --- the thread is cancelled */

static void a_cancelled_wait_leaves_the_slot_to_the_next(void **state)
{
	(void)state;
	fixture_open();
	for (int i = 0; i < 50; i++) {
		order_wait(&waiting, 0, MOVEMENT_FOREVER);
		assert_true(call_cancel(&waiting.call));
	}
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	assert_false(call_is_over(&waiting.call));
	movement_stop(fixture.reader, 0);
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), 0);
}

static void a_wait_on_a_gone_device_can_be_cancelled(void **state)
{
	(void)state;
	fixture_open();
	device_unplug(&fixture.device);
	stopped_clock_settle();
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	assert_true(call_cancel(&waiting.call));
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&waiting, NULL), -ENODEV);
}

/* --- several slots */

static void each_slot_has_its_own_watcher(void **state)
{
	(void)state;
	device_set_slots(&fixture.device, 3, 1);
	fixture_open();
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	order_wait(&second, 1, MOVEMENT_FOREVER);
	order_wait(&other, 2, MOVEMENT_FOREVER);
	device_insert(&fixture.device, 1, SERIAL);
	stopped_clock_settle();
	assert_int_equal(order_join(&second, NULL), 0);
	assert_false(call_is_over(&waiting.call));
	assert_false(call_is_over(&other.call));
	device_insert(&fixture.device, 2, SERIAL);
	stopped_clock_settle();
	assert_int_equal(order_join(&other, NULL), 0);
	assert_false(call_is_over(&waiting.call));
	movement_stop(fixture.reader, 0);
	stopped_clock_settle();
	order_join(&waiting, NULL);
}

static void a_message_for_fewer_slots_leaves_the_others_to_a_question(
	void **state)
{
	static const uint8_t first_four[] = { CCID_NOTIFY_SLOT_CHANGE, 0x00 };

	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	device_set_slots(&fixture.device, 6, 1);
	fixture_open();
	waiting.slot = 5;
	start_watching(5);
	device_insert(&fixture.device, 5, SERIAL);
	device_notify(&fixture.device, first_four, sizeof(first_four));
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(waiting.size, TRACK_PRESENT);
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
	start_watching(1);
	stopped_clock_pass(10000);
	device_hold(&fixture.device, USB_IN, true);
	device_notify(&fixture.device, cut, sizeof(cut));
	stopped_clock_settle();
	device_insert(&fixture.device, 1, SERIAL);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(waiting.size, TRACK_PRESENT);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(a_wait_ends_at_once_if_the_state_differs_already),
		TEST(an_insertion_ends_the_wait),
		TEST(a_removal_ends_the_wait),
		TEST(a_swap_ends_the_wait_and_is_told_as_a_removal),
		TEST(a_second_wait_is_refused_and_the_first_one_goes_on),
		TEST(a_refused_wait_uses_no_stop_up),
		TEST(a_stop_ends_the_wait),
		TEST(a_stop_ahead_of_the_wait_ends_it),
		TEST(stops_are_used_up_by_one_return),
		TEST(a_stop_of_one_slot_leaves_the_other_alone),
		TEST(a_timeout_of_nothing_looks_and_returns),
		TEST(a_timeout_is_kept_to_the_millisecond),
		TEST(a_negative_timeout_waits_for_ever),
		TEST(the_most_negative_timeout_waits_for_ever),
		TEST(the_greatest_timeout_does_not_overflow),
		TEST(a_wait_on_a_gone_device_lasts_a_second),
		TEST(an_unplugging_ends_the_wait_within_a_second),
		TEST(a_stop_ends_the_wait_on_a_gone_device),
		TEST(a_gone_device_is_never_told_as_an_empty_slot),
		TEST(one_lost_interrupt_transfer_is_no_unplugging),
		TEST(a_movement_behind_a_lost_transfer_is_found),
		TEST(nothing_is_sent_while_nothing_moves),
		TEST(a_movement_is_told_without_any_message_to_the_reader),
		TEST(the_first_notification_that_repeats_the_start_is_no_movement),
		TEST(messages_without_meaning_are_passed_over),
		TEST(of_two_messages_in_a_transfer_both_count),
		TEST(a_lost_notification_is_found_by_the_next_short_one),
		TEST(a_hardware_error_is_no_movement),
		TEST(a_storm_without_movement_costs_ten_questions_a_second),
		TEST(a_storm_of_sixteen_slots_costs_ten_questions_a_second),
		TEST(a_storm_fills_no_log),
		TEST(a_halted_interrupt_pipe_is_cleared),
		TEST(a_pipe_that_fails_again_and_again_is_replaced_by_questions),
		TEST(a_failure_now_and_then_costs_no_pipe),
		TEST(a_pipe_that_cannot_be_armed_is_replaced_by_questions),
		TEST(a_reader_without_the_pipe_is_asked),
		TEST(a_quiet_reader_is_asked_less_often),
		TEST(asking_goes_on_after_a_command),
		TEST(a_pipe_that_lies_is_found_out),
		TEST(a_host_that_never_waits_gets_fresh_answers),
		TEST(presence_does_not_hang_on_a_silent_reader),
		TEST(a_cancelled_wait_leaves_the_slot_to_the_next),
		TEST(a_wait_on_a_gone_device_can_be_cancelled),
		TEST(each_slot_has_its_own_watcher),
		TEST(a_message_for_fewer_slots_leaves_the_others_to_a_question),
		TEST(questions_follow_each_other_whatever_comes_back_first),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
