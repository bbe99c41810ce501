/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * random - cards come and go at random, several slots at once, while pcscd's
 * threads (host.h) use the real driver over a scripted reader (device.h).
 *
 *     random [MOVEMENTS [SEED [SPEED]]]
 *
 * After every burst of movements it waits until all is quiet and compares what
 * pcscd believes with what is in the slots:
 *
 *   lost      pcscd believes something else, and does not wait for news
 *   hidden    pcscd has believed "present" since before this card came, and has
 *             seen the ATR of another one meanwhile
 *   spurious  the polling function returned though nothing had moved
 *   crossed   an APDU was answered by another card than the client's
 *
 * All must be none. A card does not answer before its insertion was fetched
 * from the reader: a contact takes longer than an interrupt pipe.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fast_clock.h"
#include "lun.h"
#include "random.h"

#define SHORT_APDU	0x00020000u
#define MOVEMENTS	1000
#define SPEED		20
#define ROUNDS_A_LIFE	40
#define STILLBORN_MAX	5
#define SAY_EVERY	50000
#define QUIET_MS	400000	/* on the clock of the driver, which may
				   wait 60 s for each silent command */

struct random_life life;
struct random_sum sum;
struct dice dice;

static void disturb_all(void)
{
	for (unsigned i = 0; i < life.slots; i++) {
		pthread_mutex_lock(&life.slot[i].lock);
		life.slot[i].disturbed++;
		pthread_mutex_unlock(&life.slot[i].lock);
	}
}

/*
 * A machine that is busy elsewhere makes the driver, whose clock runs fast, wait
 * in vain and reset the device: then cards have moved.
 */
static void note_reset(void)
{
	disturb_all();
	sum.resets++;
}

void log_msg(const int priority, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What the driver says goes to the notes of its slot, or of the first. */
void log_msg(const int priority, const char *format, ...)
{
	char line[200];
	const char *at;
	unsigned slot;
	va_list args;

	(void)priority;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (strstr(line, "the device is reset"))
		note_reset();
	at = strstr(line, "slot ");
	if (at && sscanf(at, "slot %u:", &slot) == 1 && slot < life.slots)
		host_note(&life.slot[slot], at, 0);
	else if (strstr(line, "does not answer any more") && life.slots)
		for (unsigned i = 0; i < life.slots; i++)
			host_print_notes(&life.slot[i]);
	else if ((at = strstr(line, ": ")) && life.slots)
		host_note(&life.slot[0], at + 2, 0);
}

/* --- when all is quiet */

/* Nothing is on its way, neither in the reader nor in the driver. */
static bool is_settled(unsigned i)
{
	struct script_pipe *pipe = &life.device.script.pipe[USB_INTERRUPT];
	struct lun *lun = lun_get(life.slot[i].lun);
	const struct track_slot *t;
	bool settled;

	script_lock(&life.device.script);
	settled = !pipe->message && !life.device.script.ended &&
		  !life.triggers;
	script_unlock(&life.device.script);
	pthread_mutex_lock(&lun->reader->lock);
	t = &lun->reader->track.slot[i];
	settled = settled && !t->doubt && !t->asked && t->waiting &&
		  !t->stop && t->reported == (t->present ? t->visit : 0);
	pthread_mutex_unlock(&lun->reader->lock);
	lun_put(lun);
	return settled;
}

static bool believes_rightly(unsigned i)
{
	struct host_slot *slot = &life.slot[i];
	uint32_t serial;
	bool present, right;

	script_lock(&life.device.script);
	present = life.device.slot[i].present;
	serial = life.device.slot[i].card.serial;
	script_unlock(&life.device.script);
	pthread_mutex_lock(&slot->lock);
	right = slot->waiting &&
		slot->card == (present ? HOST_PRESENT : HOST_ABSENT);
	if (present && slot->serial && slot->serial != serial)
		right = false;
	pthread_mutex_unlock(&slot->lock);
	return right;
}

static bool all_quiet(void)
{
	for (unsigned i = 0; i < life.slots; i++)
		if (!is_settled(i) || !believes_rightly(i))
			return false;
	return true;
}

/*
 * Time is fast: on a machine that is busy with something else the reader seems
 * to be silent for longer than any is, and is given up.
 */
static bool is_given_up(void)
{
	struct lun *lun = lun_get(life.slot[0].lun);
	bool gone;

	pthread_mutex_lock(&lun->reader->lock);
	gone = lun->reader->gone;
	pthread_mutex_unlock(&lun->reader->lock);
	lun_put(lun);
	return gone;
}

static void report(const char *what, unsigned i)
{
	struct host_slot *slot = &life.slot[i];
	struct lun *lun = lun_get(slot->lun);
	const struct track_slot *t = &lun->reader->track.slot[i];

	printf("# %s in slot %u: reader %s %08" PRIX32 ", driver %s visit %u "
	       "reported %u doubt %d asked %d stop %d, pcscd %d %08" PRIX32
	       " waiting %d\n", what, i,
	       life.device.slot[i].present ? "present" : "empty",
	       life.device.slot[i].card.serial,
	       t->present ? "present" : "empty", t->visit, t->reported,
	       t->doubt, t->asked, t->stop, (int)slot->card, slot->serial,
	       slot->waiting);
	lun_put(lun);
	host_print_notes(slot);
}

static bool wait_for_quiet(void)
{
	uint64_t began = script_now_us(), gives_up = clock_now() + QUIET_MS;
	uint64_t took;

	while (!all_quiet()) {
		if (clock_now() > gives_up)
			return false;
		random_pause(200);
	}
	took = script_now_us() - began;
	sum.quiet_us += took;
	if (took > sum.quiet_worst_us)
		sum.quiet_worst_us = took;
	return true;
}

/* Nothing wakes the driver to find out that the machine has slept. */
static bool has_noticed_sleep(unsigned i)
{
	struct lun *lun = lun_get(life.slot[i].lun);
	bool noticed;

	pthread_mutex_lock(&lun->reader->lock);
	noticed = lun->reader->slept_ms == clock_slept();
	pthread_mutex_unlock(&lun->reader->lock);
	lun_put(lun);
	return noticed;
}

static void check_slot(unsigned i)
{
	struct host_slot *slot = &life.slot[i];
	bool calm = has_noticed_sleep(i);
	bool present, merged, hidden;
	uint32_t inside;
	uint64_t came;

	script_lock(&life.device.script);
	came = life.came[i];
	present = life.device.slot[i].present;
	inside = life.device.slot[i].card.serial;
	script_unlock(&life.device.script);
	pthread_mutex_lock(&slot->lock);
	slot->calm_at = calm ? slot->disturbed : UINT64_MAX;
	merged = present && slot->told < came;
	hidden = merged && slot->first_serial && slot->first_serial != inside;
	sum.merged += merged;
	sum.hidden += hidden;
	if (present && !slot->serial && !life.faulty)
		sum.mutes++;
	pthread_mutex_unlock(&slot->lock);
	if (hidden)
		report("hidden", i);
}

static bool quiet_round(void)
{
	script_lock(&life.device.script);
	life.triggers = 0;
	script_unlock(&life.device.script);
	if (!wait_for_quiet()) {
		if (is_given_up()) {
			sum.given_up++;
			return false;
		}
		for (unsigned i = 0; i < life.slots; i++)
			if (!is_settled(i) || !believes_rightly(i)) {
				sum.lost++;
				report("lost", i);
			}
		return false;
	}
	for (unsigned i = 0; i < life.slots; i++)
		check_slot(i);
	return true;
}

/* --- a life of the reader: opened, used, closed */

static void init_slot(struct host_slot *slot)
{
	memset(slot, 0, sizeof(*slot));
	pthread_mutex_init(&slot->call_lock, NULL);
	pthread_mutex_init(&slot->power_lock, NULL);
	pthread_mutex_init(&slot->lock, NULL);
	slot->progress = &life.progress;
	slot->calm_at = UINT64_MAX;
	slot->near_stop = random_near_stop;
	slot->doubtful = life.faulty;
}

static void make_reader(uint64_t seed)
{
	struct device *device = &life.device;

	device_plug(device, 1);
	dice_seed(&life.device_dice, seed ^ 0x5EED);
	life.slots = 1 + dice_below(&dice, SLOTS_MAX);
	device_set_slots(device, life.slots, 1 + dice_below(&dice, life.slots));
	device->announcement = dice_one_in(&dice, 3) ? DEVICE_MERGED
						     : DEVICE_EACH;
	device->watch = random_watch;
	device->script.dice = random_roll;
	life.slow = dice_one_in(&dice, 2);
	life.faulty = dice_one_in(&dice, 3);
	life.loses = dice_one_in(&dice, 6);
	device->script.info.interrupt_endpoint = !dice_one_in(&dice, 8);
	life.announces = device->script.info.interrupt_endpoint;
	device->settles = life.announces;
	/* Without a message for each swap nothing tells cards apart. */
	if (life.announces && !life.loses && dice_one_in(&dice, 3))
		device_set_features(device, SHORT_APDU | DEVICE_AUTOMATIC |
						    DESC_AUTO_ACTIVATION);
}

/* False: a slot did not open in time, on a machine that is too slow for us. */
static bool begin_life(uint64_t seed)
{
	memset(&life, 0, sizeof(life));
	pthread_cond_init(&life.progress, NULL);
	make_reader(seed);
	for (unsigned i = 0; i < life.slots; i++) {
		init_slot(&life.slot[i]);
		if (!host_open(&life.slot[i], i, device_name(&life.device))) {
			life.slots = i;
			return false;
		}
		host_start(&life.slot[i], seed * SLOTS_MAX + i);
	}
	return true;
}

/* A transfer that fails by it may look as after a sleep, and tell of a swap. */
static void unplug(void)
{
	disturb_all();
	device_unplug(&life.device);
}

static void end_life(void)
{
	if (dice_one_in(&dice, 6))
		unplug();
	for (unsigned i = 0; i < life.slots; i++)
		host_close(&life.slot[i], dice_one_in(&dice, 2),
			   dice_one_in(&dice, 2));
	for (unsigned i = 0; i < life.slots; i++) {
		const struct host_slot *slot = &life.slot[i];

		sum.removals += slot->removals;
		sum.insertions += slot->insertions;
		sum.returns += slot->returns;
		sum.spurious += slot->spurious;
		sum.apdus += slot->apdus;
		sum.crossed += slot->crossed;
		sum.power_ups += slot->power_ups;
		sum.failed_calls += slot->failed_calls;
	}
	device_discard(&life.device);
	sum.lives++;
}

static void live(uint64_t seed, uint64_t movements)
{
	bool begun = begin_life(seed);

	sum.stillborn += !begun;
	for (unsigned i = 0; begun && i < ROUNDS_A_LIFE &&
			     sum.movements < movements; i++) {
		script_lock(&life.device.script);
		life.triggers = dice_below(&dice, 4);
		script_unlock(&life.device.script);
		random_burst();
		sum.rounds++;
		if (!quiet_round())
			break;
		if (dice_one_in(&dice, 4)) {
			random_disturb();
			random_pause(dice_below(&dice, 2000));
		}
	}
	end_life();
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print_sums(void)
{
	if (host_stops > HOST_STOPS_MAX)
		host_stops = HOST_STOPS_MAX;
	qsort(host_stop_us, host_stops, sizeof(*host_stop_us), compare);
	printf("# %" PRIu64 " movements in %" PRIu64 " bursts, %" PRIu64
	       " lives (%" PRIu64 " more not begun, %" PRIu64
	       " given up), %" PRIu64 " sleeps, %" PRIu64
	       " resets\n# pcscd was told of %"
	       PRIu64 " insertions and %" PRIu64 " removals\n",
	       sum.movements, sum.rounds, sum.lives - sum.stillborn,
	       sum.stillborn, sum.given_up, sum.sleeps, sum.resets,
	       sum.insertions, sum.removals);
	printf("# %" PRIu64 " power-ups, %" PRIu64 " APDUs, %" PRIu64
	       " returns of the polling function\n# %" PRIu64
	       " mute at rest, %" PRIu64 " cards that came for another, of "
	       "which pcscd had seen nothing\n",
	       sum.power_ups, sum.apdus, sum.returns, sum.mutes, sum.merged);
	printf("# lost %" PRIu64 ", hidden %" PRIu64 ", spurious %" PRIu64
	       ", crossed %" PRIu64 ", failed %" PRIu64 "\n", sum.lost,
	       sum.hidden, sum.spurious, sum.crossed, sum.failed_calls);
	printf("# quiet after %" PRIu64 " us, at worst %" PRIu64 " us\n",
	       sum.rounds ? sum.quiet_us / sum.rounds : 0, sum.quiet_worst_us);
	if (host_stops)
		printf("# %u stops: half within %" PRIu32 " us, 99 of 100 "
		       "within %" PRIu32 " us, at worst %" PRIu32 " us\n",
		       host_stops, host_stop_us[host_stops / 2],
		       host_stop_us[host_stops * 99ull / 100],
		       host_stop_us[host_stops - 1]);
}

/* One life in a hundred may fail to begin, but for the first ones. */
static bool is_good(void)
{
	return !sum.lost && !sum.hidden && !sum.spurious && !sum.crossed &&
	       !sum.failed_calls &&
	       sum.stillborn + sum.given_up <=
		       STILLBORN_MAX + sum.lives / 100;
}

int main(int argc, char *argv[])
{
	uint64_t movements = argc > 1 ? strtoull(argv[1], NULL, 0) : MOVEMENTS;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0)
				 : script_now_us() % 1000000;
	uint64_t said = 0;

	fast_clock_run(argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : SPEED);
	host_stop_us = malloc(HOST_STOPS_MAX * sizeof(*host_stop_us));
	if (!host_stop_us)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..1\n# seed %" PRIu64 ", %u times as fast as the clock\n",
	       seed, fast_clock_speed);
	for (uint64_t n = 0; sum.movements < movements; n++) {
		dice_seed(&dice, seed + n);
		live(seed + n, movements);
		if (sum.movements >= said + SAY_EVERY) {
			printf("# %" PRIu64 " movements\n", sum.movements);
			said = sum.movements;
		}
		if (!is_good()) {
			printf("# seed of this life: %" PRIu64 "\n", seed + n);
			break;
		}
	}
	print_sums();
	free(host_stop_us);
	printf("%s 1 - nothing lost, hidden, spurious or crossed\n",
	       is_good() ? "ok" : "not ok");
	return !is_good();
}
