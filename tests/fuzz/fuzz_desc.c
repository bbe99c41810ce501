/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first byte is the interface class, the others are the extra bytes behind
 * the interface descriptor.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "desc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ranges(const struct desc *desc)
{
	assert(desc->slots >= 1 && desc->slots <= DESC_SLOTS_MAX);
	assert(desc->busy_slots >= 1 && desc->busy_slots <= desc->slots);
	assert(desc->voltages <= 7);
	assert(desc->level <= DESC_LEVEL_EXTENDED_APDU);
	assert(desc->protocols <= 3);
	assert(desc->default_clock <= desc->max_clock);
	assert(desc->max_clock <= DESC_CLOCK_MAX);
	assert(desc->default_rate <= desc->max_rate);
	assert(desc->max_rate <= DESC_RATE_MAX);
	assert(desc->max_ifsd >= 32 && desc->max_ifsd <= 254);
	assert(desc->synch_protocols <= 7);
	assert(desc->mechanical <= 15);
	assert(desc->max_message >= DESC_MESSAGE_MIN);
	assert(desc->max_message <= DESC_MESSAGE_MAX);
	assert(desc->pin_support <= 3);
}

static void check_parse(const uint8_t *raw, size_t size)
{
	struct desc desc, untouched;
	int r;

	memset(&desc, 0x5A, sizeof(desc));
	untouched = desc;
	r = desc_parse(raw, size, &desc);
	if (r == 0) {
		assert(size == DESC_SIZE);
		check_ranges(&desc);
		return;
	}
	assert(r == -EINVAL || r == -EPROTO);
	assert(memcmp(&desc, &untouched, sizeof(desc)) == 0);
}

static void check_find(uint8_t class, const uint8_t *extra, size_t size)
{
	const uint8_t *found = desc_find(extra, size);

	if (found) {
		assert(found >= extra);
		assert((size_t)(found - extra) <= size - DESC_SIZE);
		assert(found[0] == DESC_SIZE);
		check_parse(found, DESC_SIZE);
	}
	if (desc_is_reader(class, found))
		assert(class == 0x0B || (class == 0xFF && found));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	check_find(data[0], data + 1, size - 1);
	check_parse(data + 1, size - 1);
	return 0;
}
