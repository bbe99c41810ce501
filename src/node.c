/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "node.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bytes.h"

#define ROOT		"/dev/bus/usb"
#define BUS_MAX		999
#define ADDRESS_MAX	127

/* A device node reads as its device descriptor (USB 2.0, 9.6.1) to begin with. */
#define DESCRIPTOR_SIZE	18
#define ID_VENDOR	8
#define ID_PRODUCT	10

static bool has_ids(int fd, const struct name *name)
{
	uint8_t raw[DESCRIPTOR_SIZE];

	if (lseek(fd, 0, SEEK_SET) != 0 ||
	    read(fd, raw, sizeof(raw)) != (ssize_t)sizeof(raw))
		return false;
	return get_le16(raw + ID_VENDOR) == name->vendor &&
	       get_le16(raw + ID_PRODUCT) == name->product;
}

void node_path(unsigned bus, unsigned address, char path[NODE_PATH_SIZE])
{
	snprintf(path, NODE_PATH_SIZE, ROOT "/%03u/%03u", bus % 1000,
		 address % 1000);
}

static int open_place(const struct name *name, unsigned bus, unsigned address,
		      struct node *ret_node)
{
	char path[NODE_PATH_SIZE];
	int fd;

	node_path(bus, address, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENXIO ? -ENODEV : -errno;
	if (!has_ids(fd, name)) {
		close(fd);
		return -ENODEV;
	}
	*ret_node = (struct node){ fd, bus, address };
	return 0;
}

/* The number that the kernel spelled, 0 for everything else in the folder. */
static unsigned place_number(const char *text, unsigned max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	return *end == '\0' && n <= max ? (unsigned)n : 0;
}

static int search_bus(const struct name *name, unsigned bus,
		      struct node *ret_node)
{
	char path[NODE_PATH_SIZE];
	struct dirent *entry;
	int r = -ENODEV;
	DIR *dir;

	snprintf(path, sizeof(path), ROOT "/%03u", bus % 1000);
	dir = opendir(path);
	if (!dir)
		return -ENODEV;
	while (r < 0 && (entry = readdir(dir))) {
		unsigned address = place_number(entry->d_name, ADDRESS_MAX);

		if (address)
			r = open_place(name, bus, address, ret_node);
	}
	closedir(dir);
	return r;
}

static int search(const struct name *name, struct node *ret_node)
{
	struct dirent *entry;
	int r = -ENODEV;
	DIR *dir = opendir(ROOT);

	if (!dir)
		return -ENODEV;
	while (r < 0 && (entry = readdir(dir))) {
		unsigned bus = place_number(entry->d_name, BUS_MAX);

		if (bus)
			r = search_bus(name, bus, ret_node);
	}
	closedir(dir);
	return r;
}

int node_open(const struct name *name, struct node *ret_node)
{
	if (name->bus == NAME_UNTOLD)
		return search(name, ret_node);
	return open_place(name, (unsigned)name->bus, (unsigned)name->address,
			  ret_node);
}
