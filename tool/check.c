/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ccidtrack check - what keeps readers from working, and what mends it.
 */
#include "check.h"

#include <stdio.h>

#include "arguments.h"
#include "commands.h"
#include "exits.h"
#include "findings.h"

static const char help[] =
	"Usage: ccidtrack check [--json] [--color=WHEN]\n"
	"\n"
	"Looks for what keeps smart card readers from working: drivers, pcscd,\n"
	"rights, programs and kernel modules that hold a reader. With each fault\n"
	"comes the line that mends it. Nothing is changed. Run it as root, for\n"
	"others do not see who holds a reader.\n"
	"\n"
	"  --json        print a JSON list of faults and notes\n"
	"  --color=WHEN  auto (default), always, never\n"
	"  --help        this text\n"
	"\n"
	"Exit code: 0 if there is no fault, 1 if there is, 2 wrong usage.\n";

int command_check(int argc, char **argv)
{
	int json = 0;
	const struct argument table[] = { { "json", &json, NULL }, { 0 } };
	struct scene scene;

	argc = arguments_take(argc, argv, table, help);
	if (argc > 1)
		fprintf(stderr, "ccidtrack check: takes no arguments: \"%s\"\n"
			"Try ccidtrack check --help.\n", argv[1]);
	if (argc != 1)
		return EXIT_USAGE;
	scene_look(&scene);
	findings_begin(json);
	findings_about("drivers", NULL);
	check_drivers(&scene);
	findings_about("pcscd", NULL);
	check_pcscd(&scene);
	if (!scene.n) {
		findings_about("readers", NULL);
		findings_bad("no-reader", "plug one in; lsusb lists what USB "
			     "sees. A key of many functions may have to be "
			     "told by its maker's program to be a reader",
			     "there is no smart card reader on USB");
	}
	for (size_t i = 0; i < scene.n; i++) {
		findings_about(scene.readers[i].title, scene.readers[i].port);
		check_reader(&scene, &scene.readers[i]);
	}
	return findings_end() ? EXIT_FOUND : EXIT_WELL;
}
