/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "script_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void script_demand(bool held, const char *contract)
{
	if (held)
		return;
	fprintf(stderr, "usb.h: %s\n", contract);
	abort();
}

void *script_allocate(size_t size)
{
	void *memory = aligned_alloc(16, (size + 15) / 16 * 16);

	script_demand(memory, "out of memory");
	return memset(memory, 0, size);
}

void script_append_message(struct script_message **at,
			   struct script_message *message)
{
	while (*at)
		at = &(*at)->next;
	*at = message;
}

void script_append(struct script_transfer **at,
		   struct script_transfer *transfer)
{
	while (*at)
		at = &(*at)->next;
	transfer->next = NULL;
	*at = transfer;
}

struct script_transfer *script_take(struct script_transfer **at)
{
	struct script_transfer *transfer = *at;

	*at = transfer->next;
	transfer->next = NULL;
	return transfer;
}

struct script_message *script_take_message(struct script_message **at)
{
	struct script_message *message = *at;

	*at = message->next;
	return message;
}

void script_free_messages(struct script_message **at)
{
	while (*at)
		free(script_take_message(at));
}

struct script_message *script_make_message(int status, const uint8_t *bytes,
					   size_t size, uint64_t delay_us)
{
	struct script_message *message;

	message = script_allocate(sizeof(*message) + size);
	message->due_us = delay_us ? script_now_us() + delay_us : 0;
	message->status = status;
	message->size = size;
	if (size)
		memcpy(message->bytes, bytes, size);
	return message;
}

void script_end(struct script_transfer *transfer, int status)
{
	transfer->status = status;
	script_append(&transfer->script->ended, transfer);
}

/* More than was asked for is babble. */
void script_fill(struct script_transfer *transfer,
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
	script_end(transfer, status);
}

/* A command goes into the device; what it does with it comes later. */
void script_write_out(struct script_transfer *transfer)
{
	struct script *script = transfer->script;
	struct script_message *command;

	command = script_make_message(0, transfer->usb.data, transfer->asked,
				      script->work_delay_us);
	script_append_message(&script->work, command);
	transfer->received = transfer->asked;
	script_end(transfer, 0);
}
