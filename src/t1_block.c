/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "t1_block.h"

#include <errno.h>

#include "bytes.h"

#define NAD	0
#define PCB	1
#define LEN	2

static const struct crc {
	unsigned kind;
	uint16_t polynomial, start, inversion;
	bool high_first;
} crcs[] = {
	{ T1_CRC_HIGH, 0x8408, 0xFFFF, 0x0000, true },
	{ T1_CRC_LOW, 0x8408, 0xFFFF, 0x0000, false },
	{ T1_CRC_X25, 0x8408, 0xFFFF, 0xFFFF, false },
	{ T1_CRC_ARC, 0xA001, 0x0000, 0x0000, true },
};

#define CRCS	(sizeof(crcs) / sizeof(crcs[0]))

static uint8_t lrc(const uint8_t *bytes, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum ^= bytes[i];
	return sum;
}

static void put_crc(const struct crc *crc, const uint8_t *bytes, size_t size,
		    uint8_t ret_edc[T1_EDC_MAX])
{
	unsigned sum = crc->start;

	for (size_t i = 0; i < size; i++) {
		sum ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? crc->polynomial : 0u);
	}
	sum ^= crc->inversion;
	ret_edc[crc->high_first ? 0 : 1] = (uint8_t)(sum >> 8);
	ret_edc[crc->high_first ? 1 : 0] = (uint8_t)sum;
}

size_t t1_edc_size(unsigned kinds)
{
	return kinds & T1_LRC ? 1 : 2;
}

/* Which of kinds the EDC behind size bytes is right for. */
static unsigned right_kinds(const uint8_t *bytes, size_t size, unsigned kinds)
{
	unsigned right = 0;

	if (kinds & T1_LRC)
		return lrc(bytes, size) == bytes[size] ? T1_LRC : 0;
	for (size_t i = 0; i < CRCS; i++) {
		uint8_t edc[T1_EDC_MAX];

		if (!(kinds & crcs[i].kind))
			continue;
		put_crc(&crcs[i], bytes, size, edc);
		if (memcmp(edc, bytes + size, sizeof(edc)) == 0)
			right |= crcs[i].kind;
	}
	return right;
}

static void put_edc(uint8_t *block, size_t size, unsigned kinds)
{
	size_t i = 0;

	if (kinds & T1_LRC) {
		block[size] = lrc(block, size);
		return;
	}
	while (i < CRCS - 1 && !(kinds & crcs[i].kind))
		i++;
	put_crc(&crcs[i], block, size, block + size);
}

size_t t1_block_build(uint8_t block[T1_BLOCK_MAX], unsigned kinds, uint8_t pcb,
		      const uint8_t *inf, size_t inf_size)
{
	size_t copied = copy_bounded(block + T1_PROLOGUE_SIZE, T1_INF_MAX, inf,
				     inf_size);

	block[NAD] = 0;
	block[PCB] = pcb;
	block[LEN] = (uint8_t)copied;
	put_edc(block, T1_PROLOGUE_SIZE + copied, kinds);
	return T1_PROLOGUE_SIZE + copied + t1_edc_size(kinds);
}

size_t t1_block_missing(const uint8_t *bytes, size_t size, unsigned kinds)
{
	size_t whole = T1_PROLOGUE_SIZE + t1_edc_size(kinds);

	if (size >= T1_PROLOGUE_SIZE && bytes[LEN] <= T1_INF_MAX)
		whole += bytes[LEN];
	return size < whole ? whole - size : 0;
}

/*
 * All that a card may send. Blocks of the host, the reserved bits and the
 * obsolete VPP errors are missing here.
 */
static const struct form {
	uint8_t pcb;
	enum t1_type type;
	uint8_t number;
	bool more;
	uint8_t shortest, longest;	/* INF */
	uint8_t least, most;		/* its byte, if it is an S-block's */
} forms[] = {
	{ 0x00, T1_I, 0, false, 0, T1_INF_MAX, 0, 0 },
	{ 0x20, T1_I, 0, true, 0, T1_INF_MAX, 0, 0 },
	{ 0x40, T1_I, 1, false, 0, T1_INF_MAX, 0, 0 },
	{ 0x60, T1_I, 1, true, 0, T1_INF_MAX, 0, 0 },
	{ 0x80, T1_R, 0, false, 0, 0, 0, 0 },
	{ 0x81, T1_R, 0, false, 0, 0, 0, 0 },
	{ 0x82, T1_R, 0, false, 0, 0, 0, 0 },
	{ 0x90, T1_R, 1, false, 0, 0, 0, 0 },
	{ 0x91, T1_R, 1, false, 0, 0, 0, 0 },
	{ 0x92, T1_R, 1, false, 0, 0, 0, 0 },
	{ 0xE0, T1_RESYNCH_RESPONSE, 0, false, 0, 0, 0, 0 },
	{ 0xC1, T1_IFS_REQUEST, 0, false, 1, 1, 1, T1_INF_MAX },
	{ 0xE1, T1_IFS_RESPONSE, 0, false, 1, 1, 1, T1_INF_MAX },
	{ 0xC2, T1_ABORT_REQUEST, 0, false, 0, 0, 0, 0 },
	{ 0xC3, T1_WTX_REQUEST, 0, false, 1, 1, 1, 255 },
};

static const struct form *find_form(uint8_t pcb)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (forms[i].pcb == pcb)
			return &forms[i];
	return NULL;
}

static bool form_fits(const struct form *form, const uint8_t *inf, size_t size)
{
	if (size < form->shortest || size > form->longest)
		return false;
	return !form->most || (*inf >= form->least && *inf <= form->most);
}

int t1_block_parse(const uint8_t *bytes, size_t size, unsigned kinds,
		   struct t1_block *ret_block)
{
	size_t epilogue = t1_edc_size(kinds), inf_size;
	const struct form *form;
	unsigned right;

	if (size < T1_PROLOGUE_SIZE + epilogue)
		return -EPROTO;
	inf_size = size - T1_PROLOGUE_SIZE - epilogue;
	if (bytes[LEN] != inf_size)
		return -EPROTO;
	right = right_kinds(bytes, size - epilogue, kinds);
	if (!right)
		return -EBADMSG;
	form = find_form(bytes[PCB]);
	if (!form || bytes[NAD] != 0)
		return -EPROTO;
	if (!form_fits(form, bytes + T1_PROLOGUE_SIZE, inf_size))
		return -EPROTO;
	*ret_block = (struct t1_block){
		.type = form->type,
		.number = form->number,
		.more = form->more,
		.inf = bytes + T1_PROLOGUE_SIZE,
		.inf_size = inf_size,
		.kinds = right,
	};
	return 0;
}
