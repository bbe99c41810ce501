/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ccidtrack list - what is plugged in, and what pcscd would do with it.
 */
#include "commands.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "exits.h"
#include "ink.h"
#include "json.h"
#include "scene.h"

static const char help[] =
	"Usage: ccidtrack list [--json] [--color=WHEN] [READER...]\n"
	"\n"
	"Lists the smart card readers on USB: which driver pcscd would choose\n"
	"for each and why, who may open it, who has it open.\n"
	"\n"
	"READER is a port (1-1.2), ids (04e6:5116), BUS:ADDRESS (001:007) or\n"
	"a device node. Without one all are listed.\n"
	"\n"
	"  --json        print a JSON list\n"
	"  --color=WHEN  auto (default), always, never\n"
	"  --help        this text\n"
	"\n"
	"Exit code: 0, or 1 if there is no such reader, 2 wrong usage.\n";

/* Why pcscd takes that driver, in a word that scripts may compare */
static const char *rule_of(const struct bundle *chosen)
{
	if (!chosen)
		return "unlisted";
	if (strcmp(chosen->directory, BUNDLES_OURS) == 0)
		return "static";
	if (strcmp(chosen->directory, BUNDLES_LOCAL) == 0)
		return "local";
	return "other";
}

static const char *explain(const char *rule)
{
	static const char *const texts[][2] = {
		{ "unlisted", "no driver lists it; sudo ccidtrack scan adds it" },
		{ "static", "ccidtrack, by the list that it comes with" },
		{ "local", "ccidtrack, by the list of this machine" },
		{ "other", "another driver lists it" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i][0], rule) == 0)
			return texts[i][1];
	return "";
}

static const char *owner_name(uid_t uid, char *text, size_t room)
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		snprintf(text, room, "%s", user->pw_name);
	else
		snprintf(text, room, "%u", uid);
	return text;
}

static const char *group_name(gid_t gid, char *text, size_t room)
{
	const struct group *group = getgrgid(gid);

	if (group)
		snprintf(text, room, "%s", group->gr_name);
	else
		snprintf(text, room, "%u", gid);
	return text;
}

static void print_holders(const struct attached *reader)
{
	struct process *rows;
	bool all;
	size_t n = process_holders(reader->bus, reader->address, &rows, &all);

	printf("  held by   ");
	for (size_t i = 0; i < n; i++)
		printf("%s%s (%d)", i ? ", " : "", rows[i].name,
		       (int)rows[i].pid);
	if (!n)
		printf(all ? "nobody" : "nobody that you may see: try as root");
	if (reader->driver[0])
		printf("%s%s", n ? "; " : "; interface of ",
		       strcmp(reader->driver, "usbfs") == 0 ?
			       "a program claims it" : reader->driver);
	putchar('\n');
}

static void print_node(const struct scene *scene, const struct attached *reader)
{
	char user[64], group[64];
	struct stat node;

	printf("  node      /dev/bus/usb/%03u/%03u", reader->bus,
	       reader->address);
	if (!scene_node(reader, &node)) {
		printf(", %snot there%s\n", ink(INK_BAD), ink(INK_PLAIN));
		return;
	}
	printf(" %04o %s:%s, pcscd ", (unsigned)node.st_mode & 07777,
	       owner_name(node.st_uid, user, sizeof(user)),
	       group_name(node.st_gid, group, sizeof(group)));
	if (process_may_open(&scene->pcscd, &node))
		printf("may open it\n");
	else
		printf("%smay not open it%s\n", ink(INK_BAD), ink(INK_PLAIN));
}

static void print_reader(const struct scene *scene,
			 const struct attached *reader)
{
	const struct bundle *chosen = bundles_choose(
		&scene->bundles, reader->vendor, reader->product);
	const char *rule = rule_of(chosen);

	printf("%s%s%s\n", ink(INK_BOLD), reader->title, ink(INK_PLAIN));
	printf("  device    %04x:%04x, port %s, interface %u, class %02X%s\n",
	       reader->vendor, reader->product, reader->port,
	       reader->interface, reader->interface_class,
	       reader->interface_class == 0xFF ? " (vendor's own)" : "");
	printf("  driver    %s: %s%s%s%s\n",
	       chosen ? chosen->directory : "none",
	       ink(chosen ? INK_FAINT : INK_BAD), explain(rule),
	       ink(INK_PLAIN),
	       chosen && bundles_rival(&scene->bundles, chosen, reader->vendor,
				       reader->product) ?
		       " (so does another: chance decides)" : "");
	print_node(scene, reader);
	print_holders(reader);
}

static void json_holders(const struct attached *reader)
{
	struct process *rows;
	bool all;
	size_t n = process_holders(reader->bus, reader->address, &rows, &all);

	json_open("holders", '[');
	for (size_t i = 0; i < n; i++) {
		json_open(NULL, '{');
		json_text("name", rows[i].name);
		json_number("pid", rows[i].pid);
		json_close('}');
	}
	json_close(']');
	json_truth("holders_complete", all);
}

static void json_reader(const struct scene *scene,
			const struct attached *reader)
{
	const struct bundle *chosen = bundles_choose(
		&scene->bundles, reader->vendor, reader->product);
	struct stat node;
	bool there = scene_node(reader, &node);
	char ids[16];

	snprintf(ids, sizeof(ids), "%04x:%04x", reader->vendor,
		 reader->product);
	json_open(NULL, '{');
	json_text("name", reader->title);
	json_text("ids", ids);
	json_text("port", reader->port);
	json_number("bus", reader->bus);
	json_number("address", reader->address);
	json_number("interface", reader->interface);
	json_number("class", reader->interface_class);
	json_text("serial", reader->serial);
	json_text("rule", rule_of(chosen));
	json_text("driver", chosen ? chosen->directory : "");
	json_truth("clear", !chosen ||
		   !bundles_rival(&scene->bundles, chosen, reader->vendor,
				  reader->product));
	json_truth("node", there);
	json_truth("pcscd_may_open",
		   there && process_may_open(&scene->pcscd, &node));
	json_text("kernel_driver", reader->driver);
	json_holders(reader);
	json_close('}');
}

static bool wanted(const struct attached *reader, char **words)
{
	if (!*words)
		return true;
	for (; *words; words++)
		if (scene_is_meant(reader, *words))
			return true;
	return false;
}

static void print_all(const struct scene *scene, char **words, bool json)
{
	bool first = true;

	for (size_t i = 0; i < scene->n; i++) {
		if (!wanted(&scene->readers[i], words))
			continue;
		if (!json && !first)
			putchar('\n');
		first = false;
		if (json)
			json_reader(scene, &scene->readers[i]);
		else
			print_reader(scene, &scene->readers[i]);
	}
}

static bool is_there(const struct scene *scene, const char *word)
{
	for (size_t i = 0; i < scene->n; i++)
		if (scene_is_meant(&scene->readers[i], word))
			return true;
	fprintf(stderr, "ccidtrack list: %s: no such reader\n", word);
	return false;
}

static bool are_there(const struct scene *scene, char **words)
{
	bool all = true;

	for (; *words; words++)
		all &= is_there(scene, *words);
	return all;
}

int command_list(int argc, char **argv)
{
	int json = 0;
	const struct argument table[] = { { "json", &json, NULL }, { 0 } };
	struct scene scene;

	if (arguments_take(argc, argv, table, help) < 0)
		return EXIT_USAGE;
	scene_look(&scene);
	if (json)
		json_open(NULL, '[');
	print_all(&scene, argv + 1, json);
	if (json) {
		json_close(']');
		putchar('\n');
	} else if (!scene.n) {
		puts("No smart card reader on USB.");
	}
	return scene.n && are_there(&scene, argv + 1) ? EXIT_WELL : EXIT_FOUND;
}
