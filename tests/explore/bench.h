/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench - the real tracker in a model of everything around it.
 *
 * One slot of a reader with its cards, pcscd's event thread, one client thread
 * and pcscd's end, all in small steps. Whatever can happen next is a step; the
 * search (search.h) takes every step in every state.
 *
 * What makes the states finite, without losing any behaviour:
 *  - time goes in steps of a window of the tracker; ages are kept as far as
 *    the tracker looks at them;
 *  - visits and cards are numbered afresh in every state;
 *  - a reader with no room for another notification merges movements.
 *
 * What is one step although it lasts: a command and what it does to the card.
 * A movement between the two cannot be told from one before, with a later
 * notification. Waiting for a doubt to be settled, or for pcscd's lock, is not
 * to have called yet.
 *
 * Not here: several slots (slots.c), a client's own power-off, hosts that never
 * wait for movements, how the pace of questions changes, readers whose answers
 * are of no use (tests/unit/test_track*.c).
 */
#ifndef CCIDTRACK_TESTS_EXPLORE_BENCH_H
#define CCIDTRACK_TESTS_EXPLORE_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "track.h"
#include "track_asked.h"
#include "track_told.h"

#define BENCH_NOTES		2	/* on their way at most, of any reader */
#define BENCH_NEW_CARD		6	/* one more than can be remembered */
#define BENCH_TICK_MS		500	/* all windows are multiples of it */
#define BENCH_LONG_MS		60000	/* longer than all of them */
#define BENCH_POLL_MS		50	/* any pace is due after a tick */

/* The tracker under test: the real one, or one with a fault put in. */
struct tracker {
	const char *name;
	unsigned (*notified)(struct track *, unsigned, bool, bool, uint64_t);
	unsigned (*missed)(struct track *, unsigned);
	unsigned (*resumed)(struct track *, unsigned, uint64_t);
	unsigned (*replied)(struct track *, unsigned, enum ccid_icc);
	unsigned (*answered)(struct track *, unsigned, enum ccid_icc,
			     uint64_t);
	unsigned (*power_begun)(struct track *, unsigned, enum track_power,
				uint64_t);
	unsigned (*identified)(struct track *, unsigned, bool, uint64_t);
	int (*power_ended)(struct track *, unsigned, bool, uint64_t);
	unsigned (*power_failed)(struct track *, unsigned, uint64_t);
	int (*may_power)(const struct track *, unsigned);
	int (*may_transmit)(const struct track *, unsigned);
	bool (*wants_power)(const struct track *, unsigned);
	enum track_presence (*presence)(struct track *, unsigned, bool);
	int (*wait_enter)(struct track *, unsigned);
	bool (*wait_over)(const struct track *, unsigned);
	void (*wait_leave)(struct track *, unsigned);
	void (*stop)(struct track *, unsigned);
};

extern const struct tracker tracker_real;

enum bench_endpoint {
	ENDPOINT_TRUE,
	ENDPOINT_NONE,
	ENDPOINT_LYING,	/* it is there, but never tells anything */
};

/* What may happen on a bench. */
struct config {
	const char *name;
	enum bench_endpoint endpoint;
	uint8_t notes;		/* on their way at most, then they merge */
	bool proven;		/* another slot's movement was told truly */
	bool auto_activation;
	bool late;		/* replies overtake notifications */
	bool slow;		/* these can be half a second under way */
	bool doubles;		/* notifications come twice */
	bool garbles;		/* notifications arrive as rubbish */
	bool loses;		/* notifications vanish without a trace */
	bool bitless;		/* single movements are told without the bit */
	bool unanswered;	/* questions fail */
	bool mute;		/* power-ups fail */
	bool chatty_on;		/* the change bit after each power-up */
	bool chatty_off;	/* and after each power-off */
	bool opening;		/* the first notification repeats the state */
	bool client;
	bool resets;		/* the client does, too */
	bool sleeps;		/* the machine does, and what happens then */
	bool unplug;
	bool daemon_ends;	/* pcscd cancels its event thread */
	bool daemon_stops;	/* pcscd stops it, as without KILLABLE */
};

/* What the tracker remembers, times as ages, visits as relations. */
struct kept {
	uint8_t trust;
	uint8_t untold;
	uint8_t one_sided;
	uint8_t check;
	uint8_t tokens;
	uint8_t present;
	uint8_t reported;
	uint8_t powered;
	uint8_t powering;
	uint8_t idle;		/* powered for our sake */
	uint8_t unsure;
	uint8_t shown;
	uint8_t again;
	uint8_t power_visit;
	uint8_t watched;
	uint8_t told;
	uint8_t pass_empty;
	uint8_t pass_present;
	uint8_t waiting;
	uint8_t stop;
	uint8_t doubt;
	uint8_t confirm;
	uint8_t ended;
	uint8_t hollow;
	uint8_t asked;
	uint8_t outdated;
	uint8_t announced;
	uint8_t asked_age;
	uint8_t heard;
	uint8_t moved;
	uint8_t echo;
	uint8_t suspect;
	uint8_t power_recent;
	uint8_t power_kind;
	uint8_t power_bit;
	uint8_t chatter_row;
	uint8_t known;
	uint8_t unproven;
	uint8_t provable;
	uint8_t chatty;
};

/* Bits of a notification on its way */
#define NOTE_PRESENT	0x01u
#define NOTE_CHANGED	0x02u
#define NOTE_AFTER	0x04u	/* sent when the card pcscd knew had left */
#define NOTE_AGED	0x08u
#define NOTE_TWICE	0x10u	/* it came once already */
#define NOTE_MERGED	0x20u	/* it tells of several movements */

enum call_stage {
	CALL_NONE,
	CALL_WITNESS,	/* before the card loses its power: is it the same? */
	CALL_SENT,	/* the reply is on its way */
	CALL_OFF_SENT,	/* first half of a reset */
	CALL_RECHECK,	/* it failed: what does the slot hold? */
};

enum call_kind {
	CALL_UP,
	CALL_DOWN,
	CALL_RESET,
	CALL_KEEP,	/* off and on again, instead of off */
	CALL_CARD,	/* an APDU or parameters */
};

enum caller {
	CALLER_EVENT,
	CALLER_CLIENT,
};

/* The event thread of pcscd; NESTED: the presence call inside a power call. */
enum event_at {
	EVENT_HOST,	/* not there yet: the hotplug thread looks first */
	EVENT_START,
	EVENT_START_NESTED,
	EVENT_START_UP,
	EVENT_TOP,
	EVENT_INSERT_NESTED,
	EVENT_INSERT_UP,
	EVENT_ENTER,
	EVENT_WAIT,
	EVENT_WAIT_GONE,
	EVENT_BACK,	/* from the polling function: power down, or not */
	EVENT_DOWN,
	EVENT_END,
};

enum event_knows {
	KNOWS_ABSENT,
	KNOWS_PRESENT,
	KNOWS_NOTHING,
};

/* pcscd's power state of a slot */
enum daemon_power {
	POWER_UNPOWERED,
	POWER_POWERED,	/* and unused: to be powered down in 5 s */
	POWER_GRACE,
	POWER_IN_USE,
};

enum client_at {
	CLIENT_IDLE,
	CLIENT_CONNECT,	/* presence, nested in its power-up */
	CLIENT_UP,
	CLIENT_PROTOCOL,
	CLIENT_TRANSMIT,
	CLIENT_RESET_NESTED,
	CLIENT_RESET,
	CLIENT_STOP,	/* disconnected, the stop function comes next */
};

enum daemon_end {
	END_NOT,
	END_ORDERED,	/* the event thread has its order to end */
	END_SENT,	/* and is stopped or cancelled */
};

/* A state. Bytes alone, so that memcmp compares. */
struct world {
	/* the slot */
	uint8_t card;		/* 0: none; cards have numbers */
	uint8_t active;
	uint8_t unplugged;
	uint8_t notes;
	uint8_t note[BENCH_NOTES];

	/* the driver */
	uint8_t question;	/* its answer is on its way */
	uint8_t question_icc;
	uint8_t question_behind;	/* so many notifications */
	uint8_t question_sees;	/* all movements that nothing told of */
	uint8_t call;		/* enum call_stage */
	uint8_t call_kind;
	uint8_t caller;
	uint8_t call_icc;
	uint8_t call_done;
	uint8_t call_card;	/* whose ATR the reply has */
	uint8_t call_behind;
	uint8_t shown_card;	/* whose ATR was given out last */

	/* pcscd */
	uint8_t event_at;
	uint8_t event_knows;
	uint8_t deadline;	/* the wait may have reached it */
	uint8_t published;	/* clients see a card */
	uint8_t power;
	uint8_t power_lock;	/* held by one of the two */
	uint8_t ending;		/* enum daemon_end */
	uint8_t order;		/* to end; an "absent" wipes it */
	uint8_t client_at;
	uint8_t connected;
	uint8_t removed;	/* the client's card, as pcscd told it */
	uint8_t client_card;

	/* what must not be forgotten */
	uint8_t known;		/* the card pcscd had its ATR from; 0: none */
	uint8_t owed;		/* that card left, and pcscd was not told */
	uint8_t left;		/* some card, since it saw a removal last */
	uint8_t evident;	/* the driver was told that it left */
	uint8_t excused;	/* what it knows, by a stated limit */
	uint8_t latent;		/* and nothing but an ATR can tell so yet */
	uint8_t unseen;		/* nothing can have told the driver the state */
	uint8_t stopped;	/* and the wait has not returned since */

	struct kept kept;
};

struct bench {
	struct world world;
	struct track track;
	uint64_t now;
	uint64_t question_due;
	const struct config *config;
	const struct tracker *tracker;
	const char *broken;	/* the promise that is */
	bool returned;		/* a wait, for a movement, in this step */
	bool moved;		/* a card, in this step */
};

/* True if the step was taken; else nothing has changed. */
typedef bool bench_step(struct bench *bench);

struct step {
	const char *name;
	bench_step *take;
	bool inside;	/* it happens by itself: no card, person, chance */
};

#define BENCH_STEPS	37

extern const struct step bench_steps[BENCH_STEPS];

/* The first states: reader opened, without and with a card. */
void bench_open(struct bench *bench, const struct config *config,
		const struct tracker *tracker, bool card);

/* From a state, and back to one. */
void bench_load(struct bench *bench, const struct world *world);
void bench_save(struct bench *bench, struct world *ret_world);

/* The first broken promise counts. */
void bench_break(struct bench *bench, const char *promise);

/* keep.c; heard: only where the change bit can be missing it matters */
void keep_track(const struct track *track, unsigned slot, uint64_t now,
		bool heard, struct kept *ret_kept);
void keep_restore(const struct kept *kept, uint64_t now, struct track *track,
		  unsigned slot);
bool keep_has_window(const struct kept *kept);

/* reader.c: cards, notifications, questions, time */
bench_step reader_insert, reader_insert_merged, reader_remove,
	   reader_remove_merged, reader_unplug;
bench_step reader_notify, reader_notify_twice, reader_garble, reader_lose,
	   reader_notify_bitless, reader_fault;
bench_step reader_sleep, reader_sleep_unpowered, reader_sleep_remove,
	   reader_sleep_swap, reader_sleep_insert;
/* A question that is due is sent at once, where the slot is free. */
void reader_ask(struct bench *bench);
bench_step reader_answer, reader_leave_unanswered;
bench_step reader_tick, reader_long;
/* A change bit that no movement is behind. */
void reader_chatter(struct bench *bench);
enum ccid_icc reader_status(const struct bench *bench);

/* call.c: power and card commands, as the driver's core does them */
/* False if the call must wait. */
bool call_begin(struct bench *bench, enum caller caller, enum call_kind kind);
bool call_begin_mute(struct bench *bench, enum caller caller,
		     enum call_kind kind);
bench_step call_witnessed, call_reply, call_recheck, call_give_up;

/* pcscd.c: the event thread, and pcscd's end */
bench_step event_step, event_mute, event_return, event_timeout, event_cancel;
bench_step daemon_order, daemon_finish;
void event_called(struct bench *bench, int result);

/* client.c */
bench_step client_connect, client_transmit, client_reset, client_disconnect;
bench_step client_step, client_mute;
void client_called(struct bench *bench, int result);

/* promise.c */
/* A call is about to send something. */
void promise_at_send(struct bench *bench, enum call_kind kind);
/* An APDU reaches the card that is inside. */
void promise_at_card(struct bench *bench);
/* A presence call is answered, to whomever. */
void promise_at_presence(struct bench *bench, enum track_presence answer);
/* pcscd takes over an ATR, sees a removal, enters its wait, has it back. */
void promise_at_atr(struct bench *bench);
void promise_at_removal(struct bench *bench);
void promise_at_failure(struct bench *bench);
void promise_at_first_enter(struct bench *bench);
void promise_at_enter(struct bench *bench, int result);
void promise_at_return(struct bench *bench);
/* A power command reaches the slot. */
void promise_at_power(struct bench *bench);
/* A power-up has shown the ATR of the card that is inside. */
void promise_at_identity(struct bench *bench);
/* The driver hears of the swap that is owed, or what told of it is lost. */
void promise_excuse(struct world *world);
bool promise_is_beyond_knowing(const struct bench *bench);
void promise_evident(struct bench *bench, bool beyond_knowing);
void promise_lose(struct bench *bench, uint8_t note);
/* The slot is said to be empty by an answer to an APDU. */
void promise_at_no_card(struct bench *bench);
/* The state between two steps; quiet: nothing happens by itself any more. */
void promise_between(struct bench *bench);
bool promise_rests(const struct bench *bench);
void promise_at_rest(struct bench *bench);
/* Evidence wakes whoever it concerns. */
struct promise_sleepers {
	bool watcher;
	bool owner;
};
struct promise_sleepers promise_sleepers(const struct bench *bench);
void promise_woken(struct bench *bench, struct promise_sleepers before,
		   unsigned news);

#endif
