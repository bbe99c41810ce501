/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session_usb - usb.h and clock.h in one thread and a time of their own.
 *
 * Links in the place of usb.c and clock.c, with the linker's --wrap for
 * pthread_cond_wait, pthread_cond_broadcast and pthread_self. Whoever waits runs
 * the device and its callbacks until its condition is told or its time comes;
 * if nothing is left to run, time jumps to the next thing that is due. So an
 * input means the same session each time, hours cost nothing, and a wait that
 * nothing can end is found at once.
 *
 * Threads are told apart by names that the host takes. A call of one thread
 * within the wait of another (session_beside) is all there is of concurrency.
 *
 * Breaking the contract of usb.h, waiting for ever and spinning end the program.
 */
#ifndef CCIDTRACK_TESTS_SESSION_USB_H
#define CCIDTRACK_TESTS_SESSION_USB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usb.h"

#define SESSION_PIPES	3

enum session_fault {
	SESSION_OPEN,
	SESSION_NEW,
	SESSION_SUBMIT,
	SESSION_REQUEST,
	SESSION_CLEAR,
	SESSION_RESET,
	SESSION_FAULTS,
};

/* The device; its owner sets it before the first call. */
struct session_device {
	struct usb_info info;
	void (*command)(const uint8_t *bytes, size_t size);
	/* Bytes that came, or an error; at most size. */
	int (*request)(uint8_t request, uint16_t value, uint8_t *data,
		       size_t size);
	/* A message of the interrupt pipe was fetched. */
	void (*fetched)(void);
	void (*reset)(void);
};

/* A new device, nothing opened yet, time begins. */
void session_begin(const struct session_device *device);

/* Frees what waits in the pipes; dies if something is open. */
void session_end(void);

/* A message for an IN pipe, so many ms from now; status as in usb.h. */
void session_put(enum usb_pipe pipe, int status, const uint8_t *bytes,
		 size_t size, uint64_t delay_ms);

/* The pipe is halted until it is cleared. */
void session_halt(enum usb_pipe pipe);

/* The n-th, 1.., operation of this kind from now on fails. */
void session_fail(enum session_fault fault, unsigned nth, int error);

void session_unplug(void);
bool session_is_unplugged(void);

/* The device runs for a while. */
void session_pass(uint64_t ms);

/* Called in the n-th, 1.., wait from now on; 0: never. */
void session_beside(unsigned nth, void (*call)(void));

/* Time that calls beside a running one took. */
uint64_t session_stolen(void);

/* The calling thread's name, not 0; 0: what the machine calls it. */
void session_name_thread(unsigned long name);

_Noreturn void session_die(const char *why);

#endif
