/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "exits.h"

/* Nothing is printed after it, and exit(3) may not be called again. */
static void finish(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return;
	fputs("ccidtrack: standard output cannot be written\n", stderr);
	_exit(EXIT_UNABLE);
}

void output_begin(void)
{
	atexit(finish);
}

void output_flush(void)
{
	if (fflush(stdout) != 0)
		exit(EXIT_UNABLE);
}
