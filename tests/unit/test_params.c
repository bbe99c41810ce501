/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "params.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define BYTES(...)	(const uint8_t[]){ __VA_ARGS__ }, \
			sizeof((const uint8_t[]){ __VA_ARGS__ })
#define T0		0
#define T1		1

#define NOBODY_NEEDED	DESC_AUTO_NEGOTIATION

static struct desc desc;
static struct params_reader reader;
static struct atr atr;
static struct params params;

/* A reader of TPDU level at 4 MHz that does up to 344086 bit/s. */
static int start_afresh(void **state)
{
	(void)state;
	desc = (struct desc){
		.level = DESC_LEVEL_TPDU,
		.protocols = 3,
		.default_clock = 4000,
		.max_clock = 4000,
		.default_rate = 10752,
		.max_rate = 344086,
	};
	reader = (struct params_reader){ .desc = &desc };
	memset(&params, 0x5A, sizeof(params));
	return 0;
}

static void insert(const uint8_t *bytes, size_t size)
{
	assert_int_equal(atr_parse(bytes, size, &atr), 0);
}

/* With the TCK that belongs to it. */
static void insert_and_check(const uint8_t *bytes, size_t size)
{
	uint8_t whole[ATR_MAX];
	uint8_t sum = 0;

	memcpy(whole, bytes, size);
	for (size_t i = 1; i < size; i++)
		sum ^= bytes[i];
	whole[size] = sum;
	insert(whole, size + 1);
	assert_int_equal(atr.flags & ~(unsigned)ATR_BAD_ORDER, 0);
}

static void decide(uint8_t protocol)
{
	assert_int_equal(params_decide(&reader, &atr, protocol, &params), 0);
}

static void assert_refused(uint8_t protocol, int error)
{
	struct params before = params;

	assert_int_equal(params_decide(&reader, &atr, protocol, &params),
			 error);
	assert_memory_equal(&params, &before, sizeof(params));
}

static void assert_pps(const uint8_t *bytes, size_t size)
{
	assert_true(params.pps);
	assert_int_equal(params.pps_size, size);
	assert_memory_equal(params.pps_bytes, bytes, size);
}

static void assert_set(const uint8_t *bytes, size_t size)
{
	assert_true(params.set);
	assert_int_equal(params.set_size, size);
	assert_memory_equal(params.set_bytes, bytes, size);
}

/* Both offer 512/16. */
static void insert_t1(void)
{
	insert_and_check(BYTES(0x3B, 0x90, 0x95, 0x01));
}

static void insert_t0_and_t1(void)
{
	insert_and_check(BYTES(0x3B, 0x90, 0x95, 0x80, 0x01));
}

static void dwfeatures_tell_who_negotiates(void **state)
{
	static const struct {
		enum desc_level level;
		uint32_t features;
		bool pps, set;		/* first protocol, TA1 faster */
		bool pps_other, set_other;	/* another protocol */
		uint8_t fidi;
	} rows[] = {
		{ DESC_LEVEL_TPDU, 0, true, true, true, true, 0x95 },
		{ DESC_LEVEL_CHARACTER, 0, true, true, true, true, 0x95 },
		{ DESC_LEVEL_TPDU, DESC_AUTO_PARAMETERS,
		  true, true, true, true, 0x95 },
		{ DESC_LEVEL_TPDU, DESC_AUTO_PPS,
		  false, true, false, true, 0x95 },
		{ DESC_LEVEL_CHARACTER, DESC_AUTO_PPS,
		  false, true, false, true, 0x95 },
		{ DESC_LEVEL_SHORT_APDU, DESC_AUTO_PPS,
		  false, true, false, true, 0x95 },
		{ DESC_LEVEL_EXTENDED_APDU,
		  DESC_AUTO_PPS | DESC_AUTO_PARAMETERS,
		  false, true, false, true, 0x95 },
		{ DESC_LEVEL_TPDU, DESC_AUTO_NEGOTIATION,
		  false, false, false, false, 0x11 },
		{ DESC_LEVEL_EXTENDED_APDU, DESC_AUTO_NEGOTIATION,
		  false, false, false, false, 0x11 },
		{ DESC_LEVEL_TPDU, DESC_AUTO_NEGOTIATION | DESC_AUTO_PPS,
		  false, false, false, false, 0x11 },
		{ DESC_LEVEL_SHORT_APDU, 0, false, true, false, true, 0x11 },
		{ DESC_LEVEL_EXTENDED_APDU, DESC_AUTO_PARAMETERS,
		  false, false, false, true, 0x11 },
	};

	(void)state;
	insert_t0_and_t1();
	for (size_t i = 0; i < ROWS(rows); i++) {
		desc.level = rows[i].level;
		desc.features = rows[i].features;
		decide(T0);
		assert_int_equal(params.pps, rows[i].pps);
		assert_int_equal(params.set, rows[i].set);
		assert_int_equal(params.fidi, rows[i].fidi);
		decide(T1);
		assert_int_equal(params.pps, rows[i].pps_other);
		assert_int_equal(params.set, rows[i].set_other);
		assert_int_equal(params.refusable,
				 rows[i].level >= DESC_LEVEL_SHORT_APDU);
	}
}

static void no_pps_is_needed_for_the_first_protocol_at_default_speed(
	void **state)
{
	(void)state;
	insert(BYTES(0x3B, 0x00));
	decide(T0);
	assert_false(params.pps);
	assert_set(BYTES(0x11, 0x00, 0x00, 0x0A, 0x00));
	insert_and_check(BYTES(0x3B, 0x80, 0x01));
	decide(T1);
	assert_false(params.pps);
	assert_set(BYTES(0x11, 0x10, 0x00, 0x4D, 0x00, 0x20, 0x00));
}

static void another_protocol_or_speed_takes_a_pps(void **state)
{
	(void)state;
	insert_and_check(BYTES(0x3B, 0x80, 0x80, 0x01));
	decide(T0);
	assert_false(params.pps);
	decide(T1);
	assert_pps(BYTES(0xFF, 0x01, 0xFE));
	insert_and_check(BYTES(0x3B, 0x80, 0x81, 0x00));
	decide(T0);
	assert_pps(BYTES(0xFF, 0x00, 0xFF));
	insert_and_check(BYTES(0x3B, 0x90, 0x96, 0x01));
	decide(T1);
	assert_pps(BYTES(0xFF, 0x11, 0x96, 0x78));
	assert_int_equal(params.set_bytes[0], 0x96);
}

static void set_parameters_carry_what_the_atr_says(void **state)
{
	(void)state;
	desc.features = DESC_AUTO_PPS | DESC_CLOCK_STOP;
	/* inverse, TA1 95, N 5, TC2 20, T=15: clock stops high */
	insert_and_check(BYTES(0x3F, 0xD0, 0x95, 0x05, 0xC0, 0x20, 0x1F,
			       0x83));
	decide(T0);
	assert_set(BYTES(0x95, 0x02, 0x05, 0x20, 0x02));
	/* TA1 94, N FF, T=1: IFSC FE, BWI 7, CWI 5, CRC; T=15: either */
	insert_and_check(BYTES(0x3F, 0xD0, 0x94, 0xFF, 0x81, 0xF1, 0xFE, 0x75,
			       0x01, 0x1F, 0xC3));
	decide(T1);
	assert_set(BYTES(0x94, 0x13, 0xFF, 0x75, 0x03, 0xFE, 0x00));
	assert_true(params.crc);
	assert_int_equal(params.times.ifsc, 0xFE);
	desc.features = DESC_AUTO_PPS;
	decide(T1);
	assert_set(BYTES(0x94, 0x13, 0xFF, 0x75, 0x00, 0xFE, 0x00));
}

static void specific_mode_takes_no_pps_and_the_speed_of_ta1(void **state)
{
	(void)state;
	insert_and_check(BYTES(0x3B, 0x90, 0x96, 0x11, 0x81));
	assert_true(atr.specific);
	decide(T1);
	assert_false(params.pps);
	assert_true(params.specific);
	assert_set(BYTES(0x96, 0x10, 0x00, 0x4D, 0x00, 0x20, 0x00));
	desc.max_rate = 9600;	/* to try is all that is left */
	decide(T1);
	assert_int_equal(params.fidi, 0x96);
	assert_int_equal(params_slow_down(&params), -ENOTSUP);
}

static void specific_mode_refuses_the_other_protocol(void **state)
{
	(void)state;
	insert_and_check(BYTES(0x3B, 0x80, 0x90, 0x01, 0x01));
	assert_true(atr_offers(&atr, T0));
	assert_true(atr_offers(&atr, T1));
	decide(T1);
	assert_refused(T0, -EPROTONOSUPPORT);
	desc.features = NOBODY_NEEDED;
	assert_refused(T0, -EPROTONOSUPPORT);
}

static void implicit_parameters_are_refused_if_they_must_be_told(void **state)
{
	(void)state;
	insert(BYTES(0x3B, 0x80, 0x10, 0x10));
	assert_refused(T0, -EIO);
	desc.features = DESC_AUTO_PPS;
	assert_refused(T0, -EIO);
	desc.features = NOBODY_NEEDED;
	decide(T0);
	assert_false(params.set);
}

static void a_protocol_that_card_or_reader_lacks_is_refused(void **state)
{
	(void)state;
	insert(BYTES(0x3B, 0x00));
	assert_refused(T1, -EPROTONOSUPPORT);
	assert_refused(2, -EPROTONOSUPPORT);
	assert_refused(255, -EPROTONOSUPPORT);
	insert_t1();
	assert_refused(T0, -EPROTONOSUPPORT);
	desc.protocols = 1;
	assert_refused(T1, -EPROTONOSUPPORT);
	desc.protocols = 0;	/* untold */
	decide(T1);
	insert_and_check(BYTES(0x3B, 0x80, 0x0E));
	assert_refused(T0, -EPROTONOSUPPORT);
	assert_refused(14, -EPROTONOSUPPORT);
}

static void an_unreliable_atr_is_refused_if_parameters_must_be_told(
	void **state)
{
	static const struct {
		uint8_t bytes[4];
		size_t size;
	} rows[] = {
		{ { 0x3B, 0x80, 0x01, 0x80 }, 4 },	/* wrong TCK */
		{ { 0x3C, 0x80, 0x01, 0x81 }, 4 },	/* wrong TS */
		{ { 0x3B, 0x90, 0x95 }, 3 },		/* TD1 is missing */
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		insert(rows[i].bytes, rows[i].size);
		for (uint8_t protocol = 0; protocol < 2; protocol++) {
			desc.features = 0;
			assert_refused(protocol, -EPROTONOSUPPORT);
			desc.features = DESC_AUTO_PPS;
			assert_refused(protocol, -EPROTONOSUPPORT);
			desc.features = NOBODY_NEEDED;
			decide(protocol);
			assert_false(params.set);
		}
	}
}

static void odd_atrs_whose_parameters_are_all_there_are_taken(void **state)
{
	(void)state;
	insert(BYTES(0x3B, 0x80, 0x01));		/* no TCK */
	decide(T1);
	insert(BYTES(0x3B, 0x05, 0x01));		/* historical cut */
	decide(T0);
	insert(BYTES(0x3B, 0x00, 0x00, 0x00));		/* surplus */
	decide(T0);
	insert(BYTES(0x3B, 0x10, 0xFF));		/* reserved TA1 */
	decide(T0);
	assert_int_equal(params.fidi, 0x11);
}

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

static void a_reader_that_carries_no_pps_stays_as_the_card_began(void **state)
{
	(void)state;
	reader.no_pps = true;
	insert_t0_and_t1();
	decide(T0);
	assert_false(params.pps);
	assert_int_equal(params.fidi, 0x11);
	assert_refused(T1, -EPROTONOSUPPORT);
	desc.features = DESC_AUTO_PPS;	/* not ours, then */
	decide(T1);
	assert_int_equal(params.fidi, 0x95);
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

static void a_pps_is_judged_by_its_answer(void **state)
{
	static const struct {
		uint8_t answer[6];
		size_t size;
		enum params_pps outcome;
	} rows[] = {
		{ { 0xFF, 0x11, 0x95, 0x7B }, 4, PARAMS_PPS_AGREED },
		{ { 0xFF, 0x01, 0xFE }, 3, PARAMS_PPS_DEFAULT },
		{ { 0 }, 0, PARAMS_PPS_FAILED },
		{ { 0xFF }, 1, PARAMS_PPS_FAILED },
		{ { 0xFF, 0x01 }, 2, PARAMS_PPS_FAILED },
		{ { 0xFF, 0x11, 0x95 }, 3, PARAMS_PPS_FAILED },
		{ { 0xFF, 0x11, 0x95, 0x7A }, 4, PARAMS_PPS_FAILED },
		{ { 0xFF, 0x11, 0x94, 0x7A }, 4, PARAMS_PPS_FAILED },
		{ { 0xFF, 0x10, 0x95, 0x7A }, 4, PARAMS_PPS_FAILED },
		{ { 0xFE, 0x11, 0x95, 0x7A }, 4, PARAMS_PPS_FAILED },
		{ { 0xFF, 0x11, 0x95, 0x7B, 0 }, 5, PARAMS_PPS_FAILED },
		{ { 0xFF, 0x01, 0xFF }, 3, PARAMS_PPS_FAILED },
		{ { 0xFF, 0x00, 0xFF }, 3, PARAMS_PPS_FAILED },
		{ { 0xFE, 0x01, 0xFF }, 3, PARAMS_PPS_FAILED },
		{ { 0xFF, 0x01, 0xFE, 0 }, 4, PARAMS_PPS_FAILED },
		{ { 0xFF, 0x31, 0x95, 0x00, 0x5B }, 5, PARAMS_PPS_FAILED },
	};

	(void)state;
	insert_t0_and_t1();
	decide(T1);
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_int_equal(params_check_pps(&params, rows[i].answer,
						  rows[i].size),
				 rows[i].outcome);
}

static void a_pps_for_the_protocol_alone_is_simply_echoed(void **state)
{
	(void)state;
	insert_and_check(BYTES(0x3B, 0x80, 0x80, 0x01));
	decide(T1);
	assert_int_equal(params_check_pps(&params, BYTES(0xFF, 0x01, 0xFE)),
			 PARAMS_PPS_AGREED);
	assert_int_equal(params_check_pps(&params,
					  BYTES(0xFF, 0x11, 0x11, 0xFF)),
			 PARAMS_PPS_FAILED);
}

static void an_answer_to_pps_tells_its_own_length(void **state)
{
	static const struct {
		uint8_t pps0;
		size_t whole;
	} rows[] = {
		{ 0x00, 3 }, { 0x10, 4 }, { 0x20, 4 }, { 0x40, 4 },
		{ 0x30, 5 }, { 0x70, 6 }, { 0xFF, 6 }, { 0x8F, 3 },
	};

	(void)state;
	assert_int_equal(params_pps_missing(NULL, 0), 3);
	for (size_t i = 0; i < ROWS(rows); i++) {
		const uint8_t answer[8] = { 0xFF, rows[i].pps0 };

		assert_int_equal(params_pps_missing(answer, 1), 2);
		for (size_t size = 2; size <= 8; size++)
			assert_int_equal(params_pps_missing(answer, size),
					 size < rows[i].whole ?
					 rows[i].whole - size : 0);
	}
}

static void a_list_counts_only_in_the_promised_length(void **state)
{
	uint32_t list[PARAMS_LIST_MAX] = { 0 };
	static const uint8_t raw[1024] = { 0x00, 0x2A, 0x00, 0x00, 0x01 };

	(void)state;
	for (size_t size = 0; size < 20; size++) {
		list[0] = 7;
		assert_int_equal(params_list(raw, size, 2, list),
				 size == 8 ? 2 : 0);
		assert_int_equal(list[0], size == 8 ? 0x2A00 : 7);
	}
	assert_int_equal(list[1], 1);
	assert_int_equal(params_list(raw, 1020, 255, list), 255);
	assert_int_equal(params_list(raw, 1024, 255, list), 0);
	assert_int_equal(params_list(NULL, 0, 0, list), 0);
}

static void voltages_are_tried_once_each_in_the_order_asked_for(void **state)
{
	static const struct {
		enum params_first first;
		uint8_t voltages, classes;
		uint32_t features;
		uint8_t order[3];
		size_t count;
	} rows[] = {
		{ PARAMS_FIRST_5V, 7, 0, 0, { 1, 2, 3 }, 3 },
		{ PARAMS_FIRST_5V, 1, 0, 0, { 1 }, 1 },
		{ PARAMS_FIRST_5V, 2, 0, 0, { 2 }, 1 },
		{ PARAMS_FIRST_5V, 6, 0, 0, { 2, 3 }, 2 },
		{ PARAMS_FIRST_5V, 5, 0, 0, { 1, 3 }, 2 },
		{ PARAMS_FIRST_5V, 0, 0, 0, { 0 }, 1 },
		{ PARAMS_FIRST_5V, 0, 4, 0, { 0 }, 1 },
		{ PARAMS_FIRST_5V, 7, 0, DESC_AUTO_VOLTAGE, { 0 }, 1 },
		{ PARAMS_FIRST_5V, 7, 0, DESC_AUTO_ACTIVATION, { 0 }, 1 },
		{ PARAMS_FIRST_5V, 7, 4, 0, { 3 }, 1 },
		{ PARAMS_FIRST_5V, 7, 6, 0, { 2, 3 }, 2 },
		{ PARAMS_FIRST_5V, 3, 4, 0, { 0 }, 0 },
		{ PARAMS_FIRST_3V, 7, 0, 0, { 2, 1, 3 }, 3 },
		{ PARAMS_FIRST_3V, 5, 0, 0, { 1, 3 }, 2 },
		{ PARAMS_FIRST_3V, 7, 0, DESC_AUTO_VOLTAGE, { 0 }, 1 },
		{ PARAMS_FIRST_1V8, 7, 0, 0, { 3, 2, 1 }, 3 },
		{ PARAMS_FIRST_1V8, 3, 0, 0, { 2, 1 }, 2 },
		{ PARAMS_FIRST_READER, 7, 0, 0, { 0 }, 1 },
		{ PARAMS_FIRST_READER, 7, 4, 0, { 0 }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint8_t order[PARAMS_VOLTAGES_MAX] = { 0 };

		desc.voltages = rows[i].voltages;
		desc.features = rows[i].features;
		assert_int_equal(params_voltages(&desc, rows[i].first,
						 rows[i].classes, order),
				 rows[i].count);
		assert_memory_equal(order, rows[i].order, 3);
	}
}

#define test(name)	cmocka_unit_test_setup(name, start_afresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(dwfeatures_tell_who_negotiates),
		test(no_pps_is_needed_for_the_first_protocol_at_default_speed),
		test(another_protocol_or_speed_takes_a_pps),
		test(set_parameters_carry_what_the_atr_says),
		test(specific_mode_takes_no_pps_and_the_speed_of_ta1),
		test(specific_mode_refuses_the_other_protocol),
		test(implicit_parameters_are_refused_if_they_must_be_told),
		test(a_protocol_that_card_or_reader_lacks_is_refused),
		test(an_unreliable_atr_is_refused_if_parameters_must_be_told),
		test(odd_atrs_whose_parameters_are_all_there_are_taken),
		test(the_best_speed_that_both_have_is_chosen),
		test(a_list_of_rates_says_what_the_reader_does),
		test(another_f_is_tried_if_the_cards_own_gives_nothing),
		test(a_list_of_zeros_is_no_list),
		test(a_cap_on_the_rate_holds_with_and_without_a_list),
		test(a_reader_that_carries_no_pps_stays_as_the_card_began),
		test(a_clock_that_cannot_be_is_not_reckoned_with),
		test(slowing_down_leaves_the_protocol_alone),
		test(nothing_is_slower_than_default_speed),
		test(slowing_down_a_reader_that_does_pps_sends_none),
		test(times_are_those_of_the_speed_that_the_host_sets),
		test(times_are_the_longer_ones_if_the_reader_sets_the_speed),
		test(specific_mode_has_the_times_of_ta1),
		test(a_pps_is_judged_by_its_answer),
		test(a_pps_for_the_protocol_alone_is_simply_echoed),
		test(an_answer_to_pps_tells_its_own_length),
		test(a_list_counts_only_in_the_promised_length),
		test(voltages_are_tried_once_each_in_the_order_asked_for),
	};

	return cmocka_run_group_tests_name("params", tests, NULL, NULL);
}
