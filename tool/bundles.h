/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bundles - the drivers that pcscd would find, and whom it would give a reader.
 *
 * pcscd's rule: of the drivers that list the ids, the last one in the order of
 * its directory that is no class driver; else the last one that is. So two of a
 * kind are decided by chance.
 */
#ifndef CCIDTRACK_BUNDLES_H
#define CCIDTRACK_BUNDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "infoplist.h"
#include "root.h"

#define BUNDLES_OURS	"ifd-ccidtrack.bundle"
#define BUNDLES_LOCAL	"ifd-ccidtrack-local.bundle"

enum bundle_fault {
	BUNDLE_GOOD,
	BUNDLE_UNREADABLE,	/* no Info.plist to be read */
	BUNDLE_INCOMPLETE,	/* lacks a key that pcscd wants: left out */
	BUNDLE_UNEQUAL,		/* lists of unequal length: pcscd may not start */
	BUNDLE_NO_MODULE,	/* the module that it names is not there */
};

struct bundle {
	char *directory;	/* "ifd-ccid.bundle" */
	char path[ROOT_PATH];	/* of its Info.plist */
	char module[ROOT_PATH];
	struct stat module_stat;
	enum bundle_fault fault;
	bool class_driver;
	struct infoplist plist;
	const struct infoplist_entry *vendors;
	const struct infoplist_entry *products;
	size_t n;		/* ids that count */
};

struct bundles {
	struct bundle *rows;	/* in pcscd's order */
	size_t n;
	bool readable;		/* the directory of drivers */
};

/*
 * Where pcscd looks for drivers: PCSCLITE_HP_DROPDIR, as pcscd 2.0 and later
 * have it, or what was configured.
 */
const char *bundles_directory(void);

void bundles_read(struct bundles *ret_bundles);

bool bundle_is_ours(const struct bundle *bundle);
bool bundle_lists(const struct bundle *bundle, uint16_t vendor,
		  uint16_t product);
const struct bundle *bundles_named(const struct bundles *bundles,
				   const char *directory);

/* Whom pcscd takes; NULL if nobody lists it. */
const struct bundle *bundles_choose(const struct bundles *bundles,
				    uint16_t vendor, uint16_t product);

/*
 * Another one that lists it and might be chosen as well, for both are of the
 * same kind; NULL if the choice is clear.
 */
const struct bundle *bundles_rival(const struct bundles *bundles,
				   const struct bundle *chosen, uint16_t vendor,
				   uint16_t product);

#endif
