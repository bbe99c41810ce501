/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "track_told.h"

#include <errno.h>

#include "track_slot.h"

/*
 * Before the first wait nobody can tell the event thread from other threads,
 * so nobody may use a removal up: only the first insertion is noted.
 */
static void report_unwatched(struct track_slot *s)
{
	if (s->present && !s->reported)
		s->reported = s->visit;
}

/* A debt is told through the whole pass: pcscd asks again in power calls. */
static bool report_to_watcher(struct track_slot *s)
{
	bool present = s->present && !slot_debt(s);

	s->told = true;
	if (!slot_debt(s))
		s->reported = slot_truth(s);
	if (present)
		s->pass_present = true;
	else
		s->pass_empty = true;
	return present;
}

enum track_presence track_presence(struct track *t, unsigned slot, bool watcher)
{
	struct track_slot *s = &t->slot[slot];
	bool present = s->present;

	if (t->gone)
		return TRACK_GONE;
	if (!s->watched)
		report_unwatched(s);
	else if (watcher || s->split)
		present = report_to_watcher(s);
	return present ? TRACK_PRESENT : TRACK_EMPTY;
}

int track_wait_enter(struct track *t, unsigned slot)
{
	struct track_slot *s = &t->slot[slot];

	if (t->gone)
		return -ENODEV;
	if (s->waiting)
		return -EBUSY;
	/* pcscd's event thread asks in every pass. */
	if (s->watched && !s->pass_empty && !s->pass_present)
		s->split = true;
	/* A mixed pass pays nothing: pcscd may have noted "present, mute". */
	if (slot_debt(s) && s->pass_empty && !s->pass_present)
		s->reported = 0;
	s->pass_empty = false;
	s->pass_present = false;
	s->watched = true;
	s->waiting = true;
	return 0;
}

bool track_wait_over(const struct track *t, unsigned slot)
{
	const struct track_slot *s = &t->slot[slot];

	return t->gone || s->stop || s->reported != slot_truth(s);
}

void track_wait_leave(struct track *t, unsigned slot)
{
	t->slot[slot].waiting = false;
	t->slot[slot].stop = false;
}

void track_stop(struct track *t, unsigned slot)
{
	t->slot[slot].stop = true;
}
