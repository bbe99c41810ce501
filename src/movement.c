/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "movement.h"

#include "clock.h"
#include "exchange.h"
#include "log.h"
#include "probe.h"
#include "question.h"
#include "track_asked.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

#define LINES_MAX	40	/* in the log, of one reader in LINES_MS */
#define LINES_MS	10000
#define SLEEP_MS	10	/* less is the clocks' own */

static const struct {
	unsigned news;
	enum ledger_kind kind;
} kinds[] = {
	{ TRACK_INSERTED, LEDGER_INSERTED },
	{ TRACK_REMOVED, LEDGER_REMOVED },
	{ TRACK_SWAPPED, LEDGER_SWAPPED },
	{ TRACK_BRIEF, LEDGER_BRIEF },
};

static const struct {
	unsigned news;
	const char *text;
} habits[] = {
	{ TRACK_CHATTY, "the reader announces movements at its own power "
			"commands; those are ignored" },
	{ TRACK_UNANSWERED, "the reader does not answer what its slots hold; "
			    "its notifications decide" },
	{ TRACK_UNTRUE, "the reader's card status contradicts it; it is not "
			"believed" },
	{ TRACK_CAUGHT, "the reader does not announce movements; it is asked "
			"from now on" },
};

bool movement_may_log(struct reader *reader)
{
	uint64_t now = clock_now();

	if (now - reader->lines_ms >= LINES_MS) {
		reader->lines = 0;
		reader->lines_ms = now;
	}
	if (++reader->lines == LINES_MAX)
		log_write(LOG_LEVEL_CRITICAL, reader->label,
			  "moves too often: not all of it is logged");
	return reader->lines < LINES_MAX;
}

static void enter_movement(struct reader *reader, unsigned slot,
			   enum ledger_kind kind, enum ledger_cause cause)
{
	const struct ledger_entry entry = {
		.slot = (uint8_t)slot,
		.kind = kind,
		.cause = cause,
		.visit = reader->track.slot[slot].visit,
		.wall_ms = clock_wall(),
		.monotonic_ms = clock_now(),
	};
	uint32_t number = ledger_note(&reader->ledger, &entry);

	if (movement_may_log(reader))
		log_write(LOG_LEVEL_INFO, reader->label,
			  "slot %u: %s, visit %u (%s), movement %u", slot,
			  ledger_kind_text(kind), entry.visit,
			  ledger_cause_text(cause), number);
}

static void enter_news(struct reader *reader, unsigned slot, unsigned news,
		       enum ledger_cause cause)
{
	for (size_t i = 0; i < ROWS(kinds); i++)
		if (news & kinds[i].news)
			enter_movement(reader, slot, kinds[i].kind, cause);
	for (size_t i = 0; i < ROWS(habits); i++)
		if (news & habits[i].news && movement_may_log(reader))
			log_write(LOG_LEVEL_INFO, reader->label, "slot %u: %s",
				  slot, habits[i].text);
}

#define MOVED	(TRACK_INSERTED | TRACK_REMOVED | TRACK_SWAPPED)

/* What an answer tells of, the cause of the doubt has told before. */
static enum ledger_cause note_cause(struct slot *slot, unsigned news,
				    enum ledger_cause cause)
{
	enum ledger_cause doubt = slot->doubt;

	if (news & TRACK_SETTLED)
		slot->doubt = 0;
	else if ((news & TRACK_DOUBTED) && !(news & MOVED) && !doubt)
		slot->doubt = cause;
	return cause == LEDGER_CHECK && doubt ? doubt : cause;
}

/*
 * A command to a card that left is not waited for any more. A power-up finds
 * the card that is there, and readers set the change bit for no reason then.
 */
static bool has_departed(const struct reader *reader, unsigned slot,
			 unsigned news)
{
	return (news & TRACK_REMOVED) ||
	       ((news & TRACK_SWAPPED) && !reader->track.slot[slot].powering);
}

/*
 * The watcher looks whether its wait is over; the owner of the slot, whether
 * the card that it works with is still there.
 */
static void tell(struct reader *reader, unsigned slot, unsigned news,
		 enum ledger_cause cause)
{
	struct slot *s = &reader->slot[slot];

	if (!news)
		return;
	if (has_departed(reader, slot, news)) {
		s->departures++;
		s->departed_ms = clock_now();
	}
	pthread_cond_broadcast(&s->moved);
	reader_wake_slot(reader, slot);
	PROBE_MOVEMENT(reader->label, slot, news, ledger_cause_text(cause));
	enter_news(reader, slot, news, note_cause(s, news, cause));
}

/* A reply that misses a card while it is powered up: the power-up fails. */
static enum ledger_cause cause_of_reply(const struct reader *reader,
					unsigned slot)
{
	return reader->track.slot[slot].powering ? LEDGER_POWER_UP
						 : LEDGER_REPLY;
}

/*
 * The first reply to whoever opens the slot. A question that was under way when
 * the slot was closed opens nothing.
 */
static void take_first_reply(struct reader *reader, unsigned slot,
			     enum ccid_icc icc, uint64_t now)
{
	struct slot *s = &reader->slot[slot];

	if (!exchange_is_owned(reader, slot))
		return;
	if (s->late)
		tell(reader, slot,
		     track_found(&reader->track, slot, icc != CCID_ICC_ABSENT,
				 now),
		     LEDGER_CHECK);
	else
		track_open(&reader->track, slot, icc != CCID_ICC_ABSENT, now);
	s->open = true;
	if (s->noticed)
		movement_missed(reader, slot);
}

void movement_replied(struct reader *reader, unsigned slot, enum ccid_icc icc,
		      bool question)
{
	struct slot *s = &reader->slot[slot];
	uint64_t now = clock_now();

	s->unanswered = 0;
	if (!s->open) {
		take_first_reply(reader, slot, icc, now);
		return;
	}
	if (question)
		tell(reader, slot,
		     track_answered(&reader->track, slot, icc, now),
		     LEDGER_CHECK);
	else
		tell(reader, slot, track_replied(&reader->track, slot, icc),
		     cause_of_reply(reader, slot));
}

void movement_refused(struct reader *reader, unsigned slot)
{
	reader->slot[slot].unanswered = 0;
	if (reader->slot[slot].open)
		tell(reader, slot, track_unanswered(&reader->track, slot),
		     LEDGER_CHECK);
}

void movement_unanswered(struct reader *reader, unsigned slot)
{
	unsigned before = reader->slot[slot].unanswered;

	movement_refused(reader, slot);
	if (reader->slot[slot].open)
		reader->slot[slot].unanswered = before + 1;
}

uint64_t movement_question_due(struct reader *reader, unsigned slot,
			       uint64_t now)
{
	unsigned news;
	uint64_t due = track_question_due(&reader->track, slot, now, &news);

	tell(reader, slot, news, LEDGER_CHECK);
	return due;
}

void movement_power_doubted(struct reader *reader, unsigned slot)
{
	tell(reader, slot, track_missed(&reader->track, slot), LEDGER_POWER_UP);
	track_indulge(&reader->track, slot);
}

void movement_power_begun(struct reader *reader, unsigned slot,
			  enum track_power kind)
{
	tell(reader, slot,
	     track_power_begun(&reader->track, slot, kind, clock_now()),
	     LEDGER_POWER_UP);
}

void movement_power_failed(struct reader *reader, unsigned slot)
{
	tell(reader, slot,
	     track_power_failed(&reader->track, slot, clock_now()),
	     LEDGER_POWER_UP);
}

void movement_powered(struct reader *reader, unsigned slot)
{
	tell(reader, slot,
	     track_power_done(&reader->track, slot, clock_now()),
	     LEDGER_POWER_UP);
}

void movement_identified(struct reader *reader, unsigned slot, bool same)
{
	tell(reader, slot,
	     track_identified(&reader->track, slot, same, clock_now()),
	     LEDGER_ATR);
}

void movement_resumed(struct reader *reader)
{
	uint64_t now = clock_now();

	reader->greeted = false;
	for (unsigned i = 0; i < reader->desc.slots; i++) {
		if (reader->slot[i].open)
			tell(reader, i, track_resumed(&reader->track, i, now),
			     LEDGER_RESUME);
		else
			reader->slot[i].noticed = true;
	}
}

void movement_notice_sleep(struct reader *reader)
{
	uint64_t slept = clock_slept();

	if (slept < reader->slept_ms + SLEEP_MS)
		return;
	reader->slept_ms = slept;
	movement_resumed(reader);
	question_pump(reader, clock_now());
}

void movement_reset(struct reader *reader)
{
	uint64_t now = clock_now();

	reader->greeted = false;
	for (unsigned i = 0; i < reader->desc.slots; i++) {
		reader->slot[i].atr_size = 0;
		if (reader->slot[i].open)
			tell(reader, i, track_reset(&reader->track, i, now),
			     LEDGER_RESET);
	}
}

void movement_missed(struct reader *reader, unsigned slot)
{
	if (reader->slot[slot].open)
		tell(reader, slot, track_missed(&reader->track, slot),
		     LEDGER_LOSS);
	else
		reader->slot[slot].noticed = true;
}

void movement_miss_all(struct reader *reader)
{
	for (unsigned i = 0; i < reader->desc.slots; i++)
		movement_missed(reader, i);
}

void movement_notified(struct reader *reader, unsigned slot, bool present,
		       bool changed)
{
	if (reader->slot[slot].open)
		tell(reader, slot,
		     track_notified(&reader->track, slot, present, changed,
				    clock_now()),
		     LEDGER_NOTIFICATION);
	else
		reader->slot[slot].noticed = true;
}

size_t movement_ledger(struct reader *reader, uint8_t bytes[LEDGER_SIZE_MAX])
{
	size_t size;

	pthread_mutex_lock(&reader->lock);
	size = ledger_put(&reader->ledger, bytes);
	pthread_mutex_unlock(&reader->lock);
	return size;
}
