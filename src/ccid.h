/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ccid - messages of the bulk and interrupt pipes (CCID 1.1, chapter 6).
 *
 * Builds command headers, parses replies and notifications into small structs
 * that point into the caller's bytes. Nothing here knows which reply is
 * awaited: channel.c matches type, slot and sequence.
 *
 * Pure. Any thread.
 */
#ifndef CCIDTRACK_CCID_H
#define CCIDTRACK_CCID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CCID_HEADER_SIZE	10

/* Commands, bulk-OUT */
#define CCID_SET_PARAMETERS	0x61
#define CCID_POWER_ON		0x62
#define CCID_POWER_OFF		0x63
#define CCID_GET_SLOT_STATUS	0x65
#define CCID_SECURE		0x69
#define CCID_ESCAPE		0x6B
#define CCID_GET_PARAMETERS	0x6C
#define CCID_RESET_PARAMETERS	0x6D
#define CCID_XFR_BLOCK		0x6F
#define CCID_ABORT		0x72

/* Replies, bulk-IN */
#define CCID_DATA_BLOCK		0x80
#define CCID_SLOT_STATUS	0x81
#define CCID_PARAMETERS		0x82
#define CCID_ESCAPE_REPLY	0x83
#define CCID_RATE_AND_CLOCK	0x84

/* Notifications, interrupt-IN */
#define CCID_NOTIFY_SLOT_CHANGE	0x50
#define CCID_HARDWARE_ERROR	0x51

/* Class requests on the control pipe */
#define CCID_CONTROL_ABORT	0x01
#define CCID_CONTROL_GET_CLOCKS	0x02
#define CCID_CONTROL_GET_RATES	0x03

/* bPowerSelect */
#define CCID_POWER_AUTO		0x00
#define CCID_POWER_5V		0x01
#define CCID_POWER_3V		0x02
#define CCID_POWER_1V8		0x03

/* wLevelParameter and bChainParameter, extended APDU level */
#define CCID_CHAIN_WHOLE	0x00
#define CCID_CHAIN_BEGIN	0x01
#define CCID_CHAIN_END		0x02
#define CCID_CHAIN_MIDDLE	0x03
#define CCID_CHAIN_CONTINUE	0x10

/* bError of the replies that callers tell apart */
#define CCID_ERROR_ABORTED		0xFF
#define CCID_ERROR_MUTE			0xFE
#define CCID_ERROR_PARITY		0xFD
#define CCID_ERROR_OVERRUN		0xFC
#define CCID_ERROR_HARDWARE		0xFB
#define CCID_ERROR_ATR_TS		0xF8
#define CCID_ERROR_ATR_TCK		0xF7
#define CCID_ERROR_PROTOCOL		0xF6
#define CCID_ERROR_CLASS		0xF5
#define CCID_ERROR_PROCEDURE_BYTE	0xF4
#define CCID_ERROR_DEACTIVATED		0xF3
#define CCID_ERROR_AUTO_SEQUENCE	0xF2
#define CCID_ERROR_PIN_TIMEOUT		0xF0
#define CCID_ERROR_PIN_CANCELLED	0xEF
#define CCID_ERROR_SLOT_BUSY		0xE0
#define CCID_ERROR_NOT_SUPPORTED	0x00
#define CCID_ERROR_FIELD_LAST		0x7F	/* from 01h: offset of a bad field */

/* bmICCStatus; 3 is reserved and taken as no card */
enum ccid_icc {
	CCID_ICC_ACTIVE,
	CCID_ICC_INACTIVE,
	CCID_ICC_ABSENT,
};

/* bmCommandStatus; 3 is reserved and taken as failed */
enum ccid_outcome {
	CCID_DONE,
	CCID_FAILED,
	CCID_TIME_EXTENSION,
};

struct ccid_reply {
	uint8_t type;
	uint8_t slot;
	uint8_t seq;
	enum ccid_icc icc;	/* as said; once routed, as believed */
	enum ccid_outcome outcome;
	uint8_t error;		/* bError: meaning depends on outcome */
	uint8_t extra;		/* byte 9: bChainParameter, bClockStatus, ... */
	const uint8_t *data;	/* size bytes within the parsed buffer */
	size_t size;
};

/*
 * Writes the ten header bytes of a command whose abData has size bytes.
 * parameters are bytes 7 to 9.
 */
void ccid_command_put(uint8_t header[CCID_HEADER_SIZE], uint8_t type,
		      uint8_t slot, uint8_t seq, const uint8_t parameters[3],
		      uint32_t size);

/*
 * 0, -EBADMSG if there are fewer than ten bytes or dwLength differs from what
 * was received, -EPROTO if the type is no reply.
 */
int ccid_reply_parse(const uint8_t *bytes, size_t size,
		     struct ccid_reply *ret_reply);

/* The reply type that answers a command type; 0 for unknown commands. */
uint8_t ccid_reply_type(uint8_t command);

/* What bError says, for the log; never NULL. */
const char *ccid_error_text(uint8_t error);

/* One message of an interrupt transfer */
struct ccid_event {
	uint8_t type;		/* CCID_NOTIFY_SLOT_CHANGE, _HARDWARE_ERROR, or
				 * another: then nothing else is set. 0 for a
				 * hardware error cut short */
	uint32_t told;		/* bit k: the message speaks of slot k */
	uint32_t present;	/* bit k: a card is in slot k */
	uint32_t changed;	/* bit k: slot k changed since the last message */
	uint8_t slot, seq, code;	/* of a hardware error */
};

/*
 * Takes the next message off the bytes of one interrupt transfer: *bytes and
 * *size are moved behind it. slots, 1..16, says how long a NotifySlotChange is;
 * a shorter one tells only of the slots it holds. What follows a message of
 * another type cannot be told apart and is skipped with it.
 * Returns false at the end; each call that returns true consumes something.
 */
bool ccid_event_next(const uint8_t **bytes, size_t *size, unsigned slots,
		     struct ccid_event *ret_event);

#endif
