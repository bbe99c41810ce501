/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "fixture.h"
#include "movement_told.h"

static int try_open(void)
{
	return reader_open(device_name(&fixture.device), &fixture.reader);
}

static struct order opening;

static int opened_within(uint64_t limit_ms)
{
	uint64_t ms;
	int r = order_join(&opening, &ms);

	assert_true(ms <= limit_ms);
	return r;
}

static void a_reader_opens_and_closes_again(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		fixture_open();
		fixture_close();
		assert_int_equal(fixture.device.script.opens, 0);
		assert_int_equal(fixture.device.script.transfers, 0);
	}
}

static void a_device_that_is_not_there_is_told_so(void **state)
{
	(void)state;
	assert_int_equal(reader_open("usb:1234/5678:libudev:0:"
				     "/dev/bus/usb/009/009",
				     &fixture.reader), -ENODEV);
	assert_null(fixture.reader);
}

static void another_string_is_no_device(void **state)
{
	(void)state;
	assert_int_equal(reader_open("/dev/ttyS0", &fixture.reader), -EINVAL);
	assert_null(fixture.reader);
}

static void a_failure_to_open_is_handed_on(void **state)
{
	static const int errors[] = {
		-ENODEV, -EACCES, -EBUSY, -ENOMEM, -EIO, -ENXIO, -EPROTO,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		script_fail(&fixture.device.script, SCRIPT_OPEN, 1, errors[i]);
		assert_int_equal(try_open(), errors[i]);
		assert_null(fixture.reader);
	}
	fixture_open();
}

static void memory_that_is_short_leaves_nothing_behind(void **state)
{
	(void)state;
	device_set_slots(&fixture.device, 3, 2);
	for (unsigned i = 1; i <= 5; i++) {
		script_fail(&fixture.device.script, SCRIPT_NEW, i, -ENOMEM);
		assert_int_equal(try_open(), -ENOMEM);
		assert_null(fixture.reader);
		assert_int_equal(fixture.device.script.opens, 0);
		assert_int_equal(fixture.device.script.transfers, 0);
	}
	fixture_open();
}

static void a_descriptor_without_sense_is_refused(void **state)
{
	(void)state;
	device_set_message(&fixture.device, 10);
	assert_int_equal(try_open(), -EPROTO);
	assert_null(fixture.reader);
}

/* The seam makes of it a reader; what it needs besides is seen to here. */
static void plug_token(uint8_t version)
{
	fixture.device.script.info.protocol = version;
	fixture.device.script.info.interrupt_endpoint = false;
	device_insert(&fixture.device, 0, 1);
}

static void a_token_is_switched_off_on_and_off_first(void **state)
{
	static const uint8_t types[] = { CCID_POWER_OFF, CCID_POWER_ON,
					 CCID_POWER_OFF, CCID_GET_SLOT_STATUS };

	(void)state;
	plug_token(2);
	fixture_open();
	assert_int_equal(fixture.device.seens, sizeof(types));
	for (size_t i = 0; i < sizeof(types); i++)
		assert_int_equal(fixture.device.seen[i].type, types[i]);
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_PRESENT);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(transmit_serial(0), 1);
}

static void a_token_that_cannot_be_switched_opens_all_the_same(void **state)
{
	(void)state;
	plug_token(1);
	for (int i = 0; i < 3; i++)
		device_on(&fixture.device, 0, DEVICE_FAIL, 0,
			  CCID_ERROR_HARDWARE);
	fixture_open();
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_PRESENT);
}

static void a_silent_token_does_not_open(void **state)
{
	(void)state;
	plug_token(2);
	fixture.device.ignores_abort = true;
	for (int i = 0; i < 20; i++)
		device_on(&fixture.device, 0, DEVICE_SILENT, 0, 0);
	order_open(&opening, 0);
	stopped_clock_pass(60000);
	assert_int_equal(opened_within(10000), -ETIMEDOUT);
}

static void a_token_at_rest_is_never_asked(void **state)
{
	unsigned commands;

	(void)state;
	plug_token(1);
	fixture_open();
	be_ready(0, 1);
	commands = device_count(&fixture.device, 0);
	watch_start(0);
	stopped_clock_pass(3600000);
	assert_int_equal(device_count(&fixture.device, 0), commands);
	watch_stop();
}

static void a_slot_that_is_not_there_does_not_open(void **state)
{
	(void)state;
	fixture_open();
	assert_int_equal(reader_open_slot(fixture.reader, 1), -ENOENT);
	assert_int_equal(reader_open_slot(fixture.reader, 70000), -ENOENT);
}

static void a_slot_does_not_open_twice(void **state)
{
	(void)state;
	fixture_open();
	assert_int_equal(reader_open_slot(fixture.reader, 0), -EBUSY);
}

static void a_card_is_there_from_the_beginning(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, 1);
	fixture_open();
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_PRESENT);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(transmit_serial(0), 1);
}

static void an_empty_slot_is_empty_from_the_beginning(void **state)
{
	(void)state;
	fixture_open();
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_EMPTY);
}

static void leave_powered(void)
{
	device_insert(&fixture.device, 0, 1);
	script_lock(&fixture.device.script);
	fixture.device.slot[0].active = true;
	script_unlock(&fixture.device.script);
}

/* By a pcscd that died: whoever comes next must not find its PIN verified. */
static void a_card_that_was_left_powered_is_powered_off(void **state)
{
	(void)state;
	leave_powered();
	fixture_open();
	assert_false(fixture.device.slot[0].active);
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_PRESENT);
	be_ready(0, 1);
	watch_start(0);
	stopped_clock_pass(10000);
	watch_stop();
}

/* Without power a contactless one would leave and come again. */
static void a_card_that_its_reader_has_powered_is_left_alone(void **state)
{
	(void)state;
	device_set_features(&fixture.device, SHORT_LEVEL | DEVICE_AUTOMATIC |
						     DESC_AUTO_ACTIVATION);
	device_insert(&fixture.device, 0, 1);
	fixture_open();
	assert_true(fixture.device.slot[0].active);
	assert_int_equal(device_count(&fixture.device, CCID_POWER_OFF), 0);
	be_ready(0, 1);
}

static void a_power_off_that_fails_then_keeps_no_slot_closed(void **state)
{
	static const enum device_fault faults[] = {
		DEVICE_FAIL, DEVICE_SHORT, DEVICE_STALL, DEVICE_SILENT,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		leave_powered();
		device_on(&fixture.device, CCID_POWER_OFF, faults[i], 0, 1);
		order_open(&opening, 0);
		stopped_clock_pass(10000);
		assert_int_equal(opened_within(5000), 0);
		be_ready(0, 1);
		fixture_close();
	}
	assert_int_equal(fixture.device.script.resets, 0);
}

/* Cut off in the middle of something, by a reboot or a pcscd that died. */
static void a_reader_may_answer_only_from_the_second_command_on(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, 1);
	device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_SILENT, 0, 0);
	order_open(&opening, 0);
	stopped_clock_pass(5000);
	assert_int_equal(opened_within(5000), 0);
	assert_int_equal(fixture.device.script.resets, 0);
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_PRESENT);
}

/* Each reset would begin its start anew. */
static void a_reader_that_is_slow_to_start_is_not_reset(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, 1);
	fixture.device.hangs = true;
	order_open(&opening, 0);
	stopped_clock_pass(4000);
	script_lock(&fixture.device.script);
	fixture.device.hangs = false;
	script_unlock(&fixture.device.script);
	stopped_clock_pass(3000);
	assert_int_equal(opened_within(7000), 0);
	assert_int_equal(fixture.device.script.resets, 0);
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_PRESENT);
}

static void a_reader_that_hangs_is_reset_as_it_is_opened(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, 1);
	fixture.device.hangs = true;
	order_open(&opening, 0);
	stopped_clock_pass(7000);
	assert_int_equal(opened_within(7000), 0);
	assert_int_equal(fixture.device.script.resets, 1);
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_PRESENT);
}

static void a_silent_reader_does_not_open(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		device_on(&fixture.device, 0, DEVICE_SILENT, 0, 0);
	order_open(&opening, 0);
	stopped_clock_pass(60000);
	assert_int_equal(opened_within(10000), -ETIMEDOUT);
}

static void a_movement_while_a_slot_opens_is_not_lost(void **state)
{
	(void)state;
	assert_int_equal(try_open(), 0);
	device_hold(&fixture.device, USB_IN, true);
	order_open(&opening, 0);
	device_insert(&fixture.device, 0, 1);
	stopped_clock_settle();
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(opened_within(0), 0);
	stopped_clock_pass(500);
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_PRESENT);
}

/* Whatever the operation, the open ends soon and nothing is left open. */
static void an_unplugging_at_any_step_of_the_open_leaves_nothing(void **state)
{
	(void)state;
	for (unsigned k = 1; k < 40; k++) {
		int r;

		fixture.device.script.unplug_in = k;
		order_open(&opening, 0);
		stopped_clock_pass(1000);
		r = order_join(&opening, NULL);
		fixture_close();
		assert_true(r == 0 || r == -ENODEV);
		assert_int_equal(fixture.device.script.opens, 0);
		assert_int_equal(fixture.device.script.transfers, 0);
		fixture.device.script.unplugged = false;
	}
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(a_reader_opens_and_closes_again),
		TEST(a_device_that_is_not_there_is_told_so),
		TEST(another_string_is_no_device),
		TEST(a_failure_to_open_is_handed_on),
		TEST(memory_that_is_short_leaves_nothing_behind),
		TEST(a_descriptor_without_sense_is_refused),
		TEST(a_token_is_switched_off_on_and_off_first),
		TEST(a_token_that_cannot_be_switched_opens_all_the_same),
		TEST(a_silent_token_does_not_open),
		TEST(a_token_at_rest_is_never_asked),
		TEST(a_slot_that_is_not_there_does_not_open),
		TEST(a_slot_does_not_open_twice),
		TEST(a_card_is_there_from_the_beginning),
		TEST(an_empty_slot_is_empty_from_the_beginning),
		TEST(a_card_that_was_left_powered_is_powered_off),
		TEST(a_card_that_its_reader_has_powered_is_left_alone),
		TEST(a_power_off_that_fails_then_keeps_no_slot_closed),
		TEST(a_reader_may_answer_only_from_the_second_command_on),
		TEST(a_reader_that_is_slow_to_start_is_not_reset),
		TEST(a_reader_that_hangs_is_reset_as_it_is_opened),
		TEST(a_silent_reader_does_not_open),
		TEST(a_movement_while_a_slot_opens_is_not_lost),
		TEST(an_unplugging_at_any_step_of_the_open_leaves_nothing),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
