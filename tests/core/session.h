/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session - a reader's life in short, in a thread that is pcscd's event thread
 * and client at once: open, insertion, power, protocol, APDUs, a PIN, an
 * attribute, a swap, power-off, and close.
 *
 * The device may do what it likes between before() and after(); what is judged
 * is that each call ends in time and tells either what is right or an error.
 */
#ifndef CCIDTRACK_TESTS_SESSION_H
#define CCIDTRACK_TESTS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "desc.h"
#include "stopped_clock.h"

#define SESSION_SERIAL	0x01020304u	/* of its card */
#define SESSION_LUN	0x30000ul
#define SESSION_LEVELS	6
#define SESSION_S	4000	/* it is over by then */

struct session_level {
	uint32_t features;
	enum desc_level level;
	uint8_t protocol;
	unsigned atr;		/* of contact.h */
	size_t answer_size;	/* without status */
	bool pins;		/* can be entered at the reader */
	uint8_t command[7];
	size_t size;
};

/* APDUs, short and extended; T=0 and T=1, as TPDUs and as characters. */
extern const struct session_level session_levels[SESSION_LEVELS];

struct session_run {
	struct call call;
	void *(*live)(void *argument);	/* NULL: session_live */
	void (*before)(void), (*after)(void);	/* NULL: nothing */
	bool foul;		/* any answer of the card's is as good */
	const struct session_level *level;
	unsigned slot;
	int opened;		/* what the open returned */
	bool entered;		/* the card has taken the PIN */
	bool cured;		/* the last APDU was right */
	uint64_t longest_ms;
	const char *longest, *wrong;	/* NULL: nothing was */
};

/* Before it is opened. */
void session_set_level(const struct session_level *level);

/* With the level set in run, and perhaps before, after, live and foul. */
void session_run(struct session_run *run);

/* The same for n slots of the device at a time, the runs side by side. */
void session_run_all(struct session_run *run, unsigned n);

/* For a live() of a test's own. */
void *session_live(void *argument);

#endif
