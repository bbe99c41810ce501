/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * one_card - the ATR of one card, one reader, and what is decided for both.
 */
#ifndef CCIDTRACK_TESTS_ONE_CARD_H
#define CCIDTRACK_TESTS_ONE_CARD_H

#include <stddef.h>
#include <stdint.h>

#include "params.h"

#define BYTES(...)	(const uint8_t[]){ __VA_ARGS__ }, \
			sizeof((const uint8_t[]){ __VA_ARGS__ })
#define T0		0
#define T1		1

extern struct desc desc;
extern struct params_reader reader;
extern struct atr atr;
extern struct params params;

/* For cmocka: a reader of TPDU level at 4 MHz that does up to 344086 bit/s. */
int start_afresh(void **state);

/* A card by its ATR; with the TCK that belongs to it. */
void insert(const uint8_t *bytes, size_t size);
void insert_and_check(const uint8_t *bytes, size_t size);

/* Both offer 512/16. */
void insert_t1(void);
void insert_t0_and_t1(void);

void decide(uint8_t protocol);
void assert_refused(uint8_t protocol, int error);
void assert_pps(const uint8_t *bytes, size_t size);
void assert_set(const uint8_t *bytes, size_t size);

#endif
