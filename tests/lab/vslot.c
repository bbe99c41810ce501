/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vccid.h"

#include "vlevel.h"

bool vslot_blind(const struct vslot *slot)
{
	return slot->ccid->options->blind >> slot->number & 1;
}

enum vicc vslot_icc(const struct vslot *slot)
{
	if (!slot->card)
		return vslot_blind(slot) ? VICC_INACTIVE : VICC_ABSENT;
	return slot->powered ? VICC_ACTIVE : VICC_INACTIVE;
}

/* A card that is pulled ends the command that was talking to it. */
static void end_command(struct vslot *slot)
{
	const struct voptions *options = slot->ccid->options;

	if (!slot->busy || slot->fault.kind == VFAULT_HANG)
		return;
	switch ((enum vremoval)options->removal) {
	case VREMOVAL_MUTE:
		vkeypad_end(slot);
		vcommand_fail(slot, 0xFE);
		slot->extensions = 0;
		vccid_answer_after(slot, options->removal_time);
		break;
	case VREMOVAL_LATE:
		if (!slot->keypad.entering)
			vcommand_fail(slot, 0xFE);
		break;
	case VREMOVAL_SILENT:
		vccid_drop_command(slot);
		break;
	}
}

static void moved(struct vslot *slot, const char *what)
{
	struct vccid *ccid = slot->ccid;

	ccid->counts->number[VCOUNT_MOVEMENTS]++;
	vjournal_note(vloop_now(), ccid->name, NULL, 0, "%s %u serial=%u", what,
		      slot->number, slot->card ? slot->card->serial : 0);
}

void vslot_insert(struct vslot *slot, struct vcard *card)
{
	uint8_t atr[VCARD_ATR_MAX];

	vloop_disarm(&slot->insertion);
	slot->card = card;
	slot->powered = false;
	moved(slot, "insert");
	if (slot->ccid->options->auto_activation)
		vslot_power_up(slot, 0, atr);
	vnotify_changed(slot);
}

void vslot_remove(struct vslot *slot)
{
	struct vcard *card = slot->card;

	moved(slot, "remove");
	vslot_power_down(slot);
	slot->card = NULL;
	slot->answer_size = slot->answer_sent = slot->gathered_size = 0;
	end_command(slot);
	vcard_free(card);
	vnotify_changed(slot);
}

static void insertion_due(struct vloop_timer *timer)
{
	struct vslot *slot = vloop_owner(timer, struct vslot, insertion);
	struct vcard *card = slot->next_card;

	slot->next_card = NULL;
	vslot_insert(slot, card);
}

void vslot_swap(struct vslot *slot, struct vcard *card, unsigned gap)
{
	uint64_t now = vloop_now();

	vslot_remove(slot);
	slot->insertion.fire = insertion_due;
	slot->next_card = card;
	if (gap)
		vloop_arm(&slot->insertion, now + gap * VLOOP_US);
	else
		insertion_due(&slot->insertion);
}

/* bPowerSelect: 0 automatic, else one more than the bit of bVoltageSupport. */
static bool voltage_fits(const struct vslot *slot, uint8_t power_select)
{
	unsigned usable = slot->card->voltages & slot->ccid->options->voltages;

	if (power_select == 0)
		return usable != 0;
	return power_select <= 3 && (usable >> (power_select - 1) & 1);
}

size_t vslot_power_up(struct vslot *slot, uint8_t power_select,
		      uint8_t ret_atr[VCARD_ATR_MAX])
{
	struct vcard *card = slot->card;

	if (card->kind->mute || !voltage_fits(slot, power_select)) {
		vslot_power_down(slot);
		return 0;
	}
	if (card->habits.deaf) {
		card->habits.deaf--;
		vslot_power_down(slot);
		return 0;
	}
	vcard_reset(card);
	vcommand_default_parameters(slot);
	vlevel_reset(slot);
	slot->powered = true;
	for (size_t i = 0; i < card->atr_size; i++)
		ret_atr[i] = card->atr[i];
	return card->atr_size;
}

/* Without power a card knows nothing, whatever it is asked next. */
void vslot_power_down(struct vslot *slot)
{
	if (slot->card && slot->powered)
		slot->card->memory = 0;
	slot->powered = false;
	vlevel_off(slot);
	slot->answer_size = slot->answer_sent = slot->gathered_size = 0;
}
