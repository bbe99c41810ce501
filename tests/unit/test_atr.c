/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "atr.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define BYTES(...)	(const uint8_t[]){ __VA_ARGS__ }, \
			sizeof((const uint8_t[]){ __VA_ARGS__ })

static struct atr atr;

/* In memory of exactly that size, so that a sanitizer sees each byte beyond. */
static int parse_exactly(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	r = atr_parse(copy, size, &atr);
	if (r == 0)
		atr.historical = bytes + (atr.historical - copy);
	free(copy);
	return r;
}

static void parse(const uint8_t *bytes, size_t size)
{
	memset(&atr, 0x5A, sizeof(atr));
	assert_int_equal(parse_exactly(bytes, size), 0);
}

static void parse_whole(const uint8_t *bytes, size_t size)
{
	parse(bytes, size);
	assert_int_equal(atr.flags, 0);
}

static void assert_protocols(const char *wanted)
{
	char told[ATR_PROTOCOLS_MAX + 1] = "";

	for (size_t i = 0; i < atr.protocol_count; i++)
		told[i] = "0123456789ABCDEF"[atr.protocols[i]];
	assert_string_equal(told, wanted);
}

static void the_shortest_atr_means_all_defaults(void **state)
{
	(void)state;
	parse_whole(BYTES(0x3B, 0x00));
	assert_false(atr.inverse);
	assert_protocols("0");
	assert_false(atr.specific);
	assert_int_equal(atr.fidi, 0x11);
	assert_int_equal(atr.guard_time, 0);
	assert_int_equal(atr.wi, 10);
	assert_int_equal(atr.ifsc, 32);
	assert_int_equal(atr.bwi, 4);
	assert_int_equal(atr.cwi, 13);
	assert_false(atr.crc);
	assert_int_equal(atr.clock_stop, 0);
	assert_int_equal(atr.classes, 0);
	assert_false(atr.tck);
	assert_int_equal(atr.historical_size, 0);
}

static void fewer_than_two_bytes_are_no_atr(void **state)
{
	struct atr before;

	(void)state;
	memset(&atr, 0x5A, sizeof(atr));
	before = atr;
	assert_int_equal(parse_exactly(BYTES(0x3B)), -EINVAL);
	assert_int_equal(atr_parse(NULL, 0, &atr), -EINVAL);
	assert_memory_equal(&atr, &before, sizeof(atr));
}

static void ts_tells_the_convention(void **state)
{
	(void)state;
	parse_whole(BYTES(0x3F, 0x00));
	assert_true(atr.inverse);
	for (unsigned ts = 0; ts < 256; ts++) {
		parse(BYTES((uint8_t)ts, 0x00));
		assert_int_equal(atr.flags, ts == 0x3B || ts == 0x3F ?
				 0 : ATR_BAD_TS);
	}
}

static void historical_bytes_are_a_view_into_the_input(void **state)
{
	static const uint8_t bytes[] = { 0x3B, 0x05, 1, 2, 3, 4, 5 };
	static const uint8_t behind[] = { 0x3B, 0x12, 0x11, 1, 2 };

	(void)state;
	parse_whole(bytes, sizeof(bytes));
	assert_ptr_equal(atr.historical, bytes + 2);
	assert_int_equal(atr.historical_size, 5);
	parse_whole(behind, sizeof(behind));
	assert_ptr_equal(atr.historical, behind + 3);
	assert_int_equal(atr.historical_size, 2);
}

static void each_interface_byte_of_the_first_level_is_found(void **state)
{
	(void)state;
	parse_whole(BYTES(0x3B, 0x10, 0x96));
	assert_int_equal(atr.fidi, 0x96);
	parse_whole(BYTES(0x3B, 0x20, 0x96));
	assert_int_equal(atr.fidi, 0x11);
	parse_whole(BYTES(0x3B, 0x40, 0xFF));
	assert_int_equal(atr.guard_time, 0xFF);
	parse_whole(BYTES(0x3B, 0x70, 0x95, 0x25, 0x02));
	assert_int_equal(atr.fidi, 0x95);
	assert_int_equal(atr.guard_time, 2);
	parse_whole(BYTES(0x3B, 0x80, 0x00));
	assert_protocols("0");
}

static void f_and_d_are_those_of_the_tables(void **state)
{
	static const uint16_t f[16] = {
		372, 372, 558, 744, 1116, 1488, 1860, 0,
		0, 512, 768, 1024, 1536, 2048, 0, 0,
	};
	static const uint8_t d[16] = {
		0, 1, 2, 4, 8, 16, 32, 64, 12, 20, 0, 0, 0, 0, 0, 0,
	};

	(void)state;
	for (unsigned ta1 = 0; ta1 < 256; ta1++) {
		assert_int_equal(atr_f((uint8_t)ta1), f[ta1 >> 4]);
		assert_int_equal(atr_d((uint8_t)ta1), d[ta1 & 15]);
	}
}

static void a_reserved_f_or_d_counts_as_the_default(void **state)
{
	(void)state;
	for (unsigned ta1 = 0; ta1 < 256; ta1++) {
		uint8_t value = (uint8_t)ta1;
		bool legal = atr_f(value) && atr_d(value);

		parse(BYTES(0x3B, 0x10, value));
		assert_int_equal(atr.fidi, legal ? value : 0x11);
		assert_int_equal(atr.flags, legal ? 0 : ATR_RESERVED);
	}
}

static void ta2_tells_the_specific_mode(void **state)
{
	static const struct {
		uint8_t ta2, protocol;
		bool changeable, implicit;
	} rows[] = {
		{ 0x00, 0, true, false }, { 0x01, 1, true, false },
		{ 0x80, 0, false, false }, { 0x91, 1, false, true },
		{ 0x11, 1, true, true }, { 0x8F, 15, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		parse_whole(BYTES(0x3B, 0x80, 0x10, rows[i].ta2));
		assert_true(atr.specific);
		assert_int_equal(atr.specific_protocol, rows[i].protocol);
		assert_int_equal(atr.changeable, rows[i].changeable);
		assert_int_equal(atr.implicit, rows[i].implicit);
	}
}

static void tc2_tells_wi_and_zero_is_reserved(void **state)
{
	(void)state;
	parse_whole(BYTES(0x3B, 0x80, 0x40, 0xFF));
	assert_int_equal(atr.wi, 255);
	parse(BYTES(0x3B, 0x80, 0x40, 0x00));
	assert_int_equal(atr.wi, 10);
	assert_int_equal(atr.flags, ATR_RESERVED);
}

/* 3B 80 81 x1 ...: T=1 twice, then the bytes of T=1 and a right TCK. */
static void parse_t1(uint8_t y, const uint8_t *values, size_t size)
{
	uint8_t bytes[16] = { 0x3B, 0x80, 0x81, (uint8_t)(y | 1) };
	uint8_t sum = 0x80 ^ 0x81 ^ bytes[3];

	memcpy(bytes + 4, values, size);
	for (size_t i = 0; i < size; i++)
		sum ^= values[i];
	bytes[4 + size] = sum;
	parse(bytes, 5 + size);
	assert_true(atr.tck);
	assert_protocols("1");
}

static void the_first_ta_after_t1_tells_ifsc(void **state)
{
	(void)state;
	for (unsigned value = 0; value < 256; value++) {
		bool legal = value != 0 && value != 255;

		parse_t1(0x10, BYTES((uint8_t)value));
		assert_int_equal(atr.ifsc, legal ? value : 32);
		assert_int_equal(atr.flags, legal ? 0 : ATR_RESERVED);
	}
}

static void the_first_tb_after_t1_tells_bwi_and_cwi(void **state)
{
	(void)state;
	for (unsigned value = 0; value < 256; value++) {
		bool legal = value >> 4 <= 9;

		parse_t1(0x20, BYTES((uint8_t)value));
		assert_int_equal(atr.bwi, legal ? value >> 4 : 4);
		assert_int_equal(atr.cwi, value & 15);
		assert_int_equal(atr.flags, legal ? 0 : ATR_RESERVED);
	}
}

static void the_first_tc_after_t1_tells_lrc_or_crc(void **state)
{
	(void)state;
	parse_t1(0x40, BYTES(0x00));
	assert_false(atr.crc);
	assert_int_equal(atr.flags, 0);
	parse_t1(0x40, BYTES(0x01));
	assert_true(atr.crc);
	assert_int_equal(atr.flags, 0);
	parse_t1(0x40, BYTES(0x03));
	assert_true(atr.crc);
	assert_int_equal(atr.flags, ATR_RESERVED);
}

static void the_bytes_of_t1_on_the_second_level_are_others(void **state)
{
	(void)state;
	/* TA2, TB2, TC2 although T=1 stands before them */
	parse_whole(BYTES(0x3B, 0x80, 0x71, 0x01, 0x20, 0x55, 0x85));
	assert_int_equal(atr.ifsc, 32);
	assert_int_equal(atr.bwi, 4);
	assert_false(atr.crc);
	assert_true(atr.specific);
	assert_int_equal(atr.wi, 0x55);
}

static void only_the_first_bytes_after_t1_count(void **state)
{
	(void)state;
	parse_whole(BYTES(0x3B, 0x80, 0x81, 0xF1, 0x40, 0x30, 0x01, 0x71, 0x50,
			  0x60, 0x00, 0xC0));
	assert_int_equal(atr.ifsc, 0x40);
	assert_int_equal(atr.bwi, 3);
	assert_int_equal(atr.cwi, 0);
	assert_true(atr.crc);
}

static void the_bytes_of_unknown_protocols_are_stepped_over(void **state)
{
	(void)state;
	parse_whole(BYTES(0x3B, 0x80, 0x81, 0xFE, 0xAA, 0xBB, 0xCC, 0x0E,
			  0x2C));
	assert_protocols("1E");
	assert_int_equal(atr.ifsc, 32);
}

static void the_first_ta_after_t15_tells_clock_stop_and_classes(void **state)
{
	(void)state;
	for (unsigned value = 0; value < 256; value++) {
		uint8_t sum = (uint8_t)(0x80 ^ 0x80 ^ 0x1F ^ value);

		parse_whole(BYTES(0x3B, 0x80, 0x80, 0x1F, (uint8_t)value,
				  sum));
		assert_int_equal(atr.clock_stop, value >> 6);
		assert_int_equal(atr.classes, value & 7);
		assert_protocols("0");
	}
}

static void protocols_are_told_in_the_cards_order_and_once(void **state)
{
	(void)state;
	parse_whole(BYTES(0x3B, 0x80, 0x80, 0x01, 0x01));
	assert_protocols("01");
	assert_true(atr_offers(&atr, 0));
	assert_true(atr_offers(&atr, 1));
	assert_false(atr_offers(&atr, 2));
	parse_whole(BYTES(0x3B, 0x80, 0x81, 0x81, 0x81, 0x01, 0x00));
	assert_protocols("1");
	assert_false(atr_offers(&atr, 0));
	parse_whole(BYTES(0x3B, 0x80, 0x0E, 0x8E));
	assert_protocols("E");
}

static void t15_comes_never_first_and_t_never_falls(void **state)
{
	(void)state;
	parse(BYTES(0x3B, 0x80, 0x0F, 0x8F));
	assert_protocols("0");
	assert_int_equal(atr.flags, ATR_BAD_ORDER);
	parse(BYTES(0x3B, 0x80, 0x81, 0x00, 0x01));
	assert_protocols("10");
	assert_int_equal(atr.flags, ATR_BAD_ORDER);
}

static void tck_is_due_if_another_protocol_than_t0_is_named(void **state)
{
	(void)state;
	parse_whole(BYTES(0x3B, 0x80, 0x00));
	assert_false(atr.tck);
	parse_whole(BYTES(0x3B, 0x80, 0x01, 0x81));
	assert_true(atr.tck);
	parse_whole(BYTES(0x3B, 0x80, 0x80, 0x0F, 0x0F));
	assert_true(atr.tck);
}

static void a_missing_tck_and_a_wrong_one_are_told_apart(void **state)
{
	(void)state;
	parse(BYTES(0x3B, 0x80, 0x01));
	assert_int_equal(atr.flags, ATR_NO_TCK);
	assert_false(atr.tck);
	for (unsigned tck = 0; tck < 256; tck++) {
		parse(BYTES(0x3B, 0x80, 0x01, (uint8_t)tck));
		assert_true(atr.tck);
		assert_int_equal(atr.flags, tck == 0x81 ? 0 : ATR_BAD_TCK);
	}
}

static void bytes_behind_the_end_are_told(void **state)
{
	(void)state;
	parse(BYTES(0x3B, 0x00, 0x00));
	assert_int_equal(atr.flags, ATR_SURPLUS);
	parse(BYTES(0x3B, 0x80, 0x01, 0x81, 0x90));
	assert_int_equal(atr.flags, ATR_SURPLUS);
}

static void an_atr_cut_anywhere_is_walked_to_its_end(void **state)
{
	/* TA1 TC1 TD1, TC2 TD2, TA3 TB3 TC3 TD3, TA4, 3 historical, TCK */
	static const uint8_t bytes[] = {
		0x3B, 0xD3, 0x96, 0x02, 0xC0, 0x20, 0xF1, 0x80, 0x55, 0x01,
		0x1F, 0xC3, 0x11, 0x22, 0x33, 0x5E,
	};

	(void)state;
	parse_whole(bytes, sizeof(bytes));
	assert_int_equal(atr.fidi, 0x96);
	assert_int_equal(atr.wi, 0x20);
	assert_int_equal(atr.ifsc, 0x80);
	assert_int_equal(atr.classes, 3);
	assert_int_equal(atr.clock_stop, 3);
	assert_protocols("01");
	for (size_t size = 2; size < 12; size++) {
		parse(bytes, size);
		assert_true(atr.flags & ATR_CUT_INTERFACE);
		assert_true(atr.flags & ATR_CUT_HISTORICAL);
		assert_int_equal(atr.historical_size, 0);
		assert_false(atr.tck);
	}
	for (size_t size = 12; size < 15; size++) {
		parse(bytes, size);
		assert_int_equal(atr.flags, ATR_CUT_HISTORICAL);
		assert_int_equal(atr.historical_size, size - 12);
		assert_int_equal(atr.classes, 3);
	}
	parse(bytes, 15);
	assert_int_equal(atr.flags, ATR_NO_TCK);
}

static void a_run_of_td_bytes_ends_with_the_bytes(void **state)
{
	uint8_t bytes[ATR_MAX] = { 0x3B, 0x80 };

	(void)state;
	for (unsigned t = 0; t < 16; t++) {
		memset(bytes + 2, (int)(0x80 | t), sizeof(bytes) - 2);
		parse(bytes, sizeof(bytes));
		assert_true(atr.flags & ATR_CUT_INTERFACE);
		assert_int_equal(atr.protocol_count, 1);
	}
	for (size_t i = 2; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(0x80 | (i - 2) % 16);
	parse(bytes, sizeof(bytes));
	assert_protocols("0123456789ABCDE");
}

static void no_byte_behind_the_thirty_third_is_read(void **state)
{
	uint8_t bytes[ATR_MAX + 8];

	(void)state;
	/* 17 bytes with TD1..TD15 of T=1, 15 historical ones, TCK: 33 */
	memset(bytes, 0x81, sizeof(bytes));
	bytes[0] = 0x3B;
	bytes[1] = 0x8F;
	bytes[16] = 0x01;
	bytes[32] = 0x8F;
	parse(bytes, ATR_MAX);
	assert_int_equal(atr.flags & ~ATR_BAD_TCK, 0);
	bytes[16] = 0x11;	/* one byte more than 33 */
	for (size_t size = ATR_MAX; size <= sizeof(bytes); size++) {
		parse(bytes, size);
		assert_int_equal(atr.flags, ATR_NO_TCK |
				 (size > ATR_MAX ? ATR_TOO_LONG : 0));
	}
}

static void atrs_of_real_cards_are_understood(void **state)
{
	(void)state;
	/* an OpenPGP card */
	parse_whole(BYTES(0x3B, 0xDA, 0x18, 0xFF, 0x81, 0xB1, 0xFE, 0x75, 0x1F,
			  0x03, 0x00, 0x31, 0xC5, 0x73, 0xC0, 0x01, 0x40, 0x00,
			  0x90, 0x00, 0x0C));
	assert_protocols("1");
	assert_int_equal(atr.fidi, 0x18);
	assert_int_equal(atr.guard_time, 255);
	assert_int_equal(atr.ifsc, 254);
	assert_int_equal(atr.bwi, 7);
	assert_int_equal(atr.cwi, 5);
	assert_int_equal(atr.classes, 3);
	assert_int_equal(atr.historical_size, 10);
	/* a SIM, specific mode at the speed of TA1 */
	parse_whole(BYTES(0x3B, 0x9F, 0x95, 0x80, 0x1F, 0xC3, 0x80, 0x31, 0xE0,
			  0x73, 0xFE, 0x21, 0x1B, 0x64, 0x07, 0x68, 0x9A, 0x00,
			  0x82, 0x90, 0x00, 0x33));
	assert_protocols("0");
	assert_int_equal(atr.fidi, 0x95);
	assert_int_equal(atr.clock_stop, 3);
	/* what contactless readers make up */
	parse_whole(BYTES(0x3B, 0x89, 0x80, 0x01, 0x4A, 0x43, 0x4F, 0x50, 0x32,
			  0x34, 0x32, 0x52, 0x32, 0x4A));
	assert_protocols("01");
	assert_int_equal(atr.historical_size, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shortest_atr_means_all_defaults),
		cmocka_unit_test(fewer_than_two_bytes_are_no_atr),
		cmocka_unit_test(ts_tells_the_convention),
		cmocka_unit_test(historical_bytes_are_a_view_into_the_input),
		cmocka_unit_test(
			each_interface_byte_of_the_first_level_is_found),
		cmocka_unit_test(f_and_d_are_those_of_the_tables),
		cmocka_unit_test(a_reserved_f_or_d_counts_as_the_default),
		cmocka_unit_test(ta2_tells_the_specific_mode),
		cmocka_unit_test(tc2_tells_wi_and_zero_is_reserved),
		cmocka_unit_test(the_first_ta_after_t1_tells_ifsc),
		cmocka_unit_test(the_first_tb_after_t1_tells_bwi_and_cwi),
		cmocka_unit_test(the_first_tc_after_t1_tells_lrc_or_crc),
		cmocka_unit_test(
			the_bytes_of_t1_on_the_second_level_are_others),
		cmocka_unit_test(only_the_first_bytes_after_t1_count),
		cmocka_unit_test(
			the_bytes_of_unknown_protocols_are_stepped_over),
		cmocka_unit_test(
			the_first_ta_after_t15_tells_clock_stop_and_classes),
		cmocka_unit_test(
			protocols_are_told_in_the_cards_order_and_once),
		cmocka_unit_test(t15_comes_never_first_and_t_never_falls),
		cmocka_unit_test(
			tck_is_due_if_another_protocol_than_t0_is_named),
		cmocka_unit_test(a_missing_tck_and_a_wrong_one_are_told_apart),
		cmocka_unit_test(bytes_behind_the_end_are_told),
		cmocka_unit_test(an_atr_cut_anywhere_is_walked_to_its_end),
		cmocka_unit_test(a_run_of_td_bytes_ends_with_the_bytes),
		cmocka_unit_test(no_byte_behind_the_thirty_third_is_read),
		cmocka_unit_test(atrs_of_real_cards_are_understood),
	};

	return cmocka_run_group_tests_name("atr", tests, NULL, NULL);
}
