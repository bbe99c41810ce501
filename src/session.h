/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session - how to talk with the card in a slot, from power-up to power-off.
 *
 * Belongs to the slot's owner (exchange.h): card.c begins it with an ATR,
 * protocol.c agrees on protocol and speed, transmit.c sends APDUs by it.
 */
#ifndef CCIDTRACK_SESSION_H
#define CCIDTRACK_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "params.h"
#include "t1.h"

struct session {
	bool asks;		/* the host sets protocols: pcscd does, always */
	bool asked;		/* it has since the power-up */
	bool agreed;		/* params hold, and t1 if that is the protocol */
	bool spoilt;		/* a PPS failed: only a reset is heard */
	struct params params;
	struct t1 t1;
	uint32_t slow_visit;	/* the card that took no other speed; 0: none */
};

/* What the reader can do beyond its class descriptor; asked for once. */
struct session_speeds {
	bool asked;
	uint32_t *rates;	/* bit/s; room for desc.rates */
	size_t rate_count;
	uint32_t *clocks;	/* kHz; room for desc.clocks */
	size_t clock_count;
};

#endif
