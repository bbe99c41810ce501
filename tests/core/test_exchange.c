/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "exchange.h"
#include "fixture.h"
#include "movement.h"
#include "movement_told.h"

#define SERIAL	FIXTURE_SERIAL

static const uint8_t select_file[] = { 0x00, 0xA4, 0x04, 0x00, 0x00 };

static struct order a, b, waiting;

/* The answer to the command that was sent as the n-th last. */
static void say_status(uint8_t slot, unsigned nth_last, uint8_t sw1)
{
	const uint8_t answer[] = {
		CCID_DATA_BLOCK, 2, 0, 0, 0, slot,
		(uint8_t)(fixture.reader->seq - nth_last), 0, 0, 0, sw1, 0,
	};

	device_say(&fixture.device, answer, sizeof(answer));
}

static void the_cards_answer_comes_back(void **state)
{
	(void)state;
	open_with_card();
	assert_int_equal(transmit_serial(0), SERIAL);
}

/* The reader does not take the command, and the cancel comes too late. */
static void a_command_taken_in_the_moment_of_its_cancel_hangs_nobody(
	void **state)
{
	uint64_t ms;

	(void)state;
	open_with_card();
	device_stick(&fixture.device, USB_OUT);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	order_transmit(&a, 0, select_file, sizeof(select_file));
	script_lock(&fixture.device.script);
	script_on_cancel(&fixture.device.script, USB_OUT, 0, NULL, 0);
	script_unlock(&fixture.device.script);
	device_remove(&fixture.device, 0);
	stopped_clock_pass(5000);
	assert_int_equal(order_join(&a, &ms), -ENOMEDIUM);
	assert_int_equal(ms, 500);
}

/* CCID 1.1, 5.3.1: after the request only the bulk message frees the slot. */
static void an_abort_of_a_command_never_taken_frees_the_slot(void **state)
{
	(void)state;
	open_with_card();
	device_stick(&fixture.device, USB_OUT);
	order_transmit(&a, 0, select_file, sizeof(select_file));
	device_hold(&fixture.device, USB_OUT, true);
	device_delay(&fixture.device, USB_IN, true);
	while (!fixture.device.script.requests)
		stopped_clock_pass(1000);
	device_delay(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	device_hold(&fixture.device, USB_OUT, false);
	stopped_clock_pass(5000);
	assert_int_equal(order_join(&a, NULL), -ETIMEDOUT);
	assert_int_equal(transmit_serial(0), SERIAL);
}

/* a is given up; its transfer brings the answer to b, just then. */
static void hand_over_in_a_cancel(int status)
{
	static const uint8_t answer_to_b[] = {
		CCID_DATA_BLOCK, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0x6A, 0x82,
	};
	uint8_t answer[sizeof(answer_to_b)];

	open_ready(2, 2);
	fixture.device.ignores_abort = true;
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	order_transmit(&a, 0, select_file, sizeof(select_file));
	memcpy(answer, answer_to_b, sizeof(answer));
	answer[6] = fixture.reader->seq;
	order_transmit(&b, 1, select_file, sizeof(select_file));
	script_lock(&fixture.device.script);
	script_on_cancel(&fixture.device.script, USB_IN, status, answer,
			 sizeof(answer));
	script_unlock(&fixture.device.script);
	device_remove(&fixture.device, 0);
	stopped_clock_pass(500);
	assert_int_equal(order_join(&a, NULL), -ENOMEDIUM);
	assert_int_equal(order_join(&b, NULL), 0);
	assert_int_equal(b.size, 2);
	assert_int_equal(transmit_serial(1), SERIAL + 1);
}

static void an_answer_to_another_slot_in_a_cancelled_transfer_arrives(
	void **state)
{
	(void)state;
	hand_over_in_a_cancel(0);
}

static void an_answer_beside_the_status_cancelled_arrives(void **state)
{
	(void)state;
	hand_over_in_a_cancel(-ECANCELED);
}

/* Two commands at a time, answered the other way round. */
static void answers_find_their_commands_in_any_order(void **state)
{
	(void)state;
	open_ready(2, 2);
	for (int i = 0; i < 50; i++) {
		device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0,
			  0);
		device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0,
			  0);
		order_transmit(&a, 0, select_file, sizeof(select_file));
		order_transmit(&b, 1, select_file, sizeof(select_file));
		say_status(1, 1, 0x6B);
		stopped_clock_settle();
		assert_false(call_is_over(&a.call));
		assert_int_equal(order_join(&b, NULL), 0);
		assert_int_equal(b.answer[0], 0x6B);
		say_status(0, 2, 0x6C);
		stopped_clock_settle();
		assert_int_equal(order_join(&a, NULL), 0);
		assert_int_equal(a.answer[0], 0x6C);
	}
}

/* Messages too short for the slots are doubt, and doubt is asked about. */
static void raise_doubt(void)
{
	static const uint8_t nothing[] = { CCID_NOTIFY_SLOT_CHANGE };

	device_notify(&fixture.device, nothing, sizeof(nothing));
	stopped_clock_settle();
}

/* Nobody waits in a question; its transfer brings the answer to b. */
static void a_question_given_up_in_favour_of_an_answer_frees_its_slot(
	void **state)
{
	uint8_t answer[] = {
		CCID_DATA_BLOCK, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0x6A, 0x82,
	};

	(void)state;
	open_ready(2, 2);
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_SILENT, 0, 0);
	pthread_mutex_lock(&fixture.reader->lock);
	track_missed(&fixture.reader->track, 0);
	pthread_cond_broadcast(&fixture.reader->slot[0].moved);
	pthread_mutex_unlock(&fixture.reader->lock);
	stopped_clock_settle();
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	answer[6] = fixture.reader->seq;
	order_transmit(&b, 1, select_file, sizeof(select_file));
	script_lock(&fixture.device.script);
	script_on_cancel(&fixture.device.script, USB_IN, 0, answer,
			 sizeof(answer));
	script_unlock(&fixture.device.script);
	stopped_clock_pass(3000);
	assert_int_equal(order_join(&b, NULL), 0);
	assert_int_equal(b.size, 2);
	stopped_clock_pass(1000);
	assert_int_equal(transmit_serial(0), SERIAL);
	movement_stop(fixture.reader, 0);
	stopped_clock_settle();
	order_join(&waiting, NULL);
}

/* --- USB fails */

static const int errors[] = {
	-EIO, -ENOMEM, -EBUSY, -EPIPE, -EOVERFLOW, -ETIMEDOUT, -ECANCELED,
};

static void assert_fails_and_goes_on(void)
{
	order_transmit(&a, 0, select_file, sizeof(select_file));
	stopped_clock_pass(3000);
	assert_true(order_join(&a, NULL) < 0);
	assert_int_not_equal(a.r, -ENODEV);
	assert_int_not_equal(a.r, -ENOMEDIUM);
	assert_int_equal(a.size, 0);
	assert_int_equal(transmit_serial(0), SERIAL);
}

static void a_submission_that_fails_fails_its_command_alone(void **state)
{
	(void)state;
	open_with_card();
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		script_fail(&fixture.device.script, SCRIPT_SUBMIT_IN, 1,
			    errors[i]);
		assert_fails_and_goes_on();
		script_fail(&fixture.device.script, SCRIPT_SUBMIT_OUT, 1,
			    errors[i]);
		assert_fails_and_goes_on();
	}
}

static void a_transfer_that_fails_fails_its_command_alone(void **state)
{
	(void)state;
	open_with_card();
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		device_break(&fixture.device, USB_OUT, errors[i]);
		assert_fails_and_goes_on();
		device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_STATUS, 0,
			  (uint8_t)-errors[i]);
		assert_fails_and_goes_on();
	}
}

static void a_loss_of_the_device_is_one_in_every_transfer(void **state)
{
	static const enum script_operation operations[] = {
		SCRIPT_SUBMIT_IN, SCRIPT_SUBMIT_OUT,
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		open_with_card();
		script_fail(&fixture.device.script, operations[i], 1, -ENODEV);
		order_transmit(&a, 0, select_file, sizeof(select_file));
		assert_int_equal(order_join(&a, NULL), -ENODEV);
		assert_int_equal(movement_truth(fixture.reader, 0),
				 TRACK_GONE);
		fixture_close();
	}
}

static void questions_survive_failures_of_usb(void **state)
{
	(void)state;
	open_with_card();
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		stopped_clock_pass(1000);
		script_fail(&fixture.device.script, SCRIPT_SUBMIT_IN, 1,
			    errors[i]);
		raise_doubt();
		stopped_clock_pass(1000);
		script_fail(&fixture.device.script, SCRIPT_SUBMIT_OUT, 1,
			    errors[i]);
		raise_doubt();
		stopped_clock_pass(1000);
		device_break(&fixture.device, USB_OUT, errors[i]);
		raise_doubt();
		stopped_clock_pass(1000);
		device_on(&fixture.device, CCID_GET_SLOT_STATUS,
			  DEVICE_STATUS, 0, (uint8_t)-errors[i]);
		raise_doubt();
		stopped_clock_pass(1000);
		assert_int_equal(transmit_serial(0), SERIAL);
	}
	assert_false(call_is_over(&waiting.call));
	movement_stop(fixture.reader, 0);
	stopped_clock_settle();
	order_join(&waiting, NULL);
}

static void a_pipe_that_halts_at_a_question_is_cleared(void **state)
{
	(void)state;
	open_with_card();
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_STALL, 0, 0);
	raise_doubt();
	stopped_clock_pass(1000);
	assert_int_equal(transmit_serial(0), SERIAL);
	movement_stop(fixture.reader, 0);
	stopped_clock_settle();
	order_join(&waiting, NULL);
}

/* The reader does one thing at a time inside, and makes keys for slot 0. */
static void leave_in_peace(bool extends)
{
	uint8_t extension[] = {
		CCID_DATA_BLOCK, 0, 0, 0, 0, 0, 0, 0x80, 1, 0,
	};
	uint8_t answer[] = {
		CCID_DATA_BLOCK, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x90, 0x00,
	};

	open_ready(2, 2);
	fixture.device.ignores_abort = true;
	order_wait(&waiting, 1, MOVEMENT_FOREVER);
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0);
	for (int i = 0; i < 40; i++)
		device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_SILENT,
			  0, 0);
	extension[6] = fixture.reader->seq;
	order_transmit(&a, 0, select_file, sizeof(select_file));
	raise_doubt();
	for (int i = 0; i < 20; i++) {
		if (extends)
			device_say(&fixture.device, extension,
				   sizeof(extension));
		stopped_clock_pass(1000);
	}
	assert_int_equal(fixture.device.script.resets, 0);
	answer[6] = extension[6];
	device_say(&fixture.device, answer, sizeof(answer));
	stopped_clock_settle();
	assert_int_equal(order_join(&a, NULL), 0);
	assert_int_not_equal(movement_truth(fixture.reader, 0), TRACK_GONE);
	stopped_clock_pass(60000);
	movement_stop(fixture.reader, 1);
	stopped_clock_settle();
	order_join(&waiting, NULL);
}

static void a_silent_slot_leaves_one_that_works_in_peace(void **state)
{
	(void)state;
	leave_in_peace(true);
}

static void a_silent_slot_leaves_one_that_works_silently_in_peace(void **state)
{
	(void)state;
	leave_in_peace(false);
}

static void *recheck(void *argument)
{
	*(int *)argument = exchange_recheck(fixture.reader, 0, EXCHANGE_CARD);
	return NULL;
}

/* The reader takes two seconds for it, and the card leaves meanwhile. */
static void a_question_is_waited_for_though_the_card_leaves(void **state)
{
	uint8_t answer[] = {
		CCID_SLOT_STATUS, 0, 0, 0, 0, 0, 0, 2, 0, 0,
	};
	struct call call;
	int r;

	(void)state;
	open_with_card();
	exchange_begin(fixture.reader, 0, EXCHANGE_READER, 10000);
	raise_doubt();
	device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_SILENT, 0, 0);
	call_start(&call, recheck, &r);
	stopped_clock_settle();
	answer[6] = (uint8_t)(fixture.reader->seq - 1);
	device_remove(&fixture.device, 0);
	stopped_clock_pass(2000);
	device_say(&fixture.device, answer, sizeof(answer));
	stopped_clock_settle();
	assert_int_equal(fixture.device.script.requests, 0);
	call_join(&call);
	assert_int_equal(r, -ENOMEDIUM);
	exchange_end(fixture.reader, 0);
}

static void a_silent_question_of_a_closed_slot_stops_no_other(void **state)
{
	(void)state;
	device_set_slots(&fixture.device, 2, 1);
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	assert_int_equal(power_up(0), 0);
	device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_SILENT, 0, 0);
	script_lock(&fixture.device.script);
	fixture.device.slot[1].present = true;
	script_unlock(&fixture.device.script);
	/* a message that tells of slot 0 alone is no doubt about it */
	pthread_mutex_lock(&fixture.reader->lock);
	track_missed(&fixture.reader->track, 1);
	pthread_mutex_unlock(&fixture.reader->lock);
	order_wait(&waiting, 1, 0);
	order_join(&waiting, NULL);
	reader_end_slot(fixture.reader, 1);
	reader_close_slot(fixture.reader, 1);
	fixture.slots = 1;
	order_transmit(&a, 0, select_file, sizeof(select_file));
	stopped_clock_pass(5000);
	assert_int_equal(order_join(&a, NULL), 0);
}

static void an_answer_that_comes_behind_the_close_opens_no_slot(void **state)
{
	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	fixture_open();
	device_hold(&fixture.device, USB_IN, true);
	raise_doubt();
	reader_end_slot(fixture.reader, 0);
	reader_close_slot(fixture.reader, 0);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	order_open(&a, 0);
	assert_int_equal(order_join(&a, NULL), 0);
}

/* The doubt comes while a command runs, so the question comes behind it. */
static void a_silent_question_behind_a_command_is_asked_again(
	void **state)
{
	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	open_with_card();
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	device_hold(&fixture.device, USB_IN, true);
	order_transmit(&a, 0, select_file, sizeof(select_file));
	raise_doubt();
	device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_SILENT, 0, 0);
	device_remove(&fixture.device, 0);
	device_hold(&fixture.device, USB_IN, false);
	stopped_clock_settle();
	assert_int_equal(order_join(&a, NULL), 0);
	stopped_clock_pass(10000);
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_EMPTY);
	assert_int_equal(order_join(&waiting, NULL), 0);
}

static void a_question_is_asked_until_it_is_answered(void **state)
{
	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	open_with_card();
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	for (int i = 0; i < 5; i++)
		device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_SILENT,
			  0, 0);
	device_remove(&fixture.device, 0);
	raise_doubt();
	stopped_clock_pass(20000);
	assert_int_equal(order_join(&waiting, NULL), 0);
	assert_int_equal(movement_truth(fixture.reader, 0), TRACK_EMPTY);
}

/* A silent reader is asked again and again, but whoever wants it comes first. */
static void a_command_does_not_wait_for_more_than_one_question(void **state)
{
	uint64_t ms;

	(void)state;
	fixture.device.announcement = DEVICE_MUTE;
	open_with_card();
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	device_hold(&fixture.device, USB_IN, true);
	raise_doubt();
	order_power_off(&a, 0);
	stopped_clock_pass(60000);
	order_join(&a, &ms);
	assert_true(a.r == 0 || a.r == -ENODEV);
	/* a question, the command twice, and two ladders in vain */
	assert_true(ms <= 3000 + 2 * 3000 + 2 * 6000);
	device_hold(&fixture.device, USB_IN, false);
	movement_stop(fixture.reader, 0);
	stopped_clock_settle();
	order_join(&waiting, NULL);
}

static void a_power_off_that_is_extended_for_ever_ends(void **state)
{
	uint8_t extension[] = {
		CCID_SLOT_STATUS, 0, 0, 0, 0, 0, 0, 0x80, 255, 0,
	};
	uint64_t ms;

	(void)state;
	open_with_card();
	device_on(&fixture.device, CCID_POWER_OFF, DEVICE_SILENT, 0, 0);
	order_power_off(&a, 0);
	extension[6] = (uint8_t)(fixture.reader->seq - 1);
	for (int i = 0; i < 100; i++) {
		device_say(&fixture.device, extension, sizeof(extension));
		stopped_clock_pass(100);
	}
	order_join(&a, &ms);
	assert_true(ms <= 5000);
}

static void a_question_that_is_extended_for_ever_ends(void **state)
{
	uint8_t extension[] = {
		CCID_SLOT_STATUS, 0, 0, 0, 0, 0, 0, 0x80, 255, 0,
	};

	(void)state;
	open_with_card();
	order_wait(&waiting, 0, MOVEMENT_FOREVER);
	device_on(&fixture.device, CCID_GET_SLOT_STATUS, DEVICE_SILENT, 0, 0);
	raise_doubt();
	extension[6] = (uint8_t)(fixture.reader->seq - 1);
	for (int i = 0; i < 50; i++) {
		device_say(&fixture.device, extension, sizeof(extension));
		stopped_clock_pass(100);
	}
	assert_int_equal(transmit_serial(0), SERIAL);
	movement_stop(fixture.reader, 0);
	stopped_clock_settle();
	order_join(&waiting, NULL);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(the_cards_answer_comes_back),
		TEST(a_command_taken_in_the_moment_of_its_cancel_hangs_nobody),
		TEST(an_abort_of_a_command_never_taken_frees_the_slot),
		TEST(an_answer_to_another_slot_in_a_cancelled_transfer_arrives),
		TEST(an_answer_beside_the_status_cancelled_arrives),
		TEST(a_question_given_up_in_favour_of_an_answer_frees_its_slot),
		TEST(answers_find_their_commands_in_any_order),
		TEST(a_submission_that_fails_fails_its_command_alone),
		TEST(a_transfer_that_fails_fails_its_command_alone),
		TEST(a_loss_of_the_device_is_one_in_every_transfer),
		TEST(questions_survive_failures_of_usb),
		TEST(a_pipe_that_halts_at_a_question_is_cleared),
		TEST(a_silent_slot_leaves_one_that_works_in_peace),
		TEST(a_silent_slot_leaves_one_that_works_silently_in_peace),
		TEST(a_question_is_waited_for_though_the_card_leaves),
		TEST(a_silent_question_of_a_closed_slot_stops_no_other),
		TEST(an_answer_that_comes_behind_the_close_opens_no_slot),
		TEST(a_silent_question_behind_a_command_is_asked_again),
		TEST(a_question_is_asked_until_it_is_answered),
		TEST(a_command_does_not_wait_for_more_than_one_question),
		TEST(a_power_off_that_is_extended_for_ever_ends),
		TEST(a_question_that_is_extended_for_ever_ends),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
