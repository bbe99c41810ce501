/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * infoplist - an Info.plist, read as pcscd reads it.
 *
 * That is no XML: a line with <key> or <string> counts wherever it stands, in a
 * comment too; of a line only the first value, and none that is empty; # hides
 * the rest of a line; &amp; is the only entity. What an XML parser says of the
 * file would not be what pcscd does with it.
 */
#ifndef CCIDTRACK_INFOPLIST_H
#define CCIDTRACK_INFOPLIST_H

#include <stdbool.h>
#include <stddef.h>

struct plist_entry {
	char *key;
	char **values;
	size_t n;
};

struct plist {
	struct plist_entry *entries;
	size_t n;
};

/* path is a real one. False and errno if it cannot be read. */
bool plist_read(const char *path, struct plist *ret_plist);

/* NULL if the key is not there; of several the last. */
const struct plist_entry *plist_find(const struct plist *plist,
				     const char *key);

/* The first value, NULL if there is none. */
const char *plist_value(const struct plist *plist, const char *key);

#endif
