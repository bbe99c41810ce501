/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "iccd.h"

#include <string.h>

#include "bytes.h"

/* bRequest */
#define ICC_POWER_ON	0x62
#define ICC_POWER_OFF	0x63
#define XFR_BLOCK	0x65
#define DATA_BLOCK	0x6F
#define SLOT_STATUS	0x81
#define GET_ICC_STATUS	0xA0

#define POWER_ON_B	0x0001	/* wValue */
#define ATR_ROOM	64	/* more than an ATR can have, one packet */
#define SLOT_STATUS_SIZE 3
#define SLOT_STATUS_ICC	1	/* where bmICCStatus is */

/* What GET_ICC_STATUS brings */
#define ICC_BUSY	0x40	/* a bit; the others are values */
#define ICC_READY_DATA	0x10	/* T=0: for data, either way */
#define ICC_READY_SW	0x20	/* T=0: the status word is there */
#define ICC_MUTE	0x80

/* bResponseType besides those of bChainParameter */
#define RESPONSE_STATUS	0x40	/* bStatus, bError */
#define RESPONSE_POLL	0x80	/* two bytes: units of 10 ms */

#define BUSY_PAUSE_MS	10	/* where the token leaves it to the host */
#define POLL_UNIT_MS	10

/* bStatus */
#define ICC_BITS	0x03
#define COMMAND_BITS	0xC0
#define FAILED		0x40
#define EXTENSION	0x80

/* Of T=0, ISO 7816-3 */
#define T0_HEADER	5
#define T0_P3		4
#define T0_P3_MAX	256
#define T0_SW		2

/* Where a command's bytes are */
#define TYPE		0
#define SLOT		5
#define SEQ		6
#define PARAMETER	7	/* bProtocolNum of SetParameters */
#define LEVEL		8	/* wLevelParameter, low byte */

/* What is being done, and what comes of it next */
enum step {
	POWER_ON,	/* A: the ATR comes */
	POWER_ON_SENT,	/* B: DATA_BLOCK is next */
	POWER_OFF,
	STATUS,		/* SLOT_STATUS or GET_ICC_STATUS as the command */
	BLOCK_SENT,	/* XFR_BLOCK, the whole or a part */
	BLOCK_STATUS,	/* A: GET_ICC_STATUS behind it */
	BLOCK_DATA,	/* DATA_BLOCK, all that there is */
	T0_DATA,	/* the data of a T=0 command */
	T0_STATUS_WORD,
};

void iccd_init(struct iccd *iccd, uint8_t version, enum desc_level level)
{
	memset(iccd, 0, sizeof(*iccd));
	iccd->b = version == ICCD_VERSION_B;
	iccd->characters = !iccd->b && level == DESC_LEVEL_CHARACTER;
}

void iccd_describe(uint8_t version, struct desc *desc)
{
	desc->slots = 1;
	desc->busy_slots = 1;
	desc->pin_support = 0;
	desc->features |= DESC_AUTO_VOLTAGE | DESC_AUTO_NEGOTIATION;
	desc->features &= ~(DESC_AUTO_ACTIVATION | DESC_AUTO_PPS);
	if (desc->max_message > ICCD_MESSAGE_MAX)
		desc->max_message = ICCD_MESSAGE_MAX;
	if (version == ICCD_VERSION_B && desc->level == DESC_LEVEL_SHORT_APDU)
		desc->level = DESC_LEVEL_EXTENDED_APDU;
	if (desc->level == DESC_LEVEL_CHARACTER)
		desc->level = DESC_LEVEL_TPDU;
}

static uint8_t icc_status(const struct iccd *iccd)
{
	return iccd->powered ? CCID_ICC_ACTIVE : CCID_ICC_INACTIVE;
}

static void put_header(const struct iccd *iccd, uint8_t *message, uint8_t status,
		       uint8_t error, uint8_t extra, size_t size)
{
	message[0] = ccid_reply_type(iccd->command[TYPE]);
	put_le32(message + 1, (uint32_t)size);
	message[5] = iccd->command[SLOT];
	message[6] = iccd->command[SEQ];
	message[7] = status;
	message[8] = error;
	message[9] = extra;
}

/* With what has been received. */
static enum iccd_next answer(struct iccd *iccd, uint8_t status, uint8_t error,
			     uint8_t extra)
{
	put_header(iccd, iccd->answer, status, error, extra, iccd->received);
	iccd->answer_size = CCID_HEADER_SIZE + iccd->received;
	return ICCD_ANSWER;
}

static enum iccd_next done(struct iccd *iccd)
{
	return answer(iccd, icc_status(iccd), 0, 0);
}

static enum iccd_next fail(struct iccd *iccd, uint8_t error)
{
	iccd->received = 0;
	return answer(iccd, icc_status(iccd) | FAILED, error, 0);
}

static enum iccd_next mute(struct iccd *iccd)
{
	iccd->powered = false;
	return fail(iccd, CCID_ERROR_MUTE);
}

void iccd_put_extension(const struct iccd *iccd,
			uint8_t message[CCID_HEADER_SIZE])
{
	put_header(iccd, message, icc_status(iccd) | EXTENSION, 1, 0, 0);
}

static enum iccd_next ask(struct iccd *iccd, enum step step, uint8_t request,
			  size_t size)
{
	iccd->step = (int)step;
	iccd->request = (struct iccd_request){
		.in = true, .request = request, .size = size,
	};
	return ICCD_REQUEST;
}

static enum iccd_next order(struct iccd *iccd, enum step step, uint8_t request,
			    uint16_t value, size_t size)
{
	iccd->step = (int)step;
	iccd->request = (struct iccd_request){
		.request = request, .value = value,
		.data = iccd->data + iccd->sent, .size = size,
	};
	iccd->sent += size;
	return ICCD_REQUEST;
}

static enum iccd_next pause_for(struct iccd *iccd, unsigned ms)
{
	if (!ms)
		ms = BUSY_PAUSE_MS;
	iccd->pause_ms = ms < ICCD_PAUSE_MAX_MS ? ms : ICCD_PAUSE_MAX_MS;
	return ICCD_PAUSE;
}

/* Moves the next bytes behind what has been received. */
static bool keep(struct iccd *iccd, const uint8_t *data, size_t size)
{
	if (size > ICCD_DATA_MAX - iccd->received)
		return false;
	memcpy(iccd->answer + CCID_HEADER_SIZE + iccd->received, data, size);
	iccd->received += size;
	return true;
}

static enum iccd_next start_status(struct iccd *iccd)
{
	if (iccd->b)
		return ask(iccd, STATUS, SLOT_STATUS, SLOT_STATUS_SIZE);
	return ask(iccd, STATUS, GET_ICC_STATUS, 1);
}

/* A command without data has four bytes, on the card's line always five. */
static void complete_header(struct iccd *iccd)
{
	memset(iccd->header, 0, sizeof(iccd->header));
	memcpy(iccd->header, iccd->data, iccd->size);
	iccd->data = iccd->header;
	iccd->size = T0_HEADER;
}

static enum iccd_next start_block(struct iccd *iccd)
{
	size_t size;
	uint16_t value = 0;

	if (iccd->characters && iccd->size < T0_HEADER)
		complete_header(iccd);
	size = iccd->size;
	if (iccd->characters && size > T0_HEADER)
		size = T0_HEADER;
	if (iccd->b)
		value = (uint16_t)(iccd->command[LEVEL] << 8);
	return order(iccd, BLOCK_SENT, XFR_BLOCK, value, size);
}

/* There is no line whose parameters could be other than the token's own. */
static enum iccd_next accept_parameters(struct iccd *iccd)
{
	if (!keep(iccd, iccd->data, iccd->size))
		return fail(iccd, CCID_ERROR_NOT_SUPPORTED);
	return answer(iccd, icc_status(iccd), 0, iccd->command[PARAMETER]);
}

enum iccd_next iccd_start(struct iccd *iccd, const uint8_t *command,
			  size_t size)
{
	iccd->command = command;
	iccd->data = command + CCID_HEADER_SIZE;
	iccd->size = size - CCID_HEADER_SIZE;
	iccd->sent = 0;
	iccd->received = 0;
	iccd->fetched = false;
	switch (command[TYPE]) {
	case CCID_POWER_ON:
		if (iccd->b)
			return order(iccd, POWER_ON_SENT, ICC_POWER_ON,
				     POWER_ON_B, 0);
		return ask(iccd, POWER_ON, ICC_POWER_ON, ATR_ROOM);
	case CCID_POWER_OFF:
		return order(iccd, POWER_OFF, ICC_POWER_OFF, 0, 0);
	case CCID_GET_SLOT_STATUS:
		return start_status(iccd);
	case CCID_XFR_BLOCK:
		return start_block(iccd);
	case CCID_SET_PARAMETERS:
		return accept_parameters(iccd);
	}
	return fail(iccd, CCID_ERROR_NOT_SUPPORTED);
}

/* A token is its own card; "no card" is the virtual removal of version B. */
static enum iccd_next take_slot_status(struct iccd *iccd, const uint8_t *data,
				       size_t received)
{
	uint8_t icc = icc_status(iccd);

	if (iccd->b && received > SLOT_STATUS_ICC)
		icc = data[SLOT_STATUS_ICC] & ICC_BITS;
	else if (!iccd->b && received && data[0] & ICC_BUSY)
		return pause_for(iccd, 0);
	else if (!iccd->b && received && data[0] == ICC_MUTE)
		icc = CCID_ICC_INACTIVE;
	iccd->powered = icc == CCID_ICC_ACTIVE;
	return answer(iccd, icc, 0, 0);
}

static enum iccd_next take_atr(struct iccd *iccd, const uint8_t *data,
			       size_t received)
{
	if (!received || !keep(iccd, data, received))
		return mute(iccd);
	iccd->powered = true;
	return done(iccd);
}

/* T=0 at character level, ready for data: ours first, else it has some. */
static enum iccd_next go_on(struct iccd *iccd)
{
	size_t p3 = iccd->data[T0_P3];

	if (iccd->sent < iccd->size)
		return order(iccd, BLOCK_SENT, XFR_BLOCK, 0,
			     iccd->size - iccd->sent);
	if (iccd->fetched || iccd->size != T0_HEADER)
		return fail(iccd, CCID_ERROR_PROCEDURE_BYTE);
	iccd->fetched = true;
	return ask(iccd, T0_DATA, DATA_BLOCK, p3 ? p3 : T0_P3_MAX);
}

static enum iccd_next take_block_status(struct iccd *iccd, const uint8_t *data,
					size_t received)
{
	if (!received)
		return fail(iccd, CCID_ERROR_HARDWARE);
	if (data[0] & ICC_BUSY)
		return pause_for(iccd, 0);
	if (data[0] == ICC_MUTE)
		return mute(iccd);
	if (!iccd->characters)
		return ask(iccd, BLOCK_DATA, DATA_BLOCK, ICCD_DATA_MAX);
	if (data[0] == ICC_READY_DATA)
		return go_on(iccd);
	if (data[0] == ICC_READY_SW)
		return ask(iccd, T0_STATUS_WORD, DATA_BLOCK, T0_SW);
	return fail(iccd, CCID_ERROR_PROCEDURE_BYTE);
}

static enum iccd_next take_response(struct iccd *iccd, const uint8_t *data,
				    size_t received)
{
	switch (received ? data[0] : RESPONSE_STATUS) {
	case CCID_CHAIN_WHOLE:
	case CCID_CHAIN_BEGIN:
	case CCID_CHAIN_END:
	case CCID_CHAIN_MIDDLE:
	case CCID_CHAIN_CONTINUE:
		if (!keep(iccd, data + 1, received - 1))
			break;
		if (iccd->command[TYPE] == CCID_POWER_ON)
			iccd->powered = true;
		return answer(iccd, icc_status(iccd), 0, data[0]);
	case RESPONSE_POLL:
		return pause_for(iccd, received < 3 ? 0
						    : get_le16(data + 1) *
							      POLL_UNIT_MS);
	case RESPONSE_STATUS:
		if (received < 3)
			break;
		if ((data[1] & COMMAND_BITS) == EXTENSION)
			return pause_for(iccd, 0);
		iccd->powered = (data[1] & ICC_BITS) == CCID_ICC_ACTIVE;
		return answer(iccd, data[1], data[2], 0);
	}
	return fail(iccd, CCID_ERROR_HARDWARE);
}

static enum iccd_next take_block(struct iccd *iccd, const uint8_t *data,
				 size_t received)
{
	if (iccd->b)
		return take_response(iccd, data, received);
	if (!received || !keep(iccd, data, received))
		return fail(iccd, CCID_ERROR_HARDWARE);
	return done(iccd);
}

static enum iccd_next take_status_word(struct iccd *iccd, const uint8_t *data,
				       size_t received)
{
	if (received != T0_SW || !keep(iccd, data, received))
		return fail(iccd, CCID_ERROR_HARDWARE);
	return done(iccd);
}

static enum iccd_next ask_for_block(struct iccd *iccd)
{
	if (iccd->b)
		return ask(iccd, BLOCK_DATA, DATA_BLOCK, ICCD_DATA_MAX);
	return ask(iccd, BLOCK_STATUS, GET_ICC_STATUS, 1);
}

enum iccd_next iccd_step(struct iccd *iccd, const uint8_t *data,
			 size_t received)
{
	switch ((enum step)iccd->step) {
	case POWER_ON:
		return take_atr(iccd, data, received);
	case POWER_ON_SENT:
		return ask(iccd, BLOCK_DATA, DATA_BLOCK, ICCD_DATA_MAX);
	case POWER_OFF:
		iccd->powered = false;
		return done(iccd);
	case STATUS:
		return take_slot_status(iccd, data, received);
	case BLOCK_SENT:
		return ask_for_block(iccd);
	case BLOCK_STATUS:
		return take_block_status(iccd, data, received);
	case BLOCK_DATA:
		return take_block(iccd, data, received);
	case T0_DATA:
		if (!keep(iccd, data, received))
			return fail(iccd, CCID_ERROR_HARDWARE);
		return ask(iccd, BLOCK_STATUS, GET_ICC_STATUS, 1);
	case T0_STATUS_WORD:
		break;
	}
	return take_status_word(iccd, data, received);
}

/* A token that does not tell its status has it all the same. */
enum iccd_next iccd_stalled(struct iccd *iccd)
{
	if (iccd->step == STATUS)
		return done(iccd);
	return fail(iccd, CCID_ERROR_HARDWARE);
}

/* The request that was too early is made again. */
enum iccd_next iccd_resume(struct iccd *iccd)
{
	(void)iccd;
	return ICCD_REQUEST;
}
