/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "held.h"

#include <errno.h>

#include "clock.h"
#include "learn.h"
#include "listen.h"
#include "log.h"
#include "movement.h"

void held_begin(struct reader *reader)
{
	reader->held = true;
	reader->held_ms = clock_now();
	reader->take_pause_ms = HELD_PAUSE_MS;
	reader->take_ms = reader->held_ms + HELD_PAUSE_MS;
}

bool held_open_slot(struct reader *reader, unsigned slot)
{
	bool late;

	pthread_mutex_lock(&reader->lock);
	late = reader->held || reader->taking;
	if (late)
		track_open(&reader->track, slot, false, clock_now());
	reader->slot[slot].late = late;
	pthread_mutex_unlock(&reader->lock);
	return late;
}

static void try_later(struct reader *reader, uint64_t now)
{
	reader->take_ms = now + reader->take_pause_ms;
	if (reader->take_pause_ms < HELD_PAUSE_MAX_MS)
		reader->take_pause_ms *= 2;
}

/* Caller locks. */
static int take(struct reader *reader)
{
	int r;

	pthread_mutex_unlock(&reader->lock);
	r = usb_take(reader->usb);
	pthread_mutex_lock(&reader->lock);
	if (r == -ENODEV)
		reader_lost(reader);
	if (r < 0) {
		try_later(reader, clock_now());
		return r;
	}
	reader->held = false;
	log_write(LOG_LEVEL_INFO, reader->label,
		  "was in use, became free after %u s",
		  (unsigned)((clock_now() - reader->held_ms) / 1000));
	listen_on(reader);
	return 0;
}

/*
 * A reader that does not tell now is asked on as any that falls silent. Caller
 * locks.
 */
static void learn(struct reader *reader, unsigned slot)
{
	struct slot *s = &reader->slot[slot];
	int r;

	pthread_mutex_unlock(&reader->lock);
	r = learn_slot(reader, slot);
	pthread_mutex_lock(&reader->lock);
	s->late = false;
	if (r < 0 && !s->open) {
		s->open = true;
		movement_missed(reader, slot);
	}
}

bool held_take(struct reader *reader, unsigned slot, uint64_t now,
	       uint64_t *due)
{
	const struct slot *s = &reader->slot[slot];

	if (!s->late || s->closing || reader->gone || reader->taking)
		return false;
	if (reader->held && now < reader->take_ms) {
		*due = clock_earlier(*due, reader->take_ms);
		return false;
	}
	reader->taking = true;
	if (!reader->held || take(reader) == 0)
		learn(reader, slot);
	reader->taking = false;
	reader_wake(reader);
	return true;
}
