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
	unsigned nulls;		/* T=0, percent: NULL before a procedure byte */
	unsigned single;	/* T=0, percent: ACK for one byte only */
	unsigned whole;		/* T=0, 1: P3 = 00 gives 61 XX for all there is */
	unsigned bwt;		/* T=1, us: takes longer only by S(WTX); 0: none */
	unsigned ifs;		/* T=1: IFSC that it asks for, once; 0: none */
	unsigned abort;		/* T=1: the chain that it aborts, from 1; 0: none */
	unsigned quiet;		/* T=1, 1: says nothing to a damaged block */
	unsigned crc;		/* T=1, 1: in its other byte order */
	unsigned seed;
};

/* One word "name=value". 0, -ENOENT if there is no such habit, -EINVAL. */
int vhabits_take(struct vhabits *habits, const char *word);

#endif
