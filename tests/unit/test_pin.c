/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "ccid.h"
#include "pin.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

/* Offsets in a client's structure that the cases change */
#define TIMEOUT		0
#define V_DIGITS	5
#define V_CONDITION	7
#define V_MESSAGES	8
#define V_LANGUAGE	9
#define V_LENGTH	15
#define V_APDU		19
#define M_DIGITS	7
#define M_CONFIRM	9
#define M_CONDITION	10
#define M_MESSAGES	11
#define M_LANGUAGE	12
#define M_INDEXES	14
#define M_LENGTH	20
#define M_APDU		24

/* bTimeOut2 and bTeoPrologue are set, and must not come through. */
static const uint8_t verify[] = {
	0x1E, 0x99, 0x82, 0x08, 0x00, 0x08, 0x04, 0x02, 0x01, 0x09, 0x04,
	0x00, 0xA1, 0xA2, 0xA3, 0x0D, 0x00, 0x00, 0x00,
	0x00, 0x20, 0x00, 0x81, 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
	0xFF, 0xFF,
};

static const uint8_t verify_secure[] = {
	0x00, 0x1E, 0x82, 0x08, 0x00, 0x08, 0x04, 0x02, 0x01, 0x09, 0x04,
	0x00, 0x00, 0x00, 0x00,
	0x00, 0x20, 0x00, 0x81, 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
	0xFF, 0xFF,
};

static const uint8_t modify[] = {
	0x1E, 0x99, 0x82, 0x08, 0x00, 0x00, 0x08, 0x08, 0x04, 0x03, 0x02,
	0x03, 0x09, 0x04, 0x10, 0x11, 0x12, 0xA1, 0xA2, 0xA3,
	0x05, 0x00, 0x00, 0x00,
	0x00, 0x24, 0x00, 0x81, 0x00,
};

static const uint8_t modify_secure[] = {
	0x01, 0x1E, 0x82, 0x08, 0x00, 0x00, 0x08, 0x08, 0x04, 0x03, 0x02,
	0x03, 0x09, 0x04, 0x10, 0x11, 0x12, 0x00, 0x00, 0x00,
	0x00, 0x24, 0x00, 0x81, 0x00,
};

static uint8_t bytes[V_APDU + 0x200];
static size_t size;
static struct pin pin;
static struct pin_rules rules;	/* at first as CCID has them */

static int start_afresh(void **state)
{
	(void)state;
	memset(bytes, 0, sizeof(bytes));
	memset(&pin, 0x5A, sizeof(pin));
	memset(&rules, 0, sizeof(rules));
	return 0;
}

static void take(const uint8_t *structure, size_t structure_size)
{
	memcpy(bytes, structure, structure_size);
	size = structure_size;
}

static void take_verify(void)
{
	take(verify, sizeof(verify));
}

static void take_modify(void)
{
	take(modify, sizeof(modify));
}

static void parse(enum pin_operation operation)
{
	assert_int_equal(pin_parse(operation, &rules, bytes, size, &pin), 0);
}

static void assert_refused(enum pin_operation operation)
{
	struct pin before = pin;

	assert_int_equal(pin_parse(operation, &rules, bytes, size, &pin),
			 -EINVAL);
	assert_memory_equal(&pin, &before, sizeof(pin));
}

static void assert_data(const uint8_t *expected, size_t expected_size)
{
	assert_int_equal(pin.size, expected_size);
	assert_memory_equal(pin.data, expected, expected_size);
}

static void a_verify_becomes_the_data_of_a_secure_command(void **state)
{
	(void)state;
	take_verify();
	parse(PIN_VERIFY);
	assert_data(verify_secure, sizeof(verify_secure));
	assert_int_equal(pin.apdu_size, 13);
}

static void a_modify_becomes_the_data_of_a_secure_command(void **state)
{
	(void)state;
	take_modify();
	parse(PIN_MODIFY);
	assert_data(modify_secure, sizeof(modify_secure));
	assert_int_equal(pin.apdu_size, 5);
}

/* Every byte in a place of its own. */
static void each_field_goes_where_it_belongs(void **state)
{
	static const uint8_t from_verify[] = { 0, 2, 3, 4, 5, 6, 7, 8, 9, 10,
					       11 };
	static const uint8_t from_modify[] = { 0, 2, 3, 4, 5, 6, 7, 8, 9, 10,
					       11, 12, 13, 14, 15, 16 };

	(void)state;
	take_verify();
	for (size_t i = 0; i < ROWS(from_verify); i++)
		assert_int_equal(verify_secure[1 + i],
				 verify[from_verify[i]]);
	for (size_t i = 0; i < ROWS(from_modify); i++)
		assert_int_equal(modify_secure[1 + i],
				 modify[from_modify[i]]);
	for (uint8_t i = 2; i < V_DIGITS; i++)
		bytes[i] = (uint8_t)(0x40 + i);
	bytes[11] = 0x77;
	parse(PIN_VERIFY);
	assert_memory_equal(pin.data + 2, "\x42\x43\x44", 3);
	assert_int_equal(pin.data[11], 0x77);
	take_modify();
	for (uint8_t i = 2; i < M_DIGITS; i++)
		bytes[i] = (uint8_t)(0x40 + i);
	parse(PIN_MODIFY);
	assert_memory_equal(pin.data + 2, "\x42\x43\x44\x45\x46", 5);
}

static void a_structure_cut_at_any_byte_is_refused(void **state)
{
	(void)state;
	take_verify();
	for (size = 0; size < sizeof(verify); size++)
		assert_refused(PIN_VERIFY);
	take_modify();
	for (size = 0; size < sizeof(modify); size++)
		assert_refused(PIN_MODIFY);
}

static void a_structure_of_the_other_operation_is_refused(void **state)
{
	(void)state;
	take_verify();
	assert_refused(PIN_MODIFY);
	take_modify();
	assert_refused(PIN_VERIFY);
}

static void a_length_that_is_not_the_apdus_is_refused(void **state)
{
	static const uint32_t wrong[] = {
		0, 1, 12, 14, 0xFF, 0x0D0D, 0x0D00, 0x000D0000, 0x0E000000,
		0x0C000000, 0x0D000001, 0x80000000, 0x7FFFFFFF, 0xFFFFFFED,
		0xFFFFFFFF,
	};

	(void)state;
	take_verify();
	for (size_t i = 0; i < ROWS(wrong); i++) {
		put_le32(bytes + V_LENGTH, wrong[i]);
		assert_refused(PIN_VERIFY);
	}
	take_modify();
	for (size_t i = 0; i < ROWS(wrong); i++) {
		put_le32(bytes + M_LENGTH, wrong[i]);
		assert_refused(PIN_MODIFY);
	}
	put_le32(bytes + M_LENGTH, 4);
	assert_refused(PIN_MODIFY);
	put_le32(bytes + M_LENGTH, 6);
	assert_refused(PIN_MODIFY);
}

/* As a client writes it that keeps everything in network order. */
static void everything_may_be_big_endian(void **state)
{
	(void)state;
	take_verify();
	put_le32(bytes + V_LENGTH, 0x0D000000);
	memcpy(bytes + V_DIGITS, "\x04\x08", 2);
	memcpy(bytes + V_LANGUAGE, "\x04\x09", 2);
	parse(PIN_VERIFY);
	assert_data(verify_secure, sizeof(verify_secure));
	take_modify();
	put_le32(bytes + M_LENGTH, 0x05000000);
	memcpy(bytes + M_DIGITS, "\x04\x08", 2);
	memcpy(bytes + M_LANGUAGE, "\x04\x09", 2);
	parse(PIN_MODIFY);
	assert_data(modify_secure, sizeof(modify_secure));
}

static void a_big_endian_length_alone_leaves_the_digits_in_order(void **state)
{
	(void)state;
	take_verify();
	put_le32(bytes + V_LENGTH, 0x0D000000);
	parse(PIN_VERIFY);
	assert_memory_equal(pin.data + V_DIGITS, "\x08\x04", 2);
}

static void a_length_of_two_bytes_may_be_big_endian(void **state)
{
	(void)state;
	take_verify();
	size = V_APDU + 0x0101;
	put_le32(bytes + V_LENGTH, 0x01010000);
	parse(PIN_VERIFY);
	assert_int_equal(pin.apdu_size, 0x0101);
	assert_memory_equal(pin.data + V_LANGUAGE, "\x04\x09", 2);
}

static void digits_come_with_the_most_first(void **state)
{
	static const struct {
		uint8_t given[2], made[2];
	} rows[] = {
		{ { 8, 4 }, { 8, 4 } },
		{ { 4, 8 }, { 8, 4 } },
		{ { 6, 6 }, { 6, 6 } },
		{ { 8, 0 }, { 8, 0 } },
		{ { 0, 8 }, { 0, 8 } },
		{ { 0, 0 }, { 0, 0 } },
		{ { 1, 255 }, { 255, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		take_verify();
		memcpy(bytes + V_DIGITS, rows[i].given, 2);
		parse(PIN_VERIFY);
		assert_memory_equal(pin.data + V_DIGITS, rows[i].made, 2);
		take_modify();
		memcpy(bytes + M_DIGITS, rows[i].given, 2);
		parse(PIN_MODIFY);
		assert_memory_equal(pin.data + M_DIGITS, rows[i].made, 2);
	}
}

static void a_condition_that_is_none_becomes_the_validation_key(void **state)
{
	(void)state;
	for (unsigned condition = 0; condition < 256; condition++) {
		bool good = condition >= 1 && condition <= 7;

		take_verify();
		bytes[V_CONDITION] = (uint8_t)condition;
		parse(PIN_VERIFY);
		assert_int_equal(pin.data[V_CONDITION], good ? condition : 2);
		take_modify();
		bytes[M_CONDITION] = (uint8_t)condition;
		parse(PIN_MODIFY);
		assert_int_equal(pin.data[M_CONDITION], good ? condition : 2);
	}
}

static void a_verify_shows_one_message_at_most(void **state)
{
	static const struct {
		uint8_t given, made;
	} rows[] = { { 0, 0 }, { 1, 1 }, { 2, 1 }, { 3, 1 }, { 0xFF, 0xFF } };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		take_verify();
		bytes[V_MESSAGES] = rows[i].given;
		parse(PIN_VERIFY);
		assert_int_equal(pin.data[V_MESSAGES], rows[i].made);
		assert_int_equal(pin.size, sizeof(verify_secure));
	}
}

/* The APDU begins at 18, 19 or 20, so at 28 to 30 of the message. */
static void a_modify_carries_the_indexes_that_its_messages_have(void **state)
{
	static const struct {
		uint8_t messages;
		size_t apdu;
	} rows[] = { { 0, 18 }, { 1, 19 }, { 2, 19 }, { 3, 20 }, { 0xFF, 20 } };
	static const uint8_t indexes[] = { 0x10, 0x11, 0x12 };
	static const uint8_t prologue[] = { 0x00, 0x40, 0x05 };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		take_modify();
		bytes[M_MESSAGES] = rows[i].messages;
		parse(PIN_MODIFY);
		pin_set_prologue(&pin, prologue);
		assert_int_equal(pin.size, rows[i].apdu + 5);
		assert_int_equal(pin.data[M_MESSAGES], rows[i].messages);
		assert_memory_equal(pin.data + 14, indexes,
				    rows[i].apdu - 17);
		assert_memory_equal(pin.data + rows[i].apdu - 3, prologue, 3);
		assert_memory_equal(pin.data + rows[i].apdu, modify + M_APDU,
				    5);
	}
}

static void other_numbers_of_messages_are_refused(void **state)
{
	(void)state;
	for (unsigned messages = 4; messages < 0xFF; messages++) {
		take_verify();
		bytes[V_MESSAGES] = (uint8_t)messages;
		assert_refused(PIN_VERIFY);
		take_modify();
		bytes[M_MESSAGES] = (uint8_t)messages;
		assert_refused(PIN_MODIFY);
	}
}

static int parse_apdu_of(enum pin_operation operation, size_t apdu_size)
{
	size_t header = operation == PIN_VERIFY ? V_APDU : M_APDU;

	put_le32(bytes + header - 4, (uint32_t)apdu_size);
	return pin_parse(operation, &rules, bytes, header + apdu_size, &pin);
}

static void an_apdu_has_4_to_261_bytes(void **state)
{
	(void)state;
	take_verify();
	for (size_t n = 0; n < 4; n++)
		assert_int_equal(parse_apdu_of(PIN_VERIFY, n), -EINVAL);
	assert_int_equal(parse_apdu_of(PIN_VERIFY, 4), 0);
	assert_int_equal(pin.size, 19);
	assert_int_equal(parse_apdu_of(PIN_VERIFY, 261), 0);
	assert_int_equal(pin.size, 276);
	assert_int_equal(parse_apdu_of(PIN_VERIFY, 262), -EINVAL);
	take_modify();
	for (size_t n = 0; n < 4; n++)
		assert_int_equal(parse_apdu_of(PIN_MODIFY, n), -EINVAL);
	assert_int_equal(parse_apdu_of(PIN_MODIFY, 4), 0);
	assert_int_equal(parse_apdu_of(PIN_MODIFY, 261), 0);
	assert_int_equal(pin.size, PIN_DATA_MAX);
	assert_int_equal(parse_apdu_of(PIN_MODIFY, 262), -EINVAL);
}

static void a_prologue_stands_before_the_apdu_of_a_verify(void **state)
{
	static const uint8_t prologue[] = { 0x00, 0x40, 0x0D };

	(void)state;
	take_verify();
	parse(PIN_VERIFY);
	pin_set_prologue(&pin, prologue);
	assert_int_equal(pin.size, sizeof(verify_secure));
	assert_memory_equal(pin.data, verify_secure, 12);
	assert_memory_equal(pin.data + 12, prologue, 3);
	assert_memory_equal(pin.data + 15, verify_secure + 15, 13);
}

static void the_user_has_ninety_seconds_or_what_the_client_says(void **state)
{
	static const struct {
		enum pin_operation operation;
		uint8_t timeout, confirm;
		unsigned wait_s;
	} rows[] = {
		{ PIN_VERIFY, 0, 0, 90 },	{ PIN_VERIFY, 80, 0, 90 },
		{ PIN_VERIFY, 81, 0, 91 },	{ PIN_VERIFY, 255, 0, 265 },
		{ PIN_MODIFY, 30, 0, 90 },	{ PIN_MODIFY, 81, 0, 91 },
		{ PIN_MODIFY, 60, 1, 130 },	{ PIN_MODIFY, 60, 2, 130 },
		{ PIN_MODIFY, 60, 3, 190 },	{ PIN_MODIFY, 96, 3, 298 },
		{ PIN_MODIFY, 97, 3, 300 },	{ PIN_MODIFY, 255, 3, 300 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		if (rows[i].operation == PIN_VERIFY)
			take_verify();
		else
			take_modify();
		bytes[TIMEOUT] = rows[i].timeout;
		if (rows[i].operation == PIN_MODIFY)
			bytes[M_CONFIRM] = rows[i].confirm;
		parse(rows[i].operation);
		assert_int_equal(pin.wait_s, rows[i].wait_s);
		assert_int_equal(pin.data[1], rows[i].timeout);
	}
}

/* --- readers that want something else */

static void a_reader_gets_the_number_of_messages_that_it_takes(void **state)
{
	static const struct {
		enum pin_messages rule;
		uint8_t asked, told;
	} rows[] = {
		{ PIN_MESSAGES_NONE, 3, 0 },
		{ PIN_MESSAGES_NONE, 0xFF, 0 },
		{ PIN_MESSAGES_1, 0, 1 },
		{ PIN_MESSAGES_1, 0xFF, 1 },
		{ PIN_MESSAGES_3, 1, 3 },
		{ PIN_MESSAGES_OWN_FOR_NONE, 0, 0xFF },
		{ PIN_MESSAGES_OWN_FOR_NONE, 2, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		rules.modify_messages = (uint8_t)rows[i].rule;
		take_modify();
		bytes[M_MESSAGES] = rows[i].asked;
		parse(PIN_MODIFY);
		assert_int_equal(pin.data[M_MESSAGES], rows[i].told);
	}
	rules.modify_messages = PIN_MESSAGES_NONE;
	take_verify();
	parse(PIN_VERIFY);
	assert_int_equal(pin.data[V_MESSAGES], 1);
	rules.verify_messages = PIN_MESSAGES_NONE;
	parse(PIN_VERIFY);
	assert_int_equal(pin.data[V_MESSAGES], 0);
}

static void all_indexes_come_where_a_reader_wants_them(void **state)
{
	static const uint8_t zero[3];

	(void)state;
	for (uint8_t asked = 0; asked <= 3; asked++) {
		take_modify();
		bytes[M_MESSAGES] = asked;
		rules.indexes = PIN_INDEXES_ALL;
		parse(PIN_MODIFY);
		assert_int_equal(pin.data[M_MESSAGES], asked);
		assert_memory_equal(pin.data + M_INDEXES, bytes + M_INDEXES, 3);
		assert_int_equal(pin.size, M_INDEXES + 3 + 3 + pin.apdu_size);
		rules.indexes = PIN_INDEXES_ZERO;
		parse(PIN_MODIFY);
		assert_memory_equal(pin.data + M_INDEXES, zero, 3);
		assert_int_equal(pin.size, M_INDEXES + 3 + 3 + pin.apdu_size);
	}
	take_verify();
	parse(PIN_VERIFY);
	assert_int_equal(pin.size, 12 + 3 + pin.apdu_size);
}

static void a_condition_that_a_reader_lacks_becomes_the_key(void **state)
{
	static const uint8_t rows[][3] = {
		{ 2, 1, 2 }, { 2, 3, 2 }, { 2, 7, 2 }, { 3, 4, 2 },
		{ 3, 1, 1 }, { 0, 5, 5 }, { 0, 0, 2 }, { 7, 8, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		rules.conditions = rows[i][0];
		take_verify();
		bytes[V_CONDITION] = rows[i][1];
		parse(PIN_VERIFY);
		assert_int_equal(pin.data[V_CONDITION], rows[i][2]);
	}
}

static void digits_are_swapped_for_a_reader_that_reads_them_so(void **state)
{
	(void)state;
	rules.swapped_digits = true;
	take_verify();
	parse(PIN_VERIFY);
	assert_int_equal(pin.data[5], bytes[6]);
	assert_int_equal(pin.data[6], bytes[5]);
}

static void a_bare_command_without_a_block_is_told_apart(void **state)
{
	(void)state;
	take_verify();
	bytes[3] = 0;
	size = V_APDU + 4;
	bytes[15] = 4;
	parse(PIN_VERIFY);
	assert_false(pin.unpadded);
	rules.unpadded = true;
	parse(PIN_VERIFY);
	assert_true(pin.unpadded);
	bytes[3] = 8;
	parse(PIN_VERIFY);
	assert_false(pin.unpadded);
	take_verify();
	bytes[3] = 0;
	parse(PIN_VERIFY);
	assert_false(pin.unpadded);
}

static void a_user_without_a_pin_is_a_status_word(void **state)
{
	(void)state;
	for (unsigned error = 0; error < 256; error++) {
		uint8_t status[PIN_STATUS_SIZE] = { 0x5A, 0x5A };
		bool refused = pin_is_refused((uint8_t)error, status);

		assert_int_equal(refused, error == 0xF0 || error == 0xEF);
		assert_int_equal(status[0], refused ? 0x64 : 0x5A);
		assert_int_equal(status[1],
				 refused ? error == 0xEF : 0x5A);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, start_afresh)
		TEST(a_verify_becomes_the_data_of_a_secure_command),
		TEST(a_modify_becomes_the_data_of_a_secure_command),
		TEST(each_field_goes_where_it_belongs),
		TEST(a_structure_cut_at_any_byte_is_refused),
		TEST(a_structure_of_the_other_operation_is_refused),
		TEST(a_length_that_is_not_the_apdus_is_refused),
		TEST(everything_may_be_big_endian),
		TEST(a_big_endian_length_alone_leaves_the_digits_in_order),
		TEST(a_length_of_two_bytes_may_be_big_endian),
		TEST(digits_come_with_the_most_first),
		TEST(a_condition_that_is_none_becomes_the_validation_key),
		TEST(a_verify_shows_one_message_at_most),
		TEST(a_modify_carries_the_indexes_that_its_messages_have),
		TEST(other_numbers_of_messages_are_refused),
		TEST(an_apdu_has_4_to_261_bytes),
		TEST(a_prologue_stands_before_the_apdu_of_a_verify),
		TEST(the_user_has_ninety_seconds_or_what_the_client_says),
		TEST(a_reader_gets_the_number_of_messages_that_it_takes),
		TEST(all_indexes_come_where_a_reader_wants_them),
		TEST(a_condition_that_a_reader_lacks_becomes_the_key),
		TEST(digits_are_swapped_for_a_reader_that_reads_them_so),
		TEST(a_bare_command_without_a_block_is_told_apart),
		TEST(a_user_without_a_pin_is_a_status_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
