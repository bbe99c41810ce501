/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

/* Offsets in the class descriptor */
#define MAX_SLOT_INDEX	4
#define VOLTAGES	5
#define FEATURES	40
#define MAX_MESSAGE	44
#define BUSY_SLOTS	53

#define SHORT_APDU	0x00020000u
#define EXTENDED_APDU	0x00040000u

static const uint8_t descriptor[DESC_SIZE] = {
	0x36, 0x21, 0x10, 0x01, 0x00, 0x07, 0x03, 0x00, 0x00, 0x00,
	0xA0, 0x0F, 0x00, 0x00, 0x40, 0x1F, 0x00, 0x00, 0x02,
	0x00, 0x2A, 0x00, 0x00, 0x20, 0x4E, 0x05, 0x00, 0x35,
	0xFE, 0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00,
	0x01, 0x00, 0x00, 0x00, 0xBA, 0x00, 0x02, 0x00,
	0x0F, 0x01, 0x00, 0x00, 0xFF, 0x00, 0x00, 0x00, 0x00, 0x01,
};

struct answer {
	uint8_t type, status, error, extra;
	size_t size;
	uint8_t *bytes;	/* room for the header, then data */
};

static struct device *device_of(struct script *script)
{
	return (struct device *)(void *)script;
}

/* --- movements; the script is locked */

static void put_message(struct device *device, enum usb_pipe pipe, int status,
			const uint8_t *bytes, size_t size)
{
	script_put(&device->script, pipe, status, bytes, size,
		   pipe == USB_INTERRUPT ? device->notice_us : 0);
}

static size_t compose(struct device *device, uint8_t *message)
{
	size_t size = 1 + (device->slots + 3) / 4;

	memset(message, 0, size);
	message[0] = CCID_NOTIFY_SLOT_CHANGE;
	for (unsigned i = 0; i < device->slots; i++) {
		unsigned pair = device->slot[i].present |
				(unsigned)device->slot[i].changed << 1;

		message[1 + i / 4] |= (uint8_t)(pair << i % 4 * 2);
		device->slot[i].changed = false;
	}
	return size;
}

/* A message that still waits is told anew, as far as this slot goes. */
static bool merge(struct device *device, struct device_slot *slot)
{
	struct script_message *waiting =
		device->script.pipe[USB_INTERRUPT].message;
	unsigned i = (unsigned)(slot - device->slot);

	if (device->announcement != DEVICE_MERGED || !waiting ||
	    waiting->size != 1 + (device->slots + 3) / 4 ||
	    waiting->bytes[0] != CCID_NOTIFY_SLOT_CHANGE)
		return false;
	waiting->bytes[1 + i / 4] &= (uint8_t)~(3u << i % 4 * 2);
	waiting->bytes[1 + i / 4] |= (uint8_t)((slot->present | 2u)
					       << i % 4 * 2);
	slot->changed = false;
	return true;
}

static void announce(struct device *device, struct device_slot *slot)
{
	uint8_t message[1 + DESC_SLOTS_MAX / 4];
	size_t size;

	if (device->announcement == DEVICE_MUTE ||
	    !device->script.info.interrupt_endpoint)
		return;
	if (merge(device, slot))
		return;
	size = compose(device, message);
	if (device->cuts)
		size = 1;
	put_message(device, USB_INTERRUPT, 0, message, size);
	if (device->doubles)
		put_message(device, USB_INTERRUPT, 0, message, size);
}

static void forget_chain(struct device_slot *slot)
{
	free(slot->command);
	free(slot->answer);
	slot->command = NULL;
	slot->answer = NULL;
	slot->command_size = 0;
	slot->answer_size = 0;
	slot->answer_sent = 0;
}

void device_move_locked(struct device *device, unsigned slot, bool present,
			uint32_t serial)
{
	struct device_slot *s = &device->slot[slot];

	forget_chain(s);
	s->present = present;
	s->active = present && device->auto_activation;
	if (present)
		s->card = (struct device_card){ .serial = serial };
	s->changed = true;
	announce(device, s);
	s->announced = device->script.pipe[USB_INTERRUPT].put;
}

static bool is_settled(const struct device *device,
		       const struct device_slot *slot)
{
	return !device->settles || slot->announced <=
	       device->script.pipe[USB_INTERRUPT].passed;
}

/* --- commands; the script is locked */

static uint8_t icc_status(const struct device_slot *slot)
{
	if (!slot->present)
		return 2;
	return slot->active ? 0 : 1;
}

static void fail(struct answer *answer, uint8_t error)
{
	answer->status |= 0x40;
	answer->error = error;
	answer->size = 0;
}

static void give(struct answer *answer, const uint8_t *data, size_t size)
{
	answer->bytes = realloc(answer->bytes, CCID_HEADER_SIZE + size);
	if (size)
		memcpy(answer->bytes + CCID_HEADER_SIZE, data, size);
	answer->size = size;
}

static void put_serial(uint8_t *at, uint32_t serial)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(serial >> (24 - 8 * i));
}

static bool voltage_suits(const struct device_slot *slot, uint8_t select)
{
	static const uint8_t voltages[] = {
		[CCID_POWER_5V] = DESC_VOLTAGE_5V,
		[CCID_POWER_3V] = DESC_VOLTAGE_3V,
		[CCID_POWER_1V8] = DESC_VOLTAGE_1V8,
	};

	if (!slot->card.voltages || select == CCID_POWER_AUTO)
		return true;
	return select < sizeof(voltages) &&
	       (slot->card.voltages & voltages[select]);
}

static void power_on(const struct device *device, struct device_slot *slot,
		     const uint8_t *bytes, struct answer *answer)
{
	uint8_t atr[6] = { 0x3B, 0x04 };

	slot->active = slot->present && is_settled(device, slot) &&
		       voltage_suits(slot, bytes[7]);
	forget_chain(slot);
	answer->status = icc_status(slot);
	if (!slot->active) {
		fail(answer, CCID_ERROR_MUTE);
		return;
	}
	put_serial(atr + 2, slot->card.serial);
	give(answer, atr, sizeof(atr));
}

static void power_off(struct device_slot *slot, struct answer *answer)
{
	slot->active = false;
	answer->status = icc_status(slot);
}

static size_t message_max(const struct device *device)
{
	return get_le32(device->script.info.descriptor + MAX_MESSAGE) -
	       CCID_HEADER_SIZE;
}

/* The next part of the answer, as much as a message takes. */
static void give_part(struct device *device, struct device_slot *slot,
		      struct answer *answer)
{
	size_t left = slot->answer_size - slot->answer_sent;
	size_t part = left < message_max(device) ? left : message_max(device);
	bool first = slot->answer_sent == 0;

	give(answer, slot->answer + slot->answer_sent, part);
	if (part == left)
		answer->extra = first ? CCID_CHAIN_WHOLE : CCID_CHAIN_END;
	else
		answer->extra = first ? CCID_CHAIN_BEGIN : CCID_CHAIN_MIDDLE;
	slot->answer_sent += part;
	if (part == left)
		forget_chain(slot);
}

static void card_answers(struct device *device, struct device_slot *slot)
{
	size_t size = 4 + device->answer_size + 2;

	forget_chain(slot);
	slot->answer = malloc(size);
	memset(slot->answer, 0x5C, size);
	put_serial(slot->answer, slot->card.serial);
	slot->answer[size - 2] = 0x90;
	slot->answer[size - 1] = 0x00;
	slot->answer_size = size;
	slot->answer_sent = 0;
}

static void transfer_block(struct device *device, struct device_slot *slot,
			   const uint8_t *bytes, size_t size,
			   struct answer *answer)
{
	uint16_t level = device->extended ? get_le16(bytes + 8) : 0;

	if (!slot->active || !is_settled(device, slot)) {
		fail(answer, CCID_ERROR_MUTE);
		return;
	}
	device->blocks_to_cards++;
	device->seen[device->seens % DEVICE_SEEN_MAX].reached_card = true;
	if (level == CCID_CHAIN_CONTINUE) {
		if (slot->answer)
			give_part(device, slot, answer);
		else
			fail(answer, 8);
		return;
	}
	slot->command_size += size - CCID_HEADER_SIZE;
	if (level == CCID_CHAIN_BEGIN || level == CCID_CHAIN_MIDDLE) {
		answer->extra = CCID_CHAIN_CONTINUE;
		return;
	}
	card_answers(device, slot);
	give_part(device, slot, answer);
}

static void abort_slot(struct device_slot *slot, uint8_t seq,
		       struct answer *answer)
{
	if (slot->aborting && slot->abort_seq == seq)
		slot->aborting = false;
	else
		fail(answer, CCID_ERROR_NOT_SUPPORTED);
	forget_chain(slot);
}

static void act(struct device *device, const uint8_t *bytes, size_t size,
		struct answer *answer)
{
	struct device_slot *slot = &device->slot[bytes[5]];

	answer->status = icc_status(slot);
	if (slot->aborting && bytes[0] != CCID_ABORT) {
		fail(answer, CCID_ERROR_ABORTED);
		return;
	}
	switch (bytes[0]) {
	case CCID_POWER_ON:
		power_on(device, slot, bytes, answer);
		break;
	case CCID_POWER_OFF:
		power_off(slot, answer);
		break;
	case CCID_GET_SLOT_STATUS:
		break;
	case CCID_SET_PARAMETERS:
		give(answer, bytes + CCID_HEADER_SIZE, size - CCID_HEADER_SIZE);
		break;
	case CCID_XFR_BLOCK:
		transfer_block(device, slot, bytes, size, answer);
		break;
	case CCID_ABORT:
		abort_slot(slot, bytes[6], answer);
		break;
	default:
		fail(answer, CCID_ERROR_NOT_SUPPORTED);
	}
}

/* --- answers and their faults; the script is locked */

static void send(struct device *device, struct answer *answer, uint8_t slot,
		 uint8_t seq, size_t cut, uint32_t length)
{
	size_t size = CCID_HEADER_SIZE + answer->size;
	uint8_t *bytes = answer->bytes;

	bytes[0] = answer->type;
	put_le32(bytes + 1, length);
	bytes[5] = slot;
	bytes[6] = seq;
	bytes[7] = answer->status;
	bytes[8] = answer->error;
	bytes[9] = answer->extra;
	put_message(device, USB_IN, 0, bytes, cut < size ? cut : size);
}

static void send_rightly(struct device *device, struct answer *answer,
			 const uint8_t *command)
{
	send(device, answer, command[5], command[6], SIZE_MAX,
	     (uint32_t)answer->size);
}

static void send_extensions(struct device *device, const uint8_t *command,
			    unsigned n, uint8_t multiple)
{
	uint8_t bytes[CCID_HEADER_SIZE];
	struct answer extension = {
		.type = ccid_reply_type(command[0]),
		.status = 0x80,
		.error = multiple,
		.bytes = bytes,
	};

	for (unsigned i = 0; i < n; i++)
		send_rightly(device, &extension, command);
}

/* A transfer that ends with an error instead. */
static void send_error(struct device *device, int error)
{
	put_message(device, USB_IN, error, NULL, 0);
}

static void send_before(struct device *device, struct answer *answer,
			const uint8_t *command, enum device_fault fault,
			unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (fault == DEVICE_EMPTIES)
			put_message(device, USB_IN, 0, NULL, 0);
		else
			send(device, answer, command[5], command[6] + 7,
			     SIZE_MAX, (uint32_t)answer->size);
	send_rightly(device, answer, command);
}

static void give_atr(struct answer *answer, size_t size)
{
	answer->bytes = realloc(answer->bytes, CCID_HEADER_SIZE + size);
	if (size)
		memset(answer->bytes + CCID_HEADER_SIZE, 0x3B, size);
	answer->size = size;
}

/* What is wrong inside an answer that comes otherwise as it should. */
static void spoil(struct answer *answer, enum device_fault fault, unsigned n,
		  uint8_t code)
{
	if (fault == DEVICE_FAIL)
		fail(answer, code);
	if (fault == DEVICE_OTHER_TYPE)
		answer->type = CCID_ESCAPE_REPLY;
	if (fault == DEVICE_ICC)
		answer->status = (uint8_t)((answer->status & 0xFC) | code);
	if (fault == DEVICE_CHAIN)
		answer->extra = code;
	if (fault == DEVICE_ATR_SIZE)
		give_atr(answer, n);
}

static void send_faulty(struct device *device, struct answer *answer,
			const uint8_t *command, enum device_fault fault,
			unsigned n, uint8_t code)
{
	uint8_t slot = command[5], seq = command[6];
	uint32_t length = (uint32_t)answer->size;

	switch (fault) {
	case DEVICE_REMOVED:
		device_move_locked(device, slot, false, 0);
		break;
	case DEVICE_SILENT:
		break;
	case DEVICE_STALL:
		send_error(device, -EPIPE);
		break;
	case DEVICE_STATUS:
		send_error(device, -(int)code);
		break;
	case DEVICE_OTHER_SEQ:
		send(device, answer, slot, seq + 1, SIZE_MAX, length);
		break;
	case DEVICE_OTHER_SLOT:
		send(device, answer, slot + 1, seq, SIZE_MAX, length);
		break;
	case DEVICE_SHORT:
		send(device, answer, slot, seq, n, length);
		break;
	case DEVICE_LENGTH:
		send(device, answer, slot, seq, SIZE_MAX, length + code);
		break;
	case DEVICE_EMPTIES:
	case DEVICE_STRAYS:
		send_before(device, answer, command, fault, n);
		break;
	case DEVICE_EXTEND:
		send_extensions(device, command, n, code);
		send_rightly(device, answer, command);
		break;
	case DEVICE_WORK:
		send_extensions(device, command, n, code);
		break;
	case DEVICE_SWAPPED:
		device_move_locked(device, slot, false, 0);
		device_move_locked(device, slot, true, n);
		send_rightly(device, answer, command);
		break;
	case DEVICE_FAIL:
	case DEVICE_OTHER_TYPE:
	case DEVICE_ICC:
	case DEVICE_CHAIN:
	case DEVICE_ATR_SIZE:
		spoil(answer, fault, n, code);
		send_rightly(device, answer, command);
		break;
	}
}

static int find_fault(const struct device *device, uint8_t command)
{
	for (unsigned i = 0; i < device->faults; i++)
		if (!device->fault[i].command ||
		    device->fault[i].command == command)
			return (int)i;
	return -1;
}

static void answer_command(struct device *device, struct answer *answer,
			   const uint8_t *command)
{
	int i = find_fault(device, command[0]);
	enum device_fault fault;
	unsigned n;
	uint8_t code;

	if (i < 0) {
		send_rightly(device, answer, command);
		return;
	}
	fault = device->fault[i].fault;
	n = device->fault[i].n;
	code = device->fault[i].code;
	device->faults--;
	memmove(&device->fault[i], &device->fault[i + 1],
		(device->faults - (unsigned)i) * sizeof(device->fault[0]));
	send_faulty(device, answer, command, fault, n, code);
}

static void note_seen(struct device *device, const uint8_t *bytes, size_t size)
{
	unsigned i = device->seens % DEVICE_SEEN_MAX;

	device->seen[i].type = bytes[0];
	device->seen[i].slot = bytes[5];
	memcpy(device->seen[i].parameters, bytes + 7, 3);
	device->seen[i].size = size;
	device->seen[i].reached_card = false;
}

static void command(struct script *script, const uint8_t *bytes, size_t size)
{
	struct device *device = device_of(script);
	struct answer answer = { .type = ccid_reply_type(bytes[0]) };

	if (size < CCID_HEADER_SIZE || bytes[5] >= device->slots ||
	    get_le32(bytes + 1) != size - CCID_HEADER_SIZE) {
		fprintf(stderr, "a malformed command\n");
		abort();
	}
	if (device->hangs)
		return;
	note_seen(device, bytes, size);
	give(&answer, NULL, 0);
	act(device, bytes, size, &answer);
	if (device->pretends && device->slot[bytes[5]].present)
		answer.status = (uint8_t)((answer.status & 0xFC) |
					  device->pretends);
	device->seens++;
	answer_command(device, &answer, bytes);
	free(answer.bytes);
	if (device->watch)
		device->watch(device, bytes[5], bytes[0]);
}

static int request(struct script *script, uint8_t request, uint16_t value)
{
	struct device *device = device_of(script);
	unsigned slot = value & 0xFF;

	if (request != CCID_CONTROL_ABORT || slot >= device->slots ||
	    device->ignores_abort)
		return -EPIPE;
	device->slot[slot].aborting = true;
	device->slot[slot].abort_seq = (uint8_t)(value >> 8);
	return 0;
}

/* What hangs, hangs no more; no message tells of the cards that are inside. */
static void reset(struct script *script)
{
	struct device *device = device_of(script);

	for (unsigned i = 0; i < device->slots; i++) {
		device->slot[i].active = false;
		device->slot[i].aborting = false;
		forget_chain(&device->slot[i]);
	}
	device->hangs = false;
}

/* --- for tests */

void device_plug(struct device *device, unsigned address)
{
	struct usb_info *info = &device->script.info;

	memset(device, 0, sizeof(*device));
	*info = (struct usb_info){
		.vendor = 0x1234,
		.product = 0x5678,
		.device_version = 0x0100,
		.bus = 1,
		.address = (uint8_t)address,
		.interrupt_endpoint = true,
	};
	memcpy(info->descriptor, descriptor, DESC_SIZE);
	device->slots = 1;
	device->script.command = command;
	device->script.request = request;
	device->script.reset = reset;
	script_plug(&device->script, 1 + address / 127, 1 + address % 127);
	device_set_features(device, SHORT_APDU | DEVICE_AUTOMATIC);
}

void device_discard(struct device *device)
{
	script_discard(&device->script);
	for (unsigned i = 0; i < DESC_SLOTS_MAX; i++)
		forget_chain(&device->slot[i]);
}

void device_set_slots(struct device *device, unsigned slots, unsigned at_once)
{
	device->slots = slots;
	device->script.info.descriptor[MAX_SLOT_INDEX] = (uint8_t)(slots - 1);
	device->script.info.descriptor[BUSY_SLOTS] = (uint8_t)at_once;
}

void device_set_features(struct device *device, uint32_t features)
{
	put_le32(device->script.info.descriptor + FEATURES, features);
	device->extended = features & EXTENDED_APDU;
	device->auto_activation = features & DESC_AUTO_ACTIVATION;
}

void device_set_message(struct device *device, uint32_t size)
{
	put_le32(device->script.info.descriptor + MAX_MESSAGE, size);
}

void device_set_voltages(struct device *device, uint8_t voltages)
{
	device->script.info.descriptor[VOLTAGES] = voltages;
}

const char *device_name(const struct device *device)
{
	static _Thread_local char name[64];
	const struct script *script = &device->script;

	snprintf(name, sizeof(name),
		 "usb:%04x/%04x:libudev:0:/dev/bus/usb/%03u/%03u",
		 script->info.vendor, script->info.product, script->bus % 1000,
		 script->address % 1000);
	return name;
}

void device_insert(struct device *device, unsigned slot, uint32_t serial)
{
	script_lock(&device->script);
	device_move_locked(device, slot, true, serial);
	script_unlock(&device->script);
}

void device_remove(struct device *device, unsigned slot)
{
	script_lock(&device->script);
	device_move_locked(device, slot, false, 0);
	script_unlock(&device->script);
}

void device_swap(struct device *device, unsigned slot, uint32_t serial)
{
	script_lock(&device->script);
	device_move_locked(device, slot, false, 0);
	device_move_locked(device, slot, true, serial);
	script_unlock(&device->script);
}

void device_on(struct device *device, uint8_t type, enum device_fault fault,
	       unsigned n, uint8_t code)
{
	script_lock(&device->script);
	device->fault[device->faults].command = type;
	device->fault[device->faults].fault = fault;
	device->fault[device->faults].n = n;
	device->fault[device->faults].code = code;
	device->faults++;
	script_unlock(&device->script);
}

void device_notify(struct device *device, const uint8_t *bytes, size_t size)
{
	script_lock(&device->script);
	put_message(device, USB_INTERRUPT, 0, bytes, size);
	script_unlock(&device->script);
}

void device_say(struct device *device, const uint8_t *bytes, size_t size)
{
	script_lock(&device->script);
	put_message(device, USB_IN, 0, bytes, size);
	script_unlock(&device->script);
}

void device_break(struct device *device, enum usb_pipe pipe, int error)
{
	script_lock(&device->script);
	put_message(device, pipe, error, NULL, 0);
	script_unlock(&device->script);
}

void device_hold(struct device *device, enum usb_pipe pipe, bool held)
{
	script_lock(&device->script);
	device->script.pipe[pipe].held = held;
	script_unlock(&device->script);
}

void device_delay(struct device *device, enum usb_pipe pipe, bool delayed)
{
	script_lock(&device->script);
	device->script.pipe[pipe].delayed = delayed;
	script_unlock(&device->script);
}

void device_stick(struct device *device, enum usb_pipe pipe)
{
	script_lock(&device->script);
	device->script.pipe[pipe].sticks = true;
	script_unlock(&device->script);
}

void device_unplug(struct device *device)
{
	script_lock(&device->script);
	script_unplug(&device->script);
	script_unlock(&device->script);
}

unsigned device_count(struct device *device, uint8_t type)
{
	unsigned n = 0;

	script_lock(&device->script);
	for (unsigned i = 0; i < device->seens && i < DEVICE_SEEN_MAX; i++)
		n += !type || device->seen[i].type == type;
	script_unlock(&device->script);
	return n;
}
