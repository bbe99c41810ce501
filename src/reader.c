/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "card.h"
#include "clock.h"
#include "exchange.h"
#include "gate.h"
#include "greet.h"
#include "held.h"
#include "iccd.h"
#include "learn.h"
#include "listen.h"
#include "log.h"
#include "name.h"
#include "probe.h"
#include "question.h"
#include "track_asked.h"

static const char *const level_texts[] = {
	[DESC_LEVEL_CHARACTER] = "character",
	[DESC_LEVEL_TPDU] = "TPDU",
	[DESC_LEVEL_SHORT_APDU] = "short APDU",
	[DESC_LEVEL_EXTENDED_APDU] = "extended APDU",
};

static const char *movements_text(const struct usb_info *info)
{
	if (info->interrupt_endpoint)
		return "announces movements";
	return info->protocol ? "is its own card" : "is asked for movements";
}

/* What the reader is, and what was decided about it, in one line. */
static void log_reader(const struct reader *reader)
{
	const struct desc *desc = &reader->desc;

	log_write(LOG_LEVEL_INFO, reader->label,
		  "firmware %x.%02x, %s level, %u slot%s, %u at a time, "
		  "messages of %u bytes, %s",
		  reader->info.device_version >> 8,
		  reader->info.device_version & 0xFFu,
		  level_texts[desc->level], desc->slots,
		  desc->slots == 1 ? "" : "s", desc->busy_slots,
		  desc->max_message, movements_text(&reader->info));
}

static int understand(struct reader *reader)
{
	const struct usb_info *info = &reader->info;
	int r = desc_parse(info->descriptor, DESC_SIZE, &reader->desc);

	if (r < 0) {
		log_write(LOG_LEVEL_CRITICAL, reader->label,
			  "class descriptor makes no sense");
		return -EPROTO;
	}
	if (info->protocol) {
		iccd_describe(info->protocol, &reader->desc);
		log_write(LOG_LEVEL_INFO, reader->label,
			  "a token over control transfers, ICCD version %c",
			  info->protocol == ICCD_VERSION_A ? 'A' : 'B');
	}
	r = greet_fit(reader);
	log_reader(reader);
	return r;
}

/*
 * Conditions and locks that are not initialised can be destroyed all the same:
 * the memory was zero, which is what they are by default.
 */
static int init_slots(struct reader *reader)
{
	int r = 0;

	reader->slot = calloc(reader->desc.slots, sizeof(*reader->slot));
	if (!reader->slot)
		return -ENOMEM;
	for (unsigned i = 0; r == 0 && i < reader->desc.slots; i++) {
		r = clock_cond_init(&reader->slot[i].moved);
		if (r == 0)
			r = clock_cond_init(&reader->slot[i].replied);
	}
	return r;
}

static void destroy_slots(struct reader *reader)
{
	for (unsigned i = 0; reader->slot && i < reader->desc.slots; i++) {
		pthread_cond_destroy(&reader->slot[i].moved);
		pthread_cond_destroy(&reader->slot[i].replied);
	}
	free(reader->slot);
}

/* For as many numbers as the reader promises, if it is ever asked for them. */
static int init_speeds(struct reader *reader)
{
	const struct desc *desc = &reader->desc;
	uint32_t *room = calloc(desc->rates + desc->clocks + 1u, sizeof(*room));

	if (!room)
		return -ENOMEM;
	reader->speeds.rates = room;
	reader->speeds.clocks = room + desc->rates;
	return 0;
}

static int init_locks(struct reader *reader)
{
	int r = -pthread_mutex_init(&reader->lock, NULL);

	return r ? r : clock_cond_init(&reader->quiet);
}

static int start(struct reader *reader)
{
	int r = understand(reader);

	if (r == 0)
		r = init_slots(reader);
	if (r == 0)
		r = init_speeds(reader);
	if (r < 0)
		return r;
	track_init(&reader->track, reader->desc.slots,
		   reader->info.interrupt_endpoint,
		   reader->desc.features & DESC_AUTO_ACTIVATION,
		   reader->options.poll_interval_ms, clock_now());
	/* A token is its own card: unless it says so, nothing moves. */
	if (reader->info.protocol)
		reader->track.trust = TRACK_PROVEN;
	if (reader->quirk.flags & QUIRK_STATUS_LIES &&
	    reader->info.interrupt_endpoint)
		reader->track.answers = TRACK_VAGUE;
	reader->slept_ms = clock_slept();
	if (reader->quirk.flags & QUIRK_ONE_AT_A_TIME) {
		r = gate_join(reader->info.bus, reader->info.address,
			      &reader->gate);
		if (r < 0)
			return r;
	}
	if (reader->info.held)
		held_begin(reader);
	r = exchange_open(reader);
	if (r < 0)
		return r;
	return listen_start(reader);
}

static void label(struct reader *reader)
{
	const struct usb_info *info = &reader->info;

	snprintf(reader->label, sizeof(reader->label),
		 "%04x:%04x at %03u/%03u.%u", info->vendor, info->product,
		 info->bus, info->address, info->interface);
}

int reader_open(const char *device, struct reader **ret_reader)
{
	struct reader *reader;
	struct name name;
	int r = name_parse(device, &name);

	if (r < 0)
		return r;
	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	r = usb_open(&name, &reader->info, &reader->usb);
	if (r < 0) {
		free(reader);
		return r;
	}
	label(reader);
	r = init_locks(reader);
	if (r == 0)
		r = start(reader);
	if (r < 0) {
		reader_close(reader);
		return r;
	}
	PROBE_OPEN(reader->label, device);
	*ret_reader = reader;
	return 0;
}

void reader_close(struct reader *reader)
{
	PROBE_CLOSE(reader->label);
	if (reader->interrupt)
		listen_stop(reader);
	exchange_close(reader);
	usb_close(reader->usb);
	gate_leave(reader->gate);
	destroy_slots(reader);
	free(reader->speeds.rates);
	pthread_cond_destroy(&reader->quiet);
	pthread_mutex_destroy(&reader->lock);
	log_write(LOG_LEVEL_INFO, reader->label, "closed");
	free(reader);
}

static void reset_slot(struct slot *slot)
{
	slot->open = false;
	slot->late = false;
	slot->closing = false;
	slot->doubt = 0;
	slot->noticed = false;
	slot->unanswered = 0;
	slot->watched = false;
	slot->atr_size = 0;
	slot->forsaken = 0;
}

static bool is_open(struct reader *reader, unsigned slot)
{
	bool open;

	pthread_mutex_lock(&reader->lock);
	open = reader->slot[slot].open;
	pthread_mutex_unlock(&reader->lock);
	return open;
}

static void forget_slot(struct reader *reader, unsigned slot)
{
	pthread_mutex_lock(&reader->lock);
	reset_slot(&reader->slot[slot]);
	pthread_mutex_unlock(&reader->lock);
}

int reader_open_slot(struct reader *reader, unsigned slot)
{
	int r;

	if (slot >= reader->desc.slots)
		return -ENOENT;
	if (is_open(reader, slot))
		return -EBUSY;
	forget_slot(reader, slot);
	if (held_open_slot(reader, slot))
		return 0;
	r = learn_slot(reader, slot);
	if (r < 0)
		forget_slot(reader, slot);
	return r;
}

void reader_end_slot(struct reader *reader, unsigned slot)
{
	struct slot *s = &reader->slot[slot];

	pthread_mutex_lock(&reader->lock);
	s->closing = true;
	pthread_cond_broadcast(&s->moved);
	reader_wake_slot(reader, slot);
	pthread_mutex_unlock(&reader->lock);
}

/* An ATR may have no bytes, and one that came too late is no power-up. */
static bool may_have_power(struct reader *reader, unsigned slot)
{
	bool may;

	pthread_mutex_lock(&reader->lock);
	may = reader->slot[slot].atr_size || reader->track.slot[slot].powered;
	pthread_mutex_unlock(&reader->lock);
	return may;
}

void reader_close_slot(struct reader *reader, unsigned slot)
{
	pthread_mutex_lock(&reader->lock);
	reader->slot[slot].closing = false;
	pthread_mutex_unlock(&reader->lock);
	if (may_have_power(reader, slot))
		card_let_go(reader, slot);
	forget_slot(reader, slot);
}

static bool is_text_known(struct reader *reader, enum usb_text which)
{
	bool known;

	pthread_mutex_lock(&reader->lock);
	known = reader->text_known[which];
	pthread_mutex_unlock(&reader->lock);
	return known;
}

/* Of two who ask at a time the first one's text stays: the other may have it. */
int reader_text(struct reader *reader, enum usb_text which,
		const char **ret_text)
{
	char text[READER_TEXT_MAX];
	int r;

	*ret_text = reader->text[which];
	if (is_text_known(reader, which))
		return 0;
	r = usb_string(reader->usb, which, text, sizeof(text));
	if (r < 0)
		return r;
	pthread_mutex_lock(&reader->lock);
	if (!reader->text_known[which])
		memcpy(reader->text[which], text, sizeof(text));
	reader->text_known[which] = true;
	pthread_mutex_unlock(&reader->lock);
	return 0;
}

void reader_wake_slot(struct reader *reader, unsigned slot)
{
	struct slot *s = &reader->slot[slot];

	pthread_cond_broadcast(&s->replied);
	if (reader->attendant == s)
		usb_nudge(reader->usb);
}

void reader_wake(struct reader *reader)
{
	for (unsigned i = 0; i < reader->desc.slots; i++) {
		pthread_cond_broadcast(&reader->slot[i].moved);
		reader_wake_slot(reader, i);
	}
	pthread_cond_broadcast(&reader->quiet);
}

void reader_lost(struct reader *reader)
{
	if (reader->gone)
		return;
	reader->gone = true;
	track_gone(&reader->track);
	reader_wake(reader);
	exchange_cancel(reader);
	if (reader->listening)
		usb_cancel(reader->interrupt);
	log_write(LOG_LEVEL_INFO, reader->label, "the device is gone");
}

void reader_removed(struct reader *reader, unsigned slot)
{
	pthread_mutex_lock(&reader->lock);
	track_check(&reader->track, slot);
	pthread_cond_broadcast(&reader->slot[slot].moved);
	question_pump(reader, clock_now());
	pthread_mutex_unlock(&reader->lock);
}
