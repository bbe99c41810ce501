/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "control.h"
#include "fixture.h"
#include "movement_told.h"
#include "transmit.h"

#define MINUTE_MS	60000
#define PAUSE_MAX_MS	1600	/* between two attempts */
#define ESCAPE		0x42000001

static struct order first, second;

static void hold(bool held)
{
	script_lock(&fixture.device.script);
	fixture.device.script.held = held;
	script_unlock(&fixture.device.script);
}

static unsigned takes(void)
{
	return script_read(&fixture.device.script,
			   &fixture.device.script.takes);
}

static void open_held(void)
{
	hold(true);
	fixture_open();
}

static void set_free(void)
{
	hold(false);
	stopped_clock_pass(PAUSE_MAX_MS);
}

static int presence(unsigned slot)
{
	static struct order asking;

	order_presence(&asking, slot);
	return order_join(&asking, NULL);
}

static void it_opens_with_empty_slots_and_sends_nothing(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, FIXTURE_SERIAL);
	open_held();
	assert_int_equal(presence(0), TRACK_EMPTY);
	stopped_clock_pass(MINUTE_MS);
	assert_int_equal(presence(0), TRACK_EMPTY);
	assert_int_equal(device_count(&fixture.device, 0), 0);
	assert_int_equal(fixture.device.script.submitted[USB_INTERRUPT], 0);
}

static void a_card_inside_comes_as_it_becomes_free(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, FIXTURE_SERIAL);
	open_held();
	watch_start(0);
	stopped_clock_pass(MINUTE_MS);
	assert_false(call_is_over(&watching.call));
	set_free();
	watch_told(TRACK_PRESENT);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(transmit_serial(0), FIXTURE_SERIAL);
	assert_int_equal(log_count("became free after"), 1);
	assert_int_equal(log_count(", visit 1 ("), 1);
}

static void an_empty_slot_stays_empty_and_is_followed_from_then_on(void **state)
{
	(void)state;
	open_held();
	watch_start(0);
	set_free();
	assert_false(call_is_over(&watching.call));
	assert_true(fixture.device.script.submitted[USB_INTERRUPT] > 0);
	device_insert(&fixture.device, 0, FIXTURE_SERIAL);
	stopped_clock_settle();
	watch_told(TRACK_PRESENT);
}

static void it_is_tried_soon_at_first_and_then_ever_less(void **state)
{
	unsigned before;

	(void)state;
	open_held();
	watch_start(0);
	stopped_clock_pass(1500);
	assert_int_equal(takes(), 4);	/* at 100, 300, 700 and 1500 */
	stopped_clock_pass(MINUTE_MS);
	before = takes();
	stopped_clock_pass(10 * PAUSE_MAX_MS);
	assert_int_equal(takes(), before + 10);
	set_free();
	before = takes();
	stopped_clock_pass(MINUTE_MS);
	assert_int_equal(takes(), before);
	watch_stop();
}

static void nobody_who_waits_for_nothing_tries(void **state)
{
	(void)state;
	open_held();
	stopped_clock_pass(MINUTE_MS);
	assert_int_equal(takes(), 0);
}

static void a_host_that_only_asks_gets_it_too(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, FIXTURE_SERIAL);
	open_held();
	assert_int_equal(presence(0), TRACK_EMPTY);
	set_free();
	assert_int_equal(presence(0), TRACK_PRESENT);
	assert_int_equal(power_up(0), 0);
}

static void commands_are_refused_until_then(void **state)
{
	static const uint8_t command[] = { 0x01 };
	uint8_t answer[8];
	size_t size = 0;

	(void)state;
	device_insert(&fixture.device, 0, FIXTURE_SERIAL);
	open_held();
	fixture.reader->options.driver_options |= OPTIONS_ESCAPE;
	assert_int_equal(control(fixture.reader, 0, ESCAPE, command,
				 sizeof(command), answer, sizeof(answer),
				 &size), -EBUSY);
	assert_int_equal(size, 0);
	assert_int_equal(power_up(0), -EBUSY);
	power_off(0);
	assert_int_equal(transmit(fixture.reader, 0, TRANSMIT_ANY, command,
				  sizeof(command), answer, sizeof(answer),
				  &size) < 0, 1);
	assert_int_equal(device_count(&fixture.device, 0), 0);
}

static void unplugging_ends_the_wait(void **state)
{
	(void)state;
	open_held();
	order_wait(&first, 0, MOVEMENT_FOREVER);
	device_unplug(&fixture.device);
	stopped_clock_pass(PAUSE_MAX_MS + 1000);
	assert_int_equal(order_join(&first, NULL), -ENODEV);
	assert_int_equal(presence(0), TRACK_GONE);
}

static void a_stop_ends_the_wait_as_ever(void **state)
{
	(void)state;
	open_held();
	order_wait(&first, 0, MOVEMENT_FOREVER);
	stopped_clock_pass(50);
	movement_stop(fixture.reader, 0);
	stopped_clock_settle();
	assert_int_equal(order_join(&first, NULL), 0);
	order_wait(&first, 0, 5000);
	stopped_clock_pass(5000);
	assert_int_equal(order_join(&first, NULL), 0);
}

static void every_slot_is_asked_and_the_reader_greeted_once(void **state)
{
	(void)state;
	device_set_slots(&fixture.device, 3, 1);
	fixture.device.script.info.vendor = 0x072F;	/* one that wants */
	fixture.device.script.info.product = 0x0102;	/* a power-off */
	device_insert(&fixture.device, 0, 1);
	device_insert(&fixture.device, 2, 3);
	open_held();
	order_wait(&first, 0, MOVEMENT_FOREVER);
	order_wait(&second, 2, MOVEMENT_FOREVER);
	watch_start(1);
	set_free();
	assert_int_equal(order_join(&first, NULL), 0);
	assert_int_equal(order_join(&second, NULL), 0);
	assert_false(call_is_over(&watching.call));
	assert_int_equal(presence(0), TRACK_PRESENT);
	assert_int_equal(presence(1), TRACK_EMPTY);
	assert_int_equal(presence(2), TRACK_PRESENT);
	assert_int_equal(device_count(&fixture.device, CCID_POWER_OFF), 1);
	watch_stop();
}

/* pcscd opens the slots one after the other. */
static void a_slot_that_opens_behind_is_asked_at_once(void **state)
{
	(void)state;
	device_set_slots(&fixture.device, 2, 1);
	device_insert(&fixture.device, 1, 2);
	hold(true);
	assert_int_equal(reader_open(device_name(&fixture.device),
				     &fixture.reader), 0);
	assert_int_equal(reader_open_slot(fixture.reader, 0), 0);
	fixture.slots = 1;
	watch_start(0);
	set_free();
	order_open(&first, 1);
	assert_int_equal(order_join(&first, NULL), 0);
	fixture.slots = 2;
	assert_int_equal(presence(1), TRACK_PRESENT);
	watch_stop();
}

static void one_that_is_silent_then_is_brought_to_its_senses(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, FIXTURE_SERIAL);
	open_held();
	fixture.device.ignores_abort = true;
	for (int i = 0; i < 4; i++)
		device_on(&fixture.device, 0, DEVICE_SILENT, 0, 0);
	watch_start(0);
	hold(false);
	stopped_clock_pass(MINUTE_MS);
	watch_told(TRACK_PRESENT);
	order_power_up(&first, 0);
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&first, NULL), 0);
	assert_int_equal(transmit_serial(0), FIXTURE_SERIAL);
}

static void one_that_answers_badly_then_is_asked_on(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, FIXTURE_SERIAL);
	open_held();
	for (int i = 0; i < 12; i++)	/* three questions, each four times */
		device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_SHORT,
			  4, 0);
	watch_start(0);
	hold(false);
	stopped_clock_pass(MINUTE_MS);
	watch_told(TRACK_PRESENT);
	assert_int_equal(log_count("does not tell its status"), 1);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(transmit_serial(0), FIXTURE_SERIAL);
}

static void a_token_is_switched_off_on_and_off_then(void **state)
{
	static const uint8_t types[] = { CCID_POWER_OFF, CCID_POWER_ON,
					 CCID_POWER_OFF, CCID_GET_SLOT_STATUS };

	(void)state;
	fixture.device.script.info.protocol = 2;
	fixture.device.script.info.interrupt_endpoint = false;
	device_insert(&fixture.device, 0, 1);
	open_held();
	watch_start(0);
	set_free();
	assert_int_equal(watching.size, TRACK_PRESENT);
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(fixture.device.seens, sizeof(types));
	for (size_t i = 0; i < sizeof(types); i++)
		assert_int_equal(fixture.device.seen[i].type, types[i]);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(transmit_serial(0), 1);
}

static void an_error_of_another_kind_is_no_end(void **state)
{
	(void)state;
	device_insert(&fixture.device, 0, FIXTURE_SERIAL);
	open_held();
	script_fail(&fixture.device.script, SCRIPT_TAKE, 1, -EIO);
	script_fail(&fixture.device.script, SCRIPT_TAKE, 2, -EACCES);
	watch_start(0);
	set_free();
	watch_told(TRACK_PRESENT);
}

static void it_closes_while_it_is_held(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		open_held();
		order_wait(&first, 0, MOVEMENT_FOREVER);
		stopped_clock_pass((uint64_t)i * 10);
		fixture_close();
		assert_int_equal(order_join(&first, NULL), -ENODEV);
		assert_int_equal(fixture.device.script.opens, 0);
	}
}

#define CASE(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		CASE(it_opens_with_empty_slots_and_sends_nothing),
		CASE(a_card_inside_comes_as_it_becomes_free),
		CASE(an_empty_slot_stays_empty_and_is_followed_from_then_on),
		CASE(it_is_tried_soon_at_first_and_then_ever_less),
		CASE(nobody_who_waits_for_nothing_tries),
		CASE(a_host_that_only_asks_gets_it_too),
		CASE(commands_are_refused_until_then),
		CASE(unplugging_ends_the_wait),
		CASE(a_stop_ends_the_wait_as_ever),
		CASE(every_slot_is_asked_and_the_reader_greeted_once),
		CASE(a_slot_that_opens_behind_is_asked_at_once),
		CASE(one_that_is_silent_then_is_brought_to_its_senses),
		CASE(one_that_answers_badly_then_is_asked_on),
		CASE(a_token_is_switched_off_on_and_off_then),
		CASE(an_error_of_another_kind_is_no_end),
		CASE(it_closes_while_it_is_held),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
