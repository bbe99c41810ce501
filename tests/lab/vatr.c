/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vatr.h"

#define TA	0x10
#define TB	0x20
#define TC	0x40
#define TD	0x80

#define IFSC_DEFAULT	32

struct walk {
	const uint8_t *atr;
	size_t size, at;
	unsigned level;		/* 1: TA1 ... */
	uint8_t protocol;	/* that the TD before has named */
	bool t1_seen;		/* its first interface bytes went by */
};

static bool next(struct walk *walk, uint8_t *ret_byte)
{
	if (walk->at >= walk->size)
		return false;
	*ret_byte = walk->atr[walk->at++];
	return true;
}

static void take_ta(struct walk *walk, struct vatr *atr, uint8_t byte)
{
	if (walk->level == 1) {
		atr->fidi = byte;
	} else if (walk->level == 2) {
		atr->specific = true;
		atr->first = byte & 0x0F;
	} else if (walk->protocol == 1 && !walk->t1_seen) {
		atr->ifsc = byte;
	}
}

static void take_tc(struct walk *walk, struct vatr *atr, uint8_t byte)
{
	if (walk->level > 2 && walk->protocol == 1 && !walk->t1_seen)
		atr->crc = byte & 1;
}

/* The bytes of one level; false behind the last one. */
static bool take_level(struct walk *walk, struct vatr *atr, uint8_t *y)
{
	uint8_t present = *y, byte;

	if (present & TA && next(walk, &byte))
		take_ta(walk, atr, byte);
	if (present & TB)
		next(walk, &byte);
	if (present & TC && next(walk, &byte))
		take_tc(walk, atr, byte);
	if (walk->level > 2)
		walk->t1_seen |= walk->protocol == 1;
	if (!(present & TD) || !next(walk, y))
		return false;
	walk->protocol = *y & 0x0F;
	if (walk->protocol != 15)
		atr->protocols |= 1u << walk->protocol;
	if (walk->level == 1)
		atr->first = walk->protocol;
	walk->level++;
	return true;
}

void vatr_read(const uint8_t *bytes, size_t size, struct vatr *ret_atr)
{
	struct walk walk = { .atr = bytes, .size = size, .at = 1, .level = 1 };
	uint8_t y;

	*ret_atr = (struct vatr){
		.fidi = VATR_DEFAULT_FIDI, .ifsc = IFSC_DEFAULT,
	};
	if (!next(&walk, &y))
		return;
	while (take_level(&walk, ret_atr, &y))
		;
	if (!ret_atr->protocols)
		ret_atr->protocols = 1;
}
