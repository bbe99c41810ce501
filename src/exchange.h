/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exchange - who owns a slot, and one command and its reply.
 *
 * A slot has one owner at a time: a thread between exchange_begin and
 * exchange_end, or a question (GetSlotStatus) that nobody waits in. An owner
 * has a channel, a pair of bulk transfers; there are as many as the reader
 * takes slots at a time, and slots get one in the order in which they asked; one
 * question at a time may overtake them. Replies are routed by slot and sequence
 * number, whichever transfer they come in, so that none is ever taken for
 * another.
 *
 * A reply's status is evidence for the tracker; it is fed before anybody waits
 * on the result.
 */
#ifndef CCIDTRACK_EXCHANGE_H
#define CCIDTRACK_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "ccid.h"
#include "reader.h"

#define EXCHANGE_SHORT_MS	3000	/* commands that no card takes part in */
#define EXCHANGE_MEND_MS	10000	/* recovery behind a call's time */

/* What the slot is wanted for decides what the tracker must allow. */
enum exchange_purpose {
	EXCHANGE_READER,	/* nothing that reaches a card */
	EXCHANGE_POWER,		/* track_may_power */
	EXCHANGE_CARD,		/* track_may_transmit */
};

struct exchange_command {
	uint8_t type;
	uint8_t parameters[3];
	const uint8_t *data;
	size_t size;
	enum exchange_purpose purpose;	/* asked again just as it is sent */
	unsigned wait_ms;	/* for the reply; an extension gives a multiple */
	uint64_t deadline;	/* for all of it; the owner's end holds as well */
	bool gentle;	/* no reset for it (recovery.h) */
};

/* Channels, at reader_open and reader_close. -ENOMEM. */
int exchange_open(struct reader *reader);
void exchange_close(struct reader *reader);

/*
 * Makes the calling thread the slot's owner. Doubt is settled first where the
 * purpose needs it. -ENODEV, -ENOMEDIUM, -ESTALE as track says, -ETIMEDOUT if a
 * doubt could not be settled, -EBUSY while somebody else has the reader.
 *
 * All that it does with the slot until exchange_end, recovery included, has ms
 * in all, from when nobody else's command holds it up; more by as much as the
 * reader takes longer to start than others. What the kernel takes for a reset
 * or a halt comes on top.
 */
int exchange_begin(struct reader *reader, unsigned slot,
		   enum exchange_purpose purpose, unsigned ms);
void exchange_end(struct reader *reader, unsigned slot);

/* True if a thread owns the slot, and with it the session. Caller locks. */
bool exchange_is_owned(const struct reader *reader, unsigned slot);

/* The device was reset since the owner's last command. Caller locks. */
bool exchange_is_past(const struct reader *reader, unsigned slot);

/*
 * For an owner between two commands: the purpose, asked again. The answer of
 * exchange_settle, for which the caller locks, is true until it unlocks.
 */
int exchange_recheck(struct reader *reader, unsigned slot,
		     enum exchange_purpose purpose);
int exchange_settle(struct reader *reader, unsigned slot,
		    enum exchange_purpose purpose);

/* The owner pauses; less if the slot ends, or its own time. */
void exchange_pause(struct reader *reader, unsigned slot, unsigned ms);

/*
 * The owner sends a command and waits. 0: *ret_reply holds what the reader says
 * (done or failed), its data valid until the owner's next command or
 * exchange_end. Else
 *   -ENODEV     the device is gone
 *   -ESTALE     the card left and the reader did not answer for it, or the
 *               command was for the card that left
 *   -ETIMEDOUT  no reply in time
 *   -EMSGSIZE   the command does not fit a message
 *   -EPROTO     the reader talks nonsense
 *   -EIO        USB failed, or the reader never took the command
 * and the reader was brought to answer again (recovery.h). A command to the
 * reader alone that can be sent twice without harm is; a block for the card is
 * not, unless the reader says that it did not take it.
 */
int exchange_run(struct reader *reader, unsigned slot,
		 const struct exchange_command *command,
		 struct ccid_reply *ret_reply);

/* Cancels every transfer under way. Caller locks. */
void exchange_cancel(struct reader *reader);

#endif
