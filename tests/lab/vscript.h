/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vscript - commands of the bench that tell a reader beforehand what it shall do
 * or say when the host comes: faults, triggers, keys, escapes, its pipes.
 *
 * vbench.c finds the place and calls them.
 */
#ifndef VSCRIPT_H
#define VSCRIPT_H

#include <stddef.h>

#include "vbench.h"
#include "vdevice.h"

/* What a command works on: found before it runs. */
struct place {
	struct vdevice *device;
	struct vccid *ccid;
	struct vslot *slot;
};

struct words {
	char *const *word;
	size_t n;
};

/* 0, or a negative errno; answer may have a text by then. */
typedef int vscript_command(struct place *place, struct words words,
			    struct vanswer *answer);

vscript_command vscript_fault, vscript_on, vscript_keys, vscript_escape;
vscript_command vscript_halt, vscript_break, vscript_damage, vscript_end;
vscript_command vscript_notify, vscript_stray;

#endif
