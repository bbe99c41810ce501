/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usb_token - the bulk pipes that a token over control transfers has not.
 *
 * A part of usb.c's side of the seam: what is submitted on USB_OUT is a CCID
 * command, what comes on USB_IN the reply or a time extension; in between
 * iccd.c turns one into control requests and their outcome into the other.
 * Nothing blocks: requests are asynchronous transfers, pauses are kept by the
 * event thread, and both end at a cancel. All completions come from it.
 */
#ifndef CCIDTRACK_USB_TOKEN_H
#define CCIDTRACK_USB_TOKEN_H

#include <libusb.h>
#include <sys/time.h>

#include "usb.h"
#include "usb_interface.h"

struct usb_token;

/*
 * -ENOMEM, or -EPROTO if the class descriptor makes no sense. news, atomic, is
 * set when what usb_token_limit told may have changed.
 */
int usb_token_new(libusb_context *context, libusb_device_handle *handle,
		  const struct usb_interface *interface, int *news,
		  struct usb_token **ret_token);

/* The event thread has ended. NULL is allowed. */
void usb_token_free(struct usb_token *token);

/* As usb_submit and usb_cancel; pipe is USB_OUT or USB_IN. */
int usb_token_submit(struct usb_token *token, enum usb_pipe pipe,
		     struct usb_transfer *transfer, size_t size);
void usb_token_cancel(struct usb_token *token,
		      const struct usb_transfer *transfer);

/* The card in it has lost its power; nothing is under way. */
void usb_token_was_reset(struct usb_token *token);

/* The event thread: for how long it may wait, and what it does afterwards. */
void usb_token_limit(struct usb_token *token, struct timeval *wait);
void usb_token_work(struct usb_token *token);

#endif
