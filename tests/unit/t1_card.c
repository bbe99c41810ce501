/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "t1_card.h"

#include <string.h>

#define IFSD_DEFAULT	32
#define MORE		0x20
#define SILENCE		0
#define IFS_ASKED_MAX	3

unsigned t1_card_random(uint64_t *chance, unsigned limit)
{
	*chance ^= *chance << 13;
	*chance ^= *chance >> 7;
	*chance ^= *chance << 17;
	return (unsigned)(*chance >> 33) % limit;
}

static unsigned remainder_of(const uint8_t *bytes, size_t size, unsigned mask,
			     unsigned sum)
{
	for (size_t i = 0; i < size * 8; i++) {
		unsigned bit = bytes[i / 8] >> i % 8 & 1;

		sum = (sum >> 1) ^ ((sum ^ bit) & 1 ? mask : 0);
	}
	return sum;
}

static size_t put_edc(enum t1_card_edc edc, const uint8_t *bytes, size_t size,
		      uint8_t ret_edc[2])
{
	unsigned sum = edc == T1_CARD_CRC_ARC ?
		remainder_of(bytes, size, 0xA001, 0) :
		remainder_of(bytes, size, 0x8408, 0xFFFF);
	bool low_first = edc == T1_CARD_CRC_LOW || edc == T1_CARD_CRC_X25;

	if (edc == T1_CARD_LRC) {
		ret_edc[0] = 0;
		for (size_t i = 0; i < size; i++)
			ret_edc[0] ^= bytes[i];
		return 1;
	}
	if (edc == T1_CARD_CRC_X25)
		sum = ~sum;
	ret_edc[low_first] = (uint8_t)(sum >> 8);
	ret_edc[!low_first] = (uint8_t)sum;
	return 2;
}

static bool is_whole(const struct t1_card *card, const uint8_t *bytes,
		     size_t size)
{
	uint8_t edc[2];
	size_t edc_size = card->habits.edc == T1_CARD_LRC ? 1 : 2;

	if (size < 3 + edc_size || size != 3 + edc_size + bytes[2])
		return false;
	put_edc(card->habits.edc, bytes, size - edc_size, edc);
	return memcmp(edc, bytes + size - edc_size, edc_size) == 0;
}

void t1_card_reset(struct t1_card *card, const struct t1_card_habits *habits,
		   uint64_t seed)
{
	memset(card, 0, offsetof(struct t1_card, last));
	card->habits = *habits;
	card->chance = seed;
	card->ifsc = habits->ifsc;
	card->ifsd = IFSD_DEFAULT;
}

size_t t1_card_answer(const uint8_t *command, size_t size,
		      uint8_t answer[T1_CARD_ANSWER_MAX])
{
	size_t data = (size_t)command[2] << 8 | command[3];
	uint64_t sum = 14695981039346656037u;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ command[i]) * 1099511628211u;
	sum |= 1;
	if (!data && command[0] == 0x80)
		data = 65536;
	for (size_t i = 0; i < data; i++)
		answer[i] = (uint8_t)t1_card_random(&sum, 256);
	answer[data] = 0x90;
	answer[data + 1] = 0x00;
	return data + 2;
}

static size_t repeat(const struct t1_card *card, uint8_t *ret_block)
{
	memcpy(ret_block, card->last, card->last_size);
	return card->last_size;
}

static size_t say(struct t1_card *card, unsigned pcb, const uint8_t *inf,
		  size_t size, uint8_t *ret_block)
{
	card->last[0] = 0;
	card->last[1] = (uint8_t)pcb;
	card->last[2] = (uint8_t)size;
	if (size)
		memcpy(card->last + 3, inf, size);
	card->last_size = 3 + size + put_edc(card->habits.edc, card->last,
					     3 + size, card->last + 3 + size);
	return repeat(card, ret_block);
}

static size_t say_r(struct t1_card *card, unsigned error, uint8_t *ret_block)
{
	return say(card, 0x80u | (unsigned)card->nr << 4 | error, NULL, 0,
		   ret_block);
}

static size_t say_i(struct t1_card *card, uint8_t *ret_block)
{
	size_t left = card->answer_size - card->answered;
	bool more;

	if (!card->outstanding)
		card->part = left < card->ifsd ? left : card->ifsd;
	card->outstanding = true;
	more = card->part < left;
	return say(card, (unsigned)card->ns << 6 | (more ? MORE : 0),
		   card->answer + card->answered, card->part, ret_block);
}

static size_t say_request(struct t1_card *card, uint8_t pcb, uint8_t value,
			  uint8_t *ret_block)
{
	card->request = pcb;
	card->request_value = value;
	return say(card, pcb, &value, pcb == 0xC2 ? 0 : 1, ret_block);
}

/* The card has the right to send: what it has to say, or first a request. */
static size_t go_on(struct t1_card *card, uint8_t *ret_block)
{
	unsigned chance = t1_card_random(&card->chance, 10000);
	uint8_t value = (uint8_t)(1 + t1_card_random(&card->chance, 254));

	if (chance < card->habits.wtx)
		return say_request(card, 0xC3, value, ret_block);
	chance -= card->habits.wtx;
	if (chance < card->habits.ifs && card->ifs_asked < IFS_ASKED_MAX) {
		card->ifs_asked++;
		return say_request(card, 0xC1, value, ret_block);
	}
	chance -= card->habits.ifs;
	if (chance < card->habits.abort)
		return say_request(card, 0xC2, 0, ret_block);
	return card->answering ? say_i(card, ret_block) :
				 say_r(card, 0, ret_block);
}

static size_t not_right(struct t1_card *card, unsigned error,
			uint8_t *ret_block)
{
	if (card->request)
		return repeat(card, ret_block);
	return say_r(card, error, ret_block);
}

static size_t resynchronise(struct t1_card *card, uint8_t *ret_block)
{
	card->ns = card->nr = 0;
	card->ifsc = card->habits.ifsc;
	card->ifsd = IFSD_DEFAULT;
	card->outstanding = card->answering = false;
	card->request = 0;
	card->command_size = 0;
	return say(card, 0xE0, NULL, 0, ret_block);
}

static size_t take_response(struct t1_card *card, const uint8_t *bytes,
			    uint8_t *ret_block)
{
	uint8_t request = card->request;

	if (!request || bytes[1] != (request | 0x20) ||
	    bytes[2] != (request == 0xC2 ? 0 : 1) ||
	    (bytes[2] && bytes[3] != card->request_value))
		return not_right(card, 2, ret_block);
	card->request = 0;
	if (request == 0xC1)
		card->ifsc = card->request_value;
	if (request != 0xC2)
		return go_on(card, ret_block);
	card->answering = false;
	card->command_size = 0;
	return say_r(card, 0, ret_block);
}

static size_t take_s(struct t1_card *card, const uint8_t *bytes,
		     uint8_t *ret_block)
{
	if (bytes[1] == 0xC0 && bytes[2] == 0)
		return resynchronise(card, ret_block);
	if (bytes[1] != 0xC1 || bytes[2] != 1 || card->request)
		return take_response(card, bytes, ret_block);
	card->ifsd = bytes[3];
	return say(card, 0xE1, bytes + 3, 1, ret_block);
}

static size_t take_r(struct t1_card *card, uint8_t number, uint8_t *ret_block)
{
	bool more = card->answered + card->part < card->answer_size;

	if (card->request)
		return repeat(card, ret_block);
	if (card->outstanding && number == card->ns)
		return say_i(card, ret_block);
	if (!card->outstanding || !more)
		return say_r(card, 0, ret_block);
	card->outstanding = false;
	card->ns ^= 1;
	card->answered += card->part;
	return go_on(card, ret_block);
}

static void run(struct t1_card *card)
{
	card->runs++;
	card->answer_size = t1_card_answer(card->command, card->command_size,
					   card->answer);
	card->answered = 0;
	card->part = 0;
	card->command_size = 0;
	card->answering = true;
}

/* An I-block while the answer is under way is not right, nor is a long one. */
static bool is_due(const struct t1_card *card, const uint8_t *bytes)
{
	if (card->outstanding &&
	    card->answered + card->part < card->answer_size)
		return false;
	return bytes[2] <= card->ifsc &&
	       bytes[2] <= sizeof(card->command) - card->command_size;
}

static size_t take_i(struct t1_card *card, const uint8_t *bytes,
		     uint8_t *ret_block)
{
	uint8_t number = bytes[1] >> 6 & 1;

	if (card->request)
		return repeat(card, ret_block);
	if (number != card->nr && card->habits.repeats && card->last_size)
		return repeat(card, ret_block);
	if (number != card->nr || !is_due(card, bytes))
		return say_r(card, 2, ret_block);
	card->nr ^= 1;
	card->ns ^= card->outstanding;
	card->outstanding = card->answering = false;
	memcpy(card->command + card->command_size, bytes + 3, bytes[2]);
	card->command_size += bytes[2];
	if (card->command_size == bytes[2])
		card->ifs_asked = 0;
	if (!(bytes[1] & MORE))
		run(card);
	return go_on(card, ret_block);
}

size_t t1_card_take(struct t1_card *card, const uint8_t *bytes, size_t size,
		    uint8_t ret_block[T1_CARD_BLOCK_MAX])
{
	if (!is_whole(card, bytes, size))
		return card->habits.mute ? SILENCE :
					   not_right(card, 1, ret_block);
	if (bytes[1] < 0x80)
		return take_i(card, bytes, ret_block);
	if (bytes[1] < 0xC0)
		return take_r(card, bytes[1] >> 4 & 1, ret_block);
	return take_s(card, bytes, ret_block);
}
