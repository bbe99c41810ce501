/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* What evidence does to the truth: the first two tables of track.h, by rows. */
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

/* --- the habit of setting the bit behind power commands */

static unsigned bit_behind_off(void)
{
	power_off();
	later(499);
	return notified(true, CHANGED);
}

/* A power-up; the ATR is the same as the last one, or another. */
static unsigned atr_now(bool same)
{
	unsigned news;

	begin_power(TRACK_POWER_ON);
	news = track_identified(&t, 0, same, now);
	end_power(true);
	return news;
}

static unsigned atr(bool same)
{
	unsigned news = atr_now(same);

	later(10000);
	return news;
}

static unsigned bit_behind_on(void)
{
	atr_now(true);
	later(499);
	return notified(true, CHANGED);
}

static void learn_habit(void)
{
	open_slot(true);
	atr(false);
	assert_int_equal(bit_behind_off(), TRACK_SWAPPED);
	later(10000);
	assert_int_equal(atr(true), TRACK_CHATTY);
}

static void a_bit_behind_power_offs_is_a_habit(void **state)
{
	(void)state;
	learn_habit();
	assert_int_equal(bit_behind_off(), 0);
	assert_inside(2);
	later(1);
	assert_int_equal(notified(true, CHANGED), TRACK_SWAPPED);
}

static void a_bit_behind_power_ups_is_a_habit(void **state)
{
	(void)state;
	open_auto_slot(true);
	atr(false);
	assert_int_equal(bit_behind_on(), TRACK_SWAPPED);
	later(10000);
	assert_int_equal(atr_now(true), TRACK_CHATTY);
	later(499);
	assert_int_equal(notified(true, CHANGED), 0);
	assert_inside(2);
}

/* Sooner, it may be the message of how the card came. */
static void a_bit_proves_nothing_in_the_first_second(void **state)
{
	(void)state;
	open_auto_slot(true);
	atr_now(false);
	later(999);
	atr_now(true);
	assert_int_equal(notified(true, CHANGED), TRACK_SWAPPED);
	assert_int_equal(atr_now(true), 0);
	later(1);
	assert_int_equal(notified(true, CHANGED), TRACK_SWAPPED | TRACK_DOUBTED);
	assert_int_equal(atr_now(true), TRACK_CHATTY);
}

static void three_in_a_row_do(void **state)
{
	(void)state;
	open_auto_slot(true);
	atr_now(false);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(notified(true, CHANGED) & TRACK_SWAPPED);
		assert_int_equal(atr_now(true), i < 2 ? 0 : TRACK_CHATTY);
	}
	assert_int_equal(notified(true, CHANGED), 0);
}

static void a_command_without_the_bit_breaks_the_row(void **state)
{
	(void)state;
	open_auto_slot(true);
	atr_now(false);
	for (unsigned i = 0; i < 4; i++) {
		if (i != 2)
			notified(true, CHANGED);
		assert_int_equal(atr_now(true), 0);
	}
}

/* What a question found is announced when the card was reset already. */
static void a_late_message_is_no_habit(void **state)
{
	(void)state;
	open_auto_slot(false);
	missed();
	ask();
	assert_int_equal(answered(CCID_ICC_ACTIVE),
			 TRACK_SETTLED | TRACK_INSERTED);
	atr_now(false);
	atr_now(true);
	later(300);
	assert_int_equal(notified(true, CHANGED), TRACK_SWAPPED | TRACK_DOUBTED);
	assert_int_equal(atr_now(true), 0);
	assert_true(notified(true, CHANGED) & TRACK_SWAPPED);
}

static void a_bit_before_another_atr_is_no_habit(void **state)
{
	(void)state;
	open_slot(true);
	atr(false);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(bit_behind_off(), TRACK_SWAPPED);
		later(10000);
		assert_int_equal(atr(false), 0);
	}
}

static unsigned atr_behind_a_bit(bool same)
{
	unsigned news;

	begin_power(TRACK_POWER_ON);
	notified(true, CHANGED);
	news = track_identified(&t, 0, same, now);
	end_power(true);
	later(10000);
	return news;
}

/* It may come from a card that took the place of the one that answers. */
static void a_bit_in_a_power_up_is_not_proven_by_its_atr(void **state)
{
	(void)state;
	open_auto_slot(true);
	atr(false);
	assert_int_equal(atr_behind_a_bit(true), 0);
	assert_int_equal(atr_behind_a_bit(true), TRACK_CHATTY);
}

/* Or from the card that answers already. */
static void nor_by_the_next_if_the_atr_was_another_before(void **state)
{
	(void)state;
	open_auto_slot(true);
	assert_int_equal(atr_behind_a_bit(false), 0);
	assert_int_equal(atr_behind_a_bit(true), 0);
	assert_int_equal(atr_behind_a_bit(true), TRACK_CHATTY);
}

static void a_habit_hides_no_card_with_another_atr(void **state)
{
	(void)state;
	learn_habit();
	assert_int_equal(bit_behind_off(), 0);
	assert_inside(2);
	later(10000);
	assert_int_equal(atr(false), TRACK_SWAPPED);
	assert_inside(3);
}

static void several_bits_behind_one_command_count_as_one(void **state)
{
	(void)state;
	open_slot(true);
	bit_behind_off();
	assert_int_equal(notified(true, CHANGED),
			 TRACK_SWAPPED | TRACK_DOUBTED);
}

static void a_command_without_the_bit_ends_the_habit(void **state)
{
	(void)state;
	learn_habit();
	power_off();
	later(10000);
	assert_int_equal(atr(true), 0);
	assert_int_equal(bit_behind_off(), TRACK_SWAPPED);
}

static void a_true_movement_ends_what_is_no_habit_yet(void **state)
{
	(void)state;
	open_slot(true);
	atr(false);
	bit_behind_off();
	remove_card();
	insert();
	assert_int_equal(atr(true), 0);
	assert_int_equal(bit_behind_off(), TRACK_SWAPPED);
	later(10000);
	assert_int_equal(atr(true), TRACK_CHATTY);
	remove_card();
	insert();
	atr(true);
	assert_int_equal(bit_behind_off(), 0);
}

static void a_movement_in_the_window_tells_nothing_of_the_habit(void **state)
{
	(void)state;
	learn_habit();
	begin_power(TRACK_POWER_OFF);
	remove_card();
	end_power(true);
	insert();
	atr(false);
	assert_int_equal(bit_behind_off(), 0);
}

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
		test(a_bit_behind_power_offs_is_a_habit),
		test(a_bit_behind_power_ups_is_a_habit),
		cmocka_unit_test(a_bit_proves_nothing_in_the_first_second),
		cmocka_unit_test(three_in_a_row_do),
		cmocka_unit_test(a_command_without_the_bit_breaks_the_row),
		cmocka_unit_test(a_late_message_is_no_habit),
		test(a_bit_before_another_atr_is_no_habit),
		test(a_bit_in_a_power_up_is_not_proven_by_its_atr),
		test(nor_by_the_next_if_the_atr_was_another_before),
		test(a_habit_hides_no_card_with_another_atr),
		test(several_bits_behind_one_command_count_as_one),
		test(a_command_without_the_bit_ends_the_habit),
		test(a_true_movement_ends_what_is_no_habit_yet),
		test(a_movement_in_the_window_tells_nothing_of_the_habit),
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

	return cmocka_run_group_tests_name("track", tests, NULL, NULL);
}
