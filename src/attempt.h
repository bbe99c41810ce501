/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attempt - a command is sent once, and its reply waited for.
 *
 * Between exchange.c, which knows what a command is for, and channel.c, which
 * never waits. What fails here is not made good: recovery.c does that.
 *
 * The caller owns the slot and holds the reader's lock, which is given up while
 * it waits.
 */
#ifndef CCIDTRACK_ATTEMPT_H
#define CCIDTRACK_ATTEMPT_H

#include <stdbool.h>

#include "channel.h"
#include "exchange.h"
#include "reader.h"

/* Neither gone nor closing. */
bool attempt_is_usable(const struct reader *reader, unsigned slot);

/* The card that was inside when the command was sent is not any more. */
bool attempt_card_left(const struct channel *channel);

/* A pause, with the lock given up. Ends early if the slot does. */
void attempt_pause(struct reader *reader, unsigned slot, uint64_t end);

/*
 * Comes back with nothing of the channel's under way, which is cancelled, and
 * with nobody else about to reset the device.
 */
void attempt_settle(struct channel *channel);

/* The same, and with the bulk pipes cleared: ready for the next command. */
void attempt_prepare(struct channel *channel);

/*
 * 0: the reply is in the channel. -ENODEV, -ETIMEDOUT (the command may still be
 * under way), -EPROTO, -ECONNRESET if the device was reset, -EIO.
 */
int attempt_run(struct channel *channel,
		const struct exchange_command *command);

#endif
