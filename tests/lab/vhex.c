/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhex.h"

static const char digits[] = "0123456789abcdef";

static int value_of(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

ssize_t vhex_parse(const char *text, uint8_t *ret_bytes, size_t room)
{
	size_t n = 0;

	for (; *text; text += 2) {
		int high = value_of(text[0]);
		int low = high < 0 ? -1 : value_of(text[1]);

		if (low < 0 || n == room)
			return -1;
		ret_bytes[n++] = (uint8_t)(high << 4 | low);
	}
	return (ssize_t)n;
}

void vhex_print(const uint8_t *bytes, size_t size, char *ret_text)
{
	for (size_t i = 0; i < size; i++) {
		*ret_text++ = digits[bytes[i] >> 4];
		*ret_text++ = digits[bytes[i] & 15];
	}
	*ret_text = '\0';
}
