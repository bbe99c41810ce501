/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "arguments.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exits.h"
#include "ink.h"

static int wrong(const char *command, const char *what, const char *word)
{
	fprintf(stderr, "ccidtrack %s: %s: %s\nTry ccidtrack %s --help.\n",
		command, what, word, command);
	return -1;
}

/* What stands behind NAME= or in the next word; NULL if that is not it. */
static const char *value_of(const char *name, char **argv, int *at)
{
	const char *word = argv[*at] + 2;
	size_t size = strlen(name);

	if (strncmp(word, name, size) != 0)
		return NULL;
	if (word[size] == '=')
		return word + size + 1;
	if (word[size] != '\0' || !argv[*at + 1])
		return NULL;
	return argv[++*at];
}

static bool wants_value(const struct argument *table, const char *word)
{
	for (; table->name; table++)
		if (table->word && strcmp(word + 2, table->name) == 0)
			return true;
	return strcmp(word, "--color") == 0;
}

static bool take(const struct argument *table, char **argv, int *at)
{
	for (; table->name; table++) {
		const char *value;

		if (table->flag && strcmp(argv[*at] + 2, table->name) == 0) {
			*table->flag = 1;
			return true;
		}
		value = table->word ? value_of(table->name, argv, at) : NULL;
		if (value) {
			*table->word = value;
			return true;
		}
	}
	return false;
}

int arguments_take(int argc, char **argv, const struct argument *table,
		   const char *help)
{
	const char *when = "auto";
	bool options = true;
	int left = 1;

	for (int i = 1; i < argc; i++) {
		const char *value;

		if (!options || strncmp(argv[i], "-", 1) != 0 ||
		    strcmp(argv[i], "-") == 0) {
			argv[left++] = argv[i];
		} else if (strcmp(argv[i], "--") == 0) {
			options = false;
		} else if (strcmp(argv[i], "--help") == 0 ||
			   strcmp(argv[i], "-h") == 0) {
			fputs(help, stdout);
			exit(EXIT_WELL);
		} else if (argv[i][1] != '-') {
			return wrong(argv[0], "unknown option", argv[i]);
		} else if ((value = value_of("color", argv, &i))) {
			when = value;
		} else if (!take(table, argv, &i)) {
			return wrong(argv[0], wants_value(table, argv[i]) ?
				     "a value is missing" : "unknown option",
				     argv[i]);
		}
	}
	if (!ink_choose(when))
		return wrong(argv[0], "neither auto, always nor never", when);
	argv[left] = NULL;
	return left;
}
