/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhabits - how a card behaves at its contacts, whatever kind it is.
 */
#ifndef VHABITS_H
#define VHABITS_H

enum vpps {
	VPPS_AGREE,
	VPPS_DEFAULT,		/* the protocol, but at default speed */
	VPPS_OTHER,		/* answers with another protocol */
	VPPS_DAMAGED,		/* answers with a wrong PCK */
	VPPS_SHORT,		/* answers with PPSS alone */
	VPPS_SILENT,
};

struct vhabits {
	unsigned deaf;		/* so many resets stay unanswered */
	unsigned pps;		/* enum vpps */
	unsigned seed;		/* of its chance */
	/* T=0 */
	unsigned nulls;		/* percent: NULL before a procedure byte */
	unsigned single;	/* percent: ACK for one byte only */
	unsigned whole;		/* 1: P3 = 00 gives 61 XX for all there is */
	/* T=1; 0: none */
	unsigned bwt;		/* us: what takes longer, takes S(WTX) */
	unsigned ifs;		/* IFSC that it asks for, once */
	unsigned abort;		/* which chain it aborts, from 1 */
	unsigned quiet;		/* 1: says nothing to a damaged block */
	unsigned crc;		/* 1: with the low byte first */
};

/* One word "name=value". 0, -ENOENT if there is no such habit, -EINVAL. */
int vhabits_take(struct vhabits *habits, const char *word);

#endif
