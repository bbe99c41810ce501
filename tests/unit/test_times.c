/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "times.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define NO_CAP		UINT32_MAX

static struct times times;

/* A card that says nothing of itself, at 4 MHz. */
static int start_afresh(void **state)
{
	(void)state;
	times = (struct times){
		.clock = 4000,
		.f = 372,
		.d = 1,
		.wi = 10,
		.bwi = 4,
		.cwi = 13,
		.ifsc = 32,
	};
	times_reckon(&times);
	return 0;
}

static void bwt_is_that_of_the_standard(void **state)
{
	static const struct {
		uint32_t clock;
		uint8_t bwi;
		uint32_t ms;
	} rows[] = {
		{ 4000, 0, 91 },	{ 4000, 4, 1430 },
		{ 4000, 7, 11429 },	{ 4000, 9, 45713 },
		{ 1000, 0, 362 },	{ 1000, 4, 5719 },
		{ 1000, 7, 45716 },	{ 1000, 9, 182850 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		times.clock = rows[i].clock;
		times.bwi = rows[i].bwi;
		times_reckon(&times);
		assert_int_equal(times.bwt_ms, rows[i].ms);
	}
}

static void wwt_is_that_of_the_standard(void **state)
{
	static const struct {
		uint32_t clock;
		uint8_t wi;
		uint16_t f;
		uint32_t ms;
	} rows[] = {
		{ 4000, 10, 372, 893 },		{ 1000, 10, 372, 3572 },
		{ 4000, 255, 2048, 125338 },	{ 1000, 255, 2048, 501351 },
		{ 20000, 1, 372, 18 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		times.clock = rows[i].clock;
		times.wi = rows[i].wi;
		times.f = rows[i].f;
		times_reckon(&times);
		assert_int_equal(times.wwt_ms, rows[i].ms);
	}
}

static void cwt_counts_in_etu_of_the_speed_in_use(void **state)
{
	static const struct {
		uint16_t f;
		uint8_t d, cwi;
		uint32_t ms;
	} rows[] = {
		{ 372, 1, 13, 763 },	/* 8203 etu of 93 us */
		{ 372, 1, 0, 2 },
		{ 372, 1, 15, 3049 },
		{ 512, 64, 13, 17 },
		{ 2048, 1, 15, 16783 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		times.f = rows[i].f;
		times.d = rows[i].d;
		times.cwi = rows[i].cwi;
		times_reckon(&times);
		assert_int_equal(times.cwt_ms, rows[i].ms);
	}
}

static void a_character_takes_twelve_etu_and_the_guard_time(void **state)
{
	static const struct {
		uint8_t protocol, guard_time;
		uint32_t us;
	} rows[] = {
		{ 0, 0, 1116 },		{ 1, 0, 1116 },
		{ 0, 1, 1209 },		{ 0, 254, 24738 },
		{ 0, 255, 1116 },	{ 1, 255, 1023 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		times.protocol = rows[i].protocol;
		times.guard_time = rows[i].guard_time;
		times_reckon(&times);
		assert_int_equal(times.character_us, rows[i].us);
	}
}

static void half_a_cycle_counts_as_a_whole_one(void **state)
{
	(void)state;
	times.clock = 1000;
	times.f = 512;
	times.d = 20;
	times_reckon(&times);
	assert_int_equal(times.character_us, 308);	/* 307.2 */
}

static void the_slowest_atr_is_waited_for(void **state)
{
	(void)state;
	assert_int_equal(times_atr_ms(4000, NO_CAP), 28580 + 1000);
	assert_int_equal(times_atr_ms(1000, NO_CAP), 114319 + 1000);
	assert_int_equal(times_atr_ms(1000, 10000), 10000);
}

static void t0_takes_one_wwt_for_each_character_of_the_card(void **state)
{
	(void)state;
	/* 259 characters at the defaults: 232 s */
	assert_int_equal(times_t0_ms(&times, 5, 259, NO_CAP),
			 6 + 259 * 893 + 1000);
	assert_int_equal(times_t0_ms(&times, 260, 3, NO_CAP),
			 291 + 3 * 893 + 1000);
	assert_int_equal(times_t0_ms(&times, 0, 0, NO_CAP), 1000);
}

static void t1_takes_bwt_times_the_multiplier(void **state)
{
	(void)state;
	times.protocol = 1;
	assert_int_equal(times_t1_ms(&times, 0, 9, 36, NO_CAP),
			 1430 + 763 + 51 + 1000);
	assert_int_equal(times_t1_ms(&times, 1, 9, 36, NO_CAP),
			 1430 + 763 + 51 + 1000);
	assert_int_equal(times_t1_ms(&times, 20, 9, 36, NO_CAP),
			 20 * 1430 + 763 + 51 + 1000);
}

static void an_apdu_takes_as_many_blocks_as_it_needs(void **state)
{
	(void)state;
	times.protocol = 1;
	assert_int_equal(times_apdu_ms(&times, 5, 2, NO_CAP),
			 2 * 1430 + 763 + 19 + 1000);
	assert_int_equal(times_apdu_ms(&times, 261, 258, NO_CAP),
			 11 * 1430 + 763 + 641 + 1000);
	times.ifsc = 254;
	assert_int_equal(times_apdu_ms(&times, 261, 258, NO_CAP),
			 4 * 1430 + 763 + 602 + 1000);
}

static void an_apdu_takes_as_many_tpdus_as_it_needs(void **state)
{
	(void)state;
	assert_int_equal(times_apdu_ms(&times, 5, 2, NO_CAP),
			 12 + 5 * 893 + 1000);
	assert_int_equal(times_apdu_ms(&times, 600, 2, NO_CAP),
			 687 + 11 * 893 + 1000);
	assert_int_equal(times_apdu_ms(&times, 5, 600, NO_CAP),
			 23 + 609 * 893 + 1000);
}

static void no_time_exceeds_its_caps(void **state)
{
	static const uint32_t caps[] = { 1, 1000, 60000, 599999 };

	(void)state;
	times.clock = 1000;
	times.f = 2048;
	times.wi = 255;
	times.bwi = 9;
	times.cwi = 15;
	times.ifsc = 1;
	for (uint8_t protocol = 0; protocol < 2; protocol++) {
		times.protocol = protocol;
		times_reckon(&times);
		for (size_t i = 0; i < ROWS(caps); i++) {
			assert_int_equal(times_t0_ms(&times, SIZE_MAX, SIZE_MAX,
						     caps[i]), caps[i]);
			assert_int_equal(times_t1_ms(&times, 255, SIZE_MAX,
						     SIZE_MAX, caps[i]),
					 caps[i]);
			assert_int_equal(times_apdu_ms(&times, SIZE_MAX,
						       SIZE_MAX, caps[i]),
					 caps[i]);
		}
		assert_int_equal(times_apdu_ms(&times, 65544, 65538, NO_CAP),
				 TIMES_MAX_MS);
	}
}

#define test(name)	cmocka_unit_test_setup(name, start_afresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(bwt_is_that_of_the_standard),
		test(wwt_is_that_of_the_standard),
		test(cwt_counts_in_etu_of_the_speed_in_use),
		test(a_character_takes_twelve_etu_and_the_guard_time),
		test(half_a_cycle_counts_as_a_whole_one),
		test(the_slowest_atr_is_waited_for),
		test(t0_takes_one_wwt_for_each_character_of_the_card),
		test(t1_takes_bwt_times_the_multiplier),
		test(an_apdu_takes_as_many_blocks_as_it_needs),
		test(an_apdu_takes_as_many_tpdus_as_it_needs),
		test(no_time_exceeds_its_caps),
	};

	return cmocka_run_group_tests_name("times", tests, NULL, NULL);
}
