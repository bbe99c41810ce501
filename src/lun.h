/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lun - pcscd's logical unit numbers and the slots behind them.
 *
 * A Lun is reader << 16 | slot. The table holds one reference to an entry,
 * every call takes one: pcscd can close a Lun beside a running call on it, and
 * does. The slots of a reader share it; the last one that is closed closes it.
 * Any thread.
 */
#ifndef CCIDTRACK_LUN_H
#define CCIDTRACK_LUN_H

#include <stdbool.h>

#include "reader.h"

#define LUN_READERS_MAX	255	/* what fits pcscd's byte */

struct lun {
	unsigned long number;
	char *device;	/* the device string that it was opened by */
	struct reader *reader;
	unsigned slot;
	unsigned references;
	struct lun *next;
};

/* Errors of reader_open and reader_open_slot; -EBUSY if the Lun is open. */
int lun_open(unsigned long number, const char *device);

/* Ends the calls that run on it and waits for them. -ENOENT. */
int lun_close(unsigned long number);

/* A reference, or NULL if the Lun is not open. */
struct lun *lun_get(unsigned long number);

/* Gives it back; its type is that of a cleanup handler. */
void lun_put(void *lun);

#endif
