/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct place {
	struct pair pair;
	uint32_t parent;
	uint16_t depth;
	uint8_t step;
};

static struct place *places;
static uint32_t *table;
static uint32_t count, room, mask;

static void *resize(void *memory, size_t size)
{
	memory = realloc(memory, size);
	if (!memory) {
		puts("Bail out! no memory left");
		exit(EXIT_FAILURE);
	}
	return memory;
}

static uint32_t hash_of(const struct pair *pair)
{
	const uint8_t *bytes = (const uint8_t *)pair;
	uint64_t hash = UINT64_C(0xCBF29CE484222325);

	for (size_t i = 0; i < sizeof(*pair); i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001B3);
	return (uint32_t)(hash ^ hash >> 32);
}

static uint32_t find(const struct pair *pair)
{
	uint32_t at = hash_of(pair) & mask;

	while (table[at] && memcmp(&places[table[at] - 1].pair, pair,
				   sizeof(*pair)) != 0)
		at = (at + 1) & mask;
	return at;
}

static void grow(void)
{
	room = room ? room * 2 : 1u << 16;
	mask = room * 2 - 1;
	places = resize(places, room * sizeof(*places));
	table = resize(table, (mask + (size_t)1) * sizeof(*table));
	memset(table, 0, (mask + (size_t)1) * sizeof(*table));
	for (uint32_t i = 0; i < count; i++)
		table[find(&places[i].pair)] = i + 1;
}

static struct place next_place(const struct pair *pair, uint32_t from,
			       unsigned step)
{
	struct place place = { .pair = *pair, .parent = from,
			       .step = (uint8_t)step };

	if (!count)
		return place;
	place.depth = (uint16_t)(places[from].depth + 1);
	return place;
}

/* True if it is another state than before. */
static bool arrive(uint32_t from, unsigned step)
{
	struct pair pair;
	uint32_t at;

	pair_save(&pair);
	if (count == room)
		grow();
	at = find(&pair);
	if (!table[at]) {
		places[count] = next_place(&pair, from, step);
		table[at] = ++count;
	}
	return table[at] != from + 1;
}

static void expand(uint32_t from)
{
	struct pair pair = places[from].pair;
	bool goes_on = false;

	for (unsigned step = 0; step < PAIR_STEPS; step++) {
		pair_load(&pair);
		if (pair_take(step) && arrive(from, step))
			goes_on |= pair_is_inside(step);
	}
	pair_load(&pair);
	pair_judge(goes_on);
}

static void print_way(uint32_t at)
{
	const struct place *p = &places[at];

	if (p->depth)
		print_way(p->parent);
	printf("# %3u. ", p->depth);
	if (!p->depth)
		printf("opened");
	else
		pair_print_step(p->step);
	for (unsigned i = 0; i < PAIR_SIDES; i++)
		printf("; %u: card %u driver %u pcscd %u ATR %u at %u%s", i,
		       p->pair.side[i].card, p->pair.side[i].kept.present,
		       p->pair.side[i].knows, p->pair.side[i].known,
		       p->pair.side[i].at,
		       p->pair.side[i].kept.doubt ? " doubt" : "");
	putchar('\n');
}

static void forget(void)
{
	free(places);
	free(table);
	places = NULL;
	table = NULL;
	room = 0;
	count = 0;
}

void pair_search(const struct pair_kind *kind, const struct tracker *tracker,
		 bool traced, struct pair_result *ret_result)
{
	clock_t began = clock();
	struct pair_result result = { .broken = NULL };
	uint32_t at;

	pair_open(kind, tracker);
	arrive(0, 0);
	for (at = 0; at < count && !pair_broken(); at++) {
		expand(at);
		result.depth = places[at].depth;
	}
	result.broken = pair_broken();
	result.states = count;
	result.seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
	if (result.broken && traced) {
		print_way(at - 1);
		printf("# broken: %s\n", result.broken);
	}
	forget();
	*ret_result = result;
}
