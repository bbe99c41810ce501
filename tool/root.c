/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "root.h"

#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *prefix(void)
{
#ifdef HAVE_SECURE_GETENV
	const char *root = secure_getenv("CCIDTRACK_ROOT");
#else
	const char *root = NULL;
#endif

	return root ? root : "";
}

bool root_is_real(void)
{
	return *prefix() == '\0';
}

static bool __attribute__((format(printf, 2, 0)))
make_path(char path[ROOT_PATH], const char *format, va_list arguments)
{
	size_t used = strlen(prefix());
	int size;

	errno = ENAMETOOLONG;
	if (used >= ROOT_PATH)
		return false;
	memcpy(path, prefix(), used);
	size = vsnprintf(path + used, ROOT_PATH - used, format, arguments);
	return size >= 0 && (size_t)size < ROOT_PATH - used;
}

#define MAKE_PATH(made, path, format)				\
	do {							\
		va_list arguments;				\
								\
		va_start(arguments, format);			\
		made = make_path(path, format, arguments);	\
		va_end(arguments);				\
	} while (0)

bool root_path(char path[ROOT_PATH], const char *format, ...)
{
	bool made;

	MAKE_PATH(made, path, format);
	return made;
}

static ssize_t read_all(const char *path, char *bytes, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t used = 0;
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	while (used < room) {
		n = read(fd, bytes + used, room - used);
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	close(fd);
	return n < 0 && !used ? -1 : (ssize_t)used;
}

ssize_t root_read(void *bytes, size_t room, const char *format, ...)
{
	char path[ROOT_PATH];
	bool made;

	MAKE_PATH(made, path, format);
	return made ? read_all(path, bytes, room) : -1;
}

bool root_line(char *text, size_t room, const char *format, ...)
{
	char path[ROOT_PATH];
	ssize_t size = -1;
	bool made;

	MAKE_PATH(made, path, format);
	if (made)
		size = read_all(path, text, room - 1);
	text[size < 0 ? 0 : size] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return size >= 0;
}

bool root_link(char *text, size_t room, const char *format, ...)
{
	char path[ROOT_PATH], target[ROOT_PATH];
	const char *last;
	ssize_t size = -1;
	bool made;

	MAKE_PATH(made, path, format);
	if (made)
		size = readlink(path, target, sizeof(target) - 1);
	target[size < 0 ? 0 : size] = '\0';
	last = strrchr(target, '/');
	snprintf(text, room, "%s", last ? last + 1 : target);
	return size >= 0;
}

bool root_stat(struct stat *ret_stat, const char *format, ...)
{
	char path[ROOT_PATH];
	bool made;

	MAKE_PATH(made, path, format);
	return made && stat(path, ret_stat) == 0;
}

bool root_exists(const char *format, ...)
{
	char path[ROOT_PATH];
	bool made;

	MAKE_PATH(made, path, format);
	return made && access(path, F_OK) == 0;
}

DIR *root_directory(const char *format, ...)
{
	char path[ROOT_PATH];
	bool made;

	MAKE_PATH(made, path, format);
	return made ? opendir(path) : NULL;
}
