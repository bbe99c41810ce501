/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "ccid.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

/* What one call of ccid_event_next leaves of the bytes */
struct walk {
	const uint8_t *at;
	size_t left;
	unsigned slots;
};

static struct ccid_event next_event(struct walk *walk)
{
	struct ccid_event event;
	size_t before = walk->left;

	memset(&event, 0x5A, sizeof(event));
	assert_true(ccid_event_next(&walk->at, &walk->left, walk->slots,
				    &event));
	assert_true(walk->left < before);
	return event;
}

static void assert_end(struct walk *walk)
{
	struct ccid_event event, before;

	memset(&event, 0x5A, sizeof(event));
	before = event;
	assert_false(ccid_event_next(&walk->at, &walk->left, walk->slots,
				     &event));
	assert_memory_equal(&event, &before, sizeof(event));
}

static void assert_states(struct ccid_event event, uint32_t told,
			  uint32_t present, uint32_t changed)
{
	assert_int_equal(event.type, CCID_NOTIFY_SLOT_CHANGE);
	assert_int_equal(event.told, told);
	assert_int_equal(event.present, present);
	assert_int_equal(event.changed, changed);
}

static void a_command_header_is_ten_bytes_in_the_standards_order(void **state)
{
	static const uint8_t parameters[3] = { 0xA7, 0xA8, 0xA9 };
	static const uint8_t wanted[] = {
		0x6F, 0x44, 0x33, 0x22, 0x11, 0x05, 0x06, 0xA7, 0xA8, 0xA9,
	};
	uint8_t header[CCID_HEADER_SIZE];

	(void)state;
	ccid_command_put(header, CCID_XFR_BLOCK, 5, 6, parameters, 0x11223344);
	assert_memory_equal(header, wanted, sizeof(wanted));
}

static void a_slot_status_is_parsed(void **state)
{
	static const uint8_t bytes[] = {
		0x81, 0, 0, 0, 0, 0x03, 0x42, 0x01, 0x00, 0x02,
	};
	struct ccid_reply reply;

	(void)state;
	assert_int_equal(ccid_reply_parse(bytes, sizeof(bytes), &reply), 0);
	assert_int_equal(reply.type, CCID_SLOT_STATUS);
	assert_int_equal(reply.slot, 3);
	assert_int_equal(reply.seq, 0x42);
	assert_int_equal(reply.icc, CCID_ICC_INACTIVE);
	assert_int_equal(reply.outcome, CCID_DONE);
	assert_int_equal(reply.error, 0);
	assert_int_equal(reply.extra, 2);
	assert_int_equal(reply.size, 0);
}

static void a_data_block_points_at_its_data(void **state)
{
	static const uint8_t bytes[] = {
		0x80, 2, 0, 0, 0, 0, 7, 0x00, 0x00, 0x01, 0x90, 0x00,
	};
	struct ccid_reply reply;

	(void)state;
	assert_int_equal(ccid_reply_parse(bytes, sizeof(bytes), &reply), 0);
	assert_int_equal(reply.icc, CCID_ICC_ACTIVE);
	assert_int_equal(reply.extra, CCID_CHAIN_BEGIN);
	assert_ptr_equal(reply.data, bytes + 10);
	assert_int_equal(reply.size, 2);
}

static void every_status_byte_has_a_meaning(void **state)
{
	static const enum ccid_icc iccs[] = {
		CCID_ICC_ACTIVE, CCID_ICC_INACTIVE, CCID_ICC_ABSENT,
		CCID_ICC_ABSENT,
	};
	static const enum ccid_outcome outcomes[] = {
		CCID_DONE, CCID_FAILED, CCID_TIME_EXTENSION, CCID_FAILED,
	};
	uint8_t bytes[CCID_HEADER_SIZE] = { CCID_SLOT_STATUS, [8] = 0xFE };
	struct ccid_reply reply;

	(void)state;
	for (unsigned status = 0; status < 256; status++) {
		bytes[7] = (uint8_t)status;
		assert_int_equal(ccid_reply_parse(bytes, sizeof(bytes), &reply),
				 0);
		assert_int_equal(reply.icc, iccs[status % 4]);
		assert_int_equal(reply.outcome, outcomes[status / 64]);
		assert_int_equal(reply.error, 0xFE);
	}
}

static void fewer_than_ten_bytes_are_no_reply(void **state)
{
	static const uint8_t bytes[CCID_HEADER_SIZE] = { CCID_SLOT_STATUS };
	struct ccid_reply reply, before;

	(void)state;
	memset(&reply, 0x5A, sizeof(reply));
	before = reply;
	for (size_t size = 0; size < sizeof(bytes); size++)
		assert_int_equal(ccid_reply_parse(bytes, size, &reply),
				 -EBADMSG);
	assert_memory_equal(&reply, &before, sizeof(reply));
}

static void a_length_that_differs_from_the_bytes_is_refused(void **state)
{
	static const uint8_t lengths[][4] = {
		{ 0, 0, 0, 0 }, { 1, 0, 0, 0 }, { 3, 0, 0, 0 },
		{ 2, 1, 0, 0 }, { 2, 0, 1, 0 }, { 2, 0, 0, 1 },
		{ 0xF6, 0xFF, 0xFF, 0xFF }, { 0xF8, 0xFF, 0xFF, 0xFF },
		{ 0xFF, 0xFF, 0xFF, 0xFF }, { 12, 0, 0, 0 },
	};
	uint8_t bytes[] = { 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x90, 0x00 };
	struct ccid_reply reply;

	(void)state;
	for (size_t i = 0; i < ROWS(lengths); i++) {
		memcpy(bytes + 1, lengths[i], 4);
		assert_int_equal(ccid_reply_parse(bytes, sizeof(bytes), &reply),
				 -EBADMSG);
	}
}

static void only_the_five_reply_types_are_replies(void **state)
{
	uint8_t bytes[CCID_HEADER_SIZE] = { 0 };
	struct ccid_reply reply;

	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		bytes[0] = (uint8_t)type;
		assert_int_equal(ccid_reply_parse(bytes, sizeof(bytes), &reply),
				 type >= 0x80 && type <= 0x84 ? 0 : -EPROTO);
	}
}

static void each_command_has_its_reply_type(void **state)
{
	static const uint8_t pairs[][2] = {
		{ 0x61, 0x82 }, { 0x62, 0x80 }, { 0x63, 0x81 }, { 0x65, 0x81 },
		{ 0x69, 0x80 }, { 0x6B, 0x83 }, { 0x6C, 0x82 }, { 0x6D, 0x82 },
		{ 0x6F, 0x80 }, { 0x72, 0x81 },
	};
	uint8_t wanted[256] = { 0 };

	(void)state;
	for (size_t i = 0; i < ROWS(pairs); i++)
		wanted[pairs[i][0]] = pairs[i][1];
	for (unsigned command = 0; command < 256; command++)
		assert_int_equal(ccid_reply_type((uint8_t)command),
				 wanted[command]);
}

static void every_error_has_a_text(void **state)
{
	(void)state;
	for (unsigned error = 0; error < 256; error++) {
		const char *text = ccid_error_text((uint8_t)error);

		assert_non_null(text);
		assert_true(strlen(text) > 0);
	}
}

static void errors_are_told_apart_by_their_texts(void **state)
{
	static const struct {
		uint8_t error;
		const char *text;
	} rows[] = {
		{ 0x00, "command not supported" },
		{ 0x01, "field wrong or not supported" },
		{ 0x7F, "field wrong or not supported" },
		{ 0x80, "reserved error code" },
		{ 0x81, "error of the vendor's own" },
		{ 0xC0, "error of the vendor's own" },
		{ 0xC1, "reserved error code" },
		{ 0xE0, "slot is busy" },
		{ 0xEF, "PIN entry cancelled" },
		{ 0xF0, "no PIN entered in time" },
		{ 0xF1, "reserved error code" },
		{ 0xFE, "card does not answer" },
		{ 0xFF, "aborted by the host" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_string_equal(ccid_error_text(rows[i].error),
				    rows[i].text);
}

static void one_slot_tells_of_all_four_states(void **state)
{
	(void)state;
	for (uint8_t bits = 0; bits < 4; bits++) {
		const uint8_t bytes[] = { 0x50, bits };
		struct walk walk = { bytes, sizeof(bytes), 1 };

		assert_states(next_event(&walk), 1, bits & 1, bits >> 1);
		assert_end(&walk);
	}
}

static void two_messages_in_one_transfer_are_both_told(void **state)
{
	static const uint8_t bytes[] = { 0x50, 0x03, 0x50, 0x02 };
	struct walk walk = { bytes, sizeof(bytes), 1 };

	(void)state;
	assert_states(next_event(&walk), 1, 1, 1);
	assert_states(next_event(&walk), 1, 0, 1);
	assert_end(&walk);
}

static void sixteen_slots_lie_in_four_bytes(void **state)
{
	/* card in 0 and 15, change in 4 and 15 */
	static const uint8_t bytes[] = { 0x50, 0x01, 0x02, 0x00, 0xC0 };
	struct walk walk = { bytes, sizeof(bytes), 16 };

	(void)state;
	assert_states(next_event(&walk), 0xFFFF, 0x8001, 0x8010);
	assert_end(&walk);
}

static void the_length_grows_with_every_fourth_slot(void **state)
{
	static const uint8_t bytes[6] = { 0x50 };

	(void)state;
	for (unsigned slots = 1; slots <= 16; slots++) {
		struct walk walk = { bytes, sizeof(bytes), slots };

		assert_states(next_event(&walk), (1u << slots) - 1, 0, 0);
		assert_int_equal(sizeof(bytes) - walk.left,
				 1 + (2 * slots + 7) / 8);
	}
}

static void bits_of_slots_that_are_not_there_are_dropped(void **state)
{
	static const uint8_t bytes[] = { 0x50, 0xFF };
	struct walk walk = { bytes, sizeof(bytes), 2 };

	(void)state;
	assert_states(next_event(&walk), 3, 3, 3);
	assert_end(&walk);
}

static void a_short_notification_tells_only_what_it_holds(void **state)
{
	static const uint8_t bytes[] = { 0x50, 0xFF };
	struct walk walk = { bytes, sizeof(bytes), 8 };

	(void)state;
	assert_states(next_event(&walk), 0x0F, 0x0F, 0x0F);
	assert_end(&walk);
}

static void a_notification_without_states_tells_of_no_slot(void **state)
{
	static const uint8_t bytes[] = { 0x50 };
	struct walk walk = { bytes, sizeof(bytes), 4 };

	(void)state;
	assert_states(next_event(&walk), 0, 0, 0);
	assert_end(&walk);
}

static void bytes_beyond_a_notification_are_a_message_of_their_own(void **state)
{
	static const uint8_t bytes[] = { 0x50, 0x03, 0x00, 0x00 };
	struct walk walk = { bytes, sizeof(bytes), 1 };

	(void)state;
	assert_states(next_event(&walk), 1, 1, 1);
	assert_int_equal(next_event(&walk).type, 0);
	assert_end(&walk);
}

static void a_hardware_error_names_slot_command_and_code(void **state)
{
	static const uint8_t bytes[] = { 0x51, 0x02, 0x77, 0x01, 0x50, 0x02 };
	struct walk walk = { bytes, sizeof(bytes), 1 };
	struct ccid_event event = next_event(&walk);

	(void)state;
	assert_int_equal(event.type, CCID_HARDWARE_ERROR);
	assert_int_equal(event.slot, 2);
	assert_int_equal(event.seq, 0x77);
	assert_int_equal(event.code, 1);
	assert_int_equal(event.told, 0);
	assert_states(next_event(&walk), 1, 0, 1);
	assert_end(&walk);
}

static void a_hardware_error_may_stand_alone(void **state)
{
	static const uint8_t bytes[] = { 0x51, 0x02, 0x77, 0x01 };
	struct walk walk = { bytes, sizeof(bytes), 1 };

	(void)state;
	assert_int_equal(next_event(&walk).code, 1);
	assert_end(&walk);
}

static void a_hardware_error_cut_short_names_nobody(void **state)
{
	static const uint8_t bytes[] = { 0x51, 0x02, 0x77 };

	(void)state;
	for (size_t size = 1; size <= sizeof(bytes); size++) {
		struct walk walk = { bytes, size, 1 };
		struct ccid_event event = next_event(&walk);

		assert_int_equal(event.type, 0);
		assert_int_equal(event.slot, 0);
		assert_int_equal(event.seq, 0);
		assert_end(&walk);
	}
}

static void a_message_of_another_type_hides_what_follows(void **state)
{
	static const uint8_t bytes[] = { 0x40, 0x01, 0x50, 0x03 };
	struct walk walk = { bytes, sizeof(bytes), 1 };
	struct ccid_event event = next_event(&walk);

	(void)state;
	assert_int_equal(event.type, 0x40);
	assert_int_equal(event.told, 0);
	assert_int_equal(walk.left, 0);
	assert_ptr_equal(walk.at, bytes + sizeof(bytes));
	assert_end(&walk);
}

static void an_empty_transfer_holds_no_message(void **state)
{
	struct walk walk = { NULL, 0, 1 };

	(void)state;
	assert_end(&walk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_command_header_is_ten_bytes_in_the_standards_order),
		cmocka_unit_test(a_slot_status_is_parsed),
		cmocka_unit_test(a_data_block_points_at_its_data),
		cmocka_unit_test(every_status_byte_has_a_meaning),
		cmocka_unit_test(fewer_than_ten_bytes_are_no_reply),
		cmocka_unit_test(
			a_length_that_differs_from_the_bytes_is_refused),
		cmocka_unit_test(only_the_five_reply_types_are_replies),
		cmocka_unit_test(each_command_has_its_reply_type),
		cmocka_unit_test(every_error_has_a_text),
		cmocka_unit_test(errors_are_told_apart_by_their_texts),
		cmocka_unit_test(one_slot_tells_of_all_four_states),
		cmocka_unit_test(two_messages_in_one_transfer_are_both_told),
		cmocka_unit_test(sixteen_slots_lie_in_four_bytes),
		cmocka_unit_test(the_length_grows_with_every_fourth_slot),
		cmocka_unit_test(bits_of_slots_that_are_not_there_are_dropped),
		cmocka_unit_test(a_short_notification_tells_only_what_it_holds),
		cmocka_unit_test(
			a_notification_without_states_tells_of_no_slot),
		cmocka_unit_test(
			bytes_beyond_a_notification_are_a_message_of_their_own),
		cmocka_unit_test(a_hardware_error_names_slot_command_and_code),
		cmocka_unit_test(a_hardware_error_may_stand_alone),
		cmocka_unit_test(a_hardware_error_cut_short_names_nobody),
		cmocka_unit_test(a_message_of_another_type_hides_what_follows),
		cmocka_unit_test(an_empty_transfer_holds_no_message),
	};

	return cmocka_run_group_tests_name("ccid", tests, NULL, NULL);
}
