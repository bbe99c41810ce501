/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pair - the real tracker, or a broken one, with two slots, which share what a
 * reader has once: the budget of questions, the one command at a time, the
 * trust in its notifications, the sleep of the machine.
 *
 * Each slot has its cards and its event thread of pcscd, simpler than in
 * bench.h: no clients, no unplugging, and what the threads do among themselves
 * takes no time: explore sees to that. Every order of events is tried, as long
 * as cards are moved PAIR_MOVES times at most.
 */
#ifndef CCIDTRACK_TESTS_PAIR_H
#define CCIDTRACK_TESTS_PAIR_H

#include "bench.h"

#define PAIR_SIDES	2
#define PAIR_MOVES	6

struct pair_kind {
	const char *name;
	bool paced;
	bool proven;
	bool sleeps;
};

struct pair_side {
	struct kept kept;
	uint8_t card, active;
	uint8_t note, note_present;	/* one on its way; more are merged */
	uint8_t unseen;		/* moved, and nothing told of it yet */
	uint8_t at;
	uint8_t knows;		/* pcscd, of a card */
	uint8_t powered;	/* says pcscd */
	uint8_t known;		/* whose ATR pcscd has */
	uint8_t shown;		/* whose ATR was given out last */
	uint8_t latent;		/* it was off when it left in a sleep */
};

/* A state. Bytes alone. */
struct pair {
	struct pair_side side[PAIR_SIDES];
	uint8_t channel, owner;
	uint8_t icc;		/* in the reply */
	uint8_t behind;		/* the notification of the same slot */
	uint8_t sees;		/* all that moved unseen */
	uint8_t called;		/* the card that is powered up */
	uint8_t turn;
	uint8_t moves;
};

#define PAIR_SIDE_STEPS	4	/* of each slot */
#define PAIR_STEPS	(PAIR_SIDES * PAIR_SIDE_STEPS + 4)

/* The first state: both slots are open and empty. */
void pair_open(const struct pair_kind *kind, const struct tracker *tracker);

/* From a state, and back to one. */
void pair_load(const struct pair *pair);
void pair_save(struct pair *ret_pair);

/* True if the step was taken; else nothing has changed. */
bool pair_take(unsigned step);

/* It happens by itself: no card, person, chance. */
bool pair_is_inside(unsigned step);
void pair_print_step(unsigned step);

/* The state that was loaded last; goes_on: something happens by itself. */
void pair_judge(bool goes_on);

/* The first promise that was broken since pair_open, or NULL. */
const char *pair_broken(void);

/* pair_search.c: every state. Stops at a broken promise; traced: prints how. */
struct pair_result {
	const char *broken;
	uint32_t states;
	unsigned depth;
	double seconds;
};

void pair_search(const struct pair_kind *kind, const struct tracker *tracker,
		 bool traced, struct pair_result *ret_result);

#endif
