/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t1_card - a card that speaks T=1, for tests: the other side of the rules of
 * ISO 7816-3, written without any line of the driver.
 *
 * It takes chained commands, runs each once, chains its answers, asks for
 * repetition, repeats, resynchronises, and asks for more time, another IFSC or
 * an abort when chance says so. An answer depends on every byte of its command.
 */
#ifndef CCIDTRACK_TESTS_T1_CARD_H
#define CCIDTRACK_TESTS_T1_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define T1_CARD_BLOCK_MAX	259
#define T1_CARD_COMMAND_MAX	65544
#define T1_CARD_ANSWER_MAX	65538

enum t1_card_edc {
	T1_CARD_LRC,
	T1_CARD_CRC_HIGH,
	T1_CARD_CRC_LOW,
	T1_CARD_CRC_X25,
	T1_CARD_CRC_ARC,
	T1_CARD_EDCS,
};

struct t1_card_habits {
	enum t1_card_edc edc;
	uint8_t ifsc;		/* 1..254 */
	bool mute;		/* says nothing to a damaged block */
	bool repeats;		/* answers a doubled I-block with its last block */
	unsigned wtx, ifs, abort;	/* chance before each block, in 10000; IFS
					 * three times in a command at most */
};

struct t1_card {
	struct t1_card_habits habits;
	uint64_t chance;	/* state of the random numbers */
	uint8_t ns, nr, ifsc, ifsd;
	bool outstanding;	/* the last I-block is not acknowledged */
	bool answering;		/* the command has run */
	uint8_t request;	/* S request that awaits its response, or 0 */
	uint8_t request_value;
	unsigned ifs_asked;	/* in this command */
	size_t command_size, answer_size;
	size_t answered;	/* acknowledged */
	size_t part;
	unsigned runs;		/* commands run since the test set it to 0 */
	size_t last_size;
	uint8_t last[T1_CARD_BLOCK_MAX];
	uint8_t command[T1_CARD_COMMAND_MAX];
	uint8_t answer[T1_CARD_ANSWER_MAX];
};

/* A number below limit. */
unsigned t1_card_random(uint64_t *chance, unsigned limit);

/* Power up. seed must not be 0. */
void t1_card_reset(struct t1_card *card, const struct t1_card_habits *habits,
		   uint64_t seed);

/*
 * What the card answers to a command of four bytes at least; P1 P2 say how many
 * bytes come before the status word, at most 65536 of them.
 */
size_t t1_card_answer(const uint8_t *command, size_t size,
		      uint8_t answer[T1_CARD_ANSWER_MAX]);

/* A block reaches the card. Returns the size of its answer, 0 if it is mute. */
size_t t1_card_take(struct t1_card *card, const uint8_t *bytes, size_t size,
		    uint8_t ret_block[T1_CARD_BLOCK_MAX]);

#endif
