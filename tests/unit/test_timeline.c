/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What ccidtrack watch makes of the words that pcscd tells of a reader. pcscd
 * changes state and count one after the other, and may be looked at in between.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <winscard.h>

#include "timeline.h"

#define EMPTY	SCARD_STATE_EMPTY
#define CARD	SCARD_STATE_PRESENT
#define SILENT	(SCARD_STATE_UNAVAILABLE | SCARD_STATE_UNKNOWN)

static struct timeline reader;
static struct timeline_totals before;

static const uint8_t atr[] = { 0x3B, 0x00 };

static int look(uint32_t state, unsigned count)
{
	return timeline_take(&reader, state | (uint32_t)count << 16, atr,
			     state & CARD ? sizeof(atr) : 0);
}

static int begin(void **state)
{
	static char name[] = "reader";

	(void)state;
	memset(&reader, 0, sizeof(reader));
	reader.name = name;
	before = timeline_end();
	look(CARD, 7);
	return 0;
}

static void assert_shown(unsigned insertions, unsigned removals, unsigned swaps)
{
	struct timeline_totals now = timeline_end();

	assert_int_equal(now.insertions - before.insertions, insertions);
	assert_int_equal(now.removals - before.removals, removals);
	assert_int_equal(now.swaps - before.swaps, swaps);
}

static void what_was_there_before_is_no_movement(void **state)
{
	(void)state;
	assert_shown(0, 0, 0);
}

static void a_removal_and_an_insertion_are_shown(void **state)
{
	(void)state;
	assert_true(look(EMPTY, 8));
	assert_true(look(CARD, 9));
	assert_shown(1, 1, 0);
}

static void nothing_new_is_nothing(void **state)
{
	(void)state;
	assert_false(look(CARD, 7));
	assert_false(look(CARD | SCARD_STATE_INUSE, 7));
	assert_shown(0, 0, 0);
}

static void two_movements_between_two_looks_are_a_swap(void **state)
{
	(void)state;
	assert_true(look(CARD, 9));
	assert_shown(0, 0, 1);
}

static void a_swap_looked_at_between_its_counts_is_one(void **state)
{
	(void)state;
	assert_false(look(CARD, 8));
	assert_true(look(CARD, 9));
	assert_shown(0, 0, 1);
}

static void a_state_before_its_count_is_shown_once(void **state)
{
	(void)state;
	assert_true(look(EMPTY, 7));
	assert_false(look(EMPTY, 8));
	assert_true(look(CARD, 8));
	assert_false(look(CARD, 9));
	assert_shown(1, 1, 0);
}

static void a_count_before_its_state_is_shown_once(void **state)
{
	(void)state;
	assert_false(look(CARD, 8));
	assert_true(look(EMPTY, 8));
	assert_shown(0, 1, 0);
}

/* However the one before was looked at. */
static void the_swap_behind_a_torn_one_is_shown(void **state)
{
	(void)state;
	look(CARD, 8);
	look(EMPTY, 8);
	look(CARD, 9);
	assert_true(look(CARD, 11));
	assert_shown(1, 1, 1);
}

static void assert_passed(unsigned passes)
{
	assert_int_equal(timeline_end().passes - before.passes, passes);
}

static void a_card_that_came_and_went_is_shown(void **state)
{
	(void)state;
	look(EMPTY, 8);
	assert_true(look(EMPTY, 10));
	assert_shown(0, 1, 0);
	assert_passed(1);
}

static void a_card_that_came_and_went_before_another_is_shown(void **state)
{
	(void)state;
	look(EMPTY, 8);
	assert_true(look(CARD, 11));
	assert_shown(1, 1, 0);
	assert_passed(1);
}

static void a_swap_before_a_removal_is_shown(void **state)
{
	(void)state;
	assert_true(look(EMPTY, 10));
	assert_shown(0, 1, 1);
	assert_passed(0);
}

static void the_count_starts_again_behind_its_end(void **state)
{
	(void)state;
	reader.word = CARD | 0xFFFFu << 16;
	assert_true(look(CARD, 1));
	assert_shown(0, 0, 1);
}

/* pcscd counts that a reader has fallen silent, and that it answers again. */
static void silence_is_no_movement(void **state)
{
	(void)state;
	assert_false(look(SILENT, 8));
	assert_false(look(CARD, 9));
	assert_shown(0, 0, 0);
	assert_true(look(EMPTY, 10));
	assert_shown(0, 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, begin)
		TEST(what_was_there_before_is_no_movement),
		TEST(a_removal_and_an_insertion_are_shown),
		TEST(nothing_new_is_nothing),
		TEST(two_movements_between_two_looks_are_a_swap),
		TEST(a_swap_looked_at_between_its_counts_is_one),
		TEST(a_state_before_its_count_is_shown_once),
		TEST(a_count_before_its_state_is_shown_once),
		TEST(the_swap_behind_a_torn_one_is_shown),
		TEST(a_card_that_came_and_went_is_shown),
		TEST(a_card_that_came_and_went_before_another_is_shown),
		TEST(a_swap_before_a_removal_is_shown),
		TEST(the_count_starts_again_behind_its_end),
		TEST(silence_is_no_movement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
