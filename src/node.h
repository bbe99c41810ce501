/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node - opens the device node below /dev/bus/usb that a device string tells.
 *
 * Without bus and address the first device with the right ids is taken. No
 * other path is ever opened. Any thread.
 */
#ifndef CCIDTRACK_NODE_H
#define CCIDTRACK_NODE_H

#include <stddef.h>

#include "name.h"

#define NODE_PATH_SIZE	sizeof("/dev/bus/usb/000/000")

struct node {
	int fd;		/* close-on-exec, the caller closes it */
	unsigned bus;	/* 1..999 */
	unsigned address;	/* 1..127 */
};

/* Where the node of a device is. */
void node_path(unsigned bus, unsigned address, char path[NODE_PATH_SIZE]);

/* 0, -ENODEV if no such device is there, -EACCES, -EMFILE and the like. */
int node_open(const struct name *name, struct node *ret_node);

#endif
