/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * locallist - the list of the local bundle: readers of this machine that no
 * installed driver lists, so that pcscd gives them to us.
 *
 * Vendors, products and names are written from one array, so they are equally
 * many; pcscd does not start over a list where they are not. The file is
 * replaced at once, never half written. An id stays once it is in: a reader
 * that was unplugged must still be known when it comes back.
 */
#ifndef CCIDTRACK_LOCALLIST_H
#define CCIDTRACK_LOCALLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "attached.h"
#include "bundles.h"

#define LOCALLIST_NAME	96	/* pcscd adds numbers, and cuts at 128 */
#define LOCALLIST_MAX	256	/* pcscd looks at each for each device */

enum locallist_policy {
	LOCALLIST_UNKNOWN,	/* readers that nobody else lists */
	LOCALLIST_ALL,		/* all but those in our own static list */
	LOCALLIST_NONE,		/* an empty list */
};

struct locallist_row {
	uint16_t vendor;
	uint16_t product;
	char name[LOCALLIST_NAME];
};

struct locallist {
	struct locallist_row rows[LOCALLIST_MAX];	/* sorted by ids */
	size_t n;
};

/* What stands in the file now; empty if it is not there or no good. */
void locallist_read(struct locallist *ret_list);

/* Drops from list what the policy leaves to others. */
void locallist_prune(struct locallist *list, const struct bundles *bundles,
		     enum locallist_policy policy);

/* True if it was added: wanted by the policy, and not in there yet. */
bool locallist_add(struct locallist *list, const struct bundles *bundles,
		   enum locallist_policy policy,
		   const struct attached *reader);

/* The whole property list; options are those of our static bundle. */
void locallist_print(const struct locallist *list,
		     const struct bundles *bundles, FILE *file);

/*
 * Makes the directory and takes the lock that a change needs: two readers may
 * come at once. What to close when that is done, or a negative errno. pcscd
 * scans too before it starts: so never restart it with the lock held.
 */
int locallist_lock(void);

/* Replaces the file unless it says the same. 1 if so, 0, negative errno. */
int locallist_write(const struct locallist *list,
		    const struct bundles *bundles);

#endif
