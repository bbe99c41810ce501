/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "contact.h"

#include <string.h>

#include "../fuzz/session_card.h"
#include "bytes.h"

#define PIN_SUPPORT	52	/* offset in the class descriptor */
#define BOTH		3

/* By slot; the script is locked. */
static struct card cards[DESC_SLOTS_MAX];
static struct card_reply reply;
static void (*device_command)(struct script *script, const uint8_t *bytes,
			      size_t size);

static void say(struct script *script, const uint8_t *command)
{
	static uint8_t bytes[CCID_HEADER_SIZE + CARD_ANSWER_MAX];

	bytes[0] = CCID_DATA_BLOCK;
	put_le32(bytes + 1, (uint32_t)reply.size);
	bytes[5] = command[5];
	bytes[6] = command[6];
	bytes[9] = reply.chain;
	memcpy(bytes + CCID_HEADER_SIZE, reply.data, reply.size);
	script_put(script, USB_IN, 0, bytes, CCID_HEADER_SIZE + reply.size, 0);
}

/* The block that the reader sends for its user is not looked at. */
static void take_pin(struct card *card)
{
	static const uint8_t good[] = { 0x90, 0x00 };

	memcpy(reply.data, good, sizeof(good));
	reply.size = sizeof(good);
	if (card->level != DESC_LEVEL_TPDU || !card->protocol)
		return;
	card_say_block(card, (uint8_t)(card->ns << 6), good, sizeof(good),
		       &reply);
	card->ns ^= 1;
}

/* Who is not in, has no power or stands between two halves of an abort. */
static bool is_the_devices(const struct device_slot *slot, uint8_t type)
{
	if (!slot->present || slot->aborting)
		return true;
	if (type == CCID_POWER_ON)
		return false;
	return !slot->active ||
	       (type != CCID_XFR_BLOCK && type != CCID_SECURE);
}

static void command(struct script *script, const uint8_t *bytes, size_t size)
{
	struct device *device = (struct device *)(void *)script;
	struct device_slot *slot = &device->slot[bytes[5]];
	struct card *card = &cards[bytes[5]];

	if (device->hangs || is_the_devices(slot, bytes[0])) {
		device_command(script, bytes, size);
		return;
	}
	reply.size = 0;
	reply.chain = 0;
	if (bytes[0] == CCID_POWER_ON)
		card_begin(card, &reply);
	else if (bytes[0] == CCID_SECURE)
		take_pin(card);
	else
		card_take(card, bytes + CCID_HEADER_SIZE,
			  size - CCID_HEADER_SIZE, get_le16(bytes + 8),
			  &reply);
	slot->active = true;
	say(script, bytes);
}

void contact_plug(struct device *device, enum desc_level level, unsigned atr,
		  size_t answer_size)
{
	for (unsigned i = 0; i < DESC_SLOTS_MAX; i++)
		cards[i] = (struct card){
			.level = level,
			.atr = atr,
			.message_max = 261,
			.answer_size = answer_size,
		};
	if (device->script.command == command)
		return;
	device_command = device->script.command;
	device->script.command = command;
	device->script.info.descriptor[PIN_SUPPORT] = BOTH;
}
