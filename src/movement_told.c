/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "movement_told.h"

#include <errno.h>

#include "cancel.h"
#include "clock.h"
#include "halt.h"
#include "held.h"
#include "movement.h"
#include "question.h"
#include "track_asked.h"

#define GONE_MS		1000	/* pcscd learns of the unplugging meanwhile */
#define ANSWER_MS	1000	/* for a host that never waits for movements */
#define HOLD_MS		100	/* for a thread of pcscd's to note a failure */
#define HOLD_MAX_MS	500	/* in a second, however many calls fail */

/* Here, and as the polling function begins, pcscd may cancel its thread. */
static void wait_cancelable(struct reader *reader, unsigned slot,
			    uint64_t until)
{
	sigset_t before;

	cancel_open(&before);
	clock_wait(&reader->slot[slot].moved, &reader->lock, until);
	cancel_close(&before);
}

/* Until when the watcher waits, at most; 0 if it does no more. */
static uint64_t wait_end(const struct reader *reader, unsigned slot,
			 uint64_t end, uint64_t now)
{
	const struct slot *s = &reader->slot[slot];
	const struct track_slot *t = &reader->track.slot[slot];

	if (s->closing || now >= end)
		return 0;
	if (!track_wait_over(&reader->track, slot))
		return end;
	if (reader->gone || t->stop || t->reported || now >= s->held_until)
		return 0;
	return clock_earlier(s->held_until, end);
}

static void wait_for_movement(struct reader *reader, unsigned slot,
			      uint64_t end)
{
	for (;;) {
		uint64_t now = clock_now();
		uint64_t due, last;

		movement_notice_sleep(reader);
		due = question_pump(reader, now);
		last = wait_end(reader, slot, end, now);
		if (!last)
			break;
		if (held_take(reader, slot, now, &due))
			continue;
		if (question_mend(reader, slot, CLOCK_NEVER))
			continue;
		wait_cancelable(reader, slot, clock_earlier(due, last));
	}
	if (!track_wait_over(&reader->track, slot))
		track_waited(&reader->track, slot, clock_now());
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

bool movement_is_watcher(const struct reader *reader, unsigned slot)
{
	const struct slot *s = &reader->slot[slot];

	return s->watched && pthread_equal(s->watcher, pthread_self());
}

void movement_hold(struct reader *reader, unsigned slot)
{
	struct slot *s = &reader->slot[slot];
	uint64_t now;

	pthread_mutex_lock(&reader->lock);
	now = clock_now();
	if (!movement_is_watcher(reader, slot)) {
		if (now - s->held_since >= 2 * HOLD_MAX_MS)
			s->held_since = now;
		s->held_until = clock_earlier(now + HOLD_MS,
					      s->held_since + HOLD_MAX_MS);
	}
	pthread_mutex_unlock(&reader->lock);
}

void movement_stop(struct reader *reader, unsigned slot)
{
	pthread_mutex_lock(&reader->lock);
	track_stop(&reader->track, slot);
	pthread_cond_broadcast(&reader->slot[slot].moved);
	pthread_mutex_unlock(&reader->lock);
}

/*
 * A host that never waits for movements gets fresh answers by asking. Nobody
 * else would end a question of before that was never answered.
 */
static void ask_for_unwatched(struct reader *reader, unsigned slot)
{
	struct slot *s = &reader->slot[slot];
	uint64_t now = clock_now();
	uint64_t end = now + ANSWER_MS;

	if (!s->watched) {
		halt_clear(reader, HALT_ALL);
		held_take(reader, slot, now, &end);
	}
	question_pump(reader, now);
	if (s->late || !track_presence_asks(&reader->track, slot, now) ||
	    !question_ask(reader, slot, now))
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

enum track_presence movement_presence(struct reader *reader, unsigned slot)
{
	enum track_presence presence;

	pthread_mutex_lock(&reader->lock);
	movement_notice_sleep(reader);
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
