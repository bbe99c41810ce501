/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "escape.h"

#include <errno.h>

#include "clock.h"
#include "exchange.h"

/* A reader that works on it shows that by time extensions. */
#define ESCAPE_MS	3000

static int run(struct reader *reader, unsigned slot,
	       const struct exchange_command *command,
	       struct ccid_reply *ret_reply)
{
	int r = exchange_run(reader, slot, command, ret_reply);

	if (r < 0 || ret_reply->outcome == CCID_DONE)
		return r;
	return ret_reply->error == CCID_ERROR_NOT_SUPPORTED ? -ENOTSUP : -EIO;
}

int escape_run(struct reader *reader, unsigned slot, const uint8_t *bytes,
	       size_t size, struct ccid_reply *ret_reply)
{
	const struct exchange_command command = {
		.type = CCID_ESCAPE,
		.data = bytes,
		.size = size,
		.wait_ms = ESCAPE_MS,
		.deadline = clock_now() + ESCAPE_ALL_MS,
	};

	return run(reader, slot, &command, ret_reply);
}

int escape_pass(struct reader *reader, unsigned slot, const uint8_t *bytes,
		size_t size, struct ccid_reply *ret_reply)
{
	const struct exchange_command command = {
		.type = CCID_ESCAPE,
		.data = bytes,
		.size = size,
		.wait_ms = ESCAPE_ALL_MS,
		.deadline = clock_now() + ESCAPE_ALL_MS,
		.gentle = true,
	};

	return run(reader, slot, &command, ret_reply);
}
