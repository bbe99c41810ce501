/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * holder - who has an interface that we want: words for the log.
 *
 * Looks into /proc only where an open has failed already. What it finds is a
 * help for the administrator; nothing is decided by it. Any thread.
 */
#ifndef CCIDTRACK_HOLDER_H
#define CCIDTRACK_HOLDER_H

#include <stddef.h>

#include "node.h"

#define HOLDER_TEXT	192

/*
 * Writes who holds the interface of the open node and what helps: another
 * process with the node open, by name and number; else the kernel's driver;
 * else that nobody can be seen from here.
 */
void holder_describe(const struct node *node, unsigned interface,
		     char text[HOLDER_TEXT]);

#endif
