/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usb - the seam between the core and USB: one claimed interface of a device.
 *
 * Everything above reaches USB only through these functions; unit tests link a
 * scripted reader in their place. They return 0 or a negative errno:
 *
 *   -ENODEV     the device is not there (any more)
 *   -EACCES     no right to use it
 *   -EBUSY      somebody else uses it
 *   -EPIPE      the endpoint is halted
 *   -EOVERFLOW  more came than was asked for
 *   -ETIMEDOUT  nothing came in time
 *   -ECANCELED  the transfer was cancelled
 *   -ENOMEM, -EIO  anything else
 *
 * Each usb has one event thread, from usb_open to usb_close. Callbacks come one
 * at a time, with no lock of the core held: from that thread, or from one that
 * is in usb_handle, usb_request, usb_request_in or usb_string just then, for
 * libusb lets that one handle all events while it waits. They may take locks
 * that are never held across a blocking call, and may submit, but must not
 * block, free transfers or close.
 */
#ifndef CCIDTRACK_USB_H
#define CCIDTRACK_USB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "desc.h"
#include "name.h"

struct usb;

struct usb_info {
	uint16_t vendor;
	uint16_t product;
	uint16_t device_version;	/* bcdDevice */
	uint8_t bus;			/* as far as it fits a byte: CHANNEL_ID */
	uint8_t address;
	uint8_t interface;		/* bInterfaceNumber */
	uint8_t protocol;		/* 0: bulk pipes, else iccd.h's version */
	bool interrupt_endpoint;
	bool held;			/* somebody else has it: usb_take */
	uint8_t descriptor[DESC_SIZE];	/* class descriptor, unparsed */
};

/* Strings that describe the device. */
enum usb_text {
	USB_MANUFACTURER,
	USB_PRODUCT,
	USB_SERIAL,
};

enum usb_pipe {
	USB_OUT,
	USB_IN,
	USB_INTERRUPT,
	USB_PIPES
};

struct usb_transfer;

/* received: bytes that came, also beside an error. */
typedef void usb_done(struct usb_transfer *transfer, int status,
		      size_t received);

/* Only data and owner are for the core to touch. */
struct usb_transfer {
	uint8_t *data;
	void *owner;
	size_t size;	/* bytes at data; whole packets on an IN pipe */
	usb_done *done;
	void *backend;
};

/*
 * Opens the device that the name tells, claims the interface and starts the
 * event thread. Blocks for some control transfers, and for up to half a second
 * while somebody else has the interface; who keeps it is told in the log, and
 * the device is open without it (held). Beside the errors above:
 * -ENXIO    the named interface is no smart card reader's: nothing was claimed
 * -EPROTO   it is, but its descriptors cannot be used
 */
int usb_open(const struct name *name, struct usb_info *ret_info,
	     struct usb **ret_usb);

/*
 * Claims the interface of a device that is held, once. Before that succeeds,
 * nothing but its strings may be asked for, and nothing submitted. Blocks as
 * long as a driver of the kernel takes to give way. -EBUSY: it is held still.
 */
int usb_take(struct usb *usb);

/* Every transfer is freed before. Joins the event thread. */
void usb_close(struct usb *usb);

/* size is rounded up to whole packets on an IN pipe. -ENOMEM. */
int usb_transfer_new(struct usb *usb, enum usb_pipe pipe, size_t size,
		     usb_done *done, void *owner,
		     struct usb_transfer **ret_transfer);

/* The transfer is not under way. NULL is allowed. */
void usb_transfer_free(struct usb_transfer *transfer);

/*
 * Sends size bytes of data, or receives up to the transfer's size on an IN
 * pipe. Does not block. 0: done will be called once; else it will not.
 */
int usb_submit(struct usb_transfer *transfer, size_t size);

/* Does not block; done tells what came of it. No harm if nothing is under way. */
void usb_cancel(struct usb_transfer *transfer);

/*
 * A thread that is going to wait for its transfers takes the event thread's
 * place until usb_unattend, and waits in usb_handle: no two switches between
 * threads for each command. One at a time; the caller holds a lock for these
 * three. False: not with this device, the event thread goes on. Nothing blocks.
 */
bool usb_attend(struct usb *usb);
void usb_unattend(struct usb *usb);

/* Makes the attendant's usb_handle return, this one or the next. */
void usb_nudge(struct usb *usb);

/*
 * The attendant, without any lock: blocks until callbacks were called, or until
 * that time (clock.h). May return for nothing.
 */
void usb_handle(struct usb *usb, uint64_t until);

/*
 * Class request without data to the interface. Blocks up to timeout_ms. A token
 * over control transfers knows none of CCID's: -EPIPE.
 */
int usb_request(struct usb *usb, uint8_t request, uint16_t value,
		unsigned timeout_ms);

/* One that brings data: returns how many bytes came, or an error. */
int usb_request_in(struct usb *usb, uint8_t request, uint16_t value,
		   uint8_t *data, size_t size, unsigned timeout_ms);

/*
 * Asks the device for a string and makes it fit to be shown (text.h), in room,
 * 1.., bytes with a NUL. Empty if the device has none or does not give it.
 * Blocks up to a second. 0 or -ENODEV.
 */
int usb_string(struct usb *usb, enum usb_text which, char *text, size_t room);

/*
 * Resets the device, which stays open and its interface claimed; halts are
 * cleared. Nothing is under way. Blocks as long as the kernel does (well below a
 * second, unless the device is dead). Not from a callback. -ENODEV: it did not
 * come back as it was, or is somebody else's by now.
 */
int usb_reset(struct usb *usb);

/*
 * Blocks for one control transfer, which a device may take seconds over. Not
 * from a callback.
 */
int usb_clear_halt(struct usb *usb, enum usb_pipe pipe);

#endif
