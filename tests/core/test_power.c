/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Power-ups and power-offs, voltages and ATRs, of cards that stay inside. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "card.h"
#include "fixture.h"
#include "movement.h"
#include "supply.h"

#define SERIAL	FIXTURE_SERIAL
#define SWITCHED	(DEVICE_AUTOMATIC & ~DESC_AUTO_VOLTAGE)

static struct order a;

static int power_up_slowly(uint64_t *ret_ms)
{
	order_power_up(&a, 0);
	return order_finish(&a, ret_ms);
}

/* The voltages that were tried, in order, as digits. */
static unsigned voltages_tried(void)
{
	unsigned tried = 0;

	for (unsigned i = 0; i < fixture.device.seens; i++)
		if (fixture.device.seen[i].type == CCID_POWER_ON)
			tried = tried * 10 +
				fixture.device.seen[i].parameters[0];
	return tried;
}

static void the_atr_comes_back(void **state)
{
	uint8_t atr[READER_ATR_MAX];

	(void)state;
	open_unpowered();
	assert_int_equal(power_up_slowly(NULL), 0);
	assert_int_equal(a.size, 6);
	assert_int_equal(a.answer[0], 0x3B);
	assert_int_equal(supply_atr(fixture.reader, 0, atr), 6);
	assert_memory_equal(atr, a.answer, 6);
}

static void an_empty_slot_is_not_powered_up(void **state)
{
	unsigned sent;

	(void)state;
	fixture_open();
	sent = device_count(&fixture.device, 0);
	assert_int_equal(power_up_slowly(NULL), -ENOMEDIUM);
	assert_int_equal(device_count(&fixture.device, 0), sent);
}

static void a_powered_card_can_be_powered_up(void **state)
{
	(void)state;
	open_unpowered();
	assert_int_equal(power_up_slowly(NULL), 0);
	assert_int_equal(power_up_slowly(NULL), 0);
	assert_int_equal(transmit_serial(0), SERIAL);
}

static void an_unpowered_card_can_be_reset(void **state)
{
	(void)state;
	open_unpowered();
	order_reset(&a, 0);
	assert_int_equal(order_finish(&a, NULL), 0);
	assert_int_equal(transmit_serial(0), SERIAL);
}

/* Somebody else's, just before the owner goes on with the ATR. */
static void a_power_up_that_a_reset_has_undone_fails(void **state)
{
	(void)state;
	open_unpowered();
	device_hold(&fixture.device, USB_IN, true);
	order_power_up(&a, 0);
	pthread_mutex_lock(&fixture.reader->lock);
	fixture.reader->resets++;
	movement_reset(fixture.reader);
	pthread_mutex_unlock(&fixture.reader->lock);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(order_finish(&a, NULL), -EIO);
	assert_int_equal(power_up_slowly(NULL), 0);
	assert_int_equal(a.size, 6);
	assert_int_equal(transmit_once(0), 0);
}

/* How many power-offs a reset of it takes. */
static unsigned offs_of_a_reset(void)
{
	unsigned offs = device_count(&fixture.device, CCID_POWER_OFF);

	order_reset(&a, 0);
	assert_int_equal(order_finish(&a, NULL), 0);
	assert_int_equal(transmit_serial(0), SERIAL);
	return device_count(&fixture.device, CCID_POWER_OFF) - offs;
}

static void open_announced_card(void)
{
	fixture_open();
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(5000);
	be_ready(0, SERIAL);
}

static void a_reset_is_a_warm_one(void **state)
{
	(void)state;
	open_announced_card();
	assert_int_equal(offs_of_a_reset(), 0);
}

static void a_card_that_does_not_answer_is_reset_cold(void **state)
{
	(void)state;
	open_announced_card();
	device_on(&fixture.device, CCID_POWER_ON, DEVICE_FAIL, 0,
		  CCID_ERROR_MUTE);
	assert_int_equal(offs_of_a_reset(), 1);
}

/* There the ATR has to tell whether it is the same card. */
static void a_reset_is_a_cold_one_while_no_movement_was_announced(void **state)
{
	(void)state;
	open_with_card();
	be_ready(0, SERIAL);
	assert_int_equal(offs_of_a_reset(), 1);
}

static void another_atr_of_a_warm_reset_is_the_cards(void **state)
{
	(void)state;
	open_announced_card();
	device_on(&fixture.device, CCID_POWER_ON, DEVICE_ATR_SIZE, 9, 0);
	assert_int_equal(offs_of_a_reset(), 0);
	assert_int_equal(a.size, 9);
	assert_int_equal(power_off(0), 0);
	assert_int_equal(power_up_slowly(NULL), 0);
	assert_int_equal(a.size, 6);
}

static void a_reader_that_chooses_the_voltage_is_left_to_it(void **state)
{
	(void)state;
	open_unpowered();
	assert_int_equal(power_up_slowly(NULL), 0);
	assert_int_equal(voltages_tried(), 0);
}

static void a_card_of_one_voltage_is_found(void **state)
{
	static const uint8_t all[] = {
		DESC_VOLTAGE_5V, DESC_VOLTAGE_3V, DESC_VOLTAGE_1V8,
	};

	(void)state;
	device_set_features(&fixture.device, SHORT_LEVEL | SWITCHED);
	open_unpowered();
	for (size_t i = 0; i < sizeof(all); i++) {
		device_remove(&fixture.device, 0);
		stopped_clock_pass(1000);
		device_insert(&fixture.device, 0, SERIAL);
		stopped_clock_pass(1000);
		script_lock(&fixture.device.script);
		fixture.device.slot[0].card.voltages = all[i];
		script_unlock(&fixture.device.script);
		assert_int_equal(power_up_slowly(NULL), 0);
		assert_int_equal(transmit_serial(0), SERIAL);
	}
}

static void no_voltage_is_tried_that_the_reader_does_not_have(void **state)
{
	(void)state;
	device_set_features(&fixture.device, SHORT_LEVEL | SWITCHED);
	device_set_voltages(&fixture.device, DESC_VOLTAGE_3V);
	open_unpowered();
	assert_int_equal(power_up_slowly(NULL), 0);
	assert_int_equal(voltages_tried(), CCID_POWER_3V);
}

static void a_mute_card_fails_within_its_bound(void **state)
{
	uint64_t ms;

	(void)state;
	device_set_features(&fixture.device, SHORT_LEVEL | SWITCHED);
	open_unpowered();
	for (int i = 0; i < 20; i++)
		device_on(&fixture.device, CCID_POWER_ON, DEVICE_FAIL, 0,
			  CCID_ERROR_MUTE);
	assert_int_equal(power_up_slowly(&ms), -EIO);
	assert_true(ms <= 40000);
	assert_int_equal(supply_atr(fixture.reader, 0, a.answer), 0);
}

static void a_reader_that_stays_silent_fails_within_its_bound(void **state)
{
	uint64_t ms;

	(void)state;
	device_set_features(&fixture.device, SHORT_LEVEL | SWITCHED);
	fixture.device.ignores_abort = true;
	open_unpowered();
	for (int i = 0; i < 60; i++)
		device_on(&fixture.device, 0, DEVICE_SILENT, 0, 0);
	assert_true(power_up_slowly(&ms) < 0);
	assert_true(ms <= 40000);
}

static void a_card_that_wakes_up_late_is_powered_up(void **state)
{
	(void)state;
	open_unpowered();
	device_on(&fixture.device, CCID_POWER_ON, DEVICE_FAIL, 0,
		  CCID_ERROR_MUTE);
	assert_int_equal(power_up_slowly(NULL), 0);
	assert_int_equal(transmit_serial(0), SERIAL);
}

static void an_atr_of_33_bytes_is_the_longest(void **state)
{
	(void)state;
	open_unpowered();
	device_on(&fixture.device, CCID_POWER_ON, DEVICE_ATR_SIZE, 33, 0);
	assert_int_equal(power_up_slowly(NULL), 0);
	assert_int_equal(a.size, 33);
}

static void a_longer_atr_is_none(void **state)
{
	(void)state;
	open_unpowered();
	memset(a.answer, 0xEE, 100);
	for (int i = 0; i < 10; i++)
		device_on(&fixture.device, CCID_POWER_ON, DEVICE_ATR_SIZE, 34,
			  0);
	assert_int_equal(power_up_slowly(NULL), -EIO);
	for (int i = 0; i < 100; i++)
		assert_int_equal(a.answer[i], 0xEE);
	assert_int_equal(supply_atr(fixture.reader, 0, a.answer), 0);
}

static void a_card_without_an_atr_is_powered_up(void **state)
{
	(void)state;
	open_unpowered();
	device_on(&fixture.device, CCID_POWER_ON, DEVICE_ATR_SIZE, 0, 0);
	assert_int_equal(power_up_slowly(NULL), 0);
	assert_int_equal(a.size, 0);
}

static void it_is_powered_off_as_its_slot_closes(void **state)
{
	unsigned before;

	a_card_without_an_atr_is_powered_up(state);
	before = device_count(&fixture.device, CCID_POWER_OFF);
	fixture_close();
	assert_int_equal(device_count(&fixture.device, CCID_POWER_OFF),
			 before + 1);
}

static void a_power_off_ends_the_session(void **state)
{
	(void)state;
	open_with_card();
	assert_int_equal(power_off(0), 0);
	assert_int_equal(transmit_once(0), -ESTALE);
	assert_int_equal(supply_atr(fixture.reader, 0, a.answer), 0);
	assert_int_equal(power_off(0), 0);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(transmit_serial(0), SERIAL);
}

static void a_power_off_of_an_empty_slot_is_none(void **state)
{
	(void)state;
	fixture_open();
	assert_int_equal(power_off(0), 0);
}

static void a_power_off_without_an_answer_ends_soon(void **state)
{
	uint64_t ms;

	(void)state;
	open_with_card();
	device_on(&fixture.device, CCID_POWER_OFF, DEVICE_SILENT, 0, 0);
	order_power_off(&a, 0);
	assert_int_equal(order_finish(&a, &ms), 0);
	assert_true(ms <= 5000);
}

static void nothing_is_sent_to_a_card_that_was_not_powered_up(void **state)
{
	unsigned blocks;

	(void)state;
	device_set_features(&fixture.device, SHORT_LEVEL | DEVICE_AUTOMATIC |
						     DESC_AUTO_ACTIVATION);
	open_unpowered();
	blocks = device_count(&fixture.device, CCID_XFR_BLOCK);
	assert_int_equal(transmit_once(0), -ESTALE);
	assert_int_equal(card_set_protocol(fixture.reader, 0, 0), -ESTALE);
	assert_int_equal(device_count(&fixture.device, CCID_XFR_BLOCK),
			 blocks);
}

static void nothing_is_sent_to_an_empty_slot(void **state)
{
	(void)state;
	fixture_open();
	assert_int_equal(transmit_once(0), -ENOMEDIUM);
	assert_int_equal(card_set_protocol(fixture.reader, 0, 0), -ENOMEDIUM);
	assert_int_equal(device_count(&fixture.device, CCID_XFR_BLOCK), 0);
}

static void the_power_goes_off_at_the_close(void **state)
{
	(void)state;
	open_with_card();
	fixture_close();
	assert_false(fixture.device.slot[0].active);
}

/* Nobody is told any more whose card it was. */
static void no_question_is_asked_at_the_close(void **state)
{
	unsigned questions;

	(void)state;
	fixture.device.script.info.interrupt_endpoint = 0;
	open_with_card();
	stopped_clock_settle();
	questions = device_count(&fixture.device, CCID_GET_SLOT_STATUS);
	fixture_close();
	assert_int_equal(device_count(&fixture.device, CCID_GET_SLOT_STATUS),
			 questions);
	assert_false(fixture.device.slot[0].active);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(the_atr_comes_back),
		TEST(an_empty_slot_is_not_powered_up),
		TEST(a_powered_card_can_be_powered_up),
		TEST(an_unpowered_card_can_be_reset),
		TEST(a_power_up_that_a_reset_has_undone_fails),
		TEST(a_reset_is_a_warm_one),
		TEST(a_card_that_does_not_answer_is_reset_cold),
		TEST(a_reset_is_a_cold_one_while_no_movement_was_announced),
		TEST(another_atr_of_a_warm_reset_is_the_cards),
		TEST(a_reader_that_chooses_the_voltage_is_left_to_it),
		TEST(a_card_of_one_voltage_is_found),
		TEST(no_voltage_is_tried_that_the_reader_does_not_have),
		TEST(a_mute_card_fails_within_its_bound),
		TEST(a_reader_that_stays_silent_fails_within_its_bound),
		TEST(a_card_that_wakes_up_late_is_powered_up),
		TEST(an_atr_of_33_bytes_is_the_longest),
		TEST(a_longer_atr_is_none),
		TEST(a_card_without_an_atr_is_powered_up),
		TEST(it_is_powered_off_as_its_slot_closes),
		TEST(a_power_off_ends_the_session),
		TEST(a_power_off_of_an_empty_slot_is_none),
		TEST(a_power_off_without_an_answer_ends_soon),
		TEST(nothing_is_sent_to_a_card_that_was_not_powered_up),
		TEST(nothing_is_sent_to_an_empty_slot),
		TEST(the_power_goes_off_at_the_close),
		TEST(no_question_is_asked_at_the_close),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
