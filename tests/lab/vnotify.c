/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vccid.h"

#include <string.h>

static uint32_t present_slots(const struct vccid *ccid)
{
	uint32_t present = 0;

	for (unsigned i = 0; i < ccid->options->slots; i++)
		if (ccid->slots[i].card || vslot_blind(&ccid->slots[i]))
			present |= UINT32_C(1) << i;
	return present;
}

/* NotifySlotChange: two bits for each slot, the present one below. */
static void send(struct vccid *ccid, uint32_t present, uint32_t changed)
{
	uint8_t message[1 + VCCID_SLOTS / 4] = { 0x50 };
	size_t size = 1 + (ccid->options->slots + 3) / 4;

	if (!ccid->options->notify_bit)
		changed = 0;
	for (unsigned i = 0; i < ccid->options->slots; i++) {
		unsigned bits = (present >> i & 1) | (changed >> i & 1) << 1;

		message[1 + i / 4] |= (uint8_t)(bits << (i % 4 * 2));
	}
	vpipe_push(&ccid->interrupt, message, size, false);
	if (ccid->options->notify_double)
		vpipe_push(&ccid->interrupt, message, size, false);
}

static void arm(struct vccid *ccid)
{
	if (ccid->n_notes)
		vloop_arm(&ccid->note_timer, ccid->notes[0].due);
}

static void send_first(struct vccid *ccid)
{
	struct vnotification note = ccid->notes[0];

	ccid->n_notes--;
	memmove(ccid->notes, ccid->notes + 1,
		ccid->n_notes * sizeof(ccid->notes[0]));
	send(ccid, note.present, note.changed);
}

/* Merged: what is true when the host looks, not when the card moved. */
static void send_merged(struct vccid *ccid)
{
	uint32_t changed = ccid->changed;

	ccid->n_notes = 0;
	ccid->changed = 0;
	send(ccid, present_slots(ccid), changed);
}

static void send_due(struct vccid *ccid)
{
	while (ccid->n_notes && ccid->notes[0].due <= vloop_now()) {
		if (!ccid->options->notify_merge)
			send_first(ccid);
		else if (ccid->interrupt.urbs)
			send_merged(ccid);
		else
			return;
	}
	arm(ccid);
}

static void note_due(struct vloop_timer *timer)
{
	send_due(vloop_owner(timer, struct vccid, note_timer));
}

static void note(struct vccid *ccid, uint32_t changed)
{
	struct vnotification *note = ccid->notes + ccid->n_notes;

	ccid->changed |= changed;
	if (ccid->n_notes == VCCID_NOTIFICATIONS ||
	    (ccid->options->notify_merge && ccid->n_notes))
		return;
	note->due = vloop_now() + ccid->options->notify_delay * VLOOP_US;
	note->present = present_slots(ccid);
	note->changed = changed;
	ccid->n_notes++;
	send_due(ccid);
}

void vnotify_changed(struct vslot *slot)
{
	struct vccid *ccid = slot->ccid;

	if (!ccid->options->interrupt || !ccid->claimed || vslot_blind(slot))
		return;
	if (ccid->options->notify_lose) {
		ccid->options->notify_lose--;
		return;
	}
	note(ccid, UINT32_C(1) << slot->number);
}

void vnotify_claimed(struct vccid *ccid, bool claimed)
{
	ccid->claimed = claimed;
	vnotify_reset(ccid);
	if (claimed && ccid->options->interrupt && ccid->options->notify_open)
		note(ccid, present_slots(ccid));
}

void vnotify_polled(struct vccid *ccid)
{
	if (ccid->options->notify_merge)
		send_due(ccid);
}

void vnotify_reset(struct vccid *ccid)
{
	vloop_disarm(&ccid->note_timer);
	ccid->note_timer.fire = note_due;
	ccid->n_notes = 0;
	ccid->changed = 0;
	vpipe_flush(&ccid->interrupt);
}
