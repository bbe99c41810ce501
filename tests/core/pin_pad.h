/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pin_pad - a scripted reader with keys and a card that wants a PIN: device.h
 * for everything but Secure and Escape, and the card's part of T=1; and what a
 * client asks of it.
 *
 * The fields are for tests to set and to read while nobody is at work.
 */
#ifndef CCIDTRACK_TESTS_PIN_PAD_H
#define CCIDTRACK_TESTS_PIN_PAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device.h"
#include "stopped_clock.h"

#define TPDU_LEVEL	0x00010000u

/* Control codes */
#define LIST		0x42000D48u
#define VERIFY		0x42000A06u
#define MODIFY		0x42000A07u
#define PIN_PROPERTIES	0x42000A0Au
#define PROPERTIES	0x42000A12u
#define ESCAPE		0x42000A13u

/* Some of the attributes */
#define CURRENT_PROTOCOL	0x00080201u
#define ICC_PRESENCE		0x00090300u

#define VERIFY_SIZE	24

#define PIN_PAD_REPLIES_MAX	8
#define PIN_PAD_SIZE_MAX	600

/* What the reader says to Secure, to Escape, and at T=1 to XfrBlock. */
struct pin_pad_reply {
	bool silent;
	unsigned keys;		/* time extensions before */
	uint8_t error;		/* and failed, if fails */
	bool fails;
	uint8_t chain;
	size_t size;
	uint8_t bytes[PIN_PAD_SIZE_MAX];
};

struct pin_pad {
	bool t1;		/* the card's ATR offers T=1, and nothing else */
	const struct pin_pad_reply *atr;	/* NULL: that one */
	struct pin_pad_reply reply[PIN_PAD_REPLIES_MAX];
	unsigned replies, replied;
	unsigned secures, escapes, blocks;
	uint8_t type;		/* the last command of those */
	uint8_t parameters[3];
	size_t size;
	uint8_t bytes[PIN_PAD_SIZE_MAX];	/* its data */
};

extern struct pin_pad pin_pad;

/* Before it is opened: dwFeatures, bPINSupport. One card is inside. */
void pin_pad_plug(struct device *device, uint32_t features, uint8_t support);

/* One reply more, in the order in which they are to come. */
struct pin_pad_reply *pin_pad_will_say(const uint8_t *bytes, size_t size);
struct pin_pad_reply *pin_pad_will_fail(uint8_t error);
struct pin_pad_reply *pin_pad_will_be_silent(void);

/* The card's block, as the reader hands it on. */
struct pin_pad_reply *card_will_say(uint8_t pcb, const uint8_t *inf,
				    size_t size);

/* Opens the reader, powers the card up and agrees on T=0 or T=1. */
void open_pin_pad(uint32_t level);
void open_t1(void);

/* A client's VERIFY of five bytes, and a card's 90 00. */
extern const uint8_t verify[VERIFY_SIZE];
extern const uint8_t good[2];

/* One call of control.h; the client's buffer is filled with 5Ah before. */
struct request {
	struct call call;
	uint64_t code;
	uint8_t bytes[70000];
	size_t size;
	uint8_t answer[70000];
	size_t room;
	size_t received;
	int r;
};

extern struct request asked;

/* Begins it and comes back when nobody is at work any more. */
void ask(uint64_t code, const uint8_t *bytes, size_t size);
int asked_over(uint64_t *ret_ms);

/* The same, done: returns what the call returned. */
int asked_for(uint64_t code, const uint8_t *bytes, size_t size);
int asked_with_room(uint64_t code, const uint8_t *bytes, size_t size,
		    size_t room);

/* On errors the client's buffer is as it was. */
void assert_failed(int error);
void assert_answer(const uint8_t *bytes, size_t size);

#endif
