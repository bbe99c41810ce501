/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vusb_wire - what vusb.so and vreader say to each other.
 *
 * Both sockets are SOCK_SEQPACKET: one message is one struct wire_head with its
 * data behind it. A device node that a program opens is the first socket. It
 * carries WIRE_OPEN and its answer, then urbs: the program polls it as the
 * kernel would let it poll the node. The second one carries the calls that
 * wait for their answer, so that an answer never stands among finished urbs.
 */
#ifndef VUSB_WIRE_H
#define VUSB_WIRE_H

#include <stdint.h>

/* A chained message of the largest APDU, in whole packets, and some room. */
#define WIRE_DATA_MAX		(68 * 1024)
#define WIRE_SOCKET_BUFFER	(1024 * 1024)

enum wire_kind {
	/* the node's socket */
	WIRE_OPEN,	/* a = bus, b = address; answered with status,
			 * tag = the node's number, a = speed of USBDEVFS_GET_SPEED,
			 * data = all descriptors */
	WIRE_SUBMIT,	/* tag, a = endpoint, b = type, flags, length = room;
			 * data: the setup packet of a control urb, OUT data */
	WIRE_DISCARD,	/* tag */
	WIRE_COMPLETE,	/* tag, status, length = bytes transferred, data if IN */
	/* the socket of calls: each is answered with status and data */
	WIRE_ATTACH,	/* tag = the node's number; comes first */
	WIRE_CLAIM,	/* a = interface; b = 1: drop a kernel's driver first */
	WIRE_RELEASE,	/* a = interface */
	WIRE_SET_INTERFACE,	/* a = interface, b = alternate setting */
	WIRE_SET_CONFIGURATION,	/* a */
	WIRE_CLEAR_HALT,	/* a = endpoint */
	WIRE_RESET,
	WIRE_CONTROL,	/* tag = the setup packet's bytes, data = OUT data */
	WIRE_GET_DRIVER,	/* a = interface; data = name */
	WIRE_DRIVER_OFF,	/* a = interface */
	WIRE_DRIVER_ON,		/* a = interface */
};

struct wire_head {
	uint64_t tag;
	uint32_t kind;
	int32_t status;		/* 0 or a negative errno */
	uint32_t a, b;
	uint32_t flags;		/* of an urb */
	uint32_t length;
};

#endif
