/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Power, questions, answers: what is lost, or not to be trusted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "one_slot.h"

/* --- the power went without us */

static void resume(void)
{
	track_resumed(&t, 0, now);
	ask();
}

static void a_card_that_lost_its_power_asleep_is_another_visit(void **state)
{
	(void)state;
	watch_powered_card();
	resume();
	answered(CCID_ICC_INACTIVE);
	assert_inside(2);
	assert_int_equal(pass(), TRACK_EMPTY);
	assert_int_equal(pass(), TRACK_PRESENT);
}

static void a_card_that_kept_its_power_asleep_is_the_same(void **state)
{
	(void)state;
	watch_powered_card();
	resume();
	answered(CCID_ICC_ACTIVE);
	assert_inside(1);
	assert_settled();
	assert_false(over());
}

static void a_powered_card_of_a_reader_that_activates_is_another_after_sleep(
	void **state)
{
	(void)state;
	open_auto_slot(true);
	power_up();
	resume();
	answered(CCID_ICC_ACTIVE);
	assert_inside(2);
	assert_settled();
}

static void an_atr_from_before_a_sleep_is_worth_nothing(void **state)
{
	(void)state;
	open_auto_slot(true);
	begin_power(TRACK_POWER_ON);
	track_resumed(&t, 0, now);
	replied(CCID_ICC_ACTIVE);
	track_identified(&t, 0, false, now);
	assert_int_equal(end_power(true), -ESTALE);
	assert_inside(2);
}

static void sleep_unpowered(void)
{
	watch_powered_card();
	power_off();
	resume();
	answered(CCID_ICC_INACTIVE);
	begin_power(TRACK_POWER_ON);
}

static void an_unpowered_card_with_its_atr_of_before_is_the_same(void **state)
{
	(void)state;
	sleep_unpowered();
	assert_int_equal(track_identified(&t, 0, true, now), 0);
	assert_int_equal(end_power(true), 0);
	assert_inside(1);
}

static void another_atr_is_a_swap_if_no_movement_was_announced_yet(void **state)
{
	(void)state;
	watch_powered_card();
	power_off();
	begin_power(TRACK_POWER_ON);
	assert_true(track_identified(&t, 0, false, now) & TRACK_SWAPPED);
}

static void an_unpowered_card_with_another_atr_is_another_visit(void **state)
{
	(void)state;
	sleep_unpowered();
	assert_true(track_identified(&t, 0, false, now) & TRACK_SWAPPED);
	assert_int_equal(end_power(true), -ESTALE);
	assert_inside(2);
	assert_int_equal(pass(), TRACK_EMPTY);
	assert_int_equal(pass(), TRACK_PRESENT);
}

static void another_atr_is_no_swap_if_none_was_given_out(void **state)
{
	(void)state;
	watch_unpowered_card();
	resume();
	answered(CCID_ICC_INACTIVE);
	begin_power(TRACK_POWER_ON);
	assert_int_equal(track_identified(&t, 0, false, now), 0);
	assert_int_equal(end_power(true), 0);
}

static void another_atr_is_no_swap_while_nothing_was_lost(void **state)
{
	(void)state;
	open_slot(false);
	insert();
	power_up();
	begin_power(TRACK_POWER_ON);
	assert_int_equal(track_identified(&t, 0, false, now), 0);
	assert_int_equal(end_power(true), 0);
}

static void a_card_swapped_asleep_while_off_is_known_by_its_atr(void **state)
{
	(void)state;
	watch_powered_card();
	power_off();
	missed();
	ask();
	answered(CCID_ICC_INACTIVE);
	begin_power(TRACK_POWER_ON);
	assert_true(track_identified(&t, 0, false, now) & TRACK_SWAPPED);
}

static void use_card_that_activates(void)
{
	open_auto_slot(false);
	insert();
	begin_power(TRACK_POWER_ON);
	track_identified(&t, 0, false, now);
	end_power(true);
	later(10000);
}

static unsigned atr_after_a_loss(bool same)
{
	missed();
	ask();
	assert_int_equal(answered(CCID_ICC_ACTIVE), TRACK_SETTLED);
	begin_power(TRACK_POWER_ON);
	return track_identified(&t, 0, same, now);
}

/* Active is any card there. */
static void a_card_that_activates_itself_is_known_by_its_atr(void **state)
{
	(void)state;
	use_card_that_activates();
	assert_int_equal(atr_after_a_loss(true), 0);
	assert_int_equal(end_power(true), 0);
	assert_true(atr_after_a_loss(false) & TRACK_SWAPPED);
}

/* The bit was ignored, for readers set it behind power commands. */
static void a_loss_makes_nothing_surer(void **state)
{
	(void)state;
	use_card_that_activates();
	for (unsigned i = 0; i < 2; i++) {
		begin_power(TRACK_POWER_ON);
		track_identified(&t, 0, true, now);
		end_power(true);
		notified(true, true);
	}
	assert_true(t.slot[0].unsure);
	missed();
	assert_true(t.slot[0].unsure);
}

static void a_reset_makes_one_swap_of_a_powered_card(void **state)
{
	(void)state;
	watch_powered_card();
	assert_true(track_reset(&t, 0, now) & TRACK_SWAPPED);
	assert_in_doubt();
	ask();
	answered(CCID_ICC_INACTIVE);
	assert_inside(2);
	assert_settled();
	assert_int_equal(track_reset(&t, 0, now) & TRACK_SWAPPED, 0);
}

static void a_card_that_left_in_a_reset_is_told_as_removed_once(void **state)
{
	(void)state;
	watch_powered_card();
	track_reset(&t, 0, now);
	ask();
	answered(CCID_ICC_ABSENT);
	assert_nothing_inside();
	assert_int_equal(pass(), TRACK_EMPTY);
	assert_false(over());
}

static void the_first_message_after_a_reset_may_repeat_the_state(void **state)
{
	(void)state;
	watch_powered_card();
	track_reset(&t, 0, now);
	ask();
	answered(CCID_ICC_INACTIVE);
	assert_int_equal(notified(true, CHANGED), 0);
	assert_inside(2);
}

static void where_cards_activate_themselves_only_before_the_atr(void **state)
{
	(void)state;
	open_auto_slot(true);
	told();
	enter();
	power_up();
	track_reset(&t, 0, now);
	ask();
	answered(CCID_ICC_ACTIVE);
	notified(true, CHANGED);
	assert_inside(2);
	track_reset(&t, 0, now);
	power_up();
	notified(true, CHANGED);
	assert_inside(3);
}

static void a_reset_leaves_an_unpowered_card_in_doubt(void **state)
{
	(void)state;
	watch_unpowered_card();
	assert_int_equal(track_reset(&t, 0, now), TRACK_DOUBTED);
	assert_inside(1);
}

/* --- answers that are of no use */

static void stay_silent(unsigned questions)
{
	missed();
	for (unsigned i = 0; i < questions; i++) {
		later(1000);
		ask();
		track_unanswered(&t, 0);
	}
}

static void some_questions_without_answer_leave_the_doubt(void **state)
{
	(void)state;
	watch_powered_card();
	stay_silent(TRACK_SILENT_ROW - 1);
	assert_in_doubt();
}

static void a_reader_that_never_answers_is_asked_once_for_each_doubt(
	void **state)
{
	(void)state;
	watch_powered_card();
	t.trust = TRACK_PROVEN;
	stay_silent(TRACK_SILENT_ROW - 1);
	later(1000);
	ask();
	assert_true(track_unanswered(&t, 0) & TRACK_UNANSWERED);
	assert_settled();
	assert_int_equal(due_in(), TRACK_NEVER);
	missed();
	ask();
	assert_int_equal(track_unanswered(&t, 0), TRACK_SETTLED);
	assert_int_equal(due_in(), TRACK_NEVER);
}

static void one_answer_makes_it_worth_asking_again(void **state)
{
	(void)state;
	watch_powered_card();
	stay_silent(TRACK_SILENT_ROW);
	missed();
	ask();
	answered(CCID_ICC_ACTIVE);
	stay_silent(1);
	assert_in_doubt();
}

static void its_notifications_decide(void **state)
{
	(void)state;
	watch_powered_card();
	stay_silent(TRACK_SILENT_ROW);
	notified(false, CHANGED);
	assert_nothing_inside();
	notified(true, CHANGED);
	assert_inside(2);
}

static void its_cards_are_known_by_their_atr(void **state)
{
	(void)state;
	watch_powered_card();
	stay_silent(TRACK_SILENT_ROW);
	begin_power(TRACK_POWER_ON);
	assert_true(track_identified(&t, 0, false, now) & TRACK_SWAPPED);
}

static void sleep_makes_a_silent_reader_worth_a_question(void **state)
{
	(void)state;
	watch_unpowered_card();
	stay_silent(TRACK_SILENT_ROW);
	track_resumed(&t, 0, now);
	ask();
	track_unanswered(&t, 0);
	later(1000);
	assert_in_doubt();
}

static void a_paced_reader_is_asked_on_at_the_slowest_pace(void **state)
{
	(void)state;
	open_paced_slot(false);
	enter();
	stay_silent(TRACK_SILENT_ROW);
	assert_int_equal(due_in(), POLL_MS * TRACK_QUIET_MAX);
	later(POLL_MS * TRACK_QUIET_MAX);
	ask();
	answered(CCID_ICC_INACTIVE);
	assert_inside(1);
	assert_int_equal(due_in(), POLL_MS);
}

static void power_up_called(enum ccid_icc icc)
{
	begin_power(TRACK_POWER_ON);
	replied(icc);
	track_power_done(&t, 0, now);
	assert_int_equal(end_power(true), 0);
}

static void a_reader_that_calls_powered_cards_inactive_is_not_believed(
	void **state)
{
	(void)state;
	watch_unpowered_card();
	begin_power(TRACK_POWER_ON);
	replied(CCID_ICC_INACTIVE);
	assert_true(track_power_done(&t, 0, now) & TRACK_UNTRUE);
	assert_int_equal(end_power(true), 0);
	assert_int_equal(replied(CCID_ICC_INACTIVE), 0);
	assert_inside(1);
	assert_settled();
	assert_int_equal(track_may_transmit(&t, 0), 0);
}

/* It is found out just then, and makes nothing surer either. */
static void its_cards_are_known_by_their_atr_from_the_first_on(void **state)
{
	(void)state;
	watch_powered_card();
	power_off();
	missed();
	ask();
	answered(CCID_ICC_INACTIVE);
	begin_power(TRACK_POWER_ON);
	replied(CCID_ICC_INACTIVE);
	assert_true(track_power_done(&t, 0, now) & TRACK_UNTRUE);
	assert_true(track_identified(&t, 0, false, now) & TRACK_SWAPPED);
}

static void a_reader_that_misses_powered_cards_is_not_believed(void **state)
{
	(void)state;
	watch_unpowered_card();
	power_up_called(CCID_ICC_ABSENT);
	assert_inside(1);
	assert_settled();
	later(5000);
	notified(true, CHANGED);
	assert_inside(2);
	assert_int_equal(replied(CCID_ICC_ABSENT), 0);
	assert_settled();
	notified(false, CHANGED);
	later(5000);
	assert_nothing_inside();
}

/* The card was just leaving: the reader was right. */
static void a_reader_that_announces_the_removal_is_believed_again(void **state)
{
	(void)state;
	watch_unpowered_card();
	power_up_called(CCID_ICC_ABSENT);
	later(100);
	notified(false, CHANGED);
	later(5000);
	notified(true, CHANGED);
	pass();
	assert_int_equal(power_up(), 0);
	replied(CCID_ICC_INACTIVE);
	assert_in_doubt();
}

static void a_paced_reader_is_believed_that_cards_are_there(void **state)
{
	(void)state;
	open_paced_slot(true);
	told();
	enter();
	power_up_called(CCID_ICC_INACTIVE);
	ask();
	answered(CCID_ICC_INACTIVE);
	assert_inside(1);
	ask();
	answered(CCID_ICC_ABSENT);
	assert_nothing_inside();
}

/* --- a slot without a switch */

/* A power-up that finds nobody, where the reader tells of a card. */
static unsigned power_up_nobody(void)
{
	begin_power(TRACK_POWER_ON);
	replied(CCID_ICC_ABSENT);
	end_power(false);
	later(1000);
	ask();
	return answered(CCID_ICC_INACTIVE) & TRACK_SWAPPED;
}

static void a_slot_without_a_switch_is_not_swapped_for_ever(void **state)
{
	(void)state;
	open_slot(true);
	for (unsigned i = 1; i < TRACK_HOLLOW_ROW; i++)
		assert_true(power_up_nobody());
	for (unsigned i = 0; i < 3; i++)
		assert_false(power_up_nobody());
	assert_inside(TRACK_HOLLOW_ROW);
}

static void an_atr_begins_the_row_afresh(void **state)
{
	(void)state;
	open_slot(true);
	for (unsigned i = 0; i < TRACK_HOLLOW_ROW; i++)
		power_up_nobody();
	power_up();
	assert_true(power_up_nobody());
}

static void a_notification_begins_the_row_afresh(void **state)
{
	(void)state;
	open_slot(true);
	for (unsigned i = 0; i < TRACK_HOLLOW_ROW; i++)
		power_up_nobody();
	assert_int_equal(notified(true, CHANGED), TRACK_SWAPPED);
	for (unsigned i = 1; i < TRACK_HOLLOW_ROW; i++)
		assert_true(power_up_nobody());
	assert_false(power_up_nobody());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_card_that_lost_its_power_asleep_is_another_visit),
		cmocka_unit_test(a_card_that_kept_its_power_asleep_is_the_same),
		cmocka_unit_test(a_powered_card_of_a_reader_that_activates_is_another_after_sleep),
		cmocka_unit_test(an_unpowered_card_with_its_atr_of_before_is_the_same),
		cmocka_unit_test(an_unpowered_card_with_another_atr_is_another_visit),
		cmocka_unit_test(another_atr_is_no_swap_if_none_was_given_out),
		cmocka_unit_test(another_atr_is_no_swap_while_nothing_was_lost),
		cmocka_unit_test(
			another_atr_is_a_swap_if_no_movement_was_announced_yet),
		cmocka_unit_test(an_atr_from_before_a_sleep_is_worth_nothing),
		cmocka_unit_test(a_card_swapped_asleep_while_off_is_known_by_its_atr),
		cmocka_unit_test(a_card_that_activates_itself_is_known_by_its_atr),
		cmocka_unit_test(a_loss_makes_nothing_surer),
		cmocka_unit_test(a_reset_makes_one_swap_of_a_powered_card),
		cmocka_unit_test(a_card_that_left_in_a_reset_is_told_as_removed_once),
		cmocka_unit_test(the_first_message_after_a_reset_may_repeat_the_state),
		cmocka_unit_test(where_cards_activate_themselves_only_before_the_atr),
		cmocka_unit_test(a_reset_leaves_an_unpowered_card_in_doubt),
		cmocka_unit_test(some_questions_without_answer_leave_the_doubt),
		cmocka_unit_test(
			a_reader_that_never_answers_is_asked_once_for_each_doubt),
		cmocka_unit_test(one_answer_makes_it_worth_asking_again),
		cmocka_unit_test(its_notifications_decide),
		cmocka_unit_test(its_cards_are_known_by_their_atr),
		cmocka_unit_test(sleep_makes_a_silent_reader_worth_a_question),
		cmocka_unit_test(a_paced_reader_is_asked_on_at_the_slowest_pace),
		cmocka_unit_test(a_reader_that_calls_powered_cards_inactive_is_not_believed),
		cmocka_unit_test(its_cards_are_known_by_their_atr_from_the_first_on),
		cmocka_unit_test(a_reader_that_misses_powered_cards_is_not_believed),
		cmocka_unit_test(a_reader_that_announces_the_removal_is_believed_again),
		cmocka_unit_test(a_paced_reader_is_believed_that_cards_are_there),
		cmocka_unit_test(a_slot_without_a_switch_is_not_swapped_for_ever),
		cmocka_unit_test(an_atr_begins_the_row_afresh),
		cmocka_unit_test(a_notification_begins_the_row_afresh),
	};

	return cmocka_run_group_tests_name("track: lost", tests, NULL, NULL);
}
