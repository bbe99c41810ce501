/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ink - colours, on a terminal only and not where NO_COLOR is set.
 */
#ifndef CCIDTRACK_INK_H
#define CCIDTRACK_INK_H

#include <stdbool.h>

enum ink {
	INK_PLAIN,
	INK_BOLD,
	INK_FAINT,
	INK_GOOD,
	INK_BAD,
	INK_WARN,
};

/* when: "auto", "always", "never"; false if it is none of them. */
bool ink_choose(const char *when);

/* What switches the terminal over; "" if there are no colours. */
const char *ink(enum ink ink);

#endif
