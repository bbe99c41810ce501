/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session_device - a reader that does as it should, but for what an input says.
 *
 * The input's beginning says what reader it is:
 *
 *   1 byte    bits 0-1: exchange level; 2-3: slots, less one; 4: no interrupt
 *             pipe; 5: all by itself (dwFeatures); 6: it powers inserted cards
 *             up; 7: a keypad
 *   1 byte    bits 0-2: the cards' ATR; 3-4: bInterfaceProtocol; 5-7: message
 *             size
 *   1 byte    bit k: a card is in slot k; bits 6-7: how many patches follow
 *   2 bytes   for each patch: offset in the class descriptor, value
 *
 * Each command is answered as a byte of the input's end says (reply_kinds in
 * session_device.c), 0 for as it should be.
 */
#ifndef CCIDTRACK_TESTS_SESSION_DEVICE_H
#define CCIDTRACK_TESTS_SESSION_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "session_card.h"
#include "session_input.h"

#define DEVICE_SLOTS	4

struct device_slot {
	bool present, active;
	uint32_t visit;		/* of the card that is or was in */
	uint32_t powered;	/* the visit of the last power-up */
	uint32_t reached;	/* the visit that a block reached last */
	bool unsettled;		/* mute until its insertion was fetched */
	struct card card;
};

struct device {
	struct input *input;
	unsigned slots;
	bool interrupts;
	bool auto_activation;
	bool honest;	/* it has told nothing but the truth so far */
	unsigned unfetched;
	struct device_slot slot[DEVICE_SLOTS];
};

extern struct device device;

/* Made as the input says; usb.h finds it from now on. */
void device_begin(struct input *input);

/* A card comes, goes or makes room for another; the reader tells. */
void device_move(unsigned slot, bool present);

/* Bytes on the interrupt pipe, whatever they mean. */
void device_notify(const uint8_t *bytes, size_t size);

/* The errors that usb.h may give. */
int device_error(uint8_t choice);

#endif
