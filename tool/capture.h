/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture - packets of usbmon in a file: read from pcap or pcapng, as tcpdump,
 * dumpcap, tshark and Wireshark write them, and written as pcapng.
 *
 * Only link types 189 and 220 (usbmon without and with its long header), and
 * only of machines of the same byte order: usbmon's header is in the machine's.
 */
#ifndef CCIDTRACK_CAPTURE_H
#define CCIDTRACK_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CAPTURE_HEADER	64	/* usbmon's long header, as it is written */

/* Documentation/usb/usbmon.rst of the kernel, struct usbmon_packet */
struct capture_header {
	uint64_t id;
	uint8_t type;		/* 'S', 'C' or 'E' */
	uint8_t transfer;	/* CAPTURE_* */
	uint8_t endpoint;	/* with 0x80: IN */
	uint8_t address;
	uint16_t bus;
	int8_t no_setup;	/* 0: setup is there */
	int8_t no_data;
	int64_t seconds;
	int32_t microseconds;
	int32_t status;
	uint32_t length;	/* of the transfer */
	uint32_t captured;	/* bytes behind this header */
	uint8_t setup[8];
	int32_t interval;
	int32_t start_frame;
	uint32_t flags;
	uint32_t iso_descriptors;
};

#define CAPTURE_INTERRUPT	1
#define CAPTURE_CONTROL		2
#define CAPTURE_BULK		3

struct capture_packet {
	struct capture_header header;
	uint8_t *data;
	size_t size;		/* of data, never more than header.captured */
};

/*
 * Calls see for each packet, in the file's order; see may change data. bytes
 * are the whole file. NULL, or what is wrong with it.
 */
const char *capture_read(uint8_t *bytes, size_t size,
			 void (*see)(struct capture_packet *packet, void *user),
			 void *user);

void capture_begin(FILE *file);
void capture_write(FILE *file, const struct capture_packet *packet);

#endif
