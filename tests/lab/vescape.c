/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vescape.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "vccid.h"
#include "vhex.h"

#define BYTES_MAX	512

#define ERROR_UNKNOWN	0x00

struct vescape {
	struct vescape *next;
	uint8_t request[BYTES_MAX], answer[BYTES_MAX];
	size_t request_size, answer_size;
	bool echo, fails;
	uint8_t error;
	unsigned time;
};

static int take_bytes(const char *word, uint8_t *bytes, size_t *ret_size)
{
	ssize_t n = vhex_parse(word, bytes, BYTES_MAX);

	if (n < 0)
		return -EINVAL;
	*ret_size = (size_t)n;
	return 0;
}

static int take_number(const char *word, unsigned *ret_number)
{
	long long number = voptions_number(word, 0);

	if (number < 0)
		return -EINVAL;
	*ret_number = (unsigned)number;
	return 0;
}

static int take(struct vescape *escape, const char *word)
{
	unsigned error = 0;
	int r = -ENOENT;

	if (strcmp(word, "echo") == 0) {
		escape->echo = true;
		r = 0;
	} else if (strncmp(word, "answer=", 7) == 0) {
		r = take_bytes(word + 7, escape->answer, &escape->answer_size);
	} else if (strncmp(word, "error=", 6) == 0) {
		r = take_number(word + 6, &error);
		escape->fails = true;
		escape->error = (uint8_t)error;
	} else if (strncmp(word, "time=", 5) == 0) {
		r = take_number(word + 5, &escape->time);
	}
	return r;
}

int vescape_add(struct vescapes *escapes, char *const *words, size_t n)
{
	struct vescape **place = &escapes->first;
	struct vescape *escape;
	int r = 0;

	if (n < 2)
		return -EINVAL;
	escape = calloc(1, sizeof(*escape));
	if (!escape)
		return -ENOMEM;
	if (strcmp(words[0], "any") != 0)
		r = take_bytes(words[0], escape->request,
			       &escape->request_size);
	for (size_t i = 1; i < n && r == 0; i++)
		r = take(escape, words[i]);
	if (r < 0) {
		free(escape);
		return r;
	}
	while (*place)
		place = &(*place)->next;
	*place = escape;
	return 0;
}

void vescape_clear(struct vescapes *escapes)
{
	while (escapes->first) {
		struct vescape *escape = escapes->first;

		escapes->first = escape->next;
		free(escape);
	}
}

static const struct vescape *row_for(const struct vescapes *escapes,
				     const uint8_t *data, size_t size)
{
	const struct vescape *escape = escapes->first;

	while (escape &&
	       (size < escape->request_size ||
		memcmp(data, escape->request, escape->request_size) != 0))
		escape = escape->next;
	return escape;
}

unsigned vescape_run(struct vslot *slot, const uint8_t *data, size_t size)
{
	const struct vescape *escape = row_for(&slot->ccid->escapes, data,
					       size);

	if (!escape) {
		vcommand_fail(slot, ERROR_UNKNOWN);
		return 0;
	}
	if (escape->fails)
		vcommand_fail(slot, escape->error);
	else if (escape->echo)
		vcommand_reply(slot, data, size);
	else
		vcommand_reply(slot, escape->answer, escape->answer_size);
	return escape->time;
}
