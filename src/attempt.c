/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "attempt.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "halt.h"

#define PACKET_PAUSE_MS	10
#define REMOVAL_GRACE_MS 500	/* for a reader to answer for a card that left */

bool attempt_is_usable(const struct reader *reader, unsigned slot)
{
	return !reader->gone && !reader->slot[slot].closing;
}

bool attempt_card_left(const struct channel *channel)
{
	return channel->reader->slot[channel->slot].departures !=
	       channel->departures;
}

static void await(struct reader *reader, unsigned slot, uint64_t end)
{
	struct slot *s = &reader->slot[slot];

	if (reader->attendant != s) {
		clock_wait(&s->replied, &reader->lock, end);
		return;
	}
	pthread_mutex_unlock(&reader->lock);
	usb_handle(reader->usb, end);
	pthread_mutex_lock(&reader->lock);
}

void attempt_pause(struct reader *reader, unsigned slot, uint64_t end)
{
	while (attempt_is_usable(reader, slot) && clock_now() < end)
		await(reader, slot, end);
}

static bool is_being_reset(const struct channel *channel)
{
	const struct channel *mender = channel->reader->mender;

	return mender && mender != channel;
}

/* Cancelled transfers come back at once. */
static void wait_for_rest(struct channel *channel, unsigned pipes)
{
	struct reader *reader = channel->reader;

	while (!channel_is_idle(channel) || is_being_reset(channel) ||
	       halt_is_being_cleared(reader, pipes)) {
		channel_cancel(channel);
		pthread_cond_wait(&reader->slot[channel->slot].replied,
				  &reader->lock);
	}
}

void attempt_settle(struct channel *channel)
{
	wait_for_rest(channel, 0);
}

void attempt_prepare(struct channel *channel)
{
	do {
		wait_for_rest(channel, HALT_BULK);
	} while (halt_clear(channel->reader, HALT_BULK));
}

/* Until when the reply is waited for. */
static uint64_t patience_end(const struct channel *channel,
			     const struct exchange_command *command)
{
	const struct slot *s = &channel->reader->slot[channel->slot];
	uint64_t end = channel->since +
		       (uint64_t)command->wait_ms * channel->multiple;

	if (!attempt_is_usable(channel->reader, channel->slot))
		return 0;
	/* A question is about what is there, whether the card leaves or not. */
	if (!channel->question && attempt_card_left(channel))
		end = clock_earlier(end, s->departed_ms + REMOVAL_GRACE_MS);
	return clock_earlier(end, clock_earlier(command->deadline,
						channel->end));
}

/* Whatever came in the pause has ended the command or did not touch it. */
static void send_rest(struct channel *channel)
{
	attempt_pause(channel->reader, channel->slot,
		      clock_now() + PACKET_PAUSE_MS);
	if (channel->waiting && channel_is_held_back(channel))
		channel_send_rest(channel);
}

/* Comes back with the command finished or out of patience. */
static void wait_for_reply(struct channel *channel,
			   const struct exchange_command *command)
{
	while (channel->waiting) {
		uint64_t end = patience_end(channel, command);

		if (clock_now() >= end)
			return;
		if (channel_is_held_back(channel)) {
			send_rest(channel);
			continue;
		}
		await(channel->reader, channel->slot, end);
	}
}

/* The first who waits handles the events; the others are woken by him. */
static void attend(struct reader *reader, struct slot *slot)
{
	if (!reader->attendant && usb_attend(reader->usb))
		reader->attendant = slot;
}

static void stop_attending(struct reader *reader, const struct slot *slot)
{
	if (reader->attendant != slot)
		return;
	reader->attendant = NULL;
	usb_unattend(reader->usb);
}

static int error_of_status(int status)
{
	switch (status) {
	case 0:
	case -ENODEV:
	case -ETIMEDOUT:
	case -EPROTO:
	case -ECONNRESET:
		return status;
	case -EBADMSG:
		return -EPROTO;
	}
	return -EIO;
}

int attempt_run(struct channel *channel, const struct exchange_command *command)
{
	struct reader *reader = channel->reader;
	struct slot *slot = &reader->slot[channel->slot];

	attempt_prepare(channel);
	if (!attempt_is_usable(reader, channel->slot))
		return -ENODEV;
	if (command->size)
		memcpy(channel->out->data + CCID_HEADER_SIZE, command->data,
		       command->size);
	attend(reader, slot);
	channel_send(channel, command->type, command->parameters,
		     command->size);
	wait_for_reply(channel, command);
	stop_attending(reader, slot);
	channel_drop_rest(channel);
	if (channel->waiting)
		return -ETIMEDOUT;
	return error_of_status(channel->status);
}
