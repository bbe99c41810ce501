/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loops - is there a way round that goes on by itself for ever, and on which
 * the wait returns? pcscd would power the card up and down on it for ever.
 *
 * The caller tells every step that happens by itself, state by state.
 */
#ifndef CCIDTRACK_TESTS_EXPLORE_LOOPS_H
#define CCIDTRACK_TESTS_EXPLORE_LOOPS_H

#include <stdbool.h>
#include <stdint.h>

struct loops {
	uint32_t *first;	/* per state: where its steps begin */
	uint32_t states;
	uint32_t states_room;
	uint32_t *to;		/* per step; the top bit: the wait returns */
	uint32_t steps;
	uint32_t steps_room;
};

void loops_init(struct loops *loops);
void loops_free(struct loops *loops);

/* The next state: 0, 1, 2 ... Its steps follow. */
void loops_state(struct loops *loops);
void loops_step(struct loops *loops, uint32_t to, bool returns);

/* After all. True if there is one; then a state on it where a wait returns. */
bool loops_find(struct loops *loops, uint32_t *ret_state);

#endif
