/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine and a card that speaks T=1, with a bad line between them. Every
 * exchange gives the right answer or an error, never a wrong answer; a command
 * runs once, and once more for each RESYNCH at most.
 *
 * What the line does to a block, either way:
 *   damaged  one byte changes, or the block is cut, or a byte comes on top; on
 *            the way to us half of these are reported as a parity error
 *   lost     the other side hears nothing
 *   doubled  the card hears a block twice, and only one of its two answers
 *            comes back; or we are given the block before once more, in the
 *            place of the one that the card has sent
 *
 * These are what T=1 can tell. Any EDC finds one changed byte, LEN finds a cut,
 * and one bit of sequence number tells a block from the one before it, not from
 * the one two before it: a half-duplex line holds no more than one block. At
 * character level a changed LEN is left out: parity finds most of them, and
 * what is left is right by chance as often as its EDC is (one in 256).
 *
 * T1_EXCHANGES in the environment or the first argument: how many exchanges
 * with all three faults (a million takes ten seconds); T1_SEED or the second:
 * where chance begins.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t1.h"
#include "t1_card.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define GUARD		0xA5
#define EXCHANGES	100000
#define ALL_EXCHANGES	1000000
#define SENDS_MAX	50000	/* in one exchange */
#define LEN		2

struct line {
	struct t1_card card;
	uint64_t chance;
	unsigned damaged, lost, doubled;	/* percent */
	bool character;
	bool moody;	/* character level: gives less or more than is wanted */
	size_t before_size, waiting_size, waiting_at;
	uint8_t before[T1_CARD_BLOCK_MAX];	/* the last block given to us */
	uint8_t waiting[T1_CARD_BLOCK_MAX + 1];	/* in the reader */
};

struct counts {
	unsigned right, wrong, aborted, errors, resets, resynchs, run_again;
	unsigned long sends;
};

static struct line line;
static struct t1 engine;
static uint8_t command[T1_CARD_COMMAND_MAX];
static uint8_t answer[T1_CARD_ANSWER_MAX + 1];
static uint8_t right[T1_CARD_ANSWER_MAX];
static unsigned exchanges = ALL_EXCHANGES;
static uint64_t seed = 20260101;

static unsigned chance(unsigned limit)
{
	return t1_card_random(&line.chance, limit);
}

static bool happens(unsigned percent)
{
	return chance(100) < percent;
}

static size_t change_byte(uint8_t *bytes, size_t size, bool keeps_len)
{
	size_t at = chance((unsigned)size);

	if (at == LEN && keeps_len)
		at = 0;
	bytes[at] ^= (uint8_t)(1 + chance(255));
	return size;
}

/*
 * bytes has room for one more. Returns the new size, which may be 0. Where bytes
 * are counted (character level) one on top is not noticed and does no damage.
 */
static size_t damage(uint8_t *bytes, size_t size, bool counted)
{
	unsigned kind = chance(4);

	if (kind == 0)
		return chance((unsigned)size);
	if (kind > 1 || counted)
		return change_byte(bytes, size, counted);
	bytes[size] = (uint8_t)chance(256);
	return size + 1;
}

/* A block goes to the card; its answer comes back, as far as the card's end. */
static size_t reach_card(const struct engine_block *block,
			 uint8_t *ret_answer)
{
	uint8_t heard[T1_BLOCK_MAX + 1], first[T1_CARD_BLOCK_MAX];
	size_t size = block->size, first_size;

	assert_in_range(size, 4, T1_BLOCK_MAX);
	memcpy(heard, block->data, size);
	if (happens(line.lost))
		return 0;
	if (happens(line.damaged))
		size = damage(heard, size, false);
	if (!size)
		return 0;
	if (!happens(line.doubled))
		return t1_card_take(&line.card, heard, size, ret_answer);
	first_size = t1_card_take(&line.card, heard, size, first);
	size = t1_card_take(&line.card, heard, size, ret_answer);
	if (chance(2))
		return size;
	memcpy(ret_answer, first, first_size);
	return first_size;
}

static enum engine_event put_waiting(const uint8_t *bytes, size_t size)
{
	memcpy(line.waiting, bytes, size);
	line.waiting_size = size;
	line.waiting_at = 0;
	return size ? ENGINE_ANSWERED : ENGINE_SILENT;
}

static enum engine_event come_back(uint8_t *bytes, size_t size)
{
	if (!size || happens(line.lost))
		return put_waiting(bytes, 0);
	if (happens(line.damaged)) {
		size = damage(bytes, size, line.character);
		return chance(2) ? ENGINE_GARBLED : put_waiting(bytes, size);
	}
	if (line.before_size && happens(line.doubled))
		return put_waiting(line.before, line.before_size);
	memcpy(line.before, bytes, size);
	line.before_size = size;
	return put_waiting(bytes, size);
}

static size_t portion(size_t wanted)
{
	size_t left = line.waiting_size - line.waiting_at;
	size_t size = wanted < left ? wanted : left;

	if (!line.character || (line.moody && happens(5)))
		return left;
	if (line.moody && size > 1 && happens(10))
		return 1 + chance((unsigned)size - 1);
	return size;
}

static void give(size_t wanted, struct engine_reply *ret_reply)
{
	ret_reply->size = portion(wanted);
	ret_reply->data = line.waiting + line.waiting_at;
	line.waiting_at += ret_reply->size;
	if (!ret_reply->size)
		ret_reply->event = ENGINE_SILENT;
}

static void carry(const struct engine_block *block,
		  struct engine_reply *ret_reply)
{
	uint8_t bytes[T1_CARD_BLOCK_MAX + 1];

	*ret_reply = (struct engine_reply){ .event = ENGINE_ANSWERED };
	if (block->size)
		ret_reply->event = come_back(bytes, reach_card(block, bytes));
	if (ret_reply->event == ENGINE_ANSWERED)
		give(block->level_parameter, ret_reply);
}

/* Power up: the ATR comes between, so that nothing old is left on the line. */
static void reset(const struct t1_card_habits *habits,
		  const struct t1_parameters *parameters)
{
	line.before_size = 0;
	line.waiting_size = 0;
	line.character = parameters->character;
	t1_card_reset(&line.card, habits, line.chance);
	assert_int_equal(t1_init(&engine, parameters), 0);
}

/* A card that says nothing to our CRC cannot teach us another. */
static void reset_by_chance(void)
{
	static const uint8_t ifscs[] = { 5, 16, 32, 254 };
	static const uint8_t ifsds[] = { 0, 16, 32, 254 };
	enum t1_card_edc edc = chance(2) ? T1_CARD_LRC : chance(T1_CARD_EDCS);
	const struct t1_card_habits habits = {
		.edc = edc,
		.ifsc = ifscs[chance(ROWS(ifscs))],
		.mute = edc <= T1_CARD_CRC_HIGH && chance(2),
		.repeats = chance(2),
		.wtx = 300, .ifs = 100, .abort = 20,
	};
	const struct t1_parameters parameters = {
		.ifsc = habits.ifsc,
		.ifsd = ifsds[chance(ROWS(ifsds))],
		.crc = edc != T1_CARD_LRC,
		.character = chance(2),
		.message_max = 271,
	};

	line.moody = chance(2);
	reset(&habits, &parameters);
}

static int exchange(size_t size, struct counts *counts)
{
	struct engine_block block;
	struct engine_reply reply;
	int r = t1_start(&engine, command, size, answer, sizeof(answer) - 1,
			 &block);

	for (unsigned sends = 0; r == ENGINE_SEND; sends++) {
		assert_true(sends < SENDS_MAX);
		counts->sends++;
		carry(&block, &reply);
		r = t1_step(&engine, &reply, &block);
	}
	t1_end(&engine);
	counts->resynchs += engine.exchange.resynchs;
	return r;
}

static bool is_right(size_t size)
{
	size_t right_size = t1_card_answer(command, size, right);

	return engine.exchange.received == right_size &&
	       memcmp(answer, right, right_size) == 0 &&
	       answer[right_size] == GUARD;
}

static void count_outcome(int r, size_t size, struct counts *counts)
{
	assert_true(line.card.runs <= 1 + engine.exchange.resynchs);
	assert_int_equal(engine.settled, r == ENGINE_DONE || r == -ECANCELED);
	counts->run_again += line.card.runs > 1;
	if (r == ENGINE_DONE && is_right(size))
		counts->right++;
	else if (r == ENGINE_DONE)
		counts->wrong++;
	else if (r == -ECANCELED)
		counts->aborted++;
	else
		counts->errors++;
	assert_true(r == ENGINE_DONE || r == -ECANCELED || r == -EIO ||
		    r == -ETIMEDOUT || r == -EPROTO);
}

/* data and le: how many bytes go and come. */
static size_t make_command(size_t data, size_t le)
{
	for (size_t i = 0; i < 4 + data; i++)
		command[i] = (uint8_t)chance(256);
	command[0] = 0;
	command[2] = (uint8_t)(le >> 8);
	command[3] = (uint8_t)le;
	return 4 + data;
}

static void exchange_by_chance(struct counts *counts)
{
	size_t data = chance(2u * engine.ifsc + 1);
	size_t size = make_command(data, chance(3u * line.card.ifsd));
	int r;

	memset(answer, GUARD, sizeof(answer));
	line.card.runs = 0;
	r = exchange(size, counts);
	count_outcome(r, size, counts);
	if (!engine.settled || happens(1)) {
		reset_by_chance();
		counts->resets++;
	}
}

static struct counts play(unsigned rounds)
{
	struct counts counts = { 0 };

	line.chance = seed;
	reset_by_chance();
	for (unsigned i = 0; i < rounds; i++)
		exchange_by_chance(&counts);
	printf("# %u%% damaged, %u%% lost, %u%% doubled: %u exchanges, "
	       "%u right, %u wrong, %u errors, %u aborted by the card; "
	       "%u RESYNCH, %u commands run once more, %u resets, "
	       "%lu XfrBlocks\n", line.damaged, line.lost, line.doubled,
	       rounds, counts.right, counts.wrong, counts.errors,
	       counts.aborted, counts.resynchs, counts.run_again,
	       counts.resets, counts.sends);
	assert_int_equal(counts.wrong, 0);
	return counts;
}

static void set_faults(unsigned damaged, unsigned lost, unsigned doubled)
{
	line.damaged = damaged;
	line.lost = lost;
	line.doubled = doubled;
}

static void a_good_line_makes_no_errors(void **state)
{
	struct counts counts;

	(void)state;
	set_faults(0, 0, 0);
	counts = play(EXCHANGES / 5);
	assert_int_equal(counts.errors, 0);
	assert_int_equal(counts.resynchs, 0);
}

static void damaged_blocks_never_make_a_wrong_answer(void **state)
{
	(void)state;
	set_faults(10, 0, 0);
	assert_true(play(EXCHANGES / 5).right > EXCHANGES / 6);
}

static void lost_blocks_never_make_a_wrong_answer(void **state)
{
	(void)state;
	set_faults(0, 10, 0);
	assert_true(play(EXCHANGES / 5).right > EXCHANGES / 6);
}

static void doubled_blocks_never_make_a_wrong_answer(void **state)
{
	(void)state;
	set_faults(0, 0, 10);
	assert_true(play(EXCHANGES / 5).right > EXCHANGES / 6);
}

static void a_line_with_all_faults_never_makes_a_wrong_answer(void **state)
{
	(void)state;
	set_faults(10, 10, 10);
	assert_true(play(exchanges).right > exchanges / 2);
}

static void hardly_any_error_reaches_the_caller_of_a_fair_line(void **state)
{
	struct counts counts;

	(void)state;
	set_faults(1, 1, 0);
	counts = play(EXCHANGES / 5);
	assert_true(counts.errors < EXCHANGES / 500);
}

#define LARGEST		65534

/* Returns how many XfrBlocks it took to send data bytes and get le bytes. */
static unsigned long blocks_of(bool character, uint8_t ifsd, size_t data,
			       size_t le)
{
	const struct t1_card_habits habits = { .ifsc = 254 };
	const struct t1_parameters parameters = {
		.ifsc = 254, .ifsd = ifsd, .character = character,
		.message_max = 271,
	};
	struct counts counts = { 0 };
	size_t size;

	set_faults(0, 0, 0);
	line.chance = seed;
	line.moody = false;
	reset(&habits, &parameters);
	size = make_command(data, le);
	memset(answer, GUARD, sizeof(answer));
	assert_int_equal(exchange(size, &counts), ENGINE_DONE);
	assert_true(is_right(size));
	return counts.sends;
}

static void sixty_four_kilobytes_take_few_blocks(void **state)
{
	static const struct {
		bool character;
		uint8_t ifsd;
		size_t data, le;
		unsigned long least, most;
	} rows[] = {
		{ false, 254, 0, LARGEST, 260, 260 },
		{ false, 254, LARGEST, 0, 260, 260 },
		{ false, 0, 0, LARGEST, 2048, 2048 },
		{ true, 254, 0, LARGEST, 520, 520 },
		{ true, 254, LARGEST, 0, 262, 262 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_in_range(blocks_of(rows[i].character, rows[i].ifsd,
					  rows[i].data, rows[i].le),
				rows[i].least, rows[i].most);
}

static void take_settings(int argc, char **argv)
{
	const char *count = argc > 1 ? argv[1] : getenv("T1_EXCHANGES");
	const char *start = argc > 2 ? argv[2] : getenv("T1_SEED");

	if (count)
		exchanges = (unsigned)strtoul(count, NULL, 10);
	if (start)
		seed = strtoull(start, NULL, 0) | 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_line_makes_no_errors),
		cmocka_unit_test(damaged_blocks_never_make_a_wrong_answer),
		cmocka_unit_test(lost_blocks_never_make_a_wrong_answer),
		cmocka_unit_test(doubled_blocks_never_make_a_wrong_answer),
		cmocka_unit_test(
			a_line_with_all_faults_never_makes_a_wrong_answer),
		cmocka_unit_test(
			hardly_any_error_reaches_the_caller_of_a_fair_line),
		cmocka_unit_test(sixty_four_kilobytes_take_few_blocks),
	};

	take_settings(argc, argv);
	return cmocka_run_group_tests_name("t1_line", tests, NULL, NULL);
}
