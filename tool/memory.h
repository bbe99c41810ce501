/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory - allocation for the command, which ends where there is none.
 *
 * Nothing here is freed before the end: a command looks once and is over. Not
 * for the driver, and not for what runs on (watch.c minds its own).
 */
#ifndef CCIDTRACK_MEMORY_H
#define CCIDTRACK_MEMORY_H

#include <stddef.h>

/* Room for one more behind n rows of that size; all zero. */
void *memory_grow(void *rows, size_t n, size_t size);

/* A copy of at most size bytes, with a NUL. */
char *memory_copy(const char *text, size_t size);

#endif
