/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* What pcscd is told, and what may reach a card: the last table of track.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "one_slot.h"

/* --- presence */

static void everybody_hears_the_truth_before_the_first_wait(void **state)
{
	(void)state;
	open_slot(true);
	assert_int_equal(others_told(), TRACK_PRESENT);
	remove_card();
	assert_int_equal(others_told(), TRACK_EMPTY);
	assert_int_equal(told(), TRACK_EMPTY);
	insert();
	assert_int_equal(told(), TRACK_PRESENT);
	assert_int_equal(told(), TRACK_PRESENT);
}

static void a_removal_before_the_first_wait_is_told_by_it(void **state)
{
	(void)state;
	open_slot(true);
	others_told();
	remove_card();
	others_told();
	enter();
	assert_true(over());
	assert_int_equal(pass(), TRACK_EMPTY);
	assert_false(over());
}

static void a_swap_before_the_first_wait_is_told_by_it(void **state)
{
	(void)state;
	open_slot(true);
	others_told();
	notified(true, CHANGED);
	others_told();
	enter();
	assert_true(over());
	assert_int_equal(pass(), TRACK_EMPTY);
	assert_true(over());
	assert_int_equal(pass(), TRACK_PRESENT);
	assert_false(over());
}

static void a_swap_is_told_as_absent_then_present(void **state)
{
	(void)state;
	watch_unpowered_card();
	assert_false(over());
	notified(true, CHANGED);
	assert_true(over());
	assert_int_equal(pass(), TRACK_EMPTY);
	assert_true(over());
	assert_int_equal(pass(), TRACK_PRESENT);
	assert_false(over());
}

/* pcscd asks in each of its power functions, too. */
static void absent_is_told_through_the_whole_pass(void **state)
{
	(void)state;
	watch_unpowered_card();
	notified(true, CHANGED);
	leave();
	assert_int_equal(told(), TRACK_EMPTY);
	assert_int_equal(told(), TRACK_EMPTY);
	enter();
	leave();
	assert_int_equal(told(), TRACK_PRESENT);
}

static void a_pass_with_mixed_answers_pays_nothing(void **state)
{
	(void)state;
	watch_unpowered_card();
	leave();
	assert_int_equal(told(), TRACK_PRESENT);
	notified(true, CHANGED);
	assert_int_equal(told(), TRACK_EMPTY);
	enter();
	assert_true(over());
	assert_int_equal(pass(), TRACK_EMPTY);
	assert_true(over());
	assert_int_equal(pass(), TRACK_PRESENT);
	assert_false(over());
}

static void a_removal_in_a_mixed_pass_is_told_in_the_next(void **state)
{
	(void)state;
	watch_unpowered_card();
	leave();
	told();
	remove_card();
	told();
	enter();
	assert_true(over());
	assert_int_equal(pass(), TRACK_EMPTY);
	assert_false(over());
}

static void a_pass_without_a_question_pays_nothing(void **state)
{
	(void)state;
	watch_unpowered_card();
	notified(true, CHANGED);
	leave();
	enter();
	assert_true(over());
}

static void others_hear_the_truth_and_use_nothing_up(void **state)
{
	struct track before;

	(void)state;
	watch_unpowered_card();
	notified(true, CHANGED);
	memcpy(&before, &t, sizeof(t));
	assert_int_equal(others_told(), TRACK_PRESENT);
	assert_memory_equal(&before, &t, sizeof(t));
	later(10000);
	remove_card();
	assert_int_equal(others_told(), TRACK_EMPTY);
	insert();
	assert_int_equal(others_told(), TRACK_PRESENT);
	assert_int_equal(pass(), TRACK_EMPTY);
}

/* Some test programs wait in one thread and ask in another. */
static void a_host_that_asks_in_another_thread_is_understood(void **state)
{
	(void)state;
	open_slot(true);
	others_told();
	enter();
	leave();
	enter();
	notified(true, CHANGED);
	assert_true(over());
	leave();
	assert_int_equal(others_told(), TRACK_EMPTY);
	enter();
	leave();
	assert_int_equal(others_told(), TRACK_PRESENT);
}

static void a_brief_visit_is_not_told(void **state)
{
	(void)state;
	open_slot(false);
	enter();
	pass();
	notified(true, CHANGED);
	notified(false, CHANGED);
	assert_false(over());
}

static void a_device_that_is_gone_is_no_empty_slot(void **state)
{
	(void)state;
	watch_unpowered_card();
	track_gone(&t);
	assert_int_equal(told(), TRACK_GONE);
	assert_int_equal(others_told(), TRACK_GONE);
	assert_int_equal(track_may_power(&t, 0), -ENODEV);
	assert_int_equal(track_may_transmit(&t, 0), -ENODEV);
	assert_int_equal(due_in(), TRACK_NEVER);
}

/* --- the wait */

static void nothing_ends_the_wait_while_nothing_moves(void **state)
{
	(void)state;
	watch_unpowered_card();
	later(1000000);
	assert_false(over());
}

static void an_insertion_and_a_removal_end_the_wait(void **state)
{
	(void)state;
	open_slot(false);
	enter();
	insert();
	assert_true(over());
	assert_int_equal(pass(), TRACK_PRESENT);
	assert_false(over());
	remove_card();
	assert_true(over());
	assert_int_equal(pass(), TRACK_EMPTY);
	assert_false(over());
}

static void what_is_so_already_ends_the_wait_at_once(void **state)
{
	(void)state;
	watch_unpowered_card();
	leave();
	told();
	remove_card();
	enter();
	assert_true(over());
}

static void a_second_wait_is_busy_and_the_first_untouched(void **state)
{
	struct track before;

	(void)state;
	watch_unpowered_card();
	memcpy(&before, &t, sizeof(t));
	assert_int_equal(track_wait_enter(&t, 0), -EBUSY);
	assert_memory_equal(&before, &t, sizeof(t));
}

static void a_wait_on_a_device_that_is_gone_is_refused(void **state)
{
	(void)state;
	watch_unpowered_card();
	track_gone(&t);
	assert_true(over());
	leave();
	assert_int_equal(track_wait_enter(&t, 0), -ENODEV);
}

static void a_stop_ends_the_wait_once(void **state)
{
	(void)state;
	watch_unpowered_card();
	track_stop(&t, 0);
	assert_true(over());
	pass();
	assert_false(over());
}

static void a_stop_before_the_wait_ends_it_at_once(void **state)
{
	(void)state;
	watch_unpowered_card();
	leave();
	track_stop(&t, 0);
	track_stop(&t, 0);
	told();
	enter();
	assert_true(over());
	pass();
	assert_false(over());
}

static void a_stop_is_used_up_by_any_return(void **state)
{
	(void)state;
	watch_unpowered_card();
	track_stop(&t, 0);
	remove_card();
	assert_true(over());
	pass();
	assert_false(over());
}

/* --- what may reach a card */

static void a_card_must_be_powered_up_before_it_is_used(void **state)
{
	(void)state;
	watch_unpowered_card();
	assert_int_equal(track_may_power(&t, 0), 0);
	assert_int_equal(track_may_transmit(&t, 0), -ESTALE);
	power_up();
	assert_int_equal(track_may_transmit(&t, 0), 0);
	power_off();
	assert_int_equal(track_may_transmit(&t, 0), -ESTALE);
}

static void nothing_reaches_a_card_in_doubt(void **state)
{
	(void)state;
	watch_powered_card();
	missed();
	assert_int_equal(track_may_power(&t, 0), -EAGAIN);
	assert_int_equal(track_may_transmit(&t, 0), -EAGAIN);
}

static void nothing_reaches_an_empty_slot(void **state)
{
	(void)state;
	watch_powered_card();
	remove_card();
	assert_int_equal(track_may_power(&t, 0), -ENOMEDIUM);
	assert_int_equal(track_may_transmit(&t, 0), -ENOMEDIUM);
}

static void nothing_reaches_a_new_card_before_it_is_told(void **state)
{
	(void)state;
	watch_powered_card();
	later(1000);
	remove_card();
	insert();
	assert_int_equal(track_may_power(&t, 0), -ESTALE);
	assert_int_equal(track_may_transmit(&t, 0), -ESTALE);
	pass();
	assert_int_equal(track_may_power(&t, 0), -ESTALE);
	pass();
	assert_int_equal(track_may_power(&t, 0), 0);
	assert_int_equal(track_may_transmit(&t, 0), -ESTALE);
}

static void a_swapped_card_is_powered_up_before_any_wait(void **state)
{
	(void)state;
	open_slot(true);
	others_told();
	power_up();
	later(10000);
	remove_card();
	insert();
	assert_int_equal(track_may_transmit(&t, 0), -ESTALE);
	assert_int_equal(track_may_power(&t, 0), 0);
	power_up();
	assert_int_equal(track_may_transmit(&t, 0), 0);
}

static void a_debt_of_a_host_that_never_asked_is_one(void **state)
{
	(void)state;
	open_slot(true);
	others_told();
	enter();
	assert_int_equal(track_may_power(&t, 0), 0);
	remove_card();
	insert();
	assert_int_equal(track_may_power(&t, 0), -ESTALE);
}

/* --- idle cards of readers that announce nothing */

static void an_idle_card_keeps_its_power_where_swaps_hide(void **state)
{
	(void)state;
	open_paced_slot(true);
	assert_false(track_wants_power(&t, 0));
	power_up();
	assert_true(track_wants_power(&t, 0));
	t.auto_activation = true;
	assert_false(track_wants_power(&t, 0));
	watch_powered_card();
	assert_false(track_wants_power(&t, 0));
}

static void an_idle_card_is_off_for_everybody(void **state)
{
	(void)state;
	open_paced_slot(true);
	power_up();
	begin_power(TRACK_POWER_KEPT);
	assert_int_equal(end_power(true), 0);
	assert_int_equal(track_may_transmit(&t, 0), -ESTALE);
	power_up();
	assert_int_equal(track_may_transmit(&t, 0), 0);
}

static void a_swap_of_an_idle_card_shows(void **state)
{
	(void)state;
	open_paced_slot(true);
	power_up();
	begin_power(TRACK_POWER_KEPT);
	end_power(true);
	ask();
	assert_int_equal(answered(CCID_ICC_INACTIVE),
			 TRACK_SETTLED | TRACK_SWAPPED);
}

static void a_card_that_a_client_cannot_power_up_is_another_one(void **state)
{
	(void)state;
	open_slot(true);
	watch_powered_card();
	begin_power(TRACK_POWER_ON);
	assert_int_equal(end_power(false), -EIO);
	assert_int_equal(track_power_failed(&t, 0, now), TRACK_SWAPPED);
	assert_inside(2);
	assert_true(over());
	assert_int_equal(pass(), TRACK_EMPTY);
	assert_int_equal(pass(), TRACK_PRESENT);
	assert_int_equal(track_power_failed(&t, 0, now), 0);
}

static void a_slot_starts_afresh_when_it_is_opened(void **state)
{
	(void)state;
	watch_powered_card();
	track_stop(&t, 0);
	missed();
	track_open(&t, 0, true, now);
	assert_int_equal(others_told(), TRACK_PRESENT);
	enter();
	assert_false(over());
	assert_int_equal(track_may_transmit(&t, 0), -ESTALE);
	assert_int_equal(track_may_power(&t, 0), 0);
}

static void a_card_found_late_ends_the_wait_that_goes_on(void **state)
{
	(void)state;
	open_slot(false);
	enter();
	assert_int_equal(track_found(&t, 0, false, now), 0);
	assert_false(over());
	assert_int_equal(track_found(&t, 0, true, now), TRACK_INSERTED);
	assert_true(over());
	assert_int_equal(track_wait_enter(&t, 0), -EBUSY);
	track_wait_leave(&t, 0);
	assert_int_equal(told(), TRACK_PRESENT);
	assert_int_equal(track_may_power(&t, 0), 0);
}

static void a_stop_outlives_that_a_card_is_found_late(void **state)
{
	(void)state;
	open_slot(false);
	track_stop(&t, 0);
	track_found(&t, 0, false, now);
	enter();
	assert_true(over());
}

#define test(name)	cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(everybody_hears_the_truth_before_the_first_wait),
		test(a_removal_before_the_first_wait_is_told_by_it),
		test(a_swap_before_the_first_wait_is_told_by_it),
		test(a_swap_is_told_as_absent_then_present),
		test(absent_is_told_through_the_whole_pass),
		test(a_pass_with_mixed_answers_pays_nothing),
		test(a_removal_in_a_mixed_pass_is_told_in_the_next),
		test(a_pass_without_a_question_pays_nothing),
		test(others_hear_the_truth_and_use_nothing_up),
		test(a_host_that_asks_in_another_thread_is_understood),
		test(a_brief_visit_is_not_told),
		test(a_device_that_is_gone_is_no_empty_slot),
		test(nothing_ends_the_wait_while_nothing_moves),
		test(an_insertion_and_a_removal_end_the_wait),
		test(what_is_so_already_ends_the_wait_at_once),
		test(a_second_wait_is_busy_and_the_first_untouched),
		test(a_wait_on_a_device_that_is_gone_is_refused),
		test(a_stop_ends_the_wait_once),
		test(a_stop_before_the_wait_ends_it_at_once),
		test(a_stop_is_used_up_by_any_return),
		test(a_card_must_be_powered_up_before_it_is_used),
		test(nothing_reaches_a_card_in_doubt),
		test(nothing_reaches_an_empty_slot),
		test(nothing_reaches_a_new_card_before_it_is_told),
		test(a_swapped_card_is_powered_up_before_any_wait),
		test(a_debt_of_a_host_that_never_asked_is_one),
		test(an_idle_card_keeps_its_power_where_swaps_hide),
		test(an_idle_card_is_off_for_everybody),
		test(a_swap_of_an_idle_card_shows),
		test(a_card_that_a_client_cannot_power_up_is_another_one),
		test(a_slot_starts_afresh_when_it_is_opened),
		test(a_card_found_late_ends_the_wait_that_goes_on),
		test(a_stop_outlives_that_a_card_is_found_late),
	};

	return cmocka_run_group_tests_name("track: told", tests, NULL, NULL);
}
