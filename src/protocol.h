/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * protocol - agrees with reader and card on a protocol and its parameters.
 *
 * params.h decides, this sends: PPS to the card, SetParameters to the reader.
 * A card or reader that does not follow is reset and used at default speed, and
 * that is remembered as long as the card stays.
 */
#ifndef CCIDTRACK_PROTOCOL_H
#define CCIDTRACK_PROTOCOL_H

#include <stdint.h>

#include "reader.h"

/*
 * For T=0 or T=1 (0, 1). The caller owns the slot, and the card was powered up.
 * 0 also if it was agreed on already. -EPROTONOSUPPORT as params_decide has it,
 * -EPROTO if the card follows no way, -ENOTCONN if it does not come back from
 * the reset; errors of exchange_run.
 */
int protocol_agree(struct reader *reader, unsigned slot, uint8_t protocol);

/*
 * The one that the card speaks first, by its ATR; -EPROTONOSUPPORT without one.
 * The caller owns the slot.
 */
int protocol_of_card(struct reader *reader, unsigned slot);

#endif
