/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "transmit.h"

#include <config.h>
#include <errno.h>
#include <string.h>

#include "apdu.h"
#include "card.h"
#include "ccid.h"
#include "clock.h"
#include "exchange.h"
#include "identity.h"
#include "movement_told.h"
#include "protocol.h"
#include "t0.h"

#define STATUS_SIZE	2	/* SW1 SW2, behind every answer */
#define PACKET_SIZE	64	/* QUIRK_SPLIT_READS: at full speed */
#define ALL_MS	TIMES_MAX_MS	/* a card may make keys for minutes */
#define END_MS	(ALL_MS + EXCHANGE_MEND_MS)

enum engine_kind {
	ENGINE_APDU,
	ENGINE_T0,
	ENGINE_T1,
};

struct transmission {
	struct reader *reader;
	unsigned slot;
	struct session *session;
	enum engine_kind kind;
	union {
		struct apdu apdu;
		struct t0 t0;
	} engine;	/* that of T=1 lives as long as its session */
	uint64_t deadline;
	size_t expected;	/* bytes of answer, as the command has it */
	bool begun;	/* the card may have got something of the command */
};

static enum engine_kind kind_for(const struct slot *slot)
{
	if (slot->level >= DESC_LEVEL_SHORT_APDU)
		return ENGINE_APDU;
	return slot->session.params.protocol ? ENGINE_T1 : ENGINE_T0;
}

static int start(struct transmission *t, const uint8_t *command, size_t size,
		 uint8_t *answer, size_t room, struct engine_block *ret_block)
{
	enum desc_level level = t->reader->slot[t->slot].level;
	size_t max_message = t->reader->desc.max_message;

	switch (t->kind) {
	case ENGINE_APDU:
		return apdu_start(&t->engine.apdu,
				  level == DESC_LEVEL_EXTENDED_APDU,
				  max_message, command, size, answer, room,
				  ret_block);
	case ENGINE_T0:
		return t0_start(&t->engine.t0,
				level == DESC_LEVEL_CHARACTER, max_message,
				command, size, answer, room, ret_block);
	case ENGINE_T1:
		break;
	}
	return t1_start(&t->session->t1, command, size, answer, room,
			ret_block);
}

static int step(struct transmission *t, const struct engine_reply *reply,
		struct engine_block *ret_block)
{
	switch (t->kind) {
	case ENGINE_APDU:
		return apdu_step(&t->engine.apdu, reply, ret_block);
	case ENGINE_T0:
		return t0_step(&t->engine.t0, reply, ret_block);
	case ENGINE_T1:
		break;
	}
	return t1_step(&t->session->t1, reply, ret_block);
}

static size_t received(const struct transmission *t)
{
	switch (t->kind) {
	case ENGINE_APDU:
		return t->engine.apdu.received;
	case ENGINE_T0:
		return t->engine.t0.received;
	case ENGINE_T1:
		break;
	}
	return t->session->t1.exchange.received;
}

/*
 * The card asks for time by S(WTX) or NULL bytes, and a reader that hears them
 * in our place is to tell of each by a time extension. Not every one does: what
 * the card's parameters give is not enough for a command that works for long.
 */
static uint32_t be_patient(const struct transmission *t, uint32_t ms)
{
	const struct options *options = &t->reader->options;
	uint32_t floor = options->timeout_floor_s;

	if (floor > options->timeout_cap_s)
		floor = options->timeout_cap_s;
	return ms > floor * 1000 ? ms : floor * 1000;
}

/* How long the card may take for a block, without time extensions. */
static uint32_t wait_for_block(const struct transmission *t,
			       const struct engine_block *block)
{
	const struct times *times = &t->session->params.times;
	uint32_t cap = t->reader->options.timeout_cap_s * 1000;
	uint32_t ms;

	switch (t->kind) {
	case ENGINE_APDU:
		ms = times_apdu_ms(times, block->size, t->expected, cap);
		return be_patient(t, ms);
	case ENGINE_T0:
		ms = times_t0_ms(times, block->size,
				 t0_characters(&t->engine.t0, block), cap);
		return t->engine.t0.character ? ms : be_patient(t, ms);
	case ENGINE_T1:
		/* A card that asks for time is no silent one. */
		if (block->bwi > 1)
			cap = TIMES_MAX_MS;
		break;
	}
	return times_t1_ms(times, block->bwi, block->size, T1_BLOCK_MAX, cap) +
	       t->reader->quirk.extra_wait_s * 1000;
}

/*
 * Some readers hang on a reply that fills its packets. A byte alone is asked for
 * then, and the engine asks for the others.
 */
static uint16_t level_parameter(const struct transmission *t,
				const struct engine_block *block)
{
	const struct reader *reader = t->reader;
	uint16_t wanted = block->level_parameter;

	if (reader->quirk.flags & QUIRK_SPLIT_READS &&
	    reader->slot[t->slot].level == DESC_LEVEL_CHARACTER && wanted &&
	    (CCID_HEADER_SIZE + wanted) % PACKET_SIZE == 0)
		return 1;
	return wanted;
}

static const struct {
	uint8_t error;
	enum engine_event event;
} events[] = {
	{ CCID_ERROR_MUTE, ENGINE_SILENT },
	{ CCID_ERROR_PARITY, ENGINE_GARBLED },
	{ CCID_ERROR_OVERRUN, ENGINE_GARBLED },
};

/* What the reader's reply means to an engine; else a negative errno. */
static int understand(const struct ccid_reply *reply,
		      struct engine_reply *ret_reply)
{
	*ret_reply = (struct engine_reply){
		.event = ENGINE_ANSWERED,
		.chain_parameter = reply->extra,
		.data = reply->data,
		.size = reply->size,
	};
	if (reply->icc == CCID_ICC_ABSENT)
		return -ESTALE;
	if (reply->outcome == CCID_DONE)
		return 0;
	if (reply->icc == CCID_ICC_INACTIVE)
		return -ESTALE;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i].error == reply->error) {
			*ret_reply = (struct engine_reply){
				.event = events[i].event,
			};
			return 0;
		}
	return reply->error == CCID_ERROR_NOT_SUPPORTED ? -ENOTSUP : -EIO;
}

/* The reader works again: T=1 knows how to go on with the card. */
static bool is_lost(int r)
{
	return r == -ETIMEDOUT || r == -EPROTO || r == -EIO;
}

static int take_as_silence(struct engine_reply *ret_reply)
{
	*ret_reply = (struct engine_reply){ .event = ENGINE_SILENT };
	return 0;
}

/* The reader says that it has not even sent it. */
static bool is_unsent(const struct ccid_reply *reply)
{
	return reply->outcome == CCID_FAILED &&
	       reply->error <= CCID_ERROR_FIELD_LAST;
}

static int send_block(struct transmission *t, const struct engine_block *block,
		      struct engine_reply *ret_reply)
{
	uint16_t parameter = level_parameter(t, block);
	const struct exchange_command command = {
		.type = CCID_XFR_BLOCK,
		.parameters = { block->bwi, (uint8_t)parameter,
				(uint8_t)(parameter >> 8) },
		.data = block->data,
		.size = block->size,
		.purpose = EXCHANGE_CARD,
		.wait_ms = wait_for_block(t, block),
		.deadline = t->deadline,
	};
	struct ccid_reply reply;
	int r = exchange_run(t->reader, t->slot, &command, &reply);

	t->begun |= r < 0 || !is_unsent(&reply);
	if (t->kind == ENGINE_T1 && is_lost(r) && clock_now() < t->deadline)
		return take_as_silence(ret_reply);
	if (r < 0)
		return r;
	return understand(&reply, ret_reply);
}

static int loop(struct transmission *t, struct engine_block *block)
{
	int r = ENGINE_SEND;

	while (r == ENGINE_SEND) {
		struct engine_reply reply;

		r = send_block(t, block, &reply);
		if (r < 0)
			return r;
		r = step(t, &reply, block);
	}
	return r < 0 ? r : 0;
}

/*
 * A card that was left in the middle of a command would take the next one for
 * the rest of it. Readers that send whole commands see to that themselves; T=1
 * has a way back if the card has perhaps got nothing.
 */
static void give_up(struct transmission *t, int r)
{
	struct t1 *t1 = &t->session->t1;
	bool stranded = false;

	switch (t->kind) {
	case ENGINE_APDU:
		break;
	case ENGINE_T0:
		stranded = r != -ENOBUFS && t->reader->slot[t->slot].level ==
						    DESC_LEVEL_CHARACTER;
		break;
	case ENGINE_T1:
		stranded = t->begun && !t1->settled;
		if (!t->begun)
			t1_doubt(t1);
	}
	if (stranded)
		card_forsake_owned(t->reader, t->slot);
}

int transmit_explain(struct reader *reader, unsigned slot, int r)
{
	int now = exchange_recheck(reader, slot, EXCHANGE_CARD);

	if (now == -ENODEV || now == -ENOMEDIUM)
		return now;
	return r;
}

/* The exchange is over: r is what came of it. */
static int end(struct transmission *t, int r, uint8_t *answer, size_t room,
	       size_t *ret_size)
{
	if (r == 0 && received(t) < STATUS_SIZE)
		r = -EPROTO;
	if (r == 0) {
		*ret_size = received(t);
	} else {
		explicit_bzero(answer, received(t) < room ? received(t) : room);
		give_up(t, r);
	}
	if (t->kind == ENGINE_T1)
		t1_end(&t->session->t1);
	else
		explicit_bzero(&t->engine, sizeof(t->engine));
	return r < 0 ? transmit_explain(t->reader, t->slot, r) : 0;
}

static int run(struct transmission *t, const uint8_t *command, size_t size,
	       uint8_t *answer, size_t room, size_t *ret_size)
{
	struct engine_block block;
	int r = start(t, command, size, answer, room, &block);

	if (r < 0)
		return r;
	return end(t, loop(t, &block), answer, room, ret_size);
}

/*
 * pcscd sets the protocol before the first APDU of each power-up. One that comes
 * without is meant for the card before: it was waiting for pcscd's lock while
 * the event thread told of a swap and powered the new card up.
 */
static int agree(struct reader *reader, unsigned slot, int protocol)
{
	struct session *session = &reader->slot[slot].session;
	int r;

	if (session->asks && !session->asked)
		return -ESTALE;
	if (!session->agreed) {
		if (protocol == TRANSMIT_ANY)
			protocol = protocol_of_card(reader, slot);
		if (protocol < 0)
			return protocol;
		r = protocol_agree(reader, slot, (uint8_t)protocol);
		session->asked = true;
		return r;
	}
	if (protocol != TRANSMIT_ANY && protocol != session->params.protocol)
		return -EPROTO;
	return 0;
}

/* As identity_answer, for readers whose clients ask the driver. */
static int answer_for_reader(struct reader *reader, const uint8_t *command,
			     size_t size, uint8_t *answer, size_t room)
{
	struct identity identity = {
		.firmware = reader->info.device_version,
		.driver = PACKAGE_VERSION,
	};

	if (!(reader->quirk.flags & QUIRK_IDENTITY))
		return 0;
	if (reader_text(reader, USB_MANUFACTURER, &identity.maker) < 0 ||
	    reader_text(reader, USB_PRODUCT, &identity.product) < 0)
		return -ENODEV;
	return identity_answer(&identity, command, size, answer, room);
}

static int transmit_to_card(struct reader *reader, unsigned slot, int protocol,
			    const uint8_t *command, size_t size,
			    uint8_t *answer, size_t room, size_t *ret_size)
{
	struct transmission t = {
		.reader = reader,
		.slot = slot,
		.session = &reader->slot[slot].session,
		.expected = 2,
	};
	struct apdu_command parsed;
	int r;

	if (apdu_parse(command, size, &parsed) == 0)
		t.expected += parsed.le;
	r = exchange_begin(reader, slot, EXCHANGE_CARD, END_MS);
	if (r < 0)
		return r;
	t.deadline = clock_now() + ALL_MS;
	r = agree(reader, slot, protocol);
	if (r == 0) {
		t.kind = kind_for(&reader->slot[slot]);
		r = run(&t, command, size, answer, room, ret_size);
	}
	exchange_end(reader, slot);
	return r;
}

int transmit(struct reader *reader, unsigned slot, int protocol,
	     const uint8_t *command, size_t size, uint8_t *answer, size_t room,
	     size_t *ret_size)
{
	int r = answer_for_reader(reader, command, size, answer, room);

	*ret_size = r > 0 ? (size_t)r : 0;
	if (r)
		return r < 0 ? r : 0;
	r = transmit_to_card(reader, slot, protocol, command, size, answer,
			     room, ret_size);
	if (r == -ENOMEDIUM)
		movement_hold(reader, slot);
	return r;
}

int transmit_resume(struct reader *reader, unsigned slot, int r,
		    const struct ccid_reply *first, size_t *ret_size)
{
	struct session *session = &reader->slot[slot].session;
	struct transmission t = {
		.reader = reader,
		.slot = slot,
		.session = session,
		.kind = ENGINE_T1,
		.deadline = clock_now() + ALL_MS,
		.begun = true,
	};
	struct engine_reply reply;
	struct engine_block block;

	if (r == 0)
		r = understand(first, &reply);
	if (r == 0)
		r = t1_step(&session->t1, &reply, &block);
	if (r == ENGINE_SEND)
		r = loop(&t, &block);
	return end(&t, r < 0 ? r : 0, session->t1.exchange.answer,
		   session->t1.exchange.room, ret_size);
}
