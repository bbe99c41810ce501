/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vlevel.h"

#include <stdlib.h>
#include <string.h>

#include "vccid.h"
#include "vchance.h"

#define FEATURE_NEGOTIATION	0x40
#define FEATURE_PPS		0x80
#define FEATURE_IFSD		0x400

/* bError */
#define ERROR_UNKNOWN		0x00
#define ERROR_LENGTH		0x01
#define ERROR_LEVEL		0x08
#define ERROR_SPEED		0x0A
#define ERROR_PROCEDURE		0xF4
#define ERROR_PROTOCOL		0xF6
#define ERROR_OVERRUN		0xFC
#define ERROR_PARITY		0xFD
#define ERROR_MUTE		0xFE

#define PPSS		0xFF
#define IFSD_BEST	254

#define INS		1
#define P3		4
#define HEADER_SIZE	5
#define NULL_BYTE	0x60
#define GET_RESPONSE	0xC0

/* --- replies */

static unsigned fail(struct vslot *slot, uint8_t error)
{
	unsigned time = slot->contact.time;

	vcommand_fail(slot, error);
	return error == ERROR_MUTE ? time + slot->ccid->options->mute_time :
				     time;
}

static bool put(struct vslot *slot, const uint8_t *bytes, size_t size)
{
	struct vreply *reply = &slot->reply;
	size_t room = slot->ccid->options->message_size - VCCID_HEADER;

	if (size > room - reply->size)
		return false;
	memcpy(reply->data + reply->size, bytes, size);
	reply->size += size;
	return true;
}

static size_t left(const struct vline *line)
{
	return line->size - line->at;
}

/* What is wrong with the line, as bError; -1: something has come. */
static int silence(const struct vline *line)
{
	if (line->garbled)
		return ERROR_PARITY;
	return left(line) ? -1 : ERROR_MUTE;
}

/* The next so many characters into the reply. */
static unsigned give(struct vslot *slot, size_t size)
{
	struct vline *line = &slot->line;
	int error = silence(line);

	if (error >= 0)
		return fail(slot, (uint8_t)error);
	if (!put(slot, line->in + line->at, size))
		return fail(slot, ERROR_OVERRUN);
	line->at += size;
	return slot->contact.time;
}

/* --- TPDU level, T=0 */

struct tpdu {
	const uint8_t *data;	/* to the card ... */
	size_t size;
	size_t expected;	/* ... or from it */
};

static int next(struct vslot *slot)
{
	struct vline *line = &slot->line;

	return silence(line) < 0 ? line->in[line->at++] : -1;
}

static bool move_data(struct vslot *slot, struct tpdu *tpdu, bool all)
{
	struct vline *line = &slot->line;
	size_t size = tpdu->size ? tpdu->size : tpdu->expected;

	if (!all && size)
		size = 1;
	if (tpdu->size) {
		vline_send(slot, tpdu->data, size);
		tpdu->data += size;
		tpdu->size -= size;
		return true;
	}
	if (!size || size > left(line))
		return false;
	tpdu->expected -= size;
	line->at += size;
	return put(slot, line->in + line->at - size, size);
}

/* ISO 7816-3, 10.3.3 */
static unsigned speak_t0(struct vslot *slot, struct tpdu tpdu, uint8_t ins)
{
	for (;;) {
		int byte = next(slot);

		if (byte < 0)
			return fail(slot, (uint8_t)silence(&slot->line));
		if (byte == NULL_BYTE)
			continue;
		if ((byte & 0xF0) == 0x60 || (byte & 0xF0) == 0x90) {
			slot->line.at--;
			return give(slot, 2);
		}
		if ((byte != ins && byte != (ins ^ 0xFF)) ||
		    !move_data(slot, &tpdu, byte == ins))
			return fail(slot, ERROR_PROCEDURE);
	}
}

static unsigned xfr_t0(struct vslot *slot, const uint8_t *data, size_t size)
{
	uint8_t header[HEADER_SIZE] = { 0 };
	struct tpdu tpdu = { 0 };

	if (size < HEADER_SIZE - 1 ||
	    (size > HEADER_SIZE && size - HEADER_SIZE != data[P3]))
		return fail(slot, ERROR_LENGTH);
	memcpy(header, data, size < HEADER_SIZE ? size : HEADER_SIZE);
	if (size > HEADER_SIZE) {
		tpdu.data = data + HEADER_SIZE;
		tpdu.size = size - HEADER_SIZE;
	} else if (size == HEADER_SIZE) {
		tpdu.expected = data[P3] ? data[P3] : 256;
	}
	vline_send(slot, header, HEADER_SIZE);
	return speak_t0(slot, tpdu, header[INS]);
}

/* --- TPDU level, T=1 */

/* bBWI times BWT: a block that comes later is not heard. */
static void wait_for_block(struct vslot *slot, uint8_t bwi)
{
	unsigned bwt = slot->card->habits.bwt * (bwi ? bwi : 1u);

	if (!bwt || slot->contact.time <= bwt)
		return;
	slot->contact.time = bwt;
	slot->line.at = slot->line.size;
}

static unsigned xfr_tpdu(struct vslot *slot, const uint8_t *message,
			 size_t size)
{
	const uint8_t *data = message + VCCID_HEADER;

	size -= VCCID_HEADER;
	if (message[8] || message[9])
		return fail(slot, ERROR_LEVEL);
	if (!size)
		return fail(slot, ERROR_LENGTH);
	if (slot->contact.state == VCONTACT_FRESH && data[0] == PPSS) {
		vline_send(slot, data, size);
		return give(slot, left(&slot->line));
	}
	if (!slot->protocol)
		return xfr_t0(slot, data, size);
	vline_send(slot, data, size);
	wait_for_block(slot, message[7]);
	return give(slot, left(&slot->line));
}

/* --- character level */

/* How much of what has come is given; 0: the rest is waited for, in vain. */
static size_t portion(const struct vslot *slot, size_t wanted)
{
	size_t room = slot->ccid->options->message_size - VCCID_HEADER;
	size_t here = left(&slot->line);

	switch ((enum vgive)slot->ccid->options->give) {
	case VGIVE_EXACTLY:
		return wanted <= here ? wanted : 0;
	case VGIVE_FEWER:
		here = wanted < here ? wanted : here;
		return here ? 1 + vchance(&slot->ccid->options->line_seed,
					  (unsigned)here) : 0;
	case VGIVE_ALL:
		return here < room ? here : room;
	}
	return 0;
}

static unsigned xfr_character(struct vslot *slot, const uint8_t *message,
			      size_t size)
{
	size_t wanted = message[8] | (size_t)message[9] << 8, part;

	if (size > VCCID_HEADER)
		vline_send(slot, message + VCCID_HEADER, size - VCCID_HEADER);
	if (!wanted)
		return slot->contact.time;
	wait_for_block(slot, message[7]);
	part = portion(slot, wanted);
	if (!part)
		slot->line.at = slot->line.size;
	return give(slot, part);
}

unsigned vlevel_xfr(struct vslot *slot, const uint8_t *message, size_t size)
{
	slot->contact.time = 0;
	if (slot->ccid->options->level == VLEVEL_TPDU || vtoken_is(slot->ccid))
		return xfr_tpdu(slot, message, size);
	return xfr_character(slot, message, size);
}

/* --- APDU levels */

bool vlevel_apdu_t0(struct vslot *slot, const uint8_t *apdu, size_t size,
		    unsigned *ret_time)
{
	bool case_3 = size > HEADER_SIZE && size - HEADER_SIZE == apdu[P3];
	bool get_response = size == HEADER_SIZE && apdu[INS] == GET_RESPONSE;

	if (slot->protocol || !(case_3 || get_response))
		return false;
	slot->contact.time = 0;
	slot->reader_fidi = slot->contact.fidi;
	*ret_time = xfr_t0(slot, apdu, size);
	return true;
}

/* --- what the reader settles by itself */

void vlevel_off(struct vslot *slot)
{
	vcontact_off(&slot->contact);
	vline_reset(&slot->line);
}

static void offer_ifsd(struct vslot *slot)
{
	if (slot->ccid->options->features & FEATURE_IFSD)
		slot->contact.t1.ifsd = IFSD_BEST;
}

void vlevel_reset(struct vslot *slot)
{
	struct vcontact *contact = &slot->contact;

	vline_reset(&slot->line);
	vcontact_reset(contact, slot);
	slot->reader_fidi = VATR_DEFAULT_FIDI;
	if (slot->ccid->options->features & FEATURE_NEGOTIATION)
		slot->reader_fidi = contact->fidi = contact->atr.fidi;
	offer_ifsd(slot);
}

/* The reader's own PPS */
static bool negotiate(struct vslot *slot, uint8_t protocol, uint8_t fidi)
{
	struct vcontact *contact = &slot->contact;
	uint8_t pps[4] = { PPSS, 0x10 | protocol, fidi, 0 };

	if (contact->state != VCONTACT_FRESH || contact->atr.specific)
		return true;
	pps[3] = pps[0] ^ pps[1] ^ pps[2];
	vcontact_hear(contact, pps, sizeof(pps));
	return contact->state == VCONTACT_SPEAKS && contact->fidi == fidi;
}

/* Rates that a reader does: those of its list, or all up to the highest. */
static bool does_rate(const struct voptions *options, uint8_t fidi)
{
	static const unsigned fs[16] = {
		372, 372, 558, 744, 1116, 1488, 1860, 0, 0, 512, 768, 1024,
		1536, 2048,
	};
	static const unsigned ds[16] = { 0, 1, 2, 4, 8, 16, 32, 64, 12, 20 };
	unsigned f = fs[fidi >> 4], d = ds[fidi & 15];
	unsigned long long rate;
	uint8_t list[4 * 64];
	unsigned n = vlevel_list(options->rates, list, sizeof(list));

	if (!f || !d)
		return false;
	rate = 1000ull * options->clock * d / f;
	for (unsigned i = 0; i < n; i++) {
		unsigned known = list[4 * i] | (unsigned)list[4 * i + 1] << 8 |
				 (unsigned)list[4 * i + 2] << 16 |
				 (unsigned)list[4 * i + 3] << 24;

		if (rate * 500 <= known * 501ull &&
		    rate * 501 >= known * 500ull)
			return true;
	}
	return !n && rate <= options->max_rate + options->max_rate / 500;
}

static int set_speed(struct vslot *slot, uint8_t protocol, uint8_t fidi)
{
	const struct voptions *options = slot->ccid->options;

	if (!does_rate(options, fidi) && fidi != VATR_DEFAULT_FIDI)
		return ERROR_SPEED;
	if (options->features & FEATURE_PPS && !negotiate(slot, protocol, fidi))
		return ERROR_PROTOCOL;
	slot->reader_fidi = fidi;
	return -1;
}

int vlevel_set(struct vslot *slot, uint8_t protocol, uint8_t fidi)
{
	switch ((enum vparameters)slot->ccid->options->parameters) {
	case VPARAMETERS_TAKE:
		return set_speed(slot, protocol, fidi);
	case VPARAMETERS_NO_SPEED:
		return fidi == slot->reader_fidi ? -1 : ERROR_SPEED;
	case VPARAMETERS_REFUSE:
		return ERROR_UNKNOWN;
	case VPARAMETERS_LIE:
		return -1;
	}
	return ERROR_UNKNOWN;
}

unsigned vlevel_list(const char *list, uint8_t *data, size_t room)
{
	unsigned n = 0;

	while (*list) {
		char *end;
		unsigned long number = strtoul(list, &end, 10);

		if (data && 4u * n + 4 <= room)
			for (unsigned i = 0; i < 4; i++)
				data[4 * n + i] = (uint8_t)(number >> 8 * i);
		n++;
		list = *end ? end + 1 : end;
	}
	return n;
}
