/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vccid.h"

#include <string.h>

#include "vlevel.h"

#define FAILED	0x40

/* bError */
#define ERROR_MUTE	0xFE
#define ERROR_LENGTH	0x01
#define ERROR_BYTE_7	0x07
#define ERROR_LEVEL	0x08
#define ERROR_UNKNOWN	0x00

/* wLevelParameter, bChainParameter */
#define WHOLE		0x00
#define BEGIN		0x01
#define END		0x02
#define MIDDLE		0x03
#define CONTINUE	0x10

#define DATA_BLOCK	0x80
#define SLOT_STATUS	0x81
#define PARAMETERS	0x82
#define ESCAPE		0x83
#define RATE		0x84

static const uint8_t parameters_t0[] = { 0x11, 0x00, 0x00, 0x0A, 0x00 };
static const uint8_t parameters_t1[] = {
	0x11, 0x10, 0x00, 0x4D, 0x00, 0xFE, 0x00,
};

static uint8_t reply_type(uint8_t command)
{
	switch (command) {
	case 0x62:
	case 0x69:
	case 0x6F:
		return DATA_BLOCK;
	case 0x61:
	case 0x6C:
	case 0x6D:
		return PARAMETERS;
	case 0x6B:
		return ESCAPE;
	case 0x73:
		return RATE;
	}
	return SLOT_STATUS;
}

static void start_reply(struct vslot *slot)
{
	slot->reply.type = reply_type(slot->command);
	slot->reply.outcome = 0;
	slot->reply.error = 0;
	slot->reply.extra = 0;
	slot->reply.size = 0;
}

void vcommand_fail(struct vslot *slot, uint8_t error)
{
	start_reply(slot);
	slot->reply.outcome = FAILED;
	slot->reply.error = error;
}

void vcommand_reply(struct vslot *slot, const uint8_t *data, size_t size)
{
	start_reply(slot);
	slot->reply.size = size;
	if (size)
		memcpy(slot->reply.data, data, size);
}

static unsigned fail(struct vslot *slot, uint8_t error)
{
	vcommand_fail(slot, error);
	return 0;
}

static void chatter(struct vslot *slot)
{
	if (slot->ccid->options->notify_chatty)
		vnotify_changed(slot);
}

static unsigned power_on(struct vslot *slot, const uint8_t *message)
{
	const struct voptions *options = slot->ccid->options;

	if (!slot->card)
		return fail(slot, ERROR_MUTE);
	if (message[7] > 3)
		return fail(slot, ERROR_BYTE_7);
	slot->ccid->counts->number[VCOUNT_POWER_UPS]++;
	slot->reply.size = vslot_power_up(slot, message[7], slot->reply.data);
	if (!slot->reply.size)
		vcommand_fail(slot, ERROR_MUTE);
	chatter(slot);
	return options->power_time;
}

static unsigned power_off(struct vslot *slot)
{
	vslot_power_down(slot);
	chatter(slot);
	return slot->ccid->options->off_time;
}

/* The next part of slot->answer that the reader's message size lets through. */
static void put_part(struct vslot *slot)
{
	size_t room = slot->ccid->options->message_size - VCCID_HEADER;
	size_t rest = slot->answer_size - slot->answer_sent;
	bool first = slot->answer_sent == 0;
	bool last = rest <= room;

	slot->reply.size = last ? rest : room;
	memcpy(slot->reply.data, slot->answer + slot->answer_sent,
	       slot->reply.size);
	slot->answer_sent += slot->reply.size;
	if (first)
		slot->reply.extra = last ? WHOLE : BEGIN;
	else
		slot->reply.extra = last ? END : MIDDLE;
	if (last)
		slot->answer_size = slot->answer_sent = 0;
}

size_t vcommand_apdu(struct vslot *slot, const uint8_t *apdu, size_t size,
		     uint8_t *ret_answer, unsigned *ret_time)
{
	slot->ccid->counts->number[VCOUNT_APDUS]++;
	vjournal_note(vloop_now(), slot->ccid->name, apdu, size,
		      "apdu %u serial=%u", slot->number, slot->card->serial);
	return slot->card->kind->apdu(slot->card, apdu, size, ret_answer,
				      ret_time);
}

static unsigned ask_card(struct vslot *slot, const uint8_t *apdu, size_t size)
{
	unsigned time = 0;

	if (vlevel_apdu_t0(slot, apdu, size, &time))
		return time;
	slot->answer_sent = 0;
	slot->answer_size = vcommand_apdu(slot, apdu, size, slot->answer,
					  &time);
	if (slot->answer_size)
		put_part(slot);
	else
		vcommand_fail(slot, ERROR_MUTE);
	return time;
}

/* More of the command: gathers it, asks for the next part or the card. */
static unsigned gather(struct vslot *slot, unsigned level, const uint8_t *data,
		       size_t size)
{
	if (level == BEGIN)
		slot->gathered_size = 0;
	if (size > sizeof(slot->gathered) - slot->gathered_size)
		return fail(slot, ERROR_LENGTH);
	memcpy(slot->gathered + slot->gathered_size, data, size);
	slot->gathered_size += size;
	if (level == END)
		return ask_card(slot, slot->gathered, slot->gathered_size);
	slot->reply.extra = CONTINUE;
	return 0;
}

static unsigned xfr_extended(struct vslot *slot, const uint8_t *message,
			     size_t size)
{
	const uint8_t *data = message + VCCID_HEADER;
	unsigned level = message[8] | (unsigned)message[9] << 8;

	size -= VCCID_HEADER;
	switch (level) {
	case WHOLE:
		return ask_card(slot, data, size);
	case BEGIN:
	case MIDDLE:
	case END:
		return gather(slot, level, data, size);
	case CONTINUE:
		if (size || !slot->answer_size)
			return fail(slot, ERROR_LEVEL);
		put_part(slot);
		return 0;
	}
	return fail(slot, ERROR_LEVEL);
}

unsigned vcommand_xfr(struct vslot *slot, const uint8_t *message, size_t size)
{
	unsigned time = slot->ccid->options->xfr_time;

	start_reply(slot);
	if (!slot->powered)
		return fail(slot, ERROR_MUTE);
	switch ((enum vlevel)slot->ccid->options->level) {
	case VLEVEL_EXTENDED:
		return time + xfr_extended(slot, message, size);
	case VLEVEL_SHORT:
		if (vtoken_is(slot->ccid))
			return time + xfr_extended(slot, message, size);
		return time + ask_card(slot, message + VCCID_HEADER,
				       size - VCCID_HEADER);
	case VLEVEL_TPDU:
	case VLEVEL_CHARACTER:
		return time + vlevel_xfr(slot, message, size);
	}
	return fail(slot, ERROR_UNKNOWN);
}

static void put_parameters(struct vslot *slot)
{
	slot->reply.extra = slot->protocol;
	slot->reply.size = slot->protocol ? sizeof(parameters_t1) :
					    sizeof(parameters_t0);
	memcpy(slot->reply.data, slot->parameters, slot->reply.size);
}

static unsigned set_parameters(struct vslot *slot, uint8_t protocol,
			       const uint8_t *data, size_t size)
{
	size_t expected = protocol ? sizeof(parameters_t1) :
				     sizeof(parameters_t0);
	int error;

	if (!slot->card)
		return fail(slot, ERROR_MUTE);
	if (protocol > 1)
		return fail(slot, ERROR_BYTE_7);
	if (size != expected)
		return fail(slot, ERROR_LENGTH);
	error = vlevel_set(slot, protocol, data[0]);
	if (error >= 0)
		return fail(slot, (uint8_t)error);
	slot->protocol = protocol;
	memcpy(slot->parameters, data, size);
	put_parameters(slot);
	return 0;
}

void vcommand_default_parameters(struct vslot *slot)
{
	struct vatr atr;

	vatr_read(slot->card->atr, slot->card->atr_size, &atr);
	slot->protocol = atr.first == 0 ? 0 : 1;
	if (slot->protocol)
		memcpy(slot->parameters, parameters_t1, sizeof(parameters_t1));
	else
		memcpy(slot->parameters, parameters_t0, sizeof(parameters_t0));
}

static unsigned reset_parameters(struct vslot *slot)
{
	if (!slot->card)
		return fail(slot, ERROR_MUTE);
	vcommand_default_parameters(slot);
	put_parameters(slot);
	return 0;
}

static unsigned get_parameters(struct vslot *slot)
{
	if (!slot->card)
		return fail(slot, ERROR_MUTE);
	put_parameters(slot);
	return 0;
}

unsigned vcommand_run(struct vslot *slot, const uint8_t *message, size_t size)
{
	start_reply(slot);
	switch (slot->command) {
	case 0x61:
		return set_parameters(slot, message[7], message + VCCID_HEADER,
				      size - VCCID_HEADER);
	case 0x62:
		return power_on(slot, message);
	case 0x63:
		return power_off(slot);
	case 0x65:
		return slot->ccid->options->status_time;
	case 0x69:
		return vkeypad_run(slot, message + VCCID_HEADER,
				   size - VCCID_HEADER);
	case 0x6B:
		return vescape_run(slot, message + VCCID_HEADER,
				   size - VCCID_HEADER);
	case 0x6C:
		return get_parameters(slot);
	case 0x6D:
		return reset_parameters(slot);
	case 0x6E:
	case 0x6A:
		return 0;
	case 0x6F:
		return vcommand_xfr(slot, message, size);
	}
	return fail(slot, ERROR_UNKNOWN);
}
