/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vusb_node - a device node that is a socket to vreader.
 *
 * What vusb.c's functions do once they know that they are asked about a node.
 * Each returns what the call on a real node would, errno set. Any thread; the
 * calls that wait for vreader's answer are made one at a time on each node, as
 * usbfs does it.
 */
#ifndef VUSB_NODE_H
#define VUSB_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define VUSB_ROOT	"/dev/bus/usb"

struct node;
struct stat;

/* Does path name a node that we stand for? */
bool node_place(const char *path, unsigned *ret_bus, unsigned *ret_address);

/* A descriptor as of open(). */
int node_open(unsigned bus, unsigned address, int flags);

/* The node behind a descriptor; NULL: it is something else. */
struct node *node_of(int fd);

/* Frees the node; the descriptor stays to be closed. */
void node_close(struct node *node, int fd);

ssize_t node_read(struct node *node, void *buffer, size_t size);
off_t node_seek(struct node *node, off_t offset, int whence);

/* The bytes of the node's path that fit; -1 if path is no link to a node. */
ssize_t node_link(const char *path, char *buffer, size_t size);

/* st_rdev of the node */
dev_t node_number(const struct node *node);

int node_ioctl(struct node *node, int fd, unsigned long request,
	       void *argument);

/* Can an urb be reaped, when poll() has said revents of the socket? */
bool node_writable(int fd, short revents);

#endif
