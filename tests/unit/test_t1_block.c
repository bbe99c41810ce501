/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "t1_block.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

static const unsigned crcs[] = {
	T1_CRC_HIGH, T1_CRC_LOW, T1_CRC_X25, T1_CRC_ARC,
};

static const unsigned kinds[] = {
	T1_LRC, T1_CRC_HIGH, T1_CRC_LOW, T1_CRC_X25, T1_CRC_ARC,
};

static uint8_t pattern[T1_INF_MAX + 2];

static int fill_pattern(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 7 + 3);
	return 0;
}

/* In memory of exactly its size: a look beyond is seen by a sanitizer. */
static int parse(const uint8_t *bytes, size_t size, unsigned set,
		 struct t1_block *ret_block)
{
	uint8_t *copy = malloc(size ? size : 1);
	int r;

	assert_non_null(copy);
	if (size)
		memcpy(copy, bytes, size);
	r = t1_block_parse(copy, size, set, ret_block);
	if (r == 0 && ret_block->inf_size)
		assert_memory_equal(ret_block->inf, bytes + 3,
				    ret_block->inf_size);
	free(copy);
	return r;
}

static void assert_refused(const uint8_t *bytes, size_t size, unsigned set,
			   int error)
{
	struct t1_block block, before;

	memset(&block, 0x5A, sizeof(block));
	before = block;
	assert_int_equal(parse(bytes, size, set, &block), error);
	assert_memory_equal(&block, &before, sizeof(block));
}

static void blocks_carry_the_known_checks(void **state)
{
	static const struct {
		uint8_t pcb;
		size_t inf_size;
		uint8_t inf[5];
		unsigned kind;
		uint8_t edc[2];
	} rows[] = {
		{ 0xC1, 1, { 0xFE }, T1_LRC, { 0x3E } },
		{ 0xC1, 1, { 0xFE }, T1_CRC_HIGH, { 0x54, 0x4E } },
		{ 0xC1, 1, { 0xFE }, T1_CRC_LOW, { 0x4E, 0x54 } },
		{ 0xC1, 1, { 0xFE }, T1_CRC_X25, { 0xB1, 0xAB } },
		{ 0xC1, 1, { 0xFE }, T1_CRC_ARC, { 0xEC, 0xD1 } },
		{ 0xE1, 1, { 0xFE }, T1_LRC, { 0x1E } },
		{ 0xE1, 1, { 0xFE }, T1_CRC_HIGH, { 0x57, 0x75 } },
		{ 0x00, 5, { 0x00, 0xA4 }, T1_LRC, { 0xA1 } },
		{ 0x00, 5, { 0x00, 0xA4 }, T1_CRC_HIGH, { 0xB8, 0xDA } },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint8_t block[T1_BLOCK_MAX];
		size_t edc = t1_edc_size(rows[i].kind);
		size_t size = t1_block_build(block, rows[i].kind, rows[i].pcb,
					     rows[i].inf, rows[i].inf_size);

		assert_int_equal(size, 3 + rows[i].inf_size + edc);
		assert_int_equal(block[0], 0);
		assert_int_equal(block[1], rows[i].pcb);
		assert_int_equal(block[2], rows[i].inf_size);
		assert_memory_equal(block + size - edc, rows[i].edc, edc);
	}
}

static void what_is_built_is_taken_apart_again(void **state)
{
	(void)state;
	for (size_t k = 0; k < ROWS(kinds); k++)
		for (size_t n = 0; n <= T1_INF_MAX; n++) {
			uint8_t bytes[T1_BLOCK_MAX];
			size_t size = t1_block_build(bytes, kinds[k], 0x60,
						     pattern, n);
			struct t1_block block;

			assert_int_equal(parse(bytes, size, kinds[k], &block),
					 0);
			assert_int_equal(block.type, T1_I);
			assert_int_equal(block.number, 1);
			assert_true(block.more);
			assert_int_equal(block.inf_size, n);
			assert_int_equal(block.kinds, kinds[k]);
		}
}

static void no_more_than_254_bytes_go_into_a_block(void **state)
{
	uint8_t bytes[T1_BLOCK_MAX];

	(void)state;
	assert_int_equal(t1_block_build(bytes, T1_LRC, 0, pattern,
					T1_INF_MAX + 1), 3 + T1_INF_MAX + 1);
	assert_int_equal(bytes[2], T1_INF_MAX);
}

/* The type of a block that a card may send, -1 for others. */
static int type_of(unsigned pcb, size_t inf_size)
{
	if ((pcb & 0x9F) == 0)
		return T1_I;
	if (inf_size == 0 && (pcb & 0xEC) == 0x80 && (pcb & 3) != 3)
		return T1_R;
	if (inf_size == 0 && pcb == 0xE0)
		return T1_RESYNCH_RESPONSE;
	if (inf_size == 0 && pcb == 0xC2)
		return T1_ABORT_REQUEST;
	if (inf_size != 1)
		return -1;
	if (pcb == 0xC1)
		return T1_IFS_REQUEST;
	if (pcb == 0xE1)
		return T1_IFS_RESPONSE;
	return pcb == 0xC3 ? T1_WTX_REQUEST : -1;
}

static void check_pcb(uint8_t pcb, size_t inf_size, unsigned kind)
{
	uint8_t bytes[T1_BLOCK_MAX];
	size_t size = t1_block_build(bytes, kind, pcb, pattern, inf_size);
	int type = type_of(pcb, inf_size);
	struct t1_block block;

	if (type < 0) {
		assert_refused(bytes, size, kind, -EPROTO);
		return;
	}
	assert_int_equal(parse(bytes, size, kind, &block), 0);
	assert_int_equal(block.type, type);
	if (type == T1_I)
		assert_int_equal(block.number, pcb >> 6 & 1);
	if (type == T1_R)
		assert_int_equal(block.number, pcb >> 4 & 1);
	assert_int_equal(block.more, type == T1_I && (pcb & 0x20));
}

static void every_pcb_is_known_or_refused(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 254 };

	(void)state;
	for (unsigned pcb = 0; pcb < 256; pcb++)
		for (size_t i = 0; i < ROWS(sizes); i++)
			for (size_t k = 0; k < ROWS(kinds); k++)
				check_pcb((uint8_t)pcb, sizes[i], kinds[k]);
}

static void ifs_is_1_to_254_and_wtx_1_to_255(void **state)
{
	static const uint8_t pcbs[] = { 0xC1, 0xE1, 0xC3 };

	(void)state;
	for (size_t i = 0; i < ROWS(pcbs); i++)
		for (unsigned value = 0; value < 256; value++) {
			uint8_t bytes[T1_BLOCK_MAX], inf = (uint8_t)value;
			size_t size = t1_block_build(bytes, T1_LRC, pcbs[i],
						     &inf, 1);
			unsigned most = pcbs[i] == 0xC3 ? 255 : 254;
			struct t1_block block;

			if (value && value <= most)
				assert_int_equal(parse(bytes, size, T1_LRC,
						       &block), 0);
			else
				assert_refused(bytes, size, T1_LRC, -EPROTO);
		}
}

static void every_nad_but_0_is_refused(void **state)
{
	(void)state;
	for (unsigned nad = 1; nad < 256; nad++) {
		uint8_t bytes[T1_BLOCK_MAX];
		size_t size = t1_block_build(bytes, T1_LRC, 0, pattern, 4);

		bytes[0] = (uint8_t)nad;
		bytes[size - 1] ^= (uint8_t)nad;
		assert_refused(bytes, size, T1_LRC, -EPROTO);
	}
}

static void a_block_of_any_other_length_than_len_says_is_refused(void **state)
{
	uint8_t bytes[T1_BLOCK_MAX + 10] = { 0 };

	(void)state;
	for (size_t k = 0; k < ROWS(kinds); k++) {
		size_t size = t1_block_build(bytes, kinds[k], 0, pattern, 20);

		for (size_t cut = 0; cut < sizeof(bytes); cut++)
			if (cut != size)
				assert_refused(bytes, cut, kinds[k], -EPROTO);
	}
}

static void a_len_of_255_is_refused(void **state)
{
	uint8_t bytes[T1_PROLOGUE_SIZE + 255 + 1] = { 0, 0, 255 };

	(void)state;
	bytes[sizeof(bytes) - 1] = 255;	/* the right LRC */
	assert_refused(bytes, sizeof(bytes), T1_LRC, -EPROTO);
	for (size_t size = 0; size < sizeof(bytes); size++)
		assert_refused(bytes, size, T1_LRC, -EPROTO);
}

static void one_changed_byte_is_always_found(void **state)
{
	(void)state;
	for (size_t k = 0; k < ROWS(kinds); k++)
		for (unsigned change = 1; change < 256; change++)
			for (size_t at = 0; at < 10; at++) {
				uint8_t bytes[T1_BLOCK_MAX];
				size_t size = t1_block_build(bytes, kinds[k],
							     0x40, pattern, 5);

				bytes[at % size] ^= (uint8_t)change;
				assert_refused(bytes, size, kinds[k],
					       at % size == 2 ? -EPROTO :
								-EBADMSG);
			}
}

static void a_block_tells_its_kind_of_crc(void **state)
{
	(void)state;
	for (size_t k = 0; k < ROWS(crcs); k++) {
		uint8_t bytes[T1_BLOCK_MAX];
		size_t size = t1_block_build(bytes, crcs[k], 0xE1, pattern, 1);
		struct t1_block block;

		assert_int_equal(parse(bytes, size, T1_CRC, &block), 0);
		assert_int_equal(block.kinds, crcs[k]);
		assert_refused(bytes, size, T1_CRC & ~crcs[k], -EBADMSG);
	}
}

/* Two equal bytes read the same both ways, so the block leaves two kinds. */
static void a_block_may_leave_more_than_one_kind_open(void **state)
{
	unsigned found = 0;

	(void)state;
	for (unsigned value = 0; value < 65536; value++) {
		const uint8_t inf[] = { (uint8_t)value, (uint8_t)(value >> 8) };
		uint8_t bytes[T1_BLOCK_MAX];
		size_t size = t1_block_build(bytes, T1_CRC_LOW, 0, inf, 2);
		struct t1_block block;

		if (bytes[size - 1] != bytes[size - 2])
			continue;
		assert_int_equal(parse(bytes, size, T1_CRC, &block), 0);
		assert_int_equal(block.kinds & ~T1_CRC_ARC,
				 T1_CRC_HIGH | T1_CRC_LOW);
		found++;
	}
	assert_int_equal(found, 256);
}

static void a_set_of_kinds_sends_its_lowest(void **state)
{
	uint8_t one[T1_BLOCK_MAX], other[T1_BLOCK_MAX];

	(void)state;
	for (size_t k = 0; k < ROWS(crcs); k++) {
		unsigned set = T1_CRC & ~(crcs[k] - 1);
		size_t size = t1_block_build(one, set, 0, pattern, 9);

		assert_int_equal(t1_block_build(other, crcs[k], 0, pattern, 9),
				 size);
		assert_memory_equal(one, other, size);
	}
}

static void the_prologue_tells_how_much_is_missing(void **state)
{
	static const uint8_t bytes[T1_BLOCK_MAX + 1] = { 0, 0, 10 };
	static const uint8_t none[T1_BLOCK_MAX + 1] = { 0, 0, 255 };
	static const uint8_t most[T1_BLOCK_MAX + 1] = { 0, 0, 254 };

	(void)state;
	for (size_t size = 0; size < 3; size++) {
		assert_int_equal(t1_block_missing(bytes, size, T1_LRC),
				 4 - size);
		assert_int_equal(t1_block_missing(bytes, size, T1_CRC),
				 5 - size);
	}
	for (size_t size = 3; size < 14; size++)
		assert_int_equal(t1_block_missing(bytes, size, T1_LRC),
				 14 - size);
	assert_int_equal(t1_block_missing(bytes, 14, T1_LRC), 0);
	assert_int_equal(t1_block_missing(bytes, 200, T1_LRC), 0);
	assert_int_equal(t1_block_missing(bytes, 14, T1_CRC), 1);
	assert_int_equal(t1_block_missing(most, 5, T1_CRC), 254);
	assert_int_equal(t1_block_missing(none, 4, T1_LRC), 0);
}

#define test(name)	cmocka_unit_test_setup(name, fill_pattern)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(blocks_carry_the_known_checks),
		test(what_is_built_is_taken_apart_again),
		test(no_more_than_254_bytes_go_into_a_block),
		test(every_pcb_is_known_or_refused),
		test(ifs_is_1_to_254_and_wtx_1_to_255),
		test(every_nad_but_0_is_refused),
		test(a_block_of_any_other_length_than_len_says_is_refused),
		test(a_len_of_255_is_refused),
		test(one_changed_byte_is_always_found),
		test(a_block_tells_its_kind_of_crc),
		test(a_block_may_leave_more_than_one_kind_open),
		test(a_set_of_kinds_sends_its_lowest),
		test(the_prologue_tells_how_much_is_missing),
	};

	return cmocka_run_group_tests_name("t1_block", tests, NULL, NULL);
}
