/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first byte tells the number of slots, 1 to 16; the others are taken once
 * as a bulk reply and once as an interrupt transfer.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ccid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The header that a parsed reply came from can be built from it again. */
static void check_header(const struct ccid_reply *reply, const uint8_t *bytes)
{
	uint8_t header[CCID_HEADER_SIZE];

	ccid_command_put(header, reply->type, reply->slot, reply->seq,
			 bytes + 7, (uint32_t)reply->size);
	assert(memcmp(header, bytes, sizeof(header)) == 0);
}

static void check_reply(const uint8_t *bytes, size_t size)
{
	struct ccid_reply reply, untouched;
	int r;

	memset(&reply, 0x5A, sizeof(reply));
	untouched = reply;
	r = ccid_reply_parse(bytes, size, &reply);
	if (r < 0) {
		assert(r == -EBADMSG || r == -EPROTO);
		assert(memcmp(&reply, &untouched, sizeof(reply)) == 0);
		return;
	}
	assert(reply.data == bytes + CCID_HEADER_SIZE);
	assert(reply.size == size - CCID_HEADER_SIZE);
	assert(reply.icc <= CCID_ICC_ABSENT);
	assert(reply.outcome <= CCID_TIME_EXTENSION);
	assert(ccid_error_text(reply.error));
	check_header(&reply, bytes);
}

static void check_event(const struct ccid_event *event, unsigned slots)
{
	assert((event->told & ~((1u << slots) - 1)) == 0);
	assert((event->present & ~event->told) == 0);
	assert((event->changed & ~event->told) == 0);
	if (event->type != CCID_NOTIFY_SLOT_CHANGE)
		assert(event->told == 0);
	if (event->type != CCID_HARDWARE_ERROR)
		assert(!event->slot && !event->seq && !event->code);
}

static void check_events(const uint8_t *bytes, size_t size, unsigned slots)
{
	const uint8_t *at = bytes;
	size_t left = size;
	struct ccid_event event;

	for (size_t before = left;
	     ccid_event_next(&at, &left, slots, &event); before = left) {
		assert(left < before);
		assert(at == bytes + (size - left));
		check_event(&event, slots);
	}
	assert(left == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	check_reply(data + 1, size - 1);
	check_events(data + 1, size - 1, data[0] % 16 + 1u);
	return 0;
}
