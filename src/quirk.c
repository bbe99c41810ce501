/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "quirk.h"

#include <string.h>

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

#define LEVEL(level)	(DESC_LEVEL_##level + 1)

/* The second slots of two readers know these, and no list tells it. */
const uint32_t quirk_rates[QUIRK_RATES] = { 10753, 21505, 43011, 125000 };

/* Firmware of this version and above: all */
#define ANY	0, 0

static const struct row {
	uint16_t vendor, product;	/* product 0: all of the vendor */
	uint16_t from, below;		/* bcdDevice; below 0: no end */
	struct quirk quirk;
} rows[] = {
	/* Microchip */
	{ 0x0424, 0x1202, ANY,	/* SEC1210 */
	  { .flags = QUIRK_OFF_BEFORE_ON } },

	/* Hewlett-Packard: what is keyed in reaches the host as well */
	{ 0x03F0, 0x0036, ANY,
	  { .flags = QUIRK_NO_PIN_PAD, .firmware = 0x0124 } },
	{ 0x03F0, 0x1024, ANY, { .flags = QUIRK_NO_PIN_PAD } },

	/* Cherry */
	{ 0x046A, 0x0005, ANY, { .flags = QUIRK_ISO_MODE } },	/* XX33 */
	{ 0x046A, 0x0010, ANY,	/* XX44: fewer messages give 6B 80 */
	  { .pin = { .modify_messages = PIN_MESSAGES_3 } } },
	{ 0x046A, 0x003E, ANY,	/* ST-2000 */
	  { .pin = { .modify_messages = PIN_MESSAGES_NONE,
		     .indexes = PIN_INDEXES_ZERO, .conditions = 0x02 },
	    .pin_max = 25 } },
	{ 0x046A, 0x00A1, 0x0100, 0x0101,	/* KC1000SC: chains long answers */
	  { .level = LEVEL(EXTENDED_APDU), .short_only = true,
	    .pin = { .modify_messages = PIN_MESSAGES_OWN_FOR_NONE },
	    .pin_max = 32 } },
	{ 0x046A, 0x00A7, ANY,	/* xx44: no PIN pad, chains */
	  { .flags = QUIRK_NO_PIN_PAD, .level = LEVEL(EXTENDED_APDU) } },

	/* SCM, Identiv */
	{ 0x04E6, 0x5111, ANY, { .firmware = 0x0620 } },
	{ 0x04E6, 0x5291, ANY, { .firmware = 0x0112 } },
	{ 0x04E6, 0xE001, ANY, { .firmware = 0x0516 } },
	{ 0x04E6, 0xE003, ANY,	/* SPR532 */
	  { .firmware = 0x0510,
	    .pin = { .modify_messages = PIN_MESSAGES_NONE,
		     .indexes = PIN_INDEXES_ZERO, .unpadded = true } } },
	/* they hang on answers of whole packets, which a small IFSD avoids */
	{ 0x04E6, 0xE001, 0, 0x0516, { .ifsd = 48 } },
	{ 0x04E6, 0xE003, 0, 0x0504, { .ifsd = 48 } },
	{ 0x04E6, 0x5111, 0, 0x0620, { .ifsd = 48 } },
	{ 0x04E6, 0x5115, 0, 0x0514, { .ifsd = 48 } },
	{ 0x04E6, 0x5117, 0, 0x0522, { .ifsd = 48 } },

	{ 0x04F2, 0x1469, ANY, { .flags = QUIRK_NO_PIN_PAD } },	/* Chicony */

	/* SafeNet eToken 5110 */
	{ 0x0529, 0x0620, 0x0012, 0x0014, { .flags = QUIRK_AUTO_IFSD } },

	/* Alcor: high rates are announced, and fail */
	{ 0x058F, 0x9520, ANY, { .firmware = 0x0102 } },
	{ 0x058F, 0x9540, ANY, { .rate_cap = 200000 } },

	{ 0x062D, 0x0001, ANY, { .firmware = 0x0102 } },

	/* Advanced Card Systems */
	{ 0x072F, 0x2200, ANY, { .firmware = 0x0206 } },	/* ACR122U */
	{ 0x072F, 0x2200, 0x0200, 0x0205,
	  { .flags = QUIRK_STATUS_LIES | QUIRK_STARTED_BY_OFF } },
	{ 0x072F, 0x2301, ANY, { .flags = QUIRK_STATUS_LIES } },	/* ACR1581 */
	{ 0x072F, 0x0102, ANY, { .flags = QUIRK_STARTED_BY_OFF } },	/* AET62 */
	{ 0x072F, 0x0103, ANY, { .flags = QUIRK_STARTED_BY_OFF } },
	{ 0x072F, 0x8201, ANY,	/* APG8201 */
	  { .flags = QUIRK_PACKET_PAUSES, .level = LEVEL(SHORT_APDU), .message = 320, .lcd_lines = 2, .lcd_characters = 16 } },
	{ 0x072F, 0x8202, ANY, { .message = 320 } },
	{ 0x072F, 0x8306, ANY,	/* ACR85 */
	  { .flags = QUIRK_PACKET_PAUSES, .level = LEVEL(SHORT_APDU) } },
	/* contact and SAM slots, and as the second one a contactless one */
	{ 0x072F, 0x2100, ANY,	/* ACR128 */
	  { .features = 0x000204BA, .second_features = 0x0002047A } },
	{ 0x072F, 0x2215, ANY,	/* ACR1281, two SAMs */
	  { .features = 0x000204BA, .second_features = 0x0004047A,
	    .rate_cap = 125000 } },
	{ 0x072F, 0x2224, ANY,	/* ACR1281, contact, SAM */
	  { .features = 0x000204BA, .second_features = 0x0004047A,
	    .rate_cap = 125000, .cap_slot = 2 } },
	{ 0x072F, 0x90D2, ANY,	/* ACR83 */
	  { .flags = QUIRK_KEYS_BY_VERSION, .lcd_lines = 2, .lcd_characters = 16 } },
	/* ACR1222 and ACR32 count their slots wrongly */
	{ 0x072F, 0x1280, ANY, { .slots = 3 } },
	{ 0x072F, 0x2207, ANY, { .slots = 2 } },
	{ 0x072F, 0x2214, ANY, { .slots = 2 } },
	{ 0x072F, 0xB301, ANY, { .slots = 1 } },

	/* Omnikey: no PIN pad; the firmware chains */
	{ 0x076B, 0x3031, ANY,
	  { .flags = QUIRK_NO_PIN_PAD, .level = LEVEL(EXTENDED_APDU) } },
	{ 0x076B, 0x3A21, ANY,
	  { .flags = QUIRK_NO_PIN_PAD, .level = LEVEL(EXTENDED_APDU) } },
	{ 0x076B, 0x6632, ANY,
	  { .flags = QUIRK_NO_PIN_PAD, .level = LEVEL(EXTENDED_APDU) } },
	{ 0x076B, 0x3821, ANY, { .pin_min = 1, .pin_max = 31 } },
	{ 0x076B, 0x5427, ANY, { .escape = true } },

	{ 0x0783, 0x0006, ANY, { .flags = QUIRK_NO_PIN_PAD } },	/* C3PO */

	{ 0x08C3, 0x0401, ANY, { .firmware = 0x5000 } },
	{ 0x08C3, 0x0402, ANY, { .firmware = 0x5000 } },

	/* Gemalto, Thales */
	{ 0x08E6, 0x0000, ANY,
	  { .flags = QUIRK_PIN_BLOCK | QUIRK_FIRMWARE_TEXT,
	    .pin = { .indexes = PIN_INDEXES_ALL } } },
	{ 0x08E6, 0x3437, ANY, { .flags = QUIRK_APDU_MODE } },	/* Twin */
	{ 0x08E6, 0x3438, ANY, { .flags = QUIRK_APDU_MODE } },	/* Key */
	{ 0x08E6, 0x3478, ANY,	/* GemPC PinPad */
	  { .flags = QUIRK_PIN_TEXTS, .pause_ms = 1000,
	    .pin = { .verify_messages = PIN_MESSAGES_1, .conditions = 0x02 } } },
	{ 0x08E6, 0x3478, 0x0100, 0x0101, { .pin_min = 4, .pin_max = 8 } },
	{ 0x08E6, 0x3479, ANY, { .rate_slot = 1 } },	/* POS Pro */
	{ 0x08E6, 0x3480, 0, 0x0200, { .rate_slot = 1 } },	/* SIM Pro */
	{ 0x08E6, 0x34D2, ANY, { .extra_wait_s = 300 } },	/* makes keys */
	{ 0x08E6, 0x4433, ANY, { .flags = QUIRK_ISO_MODE } },	/* GemPC433 */
	{ 0x08E6, 0x5503, ANY,	/* Prox-DU */
	  { .flags = QUIRK_ONE_AT_A_TIME,
	    .prefix = { 0x52, 0xF8, 0x04, 0x01, 0x00 }, .prefix_size = 5 } },
	{ 0x08E6, 0x5504, ANY, { .flags = QUIRK_ONE_AT_A_TIME } }, /* Prox-SU */

	/* Covadis, with a PIN pad of Gemalto's */
	{ 0x0982, 0x0008, ANY,
	  { .flags = QUIRK_PIN_TEXTS | QUIRK_LONG_TRIES, .pause_ms = 1000,
	    .pin = { .verify_messages = PIN_MESSAGES_1, .conditions = 0x02,
		     .indexes = PIN_INDEXES_ALL },
	    .pin_min = 4, .pin_max = 8,
	    .prefix = { 0xB5, 0x01, 0x00, 0x03 }, .prefix_size = 4 } },

	{ 0x09BE, 0x0002, ANY, { .ifsd = 254 } },	/* MySmartPad */
	{ 0x09C3, 0x0008, ANY, { .firmware = 0x0203 } },
	{ 0x0B0C, 0x0050, ANY, { .firmware = 0x0101 } },

	/* id3: slow to start */
	{ 0x0B81, 0x0200, ANY, { .pause_ms = 1000, .start_ms = 60000 } },

	/* O2Micro */
	{ 0x0B97, 0x7762, ANY,
	  { .flags = QUIRK_NO_PPS | QUIRK_SPLIT_READS, .rate_cap = 9600,
	    .firmware = 0x0111 } },
	{ 0x0B97, 0x7772, ANY,
	  { .flags = QUIRK_NO_PPS | QUIRK_SPLIT_READS, .rate_cap = 9600 } },

	{ 0x0BF8, 0x1017, ANY, { .flags = QUIRK_NO_PIN_PAD } },	/* Fujitsu */
	{ 0x0BF8, 0x1024, ANY,
	  { .flags = QUIRK_NO_PIN_PAD, .level = LEVEL(EXTENDED_APDU) } },

	/* Kobil */
	{ 0x0D46, 0x3001, ANY, { .firmware = 0x0037 } },
	{ 0x0D46, 0x3002, ANY, { .firmware = 0x0037 } },
	{ 0x0D46, 0x3010, ANY,	/* TriBank: says extended, cannot */
	  { .flags = QUIRK_READER_DIRECT, .level = LEVEL(SHORT_APDU) } },
	{ 0x0D46, 0x301D, ANY,	/* IDToken */
	  { .flags = QUIRK_OFF_BEFORE_ON | QUIRK_IDENTITY } },
	{ 0x0D46, 0x4289, ANY, { .flags = QUIRK_READER_DIRECT } },

	{ 0x0DC3, 0x0900, ANY, { .firmware = 0x0200 } },
	{ 0x0DC3, 0x1004, ANY, { .firmware = 0x0502 } },
	{ 0x0DC3, 0x1102, ANY, { .firmware = 0x0607 } },

	{ 0x25DD, 0x3111, ANY, { .flags = QUIRK_NO_PIN_PAD } },	/* bit4id */
	{ 0x2F7C, 0x6007, ANY, { .level = LEVEL(EXTENDED_APDU) } },	/* Diebold */

	/* Dell keyboards: Enter is still down when the PIN is wanted */
	{ 0x413C, 0x2100, ANY,
	  { .pin = { .verify_messages = PIN_MESSAGES_NONE,
		     .modify_messages = PIN_MESSAGES_NONE, .pause_ms = 250,
		     .swapped_digits = true } } },
	{ 0x413C, 0x2101, ANY,
	  { .pin = { .verify_messages = PIN_MESSAGES_NONE,
		     .modify_messages = PIN_MESSAGES_NONE, .pause_ms = 250 } } },
};

/* A card whose keys take longer to make than its ATR says. */
static const struct {
	uint8_t atr[20];
	uint8_t bwi;
} cards[] = {
	{ { 0x3B, 0xFA, 0x13, 0x00, 0xFF, 0x81, 0x31, 0x80, 0x45, 0x00, 0x31,
	    0xC1, 0x73, 0xC0, 0x01, 0x00, 0x00, 0x90, 0x00, 0xB1 }, 7 },
};

static bool fits(const struct row *row, uint16_t vendor, uint16_t product,
		 uint16_t firmware)
{
	return row->vendor == vendor &&
	       (!row->product || row->product == product) &&
	       firmware >= row->from && (!row->below || firmware < row->below);
}

#define ADD(field) \
	do { \
		if (from->field) \
			to->field = from->field; \
	} while (0)

static void add_pin_rules(struct pin_rules *to, const struct pin_rules *from)
{
	ADD(verify_messages);
	ADD(modify_messages);
	ADD(indexes);
	ADD(conditions);
	ADD(swapped_digits);
	ADD(unpadded);
	ADD(pause_ms);
}

static void add_prefix(struct quirk *to, const struct quirk *from)
{
	if (!from->prefix_size)
		return;
	memcpy(to->prefix, from->prefix, sizeof(to->prefix));
	to->prefix_size = from->prefix_size;
}

static void add(struct quirk *to, const struct quirk *from)
{
	to->flags |= from->flags;
	ADD(level);
	ADD(short_only);
	ADD(slots);
	ADD(lcd_lines);
	ADD(lcd_characters);
	ADD(ifsd);
	ADD(message);
	ADD(features);
	ADD(second_features);
	ADD(rate_cap);
	ADD(rate_slot);
	ADD(cap_slot);
	ADD(pause_ms);
	ADD(start_ms);
	ADD(extra_wait_s);
	ADD(firmware);
	ADD(pin_min);
	ADD(pin_max);
	ADD(escape);
	add_pin_rules(&to->pin, &from->pin);
	add_prefix(to, from);
}

bool quirk_find(uint16_t vendor, uint16_t product, uint16_t firmware,
		struct quirk *ret_quirk)
{
	bool found = false;

	*ret_quirk = (struct quirk){ 0 };
	for (size_t i = 0; i < ROWS(rows); i++)
		if (fits(&rows[i], vendor, product, firmware)) {
			add(ret_quirk, &rows[i].quirk);
			found = true;
		}
	return found;
}

static void fit_slots(uint8_t slots, struct desc *desc)
{
	desc->slots = slots;
	if (desc->busy_slots > slots)
		desc->busy_slots = slots;
}

void quirk_fit(const struct quirk *quirk, struct desc *desc)
{
	bool level = quirk->level && (!quirk->short_only ||
				      desc->level == DESC_LEVEL_SHORT_APDU);

	if (level)
		desc->level = (enum desc_level)(quirk->level - 1);
	if (quirk->ifsd)
		desc->max_ifsd = quirk->ifsd;
	if (quirk->message)
		desc->max_message = quirk->message;
	if (quirk->slots)
		fit_slots(quirk->slots, desc);
	if (quirk->lcd_lines) {
		desc->lcd_lines = quirk->lcd_lines;
		desc->lcd_characters = quirk->lcd_characters;
	}
	if (quirk->flags & QUIRK_AUTO_IFSD)
		desc->features |= DESC_AUTO_IFSD;
	if (quirk->flags & QUIRK_NO_PIN_PAD)
		desc->pin_support = 0;
}

void quirk_fit_slot(const struct quirk *quirk, unsigned slot, struct desc *desc)
{
	if (!quirk->features)
		return;
	desc->features = slot == 1 ? quirk->second_features : quirk->features;
	if (!quirk->level)
		desc->level = desc_level_of(desc->features);
}

bool quirk_allows(const struct quirk *quirk, const uint8_t *escape, size_t size)
{
	if (quirk->escape)
		return true;
	if (quirk->flags & QUIRK_FIRMWARE_TEXT && size == 1 &&
	    escape[0] == QUIRK_ESCAPE_FIRMWARE)
		return true;
	return quirk->prefix_size && size > quirk->prefix_size &&
	       memcmp(escape, quirk->prefix, quirk->prefix_size) == 0;
}

uint8_t quirk_bwi(const uint8_t *atr, size_t size)
{
	for (size_t i = 0; i < ROWS(cards); i++)
		if (size == sizeof(cards[i].atr) &&
		    memcmp(atr, cards[i].atr, size) == 0)
			return cards[i].bwi;
	return 0;
}
