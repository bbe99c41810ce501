/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The echo card: commands that show what the way to a card and back does.
 *
 *   00 A4 ....            SELECT: 90 00
 *   00 B0 P1 P2 Le        READ: Le bytes, counting up from P1 P2
 *   00 D6 P1 P2 Lc ..     UPDATE: 90 00 if the data counts up from P1 P2
 *   80 10 .. .. Lc .. Le  the data back, cut to Le
 *   80 12 P1 P2 [Le]      takes P1 P2 milliseconds, then as 80 14
 *   80 14 00 00 Le        serial, resets, APDUs since then: four bytes each
 *   80 16 00 P2           keeps P2 until the next reset
 *   80 18 00 00 Le        what 80 16 kept, 00 after a reset
 *   80 1A P1 P2           P1 P2 is the status word
 *   80 1C 00 00           never answered
 */
#include "vcard.h"

#include <string.h>

#define SW_OK		0x9000
#define SW_LENGTH	0x6700
#define SW_DATA		0x6A80
#define SW_INS		0x6D00
#define IDENTITY_SIZE	12

struct apdu {
	uint8_t ins;
	unsigned p1p2;
	const uint8_t *data;
	size_t lc, le;
};

static size_t be16(const uint8_t *bytes)
{
	return (size_t)bytes[0] << 8 | bytes[1];
}

static void put_be32(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 24);
	to[1] = (uint8_t)(value >> 16);
	to[2] = (uint8_t)(value >> 8);
	to[3] = (uint8_t)value;
}

/* ISO 7816-4, 5.1: what stands behind the header of a short APDU. */
static bool parse_short(const uint8_t *body, size_t size, struct apdu *apdu)
{
	if (size > 1) {
		apdu->lc = body[0];
		apdu->data = body + 1;
		if (size != 1 + apdu->lc && size != 2 + apdu->lc)
			return false;
		body += 1 + apdu->lc;
		size -= 1 + apdu->lc;
	}
	if (size)
		apdu->le = body[0] ? body[0] : 256;
	return true;
}

static bool parse_extended(const uint8_t *body, size_t size, struct apdu *apdu)
{
	if (size > 3) {
		apdu->lc = be16(body + 1);
		apdu->data = body + 3;
		if (size != 3 + apdu->lc && size != 5 + apdu->lc)
			return false;
		if (size == 3 + apdu->lc)
			return true;
		body += 3 + apdu->lc;
	} else {
		body += 1;
	}
	apdu->le = be16(body) ? be16(body) : 65536;
	return true;
}

static bool parse(const uint8_t *bytes, size_t size, struct apdu *ret_apdu)
{
	if (size < 4)
		return false;
	*ret_apdu = (struct apdu){
		.ins = bytes[1], .p1p2 = (unsigned)be16(bytes + 2),
		.data = bytes,
	};
	if (size >= 7 && bytes[4] == 0)
		return parse_extended(bytes + 4, size - 4, ret_apdu);
	return parse_short(bytes + 4, size - 4, ret_apdu);
}

static size_t put_data(uint8_t *answer, const uint8_t *data, size_t size,
		       size_t le)
{
	if (size > le)
		size = le;
	memcpy(answer, data, size);
	return size;
}

static size_t put_identity(const struct vcard *card, uint8_t *answer, size_t le)
{
	uint8_t identity[IDENTITY_SIZE];

	put_be32(identity, card->serial);
	put_be32(identity + 4, card->resets);
	put_be32(identity + 8, card->apdus);
	return put_data(answer, identity, sizeof(identity), le);
}

static size_t put_pattern(unsigned offset, uint8_t *answer, size_t le)
{
	for (size_t i = 0; i < le; i++)
		answer[i] = (uint8_t)(offset + i);
	return le;
}

static bool is_pattern(unsigned offset, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] != (uint8_t)(offset + i))
			return false;
	return size != 0;
}

/* Bytes of data put into answer; the status word is set where it is not OK. */
static size_t run(struct vcard *card, const struct apdu *apdu, uint8_t *answer,
		  unsigned *sw, unsigned *ret_time)
{
	switch (apdu->ins) {
	case 0xA4:
		return 0;
	case 0xB0:
		return put_pattern(apdu->p1p2, answer, apdu->le);
	case 0xD6:
		if (!is_pattern(apdu->p1p2, apdu->data, apdu->lc))
			*sw = SW_DATA;
		return 0;
	case 0x10:
		return put_data(answer, apdu->data, apdu->lc, apdu->le);
	case 0x12:
		*ret_time = apdu->p1p2 * 1000;
		return put_identity(card, answer, apdu->le);
	case 0x14:
		return put_identity(card, answer, apdu->le);
	case 0x16:
		card->memory = (uint8_t)apdu->p1p2;
		return 0;
	case 0x18:
		return put_data(answer, &card->memory, 1, apdu->le);
	case 0x1A:
		*sw = apdu->p1p2;
		return 0;
	}
	*sw = SW_INS;
	return 0;
}

static size_t echo(struct vcard *card, const uint8_t *command, size_t size,
		   uint8_t *ret_answer, unsigned *ret_time)
{
	struct apdu apdu;
	unsigned sw = SW_OK;
	size_t n = 0;

	card->apdus++;
	if (!parse(command, size, &apdu))
		sw = SW_LENGTH;
	else if (apdu.ins == 0x1C)
		return 0;
	else
		n = run(card, &apdu, ret_answer, &sw, ret_time);
	ret_answer[n] = (uint8_t)(sw >> 8);
	ret_answer[n + 1] = (uint8_t)sw;
	return n + 2;
}

const struct vcard_kind vcard_echo = {
	.name = "echo", .protocols = VCARD_T1, .apdu = echo,
};

const struct vcard_kind vcard_echo_t0 = {
	.name = "echo-t0", .protocols = VCARD_T0, .apdu = echo,
};

const struct vcard_kind vcard_echo_both = {
	.name = "echo-both", .protocols = VCARD_T0 | VCARD_T1, .apdu = echo,
};

const struct vcard_kind vcard_mute = {
	.name = "mute", .protocols = VCARD_T0, .mute = true, .apdu = echo,
};
