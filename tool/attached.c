/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "attached.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "descriptors.h"
#include "memory.h"
#include "root.h"

#define DEVICES	"/sys/bus/usb/devices"

static void clean(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		char c = *from > ' ' && *from < 0x7F ? *from : ' ';

		if (c != ' ' || (to > text && to[-1] != ' '))
			*to++ = c;
	}
	while (to > text && to[-1] == ' ')
		to--;
	*to = '\0';
}

static void read_text(const char *port, const char *name, char *text,
		      size_t room)
{
	root_line(text, room, DEVICES "/%s/%s", port, name);
	clean(text);
}

static unsigned read_number(const char *port, const char *name)
{
	char text[16];

	root_line(text, sizeof(text), DEVICES "/%s/%s", port, name);
	return (unsigned)strtoul(text, NULL, 10);
}

static void make_title(struct attached *row)
{
	size_t maker = strlen(row->maker);
	bool repeats = maker && strncmp(row->model, row->maker, maker) == 0;

	if (!row->model[0] && !maker)
		snprintf(row->title, sizeof(row->title),
			 "USB reader %04X:%04X", row->vendor, row->product);
	else
		snprintf(row->title, sizeof(row->title), "%.63s%s%.63s",
			 repeats ? "" : row->maker,
			 repeats || !maker || !row->model[0] ? "" : " ",
			 row->model);
}

static void read_device(const char *port, const struct descriptors *all,
			struct attached *row)
{
	char authorized[4];

	snprintf(row->port, sizeof(row->port), "%.31s", port);
	row->bus = read_number(port, "busnum");
	row->address = read_number(port, "devnum");
	row->vendor = all->vendor;
	row->product = all->product;
	row->version = all->version;
	read_text(port, "manufacturer", row->maker, sizeof(row->maker));
	read_text(port, "product", row->model, sizeof(row->model));
	read_text(port, "serial", row->serial, sizeof(row->serial));
	read_text(port, "power/control", row->power, sizeof(row->power));
	read_text(port, "authorized", authorized, sizeof(authorized));
	row->authorized = strcmp(authorized, "0") != 0;
	row->configured = read_number(port, "bConfigurationValue") != 0;
	make_title(row);
}

static void read_interface(const struct descriptors_interface *interface,
			   unsigned configuration, struct attached *row)
{
	row->interface = (unsigned)interface->number;
	row->interface_class = (unsigned)interface->interface_class;
	row->protocol = (unsigned)interface->protocol;
	row->interrupt = interface->interrupt;
	row->described = interface->class_descriptor != NULL;
	if (row->described)
		memcpy(row->raw, interface->class_descriptor, DESC_SIZE);
	root_link(row->driver, sizeof(row->driver),
		  DEVICES "/%s/%s:%u.%u/driver", row->port, row->port,
		  configuration, row->interface);
	if (!row->driver[0])
		root_link(row->driver, sizeof(row->driver),
			  DEVICES "/%s:%u.%u/driver", row->port,
			  configuration, row->interface);
}

static size_t take_device(const char *port, struct attached **rows, size_t n)
{
	static uint8_t bytes[DESCRIPTORS_MAX];
	ssize_t size = root_read(bytes, sizeof(bytes),
				 DEVICES "/%s/descriptors", port);
	unsigned configuration = read_number(port, "bConfigurationValue");
	struct descriptors all;

	if (size <= 0 || descriptors_parse(bytes, (size_t)size,
					   (int)configuration, &all) < 0 ||
	    !all.device)
		return n;
	for (size_t i = 0; i < all.n; i++) {
		if (!all.interfaces[i].reader)
			continue;
		*rows = memory_grow(*rows, n, sizeof(**rows));
		read_device(port, &all, &(*rows)[n]);
		read_interface(&all.interfaces[i],
			       configuration ? configuration : 1,
			       &(*rows)[n++]);
	}
	return n;
}

static int compare(const void *a, const void *b)
{
	const struct attached *first = a, *second = b;
	int order = strverscmp(first->port, second->port);

	return order ? order : (int)first->interface - (int)second->interface;
}

size_t attached_find(struct attached **ret_rows)
{
	DIR *directory = root_directory(DEVICES);
	struct dirent *entry;
	size_t n = 0;

	*ret_rows = NULL;
	if (!directory)
		return 0;
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.' && !strchr(entry->d_name, ':'))
			n = take_device(entry->d_name, ret_rows, n);
	closedir(directory);
	if (n)
		qsort(*ret_rows, n, sizeof(**ret_rows), compare);
	return n;
}
