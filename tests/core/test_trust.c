/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readers whose answers to "what is in the slot?" are wrong, late or missing, and
 * such as announce movements that there were not.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "card.h"
#include "fixture.h"
#include "movement_told.h"
#include "track_asked.h"

#define SERIAL		0x01020304u
#define INACTIVE	1
#define ABSENT		2
#define WAIT_MS		600000	/* pcscd's */

static struct order a;

static unsigned asked(void)
{
	return device_count(&fixture.device, CCID_GET_SLOT_STATUS);
}

static void insert(uint32_t serial)
{
	device_insert(&fixture.device, 0, serial);
	stopped_clock_settle();
}

/* A card is used again and again, and nothing moves. */
static void assert_used_in_peace(uint32_t serial)
{
	watch_start(0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(transmit_serial(0), serial);
		stopped_clock_pass(1000);
	}
	assert_false(call_is_over(&watching.call));
	watch_stop();
}

static void a_reader_that_calls_every_card_inactive_can_be_used(void **state)
{
	(void)state;
	fixture.device.pretends = INACTIVE;
	fixture_open();
	insert(SERIAL);
	be_ready(0, SERIAL);
	assert_used_in_peace(SERIAL);
	assert_int_equal(log_count("contradicts it"), 1);
}

static void the_same_without_an_interrupt_pipe(void **state)
{
	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	fixture.device.pretends = INACTIVE;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	be_ready(0, SERIAL);
	assert_used_in_peace(SERIAL);
	watch_start(0);
	device_remove(&fixture.device, 0);
	stopped_clock_pass(2000);
	order_join(&watching, NULL);
	assert_int_equal(watching.size, TRACK_EMPTY);
}

static void a_reader_whose_status_is_always_empty_can_be_used(void **state)
{
	(void)state;
	fixture.device.pretends = ABSENT;
	fixture_open();
	insert(SERIAL);
	be_ready(0, SERIAL);
	assert_used_in_peace(SERIAL);
	watch_start(0);
	device_swap(&fixture.device, 0, SERIAL + 1);
	stopped_clock_settle();
	order_join(&watching, NULL);
	assert_int_equal(watching.size, TRACK_EMPTY);
	assert_int_equal(log_count("contradicts it"), 1);
}

/* pcscd's thread without clients, for an hour. */
static void *wait_on(void *argument)
{
	(void)argument;
	for (unsigned i = 0; i < 6; i++) {
		movement_presence(fixture.reader, 0);
		movement_wait(fixture.reader, 0, WAIT_MS);
	}
	return NULL;
}

/* Of a reader that has told the truth so far. */
static void lose_a_notification(void (*move)(void), enum track_presence found)
{
	struct call call;
	unsigned questions;

	watch_start(0);
	watch_stop();
	fixture.device.announcement = DEVICE_MUTE;
	move();
	fixture.device.announcement = DEVICE_EACH;
	questions = asked();
	call_start(&call, wait_on, NULL);
	stopped_clock_pass(WAIT_MS - 1);
	assert_int_equal(asked(), questions);
	stopped_clock_pass(1000);
	assert_int_equal(movement_presence(fixture.reader, 0), found);
	stopped_clock_pass(6 * WAIT_MS);
	call_join(&call);
	assert_int_equal(movement_presence(fixture.reader, 0), found);
}

static void put_in(void)
{
	device_insert(&fixture.device, 0, SERIAL);
}

static void pull_out(void)
{
	device_remove(&fixture.device, 0);
}

/* Not as the reader announces others. */
static void unannounced(void (*move)(void))
{
	fixture.device.announcement = DEVICE_MUTE;
	move();
	fixture.device.announcement = DEVICE_EACH;
	stopped_clock_pass(1000);
}

static void announced(void (*move)(void))
{
	move();
	stopped_clock_pass(1000);
	watch_pass();
	watch_pass();
}

/* The watcher learns it all the same, and henceforth as soon as it may be. */
static void expect_found(enum track_presence found)
{
	watch_start(0);
	stopped_clock_pass(2 * TRACK_CHECK_MS);
	order_join(&watching, NULL);
	assert_int_equal(watching.size, found);
	watch_start(0);
	stopped_clock_pass(TRACK_ECHO_MS);
	watch_stop();
	assert_int_equal(log_count("does not announce"), 1);
}

static void a_reader_that_announces_insertions_alone_is_found_out(void **state)
{
	(void)state;
	fixture_open();
	watch_pass();
	announced(put_in);
	unannounced(pull_out);
	announced(put_in);
	unannounced(pull_out);
	expect_found(TRACK_EMPTY);
}

static void a_reader_that_announces_removals_alone_is_found_out(void **state)
{
	(void)state;
	put_in();
	fixture_open();
	stopped_clock_pass(1000);
	watch_pass();
	announced(pull_out);
	unannounced(put_in);
	announced(pull_out);
	unannounced(put_in);
	expect_found(TRACK_PRESENT);
}

static void a_lost_insertion_is_found_after_a_wait_in_vain(void **state)
{
	(void)state;
	fixture_open();
	put_in();
	stopped_clock_settle();
	pull_out();
	stopped_clock_settle();
	lose_a_notification(put_in, TRACK_PRESENT);
}

static void a_lost_removal_is_found_after_a_wait_in_vain(void **state)
{
	(void)state;
	fixture_open();
	put_in();
	stopped_clock_settle();
	lose_a_notification(pull_out, TRACK_EMPTY);
}

/* Garbled messages raise a doubt each. */
static void raise_doubt(void)
{
	device_break(&fixture.device, USB_INTERRUPT, -EIO);
	stopped_clock_pass(4000);
}

static void a_reader_that_answers_no_more_is_not_asked_for_ever(void **state)
{
	unsigned before;

	(void)state;
	fixture_open();
	insert(SERIAL);
	be_ready(0, SERIAL);
	watch_start(0);
	for (int i = 0; i < DEVICE_FAULTS_MAX; i++)
		device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_FAIL,
			  0, CCID_ERROR_NOT_SUPPORTED);
	before = asked();
	raise_doubt();
	stopped_clock_pass(3600000);
	assert_int_equal(asked() - before, TRACK_SILENT_ROW);
	assert_int_equal(log_count("does not answer"), 1);
	raise_doubt();
	assert_int_equal(asked() - before, TRACK_SILENT_ROW + 1);
	assert_int_equal(log_count("does not answer"), 1);
	assert_int_equal(transmit_serial(0), SERIAL);
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	order_join(&watching, NULL);
	assert_int_equal(watching.size, TRACK_EMPTY);
}

/* --- the pace */

static void a_slow_reader_rests_as_long_as_it_works(void **state)
{
	unsigned before;

	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	fixture_open();
	watch_start(0);
	device_delay(&fixture.device, USB_IN, true);
	stopped_clock_pass(200);
	for (int i = 0; i < 3; i++) {
		before = asked();
		stopped_clock_pass(900);
		device_delay(&fixture.device, USB_IN, false);
		stopped_clock_settle();
		device_delay(&fixture.device, USB_IN, true);
		stopped_clock_pass(899);
		assert_int_equal(asked(), before);
		stopped_clock_pass(1);
		assert_int_equal(asked(), before + 1);
	}
	device_delay(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	watch_stop();
}

static void sixteen_slots_share_one_budget(void **state)
{
	unsigned before;

	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	device_set_slots(&fixture.device, DESC_SLOTS_MAX, 1);
	fixture_open();
	watch_start(0);
	order_wait(&a, 1, MOVEMENT_FOREVER);
	stopped_clock_pass(1000);
	before = asked();
	stopped_clock_pass(2000);
	assert_in_range(asked() - before, 15, 20);
	watch_stop();
	movement_stop(fixture.reader, 1);
	stopped_clock_settle();
	order_join(&a, NULL);
}

/* --- readers that set the change bit at power commands */

static void chatter(struct device *device, unsigned slot, uint8_t type)
{
	static const uint8_t changed[] = { CCID_NOTIFY_SLOT_CHANGE, 0x03 };

	(void)slot;
	if (type == CCID_POWER_ON || type == CCID_POWER_OFF)
		script_put(&device->script, USB_INTERRUPT, 0, changed,
			   sizeof(changed), 0);
}

static void plug_chatty(uint32_t features)
{
	device_set_features(&fixture.device,
			    SHORT_LEVEL | DEVICE_AUTOMATIC | features);
	fixture.device.watch = chatter;
	fixture_open();
	stopped_clock_pass(5000);
}

/* As pcscd does it: what is there is powered up. Returns the power-ups. */
static unsigned follow(void)
{
	enum track_presence before = TRACK_EMPTY;
	unsigned n = 0;

	for (int i = 0; i < 20; i++) {
		enum track_presence now;

		assert_int_equal(movement_wait(fixture.reader, 0, 0), 0);
		now = movement_presence(fixture.reader, 0);
		if (now == TRACK_PRESENT && before == TRACK_EMPTY) {
			order_power_up(&a, 0);
			stopped_clock_pass(200);
			order_join(&a, NULL);
			n++;
		}
		before = now;
		stopped_clock_settle();
	}
	return n;
}

static void reset_in_peace(void)
{
	stopped_clock_pass(5000);
	watch_start(0);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(power_off(0), 0);
		stopped_clock_pass(100);
		assert_int_equal(power_up(0), 0);
		stopped_clock_pass(100);
		assert_int_equal(transmit_serial(0), SERIAL);
	}
	assert_false(call_is_over(&watching.call));
	watch_stop();
}

/* Each bit is a power-up of pcscd's, which makes the next one. */
static void a_reader_that_sets_the_bit_at_power_ups_is_found_out(void **state)
{
	(void)state;
	plug_chatty(DESC_AUTO_ACTIVATION);
	insert(SERIAL);
	assert_in_range(follow(), 1, 5);
	assert_int_equal(transmit_serial(0), SERIAL);
	assert_int_equal(log_count("at its own power commands"), 1);
}

static void once_it_is_found_out_a_card_is_used_in_peace(void **state)
{
	(void)state;
	plug_chatty(0);
	insert(SERIAL);
	for (int i = 0; i < 3; i++) {
		follow();
		stopped_clock_pass(5000);
		power_off(0);
		stopped_clock_settle();
	}
	follow();
	reset_in_peace();
}

static void its_swaps_are_told_all_the_same(void **state)
{
	(void)state;
	once_it_is_found_out_a_card_is_used_in_peace(state);
	stopped_clock_pass(5000);
	follow();
	fixture.device.announcement = DEVICE_MERGED;
	device_hold(&fixture.device, USB_INTERRUPT, true);
	device_swap(&fixture.device, 0, SERIAL + 1);
	device_hold(&fixture.device, USB_INTERRUPT, false);
	stopped_clock_pass(1000);
	assert_int_equal(transmit_serial(0), 0);
	follow();
	assert_int_equal(transmit_serial(0), SERIAL + 1);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(a_reader_that_calls_every_card_inactive_can_be_used),
		TEST(the_same_without_an_interrupt_pipe),
		TEST(a_reader_whose_status_is_always_empty_can_be_used),
		TEST(a_reader_that_announces_insertions_alone_is_found_out),
		TEST(a_reader_that_announces_removals_alone_is_found_out),
		TEST(a_lost_insertion_is_found_after_a_wait_in_vain),
		TEST(a_lost_removal_is_found_after_a_wait_in_vain),
		TEST(a_reader_that_answers_no_more_is_not_asked_for_ever),
		TEST(a_slow_reader_rests_as_long_as_it_works),
		TEST(sixteen_slots_share_one_budget),
		TEST(a_reader_that_sets_the_bit_at_power_ups_is_found_out),
		TEST(once_it_is_found_out_a_card_is_used_in_peace),
		TEST(its_swaps_are_told_all_the_same),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
