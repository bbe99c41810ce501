/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "loops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETURNS		UINT32_C(0x80000000)
#define UNSEEN		0
#define FIRST_ROOM	1024

static void *resize(void *memory, size_t count, size_t size)
{
	memory = realloc(memory, count * size);
	if (!memory) {
		puts("Bail out! no memory left");
		exit(EXIT_FAILURE);
	}
	return memory;
}

static void make_room(uint32_t **array, uint32_t used, uint32_t *room)
{
	if (used < *room)
		return;
	*room = *room ? *room * 2 : FIRST_ROOM;
	*array = resize(*array, *room, sizeof(**array));
}

void loops_init(struct loops *loops)
{
	*loops = (struct loops){ 0 };
}

void loops_free(struct loops *loops)
{
	free(loops->first);
	free(loops->to);
}

void loops_state(struct loops *loops)
{
	make_room(&loops->first, loops->states, &loops->states_room);
	loops->first[loops->states++] = loops->steps;
}

void loops_step(struct loops *loops, uint32_t to, bool returns)
{
	make_room(&loops->to, loops->steps, &loops->steps_room);
	loops->to[loops->steps++] = to | (returns ? RETURNS : 0);
}

/*
 * Tarjan's search for strongly connected components, without recursion: two
 * states are on one way round if and only if they are in one component.
 */
struct search {
	const struct loops *loops;
	uint32_t *number;	/* in the order of finding; UNSEEN */
	uint32_t *low;		/* the first one it leads back to */
	uint32_t *component;	/* 0: not known yet */
	uint32_t *open;		/* states without a component yet */
	uint32_t *way;		/* from the start to here */
	uint32_t *next;		/* step to be taken, per state */
	uint32_t numbers, opens, ways, components;
};

static void enter(struct search *s, uint32_t state)
{
	s->number[state] = ++s->numbers;
	s->low[state] = s->number[state];
	s->next[state] = s->loops->first[state];
	s->open[s->opens++] = state;
	s->way[s->ways++] = state;
}

static void lower(struct search *s, uint32_t state, uint32_t low)
{
	if (low < s->low[state])
		s->low[state] = low;
}

static void close_component(struct search *s, uint32_t root)
{
	uint32_t state;

	s->components++;
	do {
		state = s->open[--s->opens];
		s->component[state] = s->components;
	} while (state != root);
}

static void leave(struct search *s)
{
	uint32_t state = s->way[--s->ways];

	if (s->low[state] == s->number[state])
		close_component(s, state);
	if (s->ways)
		lower(s, s->way[s->ways - 1], s->low[state]);
}

static void go_on(struct search *s)
{
	uint32_t state = s->way[s->ways - 1];
	uint32_t to;

	if (s->next[state] == s->loops->first[state + 1]) {
		leave(s);
		return;
	}
	to = s->loops->to[s->next[state]++] & ~RETURNS;
	if (s->number[to] == UNSEEN)
		enter(s, to);
	else if (!s->component[to])
		lower(s, state, s->number[to]);
}

static bool pick(const struct search *s, uint32_t *ret_state)
{
	const struct loops *l = s->loops;

	for (uint32_t state = 0; state + 1 < l->states; state++)
		for (uint32_t i = l->first[state]; i < l->first[state + 1]; i++)
			if ((l->to[i] & RETURNS) &&
			    s->component[l->to[i] & ~RETURNS] ==
				    s->component[state]) {
				*ret_state = state;
				return true;
			}
	return false;
}

bool loops_find(struct loops *loops, uint32_t *ret_state)
{
	struct search s = { .loops = loops };
	uint32_t n = loops->states;
	uint32_t *memory = resize(NULL, n, 6 * sizeof(*memory));
	bool found;

	memset(memory, 0, n * 6 * sizeof(*memory));
	s.number = memory;
	s.low = memory + n;
	s.component = memory + 2 * (size_t)n;
	s.open = memory + 3 * (size_t)n;
	s.way = memory + 4 * (size_t)n;
	s.next = memory + 5 * (size_t)n;
	loops_state(loops);	/* the end of the last one */
	for (uint32_t state = 0; state < n; state++) {
		if (s.number[state] == UNSEEN)
			enter(&s, state);
		while (s.ways)
			go_on(&s);
	}
	found = pick(&s, ret_state);
	free(memory);
	return found;
}
