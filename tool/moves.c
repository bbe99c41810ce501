/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "moves.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <winscard.h>

#include "ledger.h"
#include "timeline.h"

#define REST_MS		300
#define LOOK_MS		1000	/* whether it is still in use */
#define IN_USE		(SCARD_STATE_INUSE | SCARD_STATE_EXCLUSIVE)

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void moves_begin(struct moves *moves)
{
	*moves = (struct moves){ .shown_at = now_ms() };
}

void moves_expect(struct moves *moves)
{
	if (!moves->refused)
		moves->due = now_ms() + REST_MS;
}

unsigned moves_pause(const struct moves *moves, uint32_t word, unsigned limit)
{
	int64_t pause = moves->due - now_ms();

	if (!moves->due)
		return limit;
	if (word & IN_USE)
		return limit < LOOK_MS ? limit : LOOK_MS;
	if (pause < 0)
		return 0;
	return pause < (int64_t)limit ? (unsigned)pause : limit;
}

/* The last digits of a reader's name are the slot. */
static unsigned slot_of(const char *reader)
{
	size_t size = strlen(reader);
	unsigned slot = 0;

	if (size > 2)
		sscanf(reader + size - 2, "%2x", &slot);
	return slot;
}

/* Numbers begin anew when the driver opens the reader again. */
static bool is_new(const struct moves *moves, const struct ledger_entry *entry)
{
	int64_t at = (int64_t)entry->monotonic_ms;

	return at > moves->shown_at ||
	       (at == moves->shown_at && entry->number > moves->shown);
}

static void show(struct moves *moves, const char *reader, const uint8_t *bytes,
		 size_t size)
{
	int n = ledger_entries(bytes, size);
	struct ledger_entry entry;

	moves->refused = n < 0;
	for (int i = 0; i < n; i++) {
		if (ledger_get(bytes, size, (size_t)i, &entry) < 0 ||
		    entry.slot != slot_of(reader) || !is_new(moves, &entry))
			continue;
		moves->shown_at = (int64_t)entry.monotonic_ms;
		moves->shown = entry.number;
		timeline_driver(reader, &entry);
	}
}

void moves_ask(struct moves *moves, long context, const char *reader,
	       uint32_t word)
{
	uint8_t bytes[LEDGER_SIZE_MAX];
	SCARDHANDLE card;
	DWORD protocol, size = 0;

	if (moves_pause(moves, word, 1) > 0)
		return;
	moves->due = 0;
	if (SCardConnect(context, reader, SCARD_SHARE_DIRECT, 0, &card,
			 &protocol) != SCARD_S_SUCCESS)
		return;
	if (SCardControl(card, LEDGER_CODE, NULL, 0, bytes, sizeof(bytes),
			 &size) == SCARD_S_SUCCESS)
		show(moves, reader, bytes, size);
	else
		moves->refused = true;
	SCardDisconnect(card, SCARD_LEAVE_CARD);
}
