/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The log where there is no pcscd's: it goes to the error output. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static char said[10000];
static int before, written;

static int begin(void **state)
{
	int ends[2];

	(void)state;
	fflush(stderr);
	before = dup(STDERR_FILENO);
	if (before < 0 || pipe(ends) < 0)
		return -1;
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	written = ends[0];
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

/* The pipe has room for all of it. */
static const char *end(void)
{
	ssize_t size;

	dup2(before, STDERR_FILENO);
	close(before);
	size = read(written, said, sizeof(said) - 1);
	close(written);
	said[size < 0 ? 0 : size] = '\0';
	return said;
}

static void a_line_tells_of_which_reader_it_is(void **state)
{
	(void)state;
	log_write(LOG_LEVEL_INFO, "the reader", "slot %d", 3);
	log_write(LOG_LEVEL_INFO, NULL, "slot %d", 4);
	assert_string_equal(end(), "ccidtrack: the reader: slot 3\n"
				   "ccidtrack: slot 4\n");
}

static void what_nobody_wants_is_not_written(void **state)
{
	static const uint8_t secret[] = { 0x31, 0x32 };

	(void)state;
	log_write(LOG_LEVEL_CRITICAL, NULL, "no");
	log_bytes(NULL, ">", secret, sizeof(secret));
	assert_string_equal(end(), "");
}

static void bytes_are_written_some_a_line_behind_a_warning(void **state)
{
	uint8_t bytes[40];

	(void)state;
	memset(bytes, 0xAB, sizeof(bytes));
	log_set_level(LOG_LEVEL_BYTES);
	log_bytes("r", ">", bytes, sizeof(bytes));
	log_bytes("r", "<", bytes, 0);
	end();
	assert_non_null(strstr(said, "PINs among them\n"));
	assert_non_null(strstr(said, "ccidtrack: r: > AB AB"));
	assert_non_null(strstr(said, "ccidtrack: r: <\n"));
	for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) < 200);
}

static void a_line_that_is_too_long_is_cut(void **state)
{
	char name[1000], *line;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	log_write(LOG_LEVEL_INFO, name, "%s", name);
	end();
	line = strchr(said, '\n');
	assert_non_null(line);
	assert_int_equal(line[1], '\0');
	assert_true(line - said < 600);
}

static void where_nobody_reads_nothing_happens(void **state)
{
	(void)state;
	close(STDERR_FILENO);
	log_write(LOG_LEVEL_INFO, NULL, "to nobody");
	assert_string_equal(end(), "");
}

#define TEST(name)	cmocka_unit_test_setup(name, begin)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_line_tells_of_which_reader_it_is),
		TEST(what_nobody_wants_is_not_written),
		TEST(bytes_are_written_some_a_line_behind_a_warning),
		TEST(a_line_that_is_too_long_is_cut),
		TEST(where_nobody_reads_nothing_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
