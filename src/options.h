/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options - what the administrator has set, for all readers or for some.
 *
 * Later wins:
 *
 *   built in
 *   Info.plist of the bundle that the module lies in
 *   the options file (OPTIONS_FILE of configure, not shipped)
 *     its top
 *     in its dictionary "readers", the entry VID:PID of the reader
 *   environment: CCIDTRACK_ and the key's name
 *
 * What cannot be understood is told in the log, with file and line, once a
 * load, and left at what it was: unknown keys, values of another type or out of
 * range. A file that is no property list changes nothing at all.
 *
 * CCIDTRACK_options in the environment names another options file, for tests.
 * Where the program runs with more rights than its caller the environment
 * counts for nothing (secure_getenv).
 *
 * The table of keys is in options.c; ccidtrack.plist(5) is the users' side.
 */
#ifndef CCIDTRACK_OPTIONS_H
#define CCIDTRACK_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

/* Bits of ifdDriverOptions, as users know them from other drivers */
#define OPTIONS_ESCAPE		0x0001u	/* any client may send
					 * escape commands */
#define OPTIONS_APDU_MODE	0x0002u	/* TPDU readers that can
					 * do APDUs shall */
#define OPTIONS_OLD_FIRMWARE	0x0004u	/* serve a reader whose
					 * firmware is bad */
#define OPTIONS_NO_PIN_RETRIES	0x0040u	/* some PIN pads ask cards
					 * for their tries */
#define OPTIONS_VOLTAGE_SHIFT	4	/* two bits: enum params_first */
#define OPTIONS_VOLTAGE_MASK	3u

struct options {
	uint32_t log_level;		/* LOG_LEVEL_*; not by reader */
	uint32_t driver_options;	/* OPTIONS_* */
	uint32_t poll_interval_ms;
	uint32_t idle_power;		/* 0 or 1 */
	uint32_t timeout_cap_s;
	uint32_t timeout_floor_s;	/* where the reader alone hears
					 * the card's requests for time */
	uint32_t start_ms;		/* for the first answer of a reader */
	uint32_t quirks;		/* 0: the table of quirk.h
					 * does not count */
	uint32_t level;			/* 0: as the reader says, else
					 * DESC_LEVEL_* + 1 */
	uint32_t rate_cap;		/* bit/s, 0: none */
	uint32_t pps;			/* 0: no card hears one */
	uint32_t max_ifsd;
	uint32_t pin_pad;		/* 0: hidden */
	uint32_t pin_min, pin_max;	/* digits; 0: as far as is known */
	uint32_t language;		/* pin_text.h; of the variable LANG */
};

/* Reads everything afresh. The caller sees to it that nobody is in here. */
void options_load(void);

/* What holds for a reader, since the last load. Nobody loads meanwhile. */
void options_for(uint16_t vendor, uint16_t product, struct options *ret_options);

/* What was built in, and nothing else. */
void options_forget(void);

/*
 * A file's bytes on top of what holds by now; its name is for the log.
 * -EINVAL: no property list, nothing is taken.
 */
int options_take(const char *name, const char *bytes, size_t size);

#endif
