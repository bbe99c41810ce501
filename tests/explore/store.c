/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK_BITS	18
#define CHUNK		(1u << CHUNK_BITS)
#define CHUNKS		(1u << 9)	/* 134 million states */
#define FIRST_TABLE	(1u << 16)
#define HUGE_PAGE	((size_t)1 << 21)
#define INDEX		UINT64_C(0xFFFFFFFF)

/* Huge pages, where there are some: every look-up is at another place. */
static void *allocate(size_t count, size_t size)
{
	size_t bytes = (count * size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	void *memory = aligned_alloc(HUGE_PAGE, bytes);

	if (!memory) {
		puts("Bail out! no memory left");
		exit(EXIT_FAILURE);
	}
#ifdef MADV_HUGEPAGE
	madvise(memory, bytes, MADV_HUGEPAGE);
#endif
	return memset(memory, 0, bytes);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
	return hash ^ hash >> 29;
}

static uint64_t hash_of(const struct world *world)
{
	const uint8_t *bytes = (const uint8_t *)world;
	uint64_t hash = 0, word;
	size_t i = 0;

	for (; i + sizeof(word) <= sizeof(*world); i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		hash = mix(hash, word);
	}
	word = 0;
	memcpy(&word, bytes + i, sizeof(*world) - i);
	hash = mix(hash, word);
	return hash ^ hash >> 32;
}

void store_init(struct store *store)
{
	store->chunks = allocate(CHUNKS, sizeof(*store->chunks));
	store->table = allocate(FIRST_TABLE, sizeof(*store->table));
	store->mask = FIRST_TABLE - 1;
	store->count = 0;
}

void store_free(struct store *store)
{
	for (uint32_t i = 0; i < CHUNKS && store->chunks[i]; i++)
		free(store->chunks[i]);
	free(store->chunks);
	free(store->table);
}

struct store_entry *store_get(const struct store *store, uint32_t index)
{
	return &store->chunks[index >> CHUNK_BITS][index & (CHUNK - 1)];
}

static uint32_t index_of(uint64_t row)
{
	return (uint32_t)(row & INDEX) - 1;
}

static uint64_t row_of(uint64_t hash, uint32_t index)
{
	return (hash & ~INDEX) | (index + 1);
}

/* The place of the row, or the free place where it belongs. */
static uint32_t find(const struct store *store, const struct world *world,
		     uint64_t hash)
{
	uint32_t at = (uint32_t)hash & store->mask;

	for (; store->table[at]; at = (at + 1) & store->mask) {
		uint64_t row = store->table[at];

		if (((row ^ hash) & ~INDEX) == 0 &&
		    memcmp(&store_get(store, index_of(row))->world, world,
			   sizeof(*world)) == 0)
			break;
	}
	return at;
}

/* At half full, so that rows of taken places stay short. */
static void grow(struct store *store)
{
	free(store->table);
	store->mask = store->mask * 2 + 1;
	store->table = allocate((size_t)store->mask + 1,
				sizeof(*store->table));
	for (uint32_t i = 0; i < store->count; i++) {
		uint64_t hash = hash_of(&store_get(store, i)->world);
		uint32_t at = (uint32_t)hash & store->mask;

		while (store->table[at])
			at = (at + 1) & store->mask;
		store->table[at] = row_of(hash, i);
	}
}

static void append(struct store *store, const struct world *world)
{
	uint32_t chunk = store->count >> CHUNK_BITS;

	if (chunk == CHUNKS) {
		puts("Bail out! too many states");
		exit(EXIT_FAILURE);
	}
	if (!store->chunks[chunk])
		store->chunks[chunk] = allocate(CHUNK,
						sizeof(**store->chunks));
	store_get(store, store->count)->world = *world;
	store->count++;
}

uint64_t store_announce(const struct store *store, const struct world *world)
{
	uint64_t hash = hash_of(world);

	__builtin_prefetch(&store->table[(uint32_t)hash & store->mask]);
	return hash;
}

bool store_add(struct store *store, const struct world *world, uint64_t hash,
	       uint32_t *ret_index)
{
	uint32_t at = find(store, world, hash);

	if (store->table[at]) {
		*ret_index = index_of(store->table[at]);
		return false;
	}
	*ret_index = store->count;
	append(store, world);
	store->table[at] = row_of(hash, *ret_index);
	if (store->count > store->mask / 2)
		grow(store);
	return true;
}
