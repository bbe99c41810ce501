/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * moves - a reader's movements as its driver saw them: when, and by what.
 *
 * ccidtrack numbers them and keeps the last ones (ledger.h). Any other driver
 * refuses the question, and is not asked again.
 *
 * To ask means to be connected, and that would be in the way of a program that
 * wants the reader for itself, most of all just after a card has come. So a
 * reader is asked when it has been at rest for a moment and nobody uses it.
 */
#ifndef CCIDTRACK_MOVES_H
#define CCIDTRACK_MOVES_H

#include <stdbool.h>
#include <stdint.h>

struct moves {
	int64_t due;		/* ms, monotonic, when to ask; 0: never */
	int64_t shown_at;	/* ms, monotonic, of the last one shown */
	uint32_t shown;		/* its number */
	bool refused;
};

/* Movements from now on. */
void moves_begin(struct moves *moves);

/* One more was seen. */
void moves_expect(struct moves *moves);

/*
 * In how many milliseconds to ask, 0: now; at most limit, which stands for
 * never, too. word is what PC/SC told last of the reader.
 */
unsigned moves_pause(const struct moves *moves, uint32_t word, unsigned limit);

/* Asks, as a client of context, if it is time; shows what is new. */
void moves_ask(struct moves *moves, long context, const char *reader,
	       uint32_t word);

#endif
