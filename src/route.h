/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * route - finds the command that a message of the bulk pipe replies to, by slot
 * and sequence number, whichever channel's transfer it came in; and tells the
 * tracker what the message says of the card.
 *
 * The part of channel.c that reads. What replies to nobody, is empty or is of
 * another type, never becomes an answer. The caller holds the reader's lock,
 * which is never given up here.
 */
#ifndef CCIDTRACK_ROUTE_H
#define CCIDTRACK_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#include "channel.h"
#include "reader.h"

/* The channel that waits for this reply, or NULL. */
struct channel *route_find(struct reader *reader, unsigned slot, uint8_t seq);

/*
 * A message of so many bytes came in the channel's transfer, which may be
 * another channel's afterwards. Returns the one whose transfer is to be
 * submitted again, or NULL.
 */
struct channel *route(struct channel *channel, size_t received);

#endif
