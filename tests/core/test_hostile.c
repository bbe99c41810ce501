/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that say whatever they like: in their class descriptors, on the bulk
 * and on the interrupt pipe. Every call ends within its bound, nothing is left
 * over, and a device that comes to its senses works.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "fixture.h"
#include "foul.h"
#include "lun.h"
#include "session.h"

/* Offsets in the class descriptor */
#define MAX_SLOT_INDEX	4
#define MAX_MESSAGE	44
#define BUSY_SLOTS	53

#define ROUNDS		300
#define SLOTS		4
#define LONG_ROUNDS	20000	/* with an argument: "long" */
#define CALL_MAX_MS	700000	/* a transmit with its time extensions */

static unsigned rounds = ROUNDS;
static uint64_t state_of_dice;

static unsigned dice(unsigned n)
{
	state_of_dice ^= state_of_dice >> 12;
	state_of_dice ^= state_of_dice << 25;
	state_of_dice ^= state_of_dice >> 27;
	return (unsigned)((state_of_dice * 0x2545F4914F6CDD1Du >> 33) % n);
}

static bool one_in(unsigned n)
{
	return dice(n) == 0;
}

static uint8_t any_byte(void)
{
	return (uint8_t)dice(256);
}

/* --- class descriptors */

static uint8_t *descriptor(void)
{
	return fixture.device.script.info.descriptor;
}

static bool is_over_clean(const struct session_run *run)
{
	return fixture.device.script.opens == 0 &&
	       fixture.device.script.transfers == 0 &&
	       run->longest_ms <= CALL_MAX_MS && !lun_get(SESSION_LUN);
}

/* Refused as nonsense, or used. What the cards make of it is another matter. */
static void assert_survived(const char *what, unsigned k)
{
	struct session_run run = { .level = &session_levels[0], .foul = true };

	session_run(&run);
	if (!is_over_clean(&run))
		print_message("# %s %u: open %d, %s took %llu ms\n", what, k,
			      run.opened, run.longest,
			      (unsigned long long)run.longest_ms);
	assert_true(is_over_clean(&run));
}

static void fill(uint8_t byte)
{
	memset(descriptor() + 2, byte, DESC_SIZE - 2);
}

static void a_descriptor_full_of_anything_is_survived(void **state)
{
	uint8_t good[DESC_SIZE];

	(void)state;
	memcpy(good, descriptor(), DESC_SIZE);
	for (unsigned byte = 0; byte < 256; byte++) {
		fill((uint8_t)byte);
		assert_survived("full of", byte);
	}
	memset(descriptor(), 0xFF, DESC_SIZE);
	assert_survived("all of", 0xFF);
	for (unsigned i = 0; i < DESC_SIZE; i++) {
		memcpy(descriptor(), good, DESC_SIZE);
		descriptor()[i] = 0xFF;
		assert_survived("FF at", i);
		descriptor()[i] = 0x00;
		assert_survived("00 at", i);
	}
	for (unsigned i = 0; i < rounds; i++) {
		state_of_dice = i + 1;
		for (unsigned j = 2; j < DESC_SIZE; j++)
			descriptor()[j] = one_in(3) ? any_byte() : good[j];
		assert_survived("seed", i);
	}
}

static const struct {
	unsigned max_slot_index;
	uint8_t busy_slots;
	unsigned slots;		/* that are offered */
} slot_counts[] = {
	{ 0, 0, 1 },
	{ 0, 255, 1 },
	{ 15, 16, 16 },
	{ 16, 17, 16 },		/* 17 slots */
	{ 254, 255, 16 },	/* 255 */
	{ 255, 255, 16 },	/* 256 */
	{ 255, 0, 16 },
};

static void slots_beyond_the_sixteenth_are_not_offered(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(slot_counts) / sizeof(slot_counts[0]);
	     i++) {
		descriptor()[MAX_SLOT_INDEX] =
			(uint8_t)slot_counts[i].max_slot_index;
		descriptor()[BUSY_SLOTS] = slot_counts[i].busy_slots;
		fixture.device.slots = slot_counts[i].slots;
		fixture_open();
		assert_int_equal(fixture.reader->desc.slots,
				 slot_counts[i].slots);
		assert_int_equal(reader_open_slot(fixture.reader,
						  slot_counts[i].slots),
				 -ENOENT);
		assert_int_equal(reader_open_slot(fixture.reader, ~0u),
				 -ENOENT);
		fixture_close();
	}
}

static const struct {
	uint32_t size;
	int opens;
} message_sizes[] = {
	{ 0, -EPROTO },
	{ 1, -EPROTO },
	{ 9, -EPROTO },
	{ 10, -EPROTO },
	{ 15, 0 },
	{ 255, 0 },
	{ 0x10016, 0 },
	{ 0x7FFFFFFF, 0 },
	{ 0xFFFFFFFF, 0 },
};

static void messages_of_any_size_are_refused_or_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(message_sizes) / sizeof(message_sizes[0]);
	     i++) {
		int r;

		device_set_message(&fixture.device, message_sizes[i].size);
		r = reader_open(device_name(&fixture.device), &fixture.reader);
		assert_int_equal(r, message_sizes[i].opens);
		if (r < 0)
			continue;
		assert_true(fixture.reader->desc.max_message <=
			    DESC_MESSAGE_MAX);
		fixture_close();
		assert_survived("message size", message_sizes[i].size);
	}
}

/* --- what comes through the pipes */

static uint64_t seed;

static void turn_hostile(void)
{
	script_lock(&fixture.device.script);
	foul_begin(&fixture.device, seed);
	script_unlock(&fixture.device.script);
}

/* It may have denied its card, and been believed: so that is put in anew. */
static void come_to_its_senses(void)
{
	script_lock(&fixture.device.script);
	foul_end(&fixture.device);
	script_unlock(&fixture.device.script);
	device_remove(&fixture.device, 0);
	device_insert(&fixture.device, 0, SESSION_SERIAL);
}

static void whatever_a_reader_says_no_call_hangs(void **state)
{
	unsigned cured = 0, gone = 0;

	(void)state;
	for (unsigned i = 0; i < rounds; i++) {
		const struct session_level *level = 
			&session_levels[i % SESSION_LEVELS];
		struct session_run run = {
			.level = level,
			.foul = true,
			.before = turn_hostile,
			.after = come_to_its_senses,
		};

		seed = i + 1;
		session_set_level(level);
		session_run(&run);
		if (!is_over_clean(&run) || (!run.cured && !run.opened))
			print_message("# seed %u: open %d, %s took %llu ms%s\n",
				      i, run.opened, run.longest,
				      (unsigned long long)run.longest_ms,
				      run.cured ? "" : ", not cured");
		assert_true(is_over_clean(&run));
		assert_true(run.cured || run.opened == -ENODEV);
		cured += run.cured;
		gone += !run.cured;
	}
	print_message("# %u came to their senses, %u were given up\n", cured,
		      gone);
	assert_true(cured > rounds / 4);
}

/* --- several slots at a time */

static unsigned users;

static void turn_hostile_once(void)
{
	script_lock(&fixture.device.script);
	if (users++ == 0)
		foul_begin(&fixture.device, seed);
	script_unlock(&fixture.device.script);
}

/* With the last of those who use it. */
static void come_to_its_senses_in_the_end(void)
{
	script_lock(&fixture.device.script);
	if (--users == 0)
		foul_end(&fixture.device);
	script_unlock(&fixture.device.script);
}

static bool are_over_clean(const struct session_run *run, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (run[i].longest_ms > CALL_MAX_MS ||
		    lun_get(SESSION_LUN + i))
			return false;
	return fixture.device.script.opens == 0 &&
	       fixture.device.script.transfers == 0;
}

/* Now and then it is unplugged in the middle of it all. */
static void whatever_a_reader_says_no_slot_hangs(void **state)
{
	(void)state;
	for (unsigned i = 0; i < rounds; i++) {
		struct session_run run[SLOTS] = { 0 };
		unsigned at_once = 1 + i / 2 % SLOTS;

		seed = i + 1;
		users = 0;
		session_set_level(&session_levels[i % SESSION_LEVELS]);
		device_set_slots(&fixture.device, SLOTS, at_once);
		fixture.device.script.unplugged = false;
		fixture.device.script.unplug_in = i % 5 ? 0 : 50 + i % 400;
		for (unsigned k = 0; k < SLOTS; k++) {
			run[k].level = &session_levels[i % SESSION_LEVELS];
			run[k].slot = k;
			run[k].foul = true;
			run[k].before = turn_hostile_once;
			run[k].after = come_to_its_senses_in_the_end;
		}
		session_run_all(run, SLOTS);
		script_lock(&fixture.device.script);
		foul_end(&fixture.device);
		script_unlock(&fixture.device.script);
		if (!are_over_clean(run, SLOTS))
			print_message("# seed %u\n", i);
		assert_true(are_over_clean(run, SLOTS));
	}
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_plug, fixture_discard)
		TEST(a_descriptor_full_of_anything_is_survived),
		TEST(slots_beyond_the_sixteenth_are_not_offered),
		TEST(messages_of_any_size_are_refused_or_bounded),
		TEST(whatever_a_reader_says_no_call_hangs),
		TEST(whatever_a_reader_says_no_slot_hangs),
	};

	if (argc > 1 && strcmp(argv[1], "long") == 0)
		rounds = LONG_ROUNDS;
	else if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
