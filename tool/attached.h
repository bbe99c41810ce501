/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attached - the readers that are plugged in, as sysfs shows them.
 *
 * sysfs and not libudev or libusb: its descriptors can be read without opening
 * a device, by everybody, and a tree of files can stand for any machine. A row
 * is an interface that desc_is_reader takes. Strings are a device's own words
 * with everything but printable ASCII made a blank.
 */
#ifndef CCIDTRACK_ATTACHED_H
#define CCIDTRACK_ATTACHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "desc.h"

#define ATTACHED_TEXT	128

struct attached {
	char port[32];			/* "1-1.2", as in sysfs */
	unsigned bus;
	unsigned address;
	uint16_t vendor;
	uint16_t product;
	uint16_t version;
	char maker[ATTACHED_TEXT];	/* "" if it does not tell */
	char model[ATTACHED_TEXT];
	char serial[ATTACHED_TEXT];
	char title[ATTACHED_TEXT];	/* maker and model, never empty */
	char power[16];			/* power/control: "auto" or "on" */
	bool authorized;
	bool configured;		/* if not, it has no interfaces */
	unsigned interface;
	unsigned interface_class;
	unsigned protocol;
	bool interrupt;
	char driver[32];		/* of the kernel, "" if none */
	bool described;			/* raw holds the class descriptor */
	uint8_t raw[DESC_SIZE];
};

/* All of them in the order of their ports; their number. */
size_t attached_find(struct attached **ret_rows);

#endif
