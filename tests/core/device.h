/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * device - a smart card reader behind the script: slots, cards with serial
 * numbers, and whatever can be wrong with its answers.
 *
 * It follows CCID 1.1, the abort (5.3.1) to the letter: between its two halves
 * every command to the slot fails. A card answers any APDU with its serial
 * number, four bytes big endian, what answer_size adds, and 90 00; its ATR ends
 * with the serial number.
 *
 * Every function locks the script; the fields are for tests to set before the
 * reader is opened, or with the script locked.
 */
#ifndef CCIDTRACK_TESTS_DEVICE_H
#define CCIDTRACK_TESTS_DEVICE_H

#include "ccid.h"
#include "script.h"

/* dwFeatures of a reader that does all by itself but power an inserted card */
#define DEVICE_AUTOMATIC	0x000004BAu

#define DEVICE_FAULTS_MAX	64
#define DEVICE_SEEN_MAX		256

enum device_announcement {
	DEVICE_EACH,	/* a message for each movement */
	DEVICE_MERGED,	/* one for all that nobody has fetched */
	DEVICE_MUTE,	/* nothing, though there is an endpoint */
};

enum device_fault {
	DEVICE_SILENT,
	DEVICE_FAIL,		/* code: bError */
	DEVICE_EXTEND,		/* n time extensions of code, then the answer */
	DEVICE_WORK,		/* the same, and no answer */
	DEVICE_OTHER_SEQ,
	DEVICE_OTHER_SLOT,
	DEVICE_OTHER_TYPE,
	DEVICE_SHORT,		/* n bytes of the answer */
	DEVICE_LENGTH,		/* dwLength is code too great */
	DEVICE_EMPTIES,		/* n packets without a byte, then the answer */
	DEVICE_STRAYS,		/* n answers to nobody, then the answer */
	DEVICE_STALL,		/* the pipe halts instead of the answer */
	DEVICE_STATUS,		/* the transfer ends with -code */
	DEVICE_ICC,		/* bmICCStatus is code */
	DEVICE_CHAIN,		/* bChainParameter is code */
	DEVICE_ATR_SIZE,	/* the answer has n bytes of data */
	DEVICE_REMOVED,		/* the card leaves, then SILENT */
	DEVICE_SWAPPED,		/* the card is swapped, then the answer */
};

struct device_card {
	uint32_t serial;
	uint8_t voltages;	/* DESC_VOLTAGE_* it works with, 0: any */
};

struct device_slot {
	bool present, active;
	struct device_card card;
	bool aborting;		/* the control half came */
	uint8_t abort_seq;
	bool changed;		/* not told yet */
	uint64_t announced;	/* by this message of the interrupt pipe */
	uint8_t *command;	/* parts of a chained APDU */
	size_t command_size;
	uint8_t *answer;	/* what is left of a chained answer */
	size_t answer_size, answer_sent;
};

struct device {
	struct script script;
	struct device_slot slot[DESC_SLOTS_MAX];
	unsigned slots;
	bool extended;
	bool auto_activation;
	bool ignores_abort;	/* the request halts */
	bool hangs;		/* takes commands and does nothing, until reset */
	bool doubles;		/* every notification comes twice */
	bool cuts;		/* notifications are cut to one byte */
	uint8_t pretends;	/* bmICCStatus of any card; or 0 */
	bool settles;		/* mute until its insertion was fetched */
	enum device_announcement announcement;
	uint64_t notice_us;	/* how late notifications are */
	size_t answer_size;	/* of data that a card adds */
	struct {
		uint8_t command;	/* 0: any */
		enum device_fault fault;
		unsigned n;
		uint8_t code;
	} fault[DEVICE_FAULTS_MAX];
	unsigned faults;
	struct {
		uint8_t type, slot, parameters[3];
		size_t size;
		bool reached_card;
	} seen[DEVICE_SEEN_MAX];	/* the commands, the last ones */
	unsigned seens;
	unsigned blocks_to_cards;	/* XfrBlocks that reached a card */
	void (*watch)(struct device *device, unsigned slot, uint8_t type);
	/* foul.c's */
	void (*honest)(struct script *script, const uint8_t *bytes,
		       size_t size);
	uint64_t chance;
};

/* One slot, short APDU level, empty, on bus 1. */
void device_plug(struct device *device, unsigned address);
void device_discard(struct device *device);

/* Before it is opened. */
void device_set_slots(struct device *device, unsigned slots, unsigned at_once);
void device_set_features(struct device *device, uint32_t features);
void device_set_message(struct device *device, uint32_t size);
void device_set_voltages(struct device *device, uint8_t voltages);

/* As pcscd spells it; valid until the next call of the same thread. */
const char *device_name(const struct device *device);

void device_insert(struct device *device, unsigned slot, uint32_t serial);
void device_remove(struct device *device, unsigned slot);
void device_swap(struct device *device, unsigned slot, uint32_t serial);

/* The next command of this type (0: any) is answered with this fault. */
void device_on(struct device *device, uint8_t command, enum device_fault fault,
	       unsigned n, uint8_t code);

/* Bytes of the interrupt pipe, of the bulk pipe. */
void device_notify(struct device *device, const uint8_t *bytes, size_t size);
void device_say(struct device *device, const uint8_t *bytes, size_t size);

/* The next transfer of the pipe ends with the error. */
void device_break(struct device *device, enum usb_pipe pipe, int error);

void device_hold(struct device *device, enum usb_pipe pipe, bool held);

/* What has ended is not told. */
void device_delay(struct device *device, enum usb_pipe pipe, bool delayed);

/* The next transfer of the pipe does not end before it is cancelled. */
void device_stick(struct device *device, enum usb_pipe pipe);
void device_unplug(struct device *device);

/* How many commands of the type (0: any) have come. */
unsigned device_count(struct device *device, uint8_t type);

/* The same with the script locked. */
void device_move_locked(struct device *device, unsigned slot, bool present,
			uint32_t serial);

#endif
