/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "usb_claim.h"

#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
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
		  "is in use by %s; until it is free, the reader shows no card",
		  holder);
}

/* libusb believes that it has what it once got, and asks nobody. */
int usb_claim_is_kept(int fd, unsigned interface)
{
	int r = ioctl(fd, USBDEVFS_CLAIMINTERFACE, &interface);

	return r < 0 && errno == EBUSY ? -EBUSY : 0;
}

int usb_claim_alternate(libusb_device_handle *handle,
			const struct usb_interface *interface)
{
	if (!interface->alternate)
		return 0;
	return usb_error(libusb_set_interface_alt_setting(
		handle, interface->number, interface->alternate));
}

int usb_claim_once(libusb_device_handle *handle,
		   const struct usb_interface *interface)
{
	int r = usb_error(libusb_claim_interface(handle, interface->number));

	if (r < 0)
		return r;
	r = usb_claim_alternate(handle, interface);
	if (r < 0)
		libusb_release_interface(handle, interface->number);
	return r;
}

int usb_claim(libusb_device_handle *handle, const struct node *node,
	      const struct usb_interface *interface)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	uint64_t start = clock_now(), waited = 0;
	int r;

	libusb_set_auto_detach_kernel_driver(handle, 1);
	r = usb_claim_once(handle, interface);
	if (r != -EBUSY)
		return r;
	while (r == -EBUSY && waited < USB_CLAIM_MS) {
		nanosleep(&pause, NULL);
		r = usb_claim_once(handle, interface);
		waited = clock_now() - start;
	}
	if (r == 0 || r == -EBUSY)
		tell(node, interface->number, waited, r == 0);
	return r;
}
