/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "bytes.h"
#include "text.h"

#define UNITS(...)	(const uint16_t[]){ __VA_ARGS__ }, \
			sizeof((const uint16_t[]){ __VA_ARGS__ }) / 2
#define UNITS_MAX	130

static uint8_t bytes[2 * UNITS_MAX];
static char text[3 * UNITS_MAX + 1];

static size_t convert(const uint16_t *units, size_t count, size_t room)
{
	size_t size;

	for (size_t i = 0; i < count; i++)
		put_le16(bytes + 2 * i, units[i]);
	memset(text, 0x5A, sizeof(text));
	size = text_from_utf16(bytes, 2 * count, text, room);
	assert_int_equal(strlen(text), size);
	return size;
}

static void assert_text(const char *expected, const uint16_t *units,
			size_t count)
{
	convert(units, count, sizeof(text));
	assert_string_equal(text, expected);
}

static void letters_stay_letters(void **state)
{
	(void)state;
	assert_text("ACME", UNITS('A', 'C', 'M', 'E'));
	assert_text("A B", UNITS('A', ' ', 'B'));
}

static void other_scripts_become_utf8(void **state)
{
	(void)state;
	assert_text("V\303\251ga", UNITS('V', 0xE9, 'g', 'a'));
	assert_text("\316\251", UNITS(0x03A9));
	assert_text("\346\227\245\346\234\254", UNITS(0x65E5, 0x672C));
	assert_text("\360\237\222\263", UNITS(0xD83D, 0xDCB3));
	assert_text("\337\277", UNITS(0x07FF));
	assert_text("\340\240\200", UNITS(0x0800));
	assert_text("\357\244\200", UNITS(0xF900));
	assert_text("\360\220\200\200", UNITS(0xD800, 0xDC00));
	assert_text("\363\237\277\277", UNITS(0xDB3F, 0xDFFF));
}

static void half_a_pair_is_a_question_mark(void **state)
{
	(void)state;
	assert_text("?", UNITS(0xD83D));
	assert_text("?", UNITS(0xDCB3));
	assert_text("?A", UNITS(0xD83D, 'A'));
	assert_text("??", UNITS(0xDCB3, 0xD83D));
	assert_text("?\360\237\222\263", UNITS(0xD83D, 0xD83D, 0xDCB3));
}

static void a_nul_ends_the_text(void **state)
{
	(void)state;
	assert_text("", UNITS(0));
	assert_text("A", UNITS('A', 0, 'B'));
}

static void blanks_at_the_end_go(void **state)
{
	(void)state;
	assert_text(" A", UNITS(' ', 'A', ' ', ' '));
	assert_text("A", UNITS('A', '\n'));
	assert_text("", UNITS(' ', 0x200B, 0x00A0));
}

static void a_terminal_cannot_be_controlled(void **state)
{
	(void)state;
	assert_text("A [31mB", UNITS('A', 0x1B, '[', '3', '1', 'm', 'B'));
	assert_text("A B", UNITS('A', '\n', 'B'));
	assert_text("A B", UNITS('A', 0x9B, 'B'));
	assert_text("A B", UNITS('A', 0x7F, 'B'));
	assert_text("A B", UNITS('A', 0x202E, 'B'));
	assert_text("A B", UNITS('A', 0x2066, 'B'));
	assert_text("A B", UNITS('A', 0xFEFF, 'B'));
	assert_text("A B", UNITS('A', 0xFFFF, 'B'));
	assert_text("A B", UNITS('A', 0xDB40, 0xDC41, 'B'));
}

/* Each unit by itself: UTF-8 without a control character, or nothing. */
static void no_unit_makes_a_control_character(void **state)
{
	(void)state;
	for (unsigned unit = 0; unit <= 0xFFFF; unit++) {
		size_t size = convert(UNITS((uint16_t)unit), sizeof(text));

		assert_in_range(size, 0, 3);
		for (size_t i = 0; i < size; i++) {
			uint8_t c = (uint8_t)text[i];

			assert_true(c >= 0x20 && c != 0x7F);
			assert_true(size > 1 ? c >= 0x80 : c < 0x80);
		}
		assert_false(size == 2 && (uint8_t)text[0] == 0xC2 &&
			     (uint8_t)text[1] < 0xA0);
	}
}

static void what_does_not_fit_is_left_out_as_a_whole(void **state)
{
	(void)state;
	assert_int_equal(convert(UNITS('A', 0x65E5, 'B'), 1), 0);
	assert_int_equal(convert(UNITS('A', 0x65E5, 'B'), 2), 1);
	assert_int_equal(convert(UNITS('A', 0x65E5, 'B'), 4), 1);
	assert_string_equal(text, "A");
	assert_int_equal(convert(UNITS('A', 0x65E5, 'B'), 5), 4);
	assert_int_equal(convert(UNITS('A', 0x65E5, 'B'), 6), 5);
	assert_int_equal((uint8_t)text[6], 0x5A);
}

static void the_longest_string_fits_no_attribute(void **state)
{
	uint16_t units[126];

	(void)state;
	for (size_t i = 0; i < 126; i++)
		units[i] = 0x65E5;
	assert_int_equal(convert(units, 126, 264), 261);
}

static void an_odd_byte_is_no_unit(void **state)
{
	(void)state;
	put_le16(bytes, 'A');
	bytes[2] = 'B';
	assert_int_equal(text_from_utf16(bytes, 3, text, sizeof(text)), 1);
	assert_string_equal(text, "A");
	assert_int_equal(text_from_utf16(bytes, 1, text, sizeof(text)), 0);
	assert_int_equal(text_from_utf16(bytes, 0, text, sizeof(text)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_stay_letters),
		cmocka_unit_test(other_scripts_become_utf8),
		cmocka_unit_test(half_a_pair_is_a_question_mark),
		cmocka_unit_test(a_nul_ends_the_text),
		cmocka_unit_test(blanks_at_the_end_go),
		cmocka_unit_test(a_terminal_cannot_be_controlled),
		cmocka_unit_test(no_unit_makes_a_control_character),
		cmocka_unit_test(what_does_not_fit_is_left_out_as_a_whole),
		cmocka_unit_test(the_longest_string_fits_no_attribute),
		cmocka_unit_test(an_odd_byte_is_no_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
