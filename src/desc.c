/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "desc.h"

#include <errno.h>

#include "bytes.h"

#define CLASS_SMART_CARD	0x0B
#define CLASS_VENDOR		0xFF

#define TYPE_CCID		0x21
#define TYPE_STRANGE		0xFF	/* five known readers */

/*
 * Some old readers state 263, too little for the longest short APDU and its
 * header, and take all 271 bytes.
 */
#define MESSAGE_OLD_SHORT	263
#define MESSAGE_SHORT		271

#define PROTOCOLS_KNOWN		0x00000003u	/* T=0, T=1 */
#define SYNCH_KNOWN		0x00000007u	/* 2-wire, 3-wire, I2C */
#define MECHANICAL_KNOWN	0x0000000Fu
#define PIN_KNOWN		0x03
#define VOLTAGES_KNOWN \
	(DESC_VOLTAGE_5V | DESC_VOLTAGE_3V | DESC_VOLTAGE_1V8)

#define LCD_NONSENSE		0xFFFF

/*
 * ISO 7816-3 starts every card with an IFSD of 32, so a reader that takes
 * fewer bytes could not speak T=1 at all.
 */
#define IFSD_MIN		32
#define IFSD_MAX		254

/* Byte offsets in the class descriptor */
enum {
	LENGTH = 0,
	TYPE = 1,
	VERSION = 2,
	MAX_SLOT_INDEX = 4,
	VOLTAGE_SUPPORT = 5,
	PROTOCOLS = 6,
	DEFAULT_CLOCK = 10,
	MAXIMUM_CLOCK = 14,
	NUM_CLOCK_SUPPORTED = 18,
	DATA_RATE = 19,
	MAX_DATA_RATE = 23,
	NUM_DATA_RATES_SUPPORTED = 27,
	MAX_IFSD = 28,
	SYNCH_PROTOCOLS = 32,
	MECHANICAL = 36,
	FEATURES = 40,
	MAX_MESSAGE_LENGTH = 44,
	CLASS_GET_RESPONSE = 48,
	CLASS_ENVELOPE = 49,
	LCD_LAYOUT = 50,
	PIN_SUPPORT = 52,
	MAX_BUSY_SLOTS = 53,
};

static uint32_t clamp(uint32_t value, uint32_t min, uint32_t max)
{
	if (value < min)
		return min;
	return value < max ? value : max;
}

const uint8_t *desc_find(const uint8_t *extra, size_t size)
{
	const uint8_t *strange = NULL;

	while (size >= 2 && extra[LENGTH] >= 2 && extra[LENGTH] <= size) {
		if (extra[LENGTH] == DESC_SIZE && extra[TYPE] == TYPE_CCID)
			return extra;
		if (extra[LENGTH] == DESC_SIZE && extra[TYPE] == TYPE_STRANGE)
			strange = extra;
		size -= extra[LENGTH];
		extra += extra[LENGTH];
	}
	return strange;
}

/* The bits exclude each other; where they do not, the reader can do more. */
enum desc_level desc_level_of(uint32_t features)
{
	if (features & 0x00040000u)
		return DESC_LEVEL_EXTENDED_APDU;
	if (features & 0x00020000u)
		return DESC_LEVEL_SHORT_APDU;
	if (features & 0x00010000u)
		return DESC_LEVEL_TPDU;
	return DESC_LEVEL_CHARACTER;
}

/*
 * What no card interface can do is a filler, not a figure. As a clock it would
 * make every waiting time zero.
 */
static uint32_t parse_speed(const uint8_t *raw, uint32_t limit)
{
	uint32_t value = get_le32(raw);

	return value > limit ? 0 : value;
}

static void parse_speeds(const uint8_t *raw, struct desc *desc)
{
	desc->default_clock = parse_speed(raw + DEFAULT_CLOCK, DESC_CLOCK_MAX);
	desc->max_clock = parse_speed(raw + MAXIMUM_CLOCK, DESC_CLOCK_MAX);
	if (desc->max_clock < desc->default_clock)
		desc->max_clock = desc->default_clock;
	desc->clocks = raw[NUM_CLOCK_SUPPORTED];
	desc->default_rate = parse_speed(raw + DATA_RATE, DESC_RATE_MAX);
	desc->max_rate = parse_speed(raw + MAX_DATA_RATE, DESC_RATE_MAX);
	if (desc->max_rate < desc->default_rate)
		desc->max_rate = desc->default_rate;
	desc->rates = raw[NUM_DATA_RATES_SUPPORTED];
}

static void parse_slots(const uint8_t *raw, struct desc *desc)
{
	desc->slots = (uint8_t)clamp(raw[MAX_SLOT_INDEX] + 1u, 1,
				     DESC_SLOTS_MAX);
	desc->busy_slots = (uint8_t)clamp(raw[MAX_BUSY_SLOTS], 1, desc->slots);
}

static void parse_keypad(const uint8_t *raw, struct desc *desc)
{
	desc->pin_support = raw[PIN_SUPPORT] & PIN_KNOWN;
	if (get_le16(raw + LCD_LAYOUT) == LCD_NONSENSE)
		return;
	desc->lcd_characters = raw[LCD_LAYOUT];
	desc->lcd_lines = raw[LCD_LAYOUT + 1];
}

static uint32_t parse_max_message(const uint8_t *raw)
{
	uint32_t size = get_le32(raw + MAX_MESSAGE_LENGTH);

	if (size == MESSAGE_OLD_SHORT)
		return MESSAGE_SHORT;
	return size < DESC_MESSAGE_MAX ? size : DESC_MESSAGE_MAX;
}

int desc_parse(const uint8_t *raw, size_t size, struct desc *ret_desc)
{
	struct desc desc = { 0 };

	if (size != DESC_SIZE || raw[LENGTH] != DESC_SIZE)
		return -EINVAL;
	desc.max_message = parse_max_message(raw);
	if (desc.max_message < DESC_MESSAGE_MIN)
		return -EPROTO;
	desc.version = get_le16(raw + VERSION);
	parse_slots(raw, &desc);
	desc.voltages = raw[VOLTAGE_SUPPORT] & VOLTAGES_KNOWN;
	desc.features = get_le32(raw + FEATURES);
	desc.level = desc_level_of(desc.features);
	desc.protocols = get_le32(raw + PROTOCOLS) & PROTOCOLS_KNOWN;
	parse_speeds(raw, &desc);
	desc.max_ifsd = (uint8_t)clamp(get_le32(raw + MAX_IFSD), IFSD_MIN,
				       IFSD_MAX);
	desc.synch_protocols = get_le32(raw + SYNCH_PROTOCOLS) & SYNCH_KNOWN;
	desc.mechanical = get_le32(raw + MECHANICAL) & MECHANICAL_KNOWN;
	desc.class_get_response = raw[CLASS_GET_RESPONSE];
	desc.class_envelope = raw[CLASS_ENVELOPE];
	parse_keypad(raw, &desc);
	*ret_desc = desc;
	return 0;
}

/* Any vendor may put 54 bytes behind its interface: they must make sense. */
static bool plausible(const uint8_t *found)
{
	struct desc desc;

	if (!found || desc_parse(found, DESC_SIZE, &desc) < 0)
		return false;
	return desc.protocols || desc.synch_protocols;
}

bool desc_is_reader(uint8_t interface_class, const uint8_t *found)
{
	if (interface_class == CLASS_VENDOR)
		return plausible(found);
	return interface_class == CLASS_SMART_CARD;
}
