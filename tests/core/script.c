/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "script_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"

#define FOREVER_US	3600000000u

void (*script_busy)(int change);

static pthread_mutex_t bus_lock = PTHREAD_MUTEX_INITIALIZER;
static struct script *bus;

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

void script_put(struct script *script, enum usb_pipe pipe, int status,
		const uint8_t *bytes, size_t size, uint64_t delay_us)
{
	struct script_message *message;

	message = script_make_message(status, bytes, size, delay_us);
	script_append_message(&script->pipe[pipe].message, message);
	script->pipe[pipe].put++;
}

void script_flush(struct script *script, enum usb_pipe pipe)
{
	script_free_messages(&script->pipe[pipe].message);
}

void script_on_cancel(struct script *script, enum usb_pipe pipe, int status,
		      const uint8_t *bytes, size_t size)
{
	struct script_pipe *p = &script->pipe[pipe];

	script_free_messages(&p->cancel_message);
	p->cancel_armed = true;
	p->cancel_status = status;
	p->cancel_message = script_make_message(status, bytes, size, 0);
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
	script_free_messages(&script->work);
	for (unsigned i = 0; i < SCRIPT_PIPES; i++) {
		struct script_pipe *pipe = &script->pipe[i];

		script_free_messages(&pipe->message);
		while (pipe->first)
			script_end(script_take(&pipe->first), -ENODEV);
		while (pipe->stuck)
			script_end(script_take(&pipe->stuck), -ENODEV);
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
int script_operate(struct script *script, enum script_operation operation)
{
	count_step(script);
	if (is_time(&script->fail[operation]))
		return script->fail[operation].error;
	if (is_time(&script->any))
		return script->any.error;
	return script->unplugged ? -ENODEV : 0;
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

bool script_call_back(struct script *script)
{
	struct script_transfer *transfer;
	struct script_pipe *pipe;
	bool filled;

	struct script_transfer **at = &script->ended;

	while (*at && script->pipe[(*at)->pipe].delayed)
		at = &(*at)->next;
	if (!*at)
		return false;
	transfer = script_take(at);
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

/* An attendant does it himself. */
static bool call_back(struct script *script, uint64_t now, uint64_t *next)
{
	(void)now;
	(void)next;
	if (!script->attended)
		return script_call_back(script);
	if (script->ended)
		pthread_cond_broadcast(&script->handled);
	return false;
}

static bool obey(struct script *script, uint64_t now, uint64_t *next)
{
	struct script_message **at = &script->work;
	struct script_message *command;

	while (*at && !is_due(*at, now, next))
		at = &(*at)->next;
	if (!*at)
		return false;
	command = script_take_message(at);
	script->command(script, command->bytes, command->size);
	free(command);
	return true;
}

static bool deliver(struct script_pipe *pipe, uint64_t now, uint64_t *next)
{
	struct script_message *message;

	if (pipe->held || !pipe->first || !is_due(pipe->message, now, next))
		return false;
	message = script_take_message(&pipe->message);
	pipe->first->filled = true;
	script_fill(script_take(&pipe->first), message);
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
	script_write_out(script_take(&pipe->first));
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

void script_run(struct script *script)
{
	script->ending = false;
	script->idle = false;
	busy(1);
	script->threaded = true;
	pthread_create(&script->thread, NULL, event_thread, script);
}

/* From here on the thread counts as busy, though it may not run yet. */
void script_wake(struct script *script)
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
	script_wake(script);
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
	clock_cond_init(&script->handled);
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
	script_demand(!script->opens && !script->transfers, "left open");
	script_free_messages(&script->work);
	for (unsigned i = 0; i < SCRIPT_PIPES; i++) {
		script_free_messages(&script->pipe[i].message);
		script_free_messages(&script->pipe[i].cancel_message);
	}
	pthread_cond_destroy(&script->kick);
	pthread_cond_destroy(&script->cleared);
	pthread_cond_destroy(&script->handled);
	pthread_mutex_destroy(&script->lock);
}

struct script *script_find(const struct name *name)
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
