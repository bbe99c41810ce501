/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "identity.h"

static const struct identity identity = {
	.maker = "ACME",
	.product = "Token",
	.firmware = 0x0207,
	.driver = "0.1.0",
};

static uint8_t answer[100];

static int ask(uint8_t p2, size_t size, size_t room)
{
	const uint8_t command[] = { 0xFF, 0x9A, 0x01, p2, 0x00 };

	memset(answer, 0x5A, sizeof(answer));
	return identity_answer(&identity, command, size, answer, room);
}

static void assert_text(uint8_t p2, const char *text)
{
	size_t size = strlen(text);

	for (size_t given = 4; given <= 5; given++) {
		assert_int_equal(ask(p2, given, sizeof(answer)), size + 2);
		assert_memory_equal(answer, text, size);
		assert_memory_equal(answer + size, "\x90\x00", 2);
	}
}

static void it_is_told_who_is_there(void **state)
{
	(void)state;
	assert_text(0x01, "ACME");
	assert_text(0x03, "Token");
	assert_text(0x06, "2.07");
	assert_text(0x07, "0.1.0");
}

static void a_version_has_as_many_digits_as_it_needs(void **state)
{
	static const uint8_t command[] = { 0xFF, 0x9A, 0x01, 0x06, 0x00 };
	const struct identity late = { .firmware = 0x1234 };

	(void)state;
	assert_int_equal(identity_answer(&late, command, sizeof(command),
					 answer, sizeof(answer)), 7);
	assert_memory_equal(answer, "12.34\x90\x00", 7);
}

static void other_commands_are_the_cards(void **state)
{
	static const uint8_t others[][5] = {
		{ 0x00, 0x9A, 0x01, 0x01, 0x00 },
		{ 0xFF, 0x9B, 0x01, 0x01, 0x00 },
		{ 0xFF, 0x9A, 0x02, 0x01, 0x00 },
		{ 0xFF, 0x9A, 0x01, 0x02, 0x00 },
		{ 0xFF, 0x9A, 0x01, 0x08, 0x00 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(identity_answer(&identity, others[i], 5,
						 answer, sizeof(answer)), 0);
	assert_int_equal(ask(0x01, 3, sizeof(answer)), 0);
	assert_int_equal(ask(0x01, 0, sizeof(answer)), 0);
}

static void an_answer_that_does_not_fit_is_not_given(void **state)
{
	(void)state;
	assert_int_equal(ask(0x01, 5, 6), 6);
	assert_int_equal(ask(0x01, 5, 5), -ENOBUFS);
	assert_int_equal(answer[0], 0x5A);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_told_who_is_there),
		cmocka_unit_test(a_version_has_as_many_digits_as_it_needs),
		cmocka_unit_test(other_commands_are_the_cards),
		cmocka_unit_test(an_answer_that_does_not_fit_is_not_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
