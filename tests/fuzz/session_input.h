/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session_input - one input, eaten from both ends: from its beginning what the
 * host calls, from its end what the device does with it. So a byte more at one
 * end does not change what the other end means. 0 once all is eaten.
 */
#ifndef CCIDTRACK_TESTS_SESSION_INPUT_H
#define CCIDTRACK_TESTS_SESSION_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
	const uint8_t *first, *end;
};

static inline bool input_is_over(const struct input *input)
{
	return input->first == input->end;
}

static inline uint8_t input_host(struct input *input)
{
	return input_is_over(input) ? 0 : *input->first++;
}

static inline uint8_t input_device(struct input *input)
{
	return input_is_over(input) ? 0 : *--input->end;
}

#endif
