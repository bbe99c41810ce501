/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "session_card.h"

#include <string.h>

#include "bytes.h"
#include "ccid.h"

#define PPSS		0xFF
#define IFSD		32
#define S_RESPONSE	0x20
#define R_BLOCK		0x80
#define S_BLOCK		0xC0

static const struct {
	uint8_t size;
	uint8_t protocol;
	uint8_t bytes[6];
} atrs[CARD_ATRS] = {
	{ 4, 0, { 0x3B, 0x02, 0x14, 0x50 } },
	{ 4, 1, { 0x3B, 0x80, 0x01, 0x81 } },
	/* faster than default */
	{ 3, 0, { 0x3B, 0x10, 0x96 } },
	{ 5, 1, { 0x3B, 0x90, 0x96, 0x01, 0x07 } },
	/* both protocols */
	{ 5, 1, { 0x3B, 0x80, 0x80, 0x01, 0x01 } },
	/* specific mode */
	{ 6, 1, { 0x3B, 0x90, 0x11, 0x11, 0x01, 0x91 } },
	/* CRC */
	{ 6, 1, { 0x3B, 0x80, 0x81, 0x41, 0x01, 0x41 } },
	/* no ATR: a memory card */
	{ 0, 0, { 0 } },
};

static unsigned edc(const struct card *card)
{
	return card->atr == 6 ? T1_CRC_HIGH : T1_LRC;
}

static void say(struct card_reply *reply, const uint8_t *bytes, size_t size)
{
	reply->size = copy_bounded(reply->data, sizeof(reply->data), bytes,
				   size);
}

void card_begin(struct card *card, struct card_reply *ret_reply)
{
	card->left = 0;
	card->ns = 0;
	card->nr = 0;
	card->block_size = 0;
	card->line_size = 0;
	card->ins = 0;
	card->protocol = atrs[card->atr].protocol;
	say(ret_reply, atrs[card->atr].bytes, atrs[card->atr].size);
}

static void make_answer(struct card *card)
{
	memset(card->answer, 0x5A, card->answer_size);
	card->answer[card->answer_size] = 0x90;
	card->answer[card->answer_size + 1] = 0x00;
	card->left = card->answer_size + 2;
	card->sent = 0;
}

static size_t take_part(struct card *card, size_t max, const uint8_t **ret_part)
{
	size_t size = card->left < max ? card->left : max;

	*ret_part = card->answer + card->sent;
	card->sent += size;
	card->left -= size;
	return size;
}

static void take_apdu(struct card *card, uint16_t level,
		      struct card_reply *reply)
{
	bool goes_on = level == CCID_CHAIN_CONTINUE && card->left;
	const uint8_t *part;
	size_t size;

	if (card->level == DESC_LEVEL_EXTENDED_APDU &&
	    (level == CCID_CHAIN_BEGIN || level == CCID_CHAIN_MIDDLE)) {
		reply->chain = CCID_CHAIN_CONTINUE;
		return;
	}
	if (!goes_on)
		make_answer(card);
	size = take_part(card, card->message_max, &part);
	say(reply, part, size);
	if (card->level != DESC_LEVEL_EXTENDED_APDU)
		return;
	if (card->left)
		reply->chain = goes_on ? CCID_CHAIN_MIDDLE : CCID_CHAIN_BEGIN;
	else
		reply->chain = goes_on ? CCID_CHAIN_END : CCID_CHAIN_WHOLE;
}

/* --- T=1 */

void card_say_block(struct card *card, uint8_t pcb, const uint8_t *inf,
		    size_t size, struct card_reply *ret_reply)
{
	card->block_size = t1_block_build(card->block, edc(card), pcb, inf,
					  size);
	say(ret_reply, card->block, card->block_size);
}

static void say_information(struct card *card, struct card_reply *reply)
{
	const uint8_t *part;
	size_t size = take_part(card, IFSD, &part);
	unsigned pcb = (unsigned)card->ns << 6 |
		       (card->left ? T1_PCB_MORE : 0u);

	card->ns ^= 1;
	card_say_block(card, (uint8_t)pcb, part, size, reply);
}

static void take_information(struct card *card, uint8_t pcb,
			     struct card_reply *reply)
{
	card->nr = (uint8_t)((pcb >> 6 & 1) ^ 1);
	if (pcb & T1_PCB_MORE) {
		card_say_block(card, (uint8_t)(R_BLOCK | card->nr << 4), NULL,
			       0, reply);
		return;
	}
	make_answer(card);
	say_information(card, reply);
}

static void take_block(struct card *card, const uint8_t *block, size_t size,
		       struct card_reply *reply)
{
	uint8_t pcb;

	if (size < 4 || size != (size_t)3 + block[2] + t1_edc_size(edc(card)))
		return;
	pcb = block[1];
	if (pcb < R_BLOCK)
		take_information(card, pcb, reply);
	else if (pcb >= S_BLOCK)
		card_say_block(card, pcb | S_RESPONSE, block + 3, block[2],
			       reply);
	else if (card->left && (pcb >> 4 & 1) == card->ns)
		say_information(card, reply);
	else
		say(reply, card->block, card->block_size);
	if (pcb == T1_PCB_RESYNCH)
		card->ns = 0;
}

/* --- T=0 */

static void take_tpdu(struct card *card, const uint8_t *bytes, size_t size,
		      struct card_reply *reply)
{
	static const uint8_t status[] = { 0x90, 0x00 };
	const uint8_t *part;

	if (size == 5) {
		make_answer(card);
		size = take_part(card, (size_t)(bytes[4] ? bytes[4] : 256) + 2,
				 &part);
		say(reply, part, size);
	} else {
		say(reply, status, sizeof(status));
	}
}

/* --- character level: bytes gather on the line, as many are given as asked */

static void put_on_line(struct card *card, const struct card_reply *reply)
{
	card->line_size = copy_bounded(card->line, sizeof(card->line),
				       reply->data, reply->size);
}

static void take_from_line(struct card *card, size_t wanted,
			   struct card_reply *reply)
{
	size_t size = wanted && wanted < card->line_size ? wanted
							 : card->line_size;

	say(reply, card->line, size);
	card->line_size -= size;
	memmove(card->line, card->line + size, card->line_size);
}

static void take_header(struct card *card, const uint8_t *bytes)
{
	card->ins = bytes[1];
	card->p3 = bytes[4];
	card->line[0] = card->ins;
	card->line_size = 1;
}

static void take_characters(struct card *card, const uint8_t *bytes,
			    size_t size)
{
	if (size == 5 && !card->ins) {
		take_header(card, bytes);
		return;
	}
	make_answer(card);
	card->line_size = 0;
	if (!size)
		card->line_size = copy_bounded(
			card->line, sizeof(card->line) - 2, card->answer,
			card->p3 < card->answer_size ? card->p3
						     : card->answer_size);
	card->line[card->line_size++] = 0x90;
	card->line[card->line_size++] = 0x00;
	card->ins = 0;
}

static void take_on_line(struct card *card, const uint8_t *bytes, size_t size,
			 uint16_t wanted, struct card_reply *reply)
{
	if (!size && card->line_size) {
		take_from_line(card, wanted, reply);
		return;
	}
	if (card->protocol && size) {
		take_block(card, bytes, size, reply);
		put_on_line(card, reply);
	}
	if (!card->protocol)
		take_characters(card, bytes, size);
	take_from_line(card, wanted, reply);
}

void card_take(struct card *card, const uint8_t *bytes, size_t size,
	       uint16_t level, struct card_reply *ret_reply)
{
	ret_reply->size = 0;
	ret_reply->chain = 0;
	if (card->level >= DESC_LEVEL_SHORT_APDU) {
		take_apdu(card, level, ret_reply);
	} else if (size && bytes[0] == PPSS) {
		card->protocol = size > 1 && (bytes[1] & 1);
		say(ret_reply, bytes, size);
		if (card->level == DESC_LEVEL_CHARACTER) {
			put_on_line(card, ret_reply);
			take_from_line(card, level, ret_reply);
		}
	} else if (card->level == DESC_LEVEL_CHARACTER) {
		take_on_line(card, bytes, size, level, ret_reply);
	} else if (card->protocol) {
		take_block(card, bytes, size, ret_reply);
	} else {
		take_tpdu(card, bytes, size, ret_reply);
	}
}
