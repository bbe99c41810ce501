/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ccidtrack - looks at smart card readers, and at what keeps them from working.
 */
#include <config.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "exits.h"
#include "output.h"

static const char help[] =
	"Usage: ccidtrack COMMAND [OPTION...]\n"
	"\n"
	"  list    what is plugged in, and which driver pcscd would choose\n"
	"  info    what a reader says that it can\n"
	"  check   what keeps readers from working, and what mends it\n"
	"  watch   cards and readers as they come and go\n"
	"  scan    make readers known to pcscd that no driver lists\n"
	"  trace   make a capture of usbmon fit to be shown\n"
	"\n"
	"ccidtrack COMMAND --help tells more; so does the manual, ccidtrack(1).\n"
	"ccidtrack --version prints the version.\n";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "list", command_list },   { "info", command_info },
	{ "check", command_check }, { "watch", command_watch },
	{ "scan", command_scan },   { "trace", command_trace },
};

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	output_begin();
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, word) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (strcmp(word, "--version") == 0) {
		puts(PACKAGE_STRING);
		return EXIT_WELL;
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		fputs(help, stdout);
		return EXIT_WELL;
	}
	if (*word)
		fprintf(stderr, "ccidtrack: no command \"%s\"\n\n", word);
	fputs(help, stderr);
	return EXIT_USAGE;
}
