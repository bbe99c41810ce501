/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The input is an options file.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "options.h"
#include "plist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* pcscd's name for it: nothing is to be seen of the warnings. */
void log_msg(const int priority, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static size_t warnings;

void log_msg(const int priority, const char *format, ...)
{
	(void)priority;
	(void)format;
	warnings++;
}

static void check_entry(void *user, const struct plist_entry *entry)
{
	size_t *entries = user;

	(*entries)++;
	assert(entry->line >= 1);
	assert(strlen(entry->key) < PLIST_TEXT_SIZE);
	assert(!entry->reader || strlen(entry->reader) < PLIST_TEXT_SIZE);
	assert(!entry->value || strlen(entry->value) < PLIST_TEXT_SIZE);
}

static void check_ranges(const struct options *options)
{
	assert(options->log_level <= 0xFFFF);
	assert(options->driver_options <= 0xFFFF);
	assert(options->poll_interval_ms >= 50 &&
	       options->poll_interval_ms <= 10000);
	assert(options->idle_power <= 1 && options->quirks <= 1);
	assert(options->timeout_cap_s >= 1 && options->timeout_cap_s <= 600);
	assert(options->timeout_floor_s >= 1 &&
	       options->timeout_floor_s <= 600);
	assert(options->start_ms >= 500 && options->start_ms <= 60000);
	assert(options->level <= 4);
	assert(options->max_ifsd >= 32 && options->max_ifsd <= 254);
	assert(options->pin_min <= 255 && options->pin_max <= 255);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	struct options before, options;
	struct plist_error error = { 0 };
	size_t entries = 0;
	int walked = plist_walk(bytes, size, check_entry, &entries, &error);

	assert(walked == 0 || walked == -EINVAL);
	assert((walked == 0) == !error.text);
	assert(walked == 0 || error.line >= 1);
	assert(entries <= size);
	options_forget();
	options_for(0x04E6, 0x5116, &before);
	warnings = 0;
	assert(options_take("file", bytes, size) == walked);
	assert(warnings <= 17);
	options_for(0x04E6, 0x5116, &options);
	check_ranges(&options);
	if (walked < 0)
		assert(!memcmp(&before, &options, sizeof(options)));
	return 0;
}
