/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "secure.h"

#include <errno.h>

#include "bytes.h"
#include "card.h"
#include "ccid.h"
#include "clock.h"
#include "escape.h"
#include "exchange.h"
#include "t1.h"
#include "transmit.h"

/* The card has its own time behind the entry. */
#define END_MS	(PIN_ENTRY_MAX_S * 1000 + 60000)

#define OWN_STATUS	6	/* SW1 is 6X */

static int send(struct reader *reader, unsigned slot, const struct pin *pin,
		struct ccid_reply *ret_reply)
{
	const struct exchange_command command = {
		.type = CCID_SECURE,
		.data = pin->data,
		.size = pin->size,
		.purpose = EXCHANGE_CARD,
		.wait_ms = pin->wait_s * 1000,
		.deadline = clock_now() + PIN_ENTRY_MAX_S * 1000,
	};

	return exchange_run(reader, slot, &command, ret_reply);
}

static int give(const uint8_t *bytes, size_t size, uint8_t *answer,
		size_t room, size_t *ret_size)
{
	if (size > room)
		return -ENOBUFS;
	*ret_size = copy_bounded(answer, room, bytes, size);
	return 0;
}

/*
 * Part 10 has status words of the reader's own for which CCID has no error, as
 * 64 02: the new PINs differ. Where the answer is to be a block of T=1 they can
 * be told from one: they are shorter, and no NAD that we use begins so.
 */
static bool is_own_status(const struct ccid_reply *reply)
{
	return reply->outcome == CCID_DONE && reply->size == PIN_STATUS_SIZE &&
	       reply->data[0] >> 4 == OWN_STATUS;
}

/* True if the reader says that nothing went to the card. */
static bool is_unsent(const struct ccid_reply *reply)
{
	uint8_t status[PIN_STATUS_SIZE];

	return reply->outcome == CCID_FAILED &&
	       (reply->error <= CCID_ERROR_FIELD_LAST ||
		pin_is_refused(reply->error, status));
}

/* Why nothing went to the card. */
static int tell_unsent(const struct ccid_reply *reply, uint8_t *answer,
		       size_t room, size_t *ret_size)
{
	uint8_t status[PIN_STATUS_SIZE];

	if (reply->icc == CCID_ICC_ABSENT)
		return -ESTALE;
	if (pin_is_refused(reply->error, status))
		return give(status, sizeof(status), answer, room, ret_size);
	return reply->error == CCID_ERROR_NOT_SUPPORTED ? -ENOTSUP : -EIO;
}

/* An answer that goes on in another message is no answer to such a command. */
static int take_answer(const struct ccid_reply *reply, uint8_t *answer,
		       size_t room, size_t *ret_size)
{
	if (reply->icc == CCID_ICC_ABSENT)
		return -ESTALE;
	if (reply->outcome == CCID_FAILED)
		return reply->error == CCID_ERROR_MUTE ? -ETIMEDOUT : -EIO;
	if (reply->size < 2 || reply->extra == CCID_CHAIN_BEGIN)
		return -EPROTO;
	return give(reply->data, reply->size, answer, room, ret_size);
}

/*
 * A card that fell silent at TPDU level may wait for the rest of the PIN, and
 * would take the next command for that: a try lost.
 */
static int run_plain(struct reader *reader, unsigned slot,
		     const struct pin *pin, uint8_t *answer, size_t room,
		     size_t *ret_size)
{
	struct ccid_reply reply;
	int r = send(reader, slot, pin, &reply);

	if (r == 0 && is_unsent(&reply))
		return tell_unsent(&reply, answer, room, ret_size);
	if (r == 0)
		r = take_answer(&reply, answer, room, ret_size);
	if (r == -ETIMEDOUT && reader->slot[slot].level == DESC_LEVEL_TPDU)
		card_forsake_owned(reader, slot);
	return r;
}

static int run_block(struct reader *reader, unsigned slot, struct pin *pin,
		     uint8_t *answer, size_t room, size_t *ret_size)
{
	struct t1 *t1 = &reader->slot[slot].session.t1;
	uint8_t prologue[T1_PROLOGUE_SIZE];
	struct ccid_reply reply;
	int r = t1_start_unseen(t1, pin->apdu_size, answer, room, prologue);

	if (r < 0)
		return r;
	pin_set_prologue(pin, prologue);
	r = send(reader, slot, pin, &reply);
	if (r == 0 && is_own_status(&reply)) {
		t1_withdraw(t1);
		return give(reply.data, reply.size, answer, room, ret_size);
	}
	if (r == 0 && is_unsent(&reply)) {
		t1_withdraw(t1);
		return tell_unsent(&reply, answer, room, ret_size);
	}
	return transmit_resume(reader, slot, r, &reply, ret_size);
}

/* What some readers want before (struct pin_rules). */
static int prepare(struct reader *reader, unsigned slot, const struct pin *pin)
{
	static const uint8_t no_padding[] = { 0x80, 0x02, 0x00 };
	struct ccid_reply reply;

	if (pin->pause_ms)
		exchange_pause(reader, slot, pin->pause_ms);
	if (!pin->unpadded)
		return 0;
	return escape_run(reader, slot, no_padding, sizeof(no_padding), &reply);
}

static int run(struct reader *reader, unsigned slot, struct pin *pin,
	       uint8_t *answer, size_t room, size_t *ret_size)
{
	const struct session *session = &reader->slot[slot].session;
	int r;

	if (!session->agreed)
		return -EPROTO;
	r = prepare(reader, slot, pin);
	if (r < 0)
		return r;
	if (reader->slot[slot].level == DESC_LEVEL_TPDU && session->params.protocol)
		return run_block(reader, slot, pin, answer, room, ret_size);
	return run_plain(reader, slot, pin, answer, room, ret_size);
}

int secure_transmit(struct reader *reader, unsigned slot, struct pin *pin,
		    uint8_t *answer, size_t room, size_t *ret_size)
{
	int r;

	*ret_size = 0;
	r = exchange_begin(reader, slot, EXCHANGE_CARD, END_MS);
	if (r < 0)
		return r;
	r = run(reader, slot, pin, answer, room, ret_size);
	if (r < 0)
		r = transmit_explain(reader, slot, r);
	exchange_end(reader, slot);
	return r;
}
