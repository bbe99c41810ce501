/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "listen.h"

#include <errno.h>

#include "ccid.h"
#include "channel.h"
#include "clock.h"
#include "halt.h"
#include "log.h"
#include "movement.h"
#include "probe.h"
#include "question.h"
#include "track_asked.h"

#define HALTS_MAX	3	/* of the interrupt pipe in HALTS_MS */
#define HALTS_MS	10000
#define ABSENT		(1u << 31)	/* beside the channels' bits */
#define MESSAGE_MAX	(1 + DESC_SLOTS_MAX / 4)	/* NotifySlotChange */

static void miss_all_but(struct reader *reader, uint32_t told)
{
	for (unsigned i = 0; i < reader->desc.slots; i++)
		if (!(told & 1u << i))
			movement_missed(reader, i);
}

static void hear_slots(struct reader *reader, const struct ccid_event *event)
{
	for (unsigned i = 0; i < reader->desc.slots; i++)
		if (event->told & 1u << i)
			movement_notified(reader, i, event->present & 1u << i,
					  event->changed & 1u << i);
}

static void hear_error(struct reader *reader, const struct ccid_event *event)
{
	if (movement_may_log(reader))
		log_write(LOG_LEVEL_CRITICAL, reader->label,
			  "slot %u: hardware error %02X at command %u",
			  event->slot, event->code, event->seq);
	if (event->slot >= reader->desc.slots)
		return;
	movement_missed(reader, event->slot);
	channel_fail(reader, event->slot, event->seq);
}

/* Messages that tell of fewer slots than there are leave the others in doubt. */
static void hear(struct reader *reader, const uint8_t *bytes, size_t size)
{
	struct ccid_event event;
	uint32_t told = 0;
	bool notified = false;

	while (ccid_event_next(&bytes, &size, reader->desc.slots, &event)) {
		if (event.type == CCID_NOTIFY_SLOT_CHANGE) {
			notified = true;
			told |= event.told;
			hear_slots(reader, &event);
		}
		if (event.type == CCID_HARDWARE_ERROR)
			hear_error(reader, &event);
	}
	if (notified)
		miss_all_but(reader, told);
}

/* The pipe fails again and again: the reader is asked instead. */
static void give_up_pipe(struct reader *reader)
{
	reader->disarmed = true;
	track_deaf(&reader->track);
	log_write(LOG_LEVEL_CRITICAL, reader->label,
		  "the interrupt pipe fails; the reader is asked from now on");
	movement_miss_all(reader);
}

static void mend_pipe(struct reader *reader, int status, uint64_t now)
{
	if (now - reader->halt_ms > HALTS_MS) {
		reader->halts = 0;
		reader->halt_ms = now;
	}
	if (++reader->halts > HALTS_MAX) {
		give_up_pipe(reader);
		return;
	}
	movement_miss_all(reader);
	if (status == -EPIPE)
		halt_note(reader, USB_INTERRUPT);
}

static bool is_silenced(const struct reader *reader)
{
	return reader->held || reader->disarmed || reader->gone ||
	       reader->mender ||
	       halt_is_noted(reader, 1u << USB_INTERRUPT);
}

static void listen(struct reader *reader)
{
	int r = is_silenced(reader)
			? -ECANCELED
			: usb_submit(reader->interrupt, reader->interrupt->size);

	reader->listening = r == 0;
	if (r == -ENODEV)
		reader_lost(reader);
	else if (r < 0 && r != -ECANCELED)
		give_up_pipe(reader);
}

/* A resume can look like an unplugging, once. */
static void listen_again(struct reader *reader, int status)
{
	if (is_silenced(reader))
		status = 0;
	switch (status) {
	case 0:
		reader->absent = 0;
		break;
	case -ENODEV:
		if (reader->absent & ABSENT)
			reader_lost(reader);
		else
			movement_resumed(reader);
		reader->absent |= ABSENT;
		break;
	default:
		mend_pipe(reader, status, clock_now());
	}
	listen(reader);
}

static void interrupt_done(struct usb_transfer *transfer, int status,
			   size_t received)
{
	struct reader *reader = transfer->owner;

	PROBE_INTERRUPT(reader->label, status, received);
	/* Until listen_again is through, it counts as under way. */
	pthread_mutex_lock(&reader->lock);
	movement_notice_sleep(reader);
	hear(reader, transfer->data, received);
	listen_again(reader, status);
	question_pump(reader, clock_now());
	pthread_cond_broadcast(&reader->quiet);
	pthread_mutex_unlock(&reader->lock);
}

int listen_start(struct reader *reader)
{
	int r;

	if (!reader->info.interrupt_endpoint)
		return 0;
	r = usb_transfer_new(reader->usb, USB_INTERRUPT, MESSAGE_MAX,
			     interrupt_done, reader, &reader->interrupt);
	if (r < 0)
		return r;
	pthread_mutex_lock(&reader->lock);
	listen(reader);
	pthread_mutex_unlock(&reader->lock);
	return 0;
}

void listen_stop(struct reader *reader)
{
	pthread_mutex_lock(&reader->lock);
	reader->disarmed = true;
	if (reader->listening)
		usb_cancel(reader->interrupt);
	while (reader->listening)
		pthread_cond_wait(&reader->quiet, &reader->lock);
	pthread_mutex_unlock(&reader->lock);
	usb_transfer_free(reader->interrupt);
}

void listen_pause(struct reader *reader)
{
	if (reader->listening)
		usb_cancel(reader->interrupt);
}

void listen_on(struct reader *reader)
{
	if (reader->interrupt)
		listen(reader);
}
