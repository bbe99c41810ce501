/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t0_card - a card: T=0 as ISO 7816-3 has it. At character level its characters
 * are on a line; a reader of TPDU level is played by speaking to it likewise.
 */
#ifndef CCIDTRACK_TESTS_T0_CARD_H
#define CCIDTRACK_TESTS_T0_CARD_H

#include "t0_talk.h"

struct t0_card {
	/* habits */
	bool byte_by_byte;	/* ACK for one byte at a time */
	bool old_ack;		/* INS^01 */
	unsigned nulls;		/* before each procedure byte */
	bool exact;		/* 6C XX to another P3 than what there is */
	size_t stock;		/* bytes that it has to tell */

	/* state */
	size_t given;
	uint8_t heard[APDU_COMMAND_MAX + 1];	/* data, or all by ENVELOPE */
	size_t heard_size;
	size_t commands;	/* TPDUs */
	bool enveloped;
	uint8_t tpdu[T0_TPDU_MAX];
	size_t tpdu_size;
	uint8_t line[70000];
	size_t line_size, line_read;
};

extern struct t0_card card;

/* A fresh one with so many bytes to tell; the habits stay. */
void insert(size_t stock);

/* The engine's block goes to it through a reader, what it says comes back. */
int exchange_characters(void);
int exchange_tpdu(void);

#endif
