/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcsc-watch - a PC/SC client that prints what it sees and when; see README.
 */
#include <stdio.h>
#include <string.h>

#include "pcsc_client.h"

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && strcmp(argv[1], "watch") == 0)
		return pcsc_watch();
	if (argc == 2 && strcmp(argv[1], "script") == 0)
		return pcsc_script();
	fprintf(stderr, "usage: pcsc-watch watch|script\n");
	return 2;
}
