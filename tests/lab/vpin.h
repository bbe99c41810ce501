/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vpin - the data of a Secure command, and a PIN put into its APDU (CCID 1.1,
 * 6.1.11). Written without the driver's help.
 *
 * A PIN goes where bmFormatString says, counted from the byte behind Lc, in
 * bytes or in bits; a modify adds bInsertionOffsetOld and -New to that. A block
 * of 0 bytes is as long as the PIN, and so is any in an APDU that has no data: it
 * comes behind what is there, and Lc grows by it.
 */
#ifndef VPIN_H
#define VPIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VPIN_DIGITS	16	/* most that the reader takes */
#define VPIN_APDU_MAX	(5 + 255)
#define VPIN_INDEXES	3
#define VPIN_PROLOGUE	3

struct vpin {
	bool modify;
	uint8_t timeout;		/* seconds, 0: the reader's own */
	uint8_t format, block, length;	/* bmFormatString and the next two */
	uint8_t old_at, new_at;		/* bInsertionOffset */
	uint8_t least, most;		/* digits */
	uint8_t confirm, condition, messages;
	uint16_t language;
	uint8_t indexes[VPIN_INDEXES];
	size_t n_indexes;
	uint8_t prologue[VPIN_PROLOGUE];
	uint8_t apdu[VPIN_APDU_MAX];
	size_t size;			/* of apdu */
};

/*
 * three: all message indexes of a modify are there, whatever bNumberMessage says;
 * some makers read it so.
 * -1: understood; else bError, the offset of what is wrong in the message.
 */
int vpin_parse(const uint8_t *data, size_t size, bool three,
	       struct vpin *ret_pin);

/* How many PINs the user is asked for, 1 to 3. */
unsigned vpin_prompts(const struct vpin *pin);

/* digits: one text for each prompt. False: the APDU has no room for them. */
bool vpin_fill(struct vpin *pin, char (*digits)[VPIN_DIGITS + 1]);

#endif
