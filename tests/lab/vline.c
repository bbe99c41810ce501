/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vline.h"

#include <string.h>

#include "vccid.h"
#include "vchance.h"

#define LEN	2

static unsigned chance(const struct vslot *slot, unsigned limit)
{
	return vchance(&slot->ccid->options->line_seed, limit);
}

static bool happens(const struct vslot *slot, unsigned percent)
{
	return vchance_percent(&slot->ccid->options->line_seed, percent);
}

static void note(const struct vslot *slot, const char *what)
{
	slot->ccid->counts->number[VCOUNT_LINE_FAULTS]++;
	vjournal_note(vloop_now(), slot->ccid->name, NULL, 0, "line %u %s",
		      slot->number, what);
}

void vline_reset(struct vline *line)
{
	line->size = line->at = line->before_size = 0;
	line->garbled = false;
}

static void put(struct vline *line, const uint8_t *bytes, size_t size)
{
	if (size)
		memcpy(line->in, bytes, size);
	line->size = size;
	line->at = 0;
}

static void change_byte(const struct vslot *slot, uint8_t *bytes, size_t size,
			bool keeps_len)
{
	size_t at = chance(slot, (unsigned)size);

	if (at == LEN && keeps_len)
		at = 0;
	bytes[at] ^= (uint8_t)(1 + chance(slot, 255));
}

/* bytes has room for one more. Returns the new size, which may be 0. */
static size_t damage(const struct vslot *slot, uint8_t *bytes, size_t size,
		     bool counted)
{
	unsigned kind = chance(slot, 4);

	if (kind == 0)
		return chance(slot, (unsigned)size);
	if (kind == 1 && !counted) {
		bytes[size] = (uint8_t)chance(slot, 256);
		return size + 1;
	}
	change_byte(slot, bytes, size, counted);
	return size;
}

/* --- T=0: half of what happens is heard by the card, which is lost then. */

static void send_t0(struct vslot *slot, const uint8_t *bytes, size_t size)
{
	const struct voptions *options = slot->ccid->options;

	if (happens(slot, options->line_lost)) {
		note(slot, "lost");
		return;
	}
	vcontact_hear(&slot->contact, bytes, size);
	if (happens(slot, options->line_damaged)) {
		note(slot, "damaged");
		slot->line.garbled = true;
		return;
	}
	put(&slot->line, slot->contact.out, slot->contact.out_size);
}

/* --- T=1 */

/* The answer that counts is what the card said last. */
static void hear_twice(struct vslot *slot, const uint8_t *bytes, size_t size)
{
	struct vcontact *contact = &slot->contact;
	uint8_t first[VT1_BLOCK_MAX];
	size_t first_size;

	vcontact_hear(contact, bytes, size);
	first_size = contact->out_size;
	memcpy(first, contact->out, first_size);
	vcontact_hear(contact, bytes, size);
	if (chance(slot, 2))
		return;
	contact->out_size = 0;
	vcontact_say(contact, first, first_size);
}

/* False if the card hears nothing. */
static bool reach_card(struct vslot *slot, const uint8_t *bytes, size_t size)
{
	const struct voptions *options = slot->ccid->options;
	uint8_t heard[VT1_BLOCK_MAX + 1];

	if (size > VT1_BLOCK_MAX)
		size = VT1_BLOCK_MAX;
	memcpy(heard, bytes, size);
	if (happens(slot, options->line_lost)) {
		note(slot, "lost");
		return false;
	}
	if (happens(slot, options->line_damaged)) {
		note(slot, "damaged");
		size = damage(slot, heard, size, false);
	}
	if (happens(slot, options->line_doubled)) {
		note(slot, "doubled");
		hear_twice(slot, heard, size);
	} else {
		vcontact_hear(&slot->contact, heard, size);
	}
	return true;
}

static void come_back_damaged(struct vslot *slot)
{
	struct vline *line = &slot->line;
	bool counted = slot->ccid->options->level == VLEVEL_CHARACTER;

	note(slot, "answer-damaged");
	line->garbled = chance(slot, 2);
	if (!line->garbled)
		line->size = damage(slot, line->in, line->size, counted);
}

static void come_back(struct vslot *slot)
{
	const struct voptions *options = slot->ccid->options;
	const struct vcontact *contact = &slot->contact;
	struct vline *line = &slot->line;

	put(line, contact->out, contact->out_size);
	if (!line->size)
		return;
	if (happens(slot, options->line_lost)) {
		note(slot, "answer-lost");
		put(line, NULL, 0);
	} else if (happens(slot, options->line_damaged)) {
		come_back_damaged(slot);
	} else if (line->before_size && happens(slot, options->line_doubled)) {
		note(slot, "answer-doubled");
		put(line, line->before, line->before_size);
	} else {
		memcpy(line->before, line->in, line->size);
		line->before_size = line->size;
	}
}

/* Each side takes the other for noise, which parity mostly tells. */
static void send_at_wrong_speed(struct vslot *slot)
{
	note(slot, "wrong-speed");
	slot->line.garbled = chance(slot, 2);
	slot->contact.state = VCONTACT_DEAF;
}

void vline_send(struct vslot *slot, const uint8_t *bytes, size_t size)
{
	struct vcontact *contact = &slot->contact;

	put(&slot->line, NULL, 0);
	slot->line.garbled = false;
	contact->out_size = 0;
	if (slot->reader_fidi != contact->fidi) {
		send_at_wrong_speed(slot);
	} else if (contact->state != VCONTACT_SPEAKS) {
		vcontact_hear(contact, bytes, size);
		put(&slot->line, contact->out, contact->out_size);
	} else if (contact->protocol == 0) {
		send_t0(slot, bytes, size);
	} else if (reach_card(slot, bytes, size)) {
		come_back(slot);
	}
}
