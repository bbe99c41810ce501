/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* What notifications do to the truth: the first table of track.h, by rows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "one_slot.h"

/* --- notifications */

static void an_insertion_is_a_new_visit(void **state)
{
	(void)state;
	open_slot(false);
	assert_int_equal(notified(true, CHANGED), TRACK_INSERTED);
	assert_inside(1);
	later(10000);
	remove_card();
	assert_int_equal(notified(true, CHANGED), TRACK_INSERTED);
	assert_inside(2);
	assert_settled();
}

static void a_removal_empties_the_slot(void **state)
{
	(void)state;
	open_slot(true);
	assert_int_equal(notified(false, CHANGED), TRACK_REMOVED);
	assert_nothing_inside();
	assert_settled();
}

static void visits_are_never_numbered_0(void **state)
{
	(void)state;
	open_slot(false);
	t.slot[0].visit = UINT32_MAX;
	insert();
	assert_inside(1);
}

static void a_brief_visit_is_news_and_nothing_else(void **state)
{
	(void)state;
	open_slot(false);
	assert_int_equal(notified(false, CHANGED), TRACK_BRIEF);
	assert_nothing_inside();
	assert_settled();
}

static void a_message_without_its_bit_is_looked_into(void **state)
{
	(void)state;
	open_slot(true);
	assert_int_equal(notified(false, UNCHANGED), TRACK_DOUBTED);
	assert_inside(1);
	assert_in_doubt();
	ask();
	assert_int_equal(answered(CCID_ICC_ABSENT),
			 TRACK_SETTLED | TRACK_REMOVED);
}

static void a_message_without_news_is_nothing(void **state)
{
	(void)state;
	open_slot(true);
	assert_int_equal(notified(true, UNCHANGED), 0);
	assert_inside(1);
	assert_settled();
}

/* A storm of them must neither cost questions nor spoil their answers. */
static void a_message_said_before_is_nothing(void **state)
{
	(void)state;
	open_slot(true);
	notified(false, UNCHANGED);
	ask();
	assert_int_equal(notified(false, UNCHANGED), 0);
	assert_int_equal(answered(CCID_ICC_ACTIVE), TRACK_SETTLED);
	assert_int_equal(notified(false, UNCHANGED), 0);
	assert_settled();
}

static void a_message_said_before_counts_after_a_loss(void **state)
{
	(void)state;
	open_slot(true);
	notified(false, UNCHANGED);
	ask();
	answered(CCID_ICC_ACTIVE);
	missed();
	ask();
	answered(CCID_ICC_ACTIVE);
	assert_int_equal(notified(false, UNCHANGED), TRACK_DOUBTED);
}

static void a_second_movement_within_500_ms_is_confirmed(void **state)
{
	(void)state;
	open_slot(false);
	notified(true, CHANGED);
	later(499);
	assert_int_equal(notified(false, CHANGED),
			 TRACK_REMOVED | TRACK_DOUBTED);
	assert_nothing_inside();
	assert_to_be_confirmed();
	ask();
	assert_int_equal(answered(CCID_ICC_ABSENT), TRACK_SETTLED);
	assert_int_equal(due_in(), TRACK_NEVER);
}

/* pcscd shall not wait for a question where its own command tells as much. */
static void a_power_up_confirms_a_burst_by_itself(void **state)
{
	(void)state;
	open_slot(true);
	notified(false, CHANGED);
	later(100);
	notified(true, CHANGED);
	assert_to_be_confirmed();
	assert_int_equal(track_may_power(&t, 0), 0);
	begin_power(TRACK_POWER_ON);
	replied(CCID_ICC_ACTIVE);
	assert_int_equal(end_power(true), 0);
	assert_int_equal(due_in(), TRACK_NEVER);
}

/* pcscd takes the answer to an APDU for the truth: it is to be certain. */
static void no_apdu_is_answered_in_a_burst_by_no_card(void **state)
{
	(void)state;
	watch_unpowered_card();
	notified(false, CHANGED);
	assert_int_equal(track_may_transmit(&t, 0), -ENOMEDIUM);
	notified(true, CHANGED);
	notified(false, CHANGED);
	assert_int_equal(track_may_transmit(&t, 0), -EAGAIN);
	assert_int_equal(track_may_power(&t, 0), -ENOMEDIUM);
	ask();
	answered(CCID_ICC_ABSENT);
	assert_int_equal(track_may_transmit(&t, 0), -ENOMEDIUM);
}

static void a_power_up_that_finds_no_card_confirms_nothing(void **state)
{
	(void)state;
	open_slot(true);
	notified(false, CHANGED);
	later(100);
	notified(true, CHANGED);
	begin_power(TRACK_POWER_ON);
	replied(CCID_ICC_ABSENT);
	assert_in_doubt();
}

static void a_reply_from_before_the_burst_confirms_nothing(void **state)
{
	(void)state;
	open_slot(true);
	begin_power(TRACK_POWER_ON);
	notified(false, CHANGED);
	notified(true, CHANGED);
	replied(CCID_ICC_ACTIVE);
	assert_to_be_confirmed();
}

static void a_second_movement_after_500_ms_is_not(void **state)
{
	(void)state;
	open_slot(false);
	notified(true, CHANGED);
	later(500);
	assert_int_equal(notified(false, CHANGED), TRACK_REMOVED);
	assert_settled();
}

static void what_may_be_lost_is_asked_for(void **state)
{
	(void)state;
	open_slot(true);
	assert_int_equal(missed(), TRACK_DOUBTED);
	assert_in_doubt();
	ask();
	assert_int_equal(answered(CCID_ICC_ABSENT),
			 TRACK_SETTLED | TRACK_REMOVED);
}

/* --- changed, present, in place */

static void in_place_of_an_unpowered_card_is_a_swap(void **state)
{
	(void)state;
	open_slot(true);
	assert_int_equal(notified(true, CHANGED), TRACK_SWAPPED);
	assert_inside(2);
	assert_settled();
}

static void in_place_of_a_powered_card_is_looked_into(void **state)
{
	(void)state;
	watch_powered_card();
	assert_int_equal(notified(true, CHANGED), TRACK_DOUBTED);
	assert_inside(1);
	ask();
	assert_int_equal(answered(CCID_ICC_ACTIVE), TRACK_SETTLED);
	assert_inside(1);
	notified(true, CHANGED);
	ask();
	assert_int_equal(answered(CCID_ICC_INACTIVE),
			 TRACK_SETTLED | TRACK_SWAPPED);
	assert_inside(2);
}

static void in_place_of_a_card_that_activates_itself_is_a_swap(void **state)
{
	(void)state;
	open_auto_slot(true);
	power_up();
	later(1000);
	assert_int_equal(notified(true, CHANGED), TRACK_SWAPPED);
	assert_inside(2);
}

static void the_first_message_after_open_may_repeat_the_state(void **state)
{
	(void)state;
	open_slot_now(true);
	later(999);
	assert_int_equal(notified(true, CHANGED), 0);
	assert_inside(1);
	assert_int_equal(notified(true, CHANGED), TRACK_SWAPPED);
	open_slot_now(true);
	later(1000);
	assert_int_equal(notified(true, CHANGED), TRACK_SWAPPED);
}

static void a_message_may_repeat_what_an_answer_told(void **state)
{
	(void)state;
	open_slot(false);
	missed();
	ask();
	answered(CCID_ICC_INACTIVE);
	assert_int_equal(notified(true, CHANGED), 0);
	assert_inside(1);
}

static void a_repetition_during_a_power_up_is_looked_into(void **state)
{
	(void)state;
	open_slot_now(true);
	begin_power(TRACK_POWER_ON);
	assert_int_equal(notified(true, CHANGED), TRACK_DOUBTED);
	assert_int_equal(end_power(true), 0);
	ask();
	answered(CCID_ICC_ACTIVE);
	assert_inside(1);
}

/* By then its ATR is known, and another card must not take its place. */
static void nothing_is_a_repetition_after_the_second_power_up(void **state)
{
	(void)state;
	open_slot_now(true);
	power_up();
	power_off();
	assert_int_equal(notified(true, CHANGED) & TRACK_SWAPPED,
			 TRACK_SWAPPED);
	assert_inside(2);
}

static void a_bit_after_a_second_power_up_may_be_late(void **state)
{
	(void)state;
	watch_powered_card();
	power_off();
	later(10000);
	power_up();
	later(999);
	assert_int_equal(notified(true, CHANGED), TRACK_SWAPPED);
	assert_inside(2);
}

static void a_second_after_it_no_more(void **state)
{
	(void)state;
	watch_powered_card();
	power_off();
	later(10000);
	power_up();
	later(1000);
	assert_int_equal(notified(true, CHANGED), TRACK_DOUBTED);
	assert_inside(1);
}

#define test(name)	cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_insertion_is_a_new_visit),
		test(a_removal_empties_the_slot),
		test(visits_are_never_numbered_0),
		test(a_brief_visit_is_news_and_nothing_else),
		test(a_message_without_its_bit_is_looked_into),
		test(a_message_without_news_is_nothing),
		test(a_message_said_before_is_nothing),
		test(a_message_said_before_counts_after_a_loss),
		test(a_second_movement_within_500_ms_is_confirmed),
		test(a_power_up_confirms_a_burst_by_itself),
		test(no_apdu_is_answered_in_a_burst_by_no_card),
		test(a_power_up_that_finds_no_card_confirms_nothing),
		test(a_reply_from_before_the_burst_confirms_nothing),
		test(a_second_movement_after_500_ms_is_not),
		test(what_may_be_lost_is_asked_for),
		test(in_place_of_an_unpowered_card_is_a_swap),
		test(in_place_of_a_powered_card_is_looked_into),
		test(in_place_of_a_card_that_activates_itself_is_a_swap),
		test(the_first_message_after_open_may_repeat_the_state),
		test(a_message_may_repeat_what_an_answer_told),
		test(a_repetition_during_a_power_up_is_looked_into),
		test(nothing_is_a_repetition_after_the_second_power_up),
		test(a_bit_after_a_second_power_up_may_be_late),
		test(a_second_after_it_no_more),
	};

	return cmocka_run_group_tests_name("track", tests, NULL, NULL);
}
