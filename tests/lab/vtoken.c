/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vtoken.h"

#include <errno.h>
#include <string.h>

#include "vccid.h"

#define OUT	0x21
#define IN	0xA1

/* bRequest */
#define ICC_POWER_ON	0x62
#define ICC_POWER_OFF	0x63
#define XFR_BLOCK	0x65
#define DATA_BLOCK	0x6F
#define SLOT_STATUS	0x81
#define GET_ICC_STATUS	0xA0

#define IDLE		0x00
#define READY_DATA	0x10
#define READY_SW	0x20
#define BUSY		0x40
#define MUTE		0x80

#define RESPONSE_STATUS	0x40
#define RESPONSE_POLL	0x80

#define T0_HEADER	5
#define T0_INS		1
#define T0_P3		4
#define T0_SW		2

bool vtoken_is(const struct vccid *ccid)
{
	unsigned protocol = ccid->options->interface_protocol;

	return protocol == 1 || protocol == 2;
}

static bool is_b(const struct vccid *ccid)
{
	return ccid->options->interface_protocol == 2;
}

static bool is_busy(const struct vtoken *token)
{
	return vloop_now() < token->due;
}

/* What a reader would do with such a command, and how long it would take. */
static void run(struct vccid *ccid, uint8_t command, unsigned level,
		const uint8_t *data, size_t size)
{
	static uint8_t message[VCCID_MESSAGE_MAX];
	struct vslot *slot = ccid->slots;
	unsigned time;

	memset(message, 0, VCCID_HEADER);
	message[0] = command;
	message[8] = (uint8_t)level;
	if (size)
		memcpy(message + VCCID_HEADER, data, size);
	slot->command = command;
	ccid->counts->number[VCOUNT_COMMANDS]++;
	ccid->counts->command[command]++;
	time = vcommand_run(slot, message, VCCID_HEADER + size);
	ccid->token.answered = true;
	ccid->token.due = vloop_now() + time * VLOOP_US;
	ccid->token.fetched = 0;
	ccid->token.size = 0;
}

/* The card would say so by its procedure byte. */
static bool takes_data(const uint8_t *header)
{
	static const uint8_t instructions[] = { 0xA4, 0xD6, 0x10 };

	return header[T0_P3] &&
	       memchr(instructions, header[T0_INS], sizeof(instructions));
}

/* Version A: the TPDU, or as much of it as has come. */
static int gather(struct vccid *ccid, const uint8_t *data, size_t size)
{
	struct vtoken *token = &ccid->token;

	if (ccid->options->level != VLEVEL_CHARACTER) {
		run(ccid, 0x6F, 0, data, size);
		return 0;
	}
	if (size > sizeof(token->gathered) - token->size ||
	    (!token->size && size != T0_HEADER))
		return -EPIPE;
	memcpy(token->gathered + token->size, data, size);
	token->size += size;
	token->answered = false;
	if (takes_data(token->gathered) &&
	    token->size < T0_HEADER + (size_t)token->gathered[T0_P3])
		return 0;
	run(ccid, 0x6F, 0, token->gathered, token->size);
	return 0;
}

static uint8_t status_a(const struct vccid *ccid)
{
	const struct vtoken *token = &ccid->token;
	const struct vslot *slot = ccid->slots;

	if (is_busy(token))
		return BUSY;
	if (!token->answered)
		return token->size ? READY_DATA : IDLE;
	if (slot->reply.outcome)
		return MUTE;
	if (ccid->options->level != VLEVEL_CHARACTER)
		return IDLE;
	return slot->reply.size - token->fetched > T0_SW ? READY_DATA
							 : READY_SW;
}

/* The bytes of the answer that fit; it is gone with its last one. */
static size_t fetch(struct vccid *ccid, uint8_t *data, size_t room)
{
	struct vtoken *token = &ccid->token;
	const struct vreply *reply = &ccid->slots->reply;
	size_t n = reply->size - token->fetched;

	if (ccid->options->level == VLEVEL_CHARACTER && n > T0_SW)
		n -= T0_SW;
	if (n > room)
		n = room;
	memcpy(data, reply->data + token->fetched, n);
	token->fetched += n;
	token->answered = token->fetched < reply->size;
	return n;
}

static int data_block_a(struct vccid *ccid, uint8_t *data, size_t room)
{
	if (!ccid->token.answered || is_busy(&ccid->token) ||
	    ccid->slots->reply.outcome)
		return -EPIPE;
	return (int)fetch(ccid, data, room);
}

static int request_a(struct vccid *ccid, const uint8_t *setup, uint8_t *data,
		     size_t room)
{
	const struct vreply *reply = &ccid->slots->reply;

	switch (setup[0] << 8 | setup[1]) {
	case IN << 8 | ICC_POWER_ON:
		run(ccid, 0x62, 0, NULL, 0);
		ccid->token.answered = false;
		if (reply->outcome || reply->size > room)
			return -EPIPE;
		memcpy(data, reply->data, reply->size);
		return (int)reply->size;
	case OUT << 8 | XFR_BLOCK:
		return gather(ccid, data, room);
	case IN << 8 | GET_ICC_STATUS:
		data[0] = status_a(ccid);
		return room ? 1 : -EPIPE;
	case IN << 8 | DATA_BLOCK:
		return data_block_a(ccid, data, room);
	}
	return -EPIPE;
}

static int poll_later(const struct vccid *ccid, uint8_t *data)
{
	unsigned units = ccid->options->token_poll;

	data[0] = RESPONSE_POLL;
	data[1] = (uint8_t)units;
	data[2] = (uint8_t)(units >> 8);
	return 3;
}

static int data_block_b(struct vccid *ccid, uint8_t *data, size_t room)
{
	struct vtoken *token = &ccid->token;
	const struct vslot *slot = ccid->slots;

	if (!token->answered || room < 3)
		return -EPIPE;
	if (is_busy(token))
		return poll_later(ccid, data);
	if (slot->reply.outcome) {
		token->answered = false;
		data[0] = RESPONSE_STATUS;
		data[1] = (uint8_t)(slot->reply.outcome | vslot_icc(slot));
		data[2] = slot->reply.error;
		return 3;
	}
	data[0] = slot->reply.extra;
	token->answered = false;
	if (slot->reply.size > room - 1)
		return -EOVERFLOW;
	memcpy(data + 1, slot->reply.data, slot->reply.size);
	return (int)slot->reply.size + 1;
}

static int request_b(struct vccid *ccid, const uint8_t *setup, uint8_t *data,
		     size_t room)
{
	switch (setup[0] << 8 | setup[1]) {
	case OUT << 8 | ICC_POWER_ON:
		if (setup[2] != 1)
			return -EPIPE;
		run(ccid, 0x62, 0, NULL, 0);
		return 0;
	case OUT << 8 | XFR_BLOCK:
		if (room + VCCID_HEADER > ccid->options->message_size)
			return -EPIPE;
		run(ccid, 0x6F, setup[3], data, room);
		return 0;
	case IN << 8 | SLOT_STATUS:
		memset(data, 0, room);
		if (room > 1)
			data[1] = (uint8_t)vslot_icc(ccid->slots);
		return room < 3 ? (int)room : 3;
	case IN << 8 | DATA_BLOCK:
		return data_block_b(ccid, data, room);
	}
	return -EPIPE;
}

int vtoken_request(struct vccid *ccid, const uint8_t setup[8], uint8_t *data,
		   size_t room)
{
	if (setup[0] == OUT && setup[1] == ICC_POWER_OFF) {
		run(ccid, 0x63, 0, NULL, 0);
		ccid->token.answered = false;
		return 0;
	}
	return is_b(ccid) ? request_b(ccid, setup, data, room)
			  : request_a(ccid, setup, data, room);
}
