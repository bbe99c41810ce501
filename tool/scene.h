/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scene - everything that list and check look at, looked at once.
 */
#ifndef CCIDTRACK_SCENE_H
#define CCIDTRACK_SCENE_H

#include <stdbool.h>
#include <stddef.h>

#include "attached.h"
#include "bundles.h"
#include "process.h"

struct scene {
	struct attached *readers;
	size_t n;
	struct bundles bundles;
	bool running;			/* pcscd */
	struct process pcscd;		/* as it runs, or as it would */
};

void scene_look(struct scene *ret_scene);

/* The reader's device node; false if it is not there. */
bool scene_node(const struct attached *reader, struct stat *ret_stat);

/* What a word on the command line means: a port, vid:pid, or bus:address. */
bool scene_is_meant(const struct attached *reader, const char *word);

#endif
