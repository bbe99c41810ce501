/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_* - the parts of ccidtrack check. Each looks at one side of the scene
 * and tells its findings.
 */
#ifndef CCIDTRACK_CHECK_H
#define CCIDTRACK_CHECK_H

#include "scene.h"

/* Bundles, lists, udev rules */
void check_drivers(const struct scene *scene);

/* Whether the installed rules for udev give readers to a group, and which. */
bool check_rules_give(gid_t *ret_gid);

/* Is pcscd there, does it run, has it read the lists, may we reach it? */
void check_pcscd(const struct scene *scene);

/* What a client of pcscd sees: readers missing, in use, cards that are mute */
void check_served(const struct scene *scene, long context);

/* One reader: listed, rights, who is in the way */
void check_reader(const struct scene *scene, const struct attached *reader);

#endif
