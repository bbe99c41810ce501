/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session of a reader, again and again: each time another one of its USB
 * operations, transfers, allocations or locks fails. The calls come back in
 * time, with an error and nothing else or with what is right; nothing is left
 * over; and then the reader is as good as new.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "lun.h"
#include "session.h"

#define CALL_MAX_MS	5000	/* of any call, the device being well */
#define STEPS_MAX	1000

#define GEMALTO		0x08E6
#define PROX_DU		0x5503

static const int errors[] = {
	-ENODEV, -EACCES, -EBUSY, -EPIPE, -EOVERFLOW, -ETIMEDOUT, -ECANCELED,
	-ENOMEM, -EIO,
};

#define ERRORS	(sizeof(errors) / sizeof(errors[0]))

/* --- memory and locks that fail; the script's and the fixture's do not */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
char *__real_strdup(const char *text);
int __real_pthread_cond_init(pthread_cond_t *cond,
			     const pthread_condattr_t *attributes);
int __real_pthread_mutex_init(pthread_mutex_t *mutex,
			      const pthread_mutexattr_t *attributes);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_pthread_cond_init(pthread_cond_t *cond,
			     const pthread_condattr_t *attributes);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex,
			      const pthread_mutexattr_t *attributes);

static unsigned memory_fails_in, lock_fails_in;	/* 0: never */
static _Thread_local bool concerned;

static bool fails(unsigned *countdown)
{
	return concerned && *countdown && --*countdown == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails(&memory_fails_in) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails(&memory_fails_in) ? NULL : __real_calloc(n, size);
}

char *__wrap_strdup(const char *text)
{
	return fails(&memory_fails_in) ? NULL : __real_strdup(text);
}

int __wrap_pthread_cond_init(pthread_cond_t *cond,
			     const pthread_condattr_t *attributes)
{
	return fails(&lock_fails_in)
		       ? ENOMEM
		       : __real_pthread_cond_init(cond, attributes);
}

int __wrap_pthread_mutex_init(pthread_mutex_t *mutex,
			      const pthread_mutexattr_t *attributes)
{
	return fails(&lock_fails_in)
		       ? ENOMEM
		       : __real_pthread_mutex_init(mutex, attributes);
}

/* The thread of the session is the one whose calls fail. */
static void *live(void *argument)
{
	concerned = true;
	return session_live(argument);
}

/* Returns what the open did. */
static int assert_fares_well(const char *what, unsigned k, int error,
			      const struct session_level *level)
{
	struct session_run run = { .level = level, .live = live };

	session_run(&run);
	if (fixture.device.script.left_unwiped)
		run.wrong = "bytes left in a transfer";
	if (run.wrong || run.longest_ms > CALL_MAX_MS ||
	    (!run.cured && !run.opened))
		print_message("# %s %u with %d, level %zu: %s, open %d, %s "
			      "took %llu ms\n", what, k, error,
			      (size_t)(level - session_levels),
			      run.wrong ? run.wrong : "not cured", run.opened,
			      run.longest,
			      (unsigned long long)run.longest_ms);
	assert_null(run.wrong);
	assert_true(run.longest_ms <= CALL_MAX_MS);
	assert_true(run.cured || run.opened < 0);
	assert_int_equal(fixture.device.script.opens, 0);
	assert_int_equal(fixture.device.script.transfers, 0);
	assert_null(lun_get(SESSION_LUN));
	return run.opened;
}

static void assert_as_good_as_new(const struct session_level *level)
{
	struct session_run run = { .level = level, .live = live };

	session_run(&run);
	assert_null(run.wrong);
	assert_int_equal(run.opened, 0);
	assert_true(run.cured);
	assert_int_equal(run.entered, level->pins);
	assert_int_equal(fixture.device.script.resets, 0);
}

/* Sets what fails at the k-th time; false: it did not come to that. */
static void fail_each(const char *what, struct script_failure *failure,
		      const struct session_level *level)
{
	unsigned k;

	session_set_level(level);
	for (k = 1; k < STEPS_MAX; k++) {
		for (size_t i = 0; i < ERRORS; i++) {
			failure->countdown = k;
			failure->error = errors[i];
			assert_fares_well(what, k, errors[i], level);
			if (failure->countdown)
				break;
			assert_as_good_as_new(level);
		}
		if (failure->countdown)
			break;
	}
	failure->countdown = 0;
	assert_in_range(k, 25, STEPS_MAX - 1);
	print_message("# %u %ss, %zu errors each\n", k - 1, what, ERRORS);
}

static void every_usb_operation_may_fail(void **state)
{
	(void)state;
	for (size_t i = 0; i < SESSION_LEVELS; i++)
		fail_each("operation", &fixture.device.script.any, &session_levels[i]);
}

static void every_transfer_may_fail(void **state)
{
	(void)state;
	for (size_t i = 0; i < SESSION_LEVELS; i++)
		fail_each("transfer", &fixture.device.script.end,
			  &session_levels[i]);
}

static void fail_each_of(const char *what, unsigned *countdown, unsigned least)
{
	unsigned k;

	session_set_level(&session_levels[0]);
	for (k = 1; k < STEPS_MAX; k++) {
		int r;

		*countdown = k;
		r = assert_fares_well(what, k, -ENOMEM, &session_levels[0]);
		if (*countdown)
			break;
		assert_int_equal(r, -ENOMEM);
		assert_as_good_as_new(&session_levels[0]);
	}
	*countdown = 0;
	assert_in_range(k, least, STEPS_MAX - 1);
	print_message("# %u %ss\n", k - 1, what);
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	fail_each_of("allocation", &memory_fails_in, 4);
}

static void every_allocation_for_a_reader_with_a_gate_may_fail(void **state)
{
	(void)state;
	fixture.device.script.info.vendor = GEMALTO;
	fixture.device.script.info.product = PROX_DU;
	fail_each_of("allocation", &memory_fails_in, 5);
}

static void every_lock_and_condition_may_fail(void **state)
{
	(void)state;
	fail_each_of("lock", &lock_fails_in, 4);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(every_usb_operation_may_fail),
		TEST(every_transfer_may_fail),
		TEST(every_allocation_may_fail),
		TEST(every_allocation_for_a_reader_with_a_gate_may_fail),
		TEST(every_lock_and_condition_may_fail),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
