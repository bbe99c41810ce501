/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vkeypad - the reader's own keys and who presses them: the Secure command.
 *
 * The command "keys" says what the user presses, one key each option key-time,
 * from the moment on that a PIN is asked for. Keys that are left over are for
 * the next PIN.
 *
 *   0 .. 9   a digit; beyond the most there may be: nothing happens
 *   v        validation; where there are too few digits: nothing happens
 *   b        takes the last digit back
 *   c        cancel
 *
 * When the keys are used up, the time runs out that the host has set for a PIN
 * (option pin-second: how long its seconds are; 0: they never pass). The PIN
 * reaches the card at the end of the last entry and not before.
 */
#ifndef VKEYPAD_H
#define VKEYPAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vloop.h"
#include "vpin.h"

#define VKEYPAD_KEYS	128
#define VKEYPAD_PROMPTS	3

struct vccid;
struct vslot;

/* An entry under way in a slot */
struct vkeypad {
	bool entering;
	uint32_t serial;	/* the card that the PIN is for */
	struct vpin pin;
	unsigned prompt;
	char digits[VKEYPAD_PROMPTS][VPIN_DIGITS + 1];
	uint64_t deadline;	/* of this prompt; 0: none */
	struct vloop_timer timer;
};

/* A Secure command: as vcommand_run. */
unsigned vkeypad_run(struct vslot *slot, const uint8_t *data, size_t size);

/* The entry is over, whatever came of it: nothing reaches the card. */
void vkeypad_end(struct vslot *slot);

/* Keys that the user presses from now on, behind those before. -EINVAL. */
int vkeypad_press(struct vccid *ccid, const char *keys);

#endif
