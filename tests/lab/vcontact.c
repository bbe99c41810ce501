/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vcontact.h"

#include <string.h>

#include "vccid.h"

#define PPSS		0xFF
#define PPS1		0x10	/* in PPS0 */

void vcontact_reset(struct vcontact *contact, struct vslot *slot)
{
	const struct vcard *card = slot->card;

	contact->slot = slot;
	contact->state = VCONTACT_FRESH;
	vatr_read(card->atr, card->atr_size, &contact->atr);
	contact->protocol = contact->atr.first;
	contact->fidi = contact->atr.specific ? contact->atr.fidi :
						VATR_DEFAULT_FIDI;
	contact->chance = card->habits.seed;
	contact->command_size = contact->answer_size = 0;
	contact->out_size = 0;
	vt0_reset(contact);
	vt1_reset(contact);
}

void vcontact_off(struct vcontact *contact)
{
	contact->state = VCONTACT_DEAF;
	contact->out_size = 0;
}

void vcontact_say(struct vcontact *contact, const uint8_t *bytes, size_t size)
{
	size_t room = sizeof(contact->out) - contact->out_size;

	if (size > room)
		size = room;
	memcpy(contact->out + contact->out_size, bytes, size);
	contact->out_size += size;
}

void vcontact_complain(struct vcontact *contact, const char *what)
{
	const struct vslot *slot = contact->slot;

	slot->ccid->counts->number[VCOUNT_COMPLAINTS]++;
	vjournal_note(vloop_now(), slot->ccid->name, NULL, 0, "complaint %u %s",
		      slot->number, what);
}

size_t vcontact_run(struct vcontact *contact, const uint8_t *command,
		    size_t size)
{
	unsigned time = 0;

	contact->answer_size = vcommand_apdu(contact->slot, command, size,
					     contact->answer, &time);
	contact->time += time;
	if (!contact->answer_size)
		contact->state = VCONTACT_DEAF;
	return contact->answer_size;
}

/* --- PPS */

static uint8_t sum(const uint8_t *bytes, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum ^= bytes[i];
	return sum;
}

/* How long a PPS is, as far as it tells */
static size_t pps_size(const uint8_t *pps, size_t size)
{
	size_t whole = 3;

	if (size < 2)
		return whole;
	for (unsigned bit = 4; bit <= 6; bit++)
		whole += pps[1] >> bit & 1;
	return whole;
}

static void agree(struct vcontact *contact, const uint8_t *pps)
{
	contact->protocol = pps[1] & 0x0F;
	contact->fidi = pps[1] & PPS1 ? pps[2] : VATR_DEFAULT_FIDI;
	contact->state = VCONTACT_SPEAKS;
}

static void say_pps(struct vcontact *contact, uint8_t pps0, uint8_t damage)
{
	uint8_t pps[3] = { PPSS, pps0 };

	pps[2] = sum(pps, 2) ^ damage;
	vcontact_say(contact, pps, sizeof(pps));
}

static void answer_pps(struct vcontact *contact, const uint8_t *pps,
		       size_t size)
{
	uint8_t protocol = pps[1] & 0x0F;

	switch ((enum vpps)contact->slot->card->habits.pps) {
	case VPPS_AGREE:
		vcontact_say(contact, pps, size);
		agree(contact, pps);
		break;
	case VPPS_DEFAULT:
		say_pps(contact, protocol, 0);
		agree(contact, contact->out);
		break;
	case VPPS_OTHER:
		say_pps(contact, protocol ^ 1, 0);
		break;
	case VPPS_DAMAGED:
		say_pps(contact, protocol, 0x40);
		break;
	case VPPS_SHORT:
		vcontact_say(contact, pps, 1);
		break;
	case VPPS_SILENT:
		break;
	}
}

static const char *wrong_with(const struct vcontact *contact,
			      const uint8_t *pps, size_t size)
{
	if (contact->atr.specific)
		return "pps-in-specific-mode";
	if (pps[0] != PPSS || sum(pps, size))
		return "pps-damaged";
	if (pps[1] & 0x0F && !(contact->atr.protocols >> (pps[1] & 0x0F) & 1))
		return "pps-of-another-protocol";
	return NULL;
}

/* Whoever fails at PPS is deaf, as a card in doubt of its speed is. */
static void take_pps(struct vcontact *contact, const uint8_t *bytes,
		     size_t size)
{
	uint8_t *pps = contact->command;
	const char *wrong;

	for (size_t i = 0; i < size && contact->command_size < 6; i++)
		pps[contact->command_size++] = bytes[i];
	size = contact->command_size;
	if (size < pps_size(pps, size))
		return;
	contact->command_size = 0;
	contact->state = VCONTACT_DEAF;
	wrong = wrong_with(contact, pps, size);
	if (wrong)
		vcontact_complain(contact, wrong);
	else
		answer_pps(contact, pps, size);
}

void vcontact_hear(struct vcontact *contact, const uint8_t *bytes, size_t size)
{
	contact->out_size = 0;
	if (!size)
		return;
	if (contact->state == VCONTACT_FRESH)
		contact->state = bytes[0] == PPSS ? VCONTACT_PPS :
						    VCONTACT_SPEAKS;
	switch (contact->state) {
	case VCONTACT_PPS:
		take_pps(contact, bytes, size);
		break;
	case VCONTACT_SPEAKS:
		if (contact->protocol == 1)
			vt1_hear(contact, bytes, size);
		else
			vt0_hear(contact, bytes, size);
		break;
	case VCONTACT_DEAF:
	case VCONTACT_FRESH:
		break;
	}
}
