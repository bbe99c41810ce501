/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Two readers in one device that must not work at the same time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "card.h"
#include "fixture.h"
#include "gate.h"
#include "movement.h"
#include "movement_told.h"
#include "transmit.h"

#define GEMALTO		0x08E6
#define PROX_DU		0x5503
#define ROUNDS		40
#define OTHER_SERIAL	7

static struct device other_device;
static struct reader *other;

/* APDUs, one after the other. */
struct user {
	struct call call;
	struct reader *reader;
	unsigned rounds;
	unsigned done;
	int r;
};

static struct user first, second;

static int plug_two(void **state)
{
	struct usb_info *a = &fixture.device.script.info;
	struct usb_info *b = &other_device.script.info;

	fixture_plug(state);
	device_plug(&other_device, 2);
	a->vendor = b->vendor = GEMALTO;
	a->product = b->product = PROX_DU;
	b->address = a->address;
	b->interface = 1;
	other = NULL;
	return 0;
}

static void *close_other(void *argument)
{
	reader_close_slot(argument, 0);
	reader_close(argument);
	return NULL;
}

static int discard_two(void **state)
{
	struct call call;

	if (other) {
		reader_end_slot(other, 0);
		stopped_clock_settle();
		call_start(&call, close_other, other);
		stopped_clock_pass(60000);
		call_join(&call);
	}
	device_discard(&other_device);
	return fixture_discard(state);
}

static void *power_other(void *argument)
{
	uint8_t atr[READER_ATR_MAX];
	struct user *user = argument;
	size_t size;

	user->r = card_power_up(other, 0, false, atr, &size);
	if (user->r == 0)
		user->r = card_set_protocol(other, 0, 0);
	return NULL;
}

static void open_both(void)
{
	open_with_card();
	device_insert(&other_device, 0, OTHER_SERIAL);
	assert_int_equal(reader_open(device_name(&other_device), &other), 0);
	assert_int_equal(reader_open_slot(other, 0), 0);
	assert_int_equal(movement_presence(other, 0), TRACK_PRESENT);
	call_start(&second.call, power_other, &second);
	stopped_clock_pass(1000);
	call_join(&second.call);
	assert_int_equal(second.r, 0);
}

static void *use(void *argument)
{
	static const uint8_t command[] = { 0x00, 0xCA, 0x00, 0x00, 0x00 };
	struct user *user = argument;
	uint8_t answer[258];
	size_t size;

	user->r = 0;
	for (user->done = 0; !user->r && user->done < user->rounds;
	     user->done++)
		user->r = transmit(user->reader, 0, TRANSMIT_ANY, command,
				   sizeof(command), answer, sizeof(answer),
				   &size);
	return NULL;
}

static void begin(struct user *user, struct reader *reader, unsigned rounds)
{
	user->reader = reader;
	user->rounds = rounds;
	call_start(&user->call, use, user);
	stopped_clock_settle();
}

static void assert_done(struct user *user)
{
	call_join(&user->call);
	assert_int_equal(user->r, 0);
	assert_int_equal(user->done, user->rounds);
}

static void one_has_a_command_at_a_time(void **state)
{
	unsigned before;

	(void)state;
	open_both();
	before = device_count(&other_device, 0);
	device_hold(&fixture.device, USB_IN, true);
	begin(&first, fixture.reader, 1);
	begin(&second, other, 1);
	stopped_clock_pass(20000);
	assert_int_equal(device_count(&other_device, 0), before);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_pass(100);
	assert_done(&first);
	assert_done(&second);
}

static void who_waits_has_its_time_from_then_on(void **state)
{
	(void)state;
	open_both();
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_WORK, 1, 200);
	device_on(&other_device, CCID_XFR_BLOCK, DEVICE_EXTEND, 1, 1);
	begin(&first, fixture.reader, 1);
	begin(&second, other, 1);
	stopped_clock_pass(700000);
	assert_true(call_is_over(&first.call));
	call_join(&first.call);
	assert_int_equal(first.r, -ETIMEDOUT);
	assert_done(&second);
}

static void both_go_on_by_turns(void **state)
{
	(void)state;
	open_both();
	device_hold(&fixture.device, USB_IN, true);
	begin(&first, fixture.reader, ROUNDS);
	begin(&second, other, ROUNDS);
	stopped_clock_pass(1);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(first.done, 1);
	assert_int_equal(second.done, 0);
	stopped_clock_pass(GATE_MS);
	assert_true(second.done > 0);
	stopped_clock_pass(ROUNDS * GATE_MS);
	assert_done(&first);
	assert_done(&second);
}

static void movements_are_told_beside_the_other_ones_command(void **state)
{
	(void)state;
	open_both();
	device_hold(&fixture.device, USB_IN, true);
	begin(&first, fixture.reader, 1);
	device_remove(&other_device, 0);
	stopped_clock_settle();
	assert_int_equal(movement_truth(other, 0), TRACK_EMPTY);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_done(&first);
}

static void a_question_waits_for_the_other_one(void **state)
{
	unsigned before;

	(void)state;
	device_insert(&fixture.device, 0, FIXTURE_SERIAL);
	open_both();
	device_hold(&other_device, USB_IN, true);
	begin(&second, other, 1);
	before = device_count(&fixture.device, 0);
	watch_start(0);
	pthread_mutex_lock(&fixture.reader->lock);
	movement_missed(fixture.reader, 0);
	pthread_mutex_unlock(&fixture.reader->lock);
	stopped_clock_pass(5000);
	assert_int_equal(device_count(&fixture.device, 0), before);
	device_hold(&other_device, USB_IN, false);
	stopped_clock_pass(100);
	assert_true(device_count(&fixture.device, CCID_GET_SLOT_STATUS) > 0);
	assert_true(device_count(&fixture.device, 0) > before);
	assert_done(&second);
	watch_stop();
}

static void one_closes_beside_the_other(void **state)
{
	(void)state;
	open_both();
	device_hold(&other_device, USB_IN, true);
	begin(&second, other, 1);
	begin(&first, fixture.reader, 1);
	reader_end_slot(fixture.reader, 0);
	stopped_clock_pass(100);
	call_join(&first.call);
	assert_int_equal(first.r, -ENODEV);
	device_hold(&other_device, USB_IN, false);
	stopped_clock_pass(100);
	assert_done(&second);
	fixture_close();
	begin(&second, other, ROUNDS);
	stopped_clock_settle();
	assert_done(&second);
}

static void assert_side_by_side(void)
{
	open_both();
	device_hold(&fixture.device, USB_IN, true);
	begin(&first, fixture.reader, 1);
	begin(&second, other, 1);
	assert_done(&second);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_done(&first);
}

static void other_devices_work_side_by_side(void **state)
{
	(void)state;
	other_device.script.info.address++;
	assert_side_by_side();
}

static void other_readers_work_side_by_side(void **state)
{
	(void)state;
	fixture.device.script.info.product = PROX_DU - 1;
	other_device.script.info.product = PROX_DU - 1;
	assert_side_by_side();
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, plug_two, discard_two)
		TEST(one_has_a_command_at_a_time),
		TEST(who_waits_has_its_time_from_then_on),
		TEST(both_go_on_by_turns),
		TEST(movements_are_told_beside_the_other_ones_command),
		TEST(a_question_waits_for_the_other_one),
		TEST(one_closes_beside_the_other),
		TEST(other_devices_work_side_by_side),
		TEST(other_readers_work_side_by_side),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
