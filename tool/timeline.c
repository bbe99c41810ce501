/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "timeline.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <winscard.h>

#include "ink.h"
#include "json.h"
#include "output.h"

#define NAME_WIDTH	40	/* longer names push their line to the right */
#define FOLDED_COLUMN	16	/* of what does not fit behind */
#define HEX_SIZE	(3 * TIMELINE_ATR + 1)

static bool as_json;
static size_t width = 20;
static size_t column;		/* where the line has come to */
static struct timeline_totals totals;

struct event {
	const char *name;	/* for programs */
	const char *text;	/* for people */
	enum ink colour;
	const char *atr;	/* or NULL */
	const char *span;	/* what took the time: a key, or NULL */
	int64_t took;		/* ms */
};

static int64_t now_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void stamp(bool date, int64_t now, char *text, size_t room)
{
	time_t seconds = (time_t)(now / 1000);
	struct tm local;
	size_t used;

	localtime_r(&seconds, &local);
	used = date ? strftime(text, room, "%Y-%m-%dT%H:%M:%S", &local) :
		      strftime(text, room, "%H:%M:%S", &local);
	snprintf(text + used, room - used, ".%03d", (int)(now % 1000));
}

static void json_line(const char *reader, const struct event *event)
{
	char time[40];

	stamp(true, now_ms(CLOCK_REALTIME), time, sizeof(time));
	json_open(NULL, '{');
	json_text("time", time);
	if (reader)
		json_text("reader", reader);
	json_text("event", event->name);
	if (event->atr)
		json_text("atr", event->atr);
	if (event->span)
		json_seconds(event->span, event->took);
	json_close('}');
}

/* A part that does not fit on the terminal's line has the next one. */
static void text_part(size_t gap, size_t size)
{
	size_t columns = output_columns();

	if (columns && column + gap + size > columns) {
		putchar('\n');
		column = 0;
		gap = FOLDED_COLUMN;
	}
	printf("%*s", (int)gap, "");
	column += gap + size;
}

static void text_start(const char *reader, const char *time, enum ink behind)
{
	size_t size = reader ? strlen(reader) : 0;

	printf("%s%s%s  %s", ink(INK_FAINT), time, ink(behind),
	       reader ? reader : "");
	column = strlen(time) + 2 + size;
}

static size_t text_gap(const char *reader, size_t gap)
{
	size_t size = reader ? strlen(reader) : 0;

	return gap + (size < width ? width - size : 0);
}

static void text_line(const char *reader, const struct event *event)
{
	char time[40], span[32] = "";

	if (event->span)
		snprintf(span, sizeof(span), " %lld.%03d s",
			 (long long)(event->took / 1000),
			 (int)(event->took % 1000));
	stamp(false, now_ms(CLOCK_REALTIME), time, sizeof(time));
	text_start(reader, time, INK_PLAIN);
	text_part(text_gap(reader, 2), strlen(event->text) + strlen(span));
	printf("%s%s%s%s", ink(event->colour), event->text, ink(INK_PLAIN),
	       span);
	if (!event->atr || !*event->atr)
		return;
	text_part(2, strlen(event->atr));
	printf("%s%s%s", ink(INK_FAINT), event->atr, ink(INK_PLAIN));
}

static void end_line(void)
{
	putchar('\n');
	output_flush();
	if (as_json)
		json_begin();
}

static void print(const char *reader, const struct event *event)
{
	if (as_json)
		json_line(reader, event);
	else
		text_line(reader, event);
	end_line();
}

static const char *hex(const struct timeline *reader, char text[HEX_SIZE])
{
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < reader->atr_size; i++)
		used += (size_t)snprintf(text + used, HEX_SIZE - used,
					 "%s%02X", i ? " " : "",
					 reader->atr[i]);
	return text;
}

static int64_t lap(struct timeline *reader, bool *ret_known)
{
	int64_t now = now_ms(CLOCK_MONOTONIC), before = reader->since;

	reader->since = now;
	*ret_known = before != 0;
	return before ? now - before : 0;
}

/* --- what has happened */

static void appeared(struct timeline *reader)
{
	char atr[HEX_SIZE];

	reader->told = true;
	if (reader->present)
		print(reader->name,
		      &(struct event){ "reader-with-card",
				       "reader is there, with a card",
				       INK_BOLD, hex(reader, atr), NULL, 0 });
	else
		print(reader->name,
		      &(struct event){ "reader", "reader is there, empty",
				       INK_BOLD, NULL, NULL, 0 });
}

static void inserted(struct timeline *reader)
{
	char atr[HEX_SIZE];
	bool known;
	int64_t took = lap(reader, &known);
	bool mute = reader->atr_size == 0;

	totals.insertions++;
	print(reader->name,
	      &(struct event){ mute ? "card-in-mute" : "card-in",
			       mute && known ?
				       "card in, mute; empty for" :
			       mute ? "card in, mute" :
			       known ? "card in, after" : "card in",
			       mute ? INK_BAD : INK_GOOD, hex(reader, atr),
			       known ? "empty_s" : NULL, took });
}

static void removed(struct timeline *reader)
{
	bool known;
	int64_t took = lap(reader, &known);

	totals.removals++;
	print(reader->name,
	      &(struct event){ "card-out",
			       known ? "card out, was in for" : "card out",
			       INK_WARN, NULL, known ? "card_s" : NULL, took });
}

/* Of the other card nothing is known, if it is gone as well. */
static void swapped(struct timeline *reader)
{
	char atr[HEX_SIZE];
	bool known;
	int64_t took = lap(reader, &known);

	totals.swaps++;
	print(reader->name,
	      &(struct event){ "card-swapped",
			       known ? "card out and another in, after" :
				       "card out and another in",
			       INK_WARN,
			       reader->present ? hex(reader, atr) : NULL,
			       known ? "card_s" : NULL, took });
}

static void passed(struct timeline *reader)
{
	bool known;

	lap(reader, &known);
	totals.passes++;
	print(reader->name,
	      &(struct event){ "card-passed", "card in and out again",
			       INK_WARN, NULL, NULL, 0 });
}

static void check_silence(struct timeline *reader, uint32_t word)
{
	bool silent = word & SCARD_STATE_UNAVAILABLE;

	if (silent == reader->silent)
		return;
	reader->silent = silent;
	print(reader->name,
	      &(struct event){ silent ? "reader-silent" : "reader-answers",
			       silent ? "reader does not answer" :
					"reader answers again",
			       silent ? INK_BAD : INK_PLAIN, NULL, NULL, 0 });
}

/*
 * Settles what was counted with what was shown: true if that was too little. One
 * too many is the half of something, the rest of which is yet to be seen; but
 * that a reader falls silent, and that it answers again, is counted as well.
 */
static bool hidden_moves(struct timeline *reader, uint32_t word, bool moved)
{
	int counted = (uint16_t)((word >> 16) - (reader->word >> 16));
	bool hidden;

	reader->ahead += moved - counted;
	if (reader->ahead < 0 &&
	    (reader->silent || (word & SCARD_STATE_UNAVAILABLE)))
		reader->ahead = 0;
	hidden = reader->ahead <= -2;
	if (hidden)
		reader->ahead %= 2;
	return hidden;
}

static void take_atr(struct timeline *reader, const uint8_t *atr, size_t size)
{
	reader->atr_size = size < TIMELINE_ATR ? size : TIMELINE_ATR;
	memcpy(reader->atr, atr, reader->atr_size);
}

bool timeline_take(struct timeline *reader, uint32_t word, const uint8_t *atr,
		   size_t atr_size)
{
	bool clear = word & (SCARD_STATE_PRESENT | SCARD_STATE_EMPTY);
	bool present = word & SCARD_STATE_PRESENT;
	bool moved = reader->told && clear && present != reader->present;
	bool hidden = reader->told && hidden_moves(reader, word, moved);
	bool had_card = reader->present;

	reader->word = word & ~(uint32_t)SCARD_STATE_CHANGED;
	check_silence(reader, word);
	if (!clear)
		return false;
	reader->present = present;
	take_atr(reader, atr, present ? atr_size : 0);
	if (!reader->told)
		appeared(reader);
	else if (hidden && had_card)
		swapped(reader);
	else if (hidden)
		passed(reader);
	if (hidden && moved)
		reader->since = 0;	/* nobody saw when */
	if (moved && present)
		inserted(reader);
	else if (moved)
		removed(reader);
	return moved || hidden;
}

void timeline_gone(const struct timeline *reader)
{
	print(reader->name, &(struct event){ "reader-gone", "reader is gone",
					     INK_BOLD, NULL, NULL, 0 });
}

static void json_driver(const char *reader, const char *time,
			const struct ledger_entry *entry)
{
	json_open(NULL, '{');
	json_text("time", time);
	json_text("reader", reader);
	json_text("event", "driver");
	json_number("number", entry->number);
	json_text("kind", ledger_kind_text(entry->kind));
	json_text("cause", ledger_cause_text(entry->cause));
	json_close('}');
}

static void text_driver(const char *reader, const char *time,
			const struct ledger_entry *entry)
{
	char text[100];
	int size = snprintf(text, sizeof(text), "driver, no. %u: %s; %s",
			    entry->number, ledger_kind_text(entry->kind),
			    ledger_cause_text(entry->cause));

	text_start(reader, time, INK_FAINT);
	text_part(text_gap(reader, 4), (size_t)size);
	printf("%s%s", text, ink(INK_PLAIN));
}

void timeline_driver(const char *reader, const struct ledger_entry *entry)
{
	char time[40];

	stamp(as_json, (int64_t)entry->wall_ms, time, sizeof(time));
	if (as_json)
		json_driver(reader, time, entry);
	else
		text_driver(reader, time, entry);
	end_line();
}

void timeline_tell(const char *event, const char *text)
{
	print(NULL, &(struct event){ event, text, INK_WARN, NULL, NULL, 0 });
}

void timeline_begin(bool json)
{
	as_json = json;
}

void timeline_widen(size_t name_size)
{
	if (name_size > width)
		width = name_size < NAME_WIDTH ? name_size : NAME_WIDTH;
}

struct timeline_totals timeline_end(void)
{
	return totals;
}
