/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "bundles.h"

#include <config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define CLASS_DRIVER	"CCIDCLASSDRIVER"

const char *bundles_directory(void)
{
#ifdef HAVE_SECURE_GETENV
	const char *directory = secure_getenv("PCSCLITE_HP_DROPDIR");

	if (directory && *directory)
		return directory;
#endif
	return DROPDIR;
}

static void find_module(struct bundle *bundle)
{
	const char *name = infoplist_value(&bundle->plist, "CFBundleExecutable");

	if (!root_path(bundle->module, "%s/%s/Contents/" BUNDLE_OS "/%s",
		       bundles_directory(), bundle->directory, name) ||
	    stat(bundle->module, &bundle->module_stat) < 0)
		bundle->fault = BUNDLE_NO_MODULE;
}

static void weigh(struct bundle *bundle)
{
	const struct infoplist_entry *names;
	const char *name = infoplist_value(&bundle->plist, "CFBundleName");

	bundle->class_driver = name && strcmp(name, CLASS_DRIVER) == 0;
	bundle->vendors = infoplist_find(&bundle->plist, "ifdVendorID");
	bundle->products = infoplist_find(&bundle->plist, "ifdProductID");
	names = infoplist_find(&bundle->plist, "ifdFriendlyName");
	bundle->fault = BUNDLE_INCOMPLETE;
	if (!bundle->vendors || !bundle->products || !names ||
	    !infoplist_value(&bundle->plist, "CFBundleExecutable"))
		return;
	bundle->fault = BUNDLE_UNEQUAL;
	if (bundle->vendors->n != bundle->products->n ||
	    names->n != bundle->products->n)
		return;
	bundle->fault = BUNDLE_GOOD;
	bundle->n = names->n;
	find_module(bundle);
}

static void read_bundle(const char *directory, struct bundle *bundle)
{
	bundle->directory = memory_copy(directory, strlen(directory));
	bundle->fault = BUNDLE_UNREADABLE;
	if (root_path(bundle->path, "%s/%s/Contents/Info.plist",
		      bundles_directory(), directory) &&
	    infoplist_read(bundle->path, &bundle->plist))
		weigh(bundle);
}

void bundles_read(struct bundles *ret_bundles)
{
	struct bundles bundles = { 0 };
	DIR *directory = root_directory("%s", bundles_directory());
	struct dirent *entry;

	bundles.readable = directory != NULL;
	while (directory && (entry = readdir(directory))) {
		if (!strstr(entry->d_name, ".bundle"))
			continue;
		bundles.rows = memory_grow(bundles.rows, bundles.n,
					   sizeof(*bundles.rows));
		read_bundle(entry->d_name, &bundles.rows[bundles.n++]);
	}
	if (directory)
		closedir(directory);
	*ret_bundles = bundles;
}

bool bundle_is_ours(const struct bundle *bundle)
{
	return strcmp(bundle->directory, BUNDLES_OURS) == 0 ||
	       strcmp(bundle->directory, BUNDLES_LOCAL) == 0;
}

bool bundle_lists(const struct bundle *bundle, uint16_t vendor,
		  uint16_t product)
{
	for (size_t i = 0; i < bundle->n; i++)
		if (strtoul(bundle->vendors->values[i], NULL, 16) == vendor &&
		    strtoul(bundle->products->values[i], NULL, 16) == product)
			return true;
	return false;
}

const struct bundle *bundles_named(const struct bundles *bundles,
				   const char *directory)
{
	for (size_t i = 0; i < bundles->n; i++)
		if (strcmp(bundles->rows[i].directory, directory) == 0)
			return &bundles->rows[i];
	return NULL;
}

static const struct bundle *last_but(const struct bundles *bundles,
				     bool class_driver,
				     const struct bundle *other,
				     uint16_t vendor, uint16_t product)
{
	for (size_t i = bundles->n; i > 0; i--) {
		const struct bundle *bundle = &bundles->rows[i - 1];

		if (bundle != other && bundle->class_driver == class_driver &&
		    bundle_lists(bundle, vendor, product))
			return bundle;
	}
	return NULL;
}

const struct bundle *bundles_choose(const struct bundles *bundles,
				    uint16_t vendor, uint16_t product)
{
	const struct bundle *chosen =
		last_but(bundles, false, NULL, vendor, product);

	return chosen ? chosen :
			last_but(bundles, true, NULL, vendor, product);
}

const struct bundle *bundles_rival(const struct bundles *bundles,
				   const struct bundle *chosen, uint16_t vendor,
				   uint16_t product)
{
	return last_but(bundles, chosen->class_driver, chosen, vendor, product);
}
