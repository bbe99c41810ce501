/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vline - the line between a reader and a card: who is at another speed is not
 * understood, and by chance (options line-*) something happens to a block.
 *
 *   damaged  one byte changes, or the block is cut, or a byte comes on top;
 *            half of what comes back so the reader notices: a parity error
 *   lost     the other side hears nothing
 *   doubled  T=1: the card hears a block twice, and one of its two answers
 *            comes back; or the reader is given the block before once more, in
 *            the place of the one that the card has sent
 *
 * That is what the protocols can tell. The EDC of T=1 finds one changed byte,
 * its LEN a cut. At character level LEN itself is left alone, as only parity
 * could tell. T=0 has parity alone: there all damage is noticed, nothing is
 * doubled.
 */
#ifndef VLINE_H
#define VLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vcontact.h"

#define VLINE_BLOCK_MAX	(VCONTACT_OUT_MAX + 1)

struct vline {
	/* in the reader: what came; up to at it was fetched */
	uint8_t in[VLINE_BLOCK_MAX];
	size_t size, at;
	bool garbled;		/* parity error: none of it is to be used */
	/* the block before, for doubling */
	uint8_t before[VT1_BLOCK_MAX];
	size_t before_size;
};

/* Power up or down */
void vline_reset(struct vline *line);

/*
 * Characters go to the slot's card; what was in the reader is dropped, what
 * comes back is there instead.
 */
void vline_send(struct vslot *slot, const uint8_t *bytes, size_t size);

#endif
