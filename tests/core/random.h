/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * random - what moves at random, and what is counted (random.c tells more).
 *
 * random_moves.c moves the cards: one by one, in bursts, just as a command was
 * obeyed, beside a stop, while the machine sleeps; and spoils answers.
 */
#ifndef CCIDTRACK_TESTS_RANDOM_H
#define CCIDTRACK_TESTS_RANDOM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "host.h"

#define SLOTS_MAX	3

/* From an opening of the reader to its closing. */
struct random_life {
	struct device device;
	struct host_slot slot[SLOTS_MAX];
	unsigned slots;
	bool announces;		/* there is an interrupt pipe */
	bool loses;		/* and some of its messages are lost */
	bool faulty;		/* some answers are wrong or missing */
	bool slow;
	unsigned spoilt;	/* answers in this burst */
	pthread_cond_t progress;	/* with any slot's lock */
	pthread_mutex_t lock;	/* guards dice of the script's hooks */
	struct dice device_dice;
	uint64_t came[SLOTS_MAX];	/* tick of the last insertion */
	unsigned triggers;	/* movements left for the hooks */
};

struct random_sum {
	uint64_t movements, rounds, lives, lost, hidden;
	uint64_t removals, insertions, returns, spurious, apdus, crossed;
	uint64_t power_ups, failed_calls, mutes, merged;
	uint64_t sleeps, resets, stillborn, given_up;
	uint64_t quiet_us, quiet_worst_us;
};

extern struct random_life life;
extern struct random_sum sum;
extern struct dice dice;

/* Some movements, and whatever may go on beside them. */
void random_burst(void);

/* Messages that say nothing new, or nothing at all. */
void random_disturb(void);

/* Hooks: of the device, and of the host beside a stop. */
void random_watch(struct device *device, unsigned slot, uint8_t type);
unsigned random_roll(struct script *script);
void random_near_stop(struct host_slot *slot);

void random_pause(unsigned us);

#endif
