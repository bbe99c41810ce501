/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ccidtrack trace - makes a USB capture fit to be shown.
 *
 * Wireshark decodes CCID only where it has seen the reader's descriptors, and
 * usbmon takes down the keyboard on the same bus as well.
 */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "attached.h"
#include "bytes.h"
#include "capture.h"
#include "descriptors.h"
#include "exits.h"
#include "mask.h"
#include "memory.h"
#include "root.h"

#define SLOTS		16
#define MESSAGE_HEADER	10	/* CCID 1.1, 6.1 */
#define MESSAGE_SLOT	5
#define DEVICE_SIZE	18
#define ENDPOINT_IN	0x80
#define ICCD_XFR_BLOCK	0x65	/* ICCD 1.0, 6.2: an APDU on the control pipe */
#define CLASS_OUT	0x21

static const char help[] =
	"Usage: ccidtrack trace IN OUT\n"
	"\n"
	"Makes a capture of usbmon (pcap or pcapng) fit to be shown: keeps the\n"
	"packets of smart card readers and no others, puts their descriptors in\n"
	"front, without which Wireshark does not decode them, and blanks PINs in\n"
	"what goes to a card. OUT must not exist; it becomes a pcapng.\n"
	"\n"
	"A capture is made as root, with the reader plugged in, by\n"
	"    modprobe usbmon && dumpcap -i usbmon0 -w IN\n"
	"\n"
	"  --help        this text\n"
	"\n"
	"Exit code: 0, or 1 if no reader is in it, 2 wrong usage, 3 a file that\n"
	"cannot be read or written.\n";

struct device {
	unsigned bus, address;
	bool reader;
	bool told;		/* by the capture itself */
	uint32_t endpoints;	/* of the reader's interfaces */
	uint8_t *descriptors;
	size_t size;
	struct mask masks[SLOTS];
	size_t rest;		/* bytes of a message that have not come yet */
	bool rest_secret;
};

struct trace {
	struct device *devices;
	size_t n;
	FILE *out;
	unsigned kept, blanked, dropped;
};

static struct device *find(struct trace *trace, unsigned bus, unsigned address)
{
	for (size_t i = 0; i < trace->n; i++)
		if (trace->devices[i].bus == bus &&
		    trace->devices[i].address == address)
			return &trace->devices[i];
	return NULL;
}

static struct device *get(struct trace *trace, unsigned bus, unsigned address)
{
	struct device *device = find(trace, bus, address);

	if (device)
		return device;
	trace->devices = memory_grow(trace->devices, trace->n,
				     sizeof(*trace->devices));
	device = &trace->devices[trace->n++];
	device->bus = bus;
	device->address = address;
	return device;
}

/* --- which devices are readers */

static void learn(struct device *device, const uint8_t *bytes, size_t size)
{
	struct descriptors all;

	if (descriptors_parse(bytes, size, 0, &all) < 0)
		return;
	for (size_t i = 0; i < all.n; i++) {
		if (!all.interfaces[i].reader)
			continue;
		device->reader = true;
		device->endpoints |= all.interfaces[i].endpoints;
	}
}

static void learn_attached(struct trace *trace)
{
	struct attached *readers;
	size_t n = attached_find(&readers);

	for (size_t i = 0; i < n; i++) {
		struct device *device = get(trace, readers[i].bus,
					    readers[i].address);
		uint8_t *bytes = memory_grow(NULL, 0, DESCRIPTORS_MAX);
		ssize_t size = root_read(bytes, DESCRIPTORS_MAX,
					 "/sys/bus/usb/devices/%s/descriptors",
					 readers[i].port);

		if (size <= DEVICE_SIZE)
			continue;
		device->descriptors = bytes;
		device->size = (size_t)size;
		learn(device, bytes, (size_t)size);
	}
}

/* A whole configuration that a device has told the kernel of */
static void look(struct capture_packet *packet, void *user)
{
	const struct capture_header *header = &packet->header;
	struct device *device;

	if (header->transfer != CAPTURE_CONTROL || header->type != 'C' ||
	    packet->size < 9 || packet->data[1] != 2 ||
	    get_le16(packet->data + 2) != packet->size)
		return;
	device = get(user, header->bus, header->address);
	device->told = true;
	learn(device, packet->data, packet->size);
}

/* --- writing */

static void write_exchange(struct trace *trace, const struct device *device,
			   const struct capture_packet *like, uint8_t type,
			   uint8_t *bytes, size_t size)
{
	struct capture_packet packet = { 0 };
	struct capture_header *header = &packet.header;

	header->id = (uint64_t)-1 - type;
	header->type = 'S';
	header->transfer = CAPTURE_CONTROL;
	header->endpoint = ENDPOINT_IN;
	header->address = (uint8_t)device->address;
	header->bus = (uint16_t)device->bus;
	header->seconds = like->header.seconds;
	header->microseconds = like->header.microseconds;
	header->no_data = '<';
	header->status = -EINPROGRESS;
	header->length = (uint32_t)size;
	/* GET_DESCRIPTOR: USB 2.0, 9.4.3 */
	memcpy(header->setup, (const uint8_t[]){ 0x80, 6, 0, type, 0, 0 }, 6);
	put_le16(header->setup + 6, (uint16_t)size);
	capture_write(trace->out, &packet);

	header->type = 'C';
	header->no_setup = '-';
	header->no_data = 0;
	header->status = 0;
	packet.data = bytes;
	packet.size = size;
	capture_write(trace->out, &packet);
}

static void write_descriptors(struct trace *trace,
			      const struct capture_packet *like)
{
	for (size_t i = 0; i < trace->n; i++) {
		const struct device *device = &trace->devices[i];
		size_t size;

		if (!device->reader || device->told || !device->descriptors)
			continue;
		size = get_le16(device->descriptors + DEVICE_SIZE + 2);
		if (size > device->size - DEVICE_SIZE)
			size = device->size - DEVICE_SIZE;
		write_exchange(trace, device, like, 1, device->descriptors,
			       DEVICE_SIZE);
		write_exchange(trace, device, like, 2,
			       device->descriptors + DEVICE_SIZE, size);
	}
}

static bool mask_bulk(struct device *device, struct capture_packet *packet)
{
	uint8_t *data = packet->data;
	size_t size = packet->header.length, whole;

	if (device->rest) {
		device->rest -= size < device->rest ? size : device->rest;
		if (device->rest_secret)
			memset(data, 0, packet->size);
		return device->rest_secret;
	}
	if (packet->size < MESSAGE_HEADER)
		return false;
	whole = MESSAGE_HEADER + (size_t)get_le32(data + 1);
	device->rest = whole > size ? whole - size : 0;
	device->rest_secret = mask_message(
		&device->masks[data[MESSAGE_SLOT] % SLOTS], data, packet->size);
	return device->rest_secret;
}

static bool mask_packet(struct device *device, struct capture_packet *packet)
{
	const struct capture_header *header = &packet->header;

	if (header->type != 'S' || (header->endpoint & ENDPOINT_IN) ||
	    !packet->size)
		return false;
	if (header->transfer == CAPTURE_BULK)
		return mask_bulk(device, packet);
	if (header->transfer == CAPTURE_CONTROL && !header->no_setup &&
	    header->setup[0] == CLASS_OUT &&
	    header->setup[1] == ICCD_XFR_BLOCK)
		return mask_apdu(&device->masks[0], packet->data, packet->size);
	return false;
}

static bool is_kept(const struct device *device,
		    const struct capture_header *header)
{
	unsigned bit = (header->endpoint & 0x0F) +
		       (header->endpoint & ENDPOINT_IN ? 16u : 0u);

	if (!device || !device->reader)
		return false;
	if (header->transfer == CAPTURE_CONTROL)
		return (header->endpoint & 0x0F) == 0;
	return device->endpoints >> bit & 1;
}

static void pass_on(struct capture_packet *packet, void *user)
{
	struct trace *trace = user;
	struct device *device = find(trace, packet->header.bus,
				     packet->header.address);

	if (!is_kept(device, &packet->header)) {
		trace->dropped++;
		return;
	}
	if (!trace->kept++)
		write_descriptors(trace, packet);
	trace->blanked += mask_packet(device, packet);
	capture_write(trace->out, packet);
}

/* --- files */

static int refuse(const char *name, const char *why)
{
	fprintf(stderr, "ccidtrack trace: %s: %s\n", name, why);
	return EXIT_UNABLE;
}

static uint8_t *read_file(const char *name, size_t *ret_size)
{
	FILE *file = fopen(name, "re");
	uint8_t *bytes = NULL;
	long size = -1;

	if (file && fseek(file, 0, SEEK_END) == 0)
		size = ftell(file);
	if (size >= 0 && fseek(file, 0, SEEK_SET) == 0) {
		bytes = memory_grow(NULL, 0, (size_t)size + 1);
		*ret_size = fread(bytes, 1, (size_t)size, file);
	}
	if (file)
		fclose(file);
	return bytes;
}

static bool has_reader(const struct trace *trace)
{
	for (size_t i = 0; i < trace->n; i++)
		if (trace->devices[i].reader)
			return true;
	return false;
}

static int convert(struct trace *trace, uint8_t *bytes, size_t size,
		   const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	trace->out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!trace->out)
		return refuse(name, strerror(errno));
	capture_begin(trace->out);
	capture_read(bytes, size, pass_on, trace);
	if (ferror(trace->out) | fclose(trace->out)) {
		unlink(name);
		return refuse(name, "could not be written");
	}
	fprintf(stderr, "%u packets of readers, PINs blanked in %u of them; "
		"%u packets of other devices left out\n", trace->kept,
		trace->blanked, trace->dropped);
	return EXIT_WELL;
}

static int run(const char *in, const char *out)
{
	struct trace trace = { 0 };
	const char *wrong;
	uint8_t *bytes;
	size_t size;

	bytes = read_file(in, &size);
	if (!bytes)
		return refuse(in, strerror(errno));
	learn_attached(&trace);
	wrong = capture_read(bytes, size, look, &trace);
	if (wrong)
		return refuse(in, wrong);
	if (has_reader(&trace))
		return convert(&trace, bytes, size, out);
	fprintf(stderr, "ccidtrack trace: %s: no reader in it, and none is "
		"attached\n", in);
	return EXIT_FOUND;
}

int command_trace(int argc, char **argv)
{
	const struct argument table[] = { { 0 } };

	argc = arguments_take(argc, argv, table, help);
	if (argc == 3)
		return run(argv[1], argv[2]);
	if (argc > 0)
		fputs("ccidtrack trace: takes two files, IN and OUT\n", stderr);
	return EXIT_USAGE;
}
