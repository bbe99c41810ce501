/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vccid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vlevel.h"
#include "vtrigger.h"

#define ABORT		0x72
#define SLOT_STATUS	0x81

#define FAILED		0x40
#define EXTENSION	0x80

#define NEVER		UINT64_MAX

#define ERROR_ABORTED	0xFF
#define ERROR_BUSY	0xE0
#define ERROR_SLOT	0x05
#define ERROR_LENGTH	0x01

#define REQUEST_ABORT	0x01
#define REQUEST_CLOCKS	0x02
#define REQUEST_RATES	0x03

static uint32_t le32(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static void put_le32(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)value;
	to[1] = (uint8_t)(value >> 8);
	to[2] = (uint8_t)(value >> 16);
	to[3] = (uint8_t)(value >> 24);
}

/* --- replies */

static void push(struct vccid *ccid, const uint8_t *message, size_t size)
{
	ccid->counts->number[VCOUNT_REPLIES]++;
	vpipe_push(&ccid->in, message, size, ccid->options->zlp &&
		   size % ccid->in.packet == 0);
}

/* Damages what is at message, of *size bytes with room for more. */
static void damage(uint8_t *message, size_t *size, size_t room,
		   const struct vfault *fault)
{
	unsigned value = fault->value;
	uint8_t shift = (uint8_t)(value ? value : 1);

	switch (fault->kind) {
	case VFAULT_SEQ:
		message[6] = (uint8_t)(message[6] + shift);
		break;
	case VFAULT_SLOT:
		message[5] = (uint8_t)(message[5] + shift);
		break;
	case VFAULT_TYPE:
		message[0] = (uint8_t)value;
		break;
	case VFAULT_STATUS:
		message[7] = (uint8_t)value;
		break;
	case VFAULT_LENGTH:
		put_le32(message + 1, le32(message + 1) + shift);
		break;
	case VFAULT_SHORT:
		*size = value < *size ? value : *size;
		break;
	case VFAULT_LONG:
		*size = value < room - *size ? *size + value : room;
		break;
	default:
		break;
	}
}

static size_t compose(const struct vslot *slot, const struct vreply *reply,
		      uint8_t seq, uint8_t *message)
{
	message[0] = reply->type;
	put_le32(message + 1, (uint32_t)reply->size);
	message[5] = slot->number;
	message[6] = seq;
	message[7] = (uint8_t)(vslot_icc(slot) | reply->outcome);
	message[8] = reply->error;
	message[9] = reply->extra;
	memcpy(message + VCCID_HEADER, reply->data, reply->size);
	return VCCID_HEADER + reply->size;
}

static void send_reply(struct vslot *slot, const struct vfault *fault)
{
	static uint8_t message[VCCID_MESSAGE_MAX + 4096];
	struct vccid *ccid = slot->ccid;
	size_t size = compose(slot, &slot->reply, slot->seq, message);

	damage(message, &size, sizeof(message), fault);
	switch (fault->kind) {
	case VFAULT_LOST:
		return;
	case VFAULT_STALL:
		vpipe_halt(&ccid->in);
		return;
	case VFAULT_PROTO:
		ccid->in.damage = -EPROTO;
		break;
	case VFAULT_OVERFLOW:
		ccid->in.damage = -EOVERFLOW;
		break;
	case VFAULT_ZLP_BEFORE:
		vpipe_push(&ccid->in, NULL, 0, false);
		break;
	case VFAULT_DOUBLE:
		push(ccid, message, size);
		break;
	default:
		break;
	}
	push(ccid, message, size);
	if (fault->kind == VFAULT_ZLP_AFTER)
		vpipe_push(&ccid->in, NULL, 0, false);
}

/* A reply outside the one command that a slot may have under way. */
static void send_status(struct vslot *slot, uint8_t seq, uint8_t outcome,
			uint8_t error)
{
	uint8_t message[VCCID_HEADER] = { SLOT_STATUS };

	message[5] = slot->number;
	message[6] = seq;
	message[7] = (uint8_t)(vslot_icc(slot) | outcome);
	message[8] = error;
	push(slot->ccid, message, sizeof(message));
}

/* --- the command under way */

static void finish(struct vslot *slot)
{
	const struct vfault fault = slot->fault;
	const uint8_t command = slot->command;

	if (fault.kind == VFAULT_HANG)
		return;
	slot->busy = false;
	send_reply(slot, &fault);
	vtrigger_seen(slot, command, VTRIGGER_REPLY);
}

static void send_extension(struct vslot *slot)
{
	const struct voptions *options = slot->ccid->options;
	uint8_t message[VCCID_HEADER] = { slot->reply.type };

	message[5] = slot->number;
	message[6] = slot->seq;
	message[7] = (uint8_t)(vslot_icc(slot) | EXTENSION);
	message[8] = (uint8_t)options->extension_multiplier;
	push(slot->ccid, message, sizeof(message));
}

static void arm(struct vslot *slot)
{
	uint64_t interval = slot->ccid->options->extension_interval * VLOOP_US;
	uint64_t next = vloop_now() + interval;

	if (slot->fault.kind == VFAULT_EXTEND && slot->extensions)
		vloop_arm(&slot->timer, next);
	else if (interval && next < slot->due)
		vloop_arm(&slot->timer, next);
	else if (slot->due != NEVER)
		vloop_arm(&slot->timer, slot->due);
}

static void timer_due(struct vloop_timer *timer)
{
	struct vslot *slot = vloop_owner(timer, struct vslot, timer);

	if (slot->extensions) {
		slot->extensions--;
		send_extension(slot);
		arm(slot);
	} else if (vloop_now() < slot->due) {
		if (slot->fault.kind != VFAULT_HANG)
			send_extension(slot);
		arm(slot);
	} else {
		finish(slot);
	}
}

void vccid_answer_after(struct vslot *slot, unsigned time)
{
	if (slot->fault.kind == VFAULT_LATE && time != VCCID_LATER)
		time += slot->fault.value;
	slot->due = time == VCCID_LATER ? NEVER
					: vloop_now() + time * VLOOP_US;
	vloop_disarm(&slot->timer);
	if (time || slot->extensions)
		arm(slot);
	else
		finish(slot);
}

void vccid_drop_command(struct vslot *slot)
{
	vloop_disarm(&slot->timer);
	vkeypad_end(slot);
	slot->busy = false;
}

static void start(struct vslot *slot, const uint8_t *message, size_t size)
{
	const struct vfault *fault = &slot->ccid->fault;
	unsigned time = 0;

	slot->busy = true;
	slot->command = message[0];
	slot->seq = message[6];
	slot->fault = *fault;
	slot->extensions = fault->kind == VFAULT_EXTEND ? fault->value : 0;
	if (fault->kind == VFAULT_FAIL)
		vcommand_fail(slot, (uint8_t)fault->value);
	else
		time = vcommand_run(slot, message, size);
	if (fault->kind == VFAULT_UNHEARD)
		vcommand_fail(slot, (uint8_t)fault->value);
	vccid_answer_after(slot, time);
	vtrigger_seen(slot, message[0], VTRIGGER_ARRIVAL);
}

/* --- abort: the control request and the command, in either order */

static void try_abort(struct vslot *slot)
{
	if (!slot->abort_asked || !slot->abort_told)
		return;
	slot->abort_asked = slot->abort_told = false;
	vccid_drop_command(slot);
	slot->answer_size = slot->answer_sent = slot->gathered_size = 0;
	send_status(slot, slot->abort_seq, 0, 0);
}

static void abort_command(struct vslot *slot, uint8_t seq)
{
	slot->abort_told = true;
	slot->abort_seq = seq;
	try_abort(slot);
}

static void abort_request(struct vslot *slot, uint8_t seq)
{
	slot->abort_asked = true;
	slot->abort_seq = seq;
	vccid_drop_command(slot);
	try_abort(slot);
}

static int list_request(const struct vccid *ccid, const uint8_t setup[8],
			uint8_t *data, size_t room)
{
	const struct voptions *options = ccid->options;
	const char *list = setup[1] == REQUEST_RATES ? options->rates :
						       options->clocks;
	size_t size = 4u * vlevel_list(list, data, room);

	if (!options->lists || !size)
		return -EPIPE;
	return (int)(size < room ? size : room);
}

int vccid_request(struct vccid *ccid, const uint8_t setup[8], uint8_t *data,
		  size_t room)
{
	uint8_t slot = setup[2], seq = setup[3];

	if (vtoken_is(ccid))
		return vtoken_request(ccid, setup, data, room);
	if (setup[0] == 0xA1 &&
	    (setup[1] == REQUEST_RATES || setup[1] == REQUEST_CLOCKS))
		return list_request(ccid, setup, data, room);
	if (setup[0] != 0x21 || setup[1] != REQUEST_ABORT ||
	    slot >= ccid->options->slots)
		return -EPIPE;
	abort_request(ccid->slots + slot, seq);
	return 0;
}

/* --- commands */

static unsigned busy_slots(const struct vccid *ccid)
{
	unsigned busy = 0;

	for (unsigned i = 0; i < ccid->options->slots; i++)
		busy += ccid->slots[i].busy;
	return busy;
}

static void dispatch(struct vccid *ccid, const uint8_t *message, size_t size)
{
	struct vslot *slot = ccid->slots + message[5];
	unsigned limit = ccid->options->busy_slots;
	uint8_t seq = message[6];

	if (vfault_is_dead(&ccid->faults))
		return;
	if (message[0] == ABORT)
		abort_command(slot, seq);
	else if (slot->abort_asked || slot->abort_told)
		send_status(slot, seq, FAILED, ERROR_ABORTED);
	else if (slot->busy || busy_slots(ccid) >= (limit ? limit : 1))
		send_status(slot, seq, FAILED, ERROR_BUSY);
	else
		start(slot, message, size);
}

/* A slot that is none has no state to reply with: the first one's serves. */
static void refuse(struct vccid *ccid, const uint8_t *message, uint8_t error)
{
	uint8_t reply[VCCID_HEADER] = { SLOT_STATUS };

	reply[5] = message[5];
	reply[6] = message[6];
	reply[7] = (uint8_t)(VICC_ABSENT | FAILED);
	reply[8] = error;
	push(ccid, reply, sizeof(reply));
}

/* What is there to read does not fit any reader's buffer: it is read on. */
static void gather(struct vccid *ccid, const uint8_t *data, size_t size)
{
	size_t room = sizeof(ccid->arriving) - ccid->arrived;

	memcpy(ccid->arriving + ccid->arrived, data, size < room ? size : room);
	ccid->arrived += size < room ? size : room;
}

/* A message ends where its dwLength says; a short packet ends it before. */
static bool ended(const struct vccid *ccid, size_t size)
{
	return size % ccid->out.packet != 0 || size == 0 ||
	       (ccid->arrived >= VCCID_HEADER &&
		ccid->arrived - VCCID_HEADER >= le32(ccid->arriving + 1));
}

int vccid_out(struct vccid *ccid, const uint8_t *data, size_t size)
{
	const uint8_t *message = ccid->arriving;

	if (ccid->out.halted)
		return -EPIPE;
	gather(ccid, data, size);
	if (!ended(ccid, size))
		return 0;
	ccid->whole = ccid->arrived >= VCCID_HEADER;
	if (!ccid->whole) {
		ccid->arrived = 0;
		return 0;
	}
	ccid->counts->number[VCOUNT_COMMANDS]++;
	ccid->counts->command[message[0]]++;
	ccid->fault = vfault_take(&ccid->faults, message[5], message[0]);
	if (ccid->fault.kind != VFAULT_STALL_OUT)
		return 0;
	ccid->whole = false;
	ccid->arrived = 0;
	vpipe_halt(&ccid->out);
	return -EPIPE;
}

void vccid_work(struct vccid *ccid)
{
	const uint8_t *message = ccid->arriving;
	size_t size = ccid->arrived;

	if (!ccid->whole)
		return;
	ccid->whole = false;
	ccid->arrived = 0;
	if (message[5] >= ccid->options->slots) {
		refuse(ccid, message, ERROR_SLOT);
		return;
	}
	vtrigger_seen(ccid->slots + message[5], message[0], VTRIGGER_BEFORE);
	if (size != VCCID_HEADER + le32(message + 1) ||
	    size > ccid->options->message_size)
		refuse(ccid, message, ERROR_LENGTH);
	else
		dispatch(ccid, message, size);
}

/* --- life */

void vccid_init(struct vccid *ccid, unsigned index)
{
	const struct voptions *options = ccid->options;

	ccid->out.address = (uint8_t)(0x01 + 2 * index);
	ccid->in.address = (uint8_t)(0x81 + 2 * index);
	ccid->interrupt.address = (uint8_t)(0x82 + 2 * index);
	ccid->out.packet = ccid->in.packet = options->packet;
	ccid->interrupt.packet = options->interrupt_packet;
	ccid->slots = calloc(options->slots, sizeof(*ccid->slots));
	if (!ccid->slots)
		abort();
	for (unsigned i = 0; i < options->slots; i++) {
		ccid->slots[i].ccid = ccid;
		ccid->slots[i].number = (uint8_t)i;
		ccid->slots[i].timer.fire = timer_due;
	}
	vnotify_reset(ccid);
}

void vccid_reset(struct vccid *ccid)
{
	for (unsigned i = 0; i < ccid->options->slots; i++) {
		struct vslot *slot = ccid->slots + i;

		vccid_drop_command(slot);
		vslot_power_down(slot);
		slot->abort_asked = slot->abort_told = false;
	}
	vfault_revive(&ccid->faults);
	memset(&ccid->token, 0, sizeof(ccid->token));
	ccid->arrived = 0;
	ccid->whole = false;
	ccid->out.halted = ccid->in.halted = ccid->interrupt.halted = false;
	vpipe_flush(&ccid->in);
	vnotify_reset(ccid);
}

void vccid_free(struct vccid *ccid)
{
	vccid_reset(ccid);
	vfault_clear(&ccid->faults);
	vescape_clear(&ccid->escapes);
	for (unsigned i = 0; i < ccid->options->slots; i++) {
		vloop_disarm(&ccid->slots[i].insertion);
		vcard_free(ccid->slots[i].card);
		vcard_free(ccid->slots[i].next_card);
	}
	free(ccid->slots);
}
