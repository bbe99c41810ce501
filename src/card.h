/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * card - power for the card in a slot, as its visit and pcscd have it.
 *
 * What is sent for it, supply.h knows: here is when it may be, whether the card
 * is still the same afterwards, and what the tracker is told.
 *
 * Every function takes the slot for its time (exchange_begin) and asks the
 * tracker before anything reaches the card. Errors, beside those of
 * exchange.h:
 *
 *   -ENOMEDIUM  the slot is empty as the call returns
 *   -ESTALE     the card inside is not the one that pcscd knows, or was not
 *               powered up
 *
 * Any thread of pcscd.
 */
#ifndef CCIDTRACK_CARD_H
#define CCIDTRACK_CARD_H

#include <stddef.h>
#include <stdint.h>

#include "reader.h"

/*
 * Powers up, or powers off and up again (reset). 0: the ATR was copied to atr
 * (READER_ATR_MAX bytes). -EIO: no card that answers.
 */
int card_power_up(struct reader *reader, unsigned slot, bool reset,
		  uint8_t *atr, size_t *ret_size);

/*
 * 0 or -ENODEV: a card that cannot be powered off is gone or dead. Ordered by
 * pcscd's event thread, on a reader that announces no movements, the card is
 * switched on again behind pcscd's back (ifdIdlePower): so a swap shows.
 */
int card_power_off(struct reader *reader, unsigned slot);

/* As the slot closes: nobody is told of its card any more, nobody asks. */
void card_let_go(struct reader *reader, unsigned slot);

/* For a caller that owns the slot: off and on again; errors of power-up. */
int card_reset_owned(struct reader *reader, unsigned slot);

/*
 * For a caller that owns the slot: the card is powered off, and its client has
 * to power it up again, or to set its protocol, which does the same.
 */
void card_forsake_owned(struct reader *reader, unsigned slot);

/* For T=0 or T=1 (0, 1); errors of protocol_agree. */
int card_set_protocol(struct reader *reader, unsigned slot, uint8_t protocol);

#endif
