/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vlevel - a reader of TPDU or character level: XfrBlock, and what the reader
 * settles with the card by itself.
 *
 * TPDU level: a PPS, where the card may take one, and a block of T=1 go through
 * as they are; for T=0 the reader speaks the procedure bytes. Character level:
 * abData goes to the card, wLevelParameter says how many characters the host
 * waits for; option "give" says whether it gets as many.
 *
 * dwFeatures: bit 6, the reader agrees with the card on its best speed at power
 * up; bit 7, it does so at SetParameters; bit 10, it offers IFSD of 254.
 */
#ifndef VLEVEL_H
#define VLEVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vslot;
struct voptions;

/* The card was powered up; off: it has no power any more. */
void vlevel_reset(struct vslot *slot);
void vlevel_off(struct vslot *slot);

/* XfrBlock at those levels; fills slot->reply, returns microseconds. */
unsigned vlevel_xfr(struct vslot *slot, const uint8_t *message, size_t size);

/*
 * APDU levels: a card of T=0 that gets no Le tells of its answer by 61 XX, and
 * the host fetches it. True if that was such a command, done as above.
 */
bool vlevel_apdu_t0(struct vslot *slot, const uint8_t *apdu, size_t size,
		    unsigned *ret_time);

/*
 * SetParameters asks for protocol and speed. -1 if they were taken, else bError
 * (option "parameters").
 */
int vlevel_set(struct vslot *slot, uint8_t protocol, uint8_t fidi);

/*
 * The numbers in a list of an option ("9600,19200"), four bytes each, and how
 * many; data may be NULL.
 */
unsigned vlevel_list(const char *list, uint8_t *data, size_t room);

#endif
