/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
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

unsigned output_columns(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void output_fold(unsigned column, const char *text)
{
	unsigned columns = output_columns();
	size_t at = column;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (at > column && columns && at + 1 + word > columns) {
			printf("\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			putchar(' ');
			at++;
		}
		at += (size_t)printf("%.*s", (int)word, text);
		text += word + strspn(text + word, " ");
	}
}
