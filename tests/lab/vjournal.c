/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vjournal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define BYTES_SHOWN	24
#define BUFFER_SIZE	(64 * 1024)

static FILE *file;
static char buffer[BUFFER_SIZE];

static const char *const names[VCOUNT_NUMBER] = {
	[VCOUNT_OPENS] = "opens",
	[VCOUNT_CLAIMS] = "claims",
	[VCOUNT_REFUSED] = "refused",
	[VCOUNT_RESETS] = "resets",
	[VCOUNT_CLEAR_HALTS] = "clear-halts",
	[VCOUNT_CONTROLS] = "controls",
	[VCOUNT_OUT] = "out",
	[VCOUNT_IN] = "in",
	[VCOUNT_IN_ODD] = "in-odd",
	[VCOUNT_INTERRUPT] = "interrupt",
	[VCOUNT_IN_DONE] = "in-done",
	[VCOUNT_INTERRUPT_DONE] = "interrupt-done",
	[VCOUNT_DISCARDS] = "discards",
	[VCOUNT_STALLS] = "stalls",
	[VCOUNT_COMMANDS] = "commands",
	[VCOUNT_REPLIES] = "replies",
	[VCOUNT_APDUS] = "apdus",
	[VCOUNT_POWER_UPS] = "power-ups",
	[VCOUNT_MOVEMENTS] = "movements",
	[VCOUNT_COMPLAINTS] = "complaints",
	[VCOUNT_LINE_FAULTS] = "line-faults",
};

int vjournal_open(const char *path)
{
	if (file)
		fclose(file);
	file = NULL;
	if (!path)
		return 0;
	file = fopen(path, "we");
	if (!file)
		return -errno;
	setvbuf(file, buffer, _IOFBF, sizeof(buffer));
	return 0;
}

void vjournal_flush(void)
{
	if (file)
		fflush(file);
}

void vjournal_note(uint64_t time, const char *reader, const void *data,
		   size_t size, const char *format, ...)
{
	const uint8_t *bytes = data;
	va_list arguments;

	if (!file)
		return;
	fprintf(file, "%" PRIu64 " %s ", time, reader);
	va_start(arguments, format);
	vfprintf(file, format, arguments);
	va_end(arguments);
	if (size)
		fputc(' ', file);
	for (size_t i = 0; i < size && i < BYTES_SHOWN; i++)
		fprintf(file, "%02x", bytes[i]);
	if (size > BYTES_SHOWN)
		fputs("..", file);
	fputc('\n', file);
}

void vjournal_counts(const struct vcounts *counts, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < VCOUNT_NUMBER && used < size; i++)
		if (counts->number[i])
			used += (size_t)snprintf(text + used, size - used,
						 " %s=%lu", names[i],
						 counts->number[i]);
	for (size_t i = 0; i < 256 && used < size; i++)
		if (counts->command[i])
			used += (size_t)snprintf(text + used, size - used,
						 " c%02zx=%lu", i,
						 counts->command[i]);
}
