/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * findings - what check has to say, line by line.
 *
 * Each fault has a name that does not change, for scripts and for the manual,
 * and the line that mends it.
 */
#ifndef CCIDTRACK_FINDINGS_H
#define CCIDTRACK_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

/* From now on: JSON or lines. Opens the JSON list. */
void findings_begin(bool json);

/* About what the next findings are: "pcscd", a reader's title and its port. */
void findings_about(const char *subject, const char *port);

/* All is well here; not shown in JSON. */
void findings_good(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* Does not keep a reader from working by itself. */
void findings_note(const char *name, const char *mend, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A fault. mend: a command or what else to do. */
void findings_bad(const char *name, const char *mend, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sums up, or closes the JSON list; the number of faults. */
unsigned findings_end(void);

#endif
