/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "json.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

static bool first = true;

static void begin(const char *key)
{
	if (!first)
		fputs(", ", stdout);
	first = false;
	if (key)
		printf("\"%s\": ", key);
}

void json_begin(void)
{
	first = true;
}

void json_open(const char *key, char bracket)
{
	begin(key);
	putchar(bracket);
	first = true;
}

void json_close(char bracket)
{
	putchar(bracket);
	first = false;
}

/* How many bytes of a character of UTF-8 stand here; 0: none, 1: ASCII. */
static size_t character(const unsigned char *text)
{
	size_t size = text[0] < 0x80 ? 1 : text[0] < 0xC2 ? 0 :
		      text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 :
		      text[0] < 0xF5 ? 4 : 0;

	for (size_t i = 1; i < size; i++)
		if ((text[i] & 0xC0) != 0x80)
			return 0;
	return size;
}

void json_text(const char *key, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	begin(key);
	putchar('"');
	while (*at) {
		size_t size = character(at);

		if (*at == '"' || *at == '\\')
			printf("\\%c", *at);
		else if (*at < ' ' || *at == 0x7F)
			printf("\\u%04x", *at);
		else if (size)
			fwrite(at, 1, size, stdout);
		else
			putchar('?');
		at += size ? size : 1;
	}
	putchar('"');
}

void json_number(const char *key, int64_t number)
{
	begin(key);
	printf("%" PRId64, number);
}

void json_truth(const char *key, bool truth)
{
	begin(key);
	fputs(truth ? "true" : "false", stdout);
}

void json_seconds(const char *key, int64_t milliseconds)
{
	begin(key);
	printf("%" PRId64 ".%03" PRId64, milliseconds / 1000,
	       milliseconds % 1000);
}
