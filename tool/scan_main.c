/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ccidtrack-scan - "ccidtrack scan" alone, for udev and systemd: it needs no
 * library but libc, and can run before anything else is there.
 */
#include "commands.h"
#include "output.h"

int main(int argc, char **argv)
{
	char name[] = "scan";

	output_begin();
	if (argc)
		argv[0] = name;
	return command_scan(argc, argv);
}
