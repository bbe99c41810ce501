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

#include "fixture.h"
#include "lun.h"
#include "movement_told.h"

#define LUN(reader, slot)	((unsigned long)(reader) << 16 | (slot))

static struct device *others;

static int open_at(unsigned reader, unsigned slot, const struct device *device)
{
	int r = lun_open(LUN(reader, slot), device_name(device));

	stopped_clock_settle();
	return r;
}

static int close_at(unsigned reader, unsigned slot)
{
	return lun_close(LUN(reader, slot));
}

static void a_lun_is_found_from_open_to_close(void **state)
{
	struct lun *lun;

	(void)state;
	assert_null(lun_get(LUN(0, 0)));
	assert_int_equal(open_at(0, 0, &fixture.device), 0);
	lun = lun_get(LUN(0, 0));
	assert_non_null(lun);
	assert_int_equal(lun->slot, 0);
	lun_put(lun);
	assert_int_equal(close_at(0, 0), 0);
	assert_null(lun_get(LUN(0, 0)));
	assert_int_equal(fixture.device.script.opens, 0);
}

static void a_lun_does_not_open_twice(void **state)
{
	(void)state;
	assert_int_equal(open_at(0, 0, &fixture.device), 0);
	assert_int_equal(open_at(0, 0, &fixture.device), -EBUSY);
	assert_int_equal(close_at(0, 0), 0);
	assert_int_equal(close_at(0, 0), -ENOENT);
}

static void an_unknown_lun_does_not_close(void **state)
{
	(void)state;
	assert_int_equal(close_at(0, 0), -ENOENT);
	assert_int_equal(lun_close(~0ul), -ENOENT);
}

static void slots_share_their_reader(void **state)
{
	(void)state;
	device_set_slots(&fixture.device, 3, 1);
	assert_int_equal(open_at(0, 0, &fixture.device), 0);
	assert_int_equal(open_at(0, 1, &fixture.device), 0);
	assert_int_equal(open_at(0, 2, &fixture.device), 0);
	assert_int_equal(fixture.device.script.opens, 1);
	assert_int_equal(close_at(0, 0), 0);
	assert_int_equal(close_at(0, 2), 0);
	assert_int_equal(fixture.device.script.opens, 1);
	assert_int_equal(close_at(0, 1), 0);
	assert_int_equal(fixture.device.script.opens, 0);
}

/* The k-th order of n slots, k counting in the factorial number system. */
static void make_order(unsigned slots, unsigned k, unsigned order[])
{
	for (unsigned i = 0; i < slots; i++)
		order[i] = i;
	for (unsigned i = 0; i < slots; i++) {
		unsigned left = slots - i, j = i + k % left, slot = order[j];

		k /= left;
		order[j] = order[i];
		order[i] = slot;
	}
}

/* A slot that is still open knows its own card. */
static void check_slot(unsigned slot)
{
	struct lun *lun = lun_get(LUN(0, slot));

	assert_non_null(lun);
	assert_int_equal(movement_truth(lun->reader, slot),
			 slot % 2 ? TRACK_PRESENT : TRACK_EMPTY);
	lun_put(lun);
}

static void close_in_order(unsigned slots, const unsigned order[])
{
	for (unsigned i = 0; i < slots; i++)
		assert_int_equal(open_at(0, i, &fixture.device), 0);
	for (unsigned i = 0; i < slots; i++) {
		assert_int_equal(fixture.device.script.opens, 1);
		assert_int_equal(close_at(0, order[i]), 0);
		assert_null(lun_get(LUN(0, order[i])));
		for (unsigned j = i + 1; j < slots; j++)
			check_slot(order[j]);
	}
	assert_int_equal(fixture.device.script.opens, 0);
	assert_int_equal(fixture.device.script.transfers, 0);
}

/* All of them for up to four slots, of sixteen slots some. */
static void slots_close_in_every_order(void **state)
{
	static const struct {
		unsigned slots, at_once, orders;
	} rows[] = {
		{ 1, 1, 1 }, { 2, 1, 2 }, { 3, 2, 6 }, { 4, 4, 24 },
		{ 5, 1, 120 }, { 16, 1, 20 }, { 16, 16, 20 },
	};
	unsigned order[DESC_SLOTS_MAX];

	(void)state;
	for (unsigned i = 1; i < DESC_SLOTS_MAX; i += 2)
		device_insert(&fixture.device, i, i);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		device_set_slots(&fixture.device, rows[i].slots,
				 rows[i].at_once);
		for (unsigned k = 0; k < rows[i].orders; k++) {
			make_order(rows[i].slots, k * 7919, order);
			close_in_order(rows[i].slots, order);
		}
	}
}

static void a_slot_that_closed_opens_again_beside_the_others(void **state)
{
	(void)state;
	device_set_slots(&fixture.device, 3, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(open_at(0, i, &fixture.device), 0);
	assert_int_equal(close_at(0, 0), 0);
	device_insert(&fixture.device, 0, 1);
	assert_int_equal(open_at(0, 0, &fixture.device), 0);
	assert_int_equal(fixture.device.script.opens, 1);
	for (unsigned i = 3; i--;)
		assert_int_equal(close_at(0, i), 0);
}

static void a_slot_beyond_the_last_leaves_the_others_open(void **state)
{
	(void)state;
	assert_int_equal(open_at(0, 0, &fixture.device), 0);
	assert_int_equal(open_at(0, 1, &fixture.device), -ENOENT);
	assert_int_equal(open_at(0, 0xFFFF, &fixture.device), -ENOENT);
	assert_int_equal(close_at(0, 0), 0);
}

static void a_slot_beyond_the_last_leaves_nothing_open(void **state)
{
	(void)state;
	assert_int_equal(open_at(0, 7, &fixture.device), -ENOENT);
	assert_int_equal(fixture.device.script.opens, 0);
	assert_null(lun_get(LUN(0, 7)));
}

static void another_device_is_no_slot_of_this_reader(void **state)
{
	static struct device other;

	(void)state;
	device_set_slots(&fixture.device, 2, 1);
	device_plug(&other, 2);
	assert_int_equal(open_at(0, 0, &fixture.device), 0);
	assert_int_equal(open_at(0, 1, &other), -EBUSY);
	assert_int_equal(other.script.opens, 0);
	assert_int_equal(open_at(1, 0, &other), 0);
	assert_int_equal(close_at(1, 0), 0);
	assert_int_equal(close_at(0, 0), 0);
	device_discard(&other);
}

static void a_device_in_use_is_not_opened_by_another_reader(void **state)
{
	(void)state;
	assert_int_equal(open_at(0, 0, &fixture.device), 0);
	assert_int_equal(open_at(1, 0, &fixture.device), -EBUSY);
	assert_null(lun_get(LUN(1, 0)));
	assert_int_equal(close_at(0, 0), 0);
	assert_int_equal(open_at(1, 0, &fixture.device), 0);
	assert_int_equal(close_at(1, 0), 0);
}

static void a_failed_open_can_be_repeated(void **state)
{
	(void)state;
	script_fail(&fixture.device.script, SCRIPT_OPEN, 1, -EACCES);
	assert_int_equal(open_at(0, 0, &fixture.device), -EACCES);
	assert_null(lun_get(LUN(0, 0)));
	assert_int_equal(open_at(0, 0, &fixture.device), 0);
	assert_int_equal(close_at(0, 0), 0);
}

static void there_are_255_readers_and_no_more(void **state)
{
	(void)state;
	others = calloc(LUN_READERS_MAX + 1, sizeof(*others));
	assert_non_null(others);
	for (unsigned i = 0; i <= LUN_READERS_MAX; i++)
		device_plug(&others[i], 10 + i);
	for (unsigned i = 0; i < LUN_READERS_MAX; i++)
		assert_int_equal(open_at(i, 0, &others[i]), 0);
	assert_int_equal(open_at(LUN_READERS_MAX, 0, &others[LUN_READERS_MAX]),
			 -ENOSPC);
	assert_int_equal(others[LUN_READERS_MAX].script.opens, 0);
	assert_int_equal(close_at(7, 0), 0);
	assert_int_equal(open_at(LUN_READERS_MAX, 0, &others[LUN_READERS_MAX]),
			 0);
	for (unsigned i = 0; i <= LUN_READERS_MAX; i++)
		assert_int_equal(close_at(i, 0), i == 7 ? -ENOENT : 0);
	for (unsigned i = 0; i <= LUN_READERS_MAX; i++)
		device_discard(&others[i]);
	free(others);
}

/* --- a reader that takes its time */

static void *open_lun(void *argument)
{
	*(int *)argument = lun_open(LUN(0, 0), device_name(&fixture.device));
	return NULL;
}

static void *open_second_slot(void *argument)
{
	*(int *)argument = lun_open(LUN(0, 1), device_name(&fixture.device));
	return NULL;
}

static void a_reader_that_hangs_in_open_holds_up_no_other(void **state)
{
	static struct device other;
	struct call first, second;
	int r = 1, s = 1;

	(void)state;
	device_plug(&other, 2);
	device_set_slots(&fixture.device, 2, 1);
	device_hold(&fixture.device, USB_IN, true);
	call_start(&first, open_lun, &r);
	stopped_clock_settle();
	call_start(&second, open_second_slot, &s);
	stopped_clock_settle();
	assert_int_equal(open_at(1, 0, &other), 0);
	assert_int_equal(close_at(1, 0), 0);
	assert_false(call_is_over(&first));
	assert_false(call_is_over(&second));
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	call_join(&first);
	call_join(&second);
	assert_int_equal(r, 0);
	assert_int_equal(s, 0);
	assert_int_equal(fixture.device.script.opens, 1);
	assert_int_equal(close_at(0, 0), 0);
	assert_int_equal(close_at(0, 1), 0);
	device_discard(&other);
}

/* --- close beside a running call */

static struct order waiting;

static void *wait_on_lun(void *argument)
{
	struct order *order = argument;
	struct lun *lun = lun_get(LUN(0, 0));
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	pthread_cleanup_push(lun_put, lun);
	order->r = movement_wait(lun->reader, lun->slot, MOVEMENT_FOREVER);
	pthread_cleanup_pop(1);
	return NULL;
}

static void *close_lun(void *argument)
{
	*(int *)argument = lun_close(LUN(0, 0));
	return NULL;
}

static void a_close_ends_the_calls_that_run(void **state)
{
	struct call closing;
	int r = 1;

	(void)state;
	assert_int_equal(open_at(0, 0, &fixture.device), 0);
	call_start(&waiting.call, wait_on_lun, &waiting);
	stopped_clock_settle();
	call_start(&closing, close_lun, &r);
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), -ENODEV);
	assert_int_equal(call_join(&closing), 0);
	assert_int_equal(r, 0);
}

static void a_close_waits_for_whoever_holds_the_lun(void **state)
{
	struct call closing;
	struct lun *lun;
	int r = 1;

	(void)state;
	assert_int_equal(open_at(0, 0, &fixture.device), 0);
	lun = lun_get(LUN(0, 0));
	call_start(&closing, close_lun, &r);
	stopped_clock_settle();
	assert_false(call_is_over(&closing));
	assert_null(lun_get(LUN(0, 0)));
	assert_int_equal(movement_presence(lun->reader, lun->slot),
			 TRACK_GONE);
	lun_put(lun);
	stopped_clock_settle();
	assert_int_equal(call_join(&closing), 0);
	assert_int_equal(r, 0);
}

static void a_cancelled_wait_gives_its_lun_back(void **state)
{
	(void)state;
	assert_int_equal(open_at(0, 0, &fixture.device), 0);
	call_start(&waiting.call, wait_on_lun, &waiting);
	stopped_clock_settle();
	assert_true(call_cancel(&waiting.call));
	assert_int_equal(close_at(0, 0), 0);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(a_lun_is_found_from_open_to_close),
		TEST(a_lun_does_not_open_twice),
		TEST(an_unknown_lun_does_not_close),
		TEST(slots_share_their_reader),
		TEST(slots_close_in_every_order),
		TEST(a_slot_that_closed_opens_again_beside_the_others),
		TEST(a_slot_beyond_the_last_leaves_the_others_open),
		TEST(a_slot_beyond_the_last_leaves_nothing_open),
		TEST(another_device_is_no_slot_of_this_reader),
		TEST(a_device_in_use_is_not_opened_by_another_reader),
		TEST(a_failed_open_can_be_repeated),
		TEST(there_are_255_readers_and_no_more),
		TEST(a_reader_that_hangs_in_open_holds_up_no_other),
		TEST(a_close_ends_the_calls_that_run),
		TEST(a_close_waits_for_whoever_holds_the_lun),
		TEST(a_cancelled_wait_gives_its_lun_back),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
