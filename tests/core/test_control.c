/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "fixture.h"
#include "movement_told.h"
#include "options.h"
#include "pin_pad.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

#define WINDOWS_LIST	0x00313520u
#define PLAIN_ESCAPE	0x42000001u

#define ICC_INTERFACE_STATUS	0x00090301u
#define CURRENT_IFSC		0x00080207u

static void allow_escape(bool allowed)
{
	setenv("CCIDTRACK_ifdDriverOptions", allowed ? "1" : "0", 1);
	options_load();
}

static int plug(void **state)
{
	allow_escape(false);
	return fixture_plug(state);
}

static void a_plain_reader_has_no_pin_features(void **state)
{
	static const uint8_t list[] = { 0x12, 4, 0x42, 0, 0x0A, 0x12 };

	(void)state;
	fixture_open();
	asked_for(LIST, NULL, 0);
	assert_answer(list, sizeof(list));
	asked_for(WINDOWS_LIST, NULL, 0);
	assert_answer(list, sizeof(list));
	asked_for(VERIFY, verify, sizeof(verify));
	assert_failed(-ENOTSUP);
	asked_for(MODIFY, verify, sizeof(verify));
	assert_failed(-ENOTSUP);
	asked_for(PIN_PROPERTIES, NULL, 0);
	assert_failed(-ENOTSUP);
}

static void a_pin_pad_tells_its_features_and_properties(void **state)
{
	static const uint8_t properties[] = { 0, 0, 7, 0 };

	(void)state;
	open_pin_pad(SHORT_LEVEL);
	asked_for(LIST, NULL, 0);
	assert_int_equal(asked.received, 24);
	asked_for(PIN_PROPERTIES, NULL, 0);
	assert_answer(properties, sizeof(properties));
	assert_int_equal(asked_for(PROPERTIES, NULL, 0), 0);
	assert_int_equal(asked.received, 33);
}

static void an_unknown_code_is_not_supported(void **state)
{
	static const uint64_t codes[] = {
		0, 2, 0x42000000, 0xFFFFFFFF, 0x100000000 | LIST, UINT64_MAX,
	};

	(void)state;
	open_pin_pad(SHORT_LEVEL);
	for (size_t i = 0; i < ROWS(codes); i++) {
		asked_for(codes[i], verify, sizeof(verify));
		assert_failed(-ENOTSUP);
	}
}

static void an_answer_that_does_not_fit_is_not_given(void **state)
{
	static const uint32_t codes[] = { LIST, PIN_PROPERTIES, PROPERTIES };

	(void)state;
	open_pin_pad(SHORT_LEVEL);
	for (size_t i = 0; i < ROWS(codes); i++)
		for (size_t room = 0; room < 4; room++) {
			asked_with_room(codes[i], NULL, 0, room);
			assert_failed(-ENOBUFS);
		}
}

/* --- escape */

static const uint32_t escape_codes[] = {
	ESCAPE, PLAIN_ESCAPE, 0x42000DAC, 0x00310004, 0x003136B0,
};

static void escape_is_refused_unless_it_is_allowed(void **state)
{
	static const uint8_t bytes[] = { 0x02 };

	(void)state;
	open_pin_pad(SHORT_LEVEL);
	for (size_t i = 0; i < ROWS(escape_codes); i++) {
		asked_for(escape_codes[i], bytes, sizeof(bytes));
		assert_failed(-ENOTSUP);
	}
	assert_int_equal(pin_pad.escapes, 0);
	allow_escape(true);
	asked_for(ESCAPE, bytes, sizeof(bytes));
	assert_failed(-ENOTSUP);
}

static void escape_is_for_the_administrator_to_allow(void **state)
{
	static const uint8_t bytes[] = { 0x02 };

	(void)state;
	allow_escape(true);
	open_pin_pad(SHORT_LEVEL);
	for (size_t i = 0; i < ROWS(escape_codes); i++) {
		pin_pad_will_say(good, sizeof(good));
		asked_for(escape_codes[i], bytes, sizeof(bytes));
		assert_answer(good, sizeof(good));
	}
	assert_int_equal(pin_pad.type, CCID_ESCAPE);
	assert_int_equal(pin_pad.size, 1);
	asked_for(LIST, NULL, 0);
	assert_int_equal(asked.received, 30);
}

static void escape_works_without_a_card_and_without_a_byte(void **state)
{
	(void)state;
	allow_escape(true);
	open_pin_pad(SHORT_LEVEL);
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	pin_pad_will_say(NULL, 0);
	asked_for(ESCAPE, NULL, 0);
	assert_answer(NULL, 0);
}

static void an_escape_that_fails_gives_nothing(void **state)
{
	static const uint8_t bytes[] = { 1, 2, 3 };
	uint64_t ms;

	(void)state;
	allow_escape(true);
	open_pin_pad(SHORT_LEVEL);
	pin_pad_will_fail(CCID_ERROR_NOT_SUPPORTED);
	asked_for(ESCAPE, bytes, sizeof(bytes));
	assert_failed(-ENOTSUP);
	pin_pad_will_fail(CCID_ERROR_HARDWARE);
	asked_for(ESCAPE, bytes, sizeof(bytes));
	assert_failed(-EIO);
	asked_for(ESCAPE, asked.bytes, 65536);
	assert_failed(-EMSGSIZE);
	pin_pad_will_be_silent();
	ask(ESCAPE, bytes, sizeof(bytes));
	stopped_clock_pass(100000);
	asked_over(&ms);
	assert_failed(-ETIMEDOUT);
	assert_int_equal(ms, 60000);
}

/* It writes to its flash, and hears and says nothing meanwhile. */
static void an_escape_that_takes_long_is_waited_for(void **state)
{
	uint8_t done[CCID_HEADER_SIZE] = { CCID_ESCAPE_REPLY };
	uint64_t ms;

	(void)state;
	allow_escape(true);
	open_pin_pad(SHORT_LEVEL);
	pin_pad_will_be_silent();
	fixture.device.hangs = true;
	ask(ESCAPE, verify, sizeof(verify));
	stopped_clock_pass(8000);
	done[6] = (uint8_t)(fixture.reader->seq - 1);
	device_say(&fixture.device, done, sizeof(done));
	stopped_clock_settle();
	assert_int_equal(asked_over(&ms), 0);
	assert_int_equal(ms, 8000);
	assert_int_equal(fixture.device.script.resets, 0);
	fixture.device.hangs = false;
}

static void an_escape_that_is_never_answered_causes_no_reset(void **state)
{
	uint64_t ms;

	(void)state;
	allow_escape(true);
	open_pin_pad(SHORT_LEVEL);
	fixture.device.hangs = true;
	for (int i = 0; i < 3; i++) {
		pin_pad_will_be_silent();
		ask(ESCAPE, verify, sizeof(verify));
		stopped_clock_pass(100000);
		assert_int_equal(asked_over(&ms), -ETIMEDOUT);
		assert_true(ms <= 63000);
	}
	assert_int_equal(fixture.device.script.resets, 0);
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_PRESENT);
}

static void an_escape_answer_beyond_the_room_is_not_given(void **state)
{
	(void)state;
	allow_escape(true);
	open_pin_pad(SHORT_LEVEL);
	pin_pad_will_say(good, sizeof(good));
	asked_with_room(ESCAPE, NULL, 0, 1);
	assert_failed(-ENOBUFS);
}

/* --- attributes */

static int attribute(uint32_t number, uint8_t value[ATTRIBUTE_MAX])
{
	int r = control_attribute(fixture.reader, 0, number, value);

	stopped_clock_settle();
	return r;
}

static void assert_state(uint8_t presence, uint8_t power)
{
	uint8_t value[ATTRIBUTE_MAX];

	assert_int_equal(attribute(ICC_PRESENCE, value), 1);
	assert_int_equal(value[0], presence);
	assert_int_equal(attribute(ICC_INTERFACE_STATUS, value), 1);
	assert_int_equal(value[0], power);
}

static void presence_and_power_are_told_apart(void **state)
{
	(void)state;
	fixture_open();
	assert_state(0, 0);
	device_insert(&fixture.device, 0, 1);
	stopped_clock_settle();
	assert_state(2, 0);
	power_up(0);
	assert_state(2, 1);
	power_off(0);
	assert_state(2, 0);
	power_up(0);
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	assert_state(0, 0);
}

static void the_atr_goes_with_the_card(void **state)
{
	static const uint32_t tags[] = { 0x00090303, 0x00000303 };
	uint8_t value[ATTRIBUTE_MAX];

	(void)state;
	fixture_open();
	device_insert(&fixture.device, 0, 1);
	stopped_clock_settle();
	power_up(0);
	for (size_t i = 0; i < 2; i++)
		assert_true(attribute(tags[i], value) > 2);
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(attribute(tags[i], value), 0);
}

static void the_session_is_told_while_it_lasts(void **state)
{
	uint8_t value[ATTRIBUTE_MAX];
	uint32_t number;

	(void)state;
	open_t1();
	assert_int_equal(attribute(CURRENT_PROTOCOL, value), 4);
	memcpy(&number, value, 4);
	assert_int_equal(number, 2);
	assert_int_equal(attribute(CURRENT_IFSC, value), 4);
	memcpy(&number, value, 4);
	assert_int_equal(number, 32);
	power_off(0);
	assert_int_equal(attribute(CURRENT_PROTOCOL, value), -ENODATA);
	assert_int_equal(attribute(CURRENT_IFSC, value), -ENODATA);
	power_up(0);
	assert_int_equal(attribute(CURRENT_PROTOCOL, value), -ENODATA);
}

static void the_session_of_a_busy_slot_is_not_looked_at(void **state)
{
	uint8_t value[ATTRIBUTE_MAX];

	(void)state;
	open_pin_pad(SHORT_LEVEL);
	pin_pad_will_be_silent();
	ask(VERIFY, verify, sizeof(verify));
	assert_int_equal(attribute(CURRENT_PROTOCOL, value), -ENODATA);
	assert_state(2, 1);
	stopped_clock_pass(95000);
	asked_over(NULL);
	assert_int_equal(attribute(CURRENT_PROTOCOL, value), 4);
}

static void texts_come_from_the_device(void **state)
{
	uint8_t value[ATTRIBUTE_MAX];

	(void)state;
	fixture.device.script.text[USB_MANUFACTURER] = "ACME";
	fixture.device.script.text[USB_PRODUCT] = "Reader";
	fixture_open();
	assert_int_equal(attribute(0x00010100, value), 5);
	assert_string_equal((char *)value, "ACME");
	assert_int_equal(attribute(0x00010101, value), 7);
	assert_string_equal((char *)value, "Reader");
	assert_int_equal(attribute(0x00010103, value), 0);
}

static void each_text_is_asked_for_once(void **state)
{
	uint8_t value[ATTRIBUTE_MAX];
	unsigned requests;

	(void)state;
	fixture.device.script.text[USB_PRODUCT] = "Reader";
	fixture_open();
	requests = fixture.device.script.requests;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(attribute(0x00010101, value), 7);
		assert_int_equal(attribute(0x00010103, value), 0);
	}
	assert_int_equal(fixture.device.script.requests, requests + 2);
}

static void a_lost_device_has_no_attributes(void **state)
{
	uint8_t value[ATTRIBUTE_MAX];

	(void)state;
	fixture_open();
	script_fail(&fixture.device.script, SCRIPT_REQUEST, 1, -ENODEV);
	assert_int_equal(attribute(0x00010100, value), -ENODEV);
	device_unplug(&fixture.device);
	stopped_clock_pass(1000);
	assert_int_equal(attribute(0x00010102, value), -ENODEV);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, plug, fixture_discard)
		TEST(a_plain_reader_has_no_pin_features),
		TEST(a_pin_pad_tells_its_features_and_properties),
		TEST(an_unknown_code_is_not_supported),
		TEST(an_answer_that_does_not_fit_is_not_given),
		TEST(escape_is_refused_unless_it_is_allowed),
		TEST(escape_is_for_the_administrator_to_allow),
		TEST(escape_works_without_a_card_and_without_a_byte),
		TEST(an_escape_that_fails_gives_nothing),
		TEST(an_escape_that_takes_long_is_waited_for),
		TEST(an_escape_that_is_never_answered_causes_no_reset),
		TEST(an_escape_answer_beyond_the_room_is_not_given),
		TEST(presence_and_power_are_told_apart),
		TEST(the_atr_goes_with_the_card),
		TEST(the_session_is_told_while_it_lasts),
		TEST(the_session_of_a_busy_slot_is_not_looked_at),
		TEST(texts_come_from_the_device),
		TEST(each_text_is_asked_for_once),
		TEST(a_lost_device_has_no_attributes),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
