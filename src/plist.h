/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plist - walks a property list (an XML file of keys and values).
 *
 * Handed out are the entries of the outermost dictionary, and those of the
 * dictionaries inside its key "readers", each of which has a name of its own:
 *
 *   <plist><dict>
 *     <key>KEY</key> <string>VALUE</string>            reader NULL
 *     <key>readers</key> <dict>
 *       <key>READER</key> <dict>
 *         <key>KEY</key> <integer>VALUE</integer>      reader READER
 *
 * Whatever lies deeper is walked over. Entities are refused: nothing of ours
 * needs one, and expanding them has no end.
 *
 * It knows no key and keeps nothing. Any thread.
 */
#ifndef CCIDTRACK_PLIST_H
#define CCIDTRACK_PLIST_H

#include <stdbool.h>
#include <stddef.h>

#define PLIST_SIZE_MAX	(1024 * 1024)
#define PLIST_DEPTH_MAX	16
#define PLIST_TEXT_SIZE	64	/* keys and values of ours are shorter */

struct plist_entry {
	const char *reader;	/* NULL: at the top */
	const char *key;	/* cut, as reader is, to fit PLIST_TEXT_SIZE */
	const char *value;	/* NULL: neither string, integer nor boolean, or
				   longer than PLIST_TEXT_SIZE */
	unsigned long line;
};

typedef void plist_take(void *user, const struct plist_entry *entry);

struct plist_error {
	unsigned long line;
	const char *text;
};

/*
 * Hands the entries to take, in their order. -EINVAL if the bytes are no
 * property list, and *ret_error says why; entries before the fault were handed
 * out by then. -ENOMEM.
 */
int plist_walk(const char *bytes, size_t size, plist_take *take, void *user,
	       struct plist_error *ret_error);

#endif
