/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include <config.h>
#include <dlfcn.h>
#include <errno.h>
#include <expat.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define PATH_SIZE	1024
#define TEXT_SIZE	64	/* keys and values of ours are shorter */
#define PLIST_MAX	(1024 * 1024)

#define DEPTH_KEYS	2	/* plist, dict, and in it keys and values */

static const struct {
	const char *key;
	size_t offset;
	uint32_t min, max;
} known[] = {
	{ "ifdLogLevel", offsetof(struct options, log_level), 0, 0xFFFF },
	{ "ifdDriverOptions", offsetof(struct options, driver_options), 0,
	  UINT32_MAX },
	{ "ifdPollInterval", offsetof(struct options, poll_interval_ms), 50,
	  10000 },
	{ "ifdIdlePower", offsetof(struct options, idle_power), 0, 1 },
	{ "ifdTimeoutCap", offsetof(struct options, timeout_cap_s), 1, 600 },
};

static const struct options built_in = {
	.log_level = LOG_LEVEL_CRITICAL | LOG_LEVEL_INFO,
	.poll_interval_ms = 200,
	.timeout_cap_s = 60,
	.idle_power = 1,
};

static struct options current = {
	.log_level = LOG_LEVEL_CRITICAL | LOG_LEVEL_INFO,
	.poll_interval_ms = 200,
	.timeout_cap_s = 60,
	.idle_power = 1,
};

static void set(struct options *options, size_t row, const char *text)
{
	uint32_t *value = (uint32_t *)(void *)((char *)options +
					       known[row].offset);
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text || *end || n < known[row].min ||
	    n > known[row].max || strchr(text, '-')) {
		log_write(LOG_LEVEL_CRITICAL, NULL,
			  "%s: \"%.*s\" is not a number from %u to %u",
			  known[row].key, TEXT_SIZE, text, known[row].min,
			  known[row].max);
		return;
	}
	*value = (uint32_t)n;
}

static void set_by_key(struct options *options, const char *key,
		       const char *text)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].key, key) == 0)
			set(options, i, text);
}

struct plist {
	XML_Parser parser;
	struct options options;
	unsigned depth;
	char key[TEXT_SIZE];
	char text[TEXT_SIZE];
	size_t text_size;	/* what was read, also beyond the room */
};

static void XMLCALL element_begins(void *user, const XML_Char *name,
				   const XML_Char **attributes)
{
	struct plist *plist = user;

	(void)name;
	(void)attributes;
	plist->depth++;
	plist->text_size = 0;
	plist->text[0] = '\0';
}

static void XMLCALL element_ends(void *user, const XML_Char *name)
{
	struct plist *plist = user;

	plist->depth--;
	if (plist->depth != DEPTH_KEYS || plist->text_size >= TEXT_SIZE)
		return;
	if (strcmp(name, "key") == 0)
		memcpy(plist->key, plist->text, TEXT_SIZE);
	else if (strcmp(name, "string") == 0 || strcmp(name, "integer") == 0)
		set_by_key(&plist->options, plist->key, plist->text);
}

static void XMLCALL characters(void *user, const XML_Char *text, int size)
{
	struct plist *plist = user;
	size_t n = (size_t)size;

	if (plist->text_size < TEXT_SIZE && n < TEXT_SIZE - plist->text_size) {
		memcpy(plist->text + plist->text_size, text, n);
		plist->text[plist->text_size + n] = '\0';
	}
	plist->text_size += n;
}

/* Nothing of ours needs an entity, and expanding them has no end. */
static void XMLCALL entity(void *user, const XML_Char *name, int is_parameter,
			   const XML_Char *value, int size,
			   const XML_Char *base, const XML_Char *system,
			   const XML_Char *public, const XML_Char *notation)
{
	struct plist *plist = user;

	(void)name;
	(void)is_parameter;
	(void)value;
	(void)size;
	(void)base;
	(void)system;
	(void)public;
	(void)notation;
	XML_StopParser(plist->parser, XML_FALSE);
}

int options_parse(const char *bytes, size_t size, struct options *options)
{
	struct plist plist = { .options = *options };
	bool parsed;

	if (size > PLIST_MAX)
		return -EINVAL;
	plist.parser = XML_ParserCreate(NULL);
	if (!plist.parser)
		return -ENOMEM;
	XML_SetUserData(plist.parser, &plist);
	XML_SetElementHandler(plist.parser, element_begins, element_ends);
	XML_SetCharacterDataHandler(plist.parser, characters);
	XML_SetEntityDeclHandler(plist.parser, entity);
	parsed = XML_Parse(plist.parser, bytes, (int)size, 1) == XML_STATUS_OK;
	XML_ParserFree(plist.parser);
	if (!parsed)
		return -EINVAL;
	*options = plist.options;
	return 0;
}

/* Returns the size, 0 if there is nothing to read or too much. */
static size_t read_file(const char *path, char **ret_bytes)
{
	FILE *file = fopen(path, "re");
	char *bytes = file ? malloc(PLIST_MAX) : NULL;
	size_t size = bytes ? fread(bytes, 1, PLIST_MAX, file) : 0;

	if (file)
		fclose(file);
	if (!size || size == PLIST_MAX) {
		free(bytes);
		return 0;
	}
	*ret_bytes = bytes;
	return size;
}

static void load_plist(const char *path)
{
	char *bytes;
	size_t size = read_file(path, &bytes);

	if (!size)
		return;
	if (options_parse(bytes, size, &current) < 0)
		log_write(LOG_LEVEL_CRITICAL, NULL,
			  "%.200s is no property list: nothing of it is used",
			  path);
	free(bytes);
}

static bool cut_last_part(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		return false;
	*slash = '\0';
	return true;
}

/*
 * Contents/Linux/module beside Contents/Info.plist. As loaded, links not
 * followed: a directory of links to the parts of bundles is a bundle as well.
 */
static void load_bundle(void)
{
	char path[PATH_SIZE];
	Dl_info module;
	int size;

	if (!dladdr((const void *)&built_in, &module) ||
	    module.dli_fname[0] != '/')
		return;
	size = snprintf(path, sizeof(path) - sizeof("/Info.plist"), "%s",
			module.dli_fname);
	if (size < 0 || (size_t)size >= sizeof(path) - sizeof("/Info.plist") ||
	    !cut_last_part(path) || !cut_last_part(path))
		return;
	strcat(path, "/Info.plist");
	load_plist(path);
}

static const char *from_environment(const char *name)
{
#ifdef HAVE_SECURE_GETENV
	return secure_getenv(name);
#else
	(void)name;
	return NULL;
#endif
}

static void load_environment(void)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char name[TEXT_SIZE];
		const char *text;

		snprintf(name, sizeof(name), "CCIDTRACK_%s", known[i].key);
		text = from_environment(name);
		if (text)
			set(&current, i, text);
	}
}

void options_load(void)
{
	current = built_in;
	load_bundle();
	load_environment();
	log_set_level(current.log_level);
}

const struct options *options_get(void)
{
	return &current;
}
