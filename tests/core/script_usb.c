/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions of usb.h. */
#include "script_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

#define PACKET	64

struct usb {
	struct script *script;
	bool held;
};

int usb_open(const struct name *name, struct usb_info *ret_info,
	     struct usb **ret_usb)
{
	struct script *script = script_find(name);
	struct usb *usb;
	int r;

	if (!script)
		return -ENODEV;
	pthread_mutex_lock(&script->lock);
	r = script_operate(script, SCRIPT_OPEN);
	if (r == 0 && script->opens)
		r = -EBUSY;
	if (r < 0) {
		pthread_mutex_unlock(&script->lock);
		return r;
	}
	usb = script_allocate(sizeof(*usb));
	usb->script = script;
	script->opens++;
	script_run(script);
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
	script_demand(usb->held, "taken twice");
	script->takes++;
	r = script_operate(script, SCRIPT_TAKE);
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
	script_demand(script->opens, "closed twice");
	script_demand(!script->transfers, "closed with transfers left");
	script_demand(!pthread_equal(script->thread, pthread_self()),
		      "closed in a callback");
	script->ending = true;
	script_wake(script);
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
	r = script_operate(script, SCRIPT_NEW);
	if (r == -ENODEV)
		r = 0;	/* it is only memory */
	script->transfers += r == 0;
	pthread_mutex_unlock(&script->lock);
	if (r < 0)
		return r;
	if (pipe != USB_OUT)
		size = (size + PACKET - 1) / PACKET * PACKET;
	transfer = script_allocate(sizeof(*transfer));
	transfer->script = script;
	transfer->pipe = pipe;
	transfer->usb.data = script_allocate(size);
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
	script_demand(!transfer->under_way, "a transfer freed while under way");
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
	struct script_message *message = script_take_message(&pipe->message);

	if (message->status == -EPIPE)
		pipe->halted = true;
	transfer->received = message->size;
	script_end(transfer, message->status);
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
		script_end(transfer, -EPIPE);
	else if (transfer->pipe == USB_OUT && pipe->message)
		break_out(pipe, transfer);
	else if (pipe->sticks)
		script_append(&pipe->stuck, transfer);
	else if (transfer->pipe == USB_OUT && !pipe->held)
		script_write_out(transfer);
	else
		script_append(&pipe->first, transfer);
	pipe->sticks = false;
}

int usb_submit(struct usb_transfer *usb, size_t size)
{
	struct script_transfer *transfer = usb->backend;
	struct script *script = transfer->script;
	int r;

	pthread_mutex_lock(&script->lock);
	script_demand(!transfer->under_way, "a transfer submitted twice");
	script_demand(size <= usb->size, "a transfer beyond its size");
	r = script_operate(script, (enum script_operation)(SCRIPT_SUBMIT_OUT +
						    transfer->pipe));
	if (r == 0) {
		script->submitted[transfer->pipe]++;
		start(transfer, size);
	}
	script_wake(script);
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
		script_end(transfer, -ECANCELED);
		return;
	}
	pipe->cancel_armed = false;
	if (transfer->pipe == USB_OUT && pipe->cancel_message->size) {
		transfer->received = pipe->cancel_message->size;
		script_end(transfer, pipe->cancel_status);
		return;
	}
	if (transfer->pipe == USB_OUT) {
		script_write_out(transfer);
		transfer->status = pipe->cancel_status;
		return;
	}
	script_fill(transfer, pipe->cancel_message);
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
	script_wake(script);
	pthread_mutex_unlock(&script->lock);
}

bool usb_attend(struct usb *usb)
{
	struct script *script = usb->script;

	pthread_mutex_lock(&script->lock);
	script_demand(!script->attended, "attended by two");
	script->attended = true;
	script->nudged = false;
	pthread_mutex_unlock(&script->lock);
	return true;
}

void usb_handle(struct usb *usb, uint64_t until)
{
	struct script *script = usb->script;

	pthread_mutex_lock(&script->lock);
	script_demand(script->attended, "handled by nobody");
	if (!script->nudged && !script_call_back(script))
		clock_wait(&script->handled, &script->lock, until);
	while (script_call_back(script))
		;
	script->nudged = false;
	pthread_mutex_unlock(&script->lock);
}

void usb_nudge(struct usb *usb)
{
	struct script *script = usb->script;

	pthread_mutex_lock(&script->lock);
	script_demand(script->attended, "nobody to nudge");
	script->nudged = true;
	pthread_cond_broadcast(&script->handled);
	pthread_mutex_unlock(&script->lock);
}

void usb_unattend(struct usb *usb)
{
	struct script *script = usb->script;

	pthread_mutex_lock(&script->lock);
	script_demand(script->attended, "left by nobody");
	script->attended = false;
	script_wake(script);
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
	r = script_operate(script, SCRIPT_REQUEST);
	if (r == 0)
		r = script->request(script, request, value);
	script_wake(script);
	pthread_mutex_unlock(&script->lock);
	return r;
}

int usb_string(struct usb *usb, enum usb_text which, char *text, size_t room)
{
	struct script *script = usb->script;
	int r;

	pthread_mutex_lock(&script->lock);
	script->requests++;
	r = script_operate(script, SCRIPT_REQUEST);
	script_wake(script);
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
	r = script_operate(script, SCRIPT_REQUEST);
	if (r == 0)
		r = script->request_in(script, request, data, size,
				       timeout_ms);
	script_wake(script);
	pthread_mutex_unlock(&script->lock);
	return r;
}

int usb_clear_halt(struct usb *usb, enum usb_pipe pipe)
{
	struct script *script = usb->script;
	int r;

	pthread_mutex_lock(&script->lock);
	script_demand(!pthread_equal(script->thread, pthread_self()),
		      "a halt cleared in a callback");
	script->clears++;
	while (script->clears_wait)
		pthread_cond_wait(&script->cleared, &script->lock);
	r = script_operate(script, SCRIPT_CLEAR_HALT);
	if (r == 0)
		script->pipe[pipe].halted = false;
	script_wake(script);
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
	script_demand(is_at_rest(script), "a reset with transfers under way");
	script_demand(!pthread_equal(script->thread, pthread_self()),
		      "a reset in a callback");
	script->resets++;
	r = script_operate(script, SCRIPT_RESET);
	for (unsigned i = 0; r == 0 && i < SCRIPT_PIPES; i++) {
		script->pipe[i].halted = false;
		script_free_messages(&script->pipe[i].message);
		script->pipe[i].passed = script->pipe[i].put;
	}
	if (r == 0) {
		script_free_messages(&script->work);
		script->reset(script);
	}
	script_wake(script);
	pthread_mutex_unlock(&script->lock);
	return r;
}
