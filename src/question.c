/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "question.h"

#include <errno.h>

#include "attempt.h"
#include "ccid.h"
#include "clock.h"
#include "exchange.h"
#include "gate.h"
#include "halt.h"
#include "movement.h"
#include "recovery.h"
#include "track_asked.h"

#define UNANSWERED_MAX	2	/* in a row, until the ladder */
#define SPARED_MS	1000	/* before a slot is mended again */

static const struct exchange_command question = {
	.type = CCID_GET_SLOT_STATUS,
	.wait_ms = EXCHANGE_SHORT_MS,
	.deadline = CLOCK_NEVER,
};

/* The watcher, if there is one, sees to it that the question does not last. */
static bool ask(struct channel *channel, unsigned slot, uint64_t now)
{
	if (!channel_take(channel, slot, false, CLOCK_NEVER))
		return false;
	channel->question = true;
	channel->reader->overtaken = true;
	track_asked(&channel->reader->track, slot, now);
	channel->reader->turn = slot + 1;
	channel_send(channel, question.type, question.parameters, 0);
	pthread_cond_broadcast(&channel->reader->slot[slot].moved);
	return true;
}

static bool is_asked(const struct slot *slot)
{
	return slot->owned && !slot->channel->attended;
}

/*
 * When a question under way is overdue; if it is, it ends. A slot that was
 * closed meanwhile must not keep its channel from the others either.
 */
static uint64_t pump_asked(struct channel *channel, uint64_t now)
{
	uint64_t due = channel->since + question.wait_ms;

	if (!channel->waiting)
		return CLOCK_NEVER;
	if (due > now)
		return due;
	channel_finish(channel, -ETIMEDOUT);
	return CLOCK_NEVER;
}

/*
 * One question more would be in vain: whoever waits is to see to it, a client
 * at once.
 */
static bool is_ailing(const struct reader *reader, unsigned slot)
{
	const struct slot *s = &reader->slot[slot];

	if (s->callers)
		return s->unanswered > 0;
	return s->unanswered >= UNANSWERED_MAX &&
	       reader->track.slot[slot].waiting;
}

/*
 * A question comes before clients of other slots, once: where a reader does one
 * thing at a time, two of these leave it no moment's rest, and a slow answer that
 * always raises the next question would leave them none. Not so where one was
 * not answered: there would always be one more of them.
 */
static struct channel *find_channel_to_ask(struct reader *reader,
					   unsigned slot)
{
	if (reader->slot[slot].owned || reader->slot[slot].wanted ||
	    halt_is_noted(reader, HALT_BULK))
		return NULL;
	/* One that a client waits for is as good as its command. */
	if (reader->slot[slot].callers ||
	    (!reader->track.unanswered && !reader->overtaken))
		return channel_find_free(reader);
	for (unsigned i = 0; i < reader->desc.slots; i++)
		if (reader->slot[i].wanted && !reader->slot[i].owned)
			return NULL;
	return channel_find_free(reader);
}

/* Who was turned away at a gate is not called. */
static uint64_t come_back(const struct reader *reader, uint64_t now)
{
	return reader->gate ? now + GATE_MS : CLOCK_NEVER;
}

/* Without a free channel there is no hurry: its release wakes the watchers. */
static uint64_t pump_slot(struct reader *reader, unsigned slot, uint64_t now)
{
	struct slot *s = &reader->slot[slot];
	uint64_t due = movement_question_due(reader, slot, now);
	struct channel *channel = find_channel_to_ask(reader, slot);

	if (due > now)
		return due;
	if (!channel) {
		reader->starved = true;
		return come_back(reader, now);
	}
	if (is_ailing(reader, slot)) {
		pthread_cond_broadcast(&s->moved);
		reader_wake_slot(reader, slot);
		return CLOCK_NEVER;
	}
	if (!ask(channel, slot, now))
		return come_back(reader, now);
	return is_asked(s) ? now + question.wait_ms
			   : movement_question_due(reader, slot, now);
}

uint64_t question_pump(struct reader *reader, uint64_t now)
{
	uint64_t next = CLOCK_NEVER;
	unsigned first = reader->turn;

	for (unsigned i = 0; i < reader->desc.slots; i++) {
		unsigned slot = (first + i) % reader->desc.slots;
		struct slot *s = &reader->slot[slot];

		if (is_asked(s))
			next = clock_earlier(next, pump_asked(s->channel, now));
		else if (s->open && attempt_is_usable(reader, slot))
			next = clock_earlier(next,
					     pump_slot(reader, slot, now));
	}
	return next;
}

bool question_ask(struct reader *reader, unsigned slot, uint64_t now)
{
	struct channel *channel = channel_find_free(reader);

	if (reader->slot[slot].owned || !channel ||
	    halt_is_noted(reader, HALT_BULK))
		return false;
	return ask(channel, slot, now);
}

bool question_is_owed(struct reader *reader, unsigned slot)
{
	const struct slot *s = &reader->slot[slot];

	return is_asked(s) || (!s->owned && channel_find_free(reader));
}

bool question_mend(struct reader *reader, unsigned slot, uint64_t end)
{
	struct slot *s = &reader->slot[slot];
	struct channel *channel = channel_find_free(reader);
	struct recovery recovery = { .end = RECOVERY_RUNGS };
	int r;

	if (halt_clear(reader, HALT_ALL))
		return true;
	if (!is_ailing(reader, slot) || s->owned || !channel ||
	    !channel_take(channel, slot, true, end))
		return false;
	r = recovery_climb(channel, -EIO, &recovery);
	attempt_settle(channel);
	channel_release(channel);
	question_pump(reader, clock_now());
	/* Spared for another slot's sake: there is no hurry to come again. */
	if (r < 0 && recovery.rung < RECOVERY_RUNGS)
		attempt_pause(reader, slot, clock_now() + SPARED_MS);
	return true;
}

void question_resume(struct reader *reader)
{
	if (!reader->starved)
		return;
	reader->starved = false;
	for (unsigned i = 0; i < reader->desc.slots; i++)
		pthread_cond_broadcast(&reader->slot[i].moved);
	question_pump(reader, clock_now());
}

/*
 * Of a slot that ends meanwhile nothing is asked: the question would count as
 * under way, and the next one would never be due.
 */
void question_ask_owned(struct channel *channel, uint64_t patience)
{
	struct reader *reader = channel->reader;
	uint64_t due = movement_question_due(reader, channel->slot,
					     clock_now());
	struct recovery recovery = { .end = RECOVERY_RUNGS };
	int r;

	attempt_pause(reader, channel->slot, clock_earlier(due, patience));
	attempt_prepare(channel);
	if (due > clock_now() || clock_now() >= patience ||
	    !attempt_is_usable(reader, channel->slot))
		return;
	track_asked(&reader->track, channel->slot, clock_now());
	channel->question = true;
	r = attempt_run(channel, &question);
	if (r < 0)
		recovery_climb(channel, r, &recovery);
}

