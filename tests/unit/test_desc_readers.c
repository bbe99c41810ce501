/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Combinations that class descriptors of real readers have. Each is one that a
 * strict reading of CCID 1.1 would refuse or stumble over, or a common one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "bytes.h"
#include "desc.h"

struct row {
	const char *what;
	uint8_t class;
	uint16_t version;
	uint8_t max_slot, voltages;
	uint32_t protocols, clock, max_clock, rate, max_rate, ifsd, features,
		message;
	uint8_t busy;

	/* what comes of it */
	enum desc_level level;
	uint8_t slots, busy_slots, max_ifsd;
	uint32_t max_message;
};

#define SHORT	DESC_LEVEL_SHORT_APDU
#define LONG	DESC_LEVEL_EXTENDED_APDU
#define TPDU	DESC_LEVEL_TPDU
#define BYTES	DESC_LEVEL_CHARACTER

static const struct row rows[] = {
	{ "a plain TPDU reader", 0x0B, 0x0100, 0, 7, 3, 4000, 4000, 10752,
	  344086, 254, 0x000100BA, 271, 1, TPDU, 1, 1, 254, 271 },
	{ "the host negotiates", 0x0B, 0x0110, 0, 7, 3, 4000, 12000, 10753,
	  344086, 252, 0x00010030, 271, 1, TPDU, 1, 1, 252, 271 },
	{ "characters", 0x0B, 0x0100, 0, 1, 3, 3580, 3580, 9600, 115200, 254,
	  0x00000032, 271, 1, BYTES, 1, 1, 254, 271 },
	{ "short APDUs, 270 bytes", 0x0B, 0x0100, 0, 3, 3, 4800, 8000, 12903,
	  412903, 254, 0x000204BA, 270, 1, SHORT, 1, 1, 254, 270 },
	{ "short APDUs, 263 bytes", 0x0B, 0x0100, 0, 1, 3, 3700, 12000, 9946,
	  318280, 254, 0x00020072, 263, 1, SHORT, 1, 1, 254, 271 },
	{ "extended APDUs in short messages", 0x0B, 0x0110, 0, 7, 3, 4000, 4000,
	  10752, 825806, 2048, 0x000404BE, 271, 1, LONG, 1, 1, 254, 271 },
	{ "extended APDUs, 2048 bytes and odd", 0x0B, 0x0110, 0, 2, 2, 13560,
	  13560, 105938, 847500, 254, 0x00040840, 3072, 1, LONG, 1, 1, 254,
	  3072 },
	{ "the longest message", 0x0B, 0x0110, 0, 1, 3, 3571, 3571, 9600, 9600,
	  254, 0x000404B2, 65556, 1, LONG, 1, 1, 254, 65554 },
	{ "a token", 0x0B, 0x0110, 0, 1, 3, 3571, 3571, 9600, 9600, 254,
	  0x00020840, 271, 1, SHORT, 1, 1, 254, 271 },
	{ "a token of characters", 0x0B, 0x0110, 0, 1, 1, 3571, 3571, 9600,
	  9600, 254, 0x00000840, 271, 1, BYTES, 1, 1, 254, 271 },
	{ "contactless, no voltages, no IFSD", 0x0B, 0x0110, 0, 0, 2, 13560,
	  13560, 106000, 848000, 0, 0x000204BA, 271, 0, SHORT, 1, 1, 32, 271 },
	{ "no clocks or rates at all", 0x0B, 0x0110, 0, 0, 2, 0, 0, 0, 0, 0,
	  0x00040840, 1034, 1, LONG, 1, 1, 32, 1034 },
	{ "two slots, one at a time", 0x0B, 0x0100, 1, 7, 3, 4000, 4000, 10752,
	  344086, 254, 0x000100BA, 271, 1, TPDU, 2, 1, 254, 271 },
	{ "five slots, all at a time", 0x0B, 0x0110, 4, 7, 3, 4800, 4800, 12903,
	  825806, 254, 0x000304BA, 65544, 5, SHORT, 5, 5, 254, 65544 },
	{ "more at a time than there are", 0x0B, 0x0110, 0, 7, 3, 4000, 4000,
	  10752, 344086, 254, 0x00010030, 271, 2, TPDU, 1, 1, 254, 271 },
	{ "a vendor's class", 0xFF, 0x0100, 0, 1, 3, 4000, 4000, 10752, 115200,
	  254, 0x00010230, 271, 1, TPDU, 1, 1, 254, 271 },
	{ "a version not written yet", 0x0B, 0x1001, 0, 7, 3, 4000, 4000, 10752,
	  344086, 254, 0x000100BA, 271, 1, TPDU, 1, 1, 254, 271 },
	{ "a version by its bytes", 0x0B, 0x0101, 0, 7, 0x00010003, 4000, 4000,
	  10752, 344086, 512, 0x000101BA, 512, 1, TPDU, 1, 1, 254, 512 },
	{ "a maximum below its default", 0x0B, 0x0110, 0, 7, 3, 8000, 4000,
	  344086, 10752, 254, 0x000100BA, 271, 1, TPDU, 1, 1, 254, 271 },
	{ "every length as large as it gets", 0x0B, 0x0110, 0, 7, 3, 4000, 4000,
	  10752, 344086, 0xFFFFFFFF, 0x000404BA, 0xFFFFFFFF, 1, LONG, 1, 1, 254,
	  65554 },
	{ "messages of 64 bytes", 0x0B, 0x0100, 0, 7, 3, 4000, 4000, 10752,
	  344086, 32, 0x000100BA, 64, 1, TPDU, 1, 1, 32, 64 },
};

static void put(const struct row *row, uint8_t raw[DESC_SIZE])
{
	memset(raw, 0, DESC_SIZE);
	raw[0] = DESC_SIZE;
	raw[1] = 0x21;
	put_le32(raw + 2, row->version);
	raw[4] = row->max_slot;
	raw[5] = row->voltages;
	put_le32(raw + 6, row->protocols);
	put_le32(raw + 10, row->clock);
	put_le32(raw + 14, row->max_clock);
	put_le32(raw + 19, row->rate);
	put_le32(raw + 23, row->max_rate);
	put_le32(raw + 28, row->ifsd);
	put_le32(raw + 40, row->features);
	put_le32(raw + 44, row->message);
	raw[53] = row->busy;
}

static void check(const struct row *row, const struct desc *desc)
{
	assert_int_equal(desc->version, row->version);
	assert_int_equal(desc->level, row->level);
	assert_int_equal(desc->slots, row->slots);
	assert_int_equal(desc->busy_slots, row->busy_slots);
	assert_int_equal(desc->max_ifsd, row->max_ifsd);
	assert_int_equal(desc->max_message, row->max_message);
	assert_int_equal(desc->voltages, row->voltages);
	assert_int_equal(desc->protocols, row->protocols & 3);
	assert_int_equal(desc->features, row->features);
	assert_int_equal(desc->default_clock, row->clock);
	assert_true(desc->max_clock >= desc->default_clock);
	assert_true(desc->max_rate >= desc->default_rate);
}

static void descriptors_as_readers_have_them_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t raw[DESC_SIZE];
		struct desc desc;

		print_message("# %s\n", rows[i].what);
		put(&rows[i], raw);
		assert_ptr_equal(desc_find(raw, sizeof(raw)), raw);
		assert_true(desc_is_reader(rows[i].class, raw));
		assert_int_equal(desc_parse(raw, sizeof(raw), &desc), 0);
		check(&rows[i], &desc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			descriptors_as_readers_have_them_are_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
