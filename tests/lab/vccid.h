/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vccid - a CCID interface: its pipes, its slots, its commands.
 *
 * vccid.c takes commands off bulk-OUT and sends replies; vcommand.c does what
 * they ask, at TPDU and character level with vlevel.c, Secure with vkeypad.c,
 * Escape with vescape.c; vslot.c moves cards; vnotify.c tells of it on the
 * interrupt pipe.
 * The device (vdevice.h) owns it and stands between it and the host.
 */
#ifndef VCCID_H
#define VCCID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vcard.h"
#include "vcontact.h"
#include "vescape.h"
#include "vfault.h"
#include "vjournal.h"
#include "vkeypad.h"
#include "vline.h"
#include "vloop.h"
#include "voptions.h"
#include "vpipe.h"
#include "vtoken.h"

#define VCCID_HEADER		10
#define VCCID_SLOTS		16
#define VCCID_MESSAGE_MAX	(VCCID_HEADER + VCARD_COMMAND_MAX)
#define VCCID_NOTIFICATIONS	64
#define VCCID_LATER		UINT32_MAX	/* when is not known yet */

struct vccid;

/* bmICCStatus */
enum vicc {
	VICC_ACTIVE,
	VICC_INACTIVE,
	VICC_ABSENT,
};

struct vreply {
	uint8_t type;
	uint8_t outcome;	/* bmCommandStatus in its place: 0, 40h, 80h */
	uint8_t error;
	uint8_t extra;		/* byte 9 */
	size_t size;
	uint8_t data[VCARD_ANSWER_MAX];
};

struct vslot {
	struct vccid *ccid;
	uint8_t number;
	struct vcard *card;	/* NULL: empty */
	bool powered;
	uint8_t protocol;	/* bProtocolNum, as SetParameters left it */
	uint8_t parameters[7];

	/* levels TPDU and character: vlevel.h */
	uint8_t reader_fidi;	/* at which the reader listens and speaks */
	struct vcontact contact;
	struct vline line;

	/* the command under way */
	bool busy;
	uint8_t command, seq;
	struct vfault fault;
	unsigned extensions;	/* still to be sent before the reply */
	uint64_t due;
	struct vloop_timer timer;
	struct vreply reply;
	struct vkeypad keypad;

	/* between the control ABORT and the bulk one */
	bool abort_asked, abort_told;
	uint8_t abort_seq;

	/* a chained APDU and its answer, extended APDU level */
	uint8_t gathered[VCARD_COMMAND_MAX];
	size_t gathered_size;
	uint8_t answer[VCARD_ANSWER_MAX];
	size_t answer_size, answer_sent;

	/* the second half of a swap */
	struct vcard *next_card;
	struct vloop_timer insertion;
};

struct vnotification {
	uint64_t due;
	uint32_t present, changed;
};

struct vccid {
	const char *name;		/* the reader's, for the journal */
	struct voptions *options;
	struct vcounts *counts;
	unsigned interface;
	bool claimed;
	struct vpipe out, in, interrupt;
	struct vfaults faults;
	struct vescapes escapes;
	char keys[VKEYPAD_KEYS];	/* that the user has still to press */
	struct vslot *slots;		/* options->slots of them */

	/* a command that has not wholly arrived */
	uint8_t arriving[VCCID_MESSAGE_MAX];
	size_t arrived;
	bool whole;			/* now it has */
	struct vfault fault;		/* of that command */

	struct vtoken token;		/* in place of the bulk pipes */

	/* notifications */
	uint32_t changed;		/* not told yet, when they are merged */
	struct vnotification notes[VCCID_NOTIFICATIONS];
	unsigned n_notes;
	struct vloop_timer note_timer;
};

/* --- vccid.c */

void vccid_init(struct vccid *ccid, unsigned index);
void vccid_free(struct vccid *ccid);

/* Power was lost and all is as after plugging in; cards stay. */
void vccid_reset(struct vccid *ccid);

/* An OUT urb's data. 0 or -EPIPE. If 0, vccid_work() does what it asks. */
int vccid_out(struct vccid *ccid, const uint8_t *data, size_t size);
void vccid_work(struct vccid *ccid);

/* A class request; bytes put into data, or -EPIPE. */
int vccid_request(struct vccid *ccid, const uint8_t setup[8], uint8_t *data,
		  size_t room);

/*
 * The command under way has a reply, to be sent after time microseconds. For
 * VCCID_LATER it has none yet: this comes again when it has.
 */
void vccid_answer_after(struct vslot *slot, unsigned time);

/* The command under way is over, without a reply. */
void vccid_drop_command(struct vslot *slot);

/* --- vcommand.c */

/*
 * Does a command: fills slot->reply, returns the microseconds that it takes.
 * message is whole, its size is right.
 */
unsigned vcommand_run(struct vslot *slot, const uint8_t *message, size_t size);

/* What holds after a reset of the card that is in. */
void vcommand_default_parameters(struct vslot *slot);

/* Fills slot->reply with a failure of the command under way; or with data. */
void vcommand_fail(struct vslot *slot, uint8_t error);
void vcommand_reply(struct vslot *slot, const uint8_t *data, size_t size);

/* XfrBlock; as vcommand_run. */
unsigned vcommand_xfr(struct vslot *slot, const uint8_t *message, size_t size);

/* The card runs an APDU: what vcard_kind.apdu returns. */
size_t vcommand_apdu(struct vslot *slot, const uint8_t *apdu, size_t size,
		     uint8_t *ret_answer, unsigned *ret_time);

/* --- vslot.c */

/* The slot has no switch: it tells "present" whatever is in it. */
bool vslot_blind(const struct vslot *slot);

enum vicc vslot_icc(const struct vslot *slot);
void vslot_insert(struct vslot *slot, struct vcard *card);
void vslot_remove(struct vslot *slot);

/* Removes the card and puts the other in after gap microseconds. */
void vslot_swap(struct vslot *slot, struct vcard *card, unsigned gap);

/* What the card answers to a reset at this voltage: its ATR's size, 0: mute. */
size_t vslot_power_up(struct vslot *slot, uint8_t power_select,
		      uint8_t ret_atr[VCARD_ATR_MAX]);
void vslot_power_down(struct vslot *slot);

/* --- vnotify.c */

/* The slot's card has come or gone, or the reader believes so. */
void vnotify_changed(struct vslot *slot);

/* The host has opened the interface, or closed it. */
void vnotify_claimed(struct vccid *ccid, bool claimed);

/* An urb waits on the interrupt pipe. */
void vnotify_polled(struct vccid *ccid);
void vnotify_reset(struct vccid *ccid);

#endif
