/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "t1.h"

#include <errno.h>

#include "apdu.h"
#include "bytes.h"
#include "ccid.h"

#define COMMAND_MIN	4	/* CLA INS P1 P2 */
#define IFS_DEFAULT	32

/* Why a reply was no step forward: what our R-block says, what we say. */
enum failure {
	FAILED_EDC,
	FAILED_OTHER,
	FAILED_SILENT,
};

static const struct {
	uint8_t pcb;
	int error;
} failures[] = {
	[FAILED_EDC] = { T1_PCB_R_EDC, -EIO },
	[FAILED_OTHER] = { T1_PCB_R_OTHER, -EIO },
	[FAILED_SILENT] = { T1_PCB_R_OTHER, -ETIMEDOUT },
};

static uint8_t lower(uint8_t a, uint8_t b)
{
	return a < b ? a : b;
}

static int send_again(struct t1 *engine, struct engine_block *ret_block)
{
	engine->in_size = 0;
	*ret_block = (struct engine_block){
		.data = engine->out,
		.size = engine->out_size,
	};
	if (engine->character)
		ret_block->level_parameter = (uint16_t)t1_block_missing(
			engine->in, engine->in_size, engine->kinds);
	return ENGINE_SEND;
}

static int send_block(struct t1 *engine, enum t1_sent sent, uint8_t pcb,
		      const uint8_t *inf, size_t inf_size,
		      struct engine_block *ret_block)
{
	engine->exchange.sent = sent;
	engine->out_size = t1_block_build(engine->out, engine->kinds, pcb, inf,
					  inf_size);
	return send_again(engine, ret_block);
}

static int send_r(struct t1 *engine, uint8_t error,
		  struct engine_block *ret_block)
{
	uint8_t pcb = (uint8_t)(T1_PCB_R | engine->nr << 4 | error);

	return send_block(engine, T1_SENT_R, pcb, NULL, 0, ret_block);
}

static bool is_last_part(const struct t1_exchange *x)
{
	return x->acknowledged + x->part == x->command_size;
}

static int repeat_part(struct t1 *engine, struct engine_block *ret_block)
{
	const struct t1_exchange *x = &engine->exchange;
	uint8_t more = is_last_part(x) ? 0 : T1_PCB_MORE;

	if (!x->command)
		return -EIO;	/* the reader alone knew it */
	return send_block(engine, T1_SENT_I,
			  (uint8_t)(T1_PCB_I | engine->ns << 6 | more),
			  x->command + x->acknowledged, x->part, ret_block);
}

static int send_part(struct t1 *engine, struct engine_block *ret_block)
{
	struct t1_exchange *x = &engine->exchange;
	size_t left = x->command_size - x->acknowledged;

	x->part = left < engine->ifsc ? left : engine->ifsc;
	return repeat_part(engine, ret_block);
}

static int send_resynch(struct t1 *engine, struct engine_block *ret_block)
{
	return send_block(engine, T1_SENT_RESYNCH, T1_PCB_RESYNCH, NULL, 0,
			  ret_block);
}

/*
 * Right at the start silence means that the card does not speak T=1 as we do,
 * and the standard wants a reset (rule 7.4.1).
 */
static int resynchronise(struct t1 *engine, int error,
			 struct engine_block *ret_block)
{
	struct t1_exchange *x = &engine->exchange;

	if (!engine->heard || x->resynchs == T1_RESYNCHS_MAX)
		return error;
	x->resynchs++;
	x->failures = 0;
	return send_resynch(engine, ret_block);
}

static int ask_again(struct t1 *engine, enum failure why,
		     struct engine_block *ret_block)
{
	struct t1_exchange *x = &engine->exchange;

	if (++x->errors > T1_ERRORS_MAX)
		return failures[why].error;
	switch (x->sent) {
	case T1_SENT_I:
	case T1_SENT_RESPONSE:
		return send_r(engine, failures[why].pcb, ret_block);
	case T1_SENT_R:
	case T1_SENT_IFS:
	case T1_SENT_RESYNCH:
		break;
	}
	return send_again(engine, ret_block);
}

/* Some cards know no S(IFS request) but speak: their blocks stay at 32 bytes. */
static int give_up_ifsd(struct t1 *engine, int error,
			struct engine_block *ret_block)
{
	if (!engine->heard)
		return error;
	engine->ifsd_wanted = engine->ifsd;
	engine->exchange.failures = 0;
	return send_part(engine, ret_block);
}

static int take_failure(struct t1 *engine, enum failure why,
			struct engine_block *ret_block)
{
	struct t1_exchange *x = &engine->exchange;
	int error = failures[why].error;

	if (++x->failures < T1_TRIES_MAX)
		return ask_again(engine, why, ret_block);
	switch (x->sent) {
	case T1_SENT_I:
	case T1_SENT_R:
	case T1_SENT_RESPONSE:
		break;
	case T1_SENT_IFS:
		return give_up_ifsd(engine, error, ret_block);
	case T1_SENT_RESYNCH:
		return error;
	}
	return resynchronise(engine, error, ret_block);
}

/* The card tells which number it wants next; the next command may start. */
static int end_aborted(struct t1 *engine, uint8_t ns)
{
	engine->ns = ns;
	engine->settled = true;
	return -ECANCELED;
}

/* What was stored may be longer than what will be. */
static void forget_answer(struct t1_exchange *x)
{
	if (x->received)
		explicit_bzero(x->answer, x->received < x->room ? x->received :
								  x->room);
	x->received = 0;
	x->empty_parts = 0;
	x->answering = false;
}

/*
 * The card has both IFS of the start again, or else those of before: what it
 * surely takes is the lower IFSC, and IFSD is told anew with the next command.
 */
static int restart(struct t1 *engine, struct engine_block *ret_block)
{
	struct t1_exchange *x = &engine->exchange;

	engine->adrift = false;
	engine->nr = 0;
	engine->ifsc = lower(engine->ifsc, engine->ifsc_first);
	engine->ifsd = IFS_DEFAULT;
	if (x->aborting)
		return end_aborted(engine, 0);
	engine->ns = 0;
	forget_answer(x);
	x->failures = 0;
	x->acknowledged = 0;
	return send_part(engine, ret_block);
}

static int store(struct t1_exchange *x, const struct t1_block *block)
{
	if (block->inf_size > T1_ANSWER_MAX - x->received)
		return -EPROTO;
	if (x->received < x->room)
		copy_bounded(x->answer + x->received, x->room - x->received,
			     block->inf, block->inf_size);
	x->received += block->inf_size;
	x->empty_parts = block->inf_size ? 0 : x->empty_parts + 1;
	return 0;
}

static int accept_part(struct t1 *engine, const struct t1_block *block,
		       struct engine_block *ret_block)
{
	struct t1_exchange *x = &engine->exchange;
	int r = store(x, block);

	if (r < 0)
		return r;
	if (block->more && x->empty_parts > T1_EMPTY_PARTS_MAX)
		return -EPROTO;
	if (block->more)
		return send_r(engine, 0, ret_block);
	engine->settled = true;
	return x->received > x->room ? -ENOBUFS : ENGINE_DONE;
}

/*
 * Longer than IFSD is all right: there is room, and cards that take no notice
 * of IFSD would not work otherwise.
 */
static int take_i(struct t1 *engine, const struct t1_block *block,
		  struct engine_block *ret_block)
{
	struct t1_exchange *x = &engine->exchange;

	if (block->number != engine->nr || x->aborting || !is_last_part(x))
		return take_failure(engine, FAILED_OTHER, ret_block);
	x->failures = 0;
	if (!x->answering)
		engine->ns ^= 1;
	x->answering = true;
	engine->nr ^= 1;
	return accept_part(engine, block, ret_block);
}

/*
 * The part goes out again as it was: the card may have it, and then counts on
 * that many bytes. If it has set a lower IFSC since, only a new beginning helps.
 */
static int repeat_unheard(struct t1 *engine, struct engine_block *ret_block)
{
	struct t1_exchange *x = &engine->exchange;

	if (++x->errors > T1_ERRORS_MAX)
		return failures[FAILED_OTHER].error;
	if (x->part > engine->ifsc)
		return resynchronise(engine, -EPROTO, ret_block);
	return repeat_part(engine, ret_block);
}

/* Right blocks, so that the count of failures in a row begins again. */
static int take_r(struct t1 *engine, const struct t1_block *block,
		  struct engine_block *ret_block)
{
	struct t1_exchange *x = &engine->exchange;

	x->failures = 0;
	if (x->aborting)
		return end_aborted(engine, block->number);
	if (!x->answering && block->number == engine->ns)
		return repeat_unheard(engine, ret_block);
	if (is_last_part(x))
		return ask_again(engine, FAILED_OTHER, ret_block);
	engine->ns ^= 1;
	x->acknowledged += x->part;
	return send_part(engine, ret_block);
}

static const struct {
	enum t1_type type;
	uint8_t response;
	unsigned limit;
	int error;
} requests[] = {
	{ T1_IFS_REQUEST, T1_PCB_IFS_RESPONSE, T1_IFS_MAX, -EPROTO },
	{ T1_ABORT_REQUEST, T1_PCB_ABORT_RESPONSE, T1_ABORTS_MAX, -EPROTO },
	{ T1_WTX_REQUEST, T1_PCB_WTX_RESPONSE, T1_WTX_MAX, -ETIMEDOUT },
};

#define REQUESTS	(sizeof(requests) / sizeof(requests[0]))

static int take_request(struct t1 *engine, const struct t1_block *block,
			struct engine_block *ret_block)
{
	struct t1_exchange *x = &engine->exchange;
	size_t i = 0;

	while (i < REQUESTS - 1 && requests[i].type != block->type)
		i++;
	if (++x->requests[i] > requests[i].limit)
		return requests[i].error;
	x->failures = 0;
	if (block->type == T1_IFS_REQUEST)
		engine->ifsc = lower(*block->inf, engine->inf_max);
	if (block->type == T1_ABORT_REQUEST)
		x->aborting = true;
	send_block(engine, T1_SENT_RESPONSE, requests[i].response, block->inf,
		   block->inf_size, ret_block);
	if (block->type == T1_WTX_REQUEST)
		ret_block->bwi = *block->inf;
	return ENGINE_SEND;
}

static int take_block(struct t1 *engine, const struct t1_block *block,
		      struct engine_block *ret_block)
{
	switch (block->type) {
	case T1_I:
		return take_i(engine, block, ret_block);
	case T1_R:
		return take_r(engine, block, ret_block);
	case T1_IFS_REQUEST:
	case T1_ABORT_REQUEST:
	case T1_WTX_REQUEST:
		return take_request(engine, block, ret_block);
	case T1_RESYNCH_RESPONSE:
	case T1_IFS_RESPONSE:
		break;
	}
	return take_failure(engine, FAILED_OTHER, ret_block);
}

static int take_ifs_response(struct t1 *engine, const struct t1_block *block,
			     struct engine_block *ret_block)
{
	if (block->type != T1_IFS_RESPONSE ||
	    *block->inf != engine->ifsd_wanted)
		return take_failure(engine, FAILED_OTHER, ret_block);
	engine->ifsd = engine->ifsd_wanted;
	engine->exchange.failures = 0;
	return send_part(engine, ret_block);
}

static int judge(struct t1 *engine, const uint8_t *bytes, size_t size,
		 struct engine_block *ret_block)
{
	struct t1_block block;
	int r = t1_block_parse(bytes, size, engine->kinds, &block);

	if (r < 0)
		return take_failure(engine, r == -EBADMSG ? FAILED_EDC :
							    FAILED_OTHER,
				    ret_block);
	engine->heard = true;
	engine->kinds = block.kinds;
	switch (engine->exchange.sent) {
	case T1_SENT_I:
	case T1_SENT_R:
	case T1_SENT_RESPONSE:
		break;
	case T1_SENT_IFS:
		return take_ifs_response(engine, &block, ret_block);
	case T1_SENT_RESYNCH:
		if (block.type == T1_RESYNCH_RESPONSE)
			return restart(engine, ret_block);
		return take_failure(engine, FAILED_OTHER, ret_block);
	}
	return take_block(engine, &block, ret_block);
}

static int collect(struct t1 *engine, const struct engine_reply *reply,
		   struct engine_block *ret_block)
{
	size_t space = sizeof(engine->in) - engine->in_size, missing;

	if (reply->size > space)
		return take_failure(engine, FAILED_OTHER, ret_block);
	engine->in_size += copy_bounded(engine->in + engine->in_size, space,
					reply->data, reply->size);
	missing = t1_block_missing(engine->in, engine->in_size, engine->kinds);
	if (!missing)
		return judge(engine, engine->in, engine->in_size, ret_block);
	*ret_block = (struct engine_block){
		.data = engine->out,
		.level_parameter = (uint16_t)missing,
	};
	return ENGINE_SEND;
}

int t1_init(struct t1 *engine, const struct t1_parameters *parameters)
{
	unsigned kinds = parameters->crc ? T1_CRC : T1_LRC;
	size_t frame = CCID_HEADER_SIZE + T1_PROLOGUE_SIZE + t1_edc_size(kinds);
	uint8_t ifsc = parameters->ifsc, inf_max = T1_INF_MAX;

	if (parameters->message_max <= frame)
		return -EMSGSIZE;
	if (parameters->message_max - frame < inf_max)
		inf_max = (uint8_t)(parameters->message_max - frame);
	if (ifsc == 0 || ifsc > T1_INF_MAX)
		ifsc = IFS_DEFAULT;
	*engine = (struct t1){
		.kinds = kinds,
		.ifsc = lower(ifsc, inf_max),
		.ifsc_first = lower(ifsc, inf_max),
		.inf_max = inf_max,
		.ifsd = IFS_DEFAULT,
		.ifsd_wanted = parameters->ifsd ?
			lower(parameters->ifsd, inf_max) : IFS_DEFAULT,
		.character = parameters->character,
		.settled = true,
	};
	return 0;
}

int t1_start(struct t1 *engine, const uint8_t *command, size_t command_size,
	     uint8_t *answer, size_t room, struct engine_block *ret_block)
{
	if (command_size < COMMAND_MIN)
		return -EINVAL;
	if (command_size > APDU_COMMAND_MAX)
		return -EMSGSIZE;
	if (room < 2)
		return -ENOBUFS;
	if (!engine->settled)
		return -ENOTCONN;
	engine->settled = false;
	engine->exchange = (struct t1_exchange){
		.command = command,
		.command_size = command_size,
		.answer = answer,
		.room = room,
	};
	if (engine->adrift)
		return send_resynch(engine, ret_block);
	if (engine->ifsd != engine->ifsd_wanted)
		return send_block(engine, T1_SENT_IFS, T1_PCB_IFS,
				  &engine->ifsd_wanted, 1, ret_block);
	return send_part(engine, ret_block);
}

int t1_start_unseen(struct t1 *engine, size_t command_size, uint8_t *answer,
		    size_t room, uint8_t ret_prologue[T1_PROLOGUE_SIZE])
{
	if (command_size < COMMAND_MIN)
		return -EINVAL;
	if (command_size > engine->ifsc)
		return -EMSGSIZE;
	if (room < 2)
		return -ENOBUFS;
	if (!engine->settled)
		return -ENOTCONN;
	engine->settled = false;
	engine->exchange = (struct t1_exchange){
		.command_size = command_size,
		.part = command_size,
		.answer = answer,
		.room = room,
		.sent = T1_SENT_I,
	};
	ret_prologue[0] = 0;
	ret_prologue[1] = (uint8_t)(T1_PCB_I | engine->ns << 6);
	ret_prologue[2] = (uint8_t)command_size;
	return 0;
}

void t1_withdraw(struct t1 *engine)
{
	engine->settled = true;
}

void t1_doubt(struct t1 *engine)
{
	engine->settled = true;
	engine->adrift = true;
}

int t1_step(struct t1 *engine, const struct engine_reply *reply,
	    struct engine_block *ret_block)
{
	switch (reply->event) {
	case ENGINE_ANSWERED:
		break;
	case ENGINE_SILENT:
		return take_failure(engine, FAILED_SILENT, ret_block);
	case ENGINE_GARBLED:
		return take_failure(engine, FAILED_EDC, ret_block);
	}
	/* A reader that returns nothing has heard nothing. */
	if (!reply->size)
		return take_failure(engine, FAILED_SILENT, ret_block);
	if (engine->character)
		return collect(engine, reply, ret_block);
	return judge(engine, reply->data, reply->size, ret_block);
}

void t1_end(struct t1 *engine)
{
	explicit_bzero(engine->out, sizeof(engine->out));
	explicit_bzero(engine->in, sizeof(engine->in));
}
