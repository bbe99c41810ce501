/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "pin.h"

#include <errno.h>

#include "bytes.h"
#include "ccid.h"

#define OPERATION	0	/* reader */
#define TIMEOUT		1
#define CLIENT_TIMEOUT	0
#define BLOCK		3	/* bmPINBlockString */
#define COMMON		2	/* from here on both have the same offsets */
#define CONFIRM		9	/* bConfirmPIN of a modify */

#define CONFIRM_NEW	0x01	/* the new PIN is keyed in twice */
#define CONFIRM_OLD	0x02	/* the current one, too */

#define CONDITION_KEY	0x02
#define CONDITION_MAX	0x07

#define MESSAGES_MAX	3
#define MESSAGES_OWN	0xFF	/* the reader's */
#define INDEXES_MAX	3

#define WAIT_MIN_S	90
#define WAIT_SLACK_S	10

static const struct layout {
	size_t digits;		/* wPINMaxExtraDigit */
	size_t condition;	/* bEntryValidationCondition */
	size_t messages;	/* bNumberMessage */
	size_t language;	/* wLangId */
	size_t indexes;		/* bMsgIndex */
	size_t length;		/* ulDataLength */
	size_t apdu;
} layouts[] = {
	[PIN_VERIFY] = { 5, 7, 8, 9, 11, 15, 19 },
	[PIN_MODIFY] = { 7, 10, 11, 12, 14, 20, 24 },
};

static uint32_t reversed(uint32_t value)
{
	return value >> 24 | (value >> 8 & 0xFF00) | (value & 0xFF00) << 8 |
	       value << 24;
}

static void swap(uint8_t bytes[2])
{
	uint8_t first = bytes[0];

	bytes[0] = bytes[1];
	bytes[1] = first;
}

/* Most digits are the low byte, so they come first. 0 is no number of them. */
static void order_digits(uint8_t digits[2])
{
	if (digits[0] && digits[1] > digits[0])
		swap(digits);
}

static uint8_t repaired_condition(const struct pin_rules *rules,
				  uint8_t condition)
{
	if (condition > CONDITION_MAX)
		return CONDITION_KEY;
	if (rules->conditions)
		condition &= rules->conditions;
	return condition ? condition : CONDITION_KEY;
}

static bool is_count(uint8_t messages)
{
	return messages <= MESSAGES_MAX || messages == MESSAGES_OWN;
}

static uint8_t repaired_count(enum pin_operation operation, uint8_t messages)
{
	if (operation == PIN_VERIFY && messages != MESSAGES_OWN && messages > 1)
		return 1;
	return messages;
}

static uint8_t suited_count(enum pin_messages suits, uint8_t messages)
{
	switch (suits) {
	case PIN_MESSAGES_ASKED:
		break;
	case PIN_MESSAGES_NONE:
		return 0;
	case PIN_MESSAGES_1:
		return 1;
	case PIN_MESSAGES_3:
		return 3;
	case PIN_MESSAGES_OWN_FOR_NONE:
		return messages ? messages : MESSAGES_OWN;
	}
	return messages;
}

/* How many of the client's message indexes the reader gets. */
static size_t index_count(enum pin_operation operation,
			  const struct pin_rules *rules, uint8_t messages)
{
	if (operation == PIN_MODIFY && rules->indexes != PIN_INDEXES_COUNTED)
		return INDEXES_MAX;
	if (operation == PIN_VERIFY || messages == 0)
		return 1;
	return messages < MESSAGES_MAX ? 2 : 3;
}

/* bTimeOut is for one PIN, and a modify asks for up to three. */
static unsigned wait_for(enum pin_operation operation, const uint8_t *data)
{
	uint8_t asked = operation == PIN_MODIFY ? data[CONFIRM] : 0;
	unsigned entries = 1, wait;

	if (asked & CONFIRM_NEW)
		entries++;
	if (asked & CONFIRM_OLD)
		entries++;
	wait = entries * data[TIMEOUT] + WAIT_SLACK_S;
	if (wait < WAIT_MIN_S)
		return WAIT_MIN_S;
	return wait < PIN_ENTRY_MAX_S ? wait : PIN_ENTRY_MAX_S;
}

/* True also if everything is big endian: then *ret_swapped. */
static bool is_whole(const struct layout *layout, const uint8_t *bytes,
		     size_t size, bool *ret_swapped)
{
	uint32_t length;

	if (size < layout->apdu + PIN_APDU_MIN ||
	    size > layout->apdu + PIN_APDU_MAX)
		return false;
	length = get_le32(bytes + layout->length);
	*ret_swapped = length != size - layout->apdu;
	return !*ret_swapped || reversed(length) == size - layout->apdu;
}

static void repair(enum pin_operation operation, const struct pin_rules *rules,
		   bool swapped, uint8_t *data)
{
	const struct layout *layout = &layouts[operation];
	uint8_t *messages = data + layout->messages;

	if (swapped) {
		swap(data + layout->digits);
		swap(data + layout->language);
	}
	order_digits(data + layout->digits);
	if (rules->swapped_digits)
		swap(data + layout->digits);
	data[layout->condition] =
		repaired_condition(rules, data[layout->condition]);
	*messages = suited_count(operation == PIN_VERIFY
					 ? rules->verify_messages
					 : rules->modify_messages,
				 repaired_count(operation, *messages));
	if (operation == PIN_MODIFY && rules->indexes == PIN_INDEXES_ZERO)
		memset(data + layout->indexes, 0, INDEXES_MAX);
}

/* Puts the APDU behind the fixed part and its prologue. */
static void add_apdu(struct pin *pin, const uint8_t *apdu)
{
	memset(pin->data + pin->size, 0, PIN_PROLOGUE_SIZE);
	pin->size += PIN_PROLOGUE_SIZE;
	memcpy(pin->data + pin->size, apdu, pin->apdu_size);
	pin->size += pin->apdu_size;
}

int pin_parse(enum pin_operation operation, const struct pin_rules *rules,
	      const uint8_t *bytes, size_t size, struct pin *ret_pin)
{
	const struct layout *layout = &layouts[operation];
	uint8_t *data = ret_pin->data;
	bool swapped;

	if (!is_whole(layout, bytes, size, &swapped) ||
	    !is_count(bytes[layout->messages]))
		return -EINVAL;
	data[OPERATION] = (uint8_t)operation;
	data[TIMEOUT] = bytes[CLIENT_TIMEOUT];
	memcpy(data + COMMON, bytes + COMMON, layout->length - COMMON);
	repair(operation, rules, swapped, data);
	ret_pin->size = layout->indexes +
			index_count(operation, rules, data[layout->messages]);
	ret_pin->apdu_size = size - layout->apdu;
	add_apdu(ret_pin, bytes + layout->apdu);
	ret_pin->wait_s = wait_for(operation, data);
	ret_pin->pause_ms = rules->pause_ms;
	ret_pin->unpadded = rules->unpadded && operation == PIN_VERIFY &&
			    ret_pin->apdu_size == PIN_APDU_MIN && !data[BLOCK];
	return 0;
}

void pin_set_prologue(struct pin *pin,
		      const uint8_t prologue[PIN_PROLOGUE_SIZE])
{
	memcpy(pin->data + pin->size - pin->apdu_size - PIN_PROLOGUE_SIZE,
	       prologue, PIN_PROLOGUE_SIZE);
}

bool pin_is_refused(uint8_t error, uint8_t ret_status[PIN_STATUS_SIZE])
{
	if (error != CCID_ERROR_PIN_TIMEOUT &&
	    error != CCID_ERROR_PIN_CANCELLED)
		return false;
	ret_status[0] = 0x64;
	ret_status[1] = error == CCID_ERROR_PIN_TIMEOUT ? 0x00 : 0x01;
	return true;
}
