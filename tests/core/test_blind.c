/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots without a switch, as for SAMs and SIMs: the reader calls them full,
 * whatever is inside. Only a power-up finds out. And mute cards, where the reply
 * to a power-up says that there is none.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "card.h"
#include "fixture.h"
#include "movement_told.h"

#define SERIAL		0x01020304u
#define FAILED		0x40
#define INACTIVE	1
#define ABSENT		2

static void (*device_command)(struct script *script, const uint8_t *bytes,
			      size_t size);
static bool inside;
static uint8_t said;	/* of the card, where a power-up found none */
static struct order a, b;
static volatile bool ending;

static void command(struct script *script, const uint8_t *bytes, size_t size)
{
	uint8_t mute[CCID_HEADER_SIZE] = { CCID_DATA_BLOCK };

	if (inside || bytes[0] != CCID_POWER_ON) {
		device_command(script, bytes, size);
		return;
	}
	memcpy(mute + 5, bytes + 5, 2);
	mute[7] = FAILED | said;
	mute[8] = CCID_ERROR_MUTE;
	script_put(script, USB_IN, 0, mute, sizeof(mute), 0);
}

static int plug(void **state)
{
	fixture_plug(state);
	inside = false;
	said = INACTIVE;
	device_command = fixture.device.script.command;
	fixture.device.script.command = command;
	fixture.device.announcement = DEVICE_MUTE;
	device_insert(&fixture.device, 0, SERIAL);
	return 0;
}

static int power_up_slowly(void)
{
	order_power_up(&a, 0);
	return order_finish(&a, NULL);
}

static void open_empty(void)
{
	fixture_open();
	assert_int_equal(movement_presence(fixture.reader, 0), TRACK_PRESENT);
	assert_true(power_up_slowly() < 0);
}

static void a_power_up_of_nobody_fails_and_changes_nothing(void **state)
{
	(void)state;
	open_empty();
	assert_int_equal(movement_presence(fixture.reader, 0), TRACK_PRESENT);
	watch_start(0);
	stopped_clock_pass(3600000);
	assert_false(call_is_over(&watching.call));
	watch_stop();
}

static void a_card_that_comes_later_is_found(void **state)
{
	(void)state;
	open_empty();
	watch_start(0);
	stopped_clock_pass(60000);
	inside = true;
	assert_int_equal(power_up_slowly(), 0);
	assert_int_equal(transmit_serial(0), SERIAL);
	watch_stop();
}

/* It was known, so it is told as another one. */
static void a_card_that_went_and_came_is_found(void **state)
{
	(void)state;
	inside = true;
	fixture_open();
	be_ready(0, SERIAL);
	watch_start(0);
	assert_int_equal(power_off(0), 0);
	inside = false;
	assert_true(power_up_slowly() < 0);
	watch_told(TRACK_EMPTY);
	watch_start(0);
	stopped_clock_pass(60000);
	inside = true;
	assert_int_equal(power_up_slowly(), 0);
	assert_int_equal(transmit_serial(0), SERIAL);
	watch_stop();
}

/* pcscd's event thread: what is new is powered up. Counts its passes. */
static void *follow(void *argument)
{
	struct order *order = argument;
	enum track_presence before = movement_truth(fixture.reader, 0), now;

	for (order->size = 0; !ending; order->size++) {
		movement_wait(fixture.reader, 0, MOVEMENT_FOREVER);
		now = movement_presence(fixture.reader, 0);
		if (now == TRACK_PRESENT && before == TRACK_EMPTY)
			card_power_up(fixture.reader, 0, false, order->answer,
				      &order->room);
		before = now;
	}
	return NULL;
}

/* What is said in vain looks like one swap after the other. */
static void nobody_is_not_powered_up_for_ever(void **state)
{
	(void)state;
	said = ABSENT;
	open_empty();
	ending = false;
	call_start(&b.call, follow, &b);
	stopped_clock_pass(3600000);
	assert_in_range(b.size, 0, 10);
	inside = true;
	assert_int_equal(power_up_slowly(), 0);
	assert_int_equal(transmit_serial(0), SERIAL);
	ending = true;
	movement_stop(fixture.reader, 0);
	stopped_clock_settle();
	order_join(&b, NULL);
}

/* One that lies upside down; the reader announces it, and that it goes. */
static void a_mute_card_is_not_powered_up_for_ever(void **state)
{
	(void)state;
	device_remove(&fixture.device, 0);
	fixture.device.announcement = DEVICE_EACH;
	said = ABSENT;
	fixture_open();
	watch_pass();
	ending = false;
	call_start(&b.call, follow, &b);
	stopped_clock_settle();
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(3600000);
	assert_in_range(b.size, 2, 12);
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_PRESENT);
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	inside = true;
	device_insert(&fixture.device, 0, SERIAL + 1);
	stopped_clock_pass(1000);
	be_ready(0, SERIAL + 1);
	ending = true;
	movement_stop(fixture.reader, 0);
	stopped_clock_settle();
	order_join(&b, NULL);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, plug, fixture_discard)
		TEST(a_power_up_of_nobody_fails_and_changes_nothing),
		TEST(a_card_that_comes_later_is_found),
		TEST(a_card_that_went_and_came_is_found),
		TEST(nobody_is_not_powered_up_for_ever),
		TEST(a_mute_card_is_not_powered_up_for_ever),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
