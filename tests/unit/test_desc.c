/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "desc.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

/* Offsets of the fields that the cases change */
#define MAX_SLOT_INDEX	4
#define VOLTAGES	5
#define PROTOCOLS	6
#define CLOCK		10
#define MAX_CLOCK	14
#define RATE		19
#define MAX_RATE	23
#define MAX_IFSD	28
#define SYNCH		32
#define MECHANICAL	36
#define FEATURES	40
#define MAX_MESSAGE	44
#define LCD		50
#define PIN		52
#define BUSY_SLOTS	53

/* One slot, T=0 and T=1, 4 MHz, short APDU level, 271 bytes. */
static const uint8_t short_apdu_reader[DESC_SIZE] = {
	0x36, 0x21, 0x10, 0x01, 0x00, 0x07, 0x03, 0x00, 0x00, 0x00,
	0xA0, 0x0F, 0x00, 0x00, 0x40, 0x1F, 0x00, 0x00, 0x02,
	0x00, 0x2A, 0x00, 0x00, 0x20, 0x4E, 0x05, 0x00, 0x35,
	0xFE, 0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00,
	0x01, 0x00, 0x00, 0x00, 0xBA, 0x04, 0x02, 0x00,
	0x0F, 0x01, 0x00, 0x00, 0xFF, 0x00, 0x10, 0x02, 0x03, 0x01,
};

/* A HID descriptor of 9 bytes, as a composite reader has before. */
static const uint8_t hid_descriptor[] = {
	0x09, 0x21, 0x11, 0x01, 0x00, 0x01, 0x22, 0x3F, 0x00,
};

static uint8_t raw[DESC_SIZE];

static int take_good_reader(void **state)
{
	(void)state;
	memcpy(raw, short_apdu_reader, sizeof(raw));
	return 0;
}

static struct desc parsed(void)
{
	struct desc desc;

	memset(&desc, 0x5A, sizeof(desc));
	assert_int_equal(desc_parse(raw, sizeof(raw), &desc), 0);
	return desc;
}

static struct desc parsed_with32(size_t offset, uint32_t value)
{
	put_le32(raw + offset, value);
	return parsed();
}

static struct desc parsed_with8(size_t offset, uint8_t value)
{
	raw[offset] = value;
	return parsed();
}

static void each_field_is_found_at_its_offset(void **state)
{
	struct desc desc = parsed();

	(void)state;
	assert_int_equal(desc.version, 0x0110);
	assert_int_equal(desc.slots, 1);
	assert_int_equal(desc.busy_slots, 1);
	assert_int_equal(desc.voltages, DESC_VOLTAGE_5V | DESC_VOLTAGE_3V |
						DESC_VOLTAGE_1V8);
	assert_int_equal(desc.protocols, 3);
	assert_int_equal(desc.default_clock, 4000);
	assert_int_equal(desc.max_clock, 8000);
	assert_int_equal(desc.clocks, 2);
	assert_int_equal(desc.default_rate, 10752);
	assert_int_equal(desc.max_rate, 347680);
	assert_int_equal(desc.rates, 53);
	assert_int_equal(desc.max_ifsd, 254);
	assert_int_equal(desc.synch_protocols, 7);
	assert_int_equal(desc.mechanical, 1);
	assert_int_equal(desc.level, DESC_LEVEL_SHORT_APDU);
	assert_int_equal(desc.features, 0x000204BA);
	assert_int_equal(desc.max_message, 271);
	assert_int_equal(desc.class_get_response, 0xFF);
	assert_int_equal(desc.class_envelope, 0);
	assert_int_equal(desc.lcd_lines, 2);
	assert_int_equal(desc.lcd_characters, 16);
	assert_int_equal(desc.pin_support, 3);
}

static void another_length_is_refused(void **state)
{
	struct desc desc, before;

	(void)state;
	memset(&desc, 0x5A, sizeof(desc));
	before = desc;
	assert_int_equal(desc_parse(raw, 0, &desc), -EINVAL);
	assert_int_equal(desc_parse(raw, DESC_SIZE - 1, &desc), -EINVAL);
	assert_int_equal(desc_parse(raw, DESC_SIZE + 1, &desc), -EINVAL);
	raw[0] = DESC_SIZE + 1;
	assert_int_equal(desc_parse(raw, DESC_SIZE, &desc), -EINVAL);
	assert_memory_equal(&desc, &before, sizeof(desc));
}

static void a_message_that_holds_no_byte_is_refused(void **state)
{
	struct desc desc, before;

	(void)state;
	memset(&desc, 0x5A, sizeof(desc));
	before = desc;
	for (uint32_t size = 0; size < DESC_MESSAGE_MIN; size++) {
		put_le32(raw + MAX_MESSAGE, size);
		assert_int_equal(desc_parse(raw, sizeof(raw), &desc), -EPROTO);
	}
	assert_memory_equal(&desc, &before, sizeof(desc));
}

static void message_sizes_are_clamped(void **state)
{
	static const struct {
		uint32_t told, taken;
	} rows[] = {
		{ 11, 11 }, { 262, 262 }, { 264, 264 }, { 271, 271 },
		{ 65554, 65554 }, { 65555, 65554 }, { 0xFFFFFFFF, 65554 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_int_equal(parsed_with32(MAX_MESSAGE, rows[i].told)
					 .max_message, rows[i].taken);
}

static void an_old_readers_263_bytes_mean_271(void **state)
{
	(void)state;
	assert_int_equal(parsed_with32(MAX_MESSAGE, 263).max_message, 271);
}

static void no_more_than_sixteen_slots_are_offered(void **state)
{
	static const struct {
		uint8_t index, slots;
	} rows[] = {
		{ 0, 1 }, { 1, 2 }, { 15, 16 }, { 16, 16 }, { 254, 16 },
		{ 255, 16 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_int_equal(parsed_with8(MAX_SLOT_INDEX, rows[i].index)
					 .slots, rows[i].slots);
}

static void busy_slots_lie_between_one_and_the_slots(void **state)
{
	static const struct {
		uint8_t index, told, taken;
	} rows[] = {
		{ 0, 0, 1 }, { 0, 1, 1 }, { 0, 2, 1 }, { 0, 255, 1 },
		{ 3, 0, 1 }, { 3, 2, 2 }, { 3, 4, 4 }, { 3, 5, 4 },
		{ 255, 255, 16 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		raw[MAX_SLOT_INDEX] = rows[i].index;
		assert_int_equal(parsed_with8(BUSY_SLOTS, rows[i].told)
					 .busy_slots, rows[i].taken);
	}
}

static void no_voltage_told_leaves_the_choice_to_the_reader(void **state)
{
	(void)state;
	assert_int_equal(parsed_with8(VOLTAGES, 0).voltages, 0);
	assert_int_equal(parsed_with8(VOLTAGES, 0x01).voltages,
			 DESC_VOLTAGE_5V);
	assert_int_equal(parsed_with8(VOLTAGES, 0xF8).voltages, 0);
}

static void reserved_bits_are_dropped(void **state)
{
	(void)state;
	assert_int_equal(parsed_with32(PROTOCOLS, 0xABCD0002).protocols, 2);
	assert_int_equal(parsed_with32(PROTOCOLS, 0xFFFFFFFC).protocols, 0);
	assert_int_equal(parsed_with32(SYNCH, 0xFFFFFFF8).synch_protocols, 0);
	assert_int_equal(parsed_with32(MECHANICAL, 0xFFFFFFF2).mechanical, 2);
	assert_int_equal(parsed_with8(PIN, 0xFD).pin_support, 1);
}

static void the_highest_level_announced_counts(void **state)
{
	static const struct {
		uint32_t features;
		enum desc_level level;
	} rows[] = {
		{ 0x00000000, DESC_LEVEL_CHARACTER },
		{ 0xFFF8FFFF, DESC_LEVEL_CHARACTER },
		{ 0x00010000, DESC_LEVEL_TPDU },
		{ 0x00020000, DESC_LEVEL_SHORT_APDU },
		{ 0x00030000, DESC_LEVEL_SHORT_APDU },
		{ 0x00040000, DESC_LEVEL_EXTENDED_APDU },
		{ 0x00050000, DESC_LEVEL_EXTENDED_APDU },
		{ 0x00060000, DESC_LEVEL_EXTENDED_APDU },
		{ 0x00070000, DESC_LEVEL_EXTENDED_APDU },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct desc desc = parsed_with32(FEATURES, rows[i].features);

		assert_int_equal(desc.level, rows[i].level);
		assert_int_equal(desc.features, rows[i].features);
	}
}

static void ifsd_lies_between_32_and_254(void **state)
{
	static const struct {
		uint32_t told;
		uint8_t taken;
	} rows[] = {
		{ 0, 32 }, { 1, 32 }, { 31, 32 }, { 32, 32 }, { 33, 33 },
		{ 254, 254 }, { 255, 254 }, { 261, 254 }, { 0x10020, 254 },
		{ 0xFFFFFFFF, 254 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_int_equal(parsed_with32(MAX_IFSD, rows[i].told)
					 .max_ifsd, rows[i].taken);
}

static void a_maximum_is_never_below_its_default(void **state)
{
	(void)state;
	assert_int_equal(parsed_with32(MAX_CLOCK, 0).max_clock, 4000);
	assert_int_equal(parsed_with32(MAX_CLOCK, 3999).max_clock, 4000);
	assert_int_equal(parsed_with32(MAX_RATE, 0).max_rate, 10752);
	assert_int_equal(parsed_with32(MAX_RATE, 9600).max_rate, 10752);
}

static void speeds_beyond_belief_are_taken_as_untold(void **state)
{
	(void)state;
	assert_int_equal(parsed_with32(CLOCK, DESC_CLOCK_MAX).default_clock,
			 DESC_CLOCK_MAX);
	assert_int_equal(parsed_with32(CLOCK, DESC_CLOCK_MAX + 1)
				 .default_clock, 0);
	assert_int_equal(parsed_with32(RATE, DESC_RATE_MAX).default_rate,
			 DESC_RATE_MAX);
	assert_int_equal(parsed_with32(RATE, 0xFFFFFFFF).default_rate, 0);
	assert_int_equal(parsed_with32(MAX_RATE, 0xFFFFFFFF).max_rate, 0);
}

static void clocks_and_rates_of_zero_are_let_through(void **state)
{
	struct desc desc;

	(void)state;
	memset(raw + CLOCK, 0, 8);
	memset(raw + RATE, 0, 8);
	desc = parsed();
	assert_int_equal(desc.default_clock, 0);
	assert_int_equal(desc.max_clock, 0);
	assert_int_equal(desc.default_rate, 0);
	assert_int_equal(desc.max_rate, 0);
}

static void a_display_of_all_ones_is_none(void **state)
{
	struct desc desc;

	(void)state;
	put_le16(raw + LCD, 0xFFFF);
	desc = parsed();
	assert_int_equal(desc.lcd_lines, 0);
	assert_int_equal(desc.lcd_characters, 0);
}

static void a_descriptor_of_all_ones_makes_no_nonsense(void **state)
{
	struct desc desc;

	(void)state;
	memset(raw + 2, 0xFF, sizeof(raw) - 2);
	desc = parsed();
	assert_int_equal(desc.slots, DESC_SLOTS_MAX);
	assert_int_equal(desc.busy_slots, DESC_SLOTS_MAX);
	assert_int_equal(desc.voltages, 7);
	assert_int_equal(desc.level, DESC_LEVEL_EXTENDED_APDU);
	assert_int_equal(desc.protocols, 3);
	assert_int_equal(desc.default_clock, 0);
	assert_int_equal(desc.max_clock, 0);
	assert_int_equal(desc.default_rate, 0);
	assert_int_equal(desc.max_rate, 0);
	assert_int_equal(desc.max_ifsd, 254);
	assert_int_equal(desc.synch_protocols, 7);
	assert_int_equal(desc.mechanical, 15);
	assert_int_equal(desc.max_message, DESC_MESSAGE_MAX);
	assert_int_equal(desc.lcd_lines, 0);
	assert_int_equal(desc.lcd_characters, 0);
	assert_int_equal(desc.pin_support, 3);
}

static void a_descriptor_of_all_zeros_is_refused(void **state)
{
	struct desc desc;

	(void)state;
	memset(raw + 2, 0, sizeof(raw) - 2);
	assert_int_equal(desc_parse(raw, sizeof(raw), &desc), -EPROTO);
}

static void the_class_descriptor_is_found_alone(void **state)
{
	(void)state;
	assert_ptr_equal(desc_find(raw, sizeof(raw)), raw);
}

static void nothing_is_found_in_nothing(void **state)
{
	(void)state;
	assert_null(desc_find(NULL, 0));
	assert_null(desc_find(raw, 0));
	assert_null(desc_find(raw, 1));
	assert_null(desc_find(raw, 2));
}

static void a_class_descriptor_cut_short_is_not_found(void **state)
{
	(void)state;
	for (size_t size = 0; size < sizeof(raw); size++)
		assert_null(desc_find(raw, size));
}

static void a_hid_descriptor_before_is_stepped_over(void **state)
{
	uint8_t extra[sizeof(hid_descriptor) + DESC_SIZE];

	(void)state;
	memcpy(extra, hid_descriptor, sizeof(hid_descriptor));
	memcpy(extra + sizeof(hid_descriptor), raw, sizeof(raw));
	assert_ptr_equal(desc_find(extra, sizeof(extra)),
			 extra + sizeof(hid_descriptor));
}

static void a_descriptor_of_two_bytes_before_is_stepped_over(void **state)
{
	uint8_t extra[2 + DESC_SIZE] = { 2, 0x21 };

	(void)state;
	memcpy(extra + 2, raw, sizeof(raw));
	assert_ptr_equal(desc_find(extra, sizeof(extra)), extra + 2);
}

static void type_21_of_another_length_is_no_class_descriptor(void **state)
{
	uint8_t longer[DESC_SIZE + 1] = { DESC_SIZE + 1, 0x21 };

	(void)state;
	assert_null(desc_find(hid_descriptor, sizeof(hid_descriptor)));
	assert_null(desc_find(longer, sizeof(longer)));
}

static void the_strange_type_is_taken(void **state)
{
	(void)state;
	raw[1] = 0xFF;
	assert_ptr_equal(desc_find(raw, sizeof(raw)), raw);
}

static void the_right_type_comes_before_the_strange_one(void **state)
{
	uint8_t extra[2 * DESC_SIZE];

	(void)state;
	memcpy(extra, raw, sizeof(raw));
	memcpy(extra + DESC_SIZE, raw, sizeof(raw));
	extra[1] = 0xFF;
	assert_ptr_equal(desc_find(extra, sizeof(extra)), extra + DESC_SIZE);
	extra[1] = 0x21;
	extra[DESC_SIZE + 1] = 0xFF;
	assert_ptr_equal(desc_find(extra, sizeof(extra)), extra);
}

static void other_types_of_the_right_length_are_stepped_over(void **state)
{
	(void)state;
	raw[1] = 0x24;
	assert_null(desc_find(raw, sizeof(raw)));
}

static void the_search_ends_at_a_length_that_leads_nowhere(void **state)
{
	static const uint8_t lengths[] = { 0, 1, 56, 255 };
	uint8_t extra[1 + DESC_SIZE];

	(void)state;
	memcpy(extra + 1, raw, sizeof(raw));
	for (size_t i = 0; i < ROWS(lengths); i++) {
		extra[0] = lengths[i];
		assert_null(desc_find(extra, sizeof(extra)));
	}
}

static void class_0b_is_a_reader_with_or_without_descriptor(void **state)
{
	(void)state;
	assert_true(desc_is_reader(0x0B, raw));
	assert_true(desc_is_reader(0x0B, NULL));
}

static void the_vendor_class_is_a_reader_by_its_descriptor(void **state)
{
	(void)state;
	assert_true(desc_is_reader(0xFF, raw));
	assert_false(desc_is_reader(0xFF, NULL));
}

static void a_vendors_54_bytes_must_make_sense(void **state)
{
	(void)state;
	put_le32(raw + MAX_MESSAGE, 10);
	assert_false(desc_is_reader(0xFF, raw));
	put_le32(raw + MAX_MESSAGE, 271);
	put_le32(raw + PROTOCOLS, 0xFFFFFFFC);
	assert_true(desc_is_reader(0xFF, raw));
	put_le32(raw + SYNCH, 0);
	assert_false(desc_is_reader(0xFF, raw));
}

static void no_other_class_is_a_reader(void **state)
{
	(void)state;
	for (unsigned class = 0; class < 0xFF; class++)
		if (class != 0x0B)
			assert_false(desc_is_reader((uint8_t)class, raw));
}

#define test(name)	cmocka_unit_test_setup(name, take_good_reader)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(each_field_is_found_at_its_offset),
		test(another_length_is_refused),
		test(a_message_that_holds_no_byte_is_refused),
		test(message_sizes_are_clamped),
		test(an_old_readers_263_bytes_mean_271),
		test(no_more_than_sixteen_slots_are_offered),
		test(busy_slots_lie_between_one_and_the_slots),
		test(no_voltage_told_leaves_the_choice_to_the_reader),
		test(reserved_bits_are_dropped),
		test(the_highest_level_announced_counts),
		test(ifsd_lies_between_32_and_254),
		test(a_maximum_is_never_below_its_default),
		test(speeds_beyond_belief_are_taken_as_untold),
		test(clocks_and_rates_of_zero_are_let_through),
		test(a_display_of_all_ones_is_none),
		test(a_descriptor_of_all_ones_makes_no_nonsense),
		test(a_descriptor_of_all_zeros_is_refused),
		test(the_class_descriptor_is_found_alone),
		test(nothing_is_found_in_nothing),
		test(a_class_descriptor_cut_short_is_not_found),
		test(a_hid_descriptor_before_is_stepped_over),
		test(a_descriptor_of_two_bytes_before_is_stepped_over),
		test(type_21_of_another_length_is_no_class_descriptor),
		test(the_strange_type_is_taken),
		test(the_right_type_comes_before_the_strange_one),
		test(other_types_of_the_right_length_are_stepped_over),
		test(the_search_ends_at_a_length_that_leads_nowhere),
		test(class_0b_is_a_reader_with_or_without_descriptor),
		test(the_vendor_class_is_a_reader_by_its_descriptor),
		test(a_vendors_54_bytes_must_make_sense),
		test(no_other_class_is_a_reader),
	};

	return cmocka_run_group_tests_name("desc", tests, NULL, NULL);
}
