/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pipes of a token that has none, over five functions of libusb that a test
 * plays: which request is made, who hears of its end, and who is woken.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ccid.h"
#include "clock.h"
#include "iccd.h"
#include "usb_token.h"

#define ICC_BUSY	0x40	/* GET_ICC_STATUS of version A */
#define PAUSE_MS	10
#define ENDINGS_MAX	16

static const struct usb_interface interface = {
	.protocol = ICCD_VERSION_A,
	.descriptor = {
		0x36, 0x21, 0x10, 0x01, 0x00, 0x07, 0x03, 0x00, 0x00, 0x00,
		0xA0, 0x0F, 0x00, 0x00, 0xA0, 0x0F, 0x00, 0x00, 0x00,
		0x00, 0x2A, 0x00, 0x00, 0x00, 0x2A, 0x00, 0x00, 0x00,
		0xFE, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0xBA, 0x00, 0x02, 0x00,
		0x0F, 0x01, 0x00, 0x00, 0xFF, 0x00, 0x00, 0x00, 0x00, 0x01,
	},
};

static const uint8_t status[] = { CCID_GET_SLOT_STATUS, [6] = 7, [9] = 0 };
static const uint8_t power_on[] = { CCID_POWER_ON, [6] = 7, [9] = 0 };
static const uint8_t set_parameters[] = { CCID_SET_PARAMETERS, 5, [6] = 7,
					  [14] = 0 };
static const uint8_t block[] = {
	CCID_XFR_BLOCK, 5, [6] = 7, [10] = 0x00, 0x20, 0x00, 0x01, 0x31,
};

/* --- libusb, and the clock */

static struct {
	struct libusb_transfer *control;
	bool no_memory;
	int submit_error;
	bool under_way;
	unsigned requests, cancels, interrupts;
	uint64_t now;
} world;

struct libusb_transfer *libusb_alloc_transfer(int packets)
{
	(void)packets;
	world.control = world.no_memory ? NULL
					: calloc(1, sizeof(*world.control));
	return world.control;
}

void libusb_free_transfer(struct libusb_transfer *transfer)
{
	assert_false(world.under_way);
	free(transfer);
}

int libusb_submit_transfer(struct libusb_transfer *transfer)
{
	assert_ptr_equal(transfer, world.control);
	assert_false(world.under_way);
	if (world.submit_error)
		return world.submit_error;
	world.under_way = true;
	world.requests++;
	return 0;
}

int libusb_cancel_transfer(struct libusb_transfer *transfer)
{
	assert_ptr_equal(transfer, world.control);
	assert_true(world.under_way);
	world.cancels++;
	return 0;
}

void libusb_interrupt_event_handler(libusb_context *context)
{
	(void)context;
	world.interrupts++;
}

uint64_t clock_now(void)
{
	return world.now;
}

static uint8_t asked_for(void)
{
	return world.control->buffer[1];	/* bRequest */
}

/* The request is over, in whatever thread. */
static void complete(enum libusb_transfer_status how, const uint8_t *data,
		     int size)
{
	assert_true(world.under_way);
	world.under_way = false;
	world.control->status = how;
	world.control->actual_length = size;
	if (size)
		memcpy(world.control->buffer + LIBUSB_CONTROL_SETUP_SIZE, data,
		       (size_t)size);
	world.control->callback(world.control);
}

static void complete_with(uint8_t byte)
{
	complete(LIBUSB_TRANSFER_COMPLETED, &byte, 1);
}

/* --- the core */

static struct usb_token *token;
static int news;
static struct usb_transfer out, in;
static uint8_t in_data[CCID_HEADER_SIZE + 300];

static struct {
	const struct usb_transfer *transfer;
	int status;
	size_t received;
} ended[ENDINGS_MAX];
static unsigned endings, heard;

static void note(struct usb_transfer *transfer, int how, size_t received)
{
	assert_true(endings < ENDINGS_MAX);
	ended[endings].transfer = transfer;
	ended[endings].status = how;
	ended[endings].received = received;
	endings++;
}

static int make(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.now = 1000;
	endings = heard = 0;
	news = 0;
	out = (struct usb_transfer){ .done = note };
	in = (struct usb_transfer){ .done = note, .data = in_data,
				    .size = sizeof(in_data) };
	return usb_token_new(NULL, NULL, &interface, &news, &token);
}

static int discard(void **state)
{
	(void)state;
	usb_token_free(token);
	return 0;
}

static int send(const uint8_t *command, size_t size)
{
	static uint8_t bytes[ICCD_MESSAGE_MAX + 1];

	memcpy(bytes, command, size);
	out.data = bytes;
	return usb_token_submit(token, USB_OUT, &out, size);
}

#define SEND(command)	send(command, sizeof(command))

static int listen(void)
{
	return usb_token_submit(token, USB_IN, &in, in.size);
}

static void begin(const uint8_t *command, size_t size)
{
	assert_int_equal(listen(), 0);
	assert_int_equal(send(command, size), 0);
}

#define BEGIN(command)	begin(command, sizeof(command))

/* The next one that was told. */
static void assert_ended(const struct usb_transfer *transfer, int how,
			 size_t received)
{
	assert_true(heard < endings);
	assert_ptr_equal(ended[heard].transfer, transfer);
	assert_int_equal(ended[heard].status, how);
	assert_int_equal(ended[heard].received, received);
	heard++;
}

static void assert_no_more(void)
{
	assert_int_equal(heard, endings);
}

/* The event thread comes by after so long. */
static void pass(unsigned ms)
{
	world.now += ms;
	usb_token_work(token);
}

/* For how long the event thread may wait; SIZE_MAX: for ever. */
static size_t limit(void)
{
	struct timeval wait = { .tv_sec = -1 };

	usb_token_limit(token, &wait);
	return wait.tv_sec < 0 ? SIZE_MAX
			       : (size_t)wait.tv_sec * 1000 +
					 (size_t)wait.tv_usec / 1000;
}

static void assert_works(void)
{
	heard = endings = 0;
	BEGIN(status);
	complete_with(0);
	assert_ended(&out, 0, sizeof(status));
	assert_ended(&in, 0, CCID_HEADER_SIZE);
	assert_no_more();
	assert_int_equal(in_data[0], CCID_SLOT_STATUS);
	assert_int_equal(in_data[6], 7);
}

/* --- a command */

static void a_command_is_a_request_and_comes_back_as_a_reply(void **state)
{
	(void)state;
	BEGIN(status);
	assert_int_equal(asked_for(), 0xA0);
	assert_no_more();
	complete_with(0);
	assert_ended(&out, 0, sizeof(status));
	assert_ended(&in, 0, CCID_HEADER_SIZE);
	assert_no_more();
}

static void what_needs_no_request_is_told_by_the_event_thread(void **state)
{
	(void)state;
	BEGIN(set_parameters);
	assert_int_equal(world.requests, 0);
	assert_int_equal(world.interrupts, 1);
	assert_no_more();
	pass(0);
	assert_ended(&out, 0, sizeof(set_parameters));
	assert_ended(&in, 0, CCID_HEADER_SIZE + 5);
	assert_no_more();
}

static void one_command_goes_at_a_time(void **state)
{
	(void)state;
	BEGIN(status);
	assert_int_equal(SEND(status), -EBUSY);
	assert_int_equal(listen(), -EBUSY);
	complete_with(0);
	assert_works();
}

static void a_message_of_an_impossible_size_is_refused(void **state)
{
	static uint8_t large[ICCD_MESSAGE_MAX + 1] = { CCID_XFR_BLOCK };

	(void)state;
	assert_int_equal(send(status, CCID_HEADER_SIZE - 1), -EIO);
	assert_int_equal(SEND(large), -EIO);
	assert_int_equal(world.requests, 0);
	assert_works();
}

static void a_reply_that_nobody_waits_for_is_dropped(void **state)
{
	(void)state;
	assert_int_equal(SEND(status), 0);
	complete_with(0);
	assert_ended(&out, 0, sizeof(status));
	assert_no_more();
	assert_works();
}

static void a_reply_longer_than_its_transfer_overflows(void **state)
{
	static const uint8_t atr[] = { 0x3B, 0x00 };

	(void)state;
	in.size = CCID_HEADER_SIZE + 1;
	BEGIN(power_on);
	complete(LIBUSB_TRANSFER_COMPLETED, atr, sizeof(atr));
	assert_ended(&out, 0, sizeof(power_on));
	assert_ended(&in, -EOVERFLOW, 0);
	in.size = sizeof(in_data);
	assert_works();
}

static void a_reset_costs_the_card_its_power(void **state)
{
	static const uint8_t atr[] = { 0x3B, 0x00 };

	(void)state;
	BEGIN(power_on);
	complete(LIBUSB_TRANSFER_COMPLETED, atr, sizeof(atr));
	assert_works();
	assert_int_equal(in_data[7], CCID_ICC_ACTIVE);
	usb_token_was_reset(token);
	assert_works();
	assert_int_equal(in_data[7], CCID_ICC_INACTIVE);
}

static void nothing_of_a_command_stays(void **state)
{
	(void)state;
	BEGIN(block);
	assert_int_equal(world.control->buffer[LIBUSB_CONTROL_SETUP_SIZE + 4],
			 0x31);
	complete(LIBUSB_TRANSFER_COMPLETED, NULL, 0);
	assert_int_equal(world.control->buffer[LIBUSB_CONTROL_SETUP_SIZE + 4],
			 0);
	usb_token_cancel(token, &in);
	complete(LIBUSB_TRANSFER_CANCELLED, NULL, 0);
}

/* --- a token that works */

/*
 * Whoever waits in libusb for a request of its own handles the end of this one.
 * The event thread was told to wait for ever, and has not begun yet.
 */
static void who_waits_longer_than_a_pause_is_told(void **state)
{
	(void)state;
	BEGIN(block);
	complete(LIBUSB_TRANSFER_COMPLETED, NULL, 0);
	news = 0;
	assert_int_equal(limit(), SIZE_MAX);
	complete_with(ICC_BUSY);
	assert_int_equal(news, 1);
	assert_int_equal(limit(), PAUSE_MS);
}

static void a_busy_token_is_asked_again_after_a_pause(void **state)
{
	(void)state;
	BEGIN(status);
	complete_with(ICC_BUSY);
	assert_ended(&out, 0, sizeof(status));
	assert_no_more();
	pass(PAUSE_MS - 1);
	assert_int_equal(world.requests, 1);
	assert_int_equal(limit(), 1);
	pass(1);
	assert_int_equal(world.requests, 2);
	complete_with(0);
	assert_ended(&in, 0, CCID_HEADER_SIZE);
	assert_no_more();
}

static void a_pause_that_is_overdue_is_no_time_to_wait(void **state)
{
	(void)state;
	BEGIN(status);
	complete_with(ICC_BUSY);
	world.now += 5000;
	assert_int_equal(limit(), 0);
	pass(0);
	complete_with(0);
}

static void the_core_hears_of_it_each_second(void **state)
{
	unsigned extensions = 0;

	(void)state;
	BEGIN(status);
	for (unsigned ms = 0; ms < 3000; ms += PAUSE_MS) {
		complete_with(ICC_BUSY);
		if (endings > 1 && ended[endings - 1].transfer == &in) {
			assert_int_equal(in_data[7] & 0xC0, 0x80);
			extensions++;
			endings = 1;
			assert_int_equal(listen(), 0);
		}
		pass(PAUSE_MS);
	}
	assert_in_range(extensions, 2, 3);
	complete_with(0);
	assert_int_equal(ended[endings - 1].received, CCID_HEADER_SIZE);
	assert_int_equal(in_data[7] & 0xC0, 0);
}

/* --- what fails */

static void a_request_that_cannot_be_made_is_no_submission(void **state)
{
	(void)state;
	world.submit_error = LIBUSB_ERROR_NO_DEVICE;
	assert_int_equal(listen(), 0);
	assert_int_equal(SEND(status), -ENODEV);
	assert_no_more();
	world.submit_error = 0;
	assert_int_equal(SEND(status), 0);
	complete_with(0);
	assert_ended(&out, 0, sizeof(status));
	assert_ended(&in, 0, CCID_HEADER_SIZE);
}

static void a_request_that_fails_ends_both_transfers(void **state)
{
	static const struct {
		enum libusb_transfer_status how;
		int error;
	} rows[] = {
		{ LIBUSB_TRANSFER_NO_DEVICE, -ENODEV },
		{ LIBUSB_TRANSFER_ERROR, -EIO },
		{ LIBUSB_TRANSFER_OVERFLOW, -EOVERFLOW },
		{ LIBUSB_TRANSFER_TIMED_OUT, -ETIMEDOUT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		heard = endings = 0;
		BEGIN(status);
		complete(rows[i].how, NULL, 0);
		assert_ended(&out, rows[i].error, 0);
		assert_ended(&in, rows[i].error, 0);
		assert_no_more();
	}
	assert_works();
}

static void a_request_that_cannot_be_made_again_ends_the_rest(void **state)
{
	(void)state;
	BEGIN(status);
	complete_with(ICC_BUSY);
	assert_ended(&out, 0, sizeof(status));
	world.submit_error = LIBUSB_ERROR_NO_DEVICE;
	pass(PAUSE_MS);
	assert_ended(&in, -ENODEV, 0);
	assert_no_more();
	world.submit_error = 0;
	assert_works();
}

static void a_stall_is_a_failure_that_the_token_tells(void **state)
{
	(void)state;
	BEGIN(power_on);
	complete(LIBUSB_TRANSFER_STALL, NULL, 0);
	assert_ended(&out, 0, sizeof(power_on));
	assert_ended(&in, 0, CCID_HEADER_SIZE);
	assert_int_equal(in_data[7] & 0xC0, 0x40);
	assert_int_equal(in_data[8], CCID_ERROR_HARDWARE);
	assert_works();
}

/* --- what is cancelled */

static void a_cancel_ends_a_request(void **state)
{
	(void)state;
	BEGIN(status);
	usb_token_cancel(token, &out);
	assert_int_equal(world.cancels, 1);
	assert_no_more();
	complete(LIBUSB_TRANSFER_CANCELLED, NULL, 0);
	assert_ended(&out, -ECANCELED, 0);
	assert_ended(&in, -ECANCELED, 0);
	assert_no_more();
	assert_works();
}

/* The answer is a moment earlier than the cancel. */
static void a_request_that_ends_well_beside_its_cancel_is_over(void **state)
{
	(void)state;
	BEGIN(status);
	usb_token_cancel(token, &in);
	complete_with(0);
	assert_ended(&out, -ECANCELED, 0);
	assert_ended(&in, -ECANCELED, 0);
	assert_no_more();
	assert_works();
}

static void a_cancel_ends_a_pause_at_once(void **state)
{
	(void)state;
	BEGIN(status);
	complete_with(ICC_BUSY);
	assert_ended(&out, 0, sizeof(status));
	usb_token_cancel(token, &in);
	assert_int_equal(world.interrupts, 1);
	pass(PAUSE_MS);
	assert_ended(&in, -ECANCELED, 0);
	assert_no_more();
	assert_int_equal(world.requests, 1);
	assert_works();
}

static void a_cancel_of_what_is_not_under_way_does_nothing(void **state)
{
	(void)state;
	usb_token_cancel(token, &out);
	usb_token_cancel(token, &in);
	assert_int_equal(world.interrupts, 0);
	pass(0);
	assert_no_more();
	assert_works();
}

/* --- made of nothing */

static void nothing_is_left_of_one_that_cannot_be_made(void **state)
{
	struct usb_interface bad = interface;
	struct usb_token *none = NULL;

	(void)state;
	memset(bad.descriptor + 2, 0, DESC_SIZE - 2);
	assert_int_equal(usb_token_new(NULL, NULL, &bad, &news, &none),
			 -EPROTO);
	world.no_memory = true;
	assert_int_equal(usb_token_new(NULL, NULL, &interface, &news, &none),
			 -ENOMEM);
	assert_null(none);
	usb_token_free(none);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name)	cmocka_unit_test_setup_teardown(name, make, discard)
		TEST(a_command_is_a_request_and_comes_back_as_a_reply),
		TEST(what_needs_no_request_is_told_by_the_event_thread),
		TEST(one_command_goes_at_a_time),
		TEST(a_message_of_an_impossible_size_is_refused),
		TEST(a_reply_that_nobody_waits_for_is_dropped),
		TEST(a_reply_longer_than_its_transfer_overflows),
		TEST(a_reset_costs_the_card_its_power),
		TEST(nothing_of_a_command_stays),
		TEST(who_waits_longer_than_a_pause_is_told),
		TEST(a_busy_token_is_asked_again_after_a_pause),
		TEST(a_pause_that_is_overdue_is_no_time_to_wait),
		TEST(the_core_hears_of_it_each_second),
		TEST(a_request_that_cannot_be_made_is_no_submission),
		TEST(a_request_that_fails_ends_both_transfers),
		TEST(a_request_that_cannot_be_made_again_ends_the_rest),
		TEST(a_stall_is_a_failure_that_the_token_tells),
		TEST(a_cancel_ends_a_request),
		TEST(a_request_that_ends_well_beside_its_cancel_is_over),
		TEST(a_cancel_ends_a_pause_at_once),
		TEST(a_cancel_of_what_is_not_under_way_does_nothing),
		cmocka_unit_test(nothing_is_left_of_one_that_cannot_be_made),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
