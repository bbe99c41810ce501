/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * track_told - what pcscd is told of the cards, from what track.h knows.
 *
 * What pcscd is told (a host whose polling thread never asks for presence has
 * it asked by another thread: that is taken for the watcher then):
 *
 *   call                         no debt         debt
 *   presence, watcher            truth, reported empty, for the whole pass
 *   presence, others             truth           truth
 *   presence before any wait     truth; only empty to present is reported
 *   wait entered                 waits while     paid if the pass heard nothing
 *                                truth is        but empty; returns at once as
 *                                reported        long as truth is not reported
 *   power-up, reset              goes if the     refused; before any
 *                                watcher knows   wait: goes
 *                                of visit n
 *   set protocol, transmit       goes if, too,   refused
 *                                powered in n
 *
 * Pure, as track.h.
 */
#ifndef CCIDTRACK_TRACK_TOLD_H
#define CCIDTRACK_TRACK_TOLD_H

#include "track.h"

enum track_presence {
	TRACK_EMPTY,
	TRACK_PRESENT,
	TRACK_GONE,
};

/* The answer for IFDHICCPresence; watcher: the caller is the event thread. */
enum track_presence track_presence(struct track *t, unsigned slot,
				   bool watcher);

/* 0: wait until track_wait_over. -EBUSY: somebody waits. -ENODEV: gone. */
int track_wait_enter(struct track *t, unsigned slot);
/* True if the wait has a reason to return. */
bool track_wait_over(const struct track *t, unsigned slot);
void track_wait_leave(struct track *t, unsigned slot);
void track_stop(struct track *t, unsigned slot);

#endif
