/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* T=1 at character level: how many characters are wanted, and when. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "t1_talk.h"

static void assert_wanted(int next, size_t sent, uint16_t wanted)
{
	assert_int_equal(next, ENGINE_SEND);
	assert_int_equal(block.size, sent);
	assert_int_equal(block.level_parameter, wanted);
	assert_int_equal(block.bwi, 0);
}

static void characters_are_wanted_as_they_become_known(void **state)
{
	uint8_t bytes[T1_BLOCK_MAX];
	size_t size = t1_block_build(bytes, T1_LRC, 0x00, told, 100);

	(void)state;
	told_size = 100;
	power_up(IFSC, NO_IFSD, false, CHARACTER);
	assert_wanted(start(4), 8, 4);
	told_size = 100;
	assert_wanted(feed_bytes(bytes, 4), 0, 100);
	assert_answered(feed_bytes(bytes + 4, size - 4));
}

static void two_characters_of_crc_are_wanted(void **state)
{
	uint8_t bytes[T1_BLOCK_MAX];
	size_t size = t1_block_build(bytes, T1_CRC_LOW, 0x00, told, 254);

	(void)state;
	power_up(IFSC, NO_IFSD, true, CHARACTER);
	assert_wanted(start(4), 9, 5);
	told_size = 254;
	assert_wanted(feed_bytes(bytes, 5), 0, 254);
	assert_answered(feed_bytes(bytes + 5, size - 5));
}

static void a_block_without_inf_takes_one_request(void **state)
{
	(void)state;
	power_up(4, NO_IFSD, false, CHARACTER);
	assert_wanted(start(12), 8, 4);
	assert_wanted(feed(0x90), 8, 4);
	assert_wanted(feed(0x80), 8, 4);
}

static void fewer_characters_than_wanted_are_asked_on_for(void **state)
{
	uint8_t bytes[T1_BLOCK_MAX];
	size_t size = t1_block_build(bytes, T1_LRC, 0x00, told, 10);

	(void)state;
	power_up(IFSC, NO_IFSD, false, CHARACTER);
	assert_wanted(start(4), 8, 4);
	told_size = 10;
	assert_wanted(feed_bytes(bytes, 1), 0, 3);
	assert_wanted(feed_bytes(bytes + 1, 1), 0, 2);
	for (size_t i = 2; i < size - 1; i++)
		assert_wanted(feed_bytes(bytes + i, 1), 0,
			      (uint16_t)(size - i - 1));
	assert_answered(feed_bytes(bytes + size - 1, 1));
}

static void a_reader_that_gives_the_whole_block_is_asked_once(void **state)
{
	(void)state;
	power_up(IFSC, NO_IFSD, false, CHARACTER);
	assert_wanted(start(4), 8, 4);
	assert_answered(feed_i(0x00, 200));
}

static void characters_that_make_no_block_are_asked_for_again(void **state)
{
	static const uint8_t no_len[] = { 0, 0, 255, 0 };
	static const uint8_t much[T1_BLOCK_MAX + 1];
	static const uint8_t longer[] = { 0, 0, 1, 0, 1, 0 };

	(void)state;
	power_up(IFSC, NO_IFSD, false, CHARACTER);
	exchange_once();
	assert_wanted(start(4), 8, 4);
	assert_wanted(feed_bytes(no_len, sizeof(no_len)), 4, 4);
	assert_s(ENGINE_SEND, 0x92);
	assert_wanted(feed_bytes(much, sizeof(much)), 4, 4);
	assert_answered(feed_i(0x40, 2));
	assert_wanted(start(4), 8, 4);
	assert_wanted(feed_bytes(longer, sizeof(longer)), 4, 4);
}

static void silence_in_the_middle_of_a_block_forgets_its_beginning(void **state)
{
	uint8_t bytes[T1_BLOCK_MAX];

	(void)state;
	t1_block_build(bytes, T1_LRC, 0x00, told, 10);
	power_up(IFSC, NO_IFSD, false, CHARACTER);
	assert_wanted(start(4), 8, 4);
	assert_wanted(feed_bytes(bytes, 4), 0, 10);
	assert_wanted(feed_silence(), 4, 4);
	assert_s(ENGINE_SEND, 0x82);
	assert_answered(feed_i(0x00, 10));
}

static void more_time_counts_for_the_first_character_only(void **state)
{
	uint8_t bytes[T1_BLOCK_MAX];

	(void)state;
	t1_block_build(bytes, T1_LRC, 0x00, told, 10);
	power_up(IFSC, NO_IFSD, false, CHARACTER);
	assert_int_equal(start(4), ENGINE_SEND);
	assert_value(feed_value(0xC3, 9), 0xE3, 9);
	assert_int_equal(block.bwi, 9);
	assert_int_equal(block.level_parameter, 4);
	assert_wanted(feed_bytes(bytes, 4), 0, 10);
}

#define test(name)	cmocka_unit_test_setup(name, start_afresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(characters_are_wanted_as_they_become_known),
		test(two_characters_of_crc_are_wanted),
		test(a_block_without_inf_takes_one_request),
		test(fewer_characters_than_wanted_are_asked_on_for),
		test(a_reader_that_gives_the_whole_block_is_asked_once),
		test(characters_that_make_no_block_are_asked_for_again),
		test(silence_in_the_middle_of_a_block_forgets_its_beginning),
		test(more_time_counts_for_the_first_character_only),
	};

	return cmocka_run_group_tests_name("t1_characters", tests, NULL, NULL);
}
