/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mask - blanks PINs in what goes to a card.
 *
 * A PIN that is typed at the reader's own keys never crosses the cable; one
 * typed at the computer does, as data of VERIFY, CHANGE REFERENCE DATA or RESET
 * RETRY COUNTER (ISO 7816-4), at any exchange level. Blanked are the data of
 * these, of whatever continues them (chained blocks, parts of long commands,
 * the data behind a header at character level), and the checksum of such
 * blocks, which would tell a PIN's bytes all the same. Rather one command too
 * many than one too few. Other secrets are not known to be secrets.
 *
 * Pure.
 */
#ifndef CCIDTRACK_MASK_H
#define CCIDTRACK_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is still to be blanked on a slot; begin with zeros. */
struct mask {
	bool block_goes_on;	/* a chained block of T=1 */
	bool message_goes_on;	/* a command in several messages */
	bool chained;		/* a command with the chaining bit in CLA */
	size_t data_due;	/* behind a header of T=0 */
};

/* A message PC_to_RDR; true if it belongs to a command with a PIN. */
bool mask_message(struct mask *mask, uint8_t *message, size_t size);

/* An APDU alone, as ICCD sends it over the control pipe. Likewise. */
bool mask_apdu(struct mask *mask, uint8_t *apdu, size_t size);

#endif
