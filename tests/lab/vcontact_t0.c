/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vcontact.h"

#include <string.h>

#include "vccid.h"
#include "vchance.h"

#define INS	1
#define P3	4

#define GET_RESPONSE	0xC0
#define ENVELOPE	0xC2
#define NULL_BYTE	0x60

#define SW_MORE		0x61
#define SW_LENGTH	0x6C
#define NULLS_MAX	4	/* in a row */
#define LE_MAX		256

/* What carries data to the card, if P3 is not 0: ISO's, echo's 10, CAC's */
static const uint8_t to_card[] = {
	0x10, 0x20, 0x21, 0x22, 0x24, 0x2A, 0x2C, 0x42, 0x46, 0x47, 0x52, 0x82,
	0x86, 0x87, 0x88, 0xA4, 0xC2, 0xD0, 0xD2, 0xD6, 0xDA, 0xDB, 0xDC, 0xE0,
	0xE2,
};

static bool brings_data(const uint8_t *header)
{
	for (size_t i = 0; i < sizeof(to_card); i++)
		if (to_card[i] == header[INS])
			return header[P3] != 0;
	return false;
}

static size_t length_of(uint8_t p3)
{
	return p3 ? p3 : LE_MAX;
}

static void say_byte(struct vcontact *contact, unsigned byte)
{
	const uint8_t character = (uint8_t)byte;

	vcontact_say(contact, &character, 1);
}

static void say_nulls(struct vcontact *contact)
{
	unsigned percent = contact->slot->card->habits.nulls;

	for (unsigned i = 0; i < NULLS_MAX; i++) {
		if (!vchance_percent(&contact->chance, percent))
			return;
		say_byte(contact, NULL_BYTE);
	}
}

/* Asks for, or announces, left bytes or one of them; returns how many. */
static size_t say_ack(struct vcontact *contact, size_t left)
{
	bool single = vchance_percent(&contact->chance,
				      contact->slot->card->habits.single);

	say_nulls(contact);
	say_byte(contact, contact->t0.header[INS] ^ (single ? 0xFFu : 0));
	return single ? 1 : left;
}

static void say_status(struct vcontact *contact, uint8_t sw1, uint8_t sw2)
{
	say_nulls(contact);
	say_byte(contact, sw1);
	say_byte(contact, sw2);
	contact->t0.header_size = 0;
}

/* --- the answer */

static size_t data_left(const struct vcontact *contact)
{
	if (contact->answer_size < 2)
		return 0;
	return contact->answer_size - 2 - contact->t0.answered;
}

/* Behind data, or in place of it: more is there, or the answer's own status. */
static void say_end(struct vcontact *contact)
{
	const uint8_t *status = contact->answer + contact->answer_size - 2;
	size_t left = data_left(contact);

	if (left)
		say_status(contact, SW_MORE,
			   left < LE_MAX ? (uint8_t)left : 0);
	else
		say_status(contact, status[0], status[1]);
}

static void say_data(struct vcontact *contact, size_t size)
{
	while (size) {
		size_t part = say_ack(contact, size);

		vcontact_say(contact, contact->answer + contact->t0.answered,
			     part);
		contact->t0.answered += part;
		size -= part;
	}
	say_end(contact);
}

/* A host that asks for more than there is learns how much there is. */
static void say_answer(struct vcontact *contact, size_t le)
{
	size_t left = data_left(contact);

	if (left >= le)
		say_data(contact, le);
	else if (left)
		say_status(contact, SW_LENGTH, (uint8_t)left);
	else
		say_end(contact);
}

static bool run(struct vcontact *contact, const uint8_t *command, size_t size)
{
	contact->t0.answered = 0;
	contact->t0.enveloped = 0;
	return vcontact_run(contact, command, size) != 0;
}

/* --- commands */

/* Case 1 or 2: which of them, the card alone knows. */
static void run_header(struct vcontact *contact)
{
	uint8_t command[VT0_HEADER + 2] = { 0 };
	size_t size = VT0_HEADER;

	memcpy(command, contact->t0.header, VT0_HEADER);
	if (contact->slot->card->habits.whole && !command[P3])
		size += 2;
	if (run(contact, command, size))
		say_answer(contact, length_of(command[P3]));
}

static void run_data(struct vcontact *contact)
{
	const struct vt0 *t0 = &contact->t0;
	uint8_t command[VT0_HEADER + 256] = { 0 };

	memcpy(command, t0->header, VT0_HEADER);
	memcpy(command + VT0_HEADER, t0->data, t0->data_size);
	if (run(contact, command, VT0_HEADER + t0->data_size + 1))
		say_end(contact);
}

/* 0: not whole. The lengths inside tell; a case 3 cannot be told from a cut. */
static bool is_whole(const uint8_t *apdu, size_t size)
{
	size_t lc;

	if (size < 7 || apdu[4])
		return size >= 5 && apdu[4] && size >= 5u + apdu[4];
	lc = (size_t)apdu[5] << 8 | apdu[6];
	return size >= 7 + lc;
}

static void take_envelope(struct vcontact *contact)
{
	struct vt0 *t0 = &contact->t0;
	size_t size = t0->enveloped;

	if (t0->data_size > sizeof(contact->command) - size) {
		t0->enveloped = 0;
		say_status(contact, 0x67, 0x00);
		return;
	}
	memcpy(contact->command + size, t0->data, t0->data_size);
	size += t0->data_size;
	t0->enveloped = size;
	if (!is_whole(contact->command, size))
		say_status(contact, 0x90, 0x00);
	else if (run(contact, contact->command, size))
		say_end(contact);
}

static void take_header(struct vcontact *contact)
{
	struct vt0 *t0 = &contact->t0;

	t0->data_size = 0;
	t0->wanted = 0;
	if (t0->header[INS] != ENVELOPE)
		t0->enveloped = 0;
	if (brings_data(t0->header))
		t0->wanted = say_ack(contact, t0->header[P3]);
	else if (t0->header[INS] == GET_RESPONSE && data_left(contact))
		say_answer(contact, length_of(t0->header[P3]));
	else
		run_header(contact);
}

static void take_data(struct vcontact *contact, uint8_t byte)
{
	struct vt0 *t0 = &contact->t0;

	t0->data[t0->data_size++] = byte;
	if (--t0->wanted)
		return;
	if (t0->data_size < t0->header[P3])
		t0->wanted = say_ack(contact, t0->header[P3] - t0->data_size);
	else if (t0->header[INS] == ENVELOPE)
		take_envelope(contact);
	else
		run_data(contact);
}

void vt0_reset(struct vcontact *contact)
{
	memset(&contact->t0, 0, sizeof(contact->t0));
}

void vt0_hear(struct vcontact *contact, const uint8_t *bytes, size_t size)
{
	struct vt0 *t0 = &contact->t0;

	for (size_t i = 0; i < size; i++) {
		/* A host that goes on when the card is to speak is lost. */
		if (contact->out_size) {
			vcontact_complain(contact, "t0-out-of-turn");
			contact->state = VCONTACT_DEAF;
			return;
		}
		if (t0->wanted) {
			take_data(contact, bytes[i]);
			continue;
		}
		t0->header[t0->header_size++] = bytes[i];
		if (t0->header_size == VT0_HEADER)
			take_header(contact);
	}
}
