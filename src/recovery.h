/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recovery - what is done with a reader after a command has failed.
 *
 * A ladder. Each rung is climbed once for a command, the first after which the
 * reader answers a question is the last:
 *
 *   rung    what                                   bound
 *   drop    replies to nobody are read and         16 of them, channel.c
 *           dropped as the next command is sent
 *   clear   a pipe that failed has its halt        one control transfer, in
 *           cleared; the reader is asked           halt.c; 1 s
 *   abort   both halves of CCID 1.1, 5.3.1; then   1.5 s, or 1.5 s and 1 s
 *           asked, if it does not know that
 *   reset   the device, and all that is inside     the kernel's, and 3 s, or
 *           counts as swapped once; asked          ifdStartTime if it is longer
 *   gone    every call ends until it is closed;    at once
 *           after two ladders in vain
 *
 * "clear" and "drop" cost nothing that is left over, so they are tried for what
 * came damaged; what did not come at all is aborted first. A command that was
 * cut off in the middle leaves the reader waiting for its rest: only the reset
 * ends that. A slot that is being closed gets no reset, nor does a reader that
 * may be in the middle of what must not be broken off (RECOVERY_GENTLE), nor
 * one that has another slot's command to work at, taken before it fell silent,
 * nor one whose caller's time ends before it would answer again; whatever it is
 * asked next may climb higher. Only whole ladders count as in vain.
 *
 * Blocks, and so belongs to pcscd's threads: the owner of a slot, or the watcher
 * in the place of questions that nobody answers. The event thread of usb.h must
 * be free to bring what is waited for.
 */
#ifndef CCIDTRACK_RECOVERY_H
#define CCIDTRACK_RECOVERY_H

#include "channel.h"

#define RECOVERY_RUNGS	3	/* that can be climbed: clear, abort, reset */
#define RECOVERY_GENTLE	2	/* without the reset */

/* How far a command has come. Begins at 0, and ends at one of the above. */
struct recovery {
	unsigned rung;
	unsigned end;
};

/*
 * The channel's command has failed with error (attempt.h; -EBUSY: the reader
 * does not take it). 0: the reader answers again. -ENODEV: it is gone, or the
 * slot closes. -ETIMEDOUT: it does not answer, but it may yet. Caller owns the
 * slot and holds the reader's lock, which is given up meanwhile.
 */
int recovery_climb(struct channel *channel, int error,
		   struct recovery *recovery);

#endif
