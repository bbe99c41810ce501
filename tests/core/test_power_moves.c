/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Cards that move beside power commands, told late, twice or not at all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "card.h"
#include "fixture.h"
#include "movement_told.h"

#define SERIAL	FIXTURE_SERIAL

static const uint8_t get_data[] = { 0x00, 0xCA, 0x00, 0x00, 0x00 };

static struct order a, b;

static int power_up_slowly(uint64_t *ret_ms)
{
	order_power_up(&a, 0);
	return order_finish(&a, ret_ms);
}

static void a_card_that_leaves_during_its_power_up_ends_it(void **state)
{
	uint64_t ms;

	(void)state;
	open_unpowered();
	device_on(&fixture.device, CCID_POWER_ON, DEVICE_REMOVED, 0, 0);
	assert_int_equal(power_up_slowly(&ms), -ENOMEDIUM);
	assert_true(ms <= 700);
}

static void a_swap_during_a_power_up_is_no_success(void **state)
{
	(void)state;
	open_unpowered();
	stopped_clock_pass(3000);
	device_on(&fixture.device, CCID_POWER_ON, DEVICE_SWAPPED, SERIAL + 1,
		  0);
	device_hold(&fixture.device, USB_IN, true);
	order_power_up(&a, 0);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(order_finish(&a, NULL), -ESTALE);
}

/* Readers set it for no reason then, and some take long for the ATR. */
static void a_change_bit_does_not_cut_a_power_up_short(void **state)
{
	static const uint8_t changed[] = { CCID_NOTIFY_SLOT_CHANGE, 0x03 };
	unsigned requests;

	(void)state;
	open_with_card();
	watch_pass();
	stopped_clock_pass(5000);
	requests = fixture.device.script.requests;
	device_hold(&fixture.device, USB_IN, true);
	order_power_up(&a, 0);
	device_notify(&fixture.device, changed, sizeof(changed));
	stopped_clock_pass(2000);
	assert_false(call_is_over(&a.call));
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(order_join(&a, NULL), -ESTALE);
	assert_int_equal(fixture.device.script.requests, requests);
}

static void a_failed_power_up_tells_of_an_empty_slot(void **state)
{
	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	open_unpowered();
	device_remove(&fixture.device, 0);
	assert_true(power_up_slowly(NULL) < 0);
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_EMPTY);
}

static void fail_next_power_up(void)
{
	device_on(&fixture.device, CCID_POWER_ON, DEVICE_FAIL, 0,
		  CCID_ERROR_MUTE);
}

/* Nothing else tells of a swap in the middle of it. */
static void a_card_that_does_not_answer_again_is_taken_for_another(
	void **state)
{
	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	open_unpowered();
	assert_int_equal(power_up_slowly(NULL), 0);
	assert_int_equal(power_off(0), 0);
	fail_next_power_up();
	assert_int_equal(power_up_slowly(NULL), -ESTALE);
	assert_int_equal(power_up_slowly(NULL), 0);
}

static void a_card_that_always_wakes_up_late_stays_the_same(void **state)
{
	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	open_unpowered();
	for (int i = 0; i < 3; i++) {
		fail_next_power_up();
		assert_int_equal(power_up_slowly(NULL), 0);
		assert_int_equal(power_off(0), 0);
	}
}

static void a_reader_that_tells_of_swaps_is_believed(void **state)
{
	(void)state;
	open_unpowered();
	device_remove(&fixture.device, 0);
	stopped_clock_pass(1000);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(1000);
	assert_int_equal(power_up_slowly(NULL), 0);
	assert_int_equal(power_off(0), 0);
	fail_next_power_up();
	assert_int_equal(power_up_slowly(NULL), 0);
}

/* It cannot be asked about this slot as long as it is busy with the other. */
static void a_power_up_in_doubt_waits_for_a_busy_reader(void **state)
{
	(void)state;
	device_set_slots(&fixture.device, 2, 1);
	device_insert(&fixture.device, 0, SERIAL);
	device_insert(&fixture.device, 1, SERIAL + 1);
	fixture_open();
	be_ready(0, SERIAL);
	stopped_clock_pass(3000);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	order_transmit(&b, 0, get_data, sizeof(get_data));
	device_swap(&fixture.device, 1, SERIAL + 2);
	stopped_clock_settle();
	order_power_up(&a, 1);
	stopped_clock_pass(4000);
	assert_false(call_is_over(&b.call));
	assert_false(call_is_over(&a.call));
	assert_true(order_finish(&b, NULL) < 0);
	assert_int_equal(order_finish(&a, NULL), 0);
}

/* The bit may be a swap; once the power is off nothing tells it any more. */
static void a_swap_just_before_a_power_off_is_not_hidden(void **state)
{
	(void)state;
	fixture.device.announcement = DEVICE_MERGED;
	open_with_card();
	watch_pass();
	stopped_clock_pass(5000);
	device_swap(&fixture.device, 0, SERIAL + 1);
	assert_int_equal(power_off(0), 0);
	assert_int_equal(watch_pass(), TRACK_EMPTY);
	assert_int_equal(watch_pass(), TRACK_PRESENT);
}

static void a_bit_just_before_a_power_off_may_be_nothing(void **state)
{
	static const uint8_t changed[] = { CCID_NOTIFY_SLOT_CHANGE, 0x03 };

	(void)state;
	open_with_card();
	watch_pass();
	stopped_clock_pass(5000);
	for (int i = 0; i < 4; i++) {	/* more than may be asked at once */
		device_notify(&fixture.device, changed, sizeof(changed));
		stopped_clock_settle();
	}
	assert_int_equal(power_off(0), 0);
	assert_int_equal(watch_pass(), TRACK_PRESENT);
}

/* It tells of a swap in one message, and powers cards up by itself. */
static void open_merging(void)
{
	device_set_features(&fixture.device, SHORT_LEVEL | DEVICE_AUTOMATIC |
						     DESC_AUTO_ACTIVATION);
	fixture.device.announcement = DEVICE_MERGED;
	fixture_open();
	stopped_clock_pass(5000);
}

static void swap_in_one_message(uint32_t serial)
{
	device_hold(&fixture.device, USB_INTERRUPT, true);
	device_swap(&fixture.device, 0, serial);
	device_hold(&fixture.device, USB_INTERRUPT, false);
	stopped_clock_settle();
}

static void move_card(bool present, uint32_t serial)
{
	if (present)
		device_insert(&fixture.device, 0, serial);
	else
		device_remove(&fixture.device, 0);
}

static void move(bool present, uint32_t serial)
{
	move_card(present, serial);
	stopped_clock_pass(3000);
}

/* The reader is asked for a movement, and only then announces it. */
static void move_asked(bool present, uint32_t serial)
{
	device_delay(&fixture.device, USB_INTERRUPT, true);
	move_card(present, serial);
	reader_removed(fixture.reader, 0);
	stopped_clock_pass(500);
	device_delay(&fixture.device, USB_INTERRUPT, false);
	stopped_clock_pass(500);
}

/* A question finds the card, and its notification stays on the way. */
static void power_up_unannounced(void)
{
	device_delay(&fixture.device, USB_INTERRUPT, true);
	device_insert(&fixture.device, 0, SERIAL);
	reader_removed(fixture.reader, 0);
	stopped_clock_settle();
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	assert_int_equal(power_up(0), 0);
}

/*
 * Two swaps, each just behind a power command and in one message; true
 * movements in between show that it is no habit of the reader, however they
 * became known.
 */
static void swaps_with_true_movements_between_are_no_habit(void **state)
{
	(void)state;
	open_merging();
	watch_pass();
	move(true, SERIAL);
	move(false, 0);
	move(true, SERIAL);
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	assert_int_equal(power_up(0), 0);
	swap_in_one_message(SERIAL + 1);
	assert_int_equal(watch_pass(), TRACK_EMPTY);
	stopped_clock_pass(3000);
	move_asked(false, 0);
	move_asked(true, SERIAL + 2);
	move_asked(false, 0);
	move_asked(true, SERIAL + 3);
	watch_pass();
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	assert_int_equal(power_up(0), 0);
	swap_in_one_message(SERIAL + 4);
	assert_int_equal(watch_pass(), TRACK_EMPTY);
}

/*
 * The reader is asked before its notification is there, so that says nothing
 * new; and nothing of the reader's habits, though a power command was before.
 */
static void a_notification_that_an_answer_overtook_is_no_habit(void **state)
{
	(void)state;
	open_merging();
	move(true, SERIAL - 1);
	move(false, 0);
	watch_pass();
	power_up_unannounced();
	device_delay(&fixture.device, USB_INTERRUPT, false);
	stopped_clock_pass(100);
	order_reset(&a, 0);
	assert_int_equal(order_finish(&a, NULL), -ESTALE);
	assert_int_equal(watch_pass(), TRACK_EMPTY);
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	assert_int_equal(power_up(0), 0);
	swap_in_one_message(SERIAL + 1);
	assert_int_equal(watch_pass(), TRACK_EMPTY);
}

/* The same, as late as the next reset: pcscd has the card's ATR by then. */
static void a_notification_that_a_reset_overtook_is_no_habit(void **state)
{
	(void)state;
	open_merging();
	watch_pass();
	power_up_unannounced();
	order_reset(&a, 0);
	assert_int_equal(order_finish(&a, NULL), 0);
	device_delay(&fixture.device, USB_INTERRUPT, false);
	stopped_clock_settle();
	assert_int_equal(watch_pass(), TRACK_EMPTY);
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	be_ready(0, SERIAL);
	swap_in_one_message(SERIAL + 1);
	assert_int_equal(transmit_serial(0), 0);
	assert_int_equal(watch_pass(), TRACK_EMPTY);
}

/* Nothing but the question before the reset tells of the swap. */
static void a_reset_for_another_protocol_is_none_of_another_card(void **state)
{
	unsigned blocks;

	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	open_with_card();
	assert_int_equal(card_set_protocol(fixture.reader, 0, 0), 0);
	blocks = device_count(&fixture.device, CCID_XFR_BLOCK);
	device_swap(&fixture.device, 0, SERIAL + 1);
	assert_int_equal(card_set_protocol(fixture.reader, 0, 1), -ESTALE);
	assert_int_equal(transmit_once(0), -ESTALE);
	assert_int_equal(device_count(&fixture.device, CCID_XFR_BLOCK),
			 blocks);
}

/* The removal is owed to pcscd. */
static void a_new_card_is_out_of_reach_until_the_old_one_is_told_gone(
	void **state)
{
	unsigned sent;

	(void)state;
	open_with_card();
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	stopped_clock_pass(5000);
	device_swap(&fixture.device, 0, SERIAL + 1);
	stopped_clock_settle();
	stopped_clock_pass(1000);
	sent = device_count(&fixture.device, 0);
	assert_int_equal(power_up_slowly(NULL), -ESTALE);
	order_reset(&a, 0);
	assert_int_equal(order_finish(&a, NULL), -ESTALE);
	assert_int_equal(transmit_once(0), -ESTALE);
	assert_int_equal(card_set_protocol(fixture.reader, 0, 0), -ESTALE);
	assert_int_equal(device_count(&fixture.device, 0), sent);
	assert_int_equal(watch_pass(), TRACK_EMPTY);
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	assert_int_equal(power_up_slowly(NULL), 0);
	assert_int_equal(transmit_serial(0), SERIAL + 1);
}

static void a_removed_card_is_told_as_no_card(void **state)
{
	(void)state;
	open_with_card();
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	stopped_clock_pass(5000);
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	assert_int_equal(transmit_once(0), -ENOMEDIUM);
	assert_int_equal(power_up_slowly(NULL), -ENOMEDIUM);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(a_card_that_leaves_during_its_power_up_ends_it),
		TEST(a_swap_during_a_power_up_is_no_success),
		TEST(a_change_bit_does_not_cut_a_power_up_short),
		TEST(a_failed_power_up_tells_of_an_empty_slot),
		TEST(a_card_that_does_not_answer_again_is_taken_for_another),
		TEST(a_card_that_always_wakes_up_late_stays_the_same),
		TEST(a_reader_that_tells_of_swaps_is_believed),
		TEST(a_power_up_in_doubt_waits_for_a_busy_reader),
		TEST(a_swap_just_before_a_power_off_is_not_hidden),
		TEST(a_bit_just_before_a_power_off_may_be_nothing),
		TEST(swaps_with_true_movements_between_are_no_habit),
		TEST(a_notification_that_an_answer_overtook_is_no_habit),
		TEST(a_notification_that_a_reset_overtook_is_no_habit),
		TEST(a_reset_for_another_protocol_is_none_of_another_card),
		TEST(a_new_card_is_out_of_reach_until_the_old_one_is_told_gone),
		TEST(a_removed_card_is_told_as_no_card),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
