/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usb_interface - finds the reader among the interfaces of an open device.
 *
 * A part of usb.c's side of the seam; reads descriptors, claims nothing.
 */
#ifndef CCIDTRACK_USB_INTERFACE_H
#define CCIDTRACK_USB_INTERFACE_H

#include <libusb.h>
#include <stdint.h>

#include "desc.h"
#include "name.h"
#include "usb.h"

struct usb_interface {
	uint8_t number;			/* bInterfaceNumber */
	uint8_t alternate;		/* bAlternateSetting */
	uint8_t protocol;		/* as in struct usb_info */
	uint8_t descriptor[DESC_SIZE];	/* class descriptor */
	struct {
		uint8_t address;	/* bEndpointAddress */
		uint16_t packet;	/* wMaxPacketSize, 0: no such pipe */
	} pipe[USB_PIPES];		/* by enum usb_pipe */
};

/*
 * 0, -ENXIO if the interface that the name tells is no smart card reader's (or
 * none is, if it tells none), -EPROTO if its descriptors cannot be used, or an
 * error of usb.h.
 */
int usb_interface_find(libusb_device_handle *handle, const struct name *name,
		       struct usb_interface *ret_interface);

#endif
