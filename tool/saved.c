/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "saved.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "desc.h"

#define OFFSET_DIGITS	7	/* so many are an offset, not bytes */
#define ROW_BYTES	16

/* A descriptor's second byte: the types that one can begin with */
static bool looks_raw(const char *file, size_t size)
{
	const uint8_t *bytes = (const uint8_t *)file;

	if (size < 2)
		return false;
	return (bytes[0] == 18 && bytes[1] == 1) ||
	       (bytes[0] == 9 && bytes[1] == 2) ||
	       (size == DESC_SIZE && bytes[0] == DESC_SIZE &&
		(bytes[1] == 0x21 || bytes[1] == 0xFF));
}

/* --- hexadecimal digits */

static size_t digits(const char *at)
{
	size_t n = 0;

	while (isxdigit((unsigned char)at[n]))
		n++;
	return n;
}

/* Behind the offset that dumps have in front; dump tells which kind. */
static const char *skip_offset(const char *at, char *dump)
{
	size_t n = digits(at);

	*dump = ' ';
	if (n < OFFSET_DIGITS || n > 8)
		return at;
	if (at[n] == ':' || at[n] == ' ' || at[n] == '\n' || !at[n])
		*dump = at[n] == ':' ? ':' : '|';
	return *dump == ' ' ? at : at + n + (at[n] == ':');
}

static bool take_digits(const char *at, size_t n, uint8_t *bytes, size_t room,
			size_t *used)
{
	if (n % 2 || n / 2 > room - *used)
		return false;
	for (size_t i = 0; i < n; i += 2) {
		char pair[3] = { at[i], at[i + 1], '\0' };

		bytes[(*used)++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

/* The bytes of a line; what stands beside them in letters is left out. */
static bool take_line(const char *at, uint8_t *bytes, size_t room, size_t *used)
{
	size_t before = *used;
	char dump;

	at = skip_offset(at + strspn(at, " \t"), &dump);
	while (dump == ' ' || *used - before < ROW_BYTES) {
		size_t blanks = strspn(at, " \t,:\r");
		size_t n;

		if (dump == ':' && blanks > 1 && *used > before)
			return true;
		at += blanks;
		if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X'))
			at += 2;
		n = digits(at);
		if (!n)
			return *at == '\0' || (*at == '|' && dump == '|');
		if (!take_digits(at, n, bytes, room, used))
			return false;
		at += n;
	}
	return true;
}

static size_t decode_hex(char *text, uint8_t *bytes, size_t room)
{
	size_t used = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (line[strspn(line, " \t\r")] == '#')
			continue;
		if (!take_line(line, bytes, room, &used))
			return 0;
	}
	return used;
}

/* --- lsusb -v */

/* Names as lsusb prints them, where in the class descriptor, how long */
static const struct field {
	const char *name;
	uint8_t offset, size, base;
} fields[] = {
	{ "bcdCCID", 2, 2, 10 },
	{ "nMaxSlotIndex", 4, 1, 10 },
	{ "bMaxSlotIndex", 4, 1, 10 },
	{ "bVoltageSupport", 5, 1, 10 },
	{ "dwProtocols", 6, 4, 10 },
	{ "dwDefaultClock", 10, 4, 10 },
	{ "dwMaxiumumClock", 14, 4, 10 },
	{ "dwMaximumClock", 14, 4, 10 },
	{ "bNumClockSupported", 18, 1, 10 },
	{ "dwDataRate", 19, 4, 10 },
	{ "dwMaxDataRate", 23, 4, 10 },
	{ "bNumDataRatesSupp.", 27, 1, 10 },
	{ "dwMaxIFSD", 28, 4, 10 },
	{ "dwSyncProtocols", 32, 4, 16 },
	{ "dwMechanical", 36, 4, 16 },
	{ "dwFeatures", 40, 4, 16 },
	{ "dwMaxCCIDMsgLen", 44, 4, 10 },
	{ "bClassGetResponse", 48, 1, 16 },
	{ "bClassEnvelope", 49, 1, 16 },
	{ "wlcdLayout", 50, 2, 10 },
	{ "wLcdLayout", 50, 2, 10 },
	{ "bPINSupport", 52, 1, 10 },
	{ "bMaxCCIDBusySlots", 53, 1, 10 },
};

/* "none" is 0, "echo" FFh; 1.10 and "16 cols 2 lines" are two bytes. */
static uint32_t field_value(const struct field *field, const char *text)
{
	char *end;
	uint32_t value = (uint32_t)strtoul(text, &end, field->base);

	if (strncmp(text, "echo", 4) == 0)
		return 0xFF;
	if (*end == '.' && field->size == 2)
		return (uint32_t)(strtoul(text, NULL, 16) << 8 |
				  strtoul(end + 1, NULL, 16));
	if (strncmp(end, " cols", 5) == 0)
		value |= (uint32_t)strtoul(end + 5, NULL, 10) << 8;
	return value;
}

static void put(uint8_t *at, size_t size, uint32_t value)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static bool take_field(const char *line, uint8_t *descriptor)
{
	size_t size = strcspn(line, " \t");

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const struct field *field = &fields[i];

		if (strlen(field->name) != size ||
		    strncmp(field->name, line, size) != 0)
			continue;
		line += size;
		put(descriptor + field->offset, field->size,
		    field_value(field, line + strspn(line, " \t")));
		return true;
	}
	return false;
}

static size_t decode_lsusb(const char *text, uint8_t *bytes)
{
	const char *at = strstr(text, "ChipCard Interface Descriptor");
	size_t found = 0;

	memset(bytes, 0, DESC_SIZE);
	bytes[0] = DESC_SIZE;
	bytes[1] = 0x21;
	while (at && (at = strchr(at, '\n'))) {
		at += strspn(at, " \t\r\n");
		if (strncmp(at, "Endpoint Descriptor", 19) == 0)
			break;
		found += take_field(at, bytes);
	}
	return found >= 10 ? DESC_SIZE : 0;
}

size_t saved_decode(const char *file, size_t size, uint8_t *bytes, size_t room)
{
	size_t used = 0;
	char *text;

	if (size <= room && looks_raw(file, size)) {
		memcpy(bytes, file, size);
		return size;
	}
	text = strndup(file, size);
	if (!text || strlen(text) != size) {
		free(text);
		return 0;
	}
	used = decode_lsusb(text, bytes);
	if (!used)
		used = decode_hex(text, bytes, room);
	free(text);
	return used && looks_raw((char *)bytes, used) ? used : 0;
}
