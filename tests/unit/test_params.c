/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "one_card.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

#define NOBODY_NEEDED	DESC_AUTO_NEGOTIATION

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
		test(a_reader_that_carries_no_pps_stays_as_the_card_began),
		test(a_pps_is_judged_by_its_answer),
		test(a_pps_for_the_protocol_alone_is_simply_echoed),
		test(an_answer_to_pps_tells_its_own_length),
		test(a_list_counts_only_in_the_promised_length),
		test(voltages_are_tried_once_each_in_the_order_asked_for),
	};

	return cmocka_run_group_tests_name("params", tests, NULL, NULL);
}
