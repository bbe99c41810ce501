/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "name.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define LONG_TAIL	100000

static struct name parsed(const char *text)
{
	struct name name;

	memset(&name, 0x5A, sizeof(name));
	assert_int_equal(name_parse(text, &name), 0);
	return name;
}

static void assert_refused(const char *text)
{
	struct name name, before;

	memset(&name, 0x5A, sizeof(name));
	before = name;
	assert_int_equal(name_parse(text, &name), -EINVAL);
	assert_memory_equal(&name, &before, sizeof(name));
}

static void assert_place(const char *text, int bus, int address)
{
	struct name name = parsed(text);

	assert_int_equal(name.bus, bus);
	assert_int_equal(name.address, address);
}

static void assert_no_place(const char *text)
{
	assert_place(text, NAME_UNTOLD, NAME_UNTOLD);
}

static void the_bare_ids_leave_the_rest_untold(void **state)
{
	struct name name = parsed("usb:08e6/3437");

	(void)state;
	assert_int_equal(name.vendor, 0x08E6);
	assert_int_equal(name.product, 0x3437);
	assert_int_equal(name.bus, NAME_UNTOLD);
	assert_int_equal(name.address, NAME_UNTOLD);
	assert_int_equal(name.interface, NAME_UNTOLD);
	assert_int_equal(name.interface_index, NAME_UNTOLD);
}

static void ids_have_one_to_four_digits_of_either_case(void **state)
{
	static const struct {
		const char *text;
		uint16_t vendor, product;
	} rows[] = {
		{ "usb:0/0", 0, 0 },
		{ "usb:1/f", 0x1, 0xF },
		{ "usb:8e6/37", 0x8E6, 0x37 },
		{ "usb:FFFF/ffff", 0xFFFF, 0xFFFF },
		{ "usb:aBcD/09Af:", 0xABCD, 0x09AF },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct name name = parsed(rows[i].text);

		assert_int_equal(name.vendor, rows[i].vendor);
		assert_int_equal(name.product, rows[i].product);
	}
}

static void a_text_without_both_ids_is_refused(void **state)
{
	static const char *const rows[] = {
		"", "u", "usb", "usb:", "usb:/", "usb:08e6", "usb:08e6/",
		"usb:/3437", "usb:08e6:3437", "USB:08e6/3437",
		" usb:08e6/3437", "usb: 08e6/3437", "usb:08e6/ 3437",
		"usb:+8e6/3437", "usb:-8e6/3437", "usb:0x8e/3437",
		"usb:08g6/3437", "usb:08e6//3437", "/dev/bus/usb/001/002",
		"usb:\xFF\xFF/3437",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_refused(rows[i]);
}

static void ids_of_five_digits_are_refused(void **state)
{
	(void)state;
	assert_refused("usb:008e6/3437");
	assert_refused("usb:08e6/03437");
}

static void only_a_colon_parts_the_ids_from_the_tail(void **state)
{
	(void)state;
	assert_refused("usb:08e6/3437 ");
	assert_refused("usb:08e6/3437/libudev:0:/dev/bus/usb/001/002");
	assert_refused("usb:08e6/3437\n");
}

static void libudev_tells_interface_bus_and_address(void **state)
{
	struct name name =
		parsed("usb:08e6/3437:libudev:1:/dev/bus/usb/003/047");

	(void)state;
	assert_int_equal(name.vendor, 0x08E6);
	assert_int_equal(name.product, 0x3437);
	assert_int_equal(name.interface, 1);
	assert_int_equal(name.bus, 3);
	assert_int_equal(name.address, 47);
	assert_int_equal(name.interface_index, NAME_UNTOLD);
}

static void bus_and_address_reach_to_the_ends_of_their_ranges(void **state)
{
	(void)state;
	assert_place("usb:1/2:libudev:0:/dev/bus/usb/001/001", 1, 1);
	assert_place("usb:1/2:libudev:0:/dev/bus/usb/999/127", 999, 127);
	assert_place("usb:1/2:libusb-1.0:999:127:0", 999, 127);
	assert_place("usb:1/2:libusb-1.0:1:1:0", 1, 1);
}

static void a_bus_or_address_out_of_range_is_no_place(void **state)
{
	static const char *const rows[] = {
		"usb:1/2:libudev:0:/dev/bus/usb/000/001",
		"usb:1/2:libudev:0:/dev/bus/usb/001/000",
		"usb:1/2:libudev:0:/dev/bus/usb/001/128",
		"usb:1/2:libusb-1.0:0:1:0",
		"usb:1/2:libusb-1.0:1:0:0",
		"usb:1/2:libusb-1.0:1000:1:0",
		"usb:1/2:libusb-1.0:1:128:0",
		"usb:1/2:libusb-1.0:4294967297:1:0",
		"usb:1/2:libusb-1.0:1:18446744073709551617:0",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_no_place(rows[i]);
}

static void a_path_that_is_no_device_node_is_no_place(void **state)
{
	static const char *const rows[] = {
		"usb:1/2:libudev:0:",
		"usb:1/2:libudev:0:/dev/bus/usb/",
		"usb:1/2:libudev:0:/dev/bus/usb/001",
		"usb:1/2:libudev:0:/dev/bus/usb/001/",
		"usb:1/2:libudev:0:/dev/bus/usb/001/02",
		"usb:1/2:libudev:0:/dev/bus/usb/1/002",
		"usb:1/2:libudev:0:/dev/bus/usb/0001/002",
		"usb:1/2:libudev:0:/dev/bus/usb/001/0002",
		"usb:1/2:libudev:0:/dev/bus/usb/001/002/",
		"usb:1/2:libudev:0:/dev/bus/usb/001/002 ",
		"usb:1/2:libudev:0:/dev/bus/usb/001/002:3",
		"usb:1/2:libudev:0:/dev/bus/usb/0x1/002",
		"usb:1/2:libudev:0:/dev/bus/usb/+01/002",
		"usb:1/2:libudev:0:/dev/bus/usb/ 01/002",
		"usb:1/2:libudev:0:/dev/bus/usb/001/-02",
		"usb:1/2:libudev:0:/dev/bus/usb/001:002",
		"usb:1/2:libudev:0:/dev/bus/usb/../../mem",
		"usb:1/2:libudev:0:/dev/bus/usb/../001/002",
		"usb:1/2:libudev:0:/dev/bus/usb//001/002",
		"usb:1/2:libudev:0:/dev//bus/usb/001/002",
		"usb:1/2:libudev:0:/proc/bus/usb/001/002",
		"usb:1/2:libudev:0:dev/bus/usb/001/002",
		"usb:1/2:libudev:0: /dev/bus/usb/001/002",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_no_place(rows[i]);
		assert_int_equal(parsed(rows[i]).interface, 0);
	}
}

static void libudev_interfaces_are_plain_decimal_numbers(void **state)
{
	static const struct {
		const char *text;
		int interface;
	} rows[] = {
		{ "usb:1/2:libudev:0:", 0 },
		{ "usb:1/2:libudev:9", 9 },
		{ "usb:1/2:libudev:010:", 10 },
		{ "usb:1/2:libudev:255:", 255 },
		{ "usb:1/2:libudev:256:", NAME_UNTOLD },
		{ "usb:1/2:libudev:4294967296:", NAME_UNTOLD },
		{ "usb:1/2:libudev:-1:", NAME_UNTOLD },
		{ "usb:1/2:libudev:+1:", NAME_UNTOLD },
		{ "usb:1/2:libudev: 1:", NAME_UNTOLD },
		{ "usb:1/2:libudev:0a:", NAME_UNTOLD },
		{ "usb:1/2:libudev::", NAME_UNTOLD },
		{ "usb:1/2:libudev:", NAME_UNTOLD },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_int_equal(parsed(rows[i].text).interface,
				 rows[i].interface);
}

static void an_odd_interface_does_not_hide_the_path(void **state)
{
	(void)state;
	assert_place("usb:1/2:libudev:-1:/dev/bus/usb/004/005", 4, 5);
}

static void libusb_1_0_tells_bus_address_and_an_index(void **state)
{
	struct name name = parsed("usb:04e6/5116:libusb-1.0:2:14:1");

	(void)state;
	assert_int_equal(name.bus, 2);
	assert_int_equal(name.address, 14);
	assert_int_equal(name.interface_index, 1);
	assert_int_equal(name.interface, NAME_UNTOLD);
}

static void an_index_lies_between_0_and_255(void **state)
{
	(void)state;
	assert_int_equal(parsed("usb:1/2:libusb-1.0:2:14:0").interface_index,
			 0);
	assert_int_equal(parsed("usb:1/2:libusb-1.0:2:14:255").interface_index,
			 255);
}

static void libusb_1_0_may_tell_no_index(void **state)
{
	static const char *const rows[] = {
		"usb:1/2:libusb-1.0:2:14", "usb:1/2:libusb-1.0:2:14:",
		"usb:1/2:libusb-1.0:2:14:x", "usb:1/2:libusb-1.0:2:14:256",
		"usb:1/2:libusb-1.0:2:14:-1",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct name name = parsed(rows[i]);

		assert_int_equal(name.bus, 2);
		assert_int_equal(name.address, 14);
		assert_int_equal(name.interface_index, NAME_UNTOLD);
	}
}

static void libusb_0_1_tells_bus_and_address_in_either_spelling(void **state)
{
	(void)state;
	assert_place("usb:1/2:libusb:001:038", 1, 38);
	assert_place("usb:1/2:libusb:001/038", 1, 38);
	assert_int_equal(parsed("usb:1/2:libusb:001:038:7").interface_index,
			 NAME_UNTOLD);
}

static void half_a_place_is_no_place(void **state)
{
	static const char *const rows[] = {
		"usb:1/2:libusb:001", "usb:1/2:libusb:", "usb:1/2:libusb::",
		"usb:1/2:libusb:001:", "usb:1/2:libusb::038",
		"usb:1/2:libusb:001/038/2", "usb:1/2:libusb-1.0:",
		"usb:1/2:libusb-1.0:2", "usb:1/2:libusb-1.0::14:0",
		"usb:1/2:libusb-1.0:2 :14:0", "usb:1/2:libusb-1.0:2:0x1:0",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_no_place(rows[i]);
}

static void libhal_tells_the_interface_behind_its_last_mark(void **state)
{
#define HAL "usb:08e6/3437:libhal:/org/freedesktop/Hal/devices/usb_device_"
	static const struct {
		const char *text;
		int interface;
	} rows[] = {
		{ HAL "8e6_3437_serialnotneeded_if0", 0 },
		{ HAL "8e6_3437_noserial_if12", 12 },
		{ HAL "8e6_3437_serial_if7_if1", 1 },
		{ HAL "8e6_3437_noserial_if256", NAME_UNTOLD },
		{ HAL "8e6_3437_noserial_if1x", NAME_UNTOLD },
		{ HAL "8e6_3437_noserial_if", NAME_UNTOLD },
		{ HAL "8e6_3437_noserial", NAME_UNTOLD },
		{ "usb:1/2:libhal:", NAME_UNTOLD },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(parsed(rows[i].text).interface,
				 rows[i].interface);
		assert_no_place(rows[i].text);
	}
}

static void a_tail_of_unknown_origin_is_ignored(void **state)
{
	static const char *const rows[] = {
		"usb:1/2:", "usb:1/2::", "usb:1/2:1:2:3",
		"usb:1/2:libusb-2.0:1:2:3", "usb:1/2:libudev",
		"usb:1/2:LIBUDEV:1:/dev/bus/usb/001/002",
		"usb:1/2:/dev/bus/usb/001/002", "usb:1/2:%n%s%n",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct name name = parsed(rows[i]);

		assert_int_equal(name.vendor, 1);
		assert_int_equal(name.product, 2);
		assert_int_equal(name.bus, NAME_UNTOLD);
		assert_int_equal(name.interface, NAME_UNTOLD);
		assert_int_equal(name.interface_index, NAME_UNTOLD);
	}
}

static void one_origin_does_not_hide_in_the_tail_of_another(void **state)
{
	struct name name = parsed("usb:1/2:libudev::libusb-1.0:3:4:5");

	(void)state;
	assert_int_equal(name.bus, NAME_UNTOLD);
	assert_int_equal(name.interface_index, NAME_UNTOLD);
}

static void a_very_long_number_is_read_to_no_harm(void **state)
{
	static char text[LONG_TAIL + 1] = "usb:1/2:libusb-1.0:";
	size_t head = strlen(text);

	(void)state;
	memset(text + head, '9', LONG_TAIL - head);
	assert_no_place(text);
	memset(text + head, '0', LONG_TAIL - head);
	memcpy(text + LONG_TAIL - 4, "7:8:", 4);
	assert_place(text, 7, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bare_ids_leave_the_rest_untold),
		cmocka_unit_test(ids_have_one_to_four_digits_of_either_case),
		cmocka_unit_test(a_text_without_both_ids_is_refused),
		cmocka_unit_test(ids_of_five_digits_are_refused),
		cmocka_unit_test(only_a_colon_parts_the_ids_from_the_tail),
		cmocka_unit_test(libudev_tells_interface_bus_and_address),
		cmocka_unit_test(
			bus_and_address_reach_to_the_ends_of_their_ranges),
		cmocka_unit_test(a_bus_or_address_out_of_range_is_no_place),
		cmocka_unit_test(a_path_that_is_no_device_node_is_no_place),
		cmocka_unit_test(libudev_interfaces_are_plain_decimal_numbers),
		cmocka_unit_test(an_odd_interface_does_not_hide_the_path),
		cmocka_unit_test(libusb_1_0_tells_bus_address_and_an_index),
		cmocka_unit_test(an_index_lies_between_0_and_255),
		cmocka_unit_test(libusb_1_0_may_tell_no_index),
		cmocka_unit_test(
			libusb_0_1_tells_bus_and_address_in_either_spelling),
		cmocka_unit_test(half_a_place_is_no_place),
		cmocka_unit_test(
			libhal_tells_the_interface_behind_its_last_mark),
		cmocka_unit_test(a_tail_of_unknown_origin_is_ignored),
		cmocka_unit_test(
			one_origin_does_not_hide_in_the_tail_of_another),
		cmocka_unit_test(a_very_long_number_is_read_to_no_harm),
	};

	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
