/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "greet.h"

#include <errno.h>
#include <string.h>

#include "ccid.h"
#include "clock.h"
#include "escape.h"
#include "exchange.h"
#include "log.h"
#include "pin_text.h"

#define OFFS_MAX	10	/* power-offs that start a reader */

/* Answer to escape 6Ah: what a PIN pad can do; reserved bytes left out. */
#define PIN_BLOCK_SIZE		21
#define PIN_BLOCK_CONDITIONS	3
#define PIN_BLOCK_FLAGS		8
#define PIN_BLOCK_COUNTED	0x04	/* an index for each message */
#define PIN_BLOCK_MIN		13
#define PIN_BLOCK_MAX		14

/* Answer to escape 04h: a header, then a version. */
#define VERSION_SIZE		7
#define VERSION_HEADER		0x84
#define VERSION_OFFSET		5
#define VERSION_OF_APDUS	0x4500

/* --- before anything is sent */

static void apply_options(struct reader *reader)
{
	const struct options *options = &reader->options;
	struct quirk *quirk = &reader->quirk;

	if (options->level) {
		quirk->level = (uint8_t)options->level;
		quirk->short_only = false;
	}
	if (options->rate_cap) {
		quirk->rate_cap = options->rate_cap;
		quirk->cap_slot = 0;
	}
	if (!options->pps)
		quirk->flags |= QUIRK_NO_PPS;
	if (!options->pin_pad)
		quirk->flags |= QUIRK_NO_PIN_PAD;
	if (options->pin_min)
		quirk->pin_min = (uint8_t)options->pin_min;
	if (options->pin_max)
		quirk->pin_max = (uint8_t)options->pin_max;
	if (quirk->start_ms < options->start_ms)
		quirk->start_ms = (uint16_t)options->start_ms;
}

static bool is_bad(const struct reader *reader)
{
	return reader->info.device_version < reader->quirk.firmware &&
	       !(reader->options.driver_options & OPTIONS_OLD_FIRMWARE);
}

int greet_fit(struct reader *reader)
{
	const struct usb_info *info = &reader->info;

	options_for(info->vendor, info->product, &reader->options);
	if (reader->options.quirks &&
	    quirk_find(info->vendor, info->product, info->device_version,
		       &reader->quirk))
		log_write(LOG_LEVEL_INFO, reader->label,
			  "known for ways of its own, which are allowed for "
			  "unless ifdQuirks is 0");
	apply_options(reader);
	quirk_fit(&reader->quirk, &reader->desc);
	if (reader->desc.level != DESC_LEVEL_TPDU ||
	    !(reader->options.driver_options & OPTIONS_APDU_MODE))
		reader->quirk.flags &= ~QUIRK_APDU_MODE;
	if (reader->desc.max_ifsd > reader->options.max_ifsd)
		reader->desc.max_ifsd = (uint8_t)reader->options.max_ifsd;
	if (!is_bad(reader))
		return 0;
	log_write(LOG_LEVEL_CRITICAL, reader->label,
		  "firmware %x.%02x has faults, from %x.%02x on they are "
		  "mended; bit 0x4 of ifdDriverOptions allows it",
		  info->device_version >> 8, info->device_version & 0xFFu,
		  reader->quirk.firmware >> 8, reader->quirk.firmware & 0xFFu);
	return -ENOTSUP;
}

/* --- before and behind the first status */

bool greet_is_due(struct reader *reader)
{
	bool due;

	pthread_mutex_lock(&reader->lock);
	due = !reader->greeted;
	pthread_mutex_unlock(&reader->lock);
	return due;
}

/* Also if it was reset over what it was told: not twice. */
static void note_greeted(struct reader *reader)
{
	pthread_mutex_lock(&reader->lock);
	reader->greeted = true;
	pthread_mutex_unlock(&reader->lock);
}

static void start_by_off(struct reader *reader, unsigned slot)
{
	const struct exchange_command command = {
		.type = CCID_POWER_OFF,
		.wait_ms = reader->quirk.start_ms,
		.deadline = clock_now() + reader->quirk.start_ms,
		.gentle = true,
	};
	struct ccid_reply reply;

	for (unsigned i = 0; i < OFFS_MAX; i++)
		if (exchange_run(reader, slot, &command, &reply) < 0 ||
		    reply.outcome == CCID_DONE)
			return;
}

void greet_before(struct reader *reader, unsigned slot)
{
	if (reader->quirk.pause_ms)
		exchange_pause(reader, slot, reader->quirk.pause_ms);
	if (reader->quirk.flags & QUIRK_STARTED_BY_OFF)
		start_by_off(reader, slot);
}

/* The slot's owner goes on at it; others begin with it. */
static void set_level(struct reader *reader, unsigned slot,
		      enum desc_level level)
{
	pthread_mutex_lock(&reader->lock);
	reader->desc.level = level;
	reader->slot[slot].level = level;
	pthread_mutex_unlock(&reader->lock);
}

static bool has_keys(struct reader *reader)
{
	bool has;

	pthread_mutex_lock(&reader->lock);
	has = reader->desc.pin_support;
	pthread_mutex_unlock(&reader->lock);
	return has;
}

static void hide_keys(struct reader *reader)
{
	pthread_mutex_lock(&reader->lock);
	reader->desc.pin_support = 0;
	pthread_mutex_unlock(&reader->lock);
}

static void say(struct reader *reader, unsigned slot, const char *what, int r)
{
	log_write(LOG_LEVEL_INFO, reader->label, "slot %u: %s: %s", slot, what,
		  r < 0 ? strerror(-r) : "done");
}

static void take_pin_block(struct quirk *quirk, const uint8_t *block)
{
	if (block[PIN_BLOCK_FLAGS] & PIN_BLOCK_COUNTED)
		quirk->pin.indexes = PIN_INDEXES_COUNTED;
	if (!quirk->pin.conditions)
		quirk->pin.conditions = block[PIN_BLOCK_CONDITIONS];
	if (block[PIN_BLOCK_MAX] && !quirk->pin_max) {
		quirk->pin_min = block[PIN_BLOCK_MIN];
		quirk->pin_max = block[PIN_BLOCK_MAX];
	}
}

static void ask_pin_block(struct reader *reader, unsigned slot)
{
	static const uint8_t escape[] = { 0x6A };
	struct ccid_reply reply;

	if (escape_run(reader, slot, escape, sizeof(escape), &reply) < 0 ||
	    reply.size != PIN_BLOCK_SIZE)
		return;
	pthread_mutex_lock(&reader->lock);
	take_pin_block(&reader->quirk, reply.data);
	pthread_mutex_unlock(&reader->lock);
}

/* Older firmware has a PIN pad that cannot be used, newer takes short APDUs. */
static void ask_version(struct reader *reader, unsigned slot)
{
	static const uint8_t escape[] = { 0x04, 0x00, 0x00, 0x00, 0x00 };
	struct ccid_reply reply;
	unsigned version;

	if (escape_run(reader, slot, escape, sizeof(escape), &reply) < 0 ||
	    reply.size < VERSION_SIZE || reply.data[0] != VERSION_HEADER)
		return;
	version = (unsigned)reply.data[VERSION_OFFSET] << 8 |
		  reply.data[VERSION_OFFSET + 1];
	if (version < VERSION_OF_APDUS)
		hide_keys(reader);
	else
		set_level(reader, slot, DESC_LEVEL_SHORT_APDU);
}

static void switch_to_apdus(struct reader *reader, unsigned slot)
{
	static const uint8_t escape[] = { 0x1F, 0x02 };
	struct ccid_reply reply;
	int r = escape_run(reader, slot, escape, sizeof(escape), &reply);

	say(reader, slot, "switched to short APDU level", r);
	set_level(reader, slot,
		  r == 0 ? DESC_LEVEL_SHORT_APDU : DESC_LEVEL_TPDU);
}

/* Some cards do not know the question. */
static void switch_tries_off(struct reader *reader, unsigned slot)
{
	static const uint8_t off[] = { 0xB5, 0x00 };
	static const uint8_t long_off[] = { 0xB5, 0x01, 0x00, 0x03, 0x00 };
	static const char what[] = "question for the tries left switched off";
	struct ccid_reply reply;

	say(reader, slot, what,
	    escape_run(reader, slot, off, sizeof(off), &reply));
	if (reader->quirk.flags & QUIRK_LONG_TRIES)
		say(reader, slot, what,
		    escape_run(reader, slot, long_off, sizeof(long_off),
			       &reply));
}

static void load_pin_texts(struct reader *reader, unsigned slot)
{
	uint8_t texts[PIN_TEXT_SIZE];
	struct ccid_reply reply;

	pin_text_put((uint16_t)reader->options.language, texts);
	say(reader, slot, "texts of the PIN pad loaded",
	    escape_run(reader, slot, texts, sizeof(texts), &reply));
	if (reader->options.driver_options & OPTIONS_NO_PIN_RETRIES)
		switch_tries_off(reader, slot);
}

void greet_behind(struct reader *reader, unsigned slot)
{
	uint32_t flags = reader->quirk.flags;

	if (flags & QUIRK_KEYS_BY_VERSION)
		ask_version(reader, slot);
	if (flags & QUIRK_PIN_BLOCK && has_keys(reader))
		ask_pin_block(reader, slot);
	if (flags & QUIRK_PIN_TEXTS && has_keys(reader))
		load_pin_texts(reader, slot);
	if (flags & QUIRK_APDU_MODE)
		switch_to_apdus(reader, slot);
	note_greeted(reader);
}
