/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * apdus - commands to the card in the first slot, and what comes of them.
 */
#ifndef CCIDTRACK_TESTS_APDUS_H
#define CCIDTRACK_TESTS_APDUS_H

#include "fixture.h"

#define SERIAL	FIXTURE_SERIAL

extern const uint8_t get_data[5];

extern struct order a;	/* the last one */

/* open_with_card, with a reader of extended APDU level. */
void open_extended(uint32_t message_size);

/* Sends; comes back when the call is over, in at most ten minutes. */
int send_apdu(const uint8_t *command, size_t size, uint64_t *ret_ms);

/* get_data, which the device answers with this fault. */
int send_beside(enum device_fault fault, unsigned n, uint8_t code);

/* Whatever went wrong, the card can be used again; powered up if need be. */
void assert_goes_on(void);

#endif
