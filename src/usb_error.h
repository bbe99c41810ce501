/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usb_error - libusb's codes as the errors of usb.h.
 *
 * A part of usb.c's side of the seam. Any thread.
 */
#ifndef CCIDTRACK_USB_ERROR_H
#define CCIDTRACK_USB_ERROR_H

#include <libusb.h>

/* Of what a function of libusb returned, and of how a transfer ended. */
int usb_error(int code);
int usb_error_of_status(enum libusb_transfer_status status);

#endif
