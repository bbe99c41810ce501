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

#include "attribute.h"
#include "card.h"
#include "clock.h"
#include "control.h"
#include "fixture.h"
#include "lun.h"
#include "movement.h"
#include "pin_pad.h"
#include "transmit.h"

#define SERIAL		0x01020304u
#define LUN		0x30000ul
#define CALL_MAX_MS	3500	/* of any call, the device being well */
#define SESSION_MS	100000
#define STEPS_MAX	1000
#define TRIES		8	/* passes of pcscd, until all is told */
#define FILL		0xA5
#define PIN_SUPPORT	52	/* offset in the class descriptor */
#define VENDOR_NAME	0x00010100u

static const int errors[] = {
	-ENODEV, -EACCES, -EBUSY, -EPIPE, -EOVERFLOW, -ETIMEDOUT, -ECANCELED,
	-ENOMEM, -EIO,
};

#define ERRORS	(sizeof(errors) / sizeof(errors[0]))

static const struct level {
	uint32_t features;
	size_t answer_size;	/* that the card adds */
	uint8_t command[7];
	size_t size;
} levels[] = {
	{ SHORT_LEVEL, 0, { 0x00, 0xCA, 0x00, 0x00, 0x00 }, 5 },
	{ EXTENDED_LEVEL, 700, { 0x00, 0xCA, 0x00, 0x00, 0x00, 0x10, 0x00 },
	  7 },
};

#define LEVELS	(sizeof(levels) / sizeof(levels[0]))

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

/* --- the session, in a thread of its own; so it asserts nothing by itself */

struct session_run {
	struct call call;
	const struct level *level;
	int opened;		/* what the open returned */
	bool cured;		/* the last APDU was right */
	uint64_t longest_ms;
	const char *longest, *wrong;	/* NULL: nothing was */
};

static void note(struct session_run *run, const char *what, uint64_t began)
{
	uint64_t ms = clock_now() - began;

	if (ms < run->longest_ms)
		return;
	run->longest_ms = ms;
	run->longest = what;
}

static bool is_the_cards(const struct session_run *run, const uint8_t *answer,
			 size_t size)
{
	return size == run->level->answer_size + 6 &&
	       answer[0] == SERIAL >> 24 && answer[3] == (SERIAL & 0xFF) &&
	       answer[size - 2] == 0x90;
}

/* An answer, or an error and nothing of the device's. */
static bool send_apdu(struct session_run *run, struct lun *lun)
{
	static uint8_t answer[2000];
	uint64_t began = clock_now();
	size_t size = 1;
	int r;

	memset(answer, FILL, sizeof(answer));
	r = transmit(lun->reader, lun->slot, TRANSMIT_ANY, run->level->command,
		     run->level->size, answer, sizeof(answer), &size);
	note(run, "transmit", began);
	if (r == 0) {
		if (!is_the_cards(run, answer, size))
			run->wrong = "another answer";
		return true;
	}
	if (size)
		run->wrong = "a size beside an error";
	for (size_t i = 0; i < sizeof(answer); i++)
		if (answer[i] && answer[i] != FILL)
			run->wrong = "data beside an error";
	return false;
}

static int power_up_card(struct session_run *run, struct lun *lun, bool reset)
{
	uint8_t atr[READER_ATR_MAX];
	uint64_t began = clock_now();
	size_t size;
	int r = card_power_up(lun->reader, lun->slot, reset, atr, &size);

	note(run, "power-up", began);
	if (r < 0)
		return r;
	began = clock_now();
	r = card_set_protocol(lun->reader, lun->slot, 0);
	note(run, "set protocol", began);
	return r;
}

static void enter_pin(struct session_run *run, struct lun *lun)
{
	uint64_t began = clock_now();
	uint8_t answer[300];
	size_t size;

	if (control(lun->reader, lun->slot, VERIFY, verify, sizeof(verify),
		    answer, sizeof(answer), &size) != -ENOTSUP && size)
		run->wrong = "a PIN pad that there is not";
	note(run, "PIN entry", began);
}

static void power_off_card(struct session_run *run, struct lun *lun)
{
	uint64_t began = clock_now();

	card_power_off(lun->reader, lun->slot);
	note(run, "power-off", began);
}

static void look(struct session_run *run, struct lun *lun, int timeout_ms)
{
	uint64_t began = clock_now();

	movement_presence(lun->reader, lun->slot);
	note(run, "presence", began);
	movement_wait(lun->reader, lun->slot, timeout_ms);
	movement_presence(lun->reader, lun->slot);
}

/* In one thread, so that it is the watcher as well. */
static void use(struct session_run *run, struct lun *lun)
{
	uint8_t value[ATTRIBUTE_MAX];

	look(run, lun, 0);
	device_insert(&fixture.device, 0, SERIAL);
	look(run, lun, 2000);
	power_up_card(run, lun, false);
	send_apdu(run, lun);
	enter_pin(run, lun);
	control_attribute(lun->reader, lun->slot, VENDOR_NAME, value);
	send_apdu(run, lun);
	power_up_card(run, lun, true);
	device_swap(&fixture.device, 0, SERIAL);
	look(run, lun, 2000);
	power_off_card(run, lun);
}

/* What fails no more was cured: as pcscd goes on with a card it believes in. */
static void use_again(struct session_run *run, struct lun *lun)
{
	for (int i = 0; i < TRIES && !run->cured; i++) {
		look(run, lun, 0);
		run->cured = power_up_card(run, lun, true) == 0 &&
			     send_apdu(run, lun);
	}
}

static void *live(void *argument)
{
	struct session_run *run = argument;
	uint64_t began = clock_now();
	struct lun *lun;
	int before;

	concerned = true;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	run->opened = lun_open(LUN, device_name(&fixture.device));
	note(run, "open", began);
	if (run->opened < 0)
		return NULL;
	lun = lun_get(LUN);
	use(run, lun);
	use_again(run, lun);
	if (movement_truth(lun->reader, lun->slot) == TRACK_GONE)
		run->opened = -ENODEV;
	lun_put(lun);
	began = clock_now();
	lun_close(LUN);
	note(run, "close", began);
	return NULL;
}

static void run_session(struct session_run *run, const struct level *level)
{
	*run = (struct session_run){ .level = level };
	call_start(&run->call, live, run);
	stopped_clock_pass(SESSION_MS);
	call_join(&run->call);
	device_remove(&fixture.device, 0);
}

/* Returns what the open did. */
static int assert_fares_well(const char *what, unsigned k, int error,
			      const struct level *level)
{
	struct session_run run;

	run_session(&run, level);
	if (fixture.device.script.left_unwiped)
		run.wrong = "bytes left in a transfer";
	if (run.wrong || run.longest_ms > CALL_MAX_MS ||
	    (!run.cured && !run.opened))
		print_message("# %s %u with %d, level %zu: %s, open %d, %s "
			      "took %llu ms\n", what, k, error,
			      (size_t)(level - levels),
			      run.wrong ? run.wrong : "not cured", run.opened,
			      run.longest,
			      (unsigned long long)run.longest_ms);
	assert_null(run.wrong);
	assert_true(run.longest_ms <= CALL_MAX_MS);
	assert_true(run.cured || run.opened < 0);
	assert_int_equal(fixture.device.script.opens, 0);
	assert_int_equal(fixture.device.script.transfers, 0);
	assert_null(lun_get(LUN));
	return run.opened;
}

static void assert_as_good_as_new(const struct level *level)
{
	struct session_run run;

	run_session(&run, level);
	assert_null(run.wrong);
	assert_int_equal(run.opened, 0);
	assert_true(run.cured);
	assert_int_equal(fixture.device.script.resets, 0);
}

static void set_level(const struct level *level)
{
	device_set_features(&fixture.device,
			    level->features | DEVICE_AUTOMATIC);
	fixture.device.answer_size = level->answer_size;
	fixture.device.script.info.descriptor[PIN_SUPPORT] = 3;
}

/* Sets what fails at the k-th time; false: it did not come to that. */
static void fail_each(const char *what, struct script_failure *failure,
		      const struct level *level)
{
	unsigned k;

	set_level(level);
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
	for (size_t i = 0; i < LEVELS; i++)
		fail_each("operation", &fixture.device.script.any, &levels[i]);
}

static void every_transfer_may_fail(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEVELS; i++)
		fail_each("transfer", &fixture.device.script.end,
			  &levels[i]);
}

static void fail_each_of(const char *what, unsigned *countdown, unsigned least)
{
	unsigned k;

	set_level(&levels[0]);
	for (k = 1; k < STEPS_MAX; k++) {
		int r;

		*countdown = k;
		r = assert_fares_well(what, k, -ENOMEM, &levels[0]);
		if (*countdown)
			break;
		assert_int_equal(r, -ENOMEM);
		assert_as_good_as_new(&levels[0]);
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

static void every_lock_and_condition_may_fail(void **state)
{
	(void)state;
	fail_each_of("lock", &lock_fails_in, 30);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(every_usb_operation_may_fail),
		TEST(every_transfer_may_fail),
		TEST(every_allocation_may_fail),
		TEST(every_lock_and_condition_may_fail),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
