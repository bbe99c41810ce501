/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iccd - tokens that speak over the control pipe (ICCD 1.0, chapter 6).
 *
 * A card with USB inside has no bulk pipes: bInterfaceProtocol 1 (version A)
 * and 2 (version B). This engine takes a CCID command and says which class
 * request to make next, until it has the CCID reply that a reader would have
 * given; so nobody above knows of tokens. It never does I/O: who drives it
 * (usb_token.c) makes the requests and keeps the pauses.
 *
 *                 version A                       version B
 *   power on      ICC_POWER_ON brings the ATR     ICC_POWER_ON, DATA_BLOCK
 *   power off     ICC_POWER_OFF                   the same
 *   status        GET_ICC_STATUS until not busy   SLOT_STATUS
 *   block         XFR_BLOCK, GET_ICC_STATUS until XFR_BLOCK, DATA_BLOCK until
 *                 not busy, DATA_BLOCK            not "poll"
 *
 * A token of version A and character level does T=0 in its own steps: header,
 * data either way, status word. It is driven as a reader of TPDU level.
 *
 * Pure. The caller locks.
 */
#ifndef CCIDTRACK_ICCD_H
#define CCIDTRACK_ICCD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ccid.h"
#include "desc.h"

#define ICCD_VERSION_A	1	/* bInterfaceProtocol */
#define ICCD_VERSION_B	2

#define ICCD_DATA_MAX	4096	/* Linux takes no longer control transfer */
#define ICCD_MESSAGE_MAX	(CCID_HEADER_SIZE + ICCD_DATA_MAX)

enum iccd_next {
	ICCD_REQUEST,	/* make request, then iccd_step or iccd_stalled */
	ICCD_PAUSE,	/* wait pause_ms, then iccd_resume */
	ICCD_ANSWER,	/* answer holds the reply */
};

struct iccd_request {
	bool in;
	uint8_t request;
	uint16_t value;
	const uint8_t *data;	/* of an OUT request, part of the command */
	size_t size;		/* IN: the most that may come, ICCD_DATA_MAX */
};

struct iccd {
	bool b;			/* version */
	bool characters;	/* A, at character level */
	bool powered;

	struct iccd_request request;
	unsigned pause_ms;	/* 1..ICCD_PAUSE_MAX_MS */
	uint8_t answer[ICCD_MESSAGE_MAX];
	size_t answer_size;

	/* the command under way */
	int step;
	const uint8_t *command;
	const uint8_t *data;	/* of it, or header */
	size_t size;
	uint8_t header[5];	/* of a T=0 command that has no P3 */
	size_t sent;
	size_t received;	/* in answer, behind the header */
	bool fetched;		/* the data of a T=0 command */
};

/* Between two requests a token that is pulled is not noticed. */
#define ICCD_PAUSE_MAX_MS	500

/* version: as above; level: as the class descriptor tells. */
void iccd_init(struct iccd *iccd, uint8_t version, enum desc_level level);

/*
 * Makes of a token's description that of the reader it looks like: one slot, no
 * PIN pad, nothing to negotiate, messages that fit a control transfer; version
 * B chains APDUs at short APDU level too.
 */
void iccd_describe(uint8_t version, struct desc *desc);

/*
 * A CCID command, size CCID_HEADER_SIZE..ICCD_MESSAGE_MAX, which stays where it
 * is until there is an answer. What the token cannot do is answered by failure.
 */
enum iccd_next iccd_start(struct iccd *iccd, const uint8_t *command,
			  size_t size);

/* The request is done; IN: received bytes have come. */
enum iccd_next iccd_step(struct iccd *iccd, const uint8_t *data,
			 size_t received);

/* The token refused it. */
enum iccd_next iccd_stalled(struct iccd *iccd);

enum iccd_next iccd_resume(struct iccd *iccd);

/* The reader's way to say that the command under way still is. */
void iccd_put_extension(const struct iccd *iccd,
			uint8_t message[CCID_HEADER_SIZE]);

#endif
