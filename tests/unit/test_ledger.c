/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "ledger.h"

#define SOME	5
#define WALL_MS	UINT64_C(0x0000018BCFE56800)

static struct ledger ledger;
static uint8_t bytes[LEDGER_SIZE_MAX];

static void note(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct ledger_entry entry = {
			.slot = 3,
			.kind = LEDGER_SWAPPED,
			.cause = LEDGER_RESUME,
			.visit = 0x01020304,
			.wall_ms = WALL_MS,
			.monotonic_ms = 77,
		};

		ledger_note(&ledger, &entry);
	}
}

static int begin(void **state)
{
	(void)state;
	memset(&ledger, 0, sizeof(ledger));
	return 0;
}

static void movements_are_numbered_from_1(void **state)
{
	const struct ledger_entry entry = { .kind = LEDGER_INSERTED };

	(void)state;
	assert_int_equal(ledger_note(&ledger, &entry), 1);
	assert_int_equal(ledger_note(&ledger, &entry), 2);
}

static void the_layout_is_to_the_byte(void **state)
{
	static const uint8_t expected[] = {
		'c', 't', 'l', '1', 16, 0, 32, 0, 1, 0, 0, 0, 1, 0, 0, 0,
		1, 0, 0, 0, 3, 3, 5, 0, 4, 3, 2, 1, 0, 0, 0, 0,
		0x00, 0x68, 0xE5, 0xCF, 0x8B, 0x01, 0, 0,
		77, 0, 0, 0, 0, 0, 0, 0,
	};

	(void)state;
	note(1);
	assert_int_equal(ledger_put(&ledger, bytes), sizeof(expected));
	assert_memory_equal(bytes, expected, sizeof(expected));
}

static void an_empty_ledger_is_a_header(void **state)
{
	(void)state;
	assert_int_equal(ledger_put(&ledger, bytes), LEDGER_HEADER_SIZE);
	assert_int_equal(ledger_entries(bytes, LEDGER_HEADER_SIZE), 0);
}

static void what_was_put_comes_back(void **state)
{
	struct ledger_entry entry;
	size_t size;

	(void)state;
	note(SOME);
	size = ledger_put(&ledger, bytes);
	assert_int_equal(ledger_entries(bytes, size), SOME);
	assert_int_equal(ledger_get(bytes, size, 1, &entry), 0);
	assert_int_equal(entry.number, 2);
	assert_int_equal(entry.slot, 3);
	assert_int_equal(entry.kind, LEDGER_SWAPPED);
	assert_int_equal(entry.cause, LEDGER_RESUME);
	assert_int_equal(entry.visit, 0x01020304);
	assert_int_equal(entry.wall_ms, WALL_MS);
	assert_int_equal(entry.monotonic_ms, 77);
	assert_int_equal(ledger_get(bytes, size, SOME, &entry), -ENODATA);
}

static void the_last_ones_are_kept_the_oldest_first(void **state)
{
	struct ledger_entry entry;
	size_t size;

	(void)state;
	note(LEDGER_KEPT + SOME);
	size = ledger_put(&ledger, bytes);
	assert_int_equal(size, LEDGER_SIZE_MAX);
	assert_int_equal(ledger_get(bytes, size, 0, &entry), 0);
	assert_int_equal(entry.number, SOME + 1);
	assert_int_equal(ledger_get(bytes, size, LEDGER_KEPT - 1, &entry), 0);
	assert_int_equal(entry.number, LEDGER_KEPT + SOME);
}

/* A later version may tell more; an older tool passes over it. */
static void longer_headers_and_entries_are_understood(void **state)
{
	uint8_t longer[24 + 2 * 40] = { 'c', 't', 'l', '1', 24, 0, 40, 0, 2 };
	struct ledger_entry entry;

	(void)state;
	longer[24 + 40] = 9;
	assert_int_equal(ledger_get(longer, sizeof(longer), 1, &entry), 0);
	assert_int_equal(entry.number, 9);
}

static void nothing_is_read_beyond_the_end(void **state)
{
	struct ledger_entry entry;
	size_t size;

	(void)state;
	note(SOME);
	size = ledger_put(&ledger, bytes);
	for (size_t n = 0; n < size; n++)
		assert_int_equal(ledger_get(bytes, n, 0, &entry), -EPROTO);
	memset(bytes + 8, 0xFF, 4);
	assert_int_equal(ledger_entries(bytes, size), -EPROTO);
	bytes[0] = 'x';
	assert_int_equal(ledger_entries(bytes, size), -EPROTO);
}

static void every_kind_and_cause_has_its_words(void **state)
{
	(void)state;
	for (unsigned i = LEDGER_INSERTED; i <= LEDGER_BRIEF; i++)
		assert_string_not_equal(ledger_kind_text(i), "unknown");
	for (unsigned i = LEDGER_NOTIFICATION; i <= LEDGER_ATR; i++)
		assert_string_not_equal(ledger_cause_text(i), "unknown");
	assert_string_equal(ledger_kind_text(0), "unknown");
	assert_string_equal(ledger_cause_text(200), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, begin)
		TEST(movements_are_numbered_from_1),
		TEST(the_layout_is_to_the_byte),
		TEST(an_empty_ledger_is_a_header),
		TEST(what_was_put_comes_back),
		TEST(the_last_ones_are_kept_the_oldest_first),
		TEST(longer_headers_and_entries_are_understood),
		TEST(nothing_is_read_beyond_the_end),
		TEST(every_kind_and_cause_has_its_words),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
