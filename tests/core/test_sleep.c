/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Cards lose their power without an order of ours: suspend, device reset. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "card.h"
#include "fixture.h"
#include "movement.h"
#include "movement_told.h"

#define SERIAL	0x01020304u

/* pcscd knows the card, and a second has passed. */
static void use_card(void)
{
	fixture_open();
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	be_ready(0, SERIAL);
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	stopped_clock_pass(1000);
}

static void cut_power(void)
{
	script_lock(&fixture.device.script);
	fixture.device.slot[0].active = false;
	script_unlock(&fixture.device.script);
}

/* Nobody is told. */
static void change_card(bool present, uint32_t serial)
{
	script_lock(&fixture.device.script);
	fixture.device.slot[0].active = false;
	fixture.device.slot[0].present = present;
	fixture.device.slot[0].card.serial = serial;
	script_unlock(&fixture.device.script);
}

static void reset_device(void)
{
	cut_power();
	pthread_mutex_lock(&fixture.reader->lock);
	movement_reset(fixture.reader);
	pthread_mutex_unlock(&fixture.reader->lock);
}

/* By another thread than pcscd's event thread, which uses up nothing. */
static void let_it_ask(void)
{
	static struct order order;

	order_presence(&order, 0);
	order_join(&order, NULL);
	stopped_clock_settle();
}

static void assert_told_as_swapped_once(void)
{
	assert_int_equal(watch_pass(), TRACK_EMPTY);
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(watch_pass(), TRACK_PRESENT);
}

/* --- the clocks tell that the machine has slept */

static void a_card_that_lost_its_power_is_told_as_swapped_once(void **state)
{
	(void)state;
	use_card();
	cut_power();
	stopped_clock_sleep(60000);
	let_it_ask();
	assert_told_as_swapped_once();
}

static void a_card_that_kept_its_power_is_told_nothing(void **state)
{
	(void)state;
	use_card();
	stopped_clock_sleep(60000);
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	stopped_clock_settle();
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	assert_int_equal(transmit_serial(0), SERIAL);
}

static void one_sleep_costs_one_question(void **state)
{
	unsigned asked;

	(void)state;
	use_card();
	asked = device_count(&fixture.device, CCID_GET_SLOT_STATUS);
	stopped_clock_sleep(60000);
	for (int i = 0; i < 5; i++)
		watch_pass();
	assert_int_equal(device_count(&fixture.device, CCID_GET_SLOT_STATUS),
			 asked + 1);
}

static void no_apdu_reaches_a_card_that_was_swapped_asleep(void **state)
{
	(void)state;
	use_card();
	change_card(true, SERIAL + 1);
	stopped_clock_sleep(60000);
	assert_int_equal(transmit_serial(0), 0);
	assert_int_equal(fixture.device.blocks_to_cards, 1);
	assert_told_as_swapped_once();
	assert_int_equal(transmit_serial(0), SERIAL + 1);
}

static void a_card_that_left_asleep_is_told_as_removed(void **state)
{
	(void)state;
	use_card();
	change_card(false, 0);
	stopped_clock_sleep(60000);
	let_it_ask();
	assert_int_equal(watch_pass(), TRACK_EMPTY);
}

static void a_card_that_came_asleep_is_told(void **state)
{
	(void)state;
	fixture_open();
	assert_int_equal(watch_pass(), TRACK_EMPTY);
	change_card(true, SERIAL);
	stopped_clock_sleep(60000);
	order_wait(&watching, 0, MOVEMENT_FOREVER);
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watch_pass(), TRACK_PRESENT);
}

static void a_power_command_asks_first_whether_the_card_kept_its_power(
	void **state)
{
	(void)state;
	use_card();
	change_card(true, SERIAL + 1);
	stopped_clock_sleep(60000);
	assert_int_equal(power_off(0), 0);
	assert_told_as_swapped_once();
}

static void power_off_and_sleep(uint32_t serial_after)
{
	use_card();
	assert_int_equal(power_off(0), 0);
	change_card(true, serial_after);
	stopped_clock_sleep(60000);
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	stopped_clock_settle();
}

static void an_unpowered_card_with_its_atr_of_before_is_the_same(void **state)
{
	(void)state;
	power_off_and_sleep(SERIAL);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	assert_int_equal(transmit_serial(0), SERIAL);
}

static void an_unpowered_card_with_another_atr_is_told_as_swapped_once(
	void **state)
{
	(void)state;
	power_off_and_sleep(SERIAL + 1);
	assert_int_equal(power_up(0), -ESTALE);
	assert_int_equal(transmit_serial(0), 0);
	assert_told_as_swapped_once();
	assert_int_equal(transmit_serial(0), SERIAL + 1);
}

static void a_short_nap_of_the_clocks_is_no_sleep(void **state)
{
	unsigned asked;

	(void)state;
	use_card();
	asked = device_count(&fixture.device, CCID_GET_SLOT_STATUS);
	stopped_clock_sleep(9);
	watch_pass();
	assert_int_equal(device_count(&fixture.device, CCID_GET_SLOT_STATUS),
			 asked);
}

/* --- a transfer fails as it does at a resume */

static void a_lost_transfer_tells_of_a_lost_power(void **state)
{
	(void)state;
	use_card();
	watch_start(0);
	cut_power();
	device_break(&fixture.device, USB_INTERRUPT, -ENODEV);
	stopped_clock_settle();
	watch_told(TRACK_EMPTY);
}

static void a_lost_transfer_alone_is_no_movement(void **state)
{
	(void)state;
	use_card();
	watch_start(0);
	device_break(&fixture.device, USB_INTERRUPT, -ENODEV);
	stopped_clock_pass(60000);
	assert_false(call_is_over(&watching.call));
	watch_stop();
}

/* Where cards have power by themselves, no answer would tell of another one. */
static void a_lost_command_is_the_end_of_a_card_with_power_of_its_own(
	void **state)
{
	unsigned blocks;

	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	device_set_features(&fixture.device,
			    DEVICE_AUTOMATIC | DESC_AUTO_ACTIVATION |
				    SHORT_LEVEL);
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	be_ready(0, SERIAL);
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	stopped_clock_pass(1000);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_STATUS, 0, ENODEV);
	assert_int_equal(transmit_serial(0), 0);
	script_lock(&fixture.device.script);
	fixture.device.slot[0].card.serial = SERIAL + 1;
	blocks = fixture.device.blocks_to_cards;
	script_unlock(&fixture.device.script);
	assert_int_equal(transmit_serial(0), 0);
	assert_int_equal(fixture.device.blocks_to_cards, blocks);
	assert_told_as_swapped_once();
	assert_int_equal(transmit_serial(0), SERIAL + 1);
}

static void sleep_wakes_nobody(void **state)
{
	unsigned sent;

	(void)state;
	use_card();
	watch_start(0);
	sent = device_count(&fixture.device, 0);
	stopped_clock_sleep(60000);
	stopped_clock_pass(60000);
	assert_false(call_is_over(&watching.call));
	assert_int_equal(device_count(&fixture.device, 0), sent);
	watch_stop();
}

/* --- the device was reset by us */

static void a_reset_is_told_as_one_swap(void **state)
{
	(void)state;
	use_card();
	reset_device();
	assert_int_equal(transmit_serial(0), 0);
	assert_told_as_swapped_once();
	assert_int_equal(transmit_serial(0), SERIAL);
}

static void a_card_that_leaves_in_a_reset_is_told_as_removed(void **state)
{
	(void)state;
	use_card();
	change_card(false, 0);
	reset_device();
	let_it_ask();
	assert_int_equal(watch_pass(), TRACK_EMPTY);
	assert_int_equal(watch_pass(), TRACK_EMPTY);
}

static void an_unpowered_card_outlives_a_reset(void **state)
{
	(void)state;
	use_card();
	assert_int_equal(power_off(0), 0);
	reset_device();
	assert_int_equal(watch_pass(), TRACK_PRESENT);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(watch_pass(), TRACK_PRESENT);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(a_card_that_lost_its_power_is_told_as_swapped_once),
		TEST(a_card_that_kept_its_power_is_told_nothing),
		TEST(one_sleep_costs_one_question),
		TEST(no_apdu_reaches_a_card_that_was_swapped_asleep),
		TEST(a_card_that_left_asleep_is_told_as_removed),
		TEST(a_card_that_came_asleep_is_told),
		TEST(a_power_command_asks_first_whether_the_card_kept_its_power),
		TEST(an_unpowered_card_with_its_atr_of_before_is_the_same),
		TEST(an_unpowered_card_with_another_atr_is_told_as_swapped_once),
		TEST(a_short_nap_of_the_clocks_is_no_sleep),
		TEST(a_lost_transfer_tells_of_a_lost_power),
		TEST(a_lost_transfer_alone_is_no_movement),
		TEST(a_lost_command_is_the_end_of_a_card_with_power_of_its_own),
		TEST(sleep_wakes_nobody),
		TEST(a_reset_is_told_as_one_swap),
		TEST(a_card_that_leaves_in_a_reset_is_told_as_removed),
		TEST(an_unpowered_card_outlives_a_reset),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
