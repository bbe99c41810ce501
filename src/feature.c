/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "feature.h"

#include "bytes.h"
#include "ledger.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

#define CODE_PCSC_LITE	0x42000000u
#define CODE_WINDOWS	0x00310000u	/* device type; method and access 0 */
#define CODE_BASE_MASK	0xFFFF0000u
#define WINDOWS_SHIFT	2

#define FUNCTION_LIST	3400

/* bPINSupport */
#define PIN_VERIFICATION	0x01
#define PIN_MODIFICATION	0x02

/* Any of most digits, validation key, timeout; CCID lets the host choose. */
#define ALL_CONDITIONS	0x07

/* MCT_READER_DIRECT */
#define DIRECT_CLA		0x20
#define DIRECT_INS_FIRST	0x70
#define DIRECT_INS_LAST		0x74

#define DATA_SHORT	256
#define DATA_EXTENDED	0x10000

/* PC/SC part 10, 2.6.14 */
enum property {
	LCD_LAYOUT = 1,
	CONDITIONS = 2,
	TIMEOUT_2 = 3,
	LCD_CHARACTERS = 4,
	LCD_LINES = 5,
	PIN_MIN = 6,
	PIN_MAX = 7,
	FIRMWARE = 8,
	PPDU_SUPPORT = 9,
	APDU_DATA_MAX = 10,
	VENDOR = 11,
	PRODUCT = 12,
};

/*
 * At character level the host would have to speak the card's protocol on behalf
 * of a command that it does not know; no such reader has keys.
 */
static uint8_t pin_support(const struct feature_reader *reader)
{
	if (reader->desc->level == DESC_LEVEL_CHARACTER)
		return 0;
	return reader->desc->pin_support;
}

static bool is_offered(const struct feature_reader *reader,
		       enum feature feature)
{
	switch (feature) {
	case FEATURE_NONE:
		break;
	case FEATURE_VERIFY_PIN:
		return pin_support(reader) & PIN_VERIFICATION;
	case FEATURE_MODIFY_PIN:
		return pin_support(reader) & PIN_MODIFICATION;
	case FEATURE_PIN_PROPERTIES:
		return pin_support(reader);
	case FEATURE_LIST:
	case FEATURE_PROPERTIES:
	case FEATURE_LEDGER:
		return true;
	case FEATURE_ESCAPE:
		return reader->escape;
	case FEATURE_READER_DIRECT:
		return reader->reader_direct;
	}
	return false;
}

/* What stands in the list, in its order. */
static const enum feature listed[] = {
	FEATURE_VERIFY_PIN,	FEATURE_MODIFY_PIN, FEATURE_READER_DIRECT,
	FEATURE_PIN_PROPERTIES,	FEATURE_PROPERTIES, FEATURE_ESCAPE,
};

static const struct {
	uint32_t function;
	enum feature feature;
} functions[] = {
	{ FUNCTION_LIST, FEATURE_LIST },
	{ FEATURE_FUNCTION + FEATURE_VERIFY_PIN, FEATURE_VERIFY_PIN },
	{ FEATURE_FUNCTION + FEATURE_MODIFY_PIN, FEATURE_MODIFY_PIN },
	{ FEATURE_FUNCTION + FEATURE_READER_DIRECT, FEATURE_READER_DIRECT },
	{ FEATURE_FUNCTION + FEATURE_PIN_PROPERTIES, FEATURE_PIN_PROPERTIES },
	{ FEATURE_FUNCTION + FEATURE_PROPERTIES, FEATURE_PROPERTIES },
	{ FEATURE_FUNCTION + FEATURE_ESCAPE, FEATURE_ESCAPE },
	{ LEDGER_FUNCTION, FEATURE_LEDGER },
	{ 1, FEATURE_ESCAPE },		/* drivers of pcsc-lite */
	{ 3500, FEATURE_ESCAPE },	/* Microsoft's driver */
};

static enum feature feature_of(uint32_t function)
{
	for (size_t i = 0; i < ROWS(functions); i++)
		if (functions[i].function == function)
			return functions[i].feature;
	return FEATURE_NONE;
}

/* 0 for a code of neither numbering: no function has that number. */
static uint32_t function_of(uint64_t code)
{
	uint32_t low = (uint32_t)(code & ~CODE_BASE_MASK);

	if (code - low == CODE_PCSC_LITE)
		return low;
	if (code - low == CODE_WINDOWS && low % (1u << WINDOWS_SHIFT) == 0)
		return low >> WINDOWS_SHIFT;
	return 0;
}

enum feature feature_asked(const struct feature_reader *reader, uint64_t code)
{
	enum feature feature = feature_of(function_of(code));

	return is_offered(reader, feature) ? feature : FEATURE_NONE;
}

bool feature_is_direct(const uint8_t *command, size_t size)
{
	return size >= 4 && command[0] == DIRECT_CLA &&
	       command[1] >= DIRECT_INS_FIRST && command[1] <= DIRECT_INS_LAST;
}

/* Codes are the one thing here that is big endian (part 10, 2.2). */
static uint8_t *put_feature(uint8_t *at, enum feature feature)
{
	uint32_t code = CODE_PCSC_LITE + FEATURE_FUNCTION + (uint32_t)feature;

	*at++ = (uint8_t)feature;
	*at++ = sizeof(code);
	for (unsigned i = 0; i < sizeof(code); i++)
		*at++ = (uint8_t)(code >> (24 - 8 * i));
	return at;
}

size_t feature_list(const struct feature_reader *reader,
		    uint8_t list[FEATURE_LIST_MAX])
{
	uint8_t *at = list;

	for (size_t i = 0; i < ROWS(listed); i++)
		if (is_offered(reader, listed[i]))
			at = put_feature(at, listed[i]);
	return (size_t)(at - list);
}

static uint16_t lcd_layout(const struct desc *desc)
{
	return (uint16_t)(desc->lcd_lines << 8 | desc->lcd_characters);
}

static uint8_t conditions(const struct feature_reader *reader)
{
	return reader->conditions ? reader->conditions : ALL_CONDITIONS;
}

/* CCID has no field for the time behind the first key: bTimeOut2 is 0. */
void feature_pin_properties(const struct feature_reader *reader,
			    uint8_t properties[FEATURE_PIN_PROPERTIES_SIZE])
{
	put_le16(properties, lcd_layout(reader->desc));
	properties[2] = conditions(reader);
	properties[3] = 0;
}

static uint8_t *put_number(uint8_t *at, enum property property,
			   uint8_t size, uint32_t value)
{
	*at++ = (uint8_t)property;
	*at++ = size;
	for (unsigned i = 0; i < size; i++)
		*at++ = (uint8_t)(value >> 8 * i);
	return at;
}

static uint8_t *put_display(uint8_t *at, const struct desc *desc)
{
	at = put_number(at, LCD_LAYOUT, 2, lcd_layout(desc));
	if (!lcd_layout(desc))
		return at;
	at = put_number(at, LCD_CHARACTERS, 2, desc->lcd_characters);
	return put_number(at, LCD_LINES, 2, desc->lcd_lines);
}

static uint8_t *put_pin_pad(uint8_t *at, const struct feature_reader *reader)
{
	at = put_number(at, CONDITIONS, 1, conditions(reader));
	at = put_number(at, TIMEOUT_2, 1, 0);
	if (!reader->pin_max)
		return at;
	at = put_number(at, PIN_MIN, 1, reader->pin_min);
	return put_number(at, PIN_MAX, 1, reader->pin_max);
}

static uint8_t digit(unsigned value)
{
	return (uint8_t)"0123456789ABCDEF"[value & 0xF];
}

/* All that USB tells of it: bcdDevice, as "1.00" or "12.34". */
static uint8_t *put_firmware(uint8_t *at, uint16_t version)
{
	uint8_t *size;

	*at++ = FIRMWARE;
	size = at++;
	if (version >> 12)
		*at++ = digit(version >> 12);
	*at++ = digit(version >> 8);
	*at++ = '.';
	*at++ = digit(version >> 4);
	*at++ = digit(version);
	*size = (uint8_t)(at - size - 1);
	return at;
}

static uint8_t *put_text(uint8_t *at, enum property property,
			 const char *text)
{
	size_t size;

	size = copy_bounded(at + 2, FEATURE_FIRMWARE_SIZE - 1, text,
			    strlen(text));
	at[0] = (uint8_t)property;
	at[1] = (uint8_t)size;
	return at + 2 + size;
}

static uint32_t apdu_data_max(const struct desc *desc)
{
	return desc->level == DESC_LEVEL_SHORT_APDU ? DATA_SHORT
						    : DATA_EXTENDED;
}

/* Pseudo-APDUs would be taken away from the card: there are none. */
size_t feature_properties(const struct feature_reader *reader,
			  uint8_t properties[FEATURE_PROPERTIES_MAX])
{
	uint8_t *at = put_display(properties, reader->desc);

	if (pin_support(reader))
		at = put_pin_pad(at, reader);
	if (reader->firmware && reader->firmware[0])
		at = put_text(at, FIRMWARE, reader->firmware);
	else
		at = put_firmware(at, reader->version);
	at = put_number(at, PPDU_SUPPORT, 1, 0);
	at = put_number(at, APDU_DATA_MAX, 4, apdu_data_max(reader->desc));
	at = put_number(at, VENDOR, 2, reader->vendor);
	at = put_number(at, PRODUCT, 2, reader->product);
	return (size_t)(at - properties);
}
