/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cancel - where pcscd's order to end (pthread_cancel) reaches its thread.
 *
 * Every entry of the driver shuts the window and leaves it shut; it is opened
 * only where nothing is held, or where a cleanup handler gives everything back.
 * pcscd's handler of signals writes, which is a place to be cancelled at: its
 * order to end would be lost. So no signal comes in while the window is open.
 * The main thread, which nobody cancels and which may be the only one, gets
 * its signals.
 *
 * Any thread, for itself.
 */
#ifndef CCIDTRACK_CANCEL_H
#define CCIDTRACK_CANCEL_H

#include <signal.h>

void cancel_shut(void);

/* The signals that the thread had blocked are for cancel_close. */
void cancel_open(sigset_t *ret_before);

void cancel_close(const sigset_t *before);

#endif
