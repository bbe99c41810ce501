/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t0_talk - the engine of T=0 at one end, at the other what a card says.
 */
#ifndef CCIDTRACK_TESTS_T0_TALK_H
#define CCIDTRACK_TESTS_T0_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "t0.h"

#define BYTES(...)	(const uint8_t[]){ __VA_ARGS__ }, \
			sizeof((const uint8_t[]){ __VA_ARGS__ })
#define GUARD		0xA5	/* behind what the engine may write */
#define CHARACTER	true
#define TPDU		false
#define MESSAGE		271
#define CLA		0x80

/* Commands without data, with data from the card and to it; the engine's own */
#define INS_PLAIN	0x44
#define INS_FROM	0xB0
#define INS_TO		0xD6
#define INS_GET		0xC0
#define INS_ENVELOPE	0xC2

extern uint8_t command[APDU_COMMAND_MAX + 1];
extern uint8_t answer[APDU_ANSWER_MAX + 1];
extern uint8_t told[APDU_ANSWER_MAX + 300];	/* what the card has to tell */
extern struct t0 engine;
extern struct engine_block block;

/* For cmocka. */
int start_afresh(void **state);

/* A command; lc and le of 0: not there. Returns its size. */
size_t build(uint32_t lc, uint32_t le, bool extended);

int start(bool character, size_t message_max, size_t size);
int feed(const uint8_t *data, size_t size);

/* The block that is to be sent now. */
void assert_sent(const uint8_t *bytes, size_t size);

/* So many bytes of told, and the status. */
void assert_answered(size_t data, uint8_t sw1, uint8_t sw2);

#endif
