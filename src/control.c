/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "control.h"

#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "card.h"
#include "ccid.h"
#include "clock.h"
#include "exchange.h"
#include "feature.h"
#include "movement.h"
#include "options.h"
#include "secure.h"

#define PIN_ANSWER_MAX	258	/* of a short APDU */

/* A reader that works on an escape shows it by time extensions. */
#define ESCAPE_MS	3000
#define ESCAPE_ALL_MS	60000

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

static int tell_properties(const struct feature_reader *what,
			   struct answer *answer)
{
	uint8_t properties[FEATURE_PROPERTIES_MAX];

	return give(answer, properties, feature_properties(what, properties));
}

/* In a buffer of our own: the client's stays as it is if the entry fails. */
static int enter_pin(struct reader *reader, unsigned slot,
		     enum pin_operation operation, const uint8_t *request,
		     size_t size, struct answer *answer)
{
	uint8_t bytes[PIN_ANSWER_MAX];
	size_t received = 0;
	struct pin pin;
	int r;

	if (pin_parse(operation, request, size, &pin) < 0)
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

static int run_escape(struct reader *reader, unsigned slot,
		      const uint8_t *request, size_t size,
		      struct answer *answer)
{
	const struct exchange_command command = {
		.type = CCID_ESCAPE,
		.data = request,
		.size = size,
		.wait_ms = ESCAPE_MS,
		.deadline = clock_now() + ESCAPE_ALL_MS,
	};
	struct ccid_reply reply;
	int r = exchange_run(reader, slot, &command, &reply);

	if (r < 0)
		return r;
	if (reply.outcome == CCID_DONE)
		return give(answer, reply.data, reply.size);
	return reply.error == CCID_ERROR_NOT_SUPPORTED ? -ENOTSUP : -EIO;
}

static int escape(struct reader *reader, unsigned slot, const uint8_t *request,
		  size_t size, struct answer *answer)
{
	int r = exchange_begin(reader, slot, EXCHANGE_READER);

	if (r < 0)
		return r;
	r = run_escape(reader, slot, request, size, answer);
	exchange_end(reader, slot);
	return r;
}

static struct feature_reader describe(const struct reader *reader)
{
	return (struct feature_reader){
		.desc = &reader->desc,
		.vendor = reader->info.vendor,
		.product = reader->info.product,
		.version = reader->info.device_version,
		.escape = options_get()->driver_options & OPTIONS_ESCAPE,
	};
}

static int dispatch(struct reader *reader, unsigned slot, uint64_t code,
		    const uint8_t *request, size_t size, struct answer *answer)
{
	struct feature_reader what = describe(reader);

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
		return tell_properties(&what, answer);
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

/* The reader is asked each time: hardly anybody wants to know. */
static int fetch_text(struct reader *reader, enum attribute_text text,
		      char bytes[ATTRIBUTE_MAX])
{
	bytes[0] = '\0';
	switch (text) {
	case ATTRIBUTE_NO_TEXT:
		break;
	case ATTRIBUTE_MANUFACTURER:
		return usb_string(reader->usb, USB_MANUFACTURER, bytes,
				  ATTRIBUTE_MAX);
	case ATTRIBUTE_PRODUCT:
		return usb_string(reader->usb, USB_PRODUCT, bytes,
				  ATTRIBUTE_MAX);
	case ATTRIBUTE_SERIAL:
		return usb_string(reader->usb, USB_SERIAL, bytes,
				  ATTRIBUTE_MAX);
	}
	return 0;
}

/*
 * The session is its owner's. pcscd lets nobody in beside one; if it did, they
 * would be told that nothing is agreed yet.
 */
static void look_at_card(struct reader *reader, unsigned slot,
			 struct attribute_facts *facts)
{
	const struct track_slot *truth = &reader->track.slot[slot];
	const struct session *session = &reader->slot[slot].session;

	pthread_mutex_lock(&reader->lock);
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
	char text[ATTRIBUTE_MAX];
	struct attribute_facts facts = {
		.desc = &reader->desc,
		.version = reader->info.device_version,
		.bus = reader->info.bus,
		.address = reader->info.address,
		.text = text,
		.present = presence == TRACK_PRESENT,
	};

	if (presence == TRACK_GONE ||
	    fetch_text(reader, attribute_text(attribute), text) < 0)
		return -ENODEV;
	look_at_card(reader, slot, &facts);
	facts.atr_size = card_atr(reader, slot, facts.atr);
	return attribute_get(attribute, &facts, value);
}
