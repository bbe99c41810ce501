/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "fast_clock.h"
#include "script.h"

#define UNUSED_MS	5000	/* until an unused card is powered off */
#define IDLE_MS		600000
#define PAUSE_MS	400	/* after a poll that failed */

uint32_t *host_stop_us;
unsigned host_stops;

uint64_t host_tick(void)
{
	static uint64_t ticks;

	return __atomic_add_fetch(&ticks, 1, __ATOMIC_SEQ_CST);
}

void dice_seed(struct dice *dice, uint64_t seed)
{
	dice->state = (seed + 1) * 0x9E3779B97F4A7C15u;
}

unsigned dice_below(struct dice *dice, unsigned n)
{
	dice->state ^= dice->state >> 12;
	dice->state ^= dice->state << 25;
	dice->state ^= dice->state >> 27;
	return (unsigned)((dice->state * 0x2545F4914F6CDD1Du >> 33) % n);
}

bool dice_one_in(struct dice *dice, unsigned n)
{
	return dice_below(dice, n) == 0;
}

static void pause_ms(unsigned ms)
{
	uint64_t us = (uint64_t)ms * 1000 / fast_clock_speed;
	struct timespec time = {
		.tv_sec = (time_t)(us / 1000000),
		.tv_nsec = (long)(us % 1000000) * 1000,
	};

	nanosleep(&time, NULL);
}

void host_note(struct host_slot *slot, const char *what, uint64_t value)
{
	struct host_note *note;

	pthread_mutex_lock(&slot->lock);
	note = &slot->note[slot->notes++ % HOST_NOTES];
	snprintf(note->what, sizeof(note->what), "%s", what);
	note->value = value;
	note->at_us = script_now_us();
	pthread_mutex_unlock(&slot->lock);
}

void host_print_notes(struct host_slot *slot)
{
	unsigned n = slot->notes < HOST_NOTES ? slot->notes : HOST_NOTES;

	pthread_mutex_lock(&slot->lock);
	for (unsigned i = slot->notes - n; i != slot->notes; i++) {
		const struct host_note *note = &slot->note[i % HOST_NOTES];

		printf("#   %10llu us  %s %llX\n",
		       (unsigned long long)(note->at_us % 1000000000),
		       note->what, (unsigned long long)note->value);
	}
	pthread_mutex_unlock(&slot->lock);
}

static bool is_ending(struct host_slot *slot)
{
	bool ending;

	pthread_mutex_lock(&slot->lock);
	ending = slot->ending;
	pthread_mutex_unlock(&slot->lock);
	return ending;
}

/* --- calls, under pcscd's lock for them */

static RESPONSECODE presence(struct host_slot *slot)
{
	RESPONSECODE r;

	pthread_mutex_lock(&slot->call_lock);
	r = IFDHICCPresence(slot->lun);
	host_note(slot, pthread_equal(pthread_self(), slot->watcher)
				? "watcher: presence"
				: "client: presence", (uint64_t)r);
	pthread_mutex_unlock(&slot->call_lock);
	return r;
}

static uint32_t serial_of(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

/* pcscd asks presence within every power action. Returns the serial or 0. */
static uint32_t power(struct host_slot *slot, DWORD action)
{
	UCHAR atr[MAX_ATR_SIZE];
	DWORD size = sizeof(atr);
	RESPONSECODE r;

	if (presence(slot) != IFD_ICC_PRESENT)
		return 0;
	pthread_mutex_lock(&slot->call_lock);
	r = IFDHPowerICC(slot->lun, action, atr, &size);
	host_note(slot, action == IFD_POWER_DOWN ? "power down" :
			action == IFD_RESET ? "reset" : "power up",
		  r == IFD_SUCCESS && size >= 6 ? serial_of(atr + size - 4)
						: (uint64_t)r);
	pthread_mutex_unlock(&slot->call_lock);
	if (r != IFD_SUCCESS || size < 6)
		return 0;
	return serial_of(atr + size - 4);
}

static void believe(struct host_slot *slot, enum host_card card,
		    uint32_t serial)
{
	pthread_mutex_lock(&slot->lock);
	if (card == HOST_PRESENT && slot->card != HOST_PRESENT) {
		slot->told = host_tick();
		slot->first_serial = 0;
	}
	slot->card = card;
	slot->serial = serial;
	pthread_mutex_unlock(&slot->lock);
}

static void learn_serial(struct host_slot *slot, uint32_t serial)
{
	pthread_mutex_lock(&slot->lock);
	slot->serial = serial;
	if (!slot->first_serial)
		slot->first_serial = serial;
	slot->power_ups += serial != 0;
	pthread_mutex_unlock(&slot->lock);
}

/* --- the watcher */

static void insertion(struct host_slot *slot)
{
	uint32_t serial = power(slot, IFD_POWER_UP);

	pthread_mutex_lock(&slot->power_lock);
	slot->power = serial ? HOST_POWERED : HOST_UNPOWERED;
	pthread_mutex_unlock(&slot->power_lock);
	learn_serial(slot, serial);
	pthread_mutex_lock(&slot->lock);
	slot->insertions++;
	pthread_mutex_unlock(&slot->lock);
}

static void removal(struct host_slot *slot)
{
	pthread_mutex_lock(&slot->lock);
	slot->removed = true;
	slot->removals++;
	pthread_mutex_unlock(&slot->lock);
}

static void look(struct host_slot *slot)
{
	RESPONSECODE r = presence(slot);
	enum host_card before;

	pthread_mutex_lock(&slot->lock);
	before = slot->card;
	pthread_mutex_unlock(&slot->lock);
	if (r == IFD_ICC_PRESENT && before != HOST_PRESENT) {
		believe(slot, HOST_PRESENT, 0);
		insertion(slot);
	} else if (r == IFD_ICC_NOT_PRESENT && before != HOST_ABSENT) {
		believe(slot, HOST_ABSENT, 0);
		removal(slot);
	} else if (r != IFD_ICC_PRESENT && r != IFD_ICC_NOT_PRESENT) {
		believe(slot, HOST_UNKNOWN, 0);
	}
}

static void note_stop(uint32_t us)
{
	unsigned i = __atomic_fetch_add(&host_stops, 1, __ATOMIC_RELAXED);

	if (i < HOST_STOPS_MAX)
		host_stop_us[i] = us;
}

/* A stop during the poll before may have come too late for it. */
static void note_return(struct host_slot *slot, bool explained)
{
	uint64_t now = script_now_us();
	bool stopped, spurious = false;

	pthread_mutex_lock(&slot->lock);
	stopped = slot->stops_begun > slot->stops_before;
	slot->waiting = false;
	slot->returns++;
	if (!explained && !stopped && !slot->ending && !slot->doubtful &&
	    slot->disturbed == slot->calm_at)
		spurious = true;
	slot->spurious += spurious;
	if (stopped && slot->stop_us && slot->stop_us <= now)
		note_stop((uint32_t)(now - slot->stop_us));
	slot->stop_us = 0;
	pthread_mutex_unlock(&slot->lock);
	if (spurious)
		host_print_notes(slot);
}

static int timeout_for(struct host_slot *slot)
{
	int timeout = IDLE_MS;

	pthread_mutex_lock(&slot->power_lock);
	if (slot->power == HOST_POWERED)
		timeout = UNUSED_MS;
	pthread_mutex_unlock(&slot->power_lock);
	if (timeout == UNUSED_MS && dice_one_in(&slot->watcher_dice, 2))
		timeout = (int)dice_below(&slot->watcher_dice, 500);
	return timeout;
}

static void wait_for_event(struct host_slot *slot)
{
	int timeout = timeout_for(slot);
	uint64_t began = clock_now();
	RESPONSECODE r;

	pthread_mutex_lock(&slot->lock);
	slot->waiting = true;
	slot->stops_before = slot->stops_seen;
	slot->stops_seen = slot->stops_done;
	pthread_cond_broadcast(slot->progress);
	pthread_mutex_unlock(&slot->lock);
	host_note(slot, "watcher: poll", (uint64_t)timeout);
	r = slot->poll(slot->lun, timeout);
	host_note(slot, "watcher: poll is back", (uint64_t)r);
	note_return(slot, r != IFD_SUCCESS ||
				  clock_now() - began >= (uint64_t)timeout);
	if (r != IFD_SUCCESS)
		pause_ms(PAUSE_MS);
}

/* An unused card is powered off whenever the poll comes back. */
static void age_power(struct host_slot *slot)
{
	pthread_mutex_lock(&slot->power_lock);
	if (slot->power == HOST_POWERED) {
		power(slot, IFD_POWER_DOWN);
		slot->power = HOST_UNPOWERED;
	}
	if (slot->power == HOST_GRACE)
		slot->power = HOST_POWERED;
	pthread_mutex_unlock(&slot->power_lock);
}

static void *watch(void *argument)
{
	struct host_slot *slot = argument;

	while (!is_ending(slot)) {
		look(slot);
		wait_for_event(slot);
		age_power(slot);
	}
	return NULL;
}

/* --- the client */

static void stop(struct host_slot *slot)
{
	if (slot->near_stop)
		slot->near_stop(slot);
	pthread_mutex_lock(&slot->lock);
	slot->stops_begun++;
	slot->stop_us = slot->waiting ? script_now_us() : 0;
	pthread_mutex_unlock(&slot->lock);
	slot->stop(slot->lun);
	pthread_mutex_lock(&slot->lock);
	slot->stops_done++;
	pthread_mutex_unlock(&slot->lock);
	if (slot->near_stop)
		slot->near_stop(slot);
}

/* The serial of the ATR that pcscd has; a new handle is of use so far. */
static uint32_t take_handle(struct host_slot *slot)
{
	uint32_t serial;

	pthread_mutex_lock(&slot->lock);
	slot->removed = false;
	serial = slot->card == HOST_PRESENT ? slot->serial : 0;
	pthread_mutex_unlock(&slot->lock);
	return serial;
}

static bool is_removed(struct host_slot *slot)
{
	bool removed;

	pthread_mutex_lock(&slot->lock);
	removed = slot->removed;
	pthread_mutex_unlock(&slot->lock);
	return removed;
}

/* Returns the serial of the card that the client is connected to, or 0. */
static uint32_t connect(struct host_slot *slot)
{
	uint32_t serial;

	pthread_mutex_lock(&slot->power_lock);
	serial = take_handle(slot);
	if (slot->power == HOST_UNPOWERED) {
		serial = power(slot, IFD_POWER_UP);
		if (serial)
			learn_serial(slot, serial);
	}
	if (serial) {
		slot->power = HOST_IN_USE;
		slot->connections++;
	}
	pthread_mutex_unlock(&slot->power_lock);
	return serial;
}

static uint32_t reset(struct host_slot *slot)
{
	uint32_t serial = power(slot, IFD_RESET);

	if (serial)
		learn_serial(slot, serial);
	return serial;
}

static void disconnect(struct host_slot *slot, bool with_reset)
{
	if (with_reset)
		reset(slot);
	pthread_mutex_lock(&slot->power_lock);
	if (--slot->connections == 0 && slot->power == HOST_IN_USE)
		slot->power = HOST_GRACE;
	pthread_mutex_unlock(&slot->power_lock);
	stop(slot);
}

static bool set_protocol(struct host_slot *slot)
{
	RESPONSECODE r;

	pthread_mutex_lock(&slot->call_lock);
	r = IFDHSetProtocolParameters(slot->lun, 1, 0, 0, 0, 0);
	pthread_mutex_unlock(&slot->call_lock);
	return r == IFD_SUCCESS;
}

/* False: the connection is of no use any more. */
static bool exchange_apdu(struct host_slot *slot, uint32_t serial)
{
	UCHAR command[] = { 0x00, 0xCA, 0x00, 0x00, 0x00 };
	SCARD_IO_HEADER send = { 0, 0 }, received = { 0, 0 };
	UCHAR answer[300];
	DWORD size = sizeof(answer);
	RESPONSECODE r = IFD_COMMUNICATION_ERROR;
	bool crossed;

	pthread_mutex_lock(&slot->call_lock);
	if (!is_removed(slot))
		r = IFDHTransmitToICC(slot->lun, send, command,
				      sizeof(command), answer, &size,
				      &received);
	host_note(slot, "client: APDU", r == IFD_SUCCESS ? serial_of(answer)
							  : (uint64_t)r);
	if (r == IFD_ICC_NOT_PRESENT)
		believe(slot, HOST_ABSENT, 0);
	pthread_mutex_unlock(&slot->call_lock);
	if (r != IFD_SUCCESS)
		return false;
	pthread_mutex_lock(&slot->lock);
	slot->apdus++;
	crossed = size != 6 || serial_of(answer) != serial;
	slot->crossed += crossed;
	pthread_mutex_unlock(&slot->lock);
	if (crossed)
		host_print_notes(slot);
	return true;
}

static void use_card(struct host_slot *slot, uint32_t serial)
{
	unsigned n = dice_below(&slot->client_dice, 6);

	if (!set_protocol(slot))
		return;
	for (unsigned i = 0; i < n; i++) {
		if (!exchange_apdu(slot, serial))
			return;
		if (!dice_one_in(&slot->client_dice, 8))
			continue;
		serial = reset(slot);
		if (!serial || !set_protocol(slot))
			return;
	}
}

static void *act_as_client(void *argument)
{
	struct host_slot *slot = argument;

	while (!is_ending(slot)) {
		uint32_t serial = connect(slot);

		if (serial) {
			use_card(slot, serial);
			disconnect(slot, dice_one_in(&slot->client_dice, 3));
		}
		pause_ms(dice_below(&slot->client_dice, 60));
	}
	return NULL;
}

/* --- begin and end */

static bool get_function(DWORD lun, DWORD tag, void *ret_function)
{
	DWORD size = sizeof(void *);

	return IFDHGetCapabilities(lun, tag, &size, ret_function) ==
		       IFD_SUCCESS &&
	       size == sizeof(void *);
}

bool host_open(struct host_slot *slot, DWORD lun, const char *device)
{
	char name[64];

	snprintf(name, sizeof(name), "%s", device);
	slot->lun = lun;
	slot->card = HOST_ABSENT;
	slot->power = HOST_UNPOWERED;
	if (IFDHCreateChannelByName(lun, name) != IFD_SUCCESS)
		return false;
	return get_function(lun, TAG_IFD_POLLING_THREAD_WITH_TIMEOUT,
			    &slot->poll) &&
	       get_function(lun, TAG_IFD_STOP_POLLING_THREAD, &slot->stop) &&
	       presence(slot) != IFD_NO_SUCH_DEVICE;
}

void host_start(struct host_slot *slot, uint64_t seed)
{
	dice_seed(&slot->watcher_dice, seed * 2);
	dice_seed(&slot->client_dice, seed * 2 + 1);
	pthread_create(&slot->watcher, NULL, watch, slot);
	pthread_create(&slot->client, NULL, act_as_client, slot);
}

static void set_ending(struct host_slot *slot)
{
	pthread_mutex_lock(&slot->lock);
	slot->ending = true;
	pthread_mutex_unlock(&slot->lock);
}

void host_close(struct host_slot *slot, bool cancel, bool beside_client)
{
	set_ending(slot);
	if (!beside_client)
		pthread_join(slot->client, NULL);
	if (cancel)
		pthread_cancel(slot->watcher);
	else
		slot->stop(slot->lun);
	pthread_join(slot->watcher, NULL);
	if (IFDHCloseChannel(slot->lun) != IFD_SUCCESS)
		slot->failed_calls++;
	if (beside_client)
		pthread_join(slot->client, NULL);
}
