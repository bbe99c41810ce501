/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "text.h"

#include "bytes.h"

#define UTF8_MAX	4	/* bytes of a character */

#define SURROGATE_HIGH	0xD800u
#define SURROGATE_LOW	0xDC00u
#define SURROGATE_MASK	0xFC00u
#define SURROGATE_BITS	10
#define SUPPLEMENTARY	0x10000u

/* Controls, marks of direction and of nothing, and what is no character */
static const struct {
	uint32_t first, last;
} unseen[] = {
	{ 0x0000, 0x001F },   { 0x007F, 0x00A0 }, { 0x00AD, 0x00AD },
	{ 0x061C, 0x061C },   { 0x2000, 0x200F }, { 0x2028, 0x202F },
	{ 0x205F, 0x206F },   { 0x3000, 0x3000 }, { 0xE000, 0xF8FF },
	{ 0xFDD0, 0xFDEF },   { 0xFEFF, 0xFEFF }, { 0xFFF0, 0xFFFF },
	{ 0xE0000, 0x10FFFF },
};

static uint32_t cleaned(uint32_t c)
{
	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
		if (c >= unseen[i].first && c <= unseen[i].last)
			return ' ';
	return c;
}

static size_t encode(uint32_t c, char utf8[UTF8_MAX])
{
	size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < SUPPLEMENTARY ? 3 : 4;
	uint32_t lead = size == 1 ? 0 : 0xF00u >> size & 0xFF;

	for (size_t i = size - 1; i > 0; i--) {
		utf8[i] = (char)(0x80 | (c & 0x3F));
		c >>= 6;
	}
	utf8[0] = (char)(lead | c);
	return size;
}

/* The next character; *units, 1.., becomes how many units it has. */
static uint32_t decode(const uint8_t *bytes, size_t *units)
{
	uint32_t c = get_le16(bytes), low;

	if ((c & ~0x7FFu) != SURROGATE_HIGH) {
		*units = 1;
		return c;
	}
	low = *units > 1 ? get_le16(bytes + 2) : 0;
	if ((c & SURROGATE_MASK) != SURROGATE_HIGH ||
	    (low & SURROGATE_MASK) != SURROGATE_LOW) {
		*units = 1;
		return '?';
	}
	*units = 2;
	return SUPPLEMENTARY + ((c & ~SURROGATE_MASK) << SURROGATE_BITS |
				(low & ~SURROGATE_MASK));
}

size_t text_from_utf16(const uint8_t *bytes, size_t size, char *text,
		       size_t room)
{
	size_t left = size / 2, used = 0;

	while (left) {
		char utf8[UTF8_MAX];
		size_t units = left, n;
		uint32_t c = decode(bytes, &units);

		n = encode(cleaned(c), utf8);
		if (c == 0 || n >= room - used)
			break;
		memcpy(text + used, utf8, n);
		used += n;
		bytes += 2 * units;
		left -= units;
	}
	while (used && text[used - 1] == ' ')
		used--;
	text[used] = '\0';
	return used;
}
