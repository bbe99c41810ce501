/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "movement.h"

#include <errno.h>

#include "channel.h"
#include "clock.h"
#include "exchange.h"
#include "log.h"
#include "probe.h"

#define HALTS_MAX	3	/* of the interrupt pipe in HALTS_MS */
#define HALTS_MS	10000
#define LINES_MAX	40	/* in the log, of one reader in LINES_MS */
#define LINES_MS	10000
#define MESSAGE_MAX	(1 + DESC_SLOTS_MAX / 4)	/* NotifySlotChange */
#define GONE_MS		1000	/* pcscd learns of the unplugging meanwhile */
#define ANSWER_MS	1000	/* for a host that never waits for movements */

static const struct {
	unsigned news;
	const char *text;
} texts[] = {
	{ TRACK_INSERTED, "card inserted" },
	{ TRACK_REMOVED, "card removed" },
	{ TRACK_SWAPPED, "card swapped" },
	{ TRACK_BRIEF, "a card came and went" },
	{ TRACK_CHATTY, "the reader announces movements at its own power "
			"commands; those are ignored" },
	{ TRACK_CAUGHT, "the reader does not announce movements; it is asked "
			"from now on" },
};

/* A reader gone mad must not fill the disk. */
static bool may_log(struct reader *reader)
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

static void log_news(struct reader *reader, unsigned slot, unsigned news,
		     const char *cause)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (news & texts[i].news && may_log(reader))
			log_write(LOG_LEVEL_INFO, reader->label,
				  "slot %u: %s (%s)", slot, texts[i].text,
				  cause);
}

/*
 * The watcher looks whether its wait is over; the owner of the slot, whether
 * the card that it works with is still there.
 */
static void tell(struct reader *reader, unsigned slot, unsigned news,
		 const char *cause)
{
	struct slot *s = &reader->slot[slot];

	if (!news)
		return;
	if (news & (TRACK_REMOVED | TRACK_SWAPPED)) {
		s->departures++;
		s->departed_ms = clock_now();
	}
	pthread_cond_broadcast(&s->moved);
	pthread_cond_broadcast(&s->replied);
	PROBE_MOVEMENT(reader->label, slot, news, cause);
	log_news(reader, slot, news, cause);
}

void movement_replied(struct reader *reader, unsigned slot, enum ccid_icc icc,
		      bool question)
{
	struct slot *s = &reader->slot[slot];
	uint64_t now = clock_now();

	s->unanswered = 0;
	if (!s->open) {
		track_open(&reader->track, slot, icc != CCID_ICC_ABSENT, now);
		s->open = true;
		if (s->noticed)
			track_missed(&reader->track, slot);
		return;
	}
	if (question)
		tell(reader, slot,
		     track_answered(&reader->track, slot, icc, now),
		     "the reader was asked");
	else
		tell(reader, slot, track_replied(&reader->track, slot, icc),
		     "a reply says so");
}

void movement_unanswered(struct reader *reader, unsigned slot)
{
	if (!reader->slot[slot].open)
		return;
	reader->slot[slot].unanswered++;
	track_unanswered(&reader->track, slot);
	tell(reader, slot, TRACK_DOUBTED, "no answer");
}

uint64_t movement_question_due(struct reader *reader, unsigned slot,
			       uint64_t now)
{
	unsigned news;
	uint64_t due = track_question_due(&reader->track, slot, now, &news);

	tell(reader, slot, news, "no notification came");
	return due;
}

void movement_power_begun(struct reader *reader, unsigned slot,
			  enum track_power kind)
{
	tell(reader, slot,
	     track_power_begun(&reader->track, slot, kind, clock_now()),
	     "in doubt when its power was switched");
}

static void miss(struct reader *reader, unsigned slot)
{
	if (reader->slot[slot].open)
		tell(reader, slot, track_missed(&reader->track, slot),
		     "a notification may be lost");
	else
		reader->slot[slot].noticed = true;
}

static void miss_all_but(struct reader *reader, uint32_t told)
{
	for (unsigned i = 0; i < reader->desc.slots; i++)
		if (!(told & 1u << i))
			miss(reader, i);
}

static void hear_slots(struct reader *reader, const struct ccid_event *event)
{
	uint64_t now = clock_now();

	for (unsigned i = 0; i < reader->desc.slots; i++) {
		if (!(event->told & 1u << i))
			continue;
		if (!reader->slot[i].open)
			reader->slot[i].noticed = true;
		else
			tell(reader, i,
			     track_notified(&reader->track, i,
					    event->present & 1u << i,
					    event->changed & 1u << i, now),
			     "notification");
	}
}

static void hear_error(struct reader *reader, const struct ccid_event *event)
{
	if (may_log(reader))
		log_write(LOG_LEVEL_CRITICAL, reader->label,
			  "slot %u: hardware error %02X at command %u",
			  event->slot, event->code, event->seq);
	if (event->slot >= reader->desc.slots)
		return;
	miss(reader, event->slot);
	channel_fail(reader, event->slot, event->seq);
}

void movement_miss_all(struct reader *reader)
{
	miss_all_but(reader, 0);
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

/* Clearing blocks, but nothing else can come from the reader meanwhile. */
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
	if (status != -EPIPE)
		return;
	pthread_mutex_unlock(&reader->lock);
	usb_clear_halt(reader->usb, USB_INTERRUPT);
	pthread_mutex_lock(&reader->lock);
}

static bool is_silenced(const struct reader *reader)
{
	return reader->disarmed || reader->gone || reader->mender;
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
	bool absent_before = reader->absent;

	if (is_silenced(reader))
		status = 0;
	reader->absent = status == -ENODEV;
	switch (status) {
	case 0:
		break;
	case -ENODEV:
		if (absent_before)
			reader_lost(reader);
		else
			movement_miss_all(reader);
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
	hear(reader, transfer->data, received);
	listen_again(reader, status);
	exchange_pump(reader, clock_now());
	pthread_cond_broadcast(&reader->quiet);
	pthread_mutex_unlock(&reader->lock);
}

void movement_silence(struct reader *reader)
{
	if (reader->listening)
		usb_cancel(reader->interrupt);
}

void movement_begin_anew(struct reader *reader)
{
	for (unsigned i = 0; i < reader->desc.slots; i++) {
		reader->slot[i].atr_size = 0;
		if (reader->slot[i].open)
			tell(reader, i,
			     track_reset(&reader->track, i, clock_now()),
			     "the device was reset");
	}
	if (reader->interrupt)
		listen(reader);
}

int movement_arm(struct reader *reader)
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

void movement_disarm(struct reader *reader)
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

/* The one place where pcscd may cancel its event thread. */
static void wait_cancelable(struct reader *reader, unsigned slot,
			    uint64_t until)
{
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
	clock_wait(&reader->slot[slot].moved, &reader->lock, until);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
}

static void wait_for_movement(struct reader *reader, unsigned slot,
			      uint64_t end)
{
	struct slot *s = &reader->slot[slot];

	for (;;) {
		uint64_t now = clock_now();
		uint64_t due = exchange_pump(reader, now);

		if (track_wait_over(&reader->track, slot) || s->closing ||
		    now >= end)
			return;
		if (exchange_mend(reader, slot))
			continue;
		wait_cancelable(reader, slot, clock_earlier(due, end));
	}
}

/*
 * pcscd would ask presence at once and then sleep for a second with its own
 * locks held; here its order to end reaches the thread.
 */
static void wait_for_end(struct reader *reader, unsigned slot)
{
	struct slot *s = &reader->slot[slot];
	uint64_t end = clock_now() + GONE_MS;

	while (!reader->track.slot[slot].stop && !s->closing &&
	       clock_now() < end)
		wait_cancelable(reader, slot, end);
}

struct wait {
	struct reader *reader;
	unsigned slot;
	/*
	 * A cleanup handler can be reached by longjmp, behind which a variable
	 * that was changed since is lost in a register otherwise.
	 */
	volatile bool entered;
};

static void leave(void *argument)
{
	struct wait *wait = argument;

	if (wait->entered)
		track_wait_leave(&wait->reader->track, wait->slot);
	pthread_mutex_unlock(&wait->reader->lock);
}

/* Caller locks. */
static int request(struct wait *wait, uint64_t end)
{
	struct reader *reader = wait->reader;
	struct slot *s = &reader->slot[wait->slot];
	int r = track_wait_enter(&reader->track, wait->slot);

	wait->entered = r != -EBUSY;
	if (r == -EBUSY)
		return r;
	s->watched = true;
	s->watcher = pthread_self();
	if (r == 0)
		wait_for_movement(reader, wait->slot, end);
	if (reader->gone)
		wait_for_end(reader, wait->slot);
	return reader->gone || s->closing ? -ENODEV : 0;
}

int movement_wait(struct reader *reader, unsigned slot, int timeout_ms)
{
	struct wait wait = { reader, slot, false };
	uint64_t end = timeout_ms < 0 ? CLOCK_NEVER
				      : clock_now() + (uint64_t)timeout_ms;
	int r;

	pthread_mutex_lock(&reader->lock);
	pthread_cleanup_push(leave, &wait);
	r = request(&wait, end);
	pthread_cleanup_pop(1);
	return r;
}

void movement_stop(struct reader *reader, unsigned slot)
{
	pthread_mutex_lock(&reader->lock);
	track_stop(&reader->track, slot);
	pthread_cond_broadcast(&reader->slot[slot].moved);
	pthread_mutex_unlock(&reader->lock);
}

/* A host that never waits for movements gets fresh answers by asking. */
static void ask_for_unwatched(struct reader *reader, unsigned slot)
{
	struct slot *s = &reader->slot[slot];
	uint64_t now = clock_now();
	uint64_t end = now + ANSWER_MS;

	if (!track_presence_asks(&reader->track, slot, now) ||
	    !exchange_ask(reader, slot, now))
		return;
	while (reader->track.slot[slot].asked && !s->closing &&
	       clock_now() < end)
		clock_wait(&s->replied, &reader->lock, end);
}

static enum track_presence truth(const struct reader *reader, unsigned slot)
{
	if (reader->gone || reader->slot[slot].closing)
		return TRACK_GONE;
	return reader->track.slot[slot].present ? TRACK_PRESENT : TRACK_EMPTY;
}

bool movement_is_watcher(const struct reader *reader, unsigned slot)
{
	const struct slot *s = &reader->slot[slot];

	return s->watched && pthread_equal(s->watcher, pthread_self());
}

enum track_presence movement_presence(struct reader *reader, unsigned slot)
{
	enum track_presence presence;

	pthread_mutex_lock(&reader->lock);
	ask_for_unwatched(reader, slot);
	presence = track_presence(&reader->track, slot,
				  movement_is_watcher(reader, slot));
	if (truth(reader, slot) == TRACK_GONE)
		presence = TRACK_GONE;
	pthread_mutex_unlock(&reader->lock);
	return presence;
}

enum track_presence movement_truth(struct reader *reader, unsigned slot)
{
	enum track_presence presence;

	pthread_mutex_lock(&reader->lock);
	presence = truth(reader, slot);
	pthread_mutex_unlock(&reader->lock);
	return presence;
}
