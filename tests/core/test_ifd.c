/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions of the IFD handler interface, as pcscd sees them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "ifd_calls.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

static RESPONSECODE (*poll_lun)(DWORD, int);
static RESPONSECODE (*stop_lun)(DWORD);

static int plug_and_create(void **state)
{
	fixture_plug(state);
	device_insert(&fixture.device, 0, SERIAL);
	if (create() != IFD_SUCCESS)
		return 1;
	size = sizeof(poll_lun);
	IFDHGetCapabilities(LUN, TAG_IFD_POLLING_THREAD_WITH_TIMEOUT, &size,
			    (PUCHAR)&poll_lun);
	IFDHGetCapabilities(LUN, TAG_IFD_STOP_POLLING_THREAD, &size,
			    (PUCHAR)&stop_lun);
	return size != sizeof(poll_lun);
}

/* --- create and close */

static void the_errors_of_an_open_have_their_codes(void **state)
{
	static const struct {
		int error;
		RESPONSECODE code;
	} rows[] = {
		{ -ENODEV, IFD_NO_SUCH_DEVICE },
		{ -ENXIO, IFD_NO_SUCH_DEVICE },
		{ -EACCES, IFD_COMMUNICATION_ERROR },
		{ -EBUSY, IFD_COMMUNICATION_ERROR },
		{ -ENOMEM, IFD_COMMUNICATION_ERROR },
		{ -EPROTO, IFD_COMMUNICATION_ERROR },
		{ -EIO, IFD_COMMUNICATION_ERROR },
	};

	(void)state;
	assert_int_equal(IFDHCloseChannel(LUN), IFD_SUCCESS);
	for (size_t i = 0; i < ROWS(rows); i++) {
		script_fail(&fixture.device.script, SCRIPT_OPEN, 1,
			    rows[i].error);
		assert_int_equal(create(), rows[i].code);
		assert_int_equal(IFDHICCPresence(LUN),
				 IFD_COMMUNICATION_ERROR);
	}
	assert_int_equal(create(), IFD_SUCCESS);
}

static void names_that_are_none_open_nothing(void **state)
{
	static const char *const names[] = {
		"", "usb", "usb:", "/dev/ttyUSB0", "usb:1234", "usb:1234/",
		"usb:xxxx/5678", "%s%s%s%n",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(names); i++) {
		char name[64];

		strcpy(name, names[i]);
		assert_int_equal(IFDHCreateChannelByName(OTHER_LUN, name),
				 IFD_COMMUNICATION_ERROR);
	}
	assert_int_equal(IFDHCreateChannelByName(OTHER_LUN, NULL),
			 IFD_COMMUNICATION_ERROR);
}

static void a_channel_by_number_is_refused(void **state)
{
	(void)state;
	assert_int_equal(IFDHCreateChannel(OTHER_LUN, 0),
			 IFD_COMMUNICATION_ERROR);
	assert_int_equal(IFDHCreateChannel((DWORD)-1, (DWORD)-1),
			 IFD_COMMUNICATION_ERROR);
}

static void a_lun_opens_and_closes_once(void **state)
{
	(void)state;
	assert_int_equal(create(), IFD_COMMUNICATION_ERROR);
	assert_int_equal(IFDHCloseChannel(LUN), IFD_SUCCESS);
	assert_int_equal(IFDHCloseChannel(LUN), IFD_COMMUNICATION_ERROR);
	assert_int_equal(fixture.device.script.opens, 0);
}

static void every_call_on_an_unknown_lun_fails(void **state)
{
	static const DWORD luns[] = { OTHER_LUN, LUN + 1, (DWORD)-1 };
	SCARD_IO_HEADER send = { 0, 0 };

	(void)state;
	for (size_t i = 0; i < ROWS(luns); i++) {
		UCHAR value[8] = { 1 };

		assert_int_equal(IFDHICCPresence(luns[i]),
				 IFD_COMMUNICATION_ERROR);
		size = sizeof(atr);
		assert_int_equal(IFDHPowerICC(luns[i], IFD_POWER_UP, atr,
					      &size),
				 IFD_COMMUNICATION_ERROR);
		assert_int_equal(size, 0);
		assert_int_equal(IFDHSetProtocolParameters(luns[i], 1, 0, 0, 0,
							   0),
				 IFD_COMMUNICATION_ERROR);
		size = sizeof(answer);
		assert_int_equal(IFDHTransmitToICC(luns[i], send, get_data,
						   sizeof(get_data), answer,
						   &size, NULL),
				 IFD_COMMUNICATION_ERROR);
		assert_int_equal(size, 0);
		size = 1;
		assert_int_equal(IFDHGetCapabilities(luns[i],
						     TAG_IFD_SLOTS_NUMBER,
						     &size, value),
				 IFD_COMMUNICATION_ERROR);
		assert_int_equal(IFDHSetCapabilities(luns[i],
						     TAG_IFD_DEVICE_REMOVED, 1,
						     value),
				 IFD_COMMUNICATION_ERROR);
		assert_int_equal(poll_lun(luns[i], 0), IFD_NO_SUCH_DEVICE);
		assert_int_equal(stop_lun(luns[i]), IFD_COMMUNICATION_ERROR);
		assert_int_equal(IFDHCloseChannel(luns[i]),
				 IFD_COMMUNICATION_ERROR);
	}
}

/* --- capabilities */

static const struct {
	DWORD tag;
	DWORD size;
	UCHAR value;	/* of those that have one byte */
} tags[] = {
	{ TAG_IFD_POLLING_THREAD_WITH_TIMEOUT, sizeof(void *), 0 },
	{ TAG_IFD_STOP_POLLING_THREAD, sizeof(void *), 0 },
	{ TAG_IFD_POLLING_THREAD_KILLABLE, 1, 1 },
	{ TAG_IFD_SIMULTANEOUS_ACCESS, 1, 255 },
	{ TAG_IFD_THREAD_SAFE, 1, 1 },
	{ TAG_IFD_SLOT_THREAD_SAFE, 1, 1 },
	{ TAG_IFD_SLOTS_NUMBER, 1, 1 },
	{ TAG_IFD_DEVICE_REMOVED, 1, 1 },
};

static void pcscds_tags_have_pcscds_sizes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(tags); i++) {
		UCHAR value[16];

		memset(value, 0x5A, sizeof(value));
		size = tags[i].size;
		assert_int_equal(IFDHGetCapabilities(LUN, tags[i].tag, &size,
						     value), IFD_SUCCESS);
		assert_int_equal(size, tags[i].size);
		if (size == 1)
			assert_int_equal(value[0], tags[i].value);
		assert_int_equal(value[size], 0x5A);
	}
}

static void the_number_of_slots_is_what_can_be_opened(void **state)
{
	(void)state;
	for (unsigned slots = 2; slots <= DESC_SLOTS_MAX; slots++) {
		char name[64];
		UCHAR value;

		strcpy(name, device_name(&fixture.device));
		IFDHCloseChannel(LUN);
		device_set_slots(&fixture.device, slots, 1);
		assert_int_equal(create(), IFD_SUCCESS);
		size = 1;
		assert_int_equal(IFDHGetCapabilities(LUN, TAG_IFD_SLOTS_NUMBER,
						     &size, &value),
				 IFD_SUCCESS);
		assert_int_equal(value, slots);
		for (unsigned i = 1; i <= slots; i++)
			assert_int_equal(IFDHCreateChannelByName(LUN + i, name),
					 i < slots ? IFD_SUCCESS
						   : IFD_COMMUNICATION_ERROR);
		for (unsigned i = 1; i < slots; i++)
			assert_int_equal(IFDHCloseChannel(LUN + i),
					 IFD_SUCCESS);
	}
}

/* Clients can ask as well; addresses are not for them. */
static void addresses_are_for_pcscd_alone(void **state)
{
	static const DWORD sizes[] = { 0, 1, 2, 9, 264, (DWORD)-1 };

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < ROWS(sizes); j++) {
			static UCHAR value[264];

			memset(value, 0x5A, sizeof(value));
			size = sizes[j];
			assert_int_equal(IFDHGetCapabilities(LUN, tags[i].tag,
							     &size, value),
					 IFD_ERROR_TAG);
			assert_int_equal(value[0], 0x5A);
		}
}

static void a_byte_fits_any_room_but_none(void **state)
{
	static const DWORD sizes[] = { 2, 8, 264, (DWORD)-1 };

	(void)state;
	for (size_t i = 2; i < ROWS(tags); i++) {
		UCHAR value[264] = { 0x5A };

		size = 0;
		assert_int_equal(IFDHGetCapabilities(LUN, tags[i].tag, &size,
						     value),
				 IFD_ERROR_INSUFFICIENT_BUFFER);
		assert_int_equal(value[0], 0x5A);
		for (size_t j = 0; j < ROWS(sizes); j++) {
			size = sizes[j];
			assert_int_equal(IFDHGetCapabilities(LUN, tags[i].tag,
							     &size, value),
					 IFD_SUCCESS);
			assert_int_equal(size, 1);
			assert_int_equal(value[0], tags[i].value);
		}
	}
}

static void a_tag_without_a_length_is_survived(void **state)
{
	UCHAR value[264];

	(void)state;
	assert_int_equal(IFDHGetCapabilities(LUN, TAG_IFD_ATR, NULL, value),
			 IFD_ERROR_TAG);
	size = 1;
	assert_int_equal(IFDHGetCapabilities(LUN, TAG_IFD_SLOTS_NUMBER, &size,
					     NULL), IFD_SUCCESS);
	assert_int_equal(size, 1);
}

static void the_atr_is_a_capability_of_any_length(void **state)
{
	UCHAR value[264];

	(void)state;
	size = sizeof(value);
	assert_int_equal(IFDHGetCapabilities(LUN, TAG_IFD_ATR, &size, value),
			 IFD_SUCCESS);
	assert_int_equal(size, 0);
	be_connected();
	size = sizeof(value);
	assert_int_equal(IFDHGetCapabilities(LUN, TAG_IFD_ATR, &size, value),
			 IFD_SUCCESS);
	assert_int_equal(size, 6);
	size = 5;
	assert_int_equal(IFDHGetCapabilities(LUN, TAG_IFD_ATR, &size, value),
			 IFD_ERROR_INSUFFICIENT_BUFFER);
}

static void nothing_can_be_set_but_the_removal(void **state)
{
	UCHAR value[264] = { 1 };

	(void)state;
	for (DWORD tag = 0; tag < 0x1000; tag++)
		if (tag != TAG_IFD_DEVICE_REMOVED)
			assert_int_equal(IFDHSetCapabilities(LUN, tag, 1,
							     value),
					 IFD_ERROR_TAG);
	assert_int_equal(IFDHSetCapabilities(LUN, TAG_IFD_DEVICE_REMOVED, 264,
					     value), IFD_ERROR_TAG);
	assert_int_equal(IFDHSetCapabilities(LUN, TAG_IFD_DEVICE_REMOVED, 1,
					     NULL), IFD_ERROR_TAG);
}

/* Any client can claim it. */
static void a_claimed_removal_of_a_reader_that_is_there_is_none(void **state)
{
	UCHAR value = 1;

	(void)state;
	be_connected();
	assert_int_equal(IFDHSetCapabilities(LUN, TAG_IFD_DEVICE_REMOVED, 1,
					     &value), IFD_SUCCESS);
	stopped_clock_pass(1000);
	assert_int_equal(IFDHICCPresence(LUN), IFD_ICC_PRESENT);
	assert_int_equal(transmit_now(), IFD_SUCCESS);
}

/* --- the polling function */

static struct order watch;

static void *poll_for_ever(void *argument)
{
	struct order *order = argument;

	IFDHICCPresence(LUN);
	order->r = (int)poll_lun(LUN, INT_MAX);
	return NULL;
}

static void start_polling(void)
{
	call_start(&watch.call, poll_for_ever, &watch);
	stopped_clock_settle();
}

static void the_poll_has_its_codes(void **state)
{
	(void)state;
	IFDHICCPresence(LUN);
	assert_int_equal(poll_lun(LUN, 0), IFD_SUCCESS);
	start_polling();
	assert_false(call_is_over(&watch.call));
	assert_int_equal(poll_lun(LUN, 0), IFD_COMMUNICATION_ERROR);
	assert_int_equal(stop_lun(LUN), IFD_SUCCESS);
	stopped_clock_settle();
	assert_int_equal(order_join(&watch, NULL), IFD_SUCCESS);
	start_polling();
	device_unplug(&fixture.device);
	stopped_clock_pass(1000);
	assert_int_equal(order_join(&watch, NULL), IFD_NO_SUCH_DEVICE);
}

/* As pcscd does on a removal. */
static void tags_are_told_in_the_middle_of_a_wait(void **state)
{
	UCHAR value[264];

	(void)state;
	start_polling();
	for (DWORD tag = 0x0FA0; tag < 0x0FC0; tag++) {
		size = sizeof(value);
		IFDHGetCapabilities(LUN, tag, &size, value);
	}
	size = sizeof(value);
	assert_int_equal(IFDHGetCapabilities(LUN,
					     TAG_IFD_POLLING_THREAD_KILLABLE,
					     &size, value), IFD_SUCCESS);
	assert_int_equal(size, 1);
	assert_false(call_is_over(&watch.call));
	assert_int_equal(stop_lun(LUN), IFD_SUCCESS);
	stopped_clock_settle();
	assert_int_equal(order_join(&watch, NULL), IFD_SUCCESS);
}

static void *close_lun(void *argument)
{
	*(RESPONSECODE *)argument = IFDHCloseChannel(LUN);
	return NULL;
}

static void a_close_ends_the_poll(void **state)
{
	RESPONSECODE code = IFD_COMMUNICATION_ERROR;
	struct call close;

	(void)state;
	start_polling();
	call_start(&close, close_lun, &code);
	stopped_clock_settle();
	call_join(&close);
	assert_int_equal(code, IFD_SUCCESS);
	assert_int_equal(order_join(&watch, NULL), IFD_NO_SUCH_DEVICE);
}

/* pcscd may cancel its event thread; everything goes on after that. */
static void a_cancelled_poll_leaves_nothing_behind(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		start_polling();
		assert_true(call_cancel(&watch.call));
	}
	be_connected();
	assert_int_equal(transmit_now(), IFD_SUCCESS);
	assert_int_equal(IFDHCloseChannel(LUN), IFD_SUCCESS);
	assert_int_equal(create(), IFD_SUCCESS);
}

static volatile sig_atomic_t signals, exposed;

static void take_signal(int number)
{
	int state;

	(void)number;
	signals++;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	exposed += state == PTHREAD_CANCEL_ENABLE;
	pthread_setcancelstate(state, &state);
}

/*
 * pcscd's handler writes to a pipe. If that thread is told to end just then, it
 * ends there, and pcscd has lost the order to end.
 */
static void a_signal_waits_until_its_thread_cannot_be_cancelled(void **state)
{
	(void)state;
	signals = exposed = 0;
	signal(SIGUSR1, take_signal);
	start_polling();
	pthread_kill(watch.call.thread, SIGUSR1);
	assert_int_equal(stop_lun(LUN), IFD_SUCCESS);
	stopped_clock_settle();
	assert_int_equal(order_join(&watch, NULL), IFD_SUCCESS);
	signal(SIGUSR1, SIG_DFL);
	assert_int_equal(signals, 1);
	assert_int_equal(exposed, 0);
}

static void *poll_once(void *argument)
{
	sigset_t *ret_blocked = argument;

	assert_int_equal(poll_lun(LUN, 0), IFD_SUCCESS);
	pthread_sigmask(SIG_BLOCK, NULL, ret_blocked);
	return NULL;
}

static void a_poll_leaves_the_thread_its_signals(void **state)
{
	struct call call;
	sigset_t blocked;

	(void)state;
	call_start(&call, poll_once, &blocked);
	stopped_clock_settle();
	call_join(&call);
	assert_false(sigismember(&blocked, SIGTERM));
	assert_false(sigismember(&blocked, SIGALRM));
}

static void *poll_when_cancelled(void *argument)
{
	struct order *order = argument;

	IFDHICCPresence(LUN);
	pthread_cancel(pthread_self());
	order->r = (int)IFDHICCPresence(LUN);
	stop_lun(LUN);
	order->size = 1;
	poll_lun(LUN, 0);
	order->size = 2;
	return NULL;
}

/* The order to end strikes in the polling function and nowhere else. */
static void a_cancellation_is_obeyed_at_the_next_poll(void **state)
{
	void *result;

	(void)state;
	call_start(&watch.call, poll_when_cancelled, &watch);
	stopped_clock_settle();
	pthread_join(watch.call.thread, &result);
	assert_ptr_equal(result, PTHREAD_CANCELED);
	assert_int_equal(watch.r, IFD_ICC_PRESENT);
	assert_int_equal(watch.size, 1);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, plug_and_create, \
					close_and_discard)
		TEST(the_errors_of_an_open_have_their_codes),
		TEST(names_that_are_none_open_nothing),
		TEST(a_channel_by_number_is_refused),
		TEST(a_lun_opens_and_closes_once),
		TEST(every_call_on_an_unknown_lun_fails),
		TEST(pcscds_tags_have_pcscds_sizes),
		TEST(the_number_of_slots_is_what_can_be_opened),
		TEST(addresses_are_for_pcscd_alone),
		TEST(a_byte_fits_any_room_but_none),
		TEST(a_tag_without_a_length_is_survived),
		TEST(the_atr_is_a_capability_of_any_length),
		TEST(nothing_can_be_set_but_the_removal),
		TEST(a_claimed_removal_of_a_reader_that_is_there_is_none),
		TEST(the_poll_has_its_codes),
		TEST(tags_are_told_in_the_middle_of_a_wait),
		TEST(a_close_ends_the_poll),
		TEST(a_cancelled_poll_leaves_nothing_behind),
		TEST(a_cancellation_is_obeyed_at_the_next_poll),
		TEST(a_signal_waits_until_its_thread_cannot_be_cancelled),
		TEST(a_poll_leaves_the_thread_its_signals),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
