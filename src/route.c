/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "route.h"

#include <errno.h>

#include "clock.h"
#include "movement.h"

#define STRAYS_MAX	16	/* replies to nobody, for one command */
#define EMPTIES_MAX	4	/* packets without a byte, for one command */
#define EXTENSIONS_MAX	6000	/* ten minutes of ten a second */

struct channel *route_find(struct reader *reader, unsigned slot, uint8_t seq)
{
	for (unsigned i = 0; i < reader->desc.busy_slots; i++) {
		struct channel *channel = &reader->channels[i];

		if (channel->waiting && channel->slot == slot &&
		    channel->seq == seq)
			return channel;
	}
	return NULL;
}

static void swap_in(struct channel *a, struct channel *b)
{
	struct usb_transfer *in = a->in;
	bool busy = a->in_busy;
	size_t used = a->in_used;

	if (a == b)
		return;
	a->in = b->in;
	a->in_busy = b->in_busy;
	a->in_used = b->in_used;
	b->in = in;
	b->in_busy = busy;
	b->in_used = used;
	a->in->owner = a;
	b->in->owner = b;
}

/*
 * True if the reply is yet to come. bError 0 is taken as once. No card takes
 * part in a question: nothing is there to wait longer for.
 */
static bool extend(struct channel *channel, const struct ccid_reply *reply)
{
	if (++channel->extensions > EXTENSIONS_MAX) {
		channel_finish(channel, -ETIMEDOUT);
		return false;
	}
	if (channel->question)
		return true;
	channel->since = clock_now();
	channel->multiple = reply->error ? reply->error : 1;
	return true;
}

/* A failure may be told by a plain slot status, whatever was asked. */
static bool is_expected(const struct channel *channel,
			const struct ccid_reply *reply)
{
	return reply->type == channel->type ||
	       (reply->type == CCID_SLOT_STATUS &&
		reply->outcome == CCID_FAILED);
}

/* "Mute" and "no card" are good answers to the question what is there. */
static bool is_answer(const struct ccid_reply *reply)
{
	return reply->outcome == CCID_DONE || reply->error == CCID_ERROR_MUTE;
}

/* The slot is in the middle of an abort, by whomever, until somebody ends it. */
static bool is_stuck(const struct ccid_reply *reply)
{
	return reply->outcome == CCID_FAILED &&
	       reply->error == CCID_ERROR_ABORTED;
}

static void take_evidence(const struct channel *channel,
			  const struct ccid_reply *reply)
{
	if (channel->question && is_stuck(reply))
		movement_unanswered(channel->reader, channel->slot);
	else if (channel->question && !is_answer(reply))
		movement_refused(channel->reader, channel->slot);
	else
		movement_replied(channel->reader, channel->slot, reply->icc,
				 channel->question);
}

/* A reply with the right slot and sequence number. True: read on. */
static bool take_reply(struct channel *channel, const struct ccid_reply *reply)
{
	if (channel->aborting && reply->type != CCID_SLOT_STATUS)
		return true;
	if (reply->outcome == CCID_TIME_EXTENSION)
		return extend(channel, reply);
	if (!is_expected(channel, reply)) {
		channel_finish(channel, -EPROTO);
		return false;
	}
	take_evidence(channel, reply);
	channel->reply = *reply;
	channel->reply.icc = track_believed(&channel->reader->track,
					    channel->slot, reply->icc);
	channel_finish(channel, 0);
	return false;
}

/* True: read on. */
static bool take_stray(struct channel *channel, unsigned *count, unsigned max)
{
	if (!channel->waiting)
		return false;
	if (++*count <= max)
		return true;
	channel_finish(channel, -EPROTO);
	return false;
}

struct channel *route(struct channel *channel, size_t received)
{
	struct ccid_reply reply;
	struct channel *target;
	int r;

	if (!received)
		return take_stray(channel, &channel->empties, EMPTIES_MAX)
			       ? channel
			       : NULL;
	r = ccid_reply_parse(channel->in->data, received, &reply);
	if (r < 0) {
		channel_finish(channel, r);
		return NULL;
	}
	target = route_find(channel->reader, reply.slot, reply.seq);
	if (!target)
		return take_stray(channel, &channel->strays, STRAYS_MAX)
			       ? channel
			       : NULL;
	swap_in(channel, target);
	return take_reply(target, &reply) ? target : NULL;
}
