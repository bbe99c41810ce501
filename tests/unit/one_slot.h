/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * one_slot - a tracker with one slot, and the words in which its tests speak.
 */
#ifndef CCIDTRACK_TESTS_ONE_SLOT_H
#define CCIDTRACK_TESTS_ONE_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "track.h"
#include "track_asked.h"
#include "track_told.h"

#define POLL_MS		200

#define CHANGED		true
#define UNCHANGED	false

extern struct track t;
extern uint64_t now;

/* A reader with an interrupt endpoint, long after its slot was opened. */
void open_slot(bool card);
/* The same, just opened. */
void open_slot_now(bool card);
/* No interrupt endpoint. */
void open_paced_slot(bool card);
/* The reader activates inserted cards by itself. */
void open_auto_slot(bool card);

void later(uint64_t ms);

unsigned notified(bool present, bool changed);
unsigned replied(enum ccid_icc icc);
unsigned missed(void);
void ask(void);
unsigned answered(enum ccid_icc icc);
/* In milliseconds from now; TRACK_NEVER. */
uint64_t due_in(void);
unsigned news_of_due(void);

/* A movement that is told at once, and its own time. */
void insert(void);
void remove_card(void);

unsigned begin_power(enum track_power kind);
int end_power(bool done);
int power_up(void);
void power_off(void);

/* pcscd's event thread: a wait that is over at once, then one presence. */
void enter(void);
bool over(void);
void leave(void);
enum track_presence told(void);
enum track_presence others_told(void);
/* It leaves its wait, hears that, and waits again. */
enum track_presence pass(void);

/* pcscd has been told of the card, and powered it up; it waits. */
void watch_powered_card(void);
void watch_unpowered_card(void);

/* What the truth is, and whether a question is wanted. */
void assert_inside(uint32_t visit);
void assert_nothing_inside(void);
void assert_settled(void);
void assert_in_doubt(void);
void assert_to_be_confirmed(void);

#endif
