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
#include "movement_told.h"
#include "options.h"

#define SERIAL	0x01020304u

static struct order other;

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
	watch_told(TRACK_PRESENT);
}

static void assert_insertion_is_told_soon(void)
{
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(500);
	watch_told(TRACK_PRESENT);
}

static void a_stop_ends_the_wait_though_a_question_is_under_way(void **state)
{
	unsigned sent;

	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	fixture_open();
	watch_start(0);
	sent = messages_sent();
	device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_SILENT, 0, 0);
	stopped_clock_pass(250);
	assert_int_equal(messages_sent(), sent + 1);
	watch_stop();
}

static void nobody_is_asked_behind_a_stop(void **state)
{
	unsigned sent;

	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	fixture_open();
	watch_start(0);
	stopped_clock_pass(1000);
	watch_stop();
	sent = messages_sent();
	stopped_clock_pass(60000);
	assert_int_equal(messages_sent(), sent);
}

static void the_interval_is_the_administrators(void **state)
{
	unsigned sent;

	(void)state;
	setenv("CCIDTRACK_ifdPollInterval", "1000", 1);
	options_load();
	fixture.device.script.info.interrupt_endpoint = false;
	fixture_open();
	unsetenv("CCIDTRACK_ifdPollInterval");
	options_load();
	watch_start(0);
	stopped_clock_pass(1500);
	sent = messages_sent();
	stopped_clock_pass(5000);
	assert_in_range(messages_sent() - sent, 4, 6);
	watch_stop();
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
	assert_in_range(messages_sent() - sent, 17, 23);
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
	watch_told(TRACK_EMPTY);
}

/* Whether it is still the same card is asked before each of them. */
static void power_commands_of_clients_wait_for_no_question(void **state)
{
	unsigned sent;

	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	be_ready(0, SERIAL);
	watch_start(0);
	sent = device_count(&fixture.device, CCID_GET_SLOT_STATUS);
	for (unsigned i = 0; i < 50; i++) {
		uint64_t ms;

		order_reset(&other, 0);
		assert_int_equal(order_join(&other, &ms), 0);
		assert_int_equal(ms, 0);
	}
	assert_int_equal(device_count(&fixture.device, CCID_GET_SLOT_STATUS),
			 sent + 50);
	watch_stop();
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
	watch_told(TRACK_PRESENT);
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
	watch_told(TRACK_EMPTY);
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

static void presence_beside_an_apdu_comes_from_memory(void **state)
{
	static const uint8_t command[] = { 0x00, 0xCA, 0x00, 0x00, 0x00 };
	static struct order apdu;
	unsigned sent;

	(void)state;
	open_ready(2, 1);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	order_transmit(&apdu, 0, command, sizeof(command));
	sent = device_count(&fixture.device, 0);
	for (unsigned slot = 0; slot < 2; slot++) {
		order_presence(&other, slot);
		assert_int_equal(order_join(&other, NULL), TRACK_PRESENT);
	}
	assert_false(call_is_over(&apdu.call));
	assert_int_equal(device_count(&fixture.device, 0), sent);
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	order_presence(&other, 0);
	assert_int_equal(order_join(&other, NULL), TRACK_EMPTY);
	stopped_clock_pass(1000);
	order_join(&apdu, NULL);
}

/* --- several slots */

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
	watch_told(TRACK_PRESENT);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(a_reader_without_the_pipe_is_asked),
		TEST(a_stop_ends_the_wait_though_a_question_is_under_way),
		TEST(nobody_is_asked_behind_a_stop),
		TEST(the_interval_is_the_administrators),
		TEST(a_question_that_failed_delays_the_next_one_by_nothing),
		TEST(asking_goes_on_if_the_answer_is_back_before_the_question),
		TEST(a_quiet_reader_is_asked_less_often),
		TEST(asking_goes_on_after_a_command),
		TEST(power_commands_of_clients_wait_for_no_question),
		TEST(every_slot_gets_its_share_of_the_questions),
		TEST(a_question_that_found_no_channel_is_asked_in_the_end),
		TEST(a_pipe_that_lies_is_found_out),
		TEST(a_host_that_never_waits_gets_fresh_answers),
		TEST(presence_does_not_hang_on_a_silent_reader),
		TEST(one_lost_answer_does_not_freeze_presence),
		TEST(presence_beside_an_apdu_comes_from_memory),
		TEST(questions_follow_each_other_whatever_comes_back_first),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
