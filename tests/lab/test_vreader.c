/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual reader as libusb sees it: what a driver's test relies on.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "time_scale.h"

#define STATUS_US	200000	/* longer than it takes to send a command */
#define WAIT_MS		500

static void status_tells_of_the_card(void **state)
{
	libusb_device_handle *handle = open_reader("");

	(void)state;
	assert_int_equal(command(handle, 0x65, 7, NULL, 0), 0);
	assert_int_equal(reply(handle, 64), BENCH_HEADER);
	assert_int_equal(buffer[0], 0x81);
	assert_int_equal(buffer[6], 7);
	assert_int_equal(buffer[7], 2);
	say("insert r 0 echo");
	assert_int_equal(command(handle, 0x65, 8, NULL, 0), 0);
	assert_int_equal(reply(handle, 64), BENCH_HEADER);
	assert_int_equal(buffer[7], 1);
	power_on(handle);
	close_reader(handle);
}

static void a_movement_is_notified_once(void **state)
{
	libusb_device_handle *handle = open_reader("");

	(void)state;
	say("insert r 0 echo");
	assert_int_equal(notified(handle, long_wait()), 2);
	assert_int_equal(buffer[0], 0x50);
	assert_int_equal(buffer[1], 3);
	assert_int_equal(notified(handle, SHORT_WAIT), LIBUSB_ERROR_TIMEOUT);
	close_reader(handle);
}

static void merged_movements_are_one_notification(void **state)
{
	libusb_device_handle *handle = open_reader("notify-merge=yes");

	(void)state;
	say("insert r 0 echo");
	say("swap r 0 echo");
	assert_int_equal(notified(handle, long_wait()), 2);
	assert_int_equal(buffer[1], 3);
	assert_int_equal(notified(handle, SHORT_WAIT), LIBUSB_ERROR_TIMEOUT);
	close_reader(handle);
}

static void a_swap_is_two_notifications(void **state)
{
	libusb_device_handle *handle = open_reader("");

	(void)state;
	say("insert r 0 echo");
	assert_int_equal(notified(handle, long_wait()), 2);
	say("swap r 0 echo");
	assert_int_equal(notified(handle, long_wait()), 2);
	assert_int_equal(buffer[1], 2);
	assert_int_equal(notified(handle, long_wait()), 2);
	assert_int_equal(buffer[1], 3);
	close_reader(handle);
}

static void a_swapped_card_is_without_power(void **state)
{
	static const uint8_t identify[] = { 0x80, 0x14, 0, 0, 0 };
	libusb_device_handle *handle = open_reader("");

	(void)state;
	say("insert r 0 echo");
	power_on(handle);
	say("swap r 0 echo");
	assert_int_equal(command(handle, 0x6F, 1, identify, 5), 0);
	assert_int_equal(reply(handle, 320), BENCH_HEADER);
	assert_int_equal(buffer[7], 0x41);
	close_reader(handle);
}

static void a_halted_pipe_stays_so_until_cleared(void **state)
{
	libusb_device_handle *handle = open_reader("");

	(void)state;
	say("fault r stall command=status");
	assert_int_equal(command(handle, 0x65, 0, NULL, 0), 0);
	assert_int_equal(reply(handle, 64), LIBUSB_ERROR_PIPE);
	assert_int_equal(reply(handle, 64), LIBUSB_ERROR_PIPE);
	assert_int_equal(libusb_clear_halt(handle, BENCH_IN), 0);
	assert_int_equal(command(handle, 0x65, 1, NULL, 0), 0);
	assert_int_equal(reply(handle, 64), BENCH_HEADER);
	close_reader(handle);
}

/* 10 bytes of header, 52 of data, 2 of status word */
static void a_full_last_packet_is_followed_by_an_empty_one(void **state)
{
	static const uint8_t read[] = { 0, 0xB0, 0, 0, 52 };
	libusb_device_handle *handle = open_reader("");

	(void)state;
	say("insert r 0 echo");
	power_on(handle);
	assert_int_equal(command(handle, 0x6F, 1, read, 5), 0);
	assert_int_equal(reply(handle, 128), 64);
	assert_int_equal(command(handle, 0x6F, 2, read, 5), 0);
	assert_int_equal(reply(handle, 64), 64);
	assert_int_equal(reply(handle, 64), 0);
	close_reader(handle);
}

static void too_small_an_urb_overflows(void **state)
{
	libusb_device_handle *handle = open_reader("");

	(void)state;
	assert_int_equal(command(handle, 0x65, 0, NULL, 0), 0);
	assert_int_equal(reply(handle, 4), LIBUSB_ERROR_OVERFLOW);
	close_reader(handle);
}

static void the_largest_message_goes_both_ways(void **state)
{
	static uint8_t apdu[65544] = { 0x80, 0x10, 0, 0, 0, 0xFF, 0xFF };
	libusb_device_handle *handle = open_reader("message-size=65554");

	(void)state;
	say("insert r 0 echo");
	power_on(handle);
	for (size_t i = 0; i < 65535; i++)
		apdu[7 + i] = (uint8_t)(i * 7);
	assert_int_equal(command(handle, 0x6F, 1, apdu, sizeof(apdu)), 0);
	assert_int_equal(reply(handle, BENCH_LARGEST + 46), BENCH_HEADER + 65537);
	assert_memory_equal(buffer + BENCH_HEADER, apdu + 7, 65535);
	close_reader(handle);
}

static void a_long_command_asks_for_more_time(void **state)
{
	static const uint8_t slow[] = { 0x80, 0x12, 0, 30, 0 };
	libusb_device_handle *handle =
		open_reader("extension-interval=20000 extension-multiplier=5");

	(void)state;
	say("insert r 0 echo");
	power_on(handle);
	assert_int_equal(command(handle, 0x6F, 9, slow, 5), 0);
	assert_int_equal(reply(handle, 320), BENCH_HEADER);
	assert_int_equal(buffer[7], 0x80);
	assert_int_equal(buffer[8], 5);
	assert_int_equal(reply(handle, 320), BENCH_HEADER + 14);
	assert_int_equal(buffer[6], 9);
	close_reader(handle);
}

static void abort_ends_a_command(void **state)
{
	libusb_device_handle *handle = open_reader("");

	(void)state;
	say("fault r hang command=status");
	assert_int_equal(command(handle, 0x65, 3, NULL, 0), 0);
	assert_int_equal(libusb_control_transfer(handle, 0x21, 1, 3 << 8, 0,
						 NULL, 0, long_wait()), 0);
	assert_int_equal(command(handle, 0x65, 4, NULL, 0), 0);
	assert_int_equal(reply(handle, 64), BENCH_HEADER);
	assert_int_equal(buffer[7] & 0xC0, 0x40);
	assert_int_equal(buffer[8], 0xFF);
	assert_int_equal(command(handle, 0x72, 3, NULL, 0), 0);
	assert_int_equal(reply(handle, 64), BENCH_HEADER);
	assert_int_equal(buffer[6], 3);
	assert_int_equal(buffer[7], 2);
	close_reader(handle);
}

static void a_second_command_finds_the_slot_busy(void **state)
{
	libusb_device_handle *handle;
	char options[32];

	(void)state;
	snprintf(options, sizeof(options), "status-time=%u",
		 (unsigned)(STATUS_US * time_scale()));
	handle = open_reader(options);
	assert_int_equal(command(handle, 0x65, 1, NULL, 0), 0);
	assert_int_equal(command(handle, 0x65, 2, NULL, 0), 0);
	assert_int_equal(reply(handle, 64), BENCH_HEADER);
	assert_int_equal(buffer[6], 2);
	assert_int_equal(buffer[8], 0xE0);
	assert_int_equal(reply(handle, 64), BENCH_HEADER);
	assert_int_equal(buffer[6], 1);
	close_reader(handle);
}

static void a_card_pulled_in_mid_command_fails_it(void **state)
{
	static const uint8_t slow[] = { 0x80, 0x12, 0xFF, 0, 0 };
	libusb_device_handle *handle = open_reader("");
	uint64_t start = now_ms();

	(void)state;
	say("insert r 0 echo");
	power_on(handle);
	say("on r xfr do remove r 0");
	assert_int_equal(command(handle, 0x6F, 1, slow, 5), 0);
	assert_int_equal(reply(handle, 320), BENCH_HEADER);
	assert_int_equal(buffer[7], 0x42);
	assert_int_equal(buffer[8], 0xFE);
	assert_true(now_ms() - start < long_wait());
	close_reader(handle);
}

static void a_claimed_interface_is_busy(void **state)
{
	libusb_device_handle *handle = open_reader("");

	(void)state;
	assert_int_equal(libusb_release_interface(handle, 0), 0);
	say("hold r");
	assert_int_equal(libusb_claim_interface(handle, 0), LIBUSB_ERROR_BUSY);
	say("let-go r");
	assert_int_equal(libusb_claim_interface(handle, 0), 0);
	close_reader(handle);
}

static void a_reset_takes_the_power(void **state)
{
	libusb_device_handle *handle = open_reader("");

	(void)state;
	say("insert r 0 echo");
	power_on(handle);
	assert_int_equal(libusb_reset_device(handle), 0);
	assert_int_equal(command(handle, 0x65, 0, NULL, 0), 0);
	assert_int_equal(reply(handle, 64), BENCH_HEADER);
	assert_int_equal(buffer[7], 1);
	close_reader(handle);
}

static void strings_can_be_read(void **state)
{
	libusb_device_handle *handle = open_reader("product=\"a name\"");

	(void)state;
	assert_int_equal(libusb_get_string_descriptor_ascii(
		handle, 2, buffer, sizeof(buffer)), 6);
	assert_string_equal((char *)buffer, "a name");
	assert_int_equal(libusb_get_string_descriptor_ascii(
		handle, 3, buffer, sizeof(buffer)), LIBUSB_ERROR_PIPE);
	close_reader(handle);
}

struct ending {
	int done;
	enum libusb_transfer_status status;
};

static void note_end(struct libusb_transfer *transfer)
{
	struct ending *ending = transfer->user_data;

	ending->status = transfer->status;
	ending->done = 1;
}

static void wait_for_end(struct ending *ending)
{
	struct timeval limit = { .tv_sec = (time_t)(long_wait() / 1000) };

	while (!ending->done)
		assert_int_equal(libusb_handle_events_timeout_completed(
			context, &limit, &ending->done), 0);
}

static struct libusb_transfer *arm(libusb_device_handle *handle,
				   struct ending *ending)
{
	struct libusb_transfer *transfer = libusb_alloc_transfer(0);

	libusb_fill_interrupt_transfer(transfer, handle, BENCH_INTERRUPT, buffer, 8,
				       note_end, ending, 0);
	assert_int_equal(libusb_submit_transfer(transfer), 0);
	say("wait r armed");
	return transfer;
}

static void a_cancelled_urb_comes_back(void **state)
{
	libusb_device_handle *handle = open_reader("");
	struct ending ending = { 0 };
	struct libusb_transfer *transfer = arm(handle, &ending);

	(void)state;
	assert_int_equal(libusb_cancel_transfer(transfer), 0);
	wait_for_end(&ending);
	assert_int_equal(ending.status, LIBUSB_TRANSFER_CANCELLED);
	libusb_free_transfer(transfer);
	close_reader(handle);
}

static void unplugging_ends_what_waits(void **state)
{
	libusb_device_handle *handle = open_reader("");
	struct ending ending = { 0 };
	struct libusb_transfer *transfer = arm(handle, &ending);

	(void)state;
	say("unplug r");
	wait_for_end(&ending);
	assert_int_equal(ending.status, LIBUSB_TRANSFER_NO_DEVICE);
	assert_int_equal(command(handle, 0x65, 0, NULL, 0),
			 LIBUSB_ERROR_NO_DEVICE);
	libusb_free_transfer(transfer);
	libusb_close(handle);
}

/* A host that spins would use up as much processor time as time. */
static void waiting_costs_nothing(void **state)
{
	libusb_device_handle *handle = open_reader("");
	clock_t start = clock();

	(void)state;
	assert_int_equal(notified(handle, WAIT_MS), LIBUSB_ERROR_TIMEOUT);
	assert_true(clock() - start < CLOCKS_PER_SEC * WAIT_MS / 1000 / 2);
	close_reader(handle);
}

static void a_descriptor_that_is_no_node_is_left_alone(void **state)
{
	char byte = 0;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(open("/dev/bus/usb/001/099", O_RDWR), -1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_tells_of_the_card),
		cmocka_unit_test(a_movement_is_notified_once),
		cmocka_unit_test(merged_movements_are_one_notification),
		cmocka_unit_test(a_swap_is_two_notifications),
		cmocka_unit_test(a_swapped_card_is_without_power),
		cmocka_unit_test(a_halted_pipe_stays_so_until_cleared),
		cmocka_unit_test(a_full_last_packet_is_followed_by_an_empty_one),
		cmocka_unit_test(too_small_an_urb_overflows),
		cmocka_unit_test(the_largest_message_goes_both_ways),
		cmocka_unit_test(a_long_command_asks_for_more_time),
		cmocka_unit_test(abort_ends_a_command),
		cmocka_unit_test(a_second_command_finds_the_slot_busy),
		cmocka_unit_test(a_card_pulled_in_mid_command_fails_it),
		cmocka_unit_test(a_claimed_interface_is_busy),
		cmocka_unit_test(a_reset_takes_the_power),
		cmocka_unit_test(strings_can_be_read),
		cmocka_unit_test(a_cancelled_urb_comes_back),
		cmocka_unit_test(unplugging_ends_what_waits),
		cmocka_unit_test(waiting_costs_nothing),
		cmocka_unit_test(a_descriptor_that_is_no_node_is_left_alone),
	};

	(void)argc;
	if (!bench_runs())
		return bench_start(argv);
	return cmocka_run_group_tests(tests, bench_set_up, bench_tear_down);
}
