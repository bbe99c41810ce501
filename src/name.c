/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "name.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define BUS_MAX		999
#define ADDRESS_MAX	127
#define INTERFACE_MAX	255

static bool take_text(const char **text, const char *expected)
{
	size_t size = strlen(expected);

	if (strncmp(*text, expected, size) != 0)
		return false;
	*text += size;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* A fifth digit stays in the text, where no separator is found then. */
static bool take_id(const char **text, uint16_t *ret_id)
{
	int id = 0, taken = 0;

	while (taken < 4 && hex_digit((*text)[taken]) >= 0)
		id = id << 4 | hex_digit((*text)[taken++]);
	if (!taken)
		return false;
	*text += taken;
	*ret_id = (uint16_t)id;
	return true;
}

/*
 * The decimal number that fills size characters. strtol is no help: it takes
 * blanks and signs as well.
 */
static int number(const char *digits, size_t size, int min, int max)
{
	int n = size ? 0 : -1;

	for (size_t i = 0; i < size; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return NAME_UNTOLD;
		n = n * 10 + (digits[i] - '0');
		if (n > max)
			return NAME_UNTOLD;
	}
	return n < min ? NAME_UNTOLD : n;
}

/* A bus without an address, or the reverse, is no place. */
static void set_place(struct name *name, int bus, int address)
{
	if (bus == NAME_UNTOLD || address == NAME_UNTOLD)
		return;
	name->bus = bus;
	name->address = address;
}

/* The kernel writes three digits each; another path is not a device node. */
static void parse_path(const char *path, struct name *name)
{
	if (!take_text(&path, "/dev/bus/usb/") || strlen(path) != 7 ||
	    path[3] != '/')
		return;
	set_place(name, number(path, 3, 1, BUS_MAX),
		  number(path + 4, 3, 1, ADDRESS_MAX));
}

static void parse_libudev(const char *tail, struct name *name)
{
	size_t size = strcspn(tail, ":");

	name->interface = number(tail, size, 0, INTERFACE_MAX);
	if (tail[size])
		parse_path(tail + size + 1, name);
}

/* libusb 0.1 put directory and file, so a slash is met as well. */
static void parse_libusb(const char *tail, struct name *name)
{
	size_t bus_size = strcspn(tail, ":/");
	const char *address;

	if (!tail[bus_size])
		return;
	address = tail + bus_size + 1;
	set_place(name, number(tail, bus_size, 1, BUS_MAX),
		  number(address, strcspn(address, ":"), 1, ADDRESS_MAX));
}

static void parse_libusb_1_0(const char *tail, struct name *name)
{
	parse_libusb(tail, name);
	for (int colons = 0; colons < 2; colons++) {
		tail = strchr(tail, ':');
		if (!tail)
			return;
		tail++;
	}
	name->interface_index = number(tail, strcspn(tail, ":"), 0,
				       INTERFACE_MAX);
}

/* The path holds a serial number, so only the last mark is HAL's own. */
static void parse_libhal(const char *tail, struct name *name)
{
	const char *mark = NULL;

	while ((tail = strstr(tail, "_if"))) {
		tail += strlen("_if");
		mark = tail;
	}
	if (mark)
		name->interface = number(mark, strlen(mark), 0, INTERFACE_MAX);
}

static const struct {
	const char *origin;
	void (*parse)(const char *tail, struct name *name);
} forms[] = {
	{ ":libudev:", parse_libudev },
	{ ":libusb-1.0:", parse_libusb_1_0 },
	{ ":libusb:", parse_libusb },
	{ ":libhal:", parse_libhal },
};

static void parse_tail(const char *tail, struct name *name)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (!take_text(&tail, forms[i].origin))
			continue;
		forms[i].parse(tail, name);
		return;
	}
}

int name_parse(const char *text, struct name *ret_name)
{
	struct name name = {
		.bus = NAME_UNTOLD,
		.address = NAME_UNTOLD,
		.interface = NAME_UNTOLD,
		.interface_index = NAME_UNTOLD,
	};

	if (!take_text(&text, "usb:") || !take_id(&text, &name.vendor) ||
	    !take_text(&text, "/") || !take_id(&text, &name.product))
		return -EINVAL;
	if (*text != ':' && *text != '\0')
		return -EINVAL;
	parse_tail(text, &name);
	*ret_name = name;
	return 0;
}
