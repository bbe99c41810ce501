/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * apdu - command APDUs over readers of short and extended APDU level.
 *
 * An engine: it says what to send next, the caller sends it and feeds the
 * reply. At extended level a command or an answer that exceeds one message is
 * chained (CCID 1.1, 6.1.4: wLevelParameter, 6.2.1: bChainParameter).
 *
 *   state      event                          next
 *   sending    reply 10h, no data             send the following part
 *   sending    (last part sent) reply         receiving, with this reply
 *   receiving  01h or 03h with data           ask for more: empty block, 10h
 *   receiving  00h first or 02h later         done
 *   any        anything else                  -EPROTO
 *
 * At short level the byte is reserved: a first reply is done with any value
 * but 01h, which some readers of that level chain with all the same.
 *
 * An answer is at most 65536 + 2 bytes; a chain may hold two parts in a row
 * that add nothing. Both bounds keep a reader from extending the loop.
 *
 * Pure. One engine per exchange, used by one thread.
 */
#ifndef CCIDTRACK_APDU_H
#define CCIDTRACK_APDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine.h"

#define APDU_COMMAND_MAX	65544	/* CLA INS P1 P2 00 Lc Lc data Le Le */
#define APDU_SHORT_MAX		261	/* CLA INS P1 P2 Lc data Le */
#define APDU_ANSWER_MAX		65538	/* data, SW1, SW2 */

enum apdu_case {
	APDU_CASE_1,
	APDU_CASE_2_SHORT,
	APDU_CASE_3_SHORT,
	APDU_CASE_4_SHORT,
	APDU_CASE_2_EXTENDED,
	APDU_CASE_3_EXTENDED,
	APDU_CASE_4_EXTENDED,
};

struct apdu_command {
	enum apdu_case kind;
	const uint8_t *data;	/* lc bytes within the command, never NULL */
	uint32_t lc;		/* 0..65535 */
	uint32_t le;		/* 0: none expected, else 1..65536 */
};

/* 0, or -EINVAL if the lengths inside do not fit the length given. */
int apdu_parse(const uint8_t *bytes, size_t size,
	       struct apdu_command *ret_command);

struct apdu {
	const uint8_t *command;
	size_t command_size;
	size_t sent;
	size_t part;		/* most abData bytes a message takes */
	uint8_t *answer;
	size_t room;
	size_t received;	/* may exceed room: then counted, not stored */
	unsigned empty_parts;
	bool extended;
	bool chained;		/* the answer has begun and goes on */
};

/*
 * Begins an exchange. message_max is dwMaxCCIDMessageLength as desc.h clamps
 * it. Returns ENGINE_SEND with *ret_block set, or without any traffic:
 * -EINVAL   fewer than four bytes; at short level also a command whose lengths
 *           do not fit
 * -EMSGSIZE an extended command, or one too long for a message, at short level;
 *           more than APDU_COMMAND_MAX at any
 * -ENOBUFS  room below two bytes: no answer could be stored
 * Four-byte headers followed by anything go out as they are at extended level:
 * reader and card judge them.
 */
int apdu_start(struct apdu *engine, bool extended, size_t message_max,
	       const uint8_t *command, size_t command_size, uint8_t *answer,
	       size_t room, struct engine_block *ret_block);

/*
 * Feeds the reply. Returns ENGINE_SEND with *ret_block set, ENGINE_DONE with
 * the answer stored and its size in engine->received, -EPROTO for a chain that
 * makes no sense, -ETIMEDOUT for a silent card, -EIO for a garbled line, or
 * -ENOBUFS once the whole answer was received but exceeds the room. After a
 * failure, and after an exchange given up halfway, a part of the answer may lie
 * in the caller's room: the caller wipes it.
 */
int apdu_step(struct apdu *engine, const struct engine_reply *reply,
	      struct engine_block *ret_block);

#endif
