/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exits.h"

static void *sure(void *memory)
{
	if (memory)
		return memory;
	fputs("ccidtrack: no memory left\n", stderr);
	exit(EXIT_UNABLE);
}

void *memory_grow(void *rows, size_t n, size_t size)
{
	char *grown = sure(reallocarray(rows, n + 1, size));

	memset(grown + n * size, 0, size);
	return grown;
}

char *memory_copy(const char *text, size_t size)
{
	return sure(strndup(text, size));
}
