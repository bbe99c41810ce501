/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "exchange.h"

#include <errno.h>
#include <string.h>

#include "channel.h"
#include "clock.h"
#include "log.h"
#include "movement.h"

#define ABORT_MS	1000	/* each of the two halves of an abort */
#define REMOVAL_GRACE_MS 500	/* for a reader to answer for a card that left */
#define BUSY_TRIES	8	/* with pauses of 10, 20 ... 1280 ms */
#define BUSY_PAUSE_MS	10u

static const struct exchange_command question = {
	.type = CCID_GET_SLOT_STATUS,
	.wait_ms = EXCHANGE_SHORT_MS,
	.deadline = CLOCK_NEVER,
};

static bool is_usable(const struct reader *reader, unsigned slot)
{
	return !reader->gone && !reader->slot[slot].closing;
}

/* The watcher, if there is one, sees to it that the question does not last. */
static void ask(struct channel *channel, unsigned slot, uint64_t now)
{
	channel_take(channel, slot, false);
	channel->question = true;
	track_asked(&channel->reader->track, slot, now);
	channel->reader->turn = slot + 1;
	channel_send(channel, question.type, question.parameters, 0);
	pthread_cond_broadcast(&channel->reader->slot[slot].moved);
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

/* Without a free channel there is no hurry: its release wakes the watchers. */
static uint64_t pump_slot(struct reader *reader, unsigned slot, uint64_t now)
{
	struct slot *s = &reader->slot[slot];
	uint64_t due = movement_question_due(reader, slot, now);
	struct channel *channel = s->owned ? NULL : channel_find_free(reader);

	if (due > now)
		return due;
	if (!channel) {
		reader->starved = true;
		return CLOCK_NEVER;
	}
	ask(channel, slot, now);
	return is_asked(s) ? now + question.wait_ms
			   : movement_question_due(reader, slot, now);
}

uint64_t exchange_pump(struct reader *reader, uint64_t now)
{
	uint64_t next = CLOCK_NEVER;
	unsigned first = reader->turn;

	for (unsigned i = 0; i < reader->desc.slots; i++) {
		unsigned slot = (first + i) % reader->desc.slots;
		struct slot *s = &reader->slot[slot];

		if (is_asked(s))
			next = clock_earlier(next, pump_asked(s->channel, now));
		else if (s->open && is_usable(reader, slot))
			next = clock_earlier(next,
					     pump_slot(reader, slot, now));
	}
	return next;
}

bool exchange_ask(struct reader *reader, unsigned slot, uint64_t now)
{
	struct channel *channel = channel_find_free(reader);

	if (reader->slot[slot].owned || !channel)
		return false;
	ask(channel, slot, now);
	return true;
}

static int allowed(const struct reader *reader, unsigned slot,
		   enum exchange_purpose purpose)
{
	if (!is_usable(reader, slot))
		return -ENODEV;
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

/* A reader that is busy with something else owes no answer yet. */
static bool may_be_asked(struct reader *reader, unsigned slot)
{
	const struct slot *s = &reader->slot[slot];

	return is_asked(s) || (!s->owned && channel_find_free(reader));
}

/* Caller locks. */
static int wait_for_slot(struct reader *reader, unsigned slot,
			 enum exchange_purpose purpose)
{
	struct slot *s = &reader->slot[slot];
	uint64_t patience = clock_now() + EXCHANGE_SHORT_MS;
	uint64_t now, due;
	int r;

	for (;;) {
		r = allowed(reader, slot, purpose);
		if (r == -ENODEV)
			return r;
		if (r != -EAGAIN && !s->owned && channel_find_free(reader))
			return r;
		now = clock_now();
		if (!may_be_asked(reader, slot))
			patience = now + EXCHANGE_SHORT_MS;
		if (r == -EAGAIN && now >= patience)
			return -ETIMEDOUT;
		due = exchange_pump(reader, now);
		if (r == -EAGAIN)
			due = clock_earlier(due, patience);
		clock_wait(&s->replied, &reader->lock, due);
	}
}

int exchange_begin(struct reader *reader, unsigned slot,
		   enum exchange_purpose purpose)
{
	int r;

	pthread_mutex_lock(&reader->lock);
	r = wait_for_slot(reader, slot, purpose);
	if (r == 0)
		channel_take(channel_find_free(reader), slot, true);
	pthread_mutex_unlock(&reader->lock);
	return r;
}

bool exchange_is_owned(const struct reader *reader, unsigned slot)
{
	const struct slot *s = &reader->slot[slot];

	return s->owned && !is_asked(s);
}

/* Caller locks. Cancelled transfers come back at once. */
static void wait_until_idle(struct channel *channel)
{
	struct reader *reader = channel->reader;

	while (!channel_is_idle(channel)) {
		channel_cancel(channel);
		pthread_cond_wait(&reader->slot[channel->slot].replied,
				  &reader->lock);
	}
}

void exchange_end(struct reader *reader, unsigned slot)
{
	struct channel *channel;

	pthread_mutex_lock(&reader->lock);
	channel = reader->slot[slot].channel;
	wait_until_idle(channel);
	channel_release(channel);
	exchange_pump(reader, clock_now());
	pthread_mutex_unlock(&reader->lock);
}

static bool card_left(const struct channel *channel)
{
	return channel->reader->slot[channel->slot].departures !=
	       channel->departures;
}

/* Until when the reply is waited for. Caller locks. */
static uint64_t patience_end(const struct channel *channel,
			     const struct exchange_command *command)
{
	const struct slot *s = &channel->reader->slot[channel->slot];
	uint64_t end = channel->since +
		       (uint64_t)command->wait_ms * channel->multiple;

	if (!is_usable(channel->reader, channel->slot))
		return 0;
	if (card_left(channel))
		end = clock_earlier(end, s->departed_ms + REMOVAL_GRACE_MS);
	return clock_earlier(end, command->deadline);
}

/* Caller locks. Comes back with the command finished or out of patience. */
static void wait_for_reply(struct channel *channel,
			   const struct exchange_command *command)
{
	struct reader *reader = channel->reader;

	while (channel->waiting) {
		uint64_t end = patience_end(channel, command);

		if (clock_now() >= end)
			return;
		clock_wait(&reader->slot[channel->slot].replied, &reader->lock,
			   end);
	}
}

/* Caller locks. Also while the slot is closing: the next user shall find peace. */
static void abort_on_bulk(struct channel *channel)
{
	struct reader *reader = channel->reader;
	struct slot *s = &reader->slot[channel->slot];
	uint64_t end = clock_now() + ABORT_MS;

	while (channel->out_busy || (channel->in_busy && !channel->waiting)) {
		usb_cancel(channel->out);
		pthread_cond_wait(&s->replied, &reader->lock);
	}
	channel_send_abort(channel);
	while (channel->waiting && !reader->gone && clock_now() < end)
		clock_wait(&s->replied, &reader->lock, end);
}

/*
 * CCID 1.1, 5.3.1: a request on the control pipe and a command on the bulk
 * pipe, in any order. What a reader that knows neither sends later is dropped
 * by its sequence number. Caller locks.
 */
static void abort_command(struct channel *channel)
{
	struct reader *reader = channel->reader;
	uint16_t value = (uint16_t)((unsigned)channel->seq << 8 |
				    channel->slot);
	int r;

	channel->aborting = true;
	pthread_mutex_unlock(&reader->lock);
	r = usb_request(reader->usb, CCID_CONTROL_ABORT, value, ABORT_MS);
	pthread_mutex_lock(&reader->lock);
	if (r == 0 && !reader->gone)
		abort_on_bulk(channel);
	log_write(LOG_LEVEL_COMM, reader->label, "slot %u: command aborted%s",
		  channel->slot,
		  r < 0 || channel->waiting ? ", the reader did not follow"
					    : "");
	channel_finish(channel, -ETIMEDOUT);
	wait_until_idle(channel);
}

/* Caller locks. */
static int give_up(struct channel *channel)
{
	struct reader *reader = channel->reader;
	bool left = card_left(channel);

	if (!reader->gone)
		abort_command(channel);
	channel_finish(channel, -ENODEV);
	if (!is_usable(reader, channel->slot))
		return -ENODEV;
	return left ? -ESTALE : -ETIMEDOUT;
}

static int error_of_status(int status)
{
	switch (status) {
	case 0:
	case -ENODEV:
	case -ETIMEDOUT:
	case -EPROTO:
		return status;
	case -EBADMSG:
		return -EPROTO;
	}
	return -EIO;
}

/* Caller locks. */
static int run_once(struct channel *channel,
		    const struct exchange_command *command)
{
	if (!is_usable(channel->reader, channel->slot))
		return -ENODEV;
	wait_until_idle(channel);
	if (command->size)
		memcpy(channel->out->data + CCID_HEADER_SIZE, command->data,
		       command->size);
	channel_send(channel, command->type, command->parameters,
		     command->size);
	wait_for_reply(channel, command);
	if (channel->waiting)
		return give_up(channel);
	return error_of_status(channel->status);
}

static bool is_busy(const struct ccid_reply *reply)
{
	return reply->outcome == CCID_FAILED &&
	       (reply->error == CCID_ERROR_SLOT_BUSY ||
		reply->error == CCID_ERROR_AUTO_SEQUENCE);
}

/* Caller locks. Ends early if the slot does. */
static void pause_until(struct reader *reader, unsigned slot, uint64_t end)
{
	while (is_usable(reader, slot) && clock_now() < end)
		clock_wait(&reader->slot[slot].replied, &reader->lock, end);
}

void exchange_pause(struct reader *reader, unsigned slot, unsigned ms)
{
	pthread_mutex_lock(&reader->lock);
	pause_until(reader, slot, clock_now() + ms);
	pthread_mutex_unlock(&reader->lock);
}

/*
 * The owner asks in its own channel, once the question is due. Of a slot that
 * ends meanwhile nothing is asked: the question would count as under way, and
 * the next one would never be due. Caller locks.
 */
static void ask_as_owner(struct channel *channel, uint64_t patience)
{
	struct reader *reader = channel->reader;
	uint64_t due = movement_question_due(reader, channel->slot,
					     clock_now());

	pause_until(reader, channel->slot, clock_earlier(due, patience));
	if (due > clock_now() || !is_usable(reader, channel->slot))
		return;
	track_asked(&reader->track, channel->slot, clock_now());
	channel->question = true;
	run_once(channel, &question);
}

/*
 * The channel is idle and the purpose allowed without a doubt, and the lock is
 * not given up any more until the command is sent. Caller locks.
 */
static int make_ready(struct channel *channel, enum exchange_purpose purpose)
{
	uint64_t patience = clock_now() + EXCHANGE_SHORT_MS;

	for (;;) {
		int r;

		wait_until_idle(channel);
		r = allowed(channel->reader, channel->slot, purpose);
		if (r != -EAGAIN)
			return r;
		if (clock_now() >= patience)
			return -ETIMEDOUT;
		ask_as_owner(channel, patience);
	}
}

static int run(struct channel *channel, const struct exchange_command *command)
{
	for (unsigned i = 0;; i++) {
		int r = make_ready(channel, command->purpose);

		channel->question = false;
		if (r == 0)
			r = run_once(channel, command);
		if (r < 0 || !is_busy(&channel->reply) || i == BUSY_TRIES)
			return r;
		pause_until(channel->reader, channel->slot,
			    clock_now() + (BUSY_PAUSE_MS << i));
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

int exchange_run(struct reader *reader, unsigned slot,
		 const struct exchange_command *command,
		 struct ccid_reply *ret_reply)
{
	struct channel *channel = reader->slot[slot].channel;
	int r;

	if (command->size > channel->out->size - CCID_HEADER_SIZE)
		return -EMSGSIZE;
	pthread_mutex_lock(&reader->lock);
	r = run(channel, command);
	/* Whose answer would it be? */
	if (r == 0 && command->purpose == EXCHANGE_CARD && card_left(channel))
		r = -ESTALE;
	if (r == 0)
		*ret_reply = channel->reply;
	pthread_mutex_unlock(&reader->lock);
	if (log_wants(LOG_LEVEL_COMM))
		log_outcome(channel, command, r);
	return r;
}

int exchange_recheck(struct reader *reader, unsigned slot,
		     enum exchange_purpose purpose)
{
	int r;

	pthread_mutex_lock(&reader->lock);
	r = make_ready(reader->slot[slot].channel, purpose);
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
			wait_until_idle(&reader->channels[i]);
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
