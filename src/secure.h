/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * secure - a command APDU with a PIN from the reader's own keys: the PIN goes
 * from the finger to the card and never comes here (CCID 1.1, 6.1.11).
 *
 * The user is given the time that the client has set, 90 seconds at least; a
 * reader that shows by time extensions that keys are pressed gets it anew, up
 * to PIN_ENTRY_MAX_S in all. Card removal, the end of the slot and the loss of
 * the device end the entry as they end any command.
 *
 * At T=1 over TPDU level the reader sends one block and returns the card's
 * block; the exchange goes on from there as any other (transmit.h). Two bytes in
 * place of a block are a status word of the reader's own. Everywhere else it
 * returns the answer.
 */
#ifndef CCIDTRACK_SECURE_H
#define CCIDTRACK_SECURE_H

#include <stddef.h>
#include <stdint.h>

#include "pin.h"
#include "reader.h"

/*
 * 0: *ret_size bytes of answer lie in answer, also if the user gave no PIN
 * (pin_is_refused). room is PIN_STATUS_SIZE at least, the protocol the one that
 * was agreed on. Errors of transmit; -EPROTO also if none was; -ENOTSUP if the
 * reader does not know the command. Any thread of pcscd.
 */
int secure_transmit(struct reader *reader, unsigned slot, struct pin *pin,
		    uint8_t *answer, size_t room, size_t *ret_size);

#endif
