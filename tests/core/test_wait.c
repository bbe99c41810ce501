/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>

#include "fixture.h"
#include "movement_told.h"

#define SERIAL	0x01020304u

static struct order second, other;

/* --- the table of movement_told.h */

static void a_wait_ends_at_once_if_the_state_differs_already(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	order_wait(&watching, 0, MOVEMENT_FOREVER);
	assert_int_equal(order_join(&watching, &ms), 0);
	assert_int_equal(ms, 0);
}

static void an_insertion_ends_the_wait(void **state)
{
	(void)state;
	fixture_open();
	watch_start(0);
	assert_false(call_is_over(&watching.call));
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	watch_told(TRACK_PRESENT);
}

static void a_removal_ends_the_wait(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	watch_start(0);
	assert_false(call_is_over(&watching.call));
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	watch_told(TRACK_EMPTY);
}

static void a_swap_ends_the_wait_and_is_told_as_a_removal(void **state)
{
	(void)state;
	fixture.device.announcement = DEVICE_MERGED;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	watch_start(0);
	stopped_clock_pass(5000);
	device_swap(&fixture.device, 0, SERIAL + 1);
	stopped_clock_settle();
	watch_told(TRACK_EMPTY);
}

static void a_second_wait_is_refused_and_the_first_one_goes_on(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	watch_start(0);
	order_wait(&second, 0, MOVEMENT_FOREVER);
	assert_int_equal(order_join(&second, &ms), -EBUSY);
	assert_int_equal(ms, 0);
	order_wait(&second, 0, MOVEMENT_FOREVER);
	assert_int_equal(order_join(&second, &ms), -EBUSY);
	assert_false(call_is_over(&watching.call));
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	watch_told(TRACK_PRESENT);
}

static void a_refused_wait_uses_no_stop_up(void **state)
{
	(void)state;
	fixture_open();
	watch_start(0);
	order_wait(&second, 0, 0);
	assert_int_equal(order_join(&second, NULL), -EBUSY);
	watch_stop();
}

static void a_stop_ends_the_wait(void **state)
{
	(void)state;
	fixture_open();
	watch_start(0);
	watch_stop();
}

static void a_stop_ahead_of_the_wait_ends_it(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	movement_stop(fixture.reader, 0);
	order_wait(&watching, 0, MOVEMENT_FOREVER);
	assert_int_equal(order_join(&watching, &ms), 0);
	assert_int_equal(ms, 0);
}

static void stops_are_used_up_by_one_return(void **state)
{
	(void)state;
	fixture_open();
	for (int i = 0; i < 5; i++)
		movement_stop(fixture.reader, 0);
	order_wait(&watching, 0, MOVEMENT_FOREVER);
	assert_int_equal(order_join(&watching, NULL), 0);
	order_wait(&watching, 0, MOVEMENT_FOREVER);
	assert_false(call_is_over(&watching.call));
	watch_stop();
}

static void a_stop_of_one_slot_leaves_the_other_alone(void **state)
{
	(void)state;
	device_set_slots(&fixture.device, 2, 1);
	fixture_open();
	order_wait(&watching, 0, MOVEMENT_FOREVER);
	order_wait(&second, 1, MOVEMENT_FOREVER);
	movement_stop(fixture.reader, 1);
	stopped_clock_settle();
	assert_int_equal(order_join(&second, NULL), 0);
	assert_false(call_is_over(&watching.call));
	watch_stop();
}

/* --- time */

static void a_timeout_of_nothing_looks_and_returns(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	order_wait(&watching, 0, 0);
	assert_int_equal(order_join(&watching, &ms), 0);
	assert_int_equal(ms, 0);
}

static void a_timeout_is_kept_to_the_millisecond(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	order_wait(&watching, 0, 5000);
	stopped_clock_pass(4999);
	assert_false(call_is_over(&watching.call));
	stopped_clock_pass(1);
	assert_int_equal(order_join(&watching, &ms), 0);
	assert_int_equal(ms, 5000);
}

static void wait_long(int timeout_ms)
{
	fixture_open();
	order_wait(&watching, 0, timeout_ms);
	stopped_clock_pass(2 * 600000);
	assert_false(call_is_over(&watching.call));
	watch_stop();
}

static void a_negative_timeout_waits_for_ever(void **state)
{
	(void)state;
	wait_long(-1);
}

static void the_most_negative_timeout_waits_for_ever(void **state)
{
	(void)state;
	wait_long(INT_MIN);
}

static void the_greatest_timeout_does_not_overflow(void **state)
{
	(void)state;
	wait_long(INT_MAX);
}

/* --- the device is gone */

static void a_wait_on_a_gone_device_lasts_a_second(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	device_unplug(&fixture.device);
	stopped_clock_settle();
	order_wait(&watching, 0, MOVEMENT_FOREVER);
	stopped_clock_pass(999);
	assert_false(call_is_over(&watching.call));
	stopped_clock_pass(1);
	assert_int_equal(order_join(&watching, &ms), -ENODEV);
	assert_int_equal(ms, 1000);
}

static void an_unplugging_ends_the_wait_within_a_second(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	watch_start(0);
	stopped_clock_pass(300);
	device_unplug(&fixture.device);
	stopped_clock_pass(2000);
	assert_int_equal(order_join(&watching, &ms), -ENODEV);
	assert_int_equal(ms, 1300);
	assert_int_equal(watching.size, TRACK_GONE);
}

static void a_stop_ends_the_wait_on_a_gone_device(void **state)
{
	uint64_t ms;

	(void)state;
	fixture_open();
	device_unplug(&fixture.device);
	stopped_clock_settle();
	order_wait(&watching, 0, MOVEMENT_FOREVER);
	movement_stop(fixture.reader, 0);
	stopped_clock_settle();
	assert_int_equal(order_join(&watching, &ms), -ENODEV);
	assert_int_equal(ms, 0);
}

static void a_gone_device_is_never_told_as_an_empty_slot(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	device_unplug(&fixture.device);
	stopped_clock_settle();
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_GONE);
	assert_int_equal(movement_presence(fixture.reader, 0), TRACK_GONE);
}

static void each_slot_has_its_own_watcher(void **state)
{
	(void)state;
	device_set_slots(&fixture.device, 3, 1);
	fixture_open();
	order_wait(&watching, 0, MOVEMENT_FOREVER);
	order_wait(&second, 1, MOVEMENT_FOREVER);
	order_wait(&other, 2, MOVEMENT_FOREVER);
	device_insert(&fixture.device, 1, SERIAL);
	stopped_clock_settle();
	assert_int_equal(order_join(&second, NULL), 0);
	assert_false(call_is_over(&watching.call));
	assert_false(call_is_over(&other.call));
	device_insert(&fixture.device, 2, SERIAL);
	stopped_clock_settle();
	assert_int_equal(order_join(&other, NULL), 0);
	assert_false(call_is_over(&watching.call));
	watch_stop();
}

/* --- the thread is cancelled */

static void a_cancelled_wait_leaves_the_slot_to_the_next(void **state)
{
	(void)state;
	fixture_open();
	for (int i = 0; i < 50; i++) {
		order_wait(&watching, 0, MOVEMENT_FOREVER);
		assert_true(call_cancel(&watching.call));
	}
	order_wait(&watching, 0, MOVEMENT_FOREVER);
	assert_false(call_is_over(&watching.call));
	watch_stop();
}

static void a_wait_on_a_gone_device_can_be_cancelled(void **state)
{
	(void)state;
	fixture_open();
	device_unplug(&fixture.device);
	stopped_clock_settle();
	order_wait(&watching, 0, MOVEMENT_FOREVER);
	assert_true(call_cancel(&watching.call));
	order_wait(&watching, 0, MOVEMENT_FOREVER);
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&watching, NULL), -ENODEV);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(a_wait_ends_at_once_if_the_state_differs_already),
		TEST(an_insertion_ends_the_wait),
		TEST(a_removal_ends_the_wait),
		TEST(a_swap_ends_the_wait_and_is_told_as_a_removal),
		TEST(a_second_wait_is_refused_and_the_first_one_goes_on),
		TEST(a_refused_wait_uses_no_stop_up),
		TEST(a_stop_ends_the_wait),
		TEST(a_stop_ahead_of_the_wait_ends_it),
		TEST(stops_are_used_up_by_one_return),
		TEST(a_stop_of_one_slot_leaves_the_other_alone),
		TEST(a_timeout_of_nothing_looks_and_returns),
		TEST(a_timeout_is_kept_to_the_millisecond),
		TEST(a_negative_timeout_waits_for_ever),
		TEST(the_most_negative_timeout_waits_for_ever),
		TEST(the_greatest_timeout_does_not_overflow),
		TEST(a_wait_on_a_gone_device_lasts_a_second),
		TEST(an_unplugging_ends_the_wait_within_a_second),
		TEST(a_stop_ends_the_wait_on_a_gone_device),
		TEST(a_gone_device_is_never_told_as_an_empty_slot),
		TEST(each_slot_has_its_own_watcher),
		TEST(a_cancelled_wait_leaves_the_slot_to_the_next),
		TEST(a_wait_on_a_gone_device_can_be_cancelled),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
