/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * name - the device strings that pcscd opens readers by.
 *
 *   usb:VVVV/PPPP:libudev:I:/dev/bus/usb/BBB/DDD    pcscd with libudev
 *   usb:VVVV/PPPP:libusb-1.0:BUS:ADDRESS:INDEX      pcscd with libusb
 *   usb:VVVV/PPPP:libusb:BUS:ADDRESS                libusb 0.1, or BUS/ADDRESS
 *   usb:VVVV/PPPP:libhal:..._ifI                    HAL
 *   usb:VVVV/PPPP                                   reader.conf
 *
 * VVVV and PPPP are 1 to 4 hexadecimal digits; the text ends there or goes on
 * with a colon. What follows and is not understood is ignored, field by field,
 * as the IFD handler interface asks. A path counts only if it is exactly
 * /dev/bus/usb/BBB/DDD, with bus and address in range, so nothing else on the
 * machine can be opened by a device string.
 *
 * Pure. Any thread.
 */
#ifndef CCIDTRACK_NAME_H
#define CCIDTRACK_NAME_H

#include <stdint.h>

#define NAME_UNTOLD	(-1)

struct name {
	uint16_t vendor;
	uint16_t product;
	int bus;		/* 1..999, NAME_UNTOLD: any device of these ids */
	int address;		/* 1..127, told exactly if bus is */
	int interface;		/* bInterfaceNumber 0..255 or NAME_UNTOLD */
	int interface_index;	/* place in the configuration, or NAME_UNTOLD */
};

/* 0, or -EINVAL if the text is not usb:VVVV/PPPP, alone or with a tail. */
int name_parse(const char *text, struct name *ret_name);

#endif
