/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scenarios of ISO 7816-3, annex A, as traffic: what the host must send
 * (>), what it hears (<), by PCB.
 *
 *   >00    this block must be sent
 *   >x00   the same; it reaches the card damaged, as the card's next block shows
 *   <00    the card's block; I-blocks carry data, "<00." carries none
 *   <x00   it arrives damaged
 *   <-     silence: the reader reports a mute card
 *   <~     a parity error that the reader reports
 *   offer  the host wants to tell its IFSD before the next command
 *
 * A command has ten bytes, so three blocks at an IFSC of 4, where the scenario
 * chains it, else four. S(IFS) of the card says 8, S(WTX) says 5. After the end
 * of a command the next one starts. In scenarios 29 to 32 the reason to
 * resynchronise is added: three blocks in a row without a right answer.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t1.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define CHAINED		10
#define WHOLE		4
#define INF_SIZE	6	/* of the card's I-blocks */
#define IFSC		4
#define CARD_IFS	8
#define CARD_WTX	5
#define HOST_IFS	254
#define RESYNCH		">00 <00 >40 <- >92 <- >92 <- "

static const struct scenario {
	const char *name;
	const char *traffic;
	int end;	/* of the last command */
} scenarios[] = {
	{ "1", ">00 <00 >40 <40", ENGINE_DONE },
	{ "2", ">00 <C3 >E3 <00", ENGINE_DONE },
	{ "3", ">00 <C1 >E1 <00", ENGINE_DONE },
	{ "4", ">00 <00 offer >C1 <E1 >40 <40", ENGINE_DONE },
	{ "5", ">20 <90 >60 <80 >00 <00", ENGINE_DONE },
	{ "6", ">00 <20 >90 <40 >40 <00", ENGINE_DONE },
	{ "7", ">00 <20 >90 <40. >40 <00", ENGINE_DONE },
	{ "8", ">x00 <81 >00 <00", ENGINE_DONE },
	{ "9", ">00 <x00 >81 <00", ENGINE_DONE },
	{ "9, silence", ">00 <- >82 <00", ENGINE_DONE },
	{ "9, parity", ">00 <~ >81 <00", ENGINE_DONE },
	{ "10", ">x00 <x81 >81 <81 >00 <00", ENGINE_DONE },
	{ "10, silence", ">x00 <- >82 <81 >00 <00", ENGINE_DONE },
	{ "11", ">00 <x00 >x81 <91 >81 <00", ENGINE_DONE },
	{ "12", ">00 <x00 >x81 <x91 >81 <00", ENGINE_DONE },
	{ "12, silence", ">00 <- >82 <- >82 <00", ENGINE_DONE },
	{ "13", ">00 <x00 >x81 <x91 >x81 <91 >81 <00", ENGINE_DONE },
	{ "14, 15", ">00 <xC3 >81 <C3 >E3 <00", ENGINE_DONE },
	{ "16", ">00 <xC1 >81 <C1 >E1 <00", ENGINE_DONE },
	{ "17", ">00 <xC1 >x81 <C1 >E1 <00", ENGINE_DONE },
	{ "18", ">00 <C1 >xE1 <C1 >E1 <00", ENGINE_DONE },
	{ "19", ">00 <C1 >E1 <x00 >81 <00", ENGINE_DONE },
	{ "20", ">00 <C1 >E1 <x00 >x81 <91 >81 <00", ENGINE_DONE },
	{ "21", ">20 <x90 >81 <90 >60 <80 >00 <00", ENGINE_DONE },
	{ "22", ">20 <x90 >x81 <90 >60 <80 >00 <00", ENGINE_DONE },
	{ "23", ">00 <20 >x90 <91 >90 <40", ENGINE_DONE },
	{ "24", ">00 <20 >x90 <x91 >90 <40", ENGINE_DONE },
	{ "26", ">00 <20 >90 <C2 >E2 <90", -ECANCELED },
	{ "26, goes on", ">00 <20 >90 <C2 >E2 <90 >40 <40", ENGINE_DONE },
	{ "27", ">20 <90 >60 <C2 >E2 <80", -ECANCELED },
	{ "27, goes on", ">20 <90 >60 <C2 >E2 <80 >00 <00", ENGINE_DONE },
	{ "29", RESYNCH ">C0 <E0 >00 <00", ENGINE_DONE },
	{ "30", RESYNCH ">C0 <xE0 >C0 <E0 >00 <00", ENGINE_DONE },
	{ "31", RESYNCH ">xC0 <91 >C0 <E0 >00 <00", ENGINE_DONE },
	{ "32", RESYNCH ">xC0 <x91 >C0 <E0 >00 <00", ENGINE_DONE },
	{ "31, IFS", "offer >xC1 <81 >C1 <E1 >00 <00", ENGINE_DONE },
	{ "32, IFS", "offer >xC1 <x81 >C1 <E1 >00 <00", ENGINE_DONE },
	{ "command anew", ">00 <00 >60 <80 >20 <- >92 <- >92 <- "
	  ">C0 <E0 >20 <90 >60 <80 >00 <00", ENGINE_DONE },
	{ "answer anew", ">00 <20 >90 <- >90 <- >90 <- >C0 <E0 >00 <20 >90 <40",
	  ENGINE_DONE },
	{ "never anything", ">00 <- >82 <- >82 <-", -ETIMEDOUT },
	{ "never anything right", ">00 <x00 >81 <x00 >81 <x00", -EIO },
	{ "no RESYNCH", RESYNCH ">C0 <- >C0 <- >C0 <-", -ETIMEDOUT },
	{ "no right RESYNCH", RESYNCH ">C0 <E1 >C0 <80 >C0 <00", -EIO },
};

static const uint8_t command[CHAINED] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

struct play {
	struct t1 engine;
	struct engine_block block;
	int next;
	size_t sent;		/* bytes of the command that the card has */
	size_t part;
	uint8_t expected[64];	/* answer */
	size_t expected_size;
	uint8_t answer[64];
	uint8_t told;		/* running number in the card's data */
};

static bool chains(const char *traffic)
{
	unsigned long pcb = strtoul(traffic + 1, NULL, 16);

	return pcb < 0x80 && (pcb & 0x20);
}

/* traffic: what comes next, to know how long the command must be. */
static void start(struct play *play, const char *traffic)
{
	size_t size = chains(traffic) ? CHAINED : WHOLE;

	play->sent = 0;
	play->part = 0;
	play->expected_size = 0;
	memset(play->answer, 0, sizeof(play->answer));
	play->next = t1_start(&play->engine, command, size, play->answer,
			      sizeof(play->answer), &play->block);
}

/* The host's block: its INF must be what its place asks for. */
static void check_inf(struct play *play, uint8_t pcb)
{
	const uint8_t *inf = play->block.data + 3;
	size_t size = play->block.data[2];

	if (pcb < 0x80) {
		assert_in_range(size, 1, IFSC);
		assert_memory_equal(inf, command + play->sent, size);
		play->part = size;
	} else if (pcb == 0xC1 || pcb == 0xE1 || pcb == 0xE3) {
		assert_int_equal(size, 1);
		assert_int_equal(*inf, pcb == 0xC1 ? HOST_IFS :
				       pcb == 0xE1 ? CARD_IFS : CARD_WTX);
	} else {
		assert_int_equal(size, 0);
	}
	assert_int_equal(play->block.bwi, pcb == 0xE3 ? CARD_WTX : 0);
}

static void host(struct play *play, const char *token)
{
	uint8_t pcb = (uint8_t)strtoul(token + (token[1] == 'x' ? 2 : 1),
				       NULL, 16);

	if (play->next != ENGINE_SEND)
		start(play, token);
	assert_int_equal(play->next, ENGINE_SEND);
	assert_int_equal(play->block.level_parameter, 0);
	assert_int_equal(play->block.data[1], pcb);
	assert_int_equal(play->block.size, 4 + play->block.data[2]);
	if (pcb == 0xC0)
		play->sent = 0;
	check_inf(play, pcb);
}

static size_t make_inf(struct play *play, uint8_t pcb, bool empty,
		       uint8_t inf[INF_SIZE])
{
	if (pcb >= 0xC0)
		inf[0] = pcb == 0xC1 ? CARD_IFS :
			 pcb == 0xC3 ? CARD_WTX : HOST_IFS;
	if (pcb >= 0x80)
		return pcb == 0xC1 || pcb == 0xC3 || pcb == 0xE1;
	if (empty)
		return 0;
	for (size_t i = 0; i < INF_SIZE; i++)
		inf[i] = play->told++;
	return INF_SIZE;
}

/* What the card has said or taken by a right block. */
static void note(struct play *play, uint8_t pcb, const uint8_t *inf,
		 size_t size)
{
	if (pcb == 0xE0)
		play->expected_size = 0;
	if ((pcb == 0x80 || pcb == 0x90) && play->part == IFSC)
		play->sent += play->part;
	if (pcb < 0x80) {
		memcpy(play->expected + play->expected_size, inf, size);
		play->expected_size += size;
	}
}

static void feed(struct play *play, const struct engine_reply *reply)
{
	play->next = t1_step(&play->engine, reply, &play->block);
}

static void card_says(struct play *play, const char *token)
{
	bool damaged = token[1] == 'x';
	uint8_t pcb = (uint8_t)strtoul(token + (damaged ? 2 : 1), NULL, 16);
	uint8_t bytes[T1_BLOCK_MAX], inf[INF_SIZE];
	size_t inf_size = make_inf(play, pcb, strchr(token, '.'), inf);
	struct engine_reply reply = {
		.data = bytes,
		.size = t1_block_build(bytes, T1_LRC, pcb, inf, inf_size),
	};

	if (damaged)
		bytes[reply.size - 1] ^= 0x10;
	else
		note(play, pcb, inf, inf_size);
	feed(play, &reply);
}

static void card(struct play *play, const char *token)
{
	static const struct engine_reply silent = { .event = ENGINE_SILENT };
	static const struct engine_reply garbled = { .event = ENGINE_GARBLED };

	if (token[1] == '-')
		feed(play, &silent);
	else if (token[1] == '~')
		feed(play, &garbled);
	else
		card_says(play, token);
}

static void check_answer(const struct play *play)
{
	assert_int_equal(play->engine.exchange.received, play->expected_size);
	assert_memory_equal(play->answer, play->expected, play->expected_size);
}

static void act(struct play *play, const char *token)
{
	if (token[0] == 'o')
		play->engine.ifsd_wanted = HOST_IFS;
	else if (token[0] == '>')
		host(play, token);
	else
		card(play, token);
	if (play->next == ENGINE_DONE && token[0] == '<')
		check_answer(play);
}

static void as_in_annex_a(void **state)
{
	const struct scenario *scenario = *state;
	const struct t1_parameters parameters = {
		.ifsc = IFSC, .message_max = 271,
	};
	struct play play = { .next = ENGINE_DONE };
	char traffic[256], *rest = NULL;

	snprintf(traffic, sizeof(traffic), "%s", scenario->traffic);
	assert_int_equal(t1_init(&play.engine, &parameters), 0);
	for (char *token = strtok_r(traffic, " ", &rest); token;
	     token = strtok_r(NULL, " ", &rest))
		act(&play, token);
	assert_int_equal(play.next, scenario->end);
}

int main(void)
{
	static char names[ROWS(scenarios)][64];
	static struct CMUnitTest tests[ROWS(scenarios)];

	for (size_t i = 0; i < ROWS(scenarios); i++) {
		snprintf(names[i], sizeof(names[i]), "scenario %s",
			 scenarios[i].name);
		tests[i] = (struct CMUnitTest){
			.name = names[i],
			.test_func = as_in_annex_a,
			.initial_state = (void *)(uintptr_t)&scenarios[i],
		};
	}
	return cmocka_run_group_tests_name("t1_annex", tests, NULL, NULL);
}
