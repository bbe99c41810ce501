/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vnode - a file for each device, for those who search /dev/bus/usb.
 *
 * Below "nodes" in the current directory, BBB/DDD. The files are empty: opening
 * them is vusb.so's work. Failures show when a host finds no device.
 */
#ifndef VNODE_H
#define VNODE_H

void vnode_add(unsigned bus, unsigned address);
void vnode_remove(unsigned bus, unsigned address);

#endif
