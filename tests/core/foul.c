/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "foul.h"

#include <errno.h>

#include "bytes.h"

#define REPLY_MAX	700

static unsigned dice(struct device *device, unsigned n)
{
	uint64_t *state = &device->chance;

	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (unsigned)((*state * 0x2545F4914F6CDD1Du >> 33) % n);
}

static bool one_in(struct device *device, unsigned n)
{
	return dice(device, n) == 0;
}

static uint8_t any_byte(struct device *device)
{
	return (uint8_t)dice(device, 256);
}

static uint8_t any_status(struct device *device)
{
	static const uint8_t statuses[] = {
		0x00, 0x01, 0x02, 0x03, 0x40, 0x41, 0x42, 0x80, 0xC0, 0xFF,
	};

	return one_in(device, 8) ? any_byte(device)
				 : statuses[dice(device, sizeof(statuses))];
}

static uint8_t any_chain(struct device *device)
{
	static const uint8_t chains[] = { 0x00, 0x01, 0x02, 0x03, 0x10 };

	return one_in(device, 8) ? any_byte(device)
				 : chains[dice(device, sizeof(chains))];
}

static size_t any_size(struct device *device)
{
	static const uint16_t sizes[] = { 0, 1, 2, 6, 7, 33, 34, 261, 600 };

	if (one_in(device, 4))
		return dice(device, REPLY_MAX - CCID_HEADER_SIZE);
	return sizes[dice(device, sizeof(sizes) / sizeof(sizes[0]))];
}

static void say_anything(struct device *device, const uint8_t *command)
{
	uint8_t reply[REPLY_MAX];
	size_t size = any_size(device);

	for (size_t i = 0; i < sizeof(reply); i++)
		reply[i] = any_byte(device);
	if (!one_in(device, 6))
		reply[0] = ccid_reply_type(command[0]);
	if (!one_in(device, 6))
		put_le32(reply + 1, (uint32_t)size);
	if (!one_in(device, 6))
		reply[5] = command[5];
	if (!one_in(device, 6))
		reply[6] = command[6];
	reply[7] = any_status(device);
	reply[8] = one_in(device, 2) ? 0 : any_byte(device);
	reply[9] = any_chain(device);
	if (one_in(device, 3) && size)
		reply[10] = 0x3B;
	size += CCID_HEADER_SIZE;
	if (one_in(device, 10))
		size = dice(device, (unsigned)size + 1);
	script_put(&device->script, USB_IN, 0, reply, size, 0);
}

static void notify_anything(struct device *device)
{
	uint8_t message[80];

	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = any_byte(device);
	if (!one_in(device, 3))
		message[0] = one_in(device, 4) ? CCID_HARDWARE_ERROR
					       : CCID_NOTIFY_SLOT_CHANGE;
	script_put(&device->script, USB_INTERRUPT, 0, message,
		   dice(device, sizeof(message)), 0);
}

static void break_anything(struct device *device)
{
	static const int errors[] = { -EPIPE, -EIO, -EOVERFLOW, -ETIMEDOUT };

	script_put(&device->script, one_in(device, 3) ? USB_INTERRUPT : USB_IN,
		   errors[dice(device, 4)], NULL, 0, 0);
}

/* Now and then more than anybody reads over. */
static unsigned any_number(struct device *device)
{
	return one_in(device, 20) ? dice(device, 40) : dice(device, 3);
}

static void answer_anything(struct script *script, const uint8_t *bytes,
			    size_t size)
{
	struct device *device = (struct device *)(void *)script;

	if (one_in(device, 6)) {
		device->honest(script, bytes, size);
		return;
	}
	if (one_in(device, 8))
		break_anything(device);
	if (one_in(device, 4))
		notify_anything(device);
	for (unsigned n = any_number(device); n; n--)
		say_anything(device, bytes);
	if (one_in(device, 3))
		device->honest(script, bytes, size);
}

void foul_begin(struct device *device, uint64_t seed)
{
	device->chance = seed;
	if (device->script.command == answer_anything)
		return;
	device->honest = device->script.command;
	device->script.command = answer_anything;
}

void foul_end(struct device *device)
{
	if (device->script.command != answer_anything)
		return;
	device->script.command = device->honest;
	script_flush(&device->script, USB_IN);
	script_flush(&device->script, USB_INTERRUPT);
}
