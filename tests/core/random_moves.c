/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "random.h"

#include <errno.h>
#include <time.h>

#include "fast_clock.h"
#include "lun.h"

#define BURST_MAX	60
#define SLEEP_MS	60000
#define SPOILT_MAX	3	/* answers in a burst */

static uint32_t serials = 1000;

static void move(unsigned slot)
{
	struct device_slot *s = &life.device.slot[slot];
	bool present = !s->present;

	device_move_locked(&life.device, slot, present, ++serials);
	if (present)
		life.came[slot] = host_tick();
	pthread_mutex_lock(&life.slot[slot].lock);
	life.slot[slot].disturbed++;
	pthread_mutex_unlock(&life.slot[slot].lock);
	host_note(&life.slot[slot], present ? "card in" : "card out", serials);
	sum.movements++;
}

static void maybe_move(unsigned slot, unsigned one_in)
{
	if (!life.triggers || !dice_one_in(&life.device_dice, one_in))
		return;
	life.triggers--;
	move(slot);
	if (dice_one_in(&life.device_dice, 2))
		move(slot);
}

/* Just as a command was obeyed. */
void random_watch(struct device *device, unsigned slot, uint8_t type)
{
	(void)device;
	if (slot < life.slots)
		host_note(&life.slot[slot], "reader: command", type);
	if (slot < life.slots && type != CCID_GET_SLOT_STATUS)
		maybe_move(slot, 4);
}

unsigned random_roll(struct script *script)
{
	(void)script;
	if (life.slow)
		life.device.script.work_delay_us =
			dice_below(&life.device_dice, 500);
	return dice_below(&life.device_dice, 5);
}

void random_near_stop(struct host_slot *slot)
{
	script_lock(&life.device.script);
	maybe_move((unsigned)(slot - life.slot), 4);
	script_unlock(&life.device.script);
}

/* Messages that say nothing new, or nothing at all. */
void random_disturb(void)
{
	static const uint8_t messages[][4] = {
		{ CCID_HARDWARE_ERROR, 0, 0, 1 }, { 0x40, 1 }, { 0xFF },
		{ CCID_NOTIFY_SLOT_CHANGE }, { CCID_HARDWARE_ERROR, 0 },
	};
	static const size_t sizes[] = { 4, 2, 1, 1, 2 };
	unsigned i = dice_below(&dice, 5);

	if (life.announces)
		device_notify(&life.device, messages[i], sizes[i]);
}

static const struct {
	enum device_fault fault;
	unsigned n;
	uint8_t code;
} faults[] = {
	{ DEVICE_EMPTIES, 2, 0 },
	{ DEVICE_STRAYS, 3, 0 },
	{ DEVICE_EXTEND, 1, 1 },
	{ DEVICE_FAIL, 0, CCID_ERROR_SLOT_BUSY },
	{ DEVICE_FAIL, 0, CCID_ERROR_HARDWARE },
	{ DEVICE_OTHER_TYPE, 0, 0 },
	{ DEVICE_SHORT, 5, 0 },
	{ DEVICE_LENGTH, 0, 1 },
	{ DEVICE_STALL, 0, 0 },
	{ DEVICE_STATUS, 0, EIO },
	{ DEVICE_SILENT, 0, 0 },
};

/* Fewer than the driver tries before it takes the reader for broken. */
static void spoil_an_answer(void)
{
	unsigned i = dice_below(&dice, sizeof(faults) / sizeof(faults[0]));

	if (++life.spoilt <= SPOILT_MAX)
		device_on(&life.device, 0, faults[i].fault, faults[i].n,
			  faults[i].code);
}

static void move_now(unsigned slot)
{
	script_lock(&life.device.script);
	life.device.notice_us = dice_one_in(&dice, 3) ? dice_below(&dice, 2000)
						      : 0;
	life.device.doubles = life.device.announcement == DEVICE_EACH &&
			      dice_one_in(&dice, 10);
	life.device.cuts = life.loses && dice_one_in(&dice, 3);
	move(slot);
	life.device.doubles = false;
	life.device.cuts = false;
	script_unlock(&life.device.script);
}

void random_pause(unsigned us)
{
	struct timespec time = { .tv_nsec = (long)us * 1000 };

	if (us)
		nanosleep(&time, NULL);
}

/* A card that was off can be known by its ATR alone: it is not changed here. */
static bool is_ours(const struct reader *reader, unsigned slot)
{
	const struct track_slot *t = &reader->track.slot[slot];
	const struct device_slot *s = &life.device.slot[slot];

	return !reader->slot[slot].owned && t->present &&
	       t->powered == t->visit && s->present && s->active;
}

static void change_asleep(unsigned slot, bool present)
{
	struct device_slot *s = &life.device.slot[slot];

	s->present = present;
	s->active = present && life.device.auto_activation;
	s->card.serial = ++serials;
	if (present)
		life.came[slot] = host_tick();
	host_note(&life.slot[slot], present ? "asleep: card in"
					    : "asleep: card out", serials);
	sum.movements++;
}

/* Whatever happens is announced by nobody. */
static void nap(const struct reader *reader, unsigned slot)
{
	struct device_slot *s = &life.device.slot[slot];

	pthread_mutex_lock(&life.slot[slot].lock);
	life.slot[slot].disturbed++;
	pthread_mutex_unlock(&life.slot[slot].lock);
	host_note(&life.slot[slot], "asleep", 0);
	if (is_ours(reader, slot) && dice_one_in(&dice, 3))
		change_asleep(slot, true);
	else if (dice_one_in(&dice, 4))
		change_asleep(slot, !s->present);
	else if (dice_one_in(&dice, 2) && !life.device.auto_activation)
		s->active = false;
}

/* The interrupt transfer may fail then, once: twice would be an unplugging. */
static void sleep_a_while(void)
{
	struct lun *lun = lun_get(life.slot[0].lun);
	struct reader *reader = lun->reader;

	pthread_mutex_lock(&reader->lock);
	script_lock(&life.device.script);
	for (unsigned i = 0; i < life.slots; i++)
		nap(reader, i);
	fast_clock_sleep(SLEEP_MS);
	if (life.announces && !reader->absent && dice_one_in(&dice, 2))
		script_put(&life.device.script, USB_INTERRUPT, -ENODEV, NULL,
			   0, 0);
	script_unlock(&life.device.script);
	pthread_mutex_unlock(&reader->lock);
	lun_put(lun);
	sum.sleeps++;
}

void random_burst(void)
{
	static const unsigned sizes[] = { 1, 1, 8, BURST_MAX };
	unsigned n = 1 + dice_below(&dice, sizes[dice_below(&dice, 4)]);
	unsigned sleep_at = dice_one_in(&dice, 4) ? dice_below(&dice, n) : n;

	life.spoilt = 0;
	for (unsigned i = 0; i < n; i++) {
		if (i == sleep_at)
			sleep_a_while();
		move_now(dice_below(&dice, life.slots));
		if (dice_one_in(&dice, 2))
			random_pause(dice_below(&dice, dice_one_in(&dice, 4)
							   ? 3000
							   : 200));
		if (dice_one_in(&dice, 8))
			random_disturb();
		if (life.faulty && dice_one_in(&dice, 10))
			spoil_an_answer();
	}
}
