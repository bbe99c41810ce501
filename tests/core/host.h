/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host - pcscd, as far as a driver sees it: for each slot an event thread and a
 * client, with pcscd's order of calls, its locks and what it believes of the
 * card. All calls go through the ten IFDH functions.
 *
 * The serial number of a card is the end of its ATR (device.h), so every belief
 * can be compared with what is in the slot.
 */
#ifndef CCIDTRACK_TESTS_HOST_H
#define CCIDTRACK_TESTS_HOST_H

#include <ifdhandler.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Moments, in the order in which they happened, across all threads. */
uint64_t host_tick(void);

struct dice {
	uint64_t state;
};

void dice_seed(struct dice *dice, uint64_t seed);
unsigned dice_below(struct dice *dice, unsigned n);
bool dice_one_in(struct dice *dice, unsigned n);

enum host_card {
	HOST_ABSENT,
	HOST_PRESENT,
	HOST_UNKNOWN,
};

enum host_power {
	HOST_UNPOWERED,
	HOST_POWERED,
	HOST_IN_USE,
	HOST_GRACE,
};

#define HOST_NOTES	48

/* What happened last, for the report of a failure. */
struct host_note {
	char what[48];
	uint64_t value;
	uint64_t at_us;
};

struct host_slot {
	DWORD lun;
	RESPONSECODE (*poll)(DWORD lun, int timeout_ms);
	RESPONSECODE (*stop)(DWORD lun);
	pthread_t watcher, client;
	struct dice watcher_dice, client_dice;
	void (*near_stop)(struct host_slot *slot);	/* may move cards */
	bool doubtful;		/* wrong answers may be taken for movements */

	pthread_mutex_t call_lock;	/* pcscd's mMutex of the slot */
	pthread_mutex_t power_lock;	/* guards power, connections */
	enum host_power power;
	unsigned connections;

	pthread_mutex_t lock;		/* guards all below; a leaf */
	pthread_cond_t *progress;	/* signalled with the lock held */
	enum host_card card;		/* what pcscd believes */
	uint32_t serial;		/* of the ATR it knows, 0: mute */
	uint32_t first_serial;		/* of the first ATR since told */
	uint64_t told;			/* tick: believed present since */
	bool waiting;			/* the watcher is in the poll */
	bool ending;			/* clients and watcher shall end */
	uint64_t disturbed;		/* movements so far */
	uint64_t calm_at;		/* disturbed, when all was settled */
	bool removed;			/* the client's handle is of no use */
	uint64_t stops_begun, stops_done;
	uint64_t stops_seen, stops_before;	/* done at the last two polls */
	uint64_t stop_us;

	struct host_note note[HOST_NOTES];
	unsigned notes;

	/* counted */
	uint64_t removals, insertions, returns, spurious, failed_calls;
	uint64_t apdus, crossed, power_ups;
};

extern uint32_t *host_stop_us;	/* latencies of stops, one each */
extern unsigned host_stops;	/* the first HOST_STOPS_MAX are kept */
#define HOST_STOPS_MAX	1000000

void host_note(struct host_slot *slot, const char *what, uint64_t value);
void host_print_notes(struct host_slot *slot);

/* Opens the Lun; false: it does not. Then the threads can be started. */
bool host_open(struct host_slot *slot, DWORD lun, const char *device);
void host_start(struct host_slot *slot, uint64_t seed);

/* The client ends, then pcscd's way of ending the watcher and the channel. */
void host_close(struct host_slot *slot, bool cancel, bool beside_client);

#endif
