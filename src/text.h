/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text - a USB string, made fit to be shown.
 *
 * Devices send whatever they like as a string, and it ends up in terminals and
 * logs: characters that control either, and those that nobody can see, become
 * blanks; half a surrogate pair becomes a question mark.
 *
 * Pure. Any thread.
 */
#ifndef CCIDTRACK_TEXT_H
#define CCIDTRACK_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Writes UTF-16 in little endian, as far as its first NUL, as UTF-8 with a NUL
 * behind it and no blanks at its end. What does not fit room, 1.., is left out,
 * whole characters only. Returns the size without the NUL.
 */
size_t text_from_utf16(const uint8_t *bytes, size_t size, char *text,
		       size_t room);

#endif
