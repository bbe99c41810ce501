/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * voptions - the words "name=value" of plug and set.
 *
 * What is told here goes into the descriptors (plug only) or steers how the
 * reader behaves (plug and set). README lists them.
 */
#ifndef VOPTIONS_H
#define VOPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VOPTIONS_TEXT	64

enum vlevel {
	VLEVEL_CHARACTER,
	VLEVEL_TPDU,
	VLEVEL_SHORT,
	VLEVEL_EXTENDED,
};

/* What a card pulled in the middle of a command leaves behind. */
enum vremoval {
	VREMOVAL_MUTE,		/* the command fails at once */
	VREMOVAL_LATE,		/* it fails when it would have ended */
	VREMOVAL_SILENT,	/* it is never answered */
};

/* What becomes of SetParameters. */
enum vparameters {
	VPARAMETERS_TAKE,
	VPARAMETERS_NO_SPEED,	/* another speed is refused */
	VPARAMETERS_REFUSE,	/* the command is unknown */
	VPARAMETERS_LIE,	/* all is well, and nothing changes */
};

/* Character level: how much of what the host waits for it gets at a time. */
enum vgive {
	VGIVE_EXACTLY,		/* all of it or, after mute-time, nothing */
	VGIVE_FEWER,
	VGIVE_ALL,		/* whatever has come, more too */
};

struct voptions {
	/* the device */
	unsigned vid, pid, version, bus, address, speed;
	char manufacturer[VOPTIONS_TEXT], product[VOPTIONS_TEXT];
	char serial[VOPTIONS_TEXT], interface_text[VOPTIONS_TEXT];
	unsigned interface, interface_class, interface_protocol, alternates;
	unsigned reader_setting;	/* other settings have no endpoints */
	unsigned idle_class;		/* bInterfaceClass of those */
	unsigned readers;		/* CCID interfaces */
	bool configured;		/* at plug */
	bool decoys;			/* other descriptors around the class's */
	bool hid;			/* another interface before it */
	bool interrupt;
	unsigned blind;			/* bit k: slot k has no switch */
	unsigned packet, interrupt_packet;
	bool descriptor_last;		/* class descriptor behind the endpoints */
	unsigned descriptor_type;
	char kernel_driver[VOPTIONS_TEXT];	/* bound at plug */
	/* the class descriptor */
	unsigned version_ccid, slots, voltages, protocols, clock, max_clock;
	unsigned rate, max_rate, ifsd, level, features, message_size, pin, lcd;
	unsigned busy_slots;
	bool auto_activation, auto_voltage;
	/* behaviour; times in microseconds */
	unsigned status_time, power_time, off_time, xfr_time, control_time;
	unsigned extension_interval;	/* 0: no time extensions */
	unsigned extension_multiplier;
	bool zlp;			/* an empty packet ends a full message */
	unsigned removal, removal_time;
	unsigned key_time;		/* between the user's keys */
	bool pin_indexes;		/* a modify always has three */
	unsigned pin_second;		/* of bTimeOut; 0: they never pass */
	bool open_denied;		/* the node's rights */
	bool driver_stays;		/* the kernel's does not let go */
	/* levels TPDU and character */
	char rates[VOPTIONS_TEXT], clocks[VOPTIONS_TEXT];	/* "9600,19200" */
	bool lists;			/* GET_DATA_RATES and the like answer */
	unsigned parameters, give;
	unsigned mute_time;		/* until a card is found mute */
	unsigned line_damaged, line_lost, line_doubled;	/* percent */
	unsigned line_seed;
	unsigned token_poll;		/* ICCD B: units of 10 ms that it asks for */
	/* notifications */
	unsigned notify_delay;
	unsigned notify_lose;		/* the next n movements go untold */
	bool notify_merge, notify_double, notify_bit, notify_chatty;
	bool notify_open;		/* once more after open */
};

void voptions_default(struct voptions *ret_options);

/*
 * One word. 0, -ENOENT if there is no such option or it is fixed once plugged,
 * -EINVAL if the value is not for it.
 */
int voptions_take(struct voptions *options, const char *word, bool plugged);

/* The number of value; -1 if it is none. */
long long voptions_number(const char *value, int base);

#endif
