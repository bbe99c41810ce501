/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vtrigger - "on": a control command that waits for a command of the host.
 *
 * So a card can be pulled between two commands, or in the middle of one, at
 * the same point each time.
 */
#ifndef VTRIGGER_H
#define VTRIGGER_H

#include <stddef.h>
#include <stdint.h>

#include "vccid.h"

enum vtrigger_moment {
	VTRIGGER_BEFORE,	/* the command has come, nothing is done yet */
	VTRIGGER_ARRIVAL,	/* the command has been started */
	VTRIGGER_REPLY,		/* its reply is on the IN pipe */
};

/*
 * words: the command as vfault_command() knows it, then "slot=", "skip=",
 * "count=", "at=before|arrival|reply", "after=MICROSECONDS", "do", the words to
 * run.
 * 0, -ENOENT, -EINVAL.
 */
int vtrigger_add(struct vccid *ccid, char *const *words, size_t n);

/* Runs what is set to run at this moment, or starts its timer. */
void vtrigger_seen(struct vslot *slot, uint8_t command,
		   enum vtrigger_moment moment);

/* Forgets what waits for the reader, or for all for NULL. */
void vtrigger_clear(const struct vccid *ccid);

/* Who runs the words. */
extern void (*vtrigger_run)(char *const *words, size_t n);

#endif
