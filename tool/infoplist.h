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

struct infoplist_entry {
	char *key;
	char **values;
	size_t n;
};

struct infoplist {
	struct infoplist_entry *entries;
	size_t n;
};

/* path is a real one. False and errno if it cannot be read. */
bool infoplist_read(const char *path, struct infoplist *ret_plist);

/* NULL if the key is not there; of several the last. */
const struct infoplist_entry *infoplist_find(const struct infoplist *plist,
				     const char *key);

/* The first value, NULL if there is none. */
const char *infoplist_value(const struct infoplist *plist, const char *key);

#endif
