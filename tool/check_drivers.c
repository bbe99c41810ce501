/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include <config.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "findings.h"
#include "root.h"

#define RULES		"61-ifd-ccidtrack.rules"
#define LINE_SIZE	1024
#define GROUP_SIZE	64
#define GIVE		"GROUP=\""

static void check_fault(const struct bundle *bundle)
{
	switch (bundle->fault) {
	case BUNDLE_GOOD:
		break;
	case BUNDLE_UNREADABLE:
		if (strcmp(bundle->directory, BUNDLES_LOCAL) == 0)
			findings_note("no-local-list", "sudo ccidtrack scan",
				      "the list of this machine has not been "
				      "written yet; pcscd complains of that");
		else
			findings_bad("bundle-unreadable",
				     "install that driver again, or remove it",
				     "%s has no Info.plist that could be read",
				     bundle->directory);
		break;
	case BUNDLE_INCOMPLETE:
		findings_bad("bundle-incomplete",
			     "install that driver again, or remove it",
			     "%s: its Info.plist lacks what pcscd wants to "
			     "know: it is not used", bundle->directory);
		break;
	case BUNDLE_UNEQUAL:
		findings_bad("bundle-unequal",
			     "install that driver again; do not edit its list",
			     "%s lists %zu vendors but %zu products: pcscd "
			     "reads no further, or does not start",
			     bundle->directory, bundle->vendors->n,
			     bundle->products->n);
		break;
	case BUNDLE_NO_MODULE:
		findings_bad("bundle-no-module",
			     "install that driver again, or remove it",
			     "%s: its module is not there", bundle->directory);
		break;
	}
}

/* pcscd would give two readers of one module in two bundles the same number. */
static void check_twins(const struct bundle *ours, const struct bundle *local)
{
	if (ours->fault != BUNDLE_GOOD || local->fault != BUNDLE_GOOD ||
	    ours->module_stat.st_ino != local->module_stat.st_ino ||
	    ours->module_stat.st_dev != local->module_stat.st_dev)
		return;
	findings_bad("module-linked", "install ccidtrack again, with two files",
		     "the modules of both bundles are links to one file: "
		     "pcscd would mix up their readers");
}

static void check_bundles(const struct bundles *bundles)
{
	const struct bundle *ours = bundles_named(bundles, BUNDLES_OURS);
	const struct bundle *local = bundles_named(bundles, BUNDLES_LOCAL);

	if (!bundles->readable)
		findings_bad("no-drivers-directory",
			     "sudo apt install pcscd, or what your "
			     "distribution calls it",
			     "%s, where pcscd looks for drivers, is not "
			     "there", bundles_directory());
	else if (!ours)
		findings_bad("not-installed", "sudo make install",
			     "ccidtrack is not in %s", bundles_directory());
	for (size_t i = 0; i < bundles->n; i++)
		check_fault(&bundles->rows[i]);
	if (ours && local)
		check_twins(ours, local);
	if (ours && ours->fault == BUNDLE_GOOD)
		findings_good("ccidtrack is installed; in its list: %zu, in "
			      "that of this machine: %zu", ours->n,
			      local ? local->n : 0);
}

/* --- udev rules */

static const char *const rules_directories[] = {
	"/etc/udev/rules.d",
	"/run/udev/rules.d",
	"/usr/local/lib/udev/rules.d",
	"/usr/lib/udev/rules.d",
	"/lib/udev/rules.d",
};

/* /etc/group by hand: getgrnam(3) knows this machine's groups only. */
static bool find_group(const char *name, gid_t *ret_gid)
{
	char path[ROOT_PATH], line[LINE_SIZE];
	size_t size = strlen(name);
	bool found = false;
	FILE *file = root_path(path, "/etc/group") ? fopen(path, "re") : NULL;

	while (!found && file && fgets(line, sizeof(line), file)) {
		const char *at = strchr(line, ':');

		found = at && (size_t)(at - line) == size &&
			memcmp(line, name, size) == 0;
		at = found ? strchr(at + 1, ':') : NULL;
		if (at)
			*ret_gid = (gid_t)strtoul(at + 1, NULL, 10);
	}
	if (file)
		fclose(file);
	return found || !file;	/* or another kind of data base */
}

/* What the rules in that directory give readers to; "" if to nobody. */
static bool read_rules(const char *directory, char group[GROUP_SIZE])
{
	char path[ROOT_PATH], line[LINE_SIZE];
	FILE *file = root_path(path, "%s/" RULES, directory) ?
			     fopen(path, "re") : NULL;

	*group = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		const char *at = *line == '#' ? NULL : strstr(line, GIVE);

		if (at)
			snprintf(group, GROUP_SIZE, "%.*s",
				 (int)strcspn(at + strlen(GIVE), "\""),
				 at + strlen(GIVE));
	}
	return file && fclose(file) == 0;
}

static bool find_rules(char group[GROUP_SIZE])
{
	for (size_t i = 0; i < sizeof(rules_directories) /
				       sizeof(rules_directories[0]); i++)
		if (read_rules(rules_directories[i], group))
			return true;
	return *UDEVRULESDIR && read_rules(UDEVRULESDIR, group);
}

bool check_rules_give(gid_t *ret_gid)
{
	char group[GROUP_SIZE];

	*ret_gid = 0;
	return find_rules(group) && *group && find_group(group, ret_gid);
}

static void check_group(const char *name)
{
	char mend[192];
	gid_t gid;

	if (!*name || find_group(name, &gid))
		return;
	snprintf(mend, sizeof(mend), "sudo groupadd --system %s && sudo udevadm "
		 "control --reload && sudo udevadm trigger", name);
	findings_bad("no-group", mend, "udev is to give readers to the group "
		     "%s, which does not exist", name);
}

static void check_rules(const struct scene *scene)
{
	char group[GROUP_SIZE];
	bool found = find_rules(group);

	check_group(group);
	if (found)
		findings_good("the rules for udev are installed");
	else if (scene->pcscd.overrides)
		findings_note("no-rules", "sudo make install",
			      "the rules for udev are not installed: new "
			      "readers do not become known by themselves");
	else
		findings_bad("no-rules", "sudo make install && sudo udevadm "
			     "control --reload && sudo udevadm trigger",
			     "the rules for udev are not installed, and pcscd "
			     "is not root: it may not open readers");
}

void check_drivers(const struct scene *scene)
{
	check_bundles(&scene->bundles);
	check_rules(scene);
}
