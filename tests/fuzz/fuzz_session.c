/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole session: the driver from ifd.c down to usb.h, with a device that says
 * anything (session_device.h: the input's first bytes and its last ones) and a
 * host that calls anything: after the reader's bytes each call is a byte, bits
 * 0-3 which one (`calls` below), bits 4-7 a number for it; some take more bytes.
 *
 * Whatever the input says:
 *   no call takes longer than HACKING promises, none waits for ever or spins;
 *   on an error sizes are 0 and nothing was told of what the device said;
 *   no size is above the room, nothing is written behind it;
 *   with a device that tells the truth, no APDU reaches a card that was not
 *   powered up by the host, and in the end the truth is told;
 *   all is closed, given back and wiped.
 */
#undef NDEBUG
#include <assert.h>
#include <ifdhandler.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "exchange.h"
#include "lun.h"
#include "session_device.h"
#include "session_usb.h"

#define NAME		"usb:1234/5678:libudev:0:/dev/bus/usb/001/002"
#define CLIENT		0x1000u
#define WATCHER		0x2000u		/* and the slot's number */
#define CANARY		0xA5
#define SHORT_ROOM	258
#define ROUNDS		64
#define SETTLE_MS	5000

/* Upper bounds, ms: those of HACKING, and what resets take here */
#define RESETS_MS	500
#define OTHERS_MS	6000	/* a question about each of two slots is under way */
#define PRESENCE_MS	1000
#define POLL_MS		(7000 + RESETS_MS)	/* on top of its timeout */
#define POWER_UP_MS	(40000 + RESETS_MS)
#define POWER_DOWN_MS	(16000 + RESETS_MS)
#define PROTOCOL_MS	(60000 + RESETS_MS)
#define TRANSMIT_MS	(610000 + RESETS_MS)
#define CONTROL_MS	(360000 + RESETS_MS)
#define OPEN_MS		(10000 + RESETS_MS)
#define CLOSE_MS	POWER_DOWN_MS

/* What pcscd knows. */
static struct {
	struct input *input;
	bool open[DEVICE_SLOTS];
	uint32_t visit[DEVICE_SLOTS];	/* that was powered up; 0: none */
	RESPONSECODE (*poll)(DWORD, int);
	RESPONSECODE (*stop)(DWORD);
	uint8_t *bytes;		/* of an answer */
	size_t room;
	bool beside;		/* within another call */
	bool watching;		/* the other one is the watcher's wait */
} host;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Inside pcscd the log is pcscd's; SESSION_LOG in the environment shows it. */
void log_msg(const int priority, const char *format, ...);

__attribute__((visibility("default"), format(printf, 2, 3)))
void log_msg(const int priority, const char *format, ...)
{
	char line[256];
	va_list args;

	(void)priority;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (getenv("SESSION_LOG"))
		fprintf(stderr, "%8llu %s\n",
			(unsigned long long)clock_now(), line);
}

static uint8_t next(void)
{
	return input_host(host.input);
}

static size_t take_bytes(uint8_t *bytes, size_t max)
{
	size_t size = next() % (max + 1);

	for (size_t i = 0; i < size; i++)
		bytes[i] = next();
	return size;
}

static unsigned slot_of(uint8_t more)
{
	return more % device.slots;
}

/* --- around each call */

static uint64_t began, stolen;

static void begin(unsigned long thread)
{
	session_name_thread(thread);
	began = clock_now();
	stolen = session_stolen();
}

static void end(uint64_t bound)
{
	uint64_t took = clock_now() - began - (session_stolen() - stolen);

	session_name_thread(0);
	if (bound && device.slots > 1)
		bound += OTHERS_MS;
	if (took <= bound)
		return;
	fprintf(stderr, "session: %llu ms of %llu\n",
		(unsigned long long)took, (unsigned long long)bound);
	session_die("a call took too long");
}

static void make_room(size_t room)
{
	host.bytes = malloc(room ? room : 1);
	host.room = room;
	assert(host.bytes);
	memset(host.bytes, CANARY, room ? room : 1);
}

/* Behind an answer nothing is left of what was written. */
static void check_room(bool done, size_t size)
{
	assert(size <= host.room);
	assert(done || size == 0);
	for (size_t i = size; i < host.room; i++)
		assert(host.bytes[i] == CANARY || host.bytes[i] == 0);
	free(host.bytes);
	host.bytes = NULL;
}

/* --- calls */

static void open_slot(unsigned slot)
{
	DWORD size = sizeof(host.poll);
	char name[] = NAME;
	RESPONSECODE r;

	begin(CLIENT);
	r = IFDHCreateChannelByName(slot, name);
	end(OPEN_MS);
	assert(r != IFD_SUCCESS || !host.open[slot]);
	if (r != IFD_SUCCESS)
		return;
	host.open[slot] = true;
	host.visit[slot] = 0;
	IFDHGetCapabilities(slot, TAG_IFD_POLLING_THREAD_WITH_TIMEOUT, &size,
			    (PUCHAR)&host.poll);
	size = sizeof(host.stop);
	IFDHGetCapabilities(slot, TAG_IFD_STOP_POLLING_THREAD, &size,
			    (PUCHAR)&host.stop);
}

static void close_slot(unsigned slot)
{
	RESPONSECODE r;

	begin(CLIENT);
	r = IFDHCloseChannel(slot);
	end(CLOSE_MS);
	assert((r == IFD_SUCCESS) == host.open[slot]);
	host.open[slot] = false;
}

static void open_or_close(uint8_t more)
{
	if (host.beside)
		return;
	if (more & 8)
		close_slot(slot_of(more));
	else
		open_slot(slot_of(more));
}

static void watch(unsigned slot, int timeout)
{
	if (!host.poll)
		return;
	host.watching = true;
	begin(WATCHER + slot);
	host.poll(slot, timeout);
	end((uint64_t)timeout + POLL_MS);
	host.watching = false;
}

static void wait_for_card(uint8_t more)
{
	static const int timeouts[] = { 0, 1, 200, 600000 };

	if (!host.beside)
		watch(slot_of(more), timeouts[more >> 2]);
}

static RESPONSECODE ask_presence(unsigned slot, unsigned long thread)
{
	RESPONSECODE r;

	begin(thread);
	r = IFDHICCPresence(slot);
	end(PRESENCE_MS);
	return r;
}

static void look(uint8_t more)
{
	ask_presence(slot_of(more), more & 8 ? CLIENT : WATCHER + slot_of(more));
}

static void power(unsigned slot, DWORD action, DWORD room,
		  unsigned long thread)
{
	DWORD size = room;
	RESPONSECODE r;

	make_room(room);
	begin(thread);
	r = IFDHPowerICC(slot, action, host.bytes, &size);
	end(action == IFD_POWER_DOWN ? POWER_DOWN_MS : POWER_UP_MS);
	check_room(r == IFD_SUCCESS, size);
	if (r == IFD_NOT_SUPPORTED)
		return;
	/* An ATR that has no room is told of by the error. */
	host.visit[slot] = action != IFD_POWER_DOWN &&
					   (r == IFD_SUCCESS || room < 33)
				   ? device.slot[slot].powered
				   : 0;
}

static void switch_power(uint8_t more)
{
	static const DWORD actions[] = {
		IFD_POWER_UP, IFD_POWER_DOWN, IFD_RESET, 0,
	};
	uint8_t how = next();

	if (host.beside && how & 0x80)
		return;
	power(slot_of(more), actions[more >> 2], how & 0x40 ? how & 63 : 33,
	      how & 0x20 ? WATCHER + slot_of(more) : CLIENT);
}

static void set_protocol(uint8_t more)
{
	begin(CLIENT);
	IFDHSetProtocolParameters(slot_of(more), more >> 2, 0, 0, 0, 0);
	end(PROTOCOL_MS);
}

static void check_crossing(unsigned slot)
{
	const struct device_slot *s = &device.slot[slot];

	if (device.honest && (device.interrupts || !device.auto_activation) &&
	    s->reached && s->reached != host.visit[slot])
		session_die("an APDU reached another card");
}

static void send_apdu(unsigned slot, DWORD protocol, const uint8_t *bytes,
		      size_t size, size_t room)
{
	SCARD_IO_HEADER pci = { .Protocol = protocol };
	uint8_t *copy = malloc(size ? size : 1);
	DWORD received = room;
	RESPONSECODE r;

	assert(copy);
	memcpy(copy, bytes, size);
	make_room(room);
	device.slot[slot].reached = 0;
	begin(CLIENT);
	r = IFDHTransmitToICC(slot, pci, copy, size, host.bytes, &received,
			      NULL);
	end(TRANSMIT_MS);
	check_room(r == IFD_SUCCESS, received);
	check_crossing(slot);
	free(copy);
}

static void put_be16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* bits 0-2: Lc, 3-5: Le, 6: extended in any case, 7: another room. */
static void transmit(uint8_t more)
{
	static const unsigned lc[] = { 0, 1, 16, 255, 256, 257, 4000, 65535 };
	static const unsigned le[] = { 0, 1, 2, 255, 256, 257, 4096, 65536 };
	static const size_t rooms[] = { 0, 1, 2, 3, 100, 260, 4098, 65538 };
	static uint8_t bytes[65544] = { 0x00, 0xB0 };
	uint8_t form = next();
	unsigned data = lc[form & 7], wanted = le[form >> 3 & 7];
	bool extended = form & 0x40 || data > 255 || wanted > 256;
	size_t room = form & 0x80 ? rooms[next() & 7] : SHORT_ROOM;
	size_t size = 4;

	bytes[4] = 0;
	size += extended && (data || wanted);
	if (data && extended)
		put_be16(bytes + size, data);
	else if (data)
		bytes[size] = (uint8_t)data;
	size += data ? data + 1u + extended : 0;
	if (wanted && extended)
		put_be16(bytes + size, wanted);
	else if (wanted)
		bytes[size] = (uint8_t)wanted;
	size += wanted ? 1u + extended : 0;
	send_apdu(slot_of(more), more >> 2 == 3 ? 4 : more >> 2, bytes, size,
		  room);
	memset(bytes + 4, 0, size - 4);
}

static void transmit_raw(uint8_t more)
{
	uint8_t bytes[48];

	send_apdu(slot_of(more), more >> 2, bytes,
		  take_bytes(bytes, sizeof(bytes)), SHORT_ROOM);
}

static void control(unsigned slot, DWORD code, const uint8_t *bytes,
		    size_t size, size_t room)
{
	uint8_t *copy = malloc(size ? size : 1);
	DWORD received = 0;
	RESPONSECODE r;

	assert(copy);
	memcpy(copy, bytes, size);
	make_room(room);
	device.slot[slot].reached = 0;
	begin(CLIENT);
	r = IFDHControl(slot, code, copy, size, host.bytes, room, &received);
	end(CONTROL_MS);
	check_room(r == IFD_SUCCESS, received);
	check_crossing(slot);
	free(copy);
}

#define ANY_CODE	0xFF	/* the input has it */

static void ask_feature(uint8_t more)
{
	static const DWORD codes[] = {
		0x42000D48, 0x42000001, 0x42000A06, 0x42000A07, 0x42000A0A,
		0x42000A12, 0x42000A13, 0x00313520, 0x42000DAC,
	};
	uint8_t which = next();
	DWORD code = codes[which % (sizeof(codes) / sizeof(codes[0]))];
	uint8_t bytes[64];
	size_t size = take_bytes(bytes, sizeof(bytes));

	if (which == ANY_CODE)
		code = (DWORD)next() << 24 | (DWORD)next() << 16 |
		       (DWORD)next() << 8 | next();
	control(slot_of(more), code, bytes, size,
		more & 8 ? next() : SHORT_ROOM);
}

/* PIN_VERIFY or PIN_MODIFY around an APDU, with a byte changed. */
static void enter_pin(uint8_t more)
{
	static const uint8_t verify[] = {
		30, 30, 0x82, 0x08, 0x00, 8, 4, 2, 1, 9, 4, 0, 0, 0, 0,
		13, 0, 0, 0, 0, 0x20, 0, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0,
	};
	static const uint8_t modify[] = {
		30, 30, 0x82, 0x08, 0x00, 0, 8, 8, 4, 3, 2, 3, 9, 4, 0, 1, 2,
		0, 0, 0, 5, 0, 0, 0, 0, 0x24, 0, 1, 0,
	};
	uint8_t bytes[sizeof(verify)];
	uint8_t offset = next(), value = next();
	size_t size = more & 4 ? sizeof(modify) : sizeof(verify);

	memcpy(bytes, more & 4 ? modify : verify, size);
	bytes[offset % size] ^= value;
	control(slot_of(more), more & 4 ? 0x42000A07 : 0x42000A06, bytes, size,
		more & 8 ? next() : SHORT_ROOM);
}

static void stop(uint8_t more)
{
	if (!host.stop)
		return;
	begin(CLIENT);
	host.stop(slot_of(more));
	end(0);
}

static void ask_attribute(uint8_t more)
{
	static const DWORD tags[] = {
		TAG_IFD_ATR, TAG_IFD_SLOTS_NUMBER, TAG_IFD_DEVICE_REMOVED,
		0x00010100, 0x00010103, 0x00020110, 0x00030120, 0x00080202,
		0x00080207, 0x0008020A, 0x00090300, 0x00090303, 0x00090304,
	};
	uint8_t which = next();
	DWORD tag = tags[which % (sizeof(tags) / sizeof(tags[0]))];
	DWORD size = more & 4 ? next() : 264;
	RESPONSECODE r;

	if (more & 8)
		tag = (DWORD)next() << 16 | (DWORD)next() << 8 | next();
	if (tag == TAG_IFD_STOP_POLLING_THREAD ||
	    tag == TAG_IFD_POLLING_THREAD_WITH_TIMEOUT)
		return;
	make_room(size);
	begin(CLIENT);
	r = IFDHGetCapabilities(slot_of(more), tag, &size, host.bytes);
	end(PRESENCE_MS);
	check_room(r == IFD_SUCCESS, r == IFD_SUCCESS ? size : 0);
}

static void move(uint8_t more)
{
	device_move(slot_of(more), more & 4);
	if (more & 8)
		session_pass(next());
}

static void notify(uint8_t more)
{
	uint8_t bytes[16];
	size_t size = take_bytes(bytes, sizeof(bytes));

	device.honest = false;
	for (unsigned i = 0; device.interrupts && i <= more; i++)
		device_notify(bytes, size);
}

static void fail(uint8_t more)
{
	uint8_t what = next();

	device.honest = false;
	session_fail((enum session_fault)(what % SESSION_FAULTS), more + 1u,
		     device_error(what >> 4));
}

static void call(uint8_t what, uint8_t more);

/* What waits for the slot would do so for ever beside a call that has it. */
static bool may_wait(uint8_t what)
{
	static const uint16_t waiting = 0x41F9;

	return waiting >> what & 1;
}

/* The watcher may have a slot too: it climbs the ladder for a question. */
static bool is_free(unsigned slot)
{
	struct lun *lun = lun_get(slot);
	bool owned = lun && (exchange_is_owned(lun->reader, slot) ||
			     lun->reader->mender);

	if (lun)
		lun_put(lun);
	return !owned;
}

static bool are_free(void)
{
	for (unsigned i = 0; i < device.slots; i++)
		if (!is_free(i))
			return false;
	return true;
}

static void call_beside(void)
{
	uint8_t *bytes = host.bytes;
	uint64_t before[] = { began, stolen };
	size_t room = host.room;
	uint8_t what = next();

	if (may_wait(what & 15) && (!host.watching || !are_free()))
		return;
	host.beside = true;
	call(what & 15, what >> 4);
	host.beside = false;
	host.bytes = bytes;
	host.room = room;
	began = before[0];
	stolen = before[1];
}

static void change(uint8_t more)
{
	UCHAR removed = 1;

	switch (more & 3) {
	case 0:
		session_pass(next() * 100u);
		break;
	case 1:
		session_beside(1u + (more >> 2), call_beside);
		break;
	case 2:
		begin(CLIENT);
		IFDHSetCapabilities(slot_of(more >> 2), TAG_IFD_DEVICE_REMOVED,
				    1, &removed);
		end(0);
		break;
	case 3:
		if (more == 15)
			session_unplug();
	}
}

/* As pcscd does for the first client: power, protocol, an APDU. */
static void serve(uint8_t more)
{
	static const uint8_t command[] = { 0x00, 0xB0, 0x00, 0x00, 0x10 };
	unsigned slot = slot_of(more);
	unsigned protocol = more >> 2 & 1;

	if (host.beside)
		return;
	ask_presence(slot, WATCHER + slot);
	power(slot, more & 8 ? IFD_RESET : IFD_POWER_UP, 33, CLIENT);
	set_protocol((uint8_t)(slot | (protocol + 1u) << 2));
	send_apdu(slot, protocol, command, sizeof(command), SHORT_ROOM);
}

static void (*const calls[16])(uint8_t more) = {
	serve, wait_for_card, look, switch_power, set_protocol, transmit,
	transmit_raw, ask_feature, enter_pin, stop, ask_attribute, move,
	notify, fail, open_or_close, change,
};

static void call(uint8_t what, uint8_t more)
{
	log_msg(0, "call %u, %u", what, more);
	calls[what](more);
}

/* --- the end */

/* pcscd's loop comes round until nothing moves any more, and then it knows. */
static void check_truth(unsigned slot)
{
	RESPONSECODE told = IFD_SUCCESS;
	uint64_t last;

	session_pass(SETTLE_MS);
	last = clock_now();
	for (unsigned i = 0; i < ROUNDS && clock_now() < last + SETTLE_MS; i++) {
		last = clock_now();
		watch(slot, SETTLE_MS);
		told = ask_presence(slot, WATCHER + slot);
	}
	if (told != (device.slot[slot].present ? IFD_ICC_PRESENT
					       : IFD_ICC_NOT_PRESENT))
		session_die("what is told in the end is not the truth");
}

static void close_all(void)
{
	session_beside(0, NULL);
	for (unsigned i = 0; i < device.slots; i++)
		if (host.open[i] && device.honest && !session_is_unplugged())
			check_truth(i);
	for (unsigned i = 0; i < device.slots; i++)
		close_slot(i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, data + size };

	setenv("CCIDTRACK_ifdLogLevel", "15", 1);
	setenv("CCIDTRACK_ifdDriverOptions", size & 1 ? "1" : "0", 1);
	memset(&host, 0, sizeof(host));
	host.input = &input;
	device_begin(&input);
	open_slot(0);
	while (!input_is_over(&input)) {
		uint8_t what = next();

		call(what & 15, what >> 4);
	}
	close_all();
	session_end();
	return 0;
}
