/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* IFDHControl and the attributes of IFDHGetCapabilities, as pcscd sees them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ifdhandler.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "pin_pad.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

#define LUN		0
#define OTHER_LUN	0x50000
#define PLAIN_ESCAPE	0x42000001

/* pcscd gives so much to SCardControl and to SCardGetAttrib. */
#define ROOM		65548
#define VALUE_ROOM	264

static uint8_t sent[ROOM], received[ROOM], value[VALUE_ROOM];
static DWORD size, value_size;

static int open_by_name(void **state)
{
	static char name[64];

	setenv("CCIDTRACK_ifdDriverOptions", "1", 1);
	fixture_plug(state);
	fixture.device.script.text[USB_MANUFACTURER] = "ACME";
	pin_pad_plug(&fixture.device, SHORT_LEVEL | DEVICE_AUTOMATIC, 1);
	strcpy(name, device_name(&fixture.device));
	return IFDHCreateChannelByName(LUN, name) != IFD_SUCCESS;
}

static int close_by_lun(void **state)
{
	RESPONSECODE code = IFDHCloseChannel(LUN);

	return fixture_discard(state) || code != IFD_SUCCESS;
}

static RESPONSECODE control(DWORD code, const uint8_t *bytes, DWORD count,
			    DWORD room)
{
	memset(received, 0x5A, sizeof(received));
	if (count)
		memcpy(sent, bytes, count);
	size = 0x5A5A;
	return IFDHControl(LUN, code, sent, count, received, room, &size);
}

static void assert_nothing_received(void)
{
	assert_int_equal(size, 0);
	for (size_t i = 0; i < sizeof(received); i++)
		assert_int_equal(received[i], 0x5A);
}

static RESPONSECODE get(DWORD tag)
{
	value_size = VALUE_ROOM;
	memset(value, 0x5A, sizeof(value));
	return IFDHGetCapabilities(LUN, tag, &value_size, value);
}

static void the_features_are_listed(void **state)
{
	(void)state;
	assert_int_equal(control(LIST, NULL, 0, ROOM), IFD_SUCCESS);
	assert_int_equal(size, 24);
	assert_int_equal(control(0x313520, NULL, 0, ROOM), IFD_SUCCESS);
	assert_int_equal(size, 24);
}

static void errors_are_those_that_pcscd_tells_apart(void **state)
{
	(void)state;
	assert_int_equal(control(0, NULL, 0, ROOM),
			 IFD_ERROR_NOT_SUPPORTED);
	assert_nothing_received();
	assert_int_equal(control((DWORD)-1, NULL, 0, ROOM),
			 IFD_ERROR_NOT_SUPPORTED);
	assert_nothing_received();
	assert_int_equal(control(LIST, NULL, 0, 23),
			 IFD_ERROR_INSUFFICIENT_BUFFER);
	assert_nothing_received();
	assert_int_equal(control(VERIFY, verify, sizeof(verify) - 1, ROOM),
			 IFD_ERROR_NOT_SUPPORTED);
	assert_nothing_received();
	assert_int_equal(control(VERIFY, verify, sizeof(verify), ROOM),
			 IFD_COMMUNICATION_ERROR);
	assert_nothing_received();
	device_unplug(&fixture.device);
	stopped_clock_settle();
	assert_int_equal(control(LIST, NULL, 0, ROOM), IFD_NO_SUCH_DEVICE);
	assert_nothing_received();
}

static void a_lun_that_is_not_open_has_no_control(void **state)
{
	DWORD count = 1;

	(void)state;
	assert_int_equal(IFDHControl(OTHER_LUN, LIST, sent, 0, received, ROOM,
				     &count), IFD_COMMUNICATION_ERROR);
	assert_int_equal(count, 0);
}

static void missing_buffers_are_survived(void **state)
{
	DWORD count = 1;

	(void)state;
	assert_int_equal(IFDHControl(LUN, LIST, NULL, 1, received, ROOM,
				     &count), IFD_COMMUNICATION_ERROR);
	assert_int_equal(IFDHControl(LUN, LIST, NULL, 0, NULL, ROOM, &count),
			 IFD_COMMUNICATION_ERROR);
	assert_int_equal(IFDHControl(LUN, LIST, NULL, 0, NULL, 0, &count),
			 IFD_ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(IFDHControl(LUN, LIST, NULL, 0, received, ROOM,
				     NULL), IFD_COMMUNICATION_ERROR);
}

static void a_pin_is_verified(void **state)
{
	uint8_t atr[33];
	DWORD atr_size = sizeof(atr);

	(void)state;
	assert_int_equal(IFDHPowerICC(LUN, IFD_POWER_UP, atr, &atr_size),
			 IFD_SUCCESS);
	assert_int_equal(IFDHSetProtocolParameters(LUN, SCARD_PROTOCOL_T0, 0,
						   0, 0, 0), IFD_SUCCESS);
	pin_pad_will_say(good, sizeof(good));
	assert_int_equal(control(VERIFY, verify, sizeof(verify), ROOM),
			 IFD_SUCCESS);
	assert_int_equal(size, 2);
	assert_memory_equal(received, good, 2);
	device_remove(&fixture.device, 0);
	stopped_clock_settle();
	assert_int_equal(control(VERIFY, verify, sizeof(verify), ROOM),
			 IFD_ICC_NOT_PRESENT);
	assert_nothing_received();
}

static void an_escape_goes_through(void **state)
{
	(void)state;
	pin_pad_will_say(good, sizeof(good));
	assert_int_equal(control(PLAIN_ESCAPE, verify, 1, ROOM), IFD_SUCCESS);
	assert_int_equal(size, 2);
	assert_int_equal(control(PLAIN_ESCAPE, received, 65000, ROOM),
			 IFD_COMMUNICATION_ERROR);
	assert_nothing_received();
}

static void attributes_have_their_sizes(void **state)
{
	static const struct {
		DWORD tag, size;
	} rows[] = {
		{ 0x00010100, 5 }, { 0x00010103, 0 }, { 0x00010102, 4 },
		{ 0x00020110, 4 }, { 0x00090300, 1 }, { 0x00090301, 1 },
		{ 0x00090303, 0 }, { 0x0007A007, 4 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(get(rows[i].tag), IFD_SUCCESS);
		assert_int_equal(value_size, rows[i].size);
		assert_int_equal(value[rows[i].size], 0x5A);
	}
	assert_int_equal(get(0x00010100), IFD_SUCCESS);
	assert_string_equal((char *)value, "ACME");
}

static void other_attributes_are_unknown_tags(void **state)
{
	static const DWORD tags[] = {
		0, 0x7FFF0003, 0x7FFF0004, 0x00080201, 0x00090302,
		TAG_IFD_POLLING_THREAD_WITH_TIMEOUT,
		TAG_IFD_STOP_POLLING_THREAD,
		(DWORD)-1,
	};

	(void)state;
	for (size_t i = 0; i < ROWS(tags); i++)
		assert_int_equal(get(tags[i]), IFD_ERROR_TAG);
}

static void an_attribute_needs_its_room(void **state)
{
	(void)state;
	value_size = 3;
	assert_int_equal(IFDHGetCapabilities(LUN, 0x00020110, &value_size,
					     value),
			 IFD_ERROR_INSUFFICIENT_BUFFER);
	value_size = 4;
	assert_int_equal(IFDHGetCapabilities(LUN, 0x00020110, &value_size,
					     value), IFD_SUCCESS);
	value_size = 0;
	assert_int_equal(IFDHGetCapabilities(LUN, 0x00020110, &value_size,
					     NULL), IFD_SUCCESS);
	assert_int_equal(value_size, 4);
	assert_int_equal(IFDHGetCapabilities(OTHER_LUN, 0x00020110,
					     &value_size, value),
			 IFD_COMMUNICATION_ERROR);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_by_name, close_by_lun)
		TEST(the_features_are_listed),
		TEST(errors_are_those_that_pcscd_tells_apart),
		TEST(a_lun_that_is_not_open_has_no_control),
		TEST(missing_buffers_are_survived),
		TEST(a_pin_is_verified),
		TEST(an_escape_goes_through),
		TEST(attributes_have_their_sizes),
		TEST(other_attributes_are_unknown_tags),
		TEST(an_attribute_needs_its_room),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
