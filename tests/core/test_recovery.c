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
#include "clock.h"
#include "fixture.h"
#include "log.h"
#include "movement_told.h"

#define SERIAL	FIXTURE_SERIAL
#define SOON_MS	2000	/* the next command is right, within that */
#define HANGS_S		100
#define WAIT_MS		60000	/* for an answer, at most: ifdTimeoutCap */
#define BACK_MS		5000
#define LONG_MS	100000	/* longer than any command waits */

static const uint8_t get_data[] = { 0x00, 0xCA, 0x00, 0x00, 0x00 };

static struct order a, b, c;

/* The reader has announced the card: what it announces is trusted. */
static void open_trusted(void)
{
	fixture_open();
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	be_ready(0, SERIAL);
}

/* The device does nothing any more, until it is reset. */
static void hang(void)
{
	script_lock(&fixture.device.script);
	fixture.device.hangs = true;
	script_unlock(&fixture.device.script);
}

static unsigned resets(void)
{
	return script_read(&fixture.device.script,
			   &fixture.device.script.resets);
}

/* What pcscd does about a card that was swapped, in the place of its thread. */
static void assert_told_once(unsigned slot)
{
	watch_told(TRACK_EMPTY);
	watch_start(slot);
	assert_int_equal(watching.answer[0], TRACK_PRESENT);
	stopped_clock_pass(LONG_MS);
	assert_false(call_is_over(&watching.call));
}

static int power_off_within(uint64_t limit_ms)
{
	order_power_off(&a, 0);
	stopped_clock_pass(limit_ms);
	return order_join(&a, NULL);
}

/* --- one answer that is damaged, lost, late, doubled or foreign */

static const struct {
	enum device_fault fault;
	unsigned n;
	uint8_t code;
} damages[] = {
	{ DEVICE_SILENT, 0, 0 },
	{ DEVICE_STALL, 0, 0 },
	{ DEVICE_STATUS, 0, EIO },
	{ DEVICE_STATUS, 0, EOVERFLOW },
	{ DEVICE_STATUS, 0, ENOMEM },
	{ DEVICE_STATUS, 0, ETIMEDOUT },
	{ DEVICE_STATUS, 0, ENODEV },
	{ DEVICE_OTHER_SEQ, 0, 0 },
	{ DEVICE_OTHER_SLOT, 0, 0 },
	{ DEVICE_OTHER_TYPE, 0, 0 },
	{ DEVICE_SHORT, 0, 0 },
	{ DEVICE_SHORT, 1, 0 },
	{ DEVICE_SHORT, 9, 0 },
	{ DEVICE_SHORT, 11, 0 },
	{ DEVICE_LENGTH, 0, 1 },
	{ DEVICE_EMPTIES, 4, 0 },
	{ DEVICE_EMPTIES, 5, 0 },
	{ DEVICE_STRAYS, 16, 0 },
	{ DEVICE_STRAYS, 17, 0 },
	{ DEVICE_STRAYS, 30, 0 },
};

#define DAMAGES	(sizeof(damages) / sizeof(damages[0]))

static void assert_right_within(uint64_t limit_ms)
{
	uint64_t ms;

	order_transmit(&b, 0, get_data, sizeof(get_data));
	stopped_clock_pass(limit_ms);
	assert_int_equal(order_join(&b, &ms), 0);
	assert_int_equal(b.size, 6);
	assert_int_equal(b.answer[3], SERIAL & 0xFF);
}

/* An APDU may fail; it never comes twice, and the next one is right. */
static void a_damaged_answer_costs_one_apdu(void **state)
{
	(void)state;
	for (size_t i = 0; i < DAMAGES; i++) {
		unsigned sent;

		open_with_card();
		sent = device_count(&fixture.device, CCID_XFR_BLOCK);
		device_on(&fixture.device, CCID_XFR_BLOCK, damages[i].fault,
			  damages[i].n, damages[i].code);
		order_transmit(&a, 0, get_data, sizeof(get_data));
		stopped_clock_pass(LONG_MS);
		order_join(&a, NULL);
		assert_true(a.r == 0 ? a.size == 6 : a.size == 0);
		assert_int_equal(device_count(&fixture.device, CCID_XFR_BLOCK),
				 sent + 1);
		assert_right_within(SOON_MS);
		fixture_close();
	}
	assert_int_equal(resets(), 0);
}

/* The reader's own commands are repeated where pcscd would notice. */
static void a_damaged_answer_to_a_command_of_the_readers_is_hidden(
	void **state)
{
	static const uint8_t types[] = { CCID_POWER_OFF, CCID_POWER_ON };

	(void)state;
	for (size_t i = 0; i < DAMAGES * 2; i++) {
		open_trusted();
		device_on(&fixture.device, types[i % 2],
			  damages[i / 2].fault, damages[i / 2].n,
			  damages[i / 2].code);
		order_reset(&a, 0);
		stopped_clock_pass(LONG_MS);
		assert_int_equal(order_join(&a, NULL), 0);
		assert_int_equal(a.size, 6);
		if (fixture.reader->slot[0].session.asks)
			card_set_protocol(fixture.reader, 0, 0);
		assert_right_within(SOON_MS);
		fixture_close();
		device_remove(&fixture.device, 0);
	}
	assert_int_equal(resets(), 0);
}

static void a_damaged_answer_at_the_open_is_hidden(void **state)
{
	(void)state;
	for (size_t i = 0; i < DAMAGES; i++) {
		device_on(&fixture.device, CCID_GET_SLOT_STATUS,
			  damages[i].fault, damages[i].n, damages[i].code);
		order_open(&a, 0);
		stopped_clock_pass(5000);
		assert_int_equal(order_join(&a, NULL), 0);
		fixture_close();
	}
	assert_int_equal(resets(), 0);
}

static void an_answer_that_comes_late_or_twice_is_nobodys(void **state)
{
	uint8_t late[] = {
		CCID_DATA_BLOCK, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x6A, 0x82,
	};

	(void)state;
	open_with_card();
	late[6] = (uint8_t)(fixture.reader->seq - 1);
	for (int i = 0; i < 5; i++)
		device_say(&fixture.device, late, sizeof(late));
	assert_right_within(0);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	late[6] = fixture.reader->seq;
	order_transmit(&a, 0, get_data, sizeof(get_data));
	stopped_clock_pass(LONG_MS);
	assert_int_equal(order_join(&a, NULL), -ETIMEDOUT);
	device_say(&fixture.device, late, sizeof(late));
	assert_right_within(0);
}

static void a_command_that_the_out_pipe_refuses_costs_one_apdu(void **state)
{
	static const int errors[] = { -EPIPE, -EIO, -ETIMEDOUT, -EOVERFLOW };

	(void)state;
	open_with_card();
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		device_break(&fixture.device, USB_OUT, errors[i]);
		order_transmit(&a, 0, get_data, sizeof(get_data));
		stopped_clock_pass(SOON_MS);
		assert_true(order_join(&a, NULL) < 0);
		assert_right_within(0);
	}
	assert_int_equal(resets(), 0);
}

/* The reader waits for the rest of it: nothing but a reset ends that. */
static void a_command_written_in_part_resets_the_device(void **state)
{
	(void)state;
	open_with_card();
	watch_start(0);
	script_lock(&fixture.device.script);
	script_put(&fixture.device.script, USB_OUT, 0, get_data, 4, 0);
	script_unlock(&fixture.device.script);
	order_transmit(&a, 0, get_data, sizeof(get_data));
	stopped_clock_pass(SOON_MS);
	assert_true(order_join(&a, NULL) < 0);
	assert_int_equal(resets(), 1);
	assert_told_once(0);
	be_ready(0, SERIAL);
	watch_stop();
}

/* Left in the middle of an abort, a reader does nothing else. */
static void an_abort_that_was_left_undone_is_done(void **state)
{
	uint64_t ms;

	(void)state;
	open_with_card();
	script_lock(&fixture.device.script);
	fixture.device.slot[0].aborting = true;
	fixture.device.slot[0].abort_seq = 77;
	script_unlock(&fixture.device.script);
	order_transmit(&a, 0, get_data, sizeof(get_data));
	stopped_clock_pass(SOON_MS);
	order_join(&a, &ms);
	assert_true(ms <= SOON_MS);
	assert_int_equal(resets(), 0);
	assert_right_within(SOON_MS);
}

/* No card, so no command ever comes: whoever asks for movements sees to it. */
static void an_abort_that_was_left_undone_hides_no_movement(void **state)
{
	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	fixture_open();
	script_lock(&fixture.device.script);
	fixture.device.slot[0].aborting = true;
	fixture.device.slot[0].abort_seq = 77;
	script_unlock(&fixture.device.script);
	watch_start(0);
	stopped_clock_pass(10000);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_pass(SOON_MS);
	watch_told(TRACK_PRESENT);
	assert_int_equal(resets(), 0);
}

/* Nobody watches; the question comes before the power-up that needs it. */
static void a_power_up_in_doubt_mends_the_reader(void **state)
{
	static const uint8_t nothing[] = { CCID_NOTIFY_SLOT_CHANGE };

	(void)state;
	open_with_card();
	hang();
	device_notify(&fixture.device, nothing, sizeof(nothing));
	stopped_clock_settle();
	order_power_up(&a, 0);
	stopped_clock_pass(LONG_MS);
	assert_int_equal(resets(), 1);
	order_join(&a, NULL);
	assert_int_equal(power_up(0), 0);
}

static void a_hardware_error_fails_the_command_that_it_names(void **state)
{
	uint8_t message[] = { CCID_HARDWARE_ERROR, 0, 0, 1 };
	uint64_t ms;

	(void)state;
	open_with_card();
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	message[2] = fixture.reader->seq;
	order_transmit(&a, 0, get_data, sizeof(get_data));
	message[2]++;
	device_notify(&fixture.device, message, sizeof(message));
	stopped_clock_settle();
	assert_false(call_is_over(&a.call));
	message[2]--;
	device_notify(&fixture.device, message, sizeof(message));
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&a, &ms), -EIO);
	assert_true(ms <= 1000);
	assert_right_within(SOON_MS);
}

/* --- a reader that hangs */

static void a_reader_that_hangs_is_reset_and_its_card_told_as_swapped_once(
	void **state)
{
	uint64_t ms;

	(void)state;
	open_with_card();
	watch_start(0);
	hang();
	order_transmit(&a, 0, get_data, sizeof(get_data));
	stopped_clock_pass(LONG_MS);
	assert_int_equal(order_join(&a, &ms), -ETIMEDOUT);
	assert_int_equal(resets(), 1);
	assert_int_equal(transmit_serial(0), 0);
	assert_told_once(0);
	be_ready(0, SERIAL);
	watch_stop();
	assert_int_equal(resets(), 1);
	assert_int_equal(log_count("device is reset"), 1);
}

static void each_rung_is_climbed_once_and_told(void **state)
{
	static const char *const told[] = {
		"recovery, clear: no", "recovery, abort: no",
		"recovery, reset: the reader answers", "recovery, ",
	};

	(void)state;
	open_with_card();
	log_set_level(LOG_LEVEL_CRITICAL | LOG_LEVEL_INFO | LOG_LEVEL_COMM);
	hang();
	order_transmit(&a, 0, get_data, sizeof(get_data));
	stopped_clock_pass(LONG_MS);
	assert_int_equal(order_join(&a, NULL), -ETIMEDOUT);
	log_set_level(LOG_LEVEL_CRITICAL | LOG_LEVEL_INFO);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(log_count(told[i]), 1);
	assert_int_equal(log_count(told[3]), 3);
}

static void a_power_off_that_hangs_takes_five_seconds(void **state)
{
	uint64_t ms;

	(void)state;
	open_with_card();
	hang();
	order_power_off(&a, 0);
	stopped_clock_pass(LONG_MS);
	assert_int_equal(order_join(&a, &ms), 0);
	assert_true(ms <= 5000);
	assert_int_equal(resets(), 1);
}

static void notifications_are_heard_again_after_a_reset(void **state)
{
	(void)state;
	open_with_card();
	hang();
	assert_int_equal(power_off_within(LONG_MS), 0);
	watch_start(0);
	stopped_clock_pass(SOON_MS);
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	watch_told(TRACK_EMPTY);
}

/*
 * The message comes in the transfer that is cancelled for the reset: of a card
 * without power, which outlives that, nothing else would tell the swap.
 */
static void a_movement_told_beside_the_cancel_for_a_reset_counts(void **state)
{
	static const uint8_t swapped[] = { CCID_NOTIFY_SLOT_CHANGE, 0x0D };
	uint32_t visit;

	(void)state;
	device_set_slots(&fixture.device, 2, 1);
	device_insert(&fixture.device, 1, SERIAL + 1);
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	be_ready(0, SERIAL);
	visit = fixture.reader->track.slot[1].visit;
	hang();
	script_lock(&fixture.device.script);
	script_on_cancel(&fixture.device.script, USB_INTERRUPT, -ECANCELED,
			 swapped, sizeof(swapped));
	script_unlock(&fixture.device.script);
	assert_int_equal(power_off_within(LONG_MS), 0);
	assert_int_equal(resets(), 1);
	assert_int_equal(fixture.reader->track.slot[1].visit, visit + 1);
}

/* Nobody but the watcher is there, and questions have no answers. */
static void a_reader_that_hangs_unused_is_reset_by_its_watcher(void **state)
{
	static const uint8_t nothing[] = { CCID_NOTIFY_SLOT_CHANGE };

	(void)state;
	open_with_card();
	watch_start(0);
	hang();
	device_notify(&fixture.device, nothing, sizeof(nothing));
	stopped_clock_pass(LONG_MS);
	assert_int_equal(resets(), 1);
	assert_told_once(0);
	be_ready(0, SERIAL);
	watch_stop();
}

static void a_reset_that_fails_ends_all_calls(void **state)
{
	static const int errors[] = { -ENODEV, -EIO, -EBUSY };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		uint64_t ms;

		open_with_card();
		order_wait(&c, 0, MOVEMENT_FOREVER);
		hang();
		script_fail(&fixture.device.script, SCRIPT_RESET, 1,
			    errors[i]);
		order_power_off(&a, 0);
		stopped_clock_pass(LONG_MS);
		order_join(&a, &ms);
		assert_true(ms <= 5000);
		assert_int_equal(order_join(&c, NULL), -ENODEV);
		assert_int_equal(movement_presence(fixture.reader, 0),
				 TRACK_GONE);
		order_transmit(&a, 0, get_data, sizeof(get_data));
		assert_int_equal(order_join(&a, NULL), -ENODEV);
		fixture_close();
		script_lock(&fixture.device.script);
		fixture.device.hangs = false;
		fixture.device.slot[0].aborting = false;
		script_unlock(&fixture.device.script);
	}
}

static void a_reader_that_a_reset_does_not_cure_is_gone(void **state)
{
	uint64_t ms;

	(void)state;
	open_with_card();
	for (int i = 0; i < 40; i++)
		device_on(&fixture.device, 0, DEVICE_SILENT, 0, 0);
	for (unsigned i = 1; i <= 2; i++) {
		assert_int_not_equal(movement_presence(fixture.reader, 0),
				     TRACK_GONE);
		order_power_off(&a, 0);
		stopped_clock_pass(LONG_MS);
		order_join(&a, &ms);
		assert_true(ms <= 16000);
		assert_int_equal(resets(), i);
	}
	assert_int_equal(movement_presence(fixture.reader, 0), TRACK_GONE);
}

/* Slow, not dead: it is as good as new when it answers again. */
static void a_reader_that_was_silent_through_a_ladder_is_used_again(
	void **state)
{
	(void)state;
	open_with_card();
	for (int i = 0; i < 6; i++)
		device_on(&fixture.device, 0, DEVICE_SILENT, 0, 0);
	assert_int_equal(power_off_within(LONG_MS), 0);
	be_ready(0, SERIAL);
}

static void a_reader_that_starts_slowly_has_the_time_after_a_reset_too(
	void **state)
{
	(void)state;
	open_with_card();
	fixture.reader->quirk.start_ms = 8000;
	hang();
	for (int i = 0; i < 6; i++)
		device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_SILENT,
			  0, 0);
	assert_int_equal(power_off_within(LONG_MS), 0);
	assert_int_equal(resets(), 1);
	assert_int_equal(fixture.reader->ladders, 0);
	be_ready(0, SERIAL);
}

static void a_slot_that_closes_waits_for_no_reset(void **state)
{
	uint64_t ms;

	(void)state;
	open_with_card();
	hang();
	order_transmit(&a, 0, get_data, sizeof(get_data));
	reader_end_slot(fixture.reader, 0);
	stopped_clock_pass(LONG_MS);
	assert_int_equal(order_join(&a, &ms), -ENODEV);
	assert_true(ms <= 1000);
	assert_int_equal(resets(), 0);
}

/* --- several slots */

static void a_reset_ends_the_commands_of_all_slots(void **state)
{
	(void)state;
	open_ready(3, 2);
	hang();
	order_power_off(&a, 0);
	stopped_clock_pass(1000);
	device_stick(&fixture.device, USB_OUT);
	order_transmit(&b, 1, get_data, sizeof(get_data));
	order_transmit(&c, 2, get_data, sizeof(get_data));
	stopped_clock_pass(LONG_MS);
	assert_int_equal(order_join(&a, NULL), 0);
	assert_true(order_join(&b, NULL) < 0);
	assert_true(order_join(&c, NULL) < 0);
	assert_int_equal(resets(), 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(transmit_serial(i), 0);
		be_ready(i, SERIAL + i);
	}
}

static void slots_that_fail_together_cause_one_reset(void **state)
{
	(void)state;
	open_ready(4, 4);
	hang();
	order_power_off(&a, 0);
	order_power_off(&b, 1);
	order_power_off(&c, 2);
	stopped_clock_pass(LONG_MS);
	assert_int_equal(order_join(&a, NULL), 0);
	assert_int_equal(order_join(&b, NULL), 0);
	assert_int_equal(order_join(&c, NULL), 0);
	assert_int_equal(resets(), 1);
	for (unsigned i = 0; i < 4; i++)
		be_ready(i, SERIAL + i);
}

static void send_again(struct order *order, unsigned slot)
{
	if (!call_is_over(&order->call))
		return;
	order_join(order, NULL);
	order_transmit(order, slot, get_data, sizeof(get_data));
}

/* There is always one slot with a command that the reader has taken. */
static void slots_of_a_reader_that_hangs_do_not_spare_it_for_ever(void **state)
{
	unsigned seconds = 0;

	(void)state;
	open_ready(2, 2);
	hang();
	order_transmit(&a, 0, get_data, sizeof(get_data));
	stopped_clock_pass(1000);
	order_transmit(&b, 1, get_data, sizeof(get_data));
	while (!resets() && seconds++ < HANGS_S) {
		stopped_clock_pass(1000);
		send_again(&a, 0);
		send_again(&b, 1);
	}
	assert_int_equal(resets(), 1);
	stopped_clock_pass(LONG_MS);
	order_join(&a, NULL);
	order_join(&b, NULL);
}

/*
 * While one is waited for that the reader may be at work at, it is spared; those
 * that are sent to it later, by whomever, are no reason any more.
 */
static void a_reader_that_hangs_is_back_5_s_behind_the_last_wait(void **state)
{
	static const uint64_t apart_ms[] = { 0, 1000, 59000 };

	(void)state;
	for (size_t i = 0; i < sizeof(apart_ms) / sizeof(apart_ms[0]); i++) {
		uint64_t end;

		open_ready(2, 2);
		hang();
		end = clock_now() + apart_ms[i] + WAIT_MS + BACK_MS;
		order_transmit(&a, 0, get_data, sizeof(get_data));
		stopped_clock_pass(apart_ms[i]);
		order_transmit(&b, 1, get_data, sizeof(get_data));
		while (resets() <= i) {
			assert_true(clock_now() < end);
			send_again(&a, 0);
			stopped_clock_pass(100);
		}
		order_finish(&a, NULL);
		order_finish(&b, NULL);
		assert_true(clock_now() <= end);
		for (unsigned k = 0; k < 2; k++) {
			assert_int_equal(transmit_serial(k), 0);
			be_ready(k, SERIAL + k);
		}
		fixture_close();
	}
}

/* The cancel that makes room for the reset comes in the middle of b. */
static void a_reset_ends_what_another_slot_wrote_in_part(void **state)
{
	(void)state;
	open_ready(2, 2);
	hang();
	order_power_off(&a, 0);
	stopped_clock_pass(1000);
	device_stick(&fixture.device, USB_OUT);
	order_transmit(&b, 1, get_data, sizeof(get_data));
	/* a's abort, from now on */
	while (!fixture.device.script.requests)
		stopped_clock_pass(500);
	script_lock(&fixture.device.script);
	script_on_cancel(&fixture.device.script, USB_OUT, -ECANCELED,
			 get_data, 4);
	script_unlock(&fixture.device.script);
	stopped_clock_pass(LONG_MS);
	assert_int_equal(order_join(&a, NULL), 0);
	assert_true(order_join(&b, NULL) < 0);
	assert_int_equal(resets(), 1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(transmit_serial(i), 0);
		be_ready(i, SERIAL + i);
	}
	assert_int_equal(resets(), 1);
}

/* --- a bus reset by somebody else */

static void a_reset_by_others_looks_like_an_unplugging_once(void **state)
{
	(void)state;
	open_with_card();
	watch_start(0);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_STATUS, 0, ENODEV);
	script_lock(&fixture.device.script);
	fixture.device.slot[0].active = false;
	script_unlock(&fixture.device.script);
	order_transmit(&a, 0, get_data, sizeof(get_data));
	device_break(&fixture.device, USB_INTERRUPT, -ENODEV);
	stopped_clock_pass(SOON_MS);
	assert_true(order_join(&a, NULL) < 0);
	assert_told_once(0);
	be_ready(0, SERIAL);
	watch_stop();
	assert_int_equal(resets(), 0);
}

static void no_time_is_left_behind_the_end(void **state)
{
	(void)state;
	assert_int_equal(clock_left(10, 9, 500), 0);
	assert_int_equal(clock_left(10, 10, 500), 0);
	assert_int_equal(clock_left(10, 11, 500), 1);
	assert_int_equal(clock_left(10, 510, 500), 500);
	assert_int_equal(clock_left(10, CLOCK_NEVER, 500), 500);
}

static void on_both_bulk_pipes_it_is_still_one(void **state)
{
	(void)state;
	open_with_card();
	watch_start(0);
	device_delay(&fixture.device, USB_OUT, true);
	device_delay(&fixture.device, USB_IN, true);
	device_break(&fixture.device, USB_OUT, -ENODEV);
	device_break(&fixture.device, USB_IN, -ENODEV);
	script_lock(&fixture.device.script);
	fixture.device.slot[0].active = false;
	script_unlock(&fixture.device.script);
	order_transmit(&a, 0, get_data, sizeof(get_data));
	device_delay(&fixture.device, USB_OUT, false);
	stopped_clock_settle();
	device_delay(&fixture.device, USB_IN, false);
	stopped_clock_pass(SOON_MS);
	assert_true(order_join(&a, NULL) < 0);
	assert_told_once(0);
	be_ready(0, SERIAL);
	watch_stop();
	assert_int_equal(resets(), 0);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(a_damaged_answer_costs_one_apdu),
		TEST(a_damaged_answer_to_a_command_of_the_readers_is_hidden),
		TEST(a_damaged_answer_at_the_open_is_hidden),
		TEST(an_answer_that_comes_late_or_twice_is_nobodys),
		TEST(a_command_that_the_out_pipe_refuses_costs_one_apdu),
		TEST(a_command_written_in_part_resets_the_device),
		TEST(an_abort_that_was_left_undone_is_done),
		TEST(an_abort_that_was_left_undone_hides_no_movement),
		TEST(a_power_up_in_doubt_mends_the_reader),
		TEST(a_hardware_error_fails_the_command_that_it_names),
		TEST(a_reader_that_hangs_is_reset_and_its_card_told_as_swapped_once),
		TEST(each_rung_is_climbed_once_and_told),
		TEST(a_power_off_that_hangs_takes_five_seconds),
		TEST(notifications_are_heard_again_after_a_reset),
		TEST(a_movement_told_beside_the_cancel_for_a_reset_counts),
		TEST(a_reader_that_hangs_unused_is_reset_by_its_watcher),
		TEST(a_reset_that_fails_ends_all_calls),
		TEST(a_reader_that_a_reset_does_not_cure_is_gone),
		TEST(a_reader_that_was_silent_through_a_ladder_is_used_again),
		TEST(a_reader_that_starts_slowly_has_the_time_after_a_reset_too),
		TEST(a_slot_that_closes_waits_for_no_reset),
		TEST(a_reset_ends_the_commands_of_all_slots),
		TEST(slots_that_fail_together_cause_one_reset),
		TEST(slots_of_a_reader_that_hangs_do_not_spare_it_for_ever),
		TEST(a_reader_that_hangs_is_back_5_s_behind_the_last_wait),
		TEST(a_reset_ends_what_another_slot_wrote_in_part),
		TEST(a_reset_by_others_looks_like_an_unplugging_once),
		TEST(no_time_is_left_behind_the_end),
		TEST(on_both_bulk_pipes_it_is_still_one),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
