/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions of the IFD handler interface, as pcscd sees them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "ifd_calls.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

static int plug_and_create(void **state)
{
	fixture_plug(state);
	device_insert(&fixture.device, 0, SERIAL);
	return create() != IFD_SUCCESS;
}

static void assert_no_answer(void)
{
	assert_int_equal(size, 0);
	for (size_t i = 0; i < sizeof(answer); i++)
		assert_true(answer[i] == 0x5A || answer[i] == 0);
}

/* --- presence and power */

static void presence_has_three_answers(void **state)
{
	(void)state;
	assert_int_equal(IFDHICCPresence(LUN), IFD_ICC_PRESENT);
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	assert_int_equal(IFDHICCPresence(LUN), IFD_ICC_NOT_PRESENT);
	device_unplug(&fixture.device);
	stopped_clock_settle();
	assert_int_equal(IFDHICCPresence(LUN), IFD_NO_SUCH_DEVICE);
}

static void power_actions_come_in_any_order(void **state)
{
	(void)state;
	assert_int_equal(power(IFD_POWER_DOWN), IFD_SUCCESS);
	assert_int_equal(size, 0);
	assert_int_equal(power(IFD_POWER_DOWN), IFD_SUCCESS);
	assert_int_equal(power(IFD_RESET), IFD_SUCCESS);
	assert_int_equal(size, 6);
	assert_int_equal(power(IFD_POWER_UP), IFD_SUCCESS);
	assert_int_equal(power(IFD_POWER_UP), IFD_SUCCESS);
	assert_int_equal(power(IFD_RESET), IFD_SUCCESS);
	assert_int_equal(atr[0], 0x3B);
	assert_int_equal(atr[6], 0x5A);
}

static void other_power_actions_are_not_supported(void **state)
{
	static const DWORD actions[] = { 0, 499, 503, (DWORD)-1 };

	(void)state;
	for (size_t i = 0; i < ROWS(actions); i++) {
		assert_int_equal(power(actions[i]), IFD_NOT_SUPPORTED);
		assert_int_equal(size, 0);
	}
}

static void an_atr_that_does_not_fit_is_not_given(void **state)
{
	(void)state;
	memset(atr, 0x5A, sizeof(atr));
	size = 5;
	assert_int_equal(IFDHPowerICC(LUN, IFD_POWER_UP, atr, &size),
			 IFD_ERROR_POWER_ACTION);
	assert_int_equal(size, 0);
	assert_int_equal(atr[0], 0x5A);
	size = sizeof(atr);
	assert_int_equal(IFDHPowerICC(LUN, IFD_POWER_UP, NULL, &size),
			 IFD_COMMUNICATION_ERROR);
	assert_int_equal(IFDHPowerICC(LUN, IFD_POWER_UP, atr, NULL),
			 IFD_COMMUNICATION_ERROR);
}

static void a_failed_power_up_is_608_and_no_atr(void **state)
{
	(void)state;
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	assert_int_equal(power(IFD_POWER_UP), IFD_ERROR_POWER_ACTION);
	assert_int_equal(size, 0);
	assert_int_equal(atr[0], 0x5A);
	device_unplug(&fixture.device);
	stopped_clock_settle();
	assert_int_equal(power(IFD_POWER_UP), IFD_NO_SUCH_DEVICE);
	assert_int_equal(power(IFD_POWER_DOWN), IFD_SUCCESS);
}

/* --- protocol and transmit */

static void a_protocol_needs_a_powered_card(void **state)
{
	(void)state;
	assert_int_equal(set_protocol(SCARD_PROTOCOL_T0),
			 IFD_ERROR_PTS_FAILURE);
	be_connected();
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	assert_int_equal(set_protocol(SCARD_PROTOCOL_T0),
			 IFD_ERROR_PTS_FAILURE);
	device_unplug(&fixture.device);
	stopped_clock_settle();
	assert_int_equal(set_protocol(SCARD_PROTOCOL_T0), IFD_NO_SUCH_DEVICE);
}

static void other_protocols_are_607(void **state)
{
	static const DWORD protocols[] = { 0, 3, 4, 8, 0x10000, (DWORD)-1 };

	(void)state;
	be_connected();
	for (size_t i = 0; i < ROWS(protocols); i++)
		assert_int_equal(set_protocol(protocols[i]),
				 IFD_PROTOCOL_NOT_SUPPORTED);
	assert_int_equal(transmit_now(), IFD_SUCCESS);
}

static void an_apdu_is_answered(void **state)
{
	(void)state;
	be_connected();
	assert_int_equal(transmit_now(), IFD_SUCCESS);
	assert_int_equal(size, 6);
	assert_int_equal(answer[3], SERIAL & 0xFF);
	assert_int_equal(answer[6], 0x5A);
	assert_int_equal(transmit_by(4, sizeof(get_data), ROOM), IFD_SUCCESS);
	assert_int_equal(transmit_by(1, sizeof(get_data), ROOM),
			 IFD_COMMUNICATION_ERROR);
	assert_no_answer();
}

/* SCARD_PROTOCOL_RAW: pcscd sets no protocol for a client that asks for it. */
static void a_raw_apdu_goes_by_the_cards_first_protocol(void **state)
{
	(void)state;
	assert_int_equal(IFDHICCPresence(LUN), IFD_ICC_PRESENT);
	assert_int_equal(power(IFD_POWER_UP), IFD_SUCCESS);
	assert_int_equal(transmit_by(4, sizeof(get_data), ROOM), IFD_SUCCESS);
	assert_int_equal(size, 6);
	assert_int_equal(answer[3], SERIAL & 0xFF);
}

static void a_transmit_fails_without_a_powered_card(void **state)
{
	(void)state;
	assert_int_equal(transmit_now(), IFD_COMMUNICATION_ERROR);
	assert_no_answer();
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	assert_int_equal(transmit_now(), IFD_ICC_NOT_PRESENT);
	assert_no_answer();
	device_unplug(&fixture.device);
	stopped_clock_settle();
	assert_int_equal(transmit_now(), IFD_NO_SUCH_DEVICE);
	assert_no_answer();
}

static void lengths_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	be_connected();
	for (DWORD count = 0; count < 4; count++) {
		assert_int_equal(transmit_by(0, count, ROOM),
				 IFD_COMMUNICATION_ERROR);
		assert_no_answer();
	}
	for (DWORD room = 0; room < 2; room++) {
		assert_int_equal(transmit_by(0, sizeof(get_data), room),
				 IFD_ERROR_INSUFFICIENT_BUFFER);
		assert_no_answer();
	}
	assert_int_equal(transmit_by(0, sizeof(get_data), 5),
			 IFD_ERROR_INSUFFICIENT_BUFFER);
	assert_no_answer();
	assert_int_equal(transmit_now(), IFD_SUCCESS);
}

static void a_command_longer_than_any_is_refused(void **state)
{
	static UCHAR command[ROOM];
	SCARD_IO_HEADER send = { 0, 0 };

	(void)state;
	be_connected();
	size = ROOM;
	assert_int_equal(IFDHTransmitToICC(LUN, send, command, ROOM, answer,
					   &size, NULL),
			 IFD_COMMUNICATION_ERROR);
	assert_int_equal(size, 0);
}

static void missing_buffers_are_survived(void **state)
{
	SCARD_IO_HEADER send = { 0, 0 };

	(void)state;
	be_connected();
	size = ROOM;
	assert_int_equal(IFDHTransmitToICC(LUN, send, NULL, 5, answer, &size,
					   NULL), IFD_COMMUNICATION_ERROR);
	assert_int_equal(size, 0);
	size = ROOM;
	assert_int_equal(IFDHTransmitToICC(LUN, send, get_data, 5, NULL, &size,
					   NULL), IFD_COMMUNICATION_ERROR);
	assert_int_equal(size, 0);
	assert_int_equal(IFDHTransmitToICC(LUN, send, get_data, 5, answer,
					   NULL, NULL),
			 IFD_COMMUNICATION_ERROR);
}

static void a_mute_card_is_613(void **state)
{
	(void)state;
	be_connected();
	device_on(&fixture.device, CCID_XFR_BLOCK, DEVICE_FAIL, 0,
		  CCID_ERROR_MUTE);
	assert_int_equal(transmit_now(), IFD_RESPONSE_TIMEOUT);
	assert_no_answer();
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, plug_and_create, \
					close_and_discard)
		TEST(presence_has_three_answers),
		TEST(power_actions_come_in_any_order),
		TEST(other_power_actions_are_not_supported),
		TEST(an_atr_that_does_not_fit_is_not_given),
		TEST(a_failed_power_up_is_608_and_no_atr),
		TEST(a_protocol_needs_a_powered_card),
		TEST(other_protocols_are_607),
		TEST(an_apdu_is_answered),
		TEST(a_raw_apdu_goes_by_the_cards_first_protocol),
		TEST(a_transmit_fails_without_a_powered_card),
		TEST(lengths_that_make_no_sense_are_refused),
		TEST(a_command_longer_than_any_is_refused),
		TEST(missing_buffers_are_survived),
		TEST(a_mute_card_is_613),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
