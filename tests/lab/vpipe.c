/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vpipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void *get_memory(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		abort();
	return memory;
}

struct vurb *vurb_new(void *owner, uint64_t tag, uint8_t endpoint, size_t size,
		      void (*done)(struct vurb *urb, int status))
{
	struct vurb *urb = get_memory(sizeof(*urb) + size);

	urb->owner = owner;
	urb->tag = tag;
	urb->endpoint = endpoint;
	urb->size = size;
	urb->done = done;
	return urb;
}

static void finish_first(struct vpipe *pipe, int status)
{
	struct vurb *urb = pipe->urbs;

	pipe->urbs = urb->next;
	urb->done(urb, status);
}

static void drop_message(struct vpipe *pipe)
{
	struct vmessage *message = pipe->messages;

	pipe->messages = message->next;
	free(message);
}

/* One packet into the first urb. */
static void move_packet(struct vpipe *pipe)
{
	struct vmessage *message = pipe->messages;
	struct vurb *urb = pipe->urbs;
	size_t rest = message->size - message->sent;
	size_t n = rest < pipe->packet ? rest : pipe->packet;
	size_t room = urb->size - urb->actual;
	size_t taken = n < room ? n : room;
	int status = n > room ? -EOVERFLOW : 0;

	memcpy(urb->data + urb->actual, message->data + message->sent, taken);
	urb->actual += taken;
	message->sent += n;
	if (n < pipe->packet ||
	    (message->sent == message->size && !message->zlp))
		drop_message(pipe);
	if (pipe->damage) {
		status = pipe->damage;
		pipe->damage = 0;
	}
	if (status || n < pipe->packet || urb->actual == urb->size)
		finish_first(pipe, status);
}

static void pump(struct vpipe *pipe)
{
	while (pipe->urbs && (pipe->halted || pipe->messages)) {
		if (pipe->halted)
			finish_first(pipe, -EPIPE);
		else
			move_packet(pipe);
	}
}

void vpipe_submit(struct vpipe *pipe, struct vurb *urb)
{
	struct vurb **place = &pipe->urbs;

	while (*place)
		place = &(*place)->next;
	*place = urb;
	pump(pipe);
}

void vpipe_push(struct vpipe *pipe, const void *data, size_t size, bool zlp)
{
	struct vmessage *message = get_memory(sizeof(*message) + size);
	struct vmessage **place = &pipe->messages;

	message->size = size;
	message->zlp = zlp;
	if (size)
		memcpy(message->data, data, size);
	while (*place)
		place = &(*place)->next;
	*place = message;
	pump(pipe);
}

bool vpipe_discard(struct vpipe *pipe, const void *owner, uint64_t tag)
{
	struct vurb **place = &pipe->urbs;
	struct vurb *urb;

	while (*place && ((*place)->owner != owner || (*place)->tag != tag))
		place = &(*place)->next;
	urb = *place;
	if (!urb)
		return false;
	*place = urb->next;
	urb->done(urb, -ENOENT);
	return true;
}

void vpipe_end(struct vpipe *pipe, const void *owner, int status)
{
	struct vurb **place = &pipe->urbs;

	while (*place) {
		struct vurb *urb = *place;

		if (owner && urb->owner != owner) {
			place = &urb->next;
			continue;
		}
		*place = urb->next;
		urb->done(urb, status);
	}
}

void vpipe_flush(struct vpipe *pipe)
{
	while (pipe->messages)
		drop_message(pipe);
	pipe->damage = 0;
}

void vpipe_halt(struct vpipe *pipe)
{
	pipe->halted = true;
	pump(pipe);
}

void vpipe_clear_halt(struct vpipe *pipe)
{
	pipe->halted = false;
	pump(pipe);
}
