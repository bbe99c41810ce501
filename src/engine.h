/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine - the language that the engines apdu, t0 and t1 speak with transmit.c.
 *
 * An engine never does I/O. x_start and x_step say what the next XfrBlock
 * carries, the caller sends it and feeds what came of it, until the engine is
 * done or fails with a negative errno.
 *
 * Pure.
 */
#ifndef CCIDTRACK_ENGINE_H
#define CCIDTRACK_ENGINE_H

#include <stddef.h>
#include <stdint.h>

enum engine_next {
	ENGINE_SEND,
	ENGINE_DONE,
};

/* What the next XfrBlock carries; data stays valid until the next step. */
struct engine_block {
	const uint8_t *data;
	size_t size;
	uint16_t level_parameter;	/* wLevelParameter */
	uint8_t bwi;			/* bBWI: the card may take so many BWT */
};

enum engine_event {
	ENGINE_ANSWERED,	/* the reader says that all went well */
	ENGINE_SILENT,		/* the card did not answer in time */
	ENGINE_GARBLED,		/* parity error or overrun on the card's line */
};

/* What came of it; data and size are empty unless answered. */
struct engine_reply {
	enum engine_event event;
	uint8_t chain_parameter;	/* bChainParameter */
	const uint8_t *data;
	size_t size;
};

#endif
