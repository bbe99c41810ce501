/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "control.h"

#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "ccid.h"
#include "escape.h"
#include "exchange.h"
#include "feature.h"
#include "movement.h"
#include "movement_told.h"
#include "secure.h"
#include "supply.h"

#define PIN_ANSWER_MAX	258	/* of a short APDU */
#define ESCAPE_END_MS	(ESCAPE_ALL_MS + EXCHANGE_MEND_MS)

struct answer {
	uint8_t *bytes;
	size_t room;
	size_t size;
};

static int give(struct answer *answer, const uint8_t *bytes, size_t size)
{
	if (size > answer->room)
		return -ENOBUFS;
	answer->size = copy_bounded(answer->bytes, answer->room, bytes, size);
	return 0;
}

static int list_features(const struct feature_reader *what,
			 struct answer *answer)
{
	uint8_t list[FEATURE_LIST_MAX];

	return give(answer, list, feature_list(what, list));
}

static int tell_pin_properties(const struct feature_reader *what,
			       struct answer *answer)
{
	uint8_t properties[FEATURE_PIN_PROPERTIES_SIZE];

	feature_pin_properties(what, properties);
	return give(answer, properties, sizeof(properties));
}

static bool is_firmware_known(struct reader *reader)
{
	bool known;

	pthread_mutex_lock(&reader->lock);
	known = reader->firmware_known;
	pthread_mutex_unlock(&reader->lock);
	return known;
}

/* As far as it can be shown. Nobody has read it before it is known. */
static void note_firmware(struct reader *reader, const uint8_t *bytes,
			  size_t size)
{
	size_t shown = 0;

	pthread_mutex_lock(&reader->lock);
	while (!reader->firmware_known && shown < size &&
	       shown + 1 < sizeof(reader->firmware) && bytes[shown] >= ' ' &&
	       bytes[shown] <= '~') {
		reader->firmware[shown] = (char)bytes[shown];
		shown++;
	}
	reader->firmware_known = true;
	pthread_mutex_unlock(&reader->lock);
}

/* desc becomes what the reader tells of itself by now. */
static struct feature_reader describe(struct reader *reader, unsigned slot,
				      struct desc *desc)
{
	struct feature_reader what = {
		.desc = desc,
		.vendor = reader->info.vendor,
		.product = reader->info.product,
		.version = reader->info.device_version,
		.escape = reader->options.driver_options & OPTIONS_ESCAPE,
		.reader_direct = reader->quirk.flags & QUIRK_READER_DIRECT,
	};

	pthread_mutex_lock(&reader->lock);
	*desc = reader->desc;
	quirk_fit_slot(&reader->quirk, slot, desc);
	what.firmware = reader->firmware_known ? reader->firmware : "";
	what.conditions = reader->quirk.pin.conditions;
	what.pin_min = reader->quirk.pin_min;
	what.pin_max = reader->quirk.pin_max;
	pthread_mutex_unlock(&reader->lock);
	return what;
}

static struct pin_rules pin_rules(struct reader *reader)
{
	struct pin_rules rules;

	pthread_mutex_lock(&reader->lock);
	rules = reader->quirk.pin;
	pthread_mutex_unlock(&reader->lock);
	return rules;
}

/* Asked for once, by the first who wants to know; a refusal is an answer, too. */
static void fetch_firmware(struct reader *reader, unsigned slot)
{
	static const uint8_t command[] = { QUIRK_ESCAPE_FIRMWARE };
	struct ccid_reply reply;
	int r = -EALREADY;

	if (!(reader->quirk.flags & QUIRK_FIRMWARE_TEXT) ||
	    exchange_begin(reader, slot, EXCHANGE_READER, ESCAPE_END_MS) < 0)
		return;
	if (!is_firmware_known(reader))
		r = escape_run(reader, slot, command, sizeof(command), &reply);
	if (r == 0)
		note_firmware(reader, reply.data, reply.size);
	if (r < 0 && r != -EALREADY && r != -ENODEV)
		note_firmware(reader, NULL, 0);
	exchange_end(reader, slot);
}

static int tell_properties(struct reader *reader, unsigned slot,
			   struct answer *answer)
{
	uint8_t properties[FEATURE_PROPERTIES_MAX];
	struct feature_reader what;
	struct desc desc;

	fetch_firmware(reader, slot);
	what = describe(reader, slot, &desc);
	return give(answer, properties, feature_properties(&what, properties));
}

static int tell_movements(struct reader *reader, struct answer *answer)
{
	uint8_t bytes[LEDGER_SIZE_MAX];

	return give(answer, bytes, movement_ledger(reader, bytes));
}

/* In a buffer of our own: the client's stays as it is if the entry fails. */
static int enter_pin(struct reader *reader, unsigned slot,
		     enum pin_operation operation, const uint8_t *request,
		     size_t size, struct answer *answer)
{
	const struct pin_rules rules = pin_rules(reader);
	uint8_t bytes[PIN_ANSWER_MAX];
	size_t received = 0;
	struct pin pin;
	int r;

	if (pin_parse(operation, &rules, request, size, &pin) < 0)
		return -ENOTSUP;
	r = answer->room < PIN_STATUS_SIZE
		    ? -ENOBUFS
		    : secure_transmit(reader, slot, &pin, bytes, sizeof(bytes),
				      &received);
	if (r == 0)
		r = give(answer, bytes, received);
	explicit_bzero(&pin, sizeof(pin));
	explicit_bzero(bytes, sizeof(bytes));
	return r;
}

static int escape(struct reader *reader, unsigned slot, const uint8_t *request,
		  size_t size, struct answer *answer)
{
	struct ccid_reply reply;
	int r = exchange_begin(reader, slot, EXCHANGE_READER, ESCAPE_END_MS);

	if (r < 0)
		return r;
	r = escape_pass(reader, slot, request, size, &reply);
	if (r == 0)
		r = give(answer, reply.data, reply.size);
	exchange_end(reader, slot);
	return r;
}

static int dispatch(struct reader *reader, unsigned slot, uint64_t code,
		    const uint8_t *request, size_t size, struct answer *answer)
{
	struct desc desc;
	struct feature_reader what = describe(reader, slot, &desc);

	what.escape = what.escape ||
		      quirk_allows(&reader->quirk, request, size);
	switch (feature_asked(&what, code)) {
	case FEATURE_NONE:
		break;
	case FEATURE_LIST:
		return list_features(&what, answer);
	case FEATURE_VERIFY_PIN:
		return enter_pin(reader, slot, PIN_VERIFY, request, size,
				 answer);
	case FEATURE_MODIFY_PIN:
		return enter_pin(reader, slot, PIN_MODIFY, request, size,
				 answer);
	case FEATURE_PIN_PROPERTIES:
		return tell_pin_properties(&what, answer);
	case FEATURE_PROPERTIES:
		return tell_properties(reader, slot, answer);
	case FEATURE_READER_DIRECT:
		if (!feature_is_direct(request, size))
			break;
		return escape(reader, slot, request, size, answer);
	case FEATURE_LEDGER:
		return tell_movements(reader, answer);
	case FEATURE_ESCAPE:
		return escape(reader, slot, request, size, answer);
	}
	return -ENOTSUP;
}

int control(struct reader *reader, unsigned slot, uint64_t code,
	    const uint8_t *request, size_t size, uint8_t *answer, size_t room,
	    size_t *ret_size)
{
	struct answer to = { .bytes = answer, .room = room };
	int r = -ENODEV;

	if (movement_truth(reader, slot) != TRACK_GONE)
		r = dispatch(reader, slot, code, request, size, &to);
	*ret_size = to.size;
	return r;
}

static int find_text(struct reader *reader, enum attribute_text text,
		     const char **ret_text)
{
	static const enum usb_text texts[] = {
		[ATTRIBUTE_MANUFACTURER] = USB_MANUFACTURER,
		[ATTRIBUTE_PRODUCT] = USB_PRODUCT,
		[ATTRIBUTE_SERIAL] = USB_SERIAL,
	};

	*ret_text = "";
	if (text == ATTRIBUTE_NO_TEXT)
		return 0;
	return reader_text(reader, texts[text], ret_text);
}

/*
 * The session is its owner's. pcscd lets nobody in beside one; if it did, they
 * would be told that nothing is agreed yet.
 */
static void look_at_card(struct reader *reader, unsigned slot,
			 struct desc *desc, struct attribute_facts *facts)
{
	const struct track_slot *truth = &reader->track.slot[slot];
	const struct session *session = &reader->slot[slot].session;

	pthread_mutex_lock(&reader->lock);
	*desc = reader->desc;
	quirk_fit_slot(&reader->quirk, slot, desc);
	facts->powered = truth->present && truth->powered == truth->visit;
	facts->agreed = facts->powered && !exchange_is_owned(reader, slot) &&
			session->agreed;
	if (facts->agreed) {
		facts->params = session->params;
		facts->ifsc = session->t1.ifsc;
		facts->ifsd = session->t1.ifsd;
	}
	pthread_mutex_unlock(&reader->lock);
}

int control_attribute(struct reader *reader, unsigned slot, uint64_t attribute,
		      uint8_t value[ATTRIBUTE_MAX])
{
	enum track_presence presence = movement_truth(reader, slot);
	struct desc desc;
	struct attribute_facts facts = {
		.desc = &desc,
		.version = reader->info.device_version,
		.bus = reader->info.bus,
		.address = reader->info.address,
		.present = presence == TRACK_PRESENT,
	};

	if (presence == TRACK_GONE ||
	    find_text(reader, attribute_text(attribute), &facts.text) < 0)
		return -ENODEV;
	look_at_card(reader, slot, &desc, &facts);
	if (facts.powered)
		facts.atr_size = supply_atr(reader, slot, facts.atr);
	return attribute_get(attribute, &facts, value);
}
