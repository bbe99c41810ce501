/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output - standard output, and whether it arrives: a list that a full disk has
 * cut must not pass for a whole one.
 */
#ifndef CCIDTRACK_OUTPUT_H
#define CCIDTRACK_OUTPUT_H

/* First of all: the program shall end with EXIT_UNABLE if it does not arrive. */
void output_begin(void);

/* Sends what has been printed so far; ends the program if that fails. */
void output_flush(void);

#endif
