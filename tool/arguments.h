/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arguments - what a subcommand is told, as all of them take it.
 */
#ifndef CCIDTRACK_ARGUMENTS_H
#define CCIDTRACK_ARGUMENTS_H

#include <stddef.h>

/* One option; word is set to what stands behind it, or flag to 1. */
struct argument {
	const char *name;	/* without --; a row with NULL ends the table */
	int *flag;
	const char **word;
};

/*
 * Takes --help (prints it and exits well), --color=WHEN, and the options of the
 * table out of argv; the rest moves to its front, argv[0] stays. Returns how
 * many are left, argv[0] with them, or -1 after telling what was wrong.
 */
int arguments_take(int argc, char **argv, const struct argument *table,
		   const char *help);

#endif
