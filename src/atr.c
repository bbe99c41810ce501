/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "atr.h"

#include <errno.h>

#define TS_DIRECT	0x3B
#define TS_INVERSE	0x3F

#define WI_DEFAULT	10
#define IFSC_DEFAULT	32
#define IFSC_MAX	254
#define BWI_DEFAULT	4
#define BWI_MAX		9
#define CWI_DEFAULT	13

#define T_1		1
#define T_GLOBAL	15

static const uint16_t f_values[16] = {
	372, 372, 558, 744, 1116, 1488, 1860, 0,
	0, 512, 768, 1024, 1536, 2048, 0, 0,
};

static const uint8_t d_values[16] = {
	0, 1, 2, 4, 8, 16, 32, 64, 12, 20, 0, 0, 0, 0, 0, 0,
};

/* Where the walk is. Only the first bytes of a protocol's own count. */
struct walk {
	const uint8_t *bytes;
	size_t size, at;
	unsigned level;		/* i of TAi */
	uint8_t t;		/* T of the TD before */
	bool other;		/* some T but 0 was named */
	bool seen[2][3];	/* T=1, T=15; A, B, C */
};

uint16_t atr_f(uint8_t fidi)
{
	return f_values[fidi >> 4];
}

uint8_t atr_d(uint8_t fidi)
{
	return d_values[fidi & 0x0F];
}

static void take_ta1(struct atr *atr, uint8_t value)
{
	if (atr_f(value) && atr_d(value))
		atr->fidi = value;
	else
		atr->flags |= ATR_RESERVED;
}

static void take_tc1(struct atr *atr, uint8_t value)
{
	atr->guard_time = value;
}

static void take_ta2(struct atr *atr, uint8_t value)
{
	atr->specific = true;
	atr->changeable = !(value & 0x80);
	atr->implicit = value & 0x10;
	atr->specific_protocol = value & 0x0F;
}

static void take_tc2(struct atr *atr, uint8_t value)
{
	if (value)
		atr->wi = value;
	else
		atr->flags |= ATR_RESERVED;
}

static void take_ifsc(struct atr *atr, uint8_t value)
{
	if (value >= 1 && value <= IFSC_MAX)
		atr->ifsc = value;
	else
		atr->flags |= ATR_RESERVED;
}

static void take_waiting(struct atr *atr, uint8_t value)
{
	atr->cwi = value & 0x0F;
	if (value >> 4 <= BWI_MAX)
		atr->bwi = value >> 4;
	else
		atr->flags |= ATR_RESERVED;
}

static void take_edc(struct atr *atr, uint8_t value)
{
	atr->crc = value & 0x01;
	if (value & 0xFE)
		atr->flags |= ATR_RESERVED;
}

static void take_clock_stop_and_classes(struct atr *atr, uint8_t value)
{
	atr->clock_stop = value >> 6;
	atr->classes = value & 0x07;
}

/* TB1 and TB2 told the programming voltage, which no reader has any more. */
static void ignore(struct atr *atr, uint8_t value)
{
	(void)atr;
	(void)value;
}

typedef void take_function(struct atr *atr, uint8_t value);

static take_function *const global_bytes[2][3] = {
	{ take_ta1, ignore, take_tc1 },
	{ take_ta2, ignore, take_tc2 },
};

static take_function *const protocol_bytes[2][3] = {
	{ take_ifsc, take_waiting, take_edc },
	{ take_clock_stop_and_classes, ignore, ignore },
};

static void take(struct atr *atr, struct walk *walk, unsigned letter)
{
	uint8_t value = walk->bytes[walk->at++];
	unsigned row = walk->t == T_GLOBAL;

	if (walk->level <= 2) {
		global_bytes[walk->level - 1][letter](atr, value);
		return;
	}
	if (walk->t != T_1 && walk->t != T_GLOBAL)
		return;
	if (!walk->seen[row][letter])
		protocol_bytes[row][letter](atr, value);
	walk->seen[row][letter] = true;
}

bool atr_offers(const struct atr *atr, uint8_t protocol)
{
	for (unsigned i = 0; i < atr->protocol_count; i++)
		if (atr->protocols[i] == protocol)
			return true;
	return false;
}

static void take_td(struct atr *atr, struct walk *walk, uint8_t t)
{
	if (walk->level > 1 ? t < walk->t : t == T_GLOBAL)
		atr->flags |= ATR_BAD_ORDER;
	walk->t = t;
	walk->other |= t != 0;
	if (t != T_GLOBAL && !atr_offers(atr, t))
		atr->protocols[atr->protocol_count++] = t;
}

/* The bytes of one level; y tells which there are. Returns the next y. */
static uint8_t walk_level(struct atr *atr, struct walk *walk, uint8_t y)
{
	uint8_t td;

	for (unsigned letter = 0; letter < 3; letter++)
		if (y >> letter & 1 && walk->at < walk->size)
			take(atr, walk, letter);
		else if (y >> letter & 1)
			atr->flags |= ATR_CUT_INTERFACE;
	if (!(y & 0x08))
		return 0;
	if (walk->at >= walk->size) {
		atr->flags |= ATR_CUT_INTERFACE;
		return 0;
	}
	td = walk->bytes[walk->at++];
	take_td(atr, walk, td & 0x0F);
	walk->level++;
	return td >> 4;
}

static void walk_historical(struct atr *atr, struct walk *walk, size_t size)
{
	size_t left = walk->size - walk->at;

	atr->historical = walk->bytes + walk->at;
	atr->historical_size = size < left ? size : left;
	walk->at += atr->historical_size;
	if (size > left)
		atr->flags |= ATR_CUT_HISTORICAL;
}

/* The bytes from T0 on, TCK included, make zero. */
static void check_tck(struct atr *atr, struct walk *walk)
{
	uint8_t sum = 0;

	if (walk->at >= walk->size) {
		atr->flags |= ATR_NO_TCK;
		return;
	}
	atr->tck = true;
	walk->at++;
	for (size_t i = 1; i < walk->at; i++)
		sum ^= walk->bytes[i];
	if (sum)
		atr->flags |= ATR_BAD_TCK;
}

static void walk_all(struct atr *atr, struct walk *walk)
{
	uint8_t t0 = walk->bytes[1];

	for (uint8_t y = t0 >> 4; y;)
		y = walk_level(atr, walk, y);
	if (!atr->protocol_count)
		atr->protocols[atr->protocol_count++] = 0;
	walk_historical(atr, walk, t0 & 0x0F);
	if (walk->other &&
	    !(atr->flags & (ATR_CUT_INTERFACE | ATR_CUT_HISTORICAL)))
		check_tck(atr, walk);
	if (walk->at < walk->size)
		atr->flags |= ATR_SURPLUS;
}

int atr_parse(const uint8_t *bytes, size_t size, struct atr *ret_atr)
{
	struct walk walk = {
		.bytes = bytes,
		.size = size,
		.at = 2,
		.level = 1,
	};
	struct atr atr = {
		.fidi = ATR_DEFAULT_FIDI,
		.wi = WI_DEFAULT,
		.ifsc = IFSC_DEFAULT,
		.bwi = BWI_DEFAULT,
		.cwi = CWI_DEFAULT,
	};

	if (size < 2)
		return -EINVAL;
	if (size > ATR_MAX) {
		walk.size = ATR_MAX;
		atr.flags |= ATR_TOO_LONG;
	}
	if (bytes[0] != TS_DIRECT && bytes[0] != TS_INVERSE)
		atr.flags |= ATR_BAD_TS;
	atr.inverse = bytes[0] == TS_INVERSE;
	walk_all(&atr, &walk);
	*ret_atr = atr;
	return 0;
}
