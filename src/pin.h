/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pin - a client's PIN_VERIFY and PIN_MODIFY structures (PC/SC part 10, 2.6.8
 * and 2.6.9), made into the data of a CCID Secure command (CCID 1.1, 6.1.11).
 *
 * Both are the same but for this:
 *
 *   field                   client                 reader
 *   bPINOperation           -                      first byte
 *   bTimerOut2              second byte            -
 *   bMsgIndex2              always                 not if bNumberMessage is 0
 *   bMsgIndex3              always                 if it is 3 or FFh
 *   bTeoPrologue            to be ignored          0, or the block's: T=1 at
 *                                                  TPDU level, pin_set_prologue
 *   ulDataLength            before the APDU        -
 *
 * CCID is not clear about bMsgIndex3 with FFh; readers have been used with
 * hosts that send it.
 *
 * Clients bend the rules as well. What has one sensible meaning is repaired:
 * ulDataLength may be big endian, and so are the other numbers then; the two
 * digit counts may stand in the wrong order; a validation condition that is
 * none becomes the validation key (some readers crash on it); for a verify,
 * which has one prompt, two or three messages are one. Everything else that is
 * wrong is refused, all lengths first of all. Readers that want something else
 * than CCID says get it: struct pin_rules.
 *
 * The APDU holds no PIN yet, but what a reader sends belongs to one: the caller
 * wipes a struct pin.
 *
 * Pure. Any thread.
 */
#ifndef CCIDTRACK_PIN_H
#define CCIDTRACK_PIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIN_APDU_MIN		4	/* CLA INS P1 P2 */
#define PIN_APDU_MAX		261
#define PIN_DATA_MAX		(20 + PIN_APDU_MAX)
#define PIN_PROLOGUE_SIZE	3
#define PIN_STATUS_SIZE		2

#define PIN_ENTRY_MAX_S		300	/* whatever the reader says */

/* bPINOperation */
enum pin_operation {
	PIN_VERIFY = 0x00,
	PIN_MODIFY = 0x01,
};

/* bNumberMessage, where a reader does not take what CCID allows */
enum pin_messages {
	PIN_MESSAGES_ASKED,		/* as the client has it */
	PIN_MESSAGES_NONE,
	PIN_MESSAGES_1,
	PIN_MESSAGES_3,
	PIN_MESSAGES_OWN_FOR_NONE,	/* FFh in place of 0 */
};

/* The message indexes of a modify */
enum pin_indexes {
	PIN_INDEXES_COUNTED,		/* as many as the table
					 * above has them */
	PIN_INDEXES_ALL,		/* three, whatever the number */
	PIN_INDEXES_ZERO,		/* three, all of them 0 */
};

/* The ways of a reader; all 0: it does what CCID says. */
struct pin_rules {
	uint8_t verify_messages, modify_messages;	/* enum pin_messages */
	uint8_t indexes;				/* enum pin_indexes */
	uint8_t conditions;	/* that it takes; 0: all;
				 * else the key at least */
	bool swapped_digits;	/* most and fewest, the wrong way round */
	bool unpadded;		/* a command of four bytes
				 * wants an escape first */
	uint16_t pause_ms;	/* before it is told: the
				 * last key is still down */
};

struct pin {
	uint8_t data[PIN_DATA_MAX];	/* of a Secure command */
	size_t size;
	size_t apdu_size;	/* the bytes at its end */
	unsigned wait_s;	/* how long the reader may stay silent */
	unsigned pause_ms;	/* and how long it is left alone before */
	bool unpadded;		/* to be told that the PIN
				 * comes without padding */
};

/* 0, or -EINVAL: the structure is malformed, *ret_pin is untouched. */
int pin_parse(enum pin_operation operation, const struct pin_rules *rules,
	      const uint8_t *bytes, size_t size, struct pin *ret_pin);

/* NAD, PCB and LEN of the block that the reader shall send. */
void pin_set_prologue(struct pin *pin,
		      const uint8_t prologue[PIN_PROLOGUE_SIZE]);

/*
 * True if the bError of a Secure command says that the user gave no PIN;
 * clients are told by a status word of the host's own: 64 00 nothing was keyed
 * in in time, 64 01 cancelled.
 */
bool pin_is_refused(uint8_t error, uint8_t ret_status[PIN_STATUS_SIZE]);

#endif
