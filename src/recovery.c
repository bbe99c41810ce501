/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "recovery.h"

#include <errno.h>

#include "attempt.h"
#include "clock.h"
#include "halt.h"
#include "listen.h"
#include "log.h"
#include "movement.h"
#include "probe.h"
#include "track_asked.h"

#define REQUEST_MS	500	/* the half of an abort on the control pipe */
#define ABORT_MS	1000	/* the half on the bulk pipes */
#define QUESTION_MS	1000	/* contactless readers may take that */
#define LADDERS_MAX	2	/* in vain, in a row: it is not merely slow */
#define RESET_QUESTIONS	3	/* at least: the first may come too early */

/* "Mute" is a good answer to the question what is there. */
static bool is_answered(const struct channel *channel)
{
	const struct ccid_reply *reply = &channel->reply;

	return reply->outcome == CCID_DONE || reply->error == CCID_ERROR_MUTE;
}

/* True if the reader answers: then whatever was wrong is over. */
static bool asks(struct channel *channel)
{
	const struct exchange_command question = {
		.type = CCID_GET_SLOT_STATUS,
		.wait_ms = QUESTION_MS,
		.deadline = CLOCK_NEVER,
	};
	int r;

	attempt_prepare(channel);
	if (clock_now() >= channel->end)
		return false;
	track_asked(&channel->reader->track, channel->slot, clock_now());
	channel->question = true;
	r = attempt_run(channel, &question);
	channel_finish(channel, r);
	attempt_settle(channel);
	channel->question = false;
	return r == 0 && is_answered(channel);
}

/* What was answered, however badly, is over: nothing is there to abort. */
static bool clear(struct channel *channel, int error)
{
	if (error == -ETIMEDOUT || error == -EBUSY || channel->cut)
		return false;
	return asks(channel);
}

/* Also while the slot is closing: the next user shall find peace. */
static bool abort_on_bulk(struct channel *channel)
{
	struct reader *reader = channel->reader;
	struct slot *s = &reader->slot[channel->slot];
	uint64_t end = clock_earlier(clock_now() + ABORT_MS, channel->end);

	while (channel->out_busy || (channel->in_busy && !channel->waiting) ||
	       halt_is_being_cleared(reader, HALT_BULK)) {
		usb_cancel(channel->out);
		pthread_cond_wait(&s->replied, &reader->lock);
	}
	halt_clear(reader, HALT_BULK);
	if (reader->gone || reader->mender || channel->cut)
		return false;
	channel_send_abort(channel);
	while (channel->waiting && !reader->gone && clock_now() < end)
		clock_wait(&s->replied, &reader->lock, end);
	return !channel->waiting && channel->status == 0;
}

/* No time at all would be no limit to libusb. */
static int request_abort(struct channel *channel)
{
	struct reader *reader = channel->reader;
	unsigned ms = clock_left(clock_now(), channel->end, REQUEST_MS);
	uint16_t value = (uint16_t)((unsigned)channel->seq << 8 |
				    channel->slot);
	int r;

	if (!ms)
		return -ETIMEDOUT;
	pthread_mutex_unlock(&reader->lock);
	r = usb_request(reader->usb, CCID_CONTROL_ABORT, value, ms);
	pthread_mutex_lock(&reader->lock);
	return r;
}

/*
 * CCID 1.1, 5.3.1: a request on the control pipe and a command on the bulk
 * pipe, in any order. What a reader that knows neither sends later is dropped
 * by its sequence number.
 */
static bool abort_command(struct channel *channel, int error)
{
	bool followed;
	int r;

	(void)error;
	if (channel->cut)
		return false;
	channel->aborting = true;
	r = request_abort(channel);
	followed = r == 0 && abort_on_bulk(channel);
	channel_finish(channel, -ETIMEDOUT);
	attempt_settle(channel);
	if (r == 0 || r == -ETIMEDOUT || channel->cut)
		return followed;
	return asks(channel);
}

static bool is_quiet(const struct reader *reader)
{
	if (reader->listening || halt_is_being_cleared(reader, HALT_ALL))
		return false;
	for (unsigned i = 0; i < reader->desc.busy_slots; i++)
		if (!channel_is_idle(&reader->channels[i]))
			return false;
	return true;
}

/* Commands of other slots end here, and nothing new is sent. */
static void silence(struct channel *channel)
{
	struct reader *reader = channel->reader;

	reader->mender = channel;
	for (unsigned i = 0; i < reader->desc.busy_slots; i++) {
		channel_finish(&reader->channels[i], -ECONNRESET);
		channel_cancel(&reader->channels[i]);
	}
	listen_pause(reader);
	while (!is_quiet(reader))
		pthread_cond_wait(&reader->quiet, &reader->lock);
}

/* What was written in part or halted, or seemed gone, the reset has ended. */
static void forget_faults(struct reader *reader)
{
	halt_forget(reader);
	reader->absent = 0;
	for (unsigned i = 0; i < reader->desc.busy_slots; i++)
		reader->channels[i].cut = false;
}

/*
 * libusb's reset ends what is under way in no defined way, so nothing is. It
 * needs no event thread and claims the interface again.
 */
static int reset_device(struct channel *channel)
{
	struct reader *reader = channel->reader;
	int r;

	silence(channel);
	log_write(LOG_LEVEL_CRITICAL, reader->label,
		  "does not answer: the device is reset");
	pthread_mutex_unlock(&reader->lock);
	r = usb_reset(reader->usb);
	pthread_mutex_lock(&reader->lock);
	reader->mender = NULL;
	reader->resets++;
	forget_faults(reader);
	if (r == 0)
		movement_reset(reader);
	if (r == 0)
		listen_on(reader);
	else
		reader_lost(reader);
	reader_wake(reader);
	return r;
}

/* As long as it may take to start, as when it was opened. */
static unsigned count_questions(const struct reader *reader)
{
	unsigned n = reader->quirk.start_ms / QUESTION_MS;

	return n < RESET_QUESTIONS ? RESET_QUESTIONS : n;
}

/* Somebody else's reset since the last question is as good as one's own. */
static bool reset(struct channel *channel, int error)
{
	struct reader *reader = channel->reader;

	(void)error;
	attempt_settle(channel);
	if (!attempt_is_usable(reader, channel->slot))
		return false;
	if (channel->resets == reader->resets && reset_device(channel) < 0)
		return false;
	for (unsigned i = 0; i < count_questions(reader); i++)
		if (asks(channel))
			return true;
	return false;
}

static const struct {
	const char *name;
	bool (*climb)(struct channel *channel, int error);
} ladder[RECOVERY_RUNGS] = {
	{ "clear", clear },
	{ "abort", abort_command },
	{ "reset", reset },
};

static bool climb(struct channel *channel, int error, unsigned rung)
{
	struct reader *reader = channel->reader;
	bool works = ladder[rung].climb(channel, error);

	PROBE_RECOVERY(reader->label, channel->slot, ladder[rung].name, works);
	log_write(LOG_LEVEL_COMM, reader->label, "slot %u: recovery, %s: %s",
		  channel->slot, ladder[rung].name,
		  works ? "the reader answers" : "no");
	return works;
}

/* A slot that closes is left in peace, as far as an abort brings that. */
static bool may_climb(const struct channel *channel, int error)
{
	return attempt_is_usable(channel->reader, channel->slot) ||
	       (error == -ETIMEDOUT && !channel->reader->gone);
}

/*
 * The reader has taken the command, and who sent it still waits: with or
 * without time extensions it may be at work. If it hangs as well, that ends
 * with this patience: what was sent to a reader that was silent already is no
 * sign of life.
 */
static bool is_at_work(const struct channel *channel)
{
	uint64_t silent_ms = channel->reader->silent_ms;

	return channel->attended && channel->waiting && !channel->question &&
	       !channel->out_busy &&
	       (!silent_ms || channel->since <= silent_ms);
}

static bool has_time_for_reset(const struct channel *channel)
{
	uint64_t ms = (uint64_t)QUESTION_MS * count_questions(channel->reader);

	return channel->end >= clock_now() + ms;
}

/*
 * Where the ladder ends as it looks now. The reader may do one thing at a time
 * inside: a slot that works is no reason to take its card away. Of a reader
 * that waits for the rest of a command, nothing else can be had.
 */
static unsigned find_end(const struct channel *channel,
			 const struct recovery *recovery)
{
	const struct reader *reader = channel->reader;

	if (recovery->end < RECOVERY_RUNGS || !has_time_for_reset(channel))
		return RECOVERY_GENTLE;
	if (channel->cut)
		return recovery->end;
	for (unsigned i = 0; i < reader->desc.busy_slots; i++)
		if (&reader->channels[i] != channel &&
		    is_at_work(&reader->channels[i]))
			return RECOVERY_GENTLE;
	return recovery->end;
}

int recovery_climb(struct channel *channel, int error,
		   struct recovery *recovery)
{
	struct reader *reader = channel->reader;
	bool works = false;

	if (!reader->silent_ms)
		reader->silent_ms = clock_now();
	while (!works && recovery->rung < find_end(channel, recovery) &&
	       clock_now() < channel->end && may_climb(channel, error))
		works = climb(channel, error, recovery->rung++);
	channel_finish(channel, -ENODEV);
	attempt_settle(channel);
	if (!attempt_is_usable(reader, channel->slot))
		return -ENODEV;
	if (works) {
		reader->ladders = 0;
		return 0;
	}
	if (recovery->rung < RECOVERY_RUNGS ||
	    !reader->slot[channel->slot].open ||
	    ++reader->ladders < LADDERS_MAX)
		return -ETIMEDOUT;
	log_write(LOG_LEVEL_CRITICAL, reader->label,
		  "does not answer any more, not even after a reset");
	reader_lost(reader);
	return -ENODEV;
}
