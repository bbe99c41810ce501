/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "root.h"

#define PASSWD_LINE	512

static const char *const units[] = {
	"/etc/systemd/system/pcscd.service",
	"/run/systemd/system/pcscd.service",
	"/usr/lib/systemd/system/pcscd.service",
	"/lib/systemd/system/pcscd.service",
};

static FILE *open_file(const char *name)
{
	char path[ROOT_PATH];

	return root_path(path, "%s", name) ? fopen(path, "re") : NULL;
}

/* User= of the first unit that there is; "" if it names none. */
static void unit_user(char *user, size_t room)
{
	char line[PASSWD_LINE];
	FILE *file = NULL;

	*user = '\0';
	for (size_t i = 0; !file && i < sizeof(units) / sizeof(units[0]); i++)
		file = open_file(units[i]);
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "User=", 5) == 0)
			snprintf(user, room, "%.*s",
				 (int)strcspn(line + 5, "\r\n"), line + 5);
	if (file)
		fclose(file);
}

/* By hand: getpwnam(3) knows this machine's users only. */
static void take_user(const char *user, struct process *process)
{
	FILE *file = open_file("/etc/passwd");
	size_t size = strlen(user);
	char line[PASSWD_LINE];

	while (file && fgets(line, sizeof(line), file)) {
		char *at = strchr(line, ':');

		if ((size_t)(at ? at - line : 0) != size ||
		    memcmp(line, user, size) != 0)
			continue;
		at = strchr(at + 1, ':');
		process->uid = at ? (uid_t)strtoul(at + 1, &at, 10) : 0;
		process->gid = at && *at == ':' ?
				       (gid_t)strtoul(at + 1, NULL, 10) : 0;
		process->overrides = false;
	}
	if (file)
		fclose(file);
}

static void imagine_pcscd(struct process *ret_process)
{
	char user[64];

	*ret_process = (struct process){ .name = "pcscd", .overrides = true };
	unit_user(user, sizeof(user));
	if (*user)
		take_user(user, ret_process);
}

void scene_look(struct scene *ret_scene)
{
	struct scene *scene = ret_scene;

	scene->n = attached_find(&scene->readers);
	bundles_read(&scene->bundles);
	scene->running = process_pcscd(&scene->pcscd);
	if (!scene->running)
		imagine_pcscd(&scene->pcscd);
}

bool scene_node(const struct attached *reader, struct stat *ret_stat)
{
	return root_stat(ret_stat, "/dev/bus/usb/%03u/%03u", reader->bus,
			 reader->address);
}

bool scene_is_meant(const struct attached *reader, const char *word)
{
	char ids[16], place[32], node[32];

	snprintf(ids, sizeof(ids), "%04x:%04x", reader->vendor,
		 reader->product);
	snprintf(place, sizeof(place), "%03u:%03u", reader->bus,
		 reader->address);
	snprintf(node, sizeof(node), "/dev/bus/usb/%03u/%03u", reader->bus,
		 reader->address);
	return strcmp(word, reader->port) == 0 || strcmp(word, place) == 0 ||
	       strcmp(word, node) == 0 || strcasecmp(word, ids) == 0;
}
