/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include <config.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "pin_text.h"
#include "plist.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

#define PATH_SIZE	1024
#define NAME_SIZE	64	/* of a variable */
#define SETTINGS_MAX	512	/* of single readers */
#define WARNINGS_MAX	16	/* about one file */

#define FIELD(name)	offsetof(struct options, name)

/* tests/build/options.sh reads this table as well. */
static const struct row {
	const char *key;
	size_t field;
	uint32_t min, max, built_in;
	bool common;	/* not by reader */
} known[] = {
	{ "ifdLogLevel", FIELD(log_level), 0, 0xFFFF, 3, true },
	{ "ifdDriverOptions", FIELD(driver_options), 0, 0xFFFF, 0, false },
	{ "ifdPollInterval", FIELD(poll_interval_ms), 50, 10000, 200, false },
	{ "ifdIdlePower", FIELD(idle_power), 0, 1, 1, false },
	{ "ifdTimeoutCap", FIELD(timeout_cap_s), 1, 600, 60, false },
	{ "ifdTimeoutFloor", FIELD(timeout_floor_s), 1, 600, 20, false },
	{ "ifdStartTime", FIELD(start_ms), 500, 60000, 1500, false },
	{ "ifdQuirks", FIELD(quirks), 0, 1, 1, false },
	{ "ifdExchangeLevel", FIELD(level), 0, 4, 0, false },
	{ "ifdRateCap", FIELD(rate_cap), 0, 100000000, 0, false },
	{ "ifdPPS", FIELD(pps), 0, 1, 1, false },
	{ "ifdMaxIFSD", FIELD(max_ifsd), 32, 254, 254, false },
	{ "ifdPinPad", FIELD(pin_pad), 0, 1, 1, false },
	{ "ifdMinPINSize", FIELD(pin_min), 0, 255, 0, false },
	{ "ifdMaxPINSize", FIELD(pin_max), 0, 255, 0, false },
};

/* Keys of Info.plist that are pcscd's: nobody is warned of them. */
static const char *const foreign[] = {
	"ifdCapabilities",	"ifdProtocolSupport",
	"ifdVersionNumber",	"ifdManufacturerString",
	"ifdProductString",	"ifdVendorID",
	"ifdProductID",		"ifdFriendlyName",
	"ifdInterfaceClass",
};
#define FOREIGN_PREFIX	"CFBundle"

struct setting {
	uint16_t vendor, product;
	uint32_t row, value;
};

static struct settings {
	struct options common;
	struct setting reader[SETTINGS_MAX];
	size_t readers;
	bool filled;
} current, staged;

static struct {
	bool set;
	uint32_t value;
} environment[ROWS(known)];

static void put(struct options *options, size_t row, uint32_t value)
{
	memcpy((char *)options + known[row].field, &value, sizeof(value));
}

/* ROWS(known) if the key is none of ours. */
static size_t find_row(const char *key)
{
	size_t row = 0;

	while (row < ROWS(known) && strcmp(known[row].key, key) != 0)
		row++;
	return row;
}

static bool is_foreign(const char *key)
{
	if (strncmp(key, FOREIGN_PREFIX, strlen(FOREIGN_PREFIX)) == 0)
		return true;
	for (size_t i = 0; i < ROWS(foreign); i++)
		if (strcmp(foreign[i], key) == 0)
			return true;
	return false;
}

/* Decimal, or with 0x in front; as other drivers take it, octal with 0. */
static bool parse_value(const char *text, size_t row, uint32_t *ret_value)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text || *end || n < known[row].min ||
	    n > known[row].max || strchr(text, '-'))
		return false;
	*ret_value = (uint32_t)n;
	return true;
}

static const char *parse_id(const char *text, uint16_t *ret_id)
{
	unsigned id = 0, digits = 0;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	for (; digits < 4; text++, digits++) {
		if (*text >= '0' && *text <= '9')
			id = id << 4 | (unsigned)(*text - '0');
		else if ((*text | 0x20) >= 'a' && (*text | 0x20) <= 'f')
			id = id << 4 | (unsigned)((*text | 0x20) - 'a' + 10);
		else
			break;
	}
	*ret_id = (uint16_t)id;
	return digits ? text : NULL;
}

/* VID:PID */
static bool parse_reader(const char *text, uint16_t *ret_vendor,
			 uint16_t *ret_product)
{
	const char *at = parse_id(text, ret_vendor);

	if (!at || *at != ':')
		return false;
	at = parse_id(at + 1, ret_product);
	return at && !*at;
}

/* --- one file */

struct file {
	const char *name;
	unsigned warnings;
};

static void __attribute__((format(printf, 3, 4)))
warn(struct file *file, unsigned long line, const char *format, ...)
{
	char text[160];
	va_list args;

	file->warnings++;
	if (file->warnings > WARNINGS_MAX)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_write(LOG_LEVEL_CRITICAL, NULL, "%.80s:%lu: %s%s", file->name, line,
		  text, file->warnings == WARNINGS_MAX ? "; and so on" : "");
}

static void take_for_reader(struct file *file, const struct plist_entry *entry,
			    size_t row, uint32_t value)
{
	struct setting setting = { .row = (uint32_t)row, .value = value };

	if (!parse_reader(entry->reader, &setting.vendor, &setting.product)) {
		warn(file, entry->line, "\"%s\" is not VID:PID of a reader",
		     entry->reader);
	} else if (known[row].common) {
		warn(file, entry->line, "%s holds for all readers or for none",
		     entry->key);
	} else if (staged.readers == SETTINGS_MAX) {
		warn(file, entry->line, "too many settings for single readers");
	} else {
		staged.reader[staged.readers++] = setting;
	}
}

static void take(void *user, const struct plist_entry *entry)
{
	struct file *file = user;
	size_t row = find_row(entry->key);
	uint32_t value;

	if (row == ROWS(known)) {
		if (!is_foreign(entry->key))
			warn(file, entry->line, strcmp(entry->key, "readers")
				     ? "unknown key \"%s\""
				     : "\"%s\" wants dictionaries", entry->key);
		return;
	}
	if (!entry->value || !parse_value(entry->value, row, &value)) {
		warn(file, entry->line, "%s: %s is not a number from %u to %u",
		     entry->key, entry->value ? entry->value : "this",
		     known[row].min, known[row].max);
		return;
	}
	if (entry->reader)
		take_for_reader(file, entry, row, value);
	else
		put(&staged.common, row, value);
}

int options_take(const char *name, const char *bytes, size_t size)
{
	struct file file = { .name = name };
	struct plist_error error;
	int r;

	if (!current.filled)
		options_forget();
	staged = current;
	r = plist_walk(bytes, size, take, &file, &error);
	if (r == -EINVAL)
		log_write(LOG_LEVEL_CRITICAL, NULL,
			  "%.100s:%lu: %.60s: nothing of this file is used",
			  name, error.line, error.text);
	if (r == 0)
		current = staged;
	return r;
}

/* --- where they are */

/*
 * What everybody may write is not the administrator's word. A pipe would hold
 * pcscd up.
 */
static bool is_trusted(int fd, const char *path)
{
	struct stat status;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
	    status.st_mode & S_IWOTH || status.st_size > PLIST_SIZE_MAX) {
		log_write(LOG_LEVEL_CRITICAL, NULL,
			  "%.150s: not used: not a file, too large, or anybody "
			  "may write to it", path);
		return false;
	}
	return true;
}

/* Returns the size, 0 if there is nothing. */
static size_t read_all(int fd, char *bytes, size_t room)
{
	size_t size = 0;
	ssize_t n = 1;

	while (n > 0 && size < room) {
		n = read(fd, bytes + size, room - size);
		if (n > 0)
			size += (size_t)n;
	}
	return n < 0 ? 0 : size;
}

static void take_open(int fd, const char *path)
{
	char *bytes = malloc(PLIST_SIZE_MAX + 1);

	if (bytes)
		options_take(path, bytes,
			     read_all(fd, bytes, PLIST_SIZE_MAX + 1));
	free(bytes);
}

static void take_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			log_write(LOG_LEVEL_CRITICAL, NULL, "%.150s: %s", path,
				  strerror(errno));
		return;
	}
	if (is_trusted(fd, path))
		take_open(fd, path);
	close(fd);
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
static void take_bundle(void)
{
	char bundle[PATH_SIZE - sizeof("/Info.plist")];
	char path[PATH_SIZE];
	Dl_info module;
	int size;

	if (!dladdr((const void *)known, &module) ||
	    module.dli_fname[0] != '/')
		return;
	size = snprintf(bundle, sizeof(bundle), "%s", module.dli_fname);
	if (size < 0 || (size_t)size >= sizeof(bundle) ||
	    !cut_last_part(bundle) || !cut_last_part(bundle))
		return;
	snprintf(path, sizeof(path), "%s/Info.plist", bundle);
	take_path(path);
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

static void take_options_file(void)
{
	const char *path = from_environment("CCIDTRACK_options");

	take_path(path && path[0] == '/' ? path : OPTIONS_FILE);
}

static void take_language(void)
{
	const char *text = from_environment("LANG");

	if (text && text[0] && text[1])
		current.common.language =
			PIN_TEXT_LANGUAGE((uint8_t)text[0], (uint8_t)text[1]);
}

static void take_environment(void)
{
	for (size_t i = 0; i < ROWS(known); i++) {
		char name[NAME_SIZE];
		const char *text;

		snprintf(name, sizeof(name), "CCIDTRACK_%s", known[i].key);
		text = from_environment(name);
		if (!text)
			continue;
		environment[i].set = parse_value(text, i,
						 &environment[i].value);
		if (!environment[i].set)
			log_write(LOG_LEVEL_CRITICAL, NULL,
				  "%s: \"%.*s\" is not a number from %u to %u",
				  name, NAME_SIZE, text, known[i].min,
				  known[i].max);
	}
}

void options_forget(void)
{
	memset(&current, 0, sizeof(current));
	memset(environment, 0, sizeof(environment));
	current.filled = true;
	for (size_t i = 0; i < ROWS(known); i++)
		put(&current.common, i, known[i].built_in);
}

void options_for(uint16_t vendor, uint16_t product, struct options *ret_options)
{
	if (!current.filled)
		options_forget();
	*ret_options = current.common;
	for (size_t i = 0; i < current.readers; i++)
		if (current.reader[i].vendor == vendor &&
		    current.reader[i].product == product)
			put(ret_options, current.reader[i].row,
			    current.reader[i].value);
	for (size_t i = 0; i < ROWS(known); i++)
		if (environment[i].set)
			put(ret_options, i, environment[i].value);
}

void options_load(void)
{
	struct options options;

	options_forget();
	take_bundle();
	take_options_file();
	take_environment();
	take_language();
	options_for(0, 0, &options);
	log_set_level(options.log_level);
}
