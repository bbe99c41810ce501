/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cards that nobody uses, where nothing announces movements. The card here
 * remembers a PIN until it loses its power or is reset.
 */
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

#define SERIAL	0x01020304u
#define INS	(CCID_HEADER_SIZE + 1)
#define VERIFY	0x20

static const uint8_t verify[] = { 0x00, VERIFY, 0x00, 0x81, 0x00 };

static void (*device_command)(struct script *script, const uint8_t *bytes,
			      size_t size);
static bool verified;
static bool swaps_in_between;	/* just as the power is off */
static struct order a;

static void command(struct script *script, const uint8_t *bytes, size_t size)
{
	if (bytes[0] == CCID_POWER_OFF || bytes[0] == CCID_POWER_ON)
		verified = false;
	device_command(script, bytes, size);
	if (bytes[0] == CCID_POWER_OFF && swaps_in_between) {
		device_move_locked(&fixture.device, 0, false, 0);
		device_move_locked(&fixture.device, 0, true, SERIAL + 1);
		swaps_in_between = false;
	}
	if (bytes[0] == CCID_XFR_BLOCK && size > INS && bytes[INS] == VERIFY)
		verified = fixture.device.slot[0].active;
}

static int plug(void **state)
{
	fixture_plug(state);
	verified = false;
	swaps_in_between = false;
	device_command = fixture.device.script.command;
	fixture.device.script.command = command;
	fixture.device.script.info.interrupt_endpoint = false;
	return 0;
}

static void give_pin(void)
{
	order_transmit(&a, 0, verify, sizeof(verify));
	assert_int_equal(order_join(&a, NULL), 0);
	assert_true(verified);
}

static void open_and_verify(void)
{
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	be_ready(0, SERIAL);
	give_pin();
}

/* pcscd's event thread, once its wait beside an unused card is over. */
static void *be_idle(void *argument)
{
	struct order *order = argument;

	movement_wait(fixture.reader, 0, 0);
	order->size = movement_presence(fixture.reader, 0);
	order->r = card_power_off(fixture.reader, 0);
	return NULL;
}

static void leave_idle(void)
{
	static struct order order;

	call_start(&order.call, be_idle, &order);
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&order, NULL), 0);
	assert_int_equal(order.size, TRACK_PRESENT);
}

static unsigned sent(uint8_t type)
{
	return device_count(&fixture.device, type);
}

static void an_idle_card_forgets_though_it_keeps_its_power(void **state)
{
	unsigned offs, ons;

	(void)state;
	open_and_verify();
	offs = sent(CCID_POWER_OFF);
	ons = sent(CCID_POWER_ON);
	leave_idle();
	assert_false(verified);
	assert_true(fixture.device.slot[0].active);
	assert_int_equal(sent(CCID_POWER_OFF), offs + 1);
	assert_int_equal(sent(CCID_POWER_ON), ons + 1);
}

static void nobody_reaches_an_idle_card_without_a_power_up(void **state)
{
	unsigned blocks;

	(void)state;
	open_and_verify();
	leave_idle();
	blocks = fixture.device.blocks_to_cards;
	order_transmit(&a, 0, verify, sizeof(verify));
	assert_int_equal(order_join(&a, NULL), -ESTALE);
	assert_int_equal(card_set_protocol(fixture.reader, 0, 0), -ESTALE);
	assert_int_equal(fixture.device.blocks_to_cards, blocks);
}

static void the_next_power_up_of_an_idle_card_is_a_cold_one(void **state)
{
	unsigned offs;

	(void)state;
	open_and_verify();
	leave_idle();
	offs = sent(CCID_POWER_OFF);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(sent(CCID_POWER_OFF), offs + 1);
	assert_false(verified);
	assert_int_equal(transmit_serial(0), SERIAL);
}

static void what_a_client_powers_off_is_off(void **state)
{
	unsigned ons;

	(void)state;
	open_and_verify();
	leave_idle();
	assert_int_equal(power_up(0), 0);
	give_pin();
	ons = sent(CCID_POWER_ON);
	watch_start(0);
	assert_int_equal(power_off(0), 0);
	watch_stop();
	assert_false(verified);
	assert_false(fixture.device.slot[0].active);
	assert_int_equal(sent(CCID_POWER_ON), ons);
}

static void what_a_client_powered_off_stays_off_while_idle(void **state)
{
	(void)state;
	open_and_verify();
	assert_int_equal(power_off(0), 0);
	leave_idle();
	assert_false(fixture.device.slot[0].active);
}

static void a_swap_of_an_idle_card_between_two_questions_shows(void **state)
{
	(void)state;
	open_and_verify();
	leave_idle();
	watch_start(0);
	stopped_clock_pass(10000);
	device_swap(&fixture.device, 0, SERIAL + 1);
	stopped_clock_pass(3000);
	watch_told(TRACK_EMPTY);
	watch_start(0);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(transmit_serial(0), SERIAL + 1);
	watch_stop();
}

/* Another card came into the place of one without power, and nobody tells. */
static void assert_known_by_its_atr(void)
{
	device_swap(&fixture.device, 0, SERIAL + 1);
	assert_int_equal(power_up(0), -ESTALE);
	watch_start(0);
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.answer[0], TRACK_EMPTY);
	assert_int_equal(watching.size, TRACK_PRESENT);
	watch_start(0);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(transmit_serial(0), SERIAL + 1);
	watch_stop();
}

static void a_swap_of_a_card_that_a_client_powered_off_shows(void **state)
{
	(void)state;
	open_and_verify();
	assert_int_equal(power_off(0), 0);
	assert_known_by_its_atr();
}

static void a_swap_of_an_idle_card_that_was_left_off_shows(void **state)
{
	(void)state;
	open_and_verify();
	device_on(&fixture.device, CCID_POWER_ON, DEVICE_FAIL, 0,
		  CCID_ERROR_MUTE);
	leave_idle();
	assert_known_by_its_atr();
}

static void a_swap_shows_where_the_pipe_may_lie(void **state)
{
	(void)state;
	fixture.device.script.info.interrupt_endpoint = true;
	fixture.device.announcement = DEVICE_MUTE;
	open_and_verify();
	leave_idle();
	assert_false(fixture.device.slot[0].active);
	assert_known_by_its_atr();
}

static void an_idle_card_gets_the_voltage_that_it_needs(void **state)
{
	(void)state;
	device_set_features(&fixture.device, SHORT_LEVEL |
			    (DEVICE_AUTOMATIC & ~DESC_AUTO_VOLTAGE));
	device_set_voltages(&fixture.device,
			    DESC_VOLTAGE_5V | DESC_VOLTAGE_3V);
	device_insert(&fixture.device, 0, SERIAL);
	fixture.device.slot[0].card.voltages = DESC_VOLTAGE_3V;
	fixture_open();
	be_ready(0, SERIAL);
	leave_idle();
	assert_true(fixture.device.slot[0].active);
}

static void a_swap_between_off_and_on_shows(void **state)
{
	(void)state;
	open_and_verify();
	swaps_in_between = true;
	leave_idle();
	order_wait(&a, 0, MOVEMENT_FOREVER);
	stopped_clock_settle();
	assert_int_equal(order_join(&a, NULL), 0);
	watch_start(0);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(transmit_serial(0), SERIAL + 1);
	watch_stop();
}

static void an_idle_card_that_does_not_wake_up_is_left_off(void **state)
{
	(void)state;
	open_and_verify();
	device_on(&fixture.device, CCID_POWER_ON, DEVICE_FAIL, 0,
		  CCID_ERROR_MUTE);
	leave_idle();
	assert_false(verified);
	assert_false(fixture.device.slot[0].active);
	watch_start(0);
	stopped_clock_pass(10000);
	assert_false(call_is_over(&watching.call));
	assert_int_equal(power_up(0), 0);
	assert_int_equal(transmit_serial(0), SERIAL);
	watch_stop();
}

static void an_idle_card_is_off_if_the_administrator_says_so(void **state)
{
	(void)state;
	setenv("CCIDTRACK_ifdIdlePower", "0", 1);
	options_load();
	open_and_verify();
	unsetenv("CCIDTRACK_ifdIdlePower");
	options_load();
	leave_idle();
	assert_false(verified);
	assert_false(fixture.device.slot[0].active);
}

static void an_idle_card_is_off_where_movements_are_announced(void **state)
{
	(void)state;
	fixture.device.script.info.interrupt_endpoint = true;
	open_and_verify();
	leave_idle();
	assert_false(verified);
	assert_false(fixture.device.slot[0].active);
}

static void an_idle_card_keeps_its_power_where_the_pipe_lied(void **state)
{
	(void)state;
	fixture.device.script.info.interrupt_endpoint = true;
	fixture.device.announcement = DEVICE_MUTE;
	fixture_open();
	watch_start(0);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(5000);
	order_join(&watching, NULL);
	assert_int_equal(power_up(0), 0);
	watch_start(0);
	stopped_clock_pass(2000);
	watch_stop();
	leave_idle();
	assert_true(fixture.device.slot[0].active);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, plug, fixture_discard)
		TEST(an_idle_card_forgets_though_it_keeps_its_power),
		TEST(nobody_reaches_an_idle_card_without_a_power_up),
		TEST(the_next_power_up_of_an_idle_card_is_a_cold_one),
		TEST(what_a_client_powers_off_is_off),
		TEST(what_a_client_powered_off_stays_off_while_idle),
		TEST(a_swap_of_an_idle_card_between_two_questions_shows),
		TEST(a_swap_of_a_card_that_a_client_powered_off_shows),
		TEST(a_swap_of_an_idle_card_that_was_left_off_shows),
		TEST(a_swap_shows_where_the_pipe_may_lie),
		TEST(an_idle_card_gets_the_voltage_that_it_needs),
		TEST(a_swap_between_off_and_on_shows),
		TEST(an_idle_card_that_does_not_wake_up_is_left_off),
		TEST(an_idle_card_is_off_if_the_administrator_says_so),
		TEST(an_idle_card_is_off_where_movements_are_announced),
		TEST(an_idle_card_keeps_its_power_where_the_pipe_lied),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
