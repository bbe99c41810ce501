/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * script - the other side of usb.h without any USB: devices made of pipes that
 * a test fills, holds, halts and breaks.
 *
 * Links in the place of usb.c. Each open device has an event thread; callbacks
 * come from it alone, with no lock held. Breaking the contract of usb.h ends
 * the test program: a transfer submitted twice or freed while under way, a
 * device closed with transfers left.
 *
 * What the device does with a command is told by two functions of its owner
 * (device.h), which run with the script's lock held.
 */
#ifndef CCIDTRACK_TESTS_SCRIPT_H
#define CCIDTRACK_TESTS_SCRIPT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "desc.h"
#include "usb.h"

#define SCRIPT_PIPES	3

/* What can be made to fail, once, at its n-th time from now. */
enum script_operation {
	SCRIPT_OPEN,
	SCRIPT_TAKE,
	SCRIPT_NEW,
	SCRIPT_SUBMIT_OUT,
	SCRIPT_SUBMIT_IN,
	SCRIPT_SUBMIT_INTERRUPT,
	SCRIPT_REQUEST,
	SCRIPT_CLEAR_HALT,
	SCRIPT_RESET,
	SCRIPT_OPERATIONS,
};

struct script_transfer;

struct script_failure {
	unsigned countdown;	/* 0: never */
	int error;
};

/* Bytes that wait for an IN transfer, or a command that waits to be obeyed. */
struct script_message {
	struct script_message *next;
	uint64_t due_us;	/* not before; 0: at once */
	int status;		/* of the transfer that takes it */
	size_t size;
	uint8_t bytes[];
};

struct script_pipe {
	struct script_transfer *first;	/* under way */
	struct script_message *message;
	bool held;	/* nothing goes through */
	bool delayed;	/* callbacks wait */
	bool sticks;	/* the next transfer does not, until it is cancelled */
	struct script_transfer *stuck;
	uint64_t put, passed;	/* messages so far; passed: told */
	bool halted;	/* until cleared */

	/* What a transfer ends with that is cancelled, once */
	bool cancel_armed;
	int cancel_status;
	struct script_message *cancel_message;	/* may be NULL */
};

struct script {
	struct script *next;
	unsigned bus, address;
	struct usb_info info;
	const char *text[3];	/* by enum usb_text */

	/* the owner's */
	void (*command)(struct script *script, const uint8_t *bytes,
			size_t size);
	int (*request)(struct script *script, uint8_t request, uint16_t value);
	/* NULL: as one that brings no data */
	int (*request_in)(struct script *script, uint8_t request,
			  uint8_t *data, size_t size, unsigned timeout_ms);
	void (*reset)(struct script *script);
	unsigned (*dice)(struct script *script);	/* NULL: always 0 */

	pthread_mutex_t lock;
	pthread_cond_t kick, cleared, handled;
	bool threaded, idle, ending;
	bool attended;		/* callbacks come in usb_handle */
	bool nudged;
	pthread_t thread;
	struct script_pipe pipe[SCRIPT_PIPES];
	struct script_transfer *ended;	/* their callbacks are due */
	struct script_message *work;	/* commands */
	struct script_failure fail[SCRIPT_OPERATIONS];
	struct script_failure any;	/* whatever operation comes then */
	struct script_failure end;	/* as a transfer ends */
	bool replies_first;	/* before the OUT transfer that asked is done */
	bool unplugged;
	unsigned unplug_in;	/* so many operations and callbacks; 0: never */
	unsigned steps;		/* operations and callbacks so far */
	bool held;	/* by another program */
	unsigned takes;	/* that were tried */
	unsigned opens;		/* now */
	unsigned transfers;	/* now */
	unsigned submitted[SCRIPT_PIPES];
	unsigned requests, clears, resets;
	bool clears_wait;	/* a halt is not cleared before this ends */
	uint64_t work_delay_us;
	bool left_unwiped;	/* a bulk transfer was freed with bytes in it */
};

/* Called when an event thread begins (+1) or ceases (-1) to have work. */
extern void (*script_busy)(int change);

void script_plug(struct script *script, unsigned bus, unsigned address);

/* Closed: takes it off the bus and frees what is in its pipes. */
void script_discard(struct script *script);

void script_lock(struct script *script);
void script_unlock(struct script *script);	/* wakes the event thread */

/* One of its counters, while its threads count on. */
unsigned script_read(struct script *script, const unsigned *counter);

/* All below: the caller has locked, or is one of the owner's functions. */

void script_put(struct script *script, enum usb_pipe pipe, int status,
		const uint8_t *bytes, size_t size, uint64_t delay_us);

/* Drops what waits in the pipe. */
void script_flush(struct script *script, enum usb_pipe pipe);

/*
 * The transfer that is cancelled next ends with this instead; an OUT transfer
 * with so many bytes written, or all if there are none.
 */
void script_on_cancel(struct script *script, enum usb_pipe pipe, int status,
		      const uint8_t *bytes, size_t size);

void script_fail(struct script *script, enum script_operation operation,
		 unsigned nth, int error);

void script_unplug(struct script *script);

/* Ends clears_wait. */
void script_let_clear(struct script *script);

/* Monotonic microseconds of the machine, whatever clock the core has. */
uint64_t script_now_us(void);

#endif
