/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* T=1: aborts, silence, damaged and misplaced blocks, and how much is borne. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "t1_talk.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

static void an_aborted_command_leaves_the_session_alive(void **state)
{
	(void)state;
	assert_int_equal(start(100), ENGINE_SEND);
	assert_s(feed(0xC2), 0xE2);
	assert_s(feed(0xC2), 0xE2);
	assert_int_equal(feed(0x90), -ECANCELED);
	assert_int_equal(engine.ns, 1);
	exchange_once();
}

static void only_an_r_block_ends_an_abort(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	assert_s(feed(0xC2), 0xE2);
	assert_s(feed_i(0x00, 2), 0x82);
	assert_s(feed_silence(), 0x82);
	assert_int_equal(feed(0x80), -ECANCELED);
	assert_int_equal(engine.ns, 0);
}

static void an_abort_may_end_with_a_resynch(void **state)
{
	(void)state;
	exchange_once();
	assert_int_equal(start(4), ENGINE_SEND);
	assert_s(feed(0xC2), 0xE2);
	assert_s(feed_silence(), 0x92);
	assert_s(feed_silence(), 0x92);
	assert_s(feed_silence(), 0xC0);
	assert_int_equal(feed(0xE0), -ECANCELED);
	exchange_once();
}

static void aborts_without_end_are_an_error(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	for (unsigned i = 0; i < T1_ABORTS_MAX; i++)
		assert_s(feed(0xC2), 0xE2);
	assert_broken(feed(0xC2), -EPROTO);
}

static void a_card_that_never_spoke_gets_no_resynch(void **state)
{
	static const enum engine_event events[] = {
		ENGINE_SILENT, ENGINE_GARBLED,
	};

	(void)state;
	for (size_t i = 0; i < ROWS(events); i++) {
		power_up(IFSC, NO_IFSD, false, TPDU);
		assert_int_equal(start(4), ENGINE_SEND);
		assert_int_equal(feed_event(events[i]), ENGINE_SEND);
		assert_int_equal(feed_event(events[i]), ENGINE_SEND);
		assert_broken(feed_event(events[i]), i ? -EIO : -ETIMEDOUT);
	}
}

static void an_empty_reply_is_silence(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	assert_s(feed_bytes(NULL, 0), 0x82);
	assert_s(feed_bytes(NULL, 0), 0x82);
	assert_broken(feed_bytes(NULL, 0), -ETIMEDOUT);
}

static void nothing_right_three_times_means_resynch(void **state)
{
	static const uint8_t garbage[] = { 0, 0, 0xFF, 0, 1, 2, 3 };

	(void)state;
	for (size_t size = 0; size < sizeof(garbage); size++) {
		power_up(IFSC, NO_IFSD, false, TPDU);
		exchange_once();
		assert_int_equal(start(4), ENGINE_SEND);
		assert_s(feed_bytes(garbage, size), 0x92);
		assert_s(feed_bytes(garbage, size), 0x92);
		assert_s(feed_bytes(garbage, size), 0xC0);
	}
}

/* By PCB and INF size: right blocks, but none that may come here. */
static void blocks_out_of_place_are_not_taken(void **state)
{
	static const struct {
		uint8_t pcb;
		size_t size;
	} rows[] = {
		{ 0x00, 2 },	/* the number before */
		{ 0x20, 2 }, { 0xE0, 0 }, { 0xE1, 1 }, { 0xC0, 0 },
		{ 0xC4, 0 }, { 0xE2, 0 }, { 0xE3, 1 }, { 0x83, 0 },
		{ 0xA0, 0 }, { 0x80, 1 }, { 0x41, 2 }, { 0xC2, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		power_up(IFSC, NO_IFSD, false, TPDU);
		exchange_once();
		assert_int_equal(start(4), ENGINE_SEND);
		assert_s(feed_i(rows[i].pcb, rows[i].size), 0x92);
		told_size = 0;
		assert_answered(feed_i(0x40, 2));
	}
}

static void an_answer_before_the_command_is_sent_is_not_taken(void **state)
{
	(void)state;
	assert_sent(start(100), 0x20, command, 32);
	assert_s(feed_i(0x00, 2), 0x82);
	assert_sent(feed(0x90), 0x60, command + 32, 32);
}

static void a_resynch_begins_at_the_beginning(void **state)
{
	(void)state;
	power_up(16, 254, false, TPDU);
	assert_value(start(20), 0xC1, 254);
	send_all(feed_value(0xE1, 254), 20, 16);
	assert_value(feed_value(0xC1, 200), 0xE1, 200);
	assert_s(feed_i(0x20, 100), 0x90);
	assert_s(feed_silence(), 0x90);
	assert_s(feed_silence(), 0x90);
	assert_s(feed_silence(), 0xC0);
	send_all(feed(0xE0), 20, 16);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(answer[i], 0);
	assert_int_equal(feed_i(0x00, 2), ENGINE_DONE);
	assert_int_equal(engine.exchange.received, 2);
}

static void a_resynch_never_raises_ifsc(void **state)
{
	(void)state;
	assert_int_equal(start(20), ENGINE_SEND);
	assert_value(feed_value(0xC1, 8), 0xE1, 8);
	assert_s(feed_silence(), 0x82);
	assert_s(feed_silence(), 0x82);
	assert_s(feed_silence(), 0xC0);
	send_all(feed(0xE0), 20, 8);
}

static void ifsd_is_offered_again_after_a_resynch(void **state)
{
	(void)state;
	power_up(IFSC, 254, false, TPDU);
	assert_value(start(4), 0xC1, 254);
	assert_sent(feed_value(0xE1, 254), 0x00, command, 4);
	for (unsigned i = 0; i < T1_TRIES_MAX; i++)
		assert_int_equal(feed_silence(), ENGINE_SEND);
	assert_sent(feed(0xE0), 0x00, command, 4);
	assert_answered(feed_i(0x00, 2));
	assert_value(start(4), 0xC1, 254);
}

static void a_command_is_begun_anew_once_only(void **state)
{
	(void)state;
	exchange_once();
	assert_int_equal(start(4), ENGINE_SEND);
	for (unsigned i = 0; i < T1_TRIES_MAX; i++)
		assert_int_equal(feed_silence(), ENGINE_SEND);
	assert_sent(feed(0xE0), 0x00, command, 4);
	assert_s(feed_silence(), 0x82);
	assert_s(feed_silence(), 0x82);
	assert_broken(feed_silence(), -ETIMEDOUT);
}

static void errors_are_counted_over_the_whole_command(void **state)
{
	unsigned errors = 0;

	(void)state;
	power_up(1, NO_IFSD, false, TPDU);
	assert_int_equal(start(1000), ENGINE_SEND);
	for (; errors < T1_ERRORS_MAX; errors++) {
		assert_int_equal(feed_silence(), ENGINE_SEND);
		assert_int_equal(feed((uint8_t)(0x90 ^ (errors & 1) << 4)),
				 ENGINE_SEND);
	}
	assert_broken(feed_silence(), -ETIMEDOUT);
}

static void a_block_asked_for_again_and_again_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	for (unsigned i = 0; i < T1_ERRORS_MAX; i++)
		assert_sent(feed(0x81), 0x00, command, 4);
	assert_broken(feed(0x81), -EIO);
}

static void a_card_that_never_answers_a_repeated_r_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	for (unsigned i = 0; i < T1_ERRORS_MAX; i++)
		assert_s(feed(0x91), 0x82);
	assert_broken(feed(0x91), -EIO);
}

#define test(name)	cmocka_unit_test_setup(name, start_afresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_aborted_command_leaves_the_session_alive),
		test(only_an_r_block_ends_an_abort),
		test(an_abort_may_end_with_a_resynch),
		test(aborts_without_end_are_an_error),
		test(a_card_that_never_spoke_gets_no_resynch),
		test(an_empty_reply_is_silence),
		test(nothing_right_three_times_means_resynch),
		test(blocks_out_of_place_are_not_taken),
		test(an_answer_before_the_command_is_sent_is_not_taken),
		test(a_resynch_begins_at_the_beginning),
		test(a_resynch_never_raises_ifsc),
		test(ifsd_is_offered_again_after_a_resynch),
		test(a_command_is_begun_anew_once_only),
		test(errors_are_counted_over_the_whole_command),
		test(a_block_asked_for_again_and_again_is_an_error),
		test(a_card_that_never_answers_a_repeated_r_is_an_error),
	};

	return cmocka_run_group_tests_name("t1_trouble", tests, NULL, NULL);
}
