/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What replies, answers to questions and power commands do to the truth: the
 * other rows of track.h.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "one_slot.h"

/* --- replies */

static void a_reply_that_agrees_is_nothing(void **state)
{
	(void)state;
	open_slot(true);
	assert_int_equal(replied(CCID_ICC_INACTIVE), 0);
	assert_int_equal(replied(CCID_ICC_ACTIVE), 0);
	open_slot(false);
	assert_int_equal(replied(CCID_ICC_ABSENT), 0);
	assert_settled();
}

static void a_reply_that_disagrees_is_looked_into(void **state)
{
	(void)state;
	open_slot(false);
	assert_int_equal(replied(CCID_ICC_INACTIVE), TRACK_DOUBTED);
	open_slot(false);
	assert_int_equal(replied(CCID_ICC_ACTIVE), TRACK_DOUBTED);
	open_slot(true);
	assert_int_equal(replied(CCID_ICC_ABSENT), TRACK_DOUBTED);
	assert_inside(1);
	assert_in_doubt();
}

static void an_old_reply_moves_nothing(void **state)
{
	(void)state;
	open_slot(true);
	replied(CCID_ICC_ABSENT);
	ask();
	assert_int_equal(answered(CCID_ICC_INACTIVE), TRACK_SETTLED);
	assert_inside(1);
}

static void a_card_that_lost_its_power_is_looked_into(void **state)
{
	(void)state;
	watch_powered_card();
	assert_int_equal(replied(CCID_ICC_INACTIVE), TRACK_DOUBTED);
	ask();
	assert_int_equal(answered(CCID_ICC_INACTIVE),
			 TRACK_SETTLED | TRACK_SWAPPED);
	assert_inside(2);
}

static void no_card_in_the_reply_to_a_power_up_ends_the_visit(void **state)
{
	(void)state;
	open_slot(true);
	begin_power(TRACK_POWER_ON);
	assert_int_equal(replied(CCID_ICC_ABSENT), TRACK_DOUBTED);
	assert_int_equal(end_power(false), -EIO);
	ask();
	assert_int_equal(answered(CCID_ICC_INACTIVE),
			 TRACK_SETTLED | TRACK_SWAPPED);
	assert_inside(2);
}

static void no_card_in_the_reply_to_an_apdu_ends_the_visit(void **state)
{
	(void)state;
	open_auto_slot(true);
	power_up();
	later(10000);
	assert_int_equal(replied(CCID_ICC_ABSENT), TRACK_DOUBTED);
	ask();
	assert_int_equal(answered(CCID_ICC_ACTIVE),
			 TRACK_SETTLED | TRACK_SWAPPED);
	assert_inside(2);
}

/* --- answers */

static void an_answer_settles_a_doubt(void **state)
{
	(void)state;
	open_slot(true);
	missed();
	ask();
	assert_int_equal(answered(CCID_ICC_ACTIVE), TRACK_SETTLED);
	assert_settled();
	assert_int_equal(due_in(), TRACK_NEVER);
}

static void an_answer_can_be_an_insertion(void **state)
{
	(void)state;
	open_slot(false);
	missed();
	ask();
	assert_int_equal(answered(CCID_ICC_INACTIVE),
			 TRACK_SETTLED | TRACK_INSERTED);
	assert_inside(1);
}

static void an_answer_older_than_a_movement_is_asked_again(void **state)
{
	(void)state;
	open_slot(false);
	missed();
	ask();
	notified(true, CHANGED);
	assert_int_equal(answered(CCID_ICC_ABSENT), TRACK_DOUBTED);
	assert_inside(1);
	assert_in_doubt();
}

static void an_answer_older_than_a_brief_visit_is_asked_again(void **state)
{
	(void)state;
	open_slot(false);
	missed();
	ask();
	notified(false, CHANGED);
	assert_int_equal(answered(CCID_ICC_INACTIVE), TRACK_DOUBTED);
	assert_nothing_inside();
}

static void an_answer_older_than_a_loss_is_asked_again(void **state)
{
	(void)state;
	open_slot(false);
	missed();
	ask();
	missed();
	assert_int_equal(answered(CCID_ICC_INACTIVE), TRACK_DOUBTED);
	assert_nothing_inside();
}

static void a_question_without_answer_leaves_the_doubt(void **state)
{
	(void)state;
	open_slot(true);
	missed();
	ask();
	assert_int_equal(due_in(), TRACK_NEVER);
	track_unanswered(&t, 0);
	assert_in_doubt();
}

/* --- power commands */

static void a_power_up_ends_in_what_it_found(void **state)
{
	(void)state;
	open_slot(true);
	assert_int_equal(power_up(), 0);
	begin_power(TRACK_POWER_ON);
	assert_int_equal(end_power(false), -EIO);
	begin_power(TRACK_POWER_ON);
	notified(true, CHANGED);
	assert_int_equal(end_power(true), -ESTALE);
	begin_power(TRACK_POWER_ON);
	notified(false, CHANGED);
	assert_int_equal(end_power(true), -ENOMEDIUM);
	track_gone(&t);
	begin_power(TRACK_POWER_ON);
	assert_int_equal(end_power(true), -ENODEV);
}

static void a_power_off_always_ends_well(void **state)
{
	(void)state;
	open_slot(true);
	begin_power(TRACK_POWER_OFF);
	notified(false, CHANGED);
	assert_int_equal(end_power(false), 0);
}

/* Afterwards an inactive card is what one would expect. */
static void a_power_command_in_doubt_makes_a_swap_of_it(void **state)
{
	(void)state;
	watch_powered_card();
	notified(true, CHANGED);
	assert_int_equal(begin_power(TRACK_POWER_OFF), TRACK_SWAPPED);
	assert_inside(2);
	watch_powered_card();
	notified(true, CHANGED);
	begin_power(TRACK_POWER_ON);
	assert_int_equal(end_power(true), -ESTALE);
}

static void a_power_command_in_doubt_hides_nothing_else(void **state)
{
	(void)state;
	open_slot(true);
	missed();
	assert_int_equal(begin_power(TRACK_POWER_OFF), 0);
	assert_inside(1);
}

#define test(name)	cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_reply_that_agrees_is_nothing),
		test(a_reply_that_disagrees_is_looked_into),
		test(an_old_reply_moves_nothing),
		test(a_card_that_lost_its_power_is_looked_into),
		test(no_card_in_the_reply_to_a_power_up_ends_the_visit),
		test(no_card_in_the_reply_to_an_apdu_ends_the_visit),
		test(an_answer_settles_a_doubt),
		test(an_answer_can_be_an_insertion),
		test(an_answer_older_than_a_movement_is_asked_again),
		test(an_answer_older_than_a_brief_visit_is_asked_again),
		test(an_answer_older_than_a_loss_is_asked_again),
		test(a_question_without_answer_leaves_the_doubt),
		test(a_power_up_ends_in_what_it_found),
		test(a_power_off_always_ends_well),
		test(a_power_command_in_doubt_makes_a_swap_of_it),
		test(a_power_command_in_doubt_hides_nothing_else),
	};

	return cmocka_run_group_tests_name("track_replies", tests, NULL, NULL);
}
