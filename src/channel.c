/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "gate.h"
#include "halt.h"
#include "movement.h"
#include "question.h"
#include "route.h"

#define PACKET_SIZE	64	/* QUIRK_PACKET_PAUSES: at full speed */
#define IN_MIN		320	/* packets for the answer to a short APDU */

static const uint8_t no_parameters[3];

bool channel_is_idle(const struct channel *channel)
{
	return !channel->out_busy && !channel->in_busy;
}

struct channel *channel_find_free(struct reader *reader)
{
	if (reader->mender ||
	    !gate_is_open(reader->gate, reader, clock_now()))
		return NULL;
	for (unsigned i = 0; i < reader->desc.busy_slots; i++)
		if (!reader->channels[i].taken)
			return &reader->channels[i];
	return NULL;
}

bool channel_take(struct channel *channel, unsigned slot, bool attended,
		  uint64_t end)
{
	struct slot *s = &channel->reader->slot[slot];

	if (!gate_enter(channel->reader->gate, channel->reader, clock_now()))
		return false;
	channel->taken = true;
	channel->attended = attended;
	channel->slot = slot;
	channel->end = end;
	s->channel = channel;
	s->owned = true;
	return true;
}

/* What went over the pipes may have been a PIN or what it protects. */
static void wipe(struct channel *channel)
{
	explicit_bzero(channel->out->data, channel->out_used);
	explicit_bzero(channel->in->data, channel->in_used);
	channel->out_used = 0;
	channel->in_used = 0;
}

/*
 * Any slot may have been waiting for the channel, not only its own; watchers
 * pump if a question has. The watcher of a slot that was asked is to ask again:
 * no news may have woken it, or too early, with the question still under way.
 */
void channel_release(struct channel *channel)
{
	struct reader *reader = channel->reader;

	wipe(channel);
	if (!channel->attended)
		pthread_cond_broadcast(&reader->slot[channel->slot].moved);
	channel->taken = false;
	gate_exit(reader->gate);
	reader->slot[channel->slot].channel = NULL;
	reader->slot[channel->slot].owned = false;
	for (unsigned i = 0; i < reader->desc.slots; i++) {
		reader_wake_slot(reader, i);
		if (reader->starved)
			pthread_cond_broadcast(&reader->slot[i].moved);
	}
	reader->starved = false;
}

void channel_cancel(struct channel *channel)
{
	if (channel->out_busy)
		usb_cancel(channel->out);
	if (channel->in_busy)
		usb_cancel(channel->in);
}

static void wake_owner(const struct channel *channel)
{
	struct reader *reader = channel->reader;

	if (reader->in_callback &&
	    reader->attendant != &reader->slot[channel->slot])
		reader->woken |= 1u << channel->slot;
	else
		reader_wake_slot(reader, channel->slot);
}

static void enter_callback(struct reader *reader)
{
	pthread_mutex_lock(&reader->lock);
	reader->in_callback = true;
}

/*
 * An owner that is woken while a callback has the lock runs into it and
 * sleeps again: three system calls and a context switch more for each command.
 * The conditions live as long as the event thread.
 */
static void leave_callback(struct reader *reader)
{
	uint32_t woken = reader->woken;

	reader->woken = 0;
	reader->in_callback = false;
	pthread_mutex_unlock(&reader->lock);
	for (struct slot *s = reader->slot; woken; s++, woken >>= 1)
		if (woken & 1)
			pthread_cond_broadcast(&s->replied);
}

bool channel_is_held_back(const struct channel *channel)
{
	return channel->out_rest && !channel->out_busy;
}

void channel_drop_rest(struct channel *channel)
{
	if (channel->out_rest)
		channel->cut = true;
	channel->out_rest = 0;
}

void channel_finish(struct channel *channel, int status)
{
	if (!channel->waiting)
		return;
	channel_drop_rest(channel);
	channel->waiting = false;
	channel->status = status;
	if (status < 0)
		channel_cancel(channel);
	if (status < 0 && channel->question)
		movement_unanswered(channel->reader, channel->slot);
	wake_owner(channel);
}

/*
 * Nothing is under way any more: whoever waits for that, goes on. An abort
 * wants to know of every step. A transfer that came by a swap after the waiting
 * had ended is not cancelled yet.
 */
static void settle(struct channel *channel)
{
	if (!channel->taken)
		return;
	if (channel->aborting)
		wake_owner(channel);
	if (channel->waiting)
		return;
	if (channel->in_busy)
		usb_cancel(channel->in);
	if (!channel_is_idle(channel))
		return;
	if (channel->attended)
		wake_owner(channel);
	else
		channel_release(channel);
}

static void refuse(struct channel *channel, int error)
{
	channel_finish(channel, error);
	if (error == -ENODEV)
		reader_lost(channel->reader);
}

/*
 * A device that was reset by somebody else seems to be gone for a moment; one
 * that really is takes no transfer any more. To its cards a reset is what a
 * sleep is. It ends both of a pair: the second one tells nothing.
 */
static void give_up(struct channel *channel, int error)
{
	struct reader *reader = channel->reader;
	uint32_t bit = 1u << (channel - reader->channels);

	if (error == -ENODEV && !channel->waiting)
		return;
	if (error != -ENODEV || reader->absent & bit) {
		refuse(channel, error);
		return;
	}
	reader->absent |= bit;
	channel_finish(channel, -ECONNRESET);
	movement_resumed(reader);
}

/* A pipe that failed stays so until somebody clears it. */
static void note_halt(struct reader *reader, enum usb_pipe pipe, int status)
{
	if (status == -EPIPE || status == -EOVERFLOW || status == -EIO)
		halt_note(reader, pipe);
}

static void submit_in(struct channel *channel)
{
	int r = usb_submit(channel->in, channel->in->size);

	channel->in_busy = r == 0;
	if (r < 0)
		refuse(channel, r);
}

static void submit_out(struct channel *channel, size_t size)
{
	size_t now = size;
	int r;

	if (channel->reader->quirk.flags & QUIRK_PACKET_PAUSES &&
	    size > PACKET_SIZE)
		now = PACKET_SIZE;
	r = usb_submit(channel->out, now);
	channel->out_busy = r == 0;
	channel->out_asked = now;
	channel->out_rest = size - now;
	if (r < 0)
		refuse(channel, r);
}

/* It waits until nothing is under way. */
static void wake_mender(struct reader *reader)
{
	if (reader->mender)
		pthread_cond_broadcast(&reader->quiet);
}

static void in_done(struct usb_transfer *transfer, int status, size_t received)
{
	struct channel *channel = transfer->owner;
	struct reader *reader = channel->reader;
	struct channel *again = NULL;

	enter_callback(reader);
	note_halt(reader, USB_IN, status);
	channel->in_busy = false;
	if (channel->in_used < received)
		channel->in_used = received;
	/* A cancel can come beside a reply, and it may be another slot's. */
	if (status == 0 || (status == -ECANCELED && received))
		again = route(channel, received);
	if (status < 0 && transfer->owner == channel) {
		again = NULL;
		give_up(channel, status);
	}
	if (status == 0) {
		reader->absent = 0;
		reader->silent_ms = 0;
	}
	if (again)
		submit_in(again);
	settle(channel);
	if (transfer->owner != channel)
		settle(transfer->owner);
	wake_mender(reader);
	question_pump(reader, clock_now());
	leave_callback(reader);
}

static void out_done(struct usb_transfer *transfer, int status, size_t received)
{
	struct channel *channel = transfer->owner;
	struct reader *reader = channel->reader;

	enter_callback(reader);
	note_halt(reader, USB_OUT, status);
	channel->out_busy = false;
	if (received && received < channel->out_asked)
		channel->cut = true;
	if (channel->cut && status == 0)
		status = -EIO;
	if (status < 0)
		give_up(channel, status);
	if (channel->out_rest)
		wake_owner(channel);
	settle(channel);
	wake_mender(reader);
	leave_callback(reader);
}

void channel_send_rest(struct channel *channel)
{
	memmove(channel->out->data, channel->out->data + channel->out_asked,
		channel->out_rest);
	submit_out(channel, channel->out_rest);
}

static void submit(struct channel *channel, uint8_t type,
		   const uint8_t parameters[3], size_t size)
{
	ccid_command_put(channel->out->data, type, (uint8_t)channel->slot,
			 channel->seq, parameters, (uint32_t)size);
	if (channel->out_used < CCID_HEADER_SIZE + size)
		channel->out_used = CCID_HEADER_SIZE + size;
	channel->type = ccid_reply_type(type);
	channel->departures = channel->reader->slot[channel->slot].departures;
	channel->resets = channel->reader->resets;
	channel->since = clock_now();
	channel->multiple = 1;
	channel->extensions = 0;
	channel->strays = 0;
	channel->empties = 0;
	channel->waiting = true;
	if (!channel->in_busy)
		submit_in(channel);
	if (channel->waiting)
		submit_out(channel, CCID_HEADER_SIZE + size);
	settle(channel);
}

void channel_send(struct channel *channel, uint8_t type,
		  const uint8_t parameters[3], size_t size)
{
	channel->seq = channel->reader->seq++;
	channel->aborting = false;
	submit(channel, type, parameters, size);
}

void channel_fail(struct reader *reader, unsigned slot, uint8_t seq)
{
	struct channel *channel = route_find(reader, slot, seq);

	if (channel)
		channel_finish(channel, -EIO);
}

void channel_send_abort(struct channel *channel)
{
	submit(channel, CCID_ABORT, no_parameters, 0);
}

/* Some readers answer more than they say they can. */
static size_t in_size(const struct reader *reader)
{
	size_t size = reader->desc.max_message;

	return size > IN_MIN ? size : IN_MIN;
}

static int open_one(struct reader *reader, struct channel *channel)
{
	int r;

	channel->reader = reader;
	r = usb_transfer_new(reader->usb, USB_OUT,
			     reader->desc.max_message, out_done, channel,
			     &channel->out);
	if (r < 0)
		return r;
	return usb_transfer_new(reader->usb, USB_IN, in_size(reader), in_done,
				channel, &channel->in);
}

int channel_open_all(struct reader *reader)
{
	reader->channels = calloc(reader->desc.busy_slots,
				  sizeof(*reader->channels));
	if (!reader->channels)
		return -ENOMEM;
	for (unsigned i = 0; i < reader->desc.busy_slots; i++) {
		int r = open_one(reader, &reader->channels[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

void channel_close_all(struct reader *reader)
{
	if (!reader->channels)
		return;
	for (unsigned i = 0; i < reader->desc.busy_slots; i++) {
		usb_transfer_free(reader->channels[i].out);
		usb_transfer_free(reader->channels[i].in);
	}
	free(reader->channels);
	reader->channels = NULL;
}
