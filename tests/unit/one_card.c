/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "one_card.h"

struct desc desc;
struct params_reader reader;
struct atr atr;
struct params params;

int start_afresh(void **state)
{
	(void)state;
	desc = (struct desc){
		.level = DESC_LEVEL_TPDU,
		.protocols = 3,
		.default_clock = 4000,
		.max_clock = 4000,
		.default_rate = 10752,
		.max_rate = 344086,
	};
	reader = (struct params_reader){ .desc = &desc };
	memset(&params, 0x5A, sizeof(params));
	return 0;
}

void insert(const uint8_t *bytes, size_t size)
{
	assert_int_equal(atr_parse(bytes, size, &atr), 0);
}

void insert_and_check(const uint8_t *bytes, size_t size)
{
	uint8_t whole[ATR_MAX];
	uint8_t sum = 0;

	memcpy(whole, bytes, size);
	for (size_t i = 1; i < size; i++)
		sum ^= bytes[i];
	whole[size] = sum;
	insert(whole, size + 1);
	assert_int_equal(atr.flags & ~(unsigned)ATR_BAD_ORDER, 0);
}

void decide(uint8_t protocol)
{
	assert_int_equal(params_decide(&reader, &atr, protocol, &params), 0);
}

void assert_refused(uint8_t protocol, int error)
{
	struct params before = params;

	assert_int_equal(params_decide(&reader, &atr, protocol, &params),
			 error);
	assert_memory_equal(&params, &before, sizeof(params));
}

void assert_pps(const uint8_t *bytes, size_t size)
{
	assert_true(params.pps);
	assert_int_equal(params.pps_size, size);
	assert_memory_equal(params.pps_bytes, bytes, size);
}

void assert_set(const uint8_t *bytes, size_t size)
{
	assert_true(params.set);
	assert_int_equal(params.set_size, size);
	assert_memory_equal(params.set_bytes, bytes, size);
}

void insert_t1(void)
{
	insert_and_check(BYTES(0x3B, 0x90, 0x95, 0x01));
}

void insert_t0_and_t1(void)
{
	insert_and_check(BYTES(0x3B, 0x90, 0x95, 0x80, 0x01));
}
