/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * descriptors - the interfaces in the descriptors of a device.
 *
 * The bytes are what sysfs, lsusb and a device node give: a device descriptor
 * and its configurations, one configuration alone, or a class descriptor alone.
 * Pure.
 */
#ifndef CCIDTRACK_DESCRIPTORS_H
#define CCIDTRACK_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DESCRIPTORS_MAX		65536	/* of a device that has much to say */
#define DESCRIPTORS_INTERFACES	32	/* more are not looked at */

#define DESCRIPTORS_UNTOLD	(-1)

struct descriptors_interface {
	int number;			/* or DESCRIPTORS_UNTOLD */
	int interface_class;		/* likewise */
	int subclass;
	int protocol;
	bool interrupt;			/* has an interrupt-IN endpoint */
	uint32_t endpoints;		/* bit n: OUT n; bit 16 + n: IN n */
	bool reader;			/* desc_is_reader */
	const uint8_t *class_descriptor;	/* DESC_SIZE bytes or NULL */
};

struct descriptors {
	bool device;			/* the next three are told */
	uint16_t vendor;
	uint16_t product;
	uint16_t version;
	size_t n;
	struct descriptors_interface interfaces[DESCRIPTORS_INTERFACES];
};

/*
 * Reads the configuration of that value, or the first if there is none such.
 * 0, or -EINVAL if the bytes are no descriptors. Points into bytes.
 */
int descriptors_parse(const uint8_t *bytes, size_t size, int configuration,
		      struct descriptors *ret_descriptors);

#endif
