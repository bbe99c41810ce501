/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits, sizes and settings of the T=1 engine. The rules of a conversation are
 * in test_t1_annex.c, a card on a bad line in test_t1_line.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "apdu.h"
#include "t1.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define GUARD		0xA5
#define MESSAGE		271
#define ROOM		T1_ANSWER_MAX
#define NO_IFSD		0
#define IFSC		32
#define TPDU		false
#define CHARACTER	true

static uint8_t command[APDU_COMMAND_MAX + 1];
static uint8_t answer[T1_ANSWER_MAX + 1];
static uint8_t told[T1_ANSWER_MAX + T1_INF_MAX];	/* what the card says */
static size_t told_size;
static struct t1 engine;
static struct engine_block block;

static void power_up(uint8_t ifsc, uint8_t ifsd, bool crc, bool character)
{
	const struct t1_parameters parameters = {
		.ifsc = ifsc, .ifsd = ifsd, .crc = crc, .character = character,
		.message_max = MESSAGE,
	};

	told_size = 0;
	memset(answer, GUARD, sizeof(answer));
	assert_int_equal(t1_init(&engine, &parameters), 0);
}

static int start_afresh(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(command); i++)
		command[i] = (uint8_t)(i * 7 + (i >> 8));
	for (size_t i = 0; i < sizeof(told); i++)
		told[i] = (uint8_t)(i * 11 + (i >> 8));
	memset(&engine, 0x5A, sizeof(engine));
	memset(&block, 0x5A, sizeof(block));
	power_up(IFSC, NO_IFSD, false, TPDU);
	return 0;
}

static int start_room(size_t size, size_t room)
{
	told_size = 0;
	return t1_start(&engine, command, size, answer, room, &block);
}

static int start(size_t size)
{
	return start_room(size, ROOM);
}

/* A part of a reply, in memory of exactly its size. */
static int feed_bytes(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct engine_reply reply = { .data = copy, .size = size };
	int r;

	assert_non_null(copy);
	if (size)
		memcpy(copy, bytes, size);
	r = t1_step(&engine, &reply, &block);
	free(copy);
	return r;
}

static int feed_kind(unsigned kind, uint8_t pcb, const uint8_t *inf,
		     size_t size)
{
	uint8_t bytes[T1_BLOCK_MAX];

	return feed_bytes(bytes, t1_block_build(bytes, kind, pcb, inf, size));
}

static int feed(uint8_t pcb)
{
	return feed_kind(T1_LRC, pcb, NULL, 0);
}

static int feed_value(uint8_t pcb, uint8_t value)
{
	return feed_kind(T1_LRC, pcb, &value, 1);
}

/* An I-block with the next bytes of the card's answer. */
static int feed_i(uint8_t pcb, size_t size)
{
	told_size += size;
	return feed_kind(T1_LRC, pcb, told + told_size - size, size);
}

static int feed_event(enum engine_event event)
{
	const struct engine_reply reply = { .event = event };

	return t1_step(&engine, &reply, &block);
}

static int feed_silence(void)
{
	return feed_event(ENGINE_SILENT);
}

static void assert_sent(int next, uint8_t pcb, const uint8_t *inf, size_t size)
{
	uint8_t bytes[T1_BLOCK_MAX];

	assert_int_equal(next, ENGINE_SEND);
	assert_int_equal(block.size, t1_block_build(bytes, engine.kinds, pcb,
						    inf, size));
	assert_memory_equal(block.data, bytes, block.size);
}

static void assert_s(int next, uint8_t pcb)
{
	assert_sent(next, pcb, NULL, 0);
}

static void assert_value(int next, uint8_t pcb, uint8_t value)
{
	assert_sent(next, pcb, &value, 1);
}

static void assert_answered(int next)
{
	assert_int_equal(next, ENGINE_DONE);
	assert_int_equal(engine.exchange.received, told_size);
	assert_memory_equal(answer, told, told_size);
	assert_int_equal(answer[told_size], GUARD);
}

/* A failure after which the card must be reset. */
static void assert_broken(int r, int error)
{
	assert_int_equal(r, error);
	assert_false(engine.settled);
	assert_int_equal(start(4), -ENOTCONN);
}

/* Two bytes for four, so that the card has spoken. */
static void exchange_once(void)
{
	uint8_t ns = engine.ns, nr = engine.nr;

	assert_sent(start(4), (uint8_t)(ns << 6), command, 4);
	assert_answered(feed_i((uint8_t)(nr << 6), 2));
}

static void commands_of_impossible_sizes_never_go_out(void **state)
{
	(void)state;
	for (size_t size = 0; size < 4; size++)
		assert_int_equal(start(size), -EINVAL);
	assert_int_equal(start(APDU_COMMAND_MAX + 1), -EMSGSIZE);
	assert_int_equal(start(APDU_COMMAND_MAX), ENGINE_SEND);
}

static void room_for_no_status_word_is_refused_before_sending(void **state)
{
	(void)state;
	assert_int_equal(start_room(4, 0), -ENOBUFS);
	assert_int_equal(start_room(4, 1), -ENOBUFS);
	assert_int_equal(start_room(4, 2), ENGINE_SEND);
}

static void a_refused_start_touches_neither_engine_nor_block(void **state)
{
	struct t1 engine_before = engine;
	struct engine_block block_before = block;

	(void)state;
	assert_int_equal(start(3), -EINVAL);
	assert_int_equal(start_room(4, 1), -ENOBUFS);
	assert_memory_equal(&engine, &engine_before, sizeof(engine));
	assert_memory_equal(&block, &block_before, sizeof(block));
	exchange_once();
}

static void an_exchange_given_up_halfway_wants_a_reset(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	t1_end(&engine);
	assert_int_equal(start(4), -ENOTCONN);
	power_up(IFSC, NO_IFSD, false, TPDU);
	exchange_once();
}

static void numbers_go_on_from_command_to_command(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(engine.ns, i & 1);
		assert_int_equal(engine.nr, i & 1);
		exchange_once();
		t1_end(&engine);
	}
}

static void the_end_wipes_what_the_blocks_held(void **state)
{
	(void)state;
	power_up(IFSC, NO_IFSD, false, CHARACTER);
	assert_int_equal(start(20), ENGINE_SEND);
	assert_int_equal(feed_i(0x00, 10), ENGINE_DONE);
	assert_memory_equal(engine.out + 3, command, 20);
	assert_memory_equal(engine.in + 3, told, 10);
	t1_end(&engine);
	for (size_t i = 0; i < T1_BLOCK_MAX; i++)
		assert_int_equal(engine.out[i] | engine.in[i], 0);
	assert_int_equal(engine.exchange.received, 10);
}

/* Sends the command, each part at most ifsc; returns the last step. */
static int send_all(int next, size_t size, size_t ifsc)
{
	size_t sent = 0;
	uint8_t ns = engine.ns;

	while (size - sent > ifsc) {
		assert_sent(next, (uint8_t)(ns << 6 | 0x20), command + sent,
			    ifsc);
		ns ^= 1;
		sent += ifsc;
		next = feed((uint8_t)(0x80 | ns << 4));
	}
	assert_sent(next, (uint8_t)(ns << 6), command + sent, size - sent);
	return next;
}

static void commands_are_cut_at_ifsc(void **state)
{
	static const struct {
		uint8_t told, used;
		size_t size;
	} rows[] = {
		{ 1, 1, 4 }, { 1, 1, 300 }, { 254, 254, 254 }, { 254, 254, 255 },
		{ 254, 254, 508 }, { 254, 254, 509 }, { 32, 32, 32 },
		{ 32, 32, 33 }, { 0, 32, 100 }, { 255, 32, 100 },
		{ 254, 254, APDU_COMMAND_MAX }, { 1, 1, APDU_COMMAND_MAX },
		{ 253, 253, APDU_COMMAND_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		power_up(rows[i].told, NO_IFSD, false, TPDU);
		send_all(start(rows[i].size), rows[i].size, rows[i].used);
		assert_answered(feed_i(0x00, 2));
	}
}

static void blocks_fit_the_readers_messages(void **state)
{
	static const struct {
		size_t message_max;
		bool crc;
		uint8_t inf_max;
	} rows[] = {
		{ 15, false, 1 }, { 16, true, 1 }, { 46, false, 32 },
		{ 263, false, 249 }, { 268, false, 254 }, { 269, true, 254 },
		{ 268, true, 253 }, { 65554, false, 254 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct t1_parameters parameters = {
			.ifsc = 254, .ifsd = 254, .crc = rows[i].crc,
			.message_max = rows[i].message_max,
		};

		assert_int_equal(t1_init(&engine, &parameters), 0);
		assert_int_equal(engine.ifsc, rows[i].inf_max);
		assert_int_equal(engine.ifsd_wanted, rows[i].inf_max);
	}
}

static void messages_too_small_for_any_block_are_refused(void **state)
{
	struct t1_parameters parameters = { .ifsc = 254, .message_max = 14 };

	(void)state;
	assert_int_equal(t1_init(&engine, &parameters), -EMSGSIZE);
	parameters.crc = true;
	parameters.message_max = 15;
	assert_int_equal(t1_init(&engine, &parameters), -EMSGSIZE);
}

/* Lc and Le of extended commands, as far as their sizes matter here. */
static void long_commands_and_long_answers_go_together(void **state)
{
	static const size_t lcs[] = { 1, 255, 256, 257, 65535 };
	static const size_t les[] = { 1, 255, 256, 257, 65535, 65536 };
	uint8_t nr = 0;

	(void)state;
	power_up(254, NO_IFSD, false, TPDU);
	for (size_t i = 0; i < ROWS(lcs) * ROWS(les); i++) {
		size_t size = 4 + 3 + lcs[i % ROWS(lcs)] + 2;
		size_t left = les[i / ROWS(lcs)] + 2;

		memset(answer, GUARD, sizeof(answer));
		send_all(start(size), size, 254);
		for (; left > 254; left -= 254, nr ^= 1)
			assert_s(feed_i((uint8_t)(nr << 6 | 0x20), 254),
				 (uint8_t)(0x80 | (nr ^ 1) << 4));
		assert_answered(feed_i((uint8_t)(nr << 6), left));
		nr ^= 1;
	}
}

static void ifsd_is_offered_once_before_the_first_command(void **state)
{
	(void)state;
	power_up(IFSC, 254, false, TPDU);
	assert_value(start(4), 0xC1, 254);
	assert_sent(feed_value(0xE1, 254), 0x00, command, 4);
	assert_int_equal(engine.ifsd, 254);
	assert_answered(feed_i(0x00, 2));
	exchange_once();
}

static void ifsd_is_offered_at_character_level_too(void **state)
{
	(void)state;
	power_up(IFSC, 254, false, CHARACTER);
	assert_value(start(4), 0xC1, 254);
	assert_sent(feed_value(0xE1, 254), 0x00, command, 4);
}

static void an_ifsd_that_is_the_default_is_not_offered(void **state)
{
	(void)state;
	power_up(IFSC, 32, false, TPDU);
	exchange_once();
}

static void a_card_that_refuses_ifsd_is_talked_to_all_the_same(void **state)
{
	(void)state;
	power_up(IFSC, 254, false, TPDU);
	assert_value(start(4), 0xC1, 254);
	assert_value(feed(0x82), 0xC1, 254);
	assert_value(feed_value(0xE1, 32), 0xC1, 254);
	assert_sent(feed_silence(), 0x00, command, 4);
	assert_answered(feed_i(0x00, 2));
	exchange_once();
	assert_int_equal(engine.ifsd, 32);
}

static void a_card_silent_to_ifsd_wants_a_reset(void **state)
{
	(void)state;
	power_up(IFSC, 254, false, TPDU);
	assert_value(start(4), 0xC1, 254);
	assert_value(feed_silence(), 0xC1, 254);
	assert_value(feed_silence(), 0xC1, 254);
	assert_broken(feed_silence(), -ETIMEDOUT);
}

static void the_cards_ifs_counts_from_the_next_block_on(void **state)
{
	(void)state;
	assert_sent(start(400), 0x20, command, 32);
	assert_value(feed_value(0xC1, 254), 0xE1, 254);
	assert_sent(feed(0x90), 0x60, command + 32, 254);
	assert_value(feed_value(0xC1, 1), 0xE1, 1);
	assert_sent(feed(0x80), 0x20, command + 286, 1);
}

static void the_cards_ifs_is_used_as_far_as_messages_go(void **state)
{
	const struct t1_parameters parameters = {
		.ifsc = 10, .message_max = 114,
	};

	(void)state;
	assert_int_equal(t1_init(&engine, &parameters), 0);
	assert_sent(start(200), 0x20, command, 10);
	assert_value(feed_value(0xC1, 254), 0xE1, 254);
	assert_sent(feed(0x90), 0x60, command + 10, 100);
}

static void an_ifs_of_0_or_255_is_not_taken(void **state)
{
	(void)state;
	exchange_once();
	assert_int_equal(start(4), ENGINE_SEND);
	assert_s(feed_value(0xC1, 0), 0x92);
	assert_s(feed_value(0xC1, 255), 0x92);
	assert_int_equal(engine.ifsc, 32);
}

static void a_fourth_ifs_in_one_command_is_an_error(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(start(4), ENGINE_SEND);
		for (unsigned i = 0; i < T1_IFS_MAX; i++)
			assert_value(feed_value(0xC1, 32), 0xE1, 32);
		if (!round)
			assert_answered(feed_i(0x00, 2));
	}
	assert_broken(feed_value(0xC1, 32), -EPROTO);
}

/* The number stands for the bytes sent with it: they must not be cut anew. */
static void a_block_that_ifs_made_too_long_begins_the_command_anew(void **state)
{
	(void)state;
	assert_sent(start(40), 0x20, command, 32);
	assert_value(feed_value(0xC1, 8), 0xE1, 8);
	assert_s(feed(0x81), 0xC0);
	send_all(feed(0xE0), 40, 8);
	assert_answered(feed_i(0x00, 2));
}

static void a_block_that_ifs_left_alone_is_repeated_as_it_was(void **state)
{
	(void)state;
	assert_sent(start(40), 0x20, command, 32);
	assert_value(feed_value(0xC1, 254), 0xE1, 254);
	assert_sent(feed(0x81), 0x20, command, 32);
	assert_sent(feed(0x90), 0x40, command + 32, 8);
}

static void more_time_counts_for_the_next_reply_only(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	assert_int_equal(block.bwi, 0);
	for (unsigned n = 1; n < 256; n++) {
		assert_value(feed_value(0xC3, (uint8_t)n), 0xE3, (uint8_t)n);
		assert_int_equal(block.bwi, n);
	}
	assert_s(feed_silence(), 0x82);
	assert_int_equal(block.bwi, 0);
	assert_answered(feed_i(0x00, 2));
}

static void no_time_at_all_is_not_granted(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	assert_s(feed_value(0xC3, 0), 0x82);
	assert_int_equal(block.bwi, 0);
}

static void more_time_is_granted_for_long_but_not_for_ever(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	for (unsigned i = 0; i < T1_WTX_MAX; i++)
		assert_int_equal(feed_value(0xC3, 255), ENGINE_SEND);
	assert_broken(feed_value(0xC3, 255), -ETIMEDOUT);
}

static void an_aborted_command_leaves_the_session_alive(void **state)
{
	(void)state;
	assert_int_equal(start(100), ENGINE_SEND);
	assert_s(feed(0xC2), 0xE2);
	assert_s(feed(0xC2), 0xE2);
	assert_int_equal(feed(0x90), -ECANCELED);
	assert_int_equal(engine.ns, 1);
	exchange_once();
}

static void only_an_r_block_ends_an_abort(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	assert_s(feed(0xC2), 0xE2);
	assert_s(feed_i(0x00, 2), 0x82);
	assert_s(feed_silence(), 0x82);
	assert_int_equal(feed(0x80), -ECANCELED);
	assert_int_equal(engine.ns, 0);
}

static void an_abort_may_end_with_a_resynch(void **state)
{
	(void)state;
	exchange_once();
	assert_int_equal(start(4), ENGINE_SEND);
	assert_s(feed(0xC2), 0xE2);
	assert_s(feed_silence(), 0x92);
	assert_s(feed_silence(), 0x92);
	assert_s(feed_silence(), 0xC0);
	assert_int_equal(feed(0xE0), -ECANCELED);
	exchange_once();
}

static void aborts_without_end_are_an_error(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	for (unsigned i = 0; i < T1_ABORTS_MAX; i++)
		assert_s(feed(0xC2), 0xE2);
	assert_broken(feed(0xC2), -EPROTO);
}

static void a_card_that_never_spoke_gets_no_resynch(void **state)
{
	static const enum engine_event events[] = {
		ENGINE_SILENT, ENGINE_GARBLED,
	};

	(void)state;
	for (size_t i = 0; i < ROWS(events); i++) {
		power_up(IFSC, NO_IFSD, false, TPDU);
		assert_int_equal(start(4), ENGINE_SEND);
		assert_int_equal(feed_event(events[i]), ENGINE_SEND);
		assert_int_equal(feed_event(events[i]), ENGINE_SEND);
		assert_broken(feed_event(events[i]), i ? -EIO : -ETIMEDOUT);
	}
}

static void an_empty_reply_is_silence(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	assert_s(feed_bytes(NULL, 0), 0x82);
	assert_s(feed_bytes(NULL, 0), 0x82);
	assert_broken(feed_bytes(NULL, 0), -ETIMEDOUT);
}

static void nothing_right_three_times_means_resynch(void **state)
{
	static const uint8_t garbage[] = { 0, 0, 0xFF, 0, 1, 2, 3 };

	(void)state;
	for (size_t size = 0; size < sizeof(garbage); size++) {
		power_up(IFSC, NO_IFSD, false, TPDU);
		exchange_once();
		assert_int_equal(start(4), ENGINE_SEND);
		assert_s(feed_bytes(garbage, size), 0x92);
		assert_s(feed_bytes(garbage, size), 0x92);
		assert_s(feed_bytes(garbage, size), 0xC0);
	}
}

/* By PCB and INF size: right blocks, but none that may come here. */
static void blocks_out_of_place_are_not_taken(void **state)
{
	static const struct {
		uint8_t pcb;
		size_t size;
	} rows[] = {
		{ 0x00, 2 },	/* the number before */
		{ 0x20, 2 }, { 0xE0, 0 }, { 0xE1, 1 }, { 0xC0, 0 },
		{ 0xC4, 0 }, { 0xE2, 0 }, { 0xE3, 1 }, { 0x83, 0 },
		{ 0xA0, 0 }, { 0x80, 1 }, { 0x41, 2 }, { 0xC2, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		power_up(IFSC, NO_IFSD, false, TPDU);
		exchange_once();
		assert_int_equal(start(4), ENGINE_SEND);
		assert_s(feed_i(rows[i].pcb, rows[i].size), 0x92);
		told_size = 0;
		assert_answered(feed_i(0x40, 2));
	}
}

static void an_answer_before_the_command_is_sent_is_not_taken(void **state)
{
	(void)state;
	assert_sent(start(100), 0x20, command, 32);
	assert_s(feed_i(0x00, 2), 0x82);
	assert_sent(feed(0x90), 0x60, command + 32, 32);
}

static void a_resynch_begins_at_the_beginning(void **state)
{
	(void)state;
	power_up(16, 254, false, TPDU);
	assert_value(start(20), 0xC1, 254);
	send_all(feed_value(0xE1, 254), 20, 16);
	assert_value(feed_value(0xC1, 200), 0xE1, 200);
	assert_s(feed_i(0x20, 100), 0x90);
	assert_s(feed_silence(), 0x90);
	assert_s(feed_silence(), 0x90);
	assert_s(feed_silence(), 0xC0);
	send_all(feed(0xE0), 20, 16);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(answer[i], 0);
	assert_int_equal(feed_i(0x00, 2), ENGINE_DONE);
	assert_int_equal(engine.exchange.received, 2);
}

static void a_resynch_never_raises_ifsc(void **state)
{
	(void)state;
	assert_int_equal(start(20), ENGINE_SEND);
	assert_value(feed_value(0xC1, 8), 0xE1, 8);
	assert_s(feed_silence(), 0x82);
	assert_s(feed_silence(), 0x82);
	assert_s(feed_silence(), 0xC0);
	send_all(feed(0xE0), 20, 8);
}

static void ifsd_is_offered_again_after_a_resynch(void **state)
{
	(void)state;
	power_up(IFSC, 254, false, TPDU);
	assert_value(start(4), 0xC1, 254);
	assert_sent(feed_value(0xE1, 254), 0x00, command, 4);
	for (unsigned i = 0; i < T1_TRIES_MAX; i++)
		assert_int_equal(feed_silence(), ENGINE_SEND);
	assert_sent(feed(0xE0), 0x00, command, 4);
	assert_answered(feed_i(0x00, 2));
	assert_value(start(4), 0xC1, 254);
}

static void a_command_is_begun_anew_once_only(void **state)
{
	(void)state;
	exchange_once();
	assert_int_equal(start(4), ENGINE_SEND);
	for (unsigned i = 0; i < T1_TRIES_MAX; i++)
		assert_int_equal(feed_silence(), ENGINE_SEND);
	assert_sent(feed(0xE0), 0x00, command, 4);
	assert_s(feed_silence(), 0x82);
	assert_s(feed_silence(), 0x82);
	assert_broken(feed_silence(), -ETIMEDOUT);
}

static void errors_are_counted_over_the_whole_command(void **state)
{
	unsigned errors = 0;

	(void)state;
	power_up(1, NO_IFSD, false, TPDU);
	assert_int_equal(start(1000), ENGINE_SEND);
	for (; errors < T1_ERRORS_MAX; errors++) {
		assert_int_equal(feed_silence(), ENGINE_SEND);
		assert_int_equal(feed((uint8_t)(0x90 ^ (errors & 1) << 4)),
				 ENGINE_SEND);
	}
	assert_broken(feed_silence(), -ETIMEDOUT);
}

static void a_block_asked_for_again_and_again_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	for (unsigned i = 0; i < T1_ERRORS_MAX; i++)
		assert_sent(feed(0x81), 0x00, command, 4);
	assert_broken(feed(0x81), -EIO);
}

static void a_card_that_never_answers_a_repeated_r_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	for (unsigned i = 0; i < T1_ERRORS_MAX; i++)
		assert_s(feed(0x91), 0x82);
	assert_broken(feed(0x91), -EIO);
}

static void two_empty_parts_in_a_row_are_borne(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	assert_s(feed_i(0x20, 0), 0x90);
	assert_s(feed_i(0x60, 0), 0x80);
	assert_s(feed_i(0x20, 1), 0x90);
	assert_s(feed_i(0x60, 0), 0x80);
	assert_s(feed_i(0x20, 0), 0x90);
	assert_answered(feed_i(0x40, 0));
}

static void a_third_empty_part_in_a_row_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	assert_s(feed_i(0x20, 0), 0x90);
	assert_s(feed_i(0x60, 0), 0x80);
	assert_broken(feed_i(0x20, 0), -EPROTO);
}

static void an_empty_answer_is_the_callers_to_judge(void **state)
{
	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	assert_answered(feed_i(0x00, 0));
}

/* A chain of size bytes but for the last block; returns N(S) of that. */
static uint8_t feed_chain(size_t size)
{
	uint8_t ns = 0;

	for (size_t n; size; size -= n, ns ^= 1) {
		n = size < 254 ? size : 254;
		assert_s(feed_i((uint8_t)(ns << 6 | 0x20), n),
			 (uint8_t)(0x80 | (ns ^ 1) << 4));
	}
	return ns;
}

static void an_answer_beyond_the_room_is_drained_then_refused(void **state)
{
	(void)state;
	assert_int_equal(start_room(4, 300), ENGINE_SEND);
	assert_int_equal(feed_chain(3 * 254), 1);
	assert_int_equal(feed_i(0x40, 2), -ENOBUFS);
	assert_memory_equal(answer, told, 300);
	assert_int_equal(answer[300], GUARD);
	assert_int_equal(engine.exchange.received, 764);
	memset(answer, GUARD, sizeof(answer));
	exchange_once();
}

static void an_answer_that_fills_the_room_is_done(void **state)
{
	(void)state;
	assert_int_equal(start_room(4, 254), ENGINE_SEND);
	assert_answered(feed_i(0x00, 254));
}

static void an_answer_longer_than_any_is_an_error(void **state)
{
	uint8_t ns;

	(void)state;
	assert_int_equal(start_room(4, 2), ENGINE_SEND);
	ns = feed_chain(T1_ANSWER_MAX);
	assert_broken(feed_i((uint8_t)(ns << 6), 1), -EPROTO);
	assert_int_equal(answer[2], GUARD);
}

static void the_longest_answer_is_received(void **state)
{
	uint8_t ns;

	(void)state;
	assert_int_equal(start(4), ENGINE_SEND);
	ns = feed_chain(T1_ANSWER_MAX);
	assert_answered(feed_i((uint8_t)(ns << 6), 0));
}

static void the_card_teaches_the_kind_of_crc(void **state)
{
	static const unsigned kinds[] = {
		T1_CRC_HIGH, T1_CRC_LOW, T1_CRC_X25, T1_CRC_ARC,
	};

	(void)state;
	for (size_t i = 0; i < ROWS(kinds); i++) {
		power_up(IFSC, NO_IFSD, true, TPDU);
		assert_sent(start(4), 0x00, command, 4);
		assert_int_equal(feed_kind(kinds[i], 0x81, NULL, 0),
				 ENGINE_SEND);
		assert_int_equal(engine.kinds, kinds[i]);
		assert_sent(ENGINE_SEND, 0x00, command, 4);
		assert_int_equal(feed_kind(kinds[i], 0x00, told, 2),
				 ENGINE_DONE);
	}
}

static void no_second_kind_of_crc_is_taken(void **state)
{
	(void)state;
	power_up(IFSC, NO_IFSD, true, TPDU);
	assert_int_equal(start(4), ENGINE_SEND);
	assert_int_equal(feed_kind(T1_CRC_LOW, 0x81, NULL, 0), ENGINE_SEND);
	assert_s(feed_kind(T1_CRC_HIGH, 0x00, told, 2), 0x81);
	assert_s(feed_kind(T1_CRC_X25, 0x00, told, 2), 0x81);
	assert_int_equal(feed_kind(T1_CRC_LOW, 0x00, told, 2), ENGINE_DONE);
}

static void assert_wanted(int next, size_t sent, uint16_t wanted)
{
	assert_int_equal(next, ENGINE_SEND);
	assert_int_equal(block.size, sent);
	assert_int_equal(block.level_parameter, wanted);
	assert_int_equal(block.bwi, 0);
}

static void characters_are_wanted_as_they_become_known(void **state)
{
	uint8_t bytes[T1_BLOCK_MAX];
	size_t size = t1_block_build(bytes, T1_LRC, 0x00, told, 100);

	(void)state;
	told_size = 100;
	power_up(IFSC, NO_IFSD, false, CHARACTER);
	assert_wanted(start(4), 8, 4);
	told_size = 100;
	assert_wanted(feed_bytes(bytes, 4), 0, 100);
	assert_answered(feed_bytes(bytes + 4, size - 4));
}

static void two_characters_of_crc_are_wanted(void **state)
{
	uint8_t bytes[T1_BLOCK_MAX];
	size_t size = t1_block_build(bytes, T1_CRC_LOW, 0x00, told, 254);

	(void)state;
	power_up(IFSC, NO_IFSD, true, CHARACTER);
	assert_wanted(start(4), 9, 5);
	told_size = 254;
	assert_wanted(feed_bytes(bytes, 5), 0, 254);
	assert_answered(feed_bytes(bytes + 5, size - 5));
}

static void a_block_without_inf_takes_one_request(void **state)
{
	(void)state;
	power_up(4, NO_IFSD, false, CHARACTER);
	assert_wanted(start(12), 8, 4);
	assert_wanted(feed(0x90), 8, 4);
	assert_wanted(feed(0x80), 8, 4);
}

static void fewer_characters_than_wanted_are_asked_on_for(void **state)
{
	uint8_t bytes[T1_BLOCK_MAX];
	size_t size = t1_block_build(bytes, T1_LRC, 0x00, told, 10);

	(void)state;
	power_up(IFSC, NO_IFSD, false, CHARACTER);
	assert_wanted(start(4), 8, 4);
	told_size = 10;
	assert_wanted(feed_bytes(bytes, 1), 0, 3);
	assert_wanted(feed_bytes(bytes + 1, 1), 0, 2);
	for (size_t i = 2; i < size - 1; i++)
		assert_wanted(feed_bytes(bytes + i, 1), 0,
			      (uint16_t)(size - i - 1));
	assert_answered(feed_bytes(bytes + size - 1, 1));
}

static void a_reader_that_gives_the_whole_block_is_asked_once(void **state)
{
	(void)state;
	power_up(IFSC, NO_IFSD, false, CHARACTER);
	assert_wanted(start(4), 8, 4);
	assert_answered(feed_i(0x00, 200));
}

static void characters_that_make_no_block_are_asked_for_again(void **state)
{
	static const uint8_t no_len[] = { 0, 0, 255, 0 };
	static const uint8_t much[T1_BLOCK_MAX + 1];
	static const uint8_t longer[] = { 0, 0, 1, 0, 1, 0 };

	(void)state;
	power_up(IFSC, NO_IFSD, false, CHARACTER);
	exchange_once();
	assert_wanted(start(4), 8, 4);
	assert_wanted(feed_bytes(no_len, sizeof(no_len)), 4, 4);
	assert_s(ENGINE_SEND, 0x92);
	assert_wanted(feed_bytes(much, sizeof(much)), 4, 4);
	assert_answered(feed_i(0x40, 2));
	assert_wanted(start(4), 8, 4);
	assert_wanted(feed_bytes(longer, sizeof(longer)), 4, 4);
}

static void silence_in_the_middle_of_a_block_forgets_its_beginning(void **state)
{
	uint8_t bytes[T1_BLOCK_MAX];

	(void)state;
	t1_block_build(bytes, T1_LRC, 0x00, told, 10);
	power_up(IFSC, NO_IFSD, false, CHARACTER);
	assert_wanted(start(4), 8, 4);
	assert_wanted(feed_bytes(bytes, 4), 0, 10);
	assert_wanted(feed_silence(), 4, 4);
	assert_s(ENGINE_SEND, 0x82);
	assert_answered(feed_i(0x00, 10));
}

static void more_time_counts_for_the_first_character_only(void **state)
{
	uint8_t bytes[T1_BLOCK_MAX];

	(void)state;
	t1_block_build(bytes, T1_LRC, 0x00, told, 10);
	power_up(IFSC, NO_IFSD, false, CHARACTER);
	assert_int_equal(start(4), ENGINE_SEND);
	assert_value(feed_value(0xC3, 9), 0xE3, 9);
	assert_int_equal(block.bwi, 9);
	assert_int_equal(block.level_parameter, 4);
	assert_wanted(feed_bytes(bytes, 4), 0, 10);
}

#define test(name)	cmocka_unit_test_setup(name, start_afresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(commands_of_impossible_sizes_never_go_out),
		test(room_for_no_status_word_is_refused_before_sending),
		test(a_refused_start_touches_neither_engine_nor_block),
		test(an_exchange_given_up_halfway_wants_a_reset),
		test(numbers_go_on_from_command_to_command),
		test(the_end_wipes_what_the_blocks_held),
		test(commands_are_cut_at_ifsc),
		test(blocks_fit_the_readers_messages),
		test(messages_too_small_for_any_block_are_refused),
		test(long_commands_and_long_answers_go_together),
		test(ifsd_is_offered_once_before_the_first_command),
		test(ifsd_is_offered_at_character_level_too),
		test(an_ifsd_that_is_the_default_is_not_offered),
		test(a_card_that_refuses_ifsd_is_talked_to_all_the_same),
		test(a_card_silent_to_ifsd_wants_a_reset),
		test(the_cards_ifs_counts_from_the_next_block_on),
		test(the_cards_ifs_is_used_as_far_as_messages_go),
		test(an_ifs_of_0_or_255_is_not_taken),
		test(a_fourth_ifs_in_one_command_is_an_error),
		test(a_block_that_ifs_made_too_long_begins_the_command_anew),
		test(a_block_that_ifs_left_alone_is_repeated_as_it_was),
		test(more_time_counts_for_the_next_reply_only),
		test(no_time_at_all_is_not_granted),
		test(more_time_is_granted_for_long_but_not_for_ever),
		test(an_aborted_command_leaves_the_session_alive),
		test(only_an_r_block_ends_an_abort),
		test(an_abort_may_end_with_a_resynch),
		test(aborts_without_end_are_an_error),
		test(a_card_that_never_spoke_gets_no_resynch),
		test(an_empty_reply_is_silence),
		test(nothing_right_three_times_means_resynch),
		test(blocks_out_of_place_are_not_taken),
		test(an_answer_before_the_command_is_sent_is_not_taken),
		test(a_resynch_begins_at_the_beginning),
		test(a_resynch_never_raises_ifsc),
		test(ifsd_is_offered_again_after_a_resynch),
		test(a_command_is_begun_anew_once_only),
		test(errors_are_counted_over_the_whole_command),
		test(a_block_asked_for_again_and_again_is_an_error),
		test(a_card_that_never_answers_a_repeated_r_is_an_error),
		test(two_empty_parts_in_a_row_are_borne),
		test(a_third_empty_part_in_a_row_is_an_error),
		test(an_empty_answer_is_the_callers_to_judge),
		test(an_answer_beyond_the_room_is_drained_then_refused),
		test(an_answer_that_fills_the_room_is_done),
		test(an_answer_longer_than_any_is_an_error),
		test(the_longest_answer_is_received),
		test(the_card_teaches_the_kind_of_crc),
		test(no_second_kind_of_crc_is_taken),
		test(characters_are_wanted_as_they_become_known),
		test(two_characters_of_crc_are_wanted),
		test(a_block_without_inf_takes_one_request),
		test(fewer_characters_than_wanted_are_asked_on_for),
		test(a_reader_that_gives_the_whole_block_is_asked_once),
		test(characters_that_make_no_block_are_asked_for_again),
		test(silence_in_the_middle_of_a_block_forgets_its_beginning),
		test(more_time_counts_for_the_first_character_only),
	};

	return cmocka_run_group_tests_name("t1", tests, NULL, NULL);
}
