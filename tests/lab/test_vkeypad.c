/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader's keys and its Escape commands are as README tells. The echo card
 * shows what has reached it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "bench.h"

#define SECURE		0x69
#define ESCAPE		0x6B
#define SIZE		29
#define ANSWER		(10 + 8 + 2)

/* ASCII in a block of 8 of the echo card's 80 10, one to eight digits */
static const uint8_t verify[SIZE] = {
	0x00, 0x01, 0x82, 0x08, 0x00, 0x08, 0x01, 0x02, 0x01, 0x09, 0x04, 0x00,
	0x00, 0x00, 0x00, 0x80, 0x10, 0x00, 0x00, 0x08, 0xFF, 0xFF, 0xFF, 0xFF,
	0xFF, 0xFF, 0xFF, 0xFF, 0x00,
};

static libusb_device_handle *open_pad(const char *options)
{
	libusb_device_handle *handle;

	handle = open_reader("pin=3 extension-interval=0 key-time=1000 "
			     "pin-second=100000");
	say("insert r 0 echo");
	power_on(handle);
	if (options[0])
		say("set r %s", options);
	return handle;
}

static void ask(libusb_device_handle *handle, const void *data, size_t size)
{
	assert_int_equal(command(handle, SECURE, 9, data, size), 0);
}

static void assert_failed(uint8_t error)
{
	assert_int_equal(buffer[7] >> 6, 1);
	assert_int_equal(buffer[8], error);
}

static void what_is_keyed_in_reaches_the_card(void **state)
{
	libusb_device_handle *handle = open_pad("");

	(void)state;
	say("keys r 12b34v");
	ask(handle, verify, SIZE);
	assert_int_equal(reply(handle, 64), ANSWER);
	assert_int_equal(buffer[0], 0x80);
	assert_memory_equal(buffer + 10, "134\xFF\xFF\xFF\xFF\xFF\x90\x00", 10);
	close_reader(handle);
}

static void cancel_and_time_have_their_errors(void **state)
{
	libusb_device_handle *handle = open_pad("");

	(void)state;
	say("keys r 12c");
	ask(handle, verify, SIZE);
	assert_int_equal(reply(handle, 64), 10);
	assert_failed(0xEF);
	say("keys r 12");
	ask(handle, verify, SIZE);
	assert_int_equal(reply(handle, 64), 10);
	assert_failed(0xF0);
	close_reader(handle);
}

static void time_may_be_asked_for_while_the_user_thinks(void **state)
{
	libusb_device_handle *handle = open_pad("extension-interval=10000");

	(void)state;
	ask(handle, verify, SIZE);
	assert_int_equal(reply(handle, 64), 10);
	assert_int_equal(buffer[7] >> 6, 2);
	say("keys r 1v");
	do
		assert_true(reply(handle, 64) >= 10);
	while (buffer[7] >> 6 == 2);
	assert_int_equal(buffer[10], '1');
	close_reader(handle);
}

static void abort_ends_an_entry(void **state)
{
	libusb_device_handle *handle = open_pad("pin-second=0");

	(void)state;
	ask(handle, verify, SIZE);
	assert_int_equal(libusb_control_transfer(handle, 0x21, 1, 9 << 8, 0,
						 NULL, 0, long_wait()), 0);
	assert_int_equal(command(handle, 0x72, 9, NULL, 0), 0);
	assert_int_equal(reply(handle, 64), 10);
	assert_int_equal(buffer[0], 0x81);
	assert_int_equal(buffer[6], 9);
	say("keys r 55v");
	ask(handle, verify, SIZE);
	assert_int_equal(reply(handle, 64), ANSWER);
	assert_memory_equal(buffer + 10, "55\xFF", 3);
	close_reader(handle);
}

static void a_card_that_is_pulled_ends_an_entry(void **state)
{
	libusb_device_handle *handle = open_pad("pin-second=0");

	(void)state;
	ask(handle, verify, SIZE);
	say("remove r 0");
	assert_int_equal(reply(handle, 64), 10);
	assert_failed(0xFE);
	assert_int_equal(buffer[7] & 3, 2);
	close_reader(handle);
}

static void a_wrong_field_is_named_by_its_offset(void **state)
{
	static const struct {
		size_t at;
		uint8_t value, error;
	} rows[] = {
		{ 0, 2, 10 }, { 6, 9, 15 }, { 7, 0, 17 }, { 7, 8, 17 },
		{ 8, 2, 18 }, { 14, 14, 22 },
	};
	libusb_device_handle *handle = open_pad("");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t wrong[SIZE];

		memcpy(wrong, verify, SIZE);
		wrong[rows[i].at] = rows[i].value;
		ask(handle, wrong, SIZE);
		assert_int_equal(reply(handle, 64), 10);
		assert_failed(rows[i].error);
	}
	ask(handle, verify, 18);
	assert_int_equal(reply(handle, 64), 10);
	assert_failed(1);
	close_reader(handle);
}

static void an_escape_says_what_it_was_told_to(void **state)
{
	libusb_device_handle *handle = open_pad("");

	(void)state;
	assert_int_equal(command(handle, ESCAPE, 1, "\x02", 1), 0);
	assert_int_equal(reply(handle, 64), 10);
	assert_failed(0);
	say("escape r 02 answer=414243");
	say("escape r 03 error=5");
	say("escape r any echo time=1000");
	assert_int_equal(command(handle, ESCAPE, 2, "\x02\x07", 2), 0);
	assert_int_equal(reply(handle, 64), 13);
	assert_int_equal(buffer[0], 0x83);
	assert_memory_equal(buffer + 10, "ABC", 3);
	assert_int_equal(command(handle, ESCAPE, 3, "\x03", 1), 0);
	assert_int_equal(reply(handle, 64), 10);
	assert_failed(5);
	assert_int_equal(command(handle, ESCAPE, 4, "xyz", 3), 0);
	assert_int_equal(reply(handle, 64), 13);
	assert_memory_equal(buffer + 10, "xyz", 3);
	close_reader(handle);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_keyed_in_reaches_the_card),
		cmocka_unit_test(cancel_and_time_have_their_errors),
		cmocka_unit_test(time_may_be_asked_for_while_the_user_thinks),
		cmocka_unit_test(abort_ends_an_entry),
		cmocka_unit_test(a_card_that_is_pulled_ends_an_entry),
		cmocka_unit_test(a_wrong_field_is_named_by_its_offset),
		cmocka_unit_test(an_escape_says_what_it_was_told_to),
	};

	(void)argc;
	if (!bench_runs())
		return bench_start(argv);
	return cmocka_run_group_tests(tests, bench_set_up, bench_tear_down);
}
