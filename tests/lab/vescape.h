/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vescape - what a reader says to Escape commands: scripted, row by row. The
 * first row whose bytes the request begins with answers; without one the
 * command is unknown.
 */
#ifndef VESCAPE_H
#define VESCAPE_H

#include <stddef.h>
#include <stdint.h>

struct vescape;
struct vslot;

struct vescapes {
	struct vescape *first;
};

/*
 * words: HEX or "any"; then "answer=HEX", "echo" or "error=NUMBER"; then perhaps
 * "time=MICROSECONDS". 0, -ENOENT, -EINVAL.
 */
int vescape_add(struct vescapes *escapes, char *const *words, size_t n);
void vescape_clear(struct vescapes *escapes);

/* An Escape command: as vcommand_run. */
unsigned vescape_run(struct vslot *slot, const uint8_t *data, size_t size);

#endif
