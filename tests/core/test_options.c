/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <expat.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "options.h"

#define HEAD	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define PLIST(dict) \
	HEAD "<plist version=\"1.0\"><dict>" dict "</dict></plist>"
#define ENTRY(key, value)	"<key>" key "</key><string>" value "</string>"

#define READERS(dict)	PLIST("<key>readers</key><dict>" dict "</dict>")
#define READER(ids, dict)	"<key>" ids "</key><dict>" dict "</dict>"

#define NAME	"/a/file"

#define VENDOR	0x04E6
#define PRODUCT	0x5116

/* What holds for the reader above */
static struct options options;

static int forget(void **state)
{
	(void)state;
	log_forget();
	unsetenv("CCIDTRACK_ifdLogLevel");
	unsetenv("CCIDTRACK_ifdPollInterval");
	setenv("CCIDTRACK_options", "/nowhere/at/all", 1);
	options_load();
	options_forget();
	options_for(VENDOR, PRODUCT, &options);
	return 0;
}

static int parse(const char *text)
{
	int r = options_take(NAME, text, strlen(text));

	options_for(VENDOR, PRODUCT, &options);
	return r;
}

static void assert_built_in(void)
{
	options_for(VENDOR, PRODUCT, &options);
	assert_int_equal(options.log_level, 3);
	assert_int_equal(options.driver_options, 0);
	assert_int_equal(options.poll_interval_ms, 200);
	assert_int_equal(options.timeout_cap_s, 60);
	assert_int_equal(options.quirks, 1);
}

static void assert_refused(const char *text)
{
	log_forget();
	assert_int_equal(parse(text), -EINVAL);
	assert_built_in();
	assert_int_equal(log_count(NAME ":"), 1);
	assert_int_equal(log_count("nothing of this file is used"), 1);
}

/* In a process that has had no settings yet. */
static void a_list_that_is_the_first_lies_on_what_is_built_in(void **state)
{
	(void)state;
	assert_int_equal(parse(PLIST(ENTRY("ifdPollInterval", "100"))), 0);
	assert_int_equal(options.poll_interval_ms, 100);
	assert_int_equal(options.timeout_cap_s, 60);
	assert_int_equal(options.quirks, 1);
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
	assert_int_equal(log_lines(), 0);
}

static void integers_and_booleans_are_taken_as_well(void **state)
{
	(void)state;
	assert_int_equal(parse(PLIST("<key>ifdLogLevel</key>"
				     "<integer>7</integer>"
				     "<key>ifdQuirks</key><false/>"
				     "<key>ifdDriverOptions</key><true/>")),
			 0);
	assert_int_equal(options.log_level, 7);
	assert_int_equal(options.quirks, 0);
	assert_int_equal(options.driver_options, 1);
}

static void keys_of_pcscd_are_passed_over(void **state)
{
	(void)state;
	assert_int_equal(parse(PLIST(ENTRY("CFBundleName", "3")
				     "<key>ifdVendorID</key><array>"
				     "<string>1</string><string>2</string>"
				     "</array>"
				     ENTRY("ifdLogLevel", "4"))), 0);
	assert_int_equal(options.log_level, 4);
	assert_int_equal(options.driver_options, 0);
	assert_int_equal(log_lines(), 0);
}

static void an_unknown_key_is_told_with_file_and_line(void **state)
{
	(void)state;
	assert_int_equal(parse(HEAD "<plist><dict>\n"
			       ENTRY("ifdLogLevel", "4") "\n"
			       ENTRY("ifdPolInterval", "100") "\n"
			       "</dict></plist>"), 0);
	assert_int_equal(options.log_level, 4);
	assert_int_equal(log_lines(), 1);
	assert_int_equal(log_count(NAME ":4: unknown key \"ifdPolInterval\""),
			 1);
}

static void warnings_come_to_an_end(void **state)
{
	static char text[10000] = HEAD "<plist><dict>";

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		strcat(text, ENTRY("other", "1"));
	strcat(text, "</dict></plist>");
	assert_int_equal(parse(text), 0);
	assert_int_equal(log_lines(), 16);
	assert_int_equal(log_count("and so on"), 1);
}

static void keys_further_down_are_none_of_ours(void **state)
{
	(void)state;
	assert_int_equal(parse(PLIST("<key>ifdVendorID</key><dict>"
				     ENTRY("ifdLogLevel", "4")
				     "</dict><key>ifdProductID</key><array>"
				     ENTRY("ifdDriverOptions", "4")
				     "</array>")), 0);
	assert_int_equal(options.log_level, 3);
	assert_int_equal(options.driver_options, 0);
}

/* --- single readers */

static void a_reader_has_its_own_settings(void **state)
{
	struct options other;

	(void)state;
	assert_int_equal(parse(PLIST(
		ENTRY("ifdPollInterval", "300") "<key>readers</key><dict>"
		READER("04E6:5116", ENTRY("ifdDriverOptions", "1")
				    ENTRY("ifdRateCap", "9600"))
		READER("1234:5678", ENTRY("ifdPollInterval", "400"))
		"</dict>")), 0);
	assert_int_equal(options.driver_options, 1);
	assert_int_equal(options.rate_cap, 9600);
	assert_int_equal(options.poll_interval_ms, 300);
	options_for(0x1234, 0x5678, &other);
	assert_int_equal(other.driver_options, 0);
	assert_int_equal(other.poll_interval_ms, 400);
	options_for(0x04E6, 0x5117, &other);
	assert_int_equal(other.driver_options, 0);
	assert_int_equal(other.poll_interval_ms, 300);
	assert_int_equal(log_lines(), 0);
}

/* Whatever stands first. */
static void what_holds_for_one_reader_wins_over_what_holds_for_all(void **state)
{
	(void)state;
	assert_int_equal(parse(PLIST(
		"<key>readers</key><dict>"
		READER("04E6:5116", ENTRY("ifdPollInterval", "100"))
		"</dict>" ENTRY("ifdPollInterval", "300"))), 0);
	assert_int_equal(options.poll_interval_ms, 100);
	assert_int_equal(parse(PLIST(ENTRY("ifdPollInterval", "500"))), 0);
	assert_int_equal(options.poll_interval_ms, 100);
}

static void ids_are_hexadecimal_however_they_are_written(void **state)
{
	static const char *const ids[] = {
		"04e6:5116", "04E6:5116", "0x04E6:0x5116", "0X4e6:5116",
		"4E6:0x5116",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char text[300];

		options_forget();
		snprintf(text, sizeof(text),
			 READERS(READER("%s", ENTRY("ifdQuirks", "0"))),
			 ids[i]);
		assert_int_equal(parse(text), 0);
		assert_int_equal(options.quirks, 0);
	}
	assert_int_equal(log_lines(), 0);
}

static void what_is_no_reader_is_told(void **state)
{
	static const char *const ids[] = {
		"04E6", "04E6:", ":5116", "04E6:5116:1", "04E6-5116", "x:y",
		"004E6:5116", "04E6:5116 ", " 04E6:5116", "0x:0x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char text[300];

		log_forget();
		snprintf(text, sizeof(text),
			 READERS(READER("%s", ENTRY("ifdQuirks", "0"))),
			 ids[i]);
		assert_int_equal(parse(text), 0);
		assert_int_equal(options.quirks, 1);
		assert_int_equal(log_count("is not VID:PID"), 1);
	}
}

static void readers_are_dictionaries_of_dictionaries(void **state)
{
	(void)state;
	assert_int_equal(parse(PLIST(ENTRY("readers", "1"))), 0);
	assert_int_equal(log_count("wants dictionaries"), 1);
	log_forget();
	assert_int_equal(parse(READERS(ENTRY("04E6:5116", "1"))), 0);
	assert_int_equal(log_count("wants dictionaries"), 1);
	log_forget();
	assert_int_equal(parse(READERS("")), 0);
	assert_int_equal(log_lines(), 0);
}

static void the_log_level_is_nothing_for_one_reader(void **state)
{
	(void)state;
	assert_int_equal(parse(READERS(READER("04E6:5116",
					      ENTRY("ifdLogLevel", "15")))),
			 0);
	assert_int_equal(options.log_level, 3);
	assert_int_equal(log_count("holds for all readers"), 1);
}

static void settings_of_very_many_readers_come_to_an_end(void **state)
{
	char *text = malloc(200000);
	size_t size;

	(void)state;
	assert_non_null(text);
	size = (size_t)sprintf(text, "<plist><dict><key>readers</key><dict>");
	for (unsigned i = 0; i < 600; i++)
		size += (size_t)sprintf(text + size,
					READER("%04X:5116",
					       ENTRY("ifdQuirks", "0")), i);
	sprintf(text + size, "</dict></dict></plist>");
	assert_int_equal(parse(text), 0);
	assert_true(log_count("too many settings") > 0);
	options_for(0x1FF, PRODUCT, &options);
	assert_int_equal(options.quirks, 0);
	options_for(0x200, PRODUCT, &options);
	assert_int_equal(options.quirks, 1);
	free(text);
}

/* --- values */

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
		assert_int_equal(options.log_level, 3);
		assert_int_equal(log_count(NAME ":2: ifdLogLevel"), 1);
	}
}

static void a_value_of_another_type_is_told_and_left(void **state)
{
	(void)state;
	assert_int_equal(parse(PLIST("<key>ifdLogLevel</key><array>"
				     "<string>1</string></array>")), 0);
	assert_int_equal(options.log_level, 3);
	assert_int_equal(log_count("ifdLogLevel: this is not a number"), 1);
}

static void the_poll_interval_has_bounds(void **state)
{
	(void)state;
	assert_int_equal(parse(PLIST(ENTRY("ifdPollInterval", "49"))), 0);
	assert_int_equal(options.poll_interval_ms, 200);
	assert_int_equal(parse(PLIST(ENTRY("ifdPollInterval", "10001"))), 0);
	assert_int_equal(options.poll_interval_ms, 200);
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
	assert_int_equal(options.log_level, 3);
	assert_int_equal(options.driver_options, 0);
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
		assert_int_equal(options_take(NAME, text, size), -EINVAL);
		options_for(VENDOR, PRODUCT, &options);
		assert_int_equal(options.log_level, 3);
	}
}

static void other_bytes_change_nothing(void **state)
{
	static const char bytes[] = "\0\xFF<plist>\x01\x80";

	(void)state;
	assert_int_equal(options_take(NAME, bytes, sizeof(bytes)), -EINVAL);
	assert_refused("");
	assert_refused("ifdLogLevel = 3");
	assert_refused(HEAD "<plist><dict></plist>");
	assert_refused(HEAD "<other><dict></dict></other>");
	assert_refused(HEAD "<plist><array></array></plist>");
	assert_refused(PLIST("<string>1</string>"));
	assert_refused(READERS("<dict></dict>"));
}

static void the_line_of_a_fault_is_told(void **state)
{
	(void)state;
	assert_refused(HEAD "<plist><dict>\n\n<key>ifdLogLevel</kex>");
	assert_int_equal(log_count(NAME ":4: "), 1);
}

static void entries_before_a_fault_are_not_taken(void **state)
{
	(void)state;
	assert_refused(HEAD "<plist><dict>" ENTRY("ifdLogLevel", "1")
		       "<key>readers</key><dict>"
		       READER("04E6:5116", ENTRY("ifdQuirks", "0")) "<");
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

/* So many <a> behind the head. */
static void refuse_levels(const char *head, size_t levels)
{
	size_t size = strlen(head);
	char *text = malloc(size + levels * 3 + 1);

	assert_non_null(text);
	memcpy(text, head, size);
	for (size_t i = 0; i < levels; i++)
		memcpy(text + size + i * 3, "<a>", 3);
	text[size + levels * 3] = '\0';
	assert_refused(text);
	free(text);
}

static void a_list_of_very_many_levels_does_no_harm(void **state)
{
	(void)state;
	refuse_levels("", 150000);
	refuse_levels("<plist><dict>", 150000);
	refuse_levels("<plist><dict><key>readers</key><dict>", 150000);
}

static void what_is_no_dictionary_in_a_plist_is_refused(void **state)
{
	(void)state;
	assert_refused("<dict></dict>");
	assert_refused("<plist><array></array></plist>");
}

static void what_is_deep_inside_is_nobodys(void **state)
{
	(void)state;
	assert_int_equal(parse(READERS(READER("04E6:5116", "<key>a</key>"
			       "<array><array><dict>"
			       ENTRY("ifdDriverOptions", "1")
			       "</dict></array></array>"))), 0);
	assert_built_in();
}

static void a_huge_list_is_refused(void **state)
{
	const size_t size = 2 * 1024 * 1024;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	memset(text, ' ', size);
	assert_int_equal(options_take(NAME, text, size), -EINVAL);
	free(text);
}

/* --- no memory for a parser */

XML_Parser __real_XML_ParserCreate(const XML_Char *encoding);
XML_Parser __wrap_XML_ParserCreate(const XML_Char *encoding);

static bool parser_fails;

XML_Parser __wrap_XML_ParserCreate(const XML_Char *encoding)
{
	return parser_fails ? NULL : __real_XML_ParserCreate(encoding);
}

static void a_list_that_there_is_no_memory_for_changes_nothing(void **state)
{
	(void)state;
	parser_fails = true;
	assert_int_equal(parse(PLIST(ENTRY("ifdPollInterval", "100"))),
			 -ENOMEM);
	parser_fails = false;
	assert_built_in();
}

/* --- files */

static char path[] = "/tmp/options-XXXXXX";

static void write_file(mode_t mode, const char *text)
{
	int fd;

	strcpy(path, "/tmp/options-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	setenv("CCIDTRACK_options", path, 1);
}

static void load(void)
{
	options_load();
	options_for(VENDOR, PRODUCT, &options);
}

static void the_administrators_file_is_read(void **state)
{
	(void)state;
	write_file(0644, READERS(READER("04E6:5116",
					ENTRY("ifdDriverOptions", "1"))));
	load();
	unlink(path);
	assert_int_equal(options.driver_options, 1);
	assert_int_equal(log_lines(), 0);
	load();
	assert_int_equal(options.driver_options, 0);
	assert_int_equal(log_lines(), 0);
}

static void a_file_that_anybody_may_write_is_not_used(void **state)
{
	(void)state;
	write_file(0646, PLIST(ENTRY("ifdDriverOptions", "1")));
	load();
	unlink(path);
	assert_int_equal(options.driver_options, 0);
	assert_int_equal(log_count(path), 1);
}

static void what_is_no_file_is_not_used(void **state)
{
	(void)state;
	setenv("CCIDTRACK_options", "/tmp", 1);
	load();
	assert_int_equal(log_count("/tmp: not used"), 1);
	setenv("CCIDTRACK_options", "/dev/zero", 1);
	load();
	assert_int_equal(log_count("/dev/zero: not used"), 1);
	strcpy(path, "/tmp/options-XXXXXX");
	close(mkstemp(path));
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	setenv("CCIDTRACK_options", path, 1);
	load();
	unlink(path);
	assert_int_equal(log_count(path), 1);
	assert_built_in();
}

static void a_file_that_cannot_be_opened_is_told(void **state)
{
	(void)state;
	strcpy(path, "/tmp/options-XXXXXX");
	close(mkstemp(path));
	unlink(path);
	assert_int_equal(symlink(path, path), 0);
	setenv("CCIDTRACK_options", path, 1);
	load();
	unlink(path);
	assert_int_equal(log_count(strerror(ELOOP)), 1);
	assert_built_in();
}

static void the_environment_wins(void **state)
{
	(void)state;
	write_file(0644, READERS(READER("04E6:5116",
					ENTRY("ifdPollInterval", "100"))));
	setenv("CCIDTRACK_ifdPollInterval", "123", 1);
	setenv("CCIDTRACK_ifdLogLevel", "nonsense", 1);
	load();
	assert_int_equal(options.poll_interval_ms, 123);
	assert_int_equal(options.log_level, 3);
	assert_int_equal(log_count("nonsense"), 1);
	unsetenv("CCIDTRACK_ifdPollInterval");
	load();
	unlink(path);
	assert_int_equal(options.poll_interval_ms, 100);
}

static char *read_list(const char *name, size_t *ret_size)
{
	FILE *file = fopen(name, "r");
	char *bytes = malloc(1024 * 1024);

	if (!file)
		skip();
	assert_non_null(bytes);
	*ret_size = fread(bytes, 1, 1024 * 1024, file);
	fclose(file);
	return bytes;
}

/* In the directory where make check runs. */
static void the_bundles_own_list_says_what_is_built_in(void **state)
{
	struct options before = options;
	size_t size;
	char *bytes = read_list("Info.plist", &size);

	(void)state;
	assert_int_equal(options_take("Info.plist", bytes, size), 0);
	free(bytes);
	options_for(VENDOR, PRODUCT, &options);
	assert_memory_equal(&options, &before, sizeof(options));
	assert_int_equal(log_lines(), 0);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, forget)
		cmocka_unit_test(
			a_list_that_is_the_first_lies_on_what_is_built_in),
		TEST(known_keys_are_taken),
		TEST(integers_and_booleans_are_taken_as_well),
		TEST(keys_of_pcscd_are_passed_over),
		TEST(an_unknown_key_is_told_with_file_and_line),
		TEST(warnings_come_to_an_end),
		TEST(keys_further_down_are_none_of_ours),
		TEST(a_reader_has_its_own_settings),
		TEST(what_holds_for_one_reader_wins_over_what_holds_for_all),
		TEST(ids_are_hexadecimal_however_they_are_written),
		TEST(what_is_no_reader_is_told),
		TEST(readers_are_dictionaries_of_dictionaries),
		TEST(the_log_level_is_nothing_for_one_reader),
		TEST(settings_of_very_many_readers_come_to_an_end),
		TEST(what_is_no_number_in_range_is_told_and_left),
		TEST(a_value_of_another_type_is_told_and_left),
		TEST(the_poll_interval_has_bounds),
		TEST(very_long_keys_and_values_are_passed_over),
		TEST(a_later_entry_wins),
		TEST(a_list_cut_anywhere_changes_nothing),
		TEST(other_bytes_change_nothing),
		TEST(the_line_of_a_fault_is_told),
		TEST(entries_before_a_fault_are_not_taken),
		TEST(a_list_that_declares_entities_is_refused),
		TEST(a_plain_doctype_is_none_of_our_business),
		TEST(a_list_of_very_many_levels_does_no_harm),
		TEST(what_is_no_dictionary_in_a_plist_is_refused),
		TEST(what_is_deep_inside_is_nobodys),
		TEST(a_huge_list_is_refused),
		TEST(a_list_that_there_is_no_memory_for_changes_nothing),
		TEST(the_administrators_file_is_read),
		TEST(a_file_that_anybody_may_write_is_not_used),
		TEST(what_is_no_file_is_not_used),
		TEST(a_file_that_cannot_be_opened_is_told),
		TEST(the_environment_wins),
		TEST(the_bundles_own_list_says_what_is_built_in),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
