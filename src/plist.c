/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "plist.h"

#include <config.h>
#include <errno.h>
#include <expat.h>
#include <string.h>

#define DEPTH_TOP	3	/* plist, dict, and in it keys and values */
#define DEPTH_NAMES	4	/* of readers */
#define DEPTH_READER	5	/* keys and values of one */
#define LEVELS		(DEPTH_READER + 1)

struct text {
	char bytes[PLIST_TEXT_SIZE];
	size_t size;	/* what was read, also beyond the room */
};

struct walk {
	XML_Parser parser;
	plist_take *take;
	void *user;
	const char *error;
	unsigned depth;
	unsigned long line[LEVELS];	/* where the last element begins */
	struct text text;
	char key[LEVELS][PLIST_TEXT_SIZE];	/* the last one of each level */
	bool dict[LEVELS];	/* the element of that level is one */
};

/* Newer expats deprecate the older function. */
static unsigned long line_now(const struct walk *walk)
{
#ifdef HAVE_XML_GETCURRENTLINENUMBER64
	return (unsigned long)XML_GetCurrentLineNumber64(walk->parser);
#else
	return XML_GetCurrentLineNumber(walk->parser);
#endif
}

static const char readers[] = "readers";

static void give_up(struct walk *walk, const char *error)
{
	if (!walk->error)
		walk->error = error;
	XML_StopParser(walk->parser, XML_FALSE);
}

static bool is_inside_readers(const struct walk *walk)
{
	return walk->dict[DEPTH_TOP] &&
	       strcmp(walk->key[DEPTH_TOP], readers) == 0;
}

/* Elements of this depth are keys and values that somebody wants. */
static bool is_wanted(const struct walk *walk, unsigned depth)
{
	if (depth == DEPTH_TOP)
		return true;
	return is_inside_readers(walk) &&
	       (depth == DEPTH_NAMES ||
		(depth == DEPTH_READER && walk->dict[DEPTH_NAMES]));
}

static void XMLCALL element_begins(void *user, const XML_Char *name,
				   const XML_Char **attributes)
{
	struct walk *walk = user;

	(void)attributes;
	walk->depth++;
	if (walk->depth > PLIST_DEPTH_MAX) {
		give_up(walk, "nested too deeply");
		return;
	}
	if ((walk->depth == 1 && strcmp(name, "plist") != 0) ||
	    (walk->depth == 2 && strcmp(name, "dict") != 0)) {
		give_up(walk, "not a dictionary in a plist");
		return;
	}
	walk->text.size = 0;
	walk->text.bytes[0] = '\0';
	if (walk->depth >= LEVELS)
		return;
	walk->dict[walk->depth] = strcmp(name, "dict") == 0;
	walk->line[walk->depth] = line_now(walk);
	if (walk->depth + 1 < LEVELS)
		walk->key[walk->depth + 1][0] = '\0';
}

static const char *value_of(const struct walk *walk, const char *name)
{
	if (strcmp(name, "true") == 0)
		return "1";
	if (strcmp(name, "false") == 0)
		return "0";
	if (strcmp(name, "string") != 0 && strcmp(name, "integer") != 0)
		return NULL;
	return walk->text.size < PLIST_TEXT_SIZE ? walk->text.bytes : NULL;
}

static void hand_out(const struct walk *walk, const char *name, unsigned depth)
{
	const struct plist_entry entry = {
		.reader = depth == DEPTH_TOP ? NULL : walk->key[DEPTH_NAMES],
		.key = depth == DEPTH_NAMES ? readers : walk->key[depth],
		.value = value_of(walk, name),
		.line = walk->line[depth],
	};
	bool names = depth == DEPTH_TOP && is_inside_readers(walk);
	bool named = depth == DEPTH_NAMES && walk->dict[DEPTH_NAMES];

	if (!names && !named)
		walk->take(walk->user, &entry);
}

static void XMLCALL element_ends(void *user, const XML_Char *name)
{
	struct walk *walk = user;
	unsigned depth = walk->depth--;

	if (depth < DEPTH_TOP || depth >= LEVELS || !is_wanted(walk, depth))
		return;
	if (strcmp(name, "key") == 0) {
		memcpy(walk->key[depth], walk->text.bytes, PLIST_TEXT_SIZE);
		return;
	}
	if (!walk->key[depth][0]) {
		give_up(walk, "a value without a key");
		return;
	}
	hand_out(walk, name, depth);
	walk->key[depth][0] = '\0';
}

static void XMLCALL characters(void *user, const XML_Char *text, int size)
{
	struct walk *walk = user;
	struct text *to = &walk->text;

	for (int i = 0; i < size; i++, to->size++)
		if (to->size + 1 < PLIST_TEXT_SIZE) {
			to->bytes[to->size] = text[i];
			to->bytes[to->size + 1] = '\0';
		}
}

static void XMLCALL entity(void *user, const XML_Char *name, int is_parameter,
			   const XML_Char *value, int size,
			   const XML_Char *base, const XML_Char *system,
			   const XML_Char *public, const XML_Char *notation)
{
	(void)name;
	(void)is_parameter;
	(void)value;
	(void)size;
	(void)base;
	(void)system;
	(void)public;
	(void)notation;
	give_up(user, "entities are not allowed");
}

static int parse(struct walk *walk, const char *bytes, size_t size,
		 struct plist_error *ret_error)
{
	if (XML_Parse(walk->parser, bytes, (int)size, 1) == XML_STATUS_OK)
		return 0;
	ret_error->line = line_now(walk);
	ret_error->text = walk->error
				  ? walk->error
				  : XML_ErrorString(
					    XML_GetErrorCode(walk->parser));
	return -EINVAL;
}

int plist_walk(const char *bytes, size_t size, plist_take *take, void *user,
	       struct plist_error *ret_error)
{
	struct walk walk = { .take = take, .user = user };
	int r;

	if (size > PLIST_SIZE_MAX) {
		*ret_error = (struct plist_error){ 1, "too large" };
		return -EINVAL;
	}
	walk.parser = XML_ParserCreate(NULL);
	if (!walk.parser)
		return -ENOMEM;
	XML_SetUserData(walk.parser, &walk);
	XML_SetElementHandler(walk.parser, element_begins, element_ends);
	XML_SetCharacterDataHandler(walk.parser, characters);
	XML_SetEntityDeclHandler(walk.parser, entity);
	r = parse(&walk, bytes, size, ret_error);
	XML_ParserFree(walk.parser);
	return r;
}
