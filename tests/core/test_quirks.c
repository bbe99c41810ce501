/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a trait of quirk.h changes once the reader is in use; greet.h has those
 * of its opening in test_greet.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "card.h"
#include "clock.h"
#include "control.h"
#include "fixture.h"
#include "options.h"
#include "pin_pad.h"
#include "transmit.h"

#define EMV_MODE	0xBB
#define READER_DIRECT	0x42000A08u

static int plug(void **state)
{
	setenv("CCIDTRACK_options", "/nowhere/at/all", 1);
	options_forget();
	memset(&pin_pad, 0, sizeof(pin_pad));
	return fixture_plug(state);
}

static void pretend(uint16_t vendor, uint16_t product)
{
	fixture.device.script.info.vendor = vendor;
	fixture.device.script.info.product = product;
}

/* With whatever the reader is left alone for. */
static void open_patiently(void)
{
	static struct order opening;

	order_open(&opening, 0);
	stopped_clock_pass(2000);
	assert_int_equal(order_join(&opening, NULL), 0);
}

static void plug_pin_pad(uint32_t level, uint8_t support)
{
	pin_pad_plug(&fixture.device, level | DEVICE_AUTOMATIC, support);
}

static void be_agreed(uint8_t protocol)
{
	assert_int_equal(power_up(0), 0);
	assert_int_equal(card_set_protocol(fixture.reader, 0, protocol), 0);
}

static void set(const char *key, const char *value)
{
	char text[300];

	snprintf(text, sizeof(text), "<plist><dict><key>%s</key><string>%s"
		 "</string></dict></plist>", key, value);
	assert_int_equal(options_take("file", text, strlen(text)), 0);
}

/* --- power */

static void a_reader_in_emv_mode_is_told_to_leave_it(void **state)
{
	(void)state;
	pretend(0x08E6, 0x4433);
	plug_pin_pad(SHORT_LEVEL, 0);
	open_patiently();
	pin_pad_will_say(NULL, 0);
	device_on(&fixture.device, CCID_POWER_ON, DEVICE_FAIL, 0, EMV_MODE);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(pin_pad.escapes, 1);
	assert_memory_equal(pin_pad.bytes, "\x1F\x01", 2);
	assert_int_equal(device_count(&fixture.device, CCID_POWER_ON), 2);
	assert_int_equal(device_count(&fixture.device, CCID_POWER_OFF), 0);
}

static void other_readers_are_told_nothing(void **state)
{
	(void)state;
	plug_pin_pad(SHORT_LEVEL, 0);
	open_patiently();
	device_on(&fixture.device, CCID_POWER_ON, DEVICE_FAIL, 0, EMV_MODE);
	power_up(0);
	assert_int_equal(pin_pad.escapes, 0);
}

static void a_power_off_comes_first_where_it_must(void **state)
{
	(void)state;
	pretend(0x0D46, 0x301D);
	plug_pin_pad(SHORT_LEVEL, 0);
	open_patiently();
	assert_int_equal(power_up(0), 0);
	assert_int_equal(device_count(&fixture.device, CCID_POWER_OFF), 1);
}

static void otherwise_there_is_none(void **state)
{
	(void)state;
	plug_pin_pad(SHORT_LEVEL, 0);
	open_patiently();
	assert_int_equal(power_up(0), 0);
	assert_int_equal(device_count(&fixture.device, CCID_POWER_OFF), 0);
}

/* --- APDUs */

static struct order order;

static void *run_any(void *argument)
{
	static const uint8_t command[] = { 0x00, 0xA4, 0x00, 0x00 };

	(void)argument;
	order.r = transmit(fixture.reader, 0, TRANSMIT_ANY, command,
			   sizeof(command), order.answer,
			   sizeof(order.answer), &order.size);
	return NULL;
}

static void be_silent_for(unsigned seconds, bool still_waits)
{
	plug_pin_pad(TPDU_LEVEL, 0);
	pin_pad.t1 = true;
	open_patiently();
	be_agreed(1);
	for (unsigned i = 0; i < PIN_PAD_REPLIES_MAX; i++)
		pin_pad_will_be_silent();
	call_start(&order.call, run_any, NULL);
	stopped_clock_pass(seconds * 1000);
	assert_int_equal(pin_pad.blocks == 1, still_waits);
	stopped_clock_pass(4000000);
	call_join(&order.call);
	assert_true(order.r < 0);
}

static void a_card_that_makes_keys_is_waited_for(void **state)
{
	(void)state;
	pretend(0x08E6, 0x34D2);
	be_silent_for(300, true);
}

static void other_cards_are_not_waited_for_so_long(void **state)
{
	(void)state;
	be_silent_for(300, false);
}

static void a_card_that_is_known_to_be_slow_has_its_time(void **state)
{
	static const struct pin_pad_reply atr = {
		.size = 20,
		.bytes = { 0x3B, 0xFA, 0x13, 0x00, 0xFF, 0x81, 0x31, 0x80, 0x45,
			   0x00, 0x31, 0xC1, 0x73, 0xC0, 0x01, 0x00, 0x00, 0x90,
			   0x00, 0xB1 },
	};

	(void)state;
	plug_pin_pad(TPDU_LEVEL, 0);
	pin_pad.t1 = true;
	pin_pad.atr = &atr;
	open_patiently();
	be_agreed(1);
	assert_int_equal(fixture.reader->slot[0].session.params.times.bwi, 7);
}

static void the_driver_answers_for_a_reader_whose_clients_ask_it(void **state)
{
	static const uint8_t who[] = { 0xFF, 0x9A, 0x01, 0x03, 0x00 };

	(void)state;
	pretend(0x0D46, 0x301D);
	fixture.device.script.text[USB_PRODUCT] = "Token";
	plug_pin_pad(SHORT_LEVEL, 0);
	open_patiently();
	be_agreed(0);
	order_transmit(&order, 0, who, sizeof(who));
	assert_int_equal(order_join(&order, NULL), 0);
	assert_int_equal(order.size, 7);
	assert_memory_equal(order.answer, "Token\x90\x00", 7);
	assert_int_equal(fixture.device.blocks_to_cards, 0);
}

static void nobody_answers_for_a_reader_that_has_gone(void **state)
{
	static const uint8_t who[] = { 0xFF, 0x9A, 0x01, 0x01, 0x00 };

	(void)state;
	pretend(0x0D46, 0x301D);
	plug_pin_pad(SHORT_LEVEL, 0);
	open_patiently();
	be_agreed(0);
	script_lock(&fixture.device.script);
	script_unplug(&fixture.device.script);
	script_unlock(&fixture.device.script);
	order_transmit(&order, 0, who, sizeof(who));
	assert_int_equal(order_join(&order, NULL), -ENODEV);
}

static void with_other_readers_the_card_is_asked(void **state)
{
	static const uint8_t who[] = { 0xFF, 0x9A, 0x01, 0x03, 0x00 };

	(void)state;
	plug_pin_pad(SHORT_LEVEL, 0);
	open_patiently();
	be_agreed(0);
	order_transmit(&order, 0, who, sizeof(who));
	assert_int_equal(order_join(&order, NULL), 0);
	assert_int_equal(fixture.device.blocks_to_cards, 1);
}

/* --- vendor commands */

static void some_escapes_are_for_everybody(void **state)
{
	(void)state;
	pretend(0x08E6, 0x3437);
	plug_pin_pad(SHORT_LEVEL, 0);
	open_patiently();
	pin_pad_will_say(good, sizeof(good));
	asked_for(ESCAPE, (const uint8_t *)"\x02", 1);
	assert_answer(good, sizeof(good));
	asked_for(ESCAPE, (const uint8_t *)"\x03", 1);
	assert_failed(-ENOTSUP);
	assert_int_equal(pin_pad.escapes, 1);
}

static void the_firmware_text_is_asked_for_once(void **state)
{
	(void)state;
	pretend(0x08E6, 0x3437);
	plug_pin_pad(SHORT_LEVEL, 0);
	open_patiently();
	pin_pad_will_say((const uint8_t *)"GX-1.05", 7);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(asked_for(PROPERTIES, NULL, 0), 0);
		assert_non_null(memmem(asked.answer, asked.received,
				       "\x08\x07GX-1.05", 9));
	}
	assert_int_equal(pin_pad.escapes, 1);
}

static void a_reader_without_such_a_text_is_asked_once_as_well(void **state)
{
	(void)state;
	pretend(0x08E6, 0x3437);
	plug_pin_pad(SHORT_LEVEL, 0);
	open_patiently();
	pin_pad_will_fail(CCID_ERROR_NOT_SUPPORTED);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(asked_for(PROPERTIES, NULL, 0), 0);
		assert_non_null(memmem(asked.answer, asked.received,
				       "\x08\x04" "1.00", 6));
	}
	assert_int_equal(pin_pad.escapes, 1);
}

static void a_secure_terminal_gets_its_own_commands_and_no_others(void **state)
{
	static const uint8_t command[] = { 0x20, 0x70, 0x00, 0x00, 0x00 };
	static const uint8_t other[] = { 0x00, 0xA4, 0x00, 0x00 };

	(void)state;
	pretend(0x0D46, 0x4289);
	plug_pin_pad(SHORT_LEVEL, 0);
	open_patiently();
	pin_pad_will_say(good, sizeof(good));
	asked_for(READER_DIRECT, command, sizeof(command));
	assert_answer(good, sizeof(good));
	assert_int_equal(pin_pad.type, CCID_ESCAPE);
	assert_memory_equal(pin_pad.bytes, command, sizeof(command));
	asked_for(READER_DIRECT, other, sizeof(other));
	assert_failed(-ENOTSUP);
	assert_int_equal(pin_pad.escapes, 1);
}

/* --- PIN pads */

static void an_empty_display_is_filled_at_open(void **state)
{
	(void)state;
	pretend(0x0982, 0x0008);
	plug_pin_pad(SHORT_LEVEL, 3);
	pin_pad_will_say(NULL, 0);
	open_patiently();
	assert_int_equal(pin_pad.escapes, 1);
	assert_int_equal(pin_pad.size, 165);
	assert_memory_equal(pin_pad.bytes, "\xB2\xA0\x00\x4D\x4C", 5);
}

static void a_pin_pad_may_be_kept_from_asking_the_card(void **state)
{
	(void)state;
	pretend(0x08E6, 0x3478);
	set("ifdDriverOptions", "0x40");
	plug_pin_pad(SHORT_LEVEL, 3);
	for (unsigned i = 0; i < 3; i++)
		pin_pad_will_say(NULL, 0);
	open_patiently();
	assert_int_equal(pin_pad.escapes, 3);
	assert_int_equal(pin_pad.size, 2);
	assert_memory_equal(pin_pad.bytes, "\xB5\x00", 2);
}

static void another_one_has_a_switch_of_its_own_for_that(void **state)
{
	(void)state;
	pretend(0x0982, 0x0008);
	set("ifdDriverOptions", "0x40");
	plug_pin_pad(SHORT_LEVEL, 3);
	for (unsigned i = 0; i < 3; i++)
		pin_pad_will_say(NULL, 0);
	open_patiently();
	assert_int_equal(pin_pad.escapes, 3);
	assert_int_equal(pin_pad.size, 5);
	assert_memory_equal(pin_pad.bytes, "\xB5\x01\x00\x03\x00", 5);
}

static void a_pin_is_wanted_when_the_last_key_is_up_again(void **state)
{
	(void)state;
	pretend(0x413C, 0x2101);
	plug_pin_pad(SHORT_LEVEL, 3);
	open_patiently();
	be_agreed(0);
	pin_pad_will_say(good, sizeof(good));
	ask(VERIFY, verify, sizeof(verify));
	stopped_clock_pass(249);
	assert_int_equal(pin_pad.secures, 0);
	stopped_clock_pass(1);
	asked_over(NULL);
	assert_answer(good, sizeof(good));
	assert_int_equal(pin_pad.secures, 1);
	assert_int_equal(pin_pad.bytes[8], 0);
}

static const uint8_t bare[] = {
	0x1E, 0x00, 0x82, 0x00, 0x00, 0x08, 0x04, 0x02, 0x01, 0x09, 0x04, 0x00,
	0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x20, 0x00, 0x81,
};

static void be_agreed_where_bare_commands_are_announced(void)
{
	pretend(0x04E6, 0xE003);
	fixture.device.script.info.device_version = 0x0510;
	plug_pin_pad(SHORT_LEVEL, 3);
	open_patiently();
	be_agreed(0);
}

static void a_bare_command_is_announced(void **state)
{
	(void)state;
	be_agreed_where_bare_commands_are_announced();
	pin_pad_will_say(NULL, 0);
	pin_pad_will_say(good, sizeof(good));
	asked_for(VERIFY, bare, sizeof(bare));
	assert_answer(good, sizeof(good));
	assert_int_equal(pin_pad.escapes, 1);
	assert_int_equal(pin_pad.secures, 1);
	pin_pad_will_say(good, sizeof(good));
	asked_for(VERIFY, verify, sizeof(verify));
	assert_int_equal(pin_pad.escapes, 1);
}

static void where_that_is_refused_no_pin_is_asked_for(void **state)
{
	(void)state;
	be_agreed_where_bare_commands_are_announced();
	pin_pad_will_fail(CCID_ERROR_NOT_SUPPORTED);
	asked_for(VERIFY, bare, sizeof(bare));
	assert_true(asked.r < 0);
	assert_int_equal(pin_pad.escapes, 1);
	assert_int_equal(pin_pad.secures, 0);
}

static void how_many_digits_it_takes_is_told(void **state)
{
	(void)state;
	pretend(0x076B, 0x3821);
	plug_pin_pad(SHORT_LEVEL, 3);
	open_patiently();
	asked_for(PROPERTIES, NULL, 0);
	assert_non_null(memmem(asked.answer, asked.received,
			       "\x06\x01\x01\x07\x01\x1F", 6));
}

static void each_slot_works_at_its_own_level(void **state)
{
	static const uint8_t extended[7] = { 0x00, 0xCA, 0x00, 0x00, 0x00 };

	(void)state;
	pretend(0x072F, 0x2224);
	device_set_features(&fixture.device, EXTENDED_LEVEL | DEVICE_AUTOMATIC);
	open_ready(3, 1);
	for (unsigned i = 0; i < 3; i++) {
		order_transmit(&order, i, extended, sizeof(extended));
		stopped_clock_pass(1000);
		order_join(&order, NULL);
		assert_int_equal(order.r == 0, i == 1);
	}
}

static void a_pin_pad_that_tells_the_pin_is_not_offered(void **state)
{
	(void)state;
	pretend(0x03F0, 0x1024);
	plug_pin_pad(SHORT_LEVEL, 3);
	open_patiently();
	be_agreed(0);
	asked_for(VERIFY, verify, sizeof(verify));
	assert_failed(-ENOTSUP);
	assert_int_equal(pin_pad.secures, 0);
}

static void it_is_if_the_administrator_knows_better(void **state)
{
	(void)state;
	pretend(0x03F0, 0x1024);
	set("ifdQuirks", "0");
	plug_pin_pad(SHORT_LEVEL, 3);
	open_patiently();
	be_agreed(0);
	pin_pad_will_say(good, sizeof(good));
	asked_for(VERIFY, verify, sizeof(verify));
	assert_answer(good, sizeof(good));
}

/* --- USB */

#define WRITES_MAX	8

static struct {
	size_t size[WRITES_MAX];
	uint64_t ms[WRITES_MAX];
	unsigned writes;
	uint8_t bytes[600];
	size_t had;
	void (*command)(struct script *script, const uint8_t *bytes,
			size_t size);
} writes;

/* A command is what its header tells, in whatever pieces it comes. */
static void take_piece(struct script *script, const uint8_t *bytes,
		       size_t size)
{
	size_t whole;

	writes.size[writes.writes % WRITES_MAX] = size;
	writes.ms[writes.writes++ % WRITES_MAX] = clock_now();
	memcpy(writes.bytes + writes.had, bytes, size);
	writes.had += size;
	whole = CCID_HEADER_SIZE + get_le32(writes.bytes + 1);
	if (writes.had < whole)
		return;
	writes.had = 0;
	writes.command(script, writes.bytes, whole);
}

static const uint8_t update[5 + 150] = { 0x00, 0xD6, 0x00, 0x00, 150 };

/* An APDU of three packets. */
static int send_update(void)
{
	writes.writes = 0;
	order_transmit(&order, 0, update, sizeof(update));
	stopped_clock_pass(100);
	return order_join(&order, NULL);
}

static void open_for_pieces(void)
{
	memset(&writes, 0, sizeof(writes));
	writes.command = fixture.device.script.command;
	fixture.device.script.command = take_piece;
	device_insert(&fixture.device, 0, 1);
	open_patiently();
	be_agreed(0);
}

static void a_reader_gets_its_packets_with_pauses_between(void **state)
{
	(void)state;
	pretend(0x072F, 0x8201);
	open_for_pieces();
	assert_int_equal(send_update(), 0);
	assert_int_equal(order.size, 6);
	assert_int_equal(writes.writes, 3);
	assert_int_equal(writes.size[0], 64);
	assert_int_equal(writes.size[1], 64);
	assert_int_equal(writes.size[2], CCID_HEADER_SIZE + 155 - 128);
	assert_int_equal(writes.ms[1] - writes.ms[0], 10);
	assert_int_equal(writes.ms[2] - writes.ms[1], 10);
	assert_int_equal(transmit_serial(0), 1);
}

static void others_get_a_command_at_once(void **state)
{
	(void)state;
	open_for_pieces();
	assert_int_equal(send_update(), 0);
	assert_int_equal(writes.writes, 1);
	assert_int_equal(writes.size[0], CCID_HEADER_SIZE + 155);
}

static void a_card_pulled_in_such_a_pause_ends_the_command(void **state)
{
	uint64_t ms;

	(void)state;
	pretend(0x072F, 0x8201);
	open_for_pieces();
	order_transmit(&order, 0, update, sizeof(update));
	device_remove(&fixture.device, 0);
	stopped_clock_pass(2000);
	assert_true(order_join(&order, &ms) < 0);
	assert_true(ms <= 1000);
	device_insert(&fixture.device, 0, 2);
	stopped_clock_pass(1000);
	be_agreed(0);
	assert_int_equal(transmit_serial(0), 2);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, plug, fixture_discard)
		TEST(a_reader_in_emv_mode_is_told_to_leave_it),
		TEST(other_readers_are_told_nothing),
		TEST(a_power_off_comes_first_where_it_must),
		TEST(otherwise_there_is_none),
		TEST(a_card_that_makes_keys_is_waited_for),
		TEST(other_cards_are_not_waited_for_so_long),
		TEST(a_card_that_is_known_to_be_slow_has_its_time),
		TEST(the_driver_answers_for_a_reader_whose_clients_ask_it),
		TEST(nobody_answers_for_a_reader_that_has_gone),
		TEST(with_other_readers_the_card_is_asked),
		TEST(some_escapes_are_for_everybody),
		TEST(the_firmware_text_is_asked_for_once),
		TEST(a_reader_without_such_a_text_is_asked_once_as_well),
		TEST(a_secure_terminal_gets_its_own_commands_and_no_others),
		TEST(an_empty_display_is_filled_at_open),
		TEST(a_pin_pad_may_be_kept_from_asking_the_card),
		TEST(another_one_has_a_switch_of_its_own_for_that),
		TEST(a_pin_is_wanted_when_the_last_key_is_up_again),
		TEST(a_bare_command_is_announced),
		TEST(where_that_is_refused_no_pin_is_asked_for),
		TEST(how_many_digits_it_takes_is_told),
		TEST(a_reader_gets_its_packets_with_pauses_between),
		TEST(others_get_a_command_at_once),
		TEST(a_card_pulled_in_such_a_pause_ends_the_command),
		TEST(each_slot_works_at_its_own_level),
		TEST(a_pin_pad_that_tells_the_pin_is_not_offered),
		TEST(it_is_if_the_administrator_knows_better),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
