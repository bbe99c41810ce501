/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vatr - what a card that has this ATR does (ISO 7816-3, 8): the card's view.
 */
#ifndef VATR_H
#define VATR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VATR_DEFAULT_FIDI	0x11

struct vatr {
	unsigned protocols;	/* bit n: T=n */
	uint8_t first;		/* spoken if there is no PPS */
	bool specific;		/* TA2: first alone, at the speed of TA1 */
	uint8_t fidi;		/* TA1 */
	uint8_t ifsc;
	bool crc;
};

/* What is not there has its default, even where the ATR is cut. */
void vatr_read(const uint8_t *atr, size_t size, struct vatr *ret_atr);

#endif
