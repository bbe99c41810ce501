/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "options.h"

#define HEAD	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define PLIST(dict) \
	HEAD "<plist version=\"1.0\"><dict>" dict "</dict></plist>"
#define ENTRY(key, value)	"<key>" key "</key><string>" value "</string>"

#define UNTOUCHED	0x5A5A5A5Au

static struct options options;

static int forget(void **state)
{
	(void)state;
	log_forget();
	memset(&options, 0x5A, sizeof(options));
	unsetenv("CCIDTRACK_ifdLogLevel");
	unsetenv("CCIDTRACK_ifdPollInterval");
	return 0;
}

static int parse(const char *text)
{
	return options_parse(text, strlen(text), &options);
}

static void assert_refused(const char *text)
{
	assert_int_equal(parse(text), -EINVAL);
	assert_int_equal(options.log_level, UNTOUCHED);
	assert_int_equal(options.driver_options, UNTOUCHED);
	assert_int_equal(options.poll_interval_ms, UNTOUCHED);
}

static void known_keys_are_taken(void **state)
{
	(void)state;
	assert_int_equal(parse(PLIST(ENTRY("ifdLogLevel", "0x000F")
				     ENTRY("ifdDriverOptions", "1")
				     ENTRY("ifdPollInterval", "500"))), 0);
	assert_int_equal(options.log_level, 15);
	assert_int_equal(options.driver_options, 1);
	assert_int_equal(options.poll_interval_ms, 500);
}

static void integers_are_taken_as_well(void **state)
{
	(void)state;
	assert_int_equal(parse(PLIST("<key>ifdLogLevel</key>"
				     "<integer>7</integer>")), 0);
	assert_int_equal(options.log_level, 7);
}

static void other_keys_are_passed_over(void **state)
{
	(void)state;
	assert_int_equal(parse(PLIST(ENTRY("CFBundleName", "3")
				     "<key>ifdVendorID</key><array>"
				     "<string>1</string><string>2</string>"
				     "</array>"
				     ENTRY("ifdLogLevel", "4"))), 0);
	assert_int_equal(options.log_level, 4);
	assert_int_equal(options.driver_options, UNTOUCHED);
}

static void keys_further_down_are_none_of_ours(void **state)
{
	(void)state;
	assert_int_equal(parse(PLIST("<key>other</key><dict>"
				     ENTRY("ifdLogLevel", "4")
				     "</dict><key>more</key><array>"
				     ENTRY("ifdDriverOptions", "4")
				     "</array>")), 0);
	assert_int_equal(options.log_level, UNTOUCHED);
	assert_int_equal(options.driver_options, UNTOUCHED);
}

static const char *const no_numbers[] = {
	"", " ", "x", "0x", "4x", "4 5", "-1", "-0", "1e3",
	"65536", "4294967296",
	"99999999999999999999999999999999999999999999999",
};

static void what_is_no_number_in_range_is_told_and_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(no_numbers) / sizeof(no_numbers[0]);
	     i++) {
		char text[300];

		snprintf(text, sizeof(text), PLIST(ENTRY("ifdLogLevel", "%s")),
			 no_numbers[i]);
		log_forget();
		assert_int_equal(parse(text), 0);
		assert_int_equal(options.log_level, UNTOUCHED);
		assert_int_equal(log_count("ifdLogLevel"), 1);
	}
}

static void the_poll_interval_has_bounds(void **state)
{
	(void)state;
	assert_int_equal(parse(PLIST(ENTRY("ifdPollInterval", "49"))), 0);
	assert_int_equal(options.poll_interval_ms, UNTOUCHED);
	assert_int_equal(parse(PLIST(ENTRY("ifdPollInterval", "10001"))), 0);
	assert_int_equal(options.poll_interval_ms, UNTOUCHED);
	assert_int_equal(parse(PLIST(ENTRY("ifdPollInterval", "50"))), 0);
	assert_int_equal(options.poll_interval_ms, 50);
	assert_int_equal(parse(PLIST(ENTRY("ifdPollInterval", "10000"))), 0);
	assert_int_equal(options.poll_interval_ms, 10000);
}

static void very_long_keys_and_values_are_passed_over(void **state)
{
	char text[2000];

	(void)state;
	snprintf(text, sizeof(text),
		 PLIST("<key>ifdLogLevel%0500d</key><string>1</string>"
		       "<key>ifdDriverOptions</key><string>%0500d</string>"),
		 0, 1);
	assert_int_equal(parse(text), 0);
	assert_int_equal(options.log_level, UNTOUCHED);
	assert_int_equal(options.driver_options, UNTOUCHED);
}

static void a_later_entry_wins(void **state)
{
	(void)state;
	assert_int_equal(parse(PLIST(ENTRY("ifdLogLevel", "1")
				     ENTRY("ifdLogLevel", "2"))), 0);
	assert_int_equal(options.log_level, 2);
}

static void a_list_cut_anywhere_changes_nothing(void **state)
{
	static const char text[] = PLIST(ENTRY("ifdLogLevel", "1"));

	(void)state;
	for (size_t size = 0; size < sizeof(text) - 1; size++) {
		assert_int_equal(options_parse(text, size, &options), -EINVAL);
		assert_int_equal(options.log_level, UNTOUCHED);
	}
}

static void other_bytes_change_nothing(void **state)
{
	static const char bytes[] = "\0\xFF<plist>\x01\x80";

	(void)state;
	assert_int_equal(options_parse(bytes, sizeof(bytes), &options),
			 -EINVAL);
	assert_refused("");
	assert_refused("ifdLogLevel = 3");
	assert_refused(HEAD "<plist><dict></plist>");
}

/* Expanding them has no end. */
static void a_list_that_declares_entities_is_refused(void **state)
{
	(void)state;
	assert_refused(HEAD "<!DOCTYPE plist [<!ENTITY a \"1\">]>"
		       "<plist><dict>" ENTRY("ifdLogLevel", "&a;")
		       "</dict></plist>");
	assert_refused(HEAD "<!DOCTYPE plist [<!ENTITY a SYSTEM "
		       "\"file:///etc/passwd\">]><plist><dict>"
		       ENTRY("ifdLogLevel", "1") "</dict></plist>");
	assert_refused(HEAD "<!DOCTYPE plist [<!ENTITY a \"1\"><!ENTITY b "
		       "\"&a;&a;&a;&a;&a;&a;&a;&a;\">]><plist><dict>"
		       ENTRY("ifdLogLevel", "&b;") "</dict></plist>");
}

static void a_plain_doctype_is_none_of_our_business(void **state)
{
	(void)state;
	assert_int_equal(parse(HEAD "<!DOCTYPE plist PUBLIC \"-//X//Y\" "
			       "\"http://localhost/plist.dtd\">"
			       "<plist><dict>" ENTRY("ifdLogLevel", "1")
			       "</dict></plist>"), 0);
	assert_int_equal(options.log_level, 1);
}

static void a_list_of_very_many_levels_does_no_harm(void **state)
{
	const size_t levels = 150000;
	char *text = malloc(levels * 3 + 1);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < levels; i++)
		memcpy(text + i * 3, "<a>", 3);
	text[levels * 3] = '\0';
	assert_refused(text);
	free(text);
}

static void a_huge_list_is_refused(void **state)
{
	const size_t size = 2 * 1024 * 1024;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	memset(text, ' ', size);
	assert_int_equal(options_parse(text, size, &options), -EINVAL);
	free(text);
}

static void the_environment_wins(void **state)
{
	(void)state;
	setenv("CCIDTRACK_ifdPollInterval", "123", 1);
	setenv("CCIDTRACK_ifdLogLevel", "nonsense", 1);
	options_load();
	assert_int_equal(options_get()->poll_interval_ms, 123);
	assert_int_equal(options_get()->log_level, 3);
	assert_int_equal(log_count("nonsense"), 1);
	unsetenv("CCIDTRACK_ifdPollInterval");
	options_load();
	assert_int_equal(options_get()->poll_interval_ms, 200);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, forget)
		TEST(known_keys_are_taken),
		TEST(integers_are_taken_as_well),
		TEST(other_keys_are_passed_over),
		TEST(keys_further_down_are_none_of_ours),
		TEST(what_is_no_number_in_range_is_told_and_left),
		TEST(the_poll_interval_has_bounds),
		TEST(very_long_keys_and_values_are_passed_over),
		TEST(a_later_entry_wins),
		TEST(a_list_cut_anywhere_changes_nothing),
		TEST(other_bytes_change_nothing),
		TEST(a_list_that_declares_entities_is_refused),
		TEST(a_plain_doctype_is_none_of_our_business),
		TEST(a_list_of_very_many_levels_does_no_harm),
		TEST(a_huge_list_is_refused),
		TEST(the_environment_wins),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
