/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timeline - what became of one reader, as a line for people or for programs.
 *
 * Feed it every state word that PC/SC gives of a reader; it prints a line when
 * something has moved. pcscd counts movements in the upper half of the word,
 * sometimes a moment after it shows them; what was counted but never shown was
 * too quick for a look: a swap.
 */
#ifndef CCIDTRACK_TIMELINE_H
#define CCIDTRACK_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger.h"

#define TIMELINE_ATR	33

struct timeline {
	char *name;
	uint32_t word;		/* to be fed back to PC/SC; 0: never looked */
	bool told;		/* that it is there, and what is in it */
	bool present;
	bool silent;		/* the reader does not answer */
	int ahead;		/* movements shown and not counted yet, or < 0 */
	int64_t since;		/* ms, monotonic, of the last movement; 0: none */
	uint8_t atr[TIMELINE_ATR];
	size_t atr_size;
};

struct timeline_totals {
	unsigned insertions, removals, swaps;
	unsigned passes;	/* in and out again, between two looks */
};

void timeline_begin(bool json);

/* Wide enough for names of that length from now on. */
void timeline_widen(size_t name_size);

/* Returns true if a card has moved. */
bool timeline_take(struct timeline *reader, uint32_t word, const uint8_t *atr,
		   size_t atr_size);
void timeline_gone(const struct timeline *reader);

/* What the driver says of a movement; at the time when it saw it. */
void timeline_driver(const char *reader, const struct ledger_entry *entry);

/* About pcscd itself; event is for programs, text for people. */
void timeline_tell(const char *event, const char *text);

struct timeline_totals timeline_end(void);

#endif
