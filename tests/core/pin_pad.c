/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "pin_pad.h"

#include <string.h>

#include "bytes.h"
#include "card.h"
#include "control.h"
#include "fixture.h"
#include "t1_block.h"

#define PIN_SUPPORT	52	/* offset in the class descriptor */

#define BOTH		3	/* bPINSupport */

struct pin_pad pin_pad;
struct request asked;

const uint8_t verify[VERIFY_SIZE] = {
	0x1E, 0x00, 0x82, 0x08, 0x00, 0x08, 0x04, 0x02, 0x01, 0x09, 0x04,
	0x00, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00,
	0x00, 0x20, 0x00, 0x81, 0x00,
};

const uint8_t good[2] = { 0x90, 0x00 };

static void (*device_command)(struct script *script, const uint8_t *bytes,
			      size_t size);

static void say(struct script *script, const uint8_t *command, uint8_t status,
		const struct pin_pad_reply *reply)
{
	uint8_t bytes[CCID_HEADER_SIZE + PIN_PAD_SIZE_MAX] = {
		ccid_reply_type(command[0]),
	};

	put_le32(bytes + 1, (uint32_t)reply->size);
	bytes[5] = command[5];
	bytes[6] = command[6];
	bytes[7] = status;
	bytes[8] = reply->error;
	bytes[9] = reply->chain;
	memcpy(bytes + CCID_HEADER_SIZE, reply->bytes, reply->size);
	script_put(script, USB_IN, 0, bytes, CCID_HEADER_SIZE + reply->size,
		   0);
}

static uint8_t icc_status(const struct device *device)
{
	if (!device->slot[0].present)
		return 2;
	return device->slot[0].active ? 0 : 1;
}

static void answer(struct script *script, const uint8_t *command)
{
	static const struct pin_pad_reply key = { .error = 1 };
	const struct pin_pad_reply *reply = &pin_pad.reply[pin_pad.replied];
	uint8_t status = icc_status((struct device *)(void *)script);

	if (pin_pad.replied == pin_pad.replies)
		return;
	pin_pad.replied++;
	for (unsigned i = 0; i < reply->keys; i++)
		say(script, command, status | 0x80, &key);
	if (!reply->silent)
		say(script, command, status | (reply->fails ? 0x40 : 0),
		    reply);
}

static void note(const uint8_t *bytes, size_t size)
{
	pin_pad.type = bytes[0];
	memcpy(pin_pad.parameters, bytes + 7, 3);
	pin_pad.size = size - CCID_HEADER_SIZE;
	if (pin_pad.size)
		memcpy(pin_pad.bytes, bytes + CCID_HEADER_SIZE, pin_pad.size);
}

/* The device powers it, and its answer is ours. */
static void power_on(struct script *script, const uint8_t *bytes, size_t size)
{
	static const struct pin_pad_reply atr = {
		.size = 4,
		.bytes = { 0x3B, 0x80, 0x01, 0x81 },
	};
	struct device *device = (struct device *)(void *)script;

	(void)size;
	device->slot[0].active = device->slot[0].present;
	say(script, bytes, icc_status(device),
	    pin_pad.atr ? pin_pad.atr : &atr);
}

static void command(struct script *script, const uint8_t *bytes, size_t size)
{
	switch (bytes[0]) {
	case CCID_SECURE:
		pin_pad.secures++;
		break;
	case CCID_ESCAPE:
		pin_pad.escapes++;
		break;
	case CCID_POWER_ON:
		if (!pin_pad.t1)
			device_command(script, bytes, size);
		else
			power_on(script, bytes, size);
		return;
	case CCID_XFR_BLOCK:
		pin_pad.blocks++;
		if (pin_pad.t1)
			break;
		device_command(script, bytes, size);
		return;
	default:
		device_command(script, bytes, size);
		return;
	}
	note(bytes, size);
	answer(script, bytes);
}

void pin_pad_plug(struct device *device, uint32_t features, uint8_t support)
{
	memset(&pin_pad, 0, sizeof(pin_pad));
	device_set_features(device, features);
	device->script.info.descriptor[PIN_SUPPORT] = support;
	device_command = device->script.command;
	device->script.command = command;
	device_insert(device, 0, 1);
}

static struct pin_pad_reply *add_reply(void)
{
	struct pin_pad_reply *reply = &pin_pad.reply[pin_pad.replies++];

	memset(reply, 0, sizeof(*reply));
	return reply;
}

struct pin_pad_reply *pin_pad_will_say(const uint8_t *bytes, size_t size)
{
	struct pin_pad_reply *reply = add_reply();

	reply->size = size;
	if (size)
		memcpy(reply->bytes, bytes, size);
	return reply;
}

struct pin_pad_reply *pin_pad_will_fail(uint8_t error)
{
	struct pin_pad_reply *reply = add_reply();

	reply->fails = true;
	reply->error = error;
	return reply;
}

struct pin_pad_reply *pin_pad_will_be_silent(void)
{
	struct pin_pad_reply *reply = add_reply();

	reply->silent = true;
	return reply;
}

struct pin_pad_reply *card_will_say(uint8_t pcb, const uint8_t *inf,
				    size_t size)
{
	uint8_t block[T1_BLOCK_MAX];

	return pin_pad_will_say(block, t1_block_build(block, T1_LRC, pcb, inf,
						      size));
}

void open_pin_pad(uint32_t level)
{
	pin_pad_plug(&fixture.device, level | DEVICE_AUTOMATIC, BOTH);
	fixture_open();
	assert_int_equal(power_up(0), 0);
	assert_int_equal(card_set_protocol(fixture.reader, 0, 0), 0);
}

void open_t1(void)
{
	pin_pad_plug(&fixture.device, TPDU_LEVEL | DEVICE_AUTOMATIC, BOTH);
	pin_pad.t1 = true;
	fixture_open();
	assert_int_equal(power_up(0), 0);
	assert_int_equal(card_set_protocol(fixture.reader, 0, 1), 0);
}

static void *run_control(void *argument)
{
	struct request *request = argument;

	request->r = control(fixture.reader, 0, request->code, request->bytes,
			     request->size, request->answer, request->room,
			     &request->received);
	return NULL;
}

static void start(uint64_t code, const uint8_t *bytes, size_t size,
		  size_t room)
{
	asked.code = code;
	asked.size = size;
	if (size)
		memmove(asked.bytes, bytes, size);
	asked.room = room;
	asked.received = 0x5A5A;
	memset(asked.answer, 0x5A, sizeof(asked.answer));
	call_start(&asked.call, run_control, &asked);
	stopped_clock_settle();
}

void ask(uint64_t code, const uint8_t *bytes, size_t size)
{
	start(code, bytes, size, sizeof(asked.answer));
}

int asked_over(uint64_t *ret_ms)
{
	uint64_t ms = call_join(&asked.call);

	if (ret_ms)
		*ret_ms = ms;
	return asked.r;
}

int asked_with_room(uint64_t code, const uint8_t *bytes, size_t size,
		    size_t room)
{
	start(code, bytes, size, room);
	return asked_over(NULL);
}

int asked_for(uint64_t code, const uint8_t *bytes, size_t size)
{
	return asked_with_room(code, bytes, size, sizeof(asked.answer));
}

void assert_failed(int error)
{
	assert_int_equal(asked.r, error);
	assert_int_equal(asked.received, 0);
	for (size_t i = 0; i < sizeof(asked.answer); i++)
		assert_int_equal(asked.answer[i], 0x5A);
}

void assert_answer(const uint8_t *bytes, size_t size)
{
	assert_int_equal(asked.r, 0);
	assert_int_equal(asked.received, size);
	assert_memory_equal(asked.answer, bytes, size);
	assert_int_equal(asked.answer[size], 0x5A);
}
