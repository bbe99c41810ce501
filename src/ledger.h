/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ledger - the last movements of cards in a reader, and how a tool reads them.
 *
 * Movements are numbered from 1 for each opened reader, over all of its slots.
 * SCardControl with LEDGER_CODE, on any slot, connected or direct, gives the
 * last ones; what is sent with it does not matter. All numbers little endian:
 *
 *   offset  size  header
 *   0       4     "ctl1": the letters, and 1 for this layout
 *   4       2     size of this header, 16; a later one may be longer
 *   6       2     size of an entry, 32; a later one may be longer
 *   8       4     entries that follow, at most 32, the oldest first
 *   12      4     movements so far; more than the last entry's number never
 *
 *   offset  size  entry
 *   0       4     number
 *   4       1     slot
 *   5       1     enum ledger_kind
 *   6       1     enum ledger_cause
 *   7       1     0
 *   8       4     visit: of the card that came, or else of the one that left;
 *                 a brief visit has no number, so that of the one before
 *   12      4     0
 *   16      8     milliseconds since 1970
 *   24      8     milliseconds of CLOCK_MONOTONIC, plus one
 *
 * Pure: the caller locks. A tool may include this header and link ledger.c.
 */
#ifndef CCIDTRACK_LEDGER_H
#define CCIDTRACK_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#define LEDGER_FUNCTION		3900
/* SCARD_CTL_CODE */
#define LEDGER_CODE		(0x42000000u + LEDGER_FUNCTION)

#define LEDGER_KEPT		32
#define LEDGER_HEADER_SIZE	16
#define LEDGER_ENTRY_SIZE	32
#define LEDGER_SIZE_MAX		(LEDGER_HEADER_SIZE + \
				 LEDGER_KEPT * LEDGER_ENTRY_SIZE)

enum ledger_kind {
	LEDGER_INSERTED = 1,
	LEDGER_REMOVED = 2,
	LEDGER_SWAPPED = 3,	/* one visit ended, the next began */
	LEDGER_BRIEF = 4,	/* a visit came and went before it was told */
};

/* What told of it, or made the driver ask. */
enum ledger_cause {
	LEDGER_NOTIFICATION = 1,	/* a message of the reader */
	LEDGER_REPLY = 2,	/* the card status in a reply */
	LEDGER_CHECK = 3,	/* the reader was asked, without a doubt */
	LEDGER_POWER_UP = 4,	/* a power-up failed, or was begun in doubt */
	LEDGER_RESUME = 5,	/* the machine has slept */
	LEDGER_RESET = 6,	/* the device was reset */
	LEDGER_LOSS = 7,	/* a message may have been lost */
	LEDGER_ATR = 8,		/* another ATR than before */
};

struct ledger_entry {
	uint64_t wall_ms;
	uint64_t monotonic_ms;
	uint32_t number;
	uint32_t visit;
	uint8_t slot;
	enum ledger_kind kind : 8;
	enum ledger_cause cause : 8;
};

struct ledger {
	uint32_t count;
	struct ledger_entry entry[LEDGER_KEPT];	/* number n at n % KEPT */
};

/* Numbers the entry and keeps it. Returns the number. */
uint32_t ledger_note(struct ledger *ledger, const struct ledger_entry *entry);

/* Returns the size. */
size_t ledger_put(const struct ledger *ledger, uint8_t bytes[LEDGER_SIZE_MAX]);

/*
 * The other way: how many entries there are, or -EPROTO; the entry of an index,
 * 0 is the oldest, or -ENODATA, -EPROTO.
 */
int ledger_entries(const uint8_t *bytes, size_t size);
int ledger_get(const uint8_t *bytes, size_t size, size_t index,
	       struct ledger_entry *ret_entry);

/* In a few words; "unknown" for what a later version may tell. */
const char *ledger_kind_text(enum ledger_kind kind);
const char *ledger_cause_text(enum ledger_cause cause);

#endif
