/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "ink.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool coloured;

static bool wanted(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if ((no && *no) || !term || strcmp(term, "dumb") == 0)
		return false;
	return isatty(STDOUT_FILENO);
}

bool ink_choose(const char *when)
{
	if (strcmp(when, "auto") == 0)
		coloured = wanted();
	else if (strcmp(when, "always") == 0)
		coloured = true;
	else if (strcmp(when, "never") == 0)
		coloured = false;
	else
		return false;
	return true;
}

const char *ink(enum ink ink)
{
	static const char *const sequences[] = {
		[INK_PLAIN] = "\033[0m",  [INK_BOLD] = "\033[1m",
		[INK_FAINT] = "\033[2m",  [INK_GOOD] = "\033[32m",
		[INK_BAD] = "\033[1;31m", [INK_WARN] = "\033[33m",
	};

	return coloured ? sequences[ink] : "";
}
