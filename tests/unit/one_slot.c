/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "one_slot.h"

#define START_MS	5000
#define QUIET_MS	10000	/* longer than any window of the tracker */

struct track t;
uint64_t now;

static void open_reader(bool endpoint, bool automatic, bool card)
{
	now = START_MS;
	track_init(&t, 1, endpoint, automatic, POLL_MS, now);
	track_open(&t, 0, card, now);
}

void open_slot_now(bool card)
{
	open_reader(true, false, card);
}

void open_slot(bool card)
{
	open_slot_now(card);
	later(QUIET_MS);
}

void open_paced_slot(bool card)
{
	open_reader(false, false, card);
	later(QUIET_MS);
}

void open_auto_slot(bool card)
{
	open_reader(true, true, card);
	later(QUIET_MS);
}

void later(uint64_t ms)
{
	now += ms;
}

unsigned notified(bool present, bool changed)
{
	return track_notified(&t, 0, present, changed, now);
}

unsigned replied(enum ccid_icc icc)
{
	return track_replied(&t, 0, icc);
}

unsigned missed(void)
{
	return track_missed(&t, 0);
}

void ask(void)
{
	track_asked(&t, 0, now);
}

unsigned answered(enum ccid_icc icc)
{
	return track_answered(&t, 0, icc, now);
}

uint64_t due_in(void)
{
	unsigned news;
	uint64_t due = track_question_due(&t, 0, now, &news);

	if (due == TRACK_NEVER)
		return TRACK_NEVER;
	return due > now ? due - now : 0;
}

unsigned news_of_due(void)
{
	unsigned news;

	track_question_due(&t, 0, now, &news);
	return news;
}

void insert(void)
{
	notified(true, CHANGED);
	later(QUIET_MS);
}

void remove_card(void)
{
	notified(false, CHANGED);
	later(QUIET_MS);
}

unsigned begin_power(enum track_power kind)
{
	return track_power_begun(&t, 0, kind, now);
}

int end_power(bool done)
{
	return track_power_ended(&t, 0, done, now);
}

int power_up(void)
{
	begin_power(TRACK_POWER_ON);
	return end_power(true);
}

void power_off(void)
{
	begin_power(TRACK_POWER_OFF);
	end_power(true);
}

void enter(void)
{
	track_wait_enter(&t, 0);
}

bool over(void)
{
	return track_wait_over(&t, 0);
}

void leave(void)
{
	track_wait_leave(&t, 0);
}

enum track_presence told(void)
{
	return track_presence(&t, 0, true);
}

enum track_presence others_told(void)
{
	return track_presence(&t, 0, false);
}

enum track_presence pass(void)
{
	enum track_presence p;

	leave();
	p = told();
	enter();
	return p;
}

void watch_unpowered_card(void)
{
	open_slot(true);
	others_told();
	enter();
	pass();
}

void watch_powered_card(void)
{
	watch_unpowered_card();
	power_up();
	later(QUIET_MS);
}

void assert_inside(uint32_t visit)
{
	assert_true(t.slot[0].present);
	assert_int_equal(t.slot[0].visit, visit);
}

void assert_nothing_inside(void)
{
	assert_false(t.slot[0].present);
}

void assert_settled(void)
{
	assert_false(t.slot[0].doubt);
}

void assert_to_be_confirmed(void)
{
	assert_settled();
	assert_int_equal(due_in(), 0);
}

void assert_in_doubt(void)
{
	assert_true(t.slot[0].doubt);
	assert_int_equal(due_in(), 0);
}
