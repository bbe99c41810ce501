/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * question - asks the reader what its slots hold, when track.h has a question.
 *
 * A question is a GetSlotStatus. It owns its slot as a thread would, but nobody
 * waits in it: whoever may have made one due, or may have freed a channel for
 * one, calls question_pump, and its answer comes back by way of channel.c. An
 * owner who must know asks in its own channel.
 *
 * The caller of every function holds the reader's lock. Questions take neither
 * slot nor channel from a thread that waits for it.
 */
#ifndef CCIDTRACK_QUESTION_H
#define CCIDTRACK_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "channel.h"
#include "reader.h"

/*
 * Sends the questions that are due and gives up those that are overdue. Does
 * not block. Returns when to come again.
 */
uint64_t question_pump(struct reader *reader, uint64_t now);

/* Asks now, if the slot is free: then true. */
bool question_ask(struct reader *reader, unsigned slot, uint64_t now);

/* An answer can be had: a reader that is busy with others owes none yet. */
bool question_is_owed(struct reader *reader, unsigned slot);

/* Questions made way for somebody who leaves without the slot. */
void question_resume(struct reader *reader);

/*
 * The slot's owner asks, once the question is due, and waits for the answer; at
 * most until patience for it to be due. Gives up the lock meanwhile.
 */
void question_ask_owned(struct channel *channel, uint64_t patience);

/*
 * For whoever waits: pipes that failed are cleared (halt.h), and a reader that
 * leaves one question after the other without an answer is brought to its
 * senses (recovery.h), if the slot is free; then true. Blocks, at most until
 * end, with the lock given up.
 */
bool question_mend(struct reader *reader, unsigned slot, uint64_t end);

#endif
