/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t1 - command APDUs as blocks of T=1, over readers of TPDU and character level
 * (ISO 7816-3, chapter 11 and annex A).
 *
 * An engine: it says what to send next, the caller sends it and feeds the
 * reply. One struct t1 lives as long as the card stays powered, because the
 * numbers of the blocks go on from one command to the next.
 *
 *   last sent    what came                        next
 *   S(IFS)       its response                     the command's first I-block
 *                anything else, third time        the same; IFSD stays
 *   S(RESYNCH)   its response                     numbers 0, the command anew
 *                anything else, third time        failed
 *   either       anything else                    the request again
 *   other block  I-block with the right N(S)      R-block, or done
 *                R-block, I-block arrived         the next I-block
 *                R-block, I-block did not arrive  that I-block again
 *                S(IFS) request, S(WTX) request   its response
 *                S(ABORT) request                 its response; R-block: aborted
 *                anything else, third time        S(RESYNCH), once in a command;
 *                                                 failed if the card never spoke
 *                anything else                    R-block; the same R-block again
 *
 * "Anything else" is a block that is not right or not right here, a silent card
 * and a garbled line: readers report one lost block as a mute card.
 *
 * RESYNCH lets the card forget what it had heard, so a command that it may have
 * run already can run once more: that is the rule of the standard.
 *
 * The EDC is of one kind: the first block of the card tells which of the CRCs
 * in use it counts, and no other is taken after it. Until then we send the one
 * that most hosts send; a card of another kind answers that with an R-block of
 * its own, which teaches us. (Trying all four on a card that stays mute would
 * cost four times the wait, for cards that nobody has met.)
 *
 * A block goes out whole, at both levels. At TPDU level wLevelParameter is 0
 * and the reply is one block. At character level it is how many bytes are
 * wanted, and the reader is taken to wait until it has so many. So we want what
 * the shortest block has, and then, as LEN tells it, the rest: one XfrBlock for
 * blocks without INF, two for others. Fewer bytes than wanted are asked on for;
 * more are taken, so a reader that returns what came needs one XfrBlock only.
 * What a damaged LEN leaves on the line is not waited for: it costs a repetition
 * more, and every damaged block would have to wait otherwise.
 *
 * Every loop that a card can extend is counted: see the limits below. Time is
 * the caller's: it multiplies the block waiting time by bwi of each block.
 *
 * Pure. One exchange at a time, used by one thread.
 */
#ifndef CCIDTRACK_T1_H
#define CCIDTRACK_T1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine.h"
#include "t1_block.h"

#define T1_ANSWER_MAX	65546	/* more than any answer; drained,
				 * then an error */

/* Limits. A command may take ... */
#define T1_TRIES_MAX		3	/* blocks in a row without
					 * a right reply */
#define T1_ERRORS_MAX		50	/* replies that were no step forward */
#define T1_RESYNCHS_MAX		1
#define T1_IFS_MAX		3	/* S(IFS request) of the card */
#define T1_ABORTS_MAX		3	/* S(ABORT request), if
					 * our response is lost */
#define T1_WTX_MAX		10000	/* 10 minutes of the shortest
					 * BWT at 5 MHz */
#define T1_EMPTY_PARTS_MAX	2	/* empty I-blocks with M in a row */

enum t1_sent {
	T1_SENT_I,
	T1_SENT_R,
	T1_SENT_RESPONSE,
	T1_SENT_IFS,
	T1_SENT_RESYNCH,
};

struct t1_exchange {
	const uint8_t *command;	/* NULL: nobody but the reader knows it */
	size_t command_size;
	size_t acknowledged;	/* bytes of the command that the card has */
	size_t part;		/* bytes in the I-block behind them */
	uint8_t *answer;
	size_t room;
	size_t received;	/* may exceed room: then counted, not stored */
	enum t1_sent sent;
	bool answering;		/* the answer has begun: the
				 * command is through */
	bool aborting;		/* S(ABORT) was answered */
	unsigned failures;	/* in a row */
	unsigned errors;
	unsigned resynchs;
	unsigned requests[3];	/* S(IFS), S(ABORT), S(WTX) */
	unsigned empty_parts;	/* in a row */
};

struct t1 {
	unsigned kinds;		/* of EDC; one, once the card has told it */
	uint8_t ns;		/* N(S) of the I-block under way or the next */
	uint8_t nr;		/* N(S) that the card's next
				 * I-block must have */
	uint8_t ifsc;
	uint8_t ifsc_first;	/* of the ATR */
	uint8_t inf_max;	/* what fits the reader's messages */
	uint8_t ifsd;		/* what we have told the card */
	uint8_t ifsd_wanted;	/* differs: to offer before the next command */
	bool character;
	bool heard;		/* a block of the card was right */
	bool settled;		/* nothing is under way, and both sides agree
				 * on the numbers, but if it is */
	bool adrift;		/* for the card may have a block that it is
				 * said not to have */
	struct t1_exchange exchange;
	size_t out_size;
	size_t in_size;
	uint8_t out[T1_BLOCK_MAX];
	uint8_t in[T1_BLOCK_MAX];	/* character level: the block
					 * as far as it came */
};

struct t1_parameters {
	uint8_t ifsc;		/* of the ATR; 0 and 255 are
				 * reserved: taken as 32 */
	uint8_t ifsd;		/* to offer; 0: nothing, the
				 * reader does that itself */
	bool crc;		/* of the ATR */
	bool character;		/* level; else TPDU */
	size_t message_max;	/* dwMaxCCIDMessageLength as desc.h clamps it */
};

/*
 * For a card that has just been powered up or reset. IFSC and IFSD are clamped
 * to what a message takes. 0, or -EMSGSIZE if that is not one byte of INF.
 */
int t1_init(struct t1 *engine, const struct t1_parameters *parameters);

/*
 * Begins an exchange. Returns ENGINE_SEND with *ret_block set, or without any
 * traffic:
 * -EINVAL   fewer than four bytes
 * -EMSGSIZE more than APDU_COMMAND_MAX
 * -ENOBUFS  room below two bytes: no answer could be stored
 * -ENOTCONN the exchange before failed or was given up halfway: the card must
 *           be reset, and t1_init called
 * Lengths inside the command are the card's to judge. command and answer must
 * stay until t1_end.
 */
int t1_start(struct t1 *engine, const uint8_t *command, size_t command_size,
	     uint8_t *answer, size_t room, struct engine_block *ret_block);

/*
 * Begins an exchange whose command the reader completes (with a PIN) and sends
 * by itself, as one block with this prologue; the reply is for t1_step as ever.
 * Errors of t1_start; -EMSGSIZE if the card takes no block of that size. Where
 * the command would have to be sent again, t1_step fails: -EIO. IFSD is not
 * offered before it, but before the next command.
 */
int t1_start_unseen(struct t1 *engine, size_t command_size, uint8_t *answer,
		    size_t room, uint8_t ret_prologue[T1_PROLOGUE_SIZE]);

/* Instead of t1_step: the reader has sent nothing, for there was no PIN. */
void t1_withdraw(struct t1 *engine);

/*
 * Instead of t1_step: the reader says so of a block that it was given. If it
 * is wrong, the card's answer has the number that the next one must have, and
 * would be taken for it. So the next t1_start resynchronises first.
 */
void t1_doubt(struct t1 *engine);

/*
 * Feeds the reply. Returns ENGINE_SEND with *ret_block set, ENGINE_DONE with
 * the answer stored and its size in engine->exchange.received, or
 * -ENOBUFS   the whole answer was received but exceeds the room
 * -ECANCELED the card aborted the command
 * after which the next command may start; and
 * -ETIMEDOUT the card is silent, or asked for more time too often
 * -EIO       nothing right was received, or too many errors in all
 * -EPROTO    a loop without end, or an answer longer than T1_ANSWER_MAX
 * after which the card must be reset. After a failure, and after an exchange
 * given up halfway, a part of the answer may lie in the caller's room: the
 * caller wipes it, as far as engine->exchange.received.
 */
int t1_step(struct t1 *engine, const struct engine_reply *reply,
	    struct engine_block *ret_block);

/*
 * Ends an exchange, however it went: wipes the bytes of command and answer that
 * the engine holds. Between t1_start and this, t1_step alone may be called.
 */
void t1_end(struct t1 *engine);

#endif
