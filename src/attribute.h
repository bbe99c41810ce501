/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attribute - the attributes of reader and card (PC/SC part 3, 3.1.5), as
 * SCardGetAttrib gives them.
 *
 * Texts end with a NUL that counts; one that the reader does not have is empty,
 * without even that. Numbers have four bytes in host order; states of the card
 * have one. Waiting times are told as the integers of the ATR (WI, BWI, CWI),
 * as Windows does.
 *
 * What is not known is not told: rates and clocks that the reader keeps to
 * itself, and everything about the exchange with the card until there is one;
 * nor EXTENDED_BWT (0008020Ch) and CURRENT_IO_STATE (00090302h), which are over
 * by the time that anybody can ask.
 * The names by which pcscd knows a reader (7FFF0003h, 7FFF0004h) are pcscd's to
 * tell, and it does if we do not.
 *
 * Pure. Any thread.
 */
#ifndef CCIDTRACK_ATTRIBUTE_H
#define CCIDTRACK_ATTRIBUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "desc.h"
#include "params.h"

#define ATTRIBUTE_MAX	264	/* pcscd's buffer has no more */

/* Which of its USB strings an attribute is. */
enum attribute_text {
	ATTRIBUTE_NO_TEXT,
	ATTRIBUTE_MANUFACTURER,
	ATTRIBUTE_PRODUCT,
	ATTRIBUTE_SERIAL,
};

/* What is known at the moment. */
struct attribute_facts {
	const struct desc *desc;
	uint16_t version;	/* bcdDevice */
	uint8_t bus;
	uint8_t address;
	const char *text;	/* the one that attribute_text wants */

	bool present;
	bool powered;
	uint8_t atr[ATR_MAX];
	size_t atr_size;	/* 0 for a card without power */

	bool agreed;		/* on a protocol: what follows holds */
	struct params params;
	uint8_t ifsc;		/* where the host speaks T=1 */
	uint8_t ifsd;
};

enum attribute_text attribute_text(uint64_t attribute);

/*
 * Returns the size of the value, 0..ATTRIBUTE_MAX, or -ENODATA if there is no
 * such attribute or its value is not known.
 */
int attribute_get(uint64_t attribute, const struct attribute_facts *facts,
		  uint8_t value[ATTRIBUTE_MAX]);

#endif
