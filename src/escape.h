/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * escape - a maker's own command to the reader, whether there is a card or not
 * (CCID 1.1, 6.1.8). What it does is between its author and the reader.
 *
 * For a caller that owns the slot; any thread of pcscd.
 */
#ifndef CCIDTRACK_ESCAPE_H
#define CCIDTRACK_ESCAPE_H

#include <stddef.h>
#include <stdint.h>

#include "ccid.h"
#include "reader.h"

#define ESCAPE_ALL_MS	60000	/* one, with its time extensions */

/*
 * 0: the reader has done it, and *ret_reply holds its answer, as exchange_run
 * has it. -ENOTSUP if it does not know the command, -EIO if it failed; errors
 * of exchange_run. For those that we know: 3 s, with time extensions a minute.
 */
int escape_run(struct reader *reader, unsigned slot, const uint8_t *bytes,
	       size_t size, struct ccid_reply *ret_reply);

/*
 * The same for a client's, which may write to the flash of a reader that is deaf
 * and dumb meanwhile: a minute, and no reset (recovery.h).
 */
int escape_pass(struct reader *reader, unsigned slot, const uint8_t *bytes,
		size_t size, struct ccid_reply *ret_reply);

#endif
