/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vcard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vhex.h"
#include "voptions.h"

#define HISTORICAL	13	/* "card 00000001" */

static uint32_t serials;

static const struct vcard_kind *const kinds[] = {
	&vcard_echo, &vcard_echo_t0, &vcard_echo_both, &vcard_mute,
	&vcard_served,
};

static size_t put_interface_bytes(uint8_t *atr, unsigned protocols)
{
	static const uint8_t t0[] = { 0x00 | HISTORICAL };
	static const uint8_t t1[] = { 0x80 | HISTORICAL, 0x01 };
	static const uint8_t both[] = { 0x80 | HISTORICAL, 0x80, 0x01 };

	switch (protocols) {
	case VCARD_T0:
		memcpy(atr, t0, sizeof(t0));
		return sizeof(t0);
	case VCARD_T1:
		memcpy(atr, t1, sizeof(t1));
		return sizeof(t1);
	}
	memcpy(atr, both, sizeof(both));
	return sizeof(both);
}

/* ISO 7816-3, 8.2: the serial number makes each card's ATR its own. */
static void make_atr(struct vcard *card)
{
	char text[HISTORICAL + 1];
	uint8_t check = 0;
	size_t n = 1;

	card->atr[0] = 0x3B;
	n += put_interface_bytes(card->atr + n, card->kind->protocols);
	snprintf(text, sizeof(text), "card %08x", card->serial);
	memcpy(card->atr + n, text, HISTORICAL);
	n += HISTORICAL;
	if (card->kind->protocols != VCARD_T0) {
		for (size_t i = 1; i < n; i++)
			check ^= card->atr[i];
		card->atr[n++] = check;
	}
	card->atr_size = n;
}

static int take_number(unsigned *to, const char *value)
{
	long long number = voptions_number(value, 0);

	if (number < 0)
		return -EINVAL;
	*to = (unsigned)number;
	return 0;
}

static int take_atr(struct vcard *card, const char *value)
{
	ssize_t n = vhex_parse(value, card->atr, sizeof(card->atr));

	if (n < 0)
		return -EINVAL;
	card->atr_size = (size_t)n;
	return 0;
}

static int take(struct vcard *card, const char *word)
{
	int r;

	if (strncmp(word, "serial=", 7) == 0) {
		r = take_number(&card->serial, word + 7);
		make_atr(card);
	} else if (strncmp(word, "voltages=", 9) == 0) {
		r = take_number(&card->voltages, word + 9);
	} else if (strncmp(word, "atr=", 4) == 0) {
		r = take_atr(card, word + 4);
	} else {
		r = vhabits_take(&card->habits, word);
		if (r == -ENOENT && card->kind->take)
			r = card->kind->take(card, word);
	}
	return r;
}

static const struct vcard_kind *kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

int vcard_new(const char *kind, char *const *words, size_t n,
	      struct vcard **ret_card)
{
	struct vcard *card;
	int r = 0;

	if (!kind_of(kind))
		return -ENOENT;
	card = calloc(1, sizeof(*card));
	if (!card)
		return -ENOMEM;
	card->kind = kind_of(kind);
	card->serial = ++serials;
	card->voltages = 7;
	card->server = -1;
	make_atr(card);
	for (size_t i = 0; i < n && r == 0; i++)
		r = take(card, words[i]);
	if (r < 0) {
		vcard_free(card);
		return r;
	}
	*ret_card = card;
	return 0;
}

void vcard_free(struct vcard *card)
{
	if (card && card->server >= 0)
		close(card->server);
	free(card);
}

void vcard_reset(struct vcard *card)
{
	card->resets++;
	card->apdus = 0;
	card->memory = 0;
	if (card->kind->reset)
		card->kind->reset(card);
}
