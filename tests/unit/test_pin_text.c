/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "pin_text.h"

static const char *const languages[] = {
	"en", "de", "es", "fr", "it", "nl", "pt", "tr",
};

#define LANGUAGES	(sizeof(languages) / sizeof(languages[0]))

static void put(const char *language, uint8_t command[PIN_TEXT_SIZE])
{
	memset(command, 0, PIN_TEXT_SIZE);
	pin_text_put(PIN_TEXT_LANGUAGE(language[0], language[1]), command);
}

static void ten_texts_of_sixteen_characters_follow_the_head(void **state)
{
	static const uint8_t head[] = { 0xB2, 0xA0, 0x00, 0x4D, 0x4C };
	uint8_t command[PIN_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < LANGUAGES; i++) {
		put(languages[i], command);
		assert_memory_equal(command, head, sizeof(head));
		for (size_t j = sizeof(head); j < PIN_TEXT_SIZE; j++)
			assert_in_range(command[j], ' ', '~');
		for (size_t j = 0; j < 10; j++)
			assert_true(command[sizeof(head) + 16 * j] != ' ');
	}
}

static void the_tries_left_have_their_place(void **state)
{
	uint8_t command[PIN_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < LANGUAGES; i++) {
		put(languages[i], command);
		for (size_t j = 0; j < 10; j++)
			assert_int_equal(!memchr(command + 5 + 16 * j, '*', 16),
					 j != 6);
	}
}

static void each_language_has_its_own(void **state)
{
	uint8_t one[PIN_TEXT_SIZE], other[PIN_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < LANGUAGES; i++)
		for (size_t j = 0; j < LANGUAGES; j++) {
			put(languages[i], one);
			put(languages[j], other);
			assert_int_equal(!memcmp(one, other, sizeof(one)),
					 i == j);
		}
}

static void english_is_for_all_others(void **state)
{
	uint8_t english[PIN_TEXT_SIZE], other[PIN_TEXT_SIZE];

	(void)state;
	put("en", english);
	pin_text_put(0, other);
	assert_memory_equal(english, other, sizeof(other));
	put("C.", other);
	assert_memory_equal(english, other, sizeof(other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_texts_of_sixteen_characters_follow_the_head),
		cmocka_unit_test(the_tries_left_have_their_place),
		cmocka_unit_test(each_language_has_its_own),
		cmocka_unit_test(english_is_for_all_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
