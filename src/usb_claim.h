/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usb_claim - takes the reader's interface, from others if need be.
 *
 * A part of usb.c's side of the seam. A driver of the kernel gives the
 * interface up and has it back when it is released. A process cannot be made
 * to: what ends at once is waited for here, with pcscd's hotplug standing still;
 * who stays longer is tried again later, by usb_take.
 */
#ifndef CCIDTRACK_USB_CLAIM_H
#define CCIDTRACK_USB_CLAIM_H

#include <libusb.h>

#include "node.h"
#include "usb_interface.h"

#define USB_CLAIM_MS	500	/* a busy interface is waited for */

/*
 * Claims it and selects its alternate setting, the first one with no request:
 * there are readers that do not survive SET_INTERFACE. -EBUSY: the log has told
 * who has it. Or an error of usb.h; nothing is claimed then.
 */
int usb_claim(libusb_device_handle *handle, const struct node *node,
	      const struct usb_interface *interface);

/* The same, once and without a line in the log. */
int usb_claim_once(libusb_device_handle *handle,
		   const struct usb_interface *interface);

/*
 * Before a reset: the kernel may have taken the interface from the open node, as
 * where a device loses its configuration, and given it to somebody else, who is
 * not to be disturbed. -EBUSY then; else it is claimed.
 */
int usb_claim_is_kept(int fd, unsigned interface);

/* After a reset, through which libusb has kept the interface. */
int usb_claim_alternate(libusb_device_handle *handle,
			const struct usb_interface *interface);

#endif
