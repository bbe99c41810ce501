/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log - messages for the administrator, through pcscd's log.
 *
 * Outside pcscd they go to standard error. Callers tell kinds and sizes. Bytes of
 * APDUs, PINs and answers are for log_bytes alone, which is silent unless the
 * administrator has asked for them by a bit of its own.
 * Any thread, except before log_set_level from more than one.
 */
#ifndef CCIDTRACK_LOG_H
#define CCIDTRACK_LOG_H

#include <stddef.h>
#include <stdint.h>

/* Bits of ifdLogLevel; 08h is for what is done at intervals: nothing is told */
#define LOG_LEVEL_CRITICAL	0x01u	/* errors */
#define LOG_LEVEL_INFO		0x02u	/* readers and cards coming and going */
#define LOG_LEVEL_COMM		0x04u	/* each command and its outcome */
#define LOG_LEVEL_BYTES		0x10u	/* unsafe: all bytes, PINs among them */

void log_set_level(unsigned level);

/* Whether a message of this level would be seen: spares building it. */
int log_wants(unsigned level);

/* who: the reader's label, or NULL. */
void log_write(unsigned level, const char *who, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Under LOG_LEVEL_BYTES only: some a line, text in front of each. */
void log_bytes(const char *who, const char *text, const uint8_t *bytes,
	       size_t size);

#endif
