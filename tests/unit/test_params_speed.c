/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The speed that reader and card agree on, its times, and slower ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "one_card.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

static void the_best_speed_that_both_have_is_chosen(void **state)
{
	static const struct {
		uint32_t clock, max_rate;
		uint8_t ta1, fidi;
	} rows[] = {
		{ 4000, 344086, 0x11, 0x11 },
		{ 4000, 344086, 0x01, 0x11 },	/* the same speed */
		{ 4000, 344086, 0x94, 0x94 },	/* 62500 */
		{ 4000, 344086, 0x95, 0x95 },	/* 125000 */
		{ 4000, 344086, 0x96, 0x96 },	/* 250000 */
		{ 4000, 344086, 0x97, 0x96 },	/* 500000 is too much */
		{ 4000, 344086, 0x16, 0x16 },	/* 344086, just so */
		{ 4000, 344085, 0x16, 0x16 },	/* rounded by the reader */
		{ 4000, 340000, 0x16, 0x15 },	/* 172043 */
		{ 4000, 172000, 0x16, 0x15 },
		{ 4000, 130000, 0x16, 0x14 },	/* 129032 with D 12 */
		{ 4000, 344086, 0x18, 0x18 },	/* D 12 of the card's own */
		{ 4000, 129000, 0x19, 0x14 },
		{ 4000, 62500, 0x97, 0x94 },
		{ 4000, 62376, 0x97, 0x94 },	/* rounded by 0.2 % */
		{ 4000, 62375, 0x97, 0x93 },
		{ 4000, 61000, 0x97, 0x93 },
		{ 4000, 15000, 0x97, 0x11 },	/* nothing between */
		{ 4000, 22000, 0xD7, 0xD4 },	/* 2048/8: 15625 */
		{ 4000, 10752, 0x97, 0x11 },
		{ 4000, 9600, 0x97, 0x11 },
		{ 4000, 0, 0x97, 0x11 },	/* untold */
		{ 4000, 344086, 0xD1, 0x11 },	/* slower than default */
		{ 4000, 344086, 0xD3, 0x11 },	/* 7812 */
		{ 4000, 344086, 0xD4, 0xD4 },
		{ 12000, 344086, 0x96, 0x94 },	/* 375000 with D 16 */
		{ 20000, 4000000, 0x97, 0x97 },	/* 2500000 */
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		desc.default_clock = rows[i].clock;
		desc.max_rate = rows[i].max_rate;
		insert(BYTES(0x3B, 0x10, rows[i].ta1));
		decide(T0);
		assert_int_equal(params.fidi, rows[i].fidi);
		assert_int_equal(params.set_bytes[0], rows[i].fidi);
		assert_int_equal(params.pps, rows[i].fidi != 0x11);
	}
}

static void a_list_of_rates_says_what_the_reader_does(void **state)
{
	static const uint32_t rates[] = {
		10753, 0, 21505, 43011, 125000, 86022, 172043, 344086,
	};

	(void)state;
	reader.rates = rates;
	reader.rate_count = ROWS(rates);
	desc.max_rate = 9600;		/* the list counts */
	insert(BYTES(0x3B, 0x10, 0x95));
	decide(T0);
	assert_int_equal(params.fidi, 0x95);	/* 125000 */
	insert(BYTES(0x3B, 0x10, 0x16));
	decide(T0);
	assert_int_equal(params.fidi, 0x16);
	insert(BYTES(0x3B, 0x10, 0x96));	/* 250000: D 32 is not there */
	decide(T0);
	assert_int_equal(params.fidi, 0x95);
}

static void another_f_is_tried_if_the_cards_own_gives_nothing(void **state)
{
	static const uint32_t rates[] = { 10752, 21505, 43010, 172043, 344086 };

	(void)state;
	reader.rates = rates;
	reader.rate_count = ROWS(rates);
	insert(BYTES(0x3B, 0x10, 0x96));	/* 250000 */
	decide(T0);
	assert_int_equal(params.fidi, 0x15);	/* 372/16: 172043 */
	insert(BYTES(0x3B, 0x10, 0x94));	/* 62500 */
	decide(T0);
	assert_int_equal(params.fidi, 0x13);	/* 372/4: 43010 */
	reader.rate_count = 1;
	decide(T0);
	assert_int_equal(params.fidi, 0x11);
}

static void a_list_of_zeros_is_no_list(void **state)
{
	static const uint32_t zeros[4] = { 0 };

	(void)state;
	reader.rates = zeros;
	reader.rate_count = 4;
	insert(BYTES(0x3B, 0x10, 0x95));
	decide(T0);
	assert_int_equal(params.fidi, 0x95);
}

static void a_cap_on_the_rate_holds_with_and_without_a_list(void **state)
{
	static const uint32_t rates[] = { 125000, 250000 };

	(void)state;
	reader.rate_cap = 200000;
	insert(BYTES(0x3B, 0x10, 0x96));
	decide(T0);
	assert_int_equal(params.fidi, 0x95);
	reader.rates = rates;
	reader.rate_count = 2;
	decide(T0);
	assert_int_equal(params.fidi, 0x95);
	reader.rate_cap = 9600;
	decide(T0);
	assert_int_equal(params.fidi, 0x11);
}

static void a_clock_that_cannot_be_is_not_reckoned_with(void **state)
{
	static const uint32_t clocks[] = { 6000, 8000, 5000, 999, 480000, 0 };
	static const struct {
		uint32_t clock, rate;
		size_t count;
		uint32_t features, lowest;
		uint8_t fidi;
	} rows[] = {
		{ 4000, 10752, 0, 0, 4000, 0x94 },
		{ 1000, 10752, 0, 0, 1000, 0x94 },
		{ 20000, 10752, 0, 0, 20000, 0x94 },
		{ 4000, 10752, 6, DESC_AUTO_CLOCK, 4000, 0x94 },
		{ 8000, 10752, 6, DESC_AUTO_CLOCK, 5000, 0x94 },
		{ 8000, 10752, 6, 0, 8000, 0x94 },
		{ 0, 10752, 6, 0, 5000, 0x94 },
		{ 999, 10752, 1, 0, 6000, 0x94 },
		{ 480000, 10752, 0, 0, 3999, 0x94 },	/* by the rate */
		{ 20001, 9600, 0, 0, 3571, 0x94 },
		{ 0, 0, 0, 0, 1000, 0x11 },		/* told nothing */
		{ 0, 1000, 0, 0, 1000, 0x11 },
		{ 0, 100000000, 0, 0, 1000, 0x11 },
	};

	(void)state;
	insert(BYTES(0x3B, 0x10, 0x94));
	reader.clocks = clocks;
	for (size_t i = 0; i < ROWS(rows); i++) {
		desc.default_clock = rows[i].clock;
		desc.default_rate = rows[i].rate;
		desc.features = rows[i].features;
		reader.clock_count = rows[i].count;
		assert_int_equal(params_clock(&reader), rows[i].lowest);
		decide(T0);
		assert_int_equal(params.times.clock, rows[i].lowest);
		assert_int_equal(params.fidi, rows[i].fidi);
	}
}

static void slowing_down_leaves_the_protocol_alone(void **state)
{
	(void)state;
	insert_t0_and_t1();
	decide(T1);
	assert_pps(BYTES(0xFF, 0x11, 0x95, 0x7B));
	assert_int_equal(params_slow_down(&params), 0);
	assert_pps(BYTES(0xFF, 0x01, 0xFE));
	assert_set(BYTES(0x11, 0x10, 0x00, 0x4D, 0x00, 0x20, 0x00));
	decide(T0);
	assert_int_equal(params_slow_down(&params), 0);
	assert_false(params.pps);
	assert_set(BYTES(0x11, 0x00, 0x00, 0x0A, 0x00));
}

static void nothing_is_slower_than_default_speed(void **state)
{
	(void)state;
	insert_t0_and_t1();
	decide(T1);
	assert_int_equal(params_slow_down(&params), 0);
	assert_int_equal(params_slow_down(&params), -ENOTSUP);
	insert_and_check(BYTES(0x3B, 0x80, 0x81, 0x00));
	decide(T0);
	assert_int_equal(params_slow_down(&params), -ENOTSUP);
	assert_pps(BYTES(0xFF, 0x00, 0xFF));
}

static void slowing_down_a_reader_that_does_pps_sends_none(void **state)
{
	(void)state;
	desc.features = DESC_AUTO_PPS;
	insert_t0_and_t1();
	decide(T1);
	assert_int_equal(params_slow_down(&params), 0);
	assert_false(params.pps);
	assert_int_equal(params.set_bytes[0], 0x11);
}

static void times_are_those_of_the_speed_that_the_host_sets(void **state)
{
	(void)state;
	insert(BYTES(0x3B, 0x10, 0x95));	/* 512/16 */
	decide(T0);
	assert_int_equal(params.times.f, 512);
	assert_int_equal(params.times.d, 16);
	assert_int_equal(params.times.wwt_ms, 1229);
	assert_int_equal(params_slow_down(&params), 0);
	assert_int_equal(params.times.f, 372);
	assert_int_equal(params.times.d, 1);
	assert_int_equal(params.times.wwt_ms, 893);
}

static void times_are_the_longer_ones_if_the_reader_sets_the_speed(void **state)
{
	static const uint32_t features[] = {
		DESC_AUTO_NEGOTIATION, DESC_AUTO_PPS,
	};

	(void)state;
	insert(BYTES(0x3B, 0x10, 0xD7));	/* 2048/64 */
	for (size_t i = 0; i < ROWS(features); i++) {
		desc.features = features[i];
		decide(T0);
		assert_int_equal(params.times.f, 2048);
		assert_int_equal(params.times.d, 1);
	}
}

static void specific_mode_has_the_times_of_ta1(void **state)
{
	(void)state;
	desc.features = DESC_AUTO_NEGOTIATION;
	insert(BYTES(0x3B, 0x90, 0x96, 0x10, 0x80));	/* TA2 80 */
	assert_true(atr.specific);
	decide(T0);
	assert_int_equal(params.times.f, 512);
	assert_int_equal(params.times.d, 32);
	insert(BYTES(0x3B, 0x90, 0x96, 0x10, 0x90));	/* implicit */
	decide(T0);
	assert_int_equal(params.times.f, 512);
	assert_int_equal(params.times.d, 1);
}

#define test(name)	cmocka_unit_test_setup(name, start_afresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_best_speed_that_both_have_is_chosen),
		test(a_list_of_rates_says_what_the_reader_does),
		test(another_f_is_tried_if_the_cards_own_gives_nothing),
		test(a_list_of_zeros_is_no_list),
		test(a_cap_on_the_rate_holds_with_and_without_a_list),
		test(a_clock_that_cannot_be_is_not_reckoned_with),
		test(slowing_down_leaves_the_protocol_alone),
		test(nothing_is_slower_than_default_speed),
		test(slowing_down_a_reader_that_does_pps_sends_none),
		test(times_are_those_of_the_speed_that_the_host_sets),
		test(times_are_the_longer_ones_if_the_reader_sets_the_speed),
		test(specific_mode_has_the_times_of_ta1),
	};

	return cmocka_run_group_tests_name("params_speed", tests, NULL, NULL);
}
