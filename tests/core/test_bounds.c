/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No call takes longer than HACKING says, whatever the reader does: not the
 * worst of them alone, but all that a call may have to do, one after the other,
 * and what is done to a reader that does not answer.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "card.h"
#include "control.h"
#include "fixture.h"
#include "movement_told.h"
#include "options.h"
#include "pin_pad.h"
#include "transmit.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

#define SERIAL		0x11223344u
#define PASS_MS		700000
#define SWITCHED	0x00000032u	/* all by itself but the voltage */
#define PIN_SUPPORT	52	/* offset in the class descriptor */
#define PPS_WANTED	0x00000030u	/* but PPS, and the power */

/* What the reader does from now on; the first that fits each command. */
struct behaviour {
	const char *name;
	struct {
		uint8_t command;
		enum device_fault fault;
		unsigned n;
		uint8_t code;
	} on[3];
	unsigned count;
};

static const struct behaviour behaviours[] = {
	{ "is silent", { { 0, DEVICE_SILENT, 0, 0 } }, 1 },
	{ "is silent to power off", { { CCID_POWER_OFF, DEVICE_SILENT, 0, 0 } }, 1 },
	{ "is silent to power", { { CCID_POWER_ON, DEVICE_SILENT, 0, 0 },
			       { CCID_POWER_OFF, DEVICE_SILENT, 0, 0 } }, 2 },
	{ "is silent to the card", { { CCID_XFR_BLOCK, DEVICE_SILENT, 0, 0 },
				  { CCID_SECURE, DEVICE_SILENT, 0, 0 },
				  { CCID_ESCAPE, DEVICE_SILENT, 0, 0 } }, 3 },
	{ "has a mute card and is silent to off", { { CCID_POWER_ON, DEVICE_FAIL, 0,
				     CCID_ERROR_MUTE },
				   { CCID_POWER_OFF, DEVICE_SILENT, 0, 0 } }, 2 },
	{ "is silent to questions", { { CCID_GET_SLOT_STATUS, DEVICE_SILENT, 0, 0 },
				   { CCID_POWER_ON, DEVICE_SILENT, 0, 0 } }, 2 },
	{ "is busy", { { 0, DEVICE_FAIL, 0, CCID_ERROR_SLOT_BUSY } }, 1 },
	{ "stalls", { { 0, DEVICE_STALL, 0, 0 } }, 1 },
	{ "says nothing to anybody", { { 0, DEVICE_STRAYS, 17, 0 } }, 1 },
	{ "cuts its answers", { { 0, DEVICE_SHORT, 7, 0 } }, 1 },
	{ "asks for time", { { 0, DEVICE_WORK, 1, 255 } }, 1 },
	{ "asks for time once", { { 0, DEVICE_WORK, 1, 1 } }, 1 },
};

static const struct behaviour *behaviour;

/* The device's list of faults never runs out. Runs with the script locked. */
static void go_on(struct device *device, unsigned slot, uint8_t type)
{
	(void)slot;
	(void)type;
	for (device->faults = 0; device->faults < behaviour->count;
	     device->faults++) {
		unsigned i = device->faults;

		device->fault[i].command = behaviour->on[i].command;
		device->fault[i].fault = behaviour->on[i].fault;
		device->fault[i].n = behaviour->on[i].n;
		device->fault[i].code = behaviour->on[i].code;
	}
}

static void misbehave(const struct behaviour *how)
{
	script_lock(&fixture.device.script);
	behaviour = how;
	fixture.device.watch = go_on;
	go_on(&fixture.device, 0, 0);
	script_unlock(&fixture.device.script);
}

static void behave(void)
{
	script_lock(&fixture.device.script);
	fixture.device.watch = NULL;
	fixture.device.faults = 0;
	fixture.device.slot[0].aborting = false;
	script_unlock(&fixture.device.script);
}

/* --- calls, each in a thread of its own */

static void *open_slot(void *argument)
{
	(void)argument;
	if (reader_open_slot(fixture.reader, 0) == 0)
		fixture.slots = 1;
	return NULL;
}

static void *switch_on(void *argument)
{
	uint8_t atr[READER_ATR_MAX];
	size_t size;

	(void)argument;
	card_power_up(fixture.reader, 0, false, atr, &size);
	return NULL;
}

static void *reset_card(void *argument)
{
	uint8_t atr[READER_ATR_MAX];
	size_t size;

	(void)argument;
	card_power_up(fixture.reader, 0, true, atr, &size);
	return NULL;
}

static void *switch_off(void *argument)
{
	(void)argument;
	card_power_off(fixture.reader, 0);
	return NULL;
}

/* As pcscd's event thread does it with an unused card. */
static void *keep(void *argument)
{
	movement_wait(fixture.reader, 0, 0);
	return switch_off(argument);
}

static void *set_protocol(void *argument)
{
	(void)argument;
	card_set_protocol(fixture.reader, 0, 0);
	return NULL;
}

static void *send_apdu(void *argument)
{
	static const uint8_t command[] = { 0x00, 0xCA, 0x00, 0x00, 0x00 };
	uint8_t answer[258];
	size_t size;

	(void)argument;
	transmit(fixture.reader, 0, 0, command, sizeof(command), answer,
		 sizeof(answer), &size);
	return NULL;
}

static void *send_control(uint32_t code, const uint8_t *request, size_t size)
{
	uint8_t answer[258];
	size_t received;

	control(fixture.reader, 0, code, request, size, answer, sizeof(answer),
		&received);
	return NULL;
}

static void *send_escape(void *argument)
{
	static const uint8_t escape[] = { 0x01 };

	(void)argument;
	return send_control(ESCAPE, escape, sizeof(escape));
}

static void *verify_pin(void *argument)
{
	(void)argument;
	return send_control(VERIFY, verify, sizeof(verify));
}

/* Ready for it, with nothing wrong yet; the device is made by before(). */
static void be_open(void)
{
	fixture_open();
}

static void be_powered(void)
{
	be_open();
	be_ready(0, SERIAL);
}

static void be_asked_for_movements(void)
{
	fixture.device.script.info.interrupt_endpoint = false;
	be_powered();
}

static void want_pps(void)
{
	device_set_features(&fixture.device, TPDU_LEVEL | PPS_WANTED);
	be_open();
	assert_int_equal(power_up(0), 0);
}

static void be_switched(void)
{
	device_set_features(&fixture.device, SHORT_LEVEL | SWITCHED);
	be_open();
}

static void only_plugged(void)
{
	assert_int_equal(reader_open(device_name(&fixture.device),
				     &fixture.reader), 0);
}

static void be_left_powered(void)
{
	script_lock(&fixture.device.script);
	fixture.device.slot[0].active = true;
	script_unlock(&fixture.device.script);
	only_plugged();
}

static uint64_t measure(void (*before)(void), void *(*run)(void *argument))
{
	struct call call;
	const struct behaviour *how = behaviour;

	before();
	misbehave(how);
	call_start(&call, run, NULL);
	for (uint64_t t = 0; t < PASS_MS && !call_is_over(&call); t += 1000)
		stopped_clock_pass(1000);
	behave();
	return call_join(&call);
}

static uint64_t measure_fresh(void (*before)(void),
			      void *(*run)(void *argument),
			      bool ignores_abort)
{
	uint64_t ms;

	fixture_plug(NULL);
	fixture.device.ignores_abort = ignores_abort;
	fixture.device.script.info.descriptor[PIN_SUPPORT] = 3;
	device_insert(&fixture.device, 0, SERIAL);
	ms = measure(before, run);
	fixture_discard(NULL);
	return ms;
}

static void ends_within(uint64_t bound, void (*before)(void),
			void *(*run)(void *argument))
{
	uint64_t longest = 0;

	for (size_t i = 0; i < 2 * ROWS(behaviours); i++) {
		uint64_t ms;

		behaviour = &behaviours[i / 2];
		ms = measure_fresh(before, run, i % 2);
		longest = ms > longest ? ms : longest;
		if (ms > bound)
			print_error("%u of %u ms: the reader %s%s\n",
				    (unsigned)ms, (unsigned)bound,
				    behaviour->name,
				    i % 2 ? " and knows no abort" : "");
	}
	assert_in_range(longest, 1, bound);
}

static void an_open_ends_within_10_s(void **state)
{
	(void)state;
	ends_within(10000, only_plugged, open_slot);
	ends_within(10000, be_left_powered, open_slot);
}

static void a_power_up_ends_within_40_s(void **state)
{
	(void)state;
	ends_within(40000, be_open, switch_on);
	ends_within(40000, be_switched, switch_on);
}

static void a_reset_ends_within_40_s(void **state)
{
	(void)state;
	ends_within(40000, be_powered, reset_card);
}

static void a_power_off_ends_within_16_s(void **state)
{
	(void)state;
	ends_within(16000, be_powered, switch_off);
}

static void a_power_off_of_a_card_that_is_kept_ends_within_16_s(void **state)
{
	(void)state;
	ends_within(16000, be_asked_for_movements, keep);
}

static void a_protocol_is_set_within_60_s(void **state)
{
	(void)state;
	ends_within(60000, want_pps, set_protocol);
}

static void an_apdu_ends_within_610_s(void **state)
{
	(void)state;
	ends_within(610000, be_powered, send_apdu);
}

static void an_escape_ends_within_70_s(void **state)
{
	(void)state;
	ends_within(70000, be_open, send_escape);
}

static void a_pin_entry_ends_within_360_s(void **state)
{
	(void)state;
	ends_within(360000, be_powered, verify_pin);
}

static int allow(void **state)
{
	static const char text[] =
		"<plist><dict><key>ifdDriverOptions</key><string>1</string>"
		"</dict></plist>";

	(void)state;
	options_forget();
	return options_take("file", text, sizeof(text) - 1);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name)	cmocka_unit_test_setup(name, allow)
		TEST(an_open_ends_within_10_s),
		TEST(a_power_up_ends_within_40_s),
		TEST(a_reset_ends_within_40_s),
		TEST(a_power_off_ends_within_16_s),
		TEST(a_power_off_of_a_card_that_is_kept_ends_within_16_s),
		TEST(a_protocol_is_set_within_60_s),
		TEST(an_apdu_ends_within_610_s),
		TEST(an_escape_ends_within_70_s),
		TEST(a_pin_entry_ends_within_360_s),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
