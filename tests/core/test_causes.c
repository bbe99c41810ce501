/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The ledger of movements: each is numbered, with its time and its cause. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "control.h"
#include "fixture.h"
#include "movement.h"

#define SERIAL	0x01020304u

static uint8_t bytes[LEDGER_SIZE_MAX];
static size_t size;

static void read_ledger(void)
{
	assert_int_equal(control(fixture.reader, 0, LEDGER_CODE, NULL, 0,
				 bytes, sizeof(bytes), &size), 0);
}

static unsigned count(void)
{
	read_ledger();
	return (unsigned)ledger_entries(bytes, size);
}

static struct ledger_entry last(void)
{
	struct ledger_entry entry = { 0 };

	assert_true(count() > 0);
	assert_int_equal(ledger_get(bytes, size, count() - 1, &entry), 0);
	return entry;
}

static void assert_last(enum ledger_kind kind, enum ledger_cause cause)
{
	stopped_clock_settle();
	assert_string_equal(ledger_kind_text(last().kind),
			    ledger_kind_text(kind));
	assert_string_equal(ledger_cause_text(last().cause),
			    ledger_cause_text(cause));
}

static void move_unseen(bool present, uint32_t serial)
{
	script_lock(&fixture.device.script);
	fixture.device.slot[0].active = false;
	fixture.device.slot[0].present = present;
	fixture.device.slot[0].card.serial = serial;
	script_unlock(&fixture.device.script);
}

static void use_card(void)
{
	fixture_open();
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	be_ready(0, SERIAL);
	stopped_clock_pass(1000);
}

static void a_reader_that_was_just_opened_has_an_empty_one(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	assert_int_equal(count(), 0);
}

static void an_entry_has_number_visit_and_time(void **state)
{
	uint64_t now;

	(void)state;
	use_card();
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	now = last().monotonic_ms;
	assert_int_equal(last().number, 2);
	assert_int_equal(last().visit, 1);
	assert_int_equal(last().wall_ms, now + STOPPED_CLOCK_WALL);
	stopped_clock_pass(700);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	assert_int_equal(last().number, 3);
	assert_int_equal(last().visit, 2);
	assert_int_equal(last().monotonic_ms, now + 700);
}

static void each_movement_has_one_line_in_the_log(void **state)
{
	(void)state;
	fixture_open();
	log_forget();
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	assert_int_equal(log_lines(), 1);
	assert_int_equal(log_count("slot 0: card inserted, visit 1 "
				   "(notification), movement 1"), 1);
}

static void a_notification_is_a_cause(void **state)
{
	(void)state;
	use_card();
	assert_last(LEDGER_INSERTED, LEDGER_NOTIFICATION);
	device_remove(&fixture.device, 0);
	assert_last(LEDGER_REMOVED, LEDGER_NOTIFICATION);
}

static void a_brief_visit_is_entered(void **state)
{
	static const uint8_t brief[] = { CCID_NOTIFY_SLOT_CHANGE, 0x02 };

	(void)state;
	fixture_open();
	device_notify(&fixture.device, brief, sizeof(brief));
	assert_last(LEDGER_BRIEF, LEDGER_NOTIFICATION);
}

static void a_reply_is_a_cause(void **state)
{
	(void)state;
	use_card();
	move_unseen(false, 0);
	transmit_serial(0);
	assert_last(LEDGER_REMOVED, LEDGER_REPLY);
}

static void a_failed_power_up_is_a_cause(void **state)
{
	(void)state;
	use_card();
	move_unseen(false, 0);
	power_up(0);
	assert_last(LEDGER_REMOVED, LEDGER_POWER_UP);
}

static void an_answer_to_a_check_is_a_cause(void **state)
{
	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	fixture_open();
	watch_start(0);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(1000);
	order_join(&watching, NULL);
	assert_last(LEDGER_INSERTED, LEDGER_CHECK);
}

static void a_resume_is_a_cause(void **state)
{
	(void)state;
	use_card();
	move_unseen(true, SERIAL + 1);
	stopped_clock_sleep(5000);
	transmit_serial(0);
	assert_last(LEDGER_SWAPPED, LEDGER_RESUME);
}

static void a_reset_is_a_cause(void **state)
{
	(void)state;
	use_card();
	pthread_mutex_lock(&fixture.reader->lock);
	movement_reset(fixture.reader);
	pthread_mutex_unlock(&fixture.reader->lock);
	assert_last(LEDGER_SWAPPED, LEDGER_RESET);
}

static void another_atr_is_a_cause(void **state)
{
	(void)state;
	use_card();
	power_off(0);
	move_unseen(true, SERIAL + 1);
	stopped_clock_sleep(5000);
	power_up(0);
	assert_last(LEDGER_SWAPPED, LEDGER_ATR);
}

static void a_lost_message_is_a_cause(void **state)
{
	(void)state;
	use_card();
	move_unseen(false, 0);
	device_break(&fixture.device, USB_INTERRUPT, -EIO);
	stopped_clock_settle();
	transmit_serial(0);
	assert_last(LEDGER_REMOVED, LEDGER_LOSS);
}

static void a_message_that_came_as_the_slot_was_opened_is_a_lost_one(
	void **state)
{
	static struct order opening;

	(void)state;
	device_hold(&fixture.device, USB_IN, true);
	order_open(&opening, 0);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_pass(500);
	assert_int_equal(order_join(&opening, NULL), 0);
	assert_last(LEDGER_INSERTED, LEDGER_LOSS);
}

static void a_removal_that_somebody_claims_makes_for_a_check(void **state)
{
	(void)state;
	use_card();
	move_unseen(false, 0);
	reader_removed(fixture.reader, 0);
	assert_last(LEDGER_REMOVED, LEDGER_CHECK);
}

static void a_power_up_that_asks_before_is_a_cause(void **state)
{
	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	be_ready(0, SERIAL);
	stopped_clock_pass(1000);
	move_unseen(true, SERIAL + 1);
	power_up(0);
	assert_last(LEDGER_SWAPPED, LEDGER_POWER_UP);
}

static void no_more_than_32_are_kept(void **state)
{
	(void)state;
	fixture_open();
	for (uint32_t i = 0; i < 20; i++) {
		device_insert(&fixture.device, 0, SERIAL + i);
		stopped_clock_pass(1000);
		device_remove(&fixture.device, 0);
		stopped_clock_pass(1000);
	}
	assert_int_equal(count(), LEDGER_KEPT);
	assert_int_equal(last().number, 40);
}

static void too_little_room_is_refused(void **state)
{
	(void)state;
	use_card();
	assert_int_equal(control(fixture.reader, 0, LEDGER_CODE, NULL, 0,
				 bytes, LEDGER_HEADER_SIZE, &size), -ENOBUFS);
	assert_int_equal(size, 0);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(a_reader_that_was_just_opened_has_an_empty_one),
		TEST(an_entry_has_number_visit_and_time),
		TEST(each_movement_has_one_line_in_the_log),
		TEST(a_notification_is_a_cause),
		TEST(a_brief_visit_is_entered),
		TEST(a_reply_is_a_cause),
		TEST(a_failed_power_up_is_a_cause),
		TEST(an_answer_to_a_check_is_a_cause),
		TEST(a_resume_is_a_cause),
		TEST(a_reset_is_a_cause),
		TEST(another_atr_is_a_cause),
		TEST(a_lost_message_is_a_cause),
		TEST(a_message_that_came_as_the_slot_was_opened_is_a_lost_one),
		TEST(a_removal_that_somebody_claims_makes_for_a_check),
		TEST(a_power_up_that_asks_before_is_a_cause),
		TEST(no_more_than_32_are_kept),
		TEST(too_little_room_is_refused),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
