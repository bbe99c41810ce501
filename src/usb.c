/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "usb.h"

#include <config.h>
#include <errno.h>
#include <libusb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "node.h"
#include "text.h"
#include "usb_claim.h"
#include "usb_error.h"
#include "usb_events.h"
#include "usb_interface.h"
#include "usb_token.h"

/* bmRequestType: class request to the interface, host to device */
#define REQUEST_OUT	0x21
#define REQUEST_IN	0xA1	/* the other way */

#define STRING_SIZE	255	/* of a descriptor */
#define STRING_HEADER	2	/* bLength, bDescriptorType */
#define STRING_MS	500	/* each of two transfers */
#define LANGUAGES	0	/* the string that lists them */
#define ENGLISH		0x0409

struct usb {
	int fd;
	libusb_context *context;
	libusb_device_handle *handle;
	struct usb_interface interface;
	bool claimed;
	struct usb_token *token;	/* in place of the bulk pipes, or NULL */
	struct usb_events events;
};

struct pipe_transfer {
	struct usb_transfer transfer;
	struct usb *usb;
	enum usb_pipe pipe;
};

/*
 * The node is open already, so no bus need be searched. Only libusb 1.0.27 can
 * be told so for one context; the older switch is process-wide and stays, which
 * would blind every other driver in the same pcscd.
 */
static int context_open(libusb_context **ret_context)
{
#ifdef HAVE_LIBUSB_INIT_CONTEXT
	const struct libusb_init_option options[] = {
		{ .option = LIBUSB_OPTION_NO_DEVICE_DISCOVERY },
	};

	return usb_error(libusb_init_context(ret_context, options, 1));
#else
	return usb_error(libusb_init(ret_context));
#endif
}

static int open_device(struct usb *usb, const struct name *name,
		       const struct node *node)
{
	int r = context_open(&usb->context);

	if (r < 0)
		return r;
	r = usb_error(libusb_wrap_sys_device(usb->context, (intptr_t)usb->fd,
					    &usb->handle));
	if (r < 0)
		return r;
	r = usb_interface_find(usb->handle, name, &usb->interface);
	if (r < 0)
		return r;
	r = usb_claim(usb->handle, node, &usb->interface);
	if (r < 0 && r != -EBUSY)
		return r;
	usb->claimed = r == 0;
	r = 0;
	if (usb->interface.protocol)
		r = usb_token_new(usb->context, usb->handle, &usb->interface,
				  &usb->events.news, &usb->token);
	if (r < 0)
		return r;
	usb->events.context = usb->context;
	usb->events.fd = usb->fd;
	usb->events.token = usb->token;
	return usb_events_start(&usb->events);
}

static void tell_info(const struct usb *usb, const struct node *node,
		      struct usb_info *ret_info)
{
	const struct usb_interface *interface = &usb->interface;
	struct libusb_device_descriptor device;

	libusb_get_device_descriptor(libusb_get_device(usb->handle), &device);
	*ret_info = (struct usb_info){
		.vendor = device.idVendor,
		.product = device.idProduct,
		.device_version = device.bcdDevice,
		.bus = (uint8_t)node->bus,
		.address = (uint8_t)node->address,
		.interface = interface->number,
		.protocol = interface->protocol,
		.interrupt_endpoint = interface->pipe[USB_INTERRUPT].packet,
		.held = !usb->claimed,
	};
	memcpy(ret_info->descriptor, interface->descriptor, DESC_SIZE);
}

int usb_open(const struct name *name, struct usb_info *ret_info,
	     struct usb **ret_usb)
{
	struct usb *usb;
	struct node node;
	int r = node_open(name, &node);

	if (r < 0)
		return r;
	usb = calloc(1, sizeof(*usb));
	if (!usb) {
		close(node.fd);
		return -ENOMEM;
	}
	usb->fd = node.fd;
	usb->events.epoll = -1;
	r = open_device(usb, name, &node);
	if (r < 0) {
		usb_close(usb);
		return r;
	}
	tell_info(usb, &node, ret_info);
	*ret_usb = usb;
	return 0;
}

int usb_take(struct usb *usb)
{
	int r = usb_claim_once(usb->handle, &usb->interface);

	usb->claimed = r == 0;
	return r;
}

void usb_close(struct usb *usb)
{
	usb_events_stop(&usb->events);
	usb_token_free(usb->token);
	if (usb->claimed)
		libusb_release_interface(usb->handle, usb->interface.number);
	if (usb->handle)
		libusb_close(usb->handle);
	if (usb->context)
		libusb_exit(usb->context);
	close(usb->fd);
	free(usb);
}

static void transfer_done(struct libusb_transfer *libusb)
{
	struct usb_transfer *transfer = libusb->user_data;

	transfer->done(transfer, usb_error_of_status(libusb->status),
		       (size_t)libusb->actual_length);
}

static size_t whole_packets(size_t size, size_t packet)
{
	return (size + packet - 1) / packet * packet;
}

/* A token has no pipes but that for interrupts. */
static struct usb_token *token_of(const struct usb_transfer *transfer)
{
	const struct pipe_transfer *its =
		(const struct pipe_transfer *)transfer;

	return its->pipe == USB_INTERRUPT ? NULL : its->usb->token;
}

static enum usb_pipe pipe_of(const struct usb_transfer *transfer)
{
	return ((const struct pipe_transfer *)transfer)->pipe;
}

static void fill(struct usb_transfer *transfer, const struct usb *usb,
		 enum usb_pipe pipe)
{
	struct libusb_transfer *libusb = transfer->backend;

	libusb_fill_bulk_transfer(libusb, usb->handle,
				  usb->interface.pipe[pipe].address,
				  transfer->data, (int)transfer->size,
				  transfer_done, transfer, 0);
	if (pipe == USB_INTERRUPT)
		libusb->type = LIBUSB_TRANSFER_TYPE_INTERRUPT;
}

int usb_transfer_new(struct usb *usb, enum usb_pipe pipe, size_t size,
		     usb_done *done, void *owner,
		     struct usb_transfer **ret_transfer)
{
	struct pipe_transfer *its = calloc(1, sizeof(*its));
	struct usb_transfer *transfer;

	if (!its)
		return -ENOMEM;
	transfer = &its->transfer;
	its->usb = usb;
	its->pipe = pipe;
	if (pipe != USB_OUT && !token_of(transfer))
		size = whole_packets(size, usb->interface.pipe[pipe].packet);
	transfer->data = malloc(size);
	transfer->backend = libusb_alloc_transfer(0);
	if (!transfer->data || !transfer->backend) {
		usb_transfer_free(transfer);
		return -ENOMEM;
	}
	transfer->size = size;
	transfer->done = done;
	transfer->owner = owner;
	fill(transfer, usb, pipe);
	*ret_transfer = transfer;
	return 0;
}

void usb_transfer_free(struct usb_transfer *transfer)
{
	if (!transfer)
		return;
	libusb_free_transfer(transfer->backend);
	free(transfer->data);
	free(transfer);
}

int usb_submit(struct usb_transfer *transfer, size_t size)
{
	struct libusb_transfer *libusb = transfer->backend;

	if (token_of(transfer))
		return usb_token_submit(token_of(transfer), pipe_of(transfer),
					transfer, size);
	libusb->length = (int)size;
	return usb_error(libusb_submit_transfer(libusb));
}

void usb_cancel(struct usb_transfer *transfer)
{
	if (token_of(transfer))
		usb_token_cancel(token_of(transfer), transfer);
	else
		libusb_cancel_transfer(transfer->backend);
}

bool usb_attend(struct usb *usb)
{
	return usb_events_attend(&usb->events);
}

void usb_handle(struct usb *usb, uint64_t until)
{
	usb_events_handle(&usb->events, until);
}

void usb_nudge(struct usb *usb)
{
	usb_events_nudge(&usb->events);
}

void usb_unattend(struct usb *usb)
{
	usb_events_unattend(&usb->events);
}

int usb_request(struct usb *usb, uint8_t request, uint16_t value,
		unsigned timeout_ms)
{
	int r;

	if (usb->token)
		return -EPIPE;
	r = libusb_control_transfer(usb->handle, REQUEST_OUT, request, value,
				    usb->interface.number, NULL, 0,
				    timeout_ms);
	return r < 0 ? usb_error(r) : 0;
}

int usb_request_in(struct usb *usb, uint8_t request, uint16_t value,
		   uint8_t *data, size_t size, unsigned timeout_ms)
{
	int r;

	if (usb->token)
		return -EPIPE;
	r = libusb_control_transfer(usb->handle, REQUEST_IN, request, value,
				    usb->interface.number, data,
				    (uint16_t)size, timeout_ms);
	return r < 0 ? usb_error(r) : r;
}

/* Returns the size of what stands behind the header, or an error. */
static int get_string_descriptor(struct usb *usb, uint8_t index,
				 uint16_t language, uint8_t bytes[STRING_SIZE])
{
	int r = libusb_control_transfer(
		usb->handle, LIBUSB_ENDPOINT_IN, LIBUSB_REQUEST_GET_DESCRIPTOR,
		(uint16_t)(LIBUSB_DT_STRING << 8 | index), language, bytes,
		STRING_SIZE, STRING_MS);

	if (r < 0)
		return usb_error(r);
	if (r < STRING_HEADER || bytes[1] != LIBUSB_DT_STRING ||
	    bytes[0] < STRING_HEADER)
		return -EPROTO;
	return (bytes[0] < r ? bytes[0] : r) - STRING_HEADER;
}

/* English if there is, else the first; those without a list have English. */
static int choose_language(struct usb *usb, uint16_t *ret_language)
{
	uint8_t bytes[STRING_SIZE];
	int size = get_string_descriptor(usb, LANGUAGES, 0, bytes);

	*ret_language = ENGLISH;
	if (size < 2)
		return size;
	for (int i = 0; i + 1 < size; i += 2)
		if (get_le16(bytes + STRING_HEADER + i) == ENGLISH)
			return size;
	*ret_language = get_le16(bytes + STRING_HEADER);
	return size;
}

static uint8_t string_index(const struct usb *usb, enum usb_text which)
{
	struct libusb_device_descriptor device;

	libusb_get_device_descriptor(libusb_get_device(usb->handle), &device);
	switch (which) {
	case USB_MANUFACTURER:
		return device.iManufacturer;
	case USB_PRODUCT:
		return device.iProduct;
	case USB_SERIAL:
		break;
	}
	return device.iSerialNumber;
}

int usb_string(struct usb *usb, enum usb_text which, char *text, size_t room)
{
	uint8_t bytes[STRING_SIZE], index = string_index(usb, which);
	uint16_t language;
	int size;

	text[0] = '\0';
	if (!index)
		return 0;
	size = choose_language(usb, &language);
	if (size >= 0 || size == -EPIPE || size == -EPROTO)
		size = get_string_descriptor(usb, index, language, bytes);
	if (size > 0)
		text_from_utf16(bytes + STRING_HEADER, (size_t)size, text,
				room);
	return size == -ENODEV ? -ENODEV : 0;
}

int usb_clear_halt(struct usb *usb, enum usb_pipe pipe)
{
	if (usb->token && pipe != USB_INTERRUPT)
		return 0;
	return usb_error(libusb_clear_halt(usb->handle,
					  usb->interface.pipe[pipe].address));
}

/* libusb claims what was claimed before, if it can. */
int usb_reset(struct usb *usb)
{
	int r;

	if (usb_claim_is_kept(usb->fd, usb->interface.number) < 0)
		return -ENODEV;
	r = usb_error(libusb_reset_device(usb->handle));
	if (usb->token)
		usb_token_was_reset(usb->token);
	return r < 0 ? r : usb_claim_alternate(usb->handle, &usb->interface);
}
