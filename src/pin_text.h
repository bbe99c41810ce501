/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pin_text - what a PIN pad with an empty display is to show, as the escape
 * command by which such readers take it: B2 A0 00 4D 4C and ten texts of
 * sixteen characters, in the order of the table in pin_text.c. "*" in the one
 * for the tries that are left becomes their number.
 *
 * ASCII is all that they can show.
 *
 * Pure. Any thread.
 */
#ifndef CCIDTRACK_PIN_TEXT_H
#define CCIDTRACK_PIN_TEXT_H

#include <stdint.h>

#define PIN_TEXT_SIZE	165

/* Two letters of ISO 639, as in PIN_TEXT_LANGUAGE('d', 'e'). */
#define PIN_TEXT_LANGUAGE(a, b)	((uint16_t)((a) << 8 | (b)))

/* In English, if the language is not known. */
void pin_text_put(uint16_t language, uint8_t ret_command[PIN_TEXT_SIZE]);

#endif
