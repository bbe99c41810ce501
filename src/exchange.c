/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "exchange.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attempt.h"
#include "channel.h"
#include "clock.h"
#include "gate.h"
#include "log.h"
#include "movement.h"
#include "probe.h"
#include "question.h"
#include "recovery.h"

#define BUSY_PAUSES	7	/* of 10, 20 ... 640 ms */
#define BUSY_PAUSE_MS	10u
#define DOUBT_MS	(EXCHANGE_SHORT_MS + 1000)	/* and its end */
#define QUESTIONS_MS	(2 * EXCHANGE_SHORT_MS)	/* may hold a call up */

static int allowed(const struct reader *reader, unsigned slot,
		   enum exchange_purpose purpose)
{
	if (!attempt_is_usable(reader, slot))
		return -ENODEV;
	if (reader->held)
		return -EBUSY;
	switch (purpose) {
	case EXCHANGE_READER:
		break;
	case EXCHANGE_POWER:
		return track_may_power(&reader->track, slot);
	case EXCHANGE_CARD:
		return track_may_transmit(&reader->track, slot);
	}
	return 0;
}

/* Caller locks. */
static void let_go(struct channel *channel)
{
	struct reader *reader = channel->reader;

	attempt_settle(channel);
	channel_release(channel);
	question_pump(reader, clock_now());
}

/* A reader that takes long to start does so after a reset, too. */
static uint64_t find_end(const struct reader *reader, uint64_t now,
			 unsigned ms)
{
	unsigned start_ms = reader->quirk.start_ms;

	if (start_ms > EXCHANGE_SHORT_MS)
		ms += start_ms - EXCHANGE_SHORT_MS;
	return now + ms;
}

/* Caller locks. */
static enum desc_level level_of(const struct reader *reader, unsigned slot)
{
	struct desc desc;

	if (!reader->quirk.features)
		return reader->desc.level;
	desc = reader->desc;
	quirk_fit_slot(&reader->quirk, slot, &desc);
	return desc.level;
}

/*
 * Slots whose clients wait for a channel get one in turn: a client that pauses
 * for less time than a thread needs to wake up would leave the others none.
 */
static bool is_its_turn(const struct reader *reader, unsigned slot)
{
	unsigned ahead = 0, free = 0;

	for (unsigned i = 0; i < reader->desc.slots; i++) {
		const struct slot *s = &reader->slot[i];

		ahead += s->wanted && !s->owned &&
			 (int32_t)(s->turn - reader->slot[slot].turn) < 0;
	}
	for (unsigned i = 0; i < reader->desc.busy_slots; i++)
		free += !reader->channels[i].taken;
	return ahead < free;
}

static void line_up(struct reader *reader, unsigned slot)
{
	reader->slot[slot].turn = reader->turns++;
}

/*
 * Whoever made way for this slot need not any more. Nobody does for a slot that
 * is owned, and its release wakes all. Caller locks.
 */
static void leave_line(struct reader *reader)
{
	for (unsigned i = 0; i < reader->desc.slots; i++)
		if (reader->slot[i].wanted)
			reader_wake_slot(reader, i);
}

/* Caller locks. */
static bool take(struct reader *reader, unsigned slot, uint64_t end)
{
	struct channel *channel = channel_find_free(reader);

	if (!channel || !is_its_turn(reader, slot) ||
	    !channel_take(channel, slot, true, end))
		return false;
	if (reader->slot[slot].wanted)
		line_up(reader, slot);
	reader->overtaken = false;
	reader->slot[slot].level = level_of(reader, slot);
	return true;
}

static bool is_command_under_way(const struct reader *reader)
{
	for (unsigned i = 0; i < reader->desc.busy_slots; i++)
		if (reader->channels[i].taken && reader->channels[i].attended)
			return true;
	return false;
}

/*
 * Caller locks, and counts as one. 0: the slot is its own. Its time begins as
 * soon as nobody else's command holds it up. Questions do so for a while only:
 * a reader can always raise the next one.
 */
static int wait_for_slot(struct reader *reader, unsigned slot,
			 enum exchange_purpose purpose, unsigned ms)
{
	struct slot *s = &reader->slot[slot];
	uint64_t patience = 0, end = 0, since = clock_now(), now, due;
	bool held = true, in_line = false, busy = false;
	int r;

	if (!s->wanted)
		line_up(reader, slot);
	for (;;) {
		movement_notice_sleep(reader);
		now = clock_now();
		if (busy)
			since = now;
		busy = is_command_under_way(reader);
		if (held && (!end || now < since + QUESTIONS_MS)) {
			patience = now + DOUBT_MS;
			end = find_end(reader, now, ms);
		}
		held = !question_is_owed(reader, slot);
		r = allowed(reader, slot, purpose);
		if (r < 0 && in_line && !s->owned)
			leave_line(reader);
		if (r == -ENODEV)
			return r;
		if (r != -EAGAIN && !s->owned &&
		    (r < 0 || take(reader, slot, end)))
			return r;
		if (r == -EAGAIN && now >= patience)
			return -ETIMEDOUT;
		if (r == -EAGAIN && question_mend(reader, slot, end))
			continue;
		due = question_pump(reader, now);
		if (r == -EAGAIN)
			due = clock_earlier(due, patience);
		if (reader->gate)
			due = clock_earlier(due, now + GATE_MS);
		in_line = r != -EAGAIN;
		s->wanted += in_line;
		clock_wait(&s->replied, &reader->lock, due);
		s->wanted -= in_line;
	}
}

int exchange_begin(struct reader *reader, unsigned slot,
		   enum exchange_purpose purpose, unsigned ms)
{
	int r;

	pthread_mutex_lock(&reader->lock);
	reader->slot[slot].callers++;
	r = wait_for_slot(reader, slot, purpose, ms);
	reader->slot[slot].callers--;
	if (r < 0)
		question_resume(reader);
	pthread_mutex_unlock(&reader->lock);
	return r;
}

bool exchange_is_owned(const struct reader *reader, unsigned slot)
{
	const struct slot *s = &reader->slot[slot];

	return s->owned && s->channel->attended;
}

bool exchange_is_past(const struct reader *reader, unsigned slot)
{
	return reader->slot[slot].channel->resets != reader->resets;
}

void exchange_end(struct reader *reader, unsigned slot)
{
	pthread_mutex_lock(&reader->lock);
	let_go(reader->slot[slot].channel);
	pthread_mutex_unlock(&reader->lock);
}

/*
 * A reply that says of the command that it was not taken. "Aborted" is one that
 * was not: the reader is left in the middle of an abort, by whomever.
 */
static int error_of_reply(const struct ccid_reply *reply)
{
	if (reply->outcome != CCID_FAILED)
		return 0;
	switch (reply->error) {
	case CCID_ERROR_SLOT_BUSY:
	case CCID_ERROR_AUTO_SEQUENCE:
		return -EBUSY;
	case CCID_ERROR_ABORTED:
		return -EIO;
	}
	return 0;
}

/* Caller locks. */
static void pause_owner(struct channel *channel, unsigned ms)
{
	attempt_pause(channel->reader, channel->slot,
		      clock_earlier(clock_now() + ms, channel->end));
}

void exchange_pause(struct reader *reader, unsigned slot, unsigned ms)
{
	pthread_mutex_lock(&reader->lock);
	pause_owner(reader->slot[slot].channel, ms);
	pthread_mutex_unlock(&reader->lock);
}

/*
 * The channel is idle and the purpose allowed without a doubt, and the lock is
 * not given up any more until the command is sent. Caller locks.
 */
static int make_ready(struct channel *channel, enum exchange_purpose purpose)
{
	uint64_t patience = clock_earlier(clock_now() + EXCHANGE_SHORT_MS,
					  channel->end);

	for (;;) {
		int r;

		attempt_prepare(channel);
		movement_notice_sleep(channel->reader);
		r = allowed(channel->reader, channel->slot, purpose);
		if (r != -EAGAIN)
			return r;
		if (clock_now() >= patience)
			return -ETIMEDOUT;
		question_ask_owned(channel, patience);
	}
}

/* What the reader does twice as it does once, and no card hears of. */
static bool is_harmless(uint8_t type)
{
	return type == CCID_GET_SLOT_STATUS || type == CCID_POWER_OFF ||
	       type == CCID_GET_PARAMETERS || type == CCID_SET_PARAMETERS ||
	       type == CCID_RESET_PARAMETERS;
}

/* 0: the command may be sent once more. -EBUSY: it was not taken at all. */
static int recover(struct channel *channel,
		   const struct exchange_command *command, int error,
		   struct recovery *recovery)
{
	bool again = error == -EBUSY ||
		     (!recovery->rung && is_harmless(command->type));
	bool left = error == -ETIMEDOUT && attempt_card_left(channel);
	int r;

	if (error == -EBUSY && recovery->rung == recovery->end)
		return -EIO;
	r = recovery_climb(channel, error, recovery);
	if (r < 0)
		return r;
	if (left)
		return -ESTALE;
	if (again)
		return 0;
	return error == -ECONNRESET ? -EIO : error;
}

static int run(struct channel *channel, const struct exchange_command *command)
{
	struct exchange_command attempt = *command;
	struct recovery recovery = {
		.end = command->gentle ? RECOVERY_GENTLE : RECOVERY_RUNGS,
	};
	unsigned pauses = 0;
	int r;

	for (;;) {
		r = make_ready(channel, command->purpose);
		if (r < 0)
			return r;
		if (clock_now() >= channel->end)
			return -ETIMEDOUT;
		channel->question = false;
		r = attempt_run(channel, &attempt);
		if (r == 0)
			r = error_of_reply(&channel->reply);
		if (r == 0)
			return 0;
		if (r == -EBUSY && pauses < BUSY_PAUSES) {
			pause_owner(channel, BUSY_PAUSE_MS << pauses++);
			continue;
		}
		r = recover(channel, command, r, &recovery);
		if (r < 0)
			return r;
		if (attempt.deadline < clock_now() + attempt.wait_ms)
			attempt.deadline = clock_now() + attempt.wait_ms;
	}
}

static void log_outcome(const struct channel *channel,
			const struct exchange_command *command, int r)
{
	const char *outcome = r < 0 ? strerror(-r) : "done";

	if (r == 0 && channel->reply.outcome == CCID_FAILED)
		outcome = ccid_error_text(channel->reply.error);
	log_write(LOG_LEVEL_COMM, channel->reader->label,
		  "slot %u: command %02X, %zu bytes: %s, %zu bytes",
		  channel->slot, command->type, command->size, outcome,
		  r < 0 ? 0 : channel->reply.size);
}

/* For the administrator who has asked for PINs in the log. */
static void log_messages(const struct channel *channel,
			 const struct exchange_command *command, int r)
{
	const struct ccid_reply *reply = &channel->reply;
	const uint8_t *parameters = command->parameters;
	char text[48];

	snprintf(text, sizeof(text), "slot %u: > %02X (%02X %02X %02X)",
		 channel->slot, command->type, parameters[0], parameters[1],
		 parameters[2]);
	log_bytes(channel->reader->label, text, command->data, command->size);
	if (r < 0)
		return;
	snprintf(text, sizeof(text), "slot %u: < outcome %d, error %02X, %02X:",
		 channel->slot, (int)reply->outcome, reply->error,
		 reply->extra);
	log_bytes(channel->reader->label, text, reply->data, reply->size);
}

int exchange_run(struct reader *reader, unsigned slot,
		 const struct exchange_command *command,
		 struct ccid_reply *ret_reply)
{
	struct channel *channel = reader->slot[slot].channel;
	int r;

	if (command->size > channel->out->size - CCID_HEADER_SIZE)
		return -EMSGSIZE;
	PROBE_COMMAND(reader->label, slot, command->type, command->size);
	pthread_mutex_lock(&reader->lock);
	r = run(channel, command);
	/* Whose answer would it be? */
	if (r == 0 && command->purpose == EXCHANGE_CARD &&
	    attempt_card_left(channel))
		r = -ESTALE;
	if (r == 0)
		*ret_reply = channel->reply;
	pthread_mutex_unlock(&reader->lock);
	PROBE_ANSWER(reader->label, slot, command->type, r);
	if (log_wants(LOG_LEVEL_COMM))
		log_outcome(channel, command, r);
	if (log_wants(LOG_LEVEL_BYTES))
		log_messages(channel, command, r);
	return r;
}

int exchange_settle(struct reader *reader, unsigned slot,
		    enum exchange_purpose purpose)
{
	return make_ready(reader->slot[slot].channel, purpose);
}

int exchange_recheck(struct reader *reader, unsigned slot,
		     enum exchange_purpose purpose)
{
	int r;

	pthread_mutex_lock(&reader->lock);
	r = exchange_settle(reader, slot, purpose);
	pthread_mutex_unlock(&reader->lock);
	return r;
}

/* Every slot is closed: only questions can be under way. */
void exchange_close(struct reader *reader)
{
	pthread_mutex_lock(&reader->lock);
	for (unsigned i = 0;
	     reader->channels && i < reader->desc.busy_slots; i++)
		if (reader->channels[i].taken)
			attempt_settle(&reader->channels[i]);
	pthread_mutex_unlock(&reader->lock);
	channel_close_all(reader);
}

int exchange_open(struct reader *reader)
{
	return channel_open_all(reader);
}

void exchange_cancel(struct reader *reader)
{
	for (unsigned i = 0; i < reader->desc.busy_slots; i++)
		channel_cancel(&reader->channels[i]);
}
