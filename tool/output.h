/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output - standard output: how wide it is, and whether it arrives. A list that a
 * full disk has cut must not pass for a whole one.
 */
#ifndef CCIDTRACK_OUTPUT_H
#define CCIDTRACK_OUTPUT_H

/* First of all: the program shall end with EXIT_UNABLE if it does not arrive. */
void output_begin(void);

/* Sends what has been printed so far; ends the program if that fails. */
void output_flush(void);

/* How many characters a line of the terminal has; 0 if it is none: no limit. */
unsigned output_columns(void);

/* Prints words, from that column on; of further lines, too. No new line behind. */
void output_fold(unsigned column, const char *text);

#endif
