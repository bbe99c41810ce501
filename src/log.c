/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE	256
#define BYTES_A_LINE	32

/* pcscd's own; weak, because other hosts load drivers as well. */
void log_msg(const int priority, const char *format, ...)
	__attribute__((weak, format(printf, 2, 3)));

enum pcscd_priority {
	PRIORITY_DEBUG,
	PRIORITY_INFO,
	PRIORITY_ERROR,
	PRIORITY_CRITICAL,
};

static unsigned wanted = LOG_LEVEL_CRITICAL | LOG_LEVEL_INFO;

int log_wants(unsigned level)
{
	return (__atomic_load_n(&wanted, __ATOMIC_RELAXED) & level) != 0;
}

static enum pcscd_priority priority(unsigned level)
{
	if (level & LOG_LEVEL_CRITICAL)
		return PRIORITY_ERROR;
	return level & LOG_LEVEL_INFO ? PRIORITY_INFO : PRIORITY_DEBUG;
}

static void write_to_stderr(const char *line)
{
	char text[LINE_SIZE + 16];
	int size = snprintf(text, sizeof(text), "ccidtrack: %s\n", line);

	if (write(STDERR_FILENO, text, (size_t)size) < 0)
		return;	/* nowhere left to say so */
}

void log_write(unsigned level, const char *who, const char *format, ...)
{
	char line[LINE_SIZE];
	size_t used = 0;
	va_list args;

	if (!log_wants(level))
		return;
	if (who) {
		snprintf(line, sizeof(line), "%.40s: ", who);
		used = strlen(line);
	}
	va_start(args, format);
	vsnprintf(line + used, sizeof(line) - used, format, args);
	va_end(args);
	if (log_msg)
		log_msg((int)priority(level), "%s", line);
	else
		write_to_stderr(line);
}

void log_set_level(unsigned level)
{
	__atomic_store_n(&wanted, level, __ATOMIC_RELAXED);
	if (level & LOG_LEVEL_BYTES)
		log_write(LOG_LEVEL_BYTES, NULL,
			  "all bytes are logged, PINs among them");
}

void log_bytes(const char *who, const char *text, const uint8_t *bytes,
	       size_t size)
{
	char hex[3 * BYTES_A_LINE + 1];
	size_t at = 0;

	if (!log_wants(LOG_LEVEL_BYTES))
		return;
	do {
		size_t n = 0;

		hex[0] = '\0';
		for (; at < size && n < BYTES_A_LINE; n++)
			snprintf(hex + 3 * n, 4, " %02X", bytes[at++]);
		log_write(LOG_LEVEL_BYTES, who, "%s%s", text, hex);
	} while (at < size);
}
