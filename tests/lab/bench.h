/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench - a host of the virtual reader for test_v*.c: plain libusb.
 *
 * One reader at a time, "r". Everything that should not fail is asserted.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libusb.h>

#define BENCH_OUT	0x01
#define BENCH_IN	0x81
#define BENCH_INTERRUPT	0x82
#define BENCH_HEADER	10
#define BENCH_LARGEST	65554

#define SHORT_WAIT	50	/* ms, for what must not come */

/* ms, for what must come: as many as the machine needs. */
unsigned long_wait(void);

extern libusb_context *context;

/* What was sent or received last */
extern uint8_t buffer[BENCH_LARGEST + 64];

/* A command to vreader; the text behind "ok ". */
__attribute__((format(printf, 1, 2)))
const char *say(const char *format, ...);

/* Plugs a reader in and claims it; options as of "plug". */
libusb_device_handle *open_reader(const char *options);
void close_reader(libusb_device_handle *handle);

/* Sends a CCID command to slot 0: 0 or libusb's error. */
int command(libusb_device_handle *handle, uint8_t type, uint8_t seq,
	    const void *data, size_t size);

/* Bytes received into buffer, or libusb's error. */
int reply(libusb_device_handle *handle, int room);

/* The same of the interrupt pipe. */
int notified(libusb_device_handle *handle, unsigned timeout);

/* Powers the card up. */
void power_on(libusb_device_handle *handle);

uint64_t now_ms(void);

/*
 * Starts vreader, then this program once more under vusb.so, where
 * bench_runs(); returns an exit code if it cannot.
 */
int bench_start(char **argv);
bool bench_runs(void);

/* For cmocka's group */
int bench_set_up(void **state);
int bench_tear_down(void **state);

#endif
