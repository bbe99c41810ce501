/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t0 - command APDUs over T=0, for readers of TPDU and of character level.
 *
 * An engine: it says what to send next, the caller sends it and feeds the
 * reply. A TPDU carries data one way only (ISO 7816-3, 10 and 12):
 *
 *   case        TPDU
 *   1           CLA INS P1 P2       (TPDU level: the reader adds P3 = 00)
 *   2           CLA INS P1 P2 Le    (above 256: P3 = 00)
 *   3, 4        CLA INS P1 P2 Lc data
 *   3, 4 long   ENVELOPE (C2) with the APDU in parts of up to 255 bytes
 *
 * The answer to a short APDU is handed on untouched, 61 XX and 6C XX included:
 * clients of pcsc-lite send GET RESPONSE (C0) themselves, and case 4 is sent
 * without its Le. Behind an extended APDU the engine does it, with the CLA of
 * the command:
 *
 *   status     event                               next
 *   90 00      to an ENVELOPE that is not the last  the following part
 *   61 XX      Le not reached                       GET RESPONSE
 *   6C XX      no data yet, not asked so before     same header, P3 = XX
 *   any        else                                 done
 *
 * Case 4 answered by 90 00 without data is done: that an old card may wait for
 * GET RESPONSE then is told nowhere, and others answer it with an error.
 *
 * At character level the engine speaks the procedure bytes itself and asks for
 * characters by wLevelParameter (0: only take this, more data follows); the
 * reader may bring fewer or more at a time:
 *
 *   60                NULL: the card goes on working
 *   INS, INS^01       all the data that is left
 *   INS^FF, INS^FE    one byte of data
 *   6X, 9X            SW1; SW2 follows
 *   any else, or data where none is due: -EPROTO
 *
 * Bounds against reader and card: data of one TPDU not above P3, and all that
 * is kept not above Le; T0_NULLS_MAX; no more than two answers in a row that
 * bring nothing. The time is the caller's to bound.
 *
 * Pure. One engine per exchange, used by one thread. It holds a copy of command
 * bytes: the caller wipes it.
 */
#ifndef CCIDTRACK_T0_H
#define CCIDTRACK_T0_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apdu.h"
#include "engine.h"

#define T0_TPDU_MAX	260	/* CLA INS P1 P2 P3, data */
/* One each 10 ms for the ten minutes that the longest exchange may take */
#define T0_NULLS_MAX	60000

struct t0 {
	/* the APDU */
	const uint8_t *bytes;
	size_t size;
	struct apdu_command command;
	bool character;		/* level; else TPDU */
	bool extended;
	size_t part;		/* most abData bytes a message takes */
	size_t enveloped;	/* bytes gone by ENVELOPE; size: no more */
	uint8_t *answer;
	size_t room;
	size_t received;	/* may exceed room: then counted, not stored */
	unsigned empty;		/* TPDUs in a row that brought nothing */

	/* the TPDU under way */
	uint8_t tpdu[T0_TPDU_MAX];
	size_t tpdu_size;
	size_t expected;	/* bytes of data that it may bring */
	size_t brought;		/* bytes of data that it has brought */
	bool corrected;		/* P3 is what 6C XX told */

	/* its characters, at character level */
	size_t sent;		/* of tpdu */
	size_t due;		/* bytes that the card asked for */
	size_t coming;		/* bytes that it said to send */
	unsigned nulls;		/* of the whole exchange */
	unsigned idle;		/* replies in a row that brought nothing */
	uint8_t sw1;		/* 0: not yet */
};

/*
 * Begins an exchange. message_max is dwMaxCCIDMessageLength as desc.h clamps
 * it; less makes shorter replies at character level. Returns ENGINE_SEND with
 * *ret_block set, or without any traffic:
 * -EINVAL   fewer than four bytes, lengths that do not fit; at character level
 *           INS 6Xh or 9Xh, for its ACK would read as SW1
 * -EMSGSIZE more than APDU_COMMAND_MAX, or a short command that fits no message
 * -ENOBUFS  room below two bytes: no answer could be stored
 */
int t0_start(struct t0 *engine, bool character, size_t message_max,
	     const uint8_t *command, size_t command_size, uint8_t *answer,
	     size_t room, struct engine_block *ret_block);

/*
 * Feeds the reply. Returns ENGINE_SEND with *ret_block set, ENGINE_DONE with
 * the answer stored and its size, 2..65538, in engine->received, -EPROTO for
 * what is no T=0, -ETIMEDOUT for a silent card or one that sends NULL only,
 * -EIO for a garbled line, or -ENOBUFS once the whole answer was received but
 * exceeds the room. After a failure, and after an exchange given up halfway, a
 * part of the answer may lie in the caller's room: the caller wipes it.
 */
int t0_step(struct t0 *engine, const struct engine_reply *reply,
	    struct engine_block *ret_block);

/* How many characters the card may send for the last block: see times_t0_ms. */
size_t t0_characters(const struct t0 *engine, const struct engine_block *block);

#endif
