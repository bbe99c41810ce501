/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ccidtrack info - what a reader says that it can, in words.
 */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "attached.h"
#include "describe.h"
#include "descriptors.h"
#include "exits.h"
#include "ink.h"
#include "json.h"
#include "saved.h"
#include "scene.h"

#define FILE_MAX	(1024 * 1024)

static const char help[] =
	"Usage: ccidtrack info [--json] [--color=WHEN] [READER|FILE...]\n"
	"\n"
	"Tells what readers say of themselves: slots, voltages, protocols,\n"
	"speeds, features, keypad, display.\n"
	"\n"
	"READER is a port (1-1.2), ids (04e6:5116), BUS:ADDRESS (001:007) or\n"
	"a device node. Without one, all that are attached. FILE (or - for the\n"
	"standard input) holds saved descriptors: raw, in hexadecimal digits,\n"
	"or the output of lsusb -v.\n"
	"\n"
	"  --json        print a JSON list\n"
	"  --color=WHEN  auto (default), always, never\n"
	"  --help        this text\n"
	"\n"
	"Exit code: 0, or 1 if there is no such reader, 2 wrong usage, 3 a file\n"
	"that holds no descriptors.\n";

struct printer {
	bool json;
	size_t shown;
};

static void begin(struct printer *printer, const char *title)
{
	if (!printer->json && printer->shown)
		putchar('\n');
	printer->shown++;
	if (!printer->json) {
		printf("%s%s%s\n", ink(INK_BOLD), title, ink(INK_PLAIN));
		return;
	}
	json_open(NULL, '{');
	json_text("name", title);
}

static void end(struct printer *printer)
{
	if (printer->json)
		json_close('}');
}

static void show_ids(bool json, unsigned vendor, unsigned product,
		     unsigned version)
{
	char ids[16], release[16];

	snprintf(ids, sizeof(ids), "%04x:%04x", vendor & 0xFFFF,
		 product & 0xFFFF);
	snprintf(release, sizeof(release), "%x.%02x", version >> 8 & 0xFF,
		 version & 0xFF);
	if (json) {
		json_text("ids", ids);
		json_text("version", release);
		return;
	}
	printf("  %-15s %s, version %s\n", "device", ids, release);
}

static void show_attached(struct printer *printer,
			  const struct attached *reader)
{
	const struct describe_interface interface = {
		(int)reader->interface, (int)reader->interface_class,
		(int)reader->protocol, reader->interrupt,
	};

	begin(printer, reader->title);
	show_ids(printer->json, reader->vendor, reader->product,
		 reader->version);
	describe_interface(&interface, printer->json);
	if (reader->described)
		describe_raw(reader->raw, printer->json);
	describe_quirks(reader->vendor, reader->product, reader->version,
			printer->json);
	end(printer);
}

static void show_saved(struct printer *printer, const char *title,
		       const struct descriptors *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct descriptors_interface *found = &all->interfaces[i];
		const struct describe_interface interface = {
			found->number, found->interface_class, found->protocol,
			found->number < 0 ? -1 : found->interrupt,
		};

		if (!found->reader)
			continue;
		begin(printer, title);
		if (all->device)
			show_ids(printer->json, all->vendor, all->product,
				 all->version);
		describe_interface(&interface, printer->json);
		if (found->class_descriptor)
			describe_raw(found->class_descriptor, printer->json);
		if (all->device)
			describe_quirks(all->vendor, all->product, all->version,
					printer->json);
		end(printer);
	}
}

static int refuse(const char *name, const char *why)
{
	fprintf(stderr, "ccidtrack info: %s: %s\n", name, why);
	return EXIT_UNABLE;
}

static int show_file(struct printer *printer, const char *name)
{
	static char text[FILE_MAX];
	static uint8_t bytes[DESCRIPTORS_MAX];
	bool standard = strcmp(name, "-") == 0;
	FILE *file = standard ? stdin : fopen(name, "re");
	struct descriptors all;
	size_t size;

	if (!file && errno == ENOENT && !strchr(name, '/')) {
		fprintf(stderr, "ccidtrack info: %s: no such reader, and no "
			"file\n", name);
		return EXIT_FOUND;
	}
	if (!file)
		return refuse(name, strerror(errno));
	size = fread(text, 1, sizeof(text), file);
	if (!standard)
		fclose(file);
	size = saved_decode(text, size, bytes, sizeof(bytes));
	if (!size || descriptors_parse(bytes, size, 0, &all) < 0)
		return refuse(name, "no descriptors in it");
	show_saved(printer, name, &all);
	return EXIT_WELL;
}

static int show_word(struct printer *printer, const struct attached *readers,
		     size_t n, const char *word)
{
	size_t before = printer->shown;

	for (size_t i = 0; i < n; i++)
		if (scene_is_meant(&readers[i], word))
			show_attached(printer, &readers[i]);
	if (printer->shown > before)
		return EXIT_WELL;
	return show_file(printer, word);
}

int command_info(int argc, char **argv)
{
	int json = 0, code = EXIT_WELL;
	const struct argument table[] = { { "json", &json, NULL }, { 0 } };
	struct printer printer = { 0 };
	struct attached *readers;
	size_t n;

	argc = arguments_take(argc, argv, table, help);
	if (argc < 0)
		return EXIT_USAGE;
	printer.json = json;
	n = attached_find(&readers);
	if (json)
		json_open(NULL, '[');
	for (size_t i = 0; argc == 1 && i < n; i++)
		show_attached(&printer, &readers[i]);
	for (int i = 1; i < argc && code == EXIT_WELL; i++)
		code = show_word(&printer, readers, n, argv[i]);
	if (json) {
		json_close(']');
		putchar('\n');
	}
	if (!json && !printer.shown && code == EXIT_WELL)
		puts("No smart card reader.");
	return printer.shown || code ? code : EXIT_FOUND;
}
