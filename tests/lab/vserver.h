/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vserver - the host's side of the virtual bus: programs under vusb.so.
 *
 * Each open node is two sockets (vusb_wire.h); urbs finish on the first one in
 * the order in which the device finished them.
 */
#ifndef VSERVER_H
#define VSERVER_H

#include <stdbool.h>

#include "vdevice.h"

/* Listens at path. 0 or a negative errno. */
int vserver_listen(const char *path);

/* Unplugs: whoever has the device open finds its node hung up. */
void vserver_unplug(struct vdevice *device);

#endif
