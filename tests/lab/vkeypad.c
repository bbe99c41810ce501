/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vkeypad.h"

#include <errno.h>
#include <string.h>

#include "vccid.h"

/* bError */
#define ERROR_UNKNOWN	0x00
#define ERROR_OPERATION	0x0A
#define ERROR_BLOCK	0x0D	/* bmPINBlockString */
#define ERROR_BUSY	0xE0
#define ERROR_CANCELLED	0xEF
#define ERROR_TIMEOUT	0xF0
#define ERROR_MUTE	0xFE

#define CONDITION_MOST	0x01
#define CONDITION_KEY	0x02
#define CONDITION_TIME	0x04

#define OWN_TIMEOUT	30	/* seconds */
#define CONFIRM_NEW	0x01

#define CRC		0x01	/* in bmTCCKST1 */
#define EDC_MAX		2

static struct vslot *slot_of(struct vkeypad *keypad)
{
	return vloop_owner(keypad, struct vslot, keypad);
}

static void note(const struct vslot *slot, const char *what)
{
	vjournal_note(vloop_now(), slot->ccid->name, NULL, 0, "pin %u %s",
		      slot->number, what);
}

/* --- the end of an entry */

void vkeypad_end(struct vslot *slot)
{
	struct vkeypad *keypad = &slot->keypad;

	vloop_disarm(&keypad->timer);
	if (keypad->entering)
		note(slot, "over");
	keypad->entering = false;
	memset(keypad->digits, 0, sizeof(keypad->digits));
	memset(&keypad->pin, 0, sizeof(keypad->pin));
}

static void refuse(struct vslot *slot, uint8_t error, const char *why)
{
	note(slot, why);
	vkeypad_end(slot);
	vcommand_fail(slot, error);
	vccid_answer_after(slot, 0);
}

/* ISO 7816-3, 11.3.4 */
static size_t put_edc(uint8_t *block, size_t size, bool crc)
{
	unsigned sum = 0xFFFF;

	block[size] = 0;
	for (size_t i = 0; i < size; i++) {
		block[size] ^= block[i];
		sum ^= block[i];
		for (unsigned bit = 0; bit < 8; bit++)
			sum = sum & 1 ? sum >> 1 ^ 0x8408 : sum >> 1;
	}
	if (!crc)
		return 1;
	block[size] = (uint8_t)(sum >> 8);
	block[size + 1] = (uint8_t)sum;
	return 2;
}

/* At T=1 over TPDU level the reader sends a block, and so the host wants it. */
static bool wants_block(const struct vslot *slot)
{
	return slot->ccid->options->level == VLEVEL_TPDU && slot->protocol;
}

/* The APDU as an XfrBlock would bring it; its size. */
static size_t wrap(const struct vslot *slot, uint8_t *message)
{
	const struct vpin *pin = &slot->keypad.pin;
	uint8_t *data = message + VCCID_HEADER;
	size_t size = 0;

	memset(message, 0, VCCID_HEADER);
	if (wants_block(slot)) {
		memcpy(data, pin->prologue, VPIN_PROLOGUE - 1);
		data[VPIN_PROLOGUE - 1] = (uint8_t)pin->size;
		size = VPIN_PROLOGUE;
	}
	memcpy(data + size, pin->apdu, pin->size);
	size += pin->size;
	if (wants_block(slot))
		size += put_edc(data, size, slot->parameters[1] & CRC);
	return VCCID_HEADER + size;
}

static void send_to_card(struct vslot *slot)
{
	uint8_t message[VCCID_HEADER + VPIN_PROLOGUE + VPIN_APDU_MAX + EDC_MAX];
	bool same = slot->card && slot->card->serial == slot->keypad.serial;
	size_t size;

	if (!same || !slot->powered) {
		refuse(slot, ERROR_MUTE, "no-card");
		return;
	}
	if (!vpin_fill(&slot->keypad.pin, slot->keypad.digits)) {
		refuse(slot, ERROR_BLOCK, "no-room");
		return;
	}
	note(slot, "to-card");
	size = wrap(slot, message);
	vkeypad_end(slot);
	vccid_answer_after(slot, vcommand_xfr(slot, message, size));
}

/* Part 10 has a status word for that, CCID has no error: so readers say it. */
static void tell_mismatch(struct vslot *slot)
{
	note(slot, "mismatch");
	vkeypad_end(slot);
	vcommand_reply(slot, (const uint8_t[]){ 0x64, 0x02 }, 2);
	vccid_answer_after(slot, 0);
}

/* --- the user */

static void wait_for_user(struct vslot *slot)
{
	const struct vccid *ccid = slot->ccid;
	struct vkeypad *keypad = &slot->keypad;
	uint64_t next = vloop_now() + ccid->options->key_time * VLOOP_US;

	vloop_disarm(&keypad->timer);
	if (ccid->keys[0] && (!keypad->deadline || next < keypad->deadline))
		vloop_arm(&keypad->timer, next);
	else if (keypad->deadline)
		vloop_arm(&keypad->timer, keypad->deadline);
}

static void ask(struct vslot *slot)
{
	struct vkeypad *keypad = &slot->keypad;
	unsigned seconds = keypad->pin.timeout ? keypad->pin.timeout
					       : OWN_TIMEOUT;
	uint64_t second = slot->ccid->options->pin_second * VLOOP_US;

	keypad->deadline = second ? vloop_now() + seconds * second : 0;
	wait_for_user(slot);
}

static void entered(struct vslot *slot)
{
	struct vkeypad *keypad = &slot->keypad;
	unsigned last = keypad->prompt++;

	if (keypad->prompt < vpin_prompts(&keypad->pin))
		ask(slot);
	else if (keypad->pin.confirm & CONFIRM_NEW &&
		 strcmp(keypad->digits[last], keypad->digits[last - 1]) != 0)
		tell_mismatch(slot);
	else
		send_to_card(slot);
}

static bool is_enough(const struct vkeypad *keypad)
{
	return strlen(keypad->digits[keypad->prompt]) >= keypad->pin.least;
}

static void press_digit(struct vslot *slot, char key)
{
	struct vkeypad *keypad = &slot->keypad;
	char *digits = keypad->digits[keypad->prompt];
	size_t n = strlen(digits);

	if (n < keypad->pin.most)
		digits[n++] = key;
	if (n == keypad->pin.most && keypad->pin.condition & CONDITION_MOST)
		entered(slot);
	else
		wait_for_user(slot);
}

static void take_back(struct vkeypad *keypad)
{
	char *digits = keypad->digits[keypad->prompt];

	if (digits[0])
		digits[strlen(digits) - 1] = '\0';
}

static void press(struct vslot *slot, char key)
{
	struct vkeypad *keypad = &slot->keypad;

	if (key == 'c') {
		refuse(slot, ERROR_CANCELLED, "cancelled");
	} else if (key == 'v' && is_enough(keypad) &&
		   keypad->pin.condition & CONDITION_KEY) {
		entered(slot);
	} else if (key == 'v' || key == 'b') {
		if (key == 'b')
			take_back(keypad);
		wait_for_user(slot);
	} else {
		press_digit(slot, key);
	}
}

static void time_is_over(struct vslot *slot)
{
	if (slot->keypad.pin.condition & CONDITION_TIME &&
	    is_enough(&slot->keypad))
		entered(slot);
	else
		refuse(slot, ERROR_TIMEOUT, "timeout");
}

static void timer_due(struct vloop_timer *timer)
{
	struct vkeypad *keypad = vloop_owner(timer, struct vkeypad, timer);
	struct vslot *slot = slot_of(keypad);
	char *keys = slot->ccid->keys;
	char key = keys[0];

	if (keypad->deadline && vloop_now() >= keypad->deadline) {
		time_is_over(slot);
		return;
	}
	memmove(keys, keys + 1, strlen(keys));
	press(slot, key);
}

int vkeypad_press(struct vccid *ccid, const char *keys)
{
	if (strspn(keys, "0123456789vbc") != strlen(keys) ||
	    strlen(ccid->keys) + strlen(keys) >= VKEYPAD_KEYS)
		return -EINVAL;
	strcat(ccid->keys, keys);
	for (unsigned i = 0; i < ccid->options->slots; i++)
		if (ccid->slots[i].keypad.entering)
			wait_for_user(ccid->slots + i);
	return 0;
}

/* --- the command */

static void note_command(const struct vslot *slot)
{
	const struct vpin *pin = &slot->keypad.pin;

	vjournal_note(vloop_now(), slot->ccid->name, pin->apdu, pin->size,
		      "secure %u %s timeout=%u format=%02x,%02x,%02x at=%u,%u "
		      "digits=%u-%u confirm=%u condition=%u messages=%02x "
		      "language=%04x indexes=%02x,%02x,%02x/%zu "
		      "prologue=%02x%02x%02x",
		      slot->number, pin->modify ? "modify" : "verify",
		      pin->timeout, pin->format, pin->block, pin->length,
		      pin->old_at, pin->new_at, pin->least, pin->most,
		      pin->confirm, pin->condition, pin->messages,
		      pin->language, pin->indexes[0], pin->indexes[1],
		      pin->indexes[2], pin->n_indexes, pin->prologue[0],
		      pin->prologue[1], pin->prologue[2]);
}

/* One keypad serves all slots. */
static bool is_in_use(const struct vccid *ccid)
{
	for (unsigned i = 0; i < ccid->options->slots; i++)
		if (ccid->slots[i].keypad.entering)
			return true;
	return false;
}

/* The prologue is for the APDU as it came; what it is for no block: zero. */
static bool is_prologue_right(const struct vslot *slot)
{
	const struct vpin *pin = &slot->keypad.pin;

	if (!wants_block(slot))
		return !pin->prologue[0] && !pin->prologue[1] &&
		       !pin->prologue[2];
	return pin->prologue[2] == pin->size;
}

/* bError, -1: the user can begin. */
static int wrong_with(struct vslot *slot, const uint8_t *data, size_t size)
{
	const struct voptions *options = slot->ccid->options;
	struct vpin *pin = &slot->keypad.pin;
	int wrong;

	if (options->level == VLEVEL_CHARACTER || !options->pin)
		return ERROR_UNKNOWN;
	if (!slot->powered)
		return ERROR_MUTE;
	if (is_in_use(slot->ccid))
		return ERROR_BUSY;
	wrong = vpin_parse(data, size, options->pin_indexes, pin);
	if (wrong >= 0)
		return wrong;
	if (!(options->pin >> pin->modify & 1))
		return ERROR_OPERATION;
	if (!is_prologue_right(slot))
		return (int)(VCCID_HEADER + size - pin->size - VPIN_PROLOGUE);
	return -1;
}

unsigned vkeypad_run(struct vslot *slot, const uint8_t *data, size_t size)
{
	struct vkeypad *keypad = &slot->keypad;
	int wrong = wrong_with(slot, data, size);

	if (wrong >= 0) {
		vcommand_fail(slot, (uint8_t)wrong);
		return 0;
	}
	note_command(slot);
	keypad->entering = true;
	keypad->serial = slot->card->serial;
	keypad->prompt = 0;
	keypad->timer.fire = timer_due;
	ask(slot);
	return VCCID_LATER;
}
