/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The input is an ATR, a reader that has to make something of it, and what the
 * card answers to a PPS; numbers are little endian, and 0 where the input has
 * ended.
 *
 *   1 byte    size of the ATR, then the ATR
 *   1 byte    bits 0-1: level, bit 2: no PPS
 *   4 bytes   dwFeatures
 *   1 byte    dwProtocols
 *   4 x 4     default clock, default rate, highest rate, cap on the rate
 *   1 byte    bits 0-3: rates in the list, bits 4-7: clocks; then 4 bytes each
 *   all else  the answer to the PPS, and once more a list as the reader tells
 *             it, of which the first byte promises how long it is
 *
 * All that is promised of the results is checked, whatever the input.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "params.h"

#define LIST_MAX	15

struct input {
	const uint8_t *at;
	size_t left;
};

struct setup {
	struct desc desc;
	uint32_t rates[LIST_MAX], clocks[LIST_MAX];
	struct params_reader reader;
	struct atr atr;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t take(struct input *input, unsigned bytes)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < bytes && input->left; i++) {
		value |= (uint32_t)*input->at++ << 8 * i;
		input->left--;
	}
	return value;
}

static void check_historical(const struct atr *atr, const uint8_t *bytes,
			     size_t size)
{
	size_t offset = (size_t)(atr->historical - bytes);

	assert(offset >= 2 && offset <= size && offset <= ATR_MAX);
	assert(atr->historical_size <= 15);
	assert(atr->historical_size <= size - offset);
	if (atr->tck)
		assert(offset + atr->historical_size < size);
	assert(atr->tck || !(atr->flags & ATR_BAD_TCK));
	if (!(atr->flags & (ATR_CUT_INTERFACE | ATR_CUT_HISTORICAL)))
		assert(atr->historical_size == (bytes[1] & 15));
}

static void check_atr(const struct atr *atr)
{
	unsigned seen = 0;

	assert(atr->protocol_count >= 1);
	assert(atr->protocol_count <= ATR_PROTOCOLS_MAX);
	for (unsigned i = 0; i < atr->protocol_count; i++) {
		assert(atr->protocols[i] < 15);
		assert(!(seen >> atr->protocols[i] & 1));
		seen |= 1u << atr->protocols[i];
		assert(atr_offers(atr, atr->protocols[i]));
	}
	assert(atr_f(atr->fidi) >= 372 && atr_f(atr->fidi) <= 2048);
	assert(atr_d(atr->fidi) >= 1 && atr_d(atr->fidi) <= 64);
	assert(atr->wi >= 1);
	assert(atr->ifsc >= 1 && atr->ifsc <= 254);
	assert(atr->bwi <= 9 && atr->cwi <= 15);
	assert(atr->clock_stop <= 3 && atr->classes <= 7);
	assert(atr->specific || !atr->changeable);
	assert(atr->specific || !atr->implicit);
}

/* In memory of its own size; the view is checked before that goes. */
static bool parse(struct input *input, struct atr *ret_atr)
{
	size_t size = take(input, 1);
	uint8_t *bytes = calloc(size ? size : 1, 1);
	int r;

	assert(bytes);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)take(input, 1);
	r = atr_parse(bytes, size, ret_atr);
	assert(r == (size < 2 ? -EINVAL : 0));
	if (r == 0) {
		check_atr(ret_atr);
		check_historical(ret_atr, bytes, size);
		assert(!(ret_atr->flags & ATR_TOO_LONG) == (size <= ATR_MAX));
	}
	free(bytes);
	return r == 0;
}

static void take_reader(struct input *input, struct setup *setup)
{
	uint32_t kind = take(input, 1), lists;

	setup->desc.level = (enum desc_level)(kind & 3);
	setup->desc.features = take(input, 4);
	setup->desc.protocols = take(input, 1);
	setup->desc.default_clock = take(input, 4) % (DESC_CLOCK_MAX + 1);
	setup->desc.default_rate = take(input, 4) % (DESC_RATE_MAX + 1);
	setup->desc.max_rate = take(input, 4) % (DESC_RATE_MAX + 1);
	setup->reader = (struct params_reader){
		.desc = &setup->desc,
		.rates = setup->rates,
		.clocks = setup->clocks,
		.rate_cap = take(input, 4),
		.no_pps = kind & 4,
	};
	lists = take(input, 1);
	setup->reader.rate_count = lists & 15;
	setup->reader.clock_count = lists >> 4;
	for (size_t i = 0; i < setup->reader.rate_count; i++)
		setup->rates[i] = take(input, 4);
	for (size_t i = 0; i < setup->reader.clock_count; i++)
		setup->clocks[i] = take(input, 4);
}

static void check_times(const struct times *times)
{
	static const uint32_t caps[] = { 1, 5000, UINT32_MAX };

	assert(times->clock >= TIMES_CLOCK_MIN);
	assert(times->clock <= TIMES_CLOCK_MAX);
	assert(times->character_us && times->wwt_ms);
	assert(times->bwt_ms && times->cwt_ms);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t least = caps[i] < 1000 ? caps[i] : 1000;
		uint32_t most = caps[i] < TIMES_MAX_MS ? caps[i] : TIMES_MAX_MS;
		uint32_t told[] = {
			times_atr_ms(times->clock, caps[i]),
			times_t0_ms(times, 260, 259, caps[i]),
			times_t1_ms(times, 255, 259, 259, caps[i]),
			times_apdu_ms(times, 65544, 65538, caps[i]),
		};

		for (unsigned j = 0; j < 4; j++)
			assert(told[j] >= least && told[j] <= most);
	}
}

static void check_pps(const struct params *params)
{
	uint8_t sum = 0;

	assert(params->pps_size == (params->fidi == 0x11 ? 3 : 4));
	for (size_t i = 0; i < params->pps_size; i++)
		sum ^= params->pps_bytes[i];
	assert(sum == 0);
	assert(params_pps_missing(params->pps_bytes, params->pps_size) == 0);
	assert(params_check_pps(params, params->pps_bytes, params->pps_size) ==
	       PARAMS_PPS_AGREED);
}

/* rate of a > rate of b, without rounding */
static bool faster(uint8_t a, uint8_t b)
{
	return (uint32_t)atr_d(a) * atr_f(b) > (uint32_t)atr_d(b) * atr_f(a);
}

static void check_params(const struct params *params, const struct atr *atr)
{
	assert(params->set_bytes[0] == params->fidi);
	assert(params->set_size == (params->protocol ? 7 : 5));
	if (params->specific)
		assert(params->fidi == atr->fidi && !params->pps);
	else if (params->fidi != 0x11)
		assert(faster(params->fidi, 0x11) &&
		       !faster(params->fidi, atr->fidi));
	if (params->pps)
		assert(!params->first || params->fidi != 0x11);
	check_pps(params);
	check_times(&params->times);
}

static void check_slow_down(struct params *params, const struct atr *atr)
{
	bool slower = !params->specific && params->fidi != 0x11;

	assert(params_slow_down(params) == (slower ? 0 : -ENOTSUP));
	assert(params->specific || params->fidi == 0x11);
	check_params(params, atr);
	assert(params_slow_down(params) == -ENOTSUP);
}

static void check_answer(const struct params *params, const struct input *input)
{
	size_t missing = params_pps_missing(input->at, input->left);
	enum params_pps outcome = params_check_pps(params, input->at,
						   input->left);

	assert(missing <= PARAMS_PPS_MAX);
	if (outcome == PARAMS_PPS_DEFAULT)
		assert(input->left == 3 && params->fidi != 0x11);
	if (outcome != PARAMS_PPS_FAILED)
		assert(!missing && input->at[1] % 16 == params->protocol);
}

static void decide(struct setup *setup, uint8_t protocol, struct input *input)
{
	struct params params;
	int r = params_decide(&setup->reader, &setup->atr, protocol, &params);

	if (r < 0) {
		assert(r == -EPROTONOSUPPORT || r == -EIO);
		return;
	}
	assert(protocol <= 1 && params.protocol == protocol);
	check_params(&params, &setup->atr);
	check_answer(&params, input);
	check_slow_down(&params, &setup->atr);
}

static void check_list(const uint8_t *raw, size_t size)
{
	uint32_t list[PARAMS_LIST_MAX];
	size_t count = size ? params_list(raw + 1, size - 1, raw[0], list) : 0;

	assert(!count || (count == raw[0] && size - 1 == 4 * count));
	for (size_t i = 0; i < count; i++)
		assert((uint8_t)list[i] == raw[1 + 4 * i]);
}

static void check_voltages(struct desc *desc, const struct atr *atr)
{
	uint8_t order[PARAMS_VOLTAGES_MAX];
	size_t count;
	unsigned seen = 0;

	desc->voltages = desc->protocols & 7;
	count = params_voltages(desc, atr->fidi & PARAMS_FIRST_READER,
				atr->classes, order);
	assert(count <= PARAMS_VOLTAGES_MAX && (count || atr->classes));
	for (size_t i = 0; i < count; i++) {
		assert(order[i] <= 3 && !(seen >> order[i] & 1));
		seen |= 1u << order[i];
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct setup setup = { .desc.slots = 1 };

	if (!parse(&input, &setup.atr))
		return 0;
	take_reader(&input, &setup);
	for (uint8_t protocol = 0; protocol < 3; protocol++)
		decide(&setup, protocol, &input);
	check_list(input.at, input.left);
	check_voltages(&setup.desc, &setup.atr);
	return 0;
}
