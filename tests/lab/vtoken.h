/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vtoken - an interface without bulk pipes: ICCD over the control pipe.
 *
 * Version A (protocol=01) answers GET_ICC_STATUS with "busy" while its card
 * works, version B (protocol=02) DATA_BLOCK with "poll". At character level
 * version A does T=0 step by step: header, data, status word.
 */
#ifndef VTOKEN_H
#define VTOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vccid;

struct vtoken {
	bool answered;		/* slot->reply holds what is not fetched yet */
	uint64_t due;		/* when it does */
	size_t fetched;		/* bytes of it */
	uint8_t gathered[5 + 255];	/* of a TPDU */
	size_t size;
};

/* By its bInterfaceProtocol. */
bool vtoken_is(const struct vccid *ccid);

/* A class request: bytes put into data, or -EPIPE. */
int vtoken_request(struct vccid *ccid, const uint8_t setup[8], uint8_t *data,
		   size_t room);

#endif
