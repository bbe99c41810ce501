/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "usb_interface.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "iccd.h"
#include "usb.h"

#define TYPE_BITS	0x03	/* of bmAttributes */
#define PROTOCOL_BULK	0x00
#define PROTOCOL_NONE	0xFF	/* no way to talk to it */

#define SIZE_BITS	0x07FF	/* of wMaxPacketSize; more bits at high speed */


/*
 * Descriptors that end too early leave libusb with the number that was told and
 * no endpoint at all.
 */
static int endpoints_of(const struct libusb_interface_descriptor *setting)
{
	return setting->endpoint ? setting->bNumEndpoints : 0;
}

/* The class descriptor stands behind the endpoints in some readers. */
static const uint8_t *find_descriptor(
	const struct libusb_interface_descriptor *setting)
{
	const uint8_t *found = desc_find(setting->extra,
					 (size_t)setting->extra_length);

	for (int i = 0; !found && i < endpoints_of(setting); i++)
		found = desc_find(setting->endpoint[i].extra,
				  (size_t)setting->endpoint[i].extra_length);
	return found;
}

/* -1: an endpoint that no reader has; number 0 is the control pipe's. */
static int pipe_of(const struct libusb_endpoint_descriptor *endpoint)
{
	bool in = endpoint->bEndpointAddress & LIBUSB_ENDPOINT_IN;

	if (!(endpoint->bEndpointAddress & LIBUSB_ENDPOINT_ADDRESS_MASK))
		return -1;
	if ((endpoint->bmAttributes & TYPE_BITS) == LIBUSB_TRANSFER_TYPE_BULK)
		return in ? USB_IN : USB_OUT;
	if ((endpoint->bmAttributes & TYPE_BITS) ==
		    LIBUSB_TRANSFER_TYPE_INTERRUPT &&
	    in)
		return USB_INTERRUPT;
	return -1;
}

/* Of two pipes of a kind nobody could tell which one is meant. */
static int take_endpoint(const struct libusb_endpoint_descriptor *endpoint,
			 struct usb_interface *interface)
{
	uint16_t packet = endpoint->wMaxPacketSize & SIZE_BITS;
	int pipe = pipe_of(endpoint);

	if (pipe < 0)
		return 0;
	if (!packet || interface->pipe[pipe].packet)
		return -EPROTO;
	interface->pipe[pipe].address = endpoint->bEndpointAddress;
	interface->pipe[pipe].packet = packet;
	return 0;
}

/* Whoever has a pair of bulk pipes uses it, whatever else it says. */
static uint8_t protocol_of(const struct libusb_interface_descriptor *setting,
			   const struct usb_interface *interface)
{
	bool in = interface->pipe[USB_IN].packet;
	bool out = interface->pipe[USB_OUT].packet;

	if (in && out)
		return PROTOCOL_BULK;
	if (in || out)
		return PROTOCOL_NONE;
	switch (setting->bInterfaceProtocol) {
	case ICCD_VERSION_A:
	case ICCD_VERSION_B:
		return setting->bInterfaceProtocol;
	}
	return PROTOCOL_NONE;
}

static int take_setting(const struct libusb_interface_descriptor *setting,
			const uint8_t *descriptor,
			struct usb_interface *ret_interface)
{
	struct usb_interface interface = {
		.number = setting->bInterfaceNumber,
		.alternate = setting->bAlternateSetting,
	};

	if (!descriptor)
		return -EPROTO;
	memcpy(interface.descriptor, descriptor, DESC_SIZE);
	for (int i = 0; i < endpoints_of(setting); i++) {
		int r = take_endpoint(&setting->endpoint[i], &interface);

		if (r < 0)
			return r;
	}
	interface.protocol = protocol_of(setting, &interface);
	if (interface.protocol == PROTOCOL_NONE)
		return -EPROTO;
	*ret_interface = interface;
	return 0;
}

static int take_interface(const struct libusb_interface *settings,
			  struct usb_interface *ret_interface)
{
	int r = -ENXIO;

	for (int i = 0; r < 0 && i < settings->num_altsetting; i++) {
		const struct libusb_interface_descriptor *setting =
			&settings->altsetting[i];
		const uint8_t *descriptor = find_descriptor(setting);

		if (desc_is_reader(setting->bInterfaceClass, descriptor))
			r = take_setting(setting, descriptor, ret_interface);
	}
	return r;
}

static bool is_meant(const struct name *name, int index,
		     const struct libusb_interface *settings)
{
	if (!settings->num_altsetting)
		return false;
	if (name->interface != NAME_UNTOLD)
		return name->interface ==
		       settings->altsetting[0].bInterfaceNumber;
	if (name->interface_index != NAME_UNTOLD)
		return name->interface_index == index;
	return true;
}

/* An unconfigured device gets its first configuration, never another one. */
static int get_config(libusb_device_handle *handle,
		      struct libusb_config_descriptor **ret_config)
{
	libusb_device *device = libusb_get_device(handle);
	int r = libusb_get_active_config_descriptor(device, ret_config);

	if (r != LIBUSB_ERROR_NOT_FOUND)
		return r;
	r = libusb_get_config_descriptor(device, 0, ret_config);
	if (r < 0)
		return r;
	r = libusb_set_configuration(handle,
				     (*ret_config)->bConfigurationValue);
	if (r < 0)
		libusb_free_config_descriptor(*ret_config);
	return r;
}

int usb_interface_find(libusb_device_handle *handle, const struct name *name,
		       struct usb_interface *ret_interface)
{
	struct libusb_config_descriptor *config;
	int r = get_config(handle, &config);

	if (r < 0)
		return r == LIBUSB_ERROR_NO_DEVICE ? -ENODEV : -EPROTO;
	r = -ENXIO;
	for (int i = 0; r == -ENXIO && i < config->bNumInterfaces; i++)
		if (is_meant(name, i, &config->interface[i]))
			r = take_interface(&config->interface[i],
					   ret_interface);
	libusb_free_config_descriptor(config);
	return r;
}
