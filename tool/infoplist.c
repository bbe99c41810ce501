/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "infoplist.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define KEY_CHARACTERS	"ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
			"abcdefghijklmnopqrstuvwxyz0123456789 \t"
#define ENTITY		"&amp;"

static void decode(char *text)
{
	for (char *at = text; (at = strstr(at, ENTITY)); at++)
		memmove(at + 1, at + strlen(ENTITY),
			strlen(at + strlen(ENTITY)) + 1);
}

static void take_key(struct infoplist *plist, const char *at)
{
	size_t size = strspn(at, KEY_CHARACTERS);

	if (!size || strncmp(at + size, "</key>", 6) != 0)
		return;
	plist->entries = memory_grow(plist->entries, plist->n,
				     sizeof(*plist->entries));
	plist->entries[plist->n++].key = memory_copy(at, size);
}

/* pcscd's match is greedy: to the last end in the line. */
static void take_value(struct infoplist *plist, const char *at)
{
	struct infoplist_entry *entry;
	const char *end = NULL;
	char *value;

	for (const char *next = at; (next = strstr(next, "</string>")); next++)
		end = next;
	if (!end || end == at || !plist->n)
		return;
	entry = &plist->entries[plist->n - 1];
	value = memory_copy(at, (size_t)(end - at));
	decode(value);
	entry->values = memory_grow(entry->values, entry->n,
				    sizeof(*entry->values));
	entry->values[entry->n++] = value;
}

static void take_line(struct infoplist *plist, char *line)
{
	char *key = strstr(line, "<key>"), *value = strstr(line, "<string>");
	char *hidden = strchr(line, '#');

	if (key && (!hidden || key < hidden))
		take_key(plist, key + strlen("<key>"));
	if (value && (!hidden || value < hidden))
		take_value(plist, value + strlen("<string>"));
}

bool infoplist_read(const char *path, struct infoplist *ret_plist)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	if (!file)
		return false;
	*ret_plist = (struct infoplist){ 0 };
	while (getline(&line, &room, file) > 0)
		take_line(ret_plist, line);
	free(line);
	fclose(file);
	return true;
}

const struct infoplist_entry *infoplist_find(const struct infoplist *plist,
				     const char *key)
{
	for (size_t i = plist->n; i > 0; i--)
		if (strcmp(plist->entries[i - 1].key, key) == 0)
			return &plist->entries[i - 1];
	return NULL;
}

const char *infoplist_value(const struct infoplist *plist, const char *key)
{
	const struct infoplist_entry *entry = infoplist_find(plist, key);

	return entry && entry->n ? entry->values[0] : NULL;
}
