/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reader of TPDU level that leaves PPS and parameters to the host, and a card
 * that offers more than the default speed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "card.h"
#include "fixture.h"

#define TPDU		0x00010000u
#define BY_THE_HOST	0x0000003Au	/* all by itself but PPS and power */
#define SERIAL		0x01020304u
#define DEFAULT_SPEED	0x11
#define CARDS_SPEED	0x95
#define MINUTE_MS	60000
#define RATES		53	/* that the descriptor promises */
#define LIST_MS		1000	/* for each of the two lists, once */

/* What the card says to a PPS, and the reader to SetParameters. */
enum saying {
	AGREES,
	SAYS_DEFAULT,	/* the protocol, without the speed */
	SAYS_OTHER,
	IS_DAMAGED,
	IS_SHORT,
	IS_SILENT,
	IS_DEADLY,	/* the reader hangs until it is reset */
	FAILS,
};

static struct {
	enum saying pps, set;
	bool set_fails_always;
	unsigned pps_count, set_count, power_ups, power_offs;
	uint8_t set_error;	/* bError, if it fails */
	uint8_t speed;		/* of the last SetParameters */
	int list;		/* what asking for the rates returns */
	unsigned lists;		/* that were asked for */
	unsigned patience_ms;	/* the longest that one was waited for */
	void (*command)(struct script *script, const uint8_t *bytes,
			size_t size);
} world;

static void say(struct script *script, const uint8_t *command, uint8_t error,
		const uint8_t *data, size_t size)
{
	uint8_t bytes[CCID_HEADER_SIZE + 16] = { ccid_reply_type(command[0]) };

	put_le32(bytes + 1, (uint32_t)size);
	bytes[5] = command[5];
	bytes[6] = command[6];
	bytes[7] = error ? 0x40 : 0;
	bytes[8] = error;
	if (size)
		memcpy(bytes + CCID_HEADER_SIZE, data, size);
	script_put(script, USB_IN, 0, bytes, CCID_HEADER_SIZE + size, 0);
}

/* TA1 = 95h, T=0 and T=1; the historical bytes are the card's number. */
static void give_atr(struct script *script, const uint8_t *command)
{
	struct device *device = (struct device *)(void *)script;
	uint8_t atr[10] = { 0x3B, 0x94, CARDS_SPEED, 0x80, 0x01 };

	device->slot[0].active = true;
	for (size_t i = 0; i < 4; i++)
		atr[5 + i] = (uint8_t)(device->slot[0].card.serial >>
				       (24 - 8 * i));
	for (size_t i = 1; i < sizeof(atr) - 1; i++)
		atr[sizeof(atr) - 1] ^= atr[i];
	say(script, command, 0, atr, sizeof(atr));
}

static void answer_pps(struct script *script, const uint8_t *command)
{
	const uint8_t *pps = command + CCID_HEADER_SIZE;
	uint8_t answer[4];

	memcpy(answer, pps, sizeof(answer));
	switch (world.pps) {
	case AGREES:
		say(script, command, 0, answer, sizeof(answer));
		return;
	case SAYS_DEFAULT:
		answer[1] &= 0x0F;
		answer[2] = answer[0] ^ answer[1];
		say(script, command, 0, answer, 3);
		return;
	case SAYS_OTHER:
		answer[2] = 0x96;
		answer[3] = answer[0] ^ answer[1] ^ answer[2];
		say(script, command, 0, answer, sizeof(answer));
		return;
	case IS_DAMAGED:
		answer[3] ^= 0x01;
		say(script, command, 0, answer, sizeof(answer));
		return;
	case IS_SHORT:
		say(script, command, 0, answer, 2);
		return;
	case IS_DEADLY:
		((struct device *)(void *)script)->hangs = true;
		return;
	case IS_SILENT:
		return;
	case FAILS:
		say(script, command, CCID_ERROR_MUTE, NULL, 0);
	}
}

static void answer_set(struct script *script, const uint8_t *command)
{
	uint8_t speed = command[CCID_HEADER_SIZE];

	if (world.set == IS_SILENT && speed != DEFAULT_SPEED)
		return;
	if (world.set_fails_always ||
	    (world.set == FAILS && speed != DEFAULT_SPEED))
		say(script, command, world.set_error, NULL, 0);
	else
		say(script, command, 0, command + CCID_HEADER_SIZE, 5);
}

static void command(struct script *script, const uint8_t *bytes, size_t size)
{
	world.power_offs += bytes[0] == CCID_POWER_OFF;
	switch (bytes[0]) {
	case CCID_POWER_ON:
		world.power_ups++;
		give_atr(script, bytes);
		return;
	case CCID_SET_PARAMETERS:
		world.set_count++;
		world.speed = bytes[CCID_HEADER_SIZE];
		answer_set(script, bytes);
		return;
	case CCID_XFR_BLOCK:
		if (size < CCID_HEADER_SIZE + 4 ||
		    bytes[CCID_HEADER_SIZE] != 0xFF)
			break;
		world.pps_count++;
		answer_pps(script, bytes);
		return;
	}
	world.command(script, bytes, size);
}

/* The default's rate again and again, which would rule out the card's speed. */
static int give_list(struct script *script, uint8_t request, uint8_t *data,
		     size_t size, unsigned timeout_ms)
{
	(void)script;
	world.lists++;
	if (timeout_ms > world.patience_ms)
		world.patience_ms = timeout_ms;
	if (request != CCID_CONTROL_GET_RATES)
		return -EPIPE;
	for (size_t i = 0; i + 4 <= size; i += 4)
		put_le32(data + i, 10752);
	return world.list;
}

static int plug(void **state)
{
	struct script *script = &fixture.device.script;

	fixture_plug(state);
	memset(&world, 0, sizeof(world));
	world.set_error = CCID_ERROR_HARDWARE;
	device_set_features(&fixture.device, TPDU | BY_THE_HOST);
	world.command = script->command;
	script->command = command;
	script->request_in = give_list;
	world.list = -EPIPE;
	device_insert(&fixture.device, 0, SERIAL);
	fixture_open();
	assert_int_equal(power_up(0), 0);
	return 0;
}

static void *set_protocol(void *argument)
{
	*(int *)argument = card_set_protocol(fixture.reader, 0, 0);
	return NULL;
}

static int agree(void)
{
	struct call call;
	int r = 1;

	call_start(&call, set_protocol, &r);
	stopped_clock_pass(MINUTE_MS);
	call_join(&call);
	return r;
}

static void a_list_of_rates_is_kept_to(void **state)
{
	(void)state;
	world.list = 4 * RATES;
	assert_int_equal(agree(), 0);
	assert_int_equal(world.speed, DEFAULT_SPEED);
	assert_int_equal(transmit_serial(0), SERIAL);
}

static void a_list_that_fails_is_ignored_and_asked_for_once(void **state)
{
	static const int lists[] = {
		-EPIPE, -ETIMEDOUT, -EIO, -EOVERFLOW, 0, 3, 4,
		4 * RATES - 4, 4 * RATES - 1,
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (i)
			plug(state);
		world.list = lists[i];
		assert_int_equal(agree(), 0);
		assert_int_equal(power_off(0), 0);
		assert_int_equal(power_up(0), 0);
		assert_int_equal(agree(), 0);
		assert_int_equal(world.speed, CARDS_SPEED);
		assert_int_equal(transmit_serial(0), SERIAL);
		assert_int_equal(world.lists, 2);
		assert_in_range(world.patience_ms, 1, LIST_MS);
		if (i + 1 < sizeof(lists) / sizeof(lists[0]))
			fixture_discard(state);
	}
}

/* The card was reset once, and is used at the default speed. */
static void assert_slow(void)
{
	assert_int_equal(world.pps_count, 1);
	assert_int_equal(world.power_ups, 2);
	assert_int_equal(world.power_offs, 1);
	assert_int_equal(world.speed, DEFAULT_SPEED);
	assert_int_equal(transmit_serial(0), SERIAL);
}

static void the_best_common_speed_is_agreed_on(void **state)
{
	(void)state;
	assert_int_equal(agree(), 0);
	assert_int_equal(world.pps_count, 1);
	assert_int_equal(world.set_count, 1);
	assert_int_equal(world.speed, CARDS_SPEED);
	assert_int_equal(world.power_ups, 1);
	assert_int_equal(transmit_serial(0), SERIAL);
}

static void a_card_may_take_the_protocol_without_the_speed(void **state)
{
	(void)state;
	world.pps = SAYS_DEFAULT;
	assert_int_equal(agree(), 0);
	assert_int_equal(world.speed, DEFAULT_SPEED);
	assert_int_equal(world.power_ups, 1);
	assert_int_equal(transmit_serial(0), SERIAL);
}

static void a_pps_that_fails_costs_a_reset_and_the_speed(void **state)
{
	static const enum saying sayings[] = {
		SAYS_OTHER, IS_DAMAGED, IS_SHORT, IS_SILENT, FAILS,
	};

	for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++) {
		if (i)
			plug(state);
		world.pps = sayings[i];
		assert_int_equal(agree(), 0);
		assert_slow();
		if (i + 1 < sizeof(sayings) / sizeof(sayings[0]))
			fixture_discard(state);
	}
}

static void a_speed_that_the_reader_refuses_costs_the_same(void **state)
{
	(void)state;
	world.set = FAILS;
	assert_int_equal(agree(), 0);
	assert_slow();
}

static void a_reader_that_does_not_answer_to_the_speed_is_not_reset(
	void **state)
{
	(void)state;
	world.set = IS_SILENT;
	assert_int_equal(agree(), 0);
	assert_slow();
	assert_int_equal(fixture.device.script.resets, 0);
}

/* Its card is another one then; it must not be lost for good. */
static void a_reader_that_dies_of_a_speed_is_asked_for_it_once(void **state)
{
	(void)state;
	world.pps = IS_DEADLY;
	assert_true(agree() < 0);
	assert_int_equal(fixture.device.script.resets, 1);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(agree(), 0);
	assert_int_equal(world.pps_count, 1);
	assert_int_equal(world.speed, DEFAULT_SPEED);
	assert_int_equal(transmit_serial(0), SERIAL);
	assert_int_equal(fixture.device.script.resets, 1);
}

static void that_is_remembered_while_the_card_stays(void **state)
{
	(void)state;
	world.pps = IS_DAMAGED;
	assert_int_equal(agree(), 0);
	assert_slow();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(power_off(0), 0);
		assert_int_equal(power_up(0), 0);
		assert_int_equal(agree(), 0);
		assert_int_equal(transmit_serial(0), SERIAL);
	}
	assert_int_equal(world.pps_count, 1);
	assert_int_equal(world.power_ups, 5);
	assert_int_equal(world.speed, DEFAULT_SPEED);
}

static void and_forgotten_with_the_next_one(void **state)
{
	(void)state;
	world.pps = IS_DAMAGED;
	assert_int_equal(agree(), 0);
	assert_slow();
	world.pps = AGREES;
	device_remove(&fixture.device, 0);
	stopped_clock_pass(1000);
	device_insert(&fixture.device, 0, SERIAL + 1);
	stopped_clock_pass(1000);
	assert_int_equal(power_up(0), 0);
	assert_int_equal(agree(), 0);
	assert_int_equal(world.pps_count, 2);
	assert_int_equal(world.speed, CARDS_SPEED);
	assert_int_equal(transmit_serial(0), SERIAL + 1);
}

/* It need not be told of the speed that every card begins with. */
static void a_reader_may_refuse_to_hear_of_the_default(void **state)
{
	(void)state;
	world.pps = IS_DAMAGED;
	world.set_fails_always = true;
	world.set_error = 7;
	assert_int_equal(agree(), 0);
	assert_slow();
}

static void what_is_no_refusal_of_a_field_fails(void **state)
{
	static const struct {
		uint8_t error;
		int r;
	} rows[] = {
		{ CCID_ERROR_HARDWARE, -EPROTO },
		{ CCID_ERROR_MUTE, -EPROTO },
		{ CCID_ERROR_PROTOCOL, -EPROTONOSUPPORT },
		{ CCID_ERROR_CLASS, -EPROTONOSUPPORT },
		{ CCID_ERROR_DEACTIVATED, -EPROTONOSUPPORT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (i)
			plug(state);
		world.set_fails_always = true;
		world.set_error = rows[i].error;
		assert_int_equal(agree(), rows[i].r);
		assert_int_equal(world.power_ups, 2);
		assert_int_equal(world.speed, DEFAULT_SPEED);
		if (i + 1 < sizeof(rows) / sizeof(rows[0]))
			fixture_discard(state);
	}
}

/* At a negotiated speed: it costs the speed, not the card. */
static void a_protocol_refused_at_a_speed_may_do_without(void **state)
{
	(void)state;
	world.set = FAILS;
	world.set_error = CCID_ERROR_PROTOCOL;
	assert_int_equal(agree(), 0);
	assert_slow();
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, plug, fixture_discard)
		TEST(the_best_common_speed_is_agreed_on),
		TEST(a_list_of_rates_is_kept_to),
		TEST(a_list_that_fails_is_ignored_and_asked_for_once),
		TEST(a_card_may_take_the_protocol_without_the_speed),
		TEST(a_pps_that_fails_costs_a_reset_and_the_speed),
		TEST(a_speed_that_the_reader_refuses_costs_the_same),
		TEST(a_reader_that_does_not_answer_to_the_speed_is_not_reset),
		TEST(a_reader_that_dies_of_a_speed_is_asked_for_it_once),
		TEST(that_is_remembered_while_the_card_stays),
		TEST(and_forgotten_with_the_next_one),
		TEST(a_reader_may_refuse_to_hear_of_the_default),
		TEST(what_is_no_refusal_of_a_field_fails),
		TEST(a_protocol_refused_at_a_speed_may_do_without),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
