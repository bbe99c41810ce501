/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session_card - a card that does as it should, for each exchange level: what it
 * sends is what an input is free to spoil.
 *
 * It answers any command with a pattern of answer_size bytes and 90 00. At TPDU
 * level it speaks T=1 blocks if its ATR says so, else T=0.
 */
#ifndef CCIDTRACK_TESTS_SESSION_CARD_H
#define CCIDTRACK_TESTS_SESSION_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "desc.h"
#include "t1_block.h"

#define CARD_ANSWER_MAX	3500
#define CARD_ATRS	8

struct card {
	enum desc_level level;
	unsigned atr;			/* index, below CARD_ATRS */
	uint8_t protocol;
	size_t message_max;		/* of data */
	size_t answer_size;		/* without status */

	uint8_t answer[CARD_ANSWER_MAX];
	size_t left, sent;		/* of the answer */
	uint8_t ns, nr;			/* N(S) of the next block, N(R) */
	uint8_t block[T1_BLOCK_MAX];	/* T=1: the last one sent */
	size_t block_size;
	uint8_t line[2 * T1_BLOCK_MAX];	/* character level: not all here yet */
	size_t line_size;
	uint8_t ins;			/* T=0, character level; 0: no command */
	size_t p3;
};

struct card_reply {
	uint8_t data[CARD_ANSWER_MAX];
	size_t size;
	uint8_t chain;			/* bChainParameter */
};

/* Powered up: begins anew. */
void card_begin(struct card *card, struct card_reply *ret_reply);

/* An XfrBlock's data and wLevelParameter. */
void card_take(struct card *card, const uint8_t *bytes, size_t size,
	       uint16_t level, struct card_reply *ret_reply);

/* A block with a good EDC around pcb and data, which need not be sensible. */
void card_say_block(struct card *card, uint8_t pcb, const uint8_t *inf,
		    size_t size, struct card_reply *ret_reply);

#endif
