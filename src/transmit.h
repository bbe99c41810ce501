/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transmit - a command APDU to the card, its answer back: one loop for every
 * exchange level and protocol. The engines apdu, t0 and t1 say what to send.
 */
#ifndef CCIDTRACK_TRANSMIT_H
#define CCIDTRACK_TRANSMIT_H

#include <stddef.h>
#include <stdint.h>

#include "ccid.h"
#include "reader.h"

#define TRANSMIT_ANY	(-1)	/* what was agreed on, else the card's first */

/*
 * protocol: 0, 1 or TRANSMIT_ANY. One that was not agreed on yet, is agreed on
 * first: some versions of pcscd go on with the card's default protocol without
 * a word. *ret_size bytes of answer lie in answer, 0 on error. Errors of card.h
 * and of the engines; -EPROTO also for another protocol than the agreed one,
 * -ENOTSUP if the reader does not know the command.
 */
int transmit(struct reader *reader, unsigned slot, int protocol,
	     const uint8_t *command, size_t size, uint8_t *answer, size_t room,
	     size_t *ret_size);

/*
 * Goes on with an exchange of T=1 that t1_start_unseen began, and ends it: r
 * and, if that is 0, *first tell what came of the block that the reader has
 * sent. For a caller that owns the slot. Errors of transmit.
 */
int transmit_resume(struct reader *reader, unsigned slot, int r,
		    const struct ccid_reply *first, size_t *ret_size);

/*
 * A failure, r, may be the first sign of a card that left: what to tell depends
 * on what the slot holds now. For a caller that owns the slot. Returns r or
 * what matters more, -ENODEV or -ENOMEDIUM.
 */
int transmit_explain(struct reader *reader, unsigned slot, int r);

#endif
