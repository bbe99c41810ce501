/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vcard - a card that can be put into a slot of a virtual reader.
 *
 * A kind of card is one file, vcard_*.c, with one table. It is asked for APDUs,
 * never for blocks: what T=0 and T=1 make of an APDU belongs to the reader or,
 * at TPDU and character level, to a layer between it and the card.
 */
#ifndef VCARD_H
#define VCARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vhabits.h"

#define VCARD_ATR_MAX		33
#define VCARD_COMMAND_MAX	65544
#define VCARD_ANSWER_MAX	65538

#define VCARD_T0	0x01
#define VCARD_T1	0x02

struct vcard;

struct vcard_kind {
	const char *name;
	unsigned protocols;	/* VCARD_T0, VCARD_T1 */
	bool mute;		/* never answers to a reset */
	/* An option of its kind, as vcard_new() returns; NULL: none. */
	int (*take)(struct vcard *card, const char *word);
	/* The card forgets what it knew; NULL: nothing to forget. */
	void (*reset)(struct vcard *card);
	/*
	 * One APDU; returns the size of the answer, at most VCARD_ANSWER_MAX,
	 * 0: none ever comes. ret_time: microseconds that it takes.
	 */
	size_t (*apdu)(struct vcard *card, const uint8_t *command, size_t size,
		       uint8_t *ret_answer, unsigned *ret_time);
};

struct vcard {
	const struct vcard_kind *kind;
	uint32_t serial;	/* no two cards of one vreader share it */
	unsigned voltages;	/* bit 0: 5 V, bit 1: 3 V, bit 2: 1.8 V */
	uint32_t resets;	/* since it was made */
	uint32_t apdus;		/* since the last reset */
	uint8_t memory;		/* one byte that a reset clears */
	uint8_t atr[VCARD_ATR_MAX];
	size_t atr_size;
	struct vhabits habits;
	int server;		/* socket, -1: none */
};

extern const struct vcard_kind vcard_echo, vcard_echo_t0, vcard_echo_both;
extern const struct vcard_kind vcard_mute, vcard_served;

/*
 * A card of that kind, options "serial=", "voltages=", "atr=" and those of
 * vhabits.h applied.
 * 0, -ENOENT for an unknown kind or option, -EINVAL for a bad value.
 */
int vcard_new(const char *kind, char *const *words, size_t n,
	      struct vcard **ret_card);
void vcard_free(struct vcard *card);

void vcard_reset(struct vcard *card);

#endif
