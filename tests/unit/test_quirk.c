/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "quirk.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

static struct quirk quirk;
static struct desc desc;

static int start_afresh(void **state)
{
	(void)state;
	desc = (struct desc){
		.level = DESC_LEVEL_TPDU,
		.max_ifsd = 100,
		.max_message = 271,
		.pin_support = 3,
	};
	return 0;
}

static void find(unsigned vendor, unsigned product, unsigned firmware)
{
	quirk_find((uint16_t)vendor, (uint16_t)product, (uint16_t)firmware,
		   &quirk);
	quirk_fit(&quirk, &desc);
}

static void most_readers_have_none(void **state)
{
	static const struct quirk none;
	struct desc before = desc;

	(void)state;
	find(0x04E6, 0x5116, 0x0700);
	assert_memory_equal(&quirk, &none, sizeof(quirk));
	assert_memory_equal(&desc, &before, sizeof(desc));
	find(0x0000, 0x0000, 0);
	assert_memory_equal(&quirk, &none, sizeof(quirk));
}

static void pin_pads_that_are_none_or_tell_the_pin_are_hidden(void **state)
{
	static const uint16_t ids[][2] = {
		{ 0x03F0, 0x1024 }, { 0x03F0, 0x0036 }, { 0x0BF8, 0x1017 },
		{ 0x04F2, 0x1469 }, { 0x0783, 0x0006 }, { 0x076B, 0x3A21 },
		{ 0x076B, 0x3031 }, { 0x076B, 0x6632 }, { 0x046A, 0x00A7 },
		{ 0x0BF8, 0x1024 }, { 0x25DD, 0x3111 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(ids); i++) {
		start_afresh(NULL);
		find(ids[i][0], ids[i][1], 0x0100);
		assert_int_equal(desc.pin_support, 0);
	}
}

static void levels_that_are_told_wrongly_are_mended(void **state)
{
	static const struct {
		uint16_t vendor, product, firmware;
		enum desc_level told, level;
	} rows[] = {
		{ 0x076B, 0x3A21, 0, DESC_LEVEL_TPDU, DESC_LEVEL_EXTENDED_APDU },
		{ 0x076B, 0x3031, 0, DESC_LEVEL_TPDU, DESC_LEVEL_EXTENDED_APDU },
		{ 0x076B, 0x6632, 0, DESC_LEVEL_TPDU, DESC_LEVEL_EXTENDED_APDU },
		{ 0x046A, 0x00A7, 0, DESC_LEVEL_TPDU, DESC_LEVEL_EXTENDED_APDU },
		{ 0x0BF8, 0x1024, 0, DESC_LEVEL_TPDU, DESC_LEVEL_EXTENDED_APDU },
		{ 0x2F7C, 0x6007, 0, DESC_LEVEL_SHORT_APDU,
		  DESC_LEVEL_EXTENDED_APDU },
		{ 0x0D46, 0x3010, 0, DESC_LEVEL_EXTENDED_APDU,
		  DESC_LEVEL_SHORT_APDU },
		{ 0x072F, 0x8201, 0, DESC_LEVEL_TPDU, DESC_LEVEL_SHORT_APDU },
		{ 0x072F, 0x8306, 0, DESC_LEVEL_TPDU, DESC_LEVEL_SHORT_APDU },
		{ 0x046A, 0x00A1, 0x0100, DESC_LEVEL_SHORT_APDU,
		  DESC_LEVEL_EXTENDED_APDU },
		{ 0x046A, 0x00A1, 0x0100, DESC_LEVEL_TPDU, DESC_LEVEL_TPDU },
		{ 0x046A, 0x00A1, 0x0101, DESC_LEVEL_SHORT_APDU,
		  DESC_LEVEL_SHORT_APDU },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		desc.level = rows[i].told;
		find(rows[i].vendor, rows[i].product, rows[i].firmware);
		assert_int_equal(desc.level, rows[i].level);
	}
}

static void slots_are_counted_as_there_are(void **state)
{
	static const struct {
		uint16_t product;
		uint8_t slots;
	} rows[] = {
		{ 0x1280, 3 }, { 0x2207, 2 }, { 0x2214, 2 }, { 0xB301, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		desc.slots = desc.busy_slots = 2;
		find(0x072F, rows[i].product, 0x0100);
		assert_int_equal(desc.slots, rows[i].slots);
		assert_true(desc.busy_slots <= desc.slots);
	}
}

static void a_display_is_told_where_there_is_one(void **state)
{
	(void)state;
	find(0x072F, 0x8201, 0x0100);
	assert_int_equal(desc.lcd_lines, 2);
	assert_int_equal(desc.lcd_characters, 16);
	start_afresh(NULL);
	find(0x072F, 0x90D2, 0x0100);
	assert_int_equal(desc.lcd_lines, 2);
}

static void blocks_have_the_length_that_the_reader_bears(void **state)
{
	static const struct {
		uint16_t vendor, product, firmware;
		uint8_t ifsd;
	} rows[] = {
		{ 0x09BE, 0x0002, 0, 254 },
		{ 0x04E6, 0xE001, 0x0515, 48 },	{ 0x04E6, 0xE001, 0x0516, 100 },
		{ 0x04E6, 0x5111, 0x0619, 48 },	{ 0x04E6, 0x5111, 0x0620, 100 },
		{ 0x04E6, 0x5115, 0x0513, 48 },	{ 0x04E6, 0x5115, 0x0514, 100 },
		{ 0x04E6, 0xE003, 0x0503, 48 },	{ 0x04E6, 0xE003, 0x0504, 100 },
		{ 0x04E6, 0x5117, 0x0521, 48 },	{ 0x04E6, 0x5117, 0x0522, 100 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		start_afresh(NULL);
		find(rows[i].vendor, rows[i].product, rows[i].firmware);
		assert_int_equal(desc.max_ifsd, rows[i].ifsd);
	}
	find(0x0529, 0x0620, 0x0011);
	assert_false(desc.features & DESC_AUTO_IFSD);
	find(0x0529, 0x0620, 0x0013);
	assert_true(desc.features & DESC_AUTO_IFSD);
	find(0x072F, 0x8201, 0x0100);
	assert_int_equal(desc.max_message, 320);
}

static void speeds_have_a_cap_where_more_fails(void **state)
{
	(void)state;
	find(0x058F, 0x9540, 0x0100);
	assert_int_equal(quirk.rate_cap, 200000);
	find(0x0B97, 0x7762, 0x0111);
	assert_int_equal(quirk.rate_cap, 9600);
	assert_true(quirk.flags & QUIRK_NO_PPS);
	find(0x08E6, 0x3480, 0x0199);
	assert_int_equal(quirk.rate_slot, 1);
	find(0x08E6, 0x3480, 0x0200);
	assert_int_equal(quirk.rate_slot, 0);
	find(0x08E6, 0x3479, 0x0200);
	assert_int_equal(quirk.rate_slot, 1);
}

static void firmware_is_bad_below_a_version(void **state)
{
	static const uint16_t rows[][3] = {
		{ 0x04E6, 0xE001, 0x0516 },	{ 0x04E6, 0x5111, 0x0620 },
		{ 0x04E6, 0xE003, 0x0510 },	{ 0x0D46, 0x3001, 0x0037 },
		{ 0x0D46, 0x3002, 0x0037 },	{ 0x09C3, 0x0008, 0x0203 },
		{ 0x0DC3, 0x1004, 0x0502 },	{ 0x0DC3, 0x1102, 0x0607 },
		{ 0x058F, 0x9520, 0x0102 },	{ 0x072F, 0x2200, 0x0206 },
		{ 0x08C3, 0x0401, 0x5000 },	{ 0x08C3, 0x0402, 0x5000 },
		{ 0x0B0C, 0x0050, 0x0101 },	{ 0x0DC3, 0x0900, 0x0200 },
		{ 0x03F0, 0x0036, 0x0124 },	{ 0x062D, 0x0001, 0x0102 },
		{ 0x04E6, 0x5291, 0x0112 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		find(rows[i][0], rows[i][1], 0x0100);
		assert_int_equal(quirk.firmware, rows[i][2]);
	}
}

static void pin_pads_get_what_they_take(void **state)
{
	(void)state;
	find(0x0982, 0x0008, 0);
	assert_int_equal(quirk.pin.verify_messages, PIN_MESSAGES_1);
	assert_int_equal(quirk.pin.indexes, PIN_INDEXES_ALL);
	assert_int_equal(quirk.pin.conditions, 0x02);
	assert_int_equal(quirk.pin_min, 4);
	assert_int_equal(quirk.pin_max, 8);
	find(0x08E6, 0x3478, 0x0100);
	assert_int_equal(quirk.pin.indexes, PIN_INDEXES_ALL);
	assert_int_equal(quirk.pin_max, 8);
	find(0x08E6, 0x3478, 0x0101);
	assert_int_equal(quirk.pin_max, 0);
	find(0x413C, 0x2100, 0);
	assert_true(quirk.pin.swapped_digits);
	assert_int_equal(quirk.pin.pause_ms, 250);
	find(0x413C, 0x2101, 0);
	assert_false(quirk.pin.swapped_digits);
	assert_int_equal(quirk.pin.verify_messages, PIN_MESSAGES_NONE);
	find(0x04E6, 0xE003, 0x0510);
	assert_true(quirk.pin.unpadded);
	assert_int_equal(quirk.pin.indexes, PIN_INDEXES_ZERO);
	find(0x046A, 0x003E, 0);
	assert_false(quirk.pin.unpadded);
	assert_int_equal(quirk.pin_max, 25);
	find(0x046A, 0x0010, 0);
	assert_int_equal(quirk.pin.modify_messages, PIN_MESSAGES_3);
	find(0x046A, 0x00A1, 0x0100);
	assert_int_equal(quirk.pin.modify_messages, PIN_MESSAGES_OWN_FOR_NONE);
	assert_int_equal(quirk.pin_max, 32);
	find(0x076B, 0x3821, 0);
	assert_int_equal(quirk.pin_min, 1);
	assert_int_equal(quirk.pin_max, 31);
}

static bool allows(const char *bytes, size_t size)
{
	return quirk_allows(&quirk, (const uint8_t *)bytes, size);
}

static void some_escape_commands_are_for_everybody(void **state)
{
	(void)state;
	find(0x076B, 0x5427, 0);
	assert_true(allows("", 0));
	assert_true(allows("\x01", 1));
	find(0x08E6, 0x3437, 0);
	assert_true(allows("\x02", 1));
	assert_false(allows("\x02\x00", 2));
	assert_false(allows("\x03", 1));
	assert_false(allows("", 0));
	find(0x08E6, 0x5503, 0);
	assert_true(allows("\x02", 1));
	assert_true(allows("\x52\xF8\x04\x01\x00\x05", 6));
	assert_false(allows("\x52\xF8\x04\x01\x00", 5));
	assert_false(allows("\x52\xF8\x04\x01\x01\x05", 6));
	assert_false(allows("\x52\xF8\x04\x01", 4));
	find(0x0982, 0x0008, 0);
	assert_true(allows("\xB5\x01\x00\x03\x00", 5));
	assert_false(allows("\xB5\x00", 2));
	find(0x04E6, 0x5116, 0);
	assert_false(allows("\x02", 1));
	assert_false(allows("", 0));
}

static void slots_of_several_kinds_have_features_of_their_own(void **state)
{
	(void)state;
	desc = (struct desc){ .features = 1, .level = DESC_LEVEL_TPDU };
	find(0x072F, 0x2224, 0);
	quirk_fit_slot(&quirk, 0, &desc);
	assert_int_equal(desc.features, 0x000204BA);
	assert_int_equal(desc.level, DESC_LEVEL_SHORT_APDU);
	quirk_fit_slot(&quirk, 1, &desc);
	assert_int_equal(desc.features, 0x0004047A);
	assert_int_equal(desc.level, DESC_LEVEL_EXTENDED_APDU);
	assert_int_equal(quirk.rate_cap, 125000);
	assert_int_equal(quirk.cap_slot, 2);
	find(0x072F, 0x2100, 0);
	quirk_fit_slot(&quirk, 1, &desc);
	assert_int_equal(desc.features, 0x0002047A);
	assert_int_equal(desc.level, DESC_LEVEL_SHORT_APDU);
	quirk.level = DESC_LEVEL_TPDU + 1;	/* an administrator's */
	desc.level = DESC_LEVEL_TPDU;
	quirk_fit_slot(&quirk, 0, &desc);
	assert_int_equal(desc.level, DESC_LEVEL_TPDU);
	find(0x04E6, 0x5116, 0);
	desc.features = 1;
	quirk_fit_slot(&quirk, 1, &desc);
	assert_int_equal(desc.features, 1);
}

static void a_card_that_needs_more_time_gets_it(void **state)
{
	uint8_t atr[] = {
		0x3B, 0xFA, 0x13, 0x00, 0xFF, 0x81, 0x31, 0x80, 0x45, 0x00,
		0x31, 0xC1, 0x73, 0xC0, 0x01, 0x00, 0x00, 0x90, 0x00, 0xB1,
	};

	(void)state;
	assert_int_equal(quirk_bwi(atr, sizeof(atr)), 7);
	assert_int_equal(quirk_bwi(atr, sizeof(atr) - 1), 0);
	assert_int_equal(quirk_bwi(atr, 0), 0);
	atr[19] ^= 1;
	assert_int_equal(quirk_bwi(atr, sizeof(atr)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, start_afresh)
		TEST(most_readers_have_none),
		TEST(pin_pads_that_are_none_or_tell_the_pin_are_hidden),
		TEST(levels_that_are_told_wrongly_are_mended),
		TEST(slots_are_counted_as_there_are),
		TEST(a_display_is_told_where_there_is_one),
		TEST(blocks_have_the_length_that_the_reader_bears),
		TEST(speeds_have_a_cap_where_more_fails),
		TEST(firmware_is_bad_below_a_version),
		TEST(pin_pads_get_what_they_take),
		TEST(some_escape_commands_are_for_everybody),
		TEST(slots_of_several_kinds_have_features_of_their_own),
		TEST(a_card_that_needs_more_time_gets_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
