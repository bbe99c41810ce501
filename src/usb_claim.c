/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "usb_claim.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "clock.h"
#include "holder.h"
#include "log.h"
#include "usb_error.h"

#define PAUSE_MS	25	/* the kernel does not tell when it is free */
#define WHO_SIZE	32

static void tell(const struct node *node, unsigned interface, uint64_t waited,
		 bool taken)
{
	char who[WHO_SIZE], holder[HOLDER_TEXT];

	snprintf(who, sizeof(who), "USB device %03u/%03u.%u", node->bus % 1000,
		 node->address % 1000, interface);
	if (taken) {
		log_write(LOG_LEVEL_INFO, who,
			  "was in use, became free after %u ms",
			  (unsigned)waited);
		return;
	}
	holder_describe(node, interface, holder);
	log_write(LOG_LEVEL_CRITICAL, who,
		  "is in use by %s; then restart pcscd", holder);
}

static int claim(libusb_device_handle *handle, const struct node *node,
		 unsigned interface)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	uint64_t start = clock_now(), waited = 0;
	int r = libusb_claim_interface(handle, (int)interface);

	if (r != LIBUSB_ERROR_BUSY)
		return usb_error(r);
	while (r == LIBUSB_ERROR_BUSY && waited < USB_CLAIM_MS) {
		nanosleep(&pause, NULL);
		r = libusb_claim_interface(handle, (int)interface);
		waited = clock_now() - start;
	}
	if (r == 0 || r == LIBUSB_ERROR_BUSY)
		tell(node, interface, waited, r == 0);
	return usb_error(r);
}

int usb_claim_alternate(libusb_device_handle *handle,
			const struct usb_interface *interface)
{
	if (!interface->alternate)
		return 0;
	return usb_error(libusb_set_interface_alt_setting(
		handle, interface->number, interface->alternate));
}

int usb_claim(libusb_device_handle *handle, const struct node *node,
	      const struct usb_interface *interface)
{
	int r;

	libusb_set_auto_detach_kernel_driver(handle, 1);
	r = claim(handle, node, interface->number);
	if (r < 0)
		return r;
	r = usb_claim_alternate(handle, interface);
	if (r < 0)
		libusb_release_interface(handle, interface->number);
	return r;
}
