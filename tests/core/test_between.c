/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the interrupt pipe tells between two holds of the reader's lock: a call
 * is made again and again, and each time it happens as the call lets the lock
 * go for another time.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "card.h"
#include "clock.h"
#include "fixture.h"
#include "movement.h"
#include "movement_told.h"
#include "question.h"
#include "transmit.h"

#define SERIAL		FIXTURE_SERIAL
#define MOMENTS_MAX	1000

int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);

static _Thread_local bool concerned;
static unsigned moment;		/* so many unlocks from now; 0: never */
static void (*happen)(void);

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	int r = __real_pthread_mutex_unlock(mutex);

	if (concerned && mutex == &fixture.reader->lock && moment &&
	    --moment == 0)
		happen();
	return r;
}

/* --- what happens */

/* A hardware error, a message that is cut. */
static void something_is_lost(void)
{
	pthread_mutex_lock(&fixture.reader->lock);
	movement_missed(fixture.reader, 0);
	question_pump(fixture.reader, clock_now());
	__real_pthread_mutex_unlock(&fixture.reader->lock);
}

static void the_card_is_swapped(void)
{
	device_swap(&fixture.device, 0, SERIAL + 1);
}

/* And one message tells of both movements. */
static void the_card_is_swapped_in_one(void)
{
	device_hold(&fixture.device, USB_INTERRUPT, true);
	device_swap(&fixture.device, 0, SERIAL + 1);
	device_hold(&fixture.device, USB_INTERRUPT, false);
}

/* --- when: the calls */

static int off(void)
{
	return card_power_off(fixture.reader, 0);
}

static int up(void)
{
	uint8_t atr[READER_ATR_MAX];
	size_t size;

	return card_power_up(fixture.reader, 0, false, atr, &size);
}

static int reset(void)
{
	uint8_t atr[READER_ATR_MAX];
	size_t size;

	return card_power_up(fixture.reader, 0, true, atr, &size);
}

static int off_and_up(void)
{
	int r = off();

	return r < 0 ? r : up();
}

static int set_protocol(void)
{
	return card_set_protocol(fixture.reader, 0, 0);
}

static int send_command(void)
{
	static const uint8_t command[] = { 0x00, 0xCA, 0x00, 0x00, 0x00 };
	uint8_t answer[16];
	size_t size;

	return transmit(fixture.reader, 0, 0, command, sizeof(command), answer,
			sizeof(answer), &size);
}

static int (*const calls[])(void) = {
	reset, off_and_up, set_protocol, send_command,
};

#define CALLS	(sizeof(calls) / sizeof(calls[0]))

struct run {
	struct call call;
	int (*make)(void);
	int r;
};

static void *make_call(void *argument)
{
	struct run *run = argument;

	concerned = true;
	run->r = run->make();
	concerned = false;
	return NULL;
}

static int make(int (*call)(void))
{
	static struct run run;

	run = (struct run){ .make = call };
	call_start(&run.call, make_call, &run);
	stopped_clock_pass(5000);
	call_join(&run.call);
	return run.r;
}

/* --- the watcher */

static enum track_presence pass(void)
{
	assert_int_equal(movement_wait(fixture.reader, 0, 0), 0);
	return movement_presence(fixture.reader, 0);
}

static void begin(void)
{
	fixture_plug(NULL);
	fixture.device.settles = true;
	fixture.device.announcement = DEVICE_MERGED;
}

/* The reader has announced a movement truly by then. */
static void open_watched(void)
{
	fixture_open();
	pass();
	stopped_clock_pass(5000);
	device_insert(&fixture.device, 0, SERIAL);
	stopped_clock_settle();
	assert_int_equal(pass(), TRACK_PRESENT);
	be_ready(0, SERIAL);
	stopped_clock_pass(5000);
}

/* False: the call had no such moment. */
static bool run_at(unsigned at, int (*call)(void), int *ret_r)
{
	moment = at;
	*ret_r = make(call);
	stopped_clock_settle();
	at = moment;
	moment = 0;
	return !at;
}

static void each_moment_of(int (*call)(void), bool automatic,
			   void (*judge)(int r))
{
	bool more = true;

	for (unsigned i = 1; more; i++) {
		int r;

		assert_true(i < MOMENTS_MAX);
		begin();
		if (automatic)
			device_set_features(&fixture.device,
					    SHORT_LEVEL | DEVICE_AUTOMATIC |
						    DESC_AUTO_ACTIVATION);
		open_watched();
		more = run_at(i, call, &r);
		if (more)
			judge(r);
		fixture_discard(NULL);
	}
}

static void each_moment(void (*what)(void), bool automatic,
			void (*judge)(int r))
{
	happen = what;
	for (size_t i = 0; i < CALLS; i++)
		each_moment_of(calls[i], automatic, judge);
}

/* --- tests */

static void expect_same_card(int r)
{
	assert_int_equal(r, 0);
	assert_int_equal(fixture.reader->track.slot[0].visit, 1);
	assert_int_equal(pass(), TRACK_PRESENT);
	assert_int_equal(transmit_serial(0), SERIAL);
}

static void expect_swap(int r)
{
	(void)r;
	assert_int_equal(transmit_serial(0), 0);
	assert_int_equal(pass(), TRACK_EMPTY);
	assert_int_equal(pass(), TRACK_PRESENT);
	be_ready(0, SERIAL + 1);
}

static void a_doubt_is_no_swap(void **state)
{
	(void)state;
	each_moment(something_is_lost, false, expect_same_card);
	each_moment(something_is_lost, true, expect_same_card);
}

static void a_swap_is_told(void **state)
{
	(void)state;
	each_moment(the_card_is_swapped, false, expect_swap);
}

static void a_swap_in_one_message_is_told(void **state)
{
	(void)state;
	each_moment(the_card_is_swapped_in_one, false, expect_swap);
}

static void a_swap_of_cards_that_activate_themselves_is_told(void **state)
{
	(void)state;
	each_moment(the_card_is_swapped_in_one, true, expect_swap);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_doubt_is_no_swap),
		cmocka_unit_test(a_swap_is_told),
		cmocka_unit_test(a_swap_in_one_message_is_told),
		cmocka_unit_test(
			a_swap_of_cards_that_activate_themselves_is_told),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
