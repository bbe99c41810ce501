/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fixture - a scripted reader, opened by the core, and calls into the core that
 * run in threads of their own while the test goes on.
 */
#ifndef CCIDTRACK_TESTS_FIXTURE_H
#define CCIDTRACK_TESTS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device.h"
#include "reader.h"
#include "stopped_clock.h"
#include "track_told.h"

#define SHORT_LEVEL	0x00020000u
#define EXTENDED_LEVEL	0x00040000u

struct fixture {
	struct device device;
	struct reader *reader;	/* NULL: not open */
	unsigned slots;		/* that are open */
};

extern struct fixture fixture;

/* For cmocka: a device is plugged, nothing is open; everything is closed. */
int fixture_plug(void **state);
int fixture_discard(void **state);

/* Opens the reader and all its slots; fails the test if that fails. */
void fixture_open(void);
void fixture_close(void);

/*
 * The same with a card in the first slot, powered up, or not yet; with so many
 * slots, of which so many work at a time, and a card in each, powered up:
 * numbers that follow it.
 */
#define FIXTURE_SERIAL	0x01020304u
void open_with_card(void);
void open_unpowered(void);
void open_ready(unsigned slots, unsigned at_once);

/* One call into the core. */
struct order {
	struct call call;
	unsigned slot;
	int timeout_ms;
	bool reset;
	const uint8_t *command;
	size_t command_size;
	uint8_t answer[70000];
	size_t room;
	size_t size;
	int r;
};

/* Each starts it and comes back when nobody is at work any more. */
void order_open(struct order *order, unsigned slot);	/* and the reader */
void order_wait(struct order *order, unsigned slot, int timeout_ms);
void order_power_up(struct order *order, unsigned slot);
void order_reset(struct order *order, unsigned slot);
void order_power_off(struct order *order, unsigned slot);
void order_transmit(struct order *order, unsigned slot, const uint8_t *command,
		    size_t size);
void order_transmit_into(struct order *order, unsigned slot,
			 const uint8_t *command, size_t size, size_t room);
void order_presence(struct order *order, unsigned slot);	/* r tells it */

/* The same, done: returns what the call returned. */
int power_up(unsigned slot);
int power_off(unsigned slot);
int transmit_once(unsigned slot);
uint32_t transmit_serial(unsigned slot);	/* the card's, 0: it failed */

/* As pcscd at start: asks presence, powers up; and a first command. */
void be_ready(unsigned slot, uint32_t serial);

/* Shall be over now; *ret_ms, if not NULL, is the time that it took. */
int order_join(struct order *order, uint64_t *ret_ms);
/* Lets time pass until it is over, a minute at most. */
int order_finish(struct order *order, uint64_t *ret_ms);

/*
 * pcscd's event thread of a slot: it waits for ever, and asks presence as it
 * comes back; then watching.size is what it was told.
 */
extern struct order watching;
void watch_start(unsigned slot);
void watch_stop(void);
void watch_told(enum track_presence presence);	/* it came back, was told so */

/* A pass of it, at the first slot, that never really waits: what it is told. */
enum track_presence watch_pass(void);

/* Commands of all kinds that have come to the reader. */
unsigned messages_sent(void);

/* Lines that the core has logged, and how many hold the text. */
unsigned log_lines(void);
unsigned log_count(const char *text);
void log_forget(void);

#endif
