/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "session_device.h"

#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "ccid.h"
#include "session_usb.h"

#define MAX_SLOT	4
#define FEATURES	40
#define MAX_MESSAGE	44
#define PIN_SUPPORT	52
#define BUSY_SLOTS	53
#define REPLY_MS	1	/* or a long chain would seem to take no time */
#define LATE_MS		300	/* not so late that patience ends */
#define RAW_MAX		300
#define REPLY_MAX	(CCID_HEADER_SIZE + CARD_ANSWER_MAX)

#define AUTOMATIC	0x000000BAu
#define BY_RATE		0x00000030u	/* fits clock and rate to parameters */

struct device device;

static const uint8_t descriptor[DESC_SIZE] = {
	0x36, 0x21, 0x10, 0x01, 0x00, 0x07, 0x03, 0x00, 0x00, 0x00,
	0xA0, 0x0F, 0x00, 0x00, 0x40, 0x1F, 0x00, 0x00, 0x02,
	0x00, 0x2A, 0x00, 0x00, 0x20, 0x4E, 0x05, 0x00, 0x35,
	0xFE, 0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00,
	0x01, 0x00, 0x00, 0x00, 0xBA, 0x00, 0x02, 0x00,
	0x0F, 0x01, 0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x01,
};

static const uint32_t message_sizes[] = {
	271, 65554, 11, 16, 64, 263, 3072, 0xFFFFFFFF,
};

struct reply {
	uint8_t bytes[REPLY_MAX];
	size_t size;
};

int device_error(uint8_t choice)
{
	static const int errors[] = {
		-EIO, -ENODEV, -EACCES, -EBUSY, -EPIPE, -EOVERFLOW, -ETIMEDOUT,
		-ENOMEM,
	};

	return errors[choice % (sizeof(errors) / sizeof(errors[0]))];
}

static uint8_t next(void)
{
	return input_device(device.input);
}

static size_t take_bytes(uint8_t *bytes, size_t max)
{
	size_t size = next() % (max + 1);

	for (size_t i = 0; i < size; i++)
		bytes[i] = next();
	return size;
}

/* --- movements */

void device_notify(const uint8_t *bytes, size_t size)
{
	session_put(USB_INTERRUPT, 0, bytes, size, 0);
	device.unfetched++;
}

static void announce(unsigned slot)
{
	uint8_t message[1 + DEVICE_SLOTS / 4] = { CCID_NOTIFY_SLOT_CHANGE };

	for (unsigned i = 0; i < device.slots; i++)
		message[1] |= (uint8_t)((unsigned)device.slot[i].present
					<< i * 2);
	message[1] |= (uint8_t)(2u << slot * 2);
	device_notify(message, sizeof(message));
}

void device_move(unsigned slot, bool present)
{
	struct device_slot *s = &device.slot[slot];

	if (session_is_unplugged())
		return;
	if (present && s->present)
		device_move(slot, false);
	else if (present == s->present)
		return;
	s->present = present;
	s->active = present && device.auto_activation;
	s->visit += present;
	s->unsettled = device.interrupts;
	if (device.interrupts)
		announce(slot);
}

static void fetched(void)
{
	if (--device.unfetched)
		return;
	for (unsigned i = 0; i < device.slots; i++)
		device.slot[i].unsettled = false;
}

/* Notifications that nobody has fetched are lost. */
static void reset(void)
{
	device.unfetched = 0;
	for (unsigned i = 0; i < device.slots; i++) {
		device.slot[i].unsettled = false;
		device.slot[i].active = device.slot[i].present &&
					device.auto_activation;
	}
}

/* --- what a reader does with a command */

static bool is_mute(const struct device_slot *slot)
{
	return !slot->active || slot->unsettled;
}

static uint8_t icc(const struct device_slot *slot)
{
	if (!slot->present)
		return 2;
	return slot->active ? 0 : 1;
}

static void fail(struct reply *reply, uint8_t error)
{
	reply->bytes[7] |= 0x40;
	reply->bytes[8] = error;
}

static void give(struct reply *reply, const uint8_t *data, size_t size)
{
	reply->size = CCID_HEADER_SIZE +
		      copy_bounded(reply->bytes + CCID_HEADER_SIZE,
				   sizeof(reply->bytes) - CCID_HEADER_SIZE,
				   data, size);
}

static void power_on(struct device_slot *slot, struct reply *reply)
{
	struct card_reply atr;

	slot->active = slot->present && !slot->unsettled;
	if (!slot->active) {
		fail(reply, CCID_ERROR_MUTE);
		return;
	}
	slot->powered = slot->visit;
	card_begin(&slot->card, &atr);
	give(reply, atr.data, atr.size);
}

static void pass_to_card(struct device_slot *slot, const uint8_t *bytes,
			 size_t size, uint16_t level, struct reply *reply)
{
	struct card_reply answer;

	if (is_mute(slot)) {
		fail(reply, CCID_ERROR_MUTE);
		return;
	}
	slot->reached = slot->visit;
	card_take(&slot->card, bytes, size, level, &answer);
	give(reply, answer.data, answer.size);
	reply->bytes[9] = answer.chain;
}

/* The APDU behind a Secure command's other data: a card hardly looks at it. */
static void enter_pin(struct device_slot *slot, struct reply *reply)
{
	static const uint8_t block[] = { 0x00, 0x00, 0x04, 0, 0x20, 0, 0, 0x24 };

	if (slot->card.level == DESC_LEVEL_TPDU && slot->card.protocol)
		pass_to_card(slot, block, sizeof(block), 0, reply);
	else
		pass_to_card(slot, block + 3, 4, 0, reply);
}

static void obey(struct device_slot *slot, const uint8_t *bytes, size_t size,
		 struct reply *reply)
{
	const uint8_t *data = bytes + CCID_HEADER_SIZE;

	size -= CCID_HEADER_SIZE;
	switch (bytes[0]) {
	case CCID_POWER_ON:
		power_on(slot, reply);
		break;
	case CCID_POWER_OFF:
		slot->active = false;
		break;
	case CCID_GET_SLOT_STATUS:
	case CCID_ABORT:
		break;
	case CCID_SET_PARAMETERS:
	case CCID_ESCAPE:
		give(reply, data, size);
		break;
	case CCID_XFR_BLOCK:
		pass_to_card(slot, data, size, get_le16(bytes + 8), reply);
		break;
	case CCID_SECURE:
		enter_pin(slot, reply);
		break;
	default:
		fail(reply, CCID_ERROR_NOT_SUPPORTED);
	}
}

/* --- how the reply is spoilt, by the lower half of a byte */

static void send(const struct reply *reply, uint64_t delay)
{
	session_put(USB_IN, 0, reply->bytes, reply->size, delay);
}

static void finish(struct device_slot *slot, struct reply *reply)
{
	put_le32(reply->bytes + 1, (uint32_t)(reply->size - CCID_HEADER_SIZE));
	reply->bytes[7] = (uint8_t)((reply->bytes[7] & 0xFC) | icc(slot));
}

static void spoil_none(struct device_slot *slot, struct reply *reply,
		       uint8_t more)
{
	(void)slot;
	(void)more;
	send(reply, REPLY_MS);
}

static void spoil_data(struct device_slot *slot, struct reply *reply,
		       uint8_t more)
{
	uint8_t data[RAW_MAX];

	device.honest = false;
	give(reply, data, take_bytes(data, RAW_MAX));
	finish(slot, reply);
	reply->bytes[9] = more & 3;
	send(reply, REPLY_MS);
}

static void spoil_failed(struct device_slot *slot, struct reply *reply,
			 uint8_t more)
{
	device.honest = false;
	give(reply, NULL, 0);
	fail(reply, next());
	finish(slot, reply);
	reply->bytes[7] = (uint8_t)((reply->bytes[7] & 0xFC) | (more & 3));
	send(reply, REPLY_MS);
}

static void spoil_extended(struct device_slot *slot, struct reply *reply,
			   uint8_t more)
{
	struct reply extension = *reply;

	(void)slot;
	extension.bytes[7] = (uint8_t)((reply->bytes[7] & 0x03) | 0x80);
	extension.bytes[8] = next();
	put_le32(extension.bytes + 1, 0);
	extension.size = CCID_HEADER_SIZE;
	for (unsigned i = 0; i <= more; i++)
		send(&extension, 100);
	send(reply, REPLY_MS);
}

static void spoil_all(struct device_slot *slot, struct reply *reply,
		      uint8_t more)
{
	(void)slot;
	(void)more;
	device.honest = false;
	reply->size = take_bytes(reply->bytes, RAW_MAX);
	send(reply, REPLY_MS);
}

static void spoil_byte(struct device_slot *slot, struct reply *reply,
		       uint8_t more)
{
	size_t offset = next();

	(void)slot;
	(void)more;
	device.honest = false;
	reply->bytes[offset % reply->size] = next();
	send(reply, REPLY_MS);
}

static void spoil_silent(struct device_slot *slot, struct reply *reply,
			 uint8_t more)
{
	(void)slot;
	(void)reply;
	(void)more;
	device.honest = false;
}

static void spoil_transfer(struct device_slot *slot, struct reply *reply,
			   uint8_t more)
{
	(void)slot;
	device.honest = false;
	session_put(USB_IN, device_error(more), reply->bytes,
		    next() % (reply->size + 1), REPLY_MS);
}

static void spoil_foreign(struct device_slot *slot, struct reply *reply,
			  uint8_t more)
{
	struct reply stray = *reply;

	(void)slot;
	device.honest = false;
	stray.bytes[5] ^= more & 3;
	stray.bytes[6] ^= next();
	for (unsigned i = 0; i <= more; i++)
		send(&stray, REPLY_MS);
	send(reply, REPLY_MS);
}

/*
 * The reply was made before, and says so: "done, inactive" would be the word of
 * a reader that never says "active".
 */
static void spoil_moved(struct device_slot *slot, struct reply *reply,
			uint8_t more)
{
	if (more == 15) {
		session_unplug();
		return;
	}
	device_move((unsigned)(slot - device.slot), more & 1);
	send(reply, more & 2 ? LATE_MS : REPLY_MS);
}

static void spoil_late(struct device_slot *slot, struct reply *reply,
		       uint8_t more)
{
	(void)slot;
	device.honest = false;	/* of something that was */
	send(reply, next() * (more + 1u) * 8u);
}

static void spoil_interrupt(struct device_slot *slot, struct reply *reply,
			    uint8_t more)
{
	uint8_t bytes[16];
	size_t size = take_bytes(bytes, sizeof(bytes));

	(void)slot;
	device.honest = false;
	for (unsigned i = 0; device.interrupts && i <= more; i++)
		device_notify(bytes, size);
	send(reply, REPLY_MS);
}

static void spoil_empty(struct device_slot *slot, struct reply *reply,
			uint8_t more)
{
	(void)slot;
	device.honest &= more < 4;
	for (unsigned i = 0; i <= more; i++)
		session_put(USB_IN, 0, NULL, 0, 0);
	send(reply, REPLY_MS);
}

static void spoil_block(struct device_slot *slot, struct reply *reply,
			uint8_t more)
{
	struct card_reply block;
	uint8_t inf[T1_INF_MAX];
	uint8_t pcb = next();

	(void)more;
	device.honest = false;
	card_say_block(&slot->card, pcb, inf, take_bytes(inf, sizeof(inf) - 1),
		       &block);
	give(reply, block.data, block.size);
	finish(slot, reply);
	send(reply, REPLY_MS);
}

static void spoil_halted(struct device_slot *slot, struct reply *reply,
			 uint8_t more)
{
	(void)slot;
	(void)reply;
	device.honest = false;
	if (more & 1)
		session_halt(USB_OUT);
	session_put(USB_IN, -EPIPE, NULL, 0, REPLY_MS);
}

/* The answers to come are longer. */
static void spoil_size(struct device_slot *slot, struct reply *reply,
		       uint8_t more)
{
	slot->card.answer_size = next() * (more ? 13u : 1u);
	send(reply, REPLY_MS);
}

typedef void spoil(struct device_slot *slot, struct reply *reply, uint8_t more);

static spoil *const reply_kinds[16] = {
	spoil_none, spoil_data, spoil_failed, spoil_extended,
	spoil_all, spoil_byte, spoil_silent, spoil_transfer,
	spoil_foreign, spoil_moved, spoil_late, spoil_interrupt,
	spoil_empty, spoil_block, spoil_halted, spoil_size,
};

static void command(const uint8_t *bytes, size_t size)
{
	uint8_t kind = next();
	struct device_slot *slot;
	static struct reply reply;

	if (size < CCID_HEADER_SIZE || bytes[5] >= device.slots ||
	    get_le32(bytes + 1) != size - CCID_HEADER_SIZE)
		session_die("a malformed command");
	slot = &device.slot[bytes[5]];
	memset(reply.bytes, 0, CCID_HEADER_SIZE);
	reply.size = CCID_HEADER_SIZE;
	reply.bytes[0] = ccid_reply_type(bytes[0]);
	reply.bytes[5] = bytes[5];
	reply.bytes[6] = bytes[6];
	obey(slot, bytes, size, &reply);
	finish(slot, &reply);
	reply_kinds[kind & 15](slot, &reply, kind >> 4);
}

static int request(uint8_t code, uint16_t value, uint8_t *data, size_t size)
{
	uint8_t kind = next();

	(void)value;
	(void)code;
	if (kind & 1)
		return device_error(kind >> 1);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i % 4 == 1 ? kind : 0);
	return (int)(size > (size_t)(kind >> 1) ? size - (kind >> 1) : 0);
}

/* --- what reader it is */

static void set_features(uint8_t *bytes, uint8_t what)
{
	static const uint32_t levels[] = { 0, 0x10000, 0x20000, 0x40000 };

	device.slots = 1 + (what >> 2 & 3);
	device.interrupts = !(what & 0x10);
	device.auto_activation = what & 0x40;
	bytes[MAX_SLOT] = (uint8_t)(device.slots - 1);
	bytes[BUSY_SLOTS] = (uint8_t)(1 + (device.slots - 1) / 2);
	bytes[PIN_SUPPORT] = what & 0x80 ? 3 : 0;
	put_le32(bytes + FEATURES, levels[what & 3] |
		 (what & 0x20 ? AUTOMATIC : BY_RATE) |
		 (device.auto_activation ? DESC_AUTO_ACTIVATION : 0));
}

static void set_cards(enum desc_level level, unsigned atr, uint32_t message_max,
		      unsigned present)
{
	for (unsigned i = 0; i < DEVICE_SLOTS; i++) {
		struct device_slot *slot = &device.slot[i];

		slot->card.level = level;
		slot->card.atr = atr;
		slot->card.message_max = message_max - CCID_HEADER_SIZE;
		slot->present = present >> i & 1;
		slot->visit = 1;
	}
}

static void patch(uint8_t *bytes, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		uint8_t offset = input_host(device.input);

		bytes[offset % DESC_SIZE] = input_host(device.input);
		device.honest = false;
	}
}

void device_begin(struct input *input)
{
	struct session_device usb = {
		.info = { .vendor = 0x1234, .product = 0x5678, .bus = 1,
			  .address = 2, .device_version = 0x0100 },
		.command = command,
		.request = request,
		.fetched = fetched,
		.reset = reset,
	};
	uint8_t *bytes = usb.info.descriptor;
	uint8_t what = input_host(input);
	uint8_t how = input_host(input);
	uint8_t cards = input_host(input);

	memset(&device, 0, sizeof(device));
	device.input = input;
	device.honest = true;
	memcpy(bytes, descriptor, DESC_SIZE);
	set_features(bytes, what);
	set_cards((enum desc_level)(what & 3), how & 7,
		  message_sizes[how >> 5], cards);
	put_le32(bytes + MAX_MESSAGE, message_sizes[how >> 5]);
	patch(bytes, cards >> 6);
	usb.info.interrupt_endpoint = device.interrupts;
	usb.info.protocol = how >> 3 & 3;
	/* The card of a token never moves. */
	device.honest &= !usb.info.protocol;
	session_begin(&usb);
}
