/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "locallist.h"

#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "root.h"

#define FILE_MAX	(128 * 1024)
#define MODULE		"libccidtrack-local.so"
#define BUNDLE_NAME	"ccidtrack-local"

/* Of our static bundle, what stands otherwise in this one; lists are ours. */
static const struct {
	const char *key, *value;
} own_values[] = {
	{ "CFBundleExecutable", MODULE },
	{ "CFBundleIdentifier", BUNDLE_NAME },
	{ "CFBundleName", BUNDLE_NAME },
};

static const char *const lists[] = {
	"ifdVendorID", "ifdProductID", "ifdFriendlyName",
};

/* --- reading and choosing */

static int compare(const void *a, const void *b)
{
	const struct locallist_row *first = a, *second = b;

	if (first->vendor != second->vendor)
		return first->vendor < second->vendor ? -1 : 1;
	if (first->product != second->product)
		return first->product < second->product ? -1 : 1;
	return 0;
}

static bool holds(const struct locallist *list, uint16_t vendor,
		  uint16_t product)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->rows[i].vendor == vendor &&
		    list->rows[i].product == product)
			return true;
	return false;
}

/* A name as pcscd can read it from its line, and never empty. */
static void take_name(const char *from, char *name)
{
	size_t used = 0;

	for (; *from && used < LOCALLIST_NAME - 1; from++)
		if (*from >= ' ' && *from < 0x7F && !strchr("<>#\"", *from))
			name[used++] = *from;
	while (used && name[used - 1] == ' ')
		used--;
	name[used] = '\0';
	if (!used || name[strspn(name, " ")] == '\0')
		strcpy(name, "USB reader");
}

static void insert(struct locallist *list, uint16_t vendor, uint16_t product,
		   const char *name)
{
	struct locallist_row *row = &list->rows[list->n];

	if (list->n == LOCALLIST_MAX || holds(list, vendor, product))
		return;
	*row = (struct locallist_row){ vendor, product, "" };
	take_name(name, row->name);
	list->n++;
	qsort(list->rows, list->n, sizeof(*row), compare);
}

void locallist_read(struct locallist *ret_list)
{
	const struct infoplist_entry *entries[3];
	char path[ROOT_PATH];
	struct infoplist plist;

	ret_list->n = 0;
	if (!root_path(path, "%s", LOCALPLIST) || !infoplist_read(path, &plist))
		return;
	for (size_t i = 0; i < 3; i++) {
		entries[i] = infoplist_find(&plist, lists[i]);
		if (!entries[i] || entries[i]->n != entries[0]->n)
			return;
	}
	for (size_t i = 0; i < entries[0]->n; i++)
		insert(ret_list,
		       (uint16_t)strtoul(entries[0]->values[i], NULL, 16),
		       (uint16_t)strtoul(entries[1]->values[i], NULL, 16),
		       entries[2]->values[i]);
}

static bool is_for_us(const struct bundles *bundles,
		      enum locallist_policy policy, uint16_t vendor,
		      uint16_t product)
{
	if (policy == LOCALLIST_NONE)
		return false;
	for (size_t i = 0; i < bundles->n; i++) {
		const struct bundle *bundle = &bundles->rows[i];

		if (strcmp(bundle->directory, BUNDLES_LOCAL) == 0 ||
		    bundle->fault != BUNDLE_GOOD)
			continue;
		if ((policy == LOCALLIST_UNKNOWN || bundle_is_ours(bundle)) &&
		    bundle_lists(bundle, vendor, product))
			return false;
	}
	return true;
}

void locallist_prune(struct locallist *list, const struct bundles *bundles,
		     enum locallist_policy policy)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++)
		if (is_for_us(bundles, policy, list->rows[i].vendor,
			      list->rows[i].product))
			list->rows[kept++] = list->rows[i];
	list->n = kept;
}

bool locallist_add(struct locallist *list, const struct bundles *bundles,
		   enum locallist_policy policy, const struct attached *reader)
{
	size_t before = list->n;

	if (is_for_us(bundles, policy, reader->vendor, reader->product))
		insert(list, reader->vendor, reader->product, reader->title);
	return list->n > before;
}

/* --- writing */

static void print_encoded(const char *text, FILE *file)
{
	for (; *text; text++)
		if (*text == '&')
			fputs("&amp;", file);
		else
			fputc(*text, file);
}

static void print_value(const char *key, const char *value, FILE *file)
{
	fprintf(file, "\t<key>%s</key>\n\t<string>", key);
	print_encoded(value, file);
	fputs("</string>\n", file);
}

static const char *own_value(const char *key)
{
	for (size_t i = 0; i < sizeof(own_values) / sizeof(own_values[0]); i++)
		if (strcmp(key, own_values[i].key) == 0)
			return own_values[i].value;
	return NULL;
}

static bool is_list(const char *key)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (strcmp(key, lists[i]) == 0)
			return true;
	return false;
}

/* Options set for the static bundle hold for its sister too. */
static void print_options(const struct bundle *ours, FILE *file)
{
	for (size_t i = 0; ours && i < ours->plist.n; i++) {
		const struct infoplist_entry *entry = &ours->plist.entries[i];

		if (entry->n == 1 && !own_value(entry->key) &&
		    !is_list(entry->key))
			print_value(entry->key, entry->values[0], file);
	}
}

static void print_list(const struct locallist *list, const char *key,
		       FILE *file)
{
	fprintf(file, "\t<key>%s</key>\n\t<array>\n", key);
	for (size_t i = 0; i < list->n; i++) {
		const struct locallist_row *row = &list->rows[i];

		fputs("\t\t<string>", file);
		if (key == lists[2])
			print_encoded(row->name, file);
		else
			fprintf(file, "0x%04X", key == lists[0] ?
							row->vendor :
							row->product);
		fputs("</string>\n", file);
	}
	fputs("\t</array>\n", file);
}

void locallist_print(const struct locallist *list,
		     const struct bundles *bundles, FILE *file)
{
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	      "<!-- Written by ccidtrack scan: do not edit. -->\n"
	      "<plist version=\"1.0\">\n<dict>\n", file);
	for (size_t i = 0; i < sizeof(own_values) / sizeof(own_values[0]); i++)
		print_value(own_values[i].key, own_values[i].value, file);
	print_options(bundles_named(bundles, BUNDLES_OURS), file);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		print_list(list, lists[i], file);
	fputs("</dict>\n</plist>\n", file);
}

static bool directory_of(char path[ROOT_PATH], const char *name)
{
	char *slash;

	if (!root_path(path, "%s", name))
		return false;
	slash = strrchr(path, '/');
	*slash = '\0';
	return true;
}

int locallist_lock(void)
{
	char path[ROOT_PATH];
	int fd;

	if (!directory_of(path, LOCALPLIST))
		return -ENAMETOOLONG;
	/* whatever the umask is: pcscd may be somebody else */
	if (mkdir(path, 0755) == 0 ? chmod(path, 0755) < 0 : errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX) < 0) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

static bool same_as_before(const char *path, const char *text, size_t size)
{
	static char before[FILE_MAX];
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		n = read(fd, before, sizeof(before));
		close(fd);
	}
	return n >= 0 && (size_t)n == size && memcmp(before, text, size) == 0;
}

static int replace(const char *path, const char *text, size_t size)
{
	char new[ROOT_PATH + 4];
	ssize_t n = -1;
	int fd;

	snprintf(new, sizeof(new), "%s.new", path);
	unlink(new);
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	/* as above */
	if (fchmod(fd, 0644) == 0)
		n = write(fd, text, size);
	if (close(fd) == 0 && n == (ssize_t)size && rename(new, path) == 0)
		return 1;
	n = errno ? -errno : -EIO;
	unlink(new);
	return (int)n;
}

int locallist_write(const struct locallist *list, const struct bundles *bundles)
{
	char path[ROOT_PATH], *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	int r = 0;

	if (!file || !root_path(path, "%s", LOCALPLIST))
		return -ENOMEM;
	locallist_print(list, bundles, file);
	if (fclose(file) != 0)
		return -ENOMEM;
	if (!same_as_before(path, text, size))
		r = replace(path, text, size);
	free(text);
	return r;
}
