/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options - what the administrator has set.
 *
 * Later wins: built in, Info.plist of the bundle that the module lies in,
 * environment (CCIDTRACK_ and the key's name). Values out of range are told in
 * the log and left at what they were.
 */
#ifndef CCIDTRACK_OPTIONS_H
#define CCIDTRACK_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

/* Bits of ifdDriverOptions */
#define OPTIONS_ESCAPE	0x0001u	/* any client may send escape commands */

struct options {
	uint32_t log_level;		/* ifdLogLevel, LOG_LEVEL_* */
	uint32_t driver_options;	/* ifdDriverOptions */
	uint32_t poll_interval_ms;	/* ifdPollInterval, 50..10000 */
	uint32_t timeout_cap_s;		/* ifdTimeoutCap, 1..600 */
	uint32_t idle_power;		/* ifdIdlePower, 0 or 1 */
};

/* Reads everything afresh. The caller sees to it that nobody is in here. */
void options_load(void);

/* Never NULL; valid until the next load. */
const struct options *options_get(void);

/*
 * The top-level strings and integers of a property list that belong to known
 * keys. 0, -EINVAL if the bytes are no such list: then nothing is changed.
 */
int options_parse(const char *bytes, size_t size, struct options *options);

#endif
