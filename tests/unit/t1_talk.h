/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t1_talk - the engine of T=1 at one end, at the other what a card says.
 */
#ifndef CCIDTRACK_TESTS_T1_TALK_H
#define CCIDTRACK_TESTS_T1_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apdu.h"
#include "t1.h"

#define GUARD		0xA5	/* behind what the engine may write */
#define NO_IFSD		0
#define IFSC		32
#define TPDU		false
#define CHARACTER	true

extern uint8_t command[APDU_COMMAND_MAX + 1];
extern uint8_t answer[T1_ANSWER_MAX + 1];
extern uint8_t told[T1_ANSWER_MAX + T1_INF_MAX];	/* what the card says */
extern size_t told_size;	/* so far, to this command */
extern struct t1 engine;
extern struct engine_block block;

/* For cmocka: a card of IFSC at TPDU level. */
int start_afresh(void **state);
void power_up(uint8_t ifsc, uint8_t ifsd, bool crc, bool character);

/* The first bytes of command. */
int start(size_t size);
int start_room(size_t size, size_t room);

/* A part of a reply, in memory of exactly its size. */
int feed_bytes(const uint8_t *bytes, size_t size);

/* A block; of another kind of EDC than the LRC; with one byte of INF. */
int feed(uint8_t pcb);
int feed_kind(unsigned kind, uint8_t pcb, const uint8_t *inf, size_t size);
int feed_value(uint8_t pcb, uint8_t value);

/* An I-block with the next bytes of the card's answer. */
int feed_i(uint8_t pcb, size_t size);

int feed_event(enum engine_event event);
int feed_silence(void);

/* The step before sent such a block; with one byte of INF; with none. */
void assert_sent(int next, uint8_t pcb, const uint8_t *inf, size_t size);
void assert_value(int next, uint8_t pcb, uint8_t value);
void assert_s(int next, uint8_t pcb);

/* It was the last one: all that the card told is in answer. */
void assert_answered(int next);

/* A failure after which the card must be reset. */
void assert_broken(int r, int error);

/* Two bytes for four, so that the card has spoken. */
void exchange_once(void);

/* Sends the command, each part at most ifsc; returns the last step. */
int send_all(int next, size_t size, size_t ifsc);

#endif
