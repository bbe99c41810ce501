/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store - the states that were found, each once, in the order in which they
 * were found, with the way that led there.
 */
#ifndef CCIDTRACK_TESTS_EXPLORE_STORE_H
#define CCIDTRACK_TESTS_EXPLORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench.h"

#define STORE_NONE	UINT32_MAX

struct store_entry {
	struct world world;
	uint8_t step;		/* the last one of the way */
	uint8_t moves;		/* of cards on it, at most 255 */
	uint16_t depth;		/* steps of it */
	uint32_t parent;	/* STORE_NONE: where all began */
};

struct store {
	struct store_entry **chunks;
	uint32_t count;
	uint64_t *table;	/* hash above, index + 1 below; 0 is free */
	uint32_t mask;
};

void store_init(struct store *store);
void store_free(struct store *store);

/* Valid until store_free. */
struct store_entry *store_get(const struct store *store, uint32_t index);

/*
 * True if the world is new. *ret_index is where it is. Between the two calls
 * the memory has time to come: announce several, then add them.
 */
uint64_t store_announce(const struct store *store, const struct world *world);
bool store_add(struct store *store, const struct world *world,
	       uint64_t hash, uint32_t *ret_index);

#endif
