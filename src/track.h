/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * track - what we know about the card in each slot.
 *
 * Pure: the caller locks, time is an argument (monotonic milliseconds, never
 * 0). Feed it every fact; track_told.h says what pcscd is told of it, and
 * track_asked.h when the reader is asked.
 *
 * Words. A visit is one card's stay in a slot; visits are numbered from 1. The
 * truth is: empty, or visit n. The watcher is pcscd's event thread. Reported is
 * what the watcher was last told: empty, or visit n. A debt: reported is a
 * visit that is over. A pass: the time between two entries of the watcher into
 * the polling function. Doubt: evidence disagrees with the truth or may have
 * been lost; only the answer to a question (GetSlotStatus) ends it.
 *
 * What evidence does to the truth:
 *
 *   evidence                     slot empty      slot holds visit n
 *   notified changed, present    visit n+1       see "in place" below
 *   notified changed, empty      brief visit     empty
 *   notified without the change bit              as the last time, or as the
 *                                                truth: nothing, else doubt
 *   reply says no card           -               doubt, and if the command was
 *                                                sent in visit n, it has ended
 *   reply says a card, inactive  doubt           doubt if powered by us
 *   reply says a card, active    doubt           -
 *   answer says no card          -               empty
 *   answer: a card, inactive     visit n+1       visit n+1 if powered by us
 *                                                or ended
 *   answer: a card, active       visit n+1       visit n+1 if ended
 *   an answer older than other evidence          doubt, asked again
 *   something may be lost        doubt           doubt
 *   the machine has slept        doubt           visit n+1 if powered by us, or
 *                                                just being so, and the reader
 *                                                activates, doubt
 *   the device was reset         doubt           visit n+1 if powered by us,
 *                                                doubt
 *   after any of the three, or   -               visit n+1
 *   where the reader is not trusted, the
 *   ATR is another than before
 *   second movement in 500 ms    (applied) to be (applied) to be confirmed, by
 *                                confirmed       a question or any reply to a
 *                                                command that was sent in visit n
 *   in doubt, a power command    -               visit n+1 if powered by us: no
 *   of ours begins                               answer could tell any more
 *   a client cannot power it up  -               visit n+1 if its ATR was given
 *                                                out and the watcher knows it
 *
 *   in place: notified changed, present, while visit n is inside
 *   powered by us for the second time in the     visit n+1: it can be late, and
 *   visit, less than 1 s ago, no chatty reader   the card another one by then
 *   powered by us, reader does not activate      doubt: active is the same
 *                                                visit, inactive a new one
 *   an echo of open, reset or an answer (of a    doubt if a power-up is under
 *   reader that activates: no ATR was given out  way, else nothing
 *   yet), or a bit of a chatty reader behind a
 *   power command
 *   otherwise                                    visit n+1
 *
 * Chatty is a reader that sets the bit behind a power command although the ATR
 * stays the same before and after. A bit within a second of the visit's first
 * ATR may tell, late, how that card came: only three in a row prove anything. A
 * command of that kind without the bit ends the habit. If there is another ATR
 * after a bit that was not believed, it is visit n+1. A reader is
 * trusted from its first true notification on, until an answer tells of a
 * movement that none announces within a second although none was lost: then it
 * is asked at intervals. One that announces a second insertion, and no removal
 * was ever announced, or the other way round, is checked as if it was not trusted.
 *
 * A reader that leaves eight questions in a row without answer is asked once for
 * each doubt, and at the slowest pace, until it answers one. What it leaves in
 * doubt stays as its notifications tell it, and the next ATR is compared.
 *
 * A slot without a switch is full for the reader until a power-up finds nobody,
 * and full again when it is asked; so is one with a mute card, for readers that
 * call that "no card". It looks like a swap. After three in a row without an ATR
 * or a notification about the slot in between it is taken for none.
 *
 * One that calls a card inactive or missing whose ATR it just gave is believed
 * no more: what it says of power, or all of it if it announces movements. Then
 * no doubt could be settled: what was doubt is visit n+1 if a bit tells of a
 * change, else nothing, and the next ATR is compared.
 */
#ifndef CCIDTRACK_TRACK_H
#define CCIDTRACK_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "ccid.h"

#define TRACK_SLOTS_MAX		16

#define TRACK_BURST_MS		500	/* movements closer than this: confirm */
#define TRACK_CHATTY_MS		500	/* a bit this soon after a power command */
#define TRACK_CHATTY_ROW	3	/* such bits prove a habit at once */
#define TRACK_SILENT_ROW	8	/* so many questions without answer */
#define TRACK_HOLLOW_ROW	3	/* power-ups in a row that find no card */
#define TRACK_ECHO_MS		1000	/* the notification of what we know already */

/* What a function found out, for the log; any of them is worth a broadcast. */
#define TRACK_INSERTED		0x01u
#define TRACK_REMOVED		0x02u
#define TRACK_SWAPPED		0x04u	/* one visit ended, the next began */
#define TRACK_BRIEF		0x08u	/* a visit came and went unreported */
#define TRACK_DOUBTED		0x10u	/* a question is wanted */
#define TRACK_CHATTY		0x20u	/* recognised just now */
#define TRACK_CAUGHT		0x40u	/* the interrupt endpoint missed a movement */
#define TRACK_SETTLED		0x80u	/* an answer ended a doubt */
#define TRACK_UNANSWERED	0x100u	/* questions are of no use: silent */
#define TRACK_UNTRUE		0x200u	/* answers are of no use: vague */

enum track_trust {
	TRACK_PACED,	/* no interrupt endpoint, or caught: asked at intervals */
	TRACK_UNPROVEN,	/* not one true notification yet: checked ever less */
	TRACK_PROVEN,	/* announced a movement truly: hardly asked */
};

/* What questions are worth. */
enum track_answers {
	TRACK_TELLING,
	TRACK_SILENT,	/* none comes; one that does makes it telling again */
	TRACK_VAGUE,	/* they contradict what the reader has just done */
};

enum track_power {
	TRACK_POWER_OFF,
	TRACK_POWER_ON,	/* also a reset */
	/*
	 * Off and on again, where pcscd has ordered off: the card has forgotten
	 * everything, and another one in its place will show as inactive.
	 */
	TRACK_POWER_KEPT,
	TRACK_POWER_KINDS,
};

struct track_slot {
	/* the truth */
	bool present;
	uint32_t visit;		/* inside now, or the last one */

	/* what we did to the card */
	bool powering;		/* power-up under way */
	enum ccid_icc power_icc;	/* the last reply to it */
	uint32_t power_visit;	/* a power command is under way since, or 0 */
	uint32_t powered;	/* visit powered up by us, 0: none */
	uint32_t shown;		/* visit whose ATR was given out, 0: none */
	bool again;		/* powered up once more in that visit */
	bool kept;		/* powered for our sake: off, for all others */
	bool unsure;		/* it may be another card: its ATR is to tell */

	/* what pcscd was told */
	uint32_t reported;	/* 0: empty */
	bool watched;		/* the polling function was entered once */
	bool pass_empty;	/* answers to the watcher in this pass */
	bool pass_present;
	bool told;		/* the watcher has asked for presence once */
	bool split;		/* it never does: another thread of the host does */
	bool waiting;
	bool stop;		/* latched until the polling function returns */

	/* doubt */
	bool doubt;
	bool confirm;		/* nothing disagrees, but a question is wanted */
	bool ended;		/* the visit, says a reply to a command in it */
	uint8_t hollow;		/* in a row: it has, before any ATR */
	bool indulged;		/* by the next question, no token is used */
	bool asked;		/* a question is on its way */
	bool outdated;		/* evidence came after that question */
	bool announced;		/* by a message without its bit, or a lost one */
	uint64_t asked_ms;

	/* habits of readers */
	uint8_t heard;		/* what a notification said last; 0: none did */
	uint64_t moved_ms;
	uint64_t used_ms;
	uint64_t echo_until;
	uint64_t suspect_ms;	/* an answer told of a movement first; 0: none */
	enum track_power power_kind;
	uint64_t power_ms;	/* last power command; 0: none */
	bool power_bit;		/* a change bit came in its window */
	uint8_t chatter_row;	/* and in those just before it */
	uint64_t known_ms;	/* nothing but this ATR since; 0: none yet */
	uint8_t unproven;	/* kinds with such a bit, as 1 << kind, */
	uint8_t provable;	/* those whose window is over, */
	uint8_t chatty;		/* and those known to be a habit */
};

struct track {
	unsigned slots;
	bool auto_activation;	/* the reader powers inserted cards itself */
	bool gone;
	enum track_trust trust;
	uint8_t untold;		/* the kind that a proven one has not announced */
	bool one_sided;		/* and the other one twice in a row: checked */
	uint64_t poll_ms;
	uint64_t check_ms;	/* distance to the next check, if there is one */
	unsigned tokens;	/* questions that may be asked now */
	uint64_t refill_ms;
	enum track_answers answers;
	uint64_t untrue_ms;	/* they were found vague; 0: not */
	unsigned unanswered;	/* questions in a row */
	uint64_t answered_ms;
	uint64_t took_ms;	/* the last answer */
	struct track_slot slot[TRACK_SLOTS_MAX];
};

/* Everything afresh; slots 1..TRACK_SLOTS_MAX, all empty until told. */
void track_init(struct track *t, unsigned slots, bool interrupt_endpoint,
		bool auto_activation, uint64_t poll_ms, uint64_t now);

/* One slot afresh, when pcscd opens it: truth from the first status. */
void track_open(struct track *t, unsigned slot, bool present, uint64_t now);

/*
 * The first status of a slot that was opened as an empty one because nobody could
 * ask, and may be waited for since: a card that is inside comes now. Returns news.
 */
unsigned track_found(struct track *t, unsigned slot, bool present, uint64_t now);

/* Evidence. Each returns TRACK_* news. */

/* One slot's bit pair of a NotifySlotChange. */
unsigned track_notified(struct track *t, unsigned slot, bool present,
			bool changed, uint64_t now);
/* Evidence about the slot may have been lost. */
unsigned track_missed(struct track *t, unsigned slot);
/* The machine has slept, or the device came back: cards may have no power. */
unsigned track_resumed(struct track *t, unsigned slot, uint64_t now);
/*
 * The device was reset: cards have lost their power. A card that was powered up
 * is taken for another one, once; what the slot holds now is to be asked.
 */
unsigned track_reset(struct track *t, unsigned slot, uint64_t now);
/* bmICCStatus of any reply but a question's. */
unsigned track_replied(struct track *t, unsigned slot, enum ccid_icc said);
/* The same, as far as the reader is to be believed: for who judges the reply. */
enum ccid_icc track_believed(const struct track *t, unsigned slot,
			     enum ccid_icc icc);
/* A question (track_asked.h) was answered, or not (doubt remains). */
unsigned track_answered(struct track *t, unsigned slot, enum ccid_icc said,
			uint64_t now);
unsigned track_unanswered(struct track *t, unsigned slot);
/* The device is gone for good. */
void track_gone(struct track *t);

/* Power commands of our own, around all attempts of one call. Returns news. */
unsigned track_power_begun(struct track *t, unsigned slot,
			   enum track_power kind, uint64_t now);
/* In a power-up: the ATR, which is or is not the one that was given out last. */
unsigned track_identified(struct track *t, unsigned slot, bool same,
			  uint64_t now);
/*
 * done: the reader says so. 0 if the card that is inside was powered up, else
 * -ENODEV, -ENOMEDIUM (slot empty), -ESTALE (another visit by now) or -EIO.
 * For a power-off always 0.
 */
int track_power_ended(struct track *t, unsigned slot, bool done, uint64_t now);

/*
 * A client's power-up of whatever is inside has failed. What pcscd makes of that
 * lets nobody get to the card again, until its event thread begins with it anew.
 */
unsigned track_power_failed(struct track *t, unsigned slot, uint64_t now);

/* Between the two: what the power-up says of the reader. Returns news. */
unsigned track_power_done(struct track *t, unsigned slot, uint64_t now);

/*
 * May a card be powered up, or an APDU or parameters be sent to it? 0,
 * -EAGAIN (settle the doubt first), -ENODEV, -ENOMEDIUM (slot empty) or
 * -ESTALE (pcscd knows another card than the one inside).
 */
int track_may_power(const struct track *t, unsigned slot);
int track_may_transmit(const struct track *t, unsigned slot);

/*
 * May a reset leave the card its power? A cold one is needed where the ATR has
 * to be compared with the one before: after a warm one it may be another.
 */
bool track_may_reset_warm(const struct track *t, unsigned slot);

/*
 * True if a card that is powered off would be lost sight of: nothing announces
 * that it goes, and once it is inactive, another one in its place looks alike.
 */
bool track_wants_power(const struct track *t, unsigned slot);

#endif
