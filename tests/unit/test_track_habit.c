/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Readers that set the change bit behind power commands, without a movement. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "one_slot.h"

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

#define test(name)	cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_bit_behind_power_offs_is_a_habit),
		test(a_bit_behind_power_ups_is_a_habit),
		test(a_bit_proves_nothing_in_the_first_second),
		test(three_in_a_row_do),
		test(a_command_without_the_bit_breaks_the_row),
		test(a_late_message_is_no_habit),
		test(a_bit_before_another_atr_is_no_habit),
		test(a_bit_in_a_power_up_is_not_proven_by_its_atr),
		test(nor_by_the_next_if_the_atr_was_another_before),
		test(a_habit_hides_no_card_with_another_atr),
		test(several_bits_behind_one_command_count_as_one),
		test(a_command_without_the_bit_ends_the_habit),
		test(a_true_movement_ends_what_is_no_habit_yet),
		test(a_movement_in_the_window_tells_nothing_of_the_habit),
	};

	return cmocka_run_group_tests_name("track_habit", tests, NULL, NULL);
}
