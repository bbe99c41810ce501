/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "ledger.h"

#include <errno.h>
#include <string.h>

#include "bytes.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

static const uint8_t magic[4] = { 'c', 't', 'l', '1' };

static const char *const kind_texts[] = {
	[LEDGER_INSERTED] = "card inserted",
	[LEDGER_REMOVED] = "card removed",
	[LEDGER_SWAPPED] = "card swapped",
	[LEDGER_BRIEF] = "a card came and went",
};

static const char *const cause_texts[] = {
	[LEDGER_NOTIFICATION] = "notification",
	[LEDGER_REPLY] = "reply status",
	[LEDGER_CHECK] = "answer to a check",
	[LEDGER_POWER_UP] = "power-up",
	[LEDGER_RESUME] = "resume",
	[LEDGER_RESET] = "device reset",
	[LEDGER_LOSS] = "lost message",
	[LEDGER_ATR] = "another ATR",
};

uint32_t ledger_note(struct ledger *ledger, const struct ledger_entry *entry)
{
	uint32_t number = ++ledger->count;
	struct ledger_entry *kept = &ledger->entry[number % LEDGER_KEPT];

	*kept = *entry;
	kept->number = number;
	return number;
}

static void put_le64(uint8_t *p, uint64_t v)
{
	put_le32(p, (uint32_t)v);
	put_le32(p + 4, (uint32_t)(v >> 32));
}

static uint64_t get_le64(const uint8_t *p)
{
	return get_le32(p) | (uint64_t)get_le32(p + 4) << 32;
}

static void put_entry(const struct ledger_entry *entry, uint8_t *bytes)
{
	memset(bytes, 0, LEDGER_ENTRY_SIZE);
	put_le32(bytes, entry->number);
	bytes[4] = entry->slot;
	bytes[5] = (uint8_t)entry->kind;
	bytes[6] = (uint8_t)entry->cause;
	put_le32(bytes + 8, entry->visit);
	put_le64(bytes + 16, entry->wall_ms);
	put_le64(bytes + 24, entry->monotonic_ms);
}

size_t ledger_put(const struct ledger *ledger, uint8_t bytes[LEDGER_SIZE_MAX])
{
	uint32_t n = ledger->count < LEDGER_KEPT ? ledger->count : LEDGER_KEPT;
	uint32_t first = ledger->count - n + 1;

	memcpy(bytes, magic, sizeof(magic));
	put_le16(bytes + 4, LEDGER_HEADER_SIZE);
	put_le16(bytes + 6, LEDGER_ENTRY_SIZE);
	put_le32(bytes + 8, n);
	put_le32(bytes + 12, ledger->count);
	for (uint32_t i = 0; i < n; i++)
		put_entry(&ledger->entry[(first + i) % LEDGER_KEPT],
			  bytes + LEDGER_HEADER_SIZE + i * LEDGER_ENTRY_SIZE);
	return LEDGER_HEADER_SIZE + (size_t)n * LEDGER_ENTRY_SIZE;
}

int ledger_entries(const uint8_t *bytes, size_t size)
{
	size_t header, entry, n;

	if (size < LEDGER_HEADER_SIZE ||
	    memcmp(bytes, magic, sizeof(magic)) != 0)
		return -EPROTO;
	header = get_le16(bytes + 4);
	entry = get_le16(bytes + 6);
	n = get_le32(bytes + 8);
	if (header < LEDGER_HEADER_SIZE || entry < LEDGER_ENTRY_SIZE ||
	    header > size || n > (size - header) / entry)
		return -EPROTO;
	return (int)n;
}

int ledger_get(const uint8_t *bytes, size_t size, size_t index,
	       struct ledger_entry *ret_entry)
{
	int n = ledger_entries(bytes, size);

	if (n < 0)
		return n;
	if (index >= (size_t)n)
		return -ENODATA;
	bytes += get_le16(bytes + 4) + index * get_le16(bytes + 6);
	ret_entry->number = get_le32(bytes);
	ret_entry->slot = bytes[4];
	ret_entry->kind = bytes[5];
	ret_entry->cause = bytes[6];
	ret_entry->visit = get_le32(bytes + 8);
	ret_entry->wall_ms = get_le64(bytes + 16);
	ret_entry->monotonic_ms = get_le64(bytes + 24);
	return 0;
}

static const char *text_of(const char *const *texts, size_t rows, unsigned row)
{
	return row < rows && texts[row] ? texts[row] : "unknown";
}

const char *ledger_kind_text(enum ledger_kind kind)
{
	return text_of(kind_texts, ROWS(kind_texts), kind);
}

const char *ledger_cause_text(enum ledger_cause cause)
{
	return text_of(cause_texts, ROWS(cause_texts), cause);
}
