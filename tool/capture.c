/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture.h"

#include <string.h>

#define PCAP_MICRO	0xA1B2C3D4u
#define PCAP_NANO	0xA1B23C4Du
#define PCAP_HEADER	24
#define PCAP_LINK	20
#define PCAP_RECORD	16
#define PCAP_SIZE	8

/* pcapng: draft-ietf-opsawg-pcapng */
#define SECTION		0x0A0D0D0Au
#define INTERFACE	1u
#define ENHANCED	6u
#define BYTE_ORDER	0x1A2B3C4Du
#define BLOCK_MIN	12
#define ENHANCED_HEADER	28
#define INTERFACES_MAX	32
#define SNAP_LENGTH	262144u

#define LINK_USB	189
#define LINK_USB_LONG	220
#define SHORT_HEADER	48	/* usbmon's, without the last four fields */

_Static_assert(sizeof(struct capture_header) == CAPTURE_HEADER,
	       "usbmon's header has no holes");

struct reading {
	void (*see)(struct capture_packet *packet, void *user);
	void *user;
	uint16_t links[INTERFACES_MAX];
	size_t n;
};

static const char *const foreign = "made on a machine of another byte order";
static const char *const not_usb = "holds other packets than usbmon's";
static const char *const cut = "ends in the middle";

static uint32_t word(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static uint16_t half(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static const char *take_packet(struct reading *reading, unsigned link,
			       uint8_t *bytes, size_t size)
{
	size_t header = link == LINK_USB ? SHORT_HEADER : CAPTURE_HEADER;
	struct capture_packet packet = { 0 };

	if (link != LINK_USB && link != LINK_USB_LONG)
		return not_usb;
	if (size < header)
		return cut;
	memcpy(&packet.header, bytes, header);
	packet.data = bytes + header;
	packet.size = size - header;
	if (packet.size > packet.header.captured)
		packet.size = packet.header.captured;
	reading->see(&packet, reading->user);
	return NULL;
}

static const char *read_pcap(struct reading *reading, uint8_t *bytes,
			     size_t size)
{
	unsigned link = half(bytes + PCAP_LINK);
	const char *wrong = NULL;
	size_t at = PCAP_HEADER;

	while (!wrong && size - at >= PCAP_RECORD) {
		size_t packet = word(bytes + at + PCAP_SIZE);

		at += PCAP_RECORD;
		if (packet > size - at)
			return cut;
		wrong = take_packet(reading, link, bytes + at, packet);
		at += packet;
	}
	return wrong;
}

static const char *take_enhanced(struct reading *reading, uint8_t *block,
				 size_t size)
{
	uint32_t interface, packet;

	if (size < ENHANCED_HEADER + 4)
		return cut;
	interface = word(block + 8);
	packet = word(block + 20);
	if (packet > size - ENHANCED_HEADER - 4 || interface >= reading->n)
		return cut;
	return take_packet(reading, reading->links[interface],
			   block + ENHANCED_HEADER, packet);
}

static const char *take_block(struct reading *reading, uint8_t *block,
			      size_t size)
{
	switch (word(block)) {
	case SECTION:
		reading->n = 0;
		return word(block + 8) == BYTE_ORDER ? NULL : foreign;
	case INTERFACE:
		if (size < BLOCK_MIN + 8 || reading->n == INTERFACES_MAX)
			return cut;
		reading->links[reading->n++] = half(block + 8);
		return NULL;
	case ENHANCED:
		return take_enhanced(reading, block, size);
	default:
		return NULL;
	}
}

static const char *read_pcapng(struct reading *reading, uint8_t *bytes,
			       size_t size)
{
	const char *wrong = word(bytes + 8) == BYTE_ORDER ? NULL : foreign;
	size_t at = 0;

	while (!wrong && size - at >= BLOCK_MIN) {
		size_t block = word(bytes + at + 4);

		if (block < BLOCK_MIN || block % 4 || block > size - at)
			return cut;
		wrong = take_block(reading, bytes + at, block);
		at += block;
	}
	return wrong;
}

const char *capture_read(uint8_t *bytes, size_t size,
			 void (*see)(struct capture_packet *packet, void *user),
			 void *user)
{
	struct reading reading = { .see = see, .user = user };
	uint32_t magic = size >= PCAP_HEADER ? word(bytes) : 0;

	if (magic == PCAP_MICRO || magic == PCAP_NANO)
		return read_pcap(&reading, bytes, size);
	if (magic == SECTION)
		return read_pcapng(&reading, bytes, size);
	if (magic == __builtin_bswap32(PCAP_MICRO) ||
	    magic == __builtin_bswap32(PCAP_NANO))
		return foreign;
	return "neither pcap nor pcapng";
}

static uint32_t pair(uint16_t first, uint16_t second)
{
	const uint16_t halves[] = { first, second };
	uint32_t value;

	memcpy(&value, halves, sizeof(value));
	return value;
}

void capture_begin(FILE *file)
{
	const uint32_t section[] = { SECTION, 28, BYTE_ORDER, pair(1, 0),
				     0xFFFFFFFFu, 0xFFFFFFFFu, 28 };
	const uint32_t interface[] = { INTERFACE, 20, pair(LINK_USB_LONG, 0),
				       SNAP_LENGTH, 20 };

	fwrite(section, sizeof(section), 1, file);
	fwrite(interface, sizeof(interface), 1, file);
}

void capture_write(FILE *file, const struct capture_packet *packet)
{
	struct capture_header header = packet->header;
	uint32_t size = (uint32_t)packet->size + CAPTURE_HEADER;
	uint32_t padding = (4 - size % 4) % 4, zero = 0;
	uint32_t whole = ENHANCED_HEADER + size + padding + 4;
	uint64_t time = (uint64_t)header.seconds * 1000000 +
			(uint64_t)header.microseconds;
	const uint32_t block[] = { ENHANCED, whole, 0, (uint32_t)(time >> 32),
				   (uint32_t)time, size, size };

	header.captured = (uint32_t)packet->size;
	fwrite(block, sizeof(block), 1, file);
	fwrite(&header, sizeof(header), 1, file);
	if (packet->size)
		fwrite(packet->data, 1, packet->size, file);
	fwrite(&zero, 1, padding, file);
	fwrite(&whole, sizeof(whole), 1, file);
}
