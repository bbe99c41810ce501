/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bit 0 of the first byte is the operation, the others are a client's
 * structure.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct layout {
	size_t digits, condition, messages, language, indexes, header;
};

static const struct layout verify = { 5, 7, 8, 9, 11, 19 };
static const struct layout modify = { 7, 10, 11, 12, 14, 24 };

static uint64_t number(const uint8_t *bytes, bool big_endian)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 4; i++)
		value |= (uint64_t)bytes[i] << 8 * (big_endian ? 3 - i : i);
	return value;
}

static bool is_big_endian(const struct layout *at, const uint8_t *bytes,
			  size_t size)
{
	return number(bytes + at->header - 4, true) + at->header == size;
}

/* What the header of pin.h asks of a structure. */
static bool is_good(const struct layout *at, const uint8_t *bytes, size_t size)
{
	if (size < at->header + 4 || size > at->header + 261)
		return false;
	if (bytes[at->messages] > 3 && bytes[at->messages] != 0xFF)
		return false;
	return number(bytes + at->header - 4, false) + at->header == size ||
	       is_big_endian(at, bytes, size);
}

static size_t indexes(bool modifies, uint8_t messages)
{
	if (!modifies || !messages)
		return 1;
	return messages == 3 || messages == 0xFF ? 3 : 2;
}

/* Two bytes came through, in one order or the other. */
static void check_pair(const uint8_t *given, const uint8_t *made, bool swapped)
{
	assert(made[0] == given[swapped] && made[1] == given[!swapped]);
}

static void check_digits(const uint8_t *given, const uint8_t *made)
{
	assert((made[0] == given[0] && made[1] == given[1]) ||
	       (made[0] == given[1] && made[1] == given[0]));
	assert(made[1] <= made[0] || !made[0]);
}

static void check_fixed(const struct layout *at, bool modifies,
			const uint8_t *bytes, const uint8_t *data, bool swapped)
{
	uint8_t condition = bytes[at->condition];
	uint8_t messages = bytes[at->messages];

	assert(data[0] == modifies && data[1] == bytes[0]);
	for (size_t i = 2; i < at->digits; i++)
		assert(data[i] == bytes[i]);
	for (size_t i = at->digits + 2; i < at->condition; i++)
		assert(data[i] == bytes[i]);
	check_digits(bytes + at->digits, data + at->digits);
	check_pair(bytes + at->language, data + at->language, swapped);
	assert(data[at->condition] ==
	       (condition && condition < 8 ? condition : 2));
	if (!modifies && (messages == 2 || messages == 3))
		messages = 1;
	assert(data[at->messages] == messages);
}

static void check(const struct layout *at, bool modifies, const uint8_t *bytes,
		  size_t size, struct pin *pin)
{
	static const uint8_t no_block[PIN_PROLOGUE_SIZE], block[] = { 0, 64, 9 };
	size_t count = indexes(modifies, pin->data[at->messages]);
	size_t apdu = at->indexes + count + PIN_PROLOGUE_SIZE;

	assert(pin->apdu_size == size - at->header);
	assert(pin->size == apdu + pin->apdu_size);
	assert(pin->size <= PIN_DATA_MAX);
	assert(pin->wait_s >= 90 && pin->wait_s <= 300);
	check_fixed(at, modifies, bytes, pin->data,
		    is_big_endian(at, bytes, size));
	assert(!memcmp(pin->data + at->indexes, bytes + at->indexes, count));
	assert(!memcmp(pin->data + apdu - 3, no_block, 3));
	pin_set_prologue(pin, block);
	assert(!memcmp(pin->data + at->indexes, bytes + at->indexes, count));
	assert(!memcmp(pin->data + apdu - 3, block, 3));
	assert(!memcmp(pin->data + apdu, bytes + at->header, pin->apdu_size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pin_rules rules;
	const struct layout *at;
	struct pin pin, untouched;
	bool modifies;
	int r;

	if (!size)
		return 0;
	modifies = data[0] & 1;
	at = modifies ? &modify : &verify;
	memset(&pin, 0x5A, sizeof(pin));
	untouched = pin;
	r = pin_parse(modifies ? PIN_MODIFY : PIN_VERIFY, &rules, data + 1,
		      size - 1, &pin);
	assert((r == 0) == is_good(at, data + 1, size - 1));
	if (r == 0) {
		check(at, modifies, data + 1, size - 1, &pin);
		return 0;
	}
	assert(r == -EINVAL);
	assert(!memcmp(&pin, &untouched, sizeof(pin)));
	return 0;
}
