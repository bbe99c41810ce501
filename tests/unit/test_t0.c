/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * T=0 with a whole card. Single replies are in test_t0_replies.c, characters in
 * test_t0_characters.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "t0_card.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

static int insert_card(void **state)
{
	memset(&card, 0, sizeof(card));
	return start_afresh(state);
}

static void run(bool character, size_t message_max, size_t size)
{
	int next = start(character, message_max, size);

	while (next == ENGINE_SEND) {
		assert_in_range(block.size, 0, message_max - 10);
		assert_in_range(block.level_parameter, 0, message_max - 10);
		next = character ? exchange_characters() : exchange_tpdu();
	}
	assert_int_equal(next, ENGINE_DONE);
}

static void assert_heard(uint32_t lc, size_t size)
{
	assert_true(card.enveloped || lc <= 255);
	if (card.enveloped) {
		assert_int_equal(card.heard_size, size);
		assert_memory_equal(card.heard, command, size);
		return;
	}
	assert_int_equal(card.heard_size, lc);
	assert_memory_equal(card.heard, engine.command.data, lc);
}

static void short_commands_are_answered(void **state)
{
	static const uint32_t lcs[] = { 0, 1, 255 };
	static const uint32_t les[] = { 0, 1, 255, 256 };

	(void)state;
	for (unsigned level = 0; level < 2; level++)
		for (size_t i = 0; i < ROWS(lcs); i++)
			for (size_t j = 0; j < ROWS(les); j++) {
				uint32_t data = lcs[i] ? 0 : les[j];

				insert(data);
				run(level, MESSAGE,
				    build(lcs[i], les[j], false));
				assert_answered(data, 0x90, 0x00);
				assert_heard(lcs[i], 0);
				assert_int_equal(card.commands, 1);
			}
}

static void answers_to_short_commands_are_left_alone(void **state)
{
	(void)state;
	for (unsigned level = 0; level < 2; level++) {
		insert(20);	/* case 4: the client fetches it */
		run(level, MESSAGE, build(10, 256, false));
		assert_answered(0, 0x61, 20);
		insert(20);	/* case 2: the client asks again */
		run(level, MESSAGE, build(0, 256, false));
		assert_answered(0, 0x6C, 20);
		insert(300);
		run(level, MESSAGE, build(0, 256, false));
		assert_answered(256, 0x61, 44);
		assert_int_equal(card.commands, 1);
	}
}

static const uint32_t lengths_to[] = { 1, 255, 256, 257, 65535 };
static const uint32_t lengths_from[] = { 1, 255, 256, 257, 65535, 65536 };

static void run_extended(bool character, size_t message_max, uint32_t lc,
			 uint32_t le)
{
	size_t size = build(lc, le, true);

	insert(le);
	run(character, message_max, size);
	assert_answered(le, 0x90, 0x00);
	if (lc)
		assert_heard(lc, size);
}

static void extended_commands_of_each_case_and_length_are_answered(
	void **state)
{
	(void)state;
	for (unsigned level = 0; level < 2; level++) {
		for (size_t i = 0; i < ROWS(lengths_to); i++) {
			run_extended(level, MESSAGE, lengths_to[i], 0);
			for (size_t j = 0; j < ROWS(lengths_from); j++)
				run_extended(level, MESSAGE, lengths_to[i],
					     lengths_from[j]);
		}
		for (size_t j = 0; j < ROWS(lengths_from); j++)
			run_extended(level, MESSAGE, 0, lengths_from[j]);
	}
}

static void cards_of_all_habits_are_understood_at_character_level(
	void **state)
{
	(void)state;
	for (unsigned habit = 0; habit < 8; habit++) {
		card.byte_by_byte = habit & 1;
		card.old_ack = habit & 2;
		card.nulls = habit & 4 ? 3 : 0;
		run_extended(CHARACTER, MESSAGE, 257, 257);
		run_extended(CHARACTER, MESSAGE, 255, 0);
		run_extended(CHARACTER, MESSAGE, 0, 600);
		insert(256);
		run(CHARACTER, MESSAGE, build(0, 256, false));
		assert_answered(256, 0x90, 0x00);
		insert(0);
		run(CHARACTER, MESSAGE, build(200, 0, false));
		assert_answered(0, 0x90, 0x00);
		assert_heard(200, 0);
	}
}

static void messages_as_small_as_can_be_carry_extended_commands(void **state)
{
	static const size_t messages[] = { 17, 18, 19, 64, 270, 65554 };

	(void)state;
	for (unsigned level = 0; level < 2; level++)
		for (size_t i = 0; i < ROWS(messages); i++) {
			run_extended(level, messages[i], 300, 300);
			run_extended(level, messages[i], 4000, 0);
			run_extended(level, messages[i], 3, 2);
		}
}

static void a_card_that_has_less_than_le_says_so_and_is_asked_again(
	void **state)
{
	(void)state;
	for (unsigned level = 0; level < 2; level++) {
		insert(10);
		run(level, MESSAGE, build(0, 256, true));
		assert_answered(10, 0x90, 0x00);
		assert_int_equal(card.commands, 2);
		insert(1000);
		run(level, MESSAGE, build(0, 65536, true));
		assert_answered(1000, 0x90, 0x00);
	}
}

static void of_an_exact_answer_only_the_first_le_bytes_are_kept(void **state)
{
	(void)state;
	card.exact = true;
	for (unsigned level = 0; level < 2; level++) {
		insert(10);
		run(level, MESSAGE, build(0, 5, true));
		assert_int_equal(card.given, 10);
		assert_answered(5, 0x90, 0x00);
	}
}

static void an_answer_longer_than_le_ends_at_le(void **state)
{
	(void)state;
	for (unsigned level = 0; level < 2; level++) {
		insert(700);
		run(level, MESSAGE, build(0, 500, true));
		assert_answered(500, 0x61, 200);
		insert(700);
		run(level, MESSAGE, build(300, 500, true));
		assert_answered(500, 0x61, 200);
	}
}

static void without_le_no_answer_is_fetched(void **state)
{
	(void)state;
	for (unsigned level = 0; level < 2; level++) {
		insert(20);
		run(level, MESSAGE, build(300, 0, true));
		assert_answered(0, 0x61, 20);
		insert(20);
		run(level, MESSAGE, build(30, 0, true));
		assert_answered(0, 0x61, 20);
	}
}

static void an_answer_beyond_the_room_is_drained_then_refused(void **state)
{
	(void)state;
	for (unsigned level = 0; level < 2; level++)
		for (size_t room = 2; room < 320; room++) {
			size_t size = build(0, 300, true);
			int next;

			insert(300);
			next = t0_start(&engine, level, MESSAGE, command, size,
					answer, room, &block);
			while (next == ENGINE_SEND)
				next = level ? exchange_characters() :
					       exchange_tpdu();
			assert_int_equal(next, room < 302 ? -ENOBUFS :
							    ENGINE_DONE);
			assert_int_equal(answer[room], GUARD);
			assert_int_equal(engine.received, 302);
		}
}

#define test(name)	cmocka_unit_test_setup(name, insert_card)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(short_commands_are_answered),
		test(answers_to_short_commands_are_left_alone),
		test(extended_commands_of_each_case_and_length_are_answered),
		test(cards_of_all_habits_are_understood_at_character_level),
		test(messages_as_small_as_can_be_carry_extended_commands),
		test(a_card_that_has_less_than_le_says_so_and_is_asked_again),
		test(of_an_exact_answer_only_the_first_le_bytes_are_kept),
		test(an_answer_longer_than_le_ends_at_le),
		test(without_le_no_answer_is_fetched),
		test(an_answer_beyond_the_room_is_drained_then_refused),
	};

	return cmocka_run_group_tests_name("t0", tests, NULL, NULL);
}
