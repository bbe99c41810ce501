/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "descriptors.h"

#include <errno.h>

#include "bytes.h"
#include "desc.h"

/* USB 2.0, table 9-5, and the fields of 9-8, 9-10, 9-12, 9-13 */
enum {
	TYPE_DEVICE = 1,
	TYPE_CONFIGURATION = 2,
	TYPE_INTERFACE = 4,
	TYPE_ENDPOINT = 5,

	LENGTH = 0,
	TYPE = 1,

	DEVICE_SIZE = 18,
	ID_VENDOR = 8,
	ID_PRODUCT = 10,
	BCD_DEVICE = 12,

	CONFIGURATION_SIZE = 9,
	TOTAL_LENGTH = 2,
	CONFIGURATION_VALUE = 5,

	INTERFACE_SIZE = 9,
	INTERFACE_NUMBER = 2,
	ALTERNATE_SETTING = 3,
	INTERFACE_CLASS = 5,
	INTERFACE_SUBCLASS = 6,
	INTERFACE_PROTOCOL = 7,

	ENDPOINT_SIZE = 7,
	ENDPOINT_ADDRESS = 2,
	ENDPOINT_ATTRIBUTES = 3,
};

#define ENDPOINT_IN		0x80
#define ENDPOINT_NUMBER		0x0F
#define TRANSFER_TYPE		0x03
#define TRANSFER_INTERRUPT	0x03

struct view {
	const uint8_t *bytes;
	size_t size;
};

/* A descriptor of that type stands here, whole. */
static bool is(struct view at, uint8_t type, size_t size)
{
	return at.size >= size && at.bytes[LENGTH] >= size &&
	       at.bytes[LENGTH] <= at.size && at.bytes[TYPE] == type;
}

/* To the next descriptor; false where none can stand. */
static bool step(struct view *at)
{
	if (at->size < 2 || at->bytes[LENGTH] < 2 ||
	    at->bytes[LENGTH] >= at->size)
		return false;
	at->size -= at->bytes[LENGTH];
	at->bytes += at->bytes[LENGTH];
	return true;
}

static struct view cut(struct view at, size_t size)
{
	if (size < at.size)
		at.size = size;
	return at;
}

/* What belongs to the interface that stands here: to the next one. */
static struct view body(struct view at)
{
	struct view end = at;

	while (step(&end))
		if (end.bytes[TYPE] == TYPE_INTERFACE)
			return cut(at, at.size - end.size);
	return at;
}

static void take_endpoints(struct view at,
			   struct descriptors_interface *interface)
{
	while (step(&at)) {
		uint8_t address;

		if (!is(at, TYPE_ENDPOINT, ENDPOINT_SIZE))
			continue;
		address = at.bytes[ENDPOINT_ADDRESS];
		interface->endpoints |= 1u << ((address & ENDPOINT_NUMBER) +
					       (address & ENDPOINT_IN ? 16 : 0));
		if ((address & ENDPOINT_IN) &&
		    (at.bytes[ENDPOINT_ATTRIBUTES] & TRANSFER_TYPE) ==
			    TRANSFER_INTERRUPT)
			interface->interrupt = true;
	}
}

static void take_interface(struct view at, struct descriptors *descriptors)
{
	struct descriptors_interface *interface =
		&descriptors->interfaces[descriptors->n];
	struct view mine = body(at);

	interface->number = at.bytes[INTERFACE_NUMBER];
	interface->interface_class = at.bytes[INTERFACE_CLASS];
	interface->subclass = at.bytes[INTERFACE_SUBCLASS];
	interface->protocol = at.bytes[INTERFACE_PROTOCOL];
	take_endpoints(mine, interface);
	interface->class_descriptor = desc_find(mine.bytes, mine.size);
	interface->reader = desc_is_reader(at.bytes[INTERFACE_CLASS],
					   interface->class_descriptor);
	descriptors->n++;
}

static void take_configuration(struct view at, struct descriptors *descriptors)
{
	at = cut(at, get_le16(at.bytes + TOTAL_LENGTH));
	while (step(&at) && descriptors->n < DESCRIPTORS_INTERFACES)
		if (is(at, TYPE_INTERFACE, INTERFACE_SIZE) &&
		    at.bytes[ALTERNATE_SETTING] == 0)
			take_interface(at, descriptors);
}

static struct view find_configuration(struct view at, int value)
{
	struct view first = { 0 };

	do {
		if (!is(at, TYPE_CONFIGURATION, CONFIGURATION_SIZE))
			continue;
		if (at.bytes[CONFIGURATION_VALUE] == value)
			return at;
		if (!first.bytes)
			first = at;
	} while (step(&at));
	return first;
}

static void take_device(const uint8_t *bytes, struct descriptors *descriptors)
{
	descriptors->device = true;
	descriptors->vendor = get_le16(bytes + ID_VENDOR);
	descriptors->product = get_le16(bytes + ID_PRODUCT);
	descriptors->version = get_le16(bytes + BCD_DEVICE);
}

int descriptors_parse(const uint8_t *bytes, size_t size, int configuration,
		      struct descriptors *ret_descriptors)
{
	struct descriptors descriptors = { 0 };
	struct view at = { bytes, size };

	if (size == DESC_SIZE && desc_find(bytes, size)) {
		descriptors.n = 1;
		descriptors.interfaces[0] = (struct descriptors_interface){
			.number = DESCRIPTORS_UNTOLD,
			.interface_class = DESCRIPTORS_UNTOLD,
			.subclass = DESCRIPTORS_UNTOLD,
			.protocol = DESCRIPTORS_UNTOLD,
			.reader = true,
			.class_descriptor = bytes,
		};
		*ret_descriptors = descriptors;
		return 0;
	}
	if (is(at, TYPE_DEVICE, DEVICE_SIZE))
		take_device(bytes, &descriptors);
	at = find_configuration(at, configuration);
	if (at.bytes)
		take_configuration(at, &descriptors);
	if (!descriptors.device && !descriptors.n)
		return -EINVAL;
	*ret_descriptors = descriptors;
	return 0;
}
