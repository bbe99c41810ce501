/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vfault - what goes wrong with the next commands of a reader.
 *
 * Each command takes the first fault that fits it, and uses it up.
 */
#ifndef VFAULT_H
#define VFAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VFAULT_ANY	0x100

enum vfault_kind {
	VFAULT_NONE,
	VFAULT_STALL_OUT,	/* the command is refused, bulk-OUT halts */
	VFAULT_STALL,		/* in place of the reply bulk-IN halts */
	VFAULT_LOST,		/* no reply; the slot is free again */
	VFAULT_HANG,		/* no reply; the slot stays busy until abort */
	VFAULT_FAIL,		/* not done: bError = value */
	VFAULT_UNHEARD,		/* done, but nothing came back: bError = value */
	VFAULT_LATE,		/* the reply comes value microseconds later */
	VFAULT_DOUBLE,		/* the reply comes twice */
	VFAULT_SEQ,		/* bSeq is value too high, 1 for 0 */
	VFAULT_SLOT,		/* bSlot is value too high, 1 for 0 */
	VFAULT_TYPE,		/* bMessageType is value */
	VFAULT_SHORT,		/* cut to value bytes */
	VFAULT_LONG,		/* value bytes more than dwLength says */
	VFAULT_LENGTH,		/* dwLength is value too high, 1 for 0 */
	VFAULT_STATUS,		/* bStatus is value */
	VFAULT_ZLP_BEFORE,	/* an empty packet comes first ... */
	VFAULT_ZLP_AFTER,	/* ... or behind it */
	VFAULT_EXTEND,		/* value time extensions come first */
	VFAULT_PROTO,		/* the IN urb ends with -EPROTO */
	VFAULT_OVERFLOW,	/* the IN urb ends with -EOVERFLOW */
	VFAULT_DEAD,		/* nothing is answered, until a reset */
};

struct vfault {
	struct vfault *next;
	enum vfault_kind kind;
	unsigned command;	/* bMessageType or VFAULT_ANY */
	unsigned slot;		/* or VFAULT_ANY */
	unsigned skip, count;
	unsigned value;
};

struct vfaults {
	struct vfault *first;
};

/*
 * words: the kind, then "command=", "slot=", "skip=", "count=", "value=".
 * 0, -ENOENT for an unknown kind or option, -EINVAL for a bad value.
 */
int vfault_add(struct vfaults *faults, char *const *words, size_t n);
void vfault_clear(struct vfaults *faults);

/* The fault of this command; its kind is VFAULT_NONE where there is none. */
struct vfault vfault_take(struct vfaults *faults, unsigned slot,
			  uint8_t command);

/* VFAULT_DEAD is on; is over. */
bool vfault_is_dead(const struct vfaults *faults);
void vfault_revive(struct vfaults *faults);

/* A command's number from "power-on", "xfr" ..., "any" or two hex digits. */
int vfault_command(const char *name, unsigned *ret_command);

#endif
