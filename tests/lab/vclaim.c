/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vdevice.h"

#include <errno.h>

/* bInterfaceNumber, which need not be the index */
struct vinterface *vdevice_interface(struct vdevice *device, unsigned number)
{
	for (unsigned i = 0; i < device->n_interfaces; i++) {
		struct vinterface *interface = &device->interfaces[i];
		unsigned its = interface->ccid ? interface->ccid->interface : 0;

		if (its == number)
			return interface;
	}
	return NULL;
}

int vdevice_driver(struct vdevice *device, unsigned number, bool bound)
{
	struct vinterface *interface = vdevice_interface(device, number);

	if (!interface)
		return -EINVAL;
	if (!bound && !interface->kernel_driver)
		return -ENODATA;
	if (bound && (interface->claimed || interface->kernel_driver))
		return -EBUSY;
	/* The kernel looks for a driver; that there is none is no error. */
	if (bound && !device->options.kernel_driver[0])
		return 0;
	interface->kernel_driver = bound;
	vdevice_note(device, bound ? "driver-on" : "driver-off", number);
	return 0;
}

int vdevice_claim(struct vdevice *device, void *owner, unsigned number,
		  bool drop_driver)
{
	struct vinterface *interface = vdevice_interface(device, number);

	if (!interface)
		return -ENOENT;
	if (!device->configuration)
		return -ENOENT;
	if (interface->claimed == owner)
		return 0;
	if (drop_driver && interface->kernel_driver &&
	    !device->options.driver_stays)
		vdevice_driver(device, number, false);
	if (interface->claimed || interface->kernel_driver) {
		device->counts.number[VCOUNT_REFUSED]++;
		return -EBUSY;
	}
	interface->claimed = owner;
	device->counts.number[VCOUNT_CLAIMS]++;
	vdevice_note(device, "claim", number);
	if (interface->ccid)
		vnotify_claimed(interface->ccid, true);
	return 0;
}

static void release(struct vdevice *device, struct vinterface *interface,
		    int status)
{
	void *owner = interface->claimed;

	/* The kernel goes back to the first setting by itself. */
	interface->claimed = NULL;
	interface->alternate = 0;
	if (!interface->ccid)
		return;
	vdevice_note(device, "release", interface->ccid->interface);
	vdevice_end_urbs(interface->ccid, owner, status);
	vnotify_claimed(interface->ccid, false);
}

int vdevice_release(struct vdevice *device, void *owner, unsigned number)
{
	struct vinterface *interface = vdevice_interface(device, number);

	if (!interface || interface->claimed != owner)
		return -EINVAL;
	release(device, interface, -ENOENT);
	return 0;
}

int vdevice_set_interface(struct vdevice *device, void *owner, unsigned number,
			  unsigned alternate)
{
	struct vinterface *interface = vdevice_interface(device, number);

	if (!interface || interface->claimed != owner ||
	    alternate >= device->options.alternates)
		return -EINVAL;
	interface->alternate = alternate;
	vdevice_note(device, "set-interface", alternate);
	if (interface->ccid) {
		vdevice_end_urbs(interface->ccid, owner, -ENOENT);
		vpipe_flush(&interface->ccid->in);
	}
	return 0;
}

bool vdevice_has_pipes(struct vdevice *device, unsigned number)
{
	const struct vinterface *interface = vdevice_interface(device, number);

	return interface && interface->claimed &&
	       interface->alternate >= device->options.reader_setting;
}

int vdevice_set_configuration(struct vdevice *device, unsigned configuration)
{
	for (unsigned i = 0; i < device->n_interfaces; i++)
		if (device->interfaces[i].claimed)
			return -EBUSY;
	if (configuration > 1)
		return -EINVAL;
	device->configuration = (uint8_t)configuration;
	vdevice_note(device, "set-configuration", configuration);
	return 0;
}

int vdevice_clear_halt(struct vdevice *device, unsigned endpoint)
{
	struct vpipe *pipe = vdevice_pipe(device, endpoint);

	if (!pipe)
		return -ENOENT;
	device->counts.number[VCOUNT_CLEAR_HALTS]++;
	vdevice_note(device, "clear-halt", endpoint);
	vpipe_clear_halt(pipe);
	return 0;
}

/* usbfs has no way to keep an interface through a reset: all are let go. */
int vdevice_reset(struct vdevice *device)
{
	device->counts.number[VCOUNT_RESETS]++;
	vdevice_note(device, "reset", 0);
	for (unsigned i = 0; i < device->n_interfaces; i++)
		if (device->interfaces[i].claimed)
			release(device, &device->interfaces[i], -ENOENT);
	for (unsigned i = 0; i < device->options.readers; i++)
		vccid_reset(&device->ccids[i]);
	return 0;
}

void vdevice_close(struct vdevice *device, void *owner)
{
	vdevice_end_controls(device, owner, -ENOENT);
	for (unsigned i = 0; i < device->n_interfaces; i++) {
		struct vinterface *interface = &device->interfaces[i];

		if (interface->ccid)
			vdevice_end_urbs(interface->ccid, owner, -ENOENT);
		if (interface->claimed == owner)
			release(device, interface, -ENOENT);
	}
}
