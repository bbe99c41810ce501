/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vdevice.h"

#include <errno.h>
#include <string.h>

#include "vlevel.h"

#define CLASS_SIZE	54
#define HID_SIZE	9
#define LANGUAGE	0x0409
#define HID_ENDPOINT	0x8F

enum string {
	STRING_LANGUAGES,
	STRING_MANUFACTURER,
	STRING_PRODUCT,
	STRING_SERIAL,
	STRING_INTERFACE,
};

/* Where the next descriptor goes; too little room shows at the end. */
static uint8_t *take(struct vdevice *device, size_t size)
{
	static uint8_t waste[256];
	uint8_t *to = device->descriptors + device->size;

	device->size += size;
	return device->size <= sizeof(device->descriptors) ? to : waste;
}

static void put16(uint8_t *to, unsigned value)
{
	to[0] = (uint8_t)value;
	to[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *to, unsigned value)
{
	put16(to, value & 0xFFFF);
	put16(to + 2, value >> 16);
}

static uint8_t index_of(enum string string, const char *text)
{
	return text[0] ? (uint8_t)string : 0;
}

static void put_device(struct vdevice *device)
{
	const struct voptions *options = &device->options;
	uint8_t *to = take(device, 18);

	to[0] = 18;
	to[1] = 1;
	put16(to + 2, 0x0200);
	to[7] = 64;
	put16(to + 8, options->vid);
	put16(to + 10, options->pid);
	put16(to + 12, options->version);
	to[14] = index_of(STRING_MANUFACTURER, options->manufacturer);
	to[15] = index_of(STRING_PRODUCT, options->product);
	to[16] = index_of(STRING_SERIAL, options->serial);
	to[17] = 1;
}

static uint8_t *put_configuration(struct vdevice *device)
{
	uint8_t *to = take(device, 9);

	to[0] = 9;
	to[1] = 2;
	to[5] = 1;
	to[7] = 0x80;
	to[8] = 50;
	return to;
}

static void put_endpoint(struct vdevice *device, uint8_t address,
			 uint8_t attributes, size_t packet)
{
	uint8_t *to = take(device, 7);

	to[0] = 7;
	to[1] = 5;
	to[2] = address;
	to[3] = attributes;
	put16(to + 4, (unsigned)packet);
	to[6] = attributes == 3 ? 8 : 0;
}

static void put_hid(struct vdevice *device)
{
	uint8_t *to = take(device, 9);

	to[0] = 9;
	to[1] = 4;
	to[4] = 1;
	to[5] = 3;
	to = take(device, HID_SIZE);
	to[0] = HID_SIZE;
	to[1] = 0x21;
	put16(to + 2, 0x0111);
	to[5] = 1;
	to[6] = 0x22;
	to[7] = 63;
	put_endpoint(device, HID_ENDPOINT, 3, 8);
}

/* Of HID, of DFU, and a vendor's with the class descriptor's length. */
static void put_decoys(struct vdevice *device)
{
	static const struct {
		uint8_t size, type;
	} rows[] = { { 9, 0x21 }, { 7, 0x21 }, { CLASS_SIZE, 0x41 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *to = take(device, rows[i].size);

		memset(to, 0xA5, rows[i].size);
		to[0] = rows[i].size;
		to[1] = rows[i].type;
	}
}

/* CCID 1.1, 5.1 */
static void put_class(struct vdevice *device)
{
	const struct voptions *options = &device->options;
	static const unsigned levels[] = {
		[VLEVEL_CHARACTER] = 0,
		[VLEVEL_TPDU] = 0x10000,
		[VLEVEL_SHORT] = 0x20000,
		[VLEVEL_EXTENDED] = 0x40000,
	};
	unsigned features = options->features | levels[options->level];
	uint8_t *to;

	if (options->decoys)
		put_decoys(device);
	to = take(device, CLASS_SIZE);
	if (options->auto_activation)
		features |= 0x04;
	if (options->auto_voltage)
		features |= 0x08;
	to[0] = CLASS_SIZE;
	to[1] = (uint8_t)options->descriptor_type;
	put16(to + 2, options->version_ccid);
	to[4] = (uint8_t)(options->slots - 1);
	to[5] = (uint8_t)options->voltages;
	put32(to + 6, options->protocols);
	put32(to + 10, options->clock);
	put32(to + 14, options->max_clock);
	to[18] = (uint8_t)vlevel_list(options->clocks, NULL, 0);
	put32(to + 19, options->rate);
	put32(to + 23, options->max_rate);
	to[27] = (uint8_t)vlevel_list(options->rates, NULL, 0);
	put32(to + 28, options->ifsd);
	put32(to + 40, features);
	put32(to + 44, options->message_size);
	to[48] = to[49] = 0xFF;
	put16(to + 50, options->lcd);
	to[52] = (uint8_t)options->pin;
	to[53] = (uint8_t)options->busy_slots;
}

static uint8_t *put_interface(struct vdevice *device, unsigned number,
			      unsigned alternate, unsigned class)
{
	uint8_t *to = take(device, 9);

	to[0] = 9;
	to[1] = 4;
	to[2] = (uint8_t)number;
	to[3] = (uint8_t)alternate;
	to[5] = (uint8_t)class;
	return to;
}

static void put_ccid(struct vdevice *device, const struct vccid *ccid,
		     unsigned alternate)
{
	const struct voptions *options = &device->options;
	uint8_t *to = put_interface(device, ccid->interface, alternate,
				    options->interface_class);

	to[4] = (uint8_t)(2 * !vtoken_is(ccid) + options->interrupt);
	to[7] = (uint8_t)options->interface_protocol;
	to[8] = index_of(STRING_INTERFACE, options->interface_text);
	if (!options->descriptor_last)
		put_class(device);
	if (!vtoken_is(ccid)) {
		put_endpoint(device, ccid->out.address, 2, ccid->out.packet);
		put_endpoint(device, ccid->in.address, 2, ccid->in.packet);
	}
	if (options->interrupt)
		put_endpoint(device, ccid->interrupt.address, 3,
			     ccid->interrupt.packet);
	if (options->descriptor_last)
		put_class(device);
}

static void put_settings(struct vdevice *device, const struct vccid *ccid)
{
	const struct voptions *options = &device->options;

	for (unsigned i = 0; i < options->alternates; i++)
		if (i < options->reader_setting)
			put_interface(device, ccid->interface, i,
				      options->idle_class);
		else
			put_ccid(device, ccid, i);
}

int vdescriptors_build(struct vdevice *device)
{
	const struct voptions *options = &device->options;
	uint8_t *configuration;

	put_device(device);
	configuration = put_configuration(device);
	if (options->hid)
		put_hid(device);
	for (unsigned i = 0; i < options->readers; i++)
		put_settings(device, &device->ccids[i]);
	if (device->size > sizeof(device->descriptors))
		return -EINVAL;
	put16(configuration + 2, (unsigned)(device->size - 18));
	configuration[4] = (uint8_t)(options->readers + options->hid);
	return 0;
}

static size_t put_text(uint8_t *to, const char *text, size_t room)
{
	size_t n = 2;

	for (; *text && n + 2 <= room; text++) {
		put16(to + n, (uint8_t)*text);
		n += 2;
	}
	return n;
}

int vdescriptors_string(const struct vdevice *device, unsigned index,
			uint8_t *data, size_t size)
{
	const struct voptions *options = &device->options;
	const char *texts[] = {
		[STRING_MANUFACTURER] = options->manufacturer,
		[STRING_PRODUCT] = options->product,
		[STRING_SERIAL] = options->serial,
		[STRING_INTERFACE] = options->interface_text,
	};
	uint8_t string[256] = { 4, 3, LANGUAGE & 0xFF, LANGUAGE >> 8 };

	if (index >= sizeof(texts) / sizeof(texts[0]) ||
	    (index && !texts[index][0]))
		return -EPIPE;
	if (index)
		string[0] = (uint8_t)put_text(string, texts[index], 254);
	if (size > string[0])
		size = string[0];
	memcpy(data, string, size);
	return (int)size;
}
