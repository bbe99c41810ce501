/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots that share what the reader can do at a time: who is next. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "fixture.h"
#include "movement.h"
#include "movement_told.h"

#define QUESTIONS_MS	1000	/* after so long one may be asked at once */
#define QUESTIONS_END_MS	10000	/* with their ladder */
#define ROUNDS		50

static const uint8_t select_file[] = { 0x00, 0xA4, 0x04, 0x00, 0x00 };

static struct order a, b, waiting;

static void a_third_slot_waits_for_its_turn(void **state)
{
	(void)state;
	device_set_slots(&fixture.device, 3, 2);
	for (unsigned i = 0; i < 3; i++)
		device_insert(&fixture.device, i, i + 1);
	fixture_open();
	for (unsigned i = 0; i < 3; i++)
		be_ready(i, i + 1);
	device_hold(&fixture.device, USB_IN, true);
	order_transmit(&a, 0, select_file, sizeof(select_file));
	order_transmit(&b, 1, select_file, sizeof(select_file));
	order_transmit(&waiting, 2, select_file, sizeof(select_file));
	assert_int_equal(device_count(&fixture.device, CCID_XFR_BLOCK), 5);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(order_join(&a, NULL), 0);
	assert_int_equal(order_join(&b, NULL), 0);
	assert_int_equal(order_join(&waiting, NULL), 0);
}

/* Two clients leave a reader that does one thing at a time no moment's rest. */
static void a_question_comes_before_another_slots_client(void **state)
{
	unsigned seen;

	(void)state;
	device_set_slots(&fixture.device, 3, 1);
	for (unsigned i = 0; i < 3; i++)
		device_insert(&fixture.device, i, i + 1);
	fixture_open();
	for (unsigned i = 0; i < 3; i++)
		be_ready(i, i + 1);
	stopped_clock_pass(QUESTIONS_MS);
	order_wait(&waiting, 2, MOVEMENT_FOREVER);
	device_hold(&fixture.device, USB_IN, true);
	order_transmit(&a, 0, select_file, sizeof(select_file));
	order_transmit(&b, 1, select_file, sizeof(select_file));
	seen = fixture.device.seens;
	pthread_mutex_lock(&fixture.reader->lock);
	movement_missed(fixture.reader, 2);
	pthread_mutex_unlock(&fixture.reader->lock);
	stopped_clock_settle();
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(order_join(&a, NULL), 0);
	assert_int_equal(order_join(&b, NULL), 0);
	assert_int_equal(fixture.device.seen[seen].type, CCID_GET_SLOT_STATUS);
	assert_int_equal(fixture.device.seen[seen].slot, 2);
	assert_int_equal(fixture.device.seen[seen + 1].type, CCID_XFR_BLOCK);
	movement_stop(fixture.reader, 2);
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), 0);
}

static void who_is_refused_waits_for_no_other_slot(void **state)
{
	uint64_t ms;

	(void)state;
	device_set_slots(&fixture.device, 2, 1);
	open_with_card();
	device_hold(&fixture.device, USB_IN, true);
	order_transmit(&a, 0, select_file, sizeof(select_file));
	order_transmit(&b, 1, select_file, sizeof(select_file));
	assert_int_equal(order_join(&b, &ms), -ENOMEDIUM);
	assert_int_equal(ms, 0);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(order_join(&a, NULL), 0);
}

/* The card of slot 0 leaves in a command, and slot 1 is in doubt. */
static void who_leaves_without_the_slot_lets_questions_go_on(void **state)
{
	uint8_t absent[] = {
		CCID_DATA_BLOCK, 0, 0, 0, 0, 0, 0, 0x42, CCID_ERROR_MUTE, 0,
	};

	(void)state;
	device_set_slots(&fixture.device, 2, 1);
	open_with_card();
	order_wait(&waiting, 1, MOVEMENT_FOREVER);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	absent[6] = fixture.reader->seq;
	order_transmit(&a, 0, select_file, sizeof(select_file));
	order_transmit(&b, 0, select_file, sizeof(select_file));
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	script_lock(&fixture.device.script);
	fixture.device.slot[1].present = true;
	script_unlock(&fixture.device.script);
	pthread_mutex_lock(&fixture.reader->lock);
	movement_missed(fixture.reader, 1);
	pthread_mutex_unlock(&fixture.reader->lock);
	device_say(&fixture.device, absent, sizeof(absent));
	stopped_clock_settle();
	assert_true(order_join(&a, NULL) < 0);
	assert_int_equal(order_join(&b, NULL), -ENOMEDIUM);
	assert_int_equal(order_join(&waiting, NULL), 0);
}

static void transmit_in(struct order *order, unsigned slot)
{
	order_transmit(order, slot, select_file, sizeof(select_file));
}

/* Another command for slot 0 is there as soon as the first one is over. */
static void clients_of_several_slots_take_turns(void **state)
{
	(void)state;
	open_ready(2, 1);
	for (int i = 0; i < ROUNDS; i++) {
		unsigned seen = fixture.device.seens;

		device_hold(&fixture.device, USB_IN, true);
		transmit_in(&a, 0);
		transmit_in(&b, 1);
		transmit_in(&waiting, 0);
		device_hold(&fixture.device, USB_IN, false);
		stopped_clock_settle();
		assert_int_equal(order_join(&a, NULL), 0);
		assert_int_equal(order_join(&b, NULL), 0);
		assert_int_equal(order_join(&waiting, NULL), 0);
		for (unsigned k = 0; k < 3; k++)
			assert_int_equal(fixture.device.seen[(seen + k) %
					 DEVICE_SEEN_MAX].slot, k == 1);
	}
}

/* The card of slot 1, whose turn it was, has left. */
static void who_leaves_the_line_lets_the_next_one_go(void **state)
{
	(void)state;
	open_ready(3, 1);
	device_hold(&fixture.device, USB_IN, true);
	transmit_in(&a, 0);
	transmit_in(&b, 1);
	transmit_in(&waiting, 2);
	device_remove(&fixture.device, 1);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(order_join(&a, NULL), 0);
	assert_int_equal(order_join(&b, NULL), -ENOMEDIUM);
	assert_int_equal(order_join(&waiting, NULL), 0);
}

/* They would rouse each other until those questions end. */
static void who_is_refused_while_its_slot_is_asked_is_at_rest(void **state)
{
	static struct order asking[2], refused[2];

	(void)state;
	device_set_slots(&fixture.device, 3, 3);
	fixture.device.script.info.interrupt_endpoint = false;
	open_with_card();
	stopped_clock_pass(QUESTIONS_MS);
	for (unsigned i = 0; i < 2; i++) {
		device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_SILENT,
			  0, 0);
		order_presence(&asking[i], 1 + i);
	}
	for (unsigned i = 0; i < 2; i++) {
		transmit_in(&refused[i], 1 + i);
		assert_false(call_is_over(&refused[i].call));
	}
	transmit_in(&a, 0);
	assert_int_equal(order_join(&a, NULL), 0);
	stopped_clock_pass(QUESTIONS_END_MS);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(order_join(&asking[i], NULL), TRACK_EMPTY);
		assert_int_equal(order_join(&refused[i], NULL), -ENOMEDIUM);
	}
}

static void miss_in(unsigned slot)
{
	pthread_mutex_lock(&fixture.reader->lock);
	movement_missed(fixture.reader, slot);
	pthread_mutex_unlock(&fixture.reader->lock);
	stopped_clock_settle();
}

/* What the question was about has changed before it is answered. */
static void questions_and_clients_take_turns(void **state)
{
	static const struct { uint8_t type, slot; } order[] = {
		{ CCID_XFR_BLOCK, 0 }, { CCID_GET_SLOT_STATUS, 2 },
		{ CCID_XFR_BLOCK, 1 }, { CCID_GET_SLOT_STATUS, 2 },
	};
	uint8_t empty[] = { CCID_SLOT_STATUS, 0, 0, 0, 0, 2, 0, 0, 0, 0 };
	unsigned seen;

	(void)state;
	open_ready(3, 1);
	order_wait(&waiting, 2, MOVEMENT_FOREVER);
	stopped_clock_pass(QUESTIONS_MS + QUESTIONS_MS / 2);
	seen = fixture.device.seens;
	device_hold(&fixture.device, USB_IN, true);
	transmit_in(&a, 0);
	transmit_in(&b, 1);
	miss_in(2);
	device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_SILENT, 0, 0);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	empty[6] = (uint8_t)(fixture.reader->seq - 1);
	miss_in(2);
	device_say(&fixture.device, empty, sizeof(empty));
	stopped_clock_settle();
	assert_int_equal(order_join(&a, NULL), 0);
	assert_int_equal(order_join(&b, NULL), 0);
	for (unsigned i = 0; i < 4; i++) {
		unsigned k = (seen + i) % DEVICE_SEEN_MAX;

		assert_int_equal(fixture.device.seen[k].type, order[i].type);
		assert_int_equal(fixture.device.seen[k].slot, order[i].slot);
	}
	movement_stop(fixture.reader, 2);
	stopped_clock_settle();
	assert_int_equal(order_join(&waiting, NULL), 0);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(a_third_slot_waits_for_its_turn),
		TEST(a_question_comes_before_another_slots_client),
		TEST(who_is_refused_waits_for_no_other_slot),
		TEST(who_leaves_without_the_slot_lets_questions_go_on),
		TEST(questions_and_clients_take_turns),
		TEST(clients_of_several_slots_take_turns),
		TEST(who_leaves_the_line_lets_the_next_one_go),
		TEST(who_is_refused_while_its_slot_is_asked_is_at_rest),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
