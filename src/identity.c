/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "identity.h"

#include <errno.h>
#include <string.h>

#define P2		3	/* offset */
#define VERSION_SIZE	8	/* XX.XX and its NUL */

static const uint8_t head[] = { 0xFF, 0x9A, 0x01 };

static char digit(unsigned value)
{
	return "0123456789ABCDEF"[value & 0xF];
}

/* As "1.00" or "12.34". */
static void put_version(uint16_t version, char text[VERSION_SIZE])
{
	char *at = text;

	if (version >> 12)
		*at++ = digit(version >> 12);
	*at++ = digit(version >> 8);
	*at++ = '.';
	*at++ = digit(version >> 4);
	*at++ = digit(version);
	*at = '\0';
}

static const char *find(const struct identity *identity, uint8_t p2,
			const char *version)
{
	switch (p2) {
	case 0x01:
		return identity->maker;
	case 0x03:
		return identity->product;
	case 0x06:
		return version;
	case 0x07:
		return identity->driver;
	}
	return NULL;
}

int identity_answer(const struct identity *identity, const uint8_t *command,
		    size_t size, uint8_t *answer, size_t room)
{
	char version[VERSION_SIZE];
	const char *text;
	size_t length;

	if (size <= P2 || memcmp(command, head, sizeof(head)) != 0)
		return 0;
	put_version(identity->firmware, version);
	text = find(identity, command[P2], version);
	if (!text)
		return 0;
	length = strlen(text);
	if (length + 2 > room)
		return -ENOBUFS;
	memcpy(answer, text, length);
	answer[length] = 0x90;
	answer[length + 1] = 0x00;
	return (int)length + 2;
}
