/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "learn.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "exchange.h"
#include "greet.h"
#include "log.h"
#include "supply.h"

#define STATUS_TRIES	3
#define OFF_MS		2000	/* before it may be reset */
#define OPEN_MS		10000

/* The reply opens the slot: movement_replied. */
static int ask_status(struct reader *reader, unsigned slot, bool gentle,
		      enum ccid_icc *ret_icc)
{
	const struct exchange_command command = {
		.type = CCID_GET_SLOT_STATUS,
		.wait_ms = reader->quirk.start_ms,
		.deadline = clock_now() + reader->quirk.start_ms,
		.gentle = gentle,
	};
	struct ccid_reply reply;
	int r = exchange_run(reader, slot, &command, &reply);

	if (r < 0)
		return r;
	if (reply.outcome != CCID_DONE && reply.error != CCID_ERROR_MUTE)
		return -EPROTO;
	*ret_icc = reply.icc;
	return 0;
}

static void power_off(struct reader *reader, unsigned slot, bool gentle)
{
	const struct exchange_command command = {
		.type = CCID_POWER_OFF,
		.wait_ms = OFF_MS,
		.deadline = clock_now() + OFF_MS,
		.gentle = gentle,
	};
	struct ccid_reply reply;

	exchange_run(reader, slot, &command, &reply);
}

/*
 * Whoever had the card before has left it powered, perhaps with its PIN verified:
 * a power-up alone need not be a reset to it. Readers that power cards by
 * themselves tell nothing of that, and contactless ones would tell of movements.
 */
static bool is_left_over(const struct reader *reader, enum ccid_icc icc)
{
	return icc == CCID_ICC_ACTIVE &&
	       !(reader->desc.features & DESC_AUTO_ACTIVATION);
}

/*
 * A reader that is still starting would start anew after a reset: the power-offs
 * of the greeting and the first question lead to none.
 */
static int learn_status(struct reader *reader, unsigned slot)
{
	enum ccid_icc icc = CCID_ICC_ABSENT;
	int r;

	if (reader->info.protocol) {
		r = supply_rouse(reader, slot);
		if (r < 0)
			return r;
	}
	r = ask_status(reader, slot, true, &icc);
	for (int i = 1; r < 0 && r != -ENODEV && i < STATUS_TRIES; i++) {
		power_off(reader, slot, false);
		r = ask_status(reader, slot, false, &icc);
	}
	if (r == 0 && is_left_over(reader, icc))
		power_off(reader, slot, true);
	return r;
}

static int greet_slot(struct reader *reader, unsigned slot)
{
	bool due = greet_is_due(reader);
	int r;

	if (due)
		greet_before(reader, slot);
	r = learn_status(reader, slot);
	if (r == 0 && due)
		greet_behind(reader, slot);
	return r;
}

/* Silence is waited for more than once, and the greeting has its pause. */
static unsigned open_time(const struct reader *reader)
{
	unsigned ms = reader->quirk.start_ms * STATUS_TRIES;

	return (ms < OPEN_MS ? OPEN_MS : ms) + reader->quirk.pause_ms;
}

int learn_slot(struct reader *reader, unsigned slot)
{
	int r = exchange_begin(reader, slot, EXCHANGE_READER,
			       open_time(reader));

	if (r < 0)
		return r;
	r = greet_slot(reader, slot);
	exchange_end(reader, slot);
	if (r < 0)
		log_write(LOG_LEVEL_CRITICAL, reader->label,
			  "slot %u does not tell its status: %s", slot,
			  strerror(-r));
	return r;
}
