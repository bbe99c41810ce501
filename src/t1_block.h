/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t1_block - one block of T=1: build it, take it apart (ISO 7816-3, 11.3).
 *
 * NAD, PCB, LEN, INF, EDC. Addressing is not used: NAD is 00h both ways. What
 * a block means at its place in an exchange is t1.c's to judge.
 *
 * The EDC is an LRC of one byte or a CRC of two, as the ATR says. The standard
 * names one CRC, but hosts and cards that count it in four ways are in use. So
 * the functions take a set of kinds: a block is right if it is right for one of
 * them, and the caller strikes out the others from then on.
 *
 * Pure. Any thread.
 */
#ifndef CCIDTRACK_T1_BLOCK_H
#define CCIDTRACK_T1_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define T1_PROLOGUE_SIZE	3
#define T1_INF_MAX		254
#define T1_EDC_MAX		2
#define T1_BLOCK_MAX		(T1_PROLOGUE_SIZE + T1_INF_MAX + T1_EDC_MAX)

/* Kinds of EDC: T1_LRC, or a set of others, the lowest of which is sent. */
#define T1_LRC		0x01u
#define T1_CRC_HIGH	0x02u	/* 1021h reflected, from FFFFh, high byte first */
#define T1_CRC_LOW	0x04u	/* the same, low byte first */
#define T1_CRC_X25	0x08u	/* the same, inverted, low byte first */
#define T1_CRC_ARC	0x10u	/* 8005h reflected, from 0, high byte first */
#define T1_CRC		(T1_CRC_HIGH | T1_CRC_LOW | T1_CRC_X25 | T1_CRC_ARC)

/* PCB of blocks that the host sends */
#define T1_PCB_I		0x00	/* N(S) in bit 6 */
#define T1_PCB_MORE		0x20
#define T1_PCB_R		0x80	/* N(R) in bit 4 */
#define T1_PCB_R_EDC		0x01	/* EDC or parity error */
#define T1_PCB_R_OTHER		0x02
#define T1_PCB_RESYNCH		0xC0	/* requests; responses are E0h and up */
#define T1_PCB_IFS		0xC1
#define T1_PCB_ABORT_RESPONSE	0xE2
#define T1_PCB_IFS_RESPONSE	0xE1
#define T1_PCB_WTX_RESPONSE	0xE3

/* What a card may send */
enum t1_type {
	T1_I,
	T1_R,
	T1_RESYNCH_RESPONSE,
	T1_IFS_REQUEST,
	T1_IFS_RESPONSE,
	T1_ABORT_REQUEST,
	T1_WTX_REQUEST,
};

struct t1_block {
	enum t1_type type;
	uint8_t number;		/* N(S) of an I-block, N(R) of an R-block */
	bool more;		/* of an I-block */
	const uint8_t *inf;	/* within the parsed bytes */
	size_t inf_size;
	unsigned kinds;		/* those of the given that it is right for */
};

/* 1 for T1_LRC, 2 for a set of CRCs. */
size_t t1_edc_size(unsigned kinds);

/* Writes a block with inf_size, 0..T1_INF_MAX, bytes of INF; returns its size. */
size_t t1_block_build(uint8_t block[T1_BLOCK_MAX], unsigned kinds, uint8_t pcb,
		      const uint8_t *inf, size_t inf_size);

/*
 * How many bytes a block whose first size bytes are here still lacks, as far as
 * they tell: at first as many as the shortest block has. 0: it is whole, too
 * long, or its LEN is none.
 */
size_t t1_block_missing(const uint8_t *bytes, size_t size, unsigned kinds);

/*
 * 0: a card may send this block. -EBADMSG: the EDC is right for none of kinds.
 * -EPROTO: LEN is not what was received, or NAD, PCB or LEN are not of this
 * protocol, or an S-block's byte is out of its range.
 */
int t1_block_parse(const uint8_t *bytes, size_t size, unsigned kinds,
		   struct t1_block *ret_block);

#endif
