/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "feature.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define BYTES(...)	(const uint8_t[]){ __VA_ARGS__ }, \
			sizeof((const uint8_t[]){ __VA_ARGS__ })

#define PCSC_LITE(n)	(0x42000000u + (n))
#define WINDOWS(n)	(0x00310000u + 4 * (n))
#define LIST		3400

static struct desc desc;
static struct feature_reader reader;

/* Short APDUs, two lines of 16 characters, keys for both; no escape. */
static int take_pin_pad(void **state)
{
	(void)state;
	desc = (struct desc){
		.level = DESC_LEVEL_SHORT_APDU,
		.lcd_lines = 2,
		.lcd_characters = 16,
		.pin_support = 3,
	};
	reader = (struct feature_reader){
		.desc = &desc,
		.vendor = 0x1234,
		.product = 0xABCD,
		.version = 0x0207,
	};
	return 0;
}

static void assert_listed(const uint8_t *expected, size_t size)
{
	uint8_t list[FEATURE_LIST_MAX];

	assert_int_equal(feature_list(&reader, list), size);
	assert_memory_equal(list, expected, size);
}

static void a_pin_pad_lists_its_features_with_big_endian_codes(void **state)
{
	(void)state;
	assert_listed(BYTES(0x06, 4, 0x42, 0x00, 0x0A, 0x06,
			    0x07, 4, 0x42, 0x00, 0x0A, 0x07,
			    0x0A, 4, 0x42, 0x00, 0x0A, 0x0A,
			    0x12, 4, 0x42, 0x00, 0x0A, 0x12));
}

static void escape_is_listed_if_it_is_allowed(void **state)
{
	(void)state;
	desc.pin_support = 0;
	reader.escape = true;
	assert_listed(BYTES(0x12, 4, 0x42, 0x00, 0x0A, 0x12,
			    0x13, 4, 0x42, 0x00, 0x0A, 0x13));
}

static void a_reader_may_verify_and_not_modify(void **state)
{
	(void)state;
	desc.pin_support = 1;
	assert_listed(BYTES(0x06, 4, 0x42, 0x00, 0x0A, 0x06,
			    0x0A, 4, 0x42, 0x00, 0x0A, 0x0A,
			    0x12, 4, 0x42, 0x00, 0x0A, 0x12));
	desc.pin_support = 2;
	assert_listed(BYTES(0x07, 4, 0x42, 0x00, 0x0A, 0x07,
			    0x0A, 4, 0x42, 0x00, 0x0A, 0x0A,
			    0x12, 4, 0x42, 0x00, 0x0A, 0x12));
}

static void everything_fits_the_list(void **state)
{
	uint8_t list[FEATURE_LIST_MAX];

	(void)state;
	reader.escape = true;
	reader.reader_direct = true;
	assert_int_equal(feature_list(&reader, list), FEATURE_LIST_MAX);
}

static void commands_to_the_reader_are_few(void **state)
{
	static const uint8_t good[] = { 0x20, 0x70, 0, 0 };
	static const uint8_t others[][4] = {
		{ 0x20, 0x6F, 0, 0 }, { 0x20, 0x75, 0, 0 },
		{ 0x00, 0x70, 0, 0 }, { 0x20, 0x20, 0, 0 },
	};

	(void)state;
	assert_int_equal(feature_asked(&reader, PCSC_LITE(0xA08)),
			 FEATURE_NONE);
	reader.reader_direct = true;
	assert_int_equal(feature_asked(&reader, PCSC_LITE(0xA08)),
			 FEATURE_READER_DIRECT);
	assert_true(feature_is_direct(good, sizeof(good)));
	assert_false(feature_is_direct(good, sizeof(good) - 1));
	for (size_t i = 0; i < ROWS(others); i++)
		assert_false(feature_is_direct(others[i], 4));
}

static void a_firmware_text_is_told_in_place_of_the_version(void **state)
{
	static const uint8_t text[] = { 8, 5, 'G', 'X', '1', '.', '0' };
	uint8_t properties[FEATURE_PROPERTIES_MAX];
	size_t size;

	(void)state;
	reader.firmware = "";
	feature_properties(&reader, properties);
	reader.firmware = "GX1.0";
	size = feature_properties(&reader, properties);
	assert_non_null(memmem(properties, size, text, sizeof(text)));
	reader.firmware = "0123456789012345678901234567890123456789";
	reader.pin_max = 8;
	assert_true(feature_properties(&reader, properties) <=
		    FEATURE_PROPERTIES_MAX);
}

static void only_the_conditions_that_a_reader_takes_are_told(void **state)
{
	uint8_t properties[FEATURE_PIN_PROPERTIES_SIZE];

	(void)state;
	reader.conditions = 0x02;
	feature_pin_properties(&reader, properties);
	assert_int_equal(properties[2], 0x02);
}

static void keys_are_of_no_use_at_character_level(void **state)
{
	(void)state;
	desc.level = DESC_LEVEL_CHARACTER;
	assert_listed(BYTES(0x12, 4, 0x42, 0x00, 0x0A, 0x12));
	assert_int_equal(feature_asked(&reader, PCSC_LITE(0xA06)),
			 FEATURE_NONE);
}

/* What the list says can be asked for. */
static void each_listed_code_asks_for_its_tag(void **state)
{
	uint8_t list[FEATURE_LIST_MAX];
	size_t size;

	(void)state;
	reader.escape = true;
	size = feature_list(&reader, list);
	for (size_t i = 0; i < size; i += 6) {
		uint32_t code = (uint32_t)list[i + 2] << 24 |
				(uint32_t)list[i + 3] << 16 |
				(uint32_t)list[i + 4] << 8 | list[i + 5];

		assert_int_equal(feature_asked(&reader, code), list[i]);
		assert_int_equal(feature_asked(&reader,
					       WINDOWS(code & 0xFFFF)),
				 list[i]);
	}
}

static void codes_are_known_in_both_numberings(void **state)
{
	static const struct {
		uint32_t function;
		enum feature feature;
	} rows[] = {
		{ LIST, FEATURE_LIST },
		{ 1, FEATURE_ESCAPE },
		{ 3500, FEATURE_ESCAPE },
		{ 0xA06, FEATURE_VERIFY_PIN },
		{ 0xA07, FEATURE_MODIFY_PIN },
		{ 0xA0A, FEATURE_PIN_PROPERTIES },
		{ 0xA12, FEATURE_PROPERTIES },
		{ 0xA13, FEATURE_ESCAPE },
	};

	(void)state;
	assert_int_equal(PCSC_LITE(LIST), 0x42000D48);
	assert_int_equal(WINDOWS(LIST), 0x00313520);
	assert_int_equal(WINDOWS(3500), 0x003136B0);
	reader.escape = true;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(feature_asked(&reader,
					       PCSC_LITE(rows[i].function)),
				 rows[i].feature);
		assert_int_equal(feature_asked(&reader,
					       WINDOWS(rows[i].function)),
				 rows[i].feature);
	}
}

static void no_other_function_is_known(void **state)
{
	unsigned known = 0;

	(void)state;
	reader.escape = true;
	for (uint32_t n = 0; n < 0x10000; n++)
		known += feature_asked(&reader, PCSC_LITE(n)) != FEATURE_NONE;
	for (uint32_t n = 0; n < 0x4000; n++)
		known += feature_asked(&reader, WINDOWS(n)) != FEATURE_NONE;
	assert_int_equal(known, 18);
}

static void other_codes_are_unknown(void **state)
{
	static const uint64_t codes[] = {
		0, 1, LIST, 0x42, 0xFFFFFFFF, 0x41000D48, 0x43000D48,
		0x42010D48, 0x00313521, 0x00313522, 0x00313523, 0x00323520,
		0x80313520, 0x142000D48, 0xFFFFFFFF42000D48,
		0x8000000000313520, UINT64_MAX,
	};

	(void)state;
	reader.escape = true;
	for (size_t i = 0; i < ROWS(codes); i++)
		assert_int_equal(feature_asked(&reader, codes[i]),
				 FEATURE_NONE);
}

static void what_is_not_offered_cannot_be_asked_for(void **state)
{
	(void)state;
	assert_int_equal(feature_asked(&reader, PCSC_LITE(1)), FEATURE_NONE);
	assert_int_equal(feature_asked(&reader, PCSC_LITE(3500)),
			 FEATURE_NONE);
	assert_int_equal(feature_asked(&reader, PCSC_LITE(0xA13)),
			 FEATURE_NONE);
	desc.pin_support = 0;
	assert_int_equal(feature_asked(&reader, PCSC_LITE(0xA06)),
			 FEATURE_NONE);
	assert_int_equal(feature_asked(&reader, PCSC_LITE(0xA07)),
			 FEATURE_NONE);
	assert_int_equal(feature_asked(&reader, PCSC_LITE(0xA0A)),
			 FEATURE_NONE);
	assert_int_equal(feature_asked(&reader, PCSC_LITE(0xA12)),
			 FEATURE_PROPERTIES);
}

static void pin_properties_are_a_layout_and_all_conditions(void **state)
{
	static const uint8_t expected[] = { 16, 2, 0x07, 0 };
	uint8_t properties[FEATURE_PIN_PROPERTIES_SIZE];

	(void)state;
	feature_pin_properties(&reader, properties);
	assert_memory_equal(properties, expected, sizeof(expected));
}

static void assert_properties(const uint8_t *expected, size_t size)
{
	uint8_t properties[FEATURE_PROPERTIES_MAX];

	assert_int_equal(feature_properties(&reader, properties), size);
	assert_memory_equal(properties, expected, size);
}

static void properties_of_a_pin_pad_are_little_endian(void **state)
{
	(void)state;
	assert_properties(BYTES(1, 2, 16, 2, 4, 2, 16, 0, 5, 2, 2, 0,
				2, 1, 7, 3, 1, 0,
				8, 4, '2', '.', '0', '7', 9, 1, 0,
				10, 4, 0x00, 0x01, 0x00, 0x00,
				11, 2, 0x34, 0x12, 12, 2, 0xCD, 0xAB));
}

static void a_plain_reader_tells_what_it_has(void **state)
{
	(void)state;
	desc = (struct desc){ .level = DESC_LEVEL_EXTENDED_APDU };
	reader.version = 0x1234;
	assert_properties(BYTES(1, 2, 0, 0,
				8, 5, '1', '2', '.', '3', '4', 9, 1, 0,
				10, 4, 0x00, 0x00, 0x01, 0x00,
				11, 2, 0x34, 0x12, 12, 2, 0xCD, 0xAB));
}

static void digits_of_a_pin_are_told_if_they_are_known(void **state)
{
	uint8_t properties[FEATURE_PROPERTIES_MAX];
	static const uint8_t expected[] = { 6, 1, 4, 7, 1, 8 };

	(void)state;
	reader.pin_min = 4;
	reader.pin_max = 8;
	assert_int_equal(feature_properties(&reader, properties), 47);
	assert_memory_equal(properties + 18, expected, sizeof(expected));
}

static void only_a_reader_of_short_apdus_is_limited_to_them(void **state)
{
	static const struct {
		enum desc_level level;
		uint8_t third;
	} rows[] = {
		{ DESC_LEVEL_CHARACTER, 1 },
		{ DESC_LEVEL_TPDU, 1 },
		{ DESC_LEVEL_SHORT_APDU, 0 },
		{ DESC_LEVEL_EXTENDED_APDU, 1 },
	};

	(void)state;
	desc.pin_support = 0;
	desc.lcd_lines = 0;
	desc.lcd_characters = 0;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint8_t properties[FEATURE_PROPERTIES_MAX];

		desc.level = rows[i].level;
		assert_int_equal(feature_properties(&reader, properties), 27);
		assert_int_equal(properties[13], 10);
		assert_int_equal(properties[17], rows[i].third);
	}
}

static void a_version_that_is_no_decimal_is_told_all_the_same(void **state)
{
	uint8_t properties[FEATURE_PROPERTIES_MAX];

	(void)state;
	desc.pin_support = 0;
	desc.lcd_lines = 0;
	desc.lcd_characters = 0;
	reader.version = 0xFA0E;
	feature_properties(&reader, properties);
	assert_memory_equal(properties + 4, "\x08\x05" "FA.0E", 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, take_pin_pad)
		TEST(a_pin_pad_lists_its_features_with_big_endian_codes),
		TEST(escape_is_listed_if_it_is_allowed),
		TEST(a_reader_may_verify_and_not_modify),
		TEST(everything_fits_the_list),
		TEST(commands_to_the_reader_are_few),
		TEST(a_firmware_text_is_told_in_place_of_the_version),
		TEST(only_the_conditions_that_a_reader_takes_are_told),
		TEST(keys_are_of_no_use_at_character_level),
		TEST(each_listed_code_asks_for_its_tag),
		TEST(codes_are_known_in_both_numberings),
		TEST(no_other_function_is_known),
		TEST(other_codes_are_unknown),
		TEST(what_is_not_offered_cannot_be_asked_for),
		TEST(pin_properties_are_a_layout_and_all_conditions),
		TEST(properties_of_a_pin_pad_are_little_endian),
		TEST(a_plain_reader_tells_what_it_has),
		TEST(digits_of_a_pin_are_told_if_they_are_known),
		TEST(only_a_reader_of_short_apdus_is_limited_to_them),
		TEST(a_version_that_is_no_decimal_is_told_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
