/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "card.h"
#include "control.h"
#include "fixture.h"
#include "movement_told.h"
#include "options.h"
#include "pin_pad.h"

#define SERIAL		0x01020304u
#define STEPS_MAX	400
#define CALL_MAX_MS	1000	/* of any call, once the device is gone */

static const uint8_t get_data[] = { 0x00, 0xCA, 0x00, 0x00, 0x00 };

static const char escapes_allowed[] =
	"<plist><dict><key>ifdDriverOptions</key><string>1</string>"
	"</dict></plist>";

static struct order orders[8];

/* Done before the unplugging, or -ENODEV. */
static void assert_ends(struct order *order)
{
	uint64_t ms;

	stopped_clock_pass(CALL_MAX_MS);
	order_join(order, &ms);
	assert_true(order->r == 0 || order->r == -ENODEV);
	assert_true(ms <= CALL_MAX_MS);
}

static void *set_protocol(void *argument)
{
	struct order *order = argument;

	order->r = card_set_protocol(fixture.reader, 0, 0);
	return NULL;
}

/* The reader knows none. */
static void *send_escape(void *argument)
{
	static const uint8_t escape[] = { 0x01 };
	struct order *order = argument;

	order->r = control(fixture.reader, 0, ESCAPE, escape, sizeof(escape),
			   order->answer, sizeof(order->answer), &order->size);
	return NULL;
}

/* A reader's life in short; nothing of it may last or fail otherwise. */
static void live(void)
{
	order_wait(&orders[0], 0, MOVEMENT_FOREVER);
	movement_stop(fixture.reader, 0);
	assert_ends(&orders[0]);
	order_power_up(&orders[1], 0);
	assert_ends(&orders[1]);
	call_start(&orders[6].call, set_protocol, &orders[6]);
	assert_ends(&orders[6]);
	call_start(&orders[7].call, send_escape, &orders[7]);
	stopped_clock_pass(CALL_MAX_MS);
	order_join(&orders[7], NULL);
	assert_true(orders[7].r == -ENOTSUP || orders[7].r == -ENODEV);
	for (int i = 0; i < 2; i++) {
		order_transmit(&orders[2], 0, get_data, sizeof(get_data));
		stopped_clock_pass(CALL_MAX_MS);
		order_join(&orders[2], NULL);
		assert_true(orders[2].r == 0 || orders[2].r == -ENODEV ||
			    orders[2].r == -ESTALE);
	}
	order_reset(&orders[3], 0);
	assert_ends(&orders[3]);
	order_power_off(&orders[4], 0);
	assert_ends(&orders[4]);
	order_presence(&orders[5], 0);
	order_join(&orders[5], NULL);
	if (fixture.reader->gone)
		assert_int_equal(orders[5].r, TRACK_GONE);
	else
		assert_int_equal(orders[5].r, TRACK_PRESENT);
}

/* As a Lun does that is the last one of its reader. */
static void *close_reader(void *argument)
{
	(void)argument;
	reader_end_slot(fixture.reader, 0);
	reader_close_slot(fixture.reader, 0);
	reader_close(fixture.reader);
	return NULL;
}

static void close_in_time(void)
{
	struct call call;

	call_start(&call, close_reader, NULL);
	stopped_clock_pass(CALL_MAX_MS);
	assert_true(call_join(&call) <= CALL_MAX_MS);
	fixture.reader = NULL;
	fixture.slots = 0;
}

static void an_unplugging_at_any_step_ends_all_calls(void **state)
{
	unsigned k;

	(void)state;
	options_forget();
	assert_int_equal(options_take("file", escapes_allowed,
				      sizeof(escapes_allowed) - 1), 0);
	for (k = 1; k < STEPS_MAX; k++) {
		script_lock(&fixture.device.script);
		fixture.device.script.unplugged = false;
		script_unlock(&fixture.device.script);
		device_insert(&fixture.device, 0, SERIAL);
		fixture_open();
		movement_presence(fixture.reader, 0);
		fixture.device.script.unplug_in = k;
		live();
		close_in_time();
		assert_int_equal(fixture.device.script.transfers, 0);
		if (fixture.device.script.unplug_in)
			break;
	}
	assert_in_range(k, 20, STEPS_MAX - 1);
	fixture.device.script.unplug_in = 0;
}

static void nothing_is_submitted_after_the_loss_is_known(void **state)
{
	unsigned steps;

	(void)state;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	be_ready(0, SERIAL);
	device_unplug(&fixture.device);
	stopped_clock_settle();
	steps = fixture.device.script.steps;
	order_power_up(&orders[0], 0);
	order_join(&orders[0], NULL);
	order_transmit(&orders[0], 0, get_data, sizeof(get_data));
	assert_int_equal(order_join(&orders[0], NULL), -ENODEV);
	order_power_off(&orders[0], 0);
	order_join(&orders[0], NULL);
	order_wait(&orders[0], 0, 10);
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&orders[0], NULL), -ENODEV);
	reader_removed(fixture.reader, 0);
	fixture_close();
	assert_int_equal(fixture.device.script.steps, steps);
}

static void an_unplugging_ends_everything_that_is_under_way(void **state)
{
	(void)state;
	device_set_slots(&fixture.device, 4, 2);
	for (unsigned i = 0; i < 3; i++)
		device_insert(&fixture.device, i, SERIAL + i);
	fixture_open();
	for (unsigned i = 0; i < 3; i++)
		be_ready(i, SERIAL + i);
	for (unsigned i = 0; i < 4; i++)
		movement_presence(fixture.reader, i);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	for (unsigned i = 0; i < 3; i++)
		order_transmit(&orders[i], i, get_data, sizeof(get_data));
	order_wait(&orders[3], 3, MOVEMENT_FOREVER);
	for (unsigned i = 0; i < 4; i++)
		assert_false(call_is_over(&orders[i].call));
	device_unplug(&fixture.device);
	stopped_clock_settle();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(order_join(&orders[i], NULL), -ENODEV);
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&orders[3], NULL), -ENODEV);
}

static void a_claimed_removal_is_checked_with_the_device(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	be_ready(0, SERIAL);
	reader_removed(fixture.reader, 0);
	stopped_clock_pass(1000);
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_PRESENT);
	assert_int_equal(transmit_serial(0), SERIAL);
	script_lock(&fixture.device.script);
	fixture.device.script.unplugged = true;
	script_unlock(&fixture.device.script);
	reader_removed(fixture.reader, 0);
	stopped_clock_pass(1000);
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_GONE);
}

/* Whoever claims it all the time must not keep others from their cards. */
static void claimed_removals_keep_nobody_waiting(void **state)
{
	static struct order order;
	unsigned sent;

	(void)state;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	be_ready(0, SERIAL);
	sent = device_count(&fixture.device, CCID_GET_SLOT_STATUS);
	for (unsigned i = 0; i < 50; i++) {
		device_hold(&fixture.device, USB_IN, true);
		reader_removed(fixture.reader, 0);
		order_transmit(&order, 0, get_data, sizeof(get_data));
		reader_removed(fixture.reader, 0);
		device_hold(&fixture.device, USB_IN, false);
		stopped_clock_settle();
		assert_int_equal(order_join(&order, NULL), 0);
		assert_int_equal(order.size, 6);
	}
	assert_in_range(device_count(&fixture.device, CCID_GET_SLOT_STATUS) -
			sent, 1, 3);
}

/* --- close beside running calls */

static void end_slot(unsigned slot)
{
	reader_end_slot(fixture.reader, slot);
	stopped_clock_pass(3000);
}

static void the_end_of_a_slot_ends_its_wait(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	order_wait(&orders[0], 0, MOVEMENT_FOREVER);
	end_slot(0);
	assert_int_equal(order_join(&orders[0], &ms), -ENODEV);
	assert_int_equal(ms, 0);
}

static void the_end_of_a_slot_ends_its_command(void **state)
{
	uint64_t ms;

	(void)state;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	be_ready(0, SERIAL);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	order_transmit(&orders[0], 0, get_data, sizeof(get_data));
	end_slot(0);
	assert_int_equal(order_join(&orders[0], &ms), -ENODEV);
	assert_true(ms <= 1000);
}

static void the_end_of_a_slot_ends_its_power_up(void **state)
{
	uint64_t ms;

	(void)state;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	for (int i = 0; i < 10; i++)
		device_on(&fixture.device, CCID_POWER_ON, DEVICE_SILENT, 0, 0);
	order_power_up(&orders[0], 0);
	end_slot(0);
	assert_true(order_join(&orders[0], &ms) < 0);
	assert_true(ms <= 1000);
}

/* The one command at a time is another slot's. */
static void the_end_of_a_slot_ends_its_waiting_for_a_turn(void **state)
{
	uint64_t ms;

	(void)state;
	device_set_slots(&fixture.device, 2, 1);
	device_insert(&fixture.device, 0, SERIAL);
	device_insert(&fixture.device, 1, SERIAL + 1);
	fixture_open();
	be_ready(0, SERIAL);
	be_ready(1, SERIAL + 1);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	order_transmit(&orders[0], 0, get_data, sizeof(get_data));
	order_transmit(&orders[1], 1, get_data, sizeof(get_data));
	assert_false(call_is_over(&orders[1].call));
	reader_end_slot(fixture.reader, 1);
	stopped_clock_settle();
	assert_int_equal(order_join(&orders[1], &ms), -ENODEV);
	assert_int_equal(ms, 0);
	assert_false(call_is_over(&orders[0].call));
	device_remove(&fixture.device, 0);
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&orders[0], NULL), -ENOMEDIUM);
}

static void the_end_of_one_slot_leaves_the_others_alone(void **state)
{
	(void)state;
	open_ready(2, 2);
	order_wait(&orders[0], 0, MOVEMENT_FOREVER);
	reader_end_slot(fixture.reader, 1);
	reader_close_slot(fixture.reader, 1);
	fixture.slots = 1;
	assert_false(call_is_over(&orders[0].call));
	assert_int_equal(transmit_serial(0), SERIAL);
	movement_stop(fixture.reader, 0);
	stopped_clock_settle();
	order_join(&orders[0], NULL);
	assert_false(fixture.device.slot[1].active);
	assert_true(fixture.device.slot[0].active);
}

static void a_slot_can_be_opened_again_as_new(void **state)
{
	(void)state;
	device_set_slots(&fixture.device, 2, 1);
	device_insert(&fixture.device, 1, SERIAL);
	fixture_open();
	be_ready(1, SERIAL);
	movement_stop(fixture.reader, 1);
	reader_end_slot(fixture.reader, 1);
	reader_close_slot(fixture.reader, 1);
	assert_int_equal(reader_open_slot(fixture.reader, 1), 0);
	stopped_clock_settle();
	movement_presence(fixture.reader, 1);
	order_wait(&orders[0], 1, MOVEMENT_FOREVER);
	assert_false(call_is_over(&orders[0].call));
	order_transmit(&orders[1], 1, get_data, sizeof(get_data));
	assert_int_equal(order_join(&orders[1], NULL), -ESTALE);
	movement_stop(fixture.reader, 1);
	stopped_clock_settle();
	order_join(&orders[0], NULL);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(an_unplugging_at_any_step_ends_all_calls),
		TEST(nothing_is_submitted_after_the_loss_is_known),
		TEST(an_unplugging_ends_everything_that_is_under_way),
		TEST(a_claimed_removal_is_checked_with_the_device),
		TEST(claimed_removals_keep_nobody_waiting),
		TEST(the_end_of_a_slot_ends_its_wait),
		TEST(the_end_of_a_slot_ends_its_command),
		TEST(the_end_of_a_slot_ends_its_power_up),
		TEST(the_end_of_a_slot_ends_its_waiting_for_a_turn),
		TEST(the_end_of_one_slot_leaves_the_others_alone),
		TEST(a_slot_can_be_opened_again_as_new),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
