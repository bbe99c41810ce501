/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Exchanges of T=1 whose command the reader completes and sends by itself. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "t1.h"

#define COMMAND_SIZE	13
#define IFSC		32
#define IFSD		254

static const uint8_t status[] = { 0x90, 0x00 };

static struct t1 engine;
static struct engine_block block;
static uint8_t prologue[T1_PROLOGUE_SIZE];
static uint8_t answer[16];

static int power_up(void **state)
{
	const struct t1_parameters parameters = {
		.ifsc = IFSC,
		.message_max = 271,
	};

	(void)state;
	assert_int_equal(t1_init(&engine, &parameters), 0);
	memset(answer, 0x5A, sizeof(answer));
	return 0;
}

static int start(size_t size)
{
	return t1_start_unseen(&engine, size, answer, sizeof(answer),
			       prologue);
}

static int reply_as(enum engine_event event, const uint8_t *bytes,
		    size_t size)
{
	const struct engine_reply reply = {
		.event = event,
		.data = bytes,
		.size = size,
	};

	return t1_step(&engine, &reply, &block);
}

static int reply(uint8_t pcb, const uint8_t *inf, size_t size)
{
	uint8_t bytes[T1_BLOCK_MAX];

	return reply_as(ENGINE_ANSWERED, bytes,
			t1_block_build(bytes, T1_LRC, pcb, inf, size));
}

static void assert_sent(uint8_t pcb)
{
	assert_int_equal(block.data[1], pcb);
}

static void assert_done(void)
{
	assert_int_equal(engine.exchange.received, sizeof(status));
	assert_memory_equal(answer, status, sizeof(status));
	assert_true(engine.settled);
}

/* A command of the ordinary kind must go on with the right numbers. */
static void assert_next_sends(uint8_t pcb)
{
	static const uint8_t command[] = { 0x00, 0xA4, 0x00, 0x00 };

	assert_int_equal(t1_start(&engine, command, sizeof(command), answer,
				  sizeof(answer), &block), ENGINE_SEND);
	assert_sent(pcb);
}

static void the_prologue_is_that_of_the_next_block(void **state)
{
	static const uint8_t first[] = { 0x00, 0x00, COMMAND_SIZE };
	static const uint8_t second[] = { 0x00, 0x40, COMMAND_SIZE };

	(void)state;
	assert_int_equal(start(COMMAND_SIZE), 0);
	assert_memory_equal(prologue, first, sizeof(first));
	assert_int_equal(reply(0x00, status, 2), ENGINE_DONE);
	assert_done();
	assert_int_equal(start(COMMAND_SIZE), 0);
	assert_memory_equal(prologue, second, sizeof(second));
	assert_int_equal(reply(0x40, status, 2), ENGINE_DONE);
	assert_done();
	assert_next_sends(0x00);
}

static void more_time_for_the_card_is_granted(void **state)
{
	static const uint8_t five[] = { 5 };

	(void)state;
	start(COMMAND_SIZE);
	assert_int_equal(reply(0xC3, five, 1), ENGINE_SEND);
	assert_sent(0xE3);
	assert_int_equal(block.bwi, 5);
	assert_int_equal(reply(0x00, status, 2), ENGINE_DONE);
	assert_done();
}

static void another_ifsc_is_taken(void **state)
{
	static const uint8_t four[] = { 4 };

	(void)state;
	start(COMMAND_SIZE);
	assert_int_equal(reply(0xC1, four, 1), ENGINE_SEND);
	assert_sent(0xE1);
	assert_int_equal(reply(0x00, status, 2), ENGINE_DONE);
	assert_done();
	assert_int_equal(start(COMMAND_SIZE), -EMSGSIZE);
	assert_int_equal(start(4), 0);
}

static void an_answer_in_parts_is_joined(void **state)
{
	(void)state;
	start(COMMAND_SIZE);
	assert_int_equal(reply(0x20, status, 1), ENGINE_SEND);
	assert_sent(0x90);
	assert_int_equal(reply(0x40, status + 1, 1), ENGINE_DONE);
	assert_done();
}

static void a_lost_answer_is_asked_for_again(void **state)
{
	static const uint8_t garbage[] = { 0, 0, 0, 1 };

	(void)state;
	start(COMMAND_SIZE);
	assert_int_equal(reply_as(ENGINE_SILENT, NULL, 0), ENGINE_SEND);
	assert_sent(0x82);
	assert_int_equal(reply_as(ENGINE_ANSWERED, garbage, 4), ENGINE_SEND);
	assert_sent(0x82);
	assert_int_equal(reply(0x00, status, 2), ENGINE_DONE);
	assert_done();
	start(COMMAND_SIZE);
	assert_int_equal(reply_as(ENGINE_GARBLED, NULL, 0), ENGINE_SEND);
	assert_sent(0x91);
	assert_int_equal(reply(0x40, status, 2), ENGINE_DONE);
	assert_done();
}

/* The PIN was not ours to keep. */
static void a_lost_command_cannot_be_sent_again(void **state)
{
	(void)state;
	start(COMMAND_SIZE);
	assert_int_equal(reply(0x81, NULL, 0), -EIO);
	assert_false(engine.settled);
	assert_int_equal(start(COMMAND_SIZE), -ENOTCONN);
}

static void a_command_is_not_begun_anew_after_a_resynchronisation(void **state)
{
	(void)state;
	start(COMMAND_SIZE);
	assert_int_equal(reply(0x00, status, 2), ENGINE_DONE);
	start(COMMAND_SIZE);
	for (int i = 0; i < 3; i++)
		assert_int_equal(reply_as(ENGINE_SILENT, NULL, 0),
				 ENGINE_SEND);
	assert_sent(0xC0);
	assert_int_equal(reply(0xE0, NULL, 0), -EIO);
	assert_false(engine.settled);
}

static void a_card_that_never_answers_fails(void **state)
{
	(void)state;
	start(COMMAND_SIZE);
	reply_as(ENGINE_SILENT, NULL, 0);
	reply_as(ENGINE_SILENT, NULL, 0);
	assert_int_equal(reply_as(ENGINE_SILENT, NULL, 0), -ETIMEDOUT);
}

static void a_card_may_abort_the_command(void **state)
{
	(void)state;
	start(COMMAND_SIZE);
	assert_int_equal(reply(0xC2, NULL, 0), ENGINE_SEND);
	assert_sent(0xE2);
	assert_int_equal(reply(0x80, NULL, 0), -ECANCELED);
	assert_next_sends(0x00);
}

static void what_was_not_sent_leaves_no_trace(void **state)
{
	(void)state;
	start(COMMAND_SIZE);
	t1_withdraw(&engine);
	t1_end(&engine);
	assert_next_sends(0x00);
}

/* I(0) is the answer to the command that the card has got all the same. */
static void what_was_perhaps_sent_is_no_answer_to_the_next(void **state)
{
	(void)state;
	start(COMMAND_SIZE);
	t1_doubt(&engine);
	t1_end(&engine);
	assert_next_sends(0xC0);
	assert_int_equal(reply(0x00, status, 2), ENGINE_SEND);
	assert_sent(0xC0);
	assert_int_equal(reply(0xE0, NULL, 0), ENGINE_SEND);
	assert_sent(0x00);
	assert_int_equal(reply(0x00, status, 2), ENGINE_DONE);
	assert_next_sends(0x40);
}

static void ifsd_is_offered_before_the_next_command(void **state)
{
	const struct t1_parameters parameters = {
		.ifsc = IFSC,
		.ifsd = IFSD,
		.message_max = 271,
	};

	(void)state;
	t1_init(&engine, &parameters);
	assert_int_equal(start(COMMAND_SIZE), 0);
	assert_int_equal(reply(0x00, status, 2), ENGINE_DONE);
	assert_next_sends(0xC1);
}

static void what_cannot_be_is_refused_before_anything_happens(void **state)
{
	(void)state;
	for (size_t size = 0; size < 4; size++)
		assert_int_equal(start(size), -EINVAL);
	assert_int_equal(start(IFSC + 1), -EMSGSIZE);
	for (size_t room = 0; room < 2; room++)
		assert_int_equal(t1_start_unseen(&engine, COMMAND_SIZE,
						 answer, room, prologue),
				 -ENOBUFS);
	assert_true(engine.settled);
	assert_int_equal(start(IFSC), 0);
	assert_int_equal(prologue[2], IFSC);
	assert_int_equal(start(COMMAND_SIZE), -ENOTCONN);
}

static void an_answer_beyond_the_room_is_told(void **state)
{
	static const uint8_t long_answer[17];

	(void)state;
	start(COMMAND_SIZE);
	assert_int_equal(reply(0x00, long_answer, 17), -ENOBUFS);
	assert_next_sends(0x40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, power_up)
		TEST(the_prologue_is_that_of_the_next_block),
		TEST(more_time_for_the_card_is_granted),
		TEST(another_ifsc_is_taken),
		TEST(an_answer_in_parts_is_joined),
		TEST(a_lost_answer_is_asked_for_again),
		TEST(a_lost_command_cannot_be_sent_again),
		TEST(a_command_is_not_begun_anew_after_a_resynchronisation),
		TEST(a_card_that_never_answers_fails),
		TEST(a_card_may_abort_the_command),
		TEST(what_was_not_sent_leaves_no_trace),
		TEST(what_was_perhaps_sent_is_no_answer_to_the_next),
		TEST(ifsd_is_offered_before_the_next_command),
		TEST(what_cannot_be_is_refused_before_anything_happens),
		TEST(an_answer_beyond_the_room_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
