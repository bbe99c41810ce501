/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "session.h"

#include <errno.h>
#include <string.h>

#include "attribute.h"
#include "card.h"
#include "clock.h"
#include "contact.h"
#include "control.h"
#include "fixture.h"
#include "lun.h"
#include "movement_told.h"
#include "pin_pad.h"
#include "transmit.h"

#define FILL		0xA5
#define VENDOR_NAME	0x00010100u
#define TRIES		8	/* passes of pcscd, until all is told */
#define PACE_MS		2000	/* of questions, where all else has failed */

#define FILLING		0x5A	/* the card's answer */
#define FAST_T0		2	/* rows of session_card.c: a PPS is due */
#define FAST_T1		3

/* dwFeatures: voltage, clock and rate; the rest is left to the driver */
#define BY_HAND		0x00000038u

const struct session_level session_levels[SESSION_LEVELS] = {
	{ SHORT_LEVEL | DEVICE_AUTOMATIC, DESC_LEVEL_SHORT_APDU, 0, 0, 4, true,
	  { 0x00, 0xCA, 0x00, 0x00, 0x00 }, 5 },
	{ EXTENDED_LEVEL | DEVICE_AUTOMATIC, DESC_LEVEL_EXTENDED_APDU, 0, 0,
	  700, true, { 0x00, 0xCA, 0x00, 0x00, 0x00, 0x10, 0x00 }, 7 },
	{ TPDU_LEVEL | BY_HAND, DESC_LEVEL_TPDU, 0, FAST_T0, 16, true,
	  { 0x00, 0xCA, 0x00, 0x00, 0x10 }, 5 },
	{ TPDU_LEVEL | BY_HAND, DESC_LEVEL_TPDU, 1, FAST_T1, 100, true,
	  { 0x00, 0xCA, 0x00, 0x00, 0x64 }, 5 },
	{ BY_HAND, DESC_LEVEL_CHARACTER, 0, FAST_T0, 16, false,
	  { 0x00, 0xCA, 0x00, 0x00, 0x10 }, 5 },
	{ BY_HAND, DESC_LEVEL_CHARACTER, 1, FAST_T1, 100, false,
	  { 0x00, 0xCA, 0x00, 0x00, 0x64 }, 5 },
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
	for (size_t i = 0; i + 2 < size; i++)
		if (answer[i] != FILLING)
			return false;
	return size == run->level->answer_size + 2 && answer[size - 2] == 0x90;
}

/* An answer, or an error and nothing of the device's. */
static bool send_apdu(struct session_run *run, struct lun *lun)
{
	uint8_t answer[2000];
	uint64_t began = clock_now();
	size_t size = 1;
	int r;

	memset(answer, FILL, sizeof(answer));
	r = transmit(lun->reader, lun->slot, TRANSMIT_ANY, run->level->command,
		     run->level->size, answer, sizeof(answer), &size);
	note(run, "transmit", began);
	if (r == 0) {
		if (is_the_cards(run, answer, size))
			return true;
		if (!run->foul)
			run->wrong = "another answer";
		return false;
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
	r = card_set_protocol(lun->reader, lun->slot, run->level->protocol);
	note(run, "set protocol", began);
	return r;
}

static void enter_pin(struct session_run *run, struct lun *lun)
{
	uint64_t began = clock_now();
	uint8_t answer[300];
	size_t size;
	int r = control(lun->reader, lun->slot, VERIFY, verify, sizeof(verify),
			answer, sizeof(answer), &size);

	run->entered = r == 0 && size == sizeof(good) &&
		       memcmp(answer, good, size) == 0;
	if (r == 0 && !run->entered && !run->foul)
		run->wrong = "another answer to a PIN";
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
	device_insert(&fixture.device, lun->slot, SESSION_SERIAL);
	look(run, lun, 2000);
	power_up_card(run, lun, false);
	send_apdu(run, lun);
	enter_pin(run, lun);
	control_attribute(lun->reader, lun->slot, VENDOR_NAME, value);
	send_apdu(run, lun);
	power_up_card(run, lun, true);
	device_swap(&fixture.device, lun->slot, SESSION_SERIAL);
	look(run, lun, 2000);
	power_off_card(run, lun);
}

/*
 * What fails no more was cured: as pcscd goes on with a card it believes in. A
 * wait lets the device finish what it was saying.
 */
static void use_again(struct session_run *run, struct lun *lun)
{
	for (int i = 0; i < TRIES && !run->cured; i++) {
		look(run, lun, PACE_MS);
		run->cured = power_up_card(run, lun, true) == 0 &&
			     send_apdu(run, lun);
	}
}

void *session_live(void *argument)
{
	struct session_run *run = argument;
	unsigned long number = SESSION_LUN + run->slot;
	uint64_t began = clock_now();
	struct lun *lun;
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	run->opened = lun_open(number, device_name(&fixture.device));
	note(run, "open", began);
	if (run->opened < 0)
		return NULL;
	lun = lun_get(number);
	if (run->before)
		run->before();
	use(run, lun);
	if (run->after)
		run->after();
	use_again(run, lun);
	if (movement_truth(lun->reader, lun->slot) == TRACK_GONE)
		run->opened = -ENODEV;
	lun_put(lun);
	began = clock_now();
	lun_close(number);
	note(run, "close", began);
	return NULL;
}

void session_run_all(struct session_run *run, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		call_start(&run[i].call, run[i].live ? run[i].live : session_live,
			   &run[i]);
	for (unsigned s = 0; s < SESSION_S && calls_running(); s++)
		stopped_clock_pass(1000);
	for (unsigned i = 0; i < n; i++) {
		call_join(&run[i].call);
		device_remove(&fixture.device, run[i].slot);
	}
	/* A device that nobody has open tells nothing. */
	script_lock(&fixture.device.script);
	script_flush(&fixture.device.script, USB_INTERRUPT);
	script_unlock(&fixture.device.script);
}

void session_run(struct session_run *run)
{
	session_run_all(run, 1);
}

void session_set_level(const struct session_level *level)
{
	device_set_features(&fixture.device, level->features);
	contact_plug(&fixture.device, level->level, level->atr,
		     level->answer_size);
}
