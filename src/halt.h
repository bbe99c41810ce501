/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * halt - a pipe that failed is cleared before it is used again.
 *
 * To clear a halt is a control transfer, and a device that is slow to take it,
 * or never does, holds up its caller for seconds. So the event thread only
 * notes what failed, and whoever needs the pipe and may block clears it: of the
 * bulk pipes the owner of a slot, of any pipe who waits for movements or for a
 * slot. Until then no question is asked.
 *
 * The caller of every function holds the reader's lock.
 */
#ifndef CCIDTRACK_HALT_H
#define CCIDTRACK_HALT_H

#include <stdbool.h>

#include "reader.h"

#define HALT_BULK	(1u << USB_OUT | 1u << USB_IN)
#define HALT_ALL	(HALT_BULK | 1u << USB_INTERRUPT)

/* From a callback as well. Wakes everybody who may do something about it. */
void halt_note(struct reader *reader, enum usb_pipe pipe);

/* One of those pipes is not to be used, or is just being cleared. */
bool halt_is_noted(const struct reader *reader, unsigned pipes);
bool halt_is_being_cleared(const struct reader *reader, unsigned pipes);

/*
 * Clears those of the pipes that nobody else clears; listens again, if the
 * interrupt pipe is among them. Blocks, the lock given up meanwhile. False:
 * there was nothing to do, and the lock was kept.
 */
bool halt_clear(struct reader *reader, unsigned pipes);

/* A reset has cleared them. */
void halt_forget(struct reader *reader);

#endif
