/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json - writes one JSON value to stdout, a member a call.
 *
 * Commas and quotes are its business. Keys are ours and plain; text is whatever
 * a device or a file says, and comes out as valid JSON: what controls anything
 * is escaped, bytes that are no UTF-8 become question marks.
 */
#ifndef CCIDTRACK_JSON_H
#define CCIDTRACK_JSON_H

#include <stdbool.h>
#include <stdint.h>

/* The next value is the first of a new line, not of the one before. */
void json_begin(void);

/* key is NULL for the outermost value and for elements of a list. */
void json_open(const char *key, char bracket);	/* '{' or '[' */
void json_close(char bracket);			/* '}' or ']' */
void json_text(const char *key, const char *text);
void json_number(const char *key, int64_t number);
void json_truth(const char *key, bool truth);

/* Milliseconds as seconds with three decimals. */
void json_seconds(const char *key, int64_t milliseconds);

#endif
