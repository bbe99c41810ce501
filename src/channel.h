/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * channel - a pair of bulk transfers and the command that is under way in it.
 *
 * The lower half of exchange.c. Replies are routed by slot and sequence number:
 * one that came in another channel's transfer makes the two channels change
 * transfers, so each waiting command has one transfer to be answered in.
 *
 *   free -> taken by a slot -> waiting -> finished (-> waiting ...) -> free
 *
 * An attended channel is released by its thread, another one (a question that
 * nobody waits in) by itself. The caller of every function holds the reader's
 * lock, which is never given up here.
 */
#ifndef CCIDTRACK_CHANNEL_H
#define CCIDTRACK_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ccid.h"
#include "reader.h"

struct channel {
	struct reader *reader;
	struct usb_transfer *out;
	struct usb_transfer *in;
	bool out_busy;		/* under way */
	bool in_busy;
	size_t out_asked;	/* bytes of the command sent last */
	size_t out_rest;	/* of the command, held back for a pause */
	size_t out_used;	/* bytes to be wiped */
	size_t in_used;
	bool cut;		/* a command was written in part only */

	bool taken;
	bool attended;
	unsigned slot;
	uint64_t end;		/* of all that its owner does */

	bool question;		/* its reply is the answer to one */
	bool waiting;		/* for the reply to seq */
	bool aborting;		/* set by recovery.c until the next command */
	uint8_t seq;
	uint8_t type;		/* of the reply */
	uint32_t departures;	/* of the slot, when the command was sent */
	unsigned resets;	/* of the device, by then */
	uint64_t since;		/* sent, or extended last */
	unsigned multiple;	/* of the waiting time, from then on */
	unsigned extensions;
	unsigned strays;
	unsigned empties;
	int status;		/* once it waits no more; 0: reply is valid */
	struct ccid_reply reply;
};

/* desc.busy_slots of them. -ENOMEM; then channel_close_all all the same. */
int channel_open_all(struct reader *reader);

/* All are idle. */
void channel_close_all(struct reader *reader);

/*
 * A free one, or NULL; none is while the device is being reset, or another
 * reader inside it is at work (gate.h).
 */
struct channel *channel_find_free(struct reader *reader);

/*
 * Makes the slot owned, or not owned any more. What an owner does ends by end,
 * recovery included. False: another reader inside the device was faster.
 */
bool channel_take(struct channel *channel, unsigned slot, bool attended,
		  uint64_t end);
void channel_release(struct channel *channel);

bool channel_is_idle(const struct channel *channel);

/*
 * Sends a command whose size bytes of data lie in the transfer already. Then
 * waiting becomes false once, and the slot's "replied" is broadcast.
 */
void channel_send(struct channel *channel, uint8_t type,
		  const uint8_t parameters[3], size_t size);

/*
 * Some readers want a pause between the packets of a command: its owner keeps
 * it, and sends the next one. A command whose rest is dropped counts as cut.
 */
bool channel_is_held_back(const struct channel *channel);
void channel_send_rest(struct channel *channel);
void channel_drop_rest(struct channel *channel);

/* The bulk half of the abort of the command sent last; waiting as above. */
void channel_send_abort(struct channel *channel);

/* Ends the waiting, if it lasts, and cancels what is under way. */
void channel_finish(struct channel *channel, int status);

/* The reader says that the command of a slot has failed for good. */
void channel_fail(struct reader *reader, unsigned slot, uint8_t seq);

/* Cancels what is under way. */
void channel_cancel(struct channel *channel);

#endif
