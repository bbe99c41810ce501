/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "session_usb.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

#define PACKET		64
#define START_MS	1000
#define RESET_MS	100
#define SPINS_MAX	10000	/* steps without any time passing */
#define WAITERS_MAX	4	/* within one another */

struct transfer {
	struct usb_transfer usb;
	struct transfer *next;
	enum usb_pipe pipe;
	bool under_way;
	size_t asked;
	int status;
	size_t received;
};

struct message {
	struct message *next;
	uint64_t due;
	int status;
	size_t size;
	uint8_t bytes[];
};

struct usb {
	int nothing;
};

static struct {
	struct session_device device;
	uint64_t now;
	unsigned spins;
	unsigned opens, transfers;
	bool unplugged, calling_back;
	struct {
		struct transfer *first;	/* under way */
		struct message *message;
		bool halted;
	} pipe[SESSION_PIPES];
	struct transfer *ended;	/* their callbacks are due */
	struct {
		unsigned countdown;	/* 0: never */
		int error;
	} fail[SESSION_FAULTS];
	struct {
		pthread_cond_t *cond;
		bool woken;
	} waiter[WAITERS_MAX];
	unsigned waiters;
	unsigned beside_in;
	void (*beside)(void);
	uint64_t stolen;
} world;

/* A fuzzer has threads of its own. */
static _Thread_local unsigned long thread_name;

int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock);
int __wrap_pthread_cond_broadcast(pthread_cond_t *cond);
pthread_t __real_pthread_self(void);
pthread_t __wrap_pthread_self(void);

_Noreturn void session_die(const char *why)
{
	fprintf(stderr, "session: %s\n", why);
	abort();
}

static void demand(bool held, const char *contract)
{
	if (!held)
		session_die(contract);
}

static void *allocate(size_t size)
{
	void *memory = calloc(1, size ? size : 1);

	demand(memory, "out of memory");
	return memory;
}

/* --- queues */

static void append(struct transfer **at, struct transfer *transfer)
{
	while (*at)
		at = &(*at)->next;
	transfer->next = NULL;
	*at = transfer;
}

static bool take_out(struct transfer **at, struct transfer *transfer)
{
	while (*at && *at != transfer)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = transfer->next;
	return true;
}

static void end_transfer(struct transfer *transfer, int status)
{
	transfer->status = status;
	append(&world.ended, transfer);
}

void session_put(enum usb_pipe pipe, int status, const uint8_t *bytes,
		 size_t size, uint64_t delay_ms)
{
	struct message **at = &world.pipe[pipe].message;
	struct message *message = allocate(sizeof(*message) + size);

	message->due = world.now + delay_ms;
	message->status = status;
	message->size = size;
	if (size)
		memcpy(message->bytes, bytes, size);
	while (*at)
		at = &(*at)->next;
	*at = message;
}

static void drop_messages(void)
{
	for (unsigned i = 0; i < SESSION_PIPES; i++)
		while (world.pipe[i].message) {
			struct message *message = world.pipe[i].message;

			world.pipe[i].message = message->next;
			free(message);
		}
}

void session_halt(enum usb_pipe pipe)
{
	world.pipe[pipe].halted = true;
}

void session_unplug(void)
{
	world.unplugged = true;
	drop_messages();
	for (unsigned i = 0; i < SESSION_PIPES; i++)
		while (world.pipe[i].first) {
			struct transfer *transfer = world.pipe[i].first;

			take_out(&world.pipe[i].first, transfer);
			end_transfer(transfer, -ENODEV);
		}
}

bool session_is_unplugged(void)
{
	return world.unplugged;
}

void session_fail(enum session_fault fault, unsigned nth, int error)
{
	world.fail[fault].countdown = nth;
	world.fail[fault].error = error;
}

/* 0, or what the operation is to fail with. */
static int operate(enum session_fault fault)
{
	if (world.fail[fault].countdown &&
	    --world.fail[fault].countdown == 0)
		return world.fail[fault].error;
	return world.unplugged ? -ENODEV : 0;
}

/* --- one step of the device: true if something happened */

static bool call_back(void)
{
	struct transfer *transfer = world.ended;

	if (!transfer)
		return false;
	world.ended = transfer->next;
	transfer->under_way = false;
	world.calling_back = true;
	transfer->usb.done(&transfer->usb, transfer->status,
			   transfer->received);
	world.calling_back = false;
	return true;
}

/* More than was asked for is babble. */
static void fill(struct transfer *transfer, const struct message *message)
{
	size_t size = message->size;
	int status = message->status;

	if (size > transfer->asked) {
		size = transfer->asked;
		status = -EOVERFLOW;
	}
	if (size)
		memcpy(transfer->usb.data, message->bytes, size);
	transfer->received = size;
	end_transfer(transfer, status);
}

static bool deliver(enum usb_pipe pipe)
{
	struct message *message = world.pipe[pipe].message;
	struct transfer *transfer = world.pipe[pipe].first;

	if (!message || !transfer || message->due > world.now)
		return false;
	world.pipe[pipe].message = message->next;
	take_out(&world.pipe[pipe].first, transfer);
	if (message->status == -EPIPE)
		session_halt(pipe);
	fill(transfer, message);
	free(message);
	if (pipe == USB_INTERRUPT)
		world.device.fetched();
	return true;
}

static uint64_t due_on(enum usb_pipe pipe)
{
	return world.pipe[pipe].message && world.pipe[pipe].first
		       ? world.pipe[pipe].message->due
		       : CLOCK_NEVER;
}

static bool step(void)
{
	return call_back() || deliver(USB_IN) || deliver(USB_INTERRUPT);
}

/* Something happens, or time goes to where something may. */
static void step_until(uint64_t until)
{
	uint64_t due;

	demand(++world.spins < SPINS_MAX, "somebody works for ever");
	if (step())
		return;
	due = clock_earlier(due_on(USB_IN), due_on(USB_INTERRUPT));
	due = clock_earlier(due, until);
	demand(due != CLOCK_NEVER, "somebody waits for what never comes");
	if (due > world.now) {
		world.now = due;
		world.spins = 0;
	}
}

static void run_until(uint64_t until)
{
	while (world.now < until)
		step_until(until);
}

void session_pass(uint64_t ms)
{
	run_until(world.now + ms);
}

/* --- clock.h */

uint64_t clock_now(void)
{
	return world.now;
}

uint64_t clock_wall(void)
{
	return clock_now();
}

/* It never does. */
uint64_t clock_slept(void)
{
	return 0;
}

int clock_cond_init(pthread_cond_t *cond)
{
	return -pthread_cond_init(cond, NULL);
}

static void call_beside(void)
{
	unsigned long name = thread_name;
	uint64_t began = world.now;

	if (!world.beside_in || --world.beside_in)
		return;
	world.beside();
	world.stolen += world.now - began;
	thread_name = name;
}

void session_beside(unsigned nth, void (*call)(void))
{
	world.beside_in = nth;
	world.beside = call;
}

uint64_t session_stolen(void)
{
	return world.stolen;
}

void clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until)
{
	unsigned i = world.waiters++;

	demand(!world.calling_back, "a callback blocks");
	demand(i < WAITERS_MAX, "waits within waits");
	world.waiter[i].cond = cond;
	world.waiter[i].woken = false;
	pthread_mutex_unlock(lock);
	demand(++world.spins < SPINS_MAX, "somebody spins");
	call_beside();
	while (!world.waiter[i].woken && world.now < until)
		step_until(until);
	pthread_mutex_lock(lock);
	world.waiters--;
}

int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock)
{
	clock_wait(cond, lock, CLOCK_NEVER);
	return 0;
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *cond)
{
	for (unsigned i = 0; i < world.waiters; i++)
		if (world.waiter[i].cond == cond)
			world.waiter[i].woken = true;
	return 0;
}

/* The sanitizers ask, too, and have to be told the truth. */
pthread_t __wrap_pthread_self(void)
{
	return thread_name ? thread_name : __real_pthread_self();
}

void session_name_thread(unsigned long name)
{
	thread_name = name;
}

/* --- usb.h */

void session_begin(const struct session_device *device)
{
	memset(&world, 0, sizeof(world));
	world.device = *device;
	world.now = START_MS;
}

void session_end(void)
{
	demand(!world.opens && !world.transfers, "something was left open");
	drop_messages();
}

int usb_open(const struct name *name, struct usb_info *ret_info,
	     struct usb **ret_usb)
{
	int r = operate(SESSION_OPEN);

	(void)name;
	if (r == 0 && world.opens)
		r = -EBUSY;
	if (r < 0)
		return r;
	world.opens++;
	*ret_info = world.device.info;
	*ret_usb = allocate(sizeof(struct usb));
	return 0;
}

/* None is held by others. */
int usb_take(struct usb *usb)
{
	(void)usb;
	return -EBUSY;
}

void usb_close(struct usb *usb)
{
	demand(world.opens, "closed twice");
	demand(!world.transfers, "closed with transfers left");
	demand(!world.calling_back, "closed in a callback");
	world.opens--;
	free(usb);
}

int usb_transfer_new(struct usb *usb, enum usb_pipe pipe, size_t size,
		     usb_done *done, void *owner,
		     struct usb_transfer **ret_transfer)
{
	struct transfer *transfer;
	int r = operate(SESSION_NEW);

	(void)usb;
	if (r < 0 && r != -ENODEV)	/* it is only memory */
		return r;
	if (pipe != USB_OUT)
		size = (size + PACKET - 1) / PACKET * PACKET;
	transfer = allocate(sizeof(*transfer));
	transfer->pipe = pipe;
	transfer->usb.data = allocate(size);
	transfer->usb.owner = owner;
	transfer->usb.size = size;
	transfer->usb.done = done;
	transfer->usb.backend = transfer;
	world.transfers++;
	*ret_transfer = &transfer->usb;
	return 0;
}

/* Each byte is the one before it, and the first is 0. */
static bool is_wiped(const struct transfer *transfer)
{
	const uint8_t *data = transfer->usb.data;

	return !data[0] && !memcmp(data, data + 1, transfer->usb.size - 1);
}

void usb_transfer_free(struct usb_transfer *usb)
{
	struct transfer *transfer;

	if (!usb)
		return;
	transfer = usb->backend;
	demand(!transfer->under_way, "a transfer freed while under way");
	/* Of an interrupt transfer nothing is secret. */
	demand(transfer->pipe == USB_INTERRUPT || is_wiped(transfer),
	       "a transfer freed with bytes in it");
	world.transfers--;
	free(usb->data);
	free(transfer);
}

static void start(struct transfer *transfer, size_t size)
{
	transfer->under_way = true;
	transfer->asked = size;
	transfer->received = 0;
	if (world.pipe[transfer->pipe].halted) {
		end_transfer(transfer, -EPIPE);
	} else if (transfer->pipe == USB_OUT) {
		transfer->received = size;
		end_transfer(transfer, 0);
		world.device.command(transfer->usb.data, size);
	} else {
		append(&world.pipe[transfer->pipe].first, transfer);
	}
}

int usb_submit(struct usb_transfer *usb, size_t size)
{
	struct transfer *transfer = usb->backend;
	int r = operate(SESSION_SUBMIT);

	demand(!transfer->under_way, "a transfer submitted twice");
	demand(size <= usb->size, "a transfer beyond its size");
	if (r == 0)
		start(transfer, size);
	return r;
}

/* There is one thread: it waits in clock_wait, and all happens there. */
bool usb_attend(struct usb *usb)
{
	(void)usb;
	return false;
}

void usb_handle(struct usb *usb, uint64_t until)
{
	(void)usb;
	(void)until;
	demand(false, "handled by nobody");
}

void usb_nudge(struct usb *usb)
{
	(void)usb;
	demand(false, "nobody to nudge");
}

void usb_unattend(struct usb *usb)
{
	(void)usb;
	demand(false, "nobody to leave");
}

void usb_cancel(struct usb_transfer *usb)
{
	struct transfer *transfer = usb->backend;

	if (take_out(&world.pipe[transfer->pipe].first, transfer))
		end_transfer(transfer, -ECANCELED);
}

int usb_request_in(struct usb *usb, uint8_t request, uint16_t value,
		   uint8_t *data, size_t size, unsigned timeout_ms)
{
	int r = operate(SESSION_REQUEST);

	(void)usb;
	if (r == 0)
		r = world.device.request(request, value, data, size);
	/* What came in time was in time; meanwhile the others go on. */
	if (!world.calling_back)
		run_until(world.now + (r == -ETIMEDOUT ? timeout_ms : 1));
	return r;
}

int usb_request(struct usb *usb, uint8_t request, uint16_t value,
		unsigned timeout_ms)
{
	int r = usb_request_in(usb, request, value, NULL, 0, timeout_ms);

	return r < 0 ? r : 0;
}

int usb_string(struct usb *usb, enum usb_text which, char *text, size_t room)
{
	int r = operate(SESSION_REQUEST);

	(void)usb;
	if (r == -ENODEV)
		return r;
	snprintf(text, room, "%s%u", r < 0 ? "" : "text ", which);
	return 0;
}

int usb_clear_halt(struct usb *usb, enum usb_pipe pipe)
{
	int r = operate(SESSION_CLEAR);

	(void)usb;
	demand(!world.calling_back, "a halt cleared in a callback");
	if (r == 0)
		world.pipe[pipe].halted = false;
	return r;
}

static void end_halts(void)
{
	for (unsigned i = 0; i < SESSION_PIPES; i++)
		world.pipe[i].halted = false;
}

int usb_reset(struct usb *usb)
{
	int r = operate(SESSION_RESET);

	(void)usb;
	demand(!world.calling_back, "a reset in a callback");
	demand(!world.ended && !world.pipe[USB_IN].first &&
	       !world.pipe[USB_INTERRUPT].first,
	       "a reset with transfers under way");
	if (r == 0) {
		end_halts();
		drop_messages();
		world.device.reset();
	}
	run_until(world.now + RESET_MS);
	return r;
}
