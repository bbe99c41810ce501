/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "card.h"
#include "movement_told.h"
#include "transmit.h"

#define LINES_MAX	4096
#define LINE_SIZE	200

void log_msg(const int priority, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

struct fixture fixture;
struct order watching;

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char lines[LINES_MAX][LINE_SIZE];
static unsigned line_count;

/* pcscd's name for it: the core logs here. */
void log_msg(const int priority, const char *format, ...)
{
	va_list args;

	(void)priority;
	pthread_mutex_lock(&log_lock);
	va_start(args, format);
	vsnprintf(lines[line_count % LINES_MAX], LINE_SIZE, format, args);
	va_end(args);
	line_count++;
	pthread_mutex_unlock(&log_lock);
}

unsigned log_lines(void)
{
	unsigned n;

	pthread_mutex_lock(&log_lock);
	n = line_count;
	pthread_mutex_unlock(&log_lock);
	return n;
}

unsigned log_count(const char *text)
{
	unsigned n = 0;

	pthread_mutex_lock(&log_lock);
	for (unsigned i = 0; i < line_count && i < LINES_MAX; i++)
		n += strstr(lines[i], text) != NULL;
	pthread_mutex_unlock(&log_lock);
	return n;
}

void log_forget(void)
{
	pthread_mutex_lock(&log_lock);
	line_count = 0;
	pthread_mutex_unlock(&log_lock);
}

int fixture_plug(void **state)
{
	(void)state;
	script_busy = stopped_clock_busy;
	log_forget();
	fixture.reader = NULL;
	fixture.slots = 0;
	device_plug(&fixture.device, 1);
	return 0;
}

int fixture_discard(void **state)
{
	(void)state;
	fixture_close();
	device_discard(&fixture.device);
	return 0;
}

void fixture_open(void)
{
	assert_int_equal(reader_open(device_name(&fixture.device),
				     &fixture.reader), 0);
	for (unsigned i = 0; i < fixture.device.slots; i++) {
		assert_int_equal(reader_open_slot(fixture.reader, i), 0);
		fixture.slots++;
	}
	stopped_clock_settle();
}

static void *close_all(void *argument)
{
	(void)argument;
	for (unsigned i = 0; i < fixture.slots; i++)
		reader_close_slot(fixture.reader, i);
	reader_close(fixture.reader);
	return NULL;
}

void fixture_close(void)
{
	struct call call;

	if (!fixture.reader)
		return;
	for (unsigned i = 0; i < fixture.slots; i++)
		reader_end_slot(fixture.reader, i);
	stopped_clock_pass(60000);
	if (calls_running()) {
		fprintf(stderr, "a call survives the end of its slot\n");
		abort();
	}
	call_start(&call, close_all, NULL);
	stopped_clock_pass(60000);
	call_join(&call);
	fixture.reader = NULL;
	fixture.slots = 0;
}

static void *run_wait(void *argument)
{
	struct order *order = argument;
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	order->r = movement_wait(fixture.reader, order->slot,
				 order->timeout_ms);
	return NULL;
}

static void *run_power_up(void *argument)
{
	struct order *order = argument;

	order->r = card_power_up(fixture.reader, order->slot, order->reset,
				 order->answer, &order->size);
	return NULL;
}

static void *run_open(void *argument)
{
	struct order *order = argument;

	order->r = fixture.reader ? 0
				  : reader_open(device_name(&fixture.device),
						&fixture.reader);
	if (order->r == 0)
		order->r = reader_open_slot(fixture.reader, order->slot);
	if (order->r == 0 && fixture.slots <= order->slot)
		fixture.slots = order->slot + 1;
	return NULL;
}

static void *run_power_off(void *argument)
{
	struct order *order = argument;

	order->r = card_power_off(fixture.reader, order->slot);
	return NULL;
}

static void *run_transmit(void *argument)
{
	struct order *order = argument;

	order->r = transmit(fixture.reader, order->slot, 0, order->command,
			    order->command_size, order->answer, order->room,
			    &order->size);
	return NULL;
}

static void *run_presence(void *argument)
{
	struct order *order = argument;

	order->r = (int)movement_presence(fixture.reader, order->slot);
	return NULL;
}

static void start(struct order *order, unsigned slot, void *(*run)(void *))
{
	order->slot = slot;
	order->r = 1;
	order->size = 0;
	call_start(&order->call, run, order);
	stopped_clock_settle();
}

void order_open(struct order *order, unsigned slot)
{
	start(order, slot, run_open);
}

void order_wait(struct order *order, unsigned slot, int timeout_ms)
{
	order->timeout_ms = timeout_ms;
	start(order, slot, run_wait);
}

void order_power_up(struct order *order, unsigned slot)
{
	order->reset = false;
	start(order, slot, run_power_up);
}

void order_reset(struct order *order, unsigned slot)
{
	order->reset = true;
	start(order, slot, run_power_up);
}

void order_power_off(struct order *order, unsigned slot)
{
	start(order, slot, run_power_off);
}

void order_transmit_into(struct order *order, unsigned slot,
			 const uint8_t *command, size_t size, size_t room)
{
	order->command = command;
	order->command_size = size;
	order->room = room;
	start(order, slot, run_transmit);
}

void order_transmit(struct order *order, unsigned slot, const uint8_t *command,
		    size_t size)
{
	order_transmit_into(order, slot, command, size, sizeof(order->answer));
}

void order_presence(struct order *order, unsigned slot)
{
	start(order, slot, run_presence);
}

int order_join(struct order *order, uint64_t *ret_ms)
{
	uint64_t ms = call_join(&order->call);

	if (ret_ms)
		*ret_ms = ms;
	return order->r;
}

int order_finish(struct order *order, uint64_t *ret_ms)
{
	for (int i = 0; i < 600 && !call_is_over(&order->call); i++)
		stopped_clock_pass(100);
	return order_join(order, ret_ms);
}

int power_up(unsigned slot)
{
	static struct order order;

	order_power_up(&order, slot);
	if (!call_is_over(&order.call))
		stopped_clock_pass(1000);	/* for a doubt to be settled */
	return order_join(&order, NULL);
}

int power_off(unsigned slot)
{
	static struct order order;

	order_power_off(&order, slot);
	if (!call_is_over(&order.call))
		stopped_clock_pass(1000);
	return order_join(&order, NULL);
}

static const uint8_t get_data[] = { 0x00, 0xCA, 0x00, 0x00, 0x00 };

int transmit_once(unsigned slot)
{
	static struct order order;

	order_transmit(&order, slot, get_data, sizeof(get_data));
	return order_finish(&order, NULL);
}

uint32_t transmit_serial(unsigned slot)
{
	static struct order order;
	const uint8_t *a = order.answer;

	order_transmit(&order, slot, get_data, sizeof(get_data));
	if (order_join(&order, NULL) < 0 || order.size < 6)
		return 0;
	return (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 |
	       (uint32_t)a[2] << 8 | a[3];
}

void be_ready(unsigned slot, uint32_t serial)
{
	assert_int_equal(movement_presence(fixture.reader, slot),
			 TRACK_PRESENT);
	assert_int_equal(power_up(slot), 0);
	if (fixture.reader->slot[slot].session.asks)
		assert_int_equal(card_set_protocol(fixture.reader, slot, 0), 0);
	assert_int_equal(transmit_serial(slot), serial);
}

void open_unpowered(void)
{
	device_insert(&fixture.device, 0, FIXTURE_SERIAL);
	fixture_open();
}

void open_with_card(void)
{
	open_unpowered();
	be_ready(0, FIXTURE_SERIAL);
}

void open_ready(unsigned slots, unsigned at_once)
{
	device_set_slots(&fixture.device, slots, at_once);
	for (unsigned i = 0; i < slots; i++)
		device_insert(&fixture.device, i, FIXTURE_SERIAL + i);
	fixture_open();
	for (unsigned i = 0; i < slots; i++)
		be_ready(i, FIXTURE_SERIAL + i);
}

/* As pcscd does it: the thread that waits is the one that asks presence. */
static void *run_watch(void *argument)
{
	struct order *order = argument;

	order->r = movement_wait(fixture.reader, order->slot,
				 order->timeout_ms);
	order->size = movement_presence(fixture.reader, order->slot);
	return NULL;
}

/*
 * The watcher's identity is a thread, so a pass of several calls is one order.
 * Comes back with the second wait under way.
 */
static void *watch_twice(void *argument)
{
	struct order *order = argument;

	movement_wait(fixture.reader, order->slot, 0);
	order->answer[0] = (uint8_t)movement_presence(fixture.reader,
						      order->slot);
	return run_watch(order);
}

void watch_start(unsigned slot)
{
	watching.slot = slot;
	watching.timeout_ms = MOVEMENT_FOREVER;
	call_start(&watching.call, watch_twice, &watching);
	stopped_clock_settle();
}

void watch_stop(void)
{
	movement_stop(fixture.reader, watching.slot);
	stopped_clock_settle();
	assert_int_equal(order_join(&watching, NULL), 0);
}

void watch_told(enum track_presence presence)
{
	assert_int_equal(order_join(&watching, NULL), 0);
	assert_int_equal(watching.size, presence);
}

static void *run_pass(void *argument)
{
	struct order *order = argument;

	movement_wait(fixture.reader, 0, 0);
	order->r = (int)movement_presence(fixture.reader, 0);
	return NULL;
}

enum track_presence watch_pass(void)
{
	static struct order order;

	start(&order, 0, run_pass);
	return (enum track_presence)order_join(&order, NULL);
}

unsigned messages_sent(void)
{
	return device_count(&fixture.device, 0);
}
