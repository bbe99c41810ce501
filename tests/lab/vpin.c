/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vpin.h"

#include <string.h>

#define MESSAGE		10	/* offset of abData in the message */

#define LENGTH_WRONG	0x01	/* bError: dwLength */

#define UNIT_BYTES	0x80	/* in bmFormatString */
#define RIGHT		0x04
#define KIND		0x03
#define BCD		0x01
#define ASCII		0x02
#define LENGTH_BYTES	0x10	/* in bmPINLengthFormat */

#define CONFIRM_NEW	0x01
#define CONFIRM_OLD	0x02

#define OWN_MESSAGES	0xFF

#define LC		4
#define BODY		5

/* Where the fields are in abData */
static const struct layout {
	size_t digits, condition, messages, language, indexes;
	uint8_t messages_max;
} layouts[] = {
	{ 5, 7, 8, 9, 11, 1 },
	{ 7, 10, 11, 12, 14, 3 },
};

static size_t index_count(bool modify, bool three, uint8_t messages)
{
	if (modify && three)
		return VPIN_INDEXES;
	if (!modify || messages == 0)
		return 1;
	return messages < 3 ? 2 : 3;
}

/* The offset of the field that no reader could live with, -1: none. */
static int wrong_field(const struct vpin *pin, const struct layout *layout)
{
	if (!pin->most || pin->most > VPIN_DIGITS || pin->least > pin->most)
		return (int)(MESSAGE + layout->digits);
	if (!pin->condition || pin->condition > 7)
		return (int)(MESSAGE + layout->condition);
	if (pin->messages > layout->messages_max &&
	    pin->messages != OWN_MESSAGES)
		return (int)(MESSAGE + layout->messages);
	return -1;
}

static void take_fields(const uint8_t *data, const struct layout *layout,
			struct vpin *pin)
{
	pin->timeout = data[1];
	pin->format = data[2];
	pin->block = data[3];
	pin->length = data[4];
	pin->old_at = pin->modify ? data[5] : 0;
	pin->new_at = pin->modify ? data[6] : 0;
	pin->most = data[layout->digits];
	pin->least = data[layout->digits + 1];
	pin->confirm = pin->modify ? data[9] : 0;
	pin->condition = data[layout->condition];
	pin->messages = data[layout->messages];
	pin->language = (uint16_t)(data[layout->language] |
				   data[layout->language + 1] << 8);
}

int vpin_parse(const uint8_t *data, size_t size, bool three,
	       struct vpin *ret_pin)
{
	const struct layout *layout;
	size_t at;
	int wrong;

	if (!size)
		return LENGTH_WRONG;
	if (data[0] > 1)
		return MESSAGE;
	*ret_pin = (struct vpin){ .modify = data[0] };
	layout = &layouts[data[0]];
	if (size < layout->indexes)
		return LENGTH_WRONG;
	take_fields(data, layout, ret_pin);
	wrong = wrong_field(ret_pin, layout);
	if (wrong >= 0)
		return wrong;
	ret_pin->n_indexes = index_count(ret_pin->modify, three,
					 ret_pin->messages);
	at = layout->indexes + ret_pin->n_indexes + VPIN_PROLOGUE;
	if (size < at + LC || size - at > VPIN_APDU_MAX)
		return LENGTH_WRONG;
	memcpy(ret_pin->indexes, data + layout->indexes, ret_pin->n_indexes);
	memcpy(ret_pin->prologue, data + at - VPIN_PROLOGUE, VPIN_PROLOGUE);
	ret_pin->size = size - at;
	memcpy(ret_pin->apdu, data + at, ret_pin->size);
	return -1;
}

unsigned vpin_prompts(const struct vpin *pin)
{
	unsigned prompts = 1;

	prompts += pin->confirm & CONFIRM_NEW ? 1 : 0;
	prompts += pin->confirm & CONFIRM_OLD ? 1 : 0;
	return prompts;
}

/* --- the PIN in the APDU */

static void put_bits(uint8_t *bytes, size_t at, size_t width, unsigned value)
{
	for (size_t i = 0; i < width; i++, at++) {
		uint8_t mask = (uint8_t)(0x80 >> at % 8);

		if (value >> (width - 1 - i) & 1)
			bytes[at / 8] |= mask;
		else
			bytes[at / 8] &= (uint8_t)~mask;
	}
}

static size_t digit_width(const struct vpin *pin)
{
	return (pin->format & KIND) == BCD ? 4 : 8;
}

static void put_digits(const struct vpin *pin, uint8_t *bytes, size_t at,
		       const char *digits)
{
	size_t width = digit_width(pin);
	bool ascii = (pin->format & KIND) == ASCII;

	for (; *digits; digits++, at += width)
		put_bits(bytes, at, width,
			 (unsigned)(ascii ? *digits : *digits - '0'));
}

static bool append(struct vpin *pin, const char *digits)
{
	size_t size = (strlen(digits) * digit_width(pin) + 7) / 8;

	if (pin->size == LC)
		pin->apdu[pin->size++] = 0;
	if (pin->size + size > VPIN_APDU_MAX)
		return false;
	memset(pin->apdu + pin->size, 0xFF, size);
	put_digits(pin, pin->apdu + pin->size, 0, digits);
	pin->size += size;
	pin->apdu[LC] = (uint8_t)(pin->size - BODY);
	return true;
}

static bool put_block(struct vpin *pin, size_t offset, const char *digits)
{
	size_t unit = pin->format & UNIT_BYTES ? 8 : 1;
	size_t at = 8 * offset + unit * (pin->format >> 3 & 15);
	size_t bits = 8u * (pin->block & 15);
	size_t wanted = strlen(digits) * digit_width(pin);
	size_t length_unit = pin->length & LENGTH_BYTES ? 8 : 1;
	size_t length_at = 8 * offset + length_unit * (pin->length & 15);
	size_t length_bits = pin->block >> 4;

	if (wanted > bits || pin->size < BODY ||
	    (at + bits + 7) / 8 > pin->size - BODY ||
	    (length_at + length_bits + 7) / 8 > pin->size - BODY)
		return false;
	if (pin->format & RIGHT)
		at += bits - wanted;
	put_digits(pin, pin->apdu + BODY, at, digits);
	put_bits(pin->apdu + BODY, length_at, length_bits,
		 (unsigned)strlen(digits));
	return true;
}

static bool put(struct vpin *pin, bool grows, size_t offset,
		const char *digits)
{
	return grows ? append(pin, digits) : put_block(pin, offset, digits);
}

/* The last prompt of a modify repeats the new PIN, where that is asked for. */
bool vpin_fill(struct vpin *pin, char (*digits)[VPIN_DIGITS + 1])
{
	bool grows = !(pin->block & 15) || pin->size <= BODY;

	if (!pin->modify)
		return put(pin, grows, 0, digits[0]);
	if (pin->confirm & CONFIRM_OLD &&
	    !put(pin, grows, pin->old_at, *digits++))
		return false;
	return put(pin, grows, pin->new_at, digits[0]);
}
