/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * listen - the interrupt pipe of a reader, from its opening to its closing.
 *
 * One transfer is armed all the time, so that no message waits for somebody to
 * ask, and a stop cancels nothing. What comes is read into what it says of each
 * slot and handed to movement.h; what may have been lost, too. A pipe that
 * fails again and again is given up: then the reader is asked.
 *
 * Its callback runs in the event thread of usb.h.
 */
#ifndef CCIDTRACK_LISTEN_H
#define CCIDTRACK_LISTEN_H

#include "reader.h"

/* Arms it, if there is such a pipe. -ENOMEM and errors of usb.h. */
int listen_start(struct reader *reader);

/* Comes back when it is under way no more. There was such a pipe. */
void listen_stop(struct reader *reader);

/*
 * Around a reset of the device: the transfer ends ("quiet" is broadcast), and
 * is armed again. Caller locks.
 */
void listen_pause(struct reader *reader);
void listen_on(struct reader *reader);

#endif
