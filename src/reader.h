/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reader - an open reader and its slots.
 *
 * The structures are shared by the core: reader.c opens and closes, listen.c and
 * movement.c follow the cards, exchange.c runs commands, card.c uses the cards.
 * Nobody else looks inside. The caller keeps a reference while it is in a
 * function of the core (lun.c counts them), so nothing vanishes below it.
 *
 * Threads: pcscd's (any number, any order) and the event thread of usb.h, which
 * only runs callbacks.
 */
#ifndef CCIDTRACK_READER_H
#define CCIDTRACK_READER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "desc.h"
#include "feature.h"
#include "options.h"
#include "quirk.h"
#include "ledger.h"
#include "session.h"
#include "track.h"
#include "usb.h"

#define READER_LABEL_SIZE	32
#define READER_ATR_MAX		33	/* ISO 7816-3; pcscd takes no more */
#define READER_TEXT_MAX		264	/* pcscd takes no more */
#define READER_TEXTS		3	/* enum usb_text */

struct channel;	/* channel.h: a pair of bulk transfers */
struct gate;	/* gate.h: shared with other readers inside the device */

struct slot {
	pthread_cond_t moved;	/* for the watcher alone */
	pthread_cond_t replied;	/* for whoever has, or wants, the slot */

	/* guarded by the reader's lock */
	bool open;		/* pcscd has it, and track knows its truth */
	bool late;		/* pcscd has it, and it is to be asked first */
	bool closing;
	enum ledger_cause doubt;	/* what raised it, 0: none is there */
	bool noticed;		/* a notification came while it was opened */
	bool owned;		/* a command has the slot, or a question */
	unsigned callers;	/* threads in exchange_begin */
	unsigned unanswered;	/* questions in a row */
	unsigned wanted;	/* by so many threads that wait for it */
	uint32_t turn;		/* their place in the line for a channel */
	struct channel *channel;	/* the owner's */
	uint32_t departures;	/* visits that ended */
	uint64_t departed_ms;	/* when the last one did */
	uint64_t held_since;	/* movement_hold began to hold insertions up */
	uint64_t held_until;	/* no insertion ends the wait before */
	bool watched;
	pthread_t watcher;	/* pcscd's event thread, if watched */
	uint8_t atr[READER_ATR_MAX];
	size_t atr_size;	/* 0: no power, or a card without an ATR */
	uint8_t shown_atr[READER_ATR_MAX];	/* given out last */
	size_t shown_size;
	uint32_t forsaken;	/* visit powered off behind pcscd's back, or 0 */

	struct session session;	/* belongs to the owner, as do the next two */
	uint8_t select;		/* bPowerSelect that it answered to at once */
	enum desc_level level;	/* the slot's, as it took it */
};

struct reader {
	struct usb *usb;
	struct usb_info info;
	/*
	 * As mended by what follows. A greeting may change desc.level,
	 * desc.pin_support, quirk.pin and digits: with the lock held.
	 */
	struct desc desc;
	struct options options;
	struct quirk quirk;
	char label[READER_LABEL_SIZE];	/* for the log */

	pthread_mutex_t lock;	/* guards all below; never held across I/O */
	struct track track;
	struct ledger ledger;
	bool gone;		/* the device, for good */
	bool held;		/* by somebody else: nothing is sent (held.h) */
	bool taking;		/* somebody tries to take it, or has to greet it */
	uint64_t held_ms;	/* since then */
	uint64_t take_ms;	/* not tried again before */
	unsigned take_pause_ms;
	bool greeted;		/* since it was opened, reset or resumed */
	char text[READER_TEXTS][READER_TEXT_MAX];	/* once asked for */
	bool text_known[READER_TEXTS];
	char firmware[FEATURE_FIRMWARE_SIZE];	/* the same */
	bool firmware_known;
	uint8_t seq;		/* of the next command */
	struct slot *slot;	/* desc.slots of them */

	struct gate *gate;		/* mostly NULL */
	struct channel *channels;	/* desc.busy_slots of them */
	uint32_t turns;		/* places given away in the line for them */
	struct slot *attendant;	/* its owner handles the events: usb_attend */
	bool in_callback;	/* one has the lock, and wakes */
	uint32_t woken;		/* the owners of these slots as it leaves */
	bool starved;		/* a question was due, no channel free for it */
	bool overtaken;		/* by a question, since a client got a channel */
	unsigned turn;		/* the slot that may be asked first */
	struct channel *mender;	/* its owner resets the device; nothing is sent */
	unsigned halted, clearing;	/* pipes, a bit each: halt.h */
	unsigned resets;
	unsigned ladders;	/* climbed in vain, in a row */
	uint64_t silent_ms;	/* a ladder began then, and nothing has come
				   since; 0: the reader speaks */
	struct session_speeds speeds;	/* belongs to whoever owns a slot first */

	struct usb_transfer *interrupt;	/* NULL: the reader has no such pipe */
	bool listening;		/* it is under way */
	bool disarmed;		/* it shall not be armed again */
	uint32_t absent;	/* channels that said so since an answer came,
				   a bit each: once is no proof */
	pthread_cond_t quiet;	/* it is under way no more */
	unsigned halts;		/* of the interrupt pipe, lately */
	uint64_t halt_ms;
	unsigned lines;		/* logged of movements, lately */
	uint64_t lines_ms;
	uint64_t slept_ms;	/* clock_slept, as far as it is dealt with */
};

/*
 * Opens the reader that the device string tells, without any slot. Errors of
 * usb_open, and -EINVAL for another string, -ENOTSUP for a reader that this
 * driver cannot serve.
 */
int reader_open(const char *device, struct reader **ret_reader);

/* Every slot is closed. Ends all USB traffic. */
void reader_close(struct reader *reader);

/*
 * A slot begins its life: everything about it starts afresh and its state is
 * asked once; later, if somebody else has the reader (held.h). -ENOENT if the
 * reader has no such slot, -EBUSY if it is open.
 */
int reader_open_slot(struct reader *reader, unsigned slot);

/* Makes every call on the slot come back with -ENODEV, soon. */
void reader_end_slot(struct reader *reader, unsigned slot);

/* Nobody is in a call on the slot any more. Powers the card off. */
void reader_close_slot(struct reader *reader, unsigned slot);

/*
 * One of the device's texts, asked for once, by the first who wants to know;
 * empty if it has none. Valid as long as the reader is. -ENODEV.
 */
int reader_text(struct reader *reader, enum usb_text which,
		const char **ret_text);

/* Whoever has the slot, or wants it, looks again. Caller locks. */
void reader_wake_slot(struct reader *reader, unsigned slot);

/* Everybody who waits looks again. Caller locks. */
void reader_wake(struct reader *reader);

/* The device is gone: every wait and every command ends. Caller locks. */
void reader_lost(struct reader *reader);

/*
 * pcscd says so, or any client that claims it: the device is asked, and one
 * that is gone cannot be asked.
 */
void reader_removed(struct reader *reader, unsigned slot);

#endif
