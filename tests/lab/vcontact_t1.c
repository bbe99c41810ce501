/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vcontact.h"

#include <string.h>

#include "vccid.h"

#define PCB		1
#define LEN		2
#define INF		3
#define PROLOGUE	3

#define MORE		0x20
#define IFSD_DEFAULT	32
#define OK		0
#define ERROR_EDC	1
#define ERROR_OTHER	2

#define RESYNCH		0xC0
#define IFS		0xC1
#define ABORT		0xC2
#define WTX		0xC3
#define RESPONSE	0x20

static const struct vhabits *habits(const struct vcontact *contact)
{
	return &contact->slot->card->habits;
}

/* --- EDC (ISO 7816-3, 11.3.4) */

static size_t put_edc(const struct vcontact *contact, const uint8_t *bytes,
		      size_t size, uint8_t edc[2])
{
	unsigned sum = 0xFFFF;

	if (!contact->atr.crc) {
		edc[0] = 0;
		while (size)
			edc[0] ^= bytes[--size];
		return 1;
	}
	for (size_t i = 0; i < size; i++) {
		sum ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			sum = sum & 1 ? sum >> 1 ^ 0x8408 : sum >> 1;
	}
	edc[habits(contact)->crc] = (uint8_t)(sum >> 8);
	edc[!habits(contact)->crc] = (uint8_t)sum;
	return 2;
}

static bool is_whole(const struct vcontact *contact, const uint8_t *bytes,
		     size_t size)
{
	size_t epilogue = contact->atr.crc ? 2 : 1;
	uint8_t edc[2];

	if (size < PROLOGUE + epilogue ||
	    size != PROLOGUE + epilogue + bytes[LEN])
		return false;
	put_edc(contact, bytes, size - epilogue, edc);
	return memcmp(edc, bytes + size - epilogue, epilogue) == 0;
}

/* --- what the card says */

static void repeat(struct vcontact *contact)
{
	vcontact_say(contact, contact->t1.last, contact->t1.last_size);
}

static void say(struct vcontact *contact, unsigned pcb, const uint8_t *inf,
		size_t size)
{
	struct vt1 *t1 = &contact->t1;

	t1->last[0] = 0;
	t1->last[PCB] = (uint8_t)pcb;
	t1->last[LEN] = (uint8_t)size;
	if (size)
		memcpy(t1->last + INF, inf, size);
	t1->last_size = PROLOGUE + size;
	t1->last_size += put_edc(contact, t1->last, t1->last_size,
				 t1->last + t1->last_size);
	repeat(contact);
}

static void say_r(struct vcontact *contact, unsigned error, const char *why)
{
	if (error)
		vcontact_complain(contact, why);
	say(contact, 0x80u | (unsigned)contact->t1.nr << 4 | error, NULL, 0);
}

static void say_i(struct vcontact *contact)
{
	struct vt1 *t1 = &contact->t1;
	size_t left = contact->answer_size - t1->answered;

	if (!t1->outstanding)
		t1->part = left < t1->ifsd ? left : t1->ifsd;
	t1->outstanding = true;
	contact->time += t1->working;
	t1->working = 0;
	say(contact, (unsigned)t1->ns << 6 | (t1->part < left ? MORE : 0),
	    contact->answer + t1->answered, t1->part);
}

static void say_request(struct vcontact *contact, uint8_t pcb, unsigned value)
{
	const uint8_t inf = (uint8_t)value;

	contact->t1.request = pcb;
	contact->t1.request_value = inf;
	say(contact, pcb, &inf, pcb == ABORT ? 0 : 1);
}

/* So many block waiting times, 255 at most, before the answer is there */
static unsigned waits(const struct vcontact *contact)
{
	unsigned bwt = habits(contact)->bwt, n;

	if (!bwt || contact->t1.working < bwt)
		return 0;
	n = contact->t1.working / bwt + 1;
	return n < 255 ? n : 255;
}

/* The card may send: what it has to say, or a request before that. */
static void go_on(struct vcontact *contact, bool more)
{
	struct vt1 *t1 = &contact->t1;

	if (habits(contact)->ifs && !t1->ifs_asked) {
		t1->ifs_asked = true;
		say_request(contact, IFS, habits(contact)->ifs);
	} else if (more && t1->chains == habits(contact)->abort) {
		say_request(contact, ABORT, 0);
	} else if (t1->answering && waits(contact)) {
		say_request(contact, WTX, waits(contact));
	} else if (t1->answering) {
		say_i(contact);
	} else {
		say_r(contact, OK, NULL);
	}
}

/* --- what the card hears */

static void not_right(struct vcontact *contact, unsigned error, const char *why)
{
	if (contact->t1.request)
		repeat(contact);
	else
		say_r(contact, error, why);
}

static void resynchronise(struct vcontact *contact)
{
	unsigned chains = contact->t1.chains;

	vcontact_complain(contact, "resynch");
	vt1_reset(contact);
	contact->t1.chains = chains;
	say(contact, RESYNCH | RESPONSE, NULL, 0);
}

static void take_response(struct vcontact *contact, const uint8_t *bytes)
{
	struct vt1 *t1 = &contact->t1;
	uint8_t request = t1->request;

	if (!request || bytes[PCB] != (request | RESPONSE) ||
	    bytes[LEN] != (request == ABORT ? 0 : 1) ||
	    (bytes[LEN] && bytes[INF] != t1->request_value)) {
		not_right(contact, ERROR_OTHER, "t1-response-to-nothing");
		return;
	}
	t1->request = 0;
	switch (request) {
	case ABORT:
		t1->answering = false;
		contact->command_size = 0;
		say_r(contact, OK, NULL);
		return;
	case IFS:
		t1->ifsc = t1->request_value;
		go_on(contact, false);
		return;
	case WTX:
		say_i(contact);
		return;
	}
}

static void take_s(struct vcontact *contact, const uint8_t *bytes)
{
	if (bytes[PCB] == RESYNCH && bytes[LEN] == 0) {
		resynchronise(contact);
	} else if (bytes[PCB] == IFS && bytes[LEN] == 1 &&
		   !contact->t1.request) {
		contact->t1.ifsd = bytes[INF];
		say(contact, IFS | RESPONSE, bytes + INF, 1);
	} else {
		take_response(contact, bytes);
	}
}

static void take_r(struct vcontact *contact, const uint8_t *bytes)
{
	struct vt1 *t1 = &contact->t1;
	uint8_t number = bytes[PCB] >> 4 & 1;
	bool more = t1->answered + t1->part < contact->answer_size;

	if (t1->request) {
		repeat(contact);
	} else if (t1->outstanding && number == t1->ns) {
		say_i(contact);
	} else if (t1->outstanding && more) {
		t1->outstanding = false;
		t1->ns ^= 1;
		t1->answered += t1->part;
		go_on(contact, false);
	} else {
		say_r(contact, OK, NULL);
	}
}

static void run(struct vcontact *contact)
{
	struct vt1 *t1 = &contact->t1;
	unsigned before = contact->time;

	if (!vcontact_run(contact, contact->command, contact->command_size))
		return;
	t1->working = contact->time - before;
	contact->time = before;
	t1->answered = t1->part = 0;
	t1->answering = true;
	contact->command_size = 0;
}

static const char *wrong_with(const struct vcontact *contact,
			      const uint8_t *bytes)
{
	const struct vt1 *t1 = &contact->t1;

	if ((bytes[PCB] >> 6 & 1) != t1->nr)
		return "t1-number";
	if (t1->outstanding && t1->answered + t1->part < contact->answer_size)
		return "t1-out-of-turn";
	if (bytes[LEN] > t1->ifsc)
		return "t1-longer-than-ifsc";
	if (bytes[LEN] > sizeof(contact->command) - contact->command_size)
		return "t1-longer-than-an-apdu";
	return NULL;
}

static void take_i(struct vcontact *contact, const uint8_t *bytes)
{
	struct vt1 *t1 = &contact->t1;
	bool more = bytes[PCB] & MORE;

	if (t1->request) {
		repeat(contact);
		return;
	}
	if (wrong_with(contact, bytes)) {
		say_r(contact, ERROR_OTHER, wrong_with(contact, bytes));
		return;
	}
	t1->nr ^= 1;
	t1->ns ^= t1->outstanding;
	t1->outstanding = t1->answering = false;
	if (more && !contact->command_size)
		t1->chains++;
	memcpy(contact->command + contact->command_size, bytes + INF,
	       bytes[LEN]);
	contact->command_size += bytes[LEN];
	if (!more)
		run(contact);
	if (contact->state != VCONTACT_DEAF)
		go_on(contact, more);
}

void vt1_reset(struct vcontact *contact)
{
	contact->t1 = (struct vt1){
		.ifsc = contact->atr.ifsc, .ifsd = IFSD_DEFAULT,
	};
	contact->command_size = 0;
}

void vt1_hear(struct vcontact *contact, const uint8_t *bytes, size_t size)
{
	if (!is_whole(contact, bytes, size)) {
		if (!habits(contact)->quiet)
			not_right(contact, ERROR_EDC, "t1-damaged");
	} else if (bytes[PCB] < 0x80) {
		take_i(contact, bytes);
	} else if (bytes[PCB] < 0xC0) {
		take_r(contact, bytes);
	} else {
		take_s(contact, bytes);
	}
}
