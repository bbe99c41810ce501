/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quirk - what single readers, and one card, do otherwise than they say.
 *
 * One table, keyed by vendor, product and firmware (bcdDevice). A reader is
 * named here and nowhere else in the driver; everybody else asks for a trait.
 * Rows add up: flags are joined, and of two rows with the same number the later
 * one counts.
 *
 * A fault that can be found out while it happens has no row: it is survived, by
 * every reader. docs/quirks tells which mechanism does that for which reader.
 *
 * Pure. Any thread.
 */
#ifndef CCIDTRACK_QUIRK_H
#define CCIDTRACK_QUIRK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "desc.h"
#include "pin.h"

/* Its description is wrong: quirk_fit mends it */
#define QUIRK_NO_PIN_PAD	0x00000001u	/* none, or one that
						 * tells the PIN */
#define QUIRK_AUTO_IFSD		0x00000002u	/* S(IFS) breaks it */

/* Cards */
#define QUIRK_NO_PPS		0x00000010u	/* none reaches the card */
#define QUIRK_OFF_BEFORE_ON	0x00000020u	/* each power-up wants it */
#define QUIRK_ISO_MODE		0x00000040u	/* may be in EMV mode: told by
						 * bError BBh */
#define QUIRK_SPLIT_READS	0x00000080u	/* character level:
						 * first one byte */

/* Movements */
#define QUIRK_STATUS_LIES	0x00000100u	/* notifications are true,
						 * GetSlotStatus is not */

/* USB */
#define QUIRK_PACKET_PAUSES	0x00000200u	/* 10 ms between those of a command */

/* At open, and vendor commands: greet.h, control.h */
#define QUIRK_PIN_TEXTS		0x00001000u	/* its display wants
						 * to be filled */
#define QUIRK_PIN_BLOCK		0x00002000u	/* tells of its keys
						 * by escape 6Ah */
#define QUIRK_FIRMWARE_TEXT	0x00004000u	/* tells its version
						 * by escape 02h */
#define QUIRK_APDU_MODE		0x00008000u	/* TPDU level, could do APDUs:
						 * escape 1F 02 */
#define QUIRK_STARTED_BY_OFF	0x00010000u	/* looks for cards after some
						 * power-offs */
#define QUIRK_READER_DIRECT	0x00020000u	/* takes commands for
						 * itself: part 10 */
#define QUIRK_IDENTITY		0x00040000u	/* clients ask the driver
						 * who it is */
#define QUIRK_LONG_TRIES	0x00080000u	/* OPTIONS_NO_PIN_RETRIES:
						 * escape B5 01 00 03 00, too */
#define QUIRK_KEYS_BY_VERSION	0x00100000u	/* what it can, its version
						 * tells: escape 04h */

/* Several interfaces */
#define QUIRK_ONE_AT_A_TIME	0x00200000u	/* two commands hang it */

#define QUIRK_PREFIX_MAX	6
#define QUIRK_RATES		4

#define QUIRK_ESCAPE_FIRMWARE	0x02

struct quirk {
	uint32_t flags;		/* QUIRK_* */
	uint32_t features;	/* dwFeatures of its slots, */
	uint32_t second_features;	/* and of its second one; 0: as told */
	uint32_t rate_cap;	/* bit/s; 0: none */
	struct pin_rules pin;
	uint16_t message;	/* 0: as told */
	uint16_t firmware;	/* older ones are bad; 0: none is */
	uint16_t pause_ms;	/* before its first command */
	uint16_t start_ms;	/* for its first answer; 0:
				 * as the option has it */
	uint16_t extra_wait_s;	/* for the card, beyond what the card says */
	uint8_t level;		/* the true one: DESC_LEVEL_* + 1; 0: as told */
	bool short_only;	/* the level counts if it tells short APDU */
	uint8_t slots;		/* 0: as told */
	uint8_t lcd_lines, lcd_characters;	/* 0: as told */
	uint8_t ifsd;		/* 0: as told */
	uint8_t rate_slot;	/* from this slot on it knows quirk_rates and
				 * no others; 0: as told */
	uint8_t cap_slot;	/* from this slot on rate_cap holds */
	uint8_t pin_min, pin_max;	/* digits; 0: untold */
	bool escape;		/* anybody may send any escape command */
	uint8_t prefix[QUIRK_PREFIX_MAX];	/* or those that go on so */
	uint8_t prefix_size;
};

extern const uint32_t quirk_rates[QUIRK_RATES];	/* bit/s */

/* True if there is a row for it. */
bool quirk_find(uint16_t vendor, uint16_t product, uint16_t firmware,
		struct quirk *ret_quirk);

/* Mends what the reader tells of itself. */
void quirk_fit(const struct quirk *quirk, struct desc *desc);

/*
 * What a slot can, where a reader has slots of several kinds behind one
 * description. desc is a copy of the reader's.
 */
void quirk_fit_slot(const struct quirk *quirk, unsigned slot,
		    struct desc *desc);

/* True if it is for everybody, whatever the administrator allows. */
bool quirk_allows(const struct quirk *quirk, const uint8_t *escape, size_t size);

/* The least BWI that a card needs, whatever its ATR says; 0 for most. */
uint8_t quirk_bwi(const uint8_t *atr, size_t size);

#endif
