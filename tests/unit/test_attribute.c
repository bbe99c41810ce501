/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "attribute.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

/* PC/SC part 3 */
#define TAG_ATR			0x00000303
#define VENDOR_NAME		0x00010100
#define VENDOR_IFD_TYPE		0x00010101
#define VENDOR_IFD_VERSION	0x00010102
#define VENDOR_IFD_SERIAL_NO	0x00010103
#define CHANNEL_ID		0x00020110
#define ASYNC_PROTOCOL_TYPES	0x00030120
#define DEFAULT_CLK		0x00030121
#define MAX_CLK			0x00030122
#define DEFAULT_DATA_RATE	0x00030123
#define MAX_DATA_RATE		0x00030124
#define MAX_IFSD		0x00030125
#define SYNC_PROTOCOL_TYPES	0x00030126
#define POWER_MGMT_SUPPORT	0x00040131
#define USER_TO_CARD_AUTH	0x00050140
#define USER_AUTH_INPUT		0x00050142
#define CHARACTERISTICS		0x00060150
#define EXTENDED_BWT		0x0008020C
#define CURRENT_IO_STATE	0x00090302
#define MAXINPUT		0x0007A007
#define CURRENT_PROTOCOL_TYPE	0x00080201
#define CURRENT_CLK		0x00080202
#define CURRENT_F		0x00080203
#define CURRENT_D		0x00080204
#define CURRENT_N		0x00080205
#define CURRENT_W		0x00080206
#define CURRENT_IFSC		0x00080207
#define CURRENT_IFSD		0x00080208
#define CURRENT_BWT		0x00080209
#define CURRENT_CWT		0x0008020A
#define CURRENT_EBC_ENCODING	0x0008020B
#define ICC_PRESENCE		0x00090300
#define ICC_INTERFACE_STATUS	0x00090301
#define ATR_STRING		0x00090303
#define ICC_TYPE_PER_ATR	0x00090304

static const uint64_t all[] = {
	TAG_ATR, VENDOR_NAME, VENDOR_IFD_TYPE, VENDOR_IFD_VERSION,
	VENDOR_IFD_SERIAL_NO, CHANNEL_ID, ASYNC_PROTOCOL_TYPES, DEFAULT_CLK,
	MAX_CLK, DEFAULT_DATA_RATE, MAX_DATA_RATE, MAX_IFSD,
	SYNC_PROTOCOL_TYPES, POWER_MGMT_SUPPORT, USER_TO_CARD_AUTH,
	USER_AUTH_INPUT, CHARACTERISTICS, MAXINPUT,
	CURRENT_PROTOCOL_TYPE, CURRENT_CLK, CURRENT_F, CURRENT_D, CURRENT_N,
	CURRENT_W, CURRENT_IFSC, CURRENT_IFSD, CURRENT_BWT, CURRENT_CWT,
	CURRENT_EBC_ENCODING, ICC_PRESENCE, ICC_INTERFACE_STATUS, ATR_STRING,
	ICC_TYPE_PER_ATR,
};

/* Of the session: known only while there is one */
static const uint64_t current[] = {
	CURRENT_PROTOCOL_TYPE, CURRENT_CLK, CURRENT_F, CURRENT_D, CURRENT_N,
	CURRENT_W, CURRENT_IFSC, CURRENT_IFSD, CURRENT_BWT, CURRENT_CWT,
	CURRENT_EBC_ENCODING,
};

static const uint8_t atr[] = { 0x3B, 0x90, 0x95, 0x01, 0x05 };

static struct desc desc;
static struct attribute_facts facts;
static uint8_t value[ATTRIBUTE_MAX];

/* T=1 at TPDU level, agreed on. */
static int start_afresh(void **state)
{
	(void)state;
	desc = (struct desc){
		.level = DESC_LEVEL_TPDU,
		.protocols = 2,
		.default_clock = 4000,
		.max_clock = 4800,
		.default_rate = 10752,
		.max_rate = 344086,
		.max_ifsd = 254,
		.synch_protocols = 5,
		.mechanical = 0x0F,
		.max_message = 271,
	};
	facts = (struct attribute_facts){
		.desc = &desc,
		.version = 0x0205,
		.bus = 3,
		.address = 17,
		.text = "",
		.present = true,
		.powered = true,
		.atr_size = sizeof(atr),
		.agreed = true,
		.params = {
			.protocol = 1,
			.fidi = 0x95,
			.set = true,
			.crc = true,
			.times = {
				.guard_time = 3,
				.wi = 11,
				.bwi = 4,
				.cwi = 13,
				.ifsc = 64,
			},
		},
		.ifsc = 96,
		.ifsd = 250,
	};
	memcpy(facts.atr, atr, sizeof(atr));
	memset(value, 0x5A, sizeof(value));
	return 0;
}

static void assert_number(uint64_t attribute, uint32_t expected)
{
	uint32_t number;

	assert_int_equal(attribute_get(attribute, &facts, value), 4);
	memcpy(&number, value, 4);
	assert_int_equal(number, expected);
}

static void assert_byte(uint64_t attribute, uint8_t expected)
{
	assert_int_equal(attribute_get(attribute, &facts, value), 1);
	assert_int_equal(value[0], expected);
}

static void assert_unknown(uint64_t attribute)
{
	memset(value, 0x5A, sizeof(value));
	assert_int_equal(attribute_get(attribute, &facts, value), -ENODATA);
	for (size_t i = 0; i < sizeof(value); i++)
		assert_int_equal(value[i], 0x5A);
}

static void three_attributes_are_texts_of_the_device(void **state)
{
	(void)state;
	assert_int_equal(attribute_text(VENDOR_NAME), ATTRIBUTE_MANUFACTURER);
	assert_int_equal(attribute_text(VENDOR_IFD_TYPE), ATTRIBUTE_PRODUCT);
	assert_int_equal(attribute_text(VENDOR_IFD_SERIAL_NO),
			 ATTRIBUTE_SERIAL);
	assert_int_equal(attribute_text(VENDOR_IFD_VERSION),
			 ATTRIBUTE_NO_TEXT);
	assert_int_equal(attribute_text(0), ATTRIBUTE_NO_TEXT);
}

static void a_text_counts_its_nul(void **state)
{
	(void)state;
	facts.text = "ACME";
	assert_int_equal(attribute_get(VENDOR_NAME, &facts, value), 5);
	assert_memory_equal(value, "ACME", 5);
}

static void a_text_that_the_device_does_not_have_is_empty(void **state)
{
	(void)state;
	assert_int_equal(attribute_get(VENDOR_IFD_SERIAL_NO, &facts, value),
			 0);
	assert_int_equal(value[0], 0x5A);
}

static void a_text_that_is_too_long_is_cut(void **state)
{
	char text[400];

	(void)state;
	memset(text, 'A', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	facts.text = text;
	assert_int_equal(attribute_get(VENDOR_IFD_TYPE, &facts, value),
			 ATTRIBUTE_MAX);
	assert_int_equal(value[ATTRIBUTE_MAX - 2], 'A');
	assert_int_equal(value[ATTRIBUTE_MAX - 1], 0);
}

static void the_reader_tells_its_limits(void **state)
{
	(void)state;
	assert_number(VENDOR_IFD_VERSION, 0x02050000);
	assert_number(CHANNEL_ID, 0x00200311);
	assert_number(ASYNC_PROTOCOL_TYPES, 2);
	assert_number(DEFAULT_CLK, 4000);
	assert_number(MAX_CLK, 4800);
	assert_number(DEFAULT_DATA_RATE, 10752);
	assert_number(MAX_DATA_RATE, 344086);
	assert_number(MAX_IFSD, 254);
	assert_number(SYNC_PROTOCOL_TYPES, 5);
	assert_number(POWER_MGMT_SUPPORT, 1);
	assert_number(MAXINPUT, 261);
}

static void swallow_eject_and_capture_are_characteristics(void **state)
{
	(void)state;
	assert_number(CHARACTERISTICS, 7);
	desc.mechanical = 0x08;
	assert_number(CHARACTERISTICS, 0);
	desc.mechanical = 0x02;
	assert_number(CHARACTERISTICS, 2);
}

static void a_reader_without_keys_has_nothing_for_a_user_to_use(void **state)
{
	(void)state;
	assert_number(USER_TO_CARD_AUTH, 0);
	assert_number(USER_AUTH_INPUT, 0);
	desc.pin_support = 1;
	assert_unknown(USER_TO_CARD_AUTH);
	assert_unknown(USER_AUTH_INPUT);
}

static void what_is_over_when_it_is_asked_for_is_not_told(void **state)
{
	(void)state;
	assert_unknown(EXTENDED_BWT);
	assert_unknown(CURRENT_IO_STATE);
}

static void a_reader_without_protocols_is_tried_with_both(void **state)
{
	(void)state;
	desc.protocols = 0;
	assert_number(ASYNC_PROTOCOL_TYPES, 3);
}

static void a_clock_or_rate_of_nothing_is_not_told(void **state)
{
	(void)state;
	desc.default_clock = 0;
	desc.max_clock = 0;
	desc.default_rate = 0;
	desc.max_rate = 0;
	assert_unknown(DEFAULT_CLK);
	assert_unknown(MAX_CLK);
	assert_unknown(DEFAULT_DATA_RATE);
	assert_unknown(MAX_DATA_RATE);
	assert_unknown(CURRENT_CLK);
}

static void presence_and_power_are_not_the_same(void **state)
{
	(void)state;
	assert_byte(ICC_PRESENCE, 2);
	assert_byte(ICC_INTERFACE_STATUS, 1);
	facts.powered = false;
	assert_byte(ICC_PRESENCE, 2);
	assert_byte(ICC_INTERFACE_STATUS, 0);
	facts.present = false;
	assert_byte(ICC_PRESENCE, 0);
	assert_byte(ICC_INTERFACE_STATUS, 0);
}

static void the_atr_is_the_atr(void **state)
{
	(void)state;
	assert_int_equal(attribute_get(ATR_STRING, &facts, value),
			 sizeof(atr));
	assert_memory_equal(value, atr, sizeof(atr));
	facts.atr_size = ATR_MAX;
	assert_int_equal(attribute_get(ATR_STRING, &facts, value), ATR_MAX);
	facts.atr_size = 0;
	assert_int_equal(attribute_get(ATR_STRING, &facts, value), 0);
}

static void only_an_atr_makes_a_card_asynchronous(void **state)
{
	(void)state;
	assert_byte(ICC_TYPE_PER_ATR, 1);
	facts.atr[0] = 0x3F;
	assert_byte(ICC_TYPE_PER_ATR, 1);
	facts.atr[0] = 0xA2;
	assert_byte(ICC_TYPE_PER_ATR, 0);
	facts.atr_size = 0;
	assert_byte(ICC_TYPE_PER_ATR, 0);
}

static void what_t1_agreed_on_is_told(void **state)
{
	(void)state;
	assert_number(CURRENT_PROTOCOL_TYPE, 2);
	assert_number(CURRENT_CLK, 4000);
	assert_number(CURRENT_F, 512);
	assert_number(CURRENT_D, 16);
	assert_number(CURRENT_N, 3);
	assert_number(CURRENT_IFSC, 96);
	assert_number(CURRENT_IFSD, 250);
	assert_number(CURRENT_BWT, 4);
	assert_number(CURRENT_CWT, 13);
	assert_number(CURRENT_EBC_ENCODING, 1);
	assert_unknown(CURRENT_W);
	facts.params.crc = false;
	assert_number(CURRENT_EBC_ENCODING, 0);
}

static void what_t0_agreed_on_is_told(void **state)
{
	(void)state;
	facts.params.protocol = 0;
	assert_number(CURRENT_PROTOCOL_TYPE, 1);
	assert_number(CURRENT_N, 3);
	assert_number(CURRENT_W, 11);
	assert_unknown(CURRENT_IFSC);
	assert_unknown(CURRENT_IFSD);
	assert_unknown(CURRENT_BWT);
	assert_unknown(CURRENT_CWT);
	assert_unknown(CURRENT_EBC_ENCODING);
}

static void nothing_is_agreed_on_before_it_is(void **state)
{
	(void)state;
	facts.agreed = false;
	for (size_t i = 0; i < ROWS(current); i++)
		assert_unknown(current[i]);
	facts.params.protocol = 0;
	for (size_t i = 0; i < ROWS(current); i++)
		assert_unknown(current[i]);
}

static void a_reader_that_speaks_t1_itself_keeps_its_ifsd(void **state)
{
	(void)state;
	desc.level = DESC_LEVEL_SHORT_APDU;
	assert_number(CURRENT_IFSC, 64);
	assert_unknown(CURRENT_IFSD);
}

static void a_reader_that_offers_ifsd_itself_offers_its_most(void **state)
{
	(void)state;
	desc.features = DESC_AUTO_IFSD;
	assert_number(CURRENT_IFSD, 254);
	desc.level = DESC_LEVEL_EXTENDED_APDU;
	assert_number(CURRENT_IFSD, 254);
}

static void a_clock_that_the_reader_changes_is_not_known(void **state)
{
	(void)state;
	desc.features = DESC_AUTO_CLOCK;
	assert_unknown(CURRENT_CLK);
	desc.max_clock = desc.default_clock;
	assert_number(CURRENT_CLK, 4000);
}

static void a_speed_that_the_reader_chose_is_not_known(void **state)
{
	(void)state;
	facts.params.set = false;
	assert_unknown(CURRENT_F);
	assert_unknown(CURRENT_D);
}

/* pcscd answers the names of the reader if the driver does not. */
static void nothing_else_is_an_attribute(void **state)
{
	unsigned known = 0;

	(void)state;
	assert_unknown(0x7FFF0003);
	assert_unknown(0x7FFF0004);
	assert_unknown(0x100000000 | VENDOR_IFD_VERSION);
	assert_unknown(UINT64_MAX);
	for (uint64_t class = 0; class < 16; class++)
		for (uint64_t tag = 0; tag < 0x10000; tag++)
			known += attribute_get(class << 16 | tag, &facts,
					       value) >= 0;
	for (size_t i = 0; i < ROWS(all); i++)
		if (all[i] != CURRENT_W)	/* belongs to T=0 */
			assert_true(attribute_get(all[i], &facts, value) >= 0);
	assert_int_equal(known, ROWS(all) - 1);
	for (uint64_t tag = 0; tag < 0x10000; tag++)
		assert_int_equal(attribute_get(0x7FFF0000 | tag, &facts,
					       value), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, start_afresh)
		TEST(three_attributes_are_texts_of_the_device),
		TEST(a_text_counts_its_nul),
		TEST(a_text_that_the_device_does_not_have_is_empty),
		TEST(a_text_that_is_too_long_is_cut),
		TEST(the_reader_tells_its_limits),
		TEST(swallow_eject_and_capture_are_characteristics),
		TEST(a_reader_without_keys_has_nothing_for_a_user_to_use),
		TEST(what_is_over_when_it_is_asked_for_is_not_told),
		TEST(a_reader_without_protocols_is_tried_with_both),
		TEST(a_clock_or_rate_of_nothing_is_not_told),
		TEST(presence_and_power_are_not_the_same),
		TEST(the_atr_is_the_atr),
		TEST(only_an_atr_makes_a_card_asynchronous),
		TEST(what_t1_agreed_on_is_told),
		TEST(what_t0_agreed_on_is_told),
		TEST(nothing_is_agreed_on_before_it_is),
		TEST(a_reader_that_speaks_t1_itself_keeps_its_ifsd),
		TEST(a_reader_that_offers_ifsd_itself_offers_its_most),
		TEST(a_clock_that_the_reader_changes_is_not_known),
		TEST(a_speed_that_the_reader_chose_is_not_known),
		TEST(nothing_else_is_an_attribute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
