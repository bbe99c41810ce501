/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "fixture.h"
#include "options.h"
#include "pin_pad.h"
#include "reader.h"

#define PIN_SUPPORT	52	/* offset in the class descriptor */

static const uint8_t pin_block[21] = {
	[3] = 0x03, [8] = 0x04, [13] = 5, [14] = 9,
};

static int plug(void **state)
{
	setenv("CCIDTRACK_options", "/nowhere/at/all", 1);
	options_forget();
	return fixture_plug(state);
}

static void pretend(uint16_t vendor, uint16_t product, uint16_t firmware)
{
	struct usb_info *info = &fixture.device.script.info;

	info->vendor = vendor;
	info->product = product;
	info->device_version = firmware;
}

static void set(const char *dict)
{
	char text[1000];

	snprintf(text, sizeof(text), "<plist><dict>%s</dict></plist>", dict);
	assert_int_equal(options_take("file", text, strlen(text)), 0);
}

static int open_reader(void)
{
	return reader_open(device_name(&fixture.device), &fixture.reader);
}

static struct order opening;

/* The reader is open, and its first slot is being opened. */
static void begin_opening(void)
{
	order_open(&opening, 0);
	assert_non_null(fixture.reader);
}

static uint64_t opened_after(uint64_t pass_ms)
{
	uint64_t ms;

	stopped_clock_pass(pass_ms);
	assert_int_equal(order_join(&opening, &ms), 0);
	return ms;
}

static void bad_firmware_is_refused_and_told_how_to_allow_it(void **state)
{
	(void)state;
	pretend(0x09C3, 0x0008, 0x0202);
	assert_int_equal(open_reader(), -ENOTSUP);
	assert_int_equal(log_count("firmware 2.02 has faults"), 1);
	assert_int_equal(log_count("0x4 of ifdDriverOptions"), 1);
	pretend(0x09C3, 0x0008, 0x0203);
	assert_int_equal(open_reader(), 0);
}

static void the_administrator_may_allow_it(void **state)
{
	(void)state;
	pretend(0x09C3, 0x0008, 0x0202);
	set("<key>ifdDriverOptions</key><string>4</string>");
	assert_int_equal(open_reader(), 0);
}

static void the_table_can_be_switched_off_for_a_reader(void **state)
{
	(void)state;
	pretend(0x09C3, 0x0008, 0x0202);
	set("<key>readers</key><dict><key>09c3:0008</key><dict>"
	    "<key>ifdQuirks</key><false/></dict></dict>");
	assert_int_equal(open_reader(), 0);
}

static void what_is_set_for_another_reader_does_not_count(void **state)
{
	(void)state;
	pretend(0x09C3, 0x0008, 0x0202);
	set("<key>readers</key><dict><key>09c3:0009</key><dict>"
	    "<key>ifdQuirks</key><false/></dict></dict>");
	assert_int_equal(open_reader(), -ENOTSUP);
}

static void that_a_reader_is_known_is_told(void **state)
{
	(void)state;
	assert_int_equal(open_reader(), 0);
	assert_int_equal(log_count("known for ways of its own"), 0);
	reader_close(fixture.reader);
	fixture.reader = NULL;
	pretend(0x058F, 0x9540, 0x0100);
	assert_int_equal(open_reader(), 0);
	assert_int_equal(log_count("known for ways of its own"), 1);
}

static void a_status_that_lies_is_not_asked_for_the_truth(void **state)
{
	(void)state;
	pretend(0x072F, 0x2301, 0x0100);
	begin_opening();
	opened_after(0);
	assert_int_equal(fixture.reader->track.answers, TRACK_VAGUE);
}

static void other_readers_are_asked(void **state)
{
	(void)state;
	begin_opening();
	opened_after(0);
	assert_int_equal(fixture.reader->track.answers, TRACK_TELLING);
}

static void options_are_laid_over_the_descriptor(void **state)
{
	(void)state;
	fixture.device.script.info.descriptor[PIN_SUPPORT] = 3;
	set("<key>ifdMaxIFSD</key><string>64</string>"
	    "<key>ifdExchangeLevel</key><string>4</string>"
	    "<key>ifdPinPad</key><string>0</string>"
	    "<key>ifdMinPINSize</key><string>6</string>"
	    "<key>ifdMaxPINSize</key><string>12</string>"
	    "<key>ifdRateCap</key><string>9600</string>"
	    "<key>ifdPPS</key><string>0</string>");
	assert_int_equal(open_reader(), 0);
	assert_int_equal(fixture.reader->desc.max_ifsd, 64);
	assert_int_equal(fixture.reader->desc.level, DESC_LEVEL_EXTENDED_APDU);
	assert_int_equal(fixture.reader->desc.pin_support, 0);
	assert_int_equal(fixture.reader->quirk.pin_min, 6);
	assert_int_equal(fixture.reader->quirk.pin_max, 12);
	assert_int_equal(fixture.reader->quirk.rate_cap, 9600);
	assert_true(fixture.reader->quirk.flags & QUIRK_NO_PPS);
}

static void a_slow_reader_is_left_alone_at_first(void **state)
{
	(void)state;
	pretend(0x0B81, 0x0200, 0x0100);
	begin_opening();
	assert_int_equal(device_count(&fixture.device, 0), 0);
	assert_int_equal(opened_after(2000), 1000);
	assert_int_equal(device_count(&fixture.device, 0), 1);
}

static void a_reader_may_be_given_more_time_to_start(void **state)
{
	(void)state;
	set("<key>ifdStartTime</key><string>10000</string>");
	fixture.device.script.work_delay_us = 0;
	device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_SILENT, 0, 0);
	begin_opening();
	stopped_clock_pass(9999);
	assert_false(call_is_over(&opening.call));
	assert_int_equal(device_count(&fixture.device, CCID_GET_SLOT_STATUS),
			 1);
	opened_after(5000);
}

static void a_reader_is_started_by_power_offs_until_one_succeeds(void **state)
{
	(void)state;
	pretend(0x072F, 0x2200, 0x0204);
	set("<key>ifdDriverOptions</key><string>4</string>");
	for (unsigned i = 0; i < 3; i++)
		device_on(&fixture.device, CCID_POWER_OFF, DEVICE_FAIL, 0,
			  CCID_ERROR_HARDWARE);
	begin_opening();
	opened_after(0);
	assert_int_equal(device_count(&fixture.device, CCID_POWER_OFF), 4);
}

static void it_is_not_started_for_ever(void **state)
{
	(void)state;
	pretend(0x072F, 0x2200, 0x0204);
	set("<key>ifdDriverOptions</key><string>4</string>");
	for (unsigned i = 0; i < 30; i++)
		device_on(&fixture.device, CCID_POWER_OFF, DEVICE_FAIL, 0,
			  CCID_ERROR_HARDWARE);
	begin_opening();
	opened_after(0);
	assert_int_equal(device_count(&fixture.device, CCID_POWER_OFF), 10);
	fixture.device.faults = 0;
}

static void a_pin_pad_tells_what_it_takes(void **state)
{
	(void)state;
	pretend(0x08E6, 0x1234, 0x0100);
	pin_pad_plug(&fixture.device, SHORT_LEVEL | DEVICE_AUTOMATIC, 3);
	pin_pad_will_say(pin_block, sizeof(pin_block));
	begin_opening();
	opened_after(0);
	assert_int_equal(pin_pad.escapes, 1);
	assert_int_equal(pin_pad.bytes[0], 0x6A);
	assert_int_equal(fixture.reader->quirk.pin.indexes,
			 PIN_INDEXES_COUNTED);
	assert_int_equal(fixture.reader->quirk.pin.conditions, 3);
	assert_int_equal(fixture.reader->quirk.pin_min, 5);
	assert_int_equal(fixture.reader->quirk.pin_max, 9);
}

static void a_block_of_another_size_tells_nothing(void **state)
{
	(void)state;
	pretend(0x08E6, 0x1234, 0x0100);
	pin_pad_plug(&fixture.device, SHORT_LEVEL | DEVICE_AUTOMATIC, 3);
	pin_pad_will_say(pin_block, sizeof(pin_block) - 1);
	begin_opening();
	opened_after(0);
	assert_int_equal(fixture.reader->quirk.pin.indexes, PIN_INDEXES_ALL);
	assert_int_equal(fixture.reader->quirk.pin_max, 0);
}

static void a_reader_that_does_not_know_the_command_is_used_all_the_same(
	void **state)
{
	(void)state;
	pretend(0x08E6, 0x1234, 0x0100);
	pin_pad_plug(&fixture.device, SHORT_LEVEL | DEVICE_AUTOMATIC, 3);
	pin_pad_will_fail(CCID_ERROR_NOT_SUPPORTED);
	begin_opening();
	opened_after(0);
	assert_int_equal(fixture.reader->quirk.pin.indexes, PIN_INDEXES_ALL);
}

static void answer_version(const uint8_t *answer, size_t size)
{
	pretend(0x072F, 0x90D2, 0x0100);
	pin_pad_plug(&fixture.device, TPDU_LEVEL | DEVICE_AUTOMATIC, 3);
	pin_pad_will_say(answer, size);
	begin_opening();
	opened_after(0);
	assert_int_equal(pin_pad.escapes, 1);
	assert_memory_equal(pin_pad.bytes, "\x04\0\0\0\0", 5);
}

static void tell_version(uint8_t high)
{
	const uint8_t answer[] = { 0x84, 0, 0, 0, 2, high, 0x00 };

	answer_version(answer, sizeof(answer));
}

static void a_version_tells_that_the_reader_takes_apdus(void **state)
{
	(void)state;
	tell_version(0x45);
	assert_int_equal(fixture.reader->desc.level, DESC_LEVEL_SHORT_APDU);
	assert_int_equal(fixture.reader->desc.pin_support, 3);
}

static void or_that_its_keys_are_of_no_use(void **state)
{
	(void)state;
	tell_version(0x44);
	assert_int_equal(fixture.reader->desc.level, DESC_LEVEL_TPDU);
	assert_int_equal(fixture.reader->desc.pin_support, 0);
}

static void a_version_that_is_none_changes_nothing(void **state)
{
	static const uint8_t other[] = { 0x85, 0, 0, 0, 2, 0x45, 0x00 };

	(void)state;
	answer_version(other, sizeof(other));
	assert_int_equal(fixture.reader->desc.level, DESC_LEVEL_TPDU);
	assert_int_equal(fixture.reader->desc.pin_support, 3);
}

static void a_version_that_is_cut_changes_nothing(void **state)
{
	static const uint8_t cut[] = { 0x84, 0, 0, 0, 2, 0x45 };

	(void)state;
	answer_version(cut, sizeof(cut));
	assert_int_equal(fixture.reader->desc.level, DESC_LEVEL_TPDU);
	assert_int_equal(fixture.reader->desc.pin_support, 3);
}

static void a_reader_that_miscounts_its_slots_has_those_that_it_has(
	void **state)
{
	(void)state;
	assert_int_equal(open_reader(), 0);
	assert_int_equal(fixture.reader->desc.slots, 1);
	reader_close(fixture.reader);
	fixture.reader = NULL;
	pretend(0x072F, 0x2207, 0x0100);
	assert_int_equal(open_reader(), 0);
	assert_int_equal(fixture.reader->desc.slots, 2);
	reader_close(fixture.reader);
	fixture.reader = NULL;
	pretend(0x072F, 0xB301, 0x0100);
	device_set_slots(&fixture.device, 2, 2);
	assert_int_equal(open_reader(), 0);
	assert_int_equal(fixture.reader->desc.slots, 1);
	assert_int_equal(fixture.reader->desc.busy_slots, 1);
}

static void apdu_mode_is_for_the_administrator_to_choose(void **state)
{
	(void)state;
	pretend(0x08E6, 0x3437, 0x0100);
	pin_pad_plug(&fixture.device, TPDU_LEVEL | DEVICE_AUTOMATIC, 0);
	begin_opening();
	opened_after(0);
	assert_int_equal(pin_pad.escapes, 0);
	assert_int_equal(fixture.reader->desc.level, DESC_LEVEL_TPDU);
}

static void apdu_mode_is_switched_on_by_its_bit(void **state)
{
	(void)state;
	pretend(0x08E6, 0x3437, 0x0100);
	set("<key>ifdDriverOptions</key><string>2</string>");
	pin_pad_plug(&fixture.device, TPDU_LEVEL | DEVICE_AUTOMATIC, 0);
	pin_pad_will_say(NULL, 0);
	begin_opening();
	opened_after(0);
	assert_int_equal(pin_pad.escapes, 1);
	assert_memory_equal(pin_pad.bytes, "\x1F\x02", 2);
	assert_int_equal(fixture.reader->desc.level, DESC_LEVEL_SHORT_APDU);
}

static void a_reader_that_refuses_apdu_mode_stays_at_its_level(void **state)
{
	(void)state;
	pretend(0x08E6, 0x3437, 0x0100);
	set("<key>ifdDriverOptions</key><string>2</string>");
	pin_pad_plug(&fixture.device, TPDU_LEVEL | DEVICE_AUTOMATIC, 0);
	pin_pad_will_fail(CCID_ERROR_HARDWARE);
	begin_opening();
	opened_after(0);
	assert_int_equal(fixture.reader->desc.level, DESC_LEVEL_TPDU);
}

/* Whoever hangs, is reset by the next command. */
static void hang_and_power_up(void)
{
	static struct order order;

	assert_int_equal(power_up(0), 0);
	script_lock(&fixture.device.script);
	fixture.device.hangs = true;
	script_unlock(&fixture.device.script);
	order_power_off(&order, 0);
	stopped_clock_pass(20000);
	order_join(&order, NULL);
	assert_int_equal(fixture.device.script.resets, 1);
	power_up(0);		/* tells that it is another card now */
	assert_int_equal(power_up(0), 0);
}

static void a_reader_is_greeted_again_after_a_reset(void **state)
{
	(void)state;
	pretend(0x08E6, 0x3437, 0x0100);
	set("<key>ifdDriverOptions</key><string>2</string>");
	pin_pad_plug(&fixture.device, TPDU_LEVEL | DEVICE_AUTOMATIC, 0);
	pin_pad_will_say(NULL, 0);
	pin_pad_will_say(NULL, 0);
	begin_opening();
	opened_after(0);
	assert_int_equal(pin_pad.escapes, 1);
	hang_and_power_up();
	assert_int_equal(pin_pad.escapes, 2);
	assert_int_equal(fixture.reader->desc.level, DESC_LEVEL_SHORT_APDU);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(pin_pad.escapes, 2);
}

static void one_that_refuses_then_is_taken_as_it_was_made(void **state)
{
	(void)state;
	pretend(0x08E6, 0x3437, 0x0100);
	set("<key>ifdDriverOptions</key><string>2</string>");
	pin_pad_plug(&fixture.device, TPDU_LEVEL | DEVICE_AUTOMATIC, 0);
	pin_pad_will_say(NULL, 0);
	pin_pad_will_fail(CCID_ERROR_HARDWARE);
	begin_opening();
	opened_after(0);
	hang_and_power_up();
	assert_int_equal(pin_pad.escapes, 2);
	assert_int_equal(fixture.reader->desc.level, DESC_LEVEL_TPDU);
}

/* A sanitizer for threads sees whether what the greeting learns is guarded. */
static void another_slot_is_used_while_the_reader_is_greeted_again(void **state)
{
	static const uint8_t command[] = { 0x00, 0xCA, 0x00, 0x00, 0x00 };
	static struct order using, powering;
	uint8_t list[200];
	size_t size;

	(void)state;
	pretend(0x08E6, 0x3437, 0x0100);
	set("<key>ifdDriverOptions</key><string>2</string>");
	pin_pad_plug(&fixture.device, TPDU_LEVEL | DEVICE_AUTOMATIC, 3);
	device_set_slots(&fixture.device, 2, 2);
	device_insert(&fixture.device, 1, 2);
	pin_pad_will_say(NULL, 0);
	pin_pad_will_say((const uint8_t *)"pad", 3);
	pin_pad_will_say(NULL, 0);
	pin_pad_will_say((const uint8_t *)"pad", 3);
	fixture_open();
	assert_int_equal(power_up(1), 0);
	pthread_mutex_lock(&fixture.reader->lock);
	fixture.reader->greeted = false;
	pthread_mutex_unlock(&fixture.reader->lock);
	device_hold(&fixture.device, USB_IN, true);
	order_transmit(&using, 1, command, sizeof(command));
	order_power_up(&powering, 0);
	device_hold(&fixture.device, USB_IN, false);
	assert_int_equal(control(fixture.reader, 1, LIST, NULL, 0, list,
				 sizeof(list), &size), 0);
	stopped_clock_settle();
	assert_int_equal(order_join(&using, NULL), 0);
	assert_int_equal(using.size, 6);
	assert_int_equal(order_join(&powering, NULL), 0);
	assert_int_equal(pin_pad.escapes, 4);
	assert_int_equal(fixture.reader->desc.level, DESC_LEVEL_SHORT_APDU);
}

static void a_reader_is_greeted_again_after_a_sleep(void **state)
{
	(void)state;
	pretend(0x08E6, 0x3437, 0x0100);
	set("<key>ifdDriverOptions</key><string>2</string>");
	pin_pad_plug(&fixture.device, TPDU_LEVEL | DEVICE_AUTOMATIC, 0);
	pin_pad_will_say(NULL, 0);
	pin_pad_will_say(NULL, 0);
	begin_opening();
	opened_after(0);
	stopped_clock_sleep(60000);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(pin_pad.escapes, 2);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, plug, fixture_discard)
		TEST(bad_firmware_is_refused_and_told_how_to_allow_it),
		TEST(the_administrator_may_allow_it),
		TEST(the_table_can_be_switched_off_for_a_reader),
		TEST(what_is_set_for_another_reader_does_not_count),
		TEST(that_a_reader_is_known_is_told),
		TEST(a_status_that_lies_is_not_asked_for_the_truth),
		TEST(other_readers_are_asked),
		TEST(options_are_laid_over_the_descriptor),
		TEST(a_slow_reader_is_left_alone_at_first),
		TEST(a_reader_may_be_given_more_time_to_start),
		TEST(a_reader_is_started_by_power_offs_until_one_succeeds),
		TEST(it_is_not_started_for_ever),
		TEST(a_pin_pad_tells_what_it_takes),
		TEST(a_block_of_another_size_tells_nothing),
		TEST(a_reader_that_does_not_know_the_command_is_used_all_the_same),
		TEST(a_version_tells_that_the_reader_takes_apdus),
		TEST(or_that_its_keys_are_of_no_use),
		TEST(a_version_that_is_none_changes_nothing),
		TEST(a_version_that_is_cut_changes_nothing),
		TEST(a_reader_that_miscounts_its_slots_has_those_that_it_has),
		TEST(apdu_mode_is_for_the_administrator_to_choose),
		TEST(apdu_mode_is_switched_on_by_its_bit),
		TEST(a_reader_that_refuses_apdu_mode_stays_at_its_level),
		TEST(a_reader_is_greeted_again_after_a_reset),
		TEST(one_that_refuses_then_is_taken_as_it_was_made),
		TEST(another_slot_is_used_while_the_reader_is_greeted_again),
		TEST(a_reader_is_greeted_again_after_a_sleep),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
