/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pipes that halt, and a device that takes its time until they are cleared.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "fixture.h"
#include "movement_told.h"

static const uint8_t select_file[] = { 0x00, 0xA4, 0x04, 0x00, 0x00 };

static struct order a, b;

static void let_clears_wait(void)
{
	script_lock(&fixture.device.script);
	fixture.device.script.clears_wait = true;
	script_unlock(&fixture.device.script);
}

static void let_clear(void)
{
	script_lock(&fixture.device.script);
	script_let_clear(&fixture.device.script);
	script_unlock(&fixture.device.script);
	stopped_clock_settle();
}

static unsigned clears(void)
{
	return script_read(&fixture.device.script,
			   &fixture.device.script.clears);
}

/* The command of slot 1, sent before that of slot 0, is answered. */
static void answer_slot_1(uint8_t seq)
{
	const uint8_t answer[] = {
		CCID_DATA_BLOCK, 2, 0, 0, 0, 1, seq, 0, 0, 0, 0x90, 0,
	};

	device_say(&fixture.device, answer, sizeof(answer));
	stopped_clock_settle();
}

/*
 * Slot 1's command is under way, its transfer behind slot 0's. The pipe halts;
 * whoever comes first, the clear waits.
 */
static void other_slots_go_on_while_a_bulk_pipe_is_cleared(void **state)
{
	uint8_t seq;

	(void)state;
	open_ready(2, 2);
	let_clears_wait();
	device_hold(&fixture.device, USB_IN, true);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_STALL, 0, 0);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	order_transmit(&a, 0, select_file, sizeof(select_file));
	seq = fixture.reader->seq;
	order_transmit(&b, 1, select_file, sizeof(select_file));
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(clears(), 1);
	assert_false(call_is_over(&a.call));
	answer_slot_1(seq);
	assert_int_equal(order_join(&b, NULL), 0);
	watch_start(1);
	device_remove(&fixture.device, 1);
	stopped_clock_settle();
	watch_told(TRACK_EMPTY);
	let_clear();
	assert_true(order_join(&a, NULL) < 0);
	assert_int_equal(transmit_serial(0), FIXTURE_SERIAL);
}

static void commands_go_on_while_the_interrupt_pipe_is_cleared(void **state)
{
	(void)state;
	open_ready(2, 2);
	let_clears_wait();
	watch_start(0);
	device_break(&fixture.device, USB_INTERRUPT, -EPIPE);
	stopped_clock_settle();
	assert_int_equal(clears(), 1);
	order_transmit(&a, 0, select_file, sizeof(select_file));
	order_transmit(&b, 1, select_file, sizeof(select_file));
	stopped_clock_pass(1000);	/* for the questions of both slots */
	assert_int_equal(order_join(&a, NULL), 0);
	assert_int_equal(order_join(&b, NULL), 0);
	let_clear();
	assert_false(call_is_over(&watching.call));
	watch_stop();
}

/* Its message was lost, and none tells of it any more. */
static void a_movement_while_the_pipe_is_halted_is_found(void **state)
{
	(void)state;
	open_ready(2, 2);
	let_clears_wait();
	watch_start(0);
	device_break(&fixture.device, USB_INTERRUPT, -EPIPE);
	stopped_clock_settle();
	fixture.device.announcement = DEVICE_MUTE;
	device_remove(&fixture.device, 0);
	let_clear();
	stopped_clock_pass(1000);
	watch_told(TRACK_EMPTY);
}

/* Nobody waits while it halts; whoever comes next sees to it. */
static void a_host_that_never_waits_has_the_pipe_cleared(void **state)
{
	(void)state;
	open_ready(2, 2);
	device_break(&fixture.device, USB_INTERRUPT, -EPIPE);
	stopped_clock_settle();
	assert_int_equal(clears(), 0);
	order_presence(&a, 0);
	stopped_clock_settle();
	assert_int_equal(order_join(&a, NULL), TRACK_PRESENT);
	assert_int_equal(clears(), 1);
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	order_presence(&a, 0);
	assert_int_equal(order_join(&a, NULL), TRACK_EMPTY);
}

/* Both fail by the same halt; one clears it, the other waits for that. */
static void a_halt_that_two_slots_meet_is_cleared_by_one(void **state)
{
	(void)state;
	open_ready(2, 2);
	let_clears_wait();
	device_hold(&fixture.device, USB_IN, true);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_STALL, 0, 0);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_STALL, 0, 0);
	order_transmit(&a, 0, select_file, sizeof(select_file));
	order_transmit(&b, 1, select_file, sizeof(select_file));
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(clears(), 1);
	let_clear();
	assert_true(order_join(&a, NULL) < 0);
	assert_true(order_join(&b, NULL) < 0);
	assert_int_equal(transmit_serial(0), FIXTURE_SERIAL);
	assert_int_equal(transmit_serial(1), FIXTURE_SERIAL + 1);
}

/* A reset has the device for itself: it waits until the pipe is cleared. */
static void a_reset_waits_for_a_clear(void **state)
{
	(void)state;
	open_ready(2, 2);
	let_clears_wait();
	watch_start(0);
	device_break(&fixture.device, USB_INTERRUPT, -EPIPE);
	stopped_clock_settle();
	script_lock(&fixture.device.script);
	fixture.device.hangs = true;
	script_unlock(&fixture.device.script);
	order_power_off(&a, 1);
	stopped_clock_pass(100000);
	assert_int_equal(fixture.device.script.resets, 0);
	assert_false(call_is_over(&a.call));
	let_clear();
	assert_int_equal(order_join(&a, NULL), 0);
	assert_int_equal(fixture.device.script.resets, 1);
	order_join(&watching, NULL);
	be_ready(1, FIXTURE_SERIAL + 1);
}

/* Questions to a pipe that always halts are bounded as all others. */
static void a_pipe_that_halts_at_each_question_costs_ten_a_second(void **state)
{
	(void)state;
	fixture.device.script.info.interrupt_endpoint = false;
	open_ready(2, 2);
	watch_start(0);
	for (int i = 0; i < DEVICE_FAULTS_MAX; i++)
		device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_STALL,
			  0, 0);
	stopped_clock_pass(2000);
	assert_in_range(clears(), 1, 40);
	assert_int_not_equal(movement_truth(fixture.reader, 0), TRACK_EMPTY);
	stopped_clock_pass(100000);
	if (!call_is_over(&watching.call))
		watch_stop();
	else
		order_join(&watching, NULL);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(other_slots_go_on_while_a_bulk_pipe_is_cleared),
		TEST(commands_go_on_while_the_interrupt_pipe_is_cleared),
		TEST(a_movement_while_the_pipe_is_halted_is_found),
		TEST(a_host_that_never_waits_has_the_pipe_cleared),
		TEST(a_halt_that_two_slots_meet_is_cleared_by_one),
		TEST(a_reset_waits_for_a_clear),
		TEST(a_pipe_that_halts_at_each_question_costs_ten_a_second),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
