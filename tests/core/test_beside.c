/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Cards that move while something else goes on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "card.h"
#include "fixture.h"
#include "movement_told.h"
#include "options.h"
#include "pin_pad.h"
#include "transmit.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

#define SERIAL		1	/* as pin_pad.h inserts it */
#define CHARACTER_LEVEL	0
#define GRACE_MS	500
#define ABORT_MS	1000	/* one that is not followed, at most */
#define HOLD_MS		100	/* of movement_hold */

static const uint8_t get_data[] = { 0x00, 0xCA, 0x00, 0x00, 0x00 };

static struct order a;

static void take_to_protocol(uint32_t level)
{
	device_set_features(&fixture.device, level | DEVICE_AUTOMATIC);
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	assert_int_equal(power_up(0), 0);
}

static void open_level(uint32_t level)
{
	take_to_protocol(level);
	assert_int_equal(card_set_protocol(fixture.reader, 0, 0), 0);
}

static void plug_again(void)
{
	fixture_discard(NULL);
	fixture_plug(NULL);
}

static void *run_set_protocol(void *argument)
{
	struct order *order = argument;

	order->r = card_set_protocol(fixture.reader, 0, 0);
	return NULL;
}

static void order_protocol(void)
{
	call_start(&a.call, run_set_protocol, &a);
	stopped_clock_settle();
}

/* As pcscd: gone, then the new one, and a client that starts afresh. */
static void assert_next_card_works(uint32_t serial)
{
	watch_start(0);
	if (call_is_over(&watching.call)) {
		order_join(&watching, NULL);
		watch_start(0);
	}
	assert_int_equal(power_up(0), 0);
	assert_int_equal(card_set_protocol(fixture.reader, 0, 0), 0);
	assert_int_equal(transmit_serial(0), serial);
	watch_stop();
}

/* --- the card of a command that is under way is pulled */

static const uint32_t levels[] = {
	CHARACTER_LEVEL, TPDU_LEVEL, SHORT_LEVEL, EXTENDED_LEVEL,
};

static void a_pulled_card_ends_an_apdu_at_every_level(void **state)
{
	unsigned requests;
	uint64_t ms;

	(void)state;
	for (size_t i = 0; i < ROWS(levels); i++) {
		open_level(levels[i]);
		requests = fixture.device.script.requests;
		device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_REMOVED, 0,
			  0);
		order_transmit(&a, 0, get_data, sizeof(get_data));
		stopped_clock_pass(GRACE_MS);
		assert_int_equal(order_join(&a, &ms), -ENOMEDIUM);
		assert_true(ms <= GRACE_MS);
		assert_int_equal(fixture.device.script.requests, requests + 1);
		plug_again();
	}
}

static void *run_t1(void *argument)
{
	struct order *order = argument;

	order->r = transmit(fixture.reader, 0, 1, get_data, sizeof(get_data),
			    order->answer, sizeof(order->answer), &order->size);
	return NULL;
}

static void a_pulled_card_ends_a_t1_apdu(void **state)
{
	unsigned requests;
	uint64_t ms;

	(void)state;
	open_t1();
	requests = fixture.device.script.requests;
	pin_pad_will_be_silent();
	call_start(&a.call, run_t1, &a);
	stopped_clock_pass(100);
	device_remove(&fixture.device, 0);
	stopped_clock_pass(GRACE_MS);
	assert_int_equal(order_join(&a, &ms), -ENOMEDIUM);
	assert_int_equal(ms, 100 + GRACE_MS);
	assert_int_equal(fixture.device.script.requests, requests + 1);
}

/* In the midst of an answer. */
static void a_pulled_card_ends_a_chain(void **state)
{
	uint64_t ms;

	(void)state;
	device_set_message(&fixture.device, 100);
	open_level(EXTENDED_LEVEL);
	fixture.device.answer_size = 1000;
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_CHAIN, 0,
		  CCID_CHAIN_BEGIN);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_REMOVED, 0, 0);
	order_transmit(&a, 0, get_data, sizeof(get_data));
	stopped_clock_pass(GRACE_MS);
	assert_int_equal(order_join(&a, &ms), -ENOMEDIUM);
	assert_true(ms <= GRACE_MS);
	assert_int_equal(a.size, 0);
}

static void a_reader_that_follows_no_abort_has_one(void **state)
{
	uint64_t ms;

	(void)state;
	fixture.device.ignores_abort = true;
	open_level(SHORT_LEVEL);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_REMOVED, 0, 0);
	order_transmit(&a, 0, get_data, sizeof(get_data));
	stopped_clock_pass(GRACE_MS + ABORT_MS);
	assert_true(order_join(&a, &ms) < 0);
	assert_true(ms <= GRACE_MS + ABORT_MS);
}

static void a_pulled_card_ends_its_power_off(void **state)
{
	uint64_t ms;

	(void)state;
	open_level(SHORT_LEVEL);
	device_on(&fixture.device, CCID_POWER_OFF, DEVICE_REMOVED, 0, 0);
	order_power_off(&a, 0);
	stopped_clock_pass(GRACE_MS);
	assert_int_equal(order_join(&a, &ms), 0);
	assert_true(ms <= GRACE_MS);
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_EMPTY);
}

static void a_pulled_card_ends_its_reset(void **state)
{
	static const uint8_t types[] = { CCID_POWER_OFF, CCID_POWER_ON };
	uint64_t ms;

	(void)state;
	for (size_t i = 0; i < ROWS(types); i++) {
		open_level(SHORT_LEVEL);
		device_on(&fixture.device, types[i], DEVICE_REMOVED, 0, 0);
		order_reset(&a, 0);
		stopped_clock_pass(2 * GRACE_MS);
		assert_int_equal(order_join(&a, &ms), -ENOMEDIUM);
		assert_true(ms <= GRACE_MS + 200);
		plug_again();
	}
}

static void a_pulled_card_ends_its_parameters(void **state)
{
	uint64_t ms;

	(void)state;
	take_to_protocol(TPDU_LEVEL);
	device_on(&fixture.device, CCID_SET_PARAMETERS, DEVICE_REMOVED, 0, 0);
	order_protocol();
	stopped_clock_pass(GRACE_MS);
	assert_true(order_join(&a, &ms) < 0);
	assert_true(ms <= GRACE_MS);
	stopped_clock_pass(1000);
	device_insert(&fixture.device, 0, SERIAL + 1);
	stopped_clock_pass(1000);
	assert_next_card_works(SERIAL + 1);
}

static void a_pulled_card_ends_an_escape(void **state)
{
	static const uint8_t bytes[] = { 0x02 };
	uint64_t ms;

	(void)state;
	setenv("CCIDTRACK_ifdDriverOptions", "1", 1);
	options_load();
	open_pin_pad(SHORT_LEVEL);
	unsetenv("CCIDTRACK_ifdDriverOptions");
	options_load();
	pin_pad_will_be_silent();
	ask(ESCAPE, bytes, sizeof(bytes));
	stopped_clock_pass(10000);
	assert_false(call_is_over(&asked.call));
	device_remove(&fixture.device, 0);
	stopped_clock_pass(GRACE_MS);
	assert_true(asked_over(&ms) < 0);
	assert_int_equal(ms, 10000 + GRACE_MS);
	assert_int_equal(fixture.device.script.requests, 1);
	assert_int_equal(fixture.device.script.resets, 0);
}

/* --- it is another one's answer, or none is to be had */

static void a_swap_in_a_pin_entry_voids_its_answer(void **state)
{
	(void)state;
	open_pin_pad(SHORT_LEVEL);
	stopped_clock_pass(2000);
	device_hold(&fixture.device, USB_IN, true);
	pin_pad_will_say(good, sizeof(good));
	ask(VERIFY, verify, sizeof(verify));
	device_swap(&fixture.device, 0, SERIAL + 1);
	stopped_clock_settle();
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_pass(GRACE_MS);
	asked_over(NULL);
	assert_failed(-ESTALE);
	assert_next_card_works(SERIAL + 1);
}

static void a_swap_while_parameters_are_set_voids_them(void **state)
{
	unsigned blocks;

	(void)state;
	take_to_protocol(TPDU_LEVEL);
	stopped_clock_pass(2000);
	device_on(&fixture.device, CCID_SET_PARAMETERS, DEVICE_SWAPPED,
		  SERIAL + 1, 0);
	device_hold(&fixture.device, USB_IN, true);
	order_protocol();
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_pass(GRACE_MS);
	assert_int_equal(order_join(&a, NULL), -ESTALE);
	assert_false(fixture.reader->slot[0].session.agreed);
	blocks = fixture.device.blocks_to_cards;
	order_transmit(&a, 0, get_data, sizeof(get_data));
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&a, NULL), -ESTALE);
	assert_int_equal(fixture.device.blocks_to_cards, blocks);
	assert_next_card_works(SERIAL + 1);
}

static void no_parameters_are_set_for_the_next_card(void **state)
{
	unsigned before;

	(void)state;
	take_to_protocol(TPDU_LEVEL);
	stopped_clock_pass(2000);
	before = device_count(&fixture.device, CCID_SET_PARAMETERS);
	device_swap(&fixture.device, 0, SERIAL + 1);
	stopped_clock_settle();
	order_protocol();
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&a, NULL), -ESTALE);
	assert_int_equal(device_count(&fixture.device, CCID_SET_PARAMETERS),
			 before);
}

/* --- another slot's */

static void open_two_slots(void)
{
	device_set_slots(&fixture.device, 2, 1);
	fixture_open();
	assert_int_equal(power_up(0), 0);
	assert_int_equal(card_set_protocol(fixture.reader, 0, 0), 0);
	watch_start(1);
}

/* No time passes in here. */
static void assert_told_at_once(enum track_presence presence)
{
	stopped_clock_settle();
	watch_told(presence);
}

/* The reader takes one command at a time, so it can be asked nothing. */
static void movements_are_told_during_another_slots_apdu(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, SERIAL);
	open_two_slots();
	stopped_clock_pass(2000);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	order_transmit(&a, 0, get_data, sizeof(get_data));
	for (int i = 0; i < 3; i++) {
		device_insert(&fixture.device, 1, SERIAL + 1);
		assert_told_at_once(TRACK_PRESENT);
		watch_start(1);
		device_remove(&fixture.device, 1);
		assert_told_at_once(TRACK_EMPTY);
		watch_start(1);
	}
	assert_false(call_is_over(&a.call));
	watch_stop();
	device_remove(&fixture.device, 0);
	stopped_clock_pass(GRACE_MS);
	assert_int_equal(order_join(&a, NULL), -ENOMEDIUM);
}

static void movements_are_told_during_another_slots_pin_entry(void **state)
{
	(void)state;
	pin_pad_plug(&fixture.device, SHORT_LEVEL | DEVICE_AUTOMATIC, 1);
	open_two_slots();
	stopped_clock_pass(2000);
	device_hold(&fixture.device, USB_IN, true);
	pin_pad_will_say(good, sizeof(good));
	ask(VERIFY, verify, sizeof(verify));
	device_insert(&fixture.device, 1, SERIAL + 1);
	assert_told_at_once(TRACK_PRESENT);
	watch_start(1);
	device_remove(&fixture.device, 1);
	assert_told_at_once(TRACK_EMPTY);
	assert_false(call_is_over(&asked.call));
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	asked_over(NULL);
	assert_answer(good, sizeof(good));
}

/* --- pcscd notes the failure of a client's call in the state of the slot */

static void pull_during_apdu(void)
{
	watch_start(0);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_REMOVED, 0, 0);
	order_transmit(&a, 0, get_data, sizeof(get_data));
	stopped_clock_pass(GRACE_MS);
	assert_int_equal(order_join(&a, NULL), -ENOMEDIUM);
	watch_told(TRACK_EMPTY);
}

static void an_insertion_lets_no_card_be_noted_first(void **state)
{
	uint64_t ms;

	(void)state;
	open_level(SHORT_LEVEL);
	pull_during_apdu();
	watch_start(0);
	device_insert(&fixture.device, 0, SERIAL + 1);
	stopped_clock_pass(HOLD_MS - 1);
	assert_false(call_is_over(&watching.call));
	stopped_clock_pass(1);
	assert_int_equal(order_join(&watching, &ms), 0);
	assert_int_equal(ms, HOLD_MS);
	assert_int_equal(watching.size, TRACK_PRESENT);
}

static void an_insertion_lets_a_failed_reset_be_noted_first(void **state)
{
	static struct order next;

	(void)state;
	open_level(SHORT_LEVEL);
	stopped_clock_pass(2000);
	watch_start(0);
	device_on(&fixture.device, CCID_POWER_ON, DEVICE_SILENT, 0, 0);
	order_reset(&a, 0);
	device_swap(&fixture.device, 0, SERIAL + 1);
	for (int i = 0; i < 2 * GRACE_MS && !call_is_over(&a.call); i++)
		stopped_clock_pass(1);
	assert_int_equal(order_join(&a, NULL), -ESTALE);
	watch_told(TRACK_EMPTY);
	order_wait(&next, 0, MOVEMENT_FOREVER);
	stopped_clock_pass(HOLD_MS - 1);
	assert_false(call_is_over(&next.call));
	stopped_clock_pass(1);
	assert_int_equal(order_join(&next, NULL), 0);
}

/* Clients that try again and again do not hold it up for ever. */
static void an_insertion_is_told_though_every_call_fails(void **state)
{
	uint64_t ms;

	(void)state;
	open_level(SHORT_LEVEL);
	pull_during_apdu();
	watch_start(0);
	device_insert(&fixture.device, 0, SERIAL + 1);
	for (int i = 0; i < 20 && !call_is_over(&watching.call); i++) {
		assert_true(power_up(0) < 0);
		stopped_clock_pass(HOLD_MS / 2);
	}
	assert_int_equal(order_join(&watching, &ms), 0);
	assert_true(ms <= 500);
	assert_int_equal(watching.size, TRACK_PRESENT);
}

/* The card itself says nothing. */
static void fail_reset(void)
{
	for (int i = 0; i < 2; i++)
		device_on(&fixture.device, CCID_POWER_ON, DEVICE_OTHER_TYPE, 0,
			  0);
	order_reset(&a, 0);
	stopped_clock_pass(500);
	assert_true(order_join(&a, NULL) < 0);
}

/*
 * As pcscd has it, the card is mute, or has power and no ATR: its event thread
 * alone can begin with it once more, and so it does.
 */
static void a_card_that_no_client_can_power_up_is_told_as_swapped(void **state)
{
	(void)state;
	open_level(SHORT_LEVEL);
	stopped_clock_pass(2000);
	watch_start(0);
	fail_reset();
	watch_told(TRACK_EMPTY);
	watch_start(0);
	assert_int_equal(watching.answer[0], TRACK_PRESENT);
	be_ready(0, SERIAL);
	watch_stop();
}

/* That would go on for ever: clients try whatever comes. */
static void one_that_nobody_could_power_up_is_not(void **state)
{
	(void)state;
	open_level(SHORT_LEVEL);
	stopped_clock_pass(2000);
	watch_start(0);
	fail_reset();
	watch_told(TRACK_EMPTY);
	watch_start(0);
	assert_int_equal(watching.answer[0], TRACK_PRESENT);
	fail_reset();
	stopped_clock_pass(2000);
	watch_stop();
}

static void a_stop_is_not_held_up_by_that(void **state)
{
	(void)state;
	open_level(SHORT_LEVEL);
	pull_during_apdu();
	watch_start(0);
	device_insert(&fixture.device, 0, SERIAL + 1);
	stopped_clock_settle();
	assert_false(call_is_over(&watching.call));
	watch_stop();
}

static void a_removal_is_not_held_up_by_that(void **state)
{
	(void)state;
	open_level(SHORT_LEVEL);
	stopped_clock_pass(2000);
	watch_start(0);
	for (int i = 0; i < 10; i++)
		device_on(&fixture.device, CCID_POWER_ON, DEVICE_FAIL, 0,
			  CCID_ERROR_MUTE);
	order_reset(&a, 0);
	stopped_clock_pass(500);
	assert_true(order_join(&a, NULL) < 0);
	device_remove(&fixture.device, 0);
	assert_told_at_once(TRACK_EMPTY);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(a_pulled_card_ends_an_apdu_at_every_level),
		TEST(a_pulled_card_ends_a_t1_apdu),
		TEST(a_pulled_card_ends_a_chain),
		TEST(a_reader_that_follows_no_abort_has_one),
		TEST(a_pulled_card_ends_its_power_off),
		TEST(a_pulled_card_ends_its_reset),
		TEST(a_pulled_card_ends_its_parameters),
		TEST(a_pulled_card_ends_an_escape),
		TEST(a_swap_in_a_pin_entry_voids_its_answer),
		TEST(a_swap_while_parameters_are_set_voids_them),
		TEST(no_parameters_are_set_for_the_next_card),
		TEST(movements_are_told_during_another_slots_apdu),
		TEST(movements_are_told_during_another_slots_pin_entry),
		TEST(an_insertion_lets_no_card_be_noted_first),
		TEST(an_insertion_lets_a_failed_reset_be_noted_first),
		TEST(an_insertion_is_told_though_every_call_fails),
		TEST(a_card_that_no_client_can_power_up_is_told_as_swapped),
		TEST(one_that_nobody_could_power_up_is_not),
		TEST(a_stop_is_not_held_up_by_that),
		TEST(a_removal_is_not_held_up_by_that),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
