/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* When the reader is asked, and which readers are trusted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "one_slot.h"

static void a_doubt_is_asked_for_at_once(void **state)
{
	(void)state;
	open_slot(true);
	assert_int_equal(due_in(), TRACK_NEVER);
	missed();
	assert_int_equal(due_in(), 0);
	ask();
	assert_int_equal(due_in(), TRACK_NEVER);
}

static unsigned ask_for_a_second(uint64_t times[], unsigned n, unsigned max)
{
	uint64_t end = now + 1000;

	for (; now < end; later(1)) {
		missed();
		if (due_in() || n == max)
			continue;
		ask();
		answered(CCID_ICC_ACTIVE);
		times[n++] = now;
	}
	return n;
}

static void nothing_makes_more_than_ten_questions_a_second(void **state)
{
	uint64_t times[100];
	unsigned n = 0;

	(void)state;
	open_slot(true);
	for (int i = 0; i < 5; i++)
		n = ask_for_a_second(times, n, 100);
	assert_in_range(n, 30, 50);
	for (unsigned i = 10; i < n; i++)
		assert_true(times[i] - times[i - 10] >= 1000);
}

/* The reader makes none of them. */
static void a_question_for_a_power_command_is_beside_the_budget(void **state)
{
	(void)state;
	open_slot(true);
	for (unsigned i = 0; i < TRACK_TOKENS; i++) {
		missed();
		ask();
		answered(CCID_ICC_ACTIVE);
	}
	missed();
	assert_int_equal(due_in(), TRACK_REFILL_MS);
	later(TRACK_REFILL_MS - 1);
	track_indulge(&t, 0);
	assert_int_equal(due_in(), 0);
	ask();
	answered(CCID_ICC_ACTIVE);
	missed();
	assert_int_equal(due_in(), 1);
	later(1);
	assert_int_equal(due_in(), 0);
}

static void nothing_is_asked_beside_the_budget_without_a_doubt(void **state)
{
	(void)state;
	open_slot(true);
	track_indulge(&t, 0);
	for (unsigned i = 0; i < TRACK_TOKENS; i++) {
		missed();
		ask();
		answered(CCID_ICC_ACTIVE);
	}
	missed();
	assert_int_equal(due_in(), TRACK_REFILL_MS);
}

static void a_check_is_asked_for_without_a_doubt(void **state)
{
	(void)state;
	open_slot(true);
	power_up();
	track_check(&t, 0);
	assert_int_equal(due_in(), 0);
	assert_int_equal(track_may_transmit(&t, 0), 0);
	ask();
	track_check(&t, 0);
	answered(CCID_ICC_ACTIVE);
	assert_settled();
	assert_inside(1);
}

static void a_proven_reader_is_never_asked(void **state)
{
	(void)state;
	open_slot(false);
	insert();
	assert_int_equal(t.trust, TRACK_PROVEN);
	enter();
	assert_int_equal(due_in(), TRACK_NEVER);
}

static void a_reader_that_announces_one_kind_twice_is_checked(void **state)
{
	(void)state;
	open_slot_now(false);
	insert();
	enter();
	pass();
	assert_int_equal(due_in(), TRACK_NEVER);
	insert();
	pass();
	assert_int_equal(due_in(), 0);
	ask();
	answered(CCID_ICC_INACTIVE);
	assert_int_equal(due_in(), 2 * TRACK_CHECK_MS);
	later(2 * TRACK_CHECK_MS);
	ask();
	answered(CCID_ICC_ABSENT);
	pass();
	later(TRACK_ECHO_MS);
	assert_int_equal(news_of_due(), TRACK_CAUGHT);
}

static void an_unproven_reader_is_checked_ever_less(void **state)
{
	static const uint64_t distances[] = {
		1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000,
	};

	(void)state;
	open_slot_now(false);
	assert_int_equal(due_in(), TRACK_NEVER);
	enter();
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(due_in(), distances[i]);
		later(distances[i]);
		assert_int_equal(due_in(), 0);
		ask();
		answered(CCID_ICC_ABSENT);
	}
}

static void a_doubt_makes_no_check_rarer(void **state)
{
	(void)state;
	open_slot_now(false);
	enter();
	missed();
	ask();
	answered(CCID_ICC_ABSENT);
	assert_int_equal(due_in(), 1000);
}

static void a_movement_found_by_asking_is_announced_or_told_of(void **state)
{
	(void)state;
	open_slot_now(false);
	enter();
	ask();
	answered(CCID_ICC_INACTIVE);
	later(999);
	assert_int_equal(news_of_due(), 0);
	notified(true, CHANGED);
	assert_int_equal(t.trust, TRACK_PROVEN);
	later(10000);
	assert_int_equal(news_of_due(), 0);
}

static void a_reader_that_announces_nothing_is_caught(void **state)
{
	(void)state;
	open_slot_now(false);
	enter();
	ask();
	answered(CCID_ICC_INACTIVE);
	pass();
	later(1000);
	assert_int_equal(news_of_due(), TRACK_CAUGHT);
	assert_int_equal(t.trust, TRACK_PACED);
	assert_int_equal(news_of_due(), 0);
	assert_int_equal(due_in(), 0);
}

static void a_proven_reader_is_caught_too(void **state)
{
	(void)state;
	open_slot(false);
	insert();
	enter();
	pass();
	replied(CCID_ICC_ABSENT);
	ask();
	answered(CCID_ICC_ABSENT);
	pass();
	assert_int_equal(due_in(), 1000);
	later(1000);
	assert_int_equal(news_of_due(), TRACK_CAUGHT);
}

static void the_first_movement_not_announced_counts(void **state)
{
	(void)state;
	open_slot_now(false);
	ask();
	answered(CCID_ICC_INACTIVE);
	later(600);
	ask();
	answered(CCID_ICC_ABSENT);
	later(400);
	assert_int_equal(news_of_due(), TRACK_CAUGHT);
}

static void a_reader_is_not_blamed_for_what_was_lost(void **state)
{
	(void)state;
	open_slot(false);
	insert();
	missed();
	ask();
	answered(CCID_ICC_ABSENT);
	later(1000);
	assert_int_equal(news_of_due(), 0);
	ask();
	answered(CCID_ICC_INACTIVE);
	missed();
	later(1000);
	assert_int_equal(news_of_due(), 0);
}

static void a_reader_is_not_blamed_for_a_missing_bit(void **state)
{
	(void)state;
	open_slot(true);
	notified(false, UNCHANGED);
	ask();
	answered(CCID_ICC_ABSENT);
	later(1000);
	assert_int_equal(news_of_due(), 0);
}

static void a_message_without_its_bit_is_no_announcement(void **state)
{
	(void)state;
	open_slot(false);
	ask();
	answered(CCID_ICC_INACTIVE);
	notified(true, UNCHANGED);
	assert_int_equal(t.trust, TRACK_UNPROVEN);
	later(1000);
	assert_int_equal(news_of_due(), TRACK_CAUGHT);
}

static void nobody_expects_announcements_of_a_paced_reader(void **state)
{
	(void)state;
	open_paced_slot(false);
	ask();
	answered(CCID_ICC_INACTIVE);
	later(1000);
	assert_int_equal(news_of_due(), 0);
}

static void a_reader_whose_pipe_fails_is_paced(void **state)
{
	(void)state;
	open_slot(false);
	ask();
	answered(CCID_ICC_INACTIVE);
	track_deaf(&t);
	later(1000);
	assert_int_equal(news_of_due(), 0);
	assert_int_equal(t.trust, TRACK_PACED);
}

static void a_paced_reader_is_asked_less_while_it_is_quiet(void **state)
{
	static const struct {
		uint64_t quiet, pause;
	} rows[] = {
		{ 0, 200 }, { 2000, 200 }, { 10000, 1000 },
		{ 20000, 2000 }, { 30000, 3000 }, { 1000000, 3000 },
	};

	(void)state;
	open_paced_slot(false);
	enter();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		t.slot[0].used_ms = now - rows[i].quiet;
		ask();
		answered(CCID_ICC_ABSENT);
		assert_int_equal(due_in(), rows[i].pause);
	}
}

static void a_paced_reader_is_asked_only_while_somebody_waits(void **state)
{
	(void)state;
	open_paced_slot(false);
	assert_int_equal(due_in(), TRACK_NEVER);
	enter();
	assert_int_equal(due_in(), 0);
	leave();
	assert_int_equal(due_in(), TRACK_NEVER);
}

static bool presence_asks(void)
{
	return track_presence_asks(&t, 0, now);
}

static void presence_asks_where_nobody_waits(void **state)
{
	(void)state;
	open_paced_slot(false);
	assert_true(presence_asks());
	ask();
	assert_false(presence_asks());
	answered(CCID_ICC_ABSENT);
	later(199);
	assert_false(presence_asks());
	later(1);
	assert_true(presence_asks());
	enter();
	assert_false(presence_asks());
}

static void presence_asks_no_proven_reader_and_none_that_is_gone(void **state)
{
	(void)state;
	open_slot(false);
	assert_true(presence_asks());
	insert();
	assert_false(presence_asks());
	open_slot(false);
	track_gone(&t);
	assert_false(presence_asks());
}

#define test(name)	cmocka_unit_test(name)

static void a_pause_is_as_long_as_the_last_answer_took(void **state)
{
	(void)state;
	open_paced_slot(false);
	enter();
	ask();
	later(900);
	answered(CCID_ICC_ABSENT);
	assert_int_equal(due_in(), 900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_doubt_is_asked_for_at_once),
		test(nothing_makes_more_than_ten_questions_a_second),
		test(a_question_for_a_power_command_is_beside_the_budget),
		test(nothing_is_asked_beside_the_budget_without_a_doubt),
		test(a_check_is_asked_for_without_a_doubt),
		test(a_proven_reader_is_never_asked),
		test(a_reader_that_announces_one_kind_twice_is_checked),
		test(an_unproven_reader_is_checked_ever_less),
		test(a_doubt_makes_no_check_rarer),
		test(a_movement_found_by_asking_is_announced_or_told_of),
		test(a_reader_that_announces_nothing_is_caught),
		test(a_proven_reader_is_caught_too),
		test(the_first_movement_not_announced_counts),
		test(a_reader_is_not_blamed_for_what_was_lost),
		test(a_reader_is_not_blamed_for_a_missing_bit),
		test(a_message_without_its_bit_is_no_announcement),
		test(nobody_expects_announcements_of_a_paced_reader),
		test(a_reader_whose_pipe_fails_is_paced),
		test(a_paced_reader_is_asked_less_while_it_is_quiet),
		test(a_paced_reader_is_asked_only_while_somebody_waits),
		test(presence_asks_where_nobody_waits),
		test(presence_asks_no_proven_reader_and_none_that_is_gone),
		test(a_pause_is_as_long_as_the_last_answer_took),
	};

	return cmocka_run_group_tests_name("track: asked", tests, NULL, NULL);
}
