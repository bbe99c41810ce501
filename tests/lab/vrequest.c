/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vdevice.h"

#include <errno.h>
#include <string.h>

/* bmRequestType, bRequest of USB 2.0, 9.4 */
#define STANDARD_IN_DEVICE	0x80
#define STANDARD_IN_INTERFACE	0x81
#define STANDARD_OUT_ENDPOINT	0x02
#define CLASS_OUT_INTERFACE	0x21
#define CLASS_IN_INTERFACE	0xA1
#define GET_STATUS		0
#define CLEAR_FEATURE		1
#define GET_DESCRIPTOR		6
#define GET_CONFIGURATION	8
#define GET_INTERFACE		10

static int put(const void *from, size_t size, uint8_t *data, size_t room)
{
	if (size > room)
		size = room;
	memcpy(data, from, size);
	return (int)size;
}

static int get_descriptor(struct vdevice *device, const uint8_t *setup,
			  uint8_t *data, size_t size)
{
	switch (setup[3]) {
	case 1:
		return put(device->descriptors, 18, data, size);
	case 2:
		if (setup[2])
			return -EPIPE;
		return put(device->descriptors + 18, device->size - 18, data,
			   size);
	case 3:
		return vdescriptors_string(device, setup[2], data, size);
	}
	return -EPIPE;
}

static int standard_in(struct vdevice *device, const uint8_t *setup,
		       uint8_t *data, size_t size)
{
	static const uint8_t zero[2];
	const struct vinterface *interface;

	switch (setup[1]) {
	case GET_STATUS:
		return put(zero, sizeof(zero), data, size);
	case GET_DESCRIPTOR:
		return get_descriptor(device, setup, data, size);
	case GET_CONFIGURATION:
		return put(&device->configuration, 1, data, size);
	case GET_INTERFACE:
		interface = vdevice_interface(device, setup[4]);
		if (!interface || !size)
			return -EPIPE;
		data[0] = (uint8_t)interface->alternate;
		return 1;
	}
	return -EPIPE;
}

static int class_request(struct vdevice *device, const uint8_t *setup,
			 uint8_t *data, size_t size)
{
	const struct vinterface *interface = vdevice_interface(device, setup[4]);

	if (!interface || !interface->ccid)
		return -EPIPE;
	return vccid_request(interface->ccid, setup, data, size);
}

int vdevice_control(struct vdevice *device, const uint8_t *setup, uint8_t *data,
		    size_t size)
{
	int r = -EPIPE;

	switch (setup[0]) {
	case STANDARD_IN_DEVICE:
	case STANDARD_IN_INTERFACE:
		r = standard_in(device, setup, data, size);
		break;
	case STANDARD_OUT_ENDPOINT:
		if (setup[1] == CLEAR_FEATURE)
			r = vdevice_clear_halt(device, setup[4]);
		break;
	case CLASS_OUT_INTERFACE:
	case CLASS_IN_INTERFACE:
		r = class_request(device, setup, data, size);
		break;
	}
	device->counts.number[VCOUNT_CONTROLS]++;
	vjournal_note(vloop_now(), device->name, setup, VDEVICE_SETUP,
		      "control %d", r);
	return r;
}
