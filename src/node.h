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

#include <stdint.h>

#include "name.h"

struct node {
	int fd;		/* close-on-exec, the caller closes it */
	uint8_t bus;	/* as far as it fits a byte: CHANNEL_ID has no more */
	uint8_t address;
};

/* 0, -ENODEV if no such device is there, -EACCES, -EMFILE and the like. */
int node_open(const struct name *name, struct node *ret_node);

#endif
