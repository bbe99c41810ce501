/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader among the interfaces of a device, over the functions of libusb
 * that tell them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "iccd.h"
#include "usb_interface.h"

#define LENGTH(array)	(sizeof(array) / sizeof((array)[0]))

#define SMART_CARD	0x0B
#define VENDOR		0xFF
#define HID		0x03

#define BULK		2
#define ISOCHRONOUS	1
#define INTERRUPT	3

#define CONFIGURATION	5	/* its bConfigurationValue */

static const uint8_t class_descriptor[DESC_SIZE] = {
	0x36, 0x21, 0x10, 0x01, 0x00, 0x07, 0x03, 0x00, 0x00, 0x00,
	0xA0, 0x0F, 0x00, 0x00, 0xA0, 0x0F, 0x00, 0x00, 0x00,
	0x00, 0x2A, 0x00, 0x00, 0x00, 0x2A, 0x00, 0x00, 0x00,
	0xFE, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0xBA, 0x00, 0x02, 0x00,
	0x0F, 0x01, 0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x01,
};

/* --- a device of two interfaces: keys, and a reader of three pipes */

static struct {
	struct libusb_endpoint_descriptor endpoint[4];
	struct libusb_interface_descriptor keys, reader[2];
	struct libusb_interface interface[2];
	struct libusb_config_descriptor config;
	int active_error, first_error, set_error;
	int set;	/* the configuration that was set, or 0 */
	int taken;	/* configurations that were not given back */
} device;

static struct libusb_endpoint_descriptor *const out = &device.endpoint[0];
static struct libusb_endpoint_descriptor *const in = &device.endpoint[1];
static struct libusb_endpoint_descriptor *const moved = &device.endpoint[2];
static struct libusb_endpoint_descriptor *const more = &device.endpoint[3];
static struct libusb_interface_descriptor *const reader = &device.reader[0];

static void set_endpoint(struct libusb_endpoint_descriptor *endpoint,
			 uint8_t address, uint8_t type, uint16_t packet)
{
	endpoint->bEndpointAddress = address;
	endpoint->bmAttributes = type;
	endpoint->wMaxPacketSize = packet;
}

static int make(void **state)
{
	(void)state;
	memset(&device, 0, sizeof(device));
	set_endpoint(out, 0x01, BULK, 64);
	set_endpoint(in, 0x82, BULK, 64);
	set_endpoint(moved, 0x83, INTERRUPT, 8);
	device.keys.bInterfaceClass = HID;
	device.keys.bInterfaceNumber = 1;
	reader->bInterfaceClass = SMART_CARD;
	reader->bInterfaceNumber = 4;
	reader->bNumEndpoints = 3;
	reader->endpoint = device.endpoint;
	reader->extra = class_descriptor;
	reader->extra_length = sizeof(class_descriptor);
	device.interface[0].altsetting = &device.keys;
	device.interface[0].num_altsetting = 1;
	device.interface[1].altsetting = reader;
	device.interface[1].num_altsetting = 1;
	device.config.bNumInterfaces = 2;
	device.config.bConfigurationValue = CONFIGURATION;
	device.config.interface = device.interface;
	return 0;
}

/* --- libusb */

libusb_device *libusb_get_device(libusb_device_handle *handle)
{
	(void)handle;
	return NULL;
}

static int give(int error, struct libusb_config_descriptor **ret_config)
{
	if (error)
		return error;
	device.taken++;
	*ret_config = &device.config;
	return 0;
}

int libusb_get_active_config_descriptor(
	libusb_device *which, struct libusb_config_descriptor **ret_config)
{
	(void)which;
	return give(device.active_error, ret_config);
}

int libusb_get_config_descriptor(libusb_device *which, uint8_t index,
				 struct libusb_config_descriptor **ret_config)
{
	(void)which;
	assert_int_equal(index, 0);
	return give(device.first_error, ret_config);
}

int libusb_set_configuration(libusb_device_handle *handle, int value)
{
	(void)handle;
	device.set = value;
	return device.set_error;
}

void libusb_free_config_descriptor(struct libusb_config_descriptor *config)
{
	assert_ptr_equal(config, &device.config);
	device.taken--;
}

/* --- what is found */

static const struct name any = {
	.interface = NAME_UNTOLD,
	.interface_index = NAME_UNTOLD,
};
static struct usb_interface found;

static int find_named(const struct name *name)
{
	int r;

	memset(&found, 0, sizeof(found));
	r = usb_interface_find(NULL, name, &found);
	assert_int_equal(device.taken, 0);
	return r;
}

static int find(void)
{
	return find_named(&any);
}

static void assert_found(void)
{
	assert_int_equal(find(), 0);
	assert_int_equal(found.number, 4);
	assert_int_equal(found.pipe[USB_OUT].address, 0x01);
	assert_int_equal(found.pipe[USB_OUT].packet, 64);
	assert_int_equal(found.pipe[USB_IN].address, 0x82);
	assert_int_equal(found.pipe[USB_IN].packet, 64);
	assert_memory_equal(found.descriptor, class_descriptor, DESC_SIZE);
}

static void assert_refused(void)
{
	assert_int_equal(find(), -EPROTO);
}

static void a_reader_is_found_among_others(void **state)
{
	(void)state;
	assert_found();
	assert_int_equal(found.pipe[USB_INTERRUPT].address, 0x83);
	assert_int_equal(found.pipe[USB_INTERRUPT].packet, 8);
}

static void the_interface_that_is_named_has_to_be_a_reader(void **state)
{
	struct name keys = any;
	struct name nobody = any;
	struct name first = any;

	(void)state;
	keys.interface = 1;
	nobody.interface = 7;
	first.interface_index = 0;
	assert_int_equal(find_named(&keys), -ENXIO);
	assert_int_equal(find_named(&nobody), -ENXIO);
	assert_int_equal(find_named(&first), -ENXIO);
}

static void a_number_counts_more_than_a_place(void **state)
{
	struct name name = any;

	(void)state;
	name.interface = 4;
	name.interface_index = 0;
	assert_int_equal(find_named(&name), 0);
}

static void a_place_is_enough(void **state)
{
	struct name name = any;

	(void)state;
	name.interface_index = 1;
	assert_int_equal(find_named(&name), 0);
}

static void a_class_descriptor_may_stand_behind_an_endpoint(void **state)
{
	(void)state;
	reader->extra = NULL;
	reader->extra_length = 0;
	in->extra = class_descriptor;
	in->extra_length = sizeof(class_descriptor);
	assert_found();
}

static void a_reader_without_a_class_descriptor_is_refused(void **state)
{
	(void)state;
	reader->extra_length = 0;
	assert_refused();
	reader->extra_length = DESC_SIZE - 1;
	assert_refused();
}

static void a_makers_class_wants_a_class_descriptor(void **state)
{
	(void)state;
	reader->bInterfaceClass = VENDOR;
	assert_found();
	reader->extra_length = 0;
	assert_int_equal(find(), -ENXIO);
}

static void a_good_setting_is_found_behind_a_bad_one(void **state)
{
	(void)state;
	device.reader[1] = device.reader[0];
	device.reader[1].bAlternateSetting = 1;
	device.reader[0].bNumEndpoints = 0;
	device.interface[1].num_altsetting = 2;
	assert_found();
	assert_int_equal(found.alternate, 1);
}

static void an_interface_without_settings_is_none(void **state)
{
	(void)state;
	device.interface[1].num_altsetting = 0;
	assert_int_equal(find(), -ENXIO);
}

/* Each of them is one pipe too few. */
static void bulk_pipes_that_are_none_are_refused(void **state)
{
	static const struct {
		uint8_t address, type;
		uint16_t packet;
	} bad[] = {
		{ 0x00, BULK, 64 },
		{ 0x80, BULK, 64 },
		{ 0x81, ISOCHRONOUS, 64 },
		{ 0x01, ISOCHRONOUS, 64 },
		{ 0x01, INTERRUPT, 64 },
		{ 0x01, BULK, 0 },
		{ 0x81, BULK, 0 },
		{ 0x01, BULK, 0x0800 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		make(NULL);
		set_endpoint(bad[i].address & 0x80 ? in : out, bad[i].address,
			     bad[i].type, bad[i].packet);
		assert_refused();
	}
}

static void of_two_pipes_of_a_kind_none_is_taken(void **state)
{
	static const uint8_t twin[] = { 0x04, 0x84 };

	(void)state;
	for (size_t i = 0; i < LENGTH(twin); i++) {
		make(NULL);
		reader->bNumEndpoints = 4;
		set_endpoint(more, twin[i], BULK, 64);
		assert_refused();
	}
	make(NULL);
	reader->bNumEndpoints = 4;
	set_endpoint(more, 0x84, INTERRUPT, 8);
	assert_refused();
}

static void endpoints_that_no_reader_has_are_passed_over(void **state)
{
	static const struct {
		uint8_t address, type;
	} strange[] = {
		{ 0x04, INTERRUPT },
		{ 0x84, ISOCHRONOUS },
		{ 0x00, BULK },
		{ 0x80, INTERRUPT },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(strange); i++) {
		make(NULL);
		reader->bNumEndpoints = 4;
		set_endpoint(more, strange[i].address, strange[i].type, 64);
		assert_found();
	}
}

static void a_reader_may_have_no_interrupt_pipe(void **state)
{
	(void)state;
	reader->bNumEndpoints = 2;
	assert_found();
	assert_int_equal(found.pipe[USB_INTERRUPT].packet, 0);
}

static void high_speeds_bits_are_no_size(void **state)
{
	(void)state;
	in->wMaxPacketSize = 0x1800 | 64;
	assert_found();
}

static void endpoints_that_were_told_and_are_not_there_are_none(void **state)
{
	(void)state;
	reader->endpoint = NULL;
	assert_refused();
}

static void a_token_needs_no_pipes(void **state)
{
	(void)state;
	reader->bNumEndpoints = 0;
	reader->bInterfaceProtocol = ICCD_VERSION_A;
	assert_int_equal(find(), 0);
	assert_int_equal(found.protocol, ICCD_VERSION_A);
	reader->bInterfaceProtocol = ICCD_VERSION_B;
	assert_int_equal(find(), 0);
	assert_int_equal(found.protocol, ICCD_VERSION_B);
	reader->bInterfaceProtocol = 0x80;
	assert_refused();
}

static void a_token_of_one_pipe_is_refused(void **state)
{
	(void)state;
	reader->bNumEndpoints = 1;
	reader->bInterfaceProtocol = ICCD_VERSION_A;
	assert_refused();
}

static void who_has_two_pipes_uses_them_whatever_it_is_called(void **state)
{
	(void)state;
	reader->bInterfaceProtocol = ICCD_VERSION_B;
	assert_found();
	assert_int_equal(found.protocol, 0);
}

/* --- its configuration */

static void a_device_without_a_configuration_gets_its_first(void **state)
{
	(void)state;
	device.active_error = LIBUSB_ERROR_NOT_FOUND;
	assert_found();
	assert_int_equal(device.set, CONFIGURATION);
}

static void a_device_that_has_one_keeps_it(void **state)
{
	(void)state;
	assert_found();
	assert_int_equal(device.set, 0);
}

static void a_device_that_goes_meanwhile_is_gone(void **state)
{
	int *const at[] = { &device.active_error, &device.first_error,
			    &device.set_error };

	(void)state;
	for (size_t i = 0; i < LENGTH(at); i++) {
		make(NULL);
		device.active_error = LIBUSB_ERROR_NOT_FOUND;
		*at[i] = LIBUSB_ERROR_NO_DEVICE;
		assert_int_equal(find(), -ENODEV);
		*at[i] = LIBUSB_ERROR_IO;
		assert_int_equal(find(), -EPROTO);
	}
}

#define TEST(name)	cmocka_unit_test_setup(name, make)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_reader_is_found_among_others),
		TEST(the_interface_that_is_named_has_to_be_a_reader),
		TEST(a_number_counts_more_than_a_place),
		TEST(a_place_is_enough),
		TEST(a_class_descriptor_may_stand_behind_an_endpoint),
		TEST(a_reader_without_a_class_descriptor_is_refused),
		TEST(a_makers_class_wants_a_class_descriptor),
		TEST(a_good_setting_is_found_behind_a_bad_one),
		TEST(an_interface_without_settings_is_none),
		TEST(bulk_pipes_that_are_none_are_refused),
		TEST(of_two_pipes_of_a_kind_none_is_taken),
		TEST(endpoints_that_no_reader_has_are_passed_over),
		TEST(a_reader_may_have_no_interrupt_pipe),
		TEST(high_speeds_bits_are_no_size),
		TEST(endpoints_that_were_told_and_are_not_there_are_none),
		TEST(a_token_needs_no_pipes),
		TEST(a_token_of_one_pipe_is_refused),
		TEST(who_has_two_pipes_uses_them_whatever_it_is_called),
		TEST(a_device_without_a_configuration_gets_its_first),
		TEST(a_device_that_has_one_keeps_it),
		TEST(a_device_that_goes_meanwhile_is_gone),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
