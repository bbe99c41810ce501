/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "mask.h"

#include <string.h>

#include "bytes.h"

#define BLANK		0x00

/* CCID 1.1, 6.1.4: PC_to_RDR_XfrBlock */
#define XFR_BLOCK	0x6F
#define HEADER_SIZE	10
#define LENGTH		1
#define LEVEL		8
#define BEGINS		1	/* wLevelParameter: more follows */
#define ENDS		2
#define GOES_ON		3

/* ISO 7816-3, 11.3: NAD, PCB, LEN, INF, EDC of 1 or 2 bytes */
#define PROLOGUE_SIZE	3
#define EDC_MAX		2
#define PCB		1
#define LEN		2
#define PCB_NOT_I	0x80
#define PCB_MORE	0x20

#define CLA		0
#define INS		1
#define LC		4
#define SHORT_HEADER	5
#define EXTENDED_HEADER	7
#define CLA_CHAINING	0x10

/* VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER, ISO 7816-4; 21: BER-TLV */
static const uint8_t secret[] = { 0x20, 0x21, 0x24, 0x25, 0x2C, 0x2D };

static bool blank(uint8_t *bytes, size_t size)
{
	memset(bytes, BLANK, size);
	return true;
}

static bool is_secret(uint8_t instruction)
{
	return memchr(secret, instruction, sizeof(secret)) != NULL;
}

bool mask_apdu(struct mask *mask, uint8_t *apdu, size_t size)
{
	size_t header = SHORT_HEADER;

	if (mask->data_due && size <= mask->data_due) {
		mask->data_due -= size;
		return blank(apdu, size);
	}
	mask->data_due = 0;
	if (size < LC || (!is_secret(apdu[INS]) && !mask->chained))
		return false;
	/* the last of a chain has the same instruction, without the bit */
	mask->chained = apdu[CLA] & CLA_CHAINING;
	if (size == SHORT_HEADER)
		mask->data_due = apdu[LC];
	if (size > EXTENDED_HEADER && apdu[LC] == 0)
		header = EXTENDED_HEADER;
	return size <= header || blank(apdu + header, size - header);
}

/* Its header alone would pass for a block of T=1 without data. */
static bool is_secret_apdu(const uint8_t *body, size_t size)
{
	return size >= SHORT_HEADER && is_secret(body[INS]) &&
	       (size == SHORT_HEADER || size - SHORT_HEADER == body[LC]);
}

static bool is_block(const uint8_t *body, size_t size)
{
	size_t edc = size > PROLOGUE_SIZE ? size - PROLOGUE_SIZE : 0;

	return edc > body[LEN] && edc - body[LEN] <= EDC_MAX &&
	       !is_secret_apdu(body, size);
}

static bool mask_block(struct mask *mask, uint8_t *block, size_t size)
{
	size_t length = block[LEN];
	bool secret_block;

	if (block[PCB] & PCB_NOT_I)
		return false;
	if (mask->block_goes_on)
		secret_block = blank(block + PROLOGUE_SIZE, length);
	else
		secret_block = mask_apdu(mask, block + PROLOGUE_SIZE, length);
	mask->block_goes_on = secret_block && (block[PCB] & PCB_MORE);
	mask->data_due = 0;	/* of T=0 only */
	if (secret_block)
		blank(block + PROLOGUE_SIZE + length,
		      size - PROLOGUE_SIZE - length);
	return secret_block;
}

static bool mask_body(struct mask *mask, uint8_t *body, size_t size,
		      unsigned level)
{
	bool follows = mask->message_goes_on &&
		       (level == ENDS || level == GOES_ON);
	bool secret_apdu;

	if (follows) {
		mask->message_goes_on = level == GOES_ON;
		return blank(body, size);
	}
	mask->message_goes_on = false;
	if (!mask->data_due && is_block(body, size))
		return mask_block(mask, body, size);
	mask->block_goes_on = false;
	secret_apdu = mask_apdu(mask, body, size);
	mask->message_goes_on = secret_apdu && level == BEGINS;
	return secret_apdu;
}

bool mask_message(struct mask *mask, uint8_t *message, size_t size)
{
	size_t length;

	if (size < HEADER_SIZE || message[0] != XFR_BLOCK)
		return false;
	length = get_le32(message + LENGTH);
	if (length > size - HEADER_SIZE)	/* cut by the capture */
		length = size - HEADER_SIZE;
	return mask_body(mask, message + HEADER_SIZE, length,
			 get_le16(message + LEVEL));
}
