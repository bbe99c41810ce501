/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vjournal - what happened, counted and written down with its time.
 *
 * One line is "NANOSECONDS READER WHAT ...", CLOCK_MONOTONIC; README has the
 * words. Lines are kept in memory until vjournal_flush() or some 64 KiB.
 */
#ifndef VJOURNAL_H
#define VJOURNAL_H

#include <stddef.h>
#include <stdint.h>

enum vcount {
	VCOUNT_OPENS,
	VCOUNT_CLAIMS,
	VCOUNT_REFUSED,		/* claims of what somebody else has */
	VCOUNT_RESETS,
	VCOUNT_CLEAR_HALTS,
	VCOUNT_CONTROLS,
	VCOUNT_OUT,		/* urbs submitted to bulk-OUT ... */
	VCOUNT_IN,
	VCOUNT_IN_ODD,		/* of those, with no room for whole packets */
	VCOUNT_INTERRUPT,
	VCOUNT_IN_DONE,		/* urbs completed with status 0 ... */
	VCOUNT_INTERRUPT_DONE,
	VCOUNT_DISCARDS,
	VCOUNT_STALLS,
	VCOUNT_COMMANDS,
	VCOUNT_REPLIES,
	VCOUNT_APDUS,
	VCOUNT_POWER_UPS,
	VCOUNT_MOVEMENTS,
	VCOUNT_COMPLAINTS,	/* of cards about what they heard */
	VCOUNT_LINE_FAULTS,
	VCOUNT_NUMBER,
};

struct vcounts {
	unsigned long number[VCOUNT_NUMBER];
	unsigned long command[256];	/* by bMessageType */
};

/* 0 or a negative errno. An earlier file is closed; NULL closes only. */
int vjournal_open(const char *path);
void vjournal_flush(void);

/* One line about the reader; data, up to 24 bytes of it, in hex at its end. */
__attribute__((format(printf, 5, 6)))
void vjournal_note(uint64_t time, const char *reader, const void *data,
		   size_t size, const char *format, ...);

/* "name=number ..." of all that is not zero, cut at size. */
void vjournal_counts(const struct vcounts *counts, char *text, size_t size);

#endif
