/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "usb_error.h"

#include <errno.h>
#include <stddef.h>

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

static const struct row {
	int code, error;
} errors[] = {
	{ LIBUSB_SUCCESS, 0 },
	{ LIBUSB_ERROR_ACCESS, -EACCES },
	{ LIBUSB_ERROR_NO_DEVICE, -ENODEV },
	{ LIBUSB_ERROR_NOT_FOUND, -ENODEV },
	{ LIBUSB_ERROR_BUSY, -EBUSY },
	{ LIBUSB_ERROR_TIMEOUT, -ETIMEDOUT },
	{ LIBUSB_ERROR_OVERFLOW, -EOVERFLOW },
	{ LIBUSB_ERROR_PIPE, -EPIPE },
	{ LIBUSB_ERROR_NO_MEM, -ENOMEM },
}, statuses[] = {
	{ LIBUSB_TRANSFER_COMPLETED, 0 },
	{ LIBUSB_TRANSFER_TIMED_OUT, -ETIMEDOUT },
	{ LIBUSB_TRANSFER_CANCELLED, -ECANCELED },
	{ LIBUSB_TRANSFER_STALL, -EPIPE },
	{ LIBUSB_TRANSFER_NO_DEVICE, -ENODEV },
	{ LIBUSB_TRANSFER_OVERFLOW, -EOVERFLOW },
};

static int find(const struct row *rows, size_t n, int code)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].code == code)
			return rows[i].error;
	return -EIO;
}

int usb_error(int code)
{
	return find(errors, ROWS(errors), code);
}

int usb_error_of_status(enum libusb_transfer_status status)
{
	return find(statuses, ROWS(statuses), (int)status);
}
