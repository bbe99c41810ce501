/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * disorder - the ten functions and the two that are fetched, in any order, from
 * many threads, with lengths and pointers of all kinds, while cards move and
 * readers are unplugged, hang and talk nonsense.
 *
 *     disorder [CALLS [SEED]]
 *
 * Sixteen readers with two slots each, and Luns of more. It shows that nothing
 * hangs, that what is written stays within what was told, and that at the end
 * nothing is left open. Sanitizers see the rest.
 */
#include <ifdhandler.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "fast_clock.h"
#include "foul.h"
#include "host.h"

#define CALLS		20000	/* of all threads */
#define THREADS		8
#define READERS		16
#define READERS_TRIED	18	/* there is none behind the last two */
#define SLOTS		2
#define SLOTS_TRIED	3
#define SPEED		50
#define HANGS_S		300	/* for each 20000 calls */
#define SHORT_APDU	0x00020000u
#define ROOM		70000
#define ATTRIBUTE_ROOM	264	/* as pcscd has it */
#define CANARY		0xC5

void log_msg(const int priority, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

struct caller {
	pthread_t thread;
	struct dice dice;
	uint64_t calls;
	uint8_t tx[ROOM];
	uint8_t rx[ROOM + 1];
};

static struct device devices[READERS];
static struct caller callers[THREADS];
static RESPONSECODE (*poll_function)(DWORD lun, int timeout_ms);
static RESPONSECODE (*stop_function)(DWORD lun);
static uint64_t written_beyond, succeeded;

/* Whatever the driver has to say. */
void log_msg(const int priority, const char *format, ...)
{
	(void)priority;
	(void)format;
}

static unsigned below(struct caller *caller, unsigned n)
{
	return dice_below(&caller->dice, n);
}

static bool one_in(struct caller *caller, unsigned n)
{
	return below(caller, n) == 0;
}

static DWORD any_lun(struct caller *caller)
{
	static const DWORD strange[] = {
		0xFFFF, 0xFFFFFFFF, ~0ul, 0x00FF0000, ~0ul >> 1,
	};

	if (one_in(caller, 30))
		return strange[below(caller, 5)];
	if (one_in(caller, 10))
		return (DWORD)below(caller, READERS_TRIED) << 16 |
		       below(caller, SLOTS_TRIED);
	return (DWORD)below(caller, READERS) << 16 | below(caller, SLOTS);
}

static DWORD any_length(struct caller *caller)
{
	static const DWORD lengths[] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 33, 261, 264, 265, 271, 65535,
		65544, 65548, 65549, ROOM,
	};

	return lengths[below(caller, sizeof(lengths) / sizeof(lengths[0]))];
}

/* More than there is, where the driver must not use it up. */
static DWORD absurd_length(struct caller *caller)
{
	static const DWORD lengths[] = {
		0xFFFFFFFF, (DWORD)0x100000000, ~0ul >> 1, ~0ul,
	};

	return lengths[below(caller, 4)];
}

/* Returns false where something stands behind the room that was told. */
static void check_room(struct caller *caller, size_t room, DWORD told)
{
	if (told > room ||
	    (room < ROOM && caller->rx[room] != CANARY))
		__atomic_add_fetch(&written_beyond, 1, __ATOMIC_RELAXED);
}

static void set_canary(struct caller *caller, size_t room)
{
	if (room <= ROOM)
		caller->rx[room] = CANARY;
}

static void note(RESPONSECODE code)
{
	if (code == IFD_SUCCESS)
		__atomic_add_fetch(&succeeded, 1, __ATOMIC_RELAXED);
}

/* --- the calls */

static void create(struct caller *caller, DWORD lun)
{
	static char strange[][40] = {
		"", "usb:", "usb:1234/5678", "usb:1234/5678:libudev:0:/etc/passwd",
		"usb:1234/5678:libudev:999999999:/dev/",
	};
	unsigned reader = (unsigned)(lun >> 16 & 0xFF);
	char name[64];

	if (one_in(caller, 20)) {
		note(IFDHCreateChannelByName(lun, NULL));
		return;
	}
	if (one_in(caller, 20) || reader >= READERS) {
		note(IFDHCreateChannelByName(lun, strange[below(caller, 5)]));
		return;
	}
	snprintf(name, sizeof(name),
		 "usb:1234/5678:libudev:0:/dev/bus/usb/%03u/%03u",
		 devices[reader].script.bus % 1000,
		 devices[reader].script.address % 1000);
	note(IFDHCreateChannelByName(lun, name));
}

static void create_by_number(struct caller *caller, DWORD lun)
{
	note(IFDHCreateChannel(lun, below(caller, 1000)));
}

static void close_channel(struct caller *caller, DWORD lun)
{
	if (one_in(caller, 8))
		note(IFDHCloseChannel(lun));
}

static DWORD any_tag(struct caller *caller)
{
	static const DWORD tags[] = {
		TAG_IFD_POLLING_THREAD_WITH_TIMEOUT,
		TAG_IFD_STOP_POLLING_THREAD, TAG_IFD_POLLING_THREAD_KILLABLE,
		TAG_IFD_SIMULTANEOUS_ACCESS, TAG_IFD_THREAD_SAFE,
		TAG_IFD_SLOTS_NUMBER, TAG_IFD_SLOT_THREAD_SAFE,
		TAG_IFD_DEVICE_REMOVED, TAG_IFD_ATR, 0x00090303, 0x00090300,
		0x00010100, 0x00010103, 0x0007A007, 0x00080201,
	};

	if (one_in(caller, 3))
		return (DWORD)below(caller, 10) << 16 | below(caller, 0x10000);
	return tags[below(caller, sizeof(tags) / sizeof(tags[0]))];
}

static void get_capability(struct caller *caller, DWORD lun)
{
	DWORD tag = any_tag(caller), length = below(caller, ATTRIBUTE_ROOM + 1);
	DWORD told = one_in(caller, 8) ? absurd_length(caller) : length;

	if (told != length)
		length = ATTRIBUTE_ROOM;	/* no value is longer */
	set_canary(caller, length);
	switch (below(caller, 10)) {
	case 0:
		note(IFDHGetCapabilities(lun, tag, NULL, caller->rx));
		break;
	case 1:
		note(IFDHGetCapabilities(lun, tag, &told, NULL));
		break;
	default:
		note(IFDHGetCapabilities(lun, tag, &told, caller->rx));
		check_room(caller, length, 0);
	}
}

static void set_capability(struct caller *caller, DWORD lun)
{
	uint8_t value = (uint8_t)below(caller, 2);

	note(IFDHSetCapabilities(lun, any_tag(caller),
				 one_in(caller, 2) ? 1 : absurd_length(caller),
				 one_in(caller, 3) ? NULL : &value));
}

static void set_protocol(struct caller *caller, DWORD lun)
{
	note(IFDHSetProtocolParameters(lun, below(caller, 6),
				       (UCHAR)below(caller, 256),
				       (UCHAR)below(caller, 256), 0, 0));
}

static void power(struct caller *caller, DWORD lun)
{
	static const DWORD lengths[] = { 0, 1, 6, 32, 33, 264 };
	DWORD action = one_in(caller, 10) ? any_length(caller)
					  : IFD_POWER_UP + below(caller, 3);
	DWORD length = lengths[below(caller, 6)], told = length;

	set_canary(caller, length);
	if (one_in(caller, 10)) {
		note(IFDHPowerICC(lun, action, NULL, &told));
		note(IFDHPowerICC(lun, action, caller->rx, NULL));
		return;
	}
	note(IFDHPowerICC(lun, action, caller->rx, &told));
	check_room(caller, length, told);
}

static void fill_command(struct caller *caller)
{
	for (unsigned i = 0; i < 8; i++)
		caller->tx[i] = (uint8_t)below(caller, 256);
	if (one_in(caller, 2))
		memcpy(caller->tx, "\0\xCA\0\0\0", 5);
}

static void transmit(struct caller *caller, DWORD lun)
{
	SCARD_IO_HEADER send = { below(caller, 5), any_length(caller) };
	SCARD_IO_HEADER received = { 0, 0 };
	DWORD size = one_in(caller, 10) ? absurd_length(caller)
					: any_length(caller);
	DWORD room = any_length(caller), told = room;

	fill_command(caller);
	if (one_in(caller, 2))
		size = 5;
	set_canary(caller, room);
	switch (below(caller, 15)) {
	case 0:
		note(IFDHTransmitToICC(lun, send, caller->tx, size,
				       caller->rx, NULL, &received));
		break;
	case 1:
		note(IFDHTransmitToICC(lun, send, NULL, size, caller->rx,
				       &told, NULL));
		break;
	case 2:
		note(IFDHTransmitToICC(lun, send, caller->tx, size, NULL,
				       &told, NULL));
		break;
	default:
		note(IFDHTransmitToICC(lun, send, caller->tx, size,
				       caller->rx, &told, &received));
		check_room(caller, room, told);
	}
}

static void control(struct caller *caller, DWORD lun)
{
	static const DWORD codes[] = {
		0x42000D48, 0x42000A06, 0x42000A07, 0x42000A0A, 0x42000A12,
		0x42000A13, 0x42000001, 0x313520, 0, ~0ul,
	};
	DWORD code = codes[below(caller, 10)], returned = 77;
	DWORD size = any_length(caller), room = any_length(caller);

	fill_command(caller);
	set_canary(caller, room);
	switch (below(caller, 12)) {
	case 0:
		note(IFDHControl(lun, code, caller->tx, size, caller->rx, room,
				 NULL));
		break;
	case 1:
		note(IFDHControl(lun, code, NULL, size, NULL, room,
				 &returned));
		break;
	case 2:
		note(IFDHControl(lun, code, NULL, 0, NULL, 0, &returned));
		break;
	default:
		note(IFDHControl(lun, code, caller->tx, size, caller->rx, room,
				 &returned));
		check_room(caller, room, returned);
	}
}

static void presence(struct caller *caller, DWORD lun)
{
	(void)caller;
	note(IFDHICCPresence(lun));
}

static void poll(struct caller *caller, DWORD lun)
{
	if (poll_function)
		note(poll_function(lun, (int)below(caller, 300)));
}

static void stop(struct caller *caller, DWORD lun)
{
	(void)caller;
	if (stop_function)
		note(stop_function(lun));
}

/* --- what happens to readers; a closed one can be plugged in again */

static void move_card(struct caller *caller, DWORD lun)
{
	struct device *device = &devices[(lun >> 16) % READERS];
	unsigned slot = below(caller, SLOTS);

	if (one_in(caller, 2))
		device_insert(device, slot, below(caller, 1000) + 1);
	else
		device_remove(device, slot);
}

static void disturb(struct caller *caller, DWORD lun)
{
	struct device *device = &devices[(lun >> 16) % READERS];

	script_lock(&device->script);
	if (device->script.unplugged && !device->script.opens)
		device->script.unplugged = false;
	else if (one_in(caller, 50))
		script_unplug(&device->script);
	else if (one_in(caller, 50))
		device->hangs = true;
	else if (one_in(caller, 10))
		foul_begin(device, 1 + below(caller, 1000000));
	else if (one_in(caller, 3))
		foul_end(device);
	script_unlock(&device->script);
}

static void (*const calls[])(struct caller *caller, DWORD lun) = {
	create, create, create, create_by_number, close_channel,
	get_capability, get_capability, set_capability, set_protocol, power,
	power, transmit, transmit, transmit, control, presence, presence, poll,
	poll, stop, move_card, disturb,
};

#define KINDS	(sizeof(calls) / sizeof(calls[0]))

static void *call_anything(void *argument)
{
	struct caller *caller = argument;

	for (uint64_t i = 0; i < caller->calls; i++)
		calls[below(caller, KINDS)](caller, any_lun(caller));
	return NULL;
}

/* --- begin and end */

static void plug_all(void)
{
	for (unsigned i = 0; i < READERS; i++) {
		device_plug(&devices[i], 1 + i);
		device_set_slots(&devices[i], SLOTS, 1 + i % 2);
		device_set_features(&devices[i],
				    (i % 3 ? SHORT_APDU : SHORT_APDU << 1) |
					    DEVICE_AUTOMATIC);
		devices[i].script.info.interrupt_endpoint = i % 4 != 3;
	}
}

/* Of a reader that is open: so these are the real ones. */
static void fetch_functions(void)
{
	DWORD size = sizeof(void *);

	create(&callers[0], 0);
	IFDHGetCapabilities(0, TAG_IFD_POLLING_THREAD_WITH_TIMEOUT, &size,
			    (PUCHAR)&poll_function);
	IFDHGetCapabilities(0, TAG_IFD_STOP_POLLING_THREAD, &size,
			    (PUCHAR)&stop_function);
}

static void run_all(uint64_t n, uint64_t seed)
{
	for (unsigned i = 0; i < THREADS; i++) {
		dice_seed(&callers[i].dice, seed + i);
		callers[i].calls = n / THREADS;
	}
	fetch_functions();
	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&callers[i].thread, NULL, call_anything,
			       &callers[i]);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(callers[i].thread, NULL);
}

/* Returns how many readers are open afterwards. */
static unsigned close_all(void)
{
	unsigned left = 0;

	for (DWORD reader = 0; reader < READERS_TRIED; reader++)
		for (DWORD slot = 0; slot < SLOTS_TRIED; slot++)
			IFDHCloseChannel(reader << 16 | slot);
	for (unsigned i = 0; i < READERS; i++)
		left += devices[i].script.opens || devices[i].script.transfers;
	return left;
}

int main(int argc, char *argv[])
{
	uint64_t n = CALLS, seed = (uint64_t)getpid();
	unsigned left;

	if (argc > 1)
		n = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 10);

	printf("1..1\n# seed %" PRIu64 "\n", seed);
	fflush(stdout);
	alarm((unsigned)(HANGS_S * (n / CALLS + 1)));
	fast_clock_run(SPEED);
	plug_all();
	run_all(n, seed);
	left = close_all();
	printf("# %" PRIu64 " calls, %" PRIu64 " of them succeeded\n", n,
	       succeeded);
	printf("# %" PRIu64 " wrote beyond their room, %u readers left open\n",
	       written_beyond, left);
	for (unsigned i = 0; i < READERS && !left; i++)
		device_discard(&devices[i]);
	printf("%s 1 - no order of calls does any harm\n",
	       left || written_beyond ? "not ok" : "ok");
	return left || written_beyond;
}
