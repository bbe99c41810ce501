/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "protocol.h"

#include <errno.h>

#include "bytes.h"
#include "card.h"
#include "ccid.h"
#include "clock.h"
#include "exchange.h"
#include "log.h"
#include "supply.h"

#define PPS_MS		5000	/* 9600 etu at 1 MHz take 3.6 s */
#define LIST_MS		1000	/* for a list of speeds; many are silent */
#define FIELD_SPEED	10	/* bError: bmFindexDindex's offset */

/* Owners of two slots may ask at the same time: what is complete stays. */
static void ask_list(struct reader *reader, uint8_t request, uint8_t promised,
		     uint32_t *list, size_t *count)
{
	uint8_t raw[4 * PARAMS_LIST_MAX];
	int r;

	if (!promised)
		return;
	r = usb_request_in(reader->usb, request, 0, raw,
			   (size_t)4 * promised, LIST_MS);
	pthread_mutex_lock(&reader->lock);
	if (r >= 0 && !reader->speeds.asked)
		*count = params_list(raw, (size_t)r, promised, list);
	pthread_mutex_unlock(&reader->lock);
}

/* Most readers answer neither: then the descriptor has to do. */
static void ask_speeds(struct reader *reader)
{
	struct session_speeds *speeds = &reader->speeds;
	bool asked;

	pthread_mutex_lock(&reader->lock);
	asked = speeds->asked;
	pthread_mutex_unlock(&reader->lock);
	if (asked)
		return;
	ask_list(reader, CCID_CONTROL_GET_RATES, reader->desc.rates,
		 speeds->rates, &speeds->rate_count);
	ask_list(reader, CCID_CONTROL_GET_CLOCKS, reader->desc.clocks,
		 speeds->clocks, &speeds->clock_count);
	pthread_mutex_lock(&reader->lock);
	speeds->asked = true;
	pthread_mutex_unlock(&reader->lock);
}

/* One XfrBlock of the negotiation; its data is copied to answer. */
static int exchange_pps(struct reader *reader, unsigned slot,
			const uint8_t *bytes, size_t size, size_t wanted,
			uint8_t *answer, size_t room)
{
	const struct exchange_command command = {
		.type = CCID_XFR_BLOCK,
		.parameters = { 0, (uint8_t)wanted, 0 },
		.data = bytes,
		.size = size,
		.purpose = EXCHANGE_CARD,
		.wait_ms = PPS_MS,
		.deadline = clock_now() + PPS_MS,
	};
	struct ccid_reply reply;
	int r = exchange_run(reader, slot, &command, &reply);

	if (r < 0)
		return r;
	if (reply.outcome != CCID_DONE || reply.size > room)
		return -EPROTO;
	return (int)copy_bounded(answer, room, reply.data, reply.size);
}

/* At character level the reader is told how many bytes to wait for. */
static int receive_pps(struct reader *reader, unsigned slot,
		       const struct params *params,
		       uint8_t answer[PARAMS_PPS_MAX])
{
	bool character = reader->slot[slot].level == DESC_LEVEL_CHARACTER;
	size_t size = 0, missing = params_pps_missing(NULL, 0);
	int r = exchange_pps(reader, slot, params->pps_bytes, params->pps_size,
			     character ? missing : 0, answer, PARAMS_PPS_MAX);

	while (r > 0) {
		size += (size_t)r;
		missing = params_pps_missing(answer, size);
		if (!character || !missing)
			return (int)size;
		r = exchange_pps(reader, slot, NULL, 0, missing, answer + size,
				 PARAMS_PPS_MAX - size);
	}
	return r < 0 ? r : -EPROTO;
}

static int send_pps(struct reader *reader, unsigned slot,
		    struct params *params)
{
	uint8_t answer[PARAMS_PPS_MAX];
	int r = receive_pps(reader, slot, params, answer);

	if (r < 0)
		return r;
	switch (params_check_pps(params, answer, (size_t)r)) {
	case PARAMS_PPS_AGREED:
		return 0;
	case PARAMS_PPS_DEFAULT:
		params_slow_down(params);
		return 0;
	case PARAMS_PPS_FAILED:
		break;
	}
	return -EPROTO;
}

/*
 * A field that cannot be changed does no harm, unless it is the speed and the
 * card has agreed to another one than the reader keeps.
 */
static bool may_refuse(const struct params *params, uint8_t error)
{
	if (error > CCID_ERROR_FIELD_LAST)
		return false;
	return params->refusable || params->fidi == ATR_DEFAULT_FIDI ||
	       error > FIELD_SPEED;
}

static int judge_refusal(const struct params *params, uint8_t error)
{
	switch (error) {
	case CCID_ERROR_PROTOCOL:
	case CCID_ERROR_CLASS:
	case CCID_ERROR_DEACTIVATED:
		return -EPROTONOSUPPORT;
	}
	return may_refuse(params, error) ? 0 : -EPROTO;
}

static int set_parameters(struct reader *reader, unsigned slot,
			  const struct params *params)
{
	const struct exchange_command command = {
		.type = CCID_SET_PARAMETERS,
		.parameters = { params->protocol },
		.data = params->set_bytes,
		.size = params->set_size,
		.purpose = EXCHANGE_CARD,
		.wait_ms = EXCHANGE_SHORT_MS,
		.deadline = clock_now() + EXCHANGE_SHORT_MS,
		.gentle = true,	/* the card's reset may do */
	};
	struct ccid_reply reply;
	int r = exchange_run(reader, slot, &command, &reply);

	if (r < 0)
		return r;
	return reply.outcome == CCID_DONE ? 0
					  : judge_refusal(params, reply.error);
}

static int negotiate(struct reader *reader, unsigned slot,
		     struct params *params)
{
	int r = params->pps ? send_pps(reader, slot, params) : 0;

	if (r < 0)
		return r;
	return params->set ? set_parameters(reader, slot, params) : 0;
}

static uint32_t current_visit(struct reader *reader, unsigned slot)
{
	uint32_t visit;

	pthread_mutex_lock(&reader->lock);
	visit = reader->track.slot[slot].visit;
	pthread_mutex_unlock(&reader->lock);
	return visit;
}

/* Errors that another try at default speed may mend. */
static bool is_failed_negotiation(int r)
{
	return r == -EPROTO || r == -ETIMEDOUT || r == -EIO ||
	       r == -EPROTONOSUPPORT;
}

static int start_over_slowly(struct reader *reader, unsigned slot,
			     struct params *params, int error)
{
	int r = params_slow_down(params);

	if (r < 0)
		return error == -EPROTONOSUPPORT ? error : -EPROTO;
	log_write(LOG_LEVEL_INFO, reader->label,
		  "slot %u: card and reader do not agree on a speed; reset, "
		  "and on at the default", slot);
	r = card_reset_owned(reader, slot);
	if (r < 0)
		return r;
	reader->slot[slot].session.slow_visit = current_visit(reader, slot);
	return negotiate(reader, slot, params);
}

static unsigned count_resets(struct reader *reader)
{
	unsigned resets;

	pthread_mutex_lock(&reader->lock);
	resets = reader->resets;
	pthread_mutex_unlock(&reader->lock);
	return resets;
}

/*
 * A reader that had to be reset over it would have to be each time the card is
 * powered up again, which counts as another one by then.
 */
static int agree_on(struct reader *reader, unsigned slot,
		    struct params *params)
{
	unsigned resets = count_resets(reader);
	int r = negotiate(reader, slot, params);

	if (is_failed_negotiation(r))
		r = start_over_slowly(reader, slot, params, r);
	if (r < 0 && resets != count_resets(reader))
		reader->slot[slot].session.slow_visit =
			current_visit(reader, slot);
	return r;
}

/* At the level that the slot's owner found it at. */
static struct desc describe(struct reader *reader, unsigned slot)
{
	struct desc desc;

	pthread_mutex_lock(&reader->lock);
	desc = reader->desc;
	quirk_fit_slot(&reader->quirk, slot, &desc);
	desc.level = reader->slot[slot].level;
	pthread_mutex_unlock(&reader->lock);
	return desc;
}

static int decide(struct reader *reader, unsigned slot, uint8_t protocol,
		  struct params *ret_params)
{
	const struct session *session = &reader->slot[slot].session;
	const struct quirk *quirk = &reader->quirk;
	bool own_rates = quirk->rate_slot && slot >= quirk->rate_slot;
	const struct desc desc = describe(reader, slot);
	const struct params_reader what = {
		.desc = &desc,
		.rates = own_rates ? quirk_rates : reader->speeds.rates,
		.rate_count = own_rates ? QUIRK_RATES
					: reader->speeds.rate_count,
		.clocks = reader->speeds.clocks,
		.clock_count = reader->speeds.clock_count,
		.rate_cap = slot >= quirk->cap_slot ? quirk->rate_cap : 0,
		.no_pps = quirk->flags & QUIRK_NO_PPS,
	};
	uint8_t bytes[READER_ATR_MAX];
	size_t size = supply_atr(reader, slot, bytes);
	struct atr atr;
	int r = atr_parse(bytes, size, &atr);

	if (r < 0)
		return -EPROTONOSUPPORT;
	if (atr.bwi < quirk_bwi(bytes, size))
		atr.bwi = quirk_bwi(bytes, size);
	r = params_decide(&what, &atr, protocol, ret_params);
	if (r < 0)
		return r;
	if (session->slow_visit == current_visit(reader, slot))
		params_slow_down(ret_params);
	return 0;
}

static int begin_t1(struct reader *reader, unsigned slot)
{
	struct session *session = &reader->slot[slot].session;
	const struct t1_parameters parameters = {
		.ifsc = session->params.times.ifsc,
		.ifsd = reader->desc.features & DESC_AUTO_IFSD
				? 0
				: reader->desc.max_ifsd,
		.crc = session->params.crc,
		.character = reader->slot[slot].level == DESC_LEVEL_CHARACTER,
		.message_max = reader->desc.max_message,
	};

	return t1_init(&session->t1, &parameters);
}

/* A protocol that was agreed on, or was not, is left by a reset only. */
static int make_ready(struct reader *reader, unsigned slot, uint8_t protocol)
{
	const struct session *session = &reader->slot[slot].session;

	if (reader->slot[slot].level < DESC_LEVEL_SHORT_APDU)
		ask_speeds(reader);
	if (session->spoilt ||
	    (session->agreed && session->params.protocol != protocol))
		return card_reset_owned(reader, slot);
	return 0;
}

int protocol_of_card(struct reader *reader, unsigned slot)
{
	uint8_t bytes[READER_ATR_MAX];
	size_t size = supply_atr(reader, slot, bytes);
	struct atr atr;

	if (atr_parse(bytes, size, &atr) < 0)
		return -EPROTONOSUPPORT;
	return atr.specific ? atr.specific_protocol : atr.protocols[0];
}

int protocol_agree(struct reader *reader, unsigned slot, uint8_t protocol)
{
	struct session *session = &reader->slot[slot].session;
	struct params params;
	int r;

	if (session->agreed && session->params.protocol == protocol)
		return 0;
	r = make_ready(reader, slot, protocol);
	if (r < 0)
		return r;
	r = decide(reader, slot, protocol, &params);
	if (r < 0)
		return r;
	r = agree_on(reader, slot, &params);
	session->spoilt = r < 0;
	if (r < 0)
		return r;
	session->params = params;
	if (protocol == 1 && reader->slot[slot].level < DESC_LEVEL_SHORT_APDU)
		r = begin_t1(reader, slot);
	session->agreed = r == 0;
	return r;
}
