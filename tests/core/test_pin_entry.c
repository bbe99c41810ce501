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

#include "card.h"
#include "bytes.h"
#include "fixture.h"
#include "options.h"
#include "pin_pad.h"
#include "transmit.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

static const uint8_t verify_secure[] = {
	0x00, 0x1E, 0x82, 0x08, 0x00, 0x08, 0x04, 0x02, 0x01, 0x09, 0x04,
	0x00, 0x00, 0x00, 0x00,
	0x00, 0x20, 0x00, 0x81, 0x00,
};

static void a_pin_goes_from_the_keys_to_the_card(void **state)
{
	static const uint32_t levels[] = {
		SHORT_LEVEL, EXTENDED_LEVEL, TPDU_LEVEL,
	};
	static const uint8_t zeros[3];

	(void)state;
	for (size_t i = 0; i < ROWS(levels); i++) {
		open_pin_pad(levels[i]);
		pin_pad_will_say(good, sizeof(good));
		asked_for(VERIFY, verify, sizeof(verify));
		assert_answer(good, sizeof(good));
		assert_int_equal(pin_pad.type, CCID_SECURE);
		assert_int_equal(pin_pad.size, sizeof(verify_secure));
		assert_memory_equal(pin_pad.bytes, verify_secure,
				    sizeof(verify_secure));
		assert_memory_equal(pin_pad.parameters, zeros, 3);
		assert_int_equal(transmit_serial(0), 1);
		fixture_discard(NULL);
		fixture_plug(NULL);
	}
}

static void a_pin_is_changed(void **state)
{
	static const uint8_t modify[] = {
		0x1E, 0x00, 0x82, 0x08, 0x00, 0x00, 0x08, 0x08, 0x04, 0x03,
		0x02, 0x00, 0x09, 0x04, 0x10, 0x11, 0x12, 0x00, 0x00, 0x00,
		0x05, 0x00, 0x00, 0x00, 0x00, 0x24, 0x00, 0x81, 0x00,
	};
	static const uint8_t modify_secure[] = {
		0x01, 0x1E, 0x82, 0x08, 0x00, 0x00, 0x08, 0x08, 0x04, 0x03,
		0x02, 0x00, 0x09, 0x04, 0x10, 0x00, 0x00, 0x00, 0x00, 0x24,
		0x00, 0x81, 0x00,
	};

	(void)state;
	open_pin_pad(SHORT_LEVEL);
	pin_pad_will_say(good, sizeof(good));
	asked_for(MODIFY, modify, sizeof(modify));
	assert_answer(good, sizeof(good));
	assert_int_equal(pin_pad.size, sizeof(modify_secure));
	assert_memory_equal(pin_pad.bytes, modify_secure,
			    sizeof(modify_secure));
}

static void a_wrong_pin_is_the_cards_to_tell(void **state)
{
	static const uint8_t two_left[] = { 0x63, 0xC2 };

	(void)state;
	open_pin_pad(SHORT_LEVEL);
	pin_pad_will_say(two_left, sizeof(two_left));
	asked_for(VERIFY, verify, sizeof(verify));
	assert_answer(two_left, sizeof(two_left));
}

static void a_malformed_structure_causes_no_traffic(void **state)
{
	uint8_t bytes[sizeof(verify)];
	unsigned before;

	(void)state;
	open_pin_pad(SHORT_LEVEL);
	before = fixture.device.script.submitted[USB_OUT];
	for (size_t size = 0; size < sizeof(verify); size++) {
		asked_for(VERIFY, verify, size);
		assert_failed(-ENOTSUP);
	}
	memcpy(bytes, verify, sizeof(verify));
	put_le32(bytes + 15, 0xFFFFFFFF);
	asked_for(VERIFY, bytes, sizeof(bytes));
	assert_failed(-ENOTSUP);
	asked_for(MODIFY, verify, sizeof(verify));
	assert_failed(-ENOTSUP);
	assert_int_equal(fixture.device.script.submitted[USB_OUT], before);
}

static void no_pin_is_asked_for_without_room_for_the_answer(void **state)
{
	(void)state;
	open_pin_pad(SHORT_LEVEL);
	for (size_t room = 0; room < 2; room++) {
		asked_with_room(VERIFY, verify, sizeof(verify), room);
		assert_failed(-ENOBUFS);
	}
	assert_int_equal(pin_pad.secures, 0);
}

static void no_pin_is_asked_for_without_a_card(void **state)
{
	(void)state;
	open_pin_pad(SHORT_LEVEL);
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	asked_for(VERIFY, verify, sizeof(verify));
	assert_failed(-ENOMEDIUM);
	assert_int_equal(pin_pad.secures, 0);
}

static void no_pin_is_asked_for_before_a_protocol_is_agreed_on(void **state)
{
	(void)state;
	pin_pad_plug(&fixture.device, SHORT_LEVEL | DEVICE_AUTOMATIC, 1);
	fixture_open();
	asked_for(VERIFY, verify, sizeof(verify));
	assert_failed(-ESTALE);
	assert_int_equal(power_up(0), 0);
	asked_for(VERIFY, verify, sizeof(verify));
	assert_failed(-EPROTO);
	assert_int_equal(pin_pad.secures, 0);
}

static void a_user_who_gives_no_pin_is_a_status_word(void **state)
{
	static const uint8_t timeout[] = { 0x64, 0x00 };
	static const uint8_t cancelled[] = { 0x64, 0x01 };
	static const uint32_t levels[] = { SHORT_LEVEL, TPDU_LEVEL };

	(void)state;
	for (size_t i = 0; i < ROWS(levels); i++) {
		open_pin_pad(levels[i]);
		pin_pad_will_fail(CCID_ERROR_PIN_TIMEOUT);
		asked_for(VERIFY, verify, sizeof(verify));
		assert_answer(timeout, sizeof(timeout));
		pin_pad_will_fail(CCID_ERROR_PIN_CANCELLED);
		asked_for(VERIFY, verify, sizeof(verify));
		assert_answer(cancelled, sizeof(cancelled));
		assert_int_equal(transmit_serial(0), 1);
		fixture_discard(NULL);
		fixture_plug(NULL);
	}
}

static void a_failure_leaves_the_card_in_use_unless_it_is_silence(void **state)
{
	static const uint8_t errors[] = {
		CCID_ERROR_PARITY, CCID_ERROR_HARDWARE,
		CCID_ERROR_PROCEDURE_BYTE,
	};

	(void)state;
	open_pin_pad(TPDU_LEVEL);
	for (size_t i = 0; i < ROWS(errors); i++) {
		pin_pad_will_fail(errors[i]);
		asked_for(VERIFY, verify, sizeof(verify));
		assert_failed(-EIO);
		assert_int_equal(transmit_serial(0), 1);
	}
}

static void a_refusal_of_the_reader_leaves_the_card_in_use(void **state)
{
	(void)state;
	open_pin_pad(TPDU_LEVEL);
	pin_pad_will_fail(CCID_ERROR_NOT_SUPPORTED);
	asked_for(VERIFY, verify, sizeof(verify));
	assert_failed(-ENOTSUP);
	pin_pad_will_fail(21);
	asked_for(VERIFY, verify, sizeof(verify));
	assert_failed(-EIO);
	assert_int_equal(transmit_serial(0), 1);
}

/*
 * At TPDU level it may wait for the rest of the PIN, and would take the next
 * command for that: which costs one of its tries.
 */
static void a_card_that_fell_silent_has_to_be_powered_up_again(void **state)
{
	(void)state;
	open_pin_pad(TPDU_LEVEL);
	pin_pad_will_fail(CCID_ERROR_MUTE);
	asked_for(VERIFY, verify, sizeof(verify));
	assert_failed(-ETIMEDOUT);
	assert_int_equal(transmit_serial(0), 0);
	be_ready(0, 1);
}

static void another_card_that_came_unseen_is_not_taken_for_it(void **state)
{
	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	open_pin_pad(TPDU_LEVEL);
	pin_pad_will_fail(CCID_ERROR_MUTE);
	asked_for(VERIFY, verify, sizeof(verify));
	assert_failed(-ETIMEDOUT);
	device_swap(&fixture.device, 0, 2);
	assert_int_equal(card_set_protocol(fixture.reader, 0, 0), -ESTALE);
	assert_int_equal(transmit_serial(0), 0);
	be_ready(0, 2);
}

static void an_answer_that_cannot_be_one_is_an_error(void **state)
{
	static const uint8_t long_answer[300] = { 1 };

	(void)state;
	open_pin_pad(SHORT_LEVEL);
	pin_pad_will_say(good, 1);
	asked_for(VERIFY, verify, sizeof(verify));
	assert_failed(-EPROTO);
	pin_pad_will_say(good, 2)->chain = CCID_CHAIN_BEGIN;
	asked_for(VERIFY, verify, sizeof(verify));
	assert_failed(-EPROTO);
	pin_pad_will_fail(CCID_ERROR_HARDWARE);
	asked_for(VERIFY, verify, sizeof(verify));
	assert_failed(-EIO);
	fixture_discard(NULL);
	fixture_plug(NULL);
	device_set_message(&fixture.device, 600);
	open_pin_pad(EXTENDED_LEVEL);
	pin_pad_will_say(long_answer, sizeof(long_answer));
	asked_for(VERIFY, verify, sizeof(verify));
	assert_failed(-ENOBUFS);
}

static void a_user_has_ninety_seconds(void **state)
{
	uint64_t ms;

	(void)state;
	open_pin_pad(SHORT_LEVEL);
	pin_pad_will_be_silent();
	ask(VERIFY, verify, sizeof(verify));
	stopped_clock_pass(89999);
	assert_false(call_is_over(&asked.call));
	stopped_clock_pass(5000);
	assert_int_equal(asked_over(&ms), -ETIMEDOUT);
	assert_failed(-ETIMEDOUT);
	assert_int_equal(ms, 90000);
	assert_int_equal(device_count(&fixture.device, CCID_ABORT), 1);
	assert_int_equal(transmit_serial(0), 1);
}

static void press_key(void)
{
	uint8_t extension[CCID_HEADER_SIZE] = { CCID_DATA_BLOCK };

	script_lock(&fixture.device.script);
	extension[6] = (uint8_t)(fixture.reader->seq - 1);
	extension[7] = 0x80;
	extension[8] = 1;
	script_put(&fixture.device.script, USB_IN, 0, extension,
		   sizeof(extension), 0);
	script_unlock(&fixture.device.script);
	stopped_clock_settle();
}

static void each_key_gives_more_time_up_to_five_minutes(void **state)
{
	uint64_t ms;

	(void)state;
	open_pin_pad(SHORT_LEVEL);
	pin_pad_will_be_silent();
	ask(VERIFY, verify, sizeof(verify));
	for (unsigned i = 0; i < 5; i++) {
		stopped_clock_pass(59000);
		assert_false(call_is_over(&asked.call));
		press_key();
	}
	stopped_clock_pass(4999);
	assert_false(call_is_over(&asked.call));
	stopped_clock_pass(5000);
	assert_int_equal(asked_over(&ms), -ETIMEDOUT);
	assert_int_equal(ms, 300000);
}

static void keys_before_the_answer_are_followed(void **state)
{
	(void)state;
	open_pin_pad(SHORT_LEVEL);
	pin_pad_will_say(good, sizeof(good))->keys = 30;
	asked_for(VERIFY, verify, sizeof(verify));
	assert_answer(good, sizeof(good));
}

static void a_card_that_is_pulled_ends_the_entry(void **state)
{
	uint64_t ms;

	(void)state;
	open_pin_pad(SHORT_LEVEL);
	pin_pad_will_be_silent();
	ask(VERIFY, verify, sizeof(verify));
	stopped_clock_pass(10000);
	device_remove(&fixture.device, 0);
	stopped_clock_pass(3000);
	asked_over(&ms);
	assert_failed(-ENOMEDIUM);
	assert_int_equal(ms, 10500);
}

/* The reply is the first to say so. */
static void a_reply_of_an_empty_slot_is_no_answer(void **state)
{
	(void)state;
	for (int fails = 0; fails < 2; fails++) {
		open_pin_pad(SHORT_LEVEL);
		device_hold(&fixture.device, USB_INTERRUPT, true);
		device_hold(&fixture.device, USB_IN, true);
		if (fails)
			pin_pad_will_fail(CCID_ERROR_PIN_CANCELLED);
		else
			pin_pad_will_say(good, sizeof(good));
		ask(VERIFY, verify, sizeof(verify));
		script_lock(&fixture.device.script);
		fixture.device.script.pipe[USB_IN].message->bytes[7] |= 2;
		script_unlock(&fixture.device.script);
		device_remove(&fixture.device, 0);
		device_hold(&fixture.device, USB_IN, false);
		stopped_clock_pass(1000);
		asked_over(NULL);
		assert_failed(-ENOMEDIUM);
		fixture_discard(NULL);
		fixture_plug(NULL);
	}
}

static void the_end_of_the_slot_ends_the_entry(void **state)
{
	(void)state;
	open_pin_pad(SHORT_LEVEL);
	pin_pad_will_be_silent();
	ask(VERIFY, verify, sizeof(verify));
	reader_end_slot(fixture.reader, 0);
	stopped_clock_pass(2000);
	asked_over(NULL);
	assert_failed(-ENODEV);
}

static void the_loss_of_the_device_ends_the_entry(void **state)
{
	(void)state;
	open_pin_pad(SHORT_LEVEL);
	pin_pad_will_be_silent();
	ask(VERIFY, verify, sizeof(verify));
	device_unplug(&fixture.device);
	stopped_clock_pass(1000);
	asked_over(NULL);
	assert_failed(-ENODEV);
	asked_for(LIST, NULL, 0);
	assert_failed(-ENODEV);
}

/* The transfers' buffers are looked at when the reader is closed. */
static void nothing_of_it_stays_in_a_buffer(void **state)
{
	(void)state;
	open_pin_pad(SHORT_LEVEL);
	pin_pad_will_say(good, sizeof(good));
	asked_for(VERIFY, verify, sizeof(verify));
	fixture_close();
	assert_false(fixture.device.script.left_unwiped);
}

static void nothing_of_it_is_logged(void **state)
{
	static const char *const texts[] = { "81", "0x", "9000", "90 00" };

	(void)state;
	setenv("CCIDTRACK_ifdLogLevel", "15", 1);
	options_load();
	open_pin_pad(SHORT_LEVEL);
	log_forget();
	pin_pad_will_say(good, sizeof(good));
	asked_for(VERIFY, verify, sizeof(verify));
	unsetenv("CCIDTRACK_ifdLogLevel");
	options_load();
	assert_true(log_count("command 69") == 1);
	for (size_t i = 0; i < ROWS(texts); i++)
		assert_int_equal(log_count(texts[i]), 0);
}

/* --- T=1 at TPDU level */

static void the_reader_gets_the_prologue_of_its_block(void **state)
{
	static const uint8_t first[] = { 0x00, 0x00, 0x05 };
	static const uint8_t second[] = { 0x00, 0x40, 0x05 };

	(void)state;
	open_t1();
	card_will_say(0x00, good, 2);
	asked_for(VERIFY, verify, sizeof(verify));
	assert_answer(good, sizeof(good));
	assert_memory_equal(pin_pad.bytes + 12, first, 3);
	card_will_say(0x40, good, 2);
	asked_for(VERIFY, verify, sizeof(verify));
	assert_answer(good, sizeof(good));
	assert_memory_equal(pin_pad.bytes + 12, second, 3);
	assert_int_equal(pin_pad.blocks, 0);
}

static void the_card_gets_more_time_if_it_asks(void **state)
{
	static const uint8_t two[] = { 2 };
	static const uint8_t response[] = { 0x00, 0xE3, 0x01, 0x02, 0xE0 };

	(void)state;
	open_t1();
	card_will_say(0xC3, two, 1);
	card_will_say(0x00, good, 2);
	asked_for(VERIFY, verify, sizeof(verify));
	assert_answer(good, sizeof(good));
	assert_int_equal(pin_pad.blocks, 1);
	assert_int_equal(pin_pad.parameters[0], 2);
	assert_int_equal(pin_pad.size, sizeof(response));
	assert_memory_equal(pin_pad.bytes, response, sizeof(response));
}

static int transmit_t1_for(uint8_t pcb, size_t answer_size)
{
	static const uint8_t command[] = { 0x00, 0xA4, 0x00, 0x00 };
	uint8_t answer[258];
	size_t size;
	int r;

	card_will_say(pcb, good, answer_size);
	r = transmit(fixture.reader, 0, 1, command, sizeof(command), answer,
		     sizeof(answer), &size);
	stopped_clock_settle();
	return r;
}

static int transmit_t1(uint8_t pcb)
{
	return transmit_t1_for(pcb, 2);
}

static void a_block_without_a_status_is_no_answer(void **state)
{
	(void)state;
	open_t1();
	assert_int_equal(transmit_t1_for(0x00, 0), -EPROTO);
	assert_int_equal(transmit_t1_for(0x40, 1), -EPROTO);
	assert_int_equal(transmit_t1_for(0x00, 2), 0);
}

static void blocks_are_counted_on_through_an_entry(void **state)
{
	(void)state;
	open_t1();
	assert_int_equal(transmit_t1(0x00), 0);
	assert_int_equal(pin_pad.bytes[1], 0x00);
	card_will_say(0x40, good, 2);
	asked_for(VERIFY, verify, sizeof(verify));
	assert_answer(good, sizeof(good));
	assert_int_equal(transmit_t1(0x00), 0);
	assert_int_equal(pin_pad.bytes[1], 0x00);
}

static void an_entry_without_a_pin_uses_no_block_up(void **state)
{
	static const uint8_t cancelled[] = { 0x64, 0x01 };

	(void)state;
	open_t1();
	pin_pad_will_fail(CCID_ERROR_PIN_CANCELLED);
	asked_for(VERIFY, verify, sizeof(verify));
	assert_answer(cancelled, sizeof(cancelled));
	assert_int_equal(transmit_t1(0x00), 0);
	assert_int_equal(pin_pad.bytes[1], 0x00);
}

static void a_status_of_the_readers_own_is_no_block(void **state)
{
	static const uint8_t differ[] = { 0x64, 0x02 };

	(void)state;
	open_t1();
	pin_pad_will_say(differ, sizeof(differ));
	asked_for(VERIFY, verify, sizeof(verify));
	assert_answer(differ, sizeof(differ));
	assert_int_equal(pin_pad.blocks, 0);
	assert_int_equal(transmit_t1(0x00), 0);
	assert_int_equal(pin_pad.bytes[1], 0x00);
}

static void a_block_that_was_lost_costs_the_card_its_power(void **state)
{
	(void)state;
	open_t1();
	card_will_say(0x81, NULL, 0);
	asked_for(VERIFY, verify, sizeof(verify));
	assert_failed(-EIO);
	assert_int_equal(transmit_t1(0x00), -ESTALE);
	assert_int_equal(power_up(0), 0);
	pin_pad.replied = pin_pad.replies;
	assert_int_equal(transmit_t1(0x00), -ESTALE);
	assert_int_equal(card_set_protocol(fixture.reader, 0, 1), 0);
	assert_int_equal(transmit_t1(0x00), 0);
}

static void lose_a_block(void)
{
	open_t1();
	card_will_say(0x81, NULL, 0);
	asked_for(VERIFY, verify, sizeof(verify));
	assert_failed(-EIO);
	pin_pad.replied = pin_pad.replies;
}

/* A client that connects to a powered card does no more than that. */
static void a_card_that_lost_a_block_is_reset_as_the_protocol_is_set(
	void **state)
{
	(void)state;
	lose_a_block();
	assert_int_equal(card_set_protocol(fixture.reader, 0, 1), 0);
	assert_int_equal(transmit_t1(0x00), 0);
}

static void it_is_not_if_it_is_another_one_by_then(void **state)
{
	(void)state;
	lose_a_block();
	stopped_clock_pass(2000);
	device_swap(&fixture.device, 0, 2);
	stopped_clock_pass(2000);
	assert_int_equal(card_set_protocol(fixture.reader, 0, 1), -ESTALE);
	assert_false(fixture.device.slot[0].active);
}

static void nor_if_it_was_powered_off_since(void **state)
{
	(void)state;
	lose_a_block();
	assert_int_equal(power_off(0), 0);
	assert_int_equal(card_set_protocol(fixture.reader, 0, 1), -ESTALE);
}

static void a_block_that_a_reader_did_not_take_costs_a_resynch(void **state)
{
	(void)state;
	open_t1();
	pin_pad_will_fail(7);
	assert_int_equal(transmit_t1(0x00), -EIO);
	pin_pad.replied = pin_pad.replies;
	pin_pad.blocks = 0;
	card_will_say(0xE0, NULL, 0);
	assert_int_equal(transmit_t1(0x00), 0);
	assert_int_equal(pin_pad.blocks, 2);
	assert_int_equal(pin_pad.bytes[1], 0x00);
}

static void an_apdu_beyond_ifsc_is_not_sent(void **state)
{
	uint8_t bytes[19 + 40];

	(void)state;
	open_t1();
	memcpy(bytes, verify, sizeof(verify));
	memset(bytes + sizeof(verify), 0xFF, sizeof(bytes) - sizeof(verify));
	put_le32(bytes + 15, 40);
	asked_for(VERIFY, bytes, sizeof(bytes));
	assert_failed(-EMSGSIZE);
	assert_int_equal(pin_pad.secures, 0);
	assert_int_equal(transmit_t1(0x00), 0);
}

static void a_silent_reader_costs_a_t1_card_its_power(void **state)
{
	(void)state;
	open_t1();
	pin_pad_will_be_silent();
	ask(VERIFY, verify, sizeof(verify));
	stopped_clock_pass(95000);
	asked_over(NULL);
	assert_failed(-ETIMEDOUT);
	assert_int_equal(transmit_t1(0x00), -ESTALE);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(a_pin_goes_from_the_keys_to_the_card),
		TEST(a_pin_is_changed),
		TEST(a_wrong_pin_is_the_cards_to_tell),
		TEST(a_malformed_structure_causes_no_traffic),
		TEST(no_pin_is_asked_for_without_room_for_the_answer),
		TEST(no_pin_is_asked_for_without_a_card),
		TEST(no_pin_is_asked_for_before_a_protocol_is_agreed_on),
		TEST(a_user_who_gives_no_pin_is_a_status_word),
		TEST(a_failure_leaves_the_card_in_use_unless_it_is_silence),
		TEST(a_refusal_of_the_reader_leaves_the_card_in_use),
		TEST(a_card_that_fell_silent_has_to_be_powered_up_again),
		TEST(another_card_that_came_unseen_is_not_taken_for_it),
		TEST(an_answer_that_cannot_be_one_is_an_error),
		TEST(a_user_has_ninety_seconds),
		TEST(each_key_gives_more_time_up_to_five_minutes),
		TEST(keys_before_the_answer_are_followed),
		TEST(a_card_that_is_pulled_ends_the_entry),
		TEST(a_reply_of_an_empty_slot_is_no_answer),
		TEST(the_end_of_the_slot_ends_the_entry),
		TEST(the_loss_of_the_device_ends_the_entry),
		TEST(nothing_of_it_stays_in_a_buffer),
		TEST(nothing_of_it_is_logged),
		TEST(the_reader_gets_the_prologue_of_its_block),
		TEST(the_card_gets_more_time_if_it_asks),
		TEST(a_block_without_a_status_is_no_answer),
		TEST(blocks_are_counted_on_through_an_entry),
		TEST(an_entry_without_a_pin_uses_no_block_up),
		TEST(a_status_of_the_readers_own_is_no_block),
		TEST(a_block_that_was_lost_costs_the_card_its_power),
		TEST(a_card_that_lost_a_block_is_reset_as_the_protocol_is_set),
		TEST(it_is_not_if_it_is_another_one_by_then),
		TEST(nor_if_it_was_powered_off_since),
		TEST(a_block_that_a_reader_did_not_take_costs_a_resynch),
		TEST(an_apdu_beyond_ifsc_is_not_sent),
		TEST(a_silent_reader_costs_a_t1_card_its_power),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
