/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PACKET		64
#define FOREVER_US	3600000000u

struct script_transfer {
	struct usb_transfer usb;
	struct script *script;
	struct script_transfer *next;
	enum usb_pipe pipe;
	bool under_way;
	bool filled;	/* a message of its pipe is in it */
	size_t asked;	/* size at the submission */
	int status;
	size_t received;
};

struct usb {
	struct script *script;
	bool held;
};

void (*script_busy)(int change);

static pthread_mutex_t bus_lock = PTHREAD_MUTEX_INITIALIZER;
static struct script *bus;

static void demand(bool held, const char *contract)
{
	if (held)
		return;
	fprintf(stderr, "usb.h: %s\n", contract);
	abort();
}

/* Not by the functions that a test makes fail. */
static void *allocate(size_t size)
{
	void *memory = aligned_alloc(16, (size + 15) / 16 * 16);

	demand(memory, "out of memory");
	return memset(memory, 0, size);
}

uint64_t script_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void busy(int change)
{
	if (script_busy)
		script_busy(change);
}

/* --- queues; the lock is held */

static void append_message(struct script_message **at,
			   struct script_message *message)
{
	while (*at)
		at = &(*at)->next;
	*at = message;
}

static void append_transfer(struct script_transfer **at,
			    struct script_transfer *transfer)
{
	while (*at)
		at = &(*at)->next;
	transfer->next = NULL;
	*at = transfer;
}

static struct script_transfer *take_transfer(struct script_transfer **at)
{
	struct script_transfer *transfer = *at;

	*at = transfer->next;
	transfer->next = NULL;
	return transfer;
}

static struct script_message *take_message(struct script_message **at)
{
	struct script_message *message = *at;

	*at = message->next;
	return message;
}

static void free_messages(struct script_message **at)
{
	while (*at)
		free(take_message(at));
}

static struct script_message *make_message(int status, const uint8_t *bytes,
					   size_t size, uint64_t delay_us)
{
	struct script_message *message = allocate(sizeof(*message) + size);

	message->due_us = delay_us ? script_now_us() + delay_us : 0;
	message->status = status;
	message->size = size;
	if (size)
		memcpy(message->bytes, bytes, size);
	return message;
}

static void end_transfer(struct script_transfer *transfer, int status)
{
	transfer->status = status;
	append_transfer(&transfer->script->ended, transfer);
}

/* More than was asked for is babble. */
static void fill_transfer(struct script_transfer *transfer,
			  const struct script_message *message)
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

void script_put(struct script *script, enum usb_pipe pipe, int status,
		const uint8_t *bytes, size_t size, uint64_t delay_us)
{
	append_message(&script->pipe[pipe].message,
		       make_message(status, bytes, size, delay_us));
	script->pipe[pipe].put++;
}

void script_flush(struct script *script, enum usb_pipe pipe)
{
	free_messages(&script->pipe[pipe].message);
}

void script_on_cancel(struct script *script, enum usb_pipe pipe, int status,
		      const uint8_t *bytes, size_t size)
{
	struct script_pipe *p = &script->pipe[pipe];

	free_messages(&p->cancel_message);
	p->cancel_armed = true;
	p->cancel_status = status;
	p->cancel_message = make_message(status, bytes, size, 0);
}

void script_fail(struct script *script, enum script_operation operation,
		 unsigned nth, int error)
{
	script->fail[operation].countdown = nth;
	script->fail[operation].error = error;
}

void script_unplug(struct script *script)
{
	script->unplugged = true;
	free_messages(&script->work);
	for (unsigned i = 0; i < SCRIPT_PIPES; i++) {
		struct script_pipe *pipe = &script->pipe[i];

		free_messages(&pipe->message);
		while (pipe->first)
			end_transfer(take_transfer(&pipe->first), -ENODEV);
		while (pipe->stuck)
			end_transfer(take_transfer(&pipe->stuck), -ENODEV);
	}
}

static void count_step(struct script *script)
{
	script->steps++;
	if (script->unplug_in && --script->unplug_in == 0)
		script_unplug(script);
}

static bool is_time(struct script_failure *failure)
{
	return failure->countdown && --failure->countdown == 0;
}

/* 0, or what the operation is to fail with. */
static int operate(struct script *script, enum script_operation operation)
{
	count_step(script);
	if (is_time(&script->fail[operation]))
		return script->fail[operation].error;
	if (is_time(&script->any))
		return script->any.error;
	return script->unplugged ? -ENODEV : 0;
}

/* A command goes into the device; what it does with it comes later. */
static void write_out(struct script_transfer *transfer)
{
	struct script *script = transfer->script;

	append_message(&script->work,
		       make_message(0, transfer->usb.data, transfer->asked,
				    script->work_delay_us));
	transfer->received = transfer->asked;
	end_transfer(transfer, 0);
}

/* --- the event thread: one kind of event each, true if there was one */

static bool is_due(const struct script_message *message, uint64_t now,
		   uint64_t *next)
{
	if (!message)
		return false;
	if (message->due_us <= now)
		return true;
	if (message->due_us < *next)
		*next = message->due_us;
	return false;
}

static void spoil(struct script_pipe *pipe, struct script_transfer *transfer,
		  int error)
{
	transfer->status = error;
	transfer->received = 0;
	pipe->halted = error == -EPIPE;
}

static bool call_back(struct script *script, uint64_t now, uint64_t *next)
{
	struct script_transfer *transfer;
	struct script_pipe *pipe;
	bool filled;

	struct script_transfer **at = &script->ended;

	(void)now;
	(void)next;
	while (*at && script->pipe[(*at)->pipe].delayed)
		at = &(*at)->next;
	if (!*at)
		return false;
	transfer = take_transfer(at);
	pipe = &script->pipe[transfer->pipe];
	filled = transfer->filled;
	count_step(script);
	if (is_time(&script->end))
		spoil(pipe, transfer, script->end.error);
	transfer->under_way = false;
	pthread_mutex_unlock(&script->lock);
	transfer->usb.done(&transfer->usb, transfer->status,
			   transfer->received);
	pthread_mutex_lock(&script->lock);
	pipe->passed += filled;
	return true;
}

static bool obey(struct script *script, uint64_t now, uint64_t *next)
{
	struct script_message **at = &script->work;
	struct script_message *command;

	while (*at && !is_due(*at, now, next))
		at = &(*at)->next;
	if (!*at)
		return false;
	command = take_message(at);
	script->command(script, command->bytes, command->size);
	free(command);
	return true;
}

static bool deliver(struct script_pipe *pipe, uint64_t now, uint64_t *next)
{
	struct script_message *message;

	if (pipe->held || !pipe->first || !is_due(pipe->message, now, next))
		return false;
	message = take_message(&pipe->message);
	pipe->first->filled = true;
	fill_transfer(take_transfer(&pipe->first), message);
	if (message->status == -EPIPE)
		pipe->halted = true;
	free(message);
	return true;
}

static bool deliver_reply(struct script *script, uint64_t now, uint64_t *next)
{
	return deliver(&script->pipe[USB_IN], now, next);
}

static bool deliver_notification(struct script *script, uint64_t now,
				 uint64_t *next)
{
	return deliver(&script->pipe[USB_INTERRUPT], now, next);
}

/* Commands that were held. */
static bool pass_out(struct script *script, uint64_t now, uint64_t *next)
{
	struct script_pipe *pipe = &script->pipe[USB_OUT];

	(void)now;
	(void)next;
	if (pipe->held || !pipe->first)
		return false;
	write_out(take_transfer(&pipe->first));
	return true;
}

typedef bool script_event(struct script *script, uint64_t now, uint64_t *next);

static script_event *const events[] = {
	call_back, pass_out, obey, deliver_reply, deliver_notification,
};

#define EVENTS	(sizeof(events) / sizeof(events[0]))

/* A reply is first only if it is ahead in the queue of callbacks. */
static bool step(struct script *script, uint64_t *next)
{
	uint64_t now = script_now_us();
	size_t first = script->replies_first;

	if (script->dice)
		first = script->dice(script);
	*next = now + FOREVER_US;
	for (size_t i = 0; i < EVENTS; i++)
		if (events[(first + i) % EVENTS](script, now, next))
			return true;
	return false;
}

static void rest(struct script *script, uint64_t until)
{
	struct timespec at = {
		.tv_sec = (time_t)(until / 1000000),
		.tv_nsec = (long)(until % 1000000) * 1000,
	};

	if (!script->idle)
		busy(-1);
	script->idle = true;
	pthread_cond_timedwait(&script->kick, &script->lock, &at);
}

static void *event_thread(void *argument)
{
	struct script *script = argument;
	uint64_t next;

	pthread_mutex_lock(&script->lock);
	while (!script->ending)
		if (!step(script, &next))
			rest(script, next);
	if (!script->idle)
		busy(-1);
	pthread_mutex_unlock(&script->lock);
	return NULL;
}

/* From here on the thread counts as busy, though it may not run yet. */
static void wake(struct script *script)
{
	if (script->threaded && script->idle)
		busy(1);
	script->idle = false;
	pthread_cond_signal(&script->kick);
}

void script_let_clear(struct script *script)
{
	script->clears_wait = false;
	pthread_cond_broadcast(&script->cleared);
}

void script_lock(struct script *script)
{
	pthread_mutex_lock(&script->lock);
}

void script_unlock(struct script *script)
{
	wake(script);
	pthread_mutex_unlock(&script->lock);
}

unsigned script_read(struct script *script, const unsigned *counter)
{
	unsigned n;

	pthread_mutex_lock(&script->lock);
	n = *counter;
	pthread_mutex_unlock(&script->lock);
	return n;
}

/* --- the bus */

void script_plug(struct script *script, unsigned bus_number, unsigned address)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&script->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&script->kick, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_cond_init(&script->cleared, NULL);
	script->bus = bus_number;
	script->address = address;
	pthread_mutex_lock(&bus_lock);
	script->next = bus;
	bus = script;
	pthread_mutex_unlock(&bus_lock);
}

void script_discard(struct script *script)
{
	struct script **at = &bus;

	pthread_mutex_lock(&bus_lock);
	while (*at != script)
		at = &(*at)->next;
	*at = script->next;
	pthread_mutex_unlock(&bus_lock);
	demand(!script->opens && !script->transfers, "left open");
	free_messages(&script->work);
	for (unsigned i = 0; i < SCRIPT_PIPES; i++) {
		free_messages(&script->pipe[i].message);
		free_messages(&script->pipe[i].cancel_message);
	}
	pthread_cond_destroy(&script->kick);
	pthread_cond_destroy(&script->cleared);
	pthread_mutex_destroy(&script->lock);
}

static struct script *find(const struct name *name)
{
	struct script *script;

	pthread_mutex_lock(&bus_lock);
	script = bus;
	while (script && (script->bus != (unsigned)name->bus ||
			  script->address != (unsigned)name->address))
		script = script->next;
	pthread_mutex_unlock(&bus_lock);
	return script;
}

/* --- usb.h */

int usb_open(const struct name *name, struct usb_info *ret_info,
	     struct usb **ret_usb)
{
	struct script *script = find(name);
	struct usb *usb;
	int r;

	if (!script)
		return -ENODEV;
	pthread_mutex_lock(&script->lock);
	r = operate(script, SCRIPT_OPEN);
	if (r == 0 && script->opens)
		r = -EBUSY;
	if (r < 0) {
		pthread_mutex_unlock(&script->lock);
		return r;
	}
	usb = allocate(sizeof(*usb));
	usb->script = script;
	script->opens++;
	script->ending = false;
	script->idle = false;
	busy(1);
	script->threaded = true;
	pthread_create(&script->thread, NULL, event_thread, script);
	*ret_info = script->info;
	ret_info->held = script->held;
	usb->held = script->held;
	*ret_usb = usb;
	pthread_mutex_unlock(&script->lock);
	return 0;
}

int usb_take(struct usb *usb)
{
	struct script *script = usb->script;
	int r;

	pthread_mutex_lock(&script->lock);
	demand(usb->held, "taken twice");
	script->takes++;
	r = operate(script, SCRIPT_TAKE);
	if (r == 0 && script->held)
		r = -EBUSY;
	usb->held = r < 0;
	pthread_mutex_unlock(&script->lock);
	return r;
}

void usb_close(struct usb *usb)
{
	struct script *script = usb->script;

	pthread_mutex_lock(&script->lock);
	demand(script->opens, "closed twice");
	demand(!script->transfers, "closed with transfers left");
	demand(!pthread_equal(script->thread, pthread_self()),
	       "closed in a callback");
	script->ending = true;
	wake(script);
	pthread_mutex_unlock(&script->lock);
	pthread_join(script->thread, NULL);
	pthread_mutex_lock(&script->lock);
	script->threaded = false;
	script->opens--;
	pthread_mutex_unlock(&script->lock);
	free(usb);
}

int usb_transfer_new(struct usb *usb, enum usb_pipe pipe, size_t size,
		     usb_done *done, void *owner,
		     struct usb_transfer **ret_transfer)
{
	struct script *script = usb->script;
	struct script_transfer *transfer;
	int r;

	pthread_mutex_lock(&script->lock);
	r = operate(script, SCRIPT_NEW);
	if (r == -ENODEV)
		r = 0;	/* it is only memory */
	script->transfers += r == 0;
	pthread_mutex_unlock(&script->lock);
	if (r < 0)
		return r;
	if (pipe != USB_OUT)
		size = (size + PACKET - 1) / PACKET * PACKET;
	transfer = allocate(sizeof(*transfer));
	transfer->script = script;
	transfer->pipe = pipe;
	transfer->usb.data = allocate(size);
	transfer->usb.owner = owner;
	transfer->usb.size = size;
	transfer->usb.done = done;
	transfer->usb.backend = transfer;
	*ret_transfer = &transfer->usb;
	return 0;
}

static bool holds_bytes(const struct usb_transfer *transfer)
{
	for (size_t i = 0; i < transfer->size; i++)
		if (transfer->data[i])
			return true;
	return false;
}

void usb_transfer_free(struct usb_transfer *usb)
{
	struct script_transfer *transfer;
	struct script *script;

	if (!usb)
		return;
	transfer = usb->backend;
	script = transfer->script;
	pthread_mutex_lock(&script->lock);
	demand(!transfer->under_way, "a transfer freed while under way");
	if (transfer->pipe != USB_INTERRUPT && holds_bytes(usb))
		script->left_unwiped = true;
	script->transfers--;
	pthread_mutex_unlock(&script->lock);
	free(usb->data);
	free(transfer);
}

/* The command does not arrive, or not all of it. */
static void break_out(struct script_pipe *pipe,
		      struct script_transfer *transfer)
{
	struct script_message *message = take_message(&pipe->message);

	if (message->status == -EPIPE)
		pipe->halted = true;
	transfer->received = message->size;
	end_transfer(transfer, message->status);
	free(message);
}

static void start(struct script_transfer *transfer, size_t size)
{
	struct script_pipe *pipe = &transfer->script->pipe[transfer->pipe];

	transfer->under_way = true;
	transfer->asked = size;
	transfer->received = 0;
	transfer->filled = false;
	if (pipe->halted)
		end_transfer(transfer, -EPIPE);
	else if (transfer->pipe == USB_OUT && pipe->message)
		break_out(pipe, transfer);
	else if (pipe->sticks)
		append_transfer(&pipe->stuck, transfer);
	else if (transfer->pipe == USB_OUT && !pipe->held)
		write_out(transfer);
	else
		append_transfer(&pipe->first, transfer);
	pipe->sticks = false;
}

int usb_submit(struct usb_transfer *usb, size_t size)
{
	struct script_transfer *transfer = usb->backend;
	struct script *script = transfer->script;
	int r;

	pthread_mutex_lock(&script->lock);
	demand(!transfer->under_way, "a transfer submitted twice");
	demand(size <= usb->size, "a transfer beyond its size");
	r = operate(script, (enum script_operation)(SCRIPT_SUBMIT_OUT +
						    transfer->pipe));
	if (r == 0) {
		script->submitted[transfer->pipe]++;
		start(transfer, size);
	}
	wake(script);
	pthread_mutex_unlock(&script->lock);
	return r;
}

static bool take_out(struct script_transfer **at,
		     const struct script_transfer *transfer)
{
	while (*at && *at != transfer)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = transfer->next;
	return true;
}

static void end_cancelled(struct script_pipe *pipe,
			  struct script_transfer *transfer)
{
	if (!pipe->cancel_armed) {
		end_transfer(transfer, -ECANCELED);
		return;
	}
	pipe->cancel_armed = false;
	if (transfer->pipe == USB_OUT && pipe->cancel_message->size) {
		transfer->received = pipe->cancel_message->size;
		end_transfer(transfer, pipe->cancel_status);
		return;
	}
	if (transfer->pipe == USB_OUT) {
		write_out(transfer);
		transfer->status = pipe->cancel_status;
		return;
	}
	fill_transfer(transfer, pipe->cancel_message);
}

void usb_cancel(struct usb_transfer *usb)
{
	struct script_transfer *transfer = usb->backend;
	struct script *script = transfer->script;
	struct script_pipe *pipe = &script->pipe[transfer->pipe];

	pthread_mutex_lock(&script->lock);
	if (take_out(&pipe->first, transfer) ||
	    take_out(&pipe->stuck, transfer))
		end_cancelled(pipe, transfer);
	wake(script);
	pthread_mutex_unlock(&script->lock);
}

int usb_request(struct usb *usb, uint8_t request, uint16_t value,
		unsigned timeout_ms)
{
	struct script *script = usb->script;
	int r;

	(void)timeout_ms;
	pthread_mutex_lock(&script->lock);
	script->requests++;
	r = operate(script, SCRIPT_REQUEST);
	if (r == 0)
		r = script->request(script, request, value);
	wake(script);
	pthread_mutex_unlock(&script->lock);
	return r;
}

int usb_string(struct usb *usb, enum usb_text which, char *text, size_t room)
{
	struct script *script = usb->script;
	int r;

	pthread_mutex_lock(&script->lock);
	script->requests++;
	r = operate(script, SCRIPT_REQUEST);
	wake(script);
	pthread_mutex_unlock(&script->lock);
	if (r == -ENODEV)
		return r;
	snprintf(text, room, "%s",
		 r == 0 && script->text[which] ? script->text[which] : "");
	return 0;
}

/* No list of speeds, as most readers have none. */
int usb_request_in(struct usb *usb, uint8_t request, uint16_t value,
		   uint8_t *data, size_t size, unsigned timeout_ms)
{
	struct script *script = usb->script;
	int r;

	if (!script->request_in)
		return usb_request(usb, request, value, timeout_ms);
	pthread_mutex_lock(&script->lock);
	script->requests++;
	r = operate(script, SCRIPT_REQUEST);
	if (r == 0)
		r = script->request_in(script, request, data, size,
				       timeout_ms);
	wake(script);
	pthread_mutex_unlock(&script->lock);
	return r;
}

int usb_clear_halt(struct usb *usb, enum usb_pipe pipe)
{
	struct script *script = usb->script;
	int r;

	pthread_mutex_lock(&script->lock);
	demand(!pthread_equal(script->thread, pthread_self()),
	       "a halt cleared in a callback");
	script->clears++;
	while (script->clears_wait)
		pthread_cond_wait(&script->cleared, &script->lock);
	r = operate(script, SCRIPT_CLEAR_HALT);
	if (r == 0)
		script->pipe[pipe].halted = false;
	wake(script);
	pthread_mutex_unlock(&script->lock);
	return r;
}

/* Nothing may be under way, for nothing is said of what becomes of it. */
static bool is_at_rest(const struct script *script)
{
	for (unsigned i = 0; i < SCRIPT_PIPES; i++)
		if (script->pipe[i].first || script->pipe[i].stuck)
			return false;
	return !script->ended;
}

int usb_reset(struct usb *usb)
{
	struct script *script = usb->script;
	int r;

	pthread_mutex_lock(&script->lock);
	demand(is_at_rest(script), "a reset with transfers under way");
	demand(!pthread_equal(script->thread, pthread_self()),
	       "a reset in a callback");
	script->resets++;
	r = operate(script, SCRIPT_RESET);
	for (unsigned i = 0; r == 0 && i < SCRIPT_PIPES; i++) {
		script->pipe[i].halted = false;
		free_messages(&script->pipe[i].message);
		script->pipe[i].passed = script->pipe[i].put;
	}
	if (r == 0) {
		free_messages(&script->work);
		script->reset(script);
	}
	wake(script);
	pthread_mutex_unlock(&script->lock);
	return r;
}
