/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vcontact - what a card says at its contacts: PPS, the characters of T=0, the
 * blocks of T=1 (ISO 7816-3, 9 to 11). It stands between the line (vline.h) and
 * a kind of card, which knows APDUs only. Written without the driver's help.
 *
 *   state    first byte FF       anything else
 *   fresh    PPS                 speaks the first protocol of its ATR
 *   PPS      more of it          more of it
 *   speaks   the protocol's      the protocol's
 *   deaf     nothing             nothing: until the next reset
 *
 * At T=1 a burst of characters is a block. At T=0 a command that brings data to
 * the card is known by its INS, as any card knows its own. The card runs it as
 * if a Le of 256 followed, and tells of an answer by 61 XX.
 */
#ifndef VCONTACT_H
#define VCONTACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vatr.h"
#include "vcard.h"

#define VCONTACT_OUT_MAX	8192
#define VT1_BLOCK_MAX		259
#define VT0_HEADER		5

struct vslot;

enum vcontact_state {
	VCONTACT_DEAF,
	VCONTACT_FRESH,
	VCONTACT_PPS,
	VCONTACT_SPEAKS,
};

struct vt0 {
	uint8_t header[VT0_HEADER];
	size_t header_size;
	size_t wanted;		/* data bytes that the card has asked for */
	uint8_t data[256];
	size_t data_size;
	size_t enveloped;	/* bytes in the contact's command */
	size_t answered;	/* bytes of data that the host has fetched */
};

struct vt1 {
	uint8_t ifsc, ifsd, ns, nr;
	bool outstanding;	/* the last I-block is not acknowledged */
	bool answering;		/* the command has run */
	uint8_t request;	/* S request that awaits its response, or 0 */
	uint8_t request_value;
	bool ifs_asked;
	unsigned chains;	/* of the host, since the reset */
	unsigned working;	/* us that the answer still takes */
	size_t answered, part;
	size_t last_size;
	uint8_t last[VT1_BLOCK_MAX];
};

struct vcontact {
	struct vslot *slot;
	enum vcontact_state state;
	struct vatr atr;
	uint8_t protocol;
	uint8_t fidi;		/* at which the card listens and speaks */
	unsigned chance;
	struct vt0 t0;
	struct vt1 t1;
	uint8_t command[VCARD_COMMAND_MAX];
	size_t command_size;
	uint8_t answer[VCARD_ANSWER_MAX];
	size_t answer_size;

	/* what came of the last burst */
	uint8_t out[VCONTACT_OUT_MAX];
	size_t out_size;
	unsigned time;		/* us that it takes; the reader clears it */
};

/* The slot's card has given its ATR; or, off, has lost its power. */
void vcontact_reset(struct vcontact *contact, struct vslot *slot);
void vcontact_off(struct vcontact *contact);

/*
 * A burst of characters at the right speed reaches the card. What it says to
 * that is in out, and that alone.
 */
void vcontact_hear(struct vcontact *contact, const uint8_t *bytes, size_t size);

/* For the protocols: */
void vcontact_say(struct vcontact *contact, const uint8_t *bytes, size_t size);

/* The card has reason to complain of the host: counted and written down. */
void vcontact_complain(struct vcontact *contact, const char *what);

/* Runs the command; the answer's size, 0: the card is mute from now on. */
size_t vcontact_run(struct vcontact *contact, const uint8_t *command,
		    size_t size);

/* --- vcontact_t0.c */

void vt0_reset(struct vcontact *contact);
void vt0_hear(struct vcontact *contact, const uint8_t *bytes, size_t size);

/* --- vcontact_t1.c */

void vt1_reset(struct vcontact *contact);
void vt1_hear(struct vcontact *contact, const uint8_t *bytes, size_t size);

#endif
