/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "ccid.h"

#include <errno.h>

#include "bytes.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

/* Byte offsets in messages */
enum {
	MESSAGE_TYPE = 0,
	LENGTH = 1,
	SLOT = 5,
	SEQ = 6,
	PARAMETERS = 7,
	STATUS = 7,
	ERROR = 8,
	EXTRA = 9,
};

#define HARDWARE_ERROR_SIZE	4

static const enum ccid_icc icc_of_status[] = {
	CCID_ICC_ACTIVE, CCID_ICC_INACTIVE, CCID_ICC_ABSENT, CCID_ICC_ABSENT,
};

static const enum ccid_outcome outcome_of_status[] = {
	CCID_DONE, CCID_FAILED, CCID_TIME_EXTENSION, CCID_FAILED,
};

static const struct {
	uint8_t command, reply;
} reply_types[] = {
	{ CCID_SET_PARAMETERS, CCID_PARAMETERS },
	{ CCID_POWER_ON, CCID_DATA_BLOCK },
	{ CCID_POWER_OFF, CCID_SLOT_STATUS },
	{ CCID_GET_SLOT_STATUS, CCID_SLOT_STATUS },
	{ CCID_SECURE, CCID_DATA_BLOCK },
	{ CCID_ESCAPE, CCID_ESCAPE_REPLY },
	{ CCID_GET_PARAMETERS, CCID_PARAMETERS },
	{ CCID_RESET_PARAMETERS, CCID_PARAMETERS },
	{ CCID_XFR_BLOCK, CCID_DATA_BLOCK },
	{ CCID_ABORT, CCID_SLOT_STATUS },
};

/* Ranges, for whole stretches of codes mean one thing. */
static const struct {
	uint8_t first, last;
	const char *text;
} error_texts[] = {
	{ CCID_ERROR_ABORTED, CCID_ERROR_ABORTED, "aborted by the host" },
	{ CCID_ERROR_MUTE, CCID_ERROR_MUTE, "card does not answer" },
	{ CCID_ERROR_PARITY, CCID_ERROR_PARITY, "parity error" },
	{ CCID_ERROR_OVERRUN, CCID_ERROR_OVERRUN, "overrun" },
	{ CCID_ERROR_HARDWARE, CCID_ERROR_HARDWARE, "hardware error" },
	{ CCID_ERROR_ATR_TS, CCID_ERROR_ATR_TS, "wrong first byte of the ATR" },
	{ CCID_ERROR_ATR_TCK, CCID_ERROR_ATR_TCK, "wrong ATR checksum" },
	{ CCID_ERROR_PROTOCOL, CCID_ERROR_PROTOCOL,
	  "card protocol not supported" },
	{ CCID_ERROR_CLASS, CCID_ERROR_CLASS, "card voltage not supported" },
	{ CCID_ERROR_PROCEDURE_BYTE, CCID_ERROR_PROCEDURE_BYTE,
	  "wrong procedure byte" },
	{ CCID_ERROR_DEACTIVATED, CCID_ERROR_DEACTIVATED,
	  "protocol deactivated" },
	{ CCID_ERROR_AUTO_SEQUENCE, CCID_ERROR_AUTO_SEQUENCE,
	  "busy with an automatic sequence" },
	{ CCID_ERROR_PIN_TIMEOUT, CCID_ERROR_PIN_TIMEOUT,
	  "no PIN entered in time" },
	{ CCID_ERROR_PIN_CANCELLED, CCID_ERROR_PIN_CANCELLED,
	  "PIN entry cancelled" },
	{ CCID_ERROR_SLOT_BUSY, CCID_ERROR_SLOT_BUSY, "slot is busy" },
	{ 0x81, 0xC0, "error of the vendor's own" },
	{ 0x01, 0x7F, "field wrong or not supported" },
	{ CCID_ERROR_NOT_SUPPORTED, CCID_ERROR_NOT_SUPPORTED,
	  "command not supported" },
};

void ccid_command_put(uint8_t header[CCID_HEADER_SIZE], uint8_t type,
		      uint8_t slot, uint8_t seq, const uint8_t parameters[3],
		      uint32_t size)
{
	header[MESSAGE_TYPE] = type;
	put_le32(header + LENGTH, size);
	header[SLOT] = slot;
	header[SEQ] = seq;
	memcpy(header + PARAMETERS, parameters, 3);
}

int ccid_reply_parse(const uint8_t *bytes, size_t size,
		     struct ccid_reply *ret_reply)
{
	if (size < CCID_HEADER_SIZE ||
	    get_le32(bytes + LENGTH) != size - CCID_HEADER_SIZE)
		return -EBADMSG;
	if (bytes[MESSAGE_TYPE] < CCID_DATA_BLOCK ||
	    bytes[MESSAGE_TYPE] > CCID_RATE_AND_CLOCK)
		return -EPROTO;
	*ret_reply = (struct ccid_reply){
		.type = bytes[MESSAGE_TYPE],
		.slot = bytes[SLOT],
		.seq = bytes[SEQ],
		.icc = icc_of_status[bytes[STATUS] & 3],
		.outcome = outcome_of_status[bytes[STATUS] >> 6],
		.error = bytes[ERROR],
		.extra = bytes[EXTRA],
		.data = bytes + CCID_HEADER_SIZE,
		.size = size - CCID_HEADER_SIZE,
	};
	return 0;
}

uint8_t ccid_reply_type(uint8_t command)
{
	for (size_t i = 0; i < ROWS(reply_types); i++)
		if (reply_types[i].command == command)
			return reply_types[i].reply;
	return 0;
}

const char *ccid_error_text(uint8_t error)
{
	for (size_t i = 0; i < ROWS(error_texts); i++)
		if (error >= error_texts[i].first &&
		    error <= error_texts[i].last)
			return error_texts[i].text;
	return "reserved error code";
}

static void event_note_slot(struct ccid_event *event, unsigned slot,
			    unsigned state)
{
	event->told |= 1u << slot;
	if (state & 1)
		event->present |= 1u << slot;
	if (state & 2)
		event->changed |= 1u << slot;
}

/* Four slots to a byte, slot 0 in the lowest bits. Returns the bytes used. */
static size_t event_take_slots(const uint8_t *states, size_t size,
			       unsigned slots, struct ccid_event *event)
{
	for (unsigned slot = 0; slot < slots && slot / 4 < size; slot++)
		event_note_slot(event, slot,
				(unsigned)states[slot / 4] >> (slot % 4 * 2));
	return (slots + 3) / 4 < size ? (slots + 3) / 4 : size;
}

/* Cut short, it names no command that it could be the error of. */
static void event_take_error(const uint8_t *bytes, size_t size,
			     struct ccid_event *event)
{
	if (size < HARDWARE_ERROR_SIZE) {
		event->type = 0;
		return;
	}
	event->slot = bytes[1];
	event->seq = bytes[2];
	event->code = bytes[3];
}

bool ccid_event_next(const uint8_t **bytes, size_t *size, unsigned slots,
		     struct ccid_event *ret_event)
{
	const uint8_t *message = *bytes;
	size_t used = *size;

	if (!*size)
		return false;
	*ret_event = (struct ccid_event){ .type = message[0] };
	if (message[0] == CCID_NOTIFY_SLOT_CHANGE)
		used = 1 + event_take_slots(message + 1, *size - 1, slots,
					    ret_event);
	if (message[0] == CCID_HARDWARE_ERROR) {
		event_take_error(message, *size, ret_event);
		if (used > HARDWARE_ERROR_SIZE)
			used = HARDWARE_ERROR_SIZE;
	}
	*bytes += used;
	*size -= used;
	return true;
}
