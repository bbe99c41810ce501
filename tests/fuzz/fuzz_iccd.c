/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Byte 0: bit 0 version B, bits 1 and 2 the level. Then commands until the end:
 * the type, the size of its data, those, and what the token brings to each IN
 * request: its size, FFh that it refuses, and the bytes.
 */
#undef NDEBUG
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bytes.h"
#include "iccd.h"

#define REFUSED		0xFF
#define LEVEL		8	/* wLevelParameter, in a command */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *bytes;
	size_t size;
};

static uint8_t next_byte(struct input *input)
{
	if (!input->size)
		return 0;
	input->size--;
	return *input->bytes++;
}

static size_t next_bytes(struct input *input, size_t size, uint8_t *to)
{
	if (size > input->size)
		size = input->size;
	if (size)
		memcpy(to, input->bytes, size);
	input->bytes += size;
	input->size -= size;
	return size;
}

static size_t make_command(struct input *input,
			   uint8_t command[CCID_HEADER_SIZE + 0xFF])
{
	size_t size;

	memset(command, 0, CCID_HEADER_SIZE);
	command[0] = next_byte(input);
	size = next_byte(input);
	command[LEVEL] = next_byte(input);
	size = next_bytes(input, size, command + CCID_HEADER_SIZE);
	put_le32(command + 1, (uint32_t)size);
	return CCID_HEADER_SIZE + size;
}

static enum iccd_next bring(struct iccd *iccd, struct input *input)
{
	const struct iccd_request *request = &iccd->request;
	uint8_t bytes[0xFF];
	size_t size = next_byte(input);

	if (size == REFUSED)
		return iccd_stalled(iccd);
	if (!request->in)
		return iccd_step(iccd, NULL, 0);
	if (size > request->size)
		size = request->size;
	return iccd_step(iccd, bytes, next_bytes(input, size, bytes));
}

/* An OUT request takes its bytes out of the command or the header. */
static void check_request(const struct iccd *iccd, const uint8_t *command,
			  size_t size)
{
	const struct iccd_request *request = &iccd->request;

	assert(request->size <= ICCD_DATA_MAX);
	if (request->in || !request->size)
		return;
	if (request->data >= command && request->data < command + size)
		assert(request->data + request->size <= command + size);
	else
		assert(request->data == iccd->header &&
		       request->size == sizeof(iccd->header));
}

static void check_answer(const struct iccd *iccd)
{
	struct ccid_reply reply;

	if (!ccid_reply_type(iccd->command[0]))
		return;
	assert(ccid_reply_parse(iccd->answer, iccd->answer_size, &reply) == 0);
	assert(reply.outcome != CCID_TIME_EXTENSION);
}

static void run(struct iccd *iccd, struct input *input)
{
	uint8_t command[CCID_HEADER_SIZE + 0xFF];
	size_t size = make_command(input, command);
	enum iccd_next next = iccd_start(iccd, command, size);

	while (next != ICCD_ANSWER) {
		if (next == ICCD_PAUSE) {
			assert(iccd->pause_ms && iccd->pause_ms <=
						 ICCD_PAUSE_MAX_MS);
			if (!input->size)
				return;
			next = iccd_resume(iccd);
			continue;
		}
		check_request(iccd, command, size);
		next = bring(iccd, input);
	}
	check_answer(iccd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct iccd iccd;
	struct input input = { data, size };
	uint8_t kind = next_byte(&input);

	iccd_init(&iccd, kind & 1 ? ICCD_VERSION_B : ICCD_VERSION_A,
		  (enum desc_level)(kind >> 1 & 3));
	while (input.size)
		run(&iccd, &input);
	return 0;
}
