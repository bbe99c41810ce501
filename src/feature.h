/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * feature - what a reader offers beyond cards and APDUs (PC/SC part 10).
 *
 * A control code holds a function: n in pcsc-lite's 42000000h + n, or in
 * Windows' 310000h + 4 n, which clients behind a remote desktop send.
 *
 *   function                 what                       offered
 *   3400                     the list of the others     always
 *   FEATURE_FUNCTION + tag   a feature; part 10 leaves  as in the list
 *                            its code to the driver
 *   1, 3500                  escape, by the numbers     if the administrator
 *                            that clients do not ask    allows it
 *                            for
 *
 * Part 10 knows more features, which would be promises that nobody can keep:
 *
 *   START, FINISH, GET_KEY_PRESSED   CCID takes a PIN in one command, which
 *                                    ends with the card's answer; a key that
 *                                    is pressed shows as a time extension, if
 *                                    at all, and not which kind of key it is
 *   ABORT                            pcscd lets no call in beside the entry
 *                                    that it would have to end
 *   WRITE_DISPLAY, GET_KEY, PACE     each maker has own commands: escape
 *
 * MCT_READER_DIRECT is for the few readers that are known to have it: commands
 * to the reader as a secure terminal, CLA 20 and INS 70 to 74.
 *
 * Pure. Any thread.
 */
#ifndef CCIDTRACK_FEATURE_H
#define CCIDTRACK_FEATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "desc.h"

#define FEATURE_FUNCTION	2560

#define FEATURE_LIST_MAX		36	/* six records of six bytes */
#define FEATURE_PIN_PROPERTIES_SIZE	4
#define FEATURE_PROPERTIES_MAX		96
#define FEATURE_FIRMWARE_SIZE		33	/* of its text, with the NUL */

/* Tags of part 10, but for the first two */
enum feature {
	FEATURE_NONE = -1,
	FEATURE_LIST = 0,
	FEATURE_VERIFY_PIN = 0x06,
	FEATURE_MODIFY_PIN = 0x07,
	FEATURE_READER_DIRECT = 0x08,
	FEATURE_PIN_PROPERTIES = 0x0A,
	FEATURE_PROPERTIES = 0x12,
	FEATURE_ESCAPE = 0x13,
	FEATURE_LEDGER = 0x100,	/* no feature of theirs: ledger.h */
};

struct feature_reader {
	const struct desc *desc;
	uint16_t vendor;
	uint16_t product;
	uint16_t version;	/* bcdDevice */
	const char *firmware;	/* its own text; "": tell the version */
	bool escape;		/* allowed */
	bool reader_direct;	/* MCT_READER_DIRECT */
	uint8_t conditions;	/* that end an entry; 0: all there are */
	uint8_t pin_min;	/* digits that its PIN pad takes */
	uint8_t pin_max;	/* 0: untold */
};

/* What the code asks for; FEATURE_NONE if this reader does not offer it. */
enum feature feature_asked(const struct feature_reader *reader, uint64_t code);

/* True for a command that MCT_READER_DIRECT may take to the reader. */
bool feature_is_direct(const uint8_t *command, size_t size);

/* Records of tag, 4, control code in big endian. Returns their size. */
size_t feature_list(const struct feature_reader *reader,
		    uint8_t list[FEATURE_LIST_MAX]);

/* wLcdLayout, bEntryValidationCondition, bTimeOut2. */
void feature_pin_properties(const struct feature_reader *reader,
			    uint8_t properties[FEATURE_PIN_PROPERTIES_SIZE]);

/*
 * GET_TLV_PROPERTIES: tag, size, value in little endian. Only what is known is
 * told. Returns the size of all.
 */
size_t feature_properties(const struct feature_reader *reader,
			  uint8_t properties[FEATURE_PROPERTIES_MAX]);

#endif
